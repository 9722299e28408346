//! What the gate observes beyond consent: notices, ages, countries, hours, frequency, delivery, portfolios.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use wzapi_consent::gate::decision::{HELD_BACK, UNREACHABLE};
use wzapi_consent::gate::renewal::Renewal;
use wzapi_consent::gate::rows::FREE_ENTRY;
use wzapi_consent::gate::{
    Decision, GateRows, GateRules, Message, PurposeRule, ReasonCode, Recipient, decide as decide_about,
};
use wzapi_model::Timestamp;
use wzapi_model::basis::LegalBasis;
use wzapi_model::consent::{ConsentAct, ConsentScope};
use wzapi_model::message::MessageCategory;
use wzapi_model::name::PurposeId;
use wzapi_policy::file::{FrequencyLimit, QuietHours, SendingRules, UnknownAge};
use wzapi_policy::regimes::{AgeRule, Regime};
use wzapi_storage::key::BlindIndex;
use wzapi_storage::row::{
    AgeBand, AgeMark, GrantMark, IdentifierRow, NoticeMark, Reach, ScopeMarks, SentMark, Window,
};

use super::table::code;
use super::{
    at, before, by_a_sender_of_ours, decide, denied, granted, list, mark, message, now, number, row,
    somebody, table_of,
};
use crate::support::{OTHER_SENDER, SENDER, codes};

const MARKETING: MessageCategory = MessageCategory::Marketing;

fn marketing_given() -> ScopeMarks {
    granted(ConsentScope::whatsapp(PurposeId::marketing()), -9)
}

fn with_row(row: IdentifierRow) -> GateRows {
    GateRows { same: vec![row], ..by_a_sender_of_ours() }
}

fn set(codes: &[ReasonCode]) -> BTreeSet<ReasonCode> {
    codes.iter().copied().collect()
}

fn told(decision: &Decision) -> BTreeSet<ReasonCode> {
    codes(decision).into_iter().collect()
}

fn expected(cell: &str) -> BTreeSet<ReasonCode> {
    list(cell).iter().filter(|name| *name != "none").map(|name| code(name)).collect()
}

fn age_rule(guardian_consents: bool, marketing_to_children_forbidden: bool) -> AgeRule {
    let citation = "DPDP Act s. 9".to_owned();
    AgeRule { age: 18, guardian_consents, marketing_to_children_forbidden, citation }
}

#[test]
fn children_are_protected_as_the_table_says() {
    let rows = table_of("| message | age |");
    let mut used = BTreeSet::new();
    let mut tried = 0;
    let consent_based = "surveys".parse::<PurposeId>().unwrap();
    for cells in combinations(&[
        &["marketing", "other"],
        &["adult", "child", "unknown"],
        &["adult", "refuse"],
        &["none", "guardian", "nobody", "forbids"],
        &["person", "guardian"],
    ]) {
        let fits = |row: &Vec<String>| {
            row.iter()
                .zip(&cells)
                .all(|(cell, value)| list(cell).iter().any(|one| one == "any" || one == value))
        };
        let position = rows.iter().position(fits).unwrap_or_else(|| panic!("not covered: {cells:?}"));
        used.insert(position);
        let (category, purpose) = match cells[0] {
            "marketing" => (MARKETING, PurposeId::marketing()),
            _ => (MessageCategory::Utility, consent_based.clone()),
        };
        let rule = match cells[3] {
            "none" => None,
            "guardian" => Some(age_rule(true, false)),
            "nobody" => Some(age_rule(false, false)),
            _ => Some(age_rule(true, true)),
        };
        let unknown_age = if cells[2] == "adult" { UnknownAge::Adult } else { UnknownAge::Refuse };
        let rules = GateRules::new([(purpose.clone(), PurposeRule::new(LegalBasis::Consent, [category]))])
            .with_sending(SendingRules { unknown_age, ..SendingRules::default() })
            .with_regime(Regime::India, rule);
        let band = match cells[1] {
            "adult" => Some(AgeBand::Adult),
            "child" => Some(AgeBand::Child),
            _ => None,
        };
        let grant = GrantMark { by_guardian: cells[4] == "guardian", ..GrantMark::plain(mark(-9)) };
        let scope = ConsentScope::whatsapp(purpose.clone());
        let marks = vec![ScopeMarks { granted: Some(grant), ..ScopeMarks::unmarked(scope) }];
        let age = band.map(|band| AgeMark { mark: mark(-20), band });
        let rows_on_record = with_row(IdentifierRow { age, ..row(marks, vec![]) });
        let message = Message { sender: SENDER, category, purpose: purpose.clone() };
        let expected = expected(&rows[position][5]);
        for is_changed in [false, true] {
            let rules = if is_changed { changed(&rules, &purpose) } else { rules.clone() };
            let decision = decide(&rules, &message, &rows_on_record, now());
            let mut expected = expected.clone();
            if is_changed {
                expected.insert(ReasonCode::NoticeChanged);
            }
            assert_eq!(decision.is_allowed, expected.is_empty(), "{cells:?} {decision:?}");
            if !expected.is_empty() {
                assert_eq!(told(&decision), expected, "{cells:?}");
            }
            tried += 1;
        }
    }
    assert_eq!(used.len(), rows.len(), "a row that decides nothing is a mistake in the table");
    assert_eq!(tried, 192);
}

fn changed(rules: &GateRules, purpose: &PurposeId) -> GateRules {
    let renewal = Renewal { effective: now(), superseded: BTreeSet::new(), current: BTreeSet::new() };
    rules.clone().with_renewal(purpose.clone(), renewal)
}

/// Every way to take one of each.
fn combinations(choices: &[&[&'static str]]) -> Vec<Vec<&'static str>> {
    choices.iter().fold(vec![vec![]], |all, choices| {
        let longer = |one: &Vec<&'static str>| {
            choices.iter().map(|choice| [one.clone(), vec![*choice]].concat()).collect::<Vec<_>>()
        };
        all.iter().flat_map(longer).collect()
    })
}

/// A message of each category that is permitted, and the conditions of the table one after the other.
#[test]
fn conditions_on_sending_are_told_as_the_table_says_alone_and_together() {
    let rows = table_of("| condition | marketing |");
    assert_eq!(rows.len(), 6);
    let mut refused = 0;
    for (column, category) in MessageCategory::ALL.into_iter().enumerate() {
        for conditions in 0_u32..1 << rows.len() {
            let holds = |condition: usize| conditions & (1 << condition) != 0;
            let decision = under_conditions(category, holds);
            let mut expected_codes = BTreeSet::new();
            for (condition, cells) in rows.iter().enumerate().filter(|(condition, _)| holds(*condition)) {
                let is_of_the_row = (2..=4).contains(&condition);
                if !(is_of_the_row && holds(5)) {
                    expected_codes.extend(expected(&cells[column + 1]));
                }
            }
            assert_eq!(
                decision.is_allowed,
                expected_codes.is_empty(),
                "{category:?} {conditions:b} {decision:?}"
            );
            if !expected_codes.is_empty() {
                refused += 1;
                assert_eq!(told(&decision), expected_codes, "{category:?} {conditions:b}");
            }
        }
    }
    assert_eq!(
        refused,
        4 * 63 - 3 * 3,
        "of 4 times 64, but for those in which nothing or only delivery is amiss"
    );
}

fn under_conditions(category: MessageCategory, holds: impl Fn(usize) -> bool) -> Decision {
    let time = |text: &str| text.parse().unwrap();
    // It is 17:30 in India.
    let quiet = QuietHours {
        from: if holds(1) { time("17:00:00") } else { time("18:00:00") },
        until: time("23:00:00"),
        categories: MessageCategory::ALL.into(),
    };
    let refused = if holds(0) { "IN" } else { "DE" };
    let limit = FrequencyLimit {
        category,
        at_most: if holds(2) { 1 } else { 2 },
        within: "2 hours".parse().unwrap(),
    };
    let sending = SendingRules {
        quiet_hours: Some(quiet),
        frequency: vec![limit],
        countries_refused: BTreeMap::from([(category, BTreeSet::from([refused.parse().unwrap()]))]),
        ..SendingRules::default()
    };
    let reach = Reach {
        held_back_at: Some(if holds(3) { at(-60) } else { before(HELD_BACK) }),
        undeliverable_at: Some(at(-60 * 24)),
        reached_at: Some(if holds(4) { at(-60 * 25) } else { at(-60 * 23) }),
    };
    let purpose = GateRules::default_purpose(category);
    let on_record = IdentifierRow {
        sent: vec![SentMark { at: at(-30), category }],
        reach,
        portfolio: Some(BlindIndex([1; 16])),
        ..row(vec![granted(ConsentScope::whatsapp(purpose), -9)], vec![Window::plain(SENDER, at(-1))])
    };
    let sender_portfolio = Some(BlindIndex([if holds(5) { 2 } else { 1 }; 16]));
    let rows = GateRows { sender_portfolio, ..with_row(on_record) };
    // Replies serve a purpose that does not rest on consent, as in wzapi's own policy.
    decide(&GateRules::wzapi().with_sending(sending), &message(category), &rows, now())
}

#[test]
fn a_changed_notice_ends_consents_to_what_was_said_before() {
    let notice = |byte| NoticeMark([byte; 16]);
    let renewal = Renewal { effective: at(-60), superseded: [notice(1)].into(), current: [notice(2)].into() };
    let rules = GateRules::wzapi().with_renewal(PurposeId::marketing(), renewal);
    for (shown, minutes, is_allowed) in [
        (None, -61, false),
        (None, -60, true),
        (Some(notice(1)), -61, false),
        (Some(notice(1)), -1, false),
        (Some(notice(2)), -61, true),
        (Some(notice(2)), -1, true),
        (Some(notice(9)), -61, false),
        (Some(notice(9)), -60, true),
    ] {
        let grant = GrantMark { notice: shown, ..GrantMark::plain(mark(minutes)) };
        let scope = ConsentScope::whatsapp(PurposeId::marketing());
        for mark in [
            ScopeMarks { granted: Some(grant), ..ScopeMarks::unmarked(scope.clone()) },
            ScopeMarks { imported: Some(grant), ..ScopeMarks::unmarked(scope) },
        ] {
            let rows = with_row(row(vec![mark], vec![]));
            let decision = decide(&rules, &message(MARKETING), &rows, now());
            let code = if is_allowed { ReasonCode::ConsentGiven } else { ReasonCode::NoticeChanged };
            assert_eq!(codes(&decision), [code], "{shown:?} {minutes}");
            assert_eq!(decision.reasons[0].since, Some(at(minutes)));
            assert!(decision.reasons[0].evidence.is_some());
            // The opt-in stands: the person agreed to be messaged.
            assert!(decide(&rules, &message(MessageCategory::Utility), &rows, now()).is_allowed);
        }
    }
    let again = rules.without_renewal(&PurposeId::marketing());
    assert!(
        decide(&again, &message(MARKETING), &with_row(row(vec![marketing_given()], vec![])), now())
            .is_allowed
    );
}

#[test]
fn policies_that_followed_one_another_say_which_consents_ended() {
    let text = include_str!("../../../../../policies/wzapi.toml");
    let parse = |text: &str| wzapi_policy::parse(text, "wzapi.toml").unwrap();
    let line = text.lines().find(|line| line.starts_with("effective")).unwrap();
    let first = parse(text);
    let later = |text: &str, day: &str| parse(&text.replacen(line, &format!("effective = {day}"), 1));
    let widened =
        text.replace("messages = [\"marketing\", \"service\"]", "messages = [\"marketing\", \"utility\"]");
    assert_ne!(widened, text);
    let (second, third) = (later(&widened, "2027-01-01"), later(&widened, "2027-06-01"));

    let rules = GateRules::of_latest(&third, &[&first, &second]);
    let renewal = rules.renewal(&PurposeId::marketing()).unwrap();
    assert_eq!(renewal.effective, second.utc_offset.end_of("2026-12-31".parse().unwrap()));
    let shown = |policy| {
        let hashes = wzapi_policy::notice::fingerprints(policy);
        hashes.into_values().map(|hash| NoticeMark(*hash.first_chunk().unwrap())).collect::<BTreeSet<_>>()
    };
    assert_eq!(renewal.superseded, shown(&first));
    assert_eq!(renewal.current, shown(&second).union(&shown(&third)).copied().collect());
    assert_eq!(rules.renewal(&PurposeId::security_notifications()), None);
    assert_eq!(GateRules::of_latest(&first, &[&first]).renewal(&PurposeId::marketing()), None);
    assert_eq!(GateRules::of_latest(&third, &[]), GateRules::of(&third));
}

#[test]
fn each_regime_has_its_own_basis_and_the_strictest_possible_one_decides() {
    let policy = include_str!("../../../../../policies/wzapi.toml");
    let policy = wzapi_policy::parse(policy, "wzapi.toml").unwrap();
    let rules = GateRules::of(&policy);
    let rule = rules.purpose(&"service_improvement".parse().unwrap()).unwrap();
    assert_eq!(rule.basis, LegalBasis::Consent);

    let by_regime =
        BTreeMap::from([(Regime::Eu, LegalBasis::LegitimateInterests), (Regime::India, LegalBasis::Consent)]);
    let purpose: PurposeId = "surveys".parse().unwrap();
    let rule = PurposeRule { by_regime, ..PurposeRule::new(LegalBasis::Consent, [MessageCategory::Utility]) };
    let other = PurposeRule::new(LegalBasis::Consent, [MARKETING]);
    let rules = GateRules::new([(purpose.clone(), rule), (PurposeId::marketing(), other)])
        .with_regime(Regime::Eu, None)
        .with_regime(Regime::India, None);
    let message = Message { purpose, ..message(MessageCategory::Utility) };
    let rows = with_row(row(vec![marketing_given()], vec![]));
    let parse = |text: &str| number(&text.replace(['+', ' '], ""));
    for (recipient, code) in [
        (parse("+49 1512 3456789"), ReasonCode::OptedIn),
        (parse("DE.1"), ReasonCode::OptedIn),
        (parse("+39 312 345 6789"), ReasonCode::NoConsent),
        (parse("+39 312 345 6789").in_country("IT".parse().unwrap()), ReasonCode::OptedIn),
        (parse("+91 98765 43210"), ReasonCode::NoConsent),
        (parse("+49 1512 3456789").in_country("IN".parse().unwrap()), ReasonCode::NoConsent),
        (parse("+1 212 555 2368"), ReasonCode::NoConsent),
        (parse("ZZ.1"), ReasonCode::NoConsent),
    ] {
        let decision = decide_about(&rules, &message, &recipient, &rows, now());
        assert_eq!(codes(&decision), [code], "{recipient:?} {:?}", recipient.identifier().expose_canonical());
    }
}

#[test]
fn the_gate_finds_the_basis_that_the_policy_names_for_every_country() {
    for text in [
        include_str!("../../../../../policies/wzapi.toml"),
        include_str!("../../../../../policies/campaign-customer.toml"),
    ] {
        let policy = wzapi_policy::parse(text, "policy.toml").unwrap();
        let rules = GateRules::of(&policy);
        let zones = include_str!("../../../data/zones.tsv").lines().filter(|line| !line.starts_with('#'));
        for country in zones.map(|line| line[..2].parse().unwrap()) {
            let recipient = Recipient::parse("ZZ.1").unwrap().in_country(country);
            for (purpose, declared) in policy.purposes.iter().filter(|(_, one)| !one.messages.is_empty()) {
                let category = *declared.messages.iter().next_back().unwrap();
                let message = Message { sender: SENDER, category, purpose: purpose.clone() };
                let nobody_agreed = with_row(row(vec![], vec![Window::plain(SENDER, at(-1))]));
                let decision = decide_about(&rules, &message, &recipient, &nobody_agreed, now());
                let needs_consent = declared.messages.contains(&MARKETING)
                    || policy.basis_for(purpose, Some(country)) == Some(LegalBasis::Consent);
                let is_told = codes(&decision).contains(&ReasonCode::NoConsent);
                assert_eq!(is_told, needs_consent, "{purpose} {country}");
            }
        }
    }
}

#[test]
fn the_provision_behind_an_age_is_cited() {
    let rules = GateRules::wzapi().with_regime(Regime::India, Some(age_rule(true, true)));
    let age = Some(AgeMark { mark: mark(-20), band: AgeBand::Child });
    let rows = with_row(IdentifierRow { age, ..row(vec![marketing_given()], vec![]) });
    let decision = decide(&rules, &message(MARKETING), &rows, now());
    assert_eq!(codes(&decision), [ReasonCode::Child]);
    let reason = &decision.reasons[0];
    assert_eq!((reason.rule(), reason.since), ("DPDP Act s. 9", Some(at(-20))));
    assert_eq!(reason.evidence, Some(mark(-20).entry));
    // The regime of another country asks for nothing here.
    let elsewhere = number("4915123456789");
    let rules = rules.with_regime(Regime::Eu, None);
    assert!(decide_about(&rules, &message(MARKETING), &elsewhere, &rows, now()).is_allowed);
}

#[test]
fn what_was_said_about_an_age_belongs_to_whoever_it_was_said_about() {
    let rules = GateRules::wzapi().with_regime(Regime::India, Some(age_rule(true, true)));
    let child = |minutes| Some(AgeMark { mark: mark(minutes), band: AgeBand::Child });
    let adult = |minutes| Some(AgeMark { mark: mark(minutes), band: AgeBand::Adult });
    let aged = |age| IdentifierRow { age, ..row(vec![marketing_given()], vec![]) };
    let is_child = |rows: Vec<IdentifierRow>| {
        let rows = GateRows { same: rows, ..by_a_sender_of_ours() };
        codes(&decide(&rules, &message(MARKETING), &rows, now())).contains(&ReasonCode::Child)
    };
    assert!(is_child(vec![aged(child(-5)), aged(adult(-6))]), "the latest counts");
    assert!(!is_child(vec![aged(child(-6)), aged(adult(-5))]));
    assert!(is_child(vec![aged(child(-5)), aged(adult(-5))]), "of one moment, the one that protects");
    assert!(!is_child(vec![IdentifierRow { left_at: Some(at(-4)), ..aged(child(-5)) }]), "that person left");
    assert!(is_child(vec![IdentifierRow { left_at: Some(at(-6)), ..aged(child(-5)) }]));
}

#[test]
fn reasons_that_time_ends_say_when() {
    let reach =
        Reach { held_back_at: Some(at(-60)), undeliverable_at: Some(at(-30)), reached_at: Some(at(-31)) };
    let rows = with_row(IdentifierRow { reach, ..row(vec![marketing_given()], vec![]) });
    let decision = decide(&GateRules::wzapi(), &message(MARKETING), &rows, now());
    assert_eq!(codes(&decision), [ReasonCode::HeldBack, ReasonCode::Unreachable]);
    let ends: Vec<_> = decision.reasons.iter().map(|reason| (reason.since, reason.possible_from)).collect();
    assert_eq!(
        ends,
        [
            (Some(at(-60)), Some(at(-60).saturating_add(HELD_BACK))),
            (Some(at(-30)), Some(at(-30).saturating_add(UNREACHABLE))),
        ]
    );
    for later in ends.iter().filter_map(|(_, end)| *end) {
        let told = codes(&decide(&GateRules::wzapi(), &message(MARKETING), &rows, later));
        let moment_before = Timestamp::from_millis(later.as_millis() - 1).unwrap();
        let before = codes(&decide(&GateRules::wzapi(), &message(MARKETING), &rows, moment_before));
        assert!(before.len() == told.len() + 1 || told == [ReasonCode::ConsentGiven], "{before:?} {told:?}");
    }
}

#[test]
fn a_free_entry_point_changes_the_price_and_permits_nothing() {
    let entered =
        |minutes| Window { last_free_entry: Some(at(minutes)), ..Window::plain(SENDER, before(FREE_ENTRY)) };
    let until = |window: Window, message: &Message| {
        let rows = with_row(row(vec![], vec![window]));
        let decision = decide(&GateRules::wzapi(), message, &rows, now());
        assert!(!decision.is_allowed, "{decision:?}");
        decision.free_entry_until
    };
    for category in MessageCategory::ALL {
        let message = message(category);
        assert_eq!(until(entered(-60), &message), Some(at(-60).saturating_add(FREE_ENTRY)));
        assert_eq!(until(entered(-72 * 60), &message), None, "its end is excluded");
        assert_eq!(until(entered(1), &message), None, "not from the future");
        assert_eq!(until(Window { sender: OTHER_SENDER, ..entered(-60) }, &message), None);
        assert_eq!(until(Window::plain(SENDER, before(FREE_ENTRY)), &message), None);
    }
}

#[test]
fn a_user_id_of_another_portfolio_denies_and_permits_nothing() {
    let of = |portfolio: Option<u8>, marks| IdentifierRow {
        portfolio: portfolio.map(|byte| BlindIndex([byte; 16])),
        ..row(marks, vec![Window::plain(SENDER, at(-1))])
    };
    let decided = |row, sender: Option<u8>| {
        let sender_portfolio = sender.map(|byte| BlindIndex([byte; 16]));
        codes(&decide(
            &GateRules::wzapi(),
            &message(MARKETING),
            &GateRows { sender_portfolio, ..with_row(row) },
            now(),
        ))
    };
    let given = || vec![marketing_given()];
    for (of_row, of_sender) in [(Some(1), Some(1)), (None, Some(1)), (Some(1), None), (None, None)] {
        assert_eq!(decided(of(of_row, given()), of_sender), [ReasonCode::ConsentGiven]);
    }
    assert_eq!(decided(of(Some(1), given()), Some(2)), [ReasonCode::NoConsent, ReasonCode::WrongPortfolio]);
    let stop = denied(ConsentScope::all_marketing(), ConsentAct::Withdrawn, -3);
    assert_eq!(
        decided(of(Some(1), vec![stop]), Some(2)),
        [ReasonCode::Withdrawn, ReasonCode::WrongPortfolio]
    );
}

#[test]
fn a_block_is_an_objection_to_everything() {
    let all = MessageCategory::ALL.map(GateRules::default_purpose);
    let mut marks: Vec<_> = all.into_iter().map(|one| granted(ConsentScope::whatsapp(one), -9)).collect();
    marks.push(denied(ConsentScope::everything(), ConsentAct::Objected, -3));
    let rows = with_row(row(marks, vec![Window::plain(SENDER, at(-1))]));
    for category in MessageCategory::ALL {
        let decision = decide(&GateRules::wzapi(), &message(category), &rows, now());
        assert_eq!(codes(&decision), [ReasonCode::Withdrawn], "{category:?}");
    }
}

#[test]
fn any_refused_country_that_is_possible_refuses() {
    let countries = |codes: &[&str]| codes.iter().map(|code| code.parse().unwrap()).collect::<BTreeSet<_>>();
    let sending = SendingRules {
        countries_refused: BTreeMap::from([(MARKETING, countries(&["US", "JE"]))]),
        ..SendingRules::default()
    };
    let rules = GateRules::wzapi().with_sending(sending);
    let rows = with_row(row(vec![marketing_given()], vec![]));
    let decided =
        |recipient: &Recipient| told(&decide_about(&rules, &message(MARKETING), recipient, &rows, now()));
    let parse = |text: &str| number(&text.replace(['+', ' '], ""));
    let refused = set(&[ReasonCode::CountryRefused]);
    for text in ["+1 212 555 2368", "US.1", "+44 7400 123456", "+1 800 555 0199", "ZZ.1"] {
        assert_eq!(decided(&parse(text)), refused, "{text}");
    }
    for text in ["+1 416 555 0134", "CA.1", "+91 98765 43210"] {
        assert_eq!(decided(&parse(text)), set(&[ReasonCode::ConsentGiven]), "{text}");
    }
    let in_country = |text: &str, country: &str| parse(text).in_country(country.parse().unwrap());
    assert_eq!(decided(&in_country("+44 7400 123456", "GB")), set(&[ReasonCode::ConsentGiven]));
    assert_eq!(decided(&in_country("+1 212 555 2368", "IN")), refused, "Meta looks at the number");
    assert_eq!(decided(&somebody().in_country("US".parse().unwrap())), refused);
    let utility = decide(&rules, &message(MessageCategory::Utility), &rows, now());
    assert!(utility.is_allowed, "the category is not named");
}

#[test]
fn quiet_hours_say_when_they_end() {
    let quiet = QuietHours {
        from: "17:00:00".parse().unwrap(),
        until: "19:00:00".parse().unwrap(),
        categories: [MARKETING].into(),
    };
    let sending = SendingRules { quiet_hours: Some(quiet), ..SendingRules::default() };
    let rules = GateRules::wzapi().with_sending(sending);
    let rows = with_row(row(vec![marketing_given()], vec![]));
    let decision = decide(&rules, &message(MARKETING), &rows, now());
    assert_eq!(codes(&decision), [ReasonCode::QuietHours]);
    let end = now().saturating_add(Duration::from_secs(90 * 60));
    assert_eq!(decision.reasons[0].possible_from, Some(end), "17:30 in India");
    assert!(decide(&rules, &message(MARKETING), &rows, end).is_allowed);
    let elsewhere = somebody().in_time_zone("Asia/Tokyo".parse().unwrap());
    assert!(decide_about(&rules, &message(MARKETING), &elsewhere, &rows, now()).is_allowed);
}
