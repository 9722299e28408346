//! A store that does not tell what happened.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use wzapi_ledger::LedgerError;
use wzapi_model::Timestamp;
use wzapi_model::ids::ControllerId;
use wzapi_storage::key::BlindIndex;
use wzapi_storage::query::{Page, Query};
use wzapi_storage::row::{SourceEventRow, Stored};
use wzapi_storage::{Changeset, Committed, Draft, Key, Storage, StorageError, Version};

use crate::world::{CONTROLLER, World, subject};

/// What goes wrong at one call, counted from 0 for commits and for readings of their records each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    /// Done, but the answer is lost.
    AnswerLost,
    /// Not done, and the answer is lost too.
    RequestLost,
    /// Not done yet: it takes effect after the next reading of the record.
    Late,
    /// Refused before anything happened.
    Unavailable,
    /// Somebody else writes a row meanwhile, and then it is tried.
    Overtaken,
}

struct Unreliable {
    inner: Arc<dyn Storage>,
    commits: AtomicU64,
    records_read: AtomicU64,
    trouble: BTreeMap<u64, Trouble>,
    unreadable: Vec<u64>,
    late: std::sync::Mutex<Option<Changeset>>,
}

impl Unreliable {
    fn new(inner: Arc<dyn Storage>, trouble: &[(u64, Trouble)], unreadable: &[u64]) -> Arc<Self> {
        Arc::new(Self {
            inner,
            commits: AtomicU64::new(0),
            records_read: AtomicU64::new(0),
            trouble: trouble.iter().copied().collect(),
            unreadable: unreadable.to_vec(),
            late: std::sync::Mutex::default(),
        })
    }
}

fn lost() -> StorageError {
    StorageError::UnknownOutcome { cause: "the connection was cut".into() }
}

#[async_trait]
impl Storage for Unreliable {
    async fn get(&self, controller: ControllerId, keys: &[Key]) -> Result<Vec<Option<Stored>>, StorageError> {
        if !matches!(keys, [Key::Changeset(_)]) {
            return self.inner.get(controller, keys).await;
        }
        let reading = self.records_read.fetch_add(1, Ordering::SeqCst);
        if self.unreadable.contains(&reading) {
            return Err(StorageError::unavailable("not now"));
        }
        let rows = self.inner.get(controller, keys).await;
        let late = self.late.lock().unwrap().take();
        if let Some(late) = late {
            let _ = self.inner.commit(late).await?;
        }
        rows
    }

    async fn scan(&self, query: &Query) -> Result<Page, StorageError> {
        self.inner.scan(query).await
    }

    async fn commit(&self, changeset: Changeset) -> Result<Committed, StorageError> {
        let commit = self.commits.fetch_add(1, Ordering::SeqCst);
        match self.trouble.get(&commit) {
            None => self.inner.commit(changeset).await,
            Some(Trouble::AnswerLost) => {
                let _ = self.inner.commit(changeset).await?;
                Err(lost())
            }
            Some(Trouble::RequestLost) => Err(lost()),
            Some(Trouble::Late) => {
                *self.late.lock().unwrap() = Some(changeset);
                Err(lost())
            }
            Some(Trouble::Unavailable) => Err(StorageError::unavailable("not now")),
            Some(Trouble::Overtaken) => {
                overtake(self.inner.as_ref()).await;
                self.inner.commit(changeset).await
            }
        }
    }
}

const CONTESTED: Key = Key::SourceEvent(BlindIndex([5; 16]));

fn row() -> SourceEventRow {
    SourceEventRow { seen_at: Timestamp::EPOCH }
}

/// Writes the contested row.
async fn overtake(storage: &dyn Storage) {
    let entropy = wzapi_model::system::SystemEntropy::new();
    crate::world::write_rows(storage, &entropy, CONTROLLER, [(CONTESTED, Some(row().into()))]).await;
}

/// A change of one row, without an entry and with one.
async fn change(world: &World, with_entry: bool) -> Result<Version, LedgerError> {
    let mut draft = Draft::new(world.storage.as_ref(), CONTROLLER);
    draft.load([CONTESTED]).await.unwrap();
    draft.put(CONTESTED, row(), None).unwrap();
    let mut entries = Vec::new();
    if with_entry {
        entries.push(world.prepare(&mut draft, subject(2), "in trouble").await);
    }
    world.ledger.commit(draft, entries).await.map(|appended| appended.version)
}

#[tokio::test]
async fn what_became_of_a_change_is_found_out() {
    use Trouble::{AnswerLost, Late, Overtaken, RequestLost, Unavailable};
    #[derive(Debug, PartialEq)]
    enum Told {
        Done,
        Conflict,
        Unavailable,
        Unknown,
    }
    let all: Vec<u64> = (0..20).collect();
    let many = |trouble| (0..20).map(|commit| (commit, trouble)).collect::<Vec<_>>();
    let requests = many(RequestLost);
    for (name, is_there_before, trouble, unreadable, expected) in [
        ("the answer is lost", false, &[(0, AnswerLost)][..], &[][..], Told::Done),
        ("the request is lost", false, &[(0, RequestLost)], &[], Told::Done),
        ("it takes effect when nobody expects it any more", false, &[(0, Late)], &[], Told::Done),
        (
            "the answer, and the record cannot be read at once",
            false,
            &[(0, AnswerLost)],
            &[0, 1, 2],
            Told::Done,
        ),
        ("the answer, and the record cannot be read", false, &[(0, AnswerLost)], &all, Told::Unknown),
        ("every request is lost", false, &requests, &[], Told::Unknown),
        ("it is refused", false, &[(0, Unavailable)], &[], Told::Unavailable),
        (
            "the request is lost, and the next one refused",
            false,
            &[(0, RequestLost), (1, Unavailable)],
            &[],
            Told::Done,
        ),
        ("it is late, and the next one refused", false, &[(0, Late), (1, Unavailable)], &[], Told::Done),
        ("somebody else was first", true, &[(0, Overtaken)], &[], Told::Conflict),
        (
            "the request is lost, and somebody else was first",
            true,
            &[(0, RequestLost), (1, Overtaken)],
            &[],
            Told::Conflict,
        ),
        (
            // That row could be removed again, and the lost request come after that.
            "the request is lost, and a row is in the way",
            false,
            &[(0, RequestLost), (1, Overtaken)],
            &[],
            Told::Unknown,
        ),
    ] {
        for with_entry in [false, true] {
            let healthy = World::new().await;
            if is_there_before {
                overtake(healthy.storage.as_ref()).await;
            }
            let store = Unreliable::new(healthy.storage.clone(), trouble, unreadable);
            let world = World::process(healthy.machine.clone(), store, None);
            let outcome = change(&world, with_entry).await;
            let told = match &outcome {
                Ok(_) => Told::Done,
                Err(LedgerError::Conflict) => Told::Conflict,
                Err(LedgerError::Storage(_)) => Told::Unavailable,
                Err(LedgerError::UnknownOutcome) => Told::Unknown,
                Err(error) => panic!("{name}: {error}"),
            };
            // With an entry the head is guarded as well: if it did not move, nobody knows; here it never does.
            assert_eq!(told, expected, "{name}, with an entry: {with_entry}");
            let stored = healthy.row(&CONTESTED).await.map(|stored| stored.version);
            match outcome {
                Ok(version) => assert_eq!(stored, Some(version), "{name}"),
                Err(LedgerError::Storage(_)) => assert_eq!(stored, None, "{name}"),
                Err(_) => {}
            }
            let entries = u64::from(with_entry && told == Told::Done);
            let verification = healthy.verify().await;
            assert!(verification.is_sound(), "{name}: {verification:?}");
            if told != Told::Unknown {
                assert_eq!(verification.size, entries, "{name}");
            }
        }
    }
}

#[tokio::test]
async fn after_a_lost_answer_the_log_goes_on() {
    for trouble in [Trouble::AnswerLost, Trouble::RequestLost, Trouble::Late] {
        let healthy = World::new().await;
        let store = Unreliable::new(healthy.storage.clone(), &[(1, trouble)], &[]);
        let world = World::process(healthy.machine.clone(), store, None);
        for index in 0..3 {
            assert_eq!(world.append(1, "text").await.entries[0].1, index, "{trouble:?}");
        }
        assert_eq!(healthy.verify().await.size, 3, "{trouble:?}");
    }
}

#[tokio::test]
async fn an_unavailable_store_is_an_error_and_leaves_nothing() {
    let healthy = World::new().await;
    let store = Unreliable::new(healthy.storage.clone(), &[(0, Trouble::Unavailable)], &[]);
    let world = World::process(healthy.machine.clone(), store, None);
    assert!(matches!(world.try_append(subject(1), "text").await, Err(LedgerError::Storage(_))));
    assert_eq!(world.append(3, "after").await.entries[0].1, 0);
    assert_eq!(world.verify().await.size, 1);
}
