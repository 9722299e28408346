//! Records go, with their rows, and with the last one its key.

use serde_json::json;
use wzapi_model::ids::SubjectId;
use wzapi_policy::file::DataSource;
use wzapi_policy::retention::Trigger;
use wzapi_storage::key::{Key, RowKind};
use wzapi_storage::{Draft, Storage};
use wzapi_vault::decision::disposition::{DisposalReason, DisposalRefusal};
use wzapi_vault::decision::retention::RetentionEvent;
use wzapi_vault::vault::{Disposed, MAX_DISPOSED_TOGETHER};
use wzapi_vault::{NewRecord, RecordRef, VaultError};

use crate::support::{A, ANA, B, BEN, World, email, invoice, message, time};

async fn dispose(world: &World, record: &RecordRef) -> Disposed {
    world.vault.dispose(A, record, DisposalReason::ErasureRequested, &world.actor).await.unwrap()
}

fn destroyed_key(disposed: Disposed) -> bool {
    match disposed {
        Disposed::Now { is_key_destroyed, .. } => is_key_destroyed,
        Disposed::Gone => panic!("nothing was there"),
    }
}

/// The rows about records, and the keys that seal them.
async fn rows_left(world: &World) -> Vec<Key> {
    let of_records = |key: &Key| match key {
        Key::DataKey { category, .. } => category.as_str() != "accountability",
        other => {
            matches!(other.kind(), RowKind::Record | RowKind::RecordRevision | RowKind::RecordOfCategory)
        }
    };
    world.rows(A).await.into_iter().map(|(key, _)| key).filter(of_records).collect()
}

#[tokio::test]
async fn clause_7_c_the_key_goes_with_the_last_record_and_not_before() {
    let world = World::new().await;
    let records = [
        world.store(ANA, &email("one@example.org")).await,
        world.store(ANA, &email("two@example.org")).await,
        world.store(ANA, &email("three@example.org")).await,
    ];
    let others = [
        world.store(BEN, &email("ben@example.org")).await,
        world.store(ANA, &message("hello")).await,
        world
            .store(ANA, &NewRecord { collected_at: Some(time("2026-10-01")), ..email("old@example.org") })
            .await,
    ];
    assert!(!destroyed_key(dispose(&world, &records[1]).await));
    assert_eq!(world.read(&records[0], "billing").await.unwrap(), "one@example.org".into());
    assert!(!destroyed_key(dispose(&world, &records[0]).await));
    assert_eq!(world.read(&records[2], "billing").await.unwrap(), "three@example.org".into());
    assert!(destroyed_key(dispose(&world, &records[2]).await));
    for other in &others {
        let for_what = if other.category.as_str() == "email" { "billing" } else { "service_provision" };
        assert!(world.read(other, for_what).await.is_ok(), "{other}");
    }
    world.check(A).await;
    assert_eq!(dispose(&world, &records[2]).await, Disposed::Gone);

    let entries = world.entries(A).await;
    let disposed: Vec<_> = entries.iter().filter(|(_, event)| event["type"] == "record.disposed").collect();
    assert_eq!(disposed.len(), 3);
    let last = disposed.iter().find(|(_, event)| event["key_destroyed"] == json!(true)).unwrap();
    let expected = json!({
        "type": "record.disposed", "at": world.now().as_millis(), "controller": A.to_string(), "actor": "tester",
        "subject": ANA.to_string(), "record": records[2].record.to_string(), "category": "email",
        "month": "2026-11", "reason": "erasure_requested", "key_destroyed": true,
    });
    assert_eq!(last.1, expected);
}

#[tokio::test]
async fn clause_7_c_nothing_is_left_of_a_record_but_its_entries() {
    let world = World::new().await;
    let record = world.store(ANA, &invoice("one")).await;
    for value in ["two", "three"] {
        let _ = world.vault.update(A, &record, &value.into(), DataSource::Use, &world.actor).await.unwrap();
    }
    assert_eq!(rows_left(&world).await.len(), 5);
    let reason = DisposalReason::StoredInError;
    let disposed = world.vault.dispose(A, &record, reason, &world.actor).await.unwrap();
    assert!(destroyed_key(disposed));
    assert_eq!(rows_left(&world).await, []);
    assert_eq!(world.entry_types(A).await.values().sum::<usize>(), 4);
    world.check(A).await;
    // A later record of the same person, category and month has a new key.
    let later = world.store(ANA, &invoice("four")).await;
    assert_eq!(world.read(&later, "billing").await.unwrap(), "four".into());
    world.check(A).await;
}

#[tokio::test]
async fn clause_6_b_what_a_law_asks_for_is_not_disposed_of() {
    let world = World::new().await;
    let record = world.store(ANA, &invoice("invoice 17")).await;
    for reason in [DisposalReason::ErasureRequested, DisposalReason::PurposeEnded] {
        let outcome = world.vault.dispose(A, &record, reason, &world.actor).await;
        assert!(matches!(outcome, Err(VaultError::DisposalRefused(DisposalRefusal::LegalDuty))));
    }
    let ended = DisposalReason::RetentionEnded;
    let outcome = world.vault.dispose(A, &record, ended, &world.actor).await;
    assert!(matches!(outcome, Err(VaultError::DisposalRefused(DisposalRefusal::StillKept))));
    let closed = RetentionEvent::Trigger(Trigger::AccountClosed);
    let _ = world.vault.set_event(A, &record, closed, world.now(), &world.actor).await.unwrap();
    world.clock.set(time("2035-03-31T18:29:59Z"));
    assert!(world.vault.dispose(A, &record, ended, &world.actor).await.is_err());
    world.clock.set(time("2035-03-31T18:30:00Z"));
    assert!(destroyed_key(world.vault.dispose(A, &record, ended, &world.actor).await.unwrap()));
    world.check(A).await;
}

#[tokio::test]
async fn clause_5_b_another_controller_disposes_of_nothing() {
    let world = World::new().await;
    let record = world.store(BEN, &email("ben@example.org")).await;
    let disposed =
        world.vault.dispose(B, &record, DisposalReason::ErasureRequested, &world.actor).await.unwrap();
    assert_eq!(disposed, Disposed::Gone);
    assert!(world.read(&record, "billing").await.is_ok());
    assert!(world.entries(B).await.is_empty());
}

#[tokio::test]
async fn records_of_many_people_go_in_one_changeset() {
    let world = World::new().await;
    let mut records = Vec::new();
    for one in 0..12_u8 {
        let subject = if one % 3 == 0 { BEN } else { ANA };
        let month = if one % 2 == 0 { "2026-10-05" } else { "2026-11-05" };
        let new = NewRecord { collected_at: Some(time(month)), ..email("x@example.org") };
        records.push(world.store(subject, &new).await);
    }
    let kept = records.pop().unwrap();
    let fixed = world.store(ANA, &invoice("law")).await;
    let absent = RecordRef { subject: BEN, ..kept.clone() };
    let asked: Vec<RecordRef> = records.iter().chain([&fixed, &absent, &records[0]]).cloned().collect();

    world.vault.retire_keys(A, &asked).await.unwrap();
    let before = world.storage.counts();
    let keys = world.keys(A).await;
    let mut draft = Draft::new(world.storage.as_ref(), A);
    let reason = DisposalReason::ErasureRequested;
    let now = world.now();
    let staged =
        world.vault.stage_disposal(&mut draft, &keys, &asked, reason, &world.actor, now).await.unwrap();
    assert_eq!(staged.entries.len(), 11);
    assert_eq!(staged.refused, [(fixed.clone(), DisposalRefusal::LegalDuty)]);
    assert_eq!(staged.gone, [absent]);
    assert_eq!(staged.destroyed_keys.len(), 3, "of four keys, one has a record left");
    let entries = staged.entries;
    let _ = world.parts.ledger.commit(draft, entries).await.unwrap();
    let after = world.storage.counts();
    assert_eq!(after[2] - before[2], 1);
    assert!(world.read(&kept, "billing").await.is_ok());
    assert!(world.read(&fixed, "billing").await.is_ok());
    world.check(A).await;

    let many = vec![kept.clone(); MAX_DISPOSED_TOGETHER + 1];
    assert!(matches!(world.vault.retire_keys(A, &many).await, Err(VaultError::Invalid(_))));
}

#[tokio::test]
async fn a_key_that_is_not_retired_is_not_destroyed() {
    let world = World::new().await;
    let record = world.store(ANA, &email("ana@example.org")).await;
    let keys = world.keys(A).await;
    let stage = || async {
        let mut draft = Draft::new(world.storage.as_ref(), A);
        let records = std::slice::from_ref(&record);
        let reason = DisposalReason::ErasureRequested;
        let now = world.now();
        let staged = world.vault.stage_disposal(&mut draft, &keys, records, reason, &world.actor, now).await;
        staged.map(|staged| (draft, staged))
    };
    assert!(matches!(stage().await, Err(VaultError::Busy)));
    world.vault.retire_keys(A, std::slice::from_ref(&record)).await.unwrap();
    assert_eq!(world.read(&record, "billing").await.unwrap(), "ana@example.org".into(), "still readable");

    // Retired, staged, and then something is stored before the disposal commits.
    let (draft, staged) = stage().await.unwrap();
    let other = world.store(ANA, &email("new@example.org")).await;
    let entries = staged.entries;
    assert!(matches!(
        world.parts.ledger.commit(draft, entries).await,
        Err(wzapi_ledger::LedgerError::Conflict)
    ));
    assert!(!destroyed_key(dispose(&world, &record).await));
    assert_eq!(world.read(&other, "billing").await.unwrap(), "new@example.org".into());
    world.check(A).await;
}

#[tokio::test]
async fn a_record_stored_before_the_key_was_retired_is_found() {
    let world = World::new().await;
    let record = world.store(ANA, &email("ana@example.org")).await;
    let keys = world.keys(A).await;
    // A store that has read the key and not committed yet.
    let mut storing = Draft::new(world.storage.as_ref(), A);
    let (other, entry) = world
        .vault
        .stage_store(&mut storing, &keys, ANA, &email("new@example.org"), &world.actor, world.now())
        .await
        .unwrap();
    // It commits between the first look and the retirement.
    let _ = world.parts.ledger.commit(storing, vec![entry]).await.unwrap();
    assert!(!destroyed_key(dispose(&world, &record).await));
    assert!(world.read(&other, "billing").await.is_ok());

    // Another one, that commits after the retirement, has to begin again.
    let mut storing = Draft::new(world.storage.as_ref(), A);
    let (_, entry) = world
        .vault
        .stage_store(&mut storing, &keys, ANA, &email("newest@example.org"), &world.actor, world.now())
        .await
        .unwrap();
    world.vault.retire_keys(A, std::slice::from_ref(&other)).await.unwrap();
    let outcome = world.parts.ledger.commit(storing, vec![entry]).await;
    assert!(matches!(outcome, Err(wzapi_ledger::LedgerError::Conflict)));
    world.check(A).await;
}

#[tokio::test]
async fn the_last_two_disposals_do_not_both_leave_the_key_to_the_other() {
    let world = World::new().await;
    let one = world.store(ANA, &email("one@example.org")).await;
    let two = world.store(ANA, &email("two@example.org")).await;
    let keys = world.keys(A).await;
    let mut drafts = Vec::new();
    for record in [&one, &two] {
        let mut draft = Draft::new(world.storage.as_ref(), A);
        let (reason, now) = (DisposalReason::ErasureRequested, world.now());
        let records = std::slice::from_ref(record);
        let staged =
            world.vault.stage_disposal(&mut draft, &keys, records, reason, &world.actor, now).await.unwrap();
        assert!(staged.destroyed_keys.is_empty());
        drafts.push((draft, staged.entries));
    }
    let (second, first) = (drafts.pop().unwrap(), drafts.pop().unwrap());
    let _ = world.parts.ledger.commit(first.0, first.1).await.unwrap();
    assert!(matches!(
        world.parts.ledger.commit(second.0, second.1).await,
        Err(wzapi_ledger::LedgerError::Conflict)
    ));
    assert!(destroyed_key(dispose(&world, &two).await));
    assert_eq!(rows_left(&world).await, []);
}

#[tokio::test]
async fn a_merged_person_has_records_under_both_ids_and_one_list() {
    let world = World::new().await;
    let before = world.store(BEN, &email("ben@example.org")).await;
    world.merge(A, BEN, ANA).await;
    let after = world.store(BEN, &email("benedict@example.org")).await;
    assert_eq!((before.subject, after.subject), (BEN, ANA), "what comes later is filed under the survivor");
    assert!(world.read(&before, "billing").await.is_ok());
    let _ = world
        .vault
        .update(A, &before, &"b@example.org".into(), DataSource::Registration, &world.actor)
        .await
        .unwrap();
    for subject in [ANA, BEN] {
        let selection = wzapi_vault::vault::Selection::Person(subject);
        let page = world.vault.list(A, &selection, None, 10).await.unwrap();
        assert_eq!(page.records.len(), 2);
    }
    assert!(destroyed_key(dispose(&world, &before).await));
    world.check(A).await;
    // Merged in a circle: damaged, and nothing is written.
    let three = SubjectId::from_bytes([3; 16]);
    world.know(A, three, |row| row.merged_into = Some(three)).await;
    let outcome = world.vault.store(A, three, &email("x"), &world.actor).await;
    assert!(matches!(outcome, Err(VaultError::Damaged(_))));
    let scan = world.storage.counts();
    assert!(scan[2] > 0 && world.storage.get(A, &[before.key()]).await.unwrap()[0].is_none());
}
