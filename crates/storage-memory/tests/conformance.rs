//! The conformance suite over the store in memory.

use std::sync::Arc;

use wzapi_storage::Storage;
use wzapi_storage_memory::MemoryStorage;
use wzapi_storage_testkit::{Backend, OpenStore, SetupError, async_trait};

struct Memory;

struct Opened(Arc<MemoryStorage>);

#[async_trait]
impl Backend for Memory {
    async fn fresh(&self) -> Result<Box<dyn OpenStore>, SetupError> {
        Ok(Box::new(Opened(Arc::new(MemoryStorage::new()))))
    }
}

impl OpenStore for Opened {
    fn storage(&self) -> Arc<dyn Storage> {
        self.0.clone()
    }
}

wzapi_storage_testkit::conformance_suite!(Memory);
