//! Ages of consent, the regime that protects a person, what a consent needs, and the identity of a notice.

use ring::digest;
use wzapi_model::basis::LegalBasis;
use wzapi_model::consent::ConsentMethod;
use wzapi_model::name::PurposeId;
use wzapi_policy::file::CountryCode;
use wzapi_policy::language::Language;
use wzapi_policy::notice::{Format, Layer, fingerprints, render};
use wzapi_policy::period::Period;
use wzapi_policy::policy::check_with;
use wzapi_policy::regimes::{AgeOfConsent, Limit, Regime, RegimeRules, RegimeRulesError};

use crate::support::{CUSTOMER, SMALL, WZAPI, edited, policy};

/// The small policy with other regimes, each with a basis.
fn with_regimes(regimes: &[(&str, &str, &str)]) -> String {
    let mut tables = String::new();
    let mut bases = Vec::new();
    for (regime, rest, basis) in regimes {
        tables.push_str(&format!("[regimes.{regime}]\n{rest}\n"));
        bases.push(format!("{regime} = \"{basis}\""));
    }
    let text = edited(SMALL, "[regimes.IN]\nlaws = [\"in-fiscal\"]\n", &tables);
    let transfers = "transfer = { EU = \"adequacy\", UK = \"adequacy\", BR = \"adequacy\" }\n";
    let text = edited(
        &text,
        "[recipients.hosting.agreement]",
        &format!("{transfers}[recipients.hosting.agreement]"),
    );
    edited(&text, "basis.IN = \"consent\"", &format!("basis = {{ {} }}", bases.join(", ")))
}

fn country(code: &str) -> CountryCode {
    code.parse().unwrap()
}

#[test]
fn each_regime_has_the_age_of_its_law() {
    let text = with_regimes(&[
        ("EU", "laws = [\"eu-gdpr\"]", "consent"),
        ("UK", "laws = [\"uk-gdpr\"]", "consent"),
        ("IN", "laws = [\"in-dpdp\"]", "consent"),
        ("BR", "laws = [\"br-lgpd\"]", "consent"),
        ("US", "laws = [\"us-tcpa\"]", "consent"),
    ]);
    let policy = policy(&text);
    let rule = |regime| {
        policy
            .consent_age(regime)
            .map(|rule| (rule.age, rule.guardian_consents, rule.marketing_to_children_forbidden))
    };
    assert_eq!(rule(Regime::Eu), Some((16, true, false)));
    assert_eq!(rule(Regime::Uk), Some((13, true, false)));
    assert_eq!(
        rule(Regime::India),
        Some((18, true, true)),
        "although it begins after the policy takes effect"
    );
    assert_eq!(rule(Regime::Brazil), Some((18, true, false)));
    assert_eq!(rule(Regime::UnitedStates), None, "its rules have no age");
    assert_eq!(rule(Regime::California), None, "not in force");
    assert_eq!(policy.consent_age(Regime::Eu).unwrap().citation, "GDPR Art 8");
}

#[test]
fn the_policy_names_another_age_down_to_the_lowest_of_the_law() {
    for (regime, law, own, expected) in [
        ("EU", "eu-gdpr", 14, 14),
        ("EU", "eu-gdpr", 12, 13),
        ("EU", "eu-gdpr", 21, 21),
        ("IN", "in-dpdp", 16, 18),
        ("BR", "br-lgpd", 12, 12),
        ("US", "us-tcpa", 13, 13),
    ] {
        let rest = format!("laws = [\"{law}\"]\nconsent_age = {own}");
        let policy = policy(&with_regimes(&[(regime, &rest, "consent")]));
        let regime = *policy.regimes.keys().next().unwrap();
        let rule = policy.consent_age(regime).unwrap();
        assert_eq!(rule.age, expected, "{} {own}", regime.code());
        assert!(rule.guardian_consents);
    }
    let text = with_regimes(&[("US", "laws = [\"us-tcpa\"]\nconsent_age = 13", "consent")]);
    let rule = policy(&text).consent_age(Regime::UnitedStates).unwrap();
    assert_eq!(rule.citation, "regimes.US.consent_age");
}

#[test]
fn rules_of_the_service_replace_those_that_are_shipped_and_the_strictest_decides() {
    let shipped = RegimeRules::shipped().unwrap();
    let mut stricter = shipped.rule("eu.gdpr.child").unwrap().clone();
    stricter.id = "eu.own".to_owned();
    stricter.citation = "counsel".to_owned();
    stricter.limit = Limit::ConsentAge(AgeOfConsent {
        age: 18,
        lowest: 18,
        guardian_consents: false,
        marketing_to_children_forbidden: true,
    });
    let mut ended = stricter.clone();
    ended.id = "eu.ended".to_owned();
    ended.in_force.until = "2026-11-30".parse().ok();
    let age =
        |rules: &RegimeRules| check_with(WZAPI, "x", rules).policy.unwrap().consent_age(Regime::Eu).unwrap();
    assert_eq!(age(&shipped.clone().with(ended)).age, 16, "it ended before the policy takes effect");
    let rule = age(&shipped.clone().with(stricter));
    assert_eq!((rule.age, rule.guardian_consents, rule.marketing_to_children_forbidden), (18, false, true));
    assert_eq!(rule.citation, "GDPR Art 8; counsel");
}

#[test]
fn an_age_that_makes_no_sense_is_no_rule() {
    let rule = |rest: &str| {
        let text = format!(
            "[[rule]]\nid = \"x\"\nregime = \"EU\"\nlaw = \"x\"\ntopics = [\"child:consent_age\"]\n\
             demands = \"consent_age\"\ncitation = \"x\"\ncertainty = \"one_source\"\nchecked = \"2026-11-22\"\n{rest}"
        );
        RegimeRules::parse(&text)
    };
    let limit = rule("value = 16").unwrap().rule("x").unwrap().limit.clone();
    let strict = AgeOfConsent {
        age: 16,
        lowest: 16,
        guardian_consents: false,
        marketing_to_children_forbidden: false,
    };
    assert_eq!(limit, Limit::ConsentAge(strict), "what a rule does not say permits nothing");
    for wrong in
        ["value = 0", "value = 22", "value = 300", "value = 16\nlowest = 17", "value = 16\nlowest = 0", ""]
    {
        assert!(matches!(rule(wrong), Err(RegimeRulesError::Rule { .. })), "{wrong}");
    }
}

#[test]
fn a_country_leads_to_the_declared_regime_that_protects_it() {
    let text = with_regimes(&[
        ("EU", "laws = [\"eu-gdpr\"]", "legitimate_interests"),
        ("UK", "laws = [\"uk-gdpr\"]", "contract"),
        ("US", "laws = [\"us-tcpa\"]", "legitimate_interests"),
        ("US-CA", "laws = [\"us-ca-ccpa\"]", "contract"),
        ("BR", "laws = [\"br-lgpd\"]", "consent"),
    ]);
    let text = edited(
        &text,
        "categories = [\"contact\"]\nmessages",
        "interest.en = \"x\"\ncategories = [\"contact\"]\nmessages",
    );
    let policy = policy(&text);
    let purpose: PurposeId = "updates".parse().unwrap();
    for (code, regime, basis) in [
        ("DE", Some(Regime::Eu), LegalBasis::LegitimateInterests),
        ("IS", Some(Regime::Eu), LegalBasis::LegitimateInterests),
        ("RE", Some(Regime::Eu), LegalBasis::LegitimateInterests),
        ("AX", Some(Regime::Eu), LegalBasis::LegitimateInterests),
        ("GB", Some(Regime::Uk), LegalBasis::Contract),
        ("US", Some(Regime::California), LegalBasis::Contract),
        ("PR", Some(Regime::UnitedStates), LegalBasis::LegitimateInterests),
        ("BR", Some(Regime::Brazil), LegalBasis::Consent),
        ("IN", None, LegalBasis::Consent),
        ("CH", None, LegalBasis::Consent),
        ("JE", None, LegalBasis::Consent),
        ("GL", None, LegalBasis::Consent),
    ] {
        assert_eq!(policy.regime_of_country(country(code)), regime, "{code}");
        assert_eq!(policy.basis_for(&purpose, Some(country(code))), Some(basis), "{code}");
    }
    assert_eq!(policy.regimes_of_country(country("US")).len(), 2);
    assert_eq!(policy.basis_for(&purpose, None), Some(LegalBasis::Consent));
    assert_eq!(policy.basis_for(&"profiling".parse().unwrap(), None), None);
}

#[test]
fn a_known_country_never_has_a_basis_that_its_regime_was_not_given() {
    for text in [WZAPI, CUSTOMER] {
        let policy = policy(text);
        let codes = (b'A'..=b'Z').flat_map(|first| (b'A'..=b'Z').map(move |second| [first, second]));
        for code in codes {
            let country = country(std::str::from_utf8(&code).unwrap());
            for (name, purpose) in &policy.purposes {
                let expected = match policy.regime_of_country(country) {
                    Some(regime) => purpose.basis.get(&regime).copied(),
                    None => purpose.strictest_basis(),
                };
                assert_eq!(policy.basis_for(name, Some(country)), expected, "{name} {country}");
            }
        }
    }
}

#[test]
fn the_codes_of_iso_3166_are_known_and_others_are_not() {
    let codes = (b'A'..=b'Z').flat_map(|first| (b'A'..=b'Z').map(move |second| [first, second]));
    let assigned = codes.filter(|code| country(std::str::from_utf8(code).unwrap()).is_assigned()).count();
    assert_eq!(assigned, 250, "249 of the standard and XK");
    for code in ["UK", "EU", "ZZ", "XX", "AA", "SU", "YU"] {
        assert!(!country(code).is_assigned(), "{code}");
    }
}

#[test]
fn clause_2_c_the_rules_of_consent_are_those_of_the_files() {
    let wzapi = policy(WZAPI);
    let marketing = &wzapi.purposes[&PurposeId::marketing()].consent;
    assert_eq!(marketing.expires_after, Some(Period::Months(24)));
    assert!(!marketing.must_confirm(ConsentMethod::WebForm) && !marketing.notice_required);
    assert!(wzapi.purposes[&PurposeId::service_updates()].consent.is_default());

    let customer = policy(CUSTOMER);
    let marketing = &customer.purposes[&PurposeId::marketing()].consent;
    assert!(marketing.must_confirm(ConsentMethod::WebForm) && marketing.notice_required);
    assert!(!marketing.must_confirm(ConsentMethod::InboundMessage));
    assert_eq!(marketing.confirmation.as_ref().unwrap().within, Period::Days(7));
}

#[test]
fn consent_rules_are_for_purposes_that_a_consent_may_be_asked_for() {
    let marketing = "basis.IN = \"contract\"\nconsent.expires_after = \"1 year\"";
    let text = edited(SMALL, "basis.IN = \"consent\"", marketing);
    assert!(wzapi_policy::parse(&text, "x").is_err());
    // The gate asks for consent to marketing whatever the basis.
    let text = edited(&text, "messages = [\"utility\"]", "messages = [\"utility\", \"marketing\"]");
    assert!(wzapi_policy::parse(&text, "x").is_ok());
}

#[test]
fn a_fingerprint_is_the_hash_of_the_markdown_of_both_layers() {
    for text in [WZAPI, CUSTOMER, SMALL] {
        let policy = policy(text);
        let found = fingerprints(&policy);
        assert_eq!(found.len(), policy.languages.len());
        for (language, fingerprint) in &found {
            let shown = render(&policy, *language, Format::Markdown, Layer::Both).unwrap();
            let hash = digest::digest(&digest::SHA256, shown.as_bytes());
            assert_eq!(&fingerprint[..], hash.as_ref());
        }
    }
}

#[test]
fn a_fingerprint_tells_what_people_saw() {
    let before = fingerprints(&policy(WZAPI));
    let same = fingerprints(&policy(&format!("# a comment\n{WZAPI}")));
    assert_eq!(before, same);
    let reworded = edited(WZAPI, "\"Messaging campaigns\"", "\"Campaigns\"");
    let after = fingerprints(&policy(&reworded));
    // The version at the foot of every language is another one.
    assert!(before.iter().all(|(language, hash)| after[language] != *hash));
    assert!(!before.contains_key(&Language::English) || before.len() == 4);
}
