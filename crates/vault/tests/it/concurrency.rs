//! Many at once about one person.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use wzapi_encryption::rotation::RotationProgress;
use wzapi_policy::file::DataSource;
use wzapi_vault::decision::disposition::DisposalReason;
use wzapi_vault::vault::{Disposed, Selection};
use wzapi_vault::{RecordRef, VaultError};

use crate::support::{A, ANA, World, email, invoice, purpose};

async fn slow_world() -> Arc<World> {
    let world = World::new().await;
    world.storage.takes_time.store(true, Ordering::SeqCst);
    Arc::new(world)
}

async fn all_of(world: &World) -> Vec<RecordRef> {
    let page = world.vault.list(A, &Selection::Person(ANA), None, 256).await.unwrap();
    page.records.into_iter().map(|info| info.record).collect()
}

async fn dispose(world: &World, record: &RecordRef) -> Disposed {
    world.vault.dispose(A, record, DisposalReason::StoredInError, &world.actor).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_stored_at_the_same_time_are_all_stored_under_one_key() {
    const RECORDS: usize = 48;
    let world = slow_world().await;
    let tasks: Vec<_> = (0..RECORDS)
        .map(|one| {
            let world = Arc::clone(&world);
            tokio::spawn(async move { world.store(ANA, &email(&format!("{one}@example.org"))).await })
        })
        .collect();
    let mut stored = BTreeSet::new();
    for task in tasks {
        stored.insert(task.await.unwrap());
    }
    assert_eq!(all_of(&world).await.into_iter().collect::<BTreeSet<_>>(), stored);
    assert_eq!(world.entry_types(A).await["record.stored"], RECORDS);
    world.check(A).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clause_7_b_corrections_at_the_same_time_are_all_made_one_after_the_other() {
    const CORRECTIONS: u32 = 24;
    let world = slow_world().await;
    let record = world.store(ANA, &invoice("0")).await;
    let tasks: Vec<_> = (1..=CORRECTIONS)
        .map(|one| {
            let (world, record) = (Arc::clone(&world), record.clone());
            tokio::spawn(async move {
                let value = one.to_string().as_str().into();
                world.vault.update(A, &record, &value, DataSource::Use, &world.actor).await.unwrap().revision
            })
        })
        .collect();
    let mut revisions = BTreeSet::new();
    for task in tasks {
        assert!(revisions.insert(task.await.unwrap()), "each is another revision");
    }
    assert_eq!(revisions, (1..=CORRECTIONS).collect());
    let mut values = vec![world.read(&record, "billing").await.unwrap()];
    let earlier = world.vault.history(A, &record, &purpose("billing"), &world.actor).await.unwrap();
    values.extend(earlier.into_iter().map(|one| one.value));
    for one in 0..=CORRECTIONS {
        assert!(values.contains(&one.to_string().as_str().into()), "no value is lost");
    }
    world.check(A).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clause_7_c_disposals_at_the_same_time_destroy_the_key_exactly_once() {
    for round in 0..12 {
        let world = slow_world().await;
        let mut tasks = Vec::new();
        for one in 0..=(round % 4) {
            let record = world.store(ANA, &email(&format!("{one}@example.org"))).await;
            for _ in 0..2 {
                let (world, record) = (Arc::clone(&world), record.clone());
                tasks.push(tokio::spawn(async move { dispose(&world, &record).await }));
            }
        }
        let mut disposed = 0;
        let mut destroyed = 0;
        for task in tasks {
            if let Disposed::Now { is_key_destroyed, .. } = task.await.unwrap() {
                disposed += 1;
                destroyed += usize::from(is_key_destroyed);
            }
        }
        // Records may go before the next one is stored, so a key may go more than once, but never too early or not at all.
        assert_eq!(disposed, round % 4 + 1);
        assert!(destroyed >= 1);
        assert_eq!(all_of(&world).await, []);
        world.check(A).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stores_corrections_and_disposals_at_the_same_time_leave_every_record_readable() {
    for round in 0..8_u64 {
        let world = slow_world().await;
        let first = world.store(ANA, &invoice("first")).await;
        let mut tasks = Vec::new();
        for one in 0..6_u64 {
            let (world, first) = (Arc::clone(&world), first.clone());
            tasks.push(tokio::spawn(async move {
                for turn in 0..4_u64 {
                    match (round * 7 + one * 5 + turn * 3) % 4 {
                        0 => {
                            let stored = world.store(ANA, &invoice("another")).await;
                            assert!(
                                world.read(&stored, "billing").await.is_ok(),
                                "acknowledged, so it is there"
                            );
                            let _ = dispose(&world, &stored).await;
                        }
                        1 => drop(world.store(ANA, &invoice("stays")).await),
                        2 => {
                            let updated = world
                                .vault
                                .update(A, &first, &"new".into(), DataSource::Use, &world.actor)
                                .await;
                            assert!(matches!(updated, Ok(_) | Err(VaultError::NotFound)), "{updated:?}");
                        }
                        _ => drop(dispose(&world, &first).await),
                    }
                }
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
        world.check(A).await;
        for record in all_of(&world).await {
            assert!(world.read(&record, "billing").await.is_ok());
            let _ = dispose(&world, &record).await;
        }
        world.check(A).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_that_are_rotated_meanwhile_stop_nobody() {
    let world = slow_world().await;
    let record = world.store(ANA, &invoice("0")).await;
    // A second process, which does not hear of the rotation but by what it meets.
    let other = World::over(world.storage.clone());
    for round in 1..=3 {
        other.read(&record, "billing").await.unwrap();
        let rotation = {
            let world = Arc::clone(&world);
            tokio::spawn(async move {
                {
                    let mut progress = RotationProgress::default();
                    world.parts.encryption.rotate_tenant(A, &mut progress, &mut |_| ()).await.map(drop)
                }
            })
        };
        let value = round.to_string().as_str().into();
        let _ = other.vault.update(A, &record, &value, DataSource::Use, &other.actor).await.unwrap();
        let stored = other.store(ANA, &email("x@example.org")).await;
        rotation.await.unwrap().unwrap();
        other.read(&record, "billing").await.unwrap();
        let mut stream = other.vault.stream(A, Selection::Person(ANA), purpose("billing"), &other.actor);
        assert_eq!(stream.next_page().await.unwrap().unwrap().unreadable, []);
        assert_eq!(
            other.vault.history(A, &record, &purpose("billing"), &other.actor).await.unwrap().len(),
            round
        );
        assert!(matches!(dispose(&other, &stored).await, Disposed::Now { is_key_destroyed: true, .. }));
    }
    world.check(A).await;
}
