//! Retention is not shorter than the law asks, and what asks for it is known well enough.

use crate::file::{Category, PolicyFile};
use crate::finding::Code;
use crate::regimes::{Limit, RegimeRule, RegimeRules};
use crate::retention::{Ground, GroundKind};
use crate::syntax::{Reader, short};

pub(super) fn check(reader: &mut Reader<'_>, file: &PolicyFile, rules: &RegimeRules) {
    for (name, category) in &file.categories {
        let path = format!("categories.{name}");
        for kind in &category.record_kinds {
            record_kind(reader, file, rules, (category, kind.as_str()), &path);
        }
        for (index, ground) in category.retention.iter().enumerate() {
            if let Some(id) = &ground.rule {
                named_rule(reader, file, rules, (ground, id.as_str()), &format!("{path}.retention[{index}]"));
            }
        }
    }
}

/// The floors for one kind of record in a category.
fn record_kind(
    reader: &mut Reader<'_>,
    file: &PolicyFile,
    rules: &RegimeRules,
    (category, kind): (&Category, &str),
    path: &str,
) {
    let topic = format!("retention:{kind}");
    let mut is_known = false;
    for rule in rules.iter().filter(|rule| rule.is_about(&topic)) {
        is_known = true;
        if binds(file, rule) {
            floor(reader, file, rule, category, path);
        }
    }
    if !is_known {
        reader.add(
            Code::UnknownRecordKind,
            &format!("{path}.record_kinds"),
            format!("no regime rule is about `{}`", short(kind)),
            "use a kind that the regime rules name, such as invoice, or remove it",
        );
    }
}

/// Whether the policy says that the law of the rule binds the controller.
fn binds(file: &PolicyFile, rule: &RegimeRule) -> bool {
    file.regimes.get(&rule.regime).is_some_and(|regime| regime.laws.contains(&rule.law))
}

fn floor(reader: &mut Reader<'_>, file: &PolicyFile, rule: &RegimeRule, category: &Category, path: &str) {
    let Some(needed) = rule.as_ground() else { return };
    let kept = category
        .retention
        .iter()
        .any(|ground| ground.kind == GroundKind::Legal && ground.is_at_least_as_long_as(&needed));
    if kept {
        return;
    }
    let demand = format!("{} ({}) asks to keep these records for {}", rule.id, rule.citation, needed.period);
    let remedy = format!(
        "add a legal ground with trigger {}, period \"{}\", the calendar of the rule and citation \"{}\"",
        crate::term::Term::as_str(needed.trigger),
        needed.period,
        rule.citation
    );
    let (code, reason) = if !rule.in_force.contains(file.effective) {
        match rule.in_force.from.filter(|from| *from > file.effective) {
            Some(from) => (Code::FloorBeginsLater, format!("from {from} on {demand}")),
            None => return,
        }
    } else if let Some(condition) = &rule.condition {
        (Code::DoubtfulFloor, format!("{demand}, if the controller is one of these: {condition}"))
    } else if !rule.certainty.decides_alone() || rule.in_force.is_in_doubt(file.effective) {
        (Code::DoubtfulFloor, format!("{demand}, but the rule is not certain: ask a person who knows"))
    } else {
        (Code::ShorterThanFloor, format!("{demand}, and no legal ground here does"))
    };
    reader.add(code, &format!("{path}.retention"), reason, remedy);
}

/// The rule that a ground says it follows.
fn named_rule(
    reader: &mut Reader<'_>,
    file: &PolicyFile,
    rules: &RegimeRules,
    (ground, id): (&Ground, &str),
    path: &str,
) {
    let known = rules.rule(id).filter(|rule| matches!(rule.limit, Limit::KeepAtLeast(_)));
    let Some(rule) = known.filter(|rule| binds(file, rule)) else {
        let why =
            if known.is_some() { "belongs to a law that the policy does not name" } else { "is no floor" };
        reader.add(
            Code::UnknownRule,
            &format!("{path}.rule"),
            format!("`{}` {why}", short(id)),
            "name the law under `regimes`, correct the id, or leave `rule` out",
        );
        return;
    };
    if rule.as_ground().is_some_and(|needed| !ground.is_at_least_as_long_as(&needed)) {
        reader.add(
            Code::ShorterThanFloor,
            &format!("{path}.period"),
            format!("this is shorter than {} ({}), which it says it follows", rule.id, rule.citation),
            "take trigger, period and calendar of the rule, or longer ones",
        );
    }
    if !rule.certainty.decides_alone() {
        reader.add(
            Code::DoubtfulFloor,
            &format!("{path}.rule"),
            format!("{} ({}) decides here and is not certain", rule.id, rule.citation),
            "have it confirmed, and state the ground by its citation alone",
        );
    }
}
