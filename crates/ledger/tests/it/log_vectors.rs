//! `vectors/log.json`: a small log with all that can be handed out of it, for other implementations. It is written once,
//! and read here as a stranger reads it.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use wzapi_ledger::journal::{FileJournal, Journal, JournalFact};
use wzapi_ledger::notary::SignedCheckpoint;
use wzapi_ledger::proof::checkpoint::CheckpointPolicy;
use wzapi_ledger::proof::compact_range::CompactRange;
use wzapi_ledger::proof::handover;
use wzapi_ledger::proof::memory_tree::MemoryTree;
use wzapi_ledger::proof::signed_note::VerifierKey;
use wzapi_ledger::proof::succession::Succession;
use wzapi_ledger::proof::tlog_proof::TlogProof;
use wzapi_ledger::proof::{Blinding, EntryCommitment};
use wzapi_model::system::SystemEntropy;
use wzapi_storage::key::Key;
use wzapi_storage::row::{LogLeafRow, RowType};

use crate::json_schema::Schemas;
use crate::world::{CONTROLLER, LOG, World, actor};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/vectors/log.json");

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes<const N: usize>(text: &Value) -> [u8; N] {
    let text = text.as_str().unwrap();
    std::array::from_fn(|place| u8::from_str_radix(&text[2 * place..2 * place + 2], 16).unwrap())
}

fn checkpoint(signed: &SignedCheckpoint) -> Value {
    let keys: Vec<String> = signed.verifier_keys.iter().map(ToString::to_string).collect();
    json!({ "size": signed.head.size(), "root": signed.head.root().to_string(), "keys": keys, "note": signed.note })
}

/// What is disclosed of an entry, before it was erased.
fn entry(proof: &TlogProof) -> Value {
    let (blinding, event) = proof.extra().unwrap().split_at(32);
    let commitment = EntryCommitment::compute(&Blinding::from_bytes(blinding.try_into().unwrap()), event);
    json!({
        "index": proof.index(),
        "blinding": hex(blinding),
        "event": String::from_utf8(event.to_vec()).unwrap(),
        "commitment": commitment.to_string(),
    })
}

async fn written() -> Value {
    let world = World::journalled().await;
    world.fill_each(6).await;
    let first = world.checkpoint().await;
    let mut entries: Vec<Value> = Vec::new();
    for index in 0..6 {
        entries.push(entry(&world.prove(index).await));
    }
    let before_erasure = world.prove(2).await.to_string();
    let rotation = world.notary.rotate_key(&actor(), CONTROLLER, 0).await.unwrap();
    let _ = world.erase(3).await;
    let second = world.checkpoint().await;
    let mut proofs = Vec::new();
    for index in [0, 5, 6, 7] {
        let proof = world.prove(index).await;
        if index > 5 {
            entries.push(entry(&proof));
        }
        proofs.push(proof.to_string());
    }
    let commitments: Vec<String> = {
        let mut all = Vec::new();
        for index in 0..second.head.size() {
            let row = world.row(&Key::LogLeaf { log: LOG, index }).await.unwrap();
            all.push(EntryCommitment::from(LogLeafRow::of(&row.body).unwrap().commitment).to_string());
        }
        all
    };
    let backup = world.backup().await;
    world.fill_each(1).await;
    let last = world.checkpoint().await;
    let restored = world.restored(&backup).await;
    let _followed = restored.notary.follow_journal(false).await.unwrap();
    let successor = restored.checkpoint().await;
    json!({
        "about": [
            "A log of one controller: six entries, the rotation of its key, an erasure; then a restored backup and its successor.",
            "commitments: the entries, in hexadecimal. entries: what those commit to that were disclosed.",
            "Entry 2 was erased; the certificate is entry 7. The proof made before the erasure holds as before.",
            "checkpoints: 6 entries by the first key; 8 by both; 9 by both, of which the restored store has 8.",
            "journal: the file, as docs/formats/journal.md says; a record for each checkpoint.",
            "Keys and blindings are for tests only.",
        ],
        "commitments": commitments,
        "entries": entries,
        "checkpoints": [checkpoint(&first), checkpoint(&second), checkpoint(&last)],
        "handover": rotation.statement,
        "proofs": proofs,
        "proof_before_erasure": before_erasure,
        "successor": {
            "checkpoint": checkpoint(&successor),
            "first_entry": restored.prove(0).await.to_string(),
        },
        "journal": fs::read_to_string(world.machine.journal_path()).unwrap(),
    })
}

fn policy(checkpoint: &Value) -> CheckpointPolicy {
    let keys = checkpoint["keys"].as_array().unwrap().iter();
    CheckpointPolicy::for_log(keys.map(|key| key.as_str().unwrap().parse().unwrap()).collect()).unwrap()
}

fn read() -> Value {
    serde_json::from_str(&fs::read_to_string(FILE).unwrap()).unwrap()
}

/// With `WZAPI_WRITE_VECTORS=1` in the environment, a new log takes the place of the one in the file.
#[tokio::test]
async fn the_file_holds_in_every_part() {
    if std::env::var_os("WZAPI_WRITE_VECTORS").is_some() {
        fs::create_dir_all(Path::new(FILE).parent().unwrap()).unwrap();
        fs::write(FILE, format!("{:#}\n", written().await)).unwrap();
    }
    let file = read();
    let schemas = Schemas::read();
    let commitments: Vec<EntryCommitment> = file["commitments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|text| text.as_str().unwrap().parse().unwrap())
        .collect();
    for entry in file["entries"].as_array().unwrap() {
        let event = entry["event"].as_str().unwrap();
        let blinding = Blinding::from_bytes(bytes(&entry["blinding"]));
        let commitment = EntryCommitment::compute(&blinding, event.as_bytes());
        assert_eq!(commitment.to_string(), entry["commitment"].as_str().unwrap());
        assert_eq!(commitment, commitments[entry["index"].as_u64().unwrap() as usize]);
        let event: Value = serde_json::from_str(event).unwrap();
        if event["type"] != "test.event" {
            schemas.check(&event).unwrap();
        }
    }

    let mut tree = MemoryTree::new();
    commitments.iter().for_each(|entry| tree.append(entry.leaf_hash()).unwrap());
    let [first, second, last] = file["checkpoints"].as_array().unwrap().as_slice() else { panic!("three") };
    for checkpoint in [first, second] {
        let opened = policy(checkpoint).open(checkpoint["note"].as_str().unwrap().as_bytes()).unwrap();
        let size = checkpoint["size"].as_u64().unwrap();
        assert_eq!(opened.head(), CompactRange::read(&tree, size).unwrap().head());
        assert_eq!(opened.head().root().to_string(), checkpoint["root"].as_str().unwrap());
    }
    for (proof, policy_of) in file["proofs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|proof| (proof, second))
        .chain([(&file["proof_before_erasure"], first), (&file["proof_before_erasure"], second)])
    {
        let proof = TlogProof::parse(proof.as_str().unwrap().as_bytes()).unwrap();
        proof.verify(&policy(policy_of)).unwrap();
    }

    let old: VerifierKey = first["keys"][0].as_str().unwrap().parse().unwrap();
    let handover = handover::verify(file["handover"].as_str().unwrap().as_bytes(), &old).unwrap();
    assert_eq!(handover.new_key().to_string(), second["keys"][0].as_str().unwrap());

    let successor = &file["successor"];
    let proof = TlogProof::parse(successor["first_entry"].as_str().unwrap().as_bytes()).unwrap();
    let verified = proof.verify(&policy(&successor["checkpoint"])).unwrap();
    let origin = verified.inclusion().checkpoint().checkpoint().origin();
    let succession = Succession::verify(verified.event(), origin, &policy(last)).unwrap();
    succession.check_last(&policy(last).open(last["note"].as_str().unwrap().as_bytes()).unwrap()).unwrap();

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    fs::write(&path, file["journal"].as_str().unwrap()).unwrap();
    let journal = FileJournal::open_or_create(&path, &SystemEntropy::new()).unwrap();
    let notes: Vec<String> = journal.read(0, 9).await.unwrap().into_iter().map(note).collect();
    let expected: Vec<&str> =
        [first, second, last].iter().map(|checkpoint| checkpoint["note"].as_str().unwrap()).collect();
    assert!(expected.iter().all(|note| notes.iter().any(|own| own == note)));
}

fn note(record: wzapi_ledger::journal::JournalRecord) -> String {
    let JournalFact::Checkpoint { note, .. } = record.fact;
    note
}
