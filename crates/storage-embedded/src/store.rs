//! The store itself.

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use async_trait::async_trait;
use tokio::sync::mpsc;
use wzapi_model::ids::ControllerId;
use wzapi_storage::changeset::InvalidChangeset;
use wzapi_storage::compaction::Compacted;
use wzapi_storage::contract::MAX_GET_KEYS;
use wzapi_storage::query::{Page, Query};
use wzapi_storage::row::Stored;
use wzapi_storage::{Changeset, Committed, Key, Storage, StorageError};

use crate::compaction::Compactor;
use crate::directory::Directory;
use crate::engine::Engine;
use crate::prepared::Prepared;
use crate::read;
use crate::writer::{Counters, Request, Stats, Stopped, Writer, submit};

/// How much a store may take up. Every bound is raised to at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Memory for recently read blocks, in bytes. Give it a fifth of the machine, or the whole of the data.
    pub cache_bytes: u64,
    /// How many commits may wait for the writer; further callers wait for a slot.
    pub queue_len: usize,
    /// How many changesets are written, and synced, as one batch at most.
    pub max_batch: usize,
    /// A batch takes no further changeset once it has so many bytes.
    pub max_batch_bytes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            cache_bytes: 64 * 1024 * 1024,
            queue_len: 256,
            max_batch: 256,
            max_batch_bytes: 4 * 1024 * 1024,
        }
    }
}

/// The longest queue that may be asked for.
const MAX_QUEUE_LEN: usize = 1 << 16;

impl Options {
    fn bounded(self) -> Self {
        Self {
            cache_bytes: self.cache_bytes.max(1),
            queue_len: self.queue_len.clamp(1, MAX_QUEUE_LEN),
            max_batch: self.max_batch.clamp(1, MAX_QUEUE_LEN),
            max_batch_bytes: self.max_batch_bytes.max(1),
        }
    }
}

/// A [`Storage`] in a directory of this machine. Clones are the same store.
///
/// **Durability.** A durable commit returns after the engine wrote the changeset to its journal and synced the
/// file (`fsync`); only then do readers see it. Relaxed changesets are seen once they are handed to the operating
/// system: they survive the end of the process, and may be lost, whole, when the machine stops before the next
/// durable commit. A sync that fails is never tried again, because a second one may report success for data that
/// is gone (Rebello et al., "Can Applications Recover from fsync Failures?", USENIX ATC 2020): its callers get
/// [`StorageError::UnknownOutcome`], later ones [`StorageError::Unavailable`], and reads go on.
///
/// **Closing.** When the last clone is dropped, the changesets in the queue are written, the writer thread ends
/// and the directory is free for the next process. The drop waits for that.
///
/// **Erasure** does not rest on this engine: deleted bytes stay in its files for as long as it likes, or until
/// [`EmbeddedStorage::compact`]. Whatever says something about a person is sealed, and its key is what is destroyed.
#[derive(Clone)]
pub struct EmbeddedStorage(Arc<Inner>);

struct Inner {
    // Dropped from top to bottom: the writer has ended by then, the lock goes last.
    queue: Option<mpsc::Sender<Request>>,
    writer: Option<JoinHandle<()>>,
    counters: Arc<Counters>,
    compactor: Compactor,
    engine: Engine,
    directory: Directory,
}

impl EmbeddedStorage {
    /// Opens the store in the directory at `path`, or makes one when there is no such directory or it is empty.
    ///
    /// This reads and writes files, so it blocks; after a crash it takes the longer the more was written since
    /// the engine last sorted its files (128 MiB at most).
    ///
    /// # Errors
    /// [`StorageError::InUse`] when a process, also this one, has the store open; [`StorageError::Format`] when
    /// the directory holds something else or is of another format; [`StorageError::Unavailable`] when files
    /// cannot be read or written.
    pub fn open(path: impl AsRef<Path>, options: Options) -> Result<Self, StorageError> {
        let options = options.bounded();
        let directory = Directory::claim(path.as_ref())?;
        let engine = Engine::open(&directory, &options)?;
        let versions = engine.resume_versions()?;
        let (sender, queue) = mpsc::channel(options.queue_len);
        let counters = Arc::new(Counters::default());
        let writer =
            Writer { engine: engine.clone(), versions, queue, options, counters: Arc::clone(&counters) };
        let writer = std::thread::Builder::new()
            .name("wzapi-storage-writer".to_owned())
            .spawn(move || writer.run())
            .map_err(StorageError::unavailable)?;
        Ok(Self(Arc::new(Inner {
            queue: Some(sender),
            writer: Some(writer),
            counters,
            compactor: Compactor::default(),
            engine,
            directory,
        })))
    }

    /// What the store has done since it was opened.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.0.counters.stats()
    }

    /// Rewrites the files of the store without what was deleted or replaced before the call, and answers how much
    /// they take up. What is deleted while it runs is for the next time.
    ///
    /// Afterwards the old bytes are in none of its files: neither in those that hold rows nor in the journal. They may
    /// be on the medium for longer than that, as with every deleted file, and in backups. Erasure does not rest on
    /// this.
    ///
    /// It reads and writes the whole store and some 80 MiB more, on a thread of its own, so it may take long, and it
    /// needs as much free space as the store has at that time. Reads and commits go on; commits wait when more than
    /// 300 MiB come in before the files are rewritten. It goes on when the future is dropped. When the store is
    /// closed it ends before its next step, and the closing waits for that. A crash in the middle does no harm.
    ///
    /// ```
    /// # use wzapi_storage_embedded::{EmbeddedStorage, Options};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), wzapi_storage::StorageError> {
    /// # let directory = tempfile::tempdir().unwrap();
    /// let storage = EmbeddedStorage::open(directory.path(), Options::default())?;
    /// let compacted = storage.compact().await?;
    /// assert!(compacted.bytes_after > 0);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`StorageError::Unavailable`] when a compaction is under way, when the disk lacks room or fails, and when so
    /// much is written meanwhile that it does not get to an end. The rows are untouched in every case.
    pub async fn compact(&self) -> Result<Compacted, StorageError> {
        Ok(self.0.compactor.run(&self.0.engine, self.0.directory.rows()).await?)
    }

    #[cfg(test)]
    pub(crate) fn engine(&self) -> &Engine {
        &self.0.engine
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(writer) = self.writer.take() {
            // A writer that panicked has told its callers by dropping them.
            writer.join().ok();
        }
        self.compactor.close();
    }
}

impl std::fmt::Debug for EmbeddedStorage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EmbeddedStorage").field("stats", &self.stats()).finish_non_exhaustive()
    }
}

#[async_trait]
impl Storage for EmbeddedStorage {
    async fn get(&self, controller: ControllerId, keys: &[Key]) -> Result<Vec<Option<Stored>>, StorageError> {
        if keys.len() > MAX_GET_KEYS {
            return Err(InvalidChangeset::TooManyRows.into());
        }
        read::get(&self.0.engine, controller, keys)
    }

    async fn scan(&self, query: &Query) -> Result<Page, StorageError> {
        query.validate()?;
        read::scan(&self.0.engine, query)
    }

    async fn commit(&self, changeset: Changeset) -> Result<Committed, StorageError> {
        let prepared = Prepared::new(&changeset)?;
        drop(changeset);
        let queue = self.0.queue.as_ref().ok_or_else(|| StorageError::unavailable(Stopped))?;
        submit(queue, prepared).await
    }
}
