//! The rights that the law gives are named, can be asked for, and are answered in time.

use crate::file::{PolicyFile, Right, RightKind};
use crate::finding::Code;
use crate::period::Period;
use crate::regimes::{Limit, Regime, RegimeRule, RegimeRules};
use crate::syntax::Reader;
use crate::term::Term;

pub(super) fn check(reader: &mut Reader<'_>, file: &PolicyFile, rules: &RegimeRules) {
    for regime in file.regimes.keys() {
        for kind in regime.rights().iter().filter(|kind| !file.rights.contains_key(kind)) {
            reader.add(
                Code::MissingRight,
                "rights",
                format!("{} gives the right `{}`, and it is not named", regime.code(), kind.as_str()),
                format!("add `[rights.{}]`", kind.as_str()),
            );
        }
    }
    for (kind, right) in &file.rights {
        let path = format!("rights.{}", kind.as_str());
        if right.ask.is_empty() {
            reader.add(
                Code::CannotAsk,
                &format!("{path}.ask"),
                "it is not said how the right is asked for",
                "add `ask`, such as [\"email\"]",
            );
        }
        for (regime, in_force) in &file.regimes {
            let topic = format!("request:{}", kind.as_str());
            let found = rules.lookup(*regime, &in_force.laws, &topic, file.effective);
            for rule in found.rules {
                deadline(reader, (*kind, right), *regime, rule, &path);
            }
        }
    }
}

fn deadline(
    reader: &mut Reader<'_>,
    (kind, right): (RightKind, &Right),
    regime: Regime,
    rule: &RegimeRule,
    path: &str,
) {
    let Limit::AtMost(length) = rule.limit else { return };
    let path = format!("{path}.answer_within.{}", regime.code());
    let is_certain = rule.certainty.decides_alone();
    match right.answer_within.get(&regime) {
        Some(promise) if is_in_time(*promise, length.as_period()) => {}
        Some(promise) => {
            let code = if is_certain { Code::AnswerTooLate } else { Code::DoubtfulDeadline };
            reader.add(
                code,
                &path,
                format!("{promise} can be later than {} ({}) permits", rule.id, rule.citation),
                "promise the time of the rule, in its unit, or less",
            );
        }
        None if is_certain => {}
        None => reader.add(
            Code::DoubtfulDeadline,
            &path,
            format!(
                "the time for `{}` is left to {} ({}), which is not certain",
                kind.as_str(),
                rule.id,
                rule.citation
            ),
            format!("promise a time of your own in `answer_within.{}`", regime.code()),
        ),
    }
}

/// Whether a promise is never later than the limit. One in business days or hours cannot be compared with it.
fn is_in_time(promise: Period, limit: Option<Period>) -> bool {
    limit.is_some_and(|limit| promise.compare(limit).is_some_and(std::cmp::Ordering::is_le))
}
