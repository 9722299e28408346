//! Writes and preconditions that commit together, or not at all.

use std::collections::BTreeSet;
use std::time::Duration;

use wzapi_model::Timestamp;
use wzapi_model::ids::{ChangesetId, ControllerId};

use crate::key::Key;
use crate::row::{Body, ChangesetRow, Record};

/// The most rows that a changeset may write, and the most that it may guard.
pub const MAX_CHANGESET_ROWS: usize = 4096;
/// The longest body of one row, encoded, in bytes.
pub const MAX_BODY_BYTES: usize = 8 * 1024 * 1024;
/// How long the id of a changeset is kept, so that an unknown outcome can be settled.
pub const CHANGESET_KEPT_FOR: Duration = Duration::from_secs(24 * 3600);

/// The version of a stored row: equal means unchanged. The order of versions carries no meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(pub u64);

/// What must be true of a row for a changeset to commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precondition {
    /// No row is stored under the key.
    Absent,
    /// A row is stored under the key with this version.
    Version(Version),
}

/// Whether a commit must survive a crash that follows it at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Durability {
    /// May be lost, whole, in a crash before the next durable commit: for what is safe to lose, such as the
    /// time of the last inbound message.
    Relaxed,
    /// Durable when `commit` returns.
    #[default]
    Durable,
}

/// One write of a changeset.
#[allow(
    clippy::large_enum_variant,
    reason = "nearly every write is a put, and a box would cost each an allocation"
)]
#[derive(Debug, Clone, PartialEq)]
pub enum Write {
    /// Store this record, replacing what is there.
    Put(Record),
    /// Remove the row; no error when there is none.
    Delete(Key),
}

impl Write {
    /// The key that is written.
    #[must_use]
    pub const fn key(&self) -> &Key {
        match self {
            Self::Put(record) => &record.key,
            Self::Delete(key) => key,
        }
    }
}

/// Writes and preconditions of one controller that take effect together.
#[derive(Debug, Clone, PartialEq)]
pub struct Changeset {
    /// Chosen by the caller, at random; recorded with the writes.
    pub id: ChangesetId,
    /// The one controller whose rows are touched.
    pub controller: ControllerId,
    /// The caller's time, recorded with the id.
    pub at: Timestamp,
    /// What must hold.
    pub preconditions: Vec<(Key, Precondition)>,
    /// What is written, each key at most once.
    pub writes: Vec<Write>,
    /// Whether the commit must be durable.
    pub durability: Durability,
}

/// A changeset (or a request) that no store may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidChangeset {
    /// A key is written twice.
    #[error("a row occurs twice among the writes of the changeset")]
    WrittenTwice,
    /// A key is guarded twice.
    #[error("a row occurs twice among the preconditions of the changeset")]
    GuardedTwice,
    /// A body stands under a key of another kind.
    #[error("a row's body is of another kind than its key")]
    KindMismatch,
    /// The caller wrote a row that records a changeset. Removing one, once it is due, is allowed.
    #[error("changeset rows are written by the store and by nobody else")]
    ReservedKey,
    /// More than [`MAX_CHANGESET_ROWS`] writes or preconditions, or more keys in a `get` than
    /// [`crate::contract::MAX_GET_KEYS`].
    #[error("too many rows in one request")]
    TooManyRows,
    /// An encoded body is longer than [`MAX_BODY_BYTES`].
    #[error("a row is too large")]
    RowTooLarge,
    /// A page limit is zero or above [`crate::query::MAX_PAGE`].
    #[error("a page limit must be between 1 and the maximum")]
    PageLimit,
}

impl Changeset {
    /// Checks what can be checked without a store. Every backend calls this first.
    ///
    /// # Errors
    /// [`InvalidChangeset`], by what is wrong.
    pub fn validate(&self) -> Result<(), InvalidChangeset> {
        if self.writes.len() > MAX_CHANGESET_ROWS || self.preconditions.len() > MAX_CHANGESET_ROWS {
            return Err(InvalidChangeset::TooManyRows);
        }
        // The store writes the record of this very changeset, so the caller cannot remove it here.
        let receipt = Key::Changeset(self.id);
        let mut written = BTreeSet::from([&receipt]);
        for write in &self.writes {
            if let Write::Put(record) = write {
                if matches!(record.key, Key::Changeset(_)) {
                    return Err(InvalidChangeset::ReservedKey);
                }
                if record.body.kind() != record.key.kind() {
                    return Err(InvalidChangeset::KindMismatch);
                }
            }
            if !written.insert(write.key()) {
                return Err(InvalidChangeset::WrittenTwice);
            }
        }
        let mut guarded = BTreeSet::new();
        if !self.preconditions.iter().all(|(key, _)| guarded.insert(key)) {
            return Err(InvalidChangeset::GuardedTwice);
        }
        Ok(())
    }

    /// The record that a store writes along with the changeset, so that its id can be looked up.
    #[must_use]
    pub fn receipt(&self) -> Record {
        Record {
            key: Key::Changeset(self.id),
            due_at: Some(self.at.saturating_add(CHANGESET_KEPT_FOR)),
            body: Body::Changeset(ChangesetRow { at: self.at }),
        }
    }
}

/// A changeset took effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct Committed {
    /// The version of every row that the changeset wrote.
    pub version: Version,
}
