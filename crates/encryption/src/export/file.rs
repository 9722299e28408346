//! An export in a file.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::KeyExportTarget;

/// How many exports this process began, so that each writes to a file of its own.
static BEGUN: AtomicU64 = AtomicU64::new(0);
/// How many leftovers of killed processes are passed over.
const MAX_ATTEMPTS: usize = 1024;

/// Writes an export beside its place and moves it there when it is whole, so that a file of that name is always a whole
/// export. It refuses to replace one that is there. A process that is killed leaves `<name>.<process>-<number>.partial`
/// behind, which serves nobody.
#[derive(Debug)]
pub struct KeyExportFile {
    path: PathBuf,
    partial: Partial,
    writer: Option<BufWriter<File>>,
}

impl KeyExportFile {
    /// Begins an export at `path`.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`] when something is there; otherwise that of the file system.
    pub fn create(path: &Path) -> io::Result<Self> {
        if path.symlink_metadata().is_ok() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs::create_dir_all(folder)?;
        }
        let (partial, file) = create_partial(path)?;
        Ok(Self { path: path.to_owned(), partial, writer: Some(BufWriter::new(file)) })
    }
}

/// A new file beside `path`. A process that was killed may have had the same number and have left one.
fn create_partial(path: &Path) -> io::Result<(Partial, File)> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    for _ in 0..MAX_ATTEMPTS {
        let number = BEGUN.fetch_add(1, Ordering::Relaxed);
        let mut partial = path.as_os_str().to_owned();
        partial.push(format!(".{}-{number}.partial", std::process::id()));
        let partial = PathBuf::from(partial);
        match options.open(&partial) {
            Ok(file) => return Ok((Partial(partial), file)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other("too many unfinished exports lie beside this one; remove them"))
}

impl KeyExportTarget for KeyExportFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.writer.as_mut().ok_or(io::ErrorKind::BrokenPipe)?.write_all(bytes)
    }

    fn finish(&mut self) -> io::Result<()> {
        let writer = self.writer.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let file = writer.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        // A link is refused when something took the place meanwhile; a rename would replace it.
        fs::hard_link(&self.partial.0, &self.path)?;
        fs::remove_file(&self.partial.0)?;
        match self.path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            Some(folder) => File::open(folder)?.sync_all(),
            None => File::open(".")?.sync_all(),
        }
    }
}

/// Removed when it is dropped: half an export serves nobody.
#[derive(Debug)]
struct Partial(PathBuf);

impl Drop for Partial {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}
