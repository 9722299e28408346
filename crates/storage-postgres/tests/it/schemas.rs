//! Who makes the tables, and tables of other versions.

use tokio::task::JoinSet;
use wzapi_storage::{Storage, StorageError};
use wzapi_storage_postgres::{Migrations, PostgresError, PostgresStorage, schema};

use crate::harness::{
    CONTROLLER, as_user, cause, changeset, client, commit, config, key, own_database, own_schema,
    schema_name, store,
};

#[tokio::test]
async fn a_schema_applied_by_hand_is_taken_by_a_role_that_may_not_create() {
    let url = own_database().await;
    let (owner, role) = (client(&url).await, schema_name());
    owner.batch_execute(&schema::ddl(false)).await.unwrap();
    let grants = format!(
        "CREATE ROLE {role} LOGIN PASSWORD 'p'; GRANT USAGE ON SCHEMA wzapi TO {role};
         GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA wzapi TO {role};"
    );
    owner.batch_execute(&grants).await.unwrap();
    for migrations in [Migrations::Check, Migrations::Apply] {
        let storage = store(&config(&as_user(&url, &role, "p")).migrations(migrations)).await;
        let number = u64::from(migrations == Migrations::Apply);
        commit(&storage, changeset(number, 2)).await;
        assert!(storage.get(CONTROLLER, &[key(number, 1)]).await.unwrap()[0].is_some());
    }
}

#[tokio::test]
async fn the_printed_schema_is_the_one_that_the_store_makes() {
    let (by_hand, by_store) = (own_database().await, own_database().await);
    client(&by_hand).await.batch_execute(&schema::ddl(false)).await.unwrap();
    store(&config(&by_store)).await;
    let sql = "SELECT table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable || ' '
            || coalesce(col_description((table_schema || '.' || table_name)::regclass, ordinal_position), '')
        FROM information_schema.columns WHERE table_schema = 'wzapi'
        UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'wzapi' ORDER BY 1";
    let mut found = Vec::new();
    for url in [by_hand, by_store] {
        let rows = client(&url).await.query(sql, &[]).await.unwrap();
        found.push(rows.iter().map(|row| row.get::<_, String>(0)).collect::<Vec<_>>());
    }
    assert!(found[0].len() > 100);
    assert_eq!(found[0], found[1]);
}

#[tokio::test]
async fn a_missing_schema_is_not_made_when_it_may_only_be_checked() {
    let error = PostgresStorage::connect(&own_schema().migrations(Migrations::Check)).await.unwrap_err();
    let PostgresError::SchemaBehind { found: 0, needed } = cause(&error) else { panic!("{error:?}") };
    assert_eq!(*needed, schema::VERSION);
    assert!(cause(&error).to_string().contains("schema print --postgres"));
}

#[tokio::test]
async fn a_schema_of_a_newer_library_or_of_one_before_the_first_is_refused_and_left_alone() {
    for (version, name) in [(99, "0099_future"), (1, "0001_rows")] {
        let url = own_database().await;
        store(&config(&url)).await;
        let owner = client(&url).await;
        let other = format!(
            "DELETE FROM wzapi.schema_version;
             INSERT INTO wzapi.schema_version (version, name) VALUES ({version}, '{name}')"
        );
        owner.batch_execute(&other).await.unwrap();
        for migrations in [Migrations::Check, Migrations::Apply] {
            let error = PostgresStorage::connect(&config(&url).migrations(migrations)).await.unwrap_err();
            let StorageError::Format { found, supported } = &error else { panic!("{error:?}") };
            assert!(found.contains(&version.to_string()) && *supported == schema::VERSION, "{error}");
        }
        let count = "SELECT count(*) FROM wzapi.schema_version";
        assert_eq!(owner.query_one(count, &[]).await.unwrap().get::<_, i64>(0), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_start_at_once_make_the_tables_once() {
    let config = own_schema();
    let mut starting = JoinSet::new();
    for _ in 0..8 {
        let config = config.clone();
        starting.spawn(async move { PostgresStorage::connect(&config).await.map(drop) });
    }
    for started in starting.join_all().await {
        started.unwrap();
    }
    commit(&store(&config).await, changeset(1, 1)).await;
}

#[test]
fn the_printed_schema_for_citus_keeps_every_table_of_a_controller_on_one_node() {
    let ddl = schema::ddl(true);
    let distributed = ddl.matches("create_distributed_table(").count();
    assert_eq!(distributed, wzapi_storage::key::RowKind::ALL.len());
    assert_eq!(ddl.matches("colocate_with => 'wzapi.directory'").count(), distributed - 1);
    assert!(ddl.contains("create_reference_table('wzapi.schema_version')"));
    assert!(ddl.starts_with(schema::ddl(false).trim_end()));
}
