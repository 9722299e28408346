//! Row-level security, applied by hand.

use std::sync::Arc;

use wzapi_model::ids::ControllerId;
use wzapi_storage::Storage;
use wzapi_storage_postgres::{PostgresStorage, schema};
use wzapi_storage_testkit::{Backend, OpenStore, SetupError, async_trait, suite};

use crate::harness::{
    CONTROLLER, as_user, changeset, client, commit, config, key, own_database, schema_name, store,
};

/// A database with the wall up, and the address of a role that it holds for.
async fn walled() -> String {
    let url = own_database().await;
    let (owner, role) = (client(&url).await, schema_name());
    owner.batch_execute(&schema::ddl(false)).await.unwrap();
    owner.batch_execute(schema::row_level_security()).await.unwrap();
    let grants = format!(
        "CREATE ROLE {role} LOGIN PASSWORD 'p'; GRANT USAGE ON SCHEMA wzapi TO {role};
         GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA wzapi TO {role};"
    );
    owner.batch_execute(&grants).await.unwrap();
    as_user(&url, &role, "p")
}

#[tokio::test]
async fn a_statement_that_forgets_its_controller_sees_and_changes_nothing() {
    let url = walled().await;
    let storage = store(&config(&url).row_level_security(true)).await;
    commit(&storage, changeset(1, 2)).await;
    assert!(storage.get(CONTROLLER, &[key(1, 1)]).await.unwrap()[0].is_some());

    let mut careless = client(&url).await;
    let count = "SELECT count(*) FROM wzapi.source_event";
    assert_eq!(careless.query_one(count, &[]).await.unwrap().get::<_, i64>(0), 0);
    assert_eq!(careless.execute("DELETE FROM wzapi.source_event", &[]).await.unwrap(), 0);
    for (named, seen) in [(CONTROLLER, 2), (ControllerId::from_bytes([9; 16]), 0)] {
        let transaction = careless.transaction().await.unwrap();
        transaction.batch_execute(&format!("SET LOCAL wzapi.controller_id = '{named}'")).await.unwrap();
        assert_eq!(transaction.query_one(count, &[]).await.unwrap().get::<_, i64>(0), seen);
    }
    // The name ends with its transaction.
    assert_eq!(careless.query_one(count, &[]).await.unwrap().get::<_, i64>(0), 0);
}

#[tokio::test]
async fn a_store_that_does_not_name_the_controller_can_write_nothing() {
    let url = walled().await;
    let storage = store(&config(&url)).await;
    storage.commit(changeset(1, 1)).await.unwrap_err();
}

/// Every store in a database of its own, for the wall names its schema.
struct Walled;

struct Opened(PostgresStorage);

#[async_trait]
impl Backend for Walled {
    async fn fresh(&self) -> Result<Box<dyn OpenStore>, SetupError> {
        let config = config(&walled().await).row_level_security(true);
        Ok(Box::new(Opened(PostgresStorage::connect(&config).await?)))
    }
}

impl OpenStore for Opened {
    fn storage(&self) -> Arc<dyn Storage> {
        Arc::new(self.0.clone())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_contract_holds_behind_the_wall() {
    // `dyn-storage` is all the others once more.
    for case in suite::CASES.iter().filter(|case| case.name != "dyn-storage") {
        if let Err(failure) = case.run(&Walled).await {
            panic!("{}: {failure}", case.name);
        }
    }
}
