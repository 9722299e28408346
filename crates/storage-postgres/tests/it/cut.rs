//! A connection that is cut in the middle of a commit, at either side of its effect.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use wzapi_storage::changeset::Write;
use wzapi_storage::{Changeset, Precondition, Storage, StorageError};
use wzapi_storage_postgres::PostgresError;

use crate::harness::{
    CONTROLLER, cause, changeset, commit, config, key, receipt, schema_name, shared_server, store,
};

/// What the proxy does with a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Mode {
    /// Hands everything on.
    Pass,
    /// Cuts the next connection that sends COMMIT before the server gets to see it; then passes.
    BeforeCommit,
    /// Hands the next COMMIT on, waits for the answer and cuts instead of handing that on; then passes.
    AfterCommit,
    /// As [`Mode::AfterCommit`], and refuses every connection from then on.
    AfterCommitForGood,
    /// Makes the next `BEGIN` of a commit unreadable to the server; then passes.
    SpoilBegin,
    /// Refuses.
    Refuse,
}

/// As it ends a message; `READ COMMITTED` does not.
const COMMIT: &[u8] = b"COMMIT\0";

/// As a commit begins.
const BEGIN: &[u8] = b"BEGIN ISOLATION";

struct Proxy {
    port: u16,
    mode: Arc<AtomicU8>,
    cuts: Arc<AtomicUsize>,
}

impl Proxy {
    async fn start(server: String) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let proxy = Self {
            port: listener.local_addr().unwrap().port(),
            mode: Arc::new(AtomicU8::new(Mode::Pass as u8)),
            cuts: Arc::new(AtomicUsize::new(0)),
        };
        let (mode, cuts) = (Arc::clone(&proxy.mode), Arc::clone(&proxy.cuts));
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                if mode.load(Ordering::SeqCst) == Mode::Refuse as u8 {
                    continue;
                }
                let server = TcpStream::connect(&server).await.unwrap();
                tokio::spawn(forward(client, server, Arc::clone(&mode), Arc::clone(&cuts)));
            }
        });
        proxy
    }

    fn set(&self, mode: Mode) {
        self.mode.store(mode as u8, Ordering::SeqCst);
    }
}

/// Hands on in both directions until one side ends, or the mode says to cut.
async fn forward(mut client: TcpStream, mut server: TcpStream, mode: Arc<AtomicU8>, cuts: Arc<AtomicUsize>) {
    let (mut from_client, mut from_server) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    loop {
        tokio::select! {
            read = client.read(&mut from_client) => {
                let Ok(length @ 1..) = read else { return };
                let sent = &mut from_client[..length];
                let now = mode.load(Ordering::SeqCst);
                if now == Mode::SpoilBegin as u8 {
                    if let Some(at) = sent.windows(BEGIN.len()).position(|bytes| bytes == BEGIN) {
                        sent[at] = b'X';
                        mode.store(Mode::Pass as u8, Ordering::SeqCst);
                        cuts.fetch_add(1, Ordering::SeqCst);
                    }
                } else if now != Mode::Pass as u8 && sent.windows(COMMIT.len()).any(|bytes| bytes == COMMIT) {
                    cuts.fetch_add(1, Ordering::SeqCst);
                    let next = if now == Mode::AfterCommitForGood as u8 { Mode::Refuse } else { Mode::Pass };
                    mode.store(next as u8, Ordering::SeqCst);
                    if now != Mode::BeforeCommit as u8 {
                        server.write_all(sent).await.unwrap();
                        // The answer to COMMIT, the last of all, is ReadyForQuery with `I` for idle.
                        let mut answer = Vec::new();
                        while !answer.ends_with(b"Z\0\0\0\x05I") {
                            let length = server.read(&mut from_server).await.unwrap();
                            answer.extend_from_slice(&from_server[..length]);
                        }
                    }
                    return;
                }
                if server.write_all(sent).await.is_err() { return }
            }
            read = server.read(&mut from_server) => {
                let Ok(length @ 1..) = read else { return };
                if client.write_all(&from_server[..length]).await.is_err() { return }
            }
        }
    }
}

async fn proxied() -> (Proxy, wzapi_storage_postgres::Config) {
    let url = shared_server();
    let (credentials, rest) = url.rsplit_once('@').unwrap();
    let (server, database) = rest.split_once('/').unwrap();
    let proxy = Proxy::start(server.to_owned()).await;
    let config = config(&format!("{credentials}@127.0.0.1:{}/{database}", proxy.port));
    (proxy, config.schema(&schema_name()).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_on_either_side_of_the_commit_is_resolved_and_has_one_effect() {
    let (proxy, config) = proxied().await;
    let storage = store(&config).await;
    let mut version = commit(&storage, changeset(0, 3)).await;
    for number in 1..=10 {
        proxy.set(if number % 2 == 0 { Mode::BeforeCommit } else { Mode::AfterCommit });
        // Guarded by its own former version: a second effect would be a conflict.
        let next = Changeset {
            id: changeset(number, 0).id,
            preconditions: (0..3).map(|part| (key(0, part), Precondition::Version(version))).collect(),
            ..changeset(0, 3)
        };
        version = commit(&storage, next).await;
        let keys = [key(0, 0), key(0, 2), receipt(number)];
        for stored in storage.get(CONTROLLER, &keys).await.unwrap() {
            assert_eq!(stored.unwrap().version, version);
        }
    }
    assert_eq!(proxy.cuts.load(Ordering::SeqCst), 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_changeset_is_told_from_a_lost_one() {
    let (proxy, config) = proxied().await;
    let storage = store(&config).await;
    commit(&storage, changeset(1, 1)).await;
    proxy.set(Mode::AfterCommit);
    // It is recorded, but not by this call.
    match storage.commit(changeset(1, 1)).await {
        Err(StorageError::Conflict { failed }) => assert_eq!(failed, [receipt(1)]),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn when_nobody_answers_any_more_the_outcome_is_unknown_and_can_be_looked_up() {
    let (proxy, config) = proxied().await;
    let storage = store(&config).await;
    commit(&storage, changeset(1, 1)).await;
    proxy.set(Mode::AfterCommitForGood);
    let error = storage.commit(changeset(2, 2)).await.unwrap_err();
    assert!(matches!(error, StorageError::UnknownOutcome { .. }), "{error:?}");
    assert!(matches!(cause(&error), PostgresError::NoServer { .. } | PostgresError::Lost), "{error:?}");
    proxy.set(Mode::Pass);
    assert!(storage.get(CONTROLLER, &[receipt(2)]).await.unwrap()[0].is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_begin_that_fails_by_itself_leaves_no_statement_to_stand_alone() {
    let (proxy, config) = proxied().await;
    let storage = store(&config).await;
    for number in 1..=3 {
        // Every statement is prepared by now; nothing but the transaction is sent.
        commit(&storage, changeset(100 + number, 2)).await;
        proxy.set(Mode::SpoilBegin);
        let next = Changeset {
            preconditions: vec![(key(number, 0), Precondition::Absent)],
            writes: changeset(number, 2)
                .writes
                .into_iter()
                .chain([Write::Delete(key(100 + number, 1))])
                .collect(),
            ..changeset(number, 0)
        };
        let error = storage.commit(next.clone()).await.unwrap_err();
        assert!(matches!(error, StorageError::Unavailable { .. }), "{error:?}");
        let keys = [key(number, 0), key(number, 1), receipt(number), key(100 + number, 1)];
        let found = storage.get(CONTROLLER, &keys).await.unwrap();
        assert_eq!(found.iter().map(Option::is_some).collect::<Vec<_>>(), [false, false, false, true]);
        commit(&storage, next).await;
    }
    assert_eq!(proxy.cuts.load(Ordering::SeqCst), 3);
}
