//! Stores and journals that are killed, that fail, and that count.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use tokio::sync::Notify;
use wzapi_ledger::journal::{Journal, JournalError, JournalId, JournalRecord};
use wzapi_model::ids::ControllerId;
use wzapi_storage::query::{Page, Query};
use wzapi_storage::row::Stored;
use wzapi_storage::{Changeset, Committed, Key, Storage, StorageError};

/// Where a process is killed: at one call of its store or its journal, counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kill {
    pub(crate) call: u64,
    /// Once the call has taken effect, but before its answer arrives.
    pub(crate) after: bool,
}

/// Counts the calls of one process, and kills it at one of them.
pub(crate) struct Executioner {
    calls: AtomicU64,
    kill: Option<Kill>,
    killed: Notify,
}

impl Executioner {
    pub(crate) fn new(kill: Option<Kill>) -> Arc<Self> {
        Arc::new(Self { calls: AtomicU64::new(0), kill, killed: Notify::new() })
    }

    pub(crate) fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }

    /// Ends when the process is killed.
    pub(crate) async fn killed(&self) {
        self.killed.notified().await;
    }

    /// Whether this call is the last one.
    fn draw(&self) -> Option<Kill> {
        let call = self.calls.fetch_add(1, Ordering::SeqCst);
        self.kill.filter(|kill| kill.call == call)
    }

    async fn strike(&self) {
        self.killed.notify_one();
        std::future::pending().await
    }

    async fn around<T>(&self, call: impl Future<Output = T>) -> T {
        let kill = self.draw();
        if kill.is_some_and(|kill| !kill.after) {
            self.strike().await;
        }
        let outcome = call.await;
        if kill.is_some() {
            self.strike().await;
        }
        outcome
    }
}

/// A store or a journal of a process that may be killed.
pub(crate) struct Mortal<T> {
    pub(crate) inner: T,
    pub(crate) executioner: Arc<Executioner>,
}

#[async_trait]
impl Storage for Mortal<Arc<dyn Storage>> {
    async fn get(&self, controller: ControllerId, keys: &[Key]) -> Result<Vec<Option<Stored>>, StorageError> {
        self.executioner.around(self.inner.get(controller, keys)).await
    }

    async fn scan(&self, query: &Query) -> Result<Page, StorageError> {
        self.executioner.around(self.inner.scan(query)).await
    }

    async fn commit(&self, changeset: Changeset) -> Result<Committed, StorageError> {
        self.executioner.around(self.inner.commit(changeset)).await
    }
}

#[async_trait]
impl Journal for Mortal<Arc<dyn Journal>> {
    async fn id(&self) -> Result<JournalId, JournalError> {
        self.inner.id().await
    }

    async fn append(&self, record: &JournalRecord) -> Result<(), JournalError> {
        self.executioner.around(self.inner.append(record)).await
    }

    async fn read(&self, from: u64, limit: usize) -> Result<Vec<JournalRecord>, JournalError> {
        self.inner.read(from, limit).await
    }

    async fn len(&self) -> Result<u64, JournalError> {
        self.inner.len().await
    }
}

/// A journal in memory. One append can be made to fail, before or after it took effect.
pub(crate) struct MemoryJournal {
    id: JournalId,
    records: Mutex<Vec<JournalRecord>>,
    appends: AtomicU64,
    fails_at: Option<Kill>,
}

impl MemoryJournal {
    pub(crate) fn new() -> Arc<Self> {
        Self::failing(None)
    }

    pub(crate) fn failing(fails_at: Option<Kill>) -> Arc<Self> {
        Arc::new(Self { id: [7; 16], records: Mutex::default(), appends: AtomicU64::new(0), fails_at })
    }

    pub(crate) fn records(&self) -> Vec<JournalRecord> {
        self.records.lock().unwrap().clone()
    }
}

#[async_trait]
impl Journal for MemoryJournal {
    async fn id(&self) -> Result<JournalId, JournalError> {
        Ok(self.id)
    }

    async fn append(&self, record: &JournalRecord) -> Result<(), JournalError> {
        let call = self.appends.fetch_add(1, Ordering::SeqCst);
        let failure = self.fails_at.filter(|kill| kill.call == call);
        if failure.is_none_or(|kill| kill.after) {
            self.records.lock().unwrap().push(record.clone());
        }
        match failure {
            Some(_) => Err(JournalError::Unavailable(std::io::Error::other("the disk is full"))),
            None => Ok(()),
        }
    }

    async fn read(&self, from: u64, limit: usize) -> Result<Vec<JournalRecord>, JournalError> {
        let from = usize::try_from(from).unwrap();
        Ok(self.records.lock().unwrap().iter().skip(from).take(limit).cloned().collect())
    }

    async fn len(&self) -> Result<u64, JournalError> {
        Ok(self.records.lock().unwrap().len() as u64)
    }
}

/// Counts what a store is asked, and how much it answers at a time.
pub(crate) struct Counting {
    inner: Arc<dyn Storage>,
    /// Rows of the largest answer.
    pub(crate) largest: AtomicUsize,
    /// Rows of all answers.
    pub(crate) rows: AtomicUsize,
    pub(crate) commits: AtomicUsize,
}

impl Counting {
    pub(crate) fn new(inner: Arc<dyn Storage>) -> Arc<Self> {
        let (largest, rows, commits) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
        Arc::new(Self { inner, largest, rows, commits })
    }

    fn count(&self, rows: usize) {
        self.largest.fetch_max(rows, Ordering::SeqCst);
        self.rows.fetch_add(rows, Ordering::SeqCst);
    }
}

#[async_trait]
impl Storage for Counting {
    async fn get(&self, controller: ControllerId, keys: &[Key]) -> Result<Vec<Option<Stored>>, StorageError> {
        let rows = self.inner.get(controller, keys).await?;
        self.count(rows.iter().flatten().count());
        Ok(rows)
    }

    async fn scan(&self, query: &Query) -> Result<Page, StorageError> {
        let page = self.inner.scan(query).await?;
        self.count(page.rows.len());
        Ok(page)
    }

    async fn commit(&self, changeset: Changeset) -> Result<Committed, StorageError> {
        self.commits.fetch_add(1, Ordering::SeqCst);
        self.inner.commit(changeset).await
    }
}

/// A store in whose place another one can be put.
pub(crate) struct Replaceable(Mutex<Arc<dyn Storage>>);

impl Replaceable {
    pub(crate) fn new(storage: Arc<dyn Storage>) -> Arc<Self> {
        Arc::new(Self(Mutex::new(storage)))
    }

    pub(crate) fn replace(&self, storage: Arc<dyn Storage>) {
        *self.0.lock().unwrap() = storage;
    }

    fn current(&self) -> Arc<dyn Storage> {
        self.0.lock().unwrap().clone()
    }
}

#[async_trait]
impl Storage for Replaceable {
    async fn get(&self, controller: ControllerId, keys: &[Key]) -> Result<Vec<Option<Stored>>, StorageError> {
        self.current().get(controller, keys).await
    }

    async fn scan(&self, query: &Query) -> Result<Page, StorageError> {
        self.current().scan(query).await
    }

    async fn commit(&self, changeset: Changeset) -> Result<Committed, StorageError> {
        self.current().commit(changeset).await
    }
}

/// What happens between two calls of a store.
pub(crate) type Happening = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

/// A store at one of whose calls, counted from 0 once it is armed, something happens first.
pub(crate) struct Interrupted {
    inner: Arc<dyn Storage>,
    calls: AtomicU64,
    happening: Mutex<Option<(u64, Happening)>>,
}

impl Interrupted {
    pub(crate) fn new(inner: Arc<dyn Storage>) -> Arc<Self> {
        Arc::new(Self { inner, calls: AtomicU64::new(0), happening: Mutex::default() })
    }

    pub(crate) fn arm(&self, call: u64, happening: Happening) {
        self.calls.store(0, Ordering::SeqCst);
        *self.happening.lock().unwrap() = Some((call, happening));
    }

    /// The store without interruptions.
    pub(crate) fn inner(&self) -> Arc<dyn Storage> {
        self.inner.clone()
    }

    /// Whether it has happened.
    pub(crate) fn has_struck(&self) -> bool {
        self.happening.lock().unwrap().is_none()
    }

    async fn interrupt(&self) {
        let call = self.calls.fetch_add(1, Ordering::SeqCst);
        let happening = self.happening.lock().unwrap().take_if(|(at, _)| *at == call);
        if let Some((_, happening)) = happening {
            happening.await;
        }
    }
}

#[async_trait]
impl Storage for Interrupted {
    async fn get(&self, controller: ControllerId, keys: &[Key]) -> Result<Vec<Option<Stored>>, StorageError> {
        self.interrupt().await;
        self.inner.get(controller, keys).await
    }

    async fn scan(&self, query: &Query) -> Result<Page, StorageError> {
        self.interrupt().await;
        self.inner.scan(query).await
    }

    async fn commit(&self, changeset: Changeset) -> Result<Committed, StorageError> {
        self.interrupt().await;
        self.inner.commit(changeset).await
    }
}
