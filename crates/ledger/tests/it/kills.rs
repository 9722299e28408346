//! A process that is killed, or whose store or journal fails, at any point of its life. What it acknowledged is there
//! afterwards, what it signed is continued, and every log verifies.

use std::sync::Arc;
use std::sync::Mutex;

use wzapi_ledger::journal::{Journal, JournalFact};
use wzapi_ledger::proof::checkpoint::CheckpointPolicy;
use wzapi_ledger::proof::tlog_proof::TlogProof;
use wzapi_ledger::{Appended, LedgerError};
use wzapi_model::ids::EntryId;
use wzapi_storage::Storage;
use wzapi_storage_testkit::faulty::{Fault, FaultyStorage, Rates};

use crate::backup::Backup;
use crate::doubles::{Executioner, Kill, MemoryJournal, Mortal};
use crate::world::{CONTROLLER, Machine, World, actor, check_proof, opened, subject};

/// What a process was told, so that it must hold.
#[derive(Default)]
struct Acknowledged {
    /// Entries about persons.
    entries: Vec<(u8, EntryId)>,
    proofs: Vec<(TlogProof, CheckpointPolicy)>,
    erased: Vec<u8>,
}

type Told = Arc<Mutex<Acknowledged>>;

/// A little of everything that writes. Each step is tried once, and given up when it fails.
async fn live(world: &World, told: &Told) {
    append(world, told, 1).await;
    append(world, told, 2).await;
    let _ = world.notary.checkpoint(CONTROLLER, 0).await;
    prove(world, told, 1).await;
    append(world, told, 1).await;
    let _ = world.notary.rotate_key(&actor(), CONTROLLER, 0).await;
    append(world, told, 3).await;
    if let Ok(keys) = world.encryption.tenant(CONTROLLER).await {
        let _ = world.ledger.add_shards(CONTROLLER, &keys, 3).await;
    }
    append(world, told, 4).await;
    append(world, told, 5).await;
    let _ = world.notary.checkpoint(CONTROLLER, 1).await;
    if world.try_erase(1).await.is_ok() {
        told.lock().unwrap().erased.push(1);
    }
    append(world, told, 2).await;
    prove(world, told, 1).await;
    let _ = world.notary.checkpoint(CONTROLLER, 2).await;
}

async fn append(world: &World, told: &Told, number: u8) {
    if let Ok(Appended { entries, .. }) = world.try_append(subject(number), "text").await {
        told.lock().unwrap().entries.push((number, entries[0].0));
    }
}

async fn prove(world: &World, told: &Told, index: u64) {
    let Ok(signed) = world.notary.checkpoint(CONTROLLER, 0).await else { return };
    let policy = CheckpointPolicy::for_log(signed.verifier_keys).unwrap();
    if let Ok(proof) = world.notary.prove(CONTROLLER, 0, index).await {
        told.lock().unwrap().proofs.push((proof, policy));
    }
}

/// What must hold of a store when a new process opens it after whatever happened.
async fn assert_whole(world: &World, told: &Told, name: &str) {
    let followed = world.notary.follow_journal(false).await.unwrap();
    assert!(followed.closed.is_empty() && followed.lost.is_empty(), "{name}: {followed:?}");
    for log in world.verify_all().await {
        assert!(log.is_sound(), "{name}: {log:?}");
    }
    {
        let told = told.lock().unwrap();
        for (proof, policy) in &told.proofs {
            check_proof(proof, policy);
        }
    }
    let (entries, erased) = {
        let told = told.lock().unwrap();
        (told.entries.clone(), told.erased.clone())
    };
    for (number, entry) in entries {
        let (log, index) = world.notary.locate(CONTROLLER, subject(number), entry).await.unwrap();
        match world.notary.prove_in(CONTROLLER, log, index).await {
            Ok(_) => assert!(!erased.contains(&number), "{name}: {number}"),
            Err(LedgerError::Erased { .. }) => assert_eq!(number, 1, "{name}"),
            Err(error) => panic!("{name}: {error}"),
        }
    }
    // Every checkpoint that was journalled is continued, whether or not anybody got it.
    for shard in 0..world.ledger.shards(CONTROLLER).await.unwrap() {
        let _ = world.notary.checkpoint(CONTROLLER, shard).await.unwrap();
    }
    let journal = world.journal.clone().unwrap();
    let mut verifier = world.verifier();
    for record in journal.read(0, usize::MAX).await.unwrap() {
        let JournalFact::Checkpoint { shard, note, .. } = record.fact;
        let signed = world.notary.checkpoint(CONTROLLER, shard).await.unwrap();
        let policy = CheckpointPolicy::for_log(signed.verifier_keys.clone()).unwrap();
        // Keys sign on for a while, so that the present ones open all of them.
        verifier = verifier.against(policy.open(note.as_bytes()).unwrap());
        assert_eq!(opened(&signed).head(), signed.head);
    }
    for log in verifier.run(&mut |_| {}).await.unwrap() {
        assert!(log.is_sound(), "{name}: {log:?}");
    }
}

/// A registered controller, and the machine that its keys are on.
fn registered() -> (Arc<Machine>, Backup) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let world = World::new().await;
        (world.machine.clone(), world.backup().await)
    })
}

/// One life: a runtime of its own, which ends when the process is killed.
fn live_until(
    machine: &Arc<Machine>,
    backup: &Backup,
    journal: &Arc<dyn Journal>,
    kill: Option<Kill>,
) -> (Arc<dyn Storage>, Told, u64) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (told, executioner) = (Told::default(), Executioner::new(kill));
    let store = runtime.block_on(backup.restore(machine.entropy.as_ref()));
    runtime.block_on(async {
        let storage = Mortal { inner: store.clone(), executioner: executioner.clone() };
        let journal = Mortal { inner: journal.clone(), executioner: executioner.clone() };
        let life = async {
            let world = World::process(machine.clone(), Arc::new(storage), Some(Arc::new(journal)));
            let _ = world.notary.follow_journal(false).await;
            live(&world, &told).await;
        };
        tokio::select! {
            () = life => {}
            () = executioner.killed() => {}
        }
    });
    drop(runtime);
    (store, told, executioner.calls())
}

#[test]
fn killed_at_any_call_nothing_that_was_acknowledged_is_lost() {
    let (machine, backup) = registered();
    let journal: Arc<dyn Journal> = MemoryJournal::new();
    let (_, told, calls) = live_until(&machine, &backup, &journal, None);
    let whole = told.lock().unwrap();
    assert_eq!((whole.entries.len(), whole.proofs.len(), whole.erased.len()), (7, 2, 1));
    assert!(calls > 100, "{calls} calls");
    for call in 0..calls {
        for after in [false, true] {
            let kill = Kill { call, after };
            let journal: Arc<dyn Journal> = MemoryJournal::new();
            let (store, told, _) = live_until(&machine, &backup, &journal, Some(kill));
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let world = World::process(machine.clone(), store, Some(journal));
            runtime.block_on(assert_whole(&world, &told, &format!("{kill:?}")));
        }
    }
}

#[tokio::test]
async fn a_fault_at_any_call_leaves_everything_whole() {
    let world = World::new().await;
    let backup = world.backup().await;
    let mut calls = 1;
    let mut call = 0;
    while call < calls {
        for fault in [Fault::Unavailable, Fault::UnknownBefore, Fault::UnknownAfter] {
            let store = backup.restore(world.machine.entropy.as_ref()).await;
            let faulty = Arc::new(FaultyStorage::new(store.clone()).with_fault(call, fault));
            let journal: Arc<dyn Journal> = MemoryJournal::new();
            let told = Told::default();
            let process = World::process(world.machine.clone(), faulty.clone(), Some(journal.clone()));
            let _ = process.notary.follow_journal(false).await;
            live(&process, &told).await;
            calls = calls.max(faulty.calls());
            let reopened = World::process(world.machine.clone(), store, Some(journal));
            assert_whole(&reopened, &told, &format!("{fault:?} at {call}")).await;
        }
        call += 1;
    }
    assert!(calls > 100, "{calls} calls");
}

#[tokio::test]
async fn one_unknown_outcome_is_never_the_callers_trouble() {
    let world = World::new().await;
    let backup = world.backup().await;
    for fault in [Fault::UnknownBefore, Fault::UnknownAfter] {
        for call in 0..40 {
            let store = backup.restore(world.machine.entropy.as_ref()).await;
            let faulty = Arc::new(FaultyStorage::new(store).with_fault(call, fault));
            let process = World::process(world.machine.clone(), faulty, None);
            // A fault of a reading call is told as what it is: nothing happened.
            let told = |outcome: Result<(), LedgerError>| match outcome {
                Ok(()) => {}
                Err(LedgerError::Storage(_) | LedgerError::Encryption(_)) => {}
                Err(error) => panic!("{fault:?} at {call}: {error:?}"),
            };
            told(process.try_append(subject(1), "text").await.map(drop));
            told(process.notary.checkpoint(CONTROLLER, 0).await.map(drop));
            told(process.notary.rotate_key(&actor(), CONTROLLER, 0).await.map(drop));
        }
    }
}

#[tokio::test]
async fn a_store_that_fails_all_the_time_harms_nothing() {
    let world = World::new().await;
    let backup = world.backup().await;
    for seed in 0..30 {
        let store = backup.restore(world.machine.entropy.as_ref()).await;
        let faulty = Arc::new(FaultyStorage::new(store.clone()).with_rates(seed, Rates::HARSH));
        let journal: Arc<dyn Journal> = MemoryJournal::new();
        let told = Told::default();
        let process = World::process(world.machine.clone(), faulty.clone(), Some(journal.clone()));
        faulty.set_armed(false);
        let _followed = process.notary.follow_journal(false).await.unwrap();
        faulty.set_armed(true);
        live(&process, &told).await;
        assert!(faulty.struck() > 0, "seed {seed}");
        let reopened = World::process(world.machine.clone(), store, Some(journal));
        assert_whole(&reopened, &told, &format!("seed {seed}")).await;
    }
}

#[tokio::test]
async fn what_the_journal_does_not_take_is_given_to_nobody() {
    for after in [false, true] {
        for call in 0..3 {
            let journal = MemoryJournal::failing(Some(Kill { call, after }));
            let world = World::new().await;
            let world = World::process(world.machine.clone(), world.storage.clone(), Some(journal.clone()));
            let _followed = world.notary.follow_journal(false).await.unwrap();
            for round in 0..3 {
                let _ = world.append(1, "text").await;
                let before = world.checkpoint_row(crate::world::LOG).await.and_then(|row| row.signed);
                let outcome = world.notary.checkpoint(CONTROLLER, 0).await;
                if round != call {
                    assert_eq!(outcome.unwrap().head.size(), round + 1);
                    continue;
                }
                assert!(matches!(outcome, Err(LedgerError::Journal(_))), "{outcome:?}");
                let row = world.checkpoint_row(crate::world::LOG).await.unwrap();
                assert_eq!(row.signed, before, "a checkpoint is stored only once it is journalled");
                assert_eq!(journal.records().len() as u64, call + u64::from(after));
            }
            // A record of a checkpoint that nobody got closes nothing.
            let followed = world.beside_with(journal).notary.follow_journal(false).await.unwrap();
            assert!(followed.closed.is_empty(), "{followed:?}");
            world.assert_sound().await;
        }
    }
}
