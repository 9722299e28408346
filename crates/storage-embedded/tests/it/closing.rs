//! Callers that go away, and stores that are closed under way.

use std::time::Duration;

use wzapi_storage::{Durability, Storage, StorageError};
use wzapi_storage_embedded::{EmbeddedStorage, Options};

use crate::rows::{CONTROLLER, changeset, key, receipt};

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_goes_away_does_no_harm() {
    let root = tempfile::tempdir().unwrap();
    let storage = EmbeddedStorage::open(root.path(), Options { queue_len: 4, ..Options::default() }).unwrap();
    for number in 0..60 {
        let commit = storage.commit(changeset(number, 5));
        tokio::time::timeout(Duration::from_micros(number * 40), commit).await.ok();
    }
    let _ = storage.commit(changeset(1000, 1)).await.unwrap();
    for number in 0..60 {
        let settled = storage.get(CONTROLLER, &[receipt(number)]).await.unwrap()[0].is_some();
        let keys: Vec<_> = (0..5).map(|part| key(number, part)).collect();
        let rows = storage.get(CONTROLLER, &keys).await.unwrap();
        assert!(rows.iter().all(|row| row.is_some() == settled), "changeset {number} is half there");
        // Whoever asks again learns how it ended, and has no second effect.
        match storage.commit(changeset(number, 5)).await {
            Ok(_) => assert!(!settled),
            Err(StorageError::Conflict { failed }) => assert!(settled && failed == [receipt(number)]),
            Err(other) => panic!("{other}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_in_the_queue_is_written_before_the_store_closes() {
    let root = tempfile::tempdir().unwrap();
    let storage = EmbeddedStorage::open(root.path(), Options::default()).unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..50 {
        let storage = storage.clone();
        tasks.spawn(async move { storage.commit(changeset(number, 3)).await.map(drop) });
    }
    drop(storage);
    while let Some(done) = tasks.join_next().await {
        done.unwrap().unwrap();
    }
    let storage = EmbeddedStorage::open(root.path(), Options::default()).unwrap();
    for number in 0..50 {
        assert!(storage.get(CONTROLLER, &[key(number, 2)]).await.unwrap()[0].is_some());
    }
}

#[tokio::test]
async fn a_relaxed_commit_survives_the_end_of_the_process_and_waits_for_no_sync() {
    let root = tempfile::tempdir().unwrap();
    let storage = EmbeddedStorage::open(root.path(), Options::default()).unwrap();
    for number in 0..10 {
        let relaxed = wzapi_storage::Changeset { durability: Durability::Relaxed, ..changeset(number, 2) };
        let _ = storage.commit(relaxed).await.unwrap();
    }
    assert_eq!((storage.stats().batches, storage.stats().syncs), (10, 0));
    let _ = storage.commit(changeset(10, 2)).await.unwrap();
    assert_eq!((storage.stats().batches, storage.stats().syncs), (11, 1));
    drop(storage);
    let storage = EmbeddedStorage::open(root.path(), Options::default()).unwrap();
    for number in 0..=10 {
        assert!(storage.get(CONTROLLER, &[key(number, 1)]).await.unwrap()[0].is_some());
    }
}
