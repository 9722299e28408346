//! An exported log in a directory. It comes from outside, and may be hostile.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use wzapi_compliance::ledger::proof::export::LogFiles;

use crate::failure::Failure;

pub(super) struct Directory(PathBuf);

impl Directory {
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let unreadable = |cause| Failure::Unreadable { path: path.to_owned(), cause };
        if fs::metadata(path).map_err(unreadable)?.is_dir() {
            Ok(Self(path.to_owned()))
        } else {
            Err(unreadable(ErrorKind::NotADirectory.into()))
        }
    }

    pub(super) fn place(&self, path: &str) -> PathBuf {
        self.0.join(path)
    }
}

impl LogFiles for Directory {
    type Error = io::Error;

    fn read(&self, path: &str, limit: usize) -> io::Result<Option<Vec<u8>>> {
        let place = self.place(path);
        match fs::metadata(&place) {
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                return Ok(None);
            }
            // Opening a pipe would wait for somebody to write into it.
            Ok(metadata) if !metadata.is_file() => {
                return Err(io::Error::new(ErrorKind::InvalidInput, "it is not a file"));
            }
            outcome => outcome?,
        };
        let mut bytes = Vec::new();
        let limit = u64::try_from(limit).unwrap_or(u64::MAX);
        File::open(place)?.take(limit).read_to_end(&mut bytes)?;
        Ok(Some(bytes))
    }
}
