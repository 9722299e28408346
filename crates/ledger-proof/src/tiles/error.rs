use thiserror::Error;

use super::{Bundle, Tile};
use crate::ProofError;

/// What is wrong with a tile, a bundle, or the name of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TileError {
    /// No tree within [`TreeHead::MAX_SIZE`](crate::TreeHead::MAX_SIZE) has a tile there.
    #[error("no tree has a tile of {width} hashes at level {level}, index {index}")]
    NoSuchTile {
        /// The level asked for.
        level: u8,
        /// The index asked for.
        index: u64,
        /// The width asked for.
        width: u16,
    },
    /// The path is not one that this layout uses.
    #[error("the path is none of a tile or of an entry bundle")]
    BadPath,
    /// The tile does not have the one length that its width gives: it was cut, or is another file.
    #[error("{tile} has {actual} bytes instead of {expected}")]
    WrongTileLength {
        /// The tile.
        tile: Tile,
        /// The length that its width gives.
        expected: usize,
        /// The length that it has.
        actual: usize,
    },
    /// The bundle does not have the one length that its width gives: it was cut, or is another file.
    #[error("{bundle} has {actual} bytes instead of {expected}")]
    WrongBundleLength {
        /// The bundle.
        bundle: Bundle,
        /// The length that its width gives.
        expected: usize,
        /// The length that it has.
        actual: usize,
    },
    /// An entry of the bundle is not 32 bytes long. All entries of this ledger are.
    #[error("entry {index} is said to be {length} bytes long, and not 32")]
    WrongEntryLength {
        /// The index of the entry in the log.
        index: u64,
        /// The length that the bundle gives for it.
        length: u16,
    },
    /// The tile is not held.
    #[error("{tile} is missing")]
    Missing {
        /// The tile.
        tile: Tile,
    },
    /// The hashes of the tile do not lead to the root of the tree: it was altered, or is that of another
    /// tree.
    #[error("{tile} does not belong to the tree of size {size}")]
    NotOfTree {
        /// The tile.
        tile: Tile,
        /// The size of the tree.
        size: u64,
    },
    /// The tiles are those of a tree of another size than the head's.
    #[error("tiles of a tree of size {tiles} were to be checked against one of size {head}")]
    OtherSize {
        /// The size that the tiles were read for.
        tiles: u64,
        /// The size of the tree they were checked against.
        head: u64,
    },
    /// What was asked for is not in the tree.
    #[error(transparent)]
    Proof(#[from] ProofError),
}
