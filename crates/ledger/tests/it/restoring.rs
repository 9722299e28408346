//! A restored backup: its log is closed, and a successor commits to what was signed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;

use wzapi_ledger::journal::{Journal, JournalError, JournalFact, JournalId, JournalRecord, LastCheckpoint};
use wzapi_ledger::notary::{Closed, Followed, Lost, SignedCheckpoint};
use wzapi_ledger::proof::TreeHead;
use wzapi_ledger::proof::canonical::Value;
use wzapi_ledger::proof::checkpoint::{Checkpoint, CheckpointPolicy};
use wzapi_ledger::proof::compact_range::CompactRange;
use wzapi_ledger::proof::consistency::ConsistencyProof;
use wzapi_ledger::proof::memory_tree::MemoryTree;
use wzapi_ledger::proof::succession::{Succession, SuccessionError};
use wzapi_ledger::{FaultKind, LedgerError, Notary};
use wzapi_model::ids::{ControllerId, LogId};
use wzapi_storage::key::{Key, LogRef};
use wzapi_storage::row::{Body, ClosedLogRow, RowType};

use crate::doubles::{MemoryJournal, Replaceable};
use crate::world::{CONTROLLER, LOG, OTHER, World, actor, check_proof, opened, policy_of, subject};

const SECOND: LogRef = LogRef { shard: 0, generation: 1 };

async fn follow(world: &World) -> Followed {
    world.notary.follow_journal(false).await.unwrap()
}

/// The first event of the log that the world has now, as a stranger gets it.
async fn succession(world: &World, predecessor: &CheckpointPolicy) -> Result<Succession, SuccessionError> {
    let signed = world.checkpoint().await;
    let proof = world.prove(0).await;
    let verified = check_proof(&proof, &policy_of(&signed));
    assert_eq!(verified.inclusion().index(), 0);
    Succession::verify(verified.event(), &signed.origin, predecessor)
}

#[tokio::test]
async fn a_restored_log_is_closed_and_its_successor_commits_to_what_was_signed() {
    let world = World::journalled().await;
    world.fill(5).await;
    let early = world.checkpoint().await;
    world.fill(2).await;
    let backup = world.backup().await;
    world.fill(3).await;
    let last = world.checkpoint().await;

    let restored = world.restored(&backup).await;
    let followed = follow(&restored).await;
    let successor = restored.head().await.log;
    let closed = Closed { controller: CONTROLLER, shard: 0, log: last.log, signed: 10, stored: 7, successor };
    assert_eq!(followed.closed, [closed]);
    assert_eq!((followed.records, followed.lost.len()), (2, 0));
    assert_ne!(successor, last.log);

    // A stranger who knows the old log finds the new one.
    let succession = succession(&restored, &policy_of(&last)).await.unwrap();
    succession.check_last(&opened(&last)).unwrap();
    let tree = world.tree(LOG, 10).await;
    let proof = ConsistencyProof::build(&tree, 5, 10).unwrap();
    succession.check_known(&opened(&early), &proof).unwrap();

    // Both logs verify. What the old one signed and the store has not shows against the checkpoint.
    let verified = restored.verify_all().await;
    assert!(verified.iter().all(|log| log.is_sound()), "{verified:?}");
    let sizes: Vec<_> = verified.iter().map(|log| (log.log, log.is_closed, log.size)).collect();
    assert_eq!(sizes, [(LOG, true, 7), (SECOND, false, 1)]);
    let verified = restored.verify_against(opened(&last)).await;
    assert_eq!(verified[0].fault.map(|fault| (fault.index, fault.kind)), Some((7, FaultKind::BehindHistory)));
    assert!(verified[1].is_sound());
    assert!(restored.verify_against(opened(&early)).await.iter().all(|log| log.is_sound()));

    // It goes on under the new name only, and following again does nothing.
    let _ = restored.append(1, "afterwards").await;
    let signed = restored.checkpoint().await;
    assert_eq!((signed.log, signed.head.size()), (successor, 2));
    let again = follow(&restored.reopened(restored.storage.clone())).await;
    assert!(again.closed.is_empty() && again.lost.is_empty());
    restored.assert_sound().await;
}

#[tokio::test]
async fn a_store_that_lost_nothing_that_was_signed_goes_on() {
    let world = World::journalled().await;
    world.fill(5).await;
    let signed = world.checkpoint().await;
    // More was appended than signed, and is lost: nobody was promised it.
    let backup = world.backup().await;
    world.fill(5).await;
    let restored = world.restored(&backup).await;
    assert!(follow(&restored).await.closed.is_empty());
    restored.fill(1).await;
    let next = restored.checkpoint().await;
    assert_eq!((next.log, next.head.size()), (signed.log, 6));
    assert!(restored.verify_against(opened(&signed)).await[0].is_sound());
}

#[tokio::test]
async fn a_log_that_went_on_otherwise_is_closed_as_well() {
    let world = World::journalled().await;
    world.fill(5).await;
    let backup = world.backup().await;
    world.fill(1).await;
    let signed = world.checkpoint().await;
    // Somebody restored the backup and wrote to it without the journal.
    let rogue = world.backup_of(&backup).await;
    rogue.fill(4).await;
    let restored = rogue.reopened_with_journal_of(&world);
    let followed = follow(&restored).await;
    assert_eq!(followed.closed.len(), 1);
    assert_eq!((followed.closed[0].signed, followed.closed[0].stored), (6, 6));
    let succession = succession(&restored, &policy_of(&signed)).await.unwrap();
    succession.check_last(&opened(&signed)).unwrap();
    restored.assert_sound().await;
    let verified = restored.verify_against(opened(&signed)).await;
    assert_eq!(verified[0].fault.map(|fault| fault.kind), Some(FaultKind::HistoryRewritten));
}

#[tokio::test]
async fn a_store_restored_twice_accounts_for_both_successors() {
    let world = World::journalled().await;
    world.fill(4).await;
    let older = world.backup().await;
    world.fill(4).await;
    let newest = world.checkpoint().await;
    let newer = world.backup().await;

    let first = world.restored(&older).await;
    assert_eq!(follow(&first).await.closed.len(), 1);
    first.fill(3).await;
    let of_first = first.checkpoint().await;
    assert_eq!(of_first.head.size(), 4);

    // This backup has all that the log signed. But somebody was told that it was closed.
    let second = world.restored(&newer).await;
    let followed = follow(&second).await;
    assert_eq!(followed.closed.len(), 1);
    assert_eq!((followed.closed[0].log, followed.closed[0].signed), (newest.log, 8));
    let lost = Lost { controller: CONTROLLER, shard: 0, log: of_first.log, signed: 4 };
    assert_eq!(followed.lost, [lost]);
    let signed = second.checkpoint().await;
    assert!(![newest.log, of_first.log].contains(&signed.log));
    let verified = check_proof(&second.prove(0).await, &policy_of(&signed));
    let Some(Value::Array(listed)) = verified.fields().get("lost") else {
        panic!("the lost log is listed");
    };
    assert_eq!(listed, &[Value::Text(of_first.note)]);
    assert_eq!(verified.fields().text("checkpoint"), Some(newest.note.as_str()));
    second.assert_sound().await;
    assert!(follow(&second.reopened(second.storage.clone())).await.closed.is_empty());
}

#[tokio::test]
async fn logs_that_are_younger_than_the_backup_are_reported() {
    let world = World::journalled().await;
    let backup = world.backup().await;
    let keys = world.keys().await;
    world.ledger.add_shards(CONTROLLER, &keys, 2).await.unwrap();
    let signed = world.notary.checkpoint(CONTROLLER, 1).await.unwrap();
    let restored = world.restored(&backup).await;
    let followed = follow(&restored).await;
    assert!(followed.closed.is_empty());
    assert_eq!(followed.lost, [Lost { controller: CONTROLLER, shard: 1, log: signed.log, signed: 0 }]);

    // The shard that is made in its place is another log, and it is left alone.
    let keys = restored.keys().await;
    restored.ledger.add_shards(CONTROLLER, &keys, 2).await.unwrap();
    let other = restored.notary.checkpoint(CONTROLLER, 1).await.unwrap();
    assert_ne!(other.log, signed.log);
    assert_eq!(
        follow(&restored.reopened(restored.storage.clone())).await,
        Followed { records: 1, ..Followed::default() }
    );
    let again = restored.reopened(restored.storage.clone());
    let adopted = again.notary.follow_journal(true).await.unwrap();
    assert!(adopted.closed.is_empty());
    restored.assert_sound().await;
}

#[tokio::test]
async fn each_shard_and_each_controller_is_settled_by_itself() {
    let world = World::journalled().await;
    let keys = world.keys().await;
    world.ledger.add_shards(CONTROLLER, &keys, 3).await.unwrap();
    // Persons 1 to 7 go to shards 1 and 2 and 0, by their ids.
    world.fill_each(14).await;
    let _ = world.notary.checkpoint(CONTROLLER, 0).await.unwrap();
    let backup = world.backup().await;
    world.fill_each(7).await;
    let mut signed = Vec::new();
    for shard in 1..3 {
        signed.push(world.notary.checkpoint(CONTROLLER, shard).await.unwrap());
    }
    let _ = world.notary.checkpoint(OTHER, 0).await.unwrap();

    let restored = world.restored(&backup).await;
    let followed = follow(&restored).await;
    let closed: Vec<_> = followed.closed.iter().map(|closed| (closed.controller, closed.shard)).collect();
    assert_eq!(closed, [(CONTROLLER, 1), (CONTROLLER, 2)]);
    let verified = restored.verify_all().await;
    assert_eq!(verified.len(), 5);
    assert!(verified.iter().all(|log| log.is_sound()), "{verified:?}");
    assert_eq!(restored.ledger.shards(CONTROLLER).await.unwrap(), 3);
    restored.fill_each(7).await;
    restored.assert_sound().await;
}

#[tokio::test]
async fn entries_of_a_closed_log_are_proved_by_its_last_stored_checkpoint() {
    let world = World::journalled().await;
    world.fill(300).await;
    let (entry, index) = world.append(3, "before").await.entries[0];
    let early = world.checkpoint().await;
    let (late, _) = world.append(4, "after the last checkpoint").await.entries[0];
    let backup = world.backup().await;
    let _ = world.append(5, "lost").await;
    let last = world.checkpoint().await;

    let restored = world.restored(&backup).await;
    assert_eq!(follow(&restored).await.closed.len(), 1);
    let (log, found) = restored.notary.locate(CONTROLLER, subject(3), entry).await.unwrap();
    assert_eq!((log, found), (LOG, index));
    for index in [0, 255, 256, index] {
        let proof = restored.notary.prove_in(CONTROLLER, log, index).await.unwrap();
        let verified = check_proof(&proof, &policy_of(&early));
        assert_eq!(verified.inclusion().checkpoint().head(), early.head);
        check_proof(&proof, &policy_of(&last));
    }
    let (log, index) = restored.notary.locate(CONTROLLER, subject(4), late).await.unwrap();
    let unproved = restored.notary.prove_in(CONTROLLER, log, index).await;
    assert!(matches!(unproved, Err(LedgerError::NoSuchEntry)), "{unproved:?}");
    let unknown = LogRef { shard: 0, generation: 9 };
    assert!(matches!(restored.notary.prove_in(CONTROLLER, unknown, 0).await, Err(LedgerError::NoLog)));
    let first = restored.notary.prove_in(CONTROLLER, SECOND, 0).await.unwrap();
    check_proof(&first, &policy_of(&restored.checkpoint().await));
}

#[tokio::test]
async fn what_waits_when_its_log_is_closed_goes_to_the_successor() {
    let world = World::journalled().await;
    world.fill(3).await;
    let backup = world.backup().await;
    world.fill(3).await;
    let _ = world.checkpoint().await;
    // A process that has the head in hand while another one closes the log.
    let restored = world.restored(&backup).await;
    let beside = restored.reopened(restored.storage.clone());
    let _ = restored.append(1, "into the log that is closed").await;
    let _followed = follow(&beside).await;
    let appended = restored.append(1, "into its successor").await;
    assert_eq!((appended.log, appended.entries[0].1), (Some(SECOND), 1));
    restored.assert_sound().await;
}

#[tokio::test]
async fn two_processes_that_open_a_restored_store_close_its_log_once() {
    let world = World::journalled().await;
    world.fill(3).await;
    let backup = world.backup().await;
    world.fill(3).await;
    let _ = world.checkpoint().await;
    for _ in 0..20 {
        let restored = Arc::new(world.restored(&backup).await);
        let processes: Vec<_> = (0..4)
            .map(|_| {
                let process = restored.reopened(restored.storage.clone());
                tokio::spawn(async move { follow(&process).await })
            })
            .collect();
        let mut closed = 0;
        for process in processes {
            closed += process.await.unwrap().closed.len();
        }
        assert_eq!(closed, 1);
        let generations: Vec<_> =
            restored.verify_all().await.iter().map(|log| (log.log.generation, log.is_sound())).collect();
        assert_eq!(generations, [(0, true), (1, true)]);
    }
}

#[tokio::test]
async fn a_key_made_after_the_backup_closes_the_log_even_if_it_has_all_entries() {
    let world = World::journalled().await;
    world.fill(3).await;
    let _ = world.checkpoint().await;
    let backup = world.backup().await;
    let rotation = world.notary.rotate_key(&actor(), CONTROLLER, 0).await.unwrap();
    world.machine.clock.advance(wzapi_ledger::log_key::SIGNS_AFTER_HANDOVER);
    let last = world.checkpoint().await;
    assert_eq!(last.verifier_keys, std::slice::from_ref(&rotation.new));
    let restored = world.restored(&backup).await;
    assert_eq!(follow(&restored).await.closed.len(), 1);
    // The store does not know the key by which its predecessor ended; a stranger who followed the handover does.
    let policy = CheckpointPolicy::for_log(vec![rotation.old, rotation.new]).unwrap();
    succession(&restored, &policy).await.unwrap().check_last(&opened(&last)).unwrap();
    restored.assert_sound().await;
}

#[tokio::test]
async fn a_log_may_be_closed_again_and_again() {
    let world = World::journalled().await;
    world.fill(2).await;
    let mut current = world.beside().await;
    let mut known: Vec<SignedCheckpoint> = Vec::new();
    for _ in 0..4 {
        let backup = current.backup().await;
        current.fill(2).await;
        known.push(current.checkpoint().await);
        let restored = current.restored(&backup).await;
        assert_eq!(follow(&restored).await.closed.len(), 1);
        restored.fill(3).await;
        let _ = succession(&restored, &policy_of(known.last().unwrap())).await.unwrap();
        current = restored;
    }
    let verified = current.verify_all().await;
    assert_eq!(verified.len(), 5);
    assert!(verified.iter().all(|log| log.is_sound()), "{verified:?}");
    let mut logs: Vec<_> = known.iter().map(|signed| signed.log).collect();
    logs.dedup();
    assert_eq!(logs.len(), 4);
    let row = current.row(&Key::ClosedLog(LogRef { shard: 0, generation: 2 })).await.unwrap();
    assert_eq!(ClosedLogRow::of(&row.body).unwrap().head.log, logs[2]);
}

#[tokio::test]
async fn no_log_ever_signs_two_histories_whatever_is_restored() {
    // Backups of every moment, restored in an order that is drawn; each time something is appended and signed.
    let world = World::journalled().await;
    let mut backups = vec![world.backup().await];
    let mut current = world.beside().await;
    let mut seed = 7_u64;
    for _ in 0..30 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        current.fill(1 + (seed >> 33) % 3).await;
        if (seed >> 40).is_multiple_of(2) {
            let _ = current.checkpoint().await;
        }
        backups.push(current.backup().await);
        if (seed >> 50).is_multiple_of(3) {
            let chosen = usize::try_from(seed >> 20).unwrap() % backups.len();
            current = current.restored(&backups[chosen]).await;
            let _followed = follow(&current).await;
            current.assert_sound().await;
        }
    }
    // All checkpoints of a log are of one history: there is one tree, as some store had it, that gives all their roots.
    backups.push(current.backup().await);
    let mut trees: BTreeMap<LogId, Vec<MemoryTree>> = BTreeMap::new();
    for backup in &backups {
        let store = current.backup_of(backup).await;
        for verification in store.verify_all().await {
            let (log, _) = verification.name.unwrap();
            let tree = store.tree(verification.log, verification.size).await;
            trees.entry(log).or_default().push(tree);
        }
    }
    let mut signed: BTreeMap<LogId, Vec<TreeHead>> = BTreeMap::new();
    for record in world.journal.clone().unwrap().read(0, usize::MAX).await.unwrap() {
        let JournalFact::Checkpoint { log, note, .. } = record.fact;
        let (text, _signatures) = note.split_once("\n\n").unwrap();
        signed.entry(log).or_default().push(Checkpoint::parse(&format!("{text}\n")).unwrap().head());
    }
    assert!(signed.len() > 3 && signed.values().any(|heads| heads.len() > 2), "{signed:?}");
    for (log, heads) in signed {
        let gives = |tree: &MemoryTree, head: &TreeHead| {
            CompactRange::read(tree, head.size()).is_ok_and(|range| range.head() == *head)
        };
        let is_one_history = trees[&log].iter().any(|tree| heads.iter().all(|head| gives(tree, head)));
        assert!(is_one_history, "log {log}: {heads:?}");
    }
}

#[tokio::test]
async fn a_controller_that_the_store_does_not_know_is_reported() {
    let world = World::journalled().await;
    let backup = world.backup().await;
    let stranger = ControllerId::from_bytes([0x33; 16]);
    world.register(stranger).await;
    let signed = world.notary.checkpoint(stranger, 0).await.unwrap();
    let restored = world.restored(&backup).await;
    let lost = Lost { controller: stranger, shard: 0, log: signed.log, signed: 0 };
    assert_eq!(follow(&restored).await.lost, [lost]);
}

#[tokio::test]
async fn a_process_that_has_not_followed_the_journal_signs_nothing() {
    let world = World::journalled().await;
    world.fill(3).await;
    let backup = world.backup().await;
    world.fill(3).await;
    let _ = world.checkpoint().await;
    let restored = world.restored(&backup).await;
    for _ in 0..2 {
        let refused = restored.notary.checkpoint(CONTROLLER, 0).await;
        assert!(matches!(refused, Err(LedgerError::NotFollowed)), "{refused:?}");
        let refused = restored.notary.rotate_key(&actor(), CONTROLLER, 0).await;
        assert!(matches!(refused, Err(LedgerError::NotFollowed)), "{refused:?}");
    }
    assert_eq!(world.journal.clone().unwrap().len().await.unwrap(), 1, "nothing was journalled either");
    let _followed = follow(&restored).await;
    assert_ne!(restored.checkpoint().await.log, world.head().await.log);
}

#[tokio::test]
async fn a_store_that_is_replaced_under_a_process_is_noticed() {
    let world = World::journalled().await;
    let store = Replaceable::new(world.storage.clone());
    let process = world.reopened(store.clone());
    world.fill(3).await;
    let backup = world.backup().await;
    world.fill(3).await;
    let signed = world.checkpoint().await;
    let _followed = follow(&process).await;
    assert_eq!(process.checkpoint().await, signed);
    // An older state comes back while the process has the store open.
    store.replace(backup.restore(world.machine.entropy.as_ref()).await);
    let _ = process.append(1, "into the older store").await;
    let refused = process.notary.checkpoint(CONTROLLER, 0).await;
    assert!(matches!(refused, Err(LedgerError::NotFollowed)), "{refused:?}");
    let reopened = world.reopened(store.clone());
    assert_eq!(follow(&reopened).await.closed.len(), 1);
    reopened.assert_sound().await;
}

/// A store that was put in the place of a newer one under a running process, or whose rows were cut, signs nothing: the
/// journal knows a larger tree than its head.
#[tokio::test]
async fn nothing_is_signed_beside_what_stands_in_the_journal() {
    let journal: Arc<dyn Journal> = MemoryJournal::new();
    let world = World::new().await;
    let world = world.beside_with(journal.clone());
    let _followed = follow(&world).await;
    world.fill(3).await;
    let backup = world.backup().await;
    let copy = backup.restore(world.machine.entropy.as_ref()).await;
    let beside = World::process(world.machine.clone(), copy, Some(journal.clone()));
    assert!(follow(&beside).await.closed.is_empty());
    world.fill(3).await;
    let last = world.checkpoint().await;

    let behind = beside.notary.checkpoint(CONTROLLER, 0).await;
    assert!(matches!(behind, Err(LedgerError::NotFollowed)), "{behind:?}");
    beside.fill(4).await;
    let forked = beside.notary.checkpoint(CONTROLLER, 0).await;
    assert!(matches!(forked, Err(LedgerError::Contradiction)), "another history of that size: {forked:?}");

    let followed = follow(&beside).await;
    assert_eq!(followed.closed.len(), 1);
    assert_ne!(beside.checkpoint().await.log, last.log);
}

/// A controller whose keys are damaged, so that no successor can be made, keeps nobody else's log out.
#[tokio::test]
async fn a_log_that_can_be_neither_continued_nor_closed_is_reported_and_nothing_is_signed() {
    let world = World::journalled().await;
    world.fill(3).await;
    world.fill_of(OTHER, 3).await;
    let backup = world.backup().await;
    world.fill(3).await;
    world.fill_of(OTHER, 3).await;
    let _ = world.checkpoint().await;
    let _ = world.notary.checkpoint(OTHER, 0).await.unwrap();

    let restored = world.restored(&backup).await;
    let place = Key::TenantKey(1);
    let Body::TenantKey(sound) = restored.row(&place).await.unwrap().body else { panic!("a tenant key") };
    let mut damaged = sound.clone();
    damaged.key.wrapped[20] ^= 1;
    restored.overwrite(&place, Some(damaged.into())).await;
    for round in 0..2 {
        let followed = follow(&restored).await;
        assert_eq!(followed.failed, [(CONTROLLER, 0)]);
        let closed: Vec<_> = followed.closed.iter().map(|closed| closed.controller).collect();
        assert_eq!(closed, if round == 0 { vec![OTHER] } else { Vec::new() });
        let refused = restored.notary.checkpoint(OTHER, 0).await;
        assert!(matches!(refused, Err(LedgerError::NotFollowed)), "{refused:?}");
    }
    // Mended, and opened again.
    restored.overwrite(&place, Some(sound.into())).await;
    let mended = restored.reopened(restored.storage.clone());
    let followed = follow(&mended).await;
    assert!(followed.failed.is_empty());
    assert_eq!(followed.closed.len(), 1);
    let _ = mended.checkpoint().await;
    let _ = mended.notary.checkpoint(OTHER, 0).await.unwrap();
    mended.assert_sound().await;
}

/// A log that is closed while somebody signs for it: what was signed is given to nobody.
#[tokio::test]
async fn a_checkpoint_of_a_log_that_is_closed_meanwhile_is_given_to_nobody() {
    let journal: Arc<dyn Journal> = MemoryJournal::new();
    let world = World::new().await;
    let world = world.beside_with(journal.clone());
    let _followed = follow(&world).await;
    world.fill(3).await;
    let backup = world.backup().await;

    // A copy of the store is opened before the original signs more than it has.
    let copy = backup.restore(world.machine.entropy.as_ref()).await;
    let closer = World::process(world.machine.clone(), copy.clone(), Some(journal.clone()));
    let meanwhile = Arc::new(Meanwhile { journal, closer: Mutex::default() });
    let signer = World::process(world.machine.clone(), copy, Some(meanwhile.clone()));
    assert!(follow(&signer).await.closed.is_empty());
    world.fill(3).await;
    let last = world.checkpoint().await;

    *meanwhile.closer.lock().unwrap() = Some(closer.notary.clone());
    let signed = signer.checkpoint().await;
    assert!(meanwhile.closer.lock().unwrap().is_none(), "the log was closed meanwhile");
    assert_ne!(signed.log, last.log);
    assert_eq!(signed.log, signer.head().await.log);
    signer.assert_sound().await;
}

/// A journal at whose next append somebody follows it first.
struct Meanwhile {
    journal: Arc<dyn Journal>,
    closer: Mutex<Option<Notary>>,
}

#[async_trait]
impl Journal for Meanwhile {
    async fn id(&self) -> Result<JournalId, JournalError> {
        self.journal.id().await
    }

    /// As when both look at the journal before either of them writes.
    async fn last_checkpoint(&self, _: LogId) -> Result<Option<LastCheckpoint>, JournalError> {
        Ok(None)
    }

    async fn append(&self, record: &JournalRecord) -> Result<(), JournalError> {
        let closer = self.closer.lock().unwrap().take();
        if let Some(closer) = closer {
            assert_eq!(closer.follow_journal(false).await.unwrap().closed.len(), 1);
        }
        self.journal.append(record).await
    }

    async fn read(&self, from: u64, limit: usize) -> Result<Vec<JournalRecord>, JournalError> {
        self.journal.read(from, limit).await
    }

    async fn len(&self) -> Result<u64, JournalError> {
        self.journal.len().await
    }
}
