//! What is stored, and what is refused at the door.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};
use wzapi_model::Timestamp;
use wzapi_policy::file::{BuiltInPattern, DataSource, ForbiddenPattern};
use wzapi_policy::retention::{RecordEvents, RetentionState, Trigger, assess};
use wzapi_policy::term::Term;
use wzapi_vault::decision::admission::{KEPT_ELSEWHERE, Refusal, admit};
use wzapi_vault::value::MAX_VALUE_BYTES;
use wzapi_vault::{NewRecord, RecordValue, VaultError};

use crate::support::{
    A, ANA, NOBODY, NOON, World, address, category, email, invoice, message, new_record, payment, policy,
    policy_with, purpose, time, usage,
};

const CARD: ForbiddenPattern = ForbiddenPattern::BuiltIn(BuiltInPattern::CardNumber);
const VERIFICATION: ForbiddenPattern = ForbiddenPattern::BuiltIn(BuiltInPattern::CardVerification);
const NUMBER: &str = "4111111111111111";

fn refusal(new: &NewRecord) -> Option<Refusal> {
    admit(&policy(), new, time(NOON)).err()
}

fn pattern_in(new: &NewRecord) -> Option<ForbiddenPattern> {
    match refusal(new) {
        None => None,
        Some(Refusal::Forbidden(pattern)) => Some(pattern),
        Some(other) => panic!("{other}"),
    }
}

/// A record of each category that the vault keeps, with everything but the value as it should be.
fn records_of_every_category(value: impl Fn() -> RecordValue) -> Vec<NewRecord> {
    let policy = policy();
    let mut records = Vec::new();
    for (name, rules) in &policy.categories {
        if KEPT_ELSEWHERE.contains(&name.as_str()) || rules.ip_truncation.is_some() {
            continue;
        }
        let source = *rules.sources.first().unwrap();
        records.push(NewRecord::new(name.clone(), policy.purposes_of(name).cloned(), source, value()));
    }
    assert_eq!(records.len(), 11);
    records
}

#[test]
fn clause_2_a_a_declared_record_is_admitted() {
    for new in records_of_every_category(|| "harmless".into()) {
        assert_eq!(refusal(&new), None, "{new:?}");
    }
    assert_eq!(refusal(&address("203.0.113.77")), None);
}

#[test]
fn clause_2_a_what_the_policy_does_not_name_is_refused() {
    let of =
        |category: &str, purposes: &[&str], source| refusal(&new_record(category, purposes, source, "x"));
    let registered = DataSource::Registration;
    assert_eq!(of("fingerprint", &["billing"], registered), Some(Refusal::CategoryNotDeclared));
    assert_eq!(of("email", &[], registered), Some(Refusal::NoPurpose));
    assert_eq!(of("email", &["world_domination"], registered), Some(Refusal::PurposeNotDeclared));
    assert_eq!(of("email", &["billing", "marketing"], registered), Some(Refusal::PurposeNotDeclared));
    assert_eq!(of("email", &["billing"], DataSource::Device), Some(Refusal::SourceNotDeclared));
    for kept_elsewhere in KEPT_ELSEWHERE {
        let found = of(kept_elsewhere, &["service_provision"], DataSource::MessagingPlatform);
        assert_eq!(found, Some(Refusal::CategoryKeptElsewhere), "{kept_elsewhere}");
    }
}

#[tokio::test]
async fn clause_2_a_a_person_must_be_known() {
    let world = World::new().await;
    let outcome = world.vault.store(A, NOBODY, &email("ana@example.org"), &world.actor).await;
    assert!(matches!(outcome, Err(VaultError::UnknownSubject)));
    world.check(A).await;
    assert!(world.entries(A).await.is_empty());
}

#[tokio::test]
async fn clause_2_a_source_purposes_and_time_of_collection_are_kept_and_recorded() {
    let world = World::new().await;
    let new = NewRecord { collected_at: Some(time("2026-09-30T23:59:59Z")), ..email("ana@example.org") };
    let record = world.store(ANA, &new).await;
    assert_eq!(record.to_string().split('/').nth(2), Some("2026-09"));
    let info = world.vault.find(A, &record).await.unwrap().unwrap();
    assert_eq!(info.source, "registration");
    assert_eq!(info.collected_at, time("2026-09-30T23:59:59Z"));
    assert_eq!(info.purposes, [purpose("billing"), purpose("service_provision")]);
    assert_eq!((info.due_at, info.revision), (None, 0), "the account is open");

    let entries = world.entries(A).await;
    let (owner, event) = &entries[0];
    assert_eq!(*owner, wzapi_storage::Owner::Subject(ANA));
    let expected = json!({
        "type": "record.stored", "at": world.now().as_millis(), "controller": A.to_string(), "actor": "tester",
        "subject": ANA.to_string(), "record": record.record.to_string(), "category": "email", "month": "2026-09",
        "purposes": ["billing", "service_provision"], "source": "registration",
        "collected_at": info.collected_at.as_millis(),
    });
    assert_eq!(*event, expected, "and nothing of the value");
    world.check(A).await;
}

#[test]
fn what_is_dated_in_the_future_is_refused_and_a_clock_that_is_ahead_is_forgiven() {
    let at = |moment: &str| NewRecord { collected_at: Some(time(moment)), ..email("x") };
    let admitted = admit(&policy(), &at("2026-11-22T12:05:00Z"), time(NOON)).unwrap();
    assert_eq!(admitted.collected_at(), time(NOON));
    assert_eq!(refusal(&at("2026-11-22T12:05:01Z")), Some(Refusal::InTheFuture));
    let issued = |moment: &str| NewRecord {
        events: [(Trigger::InvoiceIssued, time(moment))].into(),
        ..invoice("invoice 17")
    };
    assert_eq!(refusal(&issued("2026-11-23")), Some(Refusal::InTheFuture));
    assert_eq!(refusal(&issued("2026-11-01")), None);
    let collected = NewRecord { events: [(Trigger::Collected, time(NOON))].into(), ..email("x") };
    assert_eq!(refusal(&collected), Some(Refusal::CollectedAmongEvents));
}

#[test]
fn clause_6_a_what_nothing_keeps_is_not_stored() {
    let old = NewRecord { collected_at: Some(time("2025-11-21")), ..message("long ago") };
    assert_eq!(refusal(&old), Some(Refusal::NotKept));
    let admitted =
        admit(&policy(), &NewRecord { collected_at: Some(time("2025-11-23")), ..old }, time(NOON)).unwrap();
    // Through the whole of 23 November in India.
    assert_eq!(admitted.due_at(), Some(time("2026-11-23T18:30:00Z")));
    let closed = NewRecord { events: [(Trigger::AccountClosed, time("2026-09-01"))].into(), ..email("x") };
    assert_eq!(refusal(&closed), Some(Refusal::NotKept));
    let floor = NewRecord { events: [(Trigger::AccountClosed, time("2026-09-01"))].into(), ..invoice("x") };
    let admitted = admit(&policy(), &floor, time(NOON)).unwrap();
    assert_eq!(admitted.due_at(), Some(time("2035-03-31T18:30:00Z")), "the books are kept for eight years");
}

#[test]
fn clause_2_a_full_card_numbers_are_refused_in_every_category() {
    for new in records_of_every_category(|| format!("my card is {NUMBER}, thanks").as_str().into()) {
        assert_eq!(pattern_in(&new), Some(CARD), "{new:?}");
    }
}

#[test]
fn clause_2_a_named_verification_values_are_refused_in_every_category() {
    for text in ["CVV: 123", "the cvc is 987", "cvv2 4321", "CVC١٢٣"] {
        for new in records_of_every_category(|| text.into()) {
            assert_eq!(pattern_in(&new), Some(VERIFICATION), "{text} {new:?}");
        }
    }
    for document in [
        json!({"cvv": "123"}),
        json!({"cvv": 123}),
        json!({"card": {"cvv": {"value": ["", "123"]}}}),
        json!({"cardCvv": "123"}),
        json!({"CARD_CVC2": 1234}),
        json!({"security-code": "123"}),
        json!([{"note": "cvv 123"}]),
        json!({"cvv 123": true}),
    ] {
        for new in records_of_every_category(|| RecordValue::Json(document.clone())) {
            assert_eq!(pattern_in(&new), Some(VERIFICATION), "{document} {new:?}");
        }
    }
}

#[test]
fn clause_2_a_the_last_four_digits_and_a_token_may_be_kept() {
    for document in [
        json!({"last4": "4242", "token": "tok_9f2", "brand": "visa"}),
        json!({"card": {"last_four": 1111, "exp_month": 12}}),
        json!({"lastFourDigits": "१२३४"}),
    ] {
        assert_eq!(pattern_in(&payment(document.clone())), None, "{document}");
    }
    assert_eq!(pattern_in(&payment("ends in 4242, token tok_9f2")), None);
    for document in [json!({"number": "123"}), json!({"last4": "123"}), json!({"pin": 4711}), json!("123")] {
        assert_eq!(pattern_in(&payment(document.clone())), Some(VERIFICATION), "{document}");
    }
    assert_eq!(pattern_in(&payment("123")), Some(VERIFICATION));
    assert_eq!(pattern_in(&usage(json!({"clicks": 123, "years": [2025, 2026]}))), None);
    assert_eq!(pattern_in(&message("1234")), None);
}

#[test]
fn clause_2_a_card_numbers_are_found_wherever_they_stand_in_a_document() {
    let number: u64 = NUMBER.parse().unwrap();
    for document in [
        json!(NUMBER),
        json!(number),
        json!({"card": NUMBER}),
        json!({"a": {"b": [{"c": [0, [number]]}]}}),
        json!({"a": number as f64}),
        json!({ NUMBER: null }),
        json!({"deep": [{"4111 1111 1111 1111": false}]}),
        json!(["4111", "1111", "1111", "1111"]),
        json!({"one": "4111", "two": "1111", "three": "1111", "x": "1111"}),
        json!({"text": "pay\nwith\t4111-1111-1111-1111."}),
        json!({"4111 1111": "1111 1111"}),
        json!({"unicode": "\u{ff14}111 1111 1111 1111"}),
    ] {
        assert_eq!(pattern_in(&usage(document.clone())), Some(CARD), "{document}");
    }
    for document in [
        json!({"counts": [4512, 4688, 4790, 4821, 4111, 1111, 1111, 1111]}),
        json!({"from": "2026-11-22T10:00:00Z", "to": "2026-11-22T11:30:00Z", "ms": 5_400_000}),
        json!({"times": (0..200).map(|one| 1_795_348_800_000_u64 + one * 977).collect::<Vec<_>>()}),
        json!({"ratios": (1..200).map(|one| 1.0 / f64::from(one)).collect::<Vec<_>>()}),
        json!({"price": 1299.5, "ratio": 0.123_456_789, "id": "8e1c0a52-77d3-4c0e-a4c3-2f1de0a9b411"}),
    ] {
        assert_eq!(pattern_in(&usage(document.clone())), None, "{document}");
    }
}

#[test]
fn clause_2_a_card_numbers_are_found_in_bytes() {
    let binary = |bytes: &[u8]| {
        let (media_type, bytes) = ("application/octet-stream".to_owned(), bytes.to_vec());
        pattern_in(&message("").with_value(RecordValue::Binary { media_type, bytes }))
    };
    assert_eq!(binary(b"\xff\xfe 4111 1111 1111 1111 \x00"), Some(CARD));
    let utf_16: Vec<u8> = NUMBER.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(binary(&utf_16), Some(CARD));
    assert_eq!(binary(b"\x89PNG\r\n\x1a\n and so on"), None);
    let named = RecordValue::Binary { media_type: format!("image/x-{NUMBER}"), bytes: Vec::new() };
    assert_eq!(pattern_in(&message("").with_value(named)), Some(CARD));
}

#[test]
fn clause_2_a_patterns_of_the_policy_are_refused_where_the_category_forbids_them() {
    let passport = Some("passport_number".parse().unwrap());
    for value in [
        RecordValue::from("seen K1234567 today"),
        json!({"a": ["K1234567"]}).into(),
        json!({"K1234567": 1}).into(),
        json!({"a": "K१२३४५६७"}).into(),
    ] {
        assert_eq!(pattern_in(&usage(value.clone())), passport);
        assert_eq!(pattern_in(&invoice(value)), None, "another category does not forbid it");
    }
    let with_context = policy_with(&[(r"'\b[A-PR-WY][1-9][0-9]{6}\b'", "'member: [0-9]{6}'")]);
    let document = json!({"member": "123456"});
    let found = admit(&with_context, &usage(document), time(NOON)).err();
    assert_eq!(found, passport.map(Refusal::Forbidden), "a name and what stands under it");
}

#[test]
fn clause_2_b_addresses_are_cut_at_collection() {
    let stored = |value: RecordValue| admit(&policy(), &address(value), time(NOON)).unwrap().value().unwrap();
    assert_eq!(stored("203.0.113.77".into()), "203.0.113.0".into());
    assert_eq!(stored(" [2001:db8:1:2::3]:443".into()), "2001:db8:1::".into());
    assert_eq!(stored(json!("::ffff:203.0.113.77").into()), json!("203.0.113.0").into());
    for value in [
        RecordValue::from("host.example.org"),
        "203.0.113.77 and 203.0.113.78".into(),
        json!({"ip": "203.0.113.77"}).into(),
        json!(["203.0.113.77"]).into(),
        json!(3_405_803_853_u32).into(),
        RecordValue::Binary { media_type: "text/plain".to_owned(), bytes: b"203.0.113.77".to_vec() },
    ] {
        assert_eq!(refusal(&address(value.clone())), Some(Refusal::NotAnAddress), "{value:?}");
    }
}

#[tokio::test]
async fn clause_2_b_an_address_is_cut_in_the_store_and_when_it_is_corrected() {
    let world = World::new().await;
    let record = world.store(ANA, &address("203.0.113.77")).await;
    assert_eq!(world.read(&record, "security").await.unwrap(), "203.0.113.0".into());
    let corrected = RecordValue::from("198.51.100.23:80");
    let _ = world.vault.update(A, &record, &corrected, DataSource::Device, &world.actor).await.unwrap();
    assert_eq!(world.read(&record, "security").await.unwrap(), "198.51.100.0".into());
    let name = RecordValue::from("a host");
    let outcome = world.vault.update(A, &record, &name, DataSource::Device, &world.actor).await;
    assert!(matches!(outcome, Err(VaultError::Refused(Refusal::NotAnAddress))));
    assert_eq!(world.read(&record, "security").await.unwrap(), "198.51.100.0".into());
}

#[test]
fn a_value_beyond_a_bound_is_refused() {
    assert_eq!(refusal(&email(&"x".repeat(MAX_VALUE_BYTES - 2))), None);
    assert_eq!(refusal(&email(&"x".repeat(MAX_VALUE_BYTES - 1))), Some(Refusal::TooLong));
    let nested = (0..100_000).fold(json!(1), |inner, _| Value::Array(vec![inner]));
    let new = usage(nested);
    assert_eq!(refusal(&new), Some(Refusal::TooDeep));
    // Dropping a document that deep is the caller's recursion, not ours.
    let RecordValue::Json(mut document) = new.value else { panic!("it is a document") };
    while let Value::Array(mut items) = document {
        document = items.pop().unwrap_or_default();
    }
    let no_type = RecordValue::Binary { media_type: "png".to_owned(), bytes: Vec::new() };
    assert_eq!(refusal(&email("").with_value(no_type)), Some(Refusal::NoMediaType));
}

#[test]
fn judging_a_document_takes_time_in_proportion_to_it() {
    // Were each leaf looked at together with the whole of its name, this would take minutes.
    let long_name = "x".repeat(MAX_VALUE_BYTES / 2 - 16);
    let leaves = vec![123; MAX_VALUE_BYTES / 8];
    assert_eq!(pattern_in(&usage(json!({ long_name.clone(): leaves }))), None);
    let named = format!("{long_name}_cvv");
    assert_eq!(pattern_in(&usage(json!({ named: 123 }))), Some(VERIFICATION));
    let digits = "7".repeat(MAX_VALUE_BYTES - 2);
    let _ = pattern_in(&usage(digits.as_str()));
}

trait WithValue {
    fn with_value(self, value: RecordValue) -> Self;
}

impl WithValue for NewRecord {
    fn with_value(self, value: RecordValue) -> Self {
        Self { value, ..self }
    }
}

/// Zeros of the digits of some scripts.
const SCRIPTS: [u32; 8] = [0x30, 0x660, 0x6f0, 0x966, 0x9e6, 0xe50, 0xff10, 0x1d7ce];

/// A number of a card whose check digit is right, written in some script and in groups of four.
fn any_card() -> impl Strategy<Value = String> {
    let digits = proptest::collection::vec(0_u32..10, 14);
    let separators =
        proptest::sample::select(vec!["", " ", "-", ".", " - ", "\u{a0}", "\u{200b}", "/", "\u{2013}"]);
    (digits, proptest::sample::select(SCRIPTS.to_vec()), separators, 4_u32..7).prop_map(
        |(middle, zero, separator, first)| {
            let mut digits = vec![first];
            digits.extend(middle);
            let sum: u32 = digits
                .iter()
                .rev()
                .enumerate()
                .map(
                    |(place, digit)| {
                        if place % 2 == 0 { digit * 2 - 9 * u32::from(*digit > 4) } else { *digit }
                    },
                )
                .sum();
            digits.push((10 - sum % 10) % 10);
            let write = |digit: &u32| char::from_u32(zero + digit).unwrap();
            let groups: Vec<String> =
                digits.chunks(4).map(|group| group.iter().map(write).collect()).collect();
            groups.join(separator)
        },
    )
}

/// A document with a text somewhere in it: as a leaf, within a leaf, or as a name.
fn hidden(text: String) -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::from(text.clone())),
        Just(Value::from(format!("pay with {text} please"))),
        Just(json!({ text.clone(): 0 })),
        Just(json!([text])),
    ];
    let layers = proptest::collection::vec((0_u8..3, "[a-y]{1,8}"), 0..20);
    (leaf, layers).prop_map(|(leaf, layers)| {
        layers.into_iter().fold(leaf, |inner, (kind, name)| match kind {
            0 => json!([null, inner]),
            1 => json!({ name: inner, "z": "other" }),
            _ => json!([[inner], { name: true }]),
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn clause_2_a_no_card_number_hides_in_a_document(
        document in any_card().prop_flat_map(hidden),
    ) {
        prop_assert_eq!(pattern_in(&usage(document.clone())), Some(CARD), "{}", document);
    }

    #[test]
    fn clause_2_a_no_card_number_hides_in_a_text_or_in_bytes(card in any_card(), before in "[a-z ]{0,9}[a-z]", after in "[a-z][a-z ]{0,9}") {
        let text = format!("{before} {card} {after}");
        prop_assert_eq!(pattern_in(&message(&text)), Some(CARD));
        let bytes = RecordValue::Binary { media_type: "text/plain".to_owned(), bytes: text.into_bytes() };
        prop_assert_eq!(pattern_in(&message("").with_value(bytes)), Some(CARD));
    }
}

/// What [`admit`] must answer, from the words of the policy.
fn is_admitted_by_reference(new: &NewRecord, now: Timestamp) -> bool {
    let policy = policy();
    let Some(rules) = policy.categories.get(&new.category) else { return false };
    let is_kept_here =
        !["contact", "consent_evidence", "accountability", "unrecognised"].contains(&new.category.as_str());
    let mut has_purposes = !new.purposes.is_empty();
    for name in &new.purposes {
        has_purposes &=
            policy.purposes.get(name).is_some_and(|purpose| purpose.categories.contains(&new.category));
    }
    let skew = std::time::Duration::from_secs(300);
    let latest = now.saturating_add(skew);
    let moments: Vec<Timestamp> = new.collected_at.into_iter().chain(new.events.values().copied()).collect();
    let is_past = moments.iter().all(|moment| *moment <= latest);
    let mut events = RecordEvents { occurred: new.events.clone(), ..RecordEvents::default() };
    events.occurred.values_mut().for_each(|at| *at = (*at).min(now));
    events.occurred.insert(Trigger::Collected, new.collected_at.unwrap_or(now).min(now));
    let is_kept = assess(&rules.retention, &events, &[], policy.utc_offset, now).state != RetentionState::Due;
    let RecordValue::Text(text) = &new.value else { panic!("only texts are generated") };
    let holds_cut_address = rules.ip_truncation.is_none() || text.parse::<std::net::IpAddr>().is_ok();
    let is_harmless = !text.contains(NUMBER)
        && !text.contains("cvv")
        && (text != "123" || new.category != category("payment_details"));
    is_kept_here
        && has_purposes
        && rules.sources.contains(&new.source)
        && is_past
        && !new.events.contains_key(&Trigger::Collected)
        && is_kept
        && holds_cut_address
        && is_harmless
}

fn any_moment() -> impl Strategy<Value = Timestamp> {
    let noon = time(NOON).as_millis();
    prop_oneof![
        (0..=noon + 400_000).prop_map(|millis| Timestamp::from_millis(millis).unwrap()),
        (noon - 800 * 86_400_000..=noon + 400_000).prop_map(|millis| Timestamp::from_millis(millis).unwrap()),
        (noon + 299_000..=noon + 301_000).prop_map(|millis| Timestamp::from_millis(millis).unwrap()),
    ]
}

fn any_new_record() -> impl Strategy<Value = NewRecord> {
    let policy = policy();
    let categories: Vec<_> = policy.categories.keys().cloned().chain([category("fingerprint")]).collect();
    let others: Vec<_> = policy.purposes.keys().cloned().chain([purpose("world_domination")]).collect();
    let values = vec!["harmless", NUMBER, "cvv 123", "123", "203.0.113.77"];
    proptest::sample::select(categories).prop_flat_map(move |category| {
        let mut declared: Vec<_> = policy.purposes_of(&category).cloned().collect();
        if declared.is_empty() {
            declared.push(purpose("billing"));
        }
        let mut sources: Vec<_> =
            policy.category(&category).into_iter().flat_map(|rules| rules.sources.iter().copied()).collect();
        sources.extend(sources.clone());
        sources.push(DataSource::Device);
        let purposes = prop_oneof![
            4 => proptest::collection::btree_set(proptest::sample::select(declared.clone()), 0..3),
            1 => proptest::collection::btree_set(proptest::sample::select(others.clone()), 1..3),
        ];
        let events = proptest::collection::btree_map(
            proptest::sample::select(Trigger::ALL.to_vec()),
            any_moment(),
            0..2,
        );
        let value = proptest::sample::select(values.clone());
        (purposes, proptest::sample::select(sources), proptest::option::of(any_moment()), value, events)
            .prop_map(move |(purposes, source, collected_at, value, events)| NewRecord {
                category: category.clone(),
                purposes,
                source,
                collected_at,
                value: value.into(),
                events,
            })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn clause_2_a_admission_is_what_the_policy_says(new in any_new_record()) {
        let now = time(NOON);
        let admitted = admit(&policy(), &new, now);
        prop_assert_eq!(admitted.is_ok(), is_admitted_by_reference(&new, now), "{:?}: {:?}", &new, admitted);
        if let Ok(admitted) = admitted {
            prop_assert!(admitted.due_at().is_none_or(|due_at| due_at > now), "due before it is stored");
            prop_assert!(admitted.collected_at() <= now);
        }
    }
}

#[test]
fn every_refusal_has_a_name_and_a_text_of_its_own() {
    let all = [
        Refusal::CategoryNotDeclared,
        Refusal::CategoryKeptElsewhere,
        Refusal::NoPurpose,
        Refusal::PurposeNotDeclared,
        Refusal::SourceNotDeclared,
        Refusal::InTheFuture,
        Refusal::CollectedAmongEvents,
        Refusal::TooLong,
        Refusal::TooDeep,
        Refusal::NoMediaType,
        Refusal::Forbidden(CARD),
        Refusal::NotAnAddress,
        Refusal::NotKept,
        Refusal::TooManyCorrections,
    ];
    assert_eq!(all.iter().map(Refusal::as_str).collect::<BTreeSet<_>>().len(), all.len());
    assert_eq!(all.iter().map(ToString::to_string).collect::<BTreeSet<_>>().len(), all.len());
    assert!(Refusal::Forbidden(CARD).to_string().contains("card_number"));
}
