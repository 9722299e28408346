//! Every value is sealed, under a key of its person, category and month, for its one place.

use serde_json::json;
use wzapi_model::ids::RecordId;
use wzapi_policy::file::DataSource;
use wzapi_storage::Draft;
use wzapi_storage::codec::encode_value;
use wzapi_storage::key::{Key, RowKind};
use wzapi_storage::row::{DataKeyRow, RecordRevisionRow, RecordRow, RowType};
use wzapi_vault::vault::{Selection, UnreadableCause};
use wzapi_vault::{NewRecord, RecordRef, RecordValue, VaultError};

use crate::support::{A, ANA, BEN, World, email, invoice, message, payment, purpose, time, usage};

const CANARY: &str = "canary-8841";

#[tokio::test]
async fn clause_5_a_no_row_holds_a_value_in_clear() {
    let world = World::new().await.logging_reads();
    let binary =
        RecordValue::Binary { media_type: format!("image/{CANARY}"), bytes: CANARY.as_bytes().to_vec() };
    let records = [
        world.store(ANA, &email(CANARY)).await,
        world.store(ANA, &payment(json!({ CANARY: [CANARY] }))).await,
        world.store(BEN, &NewRecord { value: binary, ..message("") }).await,
        world.store(BEN, &invoice(CANARY)).await,
    ];
    let corrected = RecordValue::from(format!("{CANARY} corrected").as_str());
    let _ = world.vault.update(A, &records[3], &corrected, DataSource::Use, &world.actor).await.unwrap();
    let _ = world.read(&records[0], "billing").await.unwrap();
    let _ = world.read(&records[0], "marketing").await.unwrap_err();
    let rows = world.rows(A).await;
    assert!(rows.iter().any(|(key, _)| key.kind() == RowKind::RecordRevision));
    for (key, stored) in rows {
        let bytes = encode_value(stored.version, stored.due_at, &stored.body).unwrap();
        let is_in = bytes.windows(CANARY.len()).any(|window| window == CANARY.as_bytes());
        assert!(!is_in, "{key:?}");
    }
    for (_, event) in world.entries(A).await {
        assert!(!event.to_string().contains(CANARY), "{event}");
    }
    world.check(A).await;
}

#[tokio::test]
async fn clause_5_a_each_person_category_and_month_has_a_key_of_its_own() {
    let world = World::new().await;
    let last_month = NewRecord { collected_at: Some(time("2026-10-31T12:00:00Z")), ..email("a@b.c") };
    for (subject, new) in [
        (ANA, email("a@b.c")),
        (ANA, email("d@e.f")),
        (BEN, email("a@b.c")),
        (ANA, message("x")),
        (ANA, last_month),
    ] {
        world.store(subject, &new).await;
    }
    let keys = world.rows(A).await.into_iter().filter(
        |(key, _)| matches!(key, Key::DataKey { category, .. } if category.as_str() != "accountability"),
    );
    assert_eq!(keys.count(), 4);
    world.check(A).await;
}

/// Puts the sealed value of one record in the place of another one's.
async fn transplant(world: &World, from: &RecordRef, to: &RecordRef) {
    let mut draft = Draft::new(world.storage.as_ref(), A);
    draft.load([from.key(), to.key()]).await.unwrap();
    let value = draft.row::<RecordRow>(&from.key()).unwrap().unwrap().value.clone();
    let target = draft.row::<RecordRow>(&to.key()).unwrap().unwrap().clone();
    draft.put(to.key(), RecordRow { value, ..target }, None).unwrap();
    world.commit(draft).await;
}

#[tokio::test]
async fn clause_5_a_a_sealed_value_opens_nowhere_else() {
    let world = World::new().await;
    let (both, there) = (["service_provision", "billing"], ["billing"]);
    let donor = world.store(ANA, &email("ana@example.org")).await;
    let others = [
        world.store(ANA, &email("other@example.org")).await,
        world.store(BEN, &email("ben@example.org")).await,
        world.store(ANA, &crate::support::new_record("name", &both, DataSource::Registration, "Ana")).await,
        world.store(ANA, &crate::support::new_record("phone", &there, DataSource::Registration, "x")).await,
        world
            .store(ANA, &NewRecord { collected_at: Some(time("2026-10-01")), ..email("old@example.org") })
            .await,
    ];
    for other in &others {
        transplant(&world, &donor, other).await;
        let outcome = world.read(other, "billing").await;
        assert!(
            matches!(outcome, Err(VaultError::Encryption(_) | VaultError::Destroyed)),
            "{other}: {outcome:?}"
        );
    }
    assert!(world.read(&donor, "billing").await.is_ok());

    let mut stream = world.vault.stream(A, Selection::Person(ANA), purpose("billing"), &world.actor);
    let page = stream.next_page().await.unwrap().unwrap();
    assert_eq!(
        (page.records.len(), page.unreadable.len()),
        (1, 4),
        "one damaged record does not stop the others"
    );
    assert!(page.unreadable.iter().any(|one| one.cause == UnreadableCause::Damaged));
}

#[tokio::test]
async fn clause_5_a_an_altered_value_is_not_opened() {
    let world = World::new().await;
    let record = world.store(ANA, &email("ana@example.org")).await;
    let mut draft = Draft::new(world.storage.as_ref(), A);
    draft.load([record.key()]).await.unwrap();
    let mut row = draft.row::<RecordRow>(&record.key()).unwrap().unwrap().clone();
    let last = row.value.envelope.len() - 1;
    row.value.envelope[last] ^= 1;
    draft.put(record.key(), row, None).unwrap();
    world.commit(draft).await;
    assert!(matches!(world.read(&record, "billing").await, Err(VaultError::Encryption(_))));
    // It can be replaced, since nothing of it is needed for that.
    let value = RecordValue::from("new@example.org");
    let _ = world.vault.update(A, &record, &value, DataSource::Registration, &world.actor).await.unwrap();
    assert_eq!(world.read(&record, "billing").await.unwrap(), value);
}

#[tokio::test]
async fn clause_5_a_an_earlier_value_does_not_pass_for_the_present_one() {
    let world = World::new().await;
    let record = world.store(ANA, &invoice("first")).await;
    let _ = world.vault.update(A, &record, &"second".into(), DataSource::Use, &world.actor).await.unwrap();
    let (_, stored) =
        world.rows(A).await.into_iter().find(|(key, _)| key.kind() == RowKind::RecordRevision).unwrap();
    let mut draft = Draft::new(world.storage.as_ref(), A);
    draft.load([record.key()]).await.unwrap();
    let row = draft.row::<RecordRow>(&record.key()).unwrap().unwrap().clone();
    let value = RecordRevisionRow::of(&stored.body).unwrap().value.clone();
    draft.put(record.key(), RecordRow { value, ..row }, None).unwrap();
    world.commit(draft).await;
    assert!(matches!(world.read(&record, "billing").await, Err(VaultError::Encryption(_))));
}

#[tokio::test]
async fn a_value_whose_key_was_destroyed_stays_closed_and_its_rows_can_go() {
    let world = World::new().await;
    let record = world.store(ANA, &invoice("x")).await;
    let place = world
        .rows(A)
        .await
        .into_iter()
        .find_map(|(key, stored)| {
            let is_of_vault =
                matches!(&key, Key::DataKey { category, .. } if category.as_str() == "billing_information");
            (is_of_vault && DataKeyRow::of(&stored.body).is_some()).then_some(key)
        })
        .unwrap();
    let mut draft = Draft::new(world.storage.as_ref(), A);
    wzapi_encryption::shredding::stage_destruction(&mut draft, [place]).await.unwrap();
    world.commit(draft).await;

    assert!(matches!(world.read(&record, "billing").await, Err(VaultError::Destroyed)));
    let outcome = world.vault.update(A, &record, &"y".into(), DataSource::Use, &world.actor).await;
    assert!(matches!(outcome, Err(VaultError::Destroyed)), "a correction does not revive it");
    let mut stream = world.vault.stream(A, Selection::Person(ANA), purpose("billing"), &world.actor);
    let page = stream.next_page().await.unwrap().unwrap();
    assert_eq!(page.unreadable[0].cause, UnreadableCause::Destroyed);
    let reason = wzapi_vault::decision::disposition::DisposalReason::StoredInError;
    let _ = world.vault.dispose(A, &record, reason, &world.actor).await.unwrap();
    world.check(A).await;
}

#[tokio::test]
async fn records_have_unguessable_ids() {
    let world = World::new().await;
    let one = world.store(ANA, &usage("a")).await;
    let other = world.store(ANA, &usage("a")).await;
    assert_ne!(one.record, other.record);
    let guess = RecordRef { record: RecordId::from_bytes([7; 16]), ..one };
    assert!(matches!(world.read(&guess, "service_improvement").await, Err(VaultError::ReadRefused(_))));
}
