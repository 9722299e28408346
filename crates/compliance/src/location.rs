//! Where the data is, as an operator writes it: a directory, or the address of a database.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use wzapi_model::ids::ControllerId;
use wzapi_storage::compaction::Compacted;
use wzapi_storage::key::Key;
use wzapi_storage::{Storage as _, StorageError};
use wzapi_storage_embedded::{EmbeddedStorage, Options};
use wzapi_storage_postgres::{Config, PostgresStorage};

use crate::builder::{Builder, Compliance};
use crate::data_directory::{self, Files};
use crate::error::Error;

/// A directory of this machine, or a `postgres://` address.
///
/// ```
/// use wzapi_compliance::location::Location;
///
/// assert!(matches!(Location::from("data"), Location::Directory(_)));
/// let database = Location::from("postgres://app:secret@db.example/compliance");
/// assert!(!format!("{database:?}").contains("secret"));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub enum Location {
    /// The embedded store and its keyring, as [`data_directory`] lays them out.
    Directory(PathBuf),
    /// A database. The address may hold a password, and is never shown.
    Postgres(String),
}

impl From<&str> for Location {
    /// Whatever does not begin with `postgres://` or `postgresql://` is a directory.
    fn from(text: &str) -> Self {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            Self::Postgres(text.to_owned())
        } else {
            Self::Directory(PathBuf::from(text))
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(directory) => directory.display().fmt(f),
            Self::Postgres(_) => f.write_str("the database"),
        }
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Location({self})")
    }
}

impl Location {
    /// Opens the store and the keyring there, and gives a builder with both. The tables of a database are made when
    /// they are missing.
    ///
    /// `keyring` is where the wrapping keys are. A directory has a place for them; beside a database they stand in a
    /// file that has to be named.
    ///
    /// # Errors
    /// As [`Location::open_with`].
    pub async fn open(&self, keyring: Option<&Path>) -> Result<Builder, Error> {
        self.open_with(&Files { keyring: keyring.map(Path::to_owned), ..Files::default() }).await
    }

    /// As [`Location::open`], with files that stand elsewhere. A directory has a journal; a database has one when it is
    /// named, and then every process that opens the database must name the same one.
    ///
    /// # Errors
    /// [`Error::Incomplete`] for a database without a keyring; [`Error::Storage`], [`Error::Encryption`] and
    /// [`Error::Ledger`] when store, keyring or journal cannot be opened.
    pub async fn open_with(&self, files: &Files) -> Result<Builder, Error> {
        let address = match self {
            Self::Directory(directory) => {
                return data_directory::open_with(directory, files, Options::default());
            }
            Self::Postgres(address) => address,
        };
        let keyring =
            files.keyring.as_deref().ok_or(Error::Incomplete("a keyring file beside a database"))?;
        let storage = connect(address).await?;
        let rows = storage.get(ControllerId::SYSTEM, &[Key::Controller, Key::JournalPosition]).await?;
        let is_there = |place: usize| rows.get(place).is_some_and(Option::is_some);
        let keyring = files.open_keyring(keyring, !is_there(0))?;
        let mut builder = Compliance::builder().storage(Arc::new(storage)).key_provider(Arc::new(keyring));
        if let Some(journal) = &files.journal {
            builder = builder.journal(Arc::new(files.open_journal(journal, !is_there(1))?));
        }
        Ok(if files.adopt_journal { builder.adopt_journal() } else { builder })
    }

    /// Has the engine rewrite its files without what was deleted, and answers how much they take up. It looks at no row
    /// and needs no keys; erasure does not rest on it. See [`EmbeddedStorage::compact`] and [`PostgresStorage::compact`].
    ///
    /// # Errors
    /// [`Error::Storage`] when there is no store, another process has the directory open, or the engine fails.
    pub async fn compact(&self) -> Result<Compacted, Error> {
        match self {
            Self::Directory(directory) => {
                let store = data_directory::store(directory);
                if !store.exists() {
                    return Err(StorageError::unavailable("there is no store in the directory").into());
                }
                Ok(EmbeddedStorage::open(store, Options::default())?.compact().await?)
            }
            Self::Postgres(address) => Ok(connect(address).await?.compact().await?),
        }
    }
}

async fn connect(address: &str) -> Result<PostgresStorage, Error> {
    let config = Config::from_url(address).map_err(|error| Error::Address(error.into()))?;
    Ok(PostgresStorage::connect(&config).await?)
}
