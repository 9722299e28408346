//! Where the data is, as an operator writes it: a directory, or the address of a database.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use wzapi_encryption::{EncryptionError, LocalKeyring};
use wzapi_model::system::SystemEntropy;
use wzapi_storage_embedded::Options;
use wzapi_storage_postgres::{Config, PostgresStorage};

use crate::builder::{Builder, Compliance};
use crate::data_directory;
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
    /// [`Error::Incomplete`] for a database without a keyring; [`Error::Storage`] and [`Error::Encryption`] when
    /// either cannot be opened.
    pub async fn open(&self, keyring: Option<&Path>) -> Result<Builder, Error> {
        match (self, keyring) {
            (Self::Directory(directory), None) => data_directory::open(directory, Options::default()),
            (Self::Directory(directory), Some(keyring)) => {
                data_directory::open_with_keyring(directory, keyring, Options::default())
            }
            (Self::Postgres(_), None) => Err(Error::Incomplete("a keyring file beside a database")),
            (Self::Postgres(address), Some(keyring)) => {
                let keyring = LocalKeyring::open_or_create(keyring, Arc::new(SystemEntropy::new()))
                    .map_err(EncryptionError::from)?;
                let config = Config::from_url(address).map_err(|error| Error::Address(error.into()))?;
                let storage = PostgresStorage::connect(&config).await?;
                Ok(Compliance::builder().storage(Arc::new(storage)).key_provider(Arc::new(keyring)))
            }
        }
    }
}
