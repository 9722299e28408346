//! `vectors/merkle.json`, the published cases for other implementations: written from the definition in
//! `reference.rs`, read back through the crate's own entry points.

use std::fs;

use serde_json::{Value, json};
use wzapi_ledger_proof::compact_range::CompactRange;
use wzapi_ledger_proof::consistency::ConsistencyProof;
use wzapi_ledger_proof::inclusion::InclusionProof;
use wzapi_ledger_proof::{Blinding, EntryCommitment, Hash, ProofError, TreeHead};

use crate::reference;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/vectors/merkle.json");

/// Entries in the log of the vectors: enough for every shape of border with up to three peaks.
const ENTRIES: usize = 13;

/// With `WZAPI_WRITE_VECTORS=1` in the environment the file is written anew, for a change that is meant.
#[test]
fn file_is_what_the_definition_gives() {
    if std::env::var_os("WZAPI_WRITE_VECTORS").is_some() {
        fs::write(FILE, format!("{:#}\n", written())).unwrap();
    }
    assert!(
        read() == written(),
        "the file and the definition disagree; if that is meant, run this with WZAPI_WRITE_VECTORS=1"
    );
}

#[test]
fn commitments_and_leaf_hashes_are_those_of_the_file() {
    let file = read();
    for case in list(&file, "entries") {
        let blinding = Blinding::from_bytes(*hash(&case["blinding"]).as_bytes());
        let commitment = EntryCommitment::compute(&blinding, text(&case["event"]).as_bytes());
        assert_eq!(commitment.to_string(), text(&case["commitment"]));
        assert_eq!(commitment.leaf_hash(), hash(&case["leaf_hash"]));
    }
}

#[test]
fn heads_are_those_of_the_file() {
    let file = read();
    let mut range = CompactRange::new();
    let mut leaves = list(&file, "entries").iter().map(|entry| hash(&entry["leaf_hash"]));
    for case in list(&file, "trees") {
        while range.size() < number(&case["size"]) {
            range.append(leaves.next().unwrap()).unwrap();
        }
        assert_eq!(range.head(), head(case));
        assert_eq!(range.peaks(), hashes(&case["peaks"]));
    }
}

#[test]
fn proofs_built_are_those_of_the_file() {
    let file = read();
    let leaves: Vec<_> = list(&file, "entries").iter().map(|entry| hash(&entry["leaf_hash"])).collect();
    let tree = reference::tree_of(&leaves);
    for case in list(&file, "inclusion").iter().filter(|case| case["expect"] == "accepted") {
        let proof = InclusionProof::build(&tree, number(&case["index"]), number(&case["size"])).unwrap();
        assert_eq!(proof.hashes(), hashes(&case["proof"]));
    }
    for case in list(&file, "consistency").iter().filter(|case| case["expect"] == "accepted") {
        let (older, newer) = (number(&case["older"]["size"]), number(&case["newer"]["size"]));
        assert_eq!(ConsistencyProof::build(&tree, older, newer).unwrap().hashes(), hashes(&case["proof"]));
    }
}

#[test]
fn inclusion_verdicts_are_those_of_the_file() {
    for case in list(&read(), "inclusion") {
        let proof = InclusionProof::from(hashes(&case["proof"]));
        let result = proof.verify(hash(&case["leaf_hash"]), number(&case["index"]), head(case));
        assert_eq!(verdict(result), text(&case["expect"]), "{}", case["name"]);
    }
}

#[test]
fn consistency_verdicts_are_those_of_the_file() {
    for case in list(&read(), "consistency") {
        let proof = ConsistencyProof::from(hashes(&case["proof"]));
        let result = proof.verify(head(&case["older"]), head(&case["newer"]));
        assert_eq!(verdict(result), text(&case["expect"]), "{}", case["name"]);
    }
}

/// The name that the file gives to an outcome.
fn verdict(result: Result<(), ProofError>) -> &'static str {
    match result {
        Ok(()) => "accepted",
        Err(ProofError::WrongLength { .. }) => "wrong-length",
        Err(ProofError::RootMismatch { .. }) => "root-mismatch",
        Err(ProofError::IndexBeyondSize { .. }) => "index-beyond-size",
        Err(ProofError::OlderIsLarger { .. }) => "older-is-larger",
        Err(other) => panic!("no vector expects {other}"),
    }
}

/// The contents that the file must have.
fn written() -> Value {
    let entries: Vec<Value> = (0..ENTRIES).map(entry).collect();
    let leaves: Vec<Hash> = entries.iter().map(|entry| hash(&entry["leaf_hash"])).collect();
    json!({
        "about": [
            "Cases for the Merkle tree of the ledger: RFC 9162 section 2 with SHA-256.",
            "Hashes are lowercase hexadecimal, proofs run from the lowest hash to the highest.",
            "commitment = SHA-256(label, a zero byte, the 32 bytes of blinding, the event in UTF-8).",
            "leaf_hash = SHA-256(0x00, commitment). Leaf n of every tree is entry n.",
            "An inclusion case is checked with leaf_hash, index, size and root; a consistency case with both heads.",
            "A proof is checked for index and sizes first, then for its length, then for the roots.",
        ],
        "label": "wzapi/ledger-entry/v1",
        "entries": entries,
        "trees": (0..=ENTRIES).map(|size| tree(&leaves[..size])).collect::<Vec<_>>(),
        "inclusion": inclusion_cases(&leaves),
        "consistency": consistency_cases(&leaves),
    })
}

fn entry(n: usize) -> Value {
    let blinding = [n as u8 + 1; 32];
    let event = format!(r#"{{"kind":"example","n":{n}}}"#);
    // Hash::leaf and Hash::node are checked by the known answers; this is the third use of SHA-256.
    let bytes = [b"wzapi/ledger-entry/v1\0", blinding.as_slice(), event.as_bytes()].concat();
    let commitment = ring::digest::digest(&ring::digest::SHA256, &bytes);
    json!({
        "blinding": Hash::from(blinding).to_string(),
        "event": event,
        "commitment": Hash::from(<[u8; 32]>::try_from(commitment.as_ref()).unwrap()).to_string(),
        "leaf_hash": Hash::leaf(commitment.as_ref()).to_string(),
    })
}

fn tree(leaves: &[Hash]) -> Value {
    let mut peaks = Vec::new();
    let mut rest = leaves;
    while !rest.is_empty() {
        let (peak, after) = rest.split_at(1 << rest.len().ilog2());
        peaks.push(reference::root(peak));
        rest = after;
    }
    json!({ "size": leaves.len(), "root": reference::root(leaves).to_string(), "peaks": texts(&peaks) })
}

fn inclusion_cases(leaves: &[Hash]) -> Vec<Value> {
    let case = |name: String, leaf: Hash, index: usize, size: usize, proof: &[Hash], expect: &str| {
        let root = reference::root(&leaves[..size]).to_string();
        json!({
            "name": name, "leaf_hash": leaf.to_string(), "index": index, "size": size, "root": root,
            "proof": texts(proof), "expect": expect,
        })
    };
    let mut cases = Vec::new();
    for size in [1, 2, 3, 5, 7, 8, 11, 13] {
        for index in 0..size {
            let proof = reference::inclusion(index, &leaves[..size]);
            cases.push(case(format!("{index} of {size}"), leaves[index], index, size, &proof, "accepted"));
        }
    }

    let (index, size) = (4, 7);
    let proof = reference::inclusion(index, &leaves[..size]);
    let mut refused = |name: &str, leaf, index, size, proof: &[Hash], expect| {
        cases.push(case(name.to_owned(), leaf, index, size, proof, expect));
    };
    let leaf = leaves[index];
    refused("another leaf", leaves[3], index, size, &proof, "root-mismatch");
    refused("another index", leaf, 5, size, &proof, "root-mismatch");
    refused("an index with a shorter path", leaf, 6, size, &proof, "wrong-length");
    refused("a later tree with a path as long", leaf, index, 8, &proof, "root-mismatch");
    refused("a later tree with a longer path", leaf, index, 9, &proof, "wrong-length");
    refused("an index beyond the tree", leaf, 7, size, &proof, "index-beyond-size");
    refused("an empty tree", leaf, 0, 0, &[], "index-beyond-size");
    refused("no hashes", leaf, index, size, &[], "wrong-length");
    refused("the last hash lost", leaf, index, size, &proof[..2], "wrong-length");
    refused("a hash too many", leaf, index, size, &[&proof[..], &[leaf]].concat(), "wrong-length");
    refused("hashes in the wrong order", leaf, index, size, &[proof[1], proof[0], proof[2]], "root-mismatch");
    let flipped = [proof[0], reference::flip(&proof[1], 255), proof[2]];
    refused("one bit flipped", leaf, index, size, &flipped, "root-mismatch");
    let inner = Hash::node(&leaves[4], &leaves[5]);
    refused("a node passed off as a leaf", inner, index, size, &proof[1..], "wrong-length");
    cases
}

fn consistency_cases(leaves: &[Hash]) -> Vec<Value> {
    let head = |leaves: &[Hash]| json!({ "size": leaves.len(), "root": reference::root(leaves).to_string() });
    let case = |name: String, older: Value, newer: Value, proof: &[Hash], expect: &str| json!({ "name": name, "older": older, "newer": newer, "proof": texts(proof), "expect": expect });
    let mut cases = Vec::new();
    for newer in [0, 1, 2, 3, 5, 7, 8, 11, 13] {
        for older in 0..=newer {
            let proof = reference::consistency(older, &leaves[..newer]);
            let heads = (head(&leaves[..older]), head(&leaves[..newer]));
            cases.push(case(format!("{older} to {newer}"), heads.0, heads.1, &proof, "accepted"));
        }
    }

    let (older, newer) = (&leaves[..6], &leaves[..11]);
    let proof = reference::consistency(older.len(), newer);
    let mut refused = |name: &str, older: &[Hash], newer: &[Hash], proof: &[Hash], expect| {
        cases.push(case(name.to_owned(), head(older), head(newer), proof, expect));
    };
    let mut rewritten = leaves.to_vec();
    rewritten[2] = Hash::leaf(b"rewritten");
    let own_proof = reference::consistency(older.len(), &rewritten[..11]);
    refused("newer tree rewritten, old proof", older, &rewritten[..11], &proof, "root-mismatch");
    refused("newer tree rewritten, its own proof", older, &rewritten[..11], &own_proof, "root-mismatch");
    refused("same size, another tree", &leaves[..11], &rewritten[..11], &[], "root-mismatch");
    rewritten.clone_from_slice(leaves);
    rewritten.swap(0, 1);
    let own_proof = reference::consistency(older.len(), &rewritten[..11]);
    refused("entries in another order", older, &rewritten[..11], &own_proof, "root-mismatch");
    refused("older tree rewritten", &rewritten[..6], newer, &proof, "root-mismatch");
    refused("an older tree with a shorter proof", &leaves[..8], newer, &proof, "wrong-length");
    refused("a later tree with a proof as long", older, &leaves[..12], &proof, "root-mismatch");
    refused("the log shrank", newer, older, &proof, "older-is-larger");
    refused("no hashes", older, newer, &[], "wrong-length");
    refused("the last hash lost", older, newer, &proof[..proof.len() - 1], "wrong-length");
    refused("a hash too many", older, newer, &[&proof[..], &leaves[..1]].concat(), "wrong-length");
    refused("a hash too many after an empty tree", &[], newer, &leaves[..1], "wrong-length");
    refused("a hash too many for the same tree", newer, newer, &leaves[..1], "wrong-length");
    let mut flipped = proof.clone();
    flipped[1] = reference::flip(&proof[1], 0);
    refused("one bit flipped", older, newer, &flipped, "root-mismatch");
    cases
}

fn read() -> Value {
    serde_json::from_str(&fs::read_to_string(FILE).unwrap()).unwrap()
}

/// A list of cases that must not be empty, lest a test of it pass for nothing.
fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    let list = value[name].as_array().unwrap();
    assert!(!list.is_empty());
    list
}

fn head(value: &Value) -> TreeHead {
    TreeHead::new(number(&value["size"]), hash(&value["root"])).unwrap()
}

fn hashes(value: &Value) -> Vec<Hash> {
    value.as_array().unwrap().iter().map(hash).collect()
}

fn hash(value: &Value) -> Hash {
    text(value).parse().unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap()
}

fn texts(hashes: &[Hash]) -> Vec<String> {
    hashes.iter().map(Hash::to_string).collect()
}
