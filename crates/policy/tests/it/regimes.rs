//! Regime rules as data.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use wzapi_policy::regimes::{Certainty, Doubt, Limit, Regime, RegimeRules, RegimeRulesError};

fn laws(list: &[&str]) -> BTreeSet<String> {
    list.iter().map(|law| (*law).to_owned()).collect()
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

#[test]
fn clause_3_c_every_shipped_rule_has_citation_certainty_and_date_checked() {
    let rules = RegimeRules::shipped().unwrap();
    assert_eq!(rules.iter().count(), 50);
    for rule in rules.iter() {
        assert!(!rule.citation.is_empty() && !rule.topics.is_empty(), "{}", rule.id);
        assert_eq!(rule.checked, day("2026-11-22"), "{}", rule.id);
    }
}

#[test]
fn clause_3_c_the_day_of_receipt_decides_which_rule_applies() {
    let rules = RegimeRules::shipped().unwrap();
    let india = laws(&["in-dpdp", "in-spdi"]);
    let found = |text: &str| {
        let lookup = rules.lookup(Regime::India, &india, "request:complaint", day(text));
        (lookup.rules.iter().map(|rule| rule.id.clone()).collect::<Vec<_>>(), lookup.doubts)
    };
    assert_eq!(found("2026-12-01").0, ["in.spdi.grievance"]);
    assert_eq!(found("2027-05-14").0, ["in.dpdp.grievance"]);
    assert_eq!(found("2027-05-14").1, []);
    // Sources differ by a day: on that day both may apply, and a person is asked.
    let (both, doubts) = found("2027-05-13");
    assert_eq!(both, ["in.dpdp.grievance", "in.spdi.grievance"]);
    assert!(doubts.contains(&Doubt::DatesDiffer { rule: "in.dpdp.grievance".to_owned() }));
    assert!(doubts.contains(&Doubt::DatesDiffer { rule: "in.spdi.grievance".to_owned() }));
}

#[test]
fn a_rule_of_low_certainty_asks_a_person() {
    let rules = RegimeRules::shipped().unwrap();
    let lookup = rules.lookup(Regime::Eu, &laws(&["eu-gdpr"]), "request:access", day("2027-01-01"));
    assert!(lookup.must_ask_a_person());
    let lookup =
        rules.lookup(Regime::California, &laws(&["us-ca-ccpa"]), "request:access", day("2027-01-01"));
    assert!(!lookup.must_ask_a_person());
    assert_eq!(lookup.rules[0].id, "us-ca.dsr.respond");
}

#[test]
fn what_no_rule_covers_asks_a_person() {
    let rules = RegimeRules::shipped().unwrap();
    for (laws, topic) in [(laws(&[]), "request:access"), (laws(&["in-dpdp"]), "request:access")] {
        let lookup = rules.lookup(Regime::India, &laws, topic, day("2027-06-01"));
        assert_eq!(lookup.doubts, [Doubt::NoRule]);
    }
}

#[test]
fn a_rule_for_some_controllers_asks_whether_it_applies() {
    let rules = RegimeRules::shipped().unwrap();
    let lookup =
        rules.lookup(Regime::India, &laws(&["in-dpdp"]), "retention:inactive_account", day("2027-06-01"));
    assert!(matches!(lookup.doubts[0], Doubt::Conditional { .. }));
}

#[test]
fn the_embedding_service_can_override_a_rule() {
    let rules = RegimeRules::shipped().unwrap().clone();
    let mut confirmed = rules.rule("eu.gdpr.dsr.respond").unwrap().clone();
    confirmed.certainty = Certainty::StatuteRead;
    let rules = rules.with(confirmed);
    assert_eq!(rules.iter().count(), 50);
    let lookup = rules.lookup(Regime::Eu, &laws(&["eu-gdpr"]), "request:access", day("2027-01-01"));
    assert!(!lookup.must_ask_a_person());
}

#[test]
fn floors_are_grounds() {
    let rules = RegimeRules::shipped().unwrap();
    let floors = rules.iter().filter(|rule| matches!(rule.limit, Limit::KeepAtLeast(_)));
    for rule in floors {
        let ground = rule.as_ground().unwrap();
        assert!(ground.is_at_least_as_long_as(&ground), "{}", rule.id);
        assert_eq!(ground.citation.as_deref(), Some(rule.citation.as_str()));
    }
}

#[test]
fn rules_that_make_no_sense_are_refused() {
    let row = |rest: &str| {
        format!(
            "[[rule]]\nid = \"x\"\nregime = \"EU\"\nlaw = \"l\"\ntopics = [\"t\"]\ncitation = \"c\"\n\
             certainty = \"two_sources\"\nchecked = \"2026-11-22\"\n{rest}\n"
        )
    };
    assert!(RegimeRules::parse(&row("demands = \"at_most\"\nvalue = 1\nunit = \"day\"")).is_ok());
    for rest in [
        "demands = \"at_most\"",
        "demands = \"at_most\"\nvalue = 1",
        "demands = \"keep_at_least\"\nvalue = 1\nunit = \"year\"",
        "demands = \"keep_at_least\"\nvalue = 1\nunit = \"hour\"\ntrigger = \"collected\"\ncalendar = \"anniversary\"",
        "demands = \"keep_at_least\"\nvalue = 1\nunit = \"year\"\ntrigger = \"collected\"\ncalendar = \"return_due_date\"",
        "demands = \"standard\"",
        "demands = \"at_most\"\nvalue = 1\nunit = \"day\"\nfrom = \"soon\"",
    ] {
        assert!(matches!(RegimeRules::parse(&row(rest)), Err(RegimeRulesError::Rule { .. })), "{rest}");
    }
    let twice = row("demands = \"standard\"\nstandard = \"s\"").repeat(2);
    assert!(matches!(RegimeRules::parse(&twice), Err(RegimeRulesError::Rule { .. })));
    assert!(matches!(RegimeRules::parse("[[rule]]"), Err(RegimeRulesError::Form(_))));
    assert!(matches!(RegimeRules::parse(&" ".repeat(2 << 20)), Err(RegimeRulesError::TooLong)));
}
