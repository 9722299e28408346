//! A server that goes away and comes back under load.

use std::process::Command;
use std::time::Duration;

use wzapi_storage::Storage;
use wzapi_storage_postgres::PostgresError;
use xtask::postgres::Shutdown;

use crate::harness::{
    CONTROLLER, cause, changeset, client, commit, config, key, own_named_schema, own_server, shared_server,
    store,
};
use crate::load::Load;

#[tokio::test(flavor = "multi_thread")]
async fn after_a_crash_of_the_server_every_acknowledged_changeset_is_there() {
    // With fsync, for what the server itself has to find again.
    let mut server = own_server(&[("fsync", "on")]);
    let storage = store(&config(&server.url())).await;
    let load = Load::start(&storage);
    for _ in 0..4 {
        load.go_on(60).await;
        server.stop(Shutdown::Immediate).unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
        server.start_again().unwrap();
    }
    // The same store, without being opened again.
    load.go_on(60).await;
    load.check(&storage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_process_killed_in_mid_commit_loses_nothing() {
    let server = own_server(&[]);
    let storage = store(&config(&server.url())).await;
    let load = Load::start(&storage);
    for _ in 0..4 {
        load.go_on(60).await;
        let client = client(&server.url()).await;
        let sql =
            "SELECT pid FROM pg_stat_activity WHERE application_name = 'wzapi' ORDER BY random() LIMIT 1";
        let pid: i32 = client.query_one(sql, &[]).await.unwrap().get(0);
        let killed = Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap();
        assert!(killed.success());
        // The server ends all sessions and recovers.
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    load.go_on(60).await;
    load.check(&storage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_ended_by_an_administrator_are_replaced() {
    let (schema, config) = own_named_schema();
    let storage = store(&config).await;
    let load = Load::start(&storage);
    let client = client(&shared_server()).await;
    for _ in 0..5 {
        load.go_on(50).await;
        // Only the sessions of this test: those whose last statement names its schema.
        let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE pid <> pg_backend_pid() AND pid IN (
                SELECT l.pid FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
                JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1)";
        client.query(sql, &[&schema]).await.unwrap();
    }
    load.check(&storage).await;
}

#[tokio::test]
async fn a_store_whose_server_is_gone_says_so_and_recovers_with_it() {
    let mut server = own_server(&[]);
    let storage = store(&config(&server.url())).await;
    commit(&storage, changeset(1, 1)).await;
    server.stop(Shutdown::Fast).unwrap();
    let error = storage.get(CONTROLLER, &[key(1, 0)]).await.unwrap_err();
    assert!(matches!(cause(&error), PostgresError::NoServer { .. }), "{error:?}");
    let error = storage.commit(changeset(2, 1)).await.unwrap_err();
    assert!(matches!(cause(&error), PostgresError::NoServer { .. }), "{error:?}");
    assert!(matches!(error, wzapi_storage::StorageError::Unavailable { .. }));
    server.start_again().unwrap();
    assert!(storage.get(CONTROLLER, &[key(1, 0)]).await.unwrap()[0].is_some());
    commit(&storage, changeset(2, 1)).await;
}

#[tokio::test]
async fn a_row_that_somebody_holds_locked_is_waited_for_no_longer_than_the_timeout() {
    let (schema, config) = own_named_schema();
    let config = config.statement_timeout(Duration::from_millis(300));
    let storage = store(&config).await;
    commit(&storage, changeset(1, 1)).await;
    let mut other = client(&shared_server()).await;
    let lock = other.transaction().await.unwrap();
    lock.batch_execute(&format!("UPDATE {schema}.source_event SET version = version")).await.unwrap();
    let again = wzapi_storage::Changeset { id: changeset(3, 1).id, ..changeset(1, 1) };
    let error = storage.commit(again.clone()).await.unwrap_err();
    assert!(matches!(error, wzapi_storage::StorageError::Unavailable { .. }), "{error:?}");
    assert!(matches!(cause(&error), PostgresError::TimedOut), "{error:?}");
    lock.rollback().await.unwrap();
    commit(&storage, again).await;
}
