//! The schema as the server knows it: nothing in it stands in the way of distributing it.

use tokio_postgres::Client;
use wzapi_storage::key::RowKind;

use crate::harness::{client, own_database, store};

/// The list of migrations is about the database and not about a controller.
const EXCEPTION: &str = "schema_version";

async fn strings(client: &Client, sql: &str) -> Vec<String> {
    client.query(sql, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
}

async fn migrated() -> Client {
    let url = own_database().await;
    store(&crate::harness::config(&url)).await;
    client(&url).await
}

#[tokio::test]
async fn every_key_and_unique_index_begins_with_the_controller() {
    let client = migrated().await;
    let sql = "SELECT t.relname || '.' || i.relname || ': ' || a.attname
        FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid
        JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = x.indkey[0]
        WHERE t.relnamespace = 'wzapi'::regnamespace AND x.indisunique";
    let indexes = strings(&client, sql).await;
    assert_eq!(indexes.len(), RowKind::ALL.len() + 1);
    for index in indexes {
        let excepted = index.starts_with(EXCEPTION);
        assert!(excepted || index.ends_with(": controller_id"), "{index}");
    }
    // The other indexes as well: a tenant's rows stand together.
    let sql = "SELECT t.relname::text FROM pg_index x JOIN pg_class t ON t.oid = x.indrelid
        JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = x.indkey[0]
        WHERE t.relnamespace = 'wzapi'::regnamespace AND a.attname <> 'controller_id'";
    assert_eq!(strings(&client, sql).await, [EXCEPTION]);
}

#[tokio::test]
async fn there_is_no_sequence_no_trigger_and_no_foreign_key() {
    let client = migrated().await;
    let sequences = "SELECT relname::text FROM pg_class
        WHERE relnamespace = 'wzapi'::regnamespace AND relkind = 'S'";
    let triggers = "SELECT tgname::text FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
        WHERE c.relnamespace = 'wzapi'::regnamespace";
    let foreign_keys = "SELECT conname::text FROM pg_constraint
        WHERE connamespace = 'wzapi'::regnamespace AND contype = 'f'";
    let functions = "SELECT proname::text FROM pg_proc WHERE pronamespace = 'wzapi'::regnamespace";
    for sql in [sequences, triggers, foreign_keys, functions] {
        assert_eq!(strings(&client, sql).await, Vec::<String>::new(), "{sql}");
    }
}

#[tokio::test]
async fn there_is_one_table_per_kind_and_every_column_is_explained() {
    let client = migrated().await;
    let sql = "SELECT relname::text FROM pg_class
        WHERE relnamespace = 'wzapi'::regnamespace AND relkind = 'r' ORDER BY 1";
    let mut expected: Vec<&str> = RowKind::ALL.iter().map(|kind| kind.as_str()).chain([EXCEPTION]).collect();
    expected.sort_unstable();
    assert_eq!(strings(&client, sql).await, expected);
    let sql = "SELECT c.relname || '.' || a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
        WHERE c.relnamespace = 'wzapi'::regnamespace AND c.relkind = 'r' AND a.attnum > 0
        AND (col_description(c.oid, a.attnum) IS NULL OR obj_description(c.oid) IS NULL)";
    assert_eq!(strings(&client, sql).await, Vec::<String>::new());
}

#[tokio::test]
async fn what_is_due_is_found_by_an_index_in_every_table() {
    let client = migrated().await;
    let sql = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'wzapi' AND indexname LIKE '%\\_due'";
    let indexes = strings(&client, sql).await;
    assert_eq!(indexes.len(), RowKind::ALL.len());
    for index in indexes {
        assert!(index.ends_with("(controller_id, due_at, key) WHERE (due_at IS NOT NULL)"), "{index}");
    }
}
