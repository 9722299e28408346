//! `wzapi ledger verify` on a store in which somebody changed a row behind the library's back.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::json;
use wzapi_compliance::model::Timestamp;
use wzapi_compliance::model::ids::{ChangesetId, ControllerId};
use wzapi_compliance::model::system::SystemEntropy;
use wzapi_compliance::storage::changeset::Write;
use wzapi_compliance::storage::key::{Key, KeyPrefix, Owner, RowKind};
use wzapi_compliance::storage::query::{MAX_PAGE, Query};
use wzapi_compliance::storage::row::{Body, EntryBodyRow, LogHeadRow, LogLeafRow, Record};
use wzapi_compliance::storage::{Changeset, Durability, Storage};
use wzapi_compliance::storage_embedded::{EmbeddedStorage, Options};

use crate::support::{ANA, BEN, CONTROLLER, Place, THEN, body, close};

const HEAD: Key = Key::LogHead(0);

fn controller() -> ControllerId {
    CONTROLLER.parse().unwrap()
}

/// Every row of the log, of the bodies and of the keys.
struct Log(BTreeMap<Key, Body>);

impl Log {
    async fn read(data: &Path) -> Self {
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

    fn head(&self) -> LogHeadRow {
        let Body::LogHead(head) = &self.0[&HEAD] else { panic!("no head") };
        head.clone()
    }

    fn leaf(&self, index: u64) -> (Key, LogLeafRow) {
        let key = Key::LogLeaf { shard: 0, index };
        let Body::LogLeaf(leaf) = &self.0[&key] else { panic!("no leaf") };
        (key, leaf.clone())
    }

    fn body(&self, index: u64) -> (Key, EntryBodyRow) {
        let (_, leaf) = self.leaf(index);
        let key = Key::EntryBody { owner: leaf.owner, entry: leaf.entry };
        let Body::EntryBody(body) = &self.0[&key] else { panic!("no body") };
        (key, body.clone())
    }

    /// The key that opens the body of an entry.
    fn data_key(&self, index: u64) -> Key {
        let (key, body) = self.body(index);
        Key::DataKey { owner: key.owner(), category: body.category, cohort: body.sealed.cohort }
    }
}

fn put(key: Key, body: impl Into<Body>) -> Write {
    Write::Put(Record { key, due_at: None, body: body.into() })
}

async fn write(data: &Path, writes: Vec<Write>) {
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

#[tokio::test]
async fn a_row_that_was_tampered_with_is_found_and_its_place_is_told() {
    let place = Place::with_a_sender();
    let data = place.data();
    for (name, seconds, who, words) in
        [("1", 0, ANA, "START"), ("2", 60, BEN, "START"), ("3", 120, ANA, "STOP"), ("4", 180, BEN, "STOP")]
    {
        place.write(name, body(name, THEN + seconds, &[(who, words)]));
    }
    place.ingest(&["1", "2", "3"]).ended_with(0);
    let earlier_head = Log::read(&data).await.head();
    place.ingest(&["4"]).ended_with(0);
    let sound = place.verify().ended_with(0).json();
    assert_eq!((&sound["verified"], &sound["logs"][1]["size"]), (&json!(true), &json!(6)));
    assert_eq!(sound["logs"][1]["fault"], json!(null));

    let log = Log::read(&data).await;
    let altered_leaf = |index: u64| {
        let (key, mut leaf) = log.leaf(index);
        leaf.commitment[7] ^= 1;
        put(key, leaf)
    };
    let altered_body = |index: u64| {
        let (key, mut body) = log.body(index);
        *body.sealed.envelope.last_mut().unwrap() ^= 1;
        put(key, body)
    };
    let exchanged = |one: u64, other: u64| {
        vec![put(log.leaf(one).0, log.leaf(other).1), put(log.leaf(other).0, log.leaf(one).1)]
    };
    let foreign_body = put(log.body(2).0, EntryBodyRow { index: 2, ..log.body(4).1 });
    let altered_head = {
        let mut head = log.head();
        head.peaks[0][0] ^= 1;
        put(HEAD, head)
    };
    let grown_head = put(HEAD, LogHeadRow { size: 7, ..log.head() });
    let cases: Vec<(&str, Vec<Write>, u64, &str)> = vec![
        ("an entry altered", vec![altered_leaf(2)], 2, "body_altered"),
        ("a body altered", vec![altered_body(3)], 3, "body_altered"),
        ("two faults, the first is told", vec![altered_body(4), altered_leaf(1)], 1, "body_altered"),
        ("a body exchanged for another person's", vec![foreign_body], 2, "body_altered"),
        ("an entry removed", vec![Write::Delete(log.leaf(1).0)], 1, "entry_missing"),
        ("the last entry removed", vec![Write::Delete(log.leaf(5).0)], 5, "entry_missing"),
        ("a body removed", vec![Write::Delete(log.body(4).0)], 4, "body_missing"),
        ("a key removed", vec![Write::Delete(log.data_key(2))], 2, "key_missing"),
        ("two entries exchanged", exchanged(1, 3), 1, "misplaced"),
        ("an entry told twice", vec![put(log.leaf(3).0, log.leaf(2).1)], 3, "misplaced"),
        ("the head removed", vec![Write::Delete(HEAD)], 0, "head_missing"),
        ("the head cut", vec![put(HEAD, earlier_head)], 5, "truncated"),
        ("the head altered", vec![altered_head], 6, "root_mismatch"),
        ("the head grown", vec![grown_head], 7, "head_damaged"),
    ];
    for (what, writes, index, kind) in cases {
        let touched: Vec<Key> = writes.iter().map(|write| write.key().clone()).collect();
        write(&data, writes).await;
        let found = place.verify().ended_with(4).json();
        assert_eq!(found["verified"], json!(false), "{what}");
        assert_eq!(found["logs"][1]["fault"], json!({ "index": index, "kind": kind }), "{what}: {found}");
        assert_eq!(found["logs"][0]["verified"], json!(true), "{what}: the system's log is as it was");
        let text = place.run(&["ledger", "verify", "--data", "DATA", "--controller", CONTROLLER]);
        let line = format!("FAULT at entry {index}: {kind}");
        assert!(text.ended_with(4).stdout.contains(&line), "{what}");
        // And back as it was.
        let restored = touched.into_iter().map(|key| put(key.clone(), log.0[&key].clone()));
        write(&data, restored.collect()).await;
    }
    assert_eq!(place.verify().ended_with(0).json(), sound);
}

#[test]
fn a_log_that_does_not_exist_is_bad_input() {
    let place = Place::with_a_sender();
    let unknown = "0c0c0c0c-0c0c-4c0c-8c0c-0c0c0c0c0c0c";
    let run = place.run(&["ledger", "verify", "--data", "DATA", "--controller", unknown]).ended_with(2);
    assert!(run.stderr.contains("not registered"), "{run:?}");
    let one = place.run(&["ledger", "verify", "--json", "--data", "DATA", "--controller", CONTROLLER]);
    let logs = one.ended_with(0).json()["logs"].clone();
    assert_eq!(logs.as_array().unwrap().len(), 1);
    assert_eq!(logs[0]["controller"], CONTROLLER);
}
