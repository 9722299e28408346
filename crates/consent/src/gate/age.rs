//! Children: whose consent counts, and what must not be sent to them.

use std::sync::Arc;

use wzapi_policy::file::UnknownAge;
use wzapi_policy::regimes::AgeRule;
use wzapi_storage::row::{AgeBand, AgeMark};

use super::reason::{Reason, ReasonCode};
use crate::standing::Standing;

/// What is asked about a person's age.
pub(super) struct AgeQuestion<'a> {
    /// What is on record.
    pub(super) known: Option<AgeMark>,
    /// What a person of unknown age is taken for.
    pub(super) unknown: UnknownAge,
    /// The rules of every regime that may protect the person.
    pub(super) rules: &'a [&'a AgeRule],
    /// Whether the message or its purpose is marketing.
    pub(super) is_marketing: bool,
    /// The consent on which the message would rest, if it rests on one that stands.
    pub(super) consent: Option<&'a Standing>,
}

/// What stands against the message for the person's age; one reason at most.
///
/// A person who is known to be a child is held to the rules of the regimes alone. One of unknown age, whom the policy does
/// not take for an adult, needs a guardian's consent even where no regime has a rule: nothing shows that they can
/// consent.
pub(super) fn against(question: &AgeQuestion<'_>) -> Option<Reason> {
    let is_known_child = match (question.known.map(|age| age.band), question.unknown) {
        (Some(AgeBand::Adult), _) | (None, UnknownAge::Adult) => return None,
        (Some(AgeBand::Child), _) => true,
        (None, UnknownAge::Refuse) => false,
    };
    let reason = |code, rule: Option<&AgeRule>| {
        let code = if is_known_child { code } else { ReasonCode::AgeUnknown };
        let citation = rule.map(|rule| Arc::from(rule.citation.as_str()));
        Reason { citation, ..Reason::because(code, question.known.map(|age| age.mark)) }
    };
    let forbidding = question.rules.iter().find(|rule| rule.marketing_to_children_forbidden);
    if let Some(rule) = forbidding.filter(|_| question.is_marketing) {
        return Some(reason(ReasonCode::Child, Some(rule)));
    }
    let consent = question.consent?;
    let without_guardians = question.rules.iter().find(|rule| !rule.guardian_consents);
    if let Some(rule) = without_guardians {
        return Some(reason(ReasonCode::Child, Some(rule)));
    }
    let is_guardians = consent.grant.is_some_and(|grant| grant.by_guardian);
    let is_asked_for = !is_known_child || !question.rules.is_empty();
    let rule = question.rules.first().copied();
    (is_asked_for && !is_guardians).then(|| reason(ReasonCode::GuardianRequired, rule))
}
