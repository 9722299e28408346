//! How a store plugs in.

use std::sync::Arc;

use async_trait::async_trait;
use wzapi_storage::Storage;

/// A store could not be made or opened, whatever the reason.
pub type SetupError = Box<dyn std::error::Error + Send + Sync>;

/// Makes stores for the suite, each case one of its own.
#[async_trait]
pub trait Backend: Send + Sync {
    /// A store that is open and empty, and that nobody else uses.
    ///
    /// # Errors
    /// Whatever went wrong; the case that asked counts as broken.
    async fn fresh(&self) -> Result<Box<dyn OpenStore>, SetupError>;
}

/// An open store, and what must live as long as it does: a temporary directory, a schema, a container.
#[async_trait]
pub trait OpenStore: Send + Sync {
    /// The store.
    fn storage(&self) -> Arc<dyn Storage>;

    /// Closes the store and opens it again. The suite has dropped everything that it got from
    /// [`OpenStore::storage`] by then. A store that forgets everything when it is closed keeps this as it is.
    ///
    /// # Errors
    /// Whatever went wrong; the case that asked counts as broken.
    async fn reopen(self: Box<Self>) -> Result<Reopened, SetupError> {
        Ok(Reopened::Volatile)
    }
}

/// What closing and opening again led to.
pub enum Reopened {
    /// The store, as it was left.
    Open(Box<dyn OpenStore>),
    /// The store keeps nothing, by design; cases about durability do not apply to it.
    Volatile,
}

impl std::fmt::Debug for Reopened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Open(_) => "Open",
            Self::Volatile => "Volatile",
        })
    }
}
