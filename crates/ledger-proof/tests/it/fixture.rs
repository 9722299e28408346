//! A log in memory, with everything that an export of it holds.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::convert::Infallible;

use wzapi_ledger_proof::checkpoint::{Checkpoint, CheckpointPolicy, OpenedCheckpoint};
use wzapi_ledger_proof::export::LogFiles;
use wzapi_ledger_proof::inclusion::InclusionProof;
use wzapi_ledger_proof::memory_tree::MemoryTree;
use wzapi_ledger_proof::signed_note::{KeyName, Signer};
use wzapi_ledger_proof::tiles::{Bundle, Tile, TileHashes, encode_bundle};
use wzapi_ledger_proof::tlog_proof::{Disclosure, TlogProof};
use wzapi_ledger_proof::{Blinding, EntryCommitment};

pub(crate) const ORIGIN: &str = "example.com/logs/7f3a";

pub(crate) fn signer(name: &str, seed: u8) -> Signer {
    Signer::from_seed(KeyName::new(name).unwrap(), &[seed; 32]).unwrap()
}

pub(crate) fn policy() -> CheckpointPolicy {
    CheckpointPolicy::for_log(vec![signer(ORIGIN, 1).verifier_key().clone()]).unwrap()
}

/// What entry `n` commits to.
pub(crate) fn disclosure(n: u64) -> Disclosure {
    let mut blinding = [0; 32];
    blinding[..8].copy_from_slice(&n.to_be_bytes());
    blinding[8] = 0xb1;
    Disclosure::new(Blinding::from_bytes(blinding), format!(r#"{{"at":{n},"type":"example"}}"#).into_bytes())
}

/// A log of [`ORIGIN`], signed by the key of seed 1.
pub(crate) struct Log {
    pub(crate) entries: Vec<EntryCommitment>,
    pub(crate) tree: MemoryTree,
}

impl Log {
    pub(crate) fn of(size: u64) -> Self {
        Self::with_entries((0..size).map(|n| disclosure(n).commitment()).collect())
    }

    pub(crate) fn with_entries(entries: Vec<EntryCommitment>) -> Self {
        let mut tree = MemoryTree::new();
        entries.iter().for_each(|entry| tree.append(entry.leaf_hash()).unwrap());
        Self { entries, tree }
    }

    pub(crate) fn size(&self) -> u64 {
        self.entries.len() as u64
    }

    /// The signed checkpoint at a size that the log had.
    pub(crate) fn checkpoint_at(&self, size: u64) -> String {
        let log = signer(ORIGIN, 1);
        let head = self.tree.head_at(size).unwrap();
        Checkpoint::new(log.verifier_key().name(), head).sign(&[&log]).unwrap().to_string()
    }

    pub(crate) fn checkpoint(&self) -> String {
        self.checkpoint_at(self.size())
    }

    pub(crate) fn opened_at(&self, size: u64) -> OpenedCheckpoint {
        policy().open(self.checkpoint_at(size).as_bytes()).unwrap()
    }

    pub(crate) fn proof(&self, index: u64, size: u64) -> TlogProof {
        let path = InclusionProof::build(&self.tree, index, size).unwrap();
        let checkpoint = self.opened_at(size).note().clone();
        TlogProof::new(Some(disclosure(index)), index, path, checkpoint)
    }

    pub(crate) fn export(&self) -> Files {
        let mut files = Files::default();
        for bundle in Bundle::of_log(self.size()) {
            let range = bundle.entries();
            let entries = &self.entries[range.start as usize..range.end as usize];
            files.put(&bundle.to_string(), encode_bundle(entries));
        }
        for tile in Tile::of_tree(self.size()) {
            files.put(&tile.to_string(), TileHashes::read(&self.tree, tile).unwrap().to_bytes());
        }
        files.put("checkpoint", self.checkpoint().into_bytes());
        files
    }
}

/// The files of an export, counting what is read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Files {
    pub(crate) by_path: BTreeMap<String, Vec<u8>>,
    pub(crate) read: RefCell<Vec<String>>,
}

impl Files {
    pub(crate) fn put(&mut self, path: &str, file: Vec<u8>) {
        self.by_path.insert(path.to_owned(), file);
    }

    pub(crate) fn file(&mut self, path: &str) -> &mut Vec<u8> {
        self.by_path.get_mut(path).unwrap()
    }
}

impl LogFiles for Files {
    type Error = Infallible;

    fn read(&self, path: &str, limit: usize) -> Result<Option<Vec<u8>>, Infallible> {
        self.read.borrow_mut().push(path.to_owned());
        Ok(self.by_path.get(path).map(|file| file.iter().copied().take(limit).collect()))
    }
}
