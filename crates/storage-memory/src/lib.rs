//! A store in memory: the reference that other backends are compared with, and the quickest one to test on.
//!
//! It keeps encoded keys and values, as a store on disk does, so what cannot be encoded fails here too. Nothing
//! survives the process. Due scans and kind scans look at every row of their controller: right for tests, wrong for
//! production.
//!
//! ```
//! use std::sync::Arc;
//! use wzapi_storage::Storage;
//! use wzapi_storage_memory::MemoryStorage;
//!
//! let storage: Arc<dyn Storage> = Arc::new(MemoryStorage::new());
//! # let _ = storage;
//! ```

mod rows;

use std::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use async_trait::async_trait;
use wzapi_model::ids::ControllerId;
use wzapi_storage::changeset::InvalidChangeset;
use wzapi_storage::contract::MAX_GET_KEYS;
use wzapi_storage::query::{Page, Query};
use wzapi_storage::row::Stored;
use wzapi_storage::{Changeset, Committed, Key, Storage, StorageError};

use crate::rows::Rows;

/// A [`Storage`] in memory. Clones of an `Arc` around it are the same store; a new one is empty.
#[derive(Default)]
pub struct MemoryStorage {
    rows: RwLock<Rows>,
}

impl MemoryStorage {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many rows are stored, over all controllers and with the records of changesets.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`] when a thread panicked while it changed the store.
    pub fn row_count(&self) -> Result<usize, StorageError> {
        Ok(self.read()?.len())
    }

    fn read(&self) -> Result<RwLockReadGuard<'_, Rows>, StorageError> {
        self.rows.read().map_err(|_| poisoned())
    }

    fn write(&self) -> Result<RwLockWriteGuard<'_, Rows>, StorageError> {
        self.rows.write().map_err(|_| poisoned())
    }
}

fn poisoned() -> StorageError {
    StorageError::unavailable("a thread panicked while it changed the store")
}

impl std::fmt::Debug for MemoryStorage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryStorage").finish_non_exhaustive()
    }
}

#[async_trait]
impl Storage for MemoryStorage {
    async fn get(&self, controller: ControllerId, keys: &[Key]) -> Result<Vec<Option<Stored>>, StorageError> {
        if keys.len() > MAX_GET_KEYS {
            return Err(InvalidChangeset::TooManyRows.into());
        }
        let rows = self.read()?;
        keys.iter().map(|key| rows.get(controller, key)).collect()
    }

    async fn scan(&self, query: &Query) -> Result<Page, StorageError> {
        query.validate()?;
        self.read()?.scan(query)
    }

    async fn commit(&self, changeset: Changeset) -> Result<Committed, StorageError> {
        changeset.validate()?;
        self.write()?.commit(&changeset)
    }
}
