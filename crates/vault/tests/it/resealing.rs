//! What is left of a month is sealed anew, and what was disposed of is beyond recovery.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use wzapi_encryption::{EncryptionError, Place};
use wzapi_policy::file::DataSource;
use wzapi_storage::row::{DataKeyRow, RecordRow, RowType, Sealed};
use wzapi_storage::{Draft, Key, Storage};
use wzapi_vault::decision::admission::KEPT_ELSEWHERE;
use wzapi_vault::decision::disposition::DisposalReason;
use wzapi_vault::vault::{CohortRef, Resealed, Resealing};
use wzapi_vault::{NewRecord, RecordRef, VaultError};

use crate::support::{A, ANA, BEN, World, email, invoice, purpose, time};

fn cohort_of(record: &RecordRef) -> CohortRef {
    let RecordRef { subject, category, cohort, .. } = record.clone();
    CohortRef { subject, category, cohort }
}

fn data_key_of(record: &RecordRef) -> Key {
    let owner = wzapi_storage::Owner::Subject(record.subject);
    Key::DataKey { owner, category: record.category.clone(), cohort: record.cohort }
}

async fn row_of<T: RowType + Clone>(world: &World, key: &Key) -> Option<T> {
    let rows = world.storage.get(A, std::slice::from_ref(key)).await.unwrap();
    rows[0].as_ref().and_then(|stored| T::of(&stored.body)).cloned()
}

async fn versions(world: &World, record: &RecordRef) -> usize {
    row_of::<DataKeyRow>(world, &data_key_of(record)).await.unwrap().versions.len()
}

/// Takes steps until it is done; how many there were.
async fn reseal(world: &World, cohort: &CohortRef, mut step: Option<Resealing>) -> usize {
    for taken in 1..100 {
        match world.vault.reseal_cohort(A, cohort, step, &world.actor).await.unwrap() {
            // As whoever goes on tomorrow: from what was written down.
            Resealed::More(next) => {
                step = Some(serde_json::from_str(&serde_json::to_string(&next).unwrap()).unwrap());
            }
            Resealed::Done | Resealed::Nothing => return taken,
        }
    }
    panic!("a re-sealing has an end")
}

async fn opens(world: &World, record: &RecordRef, sealed: &Sealed) -> Result<(), EncryptionError> {
    let (key, place) = (record.key(), data_key_of(record));
    let key_row: Option<DataKeyRow> = row_of(world, &place).await;
    let place_of_value = Place { controller: A, row: &key, field: "value" };
    world.keys(A).await.open(&place, key_row.as_ref(), &place_of_value, sealed).map(drop)
}

#[tokio::test]
async fn clause_7_c_what_was_disposed_of_cannot_be_opened_from_an_old_copy_any_more() {
    let world = World::new().await;
    let gone = world.store(ANA, &email("gone@example.org")).await;
    let stays = world.store(ANA, &email("stays@example.org")).await;
    let elsewhere = world.store(BEN, &email("ben@example.org")).await;
    let old_copy = row_of::<RecordRow>(&world, &gone.key()).await.unwrap().value;
    let _ = world.vault.dispose(A, &gone, DisposalReason::ErasureRequested, &world.actor).await.unwrap();
    assert!(opens(&world, &gone, &old_copy).await.is_ok(), "the key is still needed, and opens the old copy");

    let before: DataKeyRow = row_of(&world, &data_key_of(&elsewhere)).await.unwrap();
    reseal(&world, &cohort_of(&stays), None).await;
    assert!(matches!(opens(&world, &gone, &old_copy).await, Err(EncryptionError::KeyMissing)));
    assert_eq!(world.read(&stays, "billing").await.unwrap(), "stays@example.org".into());
    assert_eq!(row_of::<DataKeyRow>(&world, &data_key_of(&elsewhere)).await.unwrap(), before);
    let entries = world.entries(A).await;
    let resealed = entries.iter().find(|(_, event)| event["type"] == "record.cohort_resealed").unwrap();
    assert_eq!(
        (&resealed.1["category"], &resealed.1["month"], &resealed.1["subject"]),
        (&"email".into(), &"2026-11".into(), &ANA.to_string().into())
    );
    world.check(A).await;
}

#[tokio::test]
async fn many_records_with_history_are_sealed_anew_step_by_step() {
    let world = World::new().await;
    let mut records = Vec::new();
    for one in 0..90 {
        let record = world.store(ANA, &invoice(one.to_string().as_str())).await;
        for again in 0..(one % 3) {
            let value = format!("{one}.{again}");
            let value = value.as_str().into();
            let _ = world.vault.update(A, &record, &value, DataSource::Use, &world.actor).await.unwrap();
        }
        records.push(record);
    }
    let steps = reseal(&world, &cohort_of(&records[0]), None).await;
    assert!(steps >= 4, "{steps}");
    assert_eq!(versions(&world, &records[0]).await, 1);
    for (one, record) in records.iter().enumerate() {
        let mut values = Vec::new();
        for earlier in world.vault.history(A, record, &purpose("billing"), &world.actor).await.unwrap() {
            values.push(earlier.value);
        }
        values.push(world.read(record, "billing").await.unwrap());
        assert_eq!(values.len(), one % 3 + 1);
        assert_eq!(values[0], one.to_string().as_str().into());
    }
    world.check(A).await;
}

#[tokio::test]
async fn a_step_that_is_taken_twice_or_belongs_to_an_older_resealing_loses_nothing() {
    let world = World::new().await;
    let record = world.store(ANA, &email("ana@example.org")).await;
    let cohort = cohort_of(&record);
    let Resealed::More(first) = world.vault.reseal_cohort(A, &cohort, None, &world.actor).await.unwrap()
    else {
        panic!("there is something to do")
    };
    let Resealed::More(second) =
        world.vault.reseal_cohort(A, &cohort, Some(first), &world.actor).await.unwrap()
    else {
        panic!("it has to be finished")
    };
    let again = world.vault.reseal_cohort(A, &cohort, Some(first), &world.actor).await.unwrap();
    assert_eq!(again, Resealed::More(second));
    assert_eq!(
        world.vault.reseal_cohort(A, &cohort, Some(second), &world.actor).await.unwrap(),
        Resealed::Done
    );
    assert_eq!(
        world.vault.reseal_cohort(A, &cohort, Some(second), &world.actor).await.unwrap(),
        Resealed::Done
    );
    assert_eq!(versions(&world, &record).await, 1);

    // A new one begins, and an old step is taken up: it goes on with the new one.
    let _ = world.vault.reseal_cohort(A, &cohort, None, &world.actor).await.unwrap();
    assert_eq!(versions(&world, &record).await, 2);
    reseal(&world, &cohort, Some(second)).await;
    assert_eq!(versions(&world, &record).await, 1);
    assert_eq!(world.read(&record, "billing").await.unwrap(), "ana@example.org".into());
    world.check(A).await;
}

#[tokio::test]
async fn a_step_that_skipped_records_does_not_destroy_their_key() {
    let world = World::new().await;
    let records = [world.store(ANA, &email("a@b.c")).await, world.store(ANA, &email("d@e.f")).await];
    let cohort = cohort_of(&records[0]);
    let Resealed::More(first) = world.vault.reseal_cohort(A, &cohort, None, &world.actor).await.unwrap()
    else {
        panic!("there is something to do")
    };
    // A step whose position was lost in the middle and written down wrongly.
    let mut skipping = serde_json::to_value(first).unwrap();
    skipping["after"] = serde_json::json!("ffffffff-ffff-4fff-bfff-ffffffffffff");
    let skipping: Resealing = serde_json::from_value(skipping).unwrap();
    reseal(&world, &cohort, Some(skipping)).await;
    assert_eq!(versions(&world, &records[0]).await, 1);
    for record in &records {
        assert!(world.read(record, "billing").await.is_ok());
    }
    world.check(A).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_are_stored_corrected_and_disposed_of_meanwhile() {
    for _ in 0..6 {
        let world = Arc::new(World::new().await);
        let fixed = world.store(ANA, &invoice("fixed")).await;
        for _ in 0..8 {
            world.store(ANA, &invoice("other")).await;
        }
        world.storage.takes_time.store(true, Ordering::SeqCst);
        let mut tasks = Vec::new();
        for one in 0..4 {
            let (world, fixed) = (Arc::clone(&world), fixed.clone());
            tasks.push(tokio::spawn(async move {
                for _ in 0..4 {
                    if one % 2 == 0 {
                        let value = "changed".into();
                        let _ = world
                            .vault
                            .update(A, &fixed, &value, DataSource::Use, &world.actor)
                            .await
                            .unwrap();
                    } else {
                        let record = world.store(ANA, &invoice("new")).await;
                        assert!(world.read(&record, "billing").await.is_ok());
                        let reason = DisposalReason::StoredInError;
                        let _ = world.vault.dispose(A, &record, reason, &world.actor).await.unwrap();
                    }
                    let history =
                        world.vault.history(A, &fixed, &purpose("billing"), &world.actor).await.unwrap();
                    assert!(history.len() <= 8);
                }
            }));
        }
        let cohort = cohort_of(&fixed);
        reseal(&world, &cohort, None).await;
        for task in tasks {
            task.await.unwrap();
        }
        world.check(A).await;
        reseal(&world, &cohort, None).await;
        assert_eq!(versions(&world, &fixed).await, 1);
        world.check(A).await;
    }
}

#[tokio::test]
async fn where_there_is_nothing_there_is_nothing_to_do() {
    let world = World::new().await;
    let old = NewRecord { collected_at: Some(time("2026-10-01")), ..email("x") };
    let record = world.store(ANA, &old).await;
    let other = CohortRef { cohort: wzapi_storage::key::Cohort(0), ..cohort_of(&record) };
    let taken = world.vault.reseal_cohort(A, &other, None, &world.actor).await.unwrap();
    assert_eq!(taken, Resealed::Nothing);
    let _ = Draft::new(world.storage.as_ref(), A);
    assert_eq!(versions(&world, &record).await, 1);
}

#[tokio::test]
async fn keys_that_other_parts_use_are_never_replaced_or_destroyed() {
    let world = World::new().await;
    let record = world.store(ANA, &email("ana@example.org")).await;
    for category in KEPT_ELSEWHERE {
        let category: wzapi_model::name::DataCategory = category.parse().unwrap();
        let cohort = CohortRef { category: category.clone(), ..cohort_of(&record) };
        let outcome = world.vault.reseal_cohort(A, &cohort, None, &world.actor).await;
        assert!(matches!(outcome, Err(VaultError::Invalid(_))), "{category}: {outcome:?}");
        let of_others = RecordRef { category, ..record.clone() };
        let reason = DisposalReason::StoredInError;
        let outcome = world.vault.dispose(A, &of_others, reason, &world.actor).await;
        assert!(matches!(outcome, Err(VaultError::Invalid(_))), "{outcome:?}");
        let outcome = world.vault.retire_keys(A, std::slice::from_ref(&of_others)).await;
        assert!(matches!(outcome, Err(VaultError::Invalid(_))), "{outcome:?}");
    }
}
