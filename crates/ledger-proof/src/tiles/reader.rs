//! Proofs from tiles.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;

use thiserror::Error;

use super::{TILE_WIDTH, Tile, TileError, TileHashes};
use crate::compact_range::CompactRange;
use crate::nodes::{HashReader, NodePosition};
use crate::{Hash, ProofError, TreeHead};

/// The most tiles that a [`TileReader`] keeps: more than a proof asks for, 256 KiB.
const MOST_KEPT: usize = 32;

/// Gives the files of tiles.
///
/// A source may be hostile: what it gives is bounded by the caller's check of its length, and checked by
/// proofs. It should not read more than the length of a full tile.
pub trait TileSource {
    /// Why a file that should be there could not be read.
    type Error;

    /// The file of the tile; `None` if there is none.
    ///
    /// For a partial tile the source may answer with a wider one at the same place, up to the full one: logs
    /// delete partial tiles once they have grown.
    ///
    /// # Errors
    ///
    /// Any failure other than the absence of the file.
    fn tile(&self, tile: Tile) -> Result<Option<Vec<u8>>, Self::Error>;
}

/// Why a hash could not be had from tiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TileReadError<E: Error + 'static> {
    /// The source failed. Whether to retry is for the source to say.
    #[error("{tile} could not be read")]
    Source {
        /// The tile asked for.
        tile: Tile,
        /// What the source said.
        source: E,
    },
    /// The tile is missing, malformed, or none of the tree.
    #[error(transparent)]
    Tile(#[from] TileError),
    /// What was asked for is not in the tree.
    #[error(transparent)]
    Proof(#[from] ProofError),
}

/// Tiles of a tree of one size that were fetched beforehand.
///
/// For storage that is read asynchronously: ask a proof for its nodes and [`tiles_for`](Self::tiles_for) for
/// the tiles, fetch them at once, insert them and build the proof.
///
/// # Examples
///
/// ```
/// use wzapi_ledger_proof::Hash;
/// use wzapi_ledger_proof::inclusion::InclusionProof;
/// use wzapi_ledger_proof::memory_tree::MemoryTree;
/// use wzapi_ledger_proof::tiles::{TileHashes, TileSet};
///
/// let mut tree = MemoryTree::new();
/// for entry in 0..1000u32 {
///     tree.append(Hash::leaf(&entry.to_be_bytes()))?;
/// }
/// let mut tiles = TileSet::new(1000);
/// let needed = tiles.tiles_for(&InclusionProof::nodes(600, 1000)?);
/// for tile in needed {
///     let file = TileHashes::read(&tree, tile)?.to_bytes(); // fetched from somewhere
///     tiles.insert(tile, &file)?;
/// }
/// tiles.verify(tree.head())?;
/// let proof = InclusionProof::build(&tiles, 600, 1000)?;
/// proof.verify(Hash::leaf(&600u32.to_be_bytes()), 600, tree.head())?;
/// # Ok::<(), wzapi_ledger_proof::tiles::TileError>(())
/// ```
#[derive(Clone, Debug)]
pub struct TileSet {
    size: u64,
    /// By level and index; as wide as the tree has them.
    tiles: BTreeMap<(u8, u64), TileHashes>,
}

impl TileSet {
    /// No tiles yet, of a tree of this size.
    #[must_use]
    pub const fn new(size: u64) -> Self {
        Self { size, tiles: BTreeMap::new() }
    }

    /// The tiles that these nodes are read from, with all that is needed to [`verify`](Self::verify) them:
    /// fewer than 16 for the nodes of one proof, and 8 for each further one.
    ///
    /// Nodes outside of the tree are passed over.
    #[must_use]
    pub fn tiles_for(&self, nodes: &[NodePosition]) -> BTreeSet<Tile> {
        let mut needed: BTreeSet<_> = (0..super::LEVELS)
            .filter_map(|level| {
                let last = super::hashes_at(level, self.size) / u64::from(TILE_WIDTH);
                Tile::in_tree(level, last, self.size)
            })
            .collect();
        for node in nodes {
            let mut next = Tile::holding(*node, self.size);
            while let Some(tile) = next.filter(|tile| needed.insert(*tile)) {
                next = tile.parent(self.size).map(|(parent, _)| parent);
            }
        }
        needed
    }

    /// Takes the file of a tile, or of a wider one at the same place.
    ///
    /// # Errors
    ///
    /// [`TileError::WrongTileLength`]; [`TileError::NoSuchTile`] for a tile that the tree does not have.
    pub fn insert(&mut self, tile: Tile, file: &[u8]) -> Result<(), TileError> {
        let (level, index, width) = (tile.level(), tile.index(), tile.width());
        let expected =
            Tile::in_tree(level, index, self.size).ok_or(TileError::NoSuchTile { level, index, width })?;
        // The file says how wide it is; a source may have answered with a wider tile.
        let width = u16::try_from(file.len() / 32).unwrap_or(u16::MAX).clamp(expected.width(), TILE_WIDTH);
        let hashes = TileHashes::parse(Tile { width, ..tile }, file)?.narrowed(expected.width());
        self.tiles.insert((level, index), hashes);
        Ok(())
    }

    /// Checks that every tile here belongs to the tree with this head.
    ///
    /// # Errors
    ///
    /// [`TileError::Missing`] if a tile above one of these is not here; [`TileError::NotOfTree`] with the
    /// tile that contradicts the one above it; [`ProofError::RootMismatch`] if the right edge does not give
    /// the root; [`TileError::OtherSize`].
    pub fn verify(&self, head: TreeHead) -> Result<(), TileError> {
        let size = self.size;
        if head.size() != size {
            return Err(TileError::OtherSize { tiles: size, head: head.size() });
        }
        for (&(level, index), hashes) in self.tiles.iter().rev() {
            let Some(tile) = Tile::in_tree(level, index, size) else { continue };
            let Some(root) = hashes.root() else { continue };
            let (parent, offset) = tile.parent(size).ok_or(TileError::NotOfTree { tile, size })?;
            if self.node_at(parent.node(offset))? != root {
                return Err(TileError::NotOfTree { tile, size });
            }
        }
        // Partial tiles have nothing above them: together they are the right edge, and that gives the root.
        Ok(head.check_root(CompactRange::read(self, size)?.root())?)
    }

    fn node_at(&self, node: NodePosition) -> Result<Hash, TileError> {
        let NodePosition { level, index } = node;
        let tile = Tile::holding(node, self.size).ok_or(ProofError::NodeMissing { level, index })?;
        let hashes = self.tiles.get(&(tile.level(), tile.index())).ok_or(TileError::Missing { tile })?;
        Ok(hashes.node(tile, node).ok_or(ProofError::NodeMissing { level, index })?)
    }
}

impl HashReader for TileSet {
    type Error = TileError;

    fn node(&self, level: u8, index: u64) -> Result<Hash, TileError> {
        self.node_at(NodePosition { level, index })
    }
}

/// Reads tiles of a tree of one size when a proof asks for them, and keeps the last few.
///
/// A proof reads fewer than 16 tiles, each once, whatever the size of the log. What is read is not checked,
/// but by the proof that is built from it, or by [`verify_tile`](Self::verify_tile).
///
/// # Examples
///
/// See [`FileTiles`](crate::export::FileTiles) for a directory of tiles.
#[derive(Debug)]
pub struct TileReader<'a, S: ?Sized> {
    source: &'a S,
    kept: RefCell<TileSet>,
}

impl<'a, S: TileSource + ?Sized> TileReader<'a, S>
where
    S::Error: Error + 'static,
{
    /// Reads the tiles of the tree that the log had at this size.
    #[must_use]
    pub const fn new(source: &'a S, size: u64) -> Self {
        Self { source, kept: RefCell::new(TileSet::new(size)) }
    }

    /// The size of the tree.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.kept.borrow().size
    }

    /// The root that the tiles of the right edge give. Reads at most 8 tiles.
    ///
    /// # Errors
    ///
    /// [`TileReadError`].
    pub fn root(&self) -> Result<Hash, TileReadError<S::Error>> {
        Ok(CompactRange::read(self, self.size())?.root())
    }

    /// Checks that a tile belongs to the tree with this head: it, all above it, and the right edge. Reads at
    /// most 16 tiles.
    ///
    /// # Errors
    ///
    /// [`TileReadError`], with [`TileError::NotOfTree`] or [`ProofError::RootMismatch`] if it does not.
    pub fn verify_tile(&self, tile: Tile, head: TreeHead) -> Result<(), TileReadError<S::Error>> {
        let mut checked = TileSet::new(self.size());
        for needed in checked.tiles_for(&[tile.node(0)]) {
            let hashes = self.look(needed, TileHashes::clone)?;
            checked.tiles.insert((needed.level(), needed.index()), hashes);
        }
        Ok(checked.verify(head)?)
    }

    /// Looks at a tile, which is fetched if it is not at hand.
    fn look<T>(&self, tile: Tile, look: impl FnOnce(&TileHashes) -> T) -> Result<T, TileReadError<S::Error>> {
        let place = (tile.level(), tile.index());
        if !self.kept.borrow().tiles.contains_key(&place) {
            let file = self.source.tile(tile).map_err(|source| TileReadError::Source { tile, source })?;
            let file = file.ok_or(TileError::Missing { tile })?;
            let mut kept = self.kept.borrow_mut();
            if kept.tiles.len() >= MOST_KEPT {
                kept.tiles.clear();
            }
            kept.insert(tile, &file)?;
        }
        let kept = self.kept.borrow();
        Ok(look(kept.tiles.get(&place).ok_or(TileError::Missing { tile })?))
    }
}

impl<S: TileSource + ?Sized> HashReader for TileReader<'_, S>
where
    S::Error: Error + 'static,
{
    type Error = TileReadError<S::Error>;

    fn node(&self, level: u8, index: u64) -> Result<Hash, Self::Error> {
        let node = NodePosition { level, index };
        let missing = ProofError::NodeMissing { level, index };
        let tile = Tile::holding(node, self.size()).ok_or(missing)?;
        Ok(self.look(tile, |hashes| hashes.node(tile, node))?.ok_or(missing)?)
    }
}
