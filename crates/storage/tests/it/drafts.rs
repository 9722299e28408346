//! Drafts over the store in memory.

use std::sync::atomic::{AtomicUsize, Ordering};

use wzapi_model::Timestamp;
use wzapi_model::ids::{ChangesetId, ControllerId};
use wzapi_storage::changeset::Write;
use wzapi_storage::draft::NotLoaded;
use wzapi_storage::key::BlindIndex;
use wzapi_storage::query::{Page, Query};
use wzapi_storage::row::{SenderRow, SourceEventRow, Stored};
use wzapi_storage::{
    Changeset, Committed, Draft, Durability, Key, Precondition, Storage, StorageError, Version,
};
use wzapi_storage_memory::MemoryStorage;
use wzapi_storage_testkit::async_trait;

const CONTROLLER: ControllerId = ControllerId::from_bytes([1; 16]);

fn key(number: u8) -> Key {
    Key::SourceEvent(BlindIndex([number; 16]))
}

fn row(seconds: i64) -> SourceEventRow {
    SourceEventRow { seen_at: Timestamp::from_seconds(seconds).unwrap() }
}

/// The changeset of a draft, under an id of its own.
fn finish(draft: Draft<'_>, id: u8) -> Changeset {
    draft.into_changeset(ChangesetId::from_bytes([id; 16]), Timestamp::EPOCH)
}

async fn with_rows(numbers: &[u8]) -> (MemoryStorage, Version) {
    let storage = MemoryStorage::new();
    let mut draft = Draft::new(&storage, CONTROLLER);
    draft.load(numbers.iter().copied().map(key)).await.unwrap();
    for number in numbers {
        draft.put(key(*number), row(i64::from(*number)), None).unwrap();
    }
    let version = storage.commit(finish(draft, 0xf0)).await.unwrap().version;
    (storage, version)
}

#[tokio::test]
async fn reading_sees_what_was_staged() {
    let (storage, version) = with_rows(&[1, 2]).await;
    let mut draft = Draft::new(&storage, CONTROLLER);
    draft.load([1, 2, 3].map(key)).await.unwrap();
    assert!(draft.is_unchanged());
    assert_eq!(draft.row(&key(1)), Ok(Some(&row(1))));
    assert_eq!(draft.row::<SourceEventRow>(&key(3)), Ok(None));
    assert_eq!(draft.row::<SenderRow>(&key(1)), Ok(None), "a row of another kind is none");

    draft.put(key(1), row(10), None).unwrap();
    draft.put(key(3), row(30), Some(Timestamp::MAX)).unwrap();
    draft.delete(key(2)).unwrap();
    assert_eq!(draft.row(&key(1)), Ok(Some(&row(10))));
    assert_eq!(draft.row::<SourceEventRow>(&key(2)), Ok(None));
    assert_eq!(draft.row(&key(3)), Ok(Some(&row(30))));
    assert_eq!(draft.staged_len(), 3);
    assert_eq!(draft.loaded_version(&key(1)), Some(version), "staging does not change what was loaded");
    assert_eq!(draft.loaded_version(&key(3)), None);
    draft.delete(key(3)).unwrap();
    assert_eq!(draft.row::<SourceEventRow>(&key(3)), Ok(None), "the last thing staged counts");
    assert_eq!(draft.staged_len(), 3);
}

#[tokio::test]
async fn what_was_not_loaded_cannot_be_used() {
    let (storage, _) = with_rows(&[1]).await;
    let mut draft = Draft::new(&storage, CONTROLLER);
    assert_eq!(draft.row::<SourceEventRow>(&key(1)), Err(NotLoaded));
    assert_eq!(draft.put(key(1), row(1), None), Err(NotLoaded));
    assert_eq!(draft.put_relaxed(key(1), row(1), None), Err(NotLoaded));
    assert_eq!(draft.delete(key(1)), Err(NotLoaded));
    assert_eq!(draft.guard(&key(1)), Err(NotLoaded));
    assert!(draft.is_unchanged());
    let changeset = finish(draft, 1);
    assert!(changeset.writes.is_empty() && changeset.preconditions.is_empty());
}

#[tokio::test]
async fn every_row_written_or_guarded_carries_what_was_loaded() {
    let (storage, version) = with_rows(&[1, 2, 3]).await;
    let mut draft = Draft::new(&storage, CONTROLLER);
    draft.load([1, 2, 3, 4, 5, 6].map(key)).await.unwrap();
    draft.put(key(1), row(10), None).unwrap();
    draft.delete(key(2)).unwrap();
    draft.guard(&key(3)).unwrap();
    draft.put(key(4), row(40), None).unwrap();
    draft.guard(&key(4)).unwrap();
    draft.guard(&key(5)).unwrap();
    let changeset = finish(draft, 1);
    assert_eq!(changeset.validate(), Ok(()));
    let loaded = Precondition::Version(version);
    let expected = [
        (key(1), loaded),
        (key(2), loaded),
        (key(3), loaded),
        (key(4), Precondition::Absent),
        (key(5), Precondition::Absent),
    ];
    assert_eq!(changeset.preconditions, expected);
    let written: Vec<_> = changeset.writes.iter().map(Write::key).cloned().collect();
    assert_eq!(written, [1, 2, 4].map(key));
    assert!(matches!(changeset.writes[1], Write::Delete(_)));
}

#[tokio::test]
async fn a_draft_that_was_overtaken_is_refused_as_a_whole() {
    let (storage, _) = with_rows(&[1, 2]).await;
    let mut slow = Draft::new(&storage, CONTROLLER);
    slow.load([1, 2, 3].map(key)).await.unwrap();
    let mut quick = Draft::new(&storage, CONTROLLER);
    quick.load([key(1), key(3)]).await.unwrap();
    quick.put(key(3), row(3), None).unwrap();
    quick.put(key(1), row(11), None).unwrap();
    let _ = storage.commit(finish(quick, 1)).await.unwrap();

    slow.guard(&key(1)).unwrap();
    slow.guard(&key(3)).unwrap();
    slow.put(key(2), row(22), None).unwrap();
    match storage.commit(finish(slow, 2)).await {
        Err(StorageError::Conflict { failed }) => assert_eq!(failed, [key(1), key(3)]),
        other => panic!("{other:?}"),
    }
    let mut again = Draft::new(&storage, CONTROLLER);
    again.load([key(2)]).await.unwrap();
    assert_eq!(again.row(&key(2)), Ok(Some(&row(2))));
}

#[tokio::test]
async fn only_what_may_be_lost_is_relaxed() {
    let storage = MemoryStorage::new();
    let durability = async |stage: fn(&mut Draft<'_>)| {
        let mut draft = Draft::new(&storage, CONTROLLER);
        draft.load([key(1), key(2)]).await.unwrap();
        stage(&mut draft);
        finish(draft, 1).durability
    };
    let relaxed = |draft: &mut Draft<'_>| draft.put_relaxed(key(1), row(1), None).unwrap();
    assert_eq!(durability(relaxed).await, Durability::Relaxed);
    assert_eq!(durability(|draft| draft.put(key(1), row(1), None).unwrap()).await, Durability::Durable);
    assert_eq!(durability(|draft| draft.delete(key(1)).unwrap()).await, Durability::Durable);
    let mixed = |draft: &mut Draft<'_>| {
        draft.put(key(2), row(2), None).unwrap();
        draft.put_relaxed(key(1), row(1), None).unwrap();
    };
    assert_eq!(durability(mixed).await, Durability::Durable);
}

/// Counts the keys that are read, and fails when it is told to.
#[derive(Default)]
struct Counting {
    inner: MemoryStorage,
    keys: AtomicUsize,
    broken: bool,
}

#[async_trait]
impl Storage for Counting {
    async fn get(&self, controller: ControllerId, keys: &[Key]) -> Result<Vec<Option<Stored>>, StorageError> {
        if self.broken {
            return Err(StorageError::unavailable("a test says so"));
        }
        self.keys.fetch_add(keys.len(), Ordering::SeqCst);
        self.inner.get(controller, keys).await
    }

    async fn scan(&self, query: &Query) -> Result<Page, StorageError> {
        self.inner.scan(query).await
    }

    async fn commit(&self, changeset: Changeset) -> Result<Committed, StorageError> {
        self.inner.commit(changeset).await
    }
}

#[tokio::test]
async fn a_row_is_loaded_once_and_from_then_on_it_stands_still() {
    let storage = Counting::default();
    let mut draft = Draft::new(&storage, CONTROLLER);
    draft.load([1, 1, 2].map(key)).await.unwrap();
    draft.load([2, 3].map(key)).await.unwrap();
    draft.load([]).await.unwrap();
    assert_eq!(storage.keys.load(Ordering::SeqCst), 3);

    let mut other = Draft::new(&storage, CONTROLLER);
    other.load([key(1)]).await.unwrap();
    other.put(key(1), row(1), None).unwrap();
    let _ = storage.commit(finish(other, 1)).await.unwrap();
    draft.load([key(1)]).await.unwrap();
    assert_eq!(draft.row::<SourceEventRow>(&key(1)), Ok(None));
}

#[tokio::test]
async fn a_failed_load_leaves_the_draft_as_it_was() {
    let storage = Counting { broken: true, ..Counting::default() };
    let mut draft = Draft::new(&storage, CONTROLLER);
    assert!(draft.load([key(1)]).await.is_err());
    assert_eq!(draft.row::<SourceEventRow>(&key(1)), Err(NotLoaded));
}
