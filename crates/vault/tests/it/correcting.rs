//! Records are corrected, and keep their history where the policy asks for it.

use serde_json::json;
use wzapi_policy::file::DataSource;
use wzapi_storage::key::RowKind;
use wzapi_storage::row::{RecordRow, RowType};
use wzapi_vault::decision::admission::{MAX_REVISIONS, Refusal};
use wzapi_vault::decision::reading::ReadRefusal;
use wzapi_vault::decision::retention::RetentionEvent;
use wzapi_vault::{RecordRef, RecordValue, VaultError};

use crate::support::{A, ANA, World, email, invoice, message, policy_with, purpose};

async fn correct(world: &World, record: &RecordRef, value: &str, source: DataSource) -> bool {
    let value = RecordValue::from(value);
    world.vault.update(A, record, &value, source, &world.actor).await.unwrap().is_former_kept
}

async fn history(world: &World, record: &RecordRef, for_what: &str) -> Vec<(u32, RecordValue)> {
    let found = world.vault.history(A, record, &purpose(for_what), &world.actor).await.unwrap();
    found.into_iter().map(|earlier| (earlier.revision, earlier.value)).collect()
}

#[tokio::test]
async fn clause_7_b_a_correction_keeps_the_former_value_where_the_policy_asks_for_it() {
    let world = World::new().await;
    let record = world.store(ANA, &invoice("1 Mian Street")).await;
    let collected_at = world.now();
    world.pass_days(40);
    assert!(correct(&world, &record, "1 Main Street", DataSource::Registration).await);
    let corrected_at = world.now();
    world.pass_days(1);
    assert!(correct(&world, &record, "2 Main Street", DataSource::Use).await);

    assert_eq!(world.read(&record, "billing").await.unwrap(), "2 Main Street".into());
    let found = world.vault.history(A, &record, &purpose("billing"), &world.actor).await.unwrap();
    assert_eq!(
        (found[0].from, found[0].until, found[0].source.as_str()),
        (collected_at, corrected_at, "use")
    );
    assert_eq!(
        (found[1].from, found[1].until, found[1].source.as_str()),
        (corrected_at, world.now(), "registration")
    );
    let expected = [(0, "1 Mian Street".into()), (1, "1 Main Street".into())];
    assert_eq!(history(&world, &record, "billing").await, expected);
    let info = world.vault.find(A, &record).await.unwrap().unwrap();
    assert_eq!((info.revision, info.collected_at, info.changed_at), (2, collected_at, world.now()));
    assert_eq!(info.source, "use");

    let entries = world.entries(A).await;
    let updated: Vec<_> = entries.iter().filter(|(_, event)| event["type"] == "record.updated").collect();
    assert_eq!(updated.len(), 2);
    assert!(updated.iter().all(|(_, event)| event["former_kept"] == json!(true)));
    assert!(!format!("{entries:?}").contains("Main Street"));
    world.check(A).await;
}

#[tokio::test]
async fn clause_7_b_elsewhere_the_former_value_goes() {
    let world = World::new().await;
    let record = world.store(ANA, &email("ana@exmaple.org")).await;
    assert!(!correct(&world, &record, "ana@example.org", DataSource::Registration).await);
    assert_eq!(world.read(&record, "billing").await.unwrap(), "ana@example.org".into());
    assert!(history(&world, &record, "billing").await.is_empty());
    assert!(world.rows(A).await.iter().all(|(key, _)| key.kind() != RowKind::RecordRevision));
    world.check(A).await;
}

#[tokio::test]
async fn clause_7_b_history_is_read_for_a_purpose_too() {
    let world = World::new().await;
    let record = world.store(ANA, &invoice("old")).await;
    let _ = correct(&world, &record, "new", DataSource::Use).await;
    let outcome = world.vault.history(A, &record, &purpose("marketing"), &world.actor).await;
    assert!(matches!(outcome, Err(VaultError::ReadRefused(ReadRefusal::OutsidePurpose))));
    assert_eq!(world.entry_types(A).await["record.read_refused"], 1);
}

#[tokio::test]
async fn clause_2_a_a_correction_is_judged_like_a_new_value() {
    let world = World::new().await;
    let record = world.store(ANA, &message("hello")).await;
    let update = |value: &str, source| {
        let (world, record, value) = (world.clone(), record.clone(), RecordValue::from(value));
        async move { world.vault.update(A, &record, &value, source, &world.actor).await }
    };
    let card = update("4111 1111 1111 1111", DataSource::MessagingPlatform).await;
    assert!(matches!(card, Err(VaultError::Refused(Refusal::Forbidden(_)))));
    let source = update("hello", DataSource::PaymentGateway).await;
    assert!(matches!(source, Err(VaultError::Refused(Refusal::SourceNotDeclared))));
    world.pass_days(400);
    let late = update("hello", DataSource::MessagingPlatform).await;
    assert!(matches!(late, Err(VaultError::Refused(Refusal::NotKept))));
    let missing = RecordRef { subject: crate::support::BEN, ..record.clone() };
    let outcome =
        world.vault.update(A, &missing, &"x".into(), DataSource::MessagingPlatform, &world.actor).await;
    assert!(matches!(outcome, Err(VaultError::NotFound)));
    world.check(A).await;
}

#[tokio::test]
async fn clause_2_a_a_former_value_that_is_forbidden_by_now_is_not_kept() {
    let world = World::new().await;
    let record = world.store(ANA, &invoice("holder of K1234567")).await;
    let stricter = world.under(policy_with(&[(
        "[categories.billing_information]",
        "[categories.billing_information]\nforbidden = [\"passport_number\"]",
    )]));
    assert!(!correct(&stricter, &record, "holder of a passport", DataSource::Use).await);
    assert!(correct(&stricter, &record, "holder", DataSource::Use).await);
    assert_eq!(history(&stricter, &record, "billing").await, [(1, "holder of a passport".into())]);
    world.check(A).await;
}

#[tokio::test]
async fn clause_7_b_a_restricted_record_can_be_corrected_and_stays_restricted() {
    let world = World::new().await;
    let record = world.store(ANA, &email("ana@exmaple.org")).await;
    let _ = world.vault.restrict(A, &record, &[].into(), &world.actor).await.unwrap();
    let _ = correct(&world, &record, "ana@example.org", DataSource::Registration).await;
    assert!(matches!(
        world.read(&record, "billing").await,
        Err(VaultError::ReadRefused(ReadRefusal::Restricted))
    ));
    let _ = world.vault.lift(A, &record, &world.actor).await.unwrap();
    assert_eq!(world.read(&record, "billing").await.unwrap(), "ana@example.org".into());
}

#[tokio::test]
async fn a_correction_stays_in_the_month_of_collection_and_keeps_events_and_end() {
    let world = World::new().await;
    let record = world.store(ANA, &email("a@b.c")).await;
    let closed = RetentionEvent::Trigger(wzapi_policy::retention::Trigger::AccountClosed);
    let _ = world.vault.set_event(A, &record, closed, world.now(), &world.actor).await.unwrap();
    let before = world.vault.find(A, &record).await.unwrap().unwrap();
    world.pass_days(20);
    let _ = correct(&world, &record, "d@e.f", DataSource::Registration).await;
    let after = world.vault.find(A, &record).await.unwrap().unwrap();
    assert_eq!((after.due_at, &after.events), (before.due_at, &before.events));
    for (key, stored) in world.rows(A).await {
        if let Some(row) = RecordRow::of(&stored.body) {
            assert_eq!(key, record.key());
            assert_eq!(row.value.cohort, record.cohort);
        }
    }
    world.check(A).await;
}

#[tokio::test]
async fn earlier_values_are_bounded_and_all_of_them_are_kept() {
    let world = World::new().await;
    let record = world.store(ANA, &invoice("0")).await;
    for revision in 1..=MAX_REVISIONS {
        assert!(correct(&world, &record, &revision.to_string(), DataSource::Use).await);
    }
    let outcome = world.vault.update(A, &record, &"x".into(), DataSource::Use, &world.actor).await;
    assert!(matches!(outcome, Err(VaultError::Refused(Refusal::TooManyCorrections))));
    let expected: Vec<_> = (0..MAX_REVISIONS).map(|one| (one, one.to_string().as_str().into())).collect();
    assert_eq!(history(&world, &record, "billing").await, expected);
    world.check(A).await;
}
