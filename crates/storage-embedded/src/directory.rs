//! The directory of a store: what it must hold before anything is written to it, and who may open it.
//!
//! `FORMAT` says what the directory is, `LOCK` is locked while a process has it open, `rows/` is the engine's.
//! `docs/formats/rows.md` describes what is in the engine.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use wzapi_storage::StorageError;

/// The format of directories that this library makes and opens. Format 1 was never released; its rows read otherwise.
pub(crate) const FORMAT: u32 = 2;

const MAGIC: &str = "wzapi-embedded";
const FORMAT_FILE: &str = "FORMAT";
const UNFINISHED_FORMAT_FILE: &str = "FORMAT.new";
const LOCK_FILE: &str = "LOCK";
const ROWS: &str = "rows";
const UNFINISHED_ROWS: &str = "rows.new";

/// A directory that this process has to itself until this is dropped.
#[derive(Debug)]
pub(crate) struct Directory {
    path: PathBuf,
    _lock: File,
}

impl Directory {
    /// Makes or takes over the directory at `path`.
    pub(crate) fn claim(path: &Path) -> Result<Self, StorageError> {
        create(path).map_err(StorageError::unavailable)?;
        // A directory of somebody else is refused before a file is put into it.
        let is_new = check_format(path)?;
        let lock = lock(path)?;
        // Another process may have made the store while this one waited for its turn.
        if is_new && check_format(path)? {
            write_format(path).map_err(StorageError::unavailable)?;
        }
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// Where the engine's files are.
    pub(crate) fn rows(&self) -> PathBuf {
        self.path.join(ROWS)
    }

    /// Makes the engine's files by way of `make`, all of them or none, unless they are there already.
    ///
    /// The engine cannot open what a crash left of its own first opening, so it makes its files under another
    /// name, where nothing but an unfinished attempt can be.
    pub(crate) fn make_rows(
        &self,
        make: impl FnOnce(&Path) -> Result<(), StorageError>,
    ) -> Result<(), StorageError> {
        if self.rows().try_exists().map_err(StorageError::unavailable)? {
            return Ok(());
        }
        let unfinished = self.path.join(UNFINISHED_ROWS);
        if unfinished.try_exists().map_err(StorageError::unavailable)? {
            std::fs::remove_dir_all(&unfinished).map_err(StorageError::unavailable)?;
        }
        make(&unfinished)?;
        std::fs::rename(&unfinished, self.rows())
            .and_then(|()| sync_directory(&self.path))
            .map_err(StorageError::unavailable)
    }
}

/// Creates the directory and makes it survive a crash, with every parent that had to be created.
fn create(path: &Path) -> io::Result<()> {
    let missing: Vec<&Path> = path.ancestors().take_while(|part| is_missing(part)).collect();
    std::fs::create_dir_all(path)?;
    missing.iter().filter_map(|part| part.parent()).try_for_each(sync_directory)
}

fn is_missing(path: &Path) -> bool {
    !path.as_os_str().is_empty() && !path.exists()
}

/// Whether the directory is one in which a store is still to be made.
fn check_format(path: &Path) -> Result<bool, StorageError> {
    match std::fs::read(path.join(FORMAT_FILE)) {
        Ok(text) => parse_format(&text).map(|()| false),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if is_unused(path).map_err(StorageError::unavailable)? {
                Ok(true)
            } else {
                Err(foreign("no known one: the directory holds other files and no FORMAT file"))
            }
        }
        Err(error) => Err(StorageError::unavailable(error)),
    }
}

fn parse_format(text: &[u8]) -> Result<(), StorageError> {
    let number = std::str::from_utf8(text)
        .ok()
        .and_then(|text| text.strip_prefix(MAGIC)?.strip_prefix(' ')?.strip_suffix('\n'))
        .and_then(|number| number.parse::<u32>().ok());
    match number {
        Some(FORMAT) => Ok(()),
        Some(other) => Err(foreign(format!("{other}"))),
        None => Err(foreign("no known one: its FORMAT file is not of wzapi")),
    }
}

fn foreign(found: impl Into<String>) -> StorageError {
    StorageError::Format { found: found.into(), supported: FORMAT }
}

/// Whether nothing is there but what an interrupted first opening leaves.
fn is_unused(path: &Path) -> io::Result<bool> {
    for entry in std::fs::read_dir(path)? {
        let name = entry?.file_name();
        if name != LOCK_FILE && name != UNFINISHED_FORMAT_FILE {
            return Ok(false);
        }
    }
    Ok(true)
}

fn lock(path: &Path) -> Result<File, StorageError> {
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path.join(LOCK_FILE))
        .map_err(StorageError::unavailable)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StorageError::InUse),
        Err(TryLockError::Error(error)) => Err(StorageError::unavailable(error)),
    }
}

fn write_format(path: &Path) -> io::Result<()> {
    let unfinished = path.join(UNFINISHED_FORMAT_FILE);
    let mut file = File::create(&unfinished)?;
    file.write_all(format!("{MAGIC} {FORMAT}\n").as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&unfinished, path.join(FORMAT_FILE))?;
    sync_directory(path)
}

#[cfg(unix)]
fn sync_directory(path: &Path) -> io::Result<()> {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    File::open(path)?.sync_all()
}

#[cfg(not(unix))]
fn sync_directory(_: &Path) -> io::Result<()> {
    // Elsewhere a directory cannot be opened for syncing; the file system orders its own changes.
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(error: StorageError) -> String {
        match error {
            StorageError::Format { found, supported: FORMAT } => found,
            other => panic!("not a format error: {other}"),
        }
    }

    #[test]
    fn the_format_is_written_first_and_read_again() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("deep/er");
        let directory = Directory::claim(&path).unwrap();
        assert_eq!(std::fs::read_to_string(path.join(FORMAT_FILE)).unwrap(), "wzapi-embedded 2\n");
        assert!(!directory.rows().exists());
        drop(directory);
        Directory::claim(&path).unwrap();
    }

    #[test]
    fn a_directory_of_somebody_else_is_refused_and_left_alone() {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("letters.txt"), "dear").unwrap();
        assert!(found(Directory::claim(root.path()).unwrap_err()).contains("other files"));
        assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 1);
    }

    #[test]
    fn another_format_is_refused() {
        let (older, newer) = ("wzapi-embedded 1\n", "wzapi-embedded 3\n");
        for (text, expected) in
            [(older, "1"), (newer, "3"), ("SQLite format 3", "not of wzapi"), ("", "not of wzapi")]
        {
            let root = tempfile::tempdir().unwrap();
            std::fs::write(root.path().join(FORMAT_FILE), text).unwrap();
            assert!(found(Directory::claim(root.path()).unwrap_err()).contains(expected), "{text}");
            assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 1);
        }
    }

    #[test]
    fn a_first_opening_that_a_crash_interrupted_is_done_again() {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join(LOCK_FILE), "").unwrap();
        std::fs::write(root.path().join(UNFINISHED_FORMAT_FILE), "wzapi-em").unwrap();
        let directory = Directory::claim(root.path()).unwrap();
        std::fs::create_dir(root.path().join(UNFINISHED_ROWS)).unwrap();
        std::fs::write(root.path().join(UNFINISHED_ROWS).join("0.jnl"), "half").unwrap();
        directory
            .make_rows(|path| {
                assert!(!path.exists());
                std::fs::create_dir(path).map_err(StorageError::unavailable)
            })
            .unwrap();
        assert!(directory.rows().exists());
    }

    #[test]
    fn a_second_claim_is_told_that_the_directory_is_in_use() {
        let root = tempfile::tempdir().unwrap();
        let first = Directory::claim(root.path()).unwrap();
        assert!(matches!(Directory::claim(root.path()), Err(StorageError::InUse)));
        drop(first);
        Directory::claim(root.path()).unwrap();
    }
}
