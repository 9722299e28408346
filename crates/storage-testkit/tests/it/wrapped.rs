//! The suite over the wrapper that injects faults: one that injects none, and one that only delays, is invisible.

use std::sync::Arc;

use wzapi_storage::Storage;
use wzapi_storage_memory::MemoryStorage;
use wzapi_storage_testkit::faulty::{FaultyStorage, Rates};
use wzapi_storage_testkit::{Backend, OpenStore, SetupError, async_trait};

struct Wrapped(Rates);

struct Opened(Arc<FaultyStorage>);

#[async_trait]
impl Backend for Wrapped {
    async fn fresh(&self) -> Result<Box<dyn OpenStore>, SetupError> {
        let storage = FaultyStorage::new(Arc::new(MemoryStorage::new())).with_rates(1, self.0);
        Ok(Box::new(Opened(Arc::new(storage))))
    }
}

impl OpenStore for Opened {
    fn storage(&self) -> Arc<dyn Storage> {
        self.0.clone()
    }
}

wzapi_storage_testkit::conformance_suite!(Wrapped(Rates::default()));

mod delayed {
    use super::{Rates, Wrapped};

    wzapi_storage_testkit::conformance_suite!(Wrapped(Rates { delay: 500, ..Rates::default() }));
}

mod troubled {
    use wzapi_storage_testkit::suite::run_all;

    use super::{Rates, Wrapped};

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_store_in_trouble_is_not_taken_for_a_conformant_one() {
        assert!(!run_all(&Wrapped(Rates::HARSH)).await.is_conformant());
    }
}
