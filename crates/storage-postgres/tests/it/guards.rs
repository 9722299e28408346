//! Guards of rows that are not there, against somebody who writes them at the same moment.

use tokio::task::JoinSet;
use wzapi_storage::{Changeset, Precondition, Storage, StorageError};

use crate::harness::{CONTROLLER, changeset, key, own_schema, store};

#[tokio::test(flavor = "multi_thread")]
async fn of_two_that_find_both_rows_absent_and_write_one_each_only_one_commits() {
    let storage = store(&own_schema()).await;
    for round in 0..40 {
        let rows = [key(2 * round, 0), key(2 * round + 1, 0)];
        let mut tasks = JoinSet::new();
        for written in [2 * round, 2 * round + 1] {
            let storage = storage.clone();
            let preconditions = rows.iter().map(|row| (row.clone(), Precondition::Absent)).collect();
            let change = Changeset { preconditions, ..changeset(written, 1) };
            tasks.spawn(async move {
                match storage.commit(change).await {
                    Ok(_) => 1,
                    Err(StorageError::Conflict { failed }) => {
                        assert_eq!(failed.len(), 1, "{failed:?}");
                        0
                    }
                    Err(other) => panic!("{other:?}"),
                }
            });
        }
        assert_eq!(tasks.join_all().await.iter().sum::<u32>(), 1, "round {round}");
        let found = storage.get(CONTROLLER, &rows).await.unwrap();
        assert_eq!(found.iter().flatten().count(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_changesets_that_guard_one_row_without_writing_it_do_not_wait_for_each_other() {
    let storage = store(&own_schema()).await;
    let version = storage.commit(changeset(0, 1)).await.unwrap().version;
    let mut tasks = JoinSet::new();
    for number in 1..=64 {
        let storage = storage.clone();
        let preconditions = vec![(key(0, 0), Precondition::Version(version))];
        let change = Changeset { preconditions, ..changeset(number, 2) };
        tasks.spawn(async move { storage.commit(change).await.unwrap().version });
    }
    assert_eq!(tasks.join_all().await.len(), 64);
    assert_eq!(storage.get(CONTROLLER, &[key(0, 0)]).await.unwrap()[0].as_ref().unwrap().version, version);
}
