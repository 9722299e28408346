//! fjall: its keyspaces, and the snapshot that readers see.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use fjall::{Database, Keyspace, KeyspaceCreateOptions, OwnedWriteBatch, PersistMode, Readable, Snapshot};
use wzapi_model::Timestamp;
use wzapi_storage::key::RowKind;
use wzapi_storage::{StorageError, codec};

use crate::directory::{Directory, FORMAT};
use crate::group::{Group, Header, Stored};
use crate::store::Options;
use crate::versions::Versions;

/// What the engine keeps in memory before it sorts it into a file, per keyspace. A few of these may wait for the
/// disk at once. Unit tests make it small, so that files are written and merged while they run.
const MEMTABLE_BYTES: u64 = if cfg!(test) { 64 * 1024 } else { 16 * 1024 * 1024 };
/// The engine reads its journals again when it opens.
const MAX_JOURNAL_BYTES: u64 = 128 * 1024 * 1024;

const RESERVED_VERSIONS: &[u8] = b"versions_reserved_below";
const PADDING: &[u8] = b"padding";

/// The engine's handles; cheap to clone.
#[derive(Clone)]
pub(crate) struct Engine {
    pub(crate) database: Database,
    /// Encoded key → encoded value.
    pub(crate) rows: Keyspace,
    /// [`due_key`] → nothing.
    pub(crate) due: Keyspace,
    meta: Keyspace,
    /// The turn of whoever writes: the writer, or now and then a compaction.
    writing: Arc<Mutex<()>>,
    published: Arc<RwLock<Arc<Snapshot>>>,
    #[cfg(test)]
    pub(crate) fail_next_commit: Arc<std::sync::atomic::AtomicBool>,
}

impl Engine {
    pub(crate) fn open(directory: &Directory, options: &Options) -> Result<Self, StorageError> {
        directory.make_rows(|path| Self::open_at(path, options).map(drop))?;
        Self::open_at(&directory.rows(), options)
    }

    fn open_at(path: &Path, options: &Options) -> Result<Self, StorageError> {
        let database = Database::builder(path)
            .cache_size(options.cache_bytes)
            .max_journaling_size(MAX_JOURNAL_BYTES)
            .open()
            .map_err(open_error)?;
        let keyspace = |name| {
            let options = || KeyspaceCreateOptions::default().max_memtable_size(MEMTABLE_BYTES);
            database.keyspace(name, options).map_err(open_error)
        };
        Ok(Self {
            rows: keyspace("rows")?,
            due: keyspace("due")?,
            meta: keyspace("meta")?,
            writing: Arc::default(),
            published: Arc::new(RwLock::new(Arc::new(database.snapshot()))),
            database,
            #[cfg(test)]
            fail_next_commit: Arc::default(),
        })
    }

    /// Versions after everything that was ever reserved, with a reservation that is on disk.
    pub(crate) fn resume_versions(&self) -> Result<Versions, StorageError> {
        let stored = self.meta.get(RESERVED_VERSIONS).map_err(StorageError::unavailable)?;
        let below = match stored {
            None => None,
            Some(bytes) => Some(u64::from_be_bytes(bytes.as_ref().try_into().map_err(|_| {
                StorageError::unavailable("the record of reserved versions cannot be read; restore a backup")
            })?)),
        };
        let mut versions = Versions::resume(below);
        self.commit(Group::default(), versions.reservation()).map_err(StorageError::unavailable)?;
        Ok(versions)
    }

    /// Writes a group, and syncs it when something in it must survive a crash. Readers see it, whole, when this
    /// returns, and not before.
    pub(crate) fn commit(&self, mut group: Group, reservation: Option<u64>) -> Result<Written, fjall::Error> {
        let written =
            if group.is_durable() || reservation.is_some() { Written::Synced } else { Written::HandedOver };
        let mode = match written {
            Written::Synced => PersistMode::SyncAll,
            Written::HandedOver => PersistMode::Buffer,
        };
        let mut batch = self.database.batch().durability(Some(mode));
        if let Some(below) = reservation {
            batch.insert(&self.meta, RESERVED_VERSIONS, below.to_be_bytes());
        }
        for (key, comes) in group.take_due() {
            if comes {
                batch.insert(&self.due, key, []);
            } else {
                batch.remove(&self.due, key);
            }
        }
        for (key, value) in group.into_rows() {
            match value {
                Some(value) => batch.insert(&self.rows, key, value),
                None => batch.remove(&self.rows, key),
            }
        }
        #[cfg(test)]
        if self.fail_next_commit.swap(false, std::sync::atomic::Ordering::SeqCst) {
            return Err(std::io::Error::other("a test pulled the plug").into());
        }
        self.write(batch)?;
        Ok(written)
    }

    /// Writes a value that nobody reads, or removes it: see [`crate::compaction`].
    pub(crate) fn write_padding(&self, padding: Option<Vec<u8>>) -> Result<(), fjall::Error> {
        let mut batch = self.database.batch().durability(Some(PersistMode::Buffer));
        match padding {
            Some(bytes) => batch.insert(&self.meta, PADDING, bytes),
            None => batch.remove(&self.meta, PADDING),
        }
        self.write(batch)
    }

    /// Writes a batch, and shows readers what is stored then.
    fn write(&self, batch: OwnedWriteBatch) -> Result<(), fjall::Error> {
        let _turn = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        batch.commit()?;
        self.publish();
        Ok(())
    }

    /// Shows readers what is stored now.
    ///
    /// Readers do not open snapshots of their own. The engine syncs a batch before it inserts it, but inserts it
    /// row by row, and a flush or compaction that ends in between moves the engine's idea of "visible" past the
    /// batch. A snapshot that is opened at that moment sees half of it (fjall 3.1.13 with lsm-tree 3.1.10; read
    /// that way, the test below fails within seconds). Whoever writes opens them in the same turn, between batches,
    /// when nothing is half inserted.
    pub(crate) fn publish(&self) {
        let snapshot = Arc::new(self.database.snapshot());
        *self.published.write().unwrap_or_else(PoisonError::into_inner) = snapshot;
    }

    /// All that it stores.
    pub(crate) const fn keyspaces(&self) -> [&Keyspace; 3] {
        [&self.rows, &self.due, &self.meta]
    }

    /// What readers see.
    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.published.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// How far a batch got before the commit returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Written {
    /// On disk.
    Synced,
    /// With the operating system.
    HandedOver,
}

impl Stored for Engine {
    fn header(&self, kind: RowKind, key: &[u8]) -> Result<Option<Header>, StorageError> {
        let value = self.snapshot().get(&self.rows, key).map_err(|error| read_error(kind, error))?;
        let header = value.map(|value| codec::decode_header(kind, &value)).transpose()?;
        Ok(header.map(|(version, due_at)| Header { version, due_at }))
    }
}

/// The key under which the index of due rows lists a row: controller ‖ `due_at`, big-endian ‖ the rest of the
/// encoded key. It sorts by time, then by key.
pub(crate) fn due_key(key: &[u8], due_at: Timestamp) -> Vec<u8> {
    let (controller, rest) = key.split_at_checked(CONTROLLER_BYTES).unwrap_or((key, &[]));
    let mut out = Vec::with_capacity(key.len() + DUE_BYTES);
    out.extend_from_slice(controller);
    out.extend_from_slice(&due_at.as_millis().to_be_bytes());
    out.extend_from_slice(rest);
    out
}

/// The encoded key that a key of the index of due rows stands for.
pub(crate) fn listed_key(due_key: &[u8]) -> Option<Vec<u8>> {
    let (controller, rest) = due_key.split_at_checked(CONTROLLER_BYTES)?;
    let (_, rest) = rest.split_at_checked(DUE_BYTES)?;
    Some([controller, rest].concat())
}

const CONTROLLER_BYTES: usize = 16;
const DUE_BYTES: usize = 8;

fn open_error(error: fjall::Error) -> StorageError {
    match error {
        fjall::Error::Locked => StorageError::InUse,
        fjall::Error::InvalidVersion(_) => {
            StorageError::Format { found: "of another version of its engine".to_owned(), supported: FORMAT }
        }
        other => StorageError::unavailable(other),
    }
}

/// What a failed read means: the disk may recover, a checksum that does not match will not.
pub(crate) fn read_error(kind: RowKind, error: fjall::Error) -> StorageError {
    match error {
        fjall::Error::Storage(fjall::LsmError::Io(_)) | fjall::Error::Io(_) | fjall::Error::Poisoned => {
            StorageError::unavailable(error)
        }
        fjall::Error::Storage(_) => {
            StorageError::Corrupt { kind, problem: "the engine finds its file damaged" }
        }
        other => StorageError::unavailable(other),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use wzapi_model::ids::{ChangesetId, ControllerId};
    use wzapi_storage::changeset::Write;
    use wzapi_storage::key::BlindIndex;
    use wzapi_storage::row::{Record, SourceEventRow};
    use wzapi_storage::{Changeset, Durability, Key, Version};

    use super::*;
    use crate::prepared::Prepared;

    const CONTROLLER: ControllerId = ControllerId::from_bytes([9; 16]);
    const ROWS: u8 = 200;
    const BATCHES: u64 = 600;

    fn key(number: u8) -> Vec<u8> {
        codec::encode_key(CONTROLLER, &Key::SourceEvent(BlindIndex([number; 16])))
    }

    fn group(engine: &Engine, round: u64) -> Group {
        let put = |number| {
            let body = SourceEventRow { seen_at: Timestamp::EPOCH }.into();
            Write::Put(Record { key: Key::SourceEvent(BlindIndex([number; 16])), due_at: None, body })
        };
        let changeset = Changeset {
            id: ChangesetId::from_bytes(u128::from(round + 1).to_be_bytes()),
            controller: CONTROLLER,
            at: Timestamp::EPOCH,
            preconditions: Vec::new(),
            writes: (0..ROWS).map(put).collect(),
            durability: Durability::Relaxed,
        };
        let mut group = Group::default();
        group.take_in(engine, Prepared::new(&changeset).unwrap(), Version(round + 1)).unwrap();
        group
    }

    #[test]
    fn no_reader_sees_half_a_batch_while_files_are_written_and_merged() {
        let root = tempfile::tempdir().unwrap();
        let directory = Directory::claim(root.path()).unwrap();
        let engine = Engine::open(&directory, &Options::default()).unwrap();
        engine.commit(group(&engine, 0), None).unwrap();
        let finished = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while !finished.load(Ordering::SeqCst) {
                        let snapshot = engine.snapshot();
                        let version = |number| {
                            let value = snapshot.get(&engine.rows, key(number)).unwrap().unwrap();
                            codec::decode_header(RowKind::SourceEvent, &value).unwrap().0
                        };
                        let seen = [0, ROWS / 2, ROWS - 1].map(version);
                        assert!(seen.iter().all(|version| *version == seen[0]), "{seen:?}");
                    }
                });
            }
            for round in 1..BATCHES {
                engine.commit(group(&engine, round), None).unwrap();
            }
            finished.store(true, Ordering::SeqCst);
        });
        assert!(engine.rows.table_count() > 0, "nothing was written to files, so nothing was tested");
    }
}
