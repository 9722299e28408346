//! What can go wrong when consent is recorded or asked about.

use wzapi_encryption::EncryptionError;
use wzapi_ledger::LedgerError;
use wzapi_model::entropy::EntropyError;
use wzapi_storage::StorageError;
use wzapi_storage::draft::NotLoaded;

/// Why nothing was recorded, or no decision was made. In every case: nothing may be sent, and nothing changed,
/// except under [`ConsentError::UnknownOutcome`].
#[derive(Debug, thiserror::Error)]
pub enum ConsentError {
    /// Others kept changing the same person. Nothing was written; try again.
    #[error("the person's record kept changing; try again")]
    Busy,
    /// It is not known whether the change was written. Recording the act again is safe when it has a source; without
    /// one, and without a date, a second grant would be a later one.
    #[error("the outcome of the change is not known; recording an act with a source again is safe")]
    UnknownOutcome,
    /// An act misses something, or a bound is exceeded.
    #[error("the act cannot be recorded: {0}")]
    InvalidAct(&'static str),
    /// No grant of that scope waits to be confirmed.
    #[error("no grant of that scope waits to be confirmed")]
    NothingToConfirm,
    /// The time in which the policy lets a grant be confirmed is over. Ask the person anew.
    #[error("the time to confirm is over; ask the person anew")]
    ConfirmedTooLate,
    /// Nothing of that name waits for a decision; perhaps it was decided already.
    #[error("nothing of that name waits for a decision")]
    NothingWaits,
    /// An earlier message of the same person waits. Decide about that one first.
    #[error("an earlier message of the same person waits; decide about that one first")]
    EarlierDoubt,
    /// The person goes by more identifiers than one record holds.
    #[error("a person cannot have more than {0} identifiers")]
    TooManyIdentifiers(usize),
    /// Too many people would be linked with each other.
    #[error("no more than {0} people can be linked with each other")]
    TooManyLinks(usize),
    /// A stored row contradicts another one. Restore from a backup; do not send.
    #[error("stored consent is damaged: {0}")]
    Damaged(&'static str),
    /// The ledger failed.
    #[error("the ledger failed")]
    Ledger(#[source] LedgerError),
    /// Keys failed.
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

impl From<EncryptionError> for ConsentError {
    fn from(error: EncryptionError) -> Self {
        match error {
            EncryptionError::KeysChanged => Self::Busy,
            other => Self::Encryption(other),
        }
    }
}

impl From<LedgerError> for ConsentError {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::Conflict => Self::Busy,
            LedgerError::UnknownOutcome => Self::UnknownOutcome,
            other => Self::Ledger(other),
        }
    }
}
