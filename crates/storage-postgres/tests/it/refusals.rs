//! Servers that cannot be used, and that nothing secret is told about them.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use wzapi_storage::{Storage, StorageError};
use wzapi_storage_postgres::{PostgresError, PostgresStorage, Statements, Tls};
use xtask::postgres::Shutdown;

use crate::harness::{
    CONTROLLER, all_texts, as_user, cause, changeset, client, commit, config, in_database, key, own_database,
    own_named_schema, own_schema, own_server, schema_name, shared_server, store,
};

const SECRET: &str = "hunter2";

/// Connects, expects to be refused, and looks for the password in everything that is said.
async fn refused(url: &str) -> StorageError {
    let config = config(url).connect_timeout(Duration::from_secs(3));
    let error = PostgresStorage::connect(&config).await.unwrap_err();
    let password = url.split([':', '@']).nth(2).unwrap();
    let texts = format!("{}\n{config:?}", all_texts(&error));
    assert!(!texts.contains(password), "the password is in: {texts}");
    error
}

#[tokio::test]
async fn a_wrong_password_is_told_from_a_missing_database_and_from_a_missing_server() {
    let wrong = as_user(&shared_server(), "postgres", SECRET);
    assert!(matches!(cause(&refused(&wrong).await), PostgresError::Credentials));
    let unknown = as_user(&shared_server(), "nobody_of_that_name", SECRET);
    assert!(matches!(cause(&refused(&unknown).await), PostgresError::Credentials));
    let missing = in_database(&shared_server(), "no_such_database");
    assert!(matches!(cause(&refused(&missing).await), PostgresError::NoDatabase));
    let free = TcpListener::bind(("127.0.0.1", 0)).await.unwrap().local_addr().unwrap().port();
    let nobody = format!("postgres://postgres:{SECRET}@127.0.0.1:{free}/postgres");
    assert!(matches!(cause(&refused(&nobody).await), PostgresError::NoServer { cause: Some(_) }));
    let nowhere = format!("postgres://postgres:{SECRET}@host.invalid/postgres?sslmode=disable");
    assert!(matches!(cause(&refused(&nowhere).await), PostgresError::NoServer { .. }));
}

#[tokio::test]
async fn a_server_that_accepts_and_never_answers_is_given_up() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("postgres://u:{SECRET}@{}/d", listener.local_addr().unwrap());
    let error = tokio::time::timeout(Duration::from_secs(20), refused(&url)).await.unwrap();
    assert!(matches!(cause(&error), PostgresError::NoServer { .. }), "{error:?}");
}

#[tokio::test]
async fn a_server_without_tls_is_refused_when_tls_is_asked_for() {
    let error = refused(&format!("{}?sslmode=require", shared_server())).await;
    assert!(matches!(cause(&error), PostgresError::Tls { .. }), "{error:?}");
    let missing = Tls::VerifyFull(wzapi_storage_postgres::Roots::File("/nonexistent/ca.pem".into()));
    let error = PostgresStorage::connect(&config(&shared_server()).tls(missing)).await.unwrap_err();
    assert!(matches!(cause(&error), PostgresError::Tls { cause: Some(_) }), "{error:?}");
}

#[tokio::test]
async fn a_server_that_is_too_old_is_refused_by_its_version() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("postgres://u:{SECRET}@{}/d", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            tokio::spawn(version_13(socket));
        }
    });
    let error = refused(&url).await;
    let PostgresError::UnsupportedServer { found } = cause(&error) else { panic!("{error:?}") };
    assert_eq!(found, "13.11");
    assert!(cause(&error).to_string().contains("use version 14"));
}

/// As much of a server of version 13 as it takes to be asked for its version.
async fn version_13(mut socket: TcpStream) {
    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
        [&[kind], length.as_slice(), body].concat()
    }
    let ready = message(b'Z', b"I");
    let mut read = vec![0; 4096];
    let mut answer = [message(b'R', &[0; 4]), ready.clone()].concat();
    loop {
        let length = socket.read(&mut read).await.unwrap_or(0);
        if length == 0 {
            return;
        }
        if read[0] == b'Q' {
            let value =
                if read[..length].windows(9).any(|bytes| bytes == b"read_only") { "off" } else { "130011" };
            let column =
                [b"\0\x01v\0".as_slice(), &[0; 6], &[0, 0, 0, 25, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0]]
                    .concat();
            let size = u32::try_from(value.len()).unwrap().to_be_bytes();
            let row = [b"\0\x01".as_slice(), &size, value.as_bytes()].concat();
            answer = [message(b'T', &column), message(b'D', &row), message(b'C', b"SHOW\0"), ready.clone()]
                .concat();
        }
        socket.write_all(&answer).await.unwrap();
    }
}

#[tokio::test]
async fn a_replica_is_refused_and_taken_once_it_is_promoted() {
    let mut server = own_server(&[]);
    commit(&store(&config(&server.url())).await, changeset(1, 1)).await;
    server.stop(Shutdown::Fast).unwrap();
    server.write("standby.signal", "").unwrap();
    server.start_again().unwrap();
    let error = refused(&server.url()).await;
    assert!(matches!(cause(&error), PostgresError::ReadOnly), "{error:?}");
    client(&server.url()).await.query_one("SELECT pg_promote()", &[]).await.unwrap();
    let storage = store(&config(&server.url())).await;
    assert!(storage.get(CONTROLLER, &[key(1, 0)]).await.unwrap()[0].is_some());
}

#[tokio::test]
async fn a_server_that_becomes_read_only_refuses_commits_and_is_used_again_afterwards() {
    let url = own_database().await;
    let storage = store(&config(&url)).await;
    commit(&storage, changeset(1, 1)).await;
    let database = url.rsplit_once('/').unwrap().1;
    let owner = client(&shared_server()).await;
    let set = async |read_only: &str| {
        let sql = format!("ALTER DATABASE {database} SET default_transaction_read_only = {read_only}");
        owner.batch_execute(&sql).await.unwrap();
        // The setting is for new sessions.
        let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1";
        owner.query(sql, &[&database]).await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    set("on").await;
    let error = storage.commit(changeset(2, 1)).await.unwrap_err();
    assert!(matches!(cause(&error), PostgresError::ReadOnly), "{error:?}");
    set("off").await;
    commit(&storage, changeset(2, 1)).await;
}

#[tokio::test]
async fn a_role_without_rights_is_told_which_ones_it_needs() {
    let url = own_database().await;
    store(&config(&url)).await;
    let role = schema_name();
    let owner = client(&url).await;
    owner.batch_execute(&format!("CREATE ROLE {role} LOGIN PASSWORD '{SECRET}'")).await.unwrap();
    let error = refused(&as_user(&url, &role, SECRET)).await;
    assert!(matches!(cause(&error), PostgresError::Permission), "{error:?}");
    let reader = format!(
        "GRANT USAGE ON SCHEMA wzapi TO {role}; GRANT SELECT ON ALL TABLES IN SCHEMA wzapi TO {role}"
    );
    owner.batch_execute(&reader).await.unwrap();
    let storage = store(&config(&as_user(&url, &role, SECRET))).await;
    let error = storage.commit(changeset(1, 1)).await.unwrap_err();
    assert!(matches!(error, StorageError::Unavailable { .. }));
    assert!(matches!(cause(&error), PostgresError::Permission), "{error:?}");
}

#[tokio::test]
async fn a_pool_whose_connections_are_all_busy_says_so() {
    let (schema, config) = own_named_schema();
    let config = config.pool_size(1).connect_timeout(Duration::from_millis(200));
    let storage = store(&config).await;
    let mut other = client(&shared_server()).await;
    let lock = other.transaction().await.unwrap();
    lock.batch_execute(&format!("LOCK TABLE {schema}.changeset")).await.unwrap();
    let waiting = tokio::spawn({
        let storage = storage.clone();
        async move { commit(&storage, changeset(1, 1)).await }
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    let error = storage.get(CONTROLLER, &[key(1, 0)]).await.unwrap_err();
    assert!(matches!(cause(&error), PostgresError::NoConnection), "{error:?}");
    lock.rollback().await.unwrap();
    waiting.await.unwrap();
}

#[tokio::test]
async fn the_debug_texts_of_a_store_show_no_secret() {
    let url = shared_server();
    let password = url.split([':', '@']).nth(2).unwrap();
    let config = own_schema().statements(Statements::Prepared);
    let storage = store(&config).await;
    assert!(!format!("{storage:?} {config:?}").contains(password));
}
