//! The rows of a store, read and written behind the library's back.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use wzapi_compliance::encryption::{Encryption, LocalKeyring};
use wzapi_compliance::ledger::Ledger;
use wzapi_compliance::ledger::erasure::Eraser;
use wzapi_compliance::model::ids::{ChangesetId, ControllerId};
use wzapi_compliance::model::system::{SystemClock, SystemEntropy};
use wzapi_compliance::model::{Clock, Timestamp};
use wzapi_compliance::storage::changeset::Write;
use wzapi_compliance::storage::key::{Key, KeyPrefix, LogRef, Owner, RowKind};
use wzapi_compliance::storage::query::{MAX_PAGE, Query};
use wzapi_compliance::storage::row::{Body, EntryBody, EntryBodyRow, LogHeadRow, LogLeafRow, Record};
use wzapi_compliance::storage::{Changeset, Durability, Storage};
use wzapi_compliance::storage_embedded::{EmbeddedStorage, Options};

use crate::support::{CONTROLLER, close};

pub(crate) const HEAD: Key = Key::LogHead(0);
pub(crate) const LOG: LogRef = LogRef { shard: 0, generation: 0 };

pub(crate) fn controller() -> ControllerId {
    CONTROLLER.parse().unwrap()
}

/// Every row of the log, of the bodies and of the keys.
pub(crate) struct Log(pub(crate) BTreeMap<Key, Body>);

impl Log {
    pub(crate) async fn read(data: &Path) -> Self {
        let storage = EmbeddedStorage::open(data.join("store"), Options::default()).unwrap();
        let mut rows = BTreeMap::new();
        let mut owners = vec![Owner::Controller];
        while let Some(owner) = owners.pop() {
            for kind in [RowKind::LogHead, RowKind::LogLeaf, RowKind::EntryBody, RowKind::DataKey] {
                let query = Query::prefix(controller(), KeyPrefix::Kind(owner, kind), MAX_PAGE);
                for (key, stored) in storage.scan(&query).await.unwrap().rows {
                    if let Body::LogLeaf(leaf) = &stored.body
                        && leaf.owner != Owner::Controller
                        && !owners.contains(&leaf.owner)
                    {
                        owners.push(leaf.owner);
                    }
                    rows.insert(key, stored.body);
                }
            }
        }
        close(storage);
        Self(rows)
    }

    pub(crate) fn head(&self) -> LogHeadRow {
        let Body::LogHead(head) = &self.0[&HEAD] else { panic!("no head") };
        head.clone()
    }

    pub(crate) fn leaf(&self, index: u64) -> (Key, LogLeafRow) {
        let key = Key::LogLeaf { log: LOG, index };
        let Body::LogLeaf(leaf) = &self.0[&key] else { panic!("no leaf") };
        (key, leaf.clone())
    }

    pub(crate) fn body(&self, index: u64) -> (Key, EntryBodyRow) {
        let (_, leaf) = self.leaf(index);
        let key = Key::EntryBody { owner: leaf.owner, entry: leaf.entry };
        let Body::EntryBody(body) = &self.0[&key] else { panic!("no body") };
        (key, body.clone())
    }

    /// The key that opens the body of an entry.
    pub(crate) fn data_key(&self, index: u64) -> Key {
        let (key, body) = self.body(index);
        let EntryBody::Kept(sealed) = &body.body else { panic!("erased") };
        Key::DataKey { owner: key.owner(), category: body.category.clone(), cohort: sealed.cohort }
    }
}

pub(crate) fn put(key: Key, body: impl Into<Body>) -> Write {
    Write::Put(Record { key, due_at: None, body: body.into() })
}

pub(crate) async fn write(data: &Path, writes: Vec<Write>) {
    let storage = EmbeddedStorage::open(data.join("store"), Options::default()).unwrap();
    let changeset = Changeset {
        id: ChangesetId::generate(&SystemEntropy::new()).unwrap(),
        controller: controller(),
        at: Timestamp::EPOCH,
        preconditions: Vec::new(),
        writes,
        durability: Durability::Durable,
    };
    let _committed = storage.commit(changeset).await.unwrap();
    close(storage);
}

/// Erases the bodies of all entries about the person whom this entry is about; how many.
pub(crate) async fn erase_person_of(data: &Path, index: u64) -> u64 {
    let (_, leaf) = Log::read(data).await.leaf(index);
    let (clock, entropy) = (Arc::new(SystemClock), Arc::new(SystemEntropy::new()));
    let store = EmbeddedStorage::open(data.join("store"), Options::default()).unwrap();
    let storage: Arc<dyn Storage> = Arc::new(store);
    let keyring = LocalKeyring::open_or_create(&data.join("keyring.json"), entropy.clone()).unwrap();
    let encryption = Encryption::new(Arc::clone(&storage), Arc::new(keyring), clock.clone(), entropy.clone());
    let ledger = Ledger::new(Arc::clone(&storage), clock.clone(), entropy.clone());
    let keys = encryption.tenant(controller()).await.unwrap();
    let eraser =
        Eraser { storage: storage.as_ref(), ledger: &ledger, keys: &keys, entropy: entropy.as_ref() };
    let erased = eraser.erase(controller(), leaf.owner, &[], "case-1", clock.now()).await.unwrap();
    drop(keys);
    close((encryption, ledger, storage));
    erased.bodies
}
