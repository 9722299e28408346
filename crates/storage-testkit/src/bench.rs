//! The bench that a case works at: a fresh store, ids of its own, and short ways to say what is done to it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use wzapi_model::Timestamp;
use wzapi_model::ids::{ChangesetId, ControllerId};
use wzapi_storage::changeset::Write;
use wzapi_storage::key::BlindIndex;
use wzapi_storage::query::{Cursor, Query, Selection};
use wzapi_storage::row::{Body, Record, RowType, SourceEventRow, Stored};
use wzapi_storage::{Changeset, Durability, Key, Precondition, Storage, StorageError, Version};

use crate::backend::{Backend, OpenStore, Reopened};
use crate::sample::Sequence;
use crate::suite::{Failure, ensure};

/// More pages than any case fills: a scan that goes on is going in circles.
const MAX_PAGES: usize = 10_000;

pub(crate) struct Bench {
    opened: Box<dyn OpenStore>,
    ids: Arc<Ids>,
}

/// Ids that no other case draws.
struct Ids {
    case: u64,
    drawn: AtomicU64,
}

impl Bench {
    pub(crate) async fn fresh(backend: &dyn Backend, case: &str) -> Result<Self, Failure> {
        let opened =
            backend.fresh().await.map_err(|error| Failure::new(format!("no fresh store: {error}")))?;
        // FNV-1a, so that the ids of a case depend on nothing but its name.
        let case = case.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Ok(Self { opened, ids: Arc::new(Ids { case, drawn: AtomicU64::new(0) }) })
    }

    pub(crate) fn storage(&self) -> Arc<dyn Storage> {
        self.opened.storage()
    }

    /// `None` when the store is volatile.
    pub(crate) async fn reopen(self) -> Result<Option<Self>, Failure> {
        match self.opened.reopen().await {
            Ok(Reopened::Open(opened)) => Ok(Some(Self { opened, ids: self.ids })),
            Ok(Reopened::Volatile) => Ok(None),
            Err(error) => Err(Failure::new(format!("the store does not open again: {error}"))),
        }
    }

    /// Hands to another task what it needs.
    pub(crate) fn worker(&self) -> Worker {
        Worker { storage: self.storage(), ids: Arc::clone(&self.ids) }
    }

    /// The controller of this number. Two of neighbouring numbers differ in their last byte only.
    pub(crate) fn controller(&self, number: u8) -> ControllerId {
        let mut bytes = self.ids.controller();
        if let Some(last) = bytes.last_mut() {
            *last = number;
        }
        ControllerId::from_bytes(bytes)
    }

    pub(crate) fn change(&self, controller: ControllerId) -> Change {
        self.worker().change(controller)
    }

    pub(crate) async fn get(
        &self,
        controller: ControllerId,
        keys: &[Key],
    ) -> Result<Vec<Option<Stored>>, Failure> {
        self.worker().get(controller, keys).await
    }

    pub(crate) async fn one(&self, controller: ControllerId, key: &Key) -> Result<Option<Stored>, Failure> {
        self.worker().one(controller, key).await
    }

    /// Every row of a scan, in pages of `limit`.
    pub(crate) async fn scan(
        &self,
        controller: ControllerId,
        selection: &Selection,
        limit: usize,
    ) -> Result<Vec<(Key, Stored)>, Failure> {
        self.scan_after(controller, selection, limit, None).await
    }

    /// The rest of a scan.
    pub(crate) async fn scan_after(
        &self,
        controller: ControllerId,
        selection: &Selection,
        limit: usize,
        mut after: Option<Cursor>,
    ) -> Result<Vec<(Key, Stored)>, Failure> {
        let mut rows = Vec::new();
        for _ in 0..MAX_PAGES {
            let query = Query { controller, selection: selection.clone(), after, limit };
            let page = self.storage().scan(&query).await?;
            ensure!(page.rows.len() <= limit, "a page of {limit} held {} rows", page.rows.len());
            rows.extend(page.rows);
            after = page.next;
            if after.is_none() {
                return Ok(rows);
            }
        }
        Err(Failure::new("the scan does not come to an end"))
    }
}

/// A store and the ids of a case, for one task of it.
#[derive(Clone)]
pub(crate) struct Worker {
    pub(crate) storage: Arc<dyn Storage>,
    ids: Arc<Ids>,
}

impl Worker {
    /// An empty changeset with an id of its own, durable unless it says otherwise.
    pub(crate) fn change(&self, controller: ControllerId) -> Change {
        Change {
            storage: Arc::clone(&self.storage),
            changeset: Changeset {
                id: self.ids.changeset(),
                controller,
                at: time(0),
                preconditions: Vec::new(),
                writes: Vec::new(),
                durability: Durability::Durable,
            },
        }
    }

    pub(crate) async fn get(
        &self,
        controller: ControllerId,
        keys: &[Key],
    ) -> Result<Vec<Option<Stored>>, Failure> {
        let rows = self.storage.get(controller, keys).await?;
        ensure!(rows.len() == keys.len(), "{} keys got {} answers", keys.len(), rows.len());
        Ok(rows)
    }

    pub(crate) async fn one(&self, controller: ControllerId, key: &Key) -> Result<Option<Stored>, Failure> {
        Ok(self.get(controller, std::slice::from_ref(key)).await?.pop().flatten())
    }
}

impl Ids {
    fn controller(&self) -> [u8; 16] {
        Sequence::new(self.case).id()
    }

    fn changeset(&self) -> ChangesetId {
        let drawn = self.drawn.fetch_add(1, Ordering::Relaxed);
        ChangesetId::from_bytes(Sequence::new(self.case.wrapping_add(drawn).wrapping_add(1)).id())
    }
}

/// A changeset in the making.
pub(crate) struct Change {
    storage: Arc<dyn Storage>,
    changeset: Changeset,
}

impl Change {
    pub(crate) fn put(self, record: Record) -> Self {
        self.write(Write::Put(record))
    }

    pub(crate) fn puts(self, records: impl IntoIterator<Item = Record>) -> Self {
        records.into_iter().fold(self, Self::put)
    }

    pub(crate) fn delete(self, key: Key) -> Self {
        self.write(Write::Delete(key))
    }

    pub(crate) fn write(mut self, write: Write) -> Self {
        self.changeset.writes.push(write);
        self
    }

    pub(crate) fn guard(mut self, key: Key, precondition: Precondition) -> Self {
        self.changeset.preconditions.push((key, precondition));
        self
    }

    pub(crate) fn absent(self, key: Key) -> Self {
        self.guard(key, Precondition::Absent)
    }

    pub(crate) fn version(self, key: Key, version: Version) -> Self {
        self.guard(key, Precondition::Version(version))
    }

    pub(crate) fn relaxed(mut self) -> Self {
        self.changeset.durability = Durability::Relaxed;
        self
    }

    pub(crate) fn at(mut self, at: Timestamp) -> Self {
        self.changeset.at = at;
        self
    }

    /// Takes over the id of another changeset.
    pub(crate) fn id(mut self, id: ChangesetId) -> Self {
        self.changeset.id = id;
        self
    }

    /// The key of the row that records it.
    pub(crate) fn receipt(&self) -> Key {
        Key::Changeset(self.changeset.id)
    }

    pub(crate) fn changeset_id(&self) -> ChangesetId {
        self.changeset.id
    }

    pub(crate) async fn send(self) -> Result<Version, StorageError> {
        Ok(self.storage.commit(self.changeset).await?.version)
    }

    pub(crate) async fn commit(self) -> Result<Version, Failure> {
        Ok(self.send().await?)
    }

    /// Commits, expecting a conflict that names each failed key once.
    pub(crate) async fn conflict(self) -> Result<BTreeSet<Key>, Failure> {
        match self.send().await {
            Err(StorageError::Conflict { failed }) => {
                let named: BTreeSet<Key> = failed.iter().cloned().collect();
                ensure!(named.len() == failed.len(), "a conflict names a key twice");
                Ok(named)
            }
            Err(other) => Err(Failure::new(format!("expected a conflict, got: {other}"))),
            Ok(_) => Err(Failure::new("expected a conflict, but the changeset was committed")),
        }
    }
}

/// A moment in 2026, so many seconds after another.
pub(crate) fn time(seconds: u32) -> Timestamp {
    const BEGIN: Duration = Duration::from_secs(1_780_000_000);
    Timestamp::EPOCH.saturating_add(BEGIN + Duration::from_secs(seconds.into()))
}

/// The key of the plain row of this number; the number shows in a message.
pub(crate) fn key(number: u32) -> Key {
    Key::SourceEvent(BlindIndex((u128::from(number) << 96).to_be_bytes()))
}

/// A plain row that holds `content`.
pub(crate) fn row(number: u32, content: u32) -> Record {
    Record {
        key: key(number),
        due_at: None,
        body: Body::SourceEvent(SourceEventRow { seen_at: time(content) }),
    }
}

/// A plain row that is due.
pub(crate) fn due_row(number: u32, due_at: Timestamp) -> Record {
    Record { due_at: Some(due_at), ..row(number, number) }
}

/// Whether a stored row is the plain row with this content.
pub(crate) fn holds(stored: Option<&Stored>, content: u32) -> bool {
    stored.and_then(|stored| SourceEventRow::of(&stored.body)).is_some_and(|row| row.seen_at == time(content))
}

/// Whether a stored row is what `record` said, under this version.
pub(crate) fn is_record(stored: Option<&Stored>, record: &Record, version: Version) -> bool {
    let expected = Stored { version, due_at: record.due_at, body: record.body.clone() };
    stored == Some(&expected)
}
