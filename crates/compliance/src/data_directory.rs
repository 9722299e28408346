//! Everything in one directory of one machine: the embedded store and a local keyring.
//!
//! ```text
//! DIR/store/         the rows (see `wzapi-storage-embedded`)
//! DIR/keyring.json   the wrapping keys, mode 0600
//! ```
//!
//! Whoever has both has everything. Keep copies of the two apart, and give a production system a key management
//! service instead ([`crate::encryption::KeyProvider`]).

use std::path::Path;
use std::sync::Arc;

use wzapi_encryption::{EncryptionError, KeyProviderError, LocalKeyring};
use wzapi_model::system::SystemEntropy;
use wzapi_storage_embedded::{EmbeddedStorage, Options};

use crate::builder::{Builder, Compliance};
use crate::error::Error;

/// Opens the directory, or makes it, and gives a builder with its store and its keys.
///
/// # Errors
/// [`Error::Storage`] when another process has it open, or it holds something else or a newer format;
/// [`Error::Encryption`] when the keyring cannot be used.
pub fn open(directory: &Path, options: Options) -> Result<Builder, Error> {
    open_with_keyring(directory, &directory.join("keyring.json"), options)
}

/// As [`open`], with the keyring in a file of its own, such as on another disk.
///
/// # Errors
/// As [`open`].
pub fn open_with_keyring(directory: &Path, keyring: &Path, options: Options) -> Result<Builder, Error> {
    let store = directory.join("store");
    if store.exists() && !keyring.exists() {
        let problem = "it is missing beside an existing store; put it back, a new one opens nothing";
        return Err(EncryptionError::from(KeyProviderError::Unusable(problem)).into());
    }
    // The keyring comes first, so that a crash in between leaves no store without one.
    let keyring = LocalKeyring::open_or_create(keyring, Arc::new(SystemEntropy::new()))
        .map_err(EncryptionError::from)?;
    let storage = EmbeddedStorage::open(store, options)?;
    Ok(Compliance::builder().storage(Arc::new(storage)).key_provider(Arc::new(keyring)))
}
