//! From which age people consent alone.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use crate::file::PolicyFile;
use crate::regimes::{Limit, Regime, RegimeInForce, RegimeRule, RegimeRules};

/// The ages of consent that rules and policies may name.
pub const AGES_OF_CONSENT: RangeInclusive<u8> = 1..=21;

/// The topic of the rules about it.
const TOPIC: &str = "child:consent_age";

/// From which age people of a regime consent alone under a policy, and what holds for those who are younger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgeRule {
    /// The age in years.
    pub age: u8,
    /// Whether a parent or guardian consents for those who are younger; otherwise nobody does.
    pub guardian_consents: bool,
    /// Whether marketing directed at those who are younger is forbidden, whoever consents.
    pub marketing_to_children_forbidden: bool,
    /// The provision, or the key of the policy where no rule has an age.
    pub citation: String,
}

/// The age rule of each regime in force.
pub(crate) fn age_rules(file: &PolicyFile, rules: &RegimeRules) -> BTreeMap<Regime, AgeRule> {
    file.regimes
        .iter()
        .filter_map(|(regime, in_force)| {
            let found: Vec<&RegimeRule> = rules_of_age(file, rules, *regime, in_force).collect();
            age_rule(*regime, in_force, &found).map(|rule| (*regime, rule))
        })
        .collect()
}

/// The rules about the age in a regime, but for those that ended before the policy takes effect. One that begins later
/// counts already: the consent of a child that was taken before would not outlast that day.
pub(crate) fn rules_of_age<'r>(
    file: &PolicyFile,
    rules: &'r RegimeRules,
    regime: Regime,
    in_force: &RegimeInForce,
) -> impl Iterator<Item = &'r RegimeRule> {
    let has_ended = |rule: &RegimeRule| {
        let until = rule.in_force.until_at_latest.or(rule.in_force.until);
        until.is_some_and(|until| until < file.effective)
    };
    rules.iter().filter(move |rule| {
        rule.regime == regime && in_force.laws.contains(&rule.law) && rule.is_about(TOPIC) && !has_ended(rule)
    })
}

/// The lowest age that the rules let a policy name; 1 without rules.
pub(crate) fn lowest_age<'r>(found: impl IntoIterator<Item = &'r RegimeRule>) -> u8 {
    let lowest = found.into_iter().filter_map(|rule| match &rule.limit {
        Limit::ConsentAge(age) => Some(age.lowest),
        Limit::AtMost(_)
        | Limit::AtLeastBefore(_)
        | Limit::KeepAtLeast(_)
        | Limit::KeepAtMost(_)
        | Limit::Standard(_) => None,
    });
    lowest.max().unwrap_or(*AGES_OF_CONSENT.start())
}

/// The strictest of all rules. The age that the policy names replaces theirs, down to the lowest that they permit; where
/// no rule has an age, a guardian consents for those who are younger than the policy says.
fn age_rule(regime: Regime, in_force: &RegimeInForce, found: &[&RegimeRule]) -> Option<AgeRule> {
    let mut strictest: Option<AgeRule> = None;
    for rule in found {
        let Limit::ConsentAge(age) = &rule.limit else { continue };
        strictest = Some(match strictest {
            None => AgeRule {
                age: age.age,
                guardian_consents: age.guardian_consents,
                marketing_to_children_forbidden: age.marketing_to_children_forbidden,
                citation: rule.citation.clone(),
            },
            Some(known) => AgeRule {
                age: known.age.max(age.age),
                guardian_consents: known.guardian_consents && age.guardian_consents,
                marketing_to_children_forbidden: known.marketing_to_children_forbidden
                    || age.marketing_to_children_forbidden,
                citation: format!("{}; {}", known.citation, rule.citation),
            },
        });
    }
    match (in_force.consent_age, strictest) {
        (None, rule) => rule,
        (Some(own), Some(rule)) => Some(AgeRule { age: own.max(lowest_age(found.iter().copied())), ..rule }),
        (Some(own), None) => Some(AgeRule {
            age: own,
            guardian_consents: true,
            marketing_to_children_forbidden: false,
            citation: format!("regimes.{}.consent_age", regime.code()),
        }),
    }
}
