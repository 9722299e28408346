//! Behind pgbouncer, in transaction mode.

use std::sync::Arc;

use wzapi_storage::Storage;
use wzapi_storage_postgres::{Config, PostgresStorage, Statements};
use wzapi_storage_testkit::{Backend, OpenStore, Reopened, SetupError, async_trait, suite};
use xtask::postgres::Pooler;

use crate::harness::{config, own_server, schema_name, store};
use crate::load::Load;

struct Pooled(Config);

struct Opened {
    storage: PostgresStorage,
    config: Config,
}

async fn open(config: Config) -> Result<Box<dyn OpenStore>, SetupError> {
    Ok(Box::new(Opened { storage: PostgresStorage::connect(&config).await?, config }))
}

#[async_trait]
impl Backend for Pooled {
    async fn fresh(&self) -> Result<Box<dyn OpenStore>, SetupError> {
        open(self.0.clone().schema(&schema_name())?).await
    }
}

#[async_trait]
impl OpenStore for Opened {
    fn storage(&self) -> Arc<dyn Storage> {
        Arc::new(self.storage.clone())
    }

    async fn reopen(self: Box<Self>) -> Result<Reopened, SetupError> {
        Ok(Reopened::Open(open(self.config.clone()).await?))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_suite_holds_behind_pgbouncer_with_unnamed_statements() {
    let server = own_server(&[]);
    let pooler = Pooler::start(&server).unwrap();
    let pooled = Pooled(config(&server.url_on(pooler.port())).statements(Statements::Unnamed));
    let report = suite::run_all(&pooled).await;
    assert!(report.is_conformant(), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pooler_that_is_started_again_loses_nothing() {
    let server = own_server(&[]);
    let mut pooler = Pooler::start(&server).unwrap();
    let storage = store(&config(&server.url_on(pooler.port())).statements(Statements::Unnamed)).await;
    let load = Load::start(&storage);
    for _ in 0..3 {
        load.go_on(60).await;
        pooler.start_again().unwrap();
    }
    load.go_on(60).await;
    load.check(&storage).await;
}
