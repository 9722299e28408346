//! Tiles on storage: full ones in rows of their own, the partial ones in the edge.

use wzapi_ledger_proof::compact_range::CompactRange;
use wzapi_ledger_proof::nodes::NodePosition;
use wzapi_ledger_proof::tiles::{Tile, TileBuilder, TileHashes, TileSet};
use wzapi_ledger_proof::{EntryCommitment, Hash, TreeHead};
use wzapi_model::ids::ControllerId;
use wzapi_storage::Storage;
use wzapi_storage::key::{Key, LogRef};
use wzapi_storage::row::{CheckpointRow, LogEdge, LogHeadRow, LogLeafRow, LogTileRow, RowType};

use super::{MAX_ATTEMPTS, Notary};
use crate::error::LedgerError;
use crate::sequencer::range_of;

/// Entries read at a time.
const PAGE: u64 = 1024;
/// Entries added to the tiles with one changeset.
const CHUNK: u64 = 64 * 256;

/// A log as it was seen at one moment: its head, and its tiles as far as they are made.
pub(super) struct Tiled {
    pub(super) log: LogRef,
    pub(super) head: LogHeadRow,
    pub(super) row: CheckpointRow,
}

impl Tiled {
    /// The tree that the tiles are of.
    pub(super) fn tree(&self) -> Result<TreeHead, LedgerError> {
        Ok(edge_range(&self.row.edge)?.head())
    }
}

impl Notary {
    /// The head of a shard's log and the edge of its tiles, from one snapshot.
    pub(super) async fn tiled(&self, controller: ControllerId, shard: u16) -> Result<Tiled, LedgerError> {
        for _ in 0..MAX_ATTEMPTS {
            let (log, _) = self.load_head(&mut self.draft(controller), shard).await?;
            let (head_at, row_at) = (Key::LogHead(shard), Key::Checkpoint(log));
            let mut draft = self.draft(controller);
            draft.load([head_at.clone(), row_at.clone()]).await?;
            let head: LogHeadRow = draft.row(&head_at)?.cloned().ok_or(LedgerError::NoLog)?;
            // Otherwise the log was closed in between.
            if head.generation == log.generation {
                let row = draft.row(&row_at)?.cloned().unwrap_or_else(empty);
                return Ok(Tiled { log, head, row });
            }
        }
        Err(LedgerError::Conflict)
    }

    /// Builds the tiles up to the head, in chunks. The edge ends at the root of the head that is returned with it.
    pub(super) async fn extend_tiles(
        &self,
        controller: ControllerId,
        shard: u16,
    ) -> Result<Tiled, LedgerError> {
        let mut attempts = 0;
        while attempts < MAX_ATTEMPTS {
            let mut tiled = self.tiled(controller, shard).await?;
            let size = tiled.row.edge.size;
            // The edge follows the head, and a head never goes back.
            if size > tiled.head.size {
                return Err(LedgerError::Contradiction);
            }
            if size == tiled.head.size {
                let is_same = tiled.tree()? == range_of(&tiled.head)?.head();
                return if is_same { Ok(tiled) } else { Err(LedgerError::Contradiction) };
            }
            match self.extend_once(controller, &tiled).await? {
                Some(row) if row.edge.size == tiled.head.size => {
                    tiled.row = row;
                    return Ok(tiled);
                }
                Some(_) => attempts = 0,
                None => attempts += 1,
            }
        }
        Err(LedgerError::Conflict)
    }

    /// Adds one chunk of entries to the tiles; `None` when somebody else added to them meanwhile.
    async fn extend_once(
        &self,
        controller: ControllerId,
        tiled: &Tiled,
    ) -> Result<Option<CheckpointRow>, LedgerError> {
        let Tiled { log, head, row } = tiled;
        let place = Key::Checkpoint(*log);
        let mut draft = self.draft(controller);
        draft.load([place.clone()]).await?;
        if draft.row::<CheckpointRow>(&place)?.unwrap_or(&empty()) != row {
            return Ok(None);
        }
        // What is built on a hash that does not lead to the root would be of no tree.
        self.tiles(controller, *log, &row.edge, tiled.tree()?, &[]).await?;
        let mut builder = resume(&row.edge)?;
        let until = head.size.min(row.edge.size.saturating_add(CHUNK));
        let mut full = Vec::new();
        for leaf in read_leaves(self.storage.as_ref(), controller, *log, row.edge.size..until).await? {
            builder
                .append(leaf.leaf_hash(), |tile, hashes| full.push((tile, hashes)))
                .map_err(LedgerError::Full)?;
        }
        if until == head.size && builder.range().head() != range_of(head)?.head() {
            return Err(LedgerError::Contradiction);
        }
        draft.load(full.iter().map(|(tile, _)| tile_key(*log, *tile))).await?;
        for (tile, hashes) in full {
            let body = LogTileRow { hashes: hashes.to_bytes() };
            let key = tile_key(*log, tile);
            match draft.row::<LogTileRow>(&key)? {
                Some(stored) if *stored != body => return Err(LedgerError::Contradiction),
                Some(_) => {}
                None => draft.put(key, body, None)?,
            }
        }
        let extended = CheckpointRow { edge: edge_of(&builder), signed: row.signed.clone() };
        draft.put(place, extended.clone(), None)?;
        Ok(self.commit(draft).await?.then_some(extended))
    }

    /// The tiles that these nodes of a tree are read from, checked against its root. The tree is the one of the edge, or an
    /// older one.
    pub(super) async fn tiles(
        &self,
        controller: ControllerId,
        log: LogRef,
        edge: &LogEdge,
        tree: TreeHead,
        nodes: &[NodePosition],
    ) -> Result<TileSet, LedgerError> {
        let mut set = TileSet::new(tree.size());
        let (mut keys, mut stored_tiles) = (Vec::new(), Vec::new());
        for tile in set.tiles_for(nodes) {
            // What was partial in an older tree may be full by now.
            let now =
                Tile::in_tree(tile.level(), tile.index(), edge.size).ok_or(LedgerError::Contradiction)?;
            if now.is_full() {
                keys.push(tile_key(log, tile));
                stored_tiles.push(tile);
            } else {
                let hashes = edge.open.get(usize::from(tile.level())).ok_or(LedgerError::Contradiction)?;
                set.insert(tile, hashes.as_flattened())?;
            }
        }
        if !keys.is_empty() {
            let rows = self.storage.get(controller, &keys).await?;
            for (tile, row) in stored_tiles.into_iter().zip(rows) {
                let row = row.ok_or(LedgerError::Contradiction)?;
                let row = LogTileRow::of(&row.body).ok_or(LedgerError::Contradiction)?;
                set.insert(tile, &row.hashes)?;
            }
        }
        set.verify(tree)?;
        Ok(set)
    }
}

pub(super) const fn tile_key(log: LogRef, tile: Tile) -> Key {
    Key::LogTile { log, level: tile.level(), index: tile.index() }
}

const fn empty() -> CheckpointRow {
    CheckpointRow { edge: LogEdge { size: 0, peaks: Vec::new(), open: Vec::new() }, signed: None }
}

pub(super) fn edge_range(edge: &LogEdge) -> Result<CompactRange, LedgerError> {
    let peaks = edge.peaks.iter().map(|peak| Hash::from(*peak)).collect();
    CompactRange::from_parts(edge.size, peaks).map_err(LedgerError::DamagedHead)
}

/// A builder that goes on at the edge.
fn resume(edge: &LogEdge) -> Result<TileBuilder, LedgerError> {
    let open = edge.open.iter().map(|hashes| hashes.iter().map(|hash| Hash::from(*hash)).collect()).collect();
    TileBuilder::resume(edge_range(edge)?, open).map_err(LedgerError::DamagedHead)
}

fn edge_of(builder: &TileBuilder) -> LogEdge {
    let range = builder.range();
    let bytes = |hashes: &[Hash]| hashes.iter().map(|hash| *hash.as_bytes()).collect::<Vec<_>>();
    LogEdge {
        size: range.size(),
        peaks: bytes(range.peaks()),
        open: builder.open_hashes().map(bytes).collect(),
    }
}

/// The entries of a range.
pub(super) async fn read_leaves(
    storage: &dyn Storage,
    controller: ControllerId,
    log: LogRef,
    range: std::ops::Range<u64>,
) -> Result<Vec<EntryCommitment>, LedgerError> {
    let mut leaves = Vec::new();
    let mut next = range.start;
    while next < range.end {
        let until = range.end.min(next.saturating_add(PAGE));
        let keys: Vec<Key> = (next..until).map(|index| Key::LogLeaf { log, index }).collect();
        for row in storage.get(controller, &keys).await? {
            let row = row.ok_or(LedgerError::Contradiction)?;
            let row = LogLeafRow::of(&row.body).ok_or(LedgerError::Contradiction)?;
            leaves.push(EntryCommitment::from(row.commitment));
        }
        next = until;
    }
    Ok(leaves)
}

/// The hashes of a partial tile of the edge.
pub(super) fn open_tile(edge: &LogEdge, tile: Tile) -> Result<TileHashes, LedgerError> {
    let hashes = edge.open.get(usize::from(tile.level())).ok_or(LedgerError::Contradiction)?;
    Ok(TileHashes::parse(tile, hashes.as_flattened())?)
}
