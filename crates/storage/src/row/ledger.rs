//! Logs: their heads, entries and bodies, and what was published of them.

use serde::{Deserialize, Serialize};
use wzapi_model::Timestamp;
use wzapi_model::ids::{EntryId, LogId};
use wzapi_model::name::DataCategory;

use crate::key::{LogRef, Owner};
use crate::row::Sealed;

/// The head of a log: its size and the right edge of its tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogHeadRow {
    /// The log's random id.
    pub log: LogId,
    /// How many logs of this shard were closed before it.
    pub generation: u16,
    /// How many shards the controller's log has; only the head of shard 0 says it.
    pub shards: u16,
    /// What checkpoints call it: a URL without a scheme that ends in the log's id.
    pub origin: String,
    /// How many entries it has.
    pub size: u64,
    /// The roots of the perfect subtrees, largest first.
    pub peaks: Vec<[u8; 32]>,
}

/// One entry of a log, and where its body is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLeafRow {
    /// The entry: a blinded commitment to the event.
    pub commitment: [u8; 32],
    /// Whom it is about.
    pub owner: Owner,
    /// The entry's id.
    pub entry: EntryId,
}

/// What is left of the body of a log entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum EntryBody {
    /// Blinding and event, padded and sealed.
    Kept(Sealed),
    /// It was erased, as the entry with this id certifies.
    Erased {
        /// The certificate, an entry of the same controller.
        certificate: EntryId,
    },
}

/// The body of a log entry: its blinding and its event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryBodyRow {
    /// The log.
    pub log: LogRef,
    /// The index in the log.
    pub index: u64,
    /// The category whose data key seals the body.
    pub category: DataCategory,
    /// The body.
    pub body: EntryBody,
}

/// The right edge of a log's tiles: what the next full tiles are made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogEdge {
    /// How many entries the tiles cover; every full tile of that tree is stored.
    pub size: u64,
    /// The roots of the perfect subtrees, largest first.
    pub peaks: Vec<[u8; 32]>,
    /// The hashes of the last, partial tile of each level, from the entries up.
    pub open: Vec<Vec<[u8; 32]>>,
}

/// A checkpoint that was signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedHead {
    /// The size of the tree that it is about.
    pub size: u64,
    /// When it was signed.
    pub signed_at: Timestamp,
    /// The signed note.
    pub note: String,
}

/// How far a log's tiles are made, and the last checkpoint that it signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckpointRow {
    /// The right edge of the tiles: never behind the checkpoint.
    pub edge: LogEdge,
    /// The last checkpoint.
    pub signed: Option<SignedHead>,
}

/// How far the journal was followed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalPositionRow {
    /// The journal's own random id.
    pub journal: [u8; 16],
    /// How many of its records are accounted for in this store.
    pub position: u64,
}

/// A full tile: 256 hashes of one level of a log's tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogTileRow {
    /// The hashes, one after the other.
    pub hashes: Vec<u8>,
}

/// The last head of a log that was closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClosedLogRow {
    /// Its head when it was closed.
    pub head: LogHeadRow,
    /// When it was closed.
    pub closed_at: Timestamp,
}
