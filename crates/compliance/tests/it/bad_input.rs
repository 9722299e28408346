//! Bodies, signatures and items that are not as they should be.

use std::sync::Arc;

use serde_json::json;
use wzapi_compliance::consent::gate::ReasonCode;
use wzapi_compliance::storage::key::RowKind;
use wzapi_compliance::whatsapp::delivery::{DeliveryError, Limits};
use wzapi_compliance::whatsapp::signature::{AppSecrets, SignatureError};
use wzapi_compliance::{Compliance, Error};

use crate::support::{
    ANA, BEN, CLEO, FIRST, SHOP, World, at, count, delivery, everybody, hour, items_in, items_of, messages,
    one_text, only_duplicates, preference, preferences, statuses, stopped_status, text,
};

/// The moment 9999-12-31T00:00:00Z.
const FAR_FUTURE: i64 = 253_402_214_400;

#[tokio::test]
async fn an_item_that_cannot_be_understood_stands_in_nobodys_way() {
    let world = World::in_memory().await.with_shops().await;
    for who in [ANA, BEN, CLEO] {
        world.agrees(who).await;
    }
    let nameless_stop = json!({ "id": "wamid.x", "status": "failed", "timestamp": hour(-1).to_string(),
        "errors": [{ "code": 131050 }] });
    let body = delivery(&[
        json!(null),
        json!("an entry that is a text"),
        json!({ "id": FIRST.waba, "changes": [{ "field": "messages" }, 7] }),
        at(FIRST, "a_field_of_next_year", &json!({ "anything": true })),
        at(FIRST, "messages", &json!({ "messages": "not a list" })),
        at(FIRST, "messages", &json!({ "nothing": "known" })),
        messages(
            FIRST,
            &[
                json!(null),
                json!({ "type": "text", "text": { "body": "STOP" } }),
                json!({ "type": "system", "system": { "type": "of_next_year" } }),
                text(ANA, "1", hour(-1), "STOP"),
                json!({ "from": { "deep": [ANA] }, "text": ["STOP"] }),
            ],
        ),
        preferences(
            FIRST,
            &[
                json!({ "wa_id": BEN, "category": "marketing_messages", "value": "of_next_year" }),
                json!({ "wa_id": BEN, "category": "of_next_year", "value": "resume" }),
                preference(BEN, hour(-1), "stop"),
            ],
        ),
        statuses(FIRST, &[nameless_stop, json!([]), stopped_status(CLEO, "out", hour(-1))]),
    ]);
    let report = world.deliver(&body).await.unwrap();
    assert_eq!(items_of(&report), items_in(&body));
    assert_eq!((report.withdrawals, report.duplicates), (3, 0), "{report:?}");
    assert_eq!(world.marketing(ANA).await, [ReasonCode::Withdrawn]);
    assert_eq!(world.marketing(BEN).await, [ReasonCode::PlatformStop]);
    assert_eq!(world.marketing(CLEO).await, [ReasonCode::PlatformStop]);
    assert_eq!(count(&world.rows().await, SHOP, RowKind::Unrecognised) as u64, report.unknown);
    assert!(report.unknown >= 8, "{report:?}");
    assert!(only_duplicates(&world.deliver(&body).await.unwrap(), items_in(&body)));
}

#[tokio::test]
async fn a_number_that_is_stated_with_hundreds_of_ids_stands_in_nobodys_way() {
    let world = World::in_memory().await.with_shops().await;
    world.agrees(BEN).await;
    // Each id is another holder of the number, more than are remembered.
    let greeting = |number: usize| {
        let contact = json!({ "wa_id": ANA, "user_id": format!("US.{number}") });
        let message = text(ANA, &format!("greeting-{number}"), hour(-2), "hello");
        at(FIRST, "messages", &json!({ "contacts": [contact], "messages": [message] }))
    };
    let mut entries: Vec<_> = (0..256).map(greeting).collect();
    entries.push(messages(FIRST, &[text(BEN, "stop", hour(-1), "STOP")]));
    entries.push(messages(FIRST, &[text(ANA, "stop", hour(-1), "STOP")]));
    let body = delivery(&entries);
    let report = world.deliver(&body).await.unwrap();
    assert_eq!((report.messages, report.unknown, report.withdrawals), (258, 0, 2), "{report:?}");
    assert_eq!(world.marketing(BEN).await, [ReasonCode::Withdrawn]);
    assert_eq!(world.marketing(ANA).await, [ReasonCode::Withdrawn]);
    assert_eq!(world.marketing("US.255").await, [ReasonCode::Withdrawn]);
    assert_eq!(world.marketing("US.7").await, [ReasonCode::NoConsent]);
    assert!(only_duplicates(&world.deliver(&body).await.unwrap(), items_in(&body)));
}

#[tokio::test]
async fn a_wrong_signature_is_told_apart_and_nothing_is_written() {
    let world = World::in_memory().await.with_shops().await;
    let before = world.rows().await;
    let body = one_text(ANA, "1", hour(-1), "STOP");
    let good = world.secrets.sign(&body);
    let of_another_body = world.secrets.sign(&one_text(ANA, "2", hour(-1), "STOP"));
    let of_another_app = AppSecrets::new(b"another-app").unwrap().sign(&body);
    let cases = [
        ("", SignatureError::MissingPrefix),
        (good.trim_start_matches("sha256="), SignatureError::MissingPrefix),
        (&good.replace("sha256=", "sha1="), SignatureError::MissingPrefix),
        (&good[..good.len() - 1], SignatureError::Malformed),
        (&format!("{good}00"), SignatureError::Malformed),
        ("sha256=zz", SignatureError::Malformed),
        (&of_another_body, SignatureError::Mismatch),
        (&of_another_app, SignatureError::Mismatch),
    ];
    let shop = world.shop().await;
    for (header, expected) in cases {
        match shop.ingest().deliver(&everybody(), &world.secrets, header, &body).await {
            Err(Error::Signature(error)) => assert_eq!(error, expected, "{header}"),
            other => panic!("{header}: {other:?}"),
        }
    }
    assert!(world.rows().await == before, "something was written");
}

#[tokio::test]
async fn two_app_secrets_are_live_while_one_replaces_the_other() {
    let world = World::in_memory().await.with_shops().await;
    let both = AppSecrets::new(b"the-new-one").unwrap().with_previous(b"an-app-secret").unwrap();
    let shop = world.shop().await;
    for (id, secrets) in (1..).zip([&world.secrets, &both]) {
        let body = one_text(ANA, &format!("{id}"), hour(-1), "hello");
        let report = shop.ingest().deliver(&everybody(), &both, &secrets.sign(&body), &body).await.unwrap();
        assert_eq!(report.messages, 1);
    }
    let body = one_text(ANA, "3", hour(-1), "hello");
    let outcome = shop.ingest().deliver(&everybody(), &world.secrets, &both.sign(&body), &body).await;
    assert!(matches!(outcome, Err(Error::Signature(SignatureError::Mismatch))));
}

type IsExpected = fn(DeliveryError) -> bool;

#[tokio::test]
async fn a_body_that_is_no_delivery_is_a_typed_error_and_nothing_is_written() {
    let world = World::in_memory().await.with_shops().await;
    let before = world.rows().await;
    let nested = [vec![b'['; 1000], vec![b']'; 1000]].concat();
    let cases: [(Vec<u8>, IsExpected); 7] = [
        (b"STOP".to_vec(), |error| matches!(error, DeliveryError::NotJson { line: 1, .. })),
        (b"".to_vec(), |error| matches!(error, DeliveryError::NotJson { .. })),
        (b"{\"object\":\n\n}".to_vec(), |error| matches!(error, DeliveryError::NotJson { line: 3, .. })),
        (nested, |error| error == DeliveryError::TooDeep),
        (b"[]".to_vec(), |error| error == DeliveryError::NotAWebhook),
        (b"{\"object\":\"page\"}".to_vec(), |error| error == DeliveryError::NotAWebhook),
        (b"{\"entry\":[]}".to_vec(), |error| error == DeliveryError::NotAWebhook),
    ];
    for (body, is_expected) in cases {
        match world.deliver(&body).await {
            Err(Error::Delivery(error)) => assert!(is_expected(error), "{error}"),
            other => panic!("{other:?}"),
        }
    }
    assert!(world.rows().await == before, "something was written");
}

#[tokio::test]
async fn a_body_beyond_the_bounds_of_the_host_is_refused_and_nothing_is_written() {
    let world = World::in_memory().await.with_shops().await;
    let before = world.rows().await;
    let strict = Compliance::builder()
        .storage(Arc::clone(&world.storage))
        .key_provider(Arc::clone(&world.keyring) as _)
        .clock(Arc::clone(&world.clock) as _)
        .delivery_limits(Limits { max_bytes: 2_000, max_items: 2 })
        .build()
        .await
        .unwrap();
    let shop = strict.controller(SHOP).await.unwrap();
    let body_of = |count: usize| delivery(&[messages(FIRST, &vec![text(ANA, "1", hour(-1), "STOP"); count])]);
    for (count, expected) in
        [(3, DeliveryError::TooManyItems { limit: 2 }), (300, DeliveryError::TooLarge { limit: 2_000 })]
    {
        let body = body_of(count);
        let signature = world.secrets.sign(&body);
        match shop.ingest().deliver(&everybody(), &world.secrets, &signature, &body).await {
            Err(Error::Delivery(error)) => assert_eq!(error, expected),
            other => panic!("{other:?}"),
        }
    }
    assert!(world.rows().await == before, "something was written");
}

#[tokio::test]
async fn a_body_of_a_hundred_megabytes_is_refused_before_it_is_looked_at() {
    let world = World::in_memory().await.with_shops().await;
    let before = world.rows().await;
    let body = vec![b' '; 100 * 1024 * 1024];
    let outcome =
        world.shop().await.ingest().deliver(&everybody(), &world.secrets, "not even signed", &body).await;
    assert!(matches!(outcome, Err(Error::Delivery(DeliveryError::TooLarge { .. }))), "{outcome:?}");
    assert!(world.rows().await == before);
}

#[tokio::test]
async fn a_telephone_number_of_letters_is_kept_as_unknown() {
    let world = World::in_memory().await.with_shops().await;
    let body = delivery(&[
        messages(FIRST, &[text("PHONE_NUMBER", "1", hour(-1), "STOP"), text(ANA, "2", hour(-1), "STOP")]),
        preferences(FIRST, &[preference("PHONE_NUMBER", hour(-1), "stop")]),
    ]);
    let report = world.deliver(&body).await.unwrap();
    assert_eq!((report.messages, report.unknown, report.withdrawals), (1, 2, 1), "{report:?}");
    assert_eq!(world.marketing(ANA).await, [ReasonCode::Withdrawn]);
    assert_eq!(count(&world.rows().await, SHOP, RowKind::Unrecognised), 2);
}

#[tokio::test]
async fn clause_2_c_a_stop_from_the_far_future_stops_now_and_a_start_is_set_aside() {
    let world = World::in_memory().await.with_shops().await;
    world.agrees(ANA).await;
    world.agrees(BEN).await;
    // 10000-01-01 is beyond the calendar, the other within.
    for (who, seconds) in [(ANA, FAR_FUTURE), (BEN, FAR_FUTURE + 86_400)] {
        let _stop = world.deliver(&one_text(who, who, seconds, "STOP")).await.unwrap();
        assert_eq!(world.marketing(who).await, [ReasonCode::Withdrawn], "{seconds}");
    }
    let report = world.deliver(&one_text(CLEO, "3", FAR_FUTURE, "START")).await.unwrap();
    assert_eq!((report.messages, report.consents_given, report.quarantined), (1, 0, 1));
    assert_eq!(world.marketing(CLEO).await, [ReasonCode::NoConsent]);

    // The stop took effect when it arrived, so a later start ends it, and the one from the future does not.
    let _future = world.deliver(&one_text(ANA, "4", FAR_FUTURE, "START")).await.unwrap();
    assert_eq!(world.marketing(ANA).await, [ReasonCode::Withdrawn]);
    world.clock.advance(std::time::Duration::from_secs(3600));
    let _start = world.deliver(&one_text(ANA, "5", hour(1), "START")).await.unwrap();
    assert_eq!(world.marketing(ANA).await, [ReasonCode::ConsentGiven]);
    world.ledgers().await;
}
