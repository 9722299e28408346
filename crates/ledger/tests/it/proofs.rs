//! Proofs of single entries, which a stranger checks.

use std::collections::BTreeSet;

use wzapi_ledger::proof::checkpoint::CheckpointPolicy;
use wzapi_ledger::proof::tlog_proof::TlogProofError;
use wzapi_ledger::{Event, LedgerError, PreparedEntry};
use wzapi_model::Clock;
use wzapi_model::name::DataCategory;
use wzapi_storage::Draft;
use wzapi_storage::key::{Key, Owner};
use wzapi_storage::row::{EntryBody, EntryBodyRow, RowType};

use crate::world::{CONTROLLER, LOG, OTHER, World, check_proof, policy_of, subject};

/// The sizes at which every entry is proved: small ones, and those around the borders of tiles. At all others three are.
const WHOLE: [u64; 14] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 17, 255, 257, 300];

#[tokio::test]
async fn the_entries_of_a_log_of_any_size_are_proved() {
    let world = World::new().await;
    for size in 1..=300 {
        let person = u8::try_from(size % 5).unwrap() + 1;
        let _ = world.append(person, &format!("entry {}", size - 1)).await;
        let signed = world.checkpoint().await;
        let policy = policy_of(&signed);
        let indexes: BTreeSet<u64> =
            if WHOLE.contains(&size) { (0..size).collect() } else { [0, size * 7 / 11, size - 1].into() };
        for index in indexes {
            let proof = world.prove(index).await;
            let verified = check_proof(&proof, &policy);
            assert_eq!(verified.inclusion().index(), index);
            assert_eq!(verified.inclusion().checkpoint().head(), signed.head);
            assert_eq!(verified.fields().text("text"), Some(format!("entry {index}").as_str()));
        }
    }
}

#[tokio::test]
async fn an_entry_that_is_not_there_is_not_proved() {
    let world = World::new().await;
    assert!(matches!(world.notary.prove(CONTROLLER, 0, 0).await, Err(LedgerError::NoSuchEntry)));
    let _ = world.append(1, "text").await;
    assert!(matches!(world.notary.prove(CONTROLLER, 0, 1).await, Err(LedgerError::NoSuchEntry)));
    assert!(matches!(world.notary.prove(CONTROLLER, 0, u64::MAX).await, Err(LedgerError::NoSuchEntry)));
    assert!(matches!(world.notary.prove(CONTROLLER, 1, 0).await, Err(LedgerError::NoLog)));
}

#[tokio::test]
async fn old_entries_are_proved_without_signing_anything_new() {
    let world = World::journalled().await;
    let journal = world.journal.clone().unwrap();
    world.fill(300).await;
    let signed = world.checkpoint().await;
    world.fill(400).await;
    for index in [0, 255, 256, 299] {
        let verified = check_proof(&world.prove(index).await, &policy_of(&signed));
        assert_eq!(verified.inclusion().checkpoint().head(), signed.head);
    }
    assert_eq!(journal.len().await.unwrap(), 1);
    let verified = check_proof(&world.prove(300).await, &policy_of(&signed));
    assert_eq!(verified.inclusion().checkpoint().head().size(), 700);
    assert_eq!(journal.len().await.unwrap(), 2);
}

#[tokio::test]
async fn a_proof_is_of_its_log_alone() {
    let world = World::new().await;
    world.fill(3).await;
    let other = world.notary.checkpoint(OTHER, 0).await.unwrap();
    let proof = world.prove(1).await;
    let policy = CheckpointPolicy::for_log(other.verifier_keys).unwrap();
    assert!(matches!(proof.verify(&policy), Err(TlogProofError::Checkpoint(_))));
}

#[tokio::test]
async fn an_entry_is_found_by_whom_it_is_about_and_its_id() {
    let world = World::new().await;
    world.fill(5).await;
    let (entry, index) = world.append(3, "here").await.entries[0];
    assert_eq!(world.notary.locate(CONTROLLER, subject(3), entry).await.unwrap(), (LOG, index));
    for (controller, owner) in
        [(CONTROLLER, subject(4)), (CONTROLLER, Owner::Controller), (OTHER, subject(3))]
    {
        let located = world.notary.locate(controller, owner, entry).await;
        assert!(matches!(located, Err(LedgerError::NoSuchEntry)), "{located:?}");
    }
}

#[tokio::test]
async fn a_body_that_was_altered_is_not_disclosed() {
    let world = World::new().await;
    world.fill(9).await;
    let body_of = async |index| {
        let leaf = world.row(&Key::LogLeaf { log: LOG, index }).await.unwrap();
        let leaf = wzapi_storage::row::LogLeafRow::of(&leaf.body).unwrap().clone();
        let key = Key::EntryBody { owner: leaf.owner, entry: leaf.entry };
        let row = EntryBodyRow::of(&world.row(&key).await.unwrap().body).unwrap().clone();
        (key, row)
    };
    let (key, sound) = body_of(4).await;
    let mut altered = sound.clone();
    let EntryBody::Kept(sealed) = &mut altered.body else { panic!("it is kept") };
    sealed.envelope[40] ^= 1;
    world.overwrite(&key, Some(altered.into())).await;
    assert!(matches!(world.notary.prove(CONTROLLER, 0, 4).await, Err(LedgerError::Encryption(_))));

    // The body of another entry about the same person.
    let (_, other) = body_of(4 - 4).await;
    world.overwrite(&key, Some(EntryBodyRow { index: 4, ..other }.into())).await;
    assert!(matches!(world.notary.prove(CONTROLLER, 0, 4).await, Err(LedgerError::Encryption(_))));

    world.overwrite(&key, None).await;
    assert!(matches!(world.notary.prove(CONTROLLER, 0, 4).await, Err(LedgerError::Contradiction)));
    world.overwrite(&key, Some(sound.into())).await;
    world.prove(4).await;
}

#[tokio::test]
async fn the_longest_event_can_be_proved_and_a_longer_one_cannot_be_recorded() {
    let world = World::new().await;
    let keys = world.keys().await;
    let longest = wzapi_ledger::proof::canonical::MAX_BYTES;
    let event = |length: usize| {
        Event::new("test.event", CONTROLLER, world.machine.clock.now()).with("text", "x".repeat(length))
    };
    let frame = event(0).canonical_bytes().unwrap().len();
    let about = (subject(1), &DataCategory::consent_evidence());
    let now = world.machine.clock.now();
    let entropy = world.machine.entropy.as_ref();

    let mut draft = Draft::new(world.storage.as_ref(), CONTROLLER);
    let refused =
        PreparedEntry::seal(&mut draft, &keys, entropy, about, &event(longest - frame + 1), now).await;
    assert!(matches!(refused, Err(LedgerError::NotCanonical)));
    let entry =
        PreparedEntry::seal(&mut draft, &keys, entropy, about, &event(longest - frame), now).await.unwrap();
    let _ = world.ledger.commit(draft, vec![entry]).await.unwrap();
    let signed = world.checkpoint().await;
    assert_eq!(check_proof(&world.prove(0).await, &policy_of(&signed)).event().len(), longest);
}
