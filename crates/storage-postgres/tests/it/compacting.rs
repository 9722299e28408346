//! What `VACUUM` gives back, who may do it, and what it leaves.

use std::path::Path;

use wzapi_model::Timestamp;
use wzapi_storage::changeset::Write;
use wzapi_storage::key::Cohort;
use wzapi_storage::row::{Record, Sealed, UnrecognisedRow};
use wzapi_storage::{Changeset, Key, Storage};
use wzapi_storage_postgres::{Migrations, PostgresError, PostgresStorage, schema};

use crate::harness::{
    CONTROLLER, as_user, cause, changeset, client, commit, config, key, own_database, own_server,
    schema_name, store,
};

const ROWS: u64 = 4_000;
const PER_CHANGESET: u64 = 500;

fn unrecognised(number: u64) -> Key {
    let Key::SourceEvent(index) = key(number, 0) else { panic!("another key") };
    Key::Unrecognised(index)
}

/// A row with a text in it that can be found in a file; a real one is sealed.
fn row(number: u64) -> Write {
    let sealed =
        Sealed { cohort: Cohort(1), envelope: format!("secret value of {number:0200}").into_bytes() };
    let body = UnrecognisedRow { received_at: Timestamp::EPOCH, reason: String::new(), sealed }.into();
    Write::Put(Record { key: unrecognised(number), due_at: None, body })
}

/// Writes every row, then deletes all but the first hundred.
async fn fill_and_empty(storage: &PostgresStorage) {
    let deletes = (100..ROWS).map(|number| Write::Delete(unrecognised(number)));
    let writes: Vec<Write> = (0..ROWS).map(row).chain(deletes).collect();
    for (id, writes) in (0..).zip(writes.chunks(PER_CHANGESET as usize)) {
        commit(storage, Changeset { writes: writes.to_vec(), ..changeset(id, 0) }).await;
    }
}

#[tokio::test]
async fn the_room_of_deleted_rows_is_given_back() {
    let url = own_database().await;
    let storage = store(&config(&url)).await;
    fill_and_empty(&storage).await;
    let compacted = storage.compact().await.unwrap();
    assert!(compacted.bytes_after + (1 << 20) < compacted.bytes_before, "{compacted:?}");
    let size = "SELECT sum(pg_total_relation_size(oid))::bigint FROM pg_class
        WHERE relnamespace = 'wzapi'::regnamespace AND relkind = 'r'";
    let measured: i64 = client(&url).await.query_one(size, &[]).await.unwrap().get(0);
    assert_eq!(u64::try_from(measured).unwrap(), compacted.bytes_after);
    let kept: Vec<Key> = (0..ROWS).map(unrecognised).collect();
    let rows = storage.get(CONTROLLER, &kept).await.unwrap();
    assert!(rows.iter().enumerate().all(|(number, row)| row.is_some() == (number < 100)));
    // The store is as good as before.
    commit(&storage, changeset(1_000, 3)).await;
    let _ = storage.compact().await.unwrap();
}

#[tokio::test]
async fn a_role_that_may_not_vacuum_is_told_so() {
    let url = own_database().await;
    let (owner, role) = (client(&url).await, schema_name());
    owner.batch_execute(&schema::ddl(false)).await.unwrap();
    let grants = format!(
        "CREATE ROLE {role} LOGIN PASSWORD 'p'; GRANT USAGE ON SCHEMA wzapi TO {role};
         GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA wzapi TO {role};"
    );
    owner.batch_execute(&grants).await.unwrap();
    let storage = store(&config(&as_user(&url, &role, "p")).migrations(Migrations::Check)).await;
    let error = storage.compact().await.unwrap_err();
    assert!(matches!(cause(&error), PostgresError::Maintenance), "{error:?}");
    commit(&storage, changeset(1, 1)).await;
    // As the owner of all the tables it may.
    let tables: String = wzapi_storage::key::RowKind::ALL
        .iter()
        .map(|kind| format!("ALTER TABLE wzapi.{kind} OWNER TO {role};"))
        .chain([format!("ALTER TABLE wzapi.schema_version OWNER TO {role};")])
        .collect();
    owner.batch_execute(&tables).await.unwrap();
    let _ = storage.compact().await.unwrap();
}

/// How often the text stands in the files below a directory.
fn occurrences(directory: &Path) -> usize {
    let mut found = 0;
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found += occurrences(&path);
        } else if let Ok(bytes) = std::fs::read(&path) {
            let text = b"secret value";
            found += bytes.windows(text.len()).filter(|window| window == text).count();
        }
    }
    found
}

/// Not a promise of the store, but what its documentation says about the server.
#[tokio::test]
async fn deleted_values_stay_in_the_files_of_the_server_until_a_full_vacuum() {
    let server = own_server(&[]);
    let storage = store(&config(&server.url())).await;
    fill_and_empty(&storage).await;
    let owner = client(&server.url()).await;
    let (tables, log) = (server.data().join("base"), server.data().join("pg_wal"));
    let mut left = Vec::new();
    for step in ["SELECT", "compact", "VACUUM FULL wzapi.unrecognised"] {
        if step == "compact" {
            let _ = storage.compact().await.unwrap();
        } else {
            owner.batch_execute(step).await.unwrap();
        }
        owner.batch_execute("CHECKPOINT").await.unwrap();
        left.push((occurrences(&tables), occurrences(&log)));
    }
    eprintln!("in tables and in the log, before, after compact and after VACUUM FULL: {left:?}");
    // The server tidies up a page now and then while it works.
    assert!(left[0].0 > ROWS as usize * 9 / 10, "nothing was there to be removed");
    assert!(left[1].0 >= 100 && left[1].1 >= ROWS as usize * 9 / 10);
    assert_eq!(left[2].0, 100);
}
