//! Rotation of the key that signs a log.

use std::sync::Arc;

use wzapi_ledger::LedgerError;
use wzapi_ledger::log_key::SIGNS_AFTER_HANDOVER;
use wzapi_ledger::proof::checkpoint::CheckpointPolicy;
use wzapi_ledger::proof::handover;
use wzapi_ledger::proof::signed_note::VerifierKey;
use wzapi_storage::key::Key;
use wzapi_storage::row::{LogKeyRow, RowType};

use crate::doubles::Interrupted;
use crate::world::{CONTROLLER, OTHER, World, actor, check_proof, opened, policy_of};

#[tokio::test]
async fn whoever_trusts_the_old_key_learns_of_the_new_one() {
    let world = World::new().await;
    world.fill(10).await;
    let before = world.checkpoint().await;
    let rotation = world.notary.rotate_key(&actor(), CONTROLLER, 0).await.unwrap();
    let after = world.checkpoint().await;

    // By the statement alone.
    let [old] = before.verifier_keys.as_slice() else { panic!("one key") };
    let stated = handover::verify(rotation.statement.as_bytes(), old).unwrap();
    assert_eq!((stated.old_key(), stated.new_key()), (&rotation.old, &rotation.new));
    assert_eq!((stated.origin().as_str(), stated.size()), (after.origin.as_str(), 10));

    // By the entry in the log, proved under a checkpoint that the old key still signs.
    let verified = check_proof(&world.prove(10).await, &policy_of(&before));
    let recorded = handover::verify_event(verified.event(), old).unwrap();
    assert_eq!(recorded, stated);
    assert_eq!(verified.fields().text("actor"), Some("auditor"));

    // From then on by the new key alone.
    let policy = CheckpointPolicy::for_log(vec![rotation.new.clone()]).unwrap();
    let opened = policy.open(after.note.as_bytes()).unwrap();
    recorded.check(&opened).unwrap();
    assert_eq!(
        world.notary.locate(CONTROLLER, wzapi_storage::Owner::Controller, rotation.entry).await.unwrap().1,
        10
    );
    world.assert_sound().await;
}

#[tokio::test]
async fn both_keys_sign_for_a_while() {
    let world = World::new().await;
    world.fill(3).await;
    let first = world.checkpoint().await;
    let rotation = world.notary.rotate_key(&actor(), CONTROLLER, 0).await.unwrap();
    for (days, is_old_signing) in [(0, true), (89, true), (90, false)] {
        let world = world.beside().await;
        let base = world.machine.clock.as_ref();
        let now = wzapi_model::Clock::now(base);
        base.advance(SIGNS_AFTER_HANDOVER * days / 90);
        let _ = world.append(1, "text").await;
        let signed = world.checkpoint().await;
        assert_eq!(signed.verifier_keys.contains(&rotation.old), is_old_signing, "after {days} days");
        assert_eq!(policy_of(&first).open(signed.note.as_bytes()).is_ok(), is_old_signing);
        base.set(now);
    }
}

#[tokio::test]
async fn a_chain_of_handovers_leads_from_the_first_key_to_the_last() {
    let world = World::new().await;
    let mut trusted: Vec<VerifierKey> = world.checkpoint().await.verifier_keys;
    for _ in 0..12 {
        world.fill(2).await;
        let rotation = world.notary.rotate_key(&actor(), CONTROLLER, 0).await.unwrap();
        let handover = handover::verify(rotation.statement.as_bytes(), trusted.last().unwrap()).unwrap();
        trusted.push(handover.new_key().clone());
    }
    let signed = world.checkpoint().await;
    assert_eq!(signed.verifier_keys.len(), 8, "not more keys than a note has room for");
    assert_eq!(signed.verifier_keys.first(), trusted.last());
    assert!(world.verify_against(opened(&signed)).await[0].is_sound());
    let policy = CheckpointPolicy::for_log(trusted).unwrap();
    assert_eq!(policy.open(signed.note.as_bytes()).unwrap().log_signatures().len(), 8);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_that_rotate_at_the_same_time_make_one_chain() {
    let world = Arc::new(World::new().await);
    let first = world.checkpoint().await.verifier_keys.remove(0);
    let tasks: Vec<_> = (0..4)
        .map(|_| {
            let process = world.reopened(world.storage.clone());
            tokio::spawn(async move { process.notary.rotate_key(&actor(), CONTROLLER, 0).await.unwrap() })
        })
        .collect();
    let mut rotations = Vec::new();
    for task in tasks {
        rotations.push(task.await.unwrap());
    }
    let mut current = first;
    for _ in 0..4 {
        let next = rotations.iter().find(|rotation| rotation.old == current).expect("the chain goes on");
        current = next.new.clone();
    }
    assert_eq!(world.checkpoint().await.verifier_keys[0], current);
    world.assert_sound().await;
}

#[tokio::test]
async fn the_key_is_stored_wrapped_beside_its_public_half() {
    let world = World::new().await;
    let signed = world.checkpoint().await;
    let row = world.row(&Key::LogKey { shard: 0, version: 1 }).await.unwrap();
    let row = LogKeyRow::of(&row.body).unwrap();
    assert_eq!(row.verifier_key, signed.verifier_keys[0].to_string());
    assert_eq!((row.key.wrapped_by.as_str(), row.retired_at), ("1", None));
    let rotation = world.notary.rotate_key(&actor(), CONTROLLER, 0).await.unwrap();
    let row = world.row(&Key::LogKey { shard: 0, version: 1 }).await.unwrap();
    assert!(LogKeyRow::of(&row.body).unwrap().retired_at.is_some());
    let row = world.row(&Key::LogKey { shard: 0, version: 2 }).await.unwrap();
    assert_eq!(LogKeyRow::of(&row.body).unwrap().verifier_key, rotation.new.to_string());
}

#[tokio::test]
async fn a_key_survives_the_rotation_of_the_key_above_it() {
    let world = World::new().await;
    world.fill(3).await;
    let before = world.checkpoint().await;
    let outdated = world.beside().await;
    let _ = outdated.keys().await;
    let mut progress = Default::default();
    world.encryption.rotate_tenant(CONTROLLER, &mut progress, &mut |_| {}).await.unwrap();
    let row = world.row(&Key::LogKey { shard: 0, version: 1 }).await.unwrap();
    assert_eq!(LogKeyRow::of(&row.body).unwrap().key.wrapped_by, "2");

    // A process that has the former keys in hand finds out, and wraps nothing by them.
    let rotation = outdated.notary.rotate_key(&actor(), CONTROLLER, 0).await.unwrap();
    let row = world.row(&Key::LogKey { shard: 0, version: 2 }).await.unwrap();
    assert_eq!(LogKeyRow::of(&row.body).unwrap().key.wrapped_by, "2");
    let signed = world.checkpoint().await;
    assert_eq!(signed.verifier_keys, [rotation.new, before.verifier_keys[0].clone()]);
    world.assert_sound().await;
}

#[tokio::test]
async fn nobody_wraps_a_key_by_a_key_that_is_about_to_be_destroyed() {
    let world = World::new().await;
    let outdated = world.keys().await;
    let beside = world.beside().await;
    let mut progress = Default::default();
    beside.encryption.rotate_tenant(CONTROLLER, &mut progress, &mut |_| {}).await.unwrap();
    let refused = world.ledger.add_shards(CONTROLLER, &outdated, 2).await;
    assert!(matches!(refused, Err(LedgerError::Conflict)), "{refused:?}");
    let keys = beside.keys().await;
    world.ledger.add_shards(CONTROLLER, &keys, 2).await.unwrap();
    let _ = world.notary.checkpoint(CONTROLLER, 1).await.unwrap();
    world.assert_sound().await;
}

#[tokio::test]
async fn each_log_has_keys_of_its_own() {
    let world = World::new().await;
    world.ledger.add_shards(CONTROLLER, world.keys().await.as_ref(), 3).await.unwrap();
    let rotation = world.notary.rotate_key(&actor(), CONTROLLER, 1).await.unwrap();
    let mut keys = Vec::new();
    for (controller, shard) in [(CONTROLLER, 0), (CONTROLLER, 1), (CONTROLLER, 2), (OTHER, 0)] {
        let signed = world.notary.checkpoint(controller, shard).await.unwrap();
        assert_eq!(signed.verifier_keys.contains(&rotation.new), (controller, shard) == (CONTROLLER, 1));
        keys.extend(signed.verifier_keys);
    }
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), 5);
    world.assert_sound().await;
}

/// A process that has not heard of it makes a new key at any moment of a rotation of the keys above.
#[tokio::test]
async fn no_key_of_a_log_is_lost_with_the_key_above_it() {
    let world = World::new().await;
    // There is a key for what is about nobody from now on.
    let _ = world.notary.rotate_key(&actor(), CONTROLLER, 0).await.unwrap();
    let backup = world.backup().await;
    let mut made = 0;
    for call in 0.. {
        let store = backup.restore(world.machine.entropy.as_ref()).await;
        let outdated = World::process(world.machine.clone(), store.clone(), None);
        let keys = outdated.keys().await;
        let interrupted = Interrupted::new(store.clone());
        let rotating = World::process(world.machine.clone(), interrupted.clone(), None);
        let happening = async move {
            let outcome = outdated.ledger.add_shards(CONTROLLER, &keys, 2).await;
            assert!(matches!(outcome, Ok(()) | Err(LedgerError::Conflict)), "call {call}: {outcome:?}");
        };
        interrupted.arm(call, Box::pin(happening));
        let mut progress = Default::default();
        rotating.encryption.rotate_tenant(CONTROLLER, &mut progress, &mut |_| {}).await.unwrap();
        if !interrupted.has_struck() {
            assert!(call > 10 && made > 0, "{call} calls, {made} made");
            break;
        }
        let healthy = World::process(world.machine.clone(), store, None);
        let shards = healthy.ledger.shards(CONTROLLER).await.unwrap();
        made += shards - 1;
        for shard in 0..shards {
            let _ = healthy.notary.checkpoint(CONTROLLER, shard).await.unwrap();
        }
        healthy.assert_sound().await;
    }
}
