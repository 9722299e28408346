//! Nothing of a value in anything that is printed.

use std::error::Error;
use std::sync::Arc;

use serde_json::json;
use wzapi_policy::file::DataSource;
use wzapi_storage_memory::MemoryStorage;
use wzapi_storage_testkit::faulty::{Fault, FaultyStorage};
use wzapi_vault::decision::admission::admit;
use wzapi_vault::vault::Selection;
use wzapi_vault::{NewRecord, RecordValue, VaultError};

use crate::support::{A, ANA, NOBODY, World, address, email, invoice, message, policy, purpose, usage};

const CANARY: &str = "canary-8841";
const CARD: &str = "4111 1111 1111 1111";

fn assert_silent(text: &str) {
    assert!(!text.contains(CANARY) && !text.contains("1111 1111") && !text.contains("203.0"), "{text}");
}

fn assert_error_silent(error: &VaultError) {
    let mut next: Option<&dyn Error> = Some(error);
    while let Some(error) = next {
        assert_silent(&error.to_string());
        assert_silent(&format!("{error:?}"));
        next = error.source();
    }
}

#[tokio::test]
async fn values_records_and_pages_say_nothing() {
    let world = World::new().await;
    let binary = RecordValue::Binary { media_type: format!("image/{CANARY}"), bytes: CANARY.into() };
    for value in [RecordValue::from(CANARY), json!({ CANARY: CANARY }).into(), binary] {
        let new = NewRecord { value: value.clone(), ..invoice("") };
        assert_silent(&format!("{value:?} {new:?} {:?}", admit(&policy(), &new, world.now())));
        let record = world.store(ANA, &new).await;
        let opened = world.vault.read(A, &record, &purpose("billing"), &world.actor).await.unwrap();
        assert_silent(&format!("{opened:?} {record} {record:?}"));
        let info = world.vault.find(A, &record).await.unwrap();
        assert_silent(&format!("{info:?}"));
        let corrected = world.vault.update(A, &record, &value, DataSource::Use, &world.actor).await.unwrap();
        let history = world.vault.history(A, &record, &purpose("billing"), &world.actor).await.unwrap();
        assert_silent(&format!("{corrected:?} {history:?}"));
    }
    let mut stream = world.vault.stream(A, Selection::Person(ANA), purpose("billing"), &world.actor);
    let page = stream.next_page().await.unwrap().unwrap();
    assert_eq!(page.records.len(), 3);
    assert_silent(&format!("{page:?} {stream:?} {:?} {:?}", world.vault, world.parts));
}

#[tokio::test]
async fn refusals_and_errors_say_nothing() {
    let world = World::new().await;
    let (vault, actor) = (&world.vault, &world.actor);
    for new in [
        message(&format!("{CANARY} {CARD}")),
        usage(json!({ CARD: CANARY })),
        address(format!("203.0.113.77 {CANARY}").as_str()),
        email(&CANARY.repeat(100_000)),
        NewRecord { category: CANARY.replace('-', "_").parse().unwrap(), ..email(CANARY) },
    ] {
        let error = vault.store(A, ANA, &new, actor).await.unwrap_err();
        assert!(!error.to_string().contains("canary"));
        assert_error_silent(&error);
    }
    assert_error_silent(&vault.store(A, NOBODY, &email(CANARY), actor).await.unwrap_err());
    let record = world.store(ANA, &email(CANARY)).await;
    assert_error_silent(&world.read(&record, "marketing").await.unwrap_err());
}

#[tokio::test]
async fn failures_of_the_store_say_nothing() {
    for call in 0..8 {
        let rows = Arc::new(MemoryStorage::new());
        World::over(rows.clone()).register().await;
        let store = FaultyStorage::new(rows).with_fault(call, Fault::Unavailable);
        let failing = World::over(Arc::new(store));
        if let Err(error) = failing.vault.store(A, ANA, &email(CANARY), &failing.actor).await {
            assert_error_silent(&error);
        }
    }
}
