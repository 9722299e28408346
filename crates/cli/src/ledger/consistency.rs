//! Whether a log still begins with what an old checkpoint stated.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::json;
use wzapi_compliance::Error;
use wzapi_compliance::ledger::LedgerError;
use wzapi_compliance::ledger::notary::{ExportProgress, ExportSink, SignedCheckpoint};
use wzapi_compliance::ledger::proof::checkpoint::{CheckpointPolicy, OpenedCheckpoint};
use wzapi_compliance::ledger::proof::consistency::ConsistencyProof;
use wzapi_compliance::ledger::proof::export::{CHECKPOINT, FileTiles};
use wzapi_compliance::ledger::proof::tiles::{Tile, TileReadError, TileReader, TileSet};
use wzapi_compliance::ledger::proof::{ProofError, TreeHead};

use super::directory::Directory;
use super::sign::Opened;
use super::trust::open_checkpoint;
use crate::arguments::{ConsistencyOptions, Source};
use crate::failure::{Failure, Outcome};

/// A newer checkpoint, and the proof that its tree begins with that of an older one.
struct Consistent {
    note: String,
    head: TreeHead,
    proof: ConsistencyProof,
}

pub(super) async fn run(options: ConsistencyOptions) -> Result<Outcome, Failure> {
    let ConsistencyOptions { of, controller, shard, from, trust } = options;
    let policy = trust.policy()?;
    let older = open_checkpoint(&from, &policy)?;
    let is_json = of.json;
    let found = match of.source()? {
        Source::Tiles(directory) => in_files(&directory, &policy, older.head()),
        Source::Store(data) => {
            let owner = controller.ok_or(Failure::NoSource)?;
            let opened = Opened::at(&data, owner, shard).await?;
            in_store(&opened, &older, &from).await
        }
    };
    match found {
        Ok(found) => {
            print(is_json, &older, &found);
            Ok(Outcome::Done)
        }
        Err(failure) => {
            if let Some(problem) = failure.unverified().filter(|_| is_json) {
                let origin = older.checkpoint().origin();
                say!("{}", json!({ "consistent": false, "origin": origin, "problem": problem }));
            }
            Err(failure)
        }
    }
}

fn print(is_json: bool, older: &OpenedCheckpoint, found: &Consistent) {
    let (origin, from, to) = (older.checkpoint().origin(), older.head(), found.head);
    if is_json {
        let side = |head: TreeHead| json!({ "size": head.size(), "root": head.root().to_string() });
        let proof: Vec<String> = found.proof.hashes().iter().map(ToString::to_string).collect();
        say!(
            "{}",
            json!({
                "consistent": true,
                "origin": origin,
                "from": side(from),
                "to": side(to),
                "proof": proof,
                "note": found.note,
            })
        );
    } else {
        say!(
            "log {origin} has {} entries and begins with the {} of the old checkpoint",
            to.size(),
            from.size()
        );
    }
}

/// Compares an exported log with an older tree of it.
fn in_files(path: &Path, policy: &CheckpointPolicy, older: TreeHead) -> Result<Consistent, Failure> {
    let directory = Directory::open(path)?;
    let newer = open_checkpoint(&directory.place(CHECKPOINT), policy)?;
    let head = newer.head();
    let tiles = FileTiles(&directory);
    let proof = ConsistencyProof::build(&TileReader::new(&tiles, head.size()), older.size(), head.size())
        .map_err(|error| match error {
            TileReadError::Source { tile, source } => {
                Failure::Unreadable { path: directory.place(&tile.to_string()), cause: source }
            }
            other => Failure::not_verified(path, other),
        })?;
    proof.verify(older, head).map_err(|error| Failure::not_verified(path, error))?;
    Ok(Consistent { note: newer.note().to_string(), head, proof })
}

/// Compares a log of a store with an older tree of it, which was read from `file`.
async fn in_store(opened: &Opened, older: &OpenedCheckpoint, file: &Path) -> Result<Consistent, Failure> {
    let size = AtomicU64::new(0);
    let mut sink = ProofTiles { older, size: &size, wanted: OnceLock::new(), found: None };
    let log = opened.logs.log().shard(opened.shard);
    let mut note_size = |progress: ExportProgress| size.store(progress.size, Ordering::Relaxed);
    let newer = match log.export(&opened.operator.actor, &mut sink, &mut note_size).await {
        Err(Error::Ledger(LedgerError::ExportOfAnotherLog)) => {
            return Err(difference(&opened.checkpoint().await?, older, file));
        }
        outcome => outcome?,
    };
    let (older, head) = (older.head(), newer.head);
    let tiles = sink.found.unwrap_or_else(|| TileSet::new(head.size()));
    let proof = ConsistencyProof::build(&tiles, older.size(), head.size());
    let proof = proof.map_err(|error| Failure::not_verified(file, error))?;
    proof.verify(older, head).map_err(|error| Failure::not_verified(file, error))?;
    Ok(Consistent { note: newer.note, head, proof })
}

/// Why a log does not go on from an old checkpoint.
fn difference(newer: &SignedCheckpoint, older: &OpenedCheckpoint, file: &Path) -> Failure {
    let (path, found) = (file.to_owned(), older.checkpoint().origin().to_owned());
    if found != newer.origin {
        return Failure::OtherLog { path, found, expected: newer.origin.clone() };
    }
    let (older, newer) = (older.head().size(), newer.head.size());
    let error = match older > newer {
        true => ProofError::OlderIsLarger { older, newer },
        false => ProofError::RootMismatch { size: older },
    };
    Failure::not_verified(file, error)
}

/// Takes from an export the tiles that the proof is built from, and has everything else passed over unread: to the log it
/// is an export that ended at the old checkpoint, and lacks these tiles.
struct ProofTiles<'a> {
    older: &'a OpenedCheckpoint,
    /// Of the tree that is exported; known before the first tile is asked for.
    size: &'a AtomicU64,
    wanted: OnceLock<BTreeMap<String, Tile>>,
    found: Option<TileSet>,
}

impl ProofTiles<'_> {
    fn wanted(&self, path: &str) -> Option<Tile> {
        if !path.starts_with("tile/") || path.starts_with("tile/entries/") {
            return None;
        }
        let wanted = self.wanted.get_or_init(|| {
            let size = self.size.load(Ordering::Relaxed);
            let nodes = ConsistencyProof::nodes(self.older.head().size(), size).unwrap_or_default();
            TileSet::new(size).tiles_for(&nodes).into_iter().map(|tile| (tile.to_string(), tile)).collect()
        });
        wanted.get(path).copied()
    }
}

impl ExportSink for ProofTiles<'_> {
    fn checkpoint(&self) -> io::Result<Option<Vec<u8>>> {
        Ok(Some(self.older.note().to_string().into_bytes()))
    }

    fn has(&self, path: &str) -> io::Result<bool> {
        Ok(self.wanted(path).is_none())
    }

    fn write(&mut self, path: &str, bytes: &[u8]) -> io::Result<()> {
        let Some(tile) = self.wanted(path) else { return Ok(()) };
        let size = self.size.load(Ordering::Relaxed);
        let found = self.found.get_or_insert_with(|| TileSet::new(size));
        found.insert(tile, bytes).map_err(io::Error::other)
    }
}
