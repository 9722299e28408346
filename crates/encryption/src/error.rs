//! What can go wrong with keys and envelopes.

use wzapi_model::entropy::EntropyError;
use wzapi_storage::StorageError;
use wzapi_storage::draft::NotLoaded;

use crate::provider::KeyProviderError;

/// Why something could not be sealed or opened. No variant tells more about a ciphertext than that.
#[derive(Debug, thiserror::Error)]
pub enum EncryptionError {
    /// The value was altered, moved to another place, or sealed under another key. It stays closed.
    #[error("the sealed value does not authenticate in this place")]
    Authentication,
    /// The key that sealed the value is not there: it was destroyed, and the value with it.
    #[error("the data key of this value does not exist any more")]
    KeyMissing,
    /// The controller was never registered here.
    #[error("the controller is not registered; register it first")]
    UnknownController,
    /// The value is longer than an envelope may be.
    #[error("the value is too long to be sealed")]
    TooLong,
    /// Stored key material is malformed. Restore it from a backup.
    #[error("stored key material is malformed")]
    Corrupt,
    /// The key provider refused or failed.
    #[error("the key provider failed")]
    Provider(#[from] KeyProviderError),
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
