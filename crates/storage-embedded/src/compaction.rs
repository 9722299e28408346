//! Rewriting the engine's files without what was deleted or replaced.
//!
//! The engine keeps such bytes in two places. Its sorted files lose them when all files are merged into one level, as
//! far as no snapshot needs them any more. Its journal loses them as a whole: a journal that has grown to
//! [`JOURNAL_BYTES`] is closed when the engine next writes a sorted file, and deleted once all of it is in sorted
//! files. There is no call for that (fjall 3.1), so the journal is padded until it is closed, and the padding is
//! removed again. The methods of the engine that this rests on are hidden in its documentation; the tests tell when
//! a new version of it behaves in another way.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use fjall::PersistMode;
use tokio::sync::oneshot;
use wzapi_storage::StorageError;
use wzapi_storage::compaction::Compacted;

use crate::engine::Engine;

/// How long a journal is when the engine closes it.
const JOURNAL_BYTES: usize = 64_000_000;
/// How much is padded at a time.
const PADDING_BYTES: usize = 16 * 1024 * 1024;
/// As often as it takes to pad a whole journal, and some more until it is deleted.
const MAX_PADDINGS: usize = JOURNAL_BYTES / PADDING_BYTES + 20;
/// How long the engine may take to write what it has in memory.
const PATIENCE: Duration = Duration::from_secs(120);
/// What the padding takes, and the files that it is removed with.
const PADDED_BYTES: u64 = 128 * 1024 * 1024;
const STEP: Duration = Duration::from_millis(5);

/// Why a store was not compacted, or not wholly. Its rows are untouched.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CompactionError {
    #[error("the store is being compacted already; wait until that has ended")]
    UnderWay,
    #[error("the store was closed while it was compacted")]
    Closing,
    #[error("so much is written that the engine does not get to the end of it; compact when less is written")]
    Overtaken,
    #[error("rewriting the files takes {needed} bytes of free space, and the disk has {free}")]
    NoRoom { needed: u64, free: u64 },
    #[error("the compaction ended before it answered")]
    Gone,
    #[error("the engine could not rewrite its files; free space on the disk, or open the store again")]
    Engine(#[from] fjall::Error),
    #[error("the operating system refused a thread, or a look at the files of the store")]
    System(#[from] io::Error),
}

impl From<CompactionError> for StorageError {
    fn from(error: CompactionError) -> Self {
        Self::unavailable(error)
    }
}

/// Runs compactions, one at a time, each on a thread of its own.
#[derive(Debug, Default)]
pub(crate) struct Compactor {
    under_way: Arc<AtomicBool>,
    closing: Arc<AtomicBool>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Compactor {
    /// Compacts the files of the engine, which lie in `directory`. It goes on when its caller goes away.
    pub(crate) async fn run(
        &self,
        engine: &Engine,
        directory: PathBuf,
    ) -> Result<Compacted, CompactionError> {
        let outcome = self.start(engine.clone(), directory)?;
        outcome.await.map_err(|_| CompactionError::Gone)?
    }

    fn start(
        &self,
        engine: Engine,
        directory: PathBuf,
    ) -> Result<oneshot::Receiver<Result<Compacted, CompactionError>>, CompactionError> {
        let turn = Turn::take(&self.under_way)?;
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(former) = thread.take() {
            // It has given up its turn, which is the last that it does.
            former.join().ok();
        }
        let (answer, outcome) = oneshot::channel();
        let closing = Arc::clone(&self.closing);
        let work = move || {
            let compacted = compact(&engine, &directory, &closing);
            // Whoever gets the answer may compact again, or close the store and open it.
            drop((engine, turn));
            answer.send(compacted).ok();
        };
        *thread = Some(std::thread::Builder::new().name("wzapi-storage-compaction".to_owned()).spawn(work)?);
        Ok(outcome)
    }

    /// Ends a compaction that is under way, and waits for the end of it.
    pub(crate) fn close(&self) {
        self.closing.store(true, Ordering::SeqCst);
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        thread.map(JoinHandle::join);
    }
}

/// The turn of one compaction; the next one may begin when it is dropped.
struct Turn(Arc<AtomicBool>);

impl Turn {
    fn take(under_way: &Arc<AtomicBool>) -> Result<Self, CompactionError> {
        if under_way.swap(true, Ordering::SeqCst) {
            return Err(CompactionError::UnderWay);
        }
        Ok(Self(Arc::clone(under_way)))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.store(false, Ordering::SeqCst);
    }
}

fn compact(engine: &Engine, directory: &Path, closing: &AtomicBool) -> Result<Compacted, CompactionError> {
    let bytes_before = bytes_in(directory)?;
    if let Some(free) = free_bytes(directory)? {
        check_room(bytes_before, free)?;
    }
    let work = Work { engine, directory, closing };
    work.replace_journals()?;
    work.settle()?;
    work.merge()?;
    // The engine deletes the files that were merged when it next writes one.
    work.pad(0)?;
    work.settle()?;
    Ok(Compacted { bytes_before, bytes_after: bytes_in(directory)? })
}

struct Work<'a> {
    engine: &'a Engine,
    directory: &'a Path,
    closing: &'a AtomicBool,
}

impl Work<'_> {
    /// Goes on until the journals that are there now are gone.
    fn replace_journals(&self) -> Result<(), CompactionError> {
        let old = self.journals()?;
        for _ in 0..MAX_PADDINGS {
            let journals = self.journals()?;
            if journals.is_disjoint(&old) {
                return Ok(());
            }
            // Once a new one is there, the old one is deleted when a sorted file is written, however small.
            let is_closed = !journals.is_subset(&old);
            self.pad(if is_closed { 0 } else { PADDING_BYTES })?;
            self.settle()?;
        }
        Err(CompactionError::Overtaken)
    }

    fn journals(&self) -> Result<BTreeSet<OsString>, CompactionError> {
        let names = std::fs::read_dir(self.directory)?.map(|entry| Ok(entry?.file_name()));
        let mut names = names.collect::<io::Result<BTreeSet<OsString>>>()?;
        names.retain(|name| Path::new(name).extension().is_some_and(|extension| extension == "jnl"));
        Ok(names)
    }

    /// Makes the journal longer. What is written is removed at once, so it does not reach the sorted files.
    fn pad(&self, bytes: usize) -> Result<(), CompactionError> {
        self.engine.write_padding(Some(vec![0; bytes]))?;
        Ok(self.engine.write_padding(None)?)
    }

    /// Lets the engine write what it has in memory to sorted files, and waits until it has.
    fn settle(&self) -> Result<(), CompactionError> {
        for keyspace in self.engine.keyspaces() {
            keyspace.rotate_memtable()?;
        }
        let mut waited = Duration::ZERO;
        while self.engine.keyspaces().into_iter().any(|keyspace| keyspace.sealed_memtable_count() > 0) {
            self.go_on()?;
            if waited > PATIENCE {
                return Err(CompactionError::Overtaken);
            }
            std::thread::sleep(STEP);
            waited += STEP;
        }
        Ok(())
    }

    fn merge(&self) -> Result<(), CompactionError> {
        for keyspace in self.engine.keyspaces() {
            self.go_on()?;
            keyspace.major_compact()?;
        }
        Ok(())
    }

    /// An error when the store is being closed, or the engine failed in its background.
    fn go_on(&self) -> Result<(), CompactionError> {
        if self.closing.load(Ordering::SeqCst) {
            return Err(CompactionError::Closing);
        }
        Ok(self.engine.database.persist(PersistMode::Buffer)?)
    }
}

/// Files are written anew before the old ones are deleted. An engine that finds the disk full takes no more commits
/// until it is opened again, so this is found out beforehand.
const fn check_room(bytes: u64, free: u64) -> Result<(), CompactionError> {
    let needed = bytes.saturating_add(PADDED_BYTES);
    if free < needed { Err(CompactionError::NoRoom { needed, free }) } else { Ok(()) }
}

/// How much may be written to the disk of this directory, where the system tells.
#[cfg(unix)]
fn free_bytes(directory: &Path) -> io::Result<Option<u64>> {
    let disk = rustix::fs::statvfs(directory)?;
    Ok(Some(disk.f_bavail.saturating_mul(disk.f_frsize)))
}

#[cfg(not(unix))]
fn free_bytes(_: &Path) -> io::Result<Option<u64>> {
    Ok(None)
}

fn bytes_in(directory: &Path) -> io::Result<u64> {
    let mut bytes = 0_u64;
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        bytes = bytes.saturating_add(match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => bytes_in(&entry.path())?,
            Ok(metadata) => bytes_on_disk(&metadata),
            // The engine has deleted it meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(error),
        });
    }
    Ok(bytes)
}

/// Journals are made at full length, and take up no more than was written to them.
#[cfg(unix)]
fn bytes_on_disk(metadata: &Metadata) -> u64 {
    use std::os::unix::fs::MetadataExt;
    metadata.len().min(metadata.blocks().saturating_mul(512))
}

#[cfg(not(unix))]
fn bytes_on_disk(metadata: &Metadata) -> u64 {
    metadata.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_that_is_too_full_is_found_out_before_anything_is_written() {
        assert!(check_room(1000, PADDED_BYTES + 1000).is_ok());
        let refused = check_room(1000, PADDED_BYTES + 999);
        assert!(matches!(refused, Err(CompactionError::NoRoom { .. })), "{refused:?}");
        assert!(check_room(u64::MAX, u64::MAX - 1).is_err());
    }

    #[test]
    fn bytes_are_counted_as_far_as_they_were_written() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("deep")).unwrap();
        std::fs::write(root.path().join("deep/written"), [7; 5000]).unwrap();
        std::fs::File::create(root.path().join("reserved")).unwrap().set_len(1 << 30).unwrap();
        let bytes = bytes_in(root.path()).unwrap();
        if cfg!(unix) {
            assert_eq!(bytes, 5000);
        }
        assert!(free_bytes(root.path()).unwrap() != Some(0));
    }
}
