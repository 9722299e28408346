//! What can go wrong when records are stored, read or disposed of.

use wzapi_encryption::EncryptionError;
use wzapi_ledger::LedgerError;
use wzapi_model::entropy::EntropyError;
use wzapi_storage::StorageError;
use wzapi_storage::draft::NotLoaded;

use crate::decision::admission::Refusal;
use crate::decision::disposition::DisposalRefusal;
use crate::decision::reading::ReadRefusal;
use crate::record::RecordRef;

/// Why nothing was stored, changed, opened or disposed of. Nothing changed, except perhaps under
/// [`VaultError::UnknownOutcome`]; no text holds anything of a value or about a person.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The policy does not let it be stored. Another attempt is refused too.
    #[error("not stored: {0}")]
    Refused(Refusal),
    /// The record was not opened. The refusal is in the ledger.
    #[error("not read: {0}")]
    ReadRefused(ReadRefusal),
    /// The record was not disposed of.
    #[error("not disposed of: {0}")]
    DisposalRefused(DisposalRefusal),
    /// The controller knows no such person. Record an act or a message of theirs first.
    #[error("the controller knows no such person")]
    UnknownSubject,
    /// The person was erased: nothing about them is stored or changed any more.
    #[error("the person was erased")]
    Erased,
    /// The controller has no such record.
    #[error("the controller has no such record")]
    NotFound,
    /// The key of the value was destroyed, and the value with it; its rows are about to go.
    #[error("the value was destroyed with its key")]
    Destroyed,
    /// Others kept changing the same rows. Nothing was written; try again.
    #[error("the record kept changing; try again")]
    Busy,
    /// It is not known whether the change was written. Look the record up, where there is one, before trying again.
    #[error("the outcome of the change is not known; look before trying again")]
    UnknownOutcome {
        /// The record that may have been stored.
        record: Option<Box<RecordRef>>,
    },
    /// A bound of the interface was exceeded. Correct the call.
    #[error("the call is not valid: {0}")]
    Invalid(&'static str),
    /// A stored row contradicts another one, or itself. Restore from a backup.
    #[error("a stored record is damaged: {0}")]
    Damaged(&'static str),
    /// The ledger failed.
    #[error("the ledger failed")]
    Ledger(#[source] LedgerError),
    /// Keys failed, or the value was altered or moved.
    #[error("encryption failed")]
    Encryption(#[source] EncryptionError),
    /// The store failed.
    #[error("the store failed")]
    Storage(#[from] StorageError),
    /// Randomness failed.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// A mistake in the calling engine.
    #[error(transparent)]
    NotLoaded(#[from] NotLoaded),
}

impl From<Refusal> for VaultError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<EncryptionError> for VaultError {
    fn from(error: EncryptionError) -> Self {
        match error {
            EncryptionError::KeysChanged => Self::Busy,
            EncryptionError::KeyMissing => Self::Destroyed,
            EncryptionError::Storage(error) => Self::Storage(error),
            other => Self::Encryption(other),
        }
    }
}

impl From<LedgerError> for VaultError {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::Conflict => Self::Busy,
            LedgerError::UnknownOutcome => Self::UnknownOutcome { record: None },
            LedgerError::Encryption(error) => error.into(),
            other => Self::Ledger(other),
        }
    }
}
