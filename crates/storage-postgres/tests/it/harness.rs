//! Servers, schemas of one's own, and short ways to look into them.

use std::error::Error;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio_postgres::{Client, NoTls};
use wzapi_model::Timestamp;
use wzapi_model::entropy::Entropy;
use wzapi_model::ids::{ChangesetId, ControllerId};
use wzapi_model::system::SystemEntropy;
use wzapi_storage::changeset::Write;
use wzapi_storage::key::BlindIndex;
use wzapi_storage::row::{Record, SourceEventRow};
use wzapi_storage::{Changeset, Durability, Key, Storage, StorageError, Version};
use wzapi_storage_postgres::{Config, PostgresError, PostgresStorage};
use xtask::postgres::{Installation, Server, VARIABLE};

pub(crate) const CONTROLLER: ControllerId = ControllerId::from_bytes([0xc0; 16]);

/// The address of the server that all tests share.
pub(crate) fn shared_server() -> String {
    std::env::var(VARIABLE).unwrap_or_else(|_| {
        panic!(
            "{VARIABLE} is not set: run `cargo xtask test`, or `cargo xtask postgres` and set it as that says, \
             or name a throwaway server's superuser as postgres://user:password@host:port/database"
        )
    })
}

/// A server for one test that stops it, fills it up or reads its log.
pub(crate) fn own_server(settings: &[(&str, &str)]) -> Server {
    let mut all = vec![("fsync", "off")];
    all.extend_from_slice(settings);
    Server::start(&Installation::find_or_install().unwrap(), &all).unwrap()
}

/// A schema that no other test uses, on the shared server.
pub(crate) fn own_schema() -> Config {
    own_named_schema().1
}

pub(crate) fn own_named_schema() -> (String, Config) {
    let name = schema_name();
    let config = config(&shared_server()).schema(&name).unwrap();
    (name, config)
}

pub(crate) fn schema_name() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let mut random = [0; 8];
    SystemEntropy::new().fill(&mut random).unwrap();
    format!("test_{:016x}_{}", u64::from_be_bytes(random), COUNT.fetch_add(1, Ordering::Relaxed))
}

pub(crate) fn config(url: &str) -> Config {
    Config::from_url(url).unwrap().pool_size(8)
}

pub(crate) async fn store(config: &Config) -> PostgresStorage {
    PostgresStorage::connect(config).await.unwrap()
}

pub(crate) async fn commit(storage: &PostgresStorage, changeset: Changeset) -> Version {
    storage.commit(changeset).await.unwrap().version
}

/// A connection of the test's own, not by way of the store.
pub(crate) async fn client(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

pub(crate) fn key(number: u64, part: u64) -> Key {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    bytes[8..].copy_from_slice(&part.to_be_bytes());
    Key::SourceEvent(BlindIndex(bytes))
}

pub(crate) fn receipt(number: u64) -> Key {
    Key::Changeset(changeset_id(number))
}

fn changeset_id(number: u64) -> ChangesetId {
    let mut id = [0xcc; 16];
    id[8..].copy_from_slice(&number.to_be_bytes());
    ChangesetId::from_bytes(id)
}

/// A changeset of this number with so many rows, which say the number.
pub(crate) fn changeset(number: u64, rows: u64) -> Changeset {
    let seen_at = Timestamp::from_millis(i64::try_from(number).unwrap()).unwrap();
    let row = |part| Record {
        key: key(number, part),
        due_at: Some(seen_at),
        body: SourceEventRow { seen_at }.into(),
    };
    Changeset {
        id: changeset_id(number),
        controller: CONTROLLER,
        at: seen_at,
        preconditions: Vec::new(),
        writes: (0..rows).map(|part| Write::Put(row(part))).collect(),
        durability: Durability::Durable,
    }
}

/// A database that no other test uses, on the shared server; its superuser's address.
pub(crate) async fn own_database() -> String {
    let server = shared_server();
    let name = schema_name();
    client(&server).await.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
    in_database(&server, &name)
}

/// The same server, another database.
pub(crate) fn in_database(url: &str, database: &str) -> String {
    let (server, _) = url.rsplit_once('/').unwrap();
    format!("{server}/{database}")
}

/// The same server, as somebody else.
pub(crate) fn as_user(url: &str, user: &str, password: &str) -> String {
    let (_, server) = url.rsplit_once('@').unwrap();
    format!("postgres://{user}:{password}@{server}")
}

/// Everything that an error says, with all of its causes.
pub(crate) fn all_texts(error: &(dyn Error + 'static)) -> String {
    let mut texts = format!("{error:?}");
    let mut next = Some(error);
    while let Some(error) = next {
        texts.push_str(&format!("\n{error}"));
        next = error.source();
    }
    texts
}

/// The store's own cause inside of an error.
pub(crate) fn cause(error: &StorageError) -> &PostgresError {
    match error {
        StorageError::Unavailable { cause } | StorageError::UnknownOutcome { cause } => {
            cause.downcast_ref().expect("a cause of this store")
        }
        other => panic!("{other:?}"),
    }
}
