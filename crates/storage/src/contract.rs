#![doc = include_str!("contract.md")]

use std::sync::Arc;

pub use async_trait::async_trait;
use wzapi_model::ids::ControllerId;

use crate::changeset::{Changeset, Committed};
use crate::error::StorageError;
use crate::key::Key;
use crate::query::{Page, Query};
use crate::row::Stored;

/// The text of this page, for the suite that holds a case for every sentence of it.
pub const TEXT: &str = include_str!("contract.md");

/// A transactional store of typed rows, each of which belongs to one controller.
///
/// Implementations are used concurrently from many tasks. The [module page](self) is the contract; the names in
/// it are those of the conformance cases.
#[async_trait]
pub trait Storage: Send + Sync {
    /// Reads rows of one controller by key: `get-order`, `get-snapshot`, `get-read-your-writes`,
    /// `get-duplicate-keys`. Callers ask for at most [`MAX_GET_KEYS`] keys.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`] when the store cannot answer now; [`StorageError::Corrupt`] when a stored
    /// row cannot be read; [`StorageError::Invalid`] beyond the bound.
    async fn get(&self, controller: ControllerId, keys: &[Key]) -> Result<Vec<Option<Stored>>, StorageError>;

    /// Reads a bounded page of rows of one controller: by prefix (`scan-prefix`, `scan-order`), by kind
    /// (`scan-kind`, `scan-kind-order`, `scan-kind-resume`) or by due time (`scan-due`), and always `scan-resume`,
    /// `scan-snapshot` and `scan-tenant`. Several pages of one scan need not come from one snapshot.
    ///
    /// # Errors
    /// As [`Storage::get`].
    async fn scan(&self, query: &Query) -> Result<Page, StorageError>;

    /// Applies a changeset: every sentence under "Writing" and "Durability". When it returns `Ok`, the
    /// changeset is durable (or acknowledged, for [`crate::Durability::Relaxed`]).
    ///
    /// Dropping the future does not say whether the changeset is applied; [`Key::Changeset`] does.
    ///
    /// # Errors
    /// [`StorageError::Conflict`] when preconditions failed: nothing changed. [`StorageError::Invalid`] when
    /// the changeset is malformed: nothing changed. [`StorageError::UnknownOutcome`] when the outcome is not
    /// known: settle it by a `get` of [`Key::Changeset`]. [`StorageError::Unavailable`] when the store refused
    /// before anything happened.
    async fn commit(&self, changeset: Changeset) -> Result<Committed, StorageError>;
}

/// The most keys that one [`Storage::get`] may ask for.
pub const MAX_GET_KEYS: usize = 4096;

#[async_trait]
impl<T: Storage + ?Sized> Storage for Arc<T> {
    async fn get(&self, controller: ControllerId, keys: &[Key]) -> Result<Vec<Option<Stored>>, StorageError> {
        (**self).get(controller, keys).await
    }

    async fn scan(&self, query: &Query) -> Result<Page, StorageError> {
        (**self).scan(query).await
    }

    async fn commit(&self, changeset: Changeset) -> Result<Committed, StorageError> {
        (**self).commit(changeset).await
    }
}
