//! What can go wrong with keys and envelopes.

use wzapi_model::entropy::EntropyError;
use wzapi_model::ids::ControllerId;
use wzapi_storage::StorageError;
use wzapi_storage::draft::NotLoaded;
use wzapi_storage::key::Key;

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
    /// The controller's keys were rotated while this was under way. Nothing was done; begin again.
    #[error("the controller's keys were rotated meanwhile; begin again")]
    KeysChanged,
    /// One unwrapped data key sealed as many values as it may. Take a new one for more.
    #[error("a data key sealed as many values as it may at a time; take it anew")]
    Exhausted,
    /// The controller was never registered here.
    #[error("the controller is not registered; register it first")]
    UnknownController,
    /// The value is longer than an envelope may be.
    #[error("the value is too long to be sealed")]
    TooLong,
    /// Stored key material is malformed. Restore it from a backup.
    #[error("stored key material is malformed")]
    Corrupt,
    /// The wrapped key in this row was altered, or no key that lives wraps it. Nobody can open what it sealed. Restore the
    /// row from a backup, or remove it as when its owner is erased; rotations and exports go on after that.
    #[error("the wrapped key in a {} row does not open; restore the row or remove it", place.kind())]
    DamagedKey {
        /// Whose key it is.
        controller: ControllerId,
        /// Where it stands.
        place: Box<Key>,
    },
    /// The key provider refused or failed.
    #[error("the key provider failed")]
    Provider(#[from] KeyProviderError),
    /// The key export could not be written. Free space or choose another place.
    #[error("the key export could not be written")]
    Export(#[source] std::io::Error),
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
