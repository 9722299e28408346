//! The suite, over this backend.

use std::fs::OpenOptions;
use std::io::Write;
use std::sync::Arc;

use tempfile::TempDir;
use wzapi_compliance::storage::Storage;
use wzapi_storage_testkit::{Backend, OpenStore, Reopened, SetupError, async_trait};

use crate::log_storage::LogStorage;

struct LogBackend;

struct Opened {
    storage: Arc<LogStorage>,
    folder: TempDir,
}

fn open(folder: TempDir) -> Result<Box<dyn OpenStore>, SetupError> {
    let storage = Arc::new(LogStorage::open(&folder.path().join("log"))?);
    Ok(Box::new(Opened { storage, folder }))
}

#[async_trait]
impl Backend for LogBackend {
    async fn fresh(&self) -> Result<Box<dyn OpenStore>, SetupError> {
        open(tempfile::tempdir()?)
    }
}

#[async_trait]
impl OpenStore for Opened {
    fn storage(&self) -> Arc<dyn Storage> {
        self.storage.clone()
    }

    async fn reopen(self: Box<Self>) -> Result<Reopened, SetupError> {
        let Self { storage, folder } = *self;
        drop(storage);
        // A crash in the middle of a write leaves half a frame behind, which must not matter.
        OpenOptions::new().append(true).open(folder.path().join("log"))?.write_all(&[0, 0, 1, 0, 7, 7])?;
        Ok(Reopened::Open(open(folder)?))
    }
}

wzapi_storage_testkit::conformance_suite!(LogBackend);
