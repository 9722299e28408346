use thiserror::Error;

use crate::checkpoint::CheckpointError;
use crate::tiles::{Bundle, Tile, TileError};

/// The first thing that is wrong with an exported log, and where.
///
/// It is evidence, not a hiccup: running the audit again on the same files gives the same fault. It holds
/// nothing of what entries commit to.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Fault {
    /// There is no checkpoint: the export was not finished, or the file was taken away.
    #[error("the checkpoint is missing")]
    CheckpointMissing,
    /// The checkpoint is not one that the policy accepts.
    #[error("the checkpoint was refused")]
    CheckpointRefused(#[source] CheckpointError),
    /// The log is smaller than it was: entries were cut off its end, or an old export was put in its place.
    #[error("the log has {size} entries, an older checkpoint already has {older}")]
    ShorterThanOlder {
        /// The size in the checkpoint of the export.
        size: u64,
        /// The size in the older checkpoint.
        older: u64,
    },
    /// An older checkpoint is of another log.
    #[error("the older checkpoint of size {older} is of another log")]
    OlderOfOtherLog {
        /// The size in the older checkpoint.
        older: u64,
    },
    /// The log does not begin with the tree of an older checkpoint: history was rewritten. The two
    /// checkpoints, both signed, prove it.
    #[error("the first {older} entries are not those of the older checkpoint")]
    OlderContradicts {
        /// The size in the older checkpoint.
        older: u64,
    },
    /// A bundle is missing.
    #[error("{bundle} is missing")]
    BundleMissing {
        /// The bundle.
        bundle: Bundle,
    },
    /// A bundle is cut, too long, or holds entries of a wrong length.
    #[error("{bundle} is malformed")]
    BundleMalformed {
        /// The bundle.
        bundle: Bundle,
        /// What is wrong with it.
        source: TileError,
    },
    /// A tile is missing.
    #[error("{tile} is missing")]
    TileMissing {
        /// The tile.
        tile: Tile,
    },
    /// A tile is cut or too long.
    #[error("{tile} is malformed")]
    TileMalformed {
        /// The tile.
        tile: Tile,
        /// What is wrong with it.
        source: TileError,
    },
    /// An entry is not the one whose hash leads to the root: it was edited, or has changed places.
    #[error("entry {index} is not the one that the checkpoint covers")]
    EntryAltered {
        /// The index of the entry.
        index: u64,
    },
    /// Entries and the tiles below this one were replaced together: the hash over them leads to the root and
    /// is another one.
    #[error("entries {first} to {last} are not those that the checkpoint covers")]
    EntriesReplaced {
        /// The first entry under the hash.
        first: u64,
        /// The last entry under it.
        last: u64,
    },
    /// A hash in a tile is not the one that the entries give, and those lead to the root: the tile was edited,
    /// or is another one.
    #[error("{tile} is altered at hash {offset}")]
    TileAltered {
        /// The tile.
        tile: Tile,
        /// The place of the first wrong hash in it, from 0.
        offset: u16,
    },
    /// A tile and the entries under it contradict each other, and neither leads to the root through the tiles
    /// beside them: more than one thing was altered or is missing.
    #[error("{tile} and the entries under it contradict each other from hash {offset} on")]
    Contradiction {
        /// The tile.
        tile: Tile,
        /// The place of the first hash that differs, from 0.
        offset: u16,
    },
    /// Entries and tiles agree with one another and not with the checkpoint: all were replaced, or the
    /// checkpoint was.
    #[error("the entries do not lead to the root in the checkpoint of size {size}")]
    RootMismatch {
        /// The size in the checkpoint.
        size: u64,
    },
    /// There are entries beyond the checkpoint: an older checkpoint was put in, or the log is still growing.
    #[error("the log goes on beyond its checkpoint: it has {bundle}")]
    LongerThanCheckpoint {
        /// A bundle with entries beyond the checkpoint.
        bundle: Bundle,
    },
}

impl Fault {
    /// A short name for programs, which does not change.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::CheckpointMissing => "checkpoint_missing",
            Self::CheckpointRefused(_) => "checkpoint_refused",
            Self::ShorterThanOlder { .. } => "shorter_than_older",
            Self::OlderOfOtherLog { .. } => "older_of_other_log",
            Self::OlderContradicts { .. } => "older_contradicts",
            Self::BundleMissing { .. } => "bundle_missing",
            Self::BundleMalformed { .. } => "bundle_malformed",
            Self::TileMissing { .. } => "tile_missing",
            Self::TileMalformed { .. } => "tile_malformed",
            Self::EntryAltered { .. } => "entry_altered",
            Self::EntriesReplaced { .. } => "entries_replaced",
            Self::TileAltered { .. } => "tile_altered",
            Self::Contradiction { .. } => "contradiction",
            Self::RootMismatch { .. } => "root_mismatch",
            Self::LongerThanCheckpoint { .. } => "longer_than_checkpoint",
        }
    }

    /// The path of the file at fault, where it is one file.
    #[must_use]
    pub fn path(&self) -> Option<String> {
        match self {
            Self::CheckpointMissing | Self::CheckpointRefused(_) => {
                Some(crate::export::CHECKPOINT.to_owned())
            }
            Self::BundleMissing { bundle }
            | Self::BundleMalformed { bundle, .. }
            | Self::LongerThanCheckpoint { bundle } => Some(bundle.to_string()),
            Self::TileMissing { tile }
            | Self::TileMalformed { tile, .. }
            | Self::TileAltered { tile, .. }
            | Self::Contradiction { tile, .. } => Some(tile.to_string()),
            Self::ShorterThanOlder { .. }
            | Self::OlderOfOtherLog { .. }
            | Self::OlderContradicts { .. }
            | Self::EntryAltered { .. }
            | Self::EntriesReplaced { .. }
            | Self::RootMismatch { .. } => None,
        }
    }
}
