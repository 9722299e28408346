//! What can go wrong with the ledger.

use std::sync::Arc;

use wzapi_encryption::EncryptionError;
use wzapi_ledger_proof::ProofError;
use wzapi_model::entropy::EntropyError;
use wzapi_storage::StorageError;
use wzapi_storage::draft::NotLoaded;

/// Why a change was not recorded, or could not be looked up.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// Somebody else changed a row that the change depends on. Nothing was written: load again, decide again.
    #[error("the change was overtaken by another one; load the rows again and retry")]
    Conflict,
    /// It is not known whether the change was written. Look at the rows before trying again.
    #[error("the outcome of the change is not known; look before retrying")]
    UnknownOutcome,
    /// The store failed; nothing was written. One failure can concern several callers, hence the `Arc`.
    #[error("the store failed")]
    Storage(#[source] Arc<StorageError>),
    /// Keys failed; nothing was written.
    #[error("encryption failed")]
    Encryption(#[from] EncryptionError),
    /// The controller has no log: it was never registered.
    #[error("the controller has no log; register it first")]
    NoLog,
    /// The stored head of the log contradicts itself.
    #[error("the head of the log is damaged")]
    DamagedHead(#[source] ProofError),
    /// The log holds as many entries as it can.
    #[error("the log is full")]
    Full(#[source] ProofError),
    /// An event is not canonical: it holds a number that is not an integer below 2^53, or a key that is not ASCII.
    #[error("the event cannot be written canonically")]
    NotCanonical,
    /// Called outside of a tokio runtime.
    #[error("the ledger needs a tokio runtime")]
    NoRuntime,
    /// Randomness failed.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// A mistake in the calling engine.
    #[error(transparent)]
    NotLoaded(#[from] NotLoaded),
}

impl LedgerError {
    /// Whether the caller may load again and retry at once.
    #[must_use]
    pub const fn is_conflict(&self) -> bool {
        matches!(self, Self::Conflict)
    }
}

impl From<StorageError> for LedgerError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Conflict { .. } => Self::Conflict,
            StorageError::UnknownOutcome { .. } => Self::UnknownOutcome,
            other => Self::Storage(Arc::new(other)),
        }
    }
}
