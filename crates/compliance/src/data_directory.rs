//! Everything in one directory of one machine: the embedded store, a local keyring and a journal.
//!
//! ```text
//! DIR/store/         the rows (see `wzapi-storage-embedded`)
//! DIR/keyring.json   the wrapping keys, mode 0600
//! DIR/journal        what a restored store must not forget (see `wzapi-ledger`)
//! ```
//!
//! Whoever has store and keyring has everything. Keep copies of the two apart, never restore the journal together with
//! the store, and give a production system a key management service instead ([`crate::encryption::KeyProvider`]).

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use wzapi_encryption::keyring::{KeyringOptions, Passphrase};
use wzapi_encryption::{EncryptionError, KeyProviderError, LocalKeyring};
use wzapi_ledger::LedgerError;
use wzapi_ledger::journal::{FileJournal, JournalError};
use wzapi_model::system::SystemEntropy;
use wzapi_storage_embedded::{EmbeddedStorage, Options};

use crate::builder::{Builder, Compliance};
use crate::error::Error;

/// The files that belong to a store and do not stand in it.
#[derive(Debug, Clone, Default)]
pub struct Files {
    /// The wrapping keys. A directory has a place for them; beside a database they have to be named.
    pub keyring: Option<PathBuf>,
    /// The passphrase of that file. A keyring that is made gets it; one that is there must be protected by it.
    pub keyring_passphrase: Option<Passphrase>,
    /// The journal ([`Builder::journal`]). A directory has a place for it; a database has none unless it is named.
    pub journal: Option<PathBuf>,
    /// Takes the journal for the store's own although it is missing, another one, or shorter than it was
    /// ([`Builder::adopt_journal`]).
    pub adopt_journal: bool,
}

impl Files {
    /// A keyring that is missing is made only where nothing is that the lost one might open.
    pub(crate) fn open_keyring(&self, path: &Path, may_create: bool) -> Result<LocalKeyring, Error> {
        let mut options = KeyringOptions::new(Arc::new(SystemEntropy::new()));
        if let Some(passphrase) = &self.keyring_passphrase {
            options = options.passphrase(passphrase.clone());
        }
        let keyring = if may_create { options.open_or_create(path) } else { options.open(path) };
        Ok(keyring.map_err(KeyProviderError::from).map_err(EncryptionError::from)?)
    }

    /// A journal that is missing is made only where nothing is that the lost one might tell of, or when it is adopted.
    pub(crate) fn open_journal(&self, path: &Path, may_create: bool) -> Result<FileJournal, Error> {
        let opened = if may_create || self.adopt_journal || path.exists() {
            FileJournal::open_or_create(path, &SystemEntropy::new())
        } else {
            let problem = "it is missing; put it back, or adopt a new one if it is lost";
            Err(JournalError::Unavailable(io::Error::new(io::ErrorKind::NotFound, problem)))
        };
        Ok(opened.map_err(LedgerError::from)?)
    }
}

/// Opens the directory, or makes it, and gives a builder with its store, its keys and its journal.
///
/// # Errors
/// [`Error::Storage`] when another process has it open, or it holds something else or a newer format;
/// [`Error::Encryption`] when the keyring cannot be used; [`Error::Ledger`] when the journal cannot.
pub fn open(directory: &Path, options: Options) -> Result<Builder, Error> {
    open_with(directory, &Files::default(), options)
}

/// As [`open`], with the keyring in a file of its own, such as on another disk.
///
/// # Errors
/// As [`open`].
pub fn open_with_keyring(directory: &Path, keyring: &Path, options: Options) -> Result<Builder, Error> {
    open_with(directory, &Files { keyring: Some(keyring.to_owned()), ..Files::default() }, options)
}

/// As [`open`], with files that stand elsewhere, such as on another disk.
///
/// # Errors
/// As [`open`].
pub fn open_with(directory: &Path, files: &Files, options: Options) -> Result<Builder, Error> {
    let store = store(directory);
    let keyring = files.keyring.clone().unwrap_or_else(|| directory.join("keyring.json"));
    let journal = files.journal.clone().unwrap_or_else(|| directory.join("journal"));
    let is_fresh = !store.exists();
    // Keyring and journal come first, so that a crash in between leaves no store without them.
    let keyring = files.open_keyring(&keyring, is_fresh)?;
    let journal = files.open_journal(&journal, is_fresh)?;
    let storage = EmbeddedStorage::open(store, options)?;
    let builder = Compliance::builder()
        .storage(Arc::new(storage))
        .key_provider(Arc::new(keyring))
        .journal(Arc::new(journal));
    Ok(if files.adopt_journal { builder.adopt_journal() } else { builder })
}

/// Where the rows are.
pub(crate) fn store(directory: &Path) -> PathBuf {
    directory.join("store")
}
