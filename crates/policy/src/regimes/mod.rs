//! Legal regimes, and their rules as data: deadlines, floors of retention, ages.
//!
//! Each rule carries its citation, how certain it is, when it was checked and from when to when it is in force. None
//! of it is legal advice. A rule that is not certain never decides alone: every look-up says whether a person must
//! be asked, and why.

pub(crate) mod age;
mod lookup;
mod read;
mod regime;
mod rule;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use serde::Serialize;

pub use age::{AGES_OF_CONSENT, AgeRule};
pub use lookup::{Doubt, Lookup};
pub use read::RegimeRulesError;
pub use regime::Regime;
pub use rule::{
    AgeOfConsent, Anchor, Certainty, Extension, Floor, InForce, Length, LengthUnit, Limit, RegimeRule,
};

use crate::period::Month;

/// What a policy says about a regime.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RegimeInForce {
    /// The laws of the regime that bind the controller, by the names that the regime rules use, such as `in-dpdp`.
    pub laws: BTreeSet<String>,
    /// The month in which its financial years begin there; January where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub financial_year_starts: Option<Month>,
    /// From which age people of the regime consent alone, 1 to 21. Where nothing is said, the age of its rules applies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consent_age: Option<u8>,
}

/// A set of regime rules, by id.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RegimeRules {
    rules: BTreeMap<String, RegimeRule>,
}

/// The rules that come with this crate.
const SHIPPED: &str = include_str!("../../data/regimes.toml");

impl RegimeRules {
    /// The rules that come with this crate (`data/regimes.toml`).
    ///
    /// # Errors
    /// [`RegimeRulesError`] when they cannot be read, which a test of this crate excludes.
    pub fn shipped() -> Result<&'static Self, RegimeRulesError> {
        static RULES: OnceLock<Result<RegimeRules, RegimeRulesError>> = OnceLock::new();
        RULES.get_or_init(|| Self::parse(SHIPPED)).as_ref().map_err(Clone::clone)
    }

    /// Reads rules from a file of the same form as `data/regimes.toml`.
    ///
    /// # Errors
    /// [`RegimeRulesError`] when the text is too long, is no TOML, or holds a rule that makes no sense.
    pub fn parse(text: &str) -> Result<Self, RegimeRulesError> {
        let mut rules = BTreeMap::new();
        for rule in read::rules(text)? {
            let id = rule.id.clone();
            if rules.insert(id.clone(), rule).is_some() {
                return Err(RegimeRulesError::Rule { id, reason: "the id occurs twice" });
            }
        }
        Ok(Self { rules })
    }

    /// These rules with one added or, if its id exists, replaced: how the embedding service overrides a rule on the
    /// advice of its counsel.
    #[must_use]
    pub fn with(mut self, rule: RegimeRule) -> Self {
        self.rules.insert(rule.id.clone(), rule);
        self
    }

    /// The rule with this id.
    #[must_use]
    pub fn rule(&self, id: &str) -> Option<&RegimeRule> {
        self.rules.get(id)
    }

    /// Every rule, in the order of ids.
    pub fn iter(&self) -> impl Iterator<Item = &RegimeRule> {
        self.rules.values()
    }

    /// Whether any rule belongs to this law of this regime.
    #[must_use]
    pub fn knows_law(&self, regime: Regime, law: &str) -> bool {
        self.rules.values().any(|rule| rule.regime == regime && rule.law == law)
    }
}
