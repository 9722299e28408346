//! Something happens between any two calls of another operation: a log is closed, its key is rotated, an entry is
//! appended, shards are added, a person is erased, a tenant key is rotated. Both come out whole.

use std::sync::Arc;

use wzapi_ledger::LedgerError;
use wzapi_ledger::journal::Journal;
use wzapi_ledger::notary::SignedCheckpoint;
use wzapi_ledger::proof::handover;
use wzapi_model::ids::LogId;
use wzapi_storage::key::{LogRef, Owner};

use crate::backup::Backup;
use crate::doubles::{Interrupted, MemoryJournal};
use crate::world::{CONTROLLER, World, actor, check_proof, opened, policy_of, subject};

/// What happens meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meanwhile {
    Closed,
    KeyRotated,
    Appended,
    ShardsAdded,
    Erased,
    TenantKeyRotated,
}

const ALL: [Meanwhile; 6] = [
    Meanwhile::Closed,
    Meanwhile::KeyRotated,
    Meanwhile::Appended,
    Meanwhile::ShardsAdded,
    Meanwhile::Erased,
    Meanwhile::TenantKeyRotated,
];

/// A store that will have to be closed: its log has signed more than it has, though nobody has looked yet.
struct Scene {
    original: World,
    backup: Backup,
}

impl Scene {
    async fn set() -> Self {
        let original = World::new().await;
        original.fill_each(14).await;
        let _ = original.checkpoint().await;
        original.fill_each(3).await;
        Self { backup: original.backup().await, original }
    }

    /// A process on a copy of the store, and what is to happen at one of its calls.
    async fn act(&self, meanwhile: Meanwhile, call: u64) -> (World, Arc<Interrupted>) {
        let journal: Arc<dyn Journal> = MemoryJournal::new();
        let machine = self.original.machine.clone();
        let store = self.backup.restore(machine.entropy.as_ref()).await;
        let interrupted = Interrupted::new(store.clone());
        let process = World::process(machine.clone(), interrupted.clone(), Some(journal.clone()));
        let _followed = process.notary.follow_journal(false).await.unwrap();
        let other = World::process(machine.clone(), store, Some(journal.clone()));
        if meanwhile == Meanwhile::Closed {
            let whole = self.backup.restore(machine.entropy.as_ref()).await;
            let ahead = World::process(machine, whole, Some(journal));
            let _followed = ahead.notary.follow_journal(false).await.unwrap();
            ahead.fill_each(4).await;
            let _ = ahead.checkpoint().await;
        } else {
            let _followed = other.notary.follow_journal(false).await.unwrap();
        }
        // The process has the keys in hand already.
        let _ = process.keys().await;
        interrupted.arm(call, Box::pin(happen(other, meanwhile)));
        (process, interrupted)
    }
}

async fn happen(other: World, meanwhile: Meanwhile) {
    match meanwhile {
        Meanwhile::Closed => {
            // Unless the process was told to, and did it itself.
            let _followed = other.notary.follow_journal(false).await.unwrap();
        }
        Meanwhile::KeyRotated => {
            let _ = other.notary.rotate_key(&actor(), CONTROLLER, 0).await.unwrap();
        }
        Meanwhile::Appended => {
            let _ = other.append(2, "meanwhile").await;
        }
        Meanwhile::ShardsAdded => {
            other.ledger.add_shards(CONTROLLER, other.keys().await.as_ref(), 2).await.unwrap();
        }
        Meanwhile::Erased => {
            let _ = other.erase(3).await;
        }
        Meanwhile::TenantKeyRotated => {
            let mut progress = wzapi_encryption::rotation::RotationProgress::default();
            other.encryption.rotate_tenant(CONTROLLER, &mut progress, &mut |_| {}).await.unwrap();
        }
    }
}

/// Calls `operation` with something happening at each of its calls.
async fn at_every_call<F>(operation: impl Fn(World) -> F)
where
    F: Future<Output = World>,
{
    let scene = Scene::set().await;
    for meanwhile in ALL {
        for call in 0.. {
            let (process, interrupted) = scene.act(meanwhile, call).await;
            let process = operation(process).await;
            let name = format!("{meanwhile:?} at call {call}");
            for log in process.verify_all().await {
                assert!(log.is_sound(), "{name}: {log:?}");
            }
            if !interrupted.has_struck() {
                assert!(call > 2, "{name}");
                break;
            }
        }
    }
}

/// The log that shard 0 has now, and which of its generations it is.
async fn current(world: &World) -> (LogId, LogRef) {
    let head = world.head().await;
    (head.log, LogRef { shard: 0, generation: head.generation })
}

/// A checkpoint. Whoever is told that the journal knows more than the store opens it anew.
async fn sign(process: &World) -> SignedCheckpoint {
    match process.notary.checkpoint(CONTROLLER, 0).await {
        Err(LedgerError::NotFollowed) => {
            let _followed = process.notary.follow_journal(false).await.unwrap();
            process.checkpoint().await
        }
        outcome => outcome.unwrap(),
    }
}

/// As an engine does: a change that was overtaken is made again.
async fn again<T, F>(mut operation: impl FnMut() -> F) -> T
where
    F: Future<Output = Result<T, LedgerError>>,
{
    for _ in 0..20 {
        match operation().await {
            Err(LedgerError::Conflict) => {}
            outcome => return outcome.unwrap(),
        }
    }
    panic!("it never got through");
}

#[tokio::test]
async fn a_checkpoint_is_of_the_log_that_there_is() {
    at_every_call(|process| async move {
        let signed = sign(&process).await;
        assert_eq!(signed.log, current(&process).await.0);
        let verified = process.verify_against(opened(&signed)).await;
        assert!(verified.iter().all(|log| log.is_sound()), "{verified:?}");
        process
    })
    .await;
}

#[tokio::test]
async fn an_entry_is_where_its_writer_is_told() {
    at_every_call(|process| async move {
        let appended = again(|| process.try_append(subject(2), "text")).await;
        let (entry, index) = appended.entries[0];
        let found = process.notary.locate(CONTROLLER, subject(2), entry).await.unwrap();
        assert_eq!((Some(found.0), found.1), (appended.log, index));
        process
    })
    .await;
}

#[tokio::test]
async fn a_rotation_is_recorded_in_the_log_that_it_is_about() {
    at_every_call(|process| async move {
        let rotation = match process.notary.rotate_key(&actor(), CONTROLLER, 0).await {
            Err(LedgerError::NotFollowed) => {
                let _followed = process.notary.follow_journal(false).await.unwrap();
                process.notary.rotate_key(&actor(), CONTROLLER, 0).await.unwrap()
            }
            outcome => outcome.unwrap(),
        };
        let (log, _) = process.notary.locate(CONTROLLER, Owner::Controller, rotation.entry).await.unwrap();
        let (id, now) = current(&process).await;
        assert_eq!(log, now);
        let stated = handover::verify(rotation.statement.as_bytes(), &rotation.old).unwrap();
        assert!(stated.origin().as_str().ends_with(&id.to_string()));
        let signed = sign(&process).await;
        assert!(signed.verifier_keys.contains(&rotation.new));
        stated.check(&opened(&signed)).unwrap();
        process
    })
    .await;
}

#[tokio::test]
async fn a_proof_is_whole_or_the_body_is_gone() {
    at_every_call(|process| async move {
        match process.notary.prove(CONTROLLER, 0, 2).await {
            Ok(proof) => {
                let signed = sign(&process).await;
                // Of the log that was closed meanwhile, it is one all the same.
                if proof.to_string().contains(&signed.origin) {
                    check_proof(&proof, &policy_of(&signed));
                }
            }
            Err(LedgerError::Erased { .. } | LedgerError::NoSuchEntry | LedgerError::NotFollowed) => {}
            // The key goes after the bodies. Whoever read the body before finds no key.
            Err(LedgerError::Encryption(wzapi_encryption::EncryptionError::KeyMissing)) => {}
            Err(error) => panic!("{error:?}"),
        }
        process
    })
    .await;
}

#[tokio::test]
async fn an_erasure_is_complete() {
    at_every_call(|process| async move {
        let erased = again(|| process.try_erase(3)).await;
        process.destroy_keys(3).await;
        let counted: u64 = process.verify_all().await.iter().map(|log| log.erased).sum();
        assert!(erased.bodies <= counted && counted == 3, "{erased:?} of {counted}");
        process
    })
    .await;
}

#[tokio::test]
async fn shards_are_added_once() {
    at_every_call(|process| async move {
        again(async || {
            let keys = process.keys().await;
            process.ledger.add_shards(CONTROLLER, &keys, 2).await
        })
        .await;
        assert_eq!(process.ledger.shards(CONTROLLER).await.unwrap(), 2);
        assert_eq!(process.head().await.shards, 2);
        process
    })
    .await;
}

#[tokio::test]
async fn verification_sees_one_state_or_the_other() {
    at_every_call(|process| async move {
        process.assert_sound().await;
        process
    })
    .await;
}
