//! Files, read as far as they can be what they are said to be.

use std::fs::File;
use std::io::{self, ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use wzapi_ledger_proof::export::LogFiles;

use crate::outcome::Failure;

/// An exported log on disk.
#[derive(Debug)]
pub(crate) struct Directory(PathBuf);

impl Directory {
    pub(crate) fn at(path: &str) -> Self {
        Self(PathBuf::from(path))
    }
}

impl LogFiles for Directory {
    type Error = io::Error;

    fn read(&self, path: &str, limit: usize) -> io::Result<Option<Vec<u8>>> {
        match read_at_most(&self.0.join(path), limit) {
            Ok(file) => Ok(Some(file)),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                // An export that is not there at all is no export with a file missing.
                if self.0.is_dir() { Ok(None) } else { Err(error) }
            }
            Err(error) => Err(error),
        }
    }
}

/// Reads a file that was named by the user.
pub(crate) fn read_file(path: &str, limit: usize) -> Result<Vec<u8>, Failure> {
    let file =
        read_at_most(Path::new(path), limit + 1).map_err(|error| Failure::unreadable_file(path, &error))?;
    if file.len() > limit {
        return Err(Failure::input("too_large", &format!("{path} is longer than {limit} bytes")));
    }
    Ok(file)
}

fn read_at_most(path: &Path, limit: usize) -> io::Result<Vec<u8>> {
    // Not to wait for ever on a pipe, nor to read from a device.
    if !path.metadata()?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut file = Vec::new();
    File::open(path)?.take(limit as u64).read_to_end(&mut file)?;
    Ok(file)
}
