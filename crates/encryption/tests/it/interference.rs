//! Stores at which a process dies, or waits until others have done something.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use async_trait::async_trait;
use tokio::sync::Notify;
use wzapi_model::ids::ControllerId;
use wzapi_storage::query::{Page, Query};
use wzapi_storage::row::Stored;
use wzapi_storage::{Changeset, Committed, Key, Storage, StorageError};

/// When a process dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Death {
    /// Before its commit of this number, from 1, does anything.
    Before(u64),
    /// After it took effect, and before the process learns of it.
    After(u64),
}

/// A store at which a process dies at one of its commits; from then on nothing of it gets through.
pub(crate) struct Mortal {
    inner: Arc<dyn Storage>,
    death: Option<Death>,
    commits: AtomicU64,
    is_dead: AtomicBool,
}

impl Mortal {
    pub(crate) fn new(inner: Arc<dyn Storage>, death: Option<Death>) -> Arc<Self> {
        Arc::new(Self { inner, death, commits: AtomicU64::new(0), is_dead: AtomicBool::new(false) })
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.is_dead.load(Ordering::SeqCst)
    }

    fn admit(&self) -> Result<(), StorageError> {
        if self.is_dead() { Err(StorageError::unavailable("the process is dead")) } else { Ok(()) }
    }
}

#[async_trait]
impl Storage for Mortal {
    async fn get(&self, controller: ControllerId, keys: &[Key]) -> Result<Vec<Option<Stored>>, StorageError> {
        self.admit()?;
        self.inner.get(controller, keys).await
    }

    async fn scan(&self, query: &Query) -> Result<Page, StorageError> {
        self.admit()?;
        self.inner.scan(query).await
    }

    async fn commit(&self, changeset: Changeset) -> Result<Committed, StorageError> {
        self.admit()?;
        let number = self.commits.fetch_add(1, Ordering::SeqCst) + 1;
        if self.death == Some(Death::Before(number)) {
            self.is_dead.store(true, Ordering::SeqCst);
            self.admit()?;
        }
        let outcome = self.inner.commit(changeset).await;
        if self.death == Some(Death::After(number)) {
            self.is_dead.store(true, Ordering::SeqCst);
            self.admit()?;
        }
        outcome
    }
}

/// A call of a process.
pub(crate) enum Call<'a> {
    Get(&'a [Key]),
    Scan(&'a Query),
    Commit(&'a Changeset),
}

type Condition = Box<dyn Fn(&Call<'_>) -> bool + Send + Sync>;

/// A store at which a process waits, once, before the first call of a sort, until it is let go.
pub(crate) struct Gate {
    inner: Arc<dyn Storage>,
    is_it: Condition,
    was_there: AtomicBool,
    arrived: Notify,
    go: Notify,
}

impl Gate {
    pub(crate) fn before(
        inner: Arc<dyn Storage>,
        is_it: impl Fn(&Call<'_>) -> bool + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            inner,
            is_it: Box::new(is_it),
            was_there: AtomicBool::new(false),
            arrived: Notify::new(),
            go: Notify::new(),
        })
    }

    /// Waits until the process is there.
    pub(crate) async fn arrived(&self) {
        self.arrived.notified().await;
    }

    /// Lets it go on.
    pub(crate) fn open(&self) {
        self.go.notify_one();
    }

    async fn pass(&self, call: Call<'_>) {
        if (self.is_it)(&call) && !self.was_there.swap(true, Ordering::SeqCst) {
            self.arrived.notify_one();
            self.go.notified().await;
        }
    }
}

#[async_trait]
impl Storage for Gate {
    async fn get(&self, controller: ControllerId, keys: &[Key]) -> Result<Vec<Option<Stored>>, StorageError> {
        self.pass(Call::Get(keys)).await;
        self.inner.get(controller, keys).await
    }

    async fn scan(&self, query: &Query) -> Result<Page, StorageError> {
        self.pass(Call::Scan(query)).await;
        self.inner.scan(query).await
    }

    async fn commit(&self, changeset: Changeset) -> Result<Committed, StorageError> {
        self.pass(Call::Commit(&changeset)).await;
        self.inner.commit(changeset).await
    }
}

/// A store at which the first changesets of a sort conflict, as if somebody had been faster with one of their rows.
pub(crate) struct Contended {
    inner: Arc<dyn Storage>,
    is_it: Box<dyn Fn(&Changeset) -> bool + Send + Sync>,
    conflicts_left: AtomicU64,
}

impl Contended {
    pub(crate) fn first(
        conflicts: u64,
        inner: Arc<dyn Storage>,
        is_it: impl Fn(&Changeset) -> bool + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self { inner, is_it: Box::new(is_it), conflicts_left: AtomicU64::new(conflicts) })
    }
}

#[async_trait]
impl Storage for Contended {
    async fn get(&self, controller: ControllerId, keys: &[Key]) -> Result<Vec<Option<Stored>>, StorageError> {
        self.inner.get(controller, keys).await
    }

    async fn scan(&self, query: &Query) -> Result<Page, StorageError> {
        self.inner.scan(query).await
    }

    async fn commit(&self, changeset: Changeset) -> Result<Committed, StorageError> {
        let is_one_less = |left: u64| left.checked_sub(1);
        if (self.is_it)(&changeset)
            && self.conflicts_left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, is_one_less).is_ok()
        {
            let failed = changeset.preconditions.into_iter().take(1).map(|(key, _)| key).collect();
            return Err(StorageError::Conflict { failed });
        }
        self.inner.commit(changeset).await
    }
}
