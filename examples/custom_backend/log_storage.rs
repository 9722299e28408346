//! The backend: a file of changesets, and the rows they amount to.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use wzapi_compliance::model::ids::ControllerId;
use wzapi_compliance::storage::changeset::InvalidChangeset;
use wzapi_compliance::storage::contract::{MAX_GET_KEYS, async_trait};
use wzapi_compliance::storage::query::{Page, Query};
use wzapi_compliance::storage::row::Stored;
use wzapi_compliance::storage::{Changeset, Committed, Durability, Key, Storage, StorageError, Version};

use crate::frames;
use crate::rows::{Rows, changes_of};

/// The first bytes of the file. A format version stands in every file from the first byte on.
const MAGIC: &[u8] = b"wzapi-example-log 1\n";

/// A store in one append-only file. One process at a time opens it.
pub(crate) struct LogStorage {
    state: Mutex<State>,
}

struct State {
    rows: Rows,
    file: File,
    /// The version of the last changeset. It only grows, also over deletes and restarts: `version-never-reused`.
    last_version: u64,
    /// After a failed write nobody knows what the file holds: no further commit until it was opened again.
    is_broken: bool,
}

impl LogStorage {
    pub(crate) fn open(path: &Path) -> Result<Self, StorageError> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(StorageError::unavailable)?;
        }
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(path)
            .map_err(StorageError::unavailable)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StorageError::InUse),
            Err(TryLockError::Error(error)) => return Err(StorageError::unavailable(error)),
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(StorageError::unavailable)?;
        let (rows, last_version, whole) = replay(&bytes)?;
        start_after(&mut file, whole).map_err(StorageError::unavailable)?;
        Ok(Self { state: Mutex::new(State { rows, file, last_version, is_broken: false }) })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Applies every whole frame. How many bytes of the file are good, too.
fn replay(bytes: &[u8]) -> Result<(Rows, u64, usize), StorageError> {
    let (mut rows, mut last_version) = (Rows::default(), 0);
    if MAGIC.starts_with(bytes) {
        return Ok((rows, last_version, 0));
    }
    let Some(mut rest) = bytes.strip_prefix(MAGIC) else {
        return Err(StorageError::Format { found: "of another kind of file".to_owned(), supported: 1 });
    };
    while let Some((frame, length)) = frames::decode(rest) {
        rows.apply(frame.changes);
        last_version = frame.version;
        rest = rest.get(length..).unwrap_or_default();
    }
    Ok((rows, last_version, bytes.len() - rest.len()))
}

/// Cuts off what a crash left torn, and begins a new file with its format.
fn start_after(file: &mut File, whole: usize) -> io::Result<()> {
    file.set_len(u64::try_from(whole).unwrap_or(u64::MAX))?;
    file.seek(SeekFrom::End(0))?;
    if whole == 0 {
        file.write_all(MAGIC)?;
    }
    file.sync_all()
}

/// The methods do their work at once, under a lock that is held over no `await`. A backend whose calls wait for a
/// network awaits them here; one that blocks for long hands them to `tokio::task::spawn_blocking`.
#[async_trait]
impl Storage for LogStorage {
    async fn get(&self, controller: ControllerId, keys: &[Key]) -> Result<Vec<Option<Stored>>, StorageError> {
        if keys.len() > MAX_GET_KEYS {
            return Err(InvalidChangeset::TooManyRows.into());
        }
        // One lock over all keys is the snapshot: `get-snapshot`.
        let state = self.lock();
        keys.iter().map(|key| state.rows.get(controller, key)).collect()
    }

    async fn scan(&self, query: &Query) -> Result<Page, StorageError> {
        query.validate()?;
        self.lock().rows.scan(query)
    }

    async fn commit(&self, changeset: Changeset) -> Result<Committed, StorageError> {
        changeset.validate()?;
        let mut state = self.lock();
        if state.is_broken {
            return Err(StorageError::unavailable("an earlier write failed; open the store again"));
        }
        let failed = state.rows.failed_preconditions(&changeset)?;
        if !failed.is_empty() {
            return Err(StorageError::Conflict { failed });
        }
        let version = Version(state.last_version + 1);
        let changes = changes_of(&changeset, version)?;
        let frame = frames::encode(version.0, &changes)
            .ok_or_else(|| StorageError::from(InvalidChangeset::RowTooLarge))?;
        if let Err(cause) = append(&mut state.file, &frame, changeset.durability) {
            // The frame may be in the file or not: opening it again tells.
            state.is_broken = true;
            return Err(StorageError::UnknownOutcome { cause: cause.into() });
        }
        // Only now does anybody see it: what can be read is durable.
        state.rows.apply(changes);
        state.last_version = version.0;
        Ok(Committed { version })
    }
}

fn append(file: &mut File, frame: &[u8], durability: Durability) -> io::Result<()> {
    file.write_all(frame)?;
    match durability {
        Durability::Durable => file.sync_data(),
        Durability::Relaxed => Ok(()),
    }
}
