//! Signed checkpoints: one history, each beginning with the one before.

use std::sync::Arc;
use std::time::Duration;

use wzapi_ledger::LedgerError;
use wzapi_ledger::journal::JournalFact;
use wzapi_ledger::log_key::SIGNS_AFTER_HANDOVER;
use wzapi_ledger::notary::SignedCheckpoint;
use wzapi_ledger::proof::TreeHead;
use wzapi_ledger::proof::consistency::ConsistencyProof;
use wzapi_ledger::proof::memory_tree::MemoryTree;
use wzapi_ledger::proof::signed_note::{KeyName, Signer};
use wzapi_model::ids::ControllerId;
use wzapi_storage::key::Key;
use wzapi_storage::row::{JournalPositionRow, LogKeyRow, LogTileRow, RowType};

use crate::world::{CONTROLLER, LOG, OTHER, World, actor, opened, policy_of};

/// The tree over all entries.
async fn tree(world: &World) -> MemoryTree {
    world.tree(LOG, world.head().await.size).await
}

#[tokio::test]
async fn the_checkpoint_of_an_empty_log_is_signed_and_kept() {
    let world = World::journalled().await;
    let first = world.checkpoint().await;
    assert_eq!(first.head, TreeHead::EMPTY);
    assert_eq!(opened(&first).head(), TreeHead::EMPTY);
    assert_eq!(world.checkpoint().await, first, "nothing was appended, so nothing was signed");
    assert_eq!(world.journal.as_ref().unwrap().len().await.unwrap(), 1);
    assert_eq!(world.verify().await.signed, Some(0));
}

#[tokio::test]
async fn a_checkpoint_names_the_log_and_nobody() {
    let world = World::new().await;
    let signed = world.checkpoint().await;
    assert_eq!(signed.origin, format!("wzapi.invalid/log/{}", signed.log));
    assert!(signed.note.starts_with(&format!("{}\n0\n", signed.origin)));
    assert!(!signed.note.contains(&CONTROLLER.to_string()));
    let other = world.notary.checkpoint(OTHER, 0).await.unwrap();
    assert!(policy_of(&signed).open(other.note.as_bytes()).is_err(), "another log, another key");
}

#[tokio::test]
async fn every_checkpoint_begins_with_the_ones_before() {
    let world = World::new().await;
    let mut signed: Vec<SignedCheckpoint> = vec![world.checkpoint().await];
    for step in [1, 1, 2, 60, 191, 1, 1, 255, 256, 257] {
        world.fill(step).await;
        world.machine.clock.advance(Duration::from_secs(1));
        signed.push(world.checkpoint().await);
    }
    let tree = tree(&world).await;
    assert_eq!(signed.last().unwrap().head, tree.head());
    for (older, newer) in signed.iter().zip(signed.iter().skip(1)) {
        let proof = ConsistencyProof::build(&tree, older.head.size(), newer.head.size()).unwrap();
        proof.verify(opened(older).head(), opened(newer).head()).unwrap();
        assert!(older.signed_at < newer.signed_at);
        assert_eq!(older.verifier_keys, newer.verifier_keys);
    }
    let verification = world.verify_against(opened(&signed[3])).await.remove(0);
    assert!(verification.is_sound(), "{verification:?}");
    assert_eq!((verification.compared, verification.signed), (1, Some(tree.head().size())));
}

#[tokio::test]
async fn tiles_are_built_in_chunks_and_to_the_end() {
    let world = World::new().await;
    world.fill(16_384 + 1000).await;
    let signed = world.checkpoint().await;
    assert_eq!(signed.head.size(), 17_384);
    assert_eq!(signed.head, tree(&world).await.head());
    let tile = world.row(&Key::LogTile { log: LOG, level: 1, index: 0 }).await;
    assert!(tile.is_none(), "only full tiles are stored");
    let tile = world.row(&Key::LogTile { log: LOG, level: 0, index: 66 }).await.unwrap();
    assert_eq!(LogTileRow::of(&tile.body).unwrap().hashes.len(), 256 * 32);
    assert!(world.verify().await.is_sound());
    for index in [0, 16_383, 16_384, 17_383] {
        let proof = world.prove(index).await;
        proof.verify(&policy_of(&signed)).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn checkpoints_of_many_processes_never_contradict_each_other() {
    let world = Arc::new(World::journalled().await);
    let mut tasks = Vec::new();
    for task in 1..=4_u8 {
        let process = Arc::new(world.beside().await);
        let writer = Arc::clone(&process);
        tasks.push(tokio::spawn(async move {
            for round in 0..30 {
                let _ = writer.append(task, &round.to_string()).await;
            }
            Vec::new()
        }));
        tasks.push(tokio::spawn(async move {
            let mut signed = Vec::new();
            for _ in 0..15 {
                signed.push(process.checkpoint().await);
                tokio::task::yield_now().await;
            }
            signed
        }));
    }
    let mut signed = Vec::new();
    for task in tasks {
        signed.extend(task.await.unwrap());
    }
    let tree = tree(&world).await;
    for checkpoint in &signed {
        let proof = ConsistencyProof::build(&tree, checkpoint.head.size(), tree.head().size()).unwrap();
        proof.verify(checkpoint.head, tree.head()).unwrap();
    }
    assert!(world.verify().await.is_sound());
    // Whatever was given to somebody stands in the journal.
    let journal = world.machine.open_journal();
    let recorded: Vec<String> = journal.read(0, usize::MAX).await.unwrap().into_iter().map(note).collect();
    assert!(signed.iter().all(|checkpoint| recorded.contains(&checkpoint.note)));
}

fn note(record: wzapi_ledger::journal::JournalRecord) -> String {
    let JournalFact::Checkpoint { note, .. } = record.fact;
    note
}

#[tokio::test]
async fn a_checkpoint_covers_what_was_appended_before_it_was_asked_for() {
    let world = World::new().await;
    for number in 1..20 {
        let index = world.append(1, "text").await.entries[0].1;
        assert_eq!(index + 1, number);
        assert_eq!(world.checkpoint().await.head.size(), number);
    }
}

#[tokio::test]
async fn nothing_is_signed_before_the_journal_was_followed() {
    let world = World::journalled().await;
    let _ = world.append(1, "text").await;
    let signed = world.checkpoint().await;

    // Somebody opens the store without its journal, with another one, or with what is left of it.
    let bare = World::process(world.machine.clone(), world.storage.clone(), None);
    let _ = bare.append(1, "text").await;
    assert!(matches!(bare.notary.checkpoint(CONTROLLER, 0).await, Err(LedgerError::OtherJournal)));

    std::fs::rename(world.machine.journal_path(), world.machine.folder().join("kept")).unwrap();
    let other = world.reopened(world.storage.clone());
    assert!(matches!(other.notary.checkpoint(CONTROLLER, 0).await, Err(LedgerError::NotFollowed)));
    assert!(matches!(other.notary.follow_journal(false).await, Err(LedgerError::OtherJournal)));
    assert!(matches!(other.notary.checkpoint(CONTROLLER, 0).await, Err(LedgerError::NotFollowed)));
    assert_eq!(
        other.notary.prove(CONTROLLER, 0, 0).await.unwrap().index(),
        0,
        "what is signed can be proved"
    );

    // It can be adopted, if the old one is lost for good.
    let _followed = other.notary.follow_journal(true).await.unwrap();
    assert!(other.checkpoint().await.head.size() > signed.head.size());
}

#[tokio::test]
async fn a_journal_that_became_shorter_is_noticed() {
    let world = World::journalled().await;
    for _ in 0..3 {
        let _ = world.append(1, "text").await;
        let _ = world.checkpoint().await;
    }
    let followed = world.reopened(world.storage.clone()).notary.follow_journal(false).await.unwrap();
    assert_eq!(followed.records, 3);
    let row = world.row_of(ControllerId::SYSTEM, &Key::JournalPosition).await.unwrap();
    assert_eq!(JournalPositionRow::of(&row.body).unwrap().position, 3);

    let path = world.machine.journal_path();
    let text = std::fs::read_to_string(&path).unwrap();
    let (cut, _) = text.trim_end().rsplit_once('\n').unwrap();
    std::fs::write(&path, format!("{cut}\n")).unwrap();
    let reopened = world.reopened(world.storage.clone());
    assert!(matches!(reopened.notary.follow_journal(false).await, Err(LedgerError::OtherJournal)));
    assert!(reopened.notary.follow_journal(true).await.unwrap().closed.is_empty());
}

#[tokio::test]
async fn a_tree_that_does_not_continue_the_signed_one_is_not_signed() {
    let world = World::new().await;
    world.fill(300).await;
    let signed = world.checkpoint().await;
    world.fill(10).await;
    let sound = world.backup().await;
    let row = world.checkpoint_row(LOG).await.unwrap();
    let leaf = Key::LogLeaf { log: LOG, index: 305 };

    let mut other_head = world.head().await;
    other_head.peaks[1][0] ^= 1;
    let mut other_root = row.clone();
    other_root.edge.peaks[0][0] ^= 1;
    let mut other_hash = row.clone();
    other_hash.edge.open[0][3][0] ^= 1;
    let mut other_note = row.clone();
    other_note.signed.as_mut().unwrap().note = signed.note.replace("\n300\n", "\n301\n");
    let mut ahead = row.clone();
    ahead.edge.size = 1000;
    let place = Key::Checkpoint(LOG);
    for (name, key, body) in [
        ("the edge has another root", place.clone(), Some(other_root.into())),
        ("the edge has another hash", place.clone(), Some(other_hash.into())),
        ("the checkpoint is another one", place.clone(), Some(other_note.into())),
        ("the edge is ahead of the head", place.clone(), Some(ahead.into())),
        ("an entry is gone", leaf, None),
        ("the head has another root", Key::LogHead(0), Some(other_head.into())),
    ] {
        let damaged = world.restored(&sound).await;
        damaged.overwrite(&key, body).await;
        let outcome = damaged.notary.checkpoint(CONTROLLER, 0).await;
        assert!(
            matches!(outcome, Err(LedgerError::Contradiction | LedgerError::DamagedHead(_))),
            "{name}: {outcome:?}"
        );
        assert!(!damaged.verify().await.is_sound(), "{name}");
    }
    assert_eq!(world.checkpoint().await.head.size(), 310, "the sound one goes on");
}

#[tokio::test]
async fn a_tile_that_was_altered_proves_nothing() {
    let world = World::new().await;
    world.fill(600).await;
    let signed = world.checkpoint().await;
    let place = Key::LogTile { log: LOG, level: 0, index: 0 };
    let sound = world.row(&place).await.unwrap().body;
    for altered in
        [None, Some(LogTileRow { hashes: vec![7; 256 * 32] }), Some(LogTileRow { hashes: Vec::new() })]
    {
        world.overwrite(&place, altered.map(Into::into)).await;
        assert!(matches!(world.notary.prove(CONTROLLER, 0, 3).await, Err(LedgerError::Contradiction)));
        world.prove(300).await.verify(&policy_of(&signed)).unwrap();
    }
    world.overwrite(&place, Some(sound)).await;
    world.prove(3).await.verify(&policy_of(&signed)).unwrap();
}

#[tokio::test]
async fn a_key_that_does_not_belong_to_its_public_half_signs_nothing() {
    let world = World::new().await;
    let _ = world.append(1, "text").await;
    let place = Key::LogKey { shard: 0, version: 1 };
    let wzapi_storage::row::Body::LogKey(sound) = world.row(&place).await.unwrap().body else { panic!() };
    let other = world.row_of(OTHER, &place).await.unwrap();
    let wzapi_storage::row::Body::LogKey(other) = other.body else { panic!() };
    let name = KeyName::new(world.head().await.origin).unwrap();
    let stranger = Signer::from_seed(name, &[9; 32]).unwrap().verifier_key().to_string();
    let strangers = LogKeyRow { verifier_key: stranger, ..sound.clone() };
    let mut unparsable = sound.clone();
    unparsable.verifier_key.pop();
    for (name, body) in [
        ("the key of another controller", Some(other.clone().into())),
        ("the wrapped key of another controller", Some(LogKeyRow { key: other.key, ..sound.clone() }.into())),
        ("another key's public half", Some(strangers.into())),
        ("no key string", Some(unparsable.into())),
        ("no key", None),
    ] {
        world.overwrite(&place, body).await;
        let outcome = world.notary.checkpoint(CONTROLLER, 0).await;
        assert!(
            matches!(outcome, Err(LedgerError::DamagedKey | LedgerError::Encryption(_))),
            "{name}: {outcome:?}"
        );
        assert!(!world.verify().await.is_sound(), "{name}");
    }
    world.overwrite(&place, Some(sound.into())).await;
    assert_eq!(world.checkpoint().await.head.size(), 1);
}

#[tokio::test]
async fn a_former_key_stops_signing_in_the_end() {
    let world = World::new().await;
    let before = world.checkpoint().await;
    let rotation = world.notary.rotate_key(&actor(), CONTROLLER, 0).await.unwrap();
    let both = world.checkpoint().await;
    assert_eq!(both.verifier_keys, [rotation.new.clone(), rotation.old.clone()]);
    assert_eq!(before.verifier_keys, [rotation.old]);
    policy_of(&before).open(both.note.as_bytes()).unwrap();

    world.machine.clock.advance(SIGNS_AFTER_HANDOVER);
    let alone = world.checkpoint().await;
    assert_eq!(alone.head, both.head, "the same tree, signed anew");
    assert_eq!(alone.verifier_keys, [rotation.new]);
    assert!(policy_of(&before).open(alone.note.as_bytes()).is_err());
    assert!(world.verify().await.is_sound());
}
