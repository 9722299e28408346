//! What can go wrong with the ledger.

use std::sync::Arc;

use wzapi_encryption::EncryptionError;
use wzapi_ledger_proof::ProofError;
use wzapi_ledger_proof::checkpoint::CheckpointError;
use wzapi_ledger_proof::handover::HandoverError;
use wzapi_ledger_proof::signed_note::NoteError;
use wzapi_ledger_proof::tiles::TileError;
use wzapi_model::entropy::EntropyError;
use wzapi_model::ids::EntryId;
use wzapi_storage::StorageError;
use wzapi_storage::draft::NotLoaded;

use crate::journal::JournalError;

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
    Encryption(#[source] EncryptionError),
    /// The controller has no log: it was never registered.
    #[error("the controller has no log; register it first")]
    NoLog,
    /// The stored head of the log contradicts itself.
    #[error("the head of the log is damaged")]
    DamagedHead(#[source] ProofError),
    /// What is stored contradicts itself, or a checkpoint that was signed before. Nothing was signed; verify the log.
    #[error("the stored log contradicts itself or what it signed before; verify it")]
    Contradiction,
    /// The stored signing key of the log is damaged.
    #[error("the signing key of the log is damaged")]
    DamagedKey,
    /// A note, a key or a statement could not be made or read.
    #[error("the log's notes cannot be made or read")]
    Note(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A proof could not be built.
    #[error("the proof cannot be built")]
    Proof(#[source] ProofError),
    /// A checkpoint to compare with is of another controller's log.
    #[error("the checkpoint is of no log of this controller")]
    UnknownLog,
    /// There is no such entry.
    #[error("the log has no such entry")]
    NoSuchEntry,
    /// The body of the entry was erased, so that there is nothing to disclose.
    #[error("the body of the entry was erased; entry {certificate} certifies it")]
    Erased {
        /// The certificate.
        certificate: EntryId,
    },
    /// The journal failed. Nothing was signed.
    #[error("the journal failed")]
    Journal(#[from] JournalError),
    /// The journal is not the one that the store follows, it is shorter than it was, or there is none although the store
    /// had one. Nothing was signed. Put the right one back; if it is lost for good, adopt another one.
    #[error(
        "the journal is not the one of this store, or was cut; put the right one back, or adopt this one"
    )]
    OtherJournal,
    /// The journal was not followed since the store was opened, or the store was replaced by an older one since. Nothing was
    /// signed. Open the store anew.
    #[error("the journal was not followed since the store was opened, or replaced; open it anew")]
    NotFollowed,
    /// More shards than a log can have.
    #[error("a log has at most 256 shards")]
    TooManyShards,
    /// The files of an export could not be written.
    #[error("the export could not be written")]
    Export(#[source] std::io::Error),
    /// There are the files of another log, or of a tree that this log does not continue. Export to another place.
    #[error("there are the files of another log; export to another place")]
    ExportOfAnotherLog,
    /// The log holds as many entries as it can.
    #[error("the log is full")]
    Full(#[source] ProofError),
    /// An event is not canonical: it holds a number that is not an integer below 2^53 or a key that is not ASCII, or it is
    /// longer or nested deeper than a proof may be ([`crate::proof::canonical`]).
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

impl From<EncryptionError> for LedgerError {
    fn from(error: EncryptionError) -> Self {
        match error {
            // The keys are rows too, and somebody else changed them.
            EncryptionError::KeysChanged => Self::Conflict,
            other => Self::Encryption(other),
        }
    }
}

impl From<NoteError> for LedgerError {
    fn from(error: NoteError) -> Self {
        Self::Note(error.into())
    }
}

impl From<CheckpointError> for LedgerError {
    fn from(error: CheckpointError) -> Self {
        Self::Note(error.into())
    }
}

impl From<HandoverError> for LedgerError {
    fn from(error: HandoverError) -> Self {
        Self::Note(error.into())
    }
}

impl From<TileError> for LedgerError {
    fn from(_: TileError) -> Self {
        // Tiles are made from what is stored: one that does not fit was altered.
        Self::Contradiction
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
