//! The verifier: what it holds at a time, what it tells meanwhile, and what it makes of a store that changes under it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use wzapi_ledger::proof::checkpoint::CheckpointPolicy;
use wzapi_ledger::verify::VerifyProgress;
use wzapi_ledger::{FaultKind, LedgerError, Verifier};
use wzapi_model::ids::ControllerId;

use wzapi_storage::key::Key;
use wzapi_storage::row::{LogHeadRow, LogLeafRow, RowType};

use wzapi_storage_testkit::faulty::{Fault, FaultyStorage};

use crate::doubles::Counting;
use crate::world::{CONTROLLER, LOG, OTHER, World, opened, person};

#[tokio::test]
async fn what_is_held_at_a_time_does_not_grow_with_the_log() {
    let mut measured = Vec::new();
    for size in [600, 6_000] {
        let world = World::new().await;
        world.fill(size).await;
        let _ = world.checkpoint().await;
        let _ = world.erase(1).await;
        let counting = Counting::new(world.storage.clone());
        let verifier = Verifier::new(counting.as_ref(), &world.encryption, CONTROLLER);
        let verified = verifier.run(&mut |_| {}).await.unwrap();
        assert!(verified[0].is_sound(), "{verified:?}");
        let (largest, rows) = (counting.largest.load(Ordering::SeqCst), counting.rows.load(Ordering::SeqCst));
        assert!(largest <= 256, "{largest} rows at a time");
        assert_eq!(counting.commits.load(Ordering::SeqCst), 0, "looking changes nothing");
        measured.push((largest, rows as f64 / size as f64));
    }
    assert_eq!(measured[0].0, measured[1].0, "the largest answer is that of one page");
    // Each entry is read with its body; each erased one once more, for its certificate.
    assert!(measured[1].1 <= measured[0].1 && measured[1].1 < 2.7, "{measured:?} rows for each entry");
}

#[tokio::test]
async fn progress_is_told_page_by_page() {
    let world = World::new().await;
    world.fill(600).await;
    world.ledger.add_shards(CONTROLLER, world.keys().await.as_ref(), 2).await.unwrap();
    let mut told: Vec<VerifyProgress> = Vec::new();
    let _ = world.verifier().run(&mut |progress| told.push(progress)).await.unwrap();
    let first: Vec<_> = told.iter().filter(|one| one.log == LOG).map(|one| (one.entries, one.size)).collect();
    assert_eq!(first, [(256, 601), (512, 601), (601, 601)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_log_that_grows_and_is_signed_meanwhile_is_sound() {
    let world = Arc::new(World::journalled().await);
    let writer = tokio::spawn({
        let world = Arc::clone(&world);
        async move {
            for number in 0..150 {
                let _ = world.append(number % 7 + 1, "text").await;
                let _ = world.checkpoint().await;
                if number == 60 {
                    let _ = world.notary.rotate_key(&crate::world::actor(), CONTROLLER, 0).await.unwrap();
                }
                if number == 90 {
                    let keys = world.keys().await;
                    world.ledger.add_shards(CONTROLLER, &keys, 3).await.unwrap();
                }
            }
        }
    });
    let mut rounds = 0;
    while !writer.is_finished() {
        world.assert_sound().await;
        rounds += 1;
    }
    writer.await.unwrap();
    assert!(rounds > 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn keys_that_are_rotated_meanwhile_disturb_neither_writers_nor_verifiers() {
    let world = Arc::new(World::new().await);
    world.fill(300).await;
    let rotating = tokio::spawn({
        let process = world.beside().await;
        async move {
            for _ in 0..5 {
                let mut progress = Default::default();
                process.encryption.rotate_tenant(CONTROLLER, &mut progress, &mut |_| {}).await.unwrap();
                tokio::task::yield_now().await;
            }
        }
    });
    while !rotating.is_finished() {
        let _ = world.append(3, "meanwhile").await;
        let _ = world.checkpoint().await;
        let _ = world.notary.prove(CONTROLLER, 0, 7).await.unwrap();
        world.assert_sound().await;
    }
    rotating.await.unwrap();
    let rotation = world.notary.rotate_key(&crate::world::actor(), CONTROLLER, 0).await.unwrap();
    assert_eq!(world.checkpoint().await.verifier_keys[0], rotation.new);
    world.assert_sound().await;
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_an_error_and_no_fault() {
    let world = World::new().await;
    world.fill(300).await;
    let _ = world.checkpoint().await;
    let mut calls = 1;
    let mut call = 0;
    while call < calls {
        let faulty = FaultyStorage::new(world.storage.clone()).with_fault(call, Fault::Unavailable);
        let outcome = Verifier::new(&faulty, &world.encryption, CONTROLLER).run(&mut |_| {}).await;
        assert!(matches!(outcome, Err(LedgerError::Storage(_))), "call {call}: {outcome:?}");
        let healthy = FaultyStorage::new(world.storage.clone());
        let verified = Verifier::new(&healthy, &world.encryption, CONTROLLER).run(&mut |_| {}).await.unwrap();
        assert!(verified[0].is_sound());
        calls = healthy.calls();
        call += 1;
    }
    assert!(calls > 8, "{calls} calls");
}

#[tokio::test]
async fn a_controller_without_a_log_has_no_head() {
    let world = World::new().await;
    let nobody = ControllerId::from_bytes([0x77; 16]);
    let verified = Verifier::new(world.storage.as_ref(), &world.encryption, nobody).run(&mut |_| {}).await;
    let fault = verified.unwrap()[0].fault.unwrap();
    assert_eq!((fault.index, fault.kind), (0, FaultKind::HeadMissing));
}

#[tokio::test]
async fn a_checkpoint_of_another_log_cannot_be_compared_with() {
    let world = World::new().await;
    world.fill(3).await;
    let other = world.notary.checkpoint(OTHER, 0).await.unwrap();
    let outcome = world.verifier().against(opened(&other)).run(&mut |_| {}).await;
    assert!(matches!(outcome, Err(LedgerError::UnknownLog)));
}

/// Whoever has the whole store and all keys can rewrite everything, and sign it. One checkpoint that was kept elsewhere
/// is enough to show it, and from which entry on.
#[tokio::test]
async fn a_rewritten_history_shows_against_a_checkpoint_that_was_kept() {
    let world = World::new().await;
    world.fill(20).await;
    let early = world.checkpoint().await;
    let backup = world.backup().await;
    world.fill(280).await;
    let kept = world.checkpoint().await;
    world.fill(10).await;
    let _ = world.checkpoint().await;

    let forger = world.backup_of(&backup).await;
    forger.fill(400).await;
    let forged = forger.checkpoint().await;
    assert!(forger.verify().await.is_sound(), "by itself it is flawless");
    assert_eq!(forged.origin, kept.origin);
    let verified = forger.verify_against(opened(&kept)).await.remove(0);
    assert_eq!(
        verified.fault.map(|fault| (fault.index, fault.kind)),
        Some((300, FaultKind::HistoryRewritten)),
        "somewhere before entry 300"
    );
    let verified =
        forger.verifier().against(opened(&early)).against(opened(&kept)).run(&mut |_| {}).await.unwrap();
    assert_eq!(verified[0].compared, 2);
    assert_eq!(verified[0].fault.map(|fault| fault.index), Some(300), "but not before entry 20");
    assert!(forger.verify_against(opened(&early)).await[0].is_sound());
    // Neither by the log's own keys nor by tiles can both be explained.
    let policy = CheckpointPolicy::for_log(kept.verifier_keys.clone()).unwrap();
    assert!(policy.open(forged.note.as_bytes()).is_ok(), "the same key signed two histories");
}

#[tokio::test]
async fn a_log_that_was_cut_without_a_trace_shows_against_a_checkpoint_that_was_kept() {
    let world = World::new().await;
    world.fill(20).await;
    let _ = world.checkpoint().await;
    let backup = world.backup().await;
    world.fill(30).await;
    let kept = world.checkpoint().await;
    let cut = world.backup_of(&backup).await;
    let verified = cut.verify().await;
    assert!(verified.is_sound());
    assert_eq!(verified.compared, 0, "and the report says that nothing outside was compared with");
    let verified = cut.verify_against(opened(&kept)).await.remove(0);
    assert_eq!(verified.fault.map(|fault| (fault.index, fault.kind)), Some((20, FaultKind::BehindHistory)));
}

/// Cut with everything that the store itself has to tell of it, but for what a hasty hand forgets.
#[tokio::test]
async fn a_log_that_was_cut_hastily_is_found_by_itself() {
    let world = World::new().await;
    world.fill(20).await;
    let short = LogHeadRow::of(&world.row(&Key::LogHead(0)).await.unwrap().body).unwrap().clone();
    world.fill(5).await;
    for kept in [20, 22, 24] {
        let backup = world.backup().await;
        let cut = world.backup_of(&backup).await;
        let removed =
            (20..25).filter(|index| *index != kept).map(|index| (Key::LogLeaf { log: LOG, index }, None));
        cut.overwrite_all(removed.chain([(Key::LogHead(0), Some(short.clone().into()))])).await;
        let fault = cut.verify().await.fault.unwrap();
        assert_eq!((fault.index, fault.kind), (20, FaultKind::Truncated), "entry {kept} is left");
    }
}

#[tokio::test]
async fn a_writer_that_breaks_the_rules_harms_only_itself() {
    let world = World::new().await;
    // Two callers in one batch, of which one guards the head of the log, which is the sequencer's to guard.
    let mut meddling = wzapi_storage::Draft::new(world.storage.as_ref(), CONTROLLER);
    meddling.load([Key::LogHead(0)]).await.unwrap();
    meddling.guard(&Key::LogHead(0)).unwrap();
    let meddlers = world.prepare(&mut meddling, crate::world::subject(1), "meddling").await;
    let mut decent = wzapi_storage::Draft::new(world.storage.as_ref(), CONTROLLER);
    let decents = world.prepare(&mut decent, crate::world::subject(2), "decent").await;
    let (meddled, went_well) = tokio::join!(
        world.ledger.commit(meddling, vec![meddlers]),
        world.ledger.commit(decent, vec![decents])
    );
    assert!(matches!(meddled, Err(LedgerError::Storage(_))), "{meddled:?}");
    assert_eq!(went_well.unwrap().entries[0].1, 0);
    let leaf = world.row(&Key::LogLeaf { log: LOG, index: 0 }).await.unwrap();
    assert_eq!(LogLeafRow::of(&leaf.body).unwrap().owner, wzapi_storage::Owner::Subject(person(2)));
    world.assert_sound().await;
}
