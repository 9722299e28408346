//! Many processes at one store, one of which rotates its keys all the time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use wzapi_encryption::rotation::RotationProgress;
use wzapi_encryption::{Encryption, EncryptionError};
use wzapi_model::ids::ControllerId;
use wzapi_model::name::DataCategory;
use wzapi_storage::Storage;
use wzapi_storage_testkit::faulty::{FaultyStorage, Rates};

use crate::world::{A, B, ExportBuffer, Value, World};

/// Which keys are rotated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rotation {
    Tenant,
    Epoch,
}

/// What one writer is sure of.
#[derive(Default)]
struct Written {
    living: Vec<Value>,
    erased: Vec<Value>,
}

/// Writes values of people of its own, reads them, and erases one of them now and then.
async fn write(world: Arc<World>, process: Encryption, writer: u8, rounds: u32) -> Written {
    let mut written = Written::default();
    for round in 0..rounds {
        let person = 1 + writer * 60 + u8::try_from(round % 23).unwrap();
        let controller = if round.is_multiple_of(2) { A } else { B };
        let text = format!("writer {writer}, value {round}");
        let value = world.write_in(&process, controller, person, &DataCategory::contact(), &text).await;
        let opened = world.read_in(&process, &value).await;
        assert_eq!(opened.as_ref().ok(), Some(&value.text), "{opened:?}");
        written.living.push(value);
        if round % 17 == 16 {
            world.erase(controller, person).await;
            let is_theirs = |value: &Value| {
                value.controller == controller && value.data_key.owner() == crate::world::owner(person)
            };
            let (erased, living) = std::mem::take(&mut written.living).into_iter().partition(is_theirs);
            written.living = living;
            written.erased.extend::<Vec<Value>>(erased);
        }
        if let Some(earlier) = written.living.get(usize::try_from(round / 2).unwrap()) {
            let opened = world.read_in(&process, earlier).await;
            assert_eq!(opened.as_ref().ok(), Some(&earlier.text), "{opened:?}");
        }
    }
    written
}

async fn rotate(process: &Encryption, rotation: Rotation, controller: ControllerId) -> bool {
    let outcome = match rotation {
        Rotation::Tenant => {
            process.rotate_tenant(controller, &mut RotationProgress::default(), &mut |_| {}).await
        }
        Rotation::Epoch => process.rotate_epoch(&mut ExportBuffer::default(), &mut |_| {}).await.map(drop),
    };
    match outcome {
        Ok(()) => true,
        Err(EncryptionError::KeysChanged) => false,
        Err(error) => panic!("{error:?}"),
    }
}

async fn live_through(seed: u64, rotations: &[Rotation]) {
    let world = Arc::new(World::new(seed).await);
    // The processes are overtaken at every step, and each holds keys that may be out of date.
    let slow = |seed| -> Arc<dyn Storage> {
        let rates = Rates { delay: 250, ..Rates::default() };
        Arc::new(FaultyStorage::new(world.memory.clone()).with_rates(seed, rates))
    };
    let writers: Vec<_> = (0..4_u8)
        .map(|writer| {
            let process = world.process(slow(u64::from(writer)));
            tokio::spawn(write(Arc::clone(&world), process, writer, 150))
        })
        .collect();
    let is_over = Arc::new(AtomicBool::new(false));
    let rotators: Vec<_> = rotations
        .iter()
        .zip(100..)
        .map(|(rotation, seed)| {
            let (process, rotation, is_over) = (world.process(slow(seed)), *rotation, Arc::clone(&is_over));
            tokio::spawn(async move {
                let mut ended = 0;
                while !is_over.load(Ordering::SeqCst) {
                    let controller = if ended % 2 == 0 { A } else { B };
                    ended += u32::from(rotate(&process, rotation, controller).await);
                    tokio::task::yield_now().await;
                }
                ended
            })
        })
        .collect();
    let mut written = Vec::new();
    for writer in writers {
        written.push(writer.await.unwrap());
    }
    is_over.store(true, Ordering::SeqCst);
    let mut ended = 0;
    for rotator in rotators {
        // Where several rotate the same keys, one of them ends for all.
        ended += rotator.await.unwrap();
    }
    assert!(ended > 0, "no rotation ended");
    world.rotate_epoch().await;
    for writer in written {
        assert!(!writer.erased.is_empty());
        world.assert_living(&writer.living).await;
        world.assert_dead(&writer.erased).await;
    }
    for controller in [A, B] {
        let status = world.encryption.tenant_status(controller).await.unwrap();
        assert_eq!((status.tenant_keys.len(), status.outdated), (1, 0));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_is_lost_and_nobody_comes_back_while_tenant_keys_are_rotated() {
    live_through(140, &[Rotation::Tenant]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_is_lost_and_nobody_comes_back_while_epochs_are_rotated() {
    live_through(141, &[Rotation::Epoch]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_is_lost_and_nobody_comes_back_while_several_rotate_at_once() {
    live_through(142, &[Rotation::Tenant, Rotation::Tenant, Rotation::Epoch, Rotation::Epoch]).await;
}
