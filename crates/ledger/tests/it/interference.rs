//! Something happens between any two calls of another operation: a log is closed, its key is rotated, an entry is
//! appended, shards are added, a person is erased, a tenant key is rotated. Both come out whole.

use std::sync::Arc;

use async_trait::async_trait;
use wzapi_ledger::LedgerError;
use wzapi_ledger::journal::{Journal, JournalError, JournalId, JournalRecord, LastCheckpoint};
use wzapi_ledger::proof::handover;
use wzapi_model::ids::LogId;
use wzapi_storage::key::{Key, Owner};
use wzapi_storage::row::{LogLeafRow, RowType};

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
        // There is a key for what is about nobody from now on.
        let _ = original.notary.rotate_key(&actor(), CONTROLLER, 0).await.unwrap();
        let _ = original.checkpoint().await;
        original.fill_each(3).await;
        Self { backup: original.backup().await, original }
    }

    /// The same, with everything signed that there is.
    async fn set_and_signed() -> Self {
        let mut scene = Self::set().await;
        let _ = scene.original.checkpoint().await;
        scene.backup = scene.original.backup().await;
        scene
    }

    /// A process on a copy of the store, and what is to happen at one of its calls.
    async fn act(&self, meanwhile: Meanwhile, call: u64) -> (World, Arc<Interrupted>) {
        let journal: Arc<dyn Journal> = MemoryJournal::new();
        let unseeing: Arc<dyn Journal> = Arc::new(Unseeing(journal.clone()));
        let machine = self.original.machine.clone();
        let store = self.backup.restore(machine.entropy.as_ref()).await;
        let interrupted = Interrupted::new(store.clone());
        let process = World::process(machine.clone(), interrupted.clone(), Some(unseeing));
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

/// A journal in which nobody finds what was signed last, as when two look before either of them writes.
struct Unseeing(Arc<dyn Journal>);

#[async_trait]
impl Journal for Unseeing {
    async fn id(&self) -> Result<JournalId, JournalError> {
        self.0.id().await
    }

    async fn append(&self, record: &JournalRecord) -> Result<(), JournalError> {
        self.0.append(record).await
    }

    async fn read(&self, from: u64, limit: usize) -> Result<Vec<JournalRecord>, JournalError> {
        self.0.read(from, limit).await
    }

    async fn len(&self) -> Result<u64, JournalError> {
        self.0.len().await
    }

    async fn last_checkpoint(&self, _: LogId) -> Result<Option<LastCheckpoint>, JournalError> {
        Ok(None)
    }
}

/// Calls `operation` with something happening at each of its calls.
async fn at_every_call<F>(operation: impl Fn(World, Arc<Interrupted>) -> F)
where
    F: Future<Output = World>,
{
    at_every_call_in(&Scene::set().await, operation).await;
}

async fn at_every_call_in<F>(scene: &Scene, operation: impl Fn(World, Arc<Interrupted>) -> F)
where
    F: Future<Output = World>,
{
    for meanwhile in ALL {
        for call in 0.. {
            let (process, interrupted) = scene.act(meanwhile, call).await;
            let process = operation(process, interrupted.clone()).await;
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

/// The log that shard 0 has now.
async fn current(world: &World) -> LogId {
    world.head().await.log
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
    at_every_call(|process, interrupted| async move {
        let signed = process.checkpoint().await;
        // Otherwise it may happen now.
        if interrupted.has_struck() {
            assert_eq!(signed.log, current(&process).await);
        }
        let verified = process.verify_against(opened(&signed)).await;
        assert!(verified.iter().all(|log| log.is_sound()), "{verified:?}");
        process
    })
    .await;
}

#[tokio::test]
async fn an_entry_is_where_its_writer_is_told() {
    at_every_call(|process, _| async move {
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
    for scene in [Scene::set().await, Scene::set_and_signed().await] {
        at_every_call_in(&scene, rotate).await;
    }
}

async fn rotate(process: World, _: Arc<Interrupted>) -> World {
    let rotation = process.notary.rotate_key(&actor(), CONTROLLER, 0).await.unwrap();
    let (log, _) = process.notary.locate(CONTROLLER, Owner::Controller, rotation.entry).await.unwrap();
    let verified = process.verify_all().await;
    let of = verified.iter().find(|verification| verification.log == log).unwrap();
    let (_, origin) = of.name.clone().unwrap();
    let stated = handover::verify(rotation.statement.as_bytes(), &rotation.old).unwrap();
    assert_eq!(stated.origin().as_str(), origin);
    assert!(stated.size() < of.size);
    let signed = process.checkpoint().await;
    if signed.origin == origin {
        assert!(signed.verifier_keys.contains(&rotation.new));
        stated.check(&opened(&signed)).unwrap();
    }
    process
}

#[tokio::test]
async fn a_proof_is_whole_or_the_body_is_gone() {
    at_every_call(|process, _| async move {
        match process.notary.prove(CONTROLLER, 0, 2).await {
            Ok(proof) => {
                let signed = process.checkpoint().await;
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
    at_every_call(|process, _| async move {
        let _erased = again(|| process.try_erase(3)).await;
        process.destroy_keys(3).await;
        let counted: u64 = process.verify_all().await.iter().map(|log| log.erased).sum();
        // Each body once, under one certificate.
        assert_eq!((counted, certified(&process).await), (3, 3));
        process
    })
    .await;
}

/// How many bodies all certificates cover together.
async fn certified(process: &World) -> u64 {
    let mut bodies = 0;
    for verification in process.verify_all().await.iter().filter(|one| one.log.shard == 0) {
        for index in 0..verification.size {
            let leaf = process.row(&Key::LogLeaf { log: verification.log, index }).await.unwrap();
            if LogLeafRow::of(&leaf.body).unwrap().owner == Owner::Controller {
                let disclosed = process.event(verification.log, index).await;
                bodies += disclosed["bodies"].as_u64().unwrap_or(0);
            }
        }
    }
    bodies
}

#[tokio::test]
async fn what_is_written_between_two_looks_of_an_erasure_is_erased_too() {
    let scene = Scene::set().await;
    for call in 1..4 {
        let (process, interrupted) = scene.act(Meanwhile::Appended, u64::MAX).await;
        let other = World::process(process.machine.clone(), interrupted.inner(), None);
        let happening = async move {
            let _ = other.append(3, "meanwhile").await;
        };
        interrupted.arm(call, Box::pin(happening));
        let erased = again(|| process.try_erase(3)).await;
        assert_eq!((erased.bodies, erased.certificates.len()), (4, 2), "call {call}");
        process.assert_sound().await;
    }
}

#[tokio::test]
async fn shards_are_added_once() {
    at_every_call(|process, _| async move {
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
    at_every_call(|process, _| async move {
        process.assert_sound().await;
        process
    })
    .await;
}
