//! Every statement that the store sends, as the server writes it down.

use std::sync::Arc;

use wzapi_model::Timestamp;
use wzapi_model::ids::SubjectId;
use wzapi_storage::key::{KeyPrefix, RowKind};
use wzapi_storage::query::{Cursor, Query};
use wzapi_storage::{Durability, Owner, Storage};
use wzapi_storage_postgres::{Config, PostgresStorage};
use wzapi_storage_testkit::{Backend, OpenStore, SetupError, async_trait, suite};
use xtask::postgres::Server;

use crate::harness::{CONTROLLER, changeset, client, commit, config, key, own_server, schema_name, store};

/// Lets the server write down every statement; the tests of one connection come one after the other in it.
fn recording_server(synchronous_commit: &str) -> Server {
    own_server(&[
        ("log_statement", "all"),
        ("log_line_prefix", ""),
        ("log_min_messages", "log"),
        ("log_min_error_statement", "fatal"),
        ("synchronous_commit", synchronous_commit),
    ])
}

/// The statements in a log.
fn statements(log: &str) -> Vec<String> {
    // A statement of several lines goes on after a tab.
    let log = log.replace("\n\t", " ");
    let statement = |line: &str| {
        let (_, rest) = line.split_once("LOG:  ")?;
        let (how, sql) = rest.split_once(": ")?;
        (how == "statement" || how.starts_with("execute")).then(|| sql.to_owned())
    };
    log.lines().filter_map(statement).collect()
}

struct Recorded(String);

struct Opened(PostgresStorage);

#[async_trait]
impl Backend for Recorded {
    async fn fresh(&self) -> Result<Box<dyn OpenStore>, SetupError> {
        let config: Config = config(&self.0).schema(&schema_name())?;
        Ok(Box::new(Opened(PostgresStorage::connect(&config).await?)))
    }
}

impl OpenStore for Opened {
    fn storage(&self) -> Arc<dyn Storage> {
        Arc::new(self.0.clone())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_statement_about_rows_names_the_controller() {
    let server = recording_server("on");
    let report = suite::run_all(&Recorded(server.url())).await;
    assert!(report.is_conformant(), "{report}");
    let about_rows = |sql: &String| {
        let named = RowKind::ALL.iter().any(|kind| sql.contains(&format!(".{kind} ")));
        // Making the tables is one statement of many commands.
        named && !sql.contains("CREATE TABLE")
    };
    let recorded: Vec<String> = statements(&server.log()).into_iter().filter(about_rows).collect();
    assert!(recorded.len() > 1000, "only {} statements were recorded", recorded.len());
    for deed in ["SELECT key", "(SELECT key", "SELECT 1 /", "INSERT", "DELETE"] {
        assert!(recorded.iter().any(|sql| sql.starts_with(deed)), "no {deed}");
    }
    for sql in recorded {
        // Each part of a union by itself; an INSERT names it as the first of its columns.
        for part in sql.split(" UNION ALL ") {
            let names = part.contains("controller_id = $1")
                || part.contains("(controller_id, version") && part.contains("SELECT $1, $2");
            assert!(names, "{part}\nin {sql}");
        }
    }
}

#[tokio::test]
async fn a_durable_commit_waits_for_the_disk_whatever_the_server_is_set_to_and_a_relaxed_one_does_not() {
    for (setting, durable) in [("on", ""), ("remote_apply", ""), ("off", "on")] {
        let server = recording_server(setting);
        let storage = store(&config(&server.url())).await;
        for durability in [Durability::Durable, Durability::Relaxed] {
            let before = statements(&server.log()).len();
            let number = u64::from(durability == Durability::Relaxed);
            commit(&storage, wzapi_storage::Changeset { durability, ..changeset(number, 1) }).await;
            let sent = statements(&server.log()).split_off(before);
            let set =
                sent.iter().find_map(|sql| sql.split_once("synchronous_commit = ")).map_or("", |(_, to)| to);
            let expected = if durability == Durability::Durable { durable } else { "off" };
            assert_eq!(set.trim_end_matches(';').trim(), expected, "{setting}, {durability:?}: {sent:?}");
        }
    }
}

#[tokio::test]
async fn a_commit_reads_nothing_when_nothing_is_in_its_way() {
    let server = recording_server("on");
    let storage = store(&config(&server.url())).await;
    commit(&storage, changeset(1, 3)).await;
    let before = statements(&server.log()).len();
    commit(&storage, changeset(2, 3)).await;
    let sent: Vec<String> = statements(&server.log())
        .split_off(before)
        .iter()
        .filter_map(|sql| sql.split([' ', ';']).next().map(str::to_owned))
        .collect();
    let expected = ["BEGIN", "SET", "INSERT", "SELECT", "INSERT", "COMMIT"];
    let sent: Vec<&str> = sent.iter().map(String::as_str).filter(|first| *first != "SET").collect();
    assert_eq!(sent, expected.into_iter().filter(|first| *first != "SET").collect::<Vec<_>>());
}

#[tokio::test]
async fn a_page_costs_what_it_holds_and_not_what_is_stored() {
    // The server writes down the plan of every statement and how many rows each part of it handled.
    let server = own_server(&[
        ("session_preload_libraries", "auto_explain"),
        ("auto_explain.log_min_duration", "0"),
        ("auto_explain.log_analyze", "on"),
        ("auto_explain.log_timing", "off"),
        ("log_line_prefix", ""),
    ]);
    let storage = store(&config(&server.url())).await;
    for number in 0..20 {
        commit(&storage, changeset(number, 500)).await;
    }
    client(&server.url()).await.batch_execute("ANALYZE wzapi.source_event, wzapi.changeset").await.unwrap();
    let subject = Owner::Subject(SubjectId::from_bytes([1; 16]));
    let after = Some(Cursor { key: key(10, 3), due_at: None });
    for query in [
        Query::kind(CONTROLLER, RowKind::SourceEvent, 50),
        Query { after, ..Query::kind(CONTROLLER, RowKind::SourceEvent, 50) },
        Query::kind(CONTROLLER, RowKind::DataKey, 50),
        Query::due_by(CONTROLLER, Timestamp::MAX, 50),
        Query::prefix(CONTROLLER, KeyPrefix::Owner(Owner::Controller), 50),
        Query::prefix(CONTROLLER, KeyPrefix::Kind(Owner::Controller, RowKind::SourceEvent), 50),
        Query::prefix(CONTROLLER, KeyPrefix::Owner(subject), 50),
    ] {
        let before = server.log().len();
        let page = storage.scan(&query).await.unwrap();
        let plan = server.log().split_off(before);
        assert!(plan.contains("Query Text"), "no plan was written down: {plan}");
        let handled =
            plan.split("actual rows=").skip(1).filter_map(|rest| rest.split(' ').next()?.parse().ok());
        let most: usize = handled.max().unwrap();
        // One more than asked for, from each of the two tables that hold anything.
        assert!(most <= 2 * 51, "{most} rows for a page of {}: {plan}", page.rows.len());
    }
}
