//! A process that is killed in the middle of its work, again and again, on one directory.
//!
//! The test runs itself as a child that commits numbered changesets from several tasks and prints the number and
//! version of each one that was acknowledged. The parent kills it at a moment that the seed decides and looks at
//! what is left.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use wzapi_model::Timestamp;
use wzapi_storage::query::{MAX_PAGE, Query};
use wzapi_storage::row::{RowType, SourceEventRow};
use wzapi_storage::{Changeset, Durability, Storage, Version};
use wzapi_storage_embedded::{EmbeddedStorage, Options};
use wzapi_storage_testkit::sample::Sequence;

use crate::rows::{CONTROLLER, changeset, key, receipt};

const DIRECTORY: &str = "WZAPI_KILL_TEST_DIRECTORY";
const FIRST: &str = "WZAPI_KILL_TEST_FIRST";
const COMPACTS: &str = "WZAPI_KILL_TEST_COMPACTS";
const TASKS: u64 = 4;
/// Numbers of one round; far more than a child gets to.
const SPAN: u64 = 1_000_000;

/// How many rows a changeset has.
const fn rows_of(number: u64) -> u64 {
    3 + number % 20
}

const fn is_relaxed(number: u64) -> bool {
    number % 7 == 3
}

fn numbered(number: u64) -> Changeset {
    let durability = if is_relaxed(number) { Durability::Relaxed } else { Durability::Durable };
    Changeset { durability, ..changeset(number, rows_of(number)) }
}

/// Not a test: what the child does. Without the parent it does nothing.
#[test]
fn child() {
    let (Ok(directory), Ok(first)) = (std::env::var(DIRECTORY), std::env::var(FIRST)) else { return };
    let first: u64 = first.parse().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(async {
        let storage = EmbeddedStorage::open(directory, Options::default()).unwrap();
        let mut tasks = tokio::task::JoinSet::new();
        if std::env::var_os(COMPACTS).is_some() {
            let storage = storage.clone();
            tasks.spawn(async move {
                loop {
                    let _ = storage.compact().await.unwrap();
                }
            });
        }
        for task in 0..TASKS {
            let storage = storage.clone();
            tasks.spawn(async move {
                for number in (first + task..first + SPAN).step_by(TASKS as usize) {
                    let version = storage.commit(numbered(number)).await.unwrap().version;
                    let mut out = std::io::stdout().lock();
                    out.write_all(format!("acknowledged {number} {}\n", version.0).as_bytes()).unwrap();
                    out.flush().unwrap();
                }
            });
        }
        tasks.join_all().await;
    });
}

fn spawn(directory: &Path, first: u64, compacts: bool) -> (Child, BufReader<ChildStdout>) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    if compacts {
        command.env(COMPACTS, "");
    }
    let mut child = command
        .args(["--exact", "kill::child", "--nocapture"])
        .env(DIRECTORY, directory)
        .env(FIRST, first.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    (child, output)
}

/// Reads one line; an acknowledgement if it is a whole one.
fn read_line(output: &mut BufReader<ChildStdout>) -> Option<Option<(u64, Version)>> {
    let mut line = String::new();
    if output.read_line(&mut line).unwrap() == 0 {
        return None;
    }
    // The test harness prints in front of the first one.
    let acknowledged = line.strip_suffix('\n').and_then(|line| line.split_once("acknowledged "));
    Some(acknowledged.map(|(_, rest)| {
        let (number, version) = rest.split_once(' ').unwrap();
        (number.parse().unwrap(), Version(version.parse().unwrap()))
    }))
}

/// Lets a child work for a while and kills it; answers what it acknowledged.
fn run_and_kill(
    directory: &Path,
    first: u64,
    compacts: bool,
    sequence: &mut Sequence,
) -> BTreeMap<u64, Version> {
    let (mut child, mut output) = spawn(directory, first, compacts);
    let mut acknowledged = BTreeMap::new();
    if compacts {
        // Anywhere in the compaction, which takes a few seconds.
        let until = sequence.below(1_200);
        let mut lines = 0;
        while lines < until {
            acknowledged.extend(read_line(&mut output).expect("the child ended by itself"));
            lines += 1;
        }
    } else if sequence.below(4) == 0 {
        // Maybe before it has opened the store.
        std::thread::sleep(Duration::from_millis(sequence.below(60)));
    } else {
        let enough = sequence.below(120) + 1;
        while (acknowledged.len() as u64) < enough {
            acknowledged.extend(read_line(&mut output).expect("the child ended by itself"));
        }
        std::thread::sleep(Duration::from_micros(sequence.below(3000)));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    while let Some(line) = read_line(&mut output) {
        acknowledged.extend(line);
    }
    acknowledged
}

/// The numbers of one round that the store holds, each whole, with its version.
async fn committed(storage: &EmbeddedStorage, first: u64) -> BTreeMap<u64, Version> {
    let mut found = BTreeMap::new();
    for task in 0..TASKS {
        // A task commits in turn; after a gap there is nothing.
        for number in (first + task..).step_by(TASKS as usize) {
            let mut keys: Vec<_> = (0..rows_of(number)).map(|part| key(number, part)).collect();
            keys.push(receipt(number));
            let rows = storage.get(CONTROLLER, &keys).await.unwrap();
            let present = rows.iter().flatten().count();
            if present == 0 {
                break;
            }
            assert_eq!(present, keys.len(), "changeset {number} is half there");
            let versions: BTreeSet<_> = rows.iter().flatten().map(|stored| stored.version).collect();
            assert_eq!(versions.len(), 1, "changeset {number} has rows of several versions");
            for stored in rows.iter().flatten().filter_map(|stored| SourceEventRow::of(&stored.body)) {
                assert_eq!(stored.seen_at.as_millis().unsigned_abs(), number);
            }
            found.extend(versions.first().map(|version| (number, *version)));
        }
    }
    found
}

/// Every row is in the index of due rows, once.
async fn due_rows(storage: &EmbeddedStorage) -> u64 {
    let mut query = Query::due_by(CONTROLLER, Timestamp::MAX, MAX_PAGE);
    let mut count = 0;
    loop {
        let page = storage.scan(&query).await.unwrap();
        count += page.rows.len() as u64;
        query.after = page.next;
        if query.after.is_none() {
            return count;
        }
    }
}

/// Kills a child in every round and looks at what is left.
async fn kill_again_and_again(rounds: u64, compacts: bool, seed: u64) {
    let root = tempfile::tempdir().unwrap();
    let mut sequence = Sequence::new(seed);
    let mut versions: BTreeMap<Version, u64> = BTreeMap::new();
    let (mut acknowledged_in_all, mut rows_in_all) = (0, 0);
    for round in 0..rounds {
        let first = round * SPAN;
        let acknowledged = run_and_kill(root.path(), first, compacts, &mut sequence);
        acknowledged_in_all += acknowledged.len();

        let storage = EmbeddedStorage::open(root.path(), Options::default()).unwrap();
        let found = committed(&storage, first).await;
        for (number, version) in &acknowledged {
            // Relaxed ones as well: the operating system did not stop.
            assert_eq!(found.get(number), Some(version), "round {round}: {number} was acknowledged");
        }
        for (number, version) in found {
            rows_in_all += rows_of(number) + 1;
            let before = versions.insert(version, number);
            assert_eq!(before, None, "round {round}: {number} has a version that was used before");
        }
        assert_eq!(due_rows(&storage).await, rows_in_all, "round {round}: rows and due index disagree");
    }
    assert!(acknowledged_in_all > 100, "the children were killed before they did anything");
}

#[tokio::test]
async fn killed_anywhere_every_acknowledged_changeset_is_there_and_no_half_of_any() {
    kill_again_and_again(20, false, 2026).await;
}

#[tokio::test]
async fn killed_while_it_is_compacted_as_well() {
    kill_again_and_again(5, true, 2027).await;
}
