//! The conformance suite over PostgreSQL, by every way in which statements travel.

use std::sync::Arc;

use wzapi_storage::Storage;
use wzapi_storage_postgres::{Config, PostgresStorage, Statements};
use wzapi_storage_testkit::{Backend, OpenStore, Reopened, SetupError, async_trait};

use crate::harness::own_schema;

/// Makes stores with these settings, each in a schema of its own.
struct Postgres(fn(Config) -> Config);

struct Opened {
    storage: PostgresStorage,
    config: Config,
}

async fn open(config: Config) -> Result<Box<dyn OpenStore>, SetupError> {
    let storage = PostgresStorage::connect(&config).await?;
    Ok(Box::new(Opened { storage, config }))
}

#[async_trait]
impl Backend for Postgres {
    async fn fresh(&self) -> Result<Box<dyn OpenStore>, SetupError> {
        open((self.0)(own_schema())).await
    }
}

#[async_trait]
impl OpenStore for Opened {
    fn storage(&self) -> Arc<dyn Storage> {
        Arc::new(self.storage.clone())
    }

    async fn reopen(self: Box<Self>) -> Result<Reopened, SetupError> {
        let Self { storage, config } = *self;
        storage.close();
        drop(storage);
        Ok(Reopened::Open(open(config).await?))
    }
}

wzapi_storage_testkit::conformance_suite!(Postgres(|config| config));

mod unnamed_statements {
    use super::{Postgres, Statements};

    wzapi_storage_testkit::conformance_suite!(Postgres(|config| config.statements(Statements::Unnamed)));
}

mod one_connection {
    use super::Postgres;

    wzapi_storage_testkit::conformance_suite!(Postgres(|config| config.pool_size(1)));
}
