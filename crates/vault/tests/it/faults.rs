//! A store that fails at every call in turn: nothing is half done, and trying again is safe.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use wzapi_policy::file::DataSource;
use wzapi_storage_memory::MemoryStorage;
use wzapi_storage_testkit::faulty::{Fault, FaultyStorage, Rates};
use wzapi_vault::decision::disposition::DisposalReason;
use wzapi_vault::decision::retention::RetentionEvent;
use wzapi_vault::vault::{CohortRef, Resealed, Selection};
use wzapi_vault::{RecordRef, VaultError};

use crate::support::{A, ANA, World, email, invoice, purpose};

type Outcome<'w> = Pin<Box<dyn Future<Output = Result<(), VaultError>> + 'w>>;
type Operation = for<'w> fn(&'w World, &'w [RecordRef]) -> Outcome<'w>;

const FAULTS: [Fault; 3] = [Fault::Unavailable, Fault::UnknownBefore, Fault::UnknownAfter];

/// Runs an operation with each fault at each of its calls, and then again without; `done` says that it took effect.
async fn at_every_call(operation: Operation, done: impl AsyncFn(&World, &[RecordRef])) {
    for fault in FAULTS {
        for call in 0.. {
            assert!(call < 200, "an operation of bounded cost");
            let rows = Arc::new(MemoryStorage::new());
            let healthy = World::over(rows.clone());
            healthy.register().await;
            let records = [
                healthy.store(ANA, &invoice("first")).await,
                healthy.store(ANA, &invoice("second")).await,
                healthy.store(ANA, &email("ana@example.org")).await,
            ];
            let _ = healthy
                .vault
                .update(A, &records[0], &"corrected".into(), DataSource::Use, &healthy.actor)
                .await
                .unwrap();
            let store = Arc::new(FaultyStorage::new(rows).with_fault(call, fault));
            let failing = World::over(store.clone());
            let outcome = operation(&failing, &records).await;
            healthy.check(A).await;
            if store.struck() == 0 {
                outcome.unwrap();
                done(&healthy, &records).await;
                break;
            }
            if outcome.is_err() {
                operation(&healthy, &records).await.unwrap();
            }
            done(&healthy, &records).await;
            healthy.check(A).await;
        }
    }
}

async fn list(world: &World) -> BTreeSet<RecordRef> {
    let page = world.vault.list(A, &Selection::Person(ANA), None, 100).await.unwrap();
    page.records.into_iter().map(|info| info.record).collect()
}

#[tokio::test]
async fn a_store_that_fails_names_what_it_may_have_stored() {
    for fault in FAULTS {
        for call in 0..200 {
            let rows = Arc::new(MemoryStorage::new());
            let healthy = World::over(rows.clone());
            healthy.register().await;
            let store = Arc::new(FaultyStorage::new(rows).with_fault(call, fault));
            let failing = World::over(store.clone());
            let outcome = failing.vault.store(A, ANA, &email("ana@example.org"), &failing.actor).await;
            healthy.check(A).await;
            let stored = list(&healthy).await;
            match outcome {
                Ok(record) => assert_eq!(stored, [record].into()),
                Err(VaultError::UnknownOutcome { record: Some(record) }) => {
                    let found = healthy.vault.find(A, &record).await.unwrap();
                    assert_eq!(found.is_some(), stored.contains(&record));
                }
                Err(_) => assert!(stored.is_empty(), "{fault:?} at call {call}"),
            }
            if store.struck() == 0 {
                break;
            }
        }
    }
}

#[tokio::test]
async fn a_store_whose_outcome_cannot_be_learned_names_its_record() {
    let rows = Arc::new(MemoryStorage::new());
    let healthy = World::over(rows.clone());
    healthy.register().await;
    let always = Rates { unknown_after: 1000, ..Rates::default() };
    let store = Arc::new(FaultyStorage::new(rows).with_rates(1, always));
    let failing = World::over(store.clone());
    store.set_armed(false);
    failing.store(ANA, &email("warm@example.org")).await;
    // Reads are refused too under this fault, so only the commit may meet it.
    let keys = failing.keys(A).await;
    let mut draft = wzapi_storage::Draft::new(failing.storage.as_ref(), A);
    let (record, entry) = failing
        .vault
        .stage_store(&mut draft, &keys, ANA, &email("ana@example.org"), &failing.actor, failing.now())
        .await
        .unwrap();
    store.set_armed(true);
    let outcome = failing.parts.ledger.commit(draft, vec![entry]).await;
    let error = VaultError::from(outcome.unwrap_err());
    assert!(
        matches!(error, VaultError::UnknownOutcome { record: None } | VaultError::Ledger(_)),
        "{error:?}"
    );
    healthy.check(A).await;
    assert!(list(&healthy).await.len() <= 2);
    let _ = healthy.vault.find(A, &record).await.unwrap();
}

#[tokio::test]
async fn a_correction_is_made_or_not() {
    fn operation<'w>(world: &'w World, records: &'w [RecordRef]) -> Outcome<'w> {
        Box::pin(async move {
            let (vault, actor) = (&world.vault, &world.actor);
            vault.update(A, &records[0], &"again".into(), DataSource::Use, actor).await.map(drop)
        })
    }
    at_every_call(operation, async |world, records| {
        assert_eq!(world.read(&records[0], "billing").await.unwrap(), "again".into());
        let earlier = world.vault.history(A, &records[0], &purpose("billing"), &world.actor).await.unwrap();
        assert!(earlier.len() == 2 || earlier.len() == 3);
        assert_eq!(earlier[1].value, "corrected".into());
    })
    .await;
}

#[tokio::test]
async fn a_restriction_and_an_event_are_noted_or_not() {
    fn operation<'w>(world: &'w World, records: &'w [RecordRef]) -> Outcome<'w> {
        Box::pin(async move {
            let (vault, actor) = (&world.vault, &world.actor);
            let _ = vault.restrict(A, &records[1], &BTreeSet::new(), actor).await?;
            let ended = RetentionEvent::ServiceEnded;
            let _ = vault.set_event(A, &records[2], ended, world.now(), actor).await?;
            Ok(())
        })
    }
    at_every_call(operation, async |world, records| {
        assert!(world.vault.find(A, &records[1]).await.unwrap().unwrap().restriction.is_some());
        let info = world.vault.find(A, &records[2]).await.unwrap().unwrap();
        assert_eq!(info.due_at, Some(world.now()));
        assert_eq!(world.entry_types(A).await["record.restricted"], 1, "the same restriction again is none");
    })
    .await;
}

#[tokio::test]
async fn a_record_is_disposed_of_or_not() {
    fn operation<'w>(world: &'w World, records: &'w [RecordRef]) -> Outcome<'w> {
        Box::pin(async move {
            let (vault, actor) = (&world.vault, &world.actor);
            let _ = vault.dispose(A, &records[0], DisposalReason::StoredInError, actor).await?;
            Ok(())
        })
    }
    at_every_call(operation, async |world, records| {
        assert_eq!(list(world).await, [records[1].clone(), records[2].clone()].into());
        assert!(world.read(&records[1], "billing").await.is_ok());
    })
    .await;
}

#[tokio::test]
async fn the_last_record_goes_with_its_key_or_not_at_all() {
    fn operation<'w>(world: &'w World, records: &'w [RecordRef]) -> Outcome<'w> {
        Box::pin(async move {
            let (vault, actor) = (&world.vault, &world.actor);
            let _ = vault.dispose(A, &records[2], DisposalReason::ErasureRequested, actor).await?;
            Ok(())
        })
    }
    at_every_call(operation, async |world, records| {
        assert_eq!(list(world).await, [records[0].clone(), records[1].clone()].into());
    })
    .await;
}

#[tokio::test]
async fn a_refused_read_is_recorded_or_is_an_error() {
    fn operation<'w>(world: &'w World, records: &'w [RecordRef]) -> Outcome<'w> {
        Box::pin(async move {
            match world.read(&records[0], "marketing").await {
                Err(VaultError::ReadRefused(_)) => Ok(()),
                Err(error) => Err(error),
                Ok(_) => panic!("it was opened"),
            }
        })
    }
    at_every_call(operation, async |world, _| {
        assert!(world.entry_types(A).await["record.read_refused"] >= 1);
    })
    .await;
}

#[tokio::test]
async fn a_read_that_must_be_recorded_and_cannot_opens_nothing() {
    fn operation<'w>(world: &'w World, records: &'w [RecordRef]) -> Outcome<'w> {
        Box::pin(async move {
            let world = world.logging_reads();
            world.read(&records[0], "billing").await.map(drop)?;
            let mut stream = world.vault.stream(A, Selection::Person(ANA), purpose("billing"), &world.actor);
            while stream.next_page().await?.is_some() {}
            Ok(())
        })
    }
    at_every_call(operation, async |world, _| {
        assert!(world.entry_types(A).await["record.read"] >= 2);
    })
    .await;
}

#[tokio::test]
async fn a_resealing_that_fails_anywhere_loses_nothing() {
    fn operation<'w>(world: &'w World, records: &'w [RecordRef]) -> Outcome<'w> {
        Box::pin(async move {
            let RecordRef { subject, category, cohort, .. } = records[0].clone();
            let cohort = CohortRef { subject, category, cohort };
            let mut step = None;
            while let Resealed::More(next) = world.vault.reseal_cohort(A, &cohort, step, &world.actor).await?
            {
                step = Some(next);
            }
            Ok(())
        })
    }
    at_every_call(operation, async |world, records| {
        assert_eq!(world.read(&records[0], "billing").await.unwrap(), "corrected".into());
        assert_eq!(world.read(&records[1], "billing").await.unwrap(), "second".into());
        let earlier = world.vault.history(A, &records[0], &purpose("billing"), &world.actor).await.unwrap();
        assert_eq!(earlier[0].value, "first".into());
    })
    .await;
}

#[tokio::test]
async fn faults_by_chance_leave_nothing_half_done() {
    for seed in 0..24 {
        let rows = Arc::new(MemoryStorage::new());
        let healthy = World::over(rows.clone());
        healthy.register().await;
        let store = Arc::new(FaultyStorage::new(rows).with_rates(seed, Rates::HARSH));
        let failing = World::over(store);
        let mut stored = Vec::new();
        for turn in 0..30_usize {
            let (vault, actor) = (&failing.vault, &failing.actor);
            match turn % 5 {
                0 | 1 => {
                    if let Ok(record) = vault.store(A, ANA, &invoice("x"), actor).await {
                        stored.push(record);
                    }
                }
                2 => {
                    if let Some(record) = stored.get(turn % 3) {
                        let _ = vault.update(A, record, &"y".into(), DataSource::Use, actor).await;
                    }
                }
                3 => {
                    if let Some(record) = stored.first() {
                        let _ = world_read(&failing, record).await;
                    }
                }
                _ => {
                    if let Some(record) = stored.pop() {
                        let _ = vault.dispose(A, &record, DisposalReason::StoredInError, actor).await;
                    }
                }
            }
        }
        healthy.check(A).await;
        for record in list(&healthy).await {
            assert!(healthy.read(&record, "billing").await.is_ok());
        }
    }
}

async fn world_read(world: &World, record: &RecordRef) -> bool {
    world.read(record, "billing").await.is_ok()
}
