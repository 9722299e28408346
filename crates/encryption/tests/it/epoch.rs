//! New wrapping keys: whatever dies, fails or comes between, the living stay readable.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};

use tokio::sync::{Mutex, Notify};
use wzapi_encryption::epoch::EpochReport;
use wzapi_encryption::export::KeyExportTarget;
use wzapi_encryption::rotation::RotationProgress;
use wzapi_encryption::{Encryption, EncryptionError, KeyProvider, KeyProviderError};
use wzapi_model::ids::ControllerId;
use wzapi_model::time::Clock;
use wzapi_storage::changeset::Write;
use wzapi_storage::key::Key;
use wzapi_storage::row::{Body, DirectoryRow, EpochRow, EpochStage, FormerWrappingKey, WrappingKeyFate};
use wzapi_storage::{Changeset, Draft, StorageError};

use crate::interference::{Call, Death, Gate, Mortal};
use crate::uneasy_providers::{HesitantProvider, PatientProvider, Trouble, TroubledProvider, WAITING_PERIOD};
use crate::world::{A, B, EVERYBODY, ExportBuffer, MemoryProvider, SYSTEM, Seeded, Value, World};

/// A medium that fails.
struct BrokenTarget {
    appends_left: u32,
}

impl KeyExportTarget for BrokenTarget {
    fn append(&mut self, _: &[u8]) -> std::io::Result<()> {
        self.appends_left = self.appends_left.checked_sub(1).ok_or(std::io::ErrorKind::StorageFull)?;
        Ok(())
    }

    fn finish(&mut self) -> std::io::Result<()> {
        Err(std::io::ErrorKind::Other.into())
    }
}

struct Known {
    world: World,
    provider: Arc<MemoryProvider>,
}

/// A world whose provider's keys can be counted.
async fn world(seed: u64) -> Known {
    let entropy: Arc<dyn wzapi_model::Entropy> = Arc::new(Seeded::new(seed));
    let provider = Arc::new(MemoryProvider::new(Arc::clone(&entropy)));
    Known { world: World::with(provider.clone(), entropy).await, provider }
}

async fn populate(world: &World) -> Vec<Value> {
    let mut values = Vec::new();
    for person in 1..12 {
        for controller in [A, B] {
            values.push(world.write(controller, person, &format!("person {person}")).await);
        }
    }
    values
}

async fn rotate(encryption: &Encryption) -> Result<EpochReport, EncryptionError> {
    encryption.rotate_epoch(&mut ExportBuffer::default(), &mut |_| {}).await
}

fn is_stage(changeset: &Changeset, stage: EpochStage) -> bool {
    changeset.writes.iter().any(|write| match write {
        Write::Put(record) => matches!(&record.body, Body::Epoch(row) if row.stage == stage),
        Write::Delete(_) => false,
    })
}

/// Every tenant key is wrapped by the epoch's wrapping key, which is the only one that the provider still has.
async fn assert_settled(known: &Known, epoch: u32) {
    let row: EpochRow = known.world.encryption.epoch_status().await.unwrap();
    assert_eq!((row.epoch, row.stage), (epoch, EpochStage::Complete));
    assert_eq!(known.provider.names(), std::slice::from_ref(&row.wrapping_key));
    assert!(row.former.iter().all(|former| matches!(former.fate, WrappingKeyFate::DestroyedAt(_))));
    for controller in EVERYBODY {
        let status = known.world.encryption.tenant_status(controller).await.unwrap();
        assert_eq!(status.outdated, 0);
        let wrapped_by: Vec<&str> = status.tenant_keys.iter().map(|key| key.wrapped_by.as_str()).collect();
        assert_eq!(wrapped_by, [row.wrapping_key.as_str()], "{controller}");
    }
}

#[tokio::test]
async fn clause_5_a_a_new_epoch_replaces_every_key_above_the_data_keys_and_destroys_the_wrapping_key() {
    let known = world(50).await;
    let world = &known.world;
    let values = populate(world).await;
    let first = world.encryption.epoch_status().await.unwrap();
    assert_eq!((first.epoch, first.stage, first.former.len()), (1, EpochStage::Complete, 0));
    assert_eq!(known.provider.names(), std::slice::from_ref(&first.wrapping_key));

    world.wait(60);
    let mut export = ExportBuffer::default();
    let mut seen = Vec::new();
    let report = world.encryption.rotate_epoch(&mut export, &mut |now| seen.push(now)).await.unwrap();
    assert!(report.is_final() && export.is_finished);
    assert_eq!(report.progress, RotationProgress { controllers: 3, data_keys: 44, rewrapped: 22 });
    assert_eq!(seen.last(), Some(&report.progress));
    assert_eq!((report.export.epoch, report.export.controllers, report.export.rows), (2, 3, 22 + 3 * 3));
    assert_eq!(report.epoch, world.encryption.epoch_status().await.unwrap());
    assert_eq!(report.epoch.former[0].name, first.wrapping_key);
    assert_eq!(report.epoch.began_at, world.clock.now());
    assert_settled(&known, 2).await;
    world.assert_living(&values).await;

    let value = world.write(A, 1, "in the new epoch").await;
    world.rotate_epoch().await;
    assert_settled(&known, 3).await;
    world.assert_living(&values).await;
    world.assert_living(&[value]).await;
}

#[tokio::test]
async fn clause_5_a_an_epoch_that_is_killed_at_any_commit_goes_on_and_nobody_is_unreadable_meanwhile() {
    let mut deaths = 0;
    for number in 1..100 {
        let mut has_died = false;
        for death in [Death::Before(number), Death::After(number)] {
            let known = world(51).await;
            let world = &known.world;
            let values = populate(world).await;
            let mortal = Mortal::new(world.memory.clone(), Some(death));
            let outcome = rotate(&world.process(mortal.clone())).await;
            assert_eq!(outcome.is_err(), mortal.is_dead());
            if !mortal.is_dead() {
                continue;
            }
            has_died = true;
            deaths += 1;
            world.assert_living(&values).await;
            let meanwhile = world.write(A, 200, "written meanwhile").await;
            let c = ControllerId::from_bytes([0xc; 16]);
            let registered = world.process(world.memory.clone());
            let mut draft = Draft::new(world.memory.as_ref(), c);
            registered.create_tenant(&mut draft).await.unwrap();
            drop(draft);

            world.rotate_epoch().await;
            // A rotation that was cut after its last commit was complete.
            let epoch = world.encryption.epoch_status().await.unwrap().epoch;
            assert!(epoch == 2 || (epoch == 3 && death == Death::After(number)), "{death:?} {epoch}");
            assert_settled(&known, epoch).await;
            world.assert_living(&values).await;
            world.assert_living(&[meanwhile]).await;
        }
        if !has_died {
            break;
        }
    }
    // The epoch's row three times, and for each controller the beginning, its index key and the end; data keys of two.
    assert_eq!(deaths, 2 * (3 + 3 * 3 + 2));
}

#[tokio::test]
async fn an_epoch_that_is_finished_later_began_when_it_began() {
    let known = world(63).await;
    let world = &known.world;
    populate(world).await;
    let began = world.clock.now();
    let mortal = Mortal::new(world.memory.clone(), Some(Death::After(4)));
    assert!(rotate(&world.process(mortal)).await.is_err());
    world.wait(60);
    let report = rotate(&world.encryption).await.unwrap();
    assert_eq!((report.epoch.epoch, report.epoch.began_at), (2, began));
    let report = rotate(&world.encryption).await.unwrap();
    assert_eq!((report.epoch.epoch, report.epoch.began_at), (3, world.clock.now()));
}

#[tokio::test]
async fn an_epoch_goes_on_after_any_trouble_with_the_key_provider() {
    let mut struck = 0;
    for at in 1..200 {
        let mut has_struck = false;
        for trouble in [Trouble::Refused, Trouble::AnswerLost] {
            let known = world(52).await;
            let world = &known.world;
            let values = populate(world).await;
            let provider = Arc::new(TroubledProvider {
                inner: known.provider.clone(),
                at,
                trouble,
                calls: AtomicU64::new(0),
            });
            let process = Encryption::new(
                world.memory.clone(),
                provider.clone(),
                world.clock.clone(),
                world.entropy.clone(),
            );
            let outcome = rotate(&process).await;
            if outcome.is_ok() {
                continue;
            }
            assert!(matches!(outcome, Err(EncryptionError::Provider(KeyProviderError::Unavailable(_)))));
            has_struck = true;
            struck += 1;
            world.assert_living(&values).await;
            world.rotate_epoch().await;
            assert_settled(&known, 2).await;
            world.assert_living(&values).await;
        }
        if !has_struck {
            break;
        }
    }
    assert!(struck > 20, "{struck}");
}

#[tokio::test]
async fn no_key_is_destroyed_before_the_export_is_whole() {
    for appends_left in [0, 1, 5, 1000] {
        let known = world(53).await;
        let values = populate(&known.world).await;
        let mut target = BrokenTarget { appends_left };
        let outcome = known.world.encryption.rotate_epoch(&mut target, &mut |_| {}).await;
        assert!(matches!(outcome, Err(EncryptionError::Export(_))), "{outcome:?}");
        let epoch = known.world.encryption.epoch_status().await.unwrap();
        assert_eq!(epoch.stage, EpochStage::Rewrapping);
        assert_eq!(epoch.former[0].fate, WrappingKeyFate::Live);
        assert_eq!(known.provider.names().len(), 2);
        known.world.assert_living(&values).await;
        known.world.rotate_epoch().await;
        assert_settled(&known, 2).await;
        known.world.assert_living(&values).await;
    }
}

#[tokio::test]
async fn a_provider_that_waits_before_it_destroys_is_asked_again_by_the_next_rotation() {
    let known = world(54).await;
    let world = &known.world;
    let values = populate(world).await;
    let provider = Arc::new(PatientProvider {
        inner: known.provider.clone(),
        clock: world.clock.clone(),
        pending: Mutex::new(Vec::new()),
    });
    let encryption =
        Encryption::new(world.memory.clone(), provider, world.clock.clone(), world.entropy.clone());
    let began = world.clock.now();
    let report = rotate(&encryption).await.unwrap();
    assert!(!report.is_final());
    let until = began.saturating_add(WAITING_PERIOD);
    assert_eq!(report.epoch.former[0].fate, WrappingKeyFate::PendingUntil(until));
    assert_eq!(report.epoch.stage, EpochStage::Complete);

    world.wait(60);
    let report = rotate(&encryption).await.unwrap();
    assert!(!report.is_final(), "two of them are pending");
    world.clock.advance(WAITING_PERIOD);
    let report = rotate(&encryption).await.unwrap();
    let fates: Vec<WrappingKeyFate> = report.epoch.former.iter().map(|former| former.fate).collect();
    let now = world.clock.now();
    assert_eq!(
        fates,
        [
            WrappingKeyFate::PendingUntil(now.saturating_add(WAITING_PERIOD)),
            WrappingKeyFate::DestroyedAt(now),
            WrappingKeyFate::DestroyedAt(now),
        ]
    );
    for value in &values {
        assert_eq!(world.read_in(&encryption, value).await.unwrap(), value.text);
    }
}

#[tokio::test]
async fn keys_whose_wrapping_key_is_destroyed_before_they_are_unwrapped_are_read_again() {
    let known = world(62).await;
    let world = &known.world;
    let values = populate(world).await;
    let provider = Arc::new(HesitantProvider {
        inner: known.provider.clone(),
        has_waited: AtomicBool::new(false),
        arrived: Notify::new(),
        go: Notify::new(),
    });
    let (memory, clock, entropy) = (world.memory.clone(), world.clock.clone(), world.entropy.clone());
    let reader = Arc::new(Encryption::new(memory, provider.clone(), clock, entropy));
    let loading = {
        let reader = Arc::clone(&reader);
        tokio::spawn(async move { reader.tenant(A).await.map(drop) })
    };
    provider.arrived.notified().await;
    world.rotate_epoch().await;
    provider.go.notify_one();
    loading.await.unwrap().unwrap();
    assert_eq!(world.read_in(&reader, &values[0]).await.unwrap(), values[0].text);
}

#[tokio::test]
async fn somebody_elses_keyring_changes_nothing() {
    let known = world(55).await;
    let world = &known.world;
    let values = populate(world).await;
    let before = world.encryption.epoch_status().await.unwrap();
    let other = Arc::new(MemoryProvider::new(Arc::new(Seeded::new(5500))));
    let stranger =
        Encryption::new(world.memory.clone(), other.clone(), world.clock.clone(), world.entropy.clone());
    let outcome = rotate(&stranger).await;
    assert!(matches!(outcome, Err(EncryptionError::Provider(KeyProviderError::NoSuchKey))), "{outcome:?}");
    assert_eq!(other.names().len(), 1, "it made no key either");
    assert_eq!(world.encryption.epoch_status().await.unwrap(), before);
    world.rotate_epoch().await;
    assert_settled(&known, 2).await;
    world.assert_living(&values).await;
}

#[tokio::test]
async fn a_rotation_that_still_has_the_former_wrapping_key_in_hand_uses_the_new_one() {
    let known = world(56).await;
    let world = &known.world;
    let values = populate(world).await;
    // It has read the epoch's row and wrapped a tenant key, and is about to store it.
    let held_up = Gate::before(world.memory.clone(), |call| matches!(call, Call::Commit(_)));
    let process = world.process(held_up.clone());
    let late =
        tokio::spawn(
            async move { process.rotate_tenant(A, &mut RotationProgress::default(), &mut |_| {}).await },
        );
    held_up.arrived().await;
    // Somebody begins a new epoch, has wrapped everything anew, and is about to destroy the former wrapping key.
    let about_to_destroy = Gate::before(
        world.memory.clone(),
        |call| matches!(call, Call::Commit(changeset) if is_stage(changeset, EpochStage::Destroying)),
    );
    let process = world.process(about_to_destroy.clone());
    let epoch = tokio::spawn(async move { rotate(&process).await });
    about_to_destroy.arrived().await;
    held_up.open();
    late.await.unwrap().unwrap();
    about_to_destroy.open();
    assert!(epoch.await.unwrap().unwrap().is_final());
    assert_settled(&known, 2).await;
    world.assert_living(&values).await;
}

#[tokio::test]
async fn an_epoch_that_another_one_overtook_ends_without_harm() {
    let known = world(57).await;
    let world = &known.world;
    let values = populate(world).await;
    let held_up = Gate::before(
        world.memory.clone(),
        |call| matches!(call, Call::Commit(changeset) if changeset.controller == B),
    );
    let process = world.process(held_up.clone());
    let late = tokio::spawn(async move { rotate(&process).await });
    held_up.arrived().await;
    world.rotate_epoch().await;
    world.rotate_epoch().await;
    held_up.open();
    let late = late.await.unwrap();
    assert!(matches!(late, Err(EncryptionError::KeysChanged)), "{late:?}");
    assert_settled(&known, 3).await;
    world.assert_living(&values).await;
}

#[tokio::test]
async fn two_that_begin_an_epoch_at_once_do_not_stand_in_each_others_way() {
    let known = world(58).await;
    let world = &known.world;
    let values = populate(world).await;
    let gates: Vec<Arc<Gate>> = (0..2)
        .map(|_| {
            Gate::before(
                world.memory.clone(),
                |call| matches!(call, Call::Commit(changeset) if is_stage(changeset, EpochStage::Rewrapping)),
            )
        })
        .collect();
    let mut rotations = Vec::new();
    for gate in &gates {
        let process = world.process(gate.clone());
        rotations.push(tokio::spawn(async move { rotate(&process).await }));
        gate.arrived().await;
    }
    for gate in &gates {
        gate.open();
    }
    let mut epochs = Vec::new();
    for rotation in rotations {
        epochs.push(rotation.await.unwrap().unwrap().epoch.epoch);
    }
    // Whoever came second joined the first, or found it complete and began the next one with the key that it had made.
    epochs.sort_unstable();
    assert!(matches!(epochs[..], [2, 2 | 3]), "{epochs:?}");
    world.assert_living(&values).await;
    assert!(known.provider.names().len() <= 2);
    world.rotate_epoch().await;
    assert_settled(&known, epochs[1] + 1).await;
    world.assert_living(&values).await;
}

#[tokio::test]
async fn a_controller_that_is_registered_across_an_epoch_has_keys_of_the_new_one() {
    let known = world(59).await;
    let world = &known.world;
    let c = ControllerId::from_bytes([0xc; 16]);
    let mut draft = Draft::new(world.memory.as_ref(), SYSTEM);
    draft.load([Key::Directory(c)]).await.unwrap();
    draft.put(Key::Directory(c), DirectoryRow { registered_at: world.clock.now() }, None).unwrap();
    world.commit(draft).await.unwrap();

    // Its keys are made, and a whole epoch passes before they are stored.
    let process = world.process(world.memory.clone());
    let mut overtaken = Draft::new(world.memory.as_ref(), c);
    process.create_tenant(&mut overtaken).await.unwrap();
    world.rotate_epoch().await;
    let outcome = world.commit(overtaken).await;
    assert!(matches!(outcome, Err(StorageError::Conflict { .. })), "their wrapping key is gone");

    let mut again = Draft::new(world.memory.as_ref(), c);
    process.create_tenant(&mut again).await.unwrap();
    world.commit(again).await.unwrap();
    let status = world.encryption.tenant_status(c).await.unwrap();
    let epoch = world.encryption.epoch_status().await.unwrap();
    assert_eq!(status.tenant_keys[0].wrapped_by, epoch.wrapping_key);
    assert!(world.process(world.memory.clone()).tenant(c).await.is_ok());
    // And the next epoch finds it.
    world.rotate_epoch().await;
    assert_eq!(world.encryption.tenant_status(c).await.unwrap().tenant_keys[0].version, 2);
}

#[tokio::test]
async fn a_former_wrapping_key_is_destroyed_even_when_the_provider_takes_it_for_the_current_one() {
    let known = world(61).await;
    let world = &known.world;
    let values = populate(world).await;
    world.rotate_epoch().await;
    // A key that the provider made, and that a life of this store used which was given up.
    let given_up = known.provider.generate().await.unwrap();
    let mut draft = Draft::new(world.memory.as_ref(), SYSTEM);
    draft.load([Key::Epoch]).await.unwrap();
    let mut row: EpochRow = draft.row::<EpochRow>(&Key::Epoch).unwrap().unwrap().clone();
    row.stage = EpochStage::Destroying;
    row.former.insert(0, FormerWrappingKey { name: given_up.0.clone(), fate: WrappingKeyFate::Live });
    draft.put(Key::Epoch, row, None).unwrap();
    world.commit(draft).await.unwrap();
    world.rotate_epoch().await;
    assert!(!known.provider.names().contains(&given_up.0));
    world.assert_living(&values).await;
    world.rotate_epoch().await;
    assert_settled(&known, 3).await;
}

#[tokio::test]
async fn a_wrapping_key_that_already_wraps_something_is_not_taken_for_a_new_one() {
    let known = world(60).await;
    let world = &known.world;
    let values = populate(world).await;
    // The system controller's tenant key is under the provider's current key, whatever the row of the epoch says, as
    // after an import of keys that was cut short.
    let mut draft = Draft::new(world.memory.as_ref(), SYSTEM);
    draft.load([Key::Epoch]).await.unwrap();
    let mut row: EpochRow = draft.row::<EpochRow>(&Key::Epoch).unwrap().unwrap().clone();
    let in_use = std::mem::replace(&mut row.wrapping_key, "memory-00000000".to_owned());
    draft.put(Key::Epoch, row, None).unwrap();
    world.commit(draft).await.unwrap();
    world.rotate_epoch().await;
    let row = world.encryption.epoch_status().await.unwrap();
    assert_ne!(row.wrapping_key, in_use);
    world.assert_living(&values).await;
}
