//! The tree as static files (C2SP `tlog-tiles`).
//!
//! A tile holds up to 256 hashes that stand side by side. Tiles of level 0 hold the hashes of leaves; a hash
//! in a tile of the next level covers a full tile below. So only every eighth level of the tree is stored,
//! and the levels between are computed. Full tiles never change. The last tile of each level is partial
//! unless it is full by chance; it is named by its width as well, and replaced as the log grows.
//!
//! The entries themselves are in *bundles* of up to 256, side by side with the tiles of level 0. An entry of
//! this ledger is a commitment of 32 bytes, so a bundle tells nothing about anyone.
//!
//! | path | what |
//! |---|---|
//! | `checkpoint` | the newest [checkpoint](crate::checkpoint) |
//! | `tile/0/x001/x234/067` | the full tile 1234067 of level 0 |
//! | `tile/1/000.p/17` | the partial tile 0 of level 1, with 17 hashes |
//! | `tile/entries/x001/x234/067` | the entries whose leaf hashes are in `tile/0/x001/x234/067` |
//!
//! # Examples
//!
//! ```
//! use wzapi_ledger_proof::tiles::Tile;
//!
//! // The example of the specification: a tree of 70,000 entries.
//! let tiles: Vec<Tile> = Tile::of_tree(70_000).collect();
//! assert_eq!(tiles.len(), 273 + 1 + 1 + 1 + 1);
//! let partial: Vec<_> = tiles.iter().filter(|tile| !tile.is_full()).map(Tile::to_string).collect();
//! assert_eq!(partial, ["tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"]);
//! ```

mod builder;
mod contents;
mod error;
mod path;
mod reader;

use std::ops::Range;

use crate::TreeHead;
use crate::nodes::NodePosition;

pub use builder::TileBuilder;
pub use contents::{TileHashes, encode_bundle, parse_bundle};
pub use error::TileError;
pub use reader::{TileReadError, TileReader, TileSet, TileSource};

/// The number of hashes in a full tile, and of entries in a full bundle.
pub const TILE_WIDTH: u16 = 256;

/// A tile spans this many levels of the tree.
pub const TILE_HEIGHT: u8 = 8;

/// Levels of tiles in the largest tree: 256^8 is beyond [`TreeHead::MAX_SIZE`].
const LEVELS: u8 = 8;

/// Where a tile stands, and how many hashes it holds.
///
/// `Display` and `FromStr` are its path, see the [module](self).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tile {
    level: u8,
    index: u64,
    width: u16,
}

/// Where a bundle of entries stands, and how many it holds.
///
/// `Display` and `FromStr` are its path, see the [module](self).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bundle {
    index: u64,
    width: u16,
}

impl Tile {
    /// The tile at this place with this many hashes.
    ///
    /// # Errors
    ///
    /// [`TileError::NoSuchTile`] for a width that is not 1 to 256, or a place beyond the largest tree.
    pub fn new(level: u8, index: u64, width: u16) -> Result<Self, TileError> {
        let hashes = |size: u64| if level < LEVELS { size >> (TILE_HEIGHT * level) } else { 0 };
        let end = index.checked_mul(TILE_WIDTH.into()).and_then(|start| start.checked_add(width.into()));
        let fits = end.is_some_and(|end| end <= hashes(TreeHead::MAX_SIZE));
        if fits && (1..=TILE_WIDTH).contains(&width) {
            Ok(Self { level, index, width })
        } else {
            Err(TileError::NoSuchTile { level, index, width })
        }
    }

    /// The tile at this place as a tree of this size has it, with up to 256 hashes; none if it would hold
    /// no hash.
    #[must_use]
    pub fn in_tree(level: u8, index: u64, size: u64) -> Option<Self> {
        let end = hashes_at(level, size);
        let first = index.checked_mul(TILE_WIDTH.into())?;
        let width = end.checked_sub(first)?.min(TILE_WIDTH.into());
        Self::new(level, index, u16::try_from(width).ok()?).ok()
    }

    /// All tiles of a tree of this size, level by level from the leaves, each level from the left.
    pub fn of_tree(size: u64) -> impl Iterator<Item = Self> {
        Self::added(0..size)
    }

    /// The tiles to write when a log has grown from one size to another: those of the larger tree that the
    /// smaller one does not have, level by level from the leaves, each level from the left.
    pub fn added(sizes: Range<u64>) -> impl Iterator<Item = Self> {
        let Range { start: older, end: newer } = sizes;
        (0..LEVELS).flat_map(move |level| {
            let first = hashes_at(level, older) / u64::from(TILE_WIDTH);
            let end = hashes_at(level, newer).div_ceil(TILE_WIDTH.into());
            (first..end)
                .filter_map(move |index| Self::in_tree(level, index, newer))
                .filter(move |tile| Self::in_tree(level, tile.index, older) != Some(*tile))
        })
    }

    /// The tile that the hash of this subtree is in, or is computed from, in a tree of this size; none if
    /// the tree does not reach there.
    #[must_use]
    pub fn holding(node: NodePosition, size: u64) -> Option<Self> {
        let (level, height) = (node.level / TILE_HEIGHT, node.level % TILE_HEIGHT);
        let tile = Self::in_tree(level, node.index >> (TILE_HEIGHT - height), size)?;
        let needed = tile.range_of(node)?.end;
        (needed <= usize::from(tile.width)).then_some(tile)
    }

    /// The level: 0 for leaves, at most 7.
    #[must_use]
    pub const fn level(&self) -> u8 {
        self.level
    }

    /// The place among the tiles of the level, from 0 on the left.
    #[must_use]
    pub const fn index(&self) -> u64 {
        self.index
    }

    /// The number of hashes, 1 to 256.
    #[must_use]
    pub const fn width(&self) -> u16 {
        self.width
    }

    /// Whether the tile holds all that it ever will.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.width == TILE_WIDTH
    }

    /// The length of its file.
    #[must_use]
    pub const fn byte_len(&self) -> usize {
        self.width as usize * 32
    }

    /// The subtree whose hash stands at this offset in the tile.
    #[must_use]
    pub const fn node(&self, offset: u16) -> NodePosition {
        NodePosition {
            level: self.level * TILE_HEIGHT,
            index: self.index * TILE_WIDTH as u64 + offset as u64,
        }
    }

    /// The leaves under the hash at this offset.
    #[must_use]
    pub const fn leaves_under(&self, offset: u16) -> Range<u64> {
        let NodePosition { level, index } = self.node(offset);
        index << level..(index + 1) << level
    }

    /// The tile one level up that holds the hash over this one when it is full, in a tree of this size.
    pub(crate) fn parent(&self, size: u64) -> Option<(Self, u16)> {
        let offset = u16::try_from(self.index % u64::from(TILE_WIDTH)).ok()?;
        let parent = Self::in_tree(self.level + 1, self.index / u64::from(TILE_WIDTH), size)?;
        (offset < parent.width).then_some((parent, offset))
    }

    /// The offsets of the hashes of this tile that a subtree covers; none if it is not in this tile.
    pub(crate) fn range_of(&self, node: NodePosition) -> Option<Range<usize>> {
        let height = node.level.checked_sub(self.level * TILE_HEIGHT).filter(|h| *h < TILE_HEIGHT)?;
        let first = (node.index << height).checked_sub(self.index * u64::from(TILE_WIDTH))?;
        let first = usize::try_from(first).ok().filter(|first| *first < usize::from(TILE_WIDTH))?;
        Some(first..first + (1 << height))
    }
}

impl Bundle {
    /// The bundle at this place with this many entries.
    ///
    /// # Errors
    ///
    /// [`TileError::NoSuchTile`] for a width that is not 1 to 256, or a place beyond the largest tree.
    pub fn new(index: u64, width: u16) -> Result<Self, TileError> {
        Tile::new(0, index, width).map(|tile| tile.bundle())
    }

    /// All bundles of a log of this size, from the left.
    pub fn of_log(size: u64) -> impl Iterator<Item = Self> {
        (0..size.div_ceil(TILE_WIDTH.into()))
            .filter_map(move |index| Tile::in_tree(0, index, size))
            .map(|tile| tile.bundle())
    }

    /// The place among the bundles, from 0 on the left.
    #[must_use]
    pub const fn index(&self) -> u64 {
        self.index
    }

    /// The number of entries, 1 to 256.
    #[must_use]
    pub const fn width(&self) -> u16 {
        self.width
    }

    /// Whether the bundle holds all that it ever will.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.width == TILE_WIDTH
    }

    /// The indexes of its entries in the log.
    #[must_use]
    pub const fn entries(&self) -> Range<u64> {
        let first = self.index * TILE_WIDTH as u64;
        first..first + self.width as u64
    }

    /// The length of its file when all entries are 32 bytes long.
    #[must_use]
    pub const fn byte_len(&self) -> usize {
        self.width as usize * contents::ENTRY_BYTES
    }

    /// The tile of level 0 that holds the leaf hashes of these entries.
    #[must_use]
    pub const fn tile(&self) -> Tile {
        Tile { level: 0, index: self.index, width: self.width }
    }
}

impl Tile {
    /// The bundle beside a tile of level 0.
    const fn bundle(&self) -> Bundle {
        Bundle { index: self.index, width: self.width }
    }
}

/// How many hashes tiles of this level hold in a tree of this size.
const fn hashes_at(level: u8, size: u64) -> u64 {
    if level < LEVELS { size >> (TILE_HEIGHT * level) } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subtrees_are_found_in_their_tile() {
        let place = |level, index| NodePosition { level, index };
        let holding = |node| Tile::holding(node, 70_000).map(|tile| (tile.to_string(), tile.range_of(node)));
        assert_eq!(holding(place(0, 69_999)), Some(("tile/0/273.p/112".to_owned(), Some(111..112))));
        assert_eq!(holding(place(0, 70_000)), None);
        assert_eq!(holding(place(7, 1)), Some(("tile/0/000".to_owned(), Some(128..256))));
        assert_eq!(holding(place(8, 0)), Some(("tile/1/000".to_owned(), Some(0..1))));
        assert_eq!(holding(place(15, 1)), Some(("tile/1/000".to_owned(), Some(128..256))));
        assert_eq!(holding(place(4, 4374)), Some(("tile/0/273.p/112".to_owned(), Some(96..112))));
        assert_eq!(holding(place(4, 4375)), None);
        assert_eq!(holding(place(62, 0)), None);
        assert_eq!(holding(place(255, u64::MAX)), None);
    }

    #[test]
    fn places_beyond_the_largest_tree_are_none() {
        let largest = 1 << (62 - 8);
        assert!(Tile::new(0, largest - 1, 256).is_ok());
        assert!(Tile::new(7, 0, 64).is_ok());
        for (level, index, width) in
            [(0, largest, 1), (7, 0, 65), (7, 1, 1), (8, 0, 1), (0, u64::MAX, 1), (0, 0, 0), (0, 0, 257)]
        {
            assert_eq!(Tile::new(level, index, width), Err(TileError::NoSuchTile { level, index, width }));
        }
        assert_eq!(Tile::in_tree(0, u64::MAX, TreeHead::MAX_SIZE), None);
    }

    #[test]
    fn what_growth_adds_is_what_the_smaller_tree_lacks() {
        for older in 0..600 {
            for newer in [older, older + 1, older + 200, older + 70_000] {
                let had: Vec<_> = Tile::of_tree(older).collect();
                let lacking: Vec<_> = Tile::of_tree(newer).filter(|tile| !had.contains(tile)).collect();
                assert_eq!(Tile::added(older..newer).collect::<Vec<_>>(), lacking);
            }
        }
    }
}
