//! The conformance suite over the embedded store.

use std::sync::Arc;

use tempfile::TempDir;
use wzapi_storage::Storage;
use wzapi_storage_embedded::{EmbeddedStorage, Options};
use wzapi_storage_testkit::{Backend, OpenStore, Reopened, SetupError, async_trait};

struct Embedded(Options);

struct Opened {
    storage: EmbeddedStorage,
    options: Options,
    directory: TempDir,
}

fn open(directory: TempDir, options: &Options) -> Result<Box<dyn OpenStore>, SetupError> {
    let storage = EmbeddedStorage::open(directory.path(), options.clone())?;
    Ok(Box::new(Opened { storage, options: options.clone(), directory }))
}

#[async_trait]
impl Backend for Embedded {
    async fn fresh(&self) -> Result<Box<dyn OpenStore>, SetupError> {
        open(tempfile::tempdir()?, &self.0)
    }
}

#[async_trait]
impl OpenStore for Opened {
    fn storage(&self) -> Arc<dyn Storage> {
        Arc::new(self.storage.clone())
    }

    async fn reopen(self: Box<Self>) -> Result<Reopened, SetupError> {
        let Self { storage, options, directory } = *self;
        drop(storage);
        Ok(Reopened::Open(open(directory, &options)?))
    }
}

wzapi_storage_testkit::conformance_suite!(Embedded(Options::default()));

mod one_at_a_time {
    use super::{Embedded, Options};

    wzapi_storage_testkit::conformance_suite!(Embedded(Options {
        queue_len: 1,
        max_batch: 1,
        ..Options::default()
    }));
}
