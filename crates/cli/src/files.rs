//! Small files from outside.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use crate::failure::Failure;

const MAX_BUFFER: usize = 8192;

/// The whole file, if it is not longer than `limit` bytes. Nothing beyond is held in memory.
pub(crate) fn read(path: &Path, limit: usize) -> Result<Vec<u8>, Failure> {
    let bytes = read_beginning(path, limit)?;
    if bytes.len() > limit {
        let problem = format!("it is too long: more than {limit} bytes");
        return Err(Failure::BadFile { path: path.to_owned(), problem });
    }
    Ok(bytes)
}

/// As [`read`], with one byte beyond `limit` of a file that is too long.
pub(crate) fn read_beginning(path: &Path, limit: usize) -> Result<Vec<u8>, Failure> {
    let unreadable = |cause| Failure::Unreadable { path: path.to_owned(), cause };
    let at_most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    // A small file is read in one go, so that no copies of a secret are left behind where the buffer grew.
    let mut bytes = Vec::with_capacity(limit.saturating_add(1).min(MAX_BUFFER));
    File::open(path).and_then(|open| open.take(at_most).read_to_end(&mut bytes)).map_err(unreadable)?;
    Ok(bytes)
}

/// As [`read`], and the file must be text.
pub(crate) fn read_text(path: &Path, limit: usize) -> Result<String, Failure> {
    text(path, read(path, limit)?)
}

pub(crate) fn text(path: &Path, bytes: Vec<u8>) -> Result<String, Failure> {
    String::from_utf8(bytes)
        .map_err(|_| Failure::BadFile { path: path.to_owned(), problem: "it is not UTF-8".to_owned() })
}

/// Writes a file that is not there yet and that only its owner may read.
pub(crate) fn write_new(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let unwritable = |cause| Failure::Unwritable { path: path.to_owned(), cause };
    let mut file = options.open(path).map_err(unwritable)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    written.map_err(|cause: io::Error| {
        let _ = fs::remove_file(path);
        unwritable(cause)
    })
}
