//! What can go wrong in a store, by what the caller can do about it.

use crate::changeset::InvalidChangeset;
use crate::key::{Key, RowKind};

/// The cause underneath a storage error, from the engine that a backend stands on.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why a store did not do what it was asked.
///
/// No variant holds personal data: keys are made of random ids and blind indexes.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// Preconditions failed and nothing changed. Read the rows again, decide again, commit again.
    #[error("the changeset conflicts with a newer one on {} row(s); load the rows again and retry", failed.len())]
    Conflict {
        /// Every key whose precondition failed.
        failed: Vec<Key>,
    },
    /// It is not known whether the changeset was applied. A `get` of its `Key::Changeset` tells.
    #[error("the outcome of the commit is unknown; look its changeset id up before retrying")]
    UnknownOutcome {
        /// What happened underneath.
        #[source]
        cause: Cause,
    },
    /// The store cannot serve now, and nothing changed. Retry later.
    #[error("the store is unavailable; retry later")]
    Unavailable {
        /// What happened underneath.
        #[source]
        cause: Cause,
    },
    /// A stored row cannot be read. Restore it from a backup; do not overwrite it.
    #[error("a stored {kind} row cannot be read: {problem}")]
    Corrupt {
        /// The kind of the row.
        kind: RowKind,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The store is of another format. Use the version of the library that wrote it, or another directory.
    #[error("the store has format {found}; this library reads and writes format {supported}")]
    Format {
        /// What was found.
        found: String,
        /// What this library supports.
        supported: u32,
    },
    /// Another process has the store open. Stop it first; one process at a time opens it.
    #[error("the store is in use by another process; one process at a time may open it")]
    InUse,
    /// The caller broke a rule of the interface. Nothing changed; correct the program.
    #[error("the request is malformed")]
    Invalid(#[from] InvalidChangeset),
}

impl StorageError {
    /// An [`StorageError::Unavailable`] caused by `cause`.
    pub fn unavailable(cause: impl Into<Cause>) -> Self {
        Self::Unavailable { cause: cause.into() }
    }

    /// Whether the caller may load again and retry at once.
    #[must_use]
    pub const fn is_conflict(&self) -> bool {
        matches!(self, Self::Conflict { .. })
    }
}
