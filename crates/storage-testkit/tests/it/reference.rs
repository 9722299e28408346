//! The suite over the store in memory, as it is and made to outlive a closing.

use std::sync::Arc;

use wzapi_storage::Storage;
use wzapi_storage_memory::MemoryStorage;
use wzapi_storage_testkit::suite::{Verdict, run_all};
use wzapi_storage_testkit::{Backend, OpenStore, Reopened, SetupError, async_trait};

struct Volatile;

#[async_trait]
impl Backend for Volatile {
    async fn fresh(&self) -> Result<Box<dyn OpenStore>, SetupError> {
        Ok(Box::new(VolatileStore(Arc::new(MemoryStorage::new()))))
    }
}

struct VolatileStore(Arc<MemoryStorage>);

impl OpenStore for VolatileStore {
    fn storage(&self) -> Arc<dyn Storage> {
        self.0.clone()
    }
}

struct Kept;

#[async_trait]
impl Backend for Kept {
    async fn fresh(&self) -> Result<Box<dyn OpenStore>, SetupError> {
        Ok(Box::new(KeptStore(Arc::new(MemoryStorage::new()))))
    }
}

struct KeptStore(Arc<MemoryStorage>);

#[async_trait]
impl OpenStore for KeptStore {
    fn storage(&self) -> Arc<dyn Storage> {
        self.0.clone()
    }

    async fn reopen(self: Box<Self>) -> Result<Reopened, SetupError> {
        assert_eq!(Arc::strong_count(&self.0), 1, "a case holds on to a store that is to be closed");
        Ok(Reopened::Open(self))
    }
}

#[tokio::test]
async fn the_reference_holds_and_durability_does_not_apply_to_it() {
    let report = run_all(&Volatile).await;
    assert!(report.is_conformant(), "{report}");
    let not_applicable: Vec<_> = report
        .verdicts
        .iter()
        .filter(|(_, verdict)| *verdict == Ok(Verdict::NotApplicable))
        .map(|(case, _)| case.name)
        .collect();
    assert_eq!(not_applicable, ["durable-reopen"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reference_holds_when_it_is_kept_over_a_closing() {
    let report = run_all(&Kept).await;
    assert!(report.is_conformant(), "{report}");
    assert!(report.verdicts.iter().all(|(_, verdict)| *verdict == Ok(Verdict::Holds)), "{report}");
    assert_eq!(report.broken().count(), 0);
}
