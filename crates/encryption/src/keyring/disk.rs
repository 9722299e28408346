//! The file on the disk: who may own and read it, how it is locked, and how a new one takes its place.
//!
//! ```text
//! keyring.json        the keys; replaced as a whole, never changed in place
//! keyring.json.lock   empty; whoever changes the keyring holds an advisory lock on it
//! keyring.json.new    the next keyring while it is written; left over when the writer was killed
//! ```

use std::ffi::OsString;
use std::fs::{self, File, Metadata, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use zeroize::Zeroizing;

use super::error::KeyringError;

const MAX_FILE: u64 = 1024 * 1024;
/// How long a process that waits for the lock sleeps before it tries again.
const PAUSE: Duration = Duration::from_millis(5);
/// How often a reader begins again because the file was exchanged between two looks at it.
const READ_ATTEMPTS: usize = 100;

pub(super) struct Place {
    file: PathBuf,
    lock: PathBuf,
    temporary: PathBuf,
}

/// The exclusive lock on a keyring; given back when it is dropped, and by the system when the process ends.
pub(super) struct Lock {
    _file: File,
}

impl Place {
    /// # Errors
    /// [`KeyringError::NotAFile`] when the path names no file.
    pub(super) fn new(path: &Path) -> Result<Self, KeyringError> {
        let name = path.file_name().ok_or(KeyringError::NotAFile)?;
        let beside = |ending: &str| {
            let mut beside: OsString = name.to_owned();
            beside.push(ending);
            path.with_file_name(beside)
        };
        Ok(Self { file: path.to_owned(), lock: beside(".lock"), temporary: beside(".new") })
    }

    /// The bytes of the file; `None` when there is none.
    pub(super) fn read(&self) -> Result<Option<Zeroizing<Vec<u8>>>, KeyringError> {
        for _ in 0..READ_ATTEMPTS {
            let named = match fs::symlink_metadata(&self.file) {
                Ok(metadata) => metadata,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(error.into()),
            };
            check(&named)?;
            let opened =
                File::open(&self.file).and_then(|file| file.metadata().map(|metadata| (file, metadata)));
            match opened {
                // Another one may have taken the place of the one that was looked at.
                Ok((file, metadata)) if is_same_file(&named, &metadata) => {
                    check(&metadata)?;
                    return read_whole(file, &metadata).map(Some);
                }
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(KeyringError::InUse)
    }

    /// Waits for the lock, with the thread asleep.
    ///
    /// # Errors
    /// [`KeyringError::InUse`] when somebody else had it all the time.
    pub(super) fn lock(&self, wait: Duration) -> Result<Lock, KeyringError> {
        let attempts = wait.as_millis() / PAUSE.as_millis() + 1;
        for attempt in 0..attempts {
            if attempt > 0 {
                std::thread::sleep(PAUSE);
            }
            let file = self.open_lock()?;
            match file.try_lock() {
                // Whoever removed the lock file made this lock worthless.
                Ok(()) if self.is_the_lock(&file)? => return Ok(Lock { _file: file }),
                Ok(()) | Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(error.into()),
            }
        }
        Err(KeyringError::InUse)
    }

    fn open_lock(&self) -> Result<File, KeyringError> {
        match fs::symlink_metadata(&self.lock) {
            Ok(metadata) if !metadata.is_file() => return Err(KeyringError::NotAFile),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
        private().read(true).write(true).create(true).truncate(false).open(&self.lock).map_err(|error| {
            match error.kind() {
                io::ErrorKind::NotFound => KeyringError::Missing,
                _ => error.into(),
            }
        })
    }

    fn is_the_lock(&self, file: &File) -> Result<bool, KeyringError> {
        match fs::symlink_metadata(&self.lock) {
            Ok(named) => Ok(is_same_file(&named, &file.metadata()?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Puts a file with these bytes in place of the one that is there, if any. A crash leaves the one or the other.
    pub(super) fn replace(&self, _lock: &Lock, bytes: &[u8]) -> Result<(), KeyringError> {
        self.remove_temporary()?;
        let written = private()
            .write(true)
            .create_new(true)
            .open(&self.temporary)
            .and_then(|mut out| out.write_all(bytes).and_then(|()| out.sync_all()))
            .and_then(|()| fs::rename(&self.temporary, &self.file));
        if let Err(error) = written {
            // What is left over goes at the next change, at the latest.
            let _ = fs::remove_file(&self.temporary);
            return Err(error.into());
        }
        Ok(sync_folder(parent_of(&self.file))?)
    }

    /// Removes what a killed writer left, which may hold keys. A writer that is at work keeps its file; where nothing may
    /// be written the keyring can still be read.
    pub(super) fn tidy(&self) {
        if fs::symlink_metadata(&self.temporary).is_ok()
            && let Ok(_lock) = self.lock(Duration::ZERO)
        {
            let _ = self.remove_temporary();
        }
    }

    fn remove_temporary(&self) -> Result<(), KeyringError> {
        match fs::remove_file(&self.temporary) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Makes the folder of the file and those above it, durably.
    pub(super) fn make_folder(&self) -> Result<(), KeyringError> {
        let folder = parent_of(&self.file);
        let missing: Vec<_> =
            folder.ancestors().take_while(|folder| *folder != Path::new("") && !folder.exists()).collect();
        fs::create_dir_all(folder)?;
        for made in missing {
            sync_folder(parent_of(made))?;
        }
        Ok(())
    }
}

fn read_whole(file: File, metadata: &Metadata) -> Result<Zeroizing<Vec<u8>>, KeyringError> {
    if metadata.len() > MAX_FILE {
        return Err(KeyringError::Malformed);
    }
    // Large enough not to be moved while it is filled, which would leave copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0) + 64));
    file.take(MAX_FILE).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn parent_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// What it names is durable only when the folder is.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

fn check(metadata: &Metadata) -> Result<(), KeyringError> {
    if !metadata.is_file() {
        return Err(KeyringError::NotAFile);
    }
    refuse_if_foreign(metadata)?;
    refuse_if_shared(metadata)
}

#[cfg(unix)]
fn private() -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

#[cfg(not(unix))]
fn private() -> OpenOptions {
    OpenOptions::new()
}

#[cfg(unix)]
fn refuse_if_shared(metadata: &Metadata) -> Result<(), KeyringError> {
    use std::os::unix::fs::PermissionsExt;
    if metadata.permissions().mode() & 0o077 == 0 { Ok(()) } else { Err(KeyringError::Shared) }
}

#[cfg(not(unix))]
fn refuse_if_shared(_: &Metadata) -> Result<(), KeyringError> {
    Ok(())
}

#[cfg(unix)]
fn is_same_file(one: &Metadata, other: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

#[cfg(not(unix))]
fn is_same_file(_: &Metadata, _: &Metadata) -> bool {
    true
}

#[cfg(target_os = "linux")]
fn refuse_if_foreign(metadata: &Metadata) -> Result<(), KeyringError> {
    use std::os::unix::fs::MetadataExt;
    match effective_user() {
        Some(user) if user != metadata.uid() => Err(KeyringError::ForeignOwner),
        _ => Ok(()),
    }
}

/// Elsewhere the user of a process cannot be told without `unsafe`.
#[cfg(not(target_os = "linux"))]
fn refuse_if_foreign(_: &Metadata) -> Result<(), KeyringError> {
    Ok(())
}

/// The user that this process acts as: the second number behind `Uid:` (proc_pid_status(5)); `None` where `/proc` is not
/// mounted.
#[cfg(target_os = "linux")]
fn effective_user() -> Option<u32> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let users = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    users.split_whitespace().nth(1)?.parse().ok()
}
