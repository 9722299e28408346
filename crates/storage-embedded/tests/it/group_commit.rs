//! Many callers, few syncs.

use tokio::task::JoinSet;
use wzapi_storage::Storage;
use wzapi_storage_embedded::{EmbeddedStorage, Options};

use crate::rows::{CONTROLLER, changeset, key};

const CALLERS: u64 = 64;

async fn commit_at_once(storage: &EmbeddedStorage) {
    // The first one is large: while it is written, the others line up.
    let large = storage.commit(changeset(CALLERS, 4000));
    let mut tasks = JoinSet::new();
    let small = async {
        tokio::task::yield_now().await;
        for number in 0..CALLERS {
            let storage = storage.clone();
            tasks.spawn(async move { (number, storage.commit(changeset(number, 2)).await) });
        }
        tasks.join_all().await
    };
    let (large, small) = tokio::join!(large, small);
    let _ = large.unwrap();
    let mut versions = std::collections::BTreeSet::new();
    for (number, outcome) in small {
        let version = outcome.unwrap().version;
        assert!(versions.insert(version), "two changesets with one version");
        for stored in storage.get(CONTROLLER, &[key(number, 0), key(number, 1)]).await.unwrap() {
            assert_eq!(stored.unwrap().version, version);
        }
    }
}

#[tokio::test]
async fn sixty_four_callers_share_a_few_syncs() {
    let root = tempfile::tempdir().unwrap();
    let storage = EmbeddedStorage::open(root.path(), Options::default()).unwrap();
    commit_at_once(&storage).await;
    let stats = storage.stats();
    assert_eq!(stats.committed, CALLERS + 1);
    assert!(stats.syncs <= CALLERS / 4, "{stats:?}");
    assert_eq!(stats.syncs, stats.batches);
}

#[tokio::test]
async fn a_queue_of_one_serves_everybody_in_turn() {
    let root = tempfile::tempdir().unwrap();
    let options = Options { queue_len: 1, max_batch: 1, ..Options::default() };
    let storage = EmbeddedStorage::open(root.path(), options).unwrap();
    commit_at_once(&storage).await;
    let stats = storage.stats();
    assert_eq!((stats.committed, stats.batches), (CALLERS + 1, CALLERS + 1), "{stats:?}");
}

#[tokio::test]
async fn bounds_of_zero_are_raised_to_one() {
    let root = tempfile::tempdir().unwrap();
    let options = Options { cache_bytes: 0, queue_len: 0, max_batch: 0, max_batch_bytes: 0 };
    let storage = EmbeddedStorage::open(root.path(), options).unwrap();
    let _ = storage.commit(changeset(1, 2)).await.unwrap();
    assert!(storage.get(CONTROLLER, &[key(1, 1)]).await.unwrap()[0].is_some());
}
