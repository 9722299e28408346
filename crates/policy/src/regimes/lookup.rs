//! Finding the rules that apply to a case.

use std::collections::BTreeSet;

use chrono::NaiveDate;

use crate::regimes::rule::{Limit, RegimeRule};
use crate::regimes::{Regime, RegimeRules};

/// Why a rule does not decide alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Doubt {
    /// No rule was found: the law may still ask for something.
    NoRule,
    /// The rule is not certain enough.
    LowCertainty {
        /// The rule.
        rule: String,
    },
    /// Sources differ about whether the rule was in force on the day.
    DatesDiffer {
        /// The rule.
        rule: String,
    },
    /// The rule applies to some controllers only.
    Conditional {
        /// The rule.
        rule: String,
        /// To whom it applies.
        condition: String,
    },
    /// The rule has no number.
    NoNumber {
        /// The rule.
        rule: String,
    },
    /// The rule is not in force on the day.
    NotInForce {
        /// The rule.
        rule: String,
    },
    /// The rule allows no extension, or it was announced too late; it was not counted.
    ExtensionRefused {
        /// The rule.
        rule: String,
    },
    /// The rule does not pause for this; the pauses were not counted.
    PauseRefused {
        /// The rule.
        rule: String,
    },
    /// The business-day calendar has no business days.
    NoBusinessDays,
}

/// What a look-up found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Lookup<'a> {
    /// The rules that apply, or may apply, in the order of ids.
    pub rules: Vec<&'a RegimeRule>,
    /// Why they do not decide alone.
    pub doubts: Vec<Doubt>,
}

impl Lookup<'_> {
    /// Whether a person must be asked before anything rests on these rules.
    #[must_use]
    pub fn must_ask_a_person(&self) -> bool {
        !self.doubts.is_empty()
    }
}

impl RegimeRule {
    /// What speaks against letting this rule decide alone about a case received on `day`.
    #[must_use]
    pub fn doubts(&self, day: NaiveDate) -> Vec<Doubt> {
        let rule = || self.id.clone();
        let mut doubts = Vec::new();
        if !self.certainty.decides_alone() {
            doubts.push(Doubt::LowCertainty { rule: rule() });
        }
        if !self.in_force.contains(day) {
            doubts.push(Doubt::NotInForce { rule: rule() });
        } else if self.in_force.is_in_doubt(day) {
            doubts.push(Doubt::DatesDiffer { rule: rule() });
        }
        if let Some(condition) = &self.condition {
            doubts.push(Doubt::Conditional { rule: rule(), condition: condition.clone() });
        }
        if matches!(self.limit, Limit::Standard(_)) {
            doubts.push(Doubt::NoNumber { rule: rule() });
        }
        doubts
    }
}

impl RegimeRules {
    /// The rules of `laws` in `regime` about `topic` that are in force on the day of receipt.
    ///
    /// ```
    /// use chrono::NaiveDate;
    /// use wzapi_policy::regimes::{Regime, RegimeRules};
    ///
    /// let rules = RegimeRules::shipped()?;
    /// let laws = ["uk-gdpr".to_owned()].into();
    /// let day = NaiveDate::from_ymd_opt(2026, 2, 4).unwrap();
    /// let before = rules.lookup(Regime::Uk, &laws, "request:access", day);
    /// assert_eq!(before.rules[0].id, "uk.gdpr.dsr.respond.pre");
    /// assert!(before.must_ask_a_person(), "only one secondary source was read");
    /// let after = rules.lookup(Regime::Uk, &laws, "request:access", day.succ_opt().unwrap());
    /// assert_eq!(after.rules[0].id, "uk.gdpr.dsr.respond");
    /// assert!(!after.must_ask_a_person());
    /// # Ok::<(), wzapi_policy::regimes::RegimeRulesError>(())
    /// ```
    pub fn lookup(
        &self,
        regime: Regime,
        laws: &BTreeSet<String>,
        topic: &str,
        received: NaiveDate,
    ) -> Lookup<'_> {
        let rules: Vec<&RegimeRule> = self
            .iter()
            .filter(|rule| {
                rule.regime == regime
                    && laws.contains(&rule.law)
                    && rule.is_about(topic)
                    && rule.in_force.contains(received)
            })
            .collect();
        let doubts = if rules.is_empty() {
            vec![Doubt::NoRule]
        } else {
            rules.iter().flat_map(|rule| rule.doubts(received)).collect()
        };
        Lookup { rules, doubts }
    }
}
