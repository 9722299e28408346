//! What compaction leaves in the files, and that it does no harm.

use std::path::{Path, PathBuf};

use wzapi_model::Timestamp;
use wzapi_storage::changeset::Write;
use wzapi_storage::key::Cohort;
use wzapi_storage::query::{MAX_PAGE, Query};
use wzapi_storage::row::{Record, Sealed, UnrecognisedRow};
use wzapi_storage::{Changeset, Durability, Key, Storage, StorageError};
use wzapi_storage_embedded::{EmbeddedStorage, Options};

use crate::rows::{CONTROLLER, changeset, key};

const ROWS: u64 = 10_000;
const PER_CHANGESET: u64 = 250;

fn unrecognised(number: u64) -> Key {
    let Key::SourceEvent(index) = key(number, 0) else { panic!("another key") };
    Key::Unrecognised(index)
}

/// A row with a text in it that can be found in a file; a real one is sealed.
fn row(number: u64, text: &str) -> Write {
    let envelope = format!("{text} value of {number:08}").into_bytes();
    let sealed = Sealed { cohort: Cohort(1), envelope };
    let body = UnrecognisedRow { received_at: Timestamp::EPOCH, reason: String::new(), sealed }.into();
    Write::Put(Record { key: unrecognised(number), due_at: None, body })
}

async fn write(
    storage: &EmbeddedStorage,
    first_id: u64,
    numbers: std::ops::Range<u64>,
    write: impl Fn(u64) -> Write,
) {
    for (id, first) in (first_id..).zip(numbers.clone().step_by(PER_CHANGESET as usize)) {
        let last = (first + PER_CHANGESET).min(numbers.end);
        let changeset = Changeset {
            writes: (first..last).map(&write).collect(),
            durability: Durability::Relaxed,
            ..changeset(id, 0)
        };
        let _ = storage.commit(changeset).await.unwrap();
    }
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// How often a text occurs in files of these names.
fn occurrences(directory: &Path, text: &str, is_counted: impl Fn(&Path) -> bool) -> usize {
    let count = |path: &PathBuf| {
        let bytes = std::fs::read(path).unwrap();
        bytes.windows(text.len()).filter(|window| *window == text.as_bytes()).count()
    };
    files(directory).iter().filter(|path| is_counted(path)).map(count).sum()
}

fn is_journal(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "jnl")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_deleted_or_replaced_is_in_no_file_afterwards() {
    let root = tempfile::tempdir().unwrap();
    let storage = EmbeddedStorage::open(root.path(), Options::default()).unwrap();
    write(&storage, 1_000, 0..ROWS, |number| row(number, "secret")).await;
    // Half of it in sorted files already, half in memory and in the journal only.
    let _ = storage.compact().await.unwrap();
    write(&storage, 2_000, ROWS..2 * ROWS, |number| row(number, "secret")).await;
    write(&storage, 3_000, 0..ROWS / 2, |number| Write::Delete(unrecognised(number))).await;
    write(&storage, 4_000, ROWS / 2..ROWS, |number| row(number, "public")).await;
    write(&storage, 5_000, ROWS..2 * ROWS, |number| Write::Delete(unrecognised(number))).await;
    let left = |text: &str| {
        let journals = occurrences(root.path(), text, is_journal);
        (journals, occurrences(root.path(), text, |path| !is_journal(path)))
    };
    let (journals, others) = left("secret value");
    println!("before: {journals} in the journal, {others} in sorted files");
    assert!(journals >= ROWS as usize && others >= ROWS as usize, "nothing was there to be removed");
    // Journals of earlier openings are no different.
    drop(storage);
    let storage = EmbeddedStorage::open(root.path(), Options::default()).unwrap();

    let compacted = storage.compact().await.unwrap();
    let (journals, others) = left("secret value");
    println!("afterwards: {journals} in the journal, {others} in sorted files; {compacted:?}");
    assert_eq!((journals, others), (0, 0));
    assert_eq!(left("public value"), (0, ROWS as usize / 2));
    assert!(compacted.bytes_after < compacted.bytes_before, "{compacted:?}");

    drop(storage);
    let storage = EmbeddedStorage::open(root.path(), Options::default()).unwrap();
    let expected: Vec<Key> = (ROWS / 2..ROWS).map(unrecognised).collect();
    let mut query = Query::kind(CONTROLLER, wzapi_storage::key::RowKind::Unrecognised, MAX_PAGE);
    let mut found = Vec::new();
    loop {
        let page = storage.scan(&query).await.unwrap();
        found.extend(page.rows.into_iter().map(|(key, _)| key));
        query.after = page.next;
        if query.after.is_none() {
            break;
        }
    }
    assert_eq!(found, expected);
    assert_eq!(left("secret value"), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_and_commits_go_on_meanwhile() {
    let root = tempfile::tempdir().unwrap();
    let storage = EmbeddedStorage::open(root.path(), Options::default()).unwrap();
    let compacting = tokio::spawn({
        let storage = storage.clone();
        async move { storage.compact().await }
    });
    let mut number = 0;
    while !compacting.is_finished() || number < 50 {
        let version = storage.commit(changeset(number, 20)).await.unwrap().version;
        let rows = storage.get(CONTROLLER, &[key(number, 0), key(number, 19), key(0, 0)]).await.unwrap();
        assert!(rows[..2].iter().all(|row| row.as_ref().unwrap().version == version));
        assert!(rows[2].is_some());
        number += 1;
    }
    let _ = compacting.await.unwrap().unwrap();
    drop(storage);
    let storage = EmbeddedStorage::open(root.path(), Options::default()).unwrap();
    for number in 0..number {
        let rows = storage.get(CONTROLLER, &[key(number, 0), key(number, 19)]).await.unwrap();
        assert!(rows.iter().all(Option::is_some), "changeset {number}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_compaction_at_a_time_and_a_store_that_closes_ends_it() {
    let root = tempfile::tempdir().unwrap();
    let storage = EmbeddedStorage::open(root.path(), Options::default()).unwrap();
    let _ = storage.commit(changeset(1, 10)).await.unwrap();
    {
        let mut first = std::pin::pin!(storage.compact());
        tokio::select! {
            biased;
            _ = &mut first => panic!("it took no time"),
            () = tokio::task::yield_now() => {}
        }
        match storage.compact().await {
            Err(error @ StorageError::Unavailable { .. }) => {
                let cause = std::error::Error::source(&error).unwrap().to_string();
                assert!(cause.contains("already"), "{cause}");
            }
            other => panic!("{other:?}"),
        }
        // The first one goes on without anybody who waits for it.
    }
    drop(storage);
    let storage = EmbeddedStorage::open(root.path(), Options::default()).unwrap();
    assert!(storage.get(CONTROLLER, &[key(1, 9)]).await.unwrap()[0].is_some());
    for _ in 0..2 {
        let _ = storage.compact().await.unwrap();
    }
}
