//! Which consents do not cover a newer version (policy clause 8.b).

use std::collections::BTreeSet;

use wzapi_policy::difference::{consents_to_renew, reworded_purposes};

use crate::support::{CUSTOMER, WZAPI, edited, policy};

/// The purposes of the policy of wzapi for which consent may be asked.
const ON_CONSENT: [&str; 3] = ["feature_releases", "marketing", "service_improvement"];

const MARKETING: &str = "categories = [\"contact\", \"end_user_messages\", \"consent_evidence\"]\nmessages = [\"marketing\", \"service\"]";

/// A piece of the policy of wzapi, what stands there later, and the consents that end.
const CASES: &[(&str, &str, &str, &[&str])] = &[
    ("nothing", "[controller]", "# a comment\n[controller]", &[]),
    ("another date", "effective = 2026-12-01", "effective = 2027-12-01", &[]),
    ("another title", "Privacy Policy of WZAPI", "Policy of WZAPI", &[]),
    ("another controller", "operator = \"TTMSG\"", "operator = \"Another\"", &ON_CONSENT),
    (
        "more data",
        MARKETING,
        "categories = [\"contact\", \"end_user_messages\", \"consent_evidence\", \"usage_patterns\"]\nmessages = [\"marketing\", \"service\"]",
        &["marketing"],
    ),
    (
        "less data",
        MARKETING,
        "categories = [\"contact\", \"consent_evidence\"]\nmessages = [\"marketing\", \"service\"]",
        &[],
    ),
    (
        "another category of message",
        MARKETING,
        "categories = [\"contact\", \"end_user_messages\", \"consent_evidence\"]\nmessages = [\"marketing\", \"service\", \"utility\"]",
        &["marketing"],
    ),
    ("other words", "\"Messaging campaigns\"", "\"Campaigns\"", &["marketing"]),
    (
        "another description in one language",
        "Campañas que los clientes envían",
        "Mensajes que los clientes envían",
        &["marketing"],
    ),
    ("a category by another name", "label.en = \"Name\"", "label.en = \"Names\"", &[]),
    (
        "consent lasts longer",
        "consent.expires_after = \"24 months\"",
        "consent.expires_after = \"3 years\"",
        &["marketing"],
    ),
    ("consent without an end", "consent.expires_after = \"24 months\"", "", &["marketing"]),
    (
        "consent ends sooner",
        "consent.expires_after = \"24 months\"",
        "consent.expires_after = \"1 year\"",
        &[],
    ),
    (
        "a confirmation is asked for",
        "consent.expires_after = \"24 months\"",
        "consent = { expires_after = \"24 months\", confirmation = { methods = [\"api\"], within = \"7 days\" } }",
        &[],
    ),
    (
        "consent instead of another basis",
        "basis = { EU = \"legitimate_interests\", IN = \"consent\" }",
        "basis = { EU = \"consent\", IN = \"consent\" }",
        &["service_improvement"],
    ),
    ("a country less refused", "[sending]\ncountries_refused.marketing = [\"US\"]", "", &[]),
    (
        "quiet hours",
        "[sending]",
        "[sending]\nquiet_hours = { from = \"20:00\", until = \"08:00\", categories = [\"marketing\"] }",
        &[],
    ),
    ("an age", "consent_age = 16", "consent_age = 15", &[]),
    (
        "webhook content for marketing",
        "[webhooks.profile]\ncategory = \"end_user_profile\"\npurposes = [",
        "[webhooks.profile]\ncategory = \"end_user_messages\"\npurposes = [\"marketing\", ",
        &["marketing"],
    ),
];

fn renewed(older: &str, newer: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let names = |set: BTreeSet<wzapi_model::name::PurposeId>| set.iter().map(ToString::to_string).collect();
    let (older, newer) = (policy(older), policy(newer));
    (names(consents_to_renew(&older, &newer)), names(reworded_purposes(&older, &newer)))
}

fn named(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn clause_8_b_a_consent_ends_with_what_it_was_given_to() {
    for (what, from, to, expected) in CASES {
        assert_eq!(renewed(WZAPI, &edited(WZAPI, from, to)).0, named(expected), "{what}");
    }
}

#[test]
fn clause_8_b_a_recipient_more_ends_the_consents_to_its_purposes() {
    let copy =
        WZAPI.split("[recipients.whatsapp]").nth(1).unwrap().split("[legal_disclosure]").next().unwrap();
    let copy = copy.replace("[recipients.whatsapp.agreement]", "[recipients.partner.agreement]");
    let newer = format!("{WZAPI}\n[recipients.partner]{copy}");
    assert_eq!(renewed(WZAPI, &newer).0, named(&["feature_releases", "marketing"]));
    assert_eq!(renewed(&newer, WZAPI).0, named(&[]), "a recipient less ends none");
}

#[test]
fn clause_8_b_a_recipient_that_takes_data_further_ends_the_consents_to_its_purposes() {
    let recipient = WZAPI.split("[recipients.whatsapp]").nth(1).unwrap();
    let countries = recipient.lines().find(|line| line.starts_with("countries = ")).unwrap();
    let further = recipient.replacen(countries, &countries.replacen('[', "[\"SG\", ", 1), 1);
    let newer = edited(WZAPI, recipient, &further);
    assert_eq!(renewed(WZAPI, &newer).0, named(&["feature_releases", "marketing"]));
}

#[test]
fn clause_8_b_longer_retention_is_announced_and_ends_no_consent() {
    let category = WZAPI.split("[categories.end_user_messages]").nth(1).unwrap();
    let period = category.lines().find(|line| line.starts_with("period = ")).unwrap();
    let longer = category.replacen(period, "period = \"9 years\"", 1);
    let newer = edited(WZAPI, category, &longer);
    let difference = wzapi_policy::difference::diff(&policy(WZAPI), &policy(&newer));
    assert!(difference.material);
    assert_eq!(renewed(WZAPI, &newer).0, named(&[]));
}

#[test]
fn clause_8_b_more_data_in_a_category_ends_the_consents_to_purposes_that_use_it() {
    let category = WZAPI.split("[categories.end_user_messages]").nth(1).unwrap();
    let sources = category.lines().find(|line| line.starts_with("sources = ")).unwrap();
    let more = category.replacen(sources, &sources.replacen('[', "[\"device\", ", 1), 1);
    let renewed = renewed(WZAPI, &edited(WZAPI, category, &more)).0;
    assert!(renewed.contains("marketing"), "{renewed:?}");
    assert!(!renewed.contains("service_improvement"), "it does not use the category");
}

#[test]
fn clause_8_b_a_purpose_that_is_new_has_no_consents_of_before() {
    let section =
        CUSTOMER.split("[purposes.marketing]").nth(1).unwrap().split("[purposes.marketing.consent]").next();
    let newer = format!("{CUSTOMER}\n[purposes.surveys]{}", section.unwrap());
    let (renew, reworded) = renewed(CUSTOMER, &newer);
    assert_eq!(renew, named(&["surveys"]));
    assert_eq!(reworded, named(&[]));
    assert_eq!(renewed(&newer, CUSTOMER).0, named(&[]), "a purpose that is gone asks for none");
}

#[test]
fn words_alone_are_for_a_person_to_judge() {
    let reworded = edited(WZAPI, "\"Messaging campaigns\"", "\"Campaigns\"");
    assert_eq!(renewed(WZAPI, &reworded).1, named(&["marketing"]));
    let and_more_data =
        edited(&reworded, MARKETING, &MARKETING.replace("[\"contact\"", "[\"contact\", \"name\""));
    assert_eq!(renewed(WZAPI, &and_more_data).1, named(&[]), "not words alone");
    assert_eq!(renewed(WZAPI, &and_more_data).0, named(&["marketing"]));
    // A language more is a text that nobody read before.
    let declared = edited(CUSTOMER, "languages = [\"en\", \"hi\"]", "languages = [\"en\"]");
    assert_eq!(renewed(&declared, CUSTOMER).0, named(&[]));
}

#[test]
fn a_version_renews_nothing_of_itself_and_everything_is_a_purpose_of_the_newer_one() {
    for text in [WZAPI, CUSTOMER] {
        assert_eq!(renewed(text, text), (named(&[]), named(&[])));
    }
    let (older, newer) = (policy(WZAPI), policy(CUSTOMER));
    let renew = consents_to_renew(&older, &newer);
    assert!(renew.iter().all(|name| newer.purposes[name].asks_for_consent()));
    assert_eq!(renew.len(), 1, "another controller: its only purpose on consent");
}
