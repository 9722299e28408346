//! Several tasks that commit numbered changesets while something goes wrong, and what must hold afterwards.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;
use wzapi_storage::{Changeset, Durability, Storage, StorageError, Version};
use wzapi_storage_postgres::PostgresStorage;

use crate::harness::{CONTROLLER, changeset, key, receipt};

const TASKS: u64 = 6;

/// What a caller was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Committed(Version),
    NothingChanged,
    Unknown,
}

pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    committed: Arc<AtomicUsize>,
    tasks: JoinSet<BTreeMap<u64, Told>>,
}

fn rows_of(number: u64) -> u64 {
    1 + number % 5
}

impl Load {
    pub(crate) fn start(storage: &PostgresStorage) -> Self {
        let (stop, committed) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let mut tasks = JoinSet::new();
        for task in 0..TASKS {
            let (storage, stop, committed) = (storage.clone(), Arc::clone(&stop), Arc::clone(&committed));
            tasks.spawn(async move {
                let mut told = BTreeMap::new();
                let mut number = task;
                while !stop.load(Ordering::Relaxed) {
                    told.insert(number, commit(&storage, number, &committed).await);
                    number += TASKS;
                }
                told
            });
        }
        Self { stop, committed, tasks }
    }

    /// Waits until so many more changesets are committed.
    pub(crate) async fn go_on(&self, changesets: usize) {
        let enough = self.committed.load(Ordering::Relaxed) + changesets;
        while self.committed.load(Ordering::Relaxed) < enough {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Ends the load and compares what is stored with what the callers were told.
    pub(crate) async fn check(self, storage: &PostgresStorage) {
        self.stop.store(true, Ordering::Relaxed);
        let told: BTreeMap<u64, Told> = self.tasks.join_all().await.into_iter().flatten().collect();
        let (mut committed, mut refused, mut unknown) = (0, 0, 0);
        for (number, told) in told {
            let mut keys: Vec<_> = (0..rows_of(number)).map(|part| key(number, part)).collect();
            keys.push(receipt(number));
            let found = storage.get(CONTROLLER, &keys).await.unwrap();
            let present: Vec<Version> = found.iter().flatten().map(|stored| stored.version).collect();
            assert!(
                present.is_empty() || present.len() == keys.len(),
                "changeset {number}, {told:?}: half of it is there"
            );
            match told {
                Told::Committed(version) => {
                    committed += 1;
                    assert!(!present.is_empty(), "changeset {number} was acknowledged and is lost");
                    assert!(
                        present.iter().all(|found| *found == version),
                        "changeset {number}: other versions"
                    );
                }
                Told::NothingChanged => {
                    refused += 1;
                    assert!(present.is_empty(), "changeset {number} was refused and is there");
                }
                Told::Unknown => unknown += 1,
            }
        }
        eprintln!("{committed} committed, {refused} refused, {unknown} with an unknown outcome");
    }
}

async fn commit(storage: &PostgresStorage, number: u64, committed: &AtomicUsize) -> Told {
    // A durable commit would make earlier relaxed ones durable; by themselves they may be lost in a crash.
    let changeset = Changeset { durability: Durability::Durable, ..changeset(number, rows_of(number)) };
    match storage.commit(changeset).await {
        Ok(done) => {
            committed.fetch_add(1, Ordering::Relaxed);
            Told::Committed(done.version)
        }
        Err(StorageError::UnknownOutcome { .. }) => Told::Unknown,
        Err(StorageError::Unavailable { .. }) => {
            tokio::time::sleep(Duration::from_millis(20)).await;
            Told::NothingChanged
        }
        Err(other) => panic!("{other:?}"),
    }
}
