//! An exported log in a temporary directory, and the program.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;
use wzapi_ledger_proof::checkpoint::Checkpoint;
use wzapi_ledger_proof::cosignature::Witness;
use wzapi_ledger_proof::inclusion::InclusionProof;
use wzapi_ledger_proof::memory_tree::MemoryTree;
use wzapi_ledger_proof::signed_note::{KeyName, SignedNote, Signer};
use wzapi_ledger_proof::tiles::{Bundle, Tile, TileHashes, encode_bundle};
use wzapi_ledger_proof::tlog_proof::{Disclosure, TlogProof};
use wzapi_ledger_proof::{Blinding, EntryCommitment};

pub(crate) const ORIGIN: &str = "example.com/logs/7f3a";

pub(crate) fn signer(seed: u8) -> Signer {
    Signer::from_seed(KeyName::new(ORIGIN).unwrap(), &[seed; 32]).unwrap()
}

pub(crate) fn key(seed: u8) -> String {
    signer(seed).verifier_key().to_string()
}

pub(crate) fn witness(seed: u8) -> Witness {
    Witness::from_seed(KeyName::new(format!("w{seed}.example")).unwrap(), &[seed; 32]).unwrap()
}

pub(crate) fn event(n: u64) -> String {
    // A bell as canonical JSON escapes it, and two characters that it does not escape.
    format!(r#"{{"at":{n},"text":"{n} \u0007{}é","type":"example"}}"#, "\u{202e}\u{9b}")
}

fn disclosure(n: u64) -> Disclosure {
    Disclosure::new(Blinding::from_bytes([n as u8; 32]), event(n).into_bytes())
}

pub(crate) struct Export {
    pub(crate) directory: TempDir,
    tree: MemoryTree,
}

impl Export {
    pub(crate) fn of(size: u64) -> Self {
        Self::with((0..size).map(|n| disclosure(n).commitment()).collect())
    }

    pub(crate) fn with(entries: Vec<EntryCommitment>) -> Self {
        let mut tree = MemoryTree::new();
        entries.iter().for_each(|entry| tree.append(entry.leaf_hash()).unwrap());
        let size = tree.head().size();
        let export = Self { directory: tempfile::tempdir().unwrap(), tree };
        for bundle in Bundle::of_log(size) {
            let range = bundle.entries();
            export.write(
                &bundle.to_string(),
                &encode_bundle(&entries[range.start as usize..range.end as usize]),
            );
        }
        for tile in Tile::of_tree(size) {
            export.write(&tile.to_string(), &TileHashes::read(&export.tree, tile).unwrap().to_bytes());
        }
        export.write("checkpoint", export.checkpoint(size, &[1], &[]).to_string().as_bytes());
        export
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, contents: &[u8]) -> String {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, contents).unwrap();
        path.to_str().unwrap().to_owned()
    }

    pub(crate) fn flip(&self, name: &str, place: usize) {
        let mut file = fs::read(self.path(name)).unwrap();
        file[place] ^= 1;
        self.write(name, &file);
    }

    pub(crate) fn checkpoint(&self, size: u64, keys: &[u8], witnesses: &[u8]) -> SignedNote {
        let signers: Vec<_> = keys.iter().map(|seed| signer(*seed)).collect();
        let name = KeyName::new(ORIGIN).unwrap();
        let checkpoint = Checkpoint::new(&name, self.tree.head_at(size).unwrap());
        let note = checkpoint.sign(&signers.iter().collect::<Vec<_>>()).unwrap();
        witnesses.iter().fold(note, |note, seed| {
            note.with_signature(witness(*seed).cosign(&checkpoint, 1_700_000_000).unwrap()).unwrap()
        })
    }

    /// The path of a file with the checkpoint at this size.
    pub(crate) fn kept(&self, size: u64) -> String {
        self.write(&format!("kept-{size}"), self.checkpoint(size, &[1], &[]).to_string().as_bytes())
    }

    pub(crate) fn proof(&self, index: u64, size: u64) -> TlogProof {
        let path = InclusionProof::build(&self.tree, index, size).unwrap();
        TlogProof::new(Some(disclosure(index)), index, path, self.checkpoint(size, &[1], &[]))
    }

    pub(crate) fn dir(&self) -> &str {
        self.directory.path().to_str().unwrap()
    }
}

/// What the program said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

pub(crate) fn verify(arguments: &[&str]) -> Said {
    let program = Path::new(env!("CARGO_BIN_EXE_wzapi-verify"));
    let output = Command::new(program).args(arguments).output().unwrap();
    Said {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}
