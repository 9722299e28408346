//! What can go wrong with holds and sweeps.

use wzapi_encryption::EncryptionError;
use wzapi_ledger::LedgerError;
use wzapi_model::entropy::EntropyError;
use wzapi_storage::StorageError;
use wzapi_storage::draft::NotLoaded;
use wzapi_vault::VaultError;

/// Why nothing was done, or not all of it. What was committed before stays; doing it again goes on.
#[derive(Debug, thiserror::Error)]
pub enum RetentionError {
    /// Another worker sweeps this controller. Look again later.
    #[error("another worker is at it")]
    Leased,
    /// The lease ran out and another worker took over. What was done until then stands.
    #[error("another worker took over")]
    LeaseLost,
    /// Others kept changing the same rows. Try again.
    #[error("the rows kept changing; try again")]
    Busy,
    /// It is not known whether the change was made. Look before trying again.
    #[error("the outcome of the change is not known; look before trying again")]
    UnknownOutcome,
    /// The call misses something, or a bound is exceeded.
    #[error("the call is not valid: {0}")]
    Invalid(&'static str),
    /// There is no such hold in force.
    #[error("there is no such hold in force")]
    UnknownHold,
    /// Stored rows contradict each other. Restore from a backup.
    #[error("stored rows are damaged: {0}")]
    Damaged(&'static str),
    /// The vault failed.
    #[error("the vault failed")]
    Vault(#[source] VaultError),
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

impl From<VaultError> for RetentionError {
    fn from(error: VaultError) -> Self {
        match error {
            VaultError::Busy => Self::Busy,
            VaultError::UnknownOutcome { .. } => Self::UnknownOutcome,
            VaultError::Storage(error) => Self::Storage(error),
            other => Self::Vault(other),
        }
    }
}

impl From<EncryptionError> for RetentionError {
    fn from(error: EncryptionError) -> Self {
        match error {
            EncryptionError::KeysChanged => Self::Busy,
            EncryptionError::Storage(error) => Self::Storage(error),
            other => Self::Encryption(other),
        }
    }
}

impl From<LedgerError> for RetentionError {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::Conflict => Self::Busy,
            LedgerError::UnknownOutcome => Self::UnknownOutcome,
            LedgerError::Encryption(error) => error.into(),
            other => Self::Ledger(other),
        }
    }
}
