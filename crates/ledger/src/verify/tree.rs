//! The tree over the entries: tiles, edge, checkpoints and older history.

use wzapi_ledger_proof::checkpoint::{CheckpointPolicy, OpenedCheckpoint};
use wzapi_ledger_proof::compact_range::CompactRange;
use wzapi_ledger_proof::signed_note::VerifierKey;
use wzapi_ledger_proof::tiles::{Tile, TileBuilder, TileHashes};
use wzapi_ledger_proof::{EntryCommitment, TreeHead};
use wzapi_model::ids::ControllerId;
use wzapi_storage::Storage;
use wzapi_storage::key::{Key, LogRef};
use wzapi_storage::row::{CheckpointRow, LogEdge, LogTileRow};

use super::rows::{Found, read, row};
use super::{Fault, FaultKind};
use crate::error::LedgerError;

/// The tree as far as it is recomputed, and what it is compared with.
pub(super) struct Tree {
    log: LogRef,
    builder: TileBuilder,
    /// What is stored about the edge of the tiles.
    edge: Option<LogEdge>,
    signed: Option<TreeHead>,
    /// Trees that the log must begin with, by size.
    expected: Vec<(TreeHead, FaultKind)>,
}

impl Tree {
    /// The empty tree of a log that is to have so many entries; a fault that shows without looking at any of them.
    pub(super) fn begin(
        log: LogRef,
        size: u64,
        keys: Vec<VerifierKey>,
        stored: &Found,
        older: &[&OpenedCheckpoint],
    ) -> Result<Self, FaultKind> {
        let mut tree =
            Self { log, builder: TileBuilder::new(), edge: None, signed: None, expected: Vec::new() };
        if let Some(row) = row::<CheckpointRow>(stored).map_err(|_| FaultKind::CheckpointUnreadable)? {
            if let Some(signed) = &row.signed {
                let opened = open(&signed.note, keys).filter(|opened| opened.size() == signed.size);
                let opened = opened.ok_or(FaultKind::CheckpointUnreadable)?;
                if opened.size() > size {
                    return Err(FaultKind::BehindCheckpoint);
                }
                tree.signed = Some(opened);
                tree.expected.push((opened, FaultKind::CheckpointContradicted));
            }
            if row.edge.size > size {
                return Err(FaultKind::EdgeAltered);
            }
            tree.edge = Some(row.edge.clone());
        }
        for older in older {
            if older.head().size() > size {
                return Err(FaultKind::BehindHistory);
            }
            tree.expected.push((older.head(), FaultKind::HistoryRewritten));
        }
        Ok(tree)
    }

    /// The size of the stored checkpoint.
    pub(super) fn signed(&self) -> Option<u64> {
        self.signed.map(|head| head.size())
    }

    /// The right edge of what was recomputed.
    pub(super) const fn range(&self) -> &CompactRange {
        self.builder.range()
    }

    /// Compares the tree with whatever is known about a tree of this very size.
    pub(super) fn check_here(&self) -> Option<Fault> {
        let size = self.range().size();
        for (head, kind) in &self.expected {
            if head.size() == size && *head != self.range().head() {
                return Some(Fault { index: size, kind: *kind });
            }
        }
        let edge = self.edge.as_ref().filter(|edge| edge.size == size)?;
        let peaks: Vec<[u8; 32]> = self.range().peaks().iter().map(|peak| *peak.as_bytes()).collect();
        let open: Vec<Vec<[u8; 32]>> = self
            .builder
            .open_hashes()
            .map(|hashes| hashes.iter().map(|hash| *hash.as_bytes()).collect())
            .collect();
        let is_same = edge.peaks == peaks && edge.open == open;
        (!is_same).then_some(Fault { index: size, kind: FaultKind::EdgeAltered })
    }

    /// Adds entries, and compares with the full tiles that they complete. Stops at every size that something is known
    /// about.
    pub(super) async fn append(
        &mut self,
        storage: &dyn Storage,
        controller: ControllerId,
        entries: &[EntryCommitment],
    ) -> Result<Result<(), Fault>, LedgerError> {
        let mut full: Vec<(Tile, TileHashes)> = Vec::new();
        for entry in entries {
            if let Some(fault) = self.check_here() {
                return Ok(Err(fault));
            }
            self.builder
                .append(entry.leaf_hash(), |tile, hashes| full.push((tile, hashes)))
                .map_err(LedgerError::Full)?;
        }
        let stored_up_to = self.edge.as_ref().map_or(0, |edge| edge.size);
        full.retain(|(tile, _)| end_of(*tile) <= stored_up_to);
        let log = self.log;
        let keys: Vec<Key> = full
            .iter()
            .map(|(tile, _)| Key::LogTile { log, level: tile.level(), index: tile.index() })
            .collect();
        for ((tile, hashes), found) in full.into_iter().zip(read(storage, controller, &keys).await?) {
            let kind = match row::<LogTileRow>(&found) {
                Ok(Some(row)) if row.hashes == hashes.to_bytes() => continue,
                Ok(Some(_)) | Err(_) => FaultKind::TileAltered,
                Ok(None) => FaultKind::TileMissing,
            };
            return Ok(Err(Fault { index: tile.leaves_under(0).start, kind }));
        }
        Ok(Ok(()))
    }
}

/// The index behind the last entry under a full tile.
const fn end_of(tile: Tile) -> u64 {
    tile.leaves_under(tile.width() - 1).end
}

/// Opens a checkpoint by the keys that the log has.
fn open(note: &str, keys: Vec<VerifierKey>) -> Option<TreeHead> {
    let policy = CheckpointPolicy::for_log(keys).ok()?;
    Some(policy.open(note.as_bytes()).ok()?.head())
}
