//! Every kind of row of a log, with every kind of change to it: found, and named with its place. What is harmless is
//! listed with the reason.

use async_trait::async_trait;
use std::sync::Arc;

use wzapi_ledger::proof::EntryCommitment;
use wzapi_ledger::proof::compact_range::CompactRange;
use wzapi_ledger::{FaultKind, Verifier};
use wzapi_model::ids::{ControllerId, EntryId};
use wzapi_model::name::DataCategory;
use wzapi_storage::codec::{decode_body, encode_body};
use wzapi_storage::key::{Key, LogRef, Owner};
use wzapi_storage::query::{Page, Query};
use wzapi_storage::row::{
    Body, CheckpointRow, ClosedLogRow, EntryBody, EntryBodyRow, LogHeadRow, LogKeyRow, LogLeafRow, RowType,
    Stored,
};
use wzapi_storage::{Changeset, Committed, Storage, StorageError};

use crate::backup::Backup;
use crate::world::{CONTROLLER, LOG, OTHER, World, actor, subject};

const SECOND: LogRef = LogRef { shard: 0, generation: 1 };
/// Entries of the closed log.
const FIRST_SIZE: u64 = 305;
/// Entries of its successor.
const SECOND_SIZE: u64 = 6;
/// An entry under the one full tile whose body was erased, and its certificate.
const ERASED: u64 = 9;
const CERTIFICATE: u64 = 303;

/// A store in which there is a bit of everything, and what it was before.
struct Stage {
    world: World,
    sound: Backup,
    /// With 300 entries and a checkpoint over them.
    early: Backup,
    /// Before the log was closed, and before its last checkpoint.
    late: Backup,
}

impl Stage {
    async fn set() -> Self {
        let world = World::journalled().await;
        world.fill(300).await;
        let _ = world.checkpoint().await;
        world.fill_of(OTHER, 310).await;
        let _ = world.notary.checkpoint(OTHER, 0).await.unwrap();
        let early = world.backup().await;
        let _ = world.notary.rotate_key(&actor(), CONTROLLER, 0).await.unwrap();
        world.fill_each(2).await;
        let _ = world.checkpoint().await;
        let erased = world.erase(3).await;
        assert_eq!(erased.bodies, 43);
        let _ = world.append(4, "after the erasure").await;
        let late = world.backup().await;
        let _ = world.checkpoint().await;
        let backup = world.backup().await;
        let _ = world.append(5, "lost").await;
        let _ = world.checkpoint().await;
        let world = world.restored(&backup).await;
        let followed = world.notary.follow_journal(false).await.unwrap();
        assert_eq!(followed.closed.len(), 1);
        world.fill_each(5).await;
        let _ = world.checkpoint().await;
        let sound = world.backup().await;
        let sizes: Vec<u64> = world.verify_all().await.iter().map(|log| log.size).collect();
        assert_eq!(sizes, [FIRST_SIZE, SECOND_SIZE]);
        Self { world, sound, early, late }
    }

    fn row_in(&self, backup: &Backup, controller: ControllerId, place: &Key) -> Body {
        let mut rows = backup.rows_of(controller);
        rows.find(|(key, _)| *key == place).map(|(_, body)| body.clone()).unwrap()
    }

    fn row(&self, place: &Key) -> Body {
        self.row_in(&self.sound, CONTROLLER, place)
    }

    fn other(&self, place: &Key) -> Body {
        self.row_in(&self.sound, OTHER, place)
    }

    fn leaf(&self, log: LogRef, index: u64) -> LogLeafRow {
        LogLeafRow::of(&self.row(&leaf(log, index))).unwrap().clone()
    }

    fn body_at(&self, log: LogRef, index: u64) -> Key {
        let leaf = self.leaf(log, index);
        Key::EntryBody { owner: leaf.owner, entry: leaf.entry }
    }

    fn data_key(&self, owner: Owner) -> Key {
        let mut keys = self.sound.rows_of(CONTROLLER).map(|(key, _)| key);
        let found = keys.find(|key| matches!(key, Key::DataKey { owner: of, .. } if *of == owner));
        found.unwrap().clone()
    }

    /// Makes the change, verifies, and takes it back.
    async fn after(&self, change: &[(Key, Option<Body>)]) -> Option<(LogRef, u64, FaultKind)> {
        self.world.overwrite_all(change.iter().cloned()).await;
        let verified = self.world.verify_all().await;
        let undo = change.iter().map(|(key, _)| {
            let mut rows = self.sound.rows_of(CONTROLLER);
            (key.clone(), rows.find(|(of, _)| *of == key).map(|(_, body)| body.clone()))
        });
        self.world.overwrite_all(undo).await;
        verified.iter().find_map(|log| log.fault.map(|fault| (log.log, fault.index, fault.kind)))
    }

    async fn assert_found(
        &self,
        name: &str,
        change: Vec<(Key, Option<Body>)>,
        expected: (LogRef, u64, FaultKind),
    ) {
        let found = self.after(&change).await;
        assert_eq!(found, Some(expected), "{name}");
    }

    async fn assert_harmless(&self, change: Vec<(Key, Option<Body>)>, reason: &str) {
        let found = self.after(&change).await;
        assert_eq!(found, None, "{reason}");
    }
}

const fn leaf(log: LogRef, index: u64) -> Key {
    Key::LogLeaf { log, index }
}

const fn tile(log: LogRef) -> Key {
    Key::LogTile { log, level: 0, index: 0 }
}

const fn log_key(version: u32) -> Key {
    Key::LogKey { shard: 0, version }
}

#[tokio::test]
async fn a_row_that_is_removed() {
    let stage = Stage::set().await;
    let second = stage.leaf(SECOND, 2).owner;
    for (name, place, expected) in [
        ("the head", Key::LogHead(0), (LOG, 0, FaultKind::HeadMissing)),
        ("the closed log", Key::ClosedLog(LOG), (LOG, 0, FaultKind::HeadMissing)),
        ("an entry", leaf(LOG, 100), (LOG, 100, FaultKind::EntryMissing)),
        ("the first entry", leaf(LOG, 0), (LOG, 0, FaultKind::EntryMissing)),
        ("the last entry", leaf(LOG, FIRST_SIZE - 1), (LOG, FIRST_SIZE - 1, FaultKind::EntryMissing)),
        ("the last entry of the successor", leaf(SECOND, 5), (SECOND, 5, FaultKind::EntryMissing)),
        ("a body", stage.body_at(LOG, 100), (LOG, 100, FaultKind::BodyMissing)),
        ("an erased body", stage.body_at(LOG, ERASED), (LOG, ERASED, FaultKind::BodyMissing)),
        ("the body of a certificate", stage.body_at(LOG, CERTIFICATE), (LOG, 2, FaultKind::NotCertified)),
        ("the data key of a person", stage.data_key(subject(5)), (LOG, 4, FaultKind::KeyMissing)),
        (
            "the data key of certificates",
            stage.data_key(Owner::Controller),
            (LOG, 2, FaultKind::NotCertified),
        ),
        ("a tile", tile(LOG), (LOG, 0, FaultKind::TileMissing)),
        ("the key that signs", log_key(3), (SECOND, 6, FaultKind::LogKeyDamaged)),
    ] {
        stage.assert_found(name, vec![(place, None)], expected).await;
    }
    assert_eq!(second, subject(2));
    for (place, reason) in [
        (
            Key::Checkpoint(SECOND),
            "the edge is made from the entries again; the checkpoint stands in the journal and with whoever got it",
        ),
        (log_key(1), "the log has another key, and its stored checkpoint is signed by that one too"),
    ] {
        stage.assert_harmless(vec![(place, None)], reason).await;
    }
}

#[tokio::test]
async fn a_row_that_is_exchanged_with_its_neighbour() {
    let stage = Stage::set().await;
    let swap = |one: Key, other: Key| {
        let (first, second) = (stage.row(&one), stage.row(&other));
        vec![(one, Some(second)), (other, Some(first))]
    };
    // Entries 4 and 11 are about the same person, 4 and 5 are not; 2 and 9 are erased.
    let body = |index| stage.body_at(LOG, index);
    for (name, change, expected) in [
        ("entries", swap(leaf(LOG, 4), leaf(LOG, 5)), (LOG, 4, FaultKind::Misplaced)),
        ("entries of one person", swap(leaf(LOG, 4), leaf(LOG, 11)), (LOG, 4, FaultKind::Misplaced)),
        ("bodies", swap(body(4), body(5)), (LOG, 4, FaultKind::Misplaced)),
        ("bodies of one person", swap(body(4), body(11)), (LOG, 4, FaultKind::Misplaced)),
        ("erased bodies", swap(body(2), body(9)), (LOG, 2, FaultKind::Misplaced)),
        ("a body and an erased one", swap(body(1), body(2)), (LOG, 1, FaultKind::Misplaced)),
        (
            "data keys",
            swap(stage.data_key(subject(4)), stage.data_key(subject(5))),
            (LOG, 3, FaultKind::KeyMissing),
        ),
        (
            "checkpoints of two logs",
            swap(Key::Checkpoint(LOG), Key::Checkpoint(SECOND)),
            (LOG, FIRST_SIZE, FaultKind::CheckpointUnreadable),
        ),
        ("keys of one log", swap(log_key(1), log_key(2)), (LOG, FIRST_SIZE, FaultKind::LogKeyDamaged)),
        ("keys of two logs", swap(log_key(1), log_key(3)), (LOG, FIRST_SIZE, FaultKind::LogKeyDamaged)),
    ] {
        stage.assert_found(name, change, expected).await;
    }

    // Exchanged with all that tells where they belong: now the tree is another one.
    let mut change = swap(leaf(LOG, 4), leaf(LOG, 11));
    for (from, to) in [(4, 11), (11, 4)] {
        let place = body(from);
        let row = EntryBodyRow::of(&stage.row(&place)).unwrap().clone();
        change.push((place, Some(EntryBodyRow { index: to, ..row }.into())));
    }
    stage.assert_found("entries with their bodies", change, (LOG, 0, FaultKind::TileAltered)).await;
    let mut change = swap(leaf(SECOND, 2), leaf(SECOND, 3));
    for (from, to) in [(2, 3), (3, 2)] {
        let place = stage.body_at(SECOND, from);
        let row = EntryBodyRow::of(&stage.row(&place)).unwrap().clone();
        change.push((place, Some(EntryBodyRow { index: to, ..row }.into())));
    }
    let expected = (SECOND, SECOND_SIZE, FaultKind::CheckpointContradicted);
    stage.assert_found("entries above the last full tile", change, expected).await;

    // A log in the place of the one that follows it.
    let closed = ClosedLogRow::of(&stage.row(&Key::ClosedLog(LOG))).unwrap().clone();
    let head = LogHeadRow::of(&stage.row(&Key::LogHead(0))).unwrap().clone();
    let change = vec![
        (Key::LogHead(0), Some(LogHeadRow { generation: 1, ..closed.head.clone() }.into())),
        (
            Key::ClosedLog(LOG),
            Some(ClosedLogRow { head: LogHeadRow { generation: 0, ..head }, ..closed }.into()),
        ),
    ];
    let expected = (LOG, SECOND_SIZE, FaultKind::BehindCheckpoint);
    let found = stage.after(&change).await.unwrap();
    assert!([expected.2, FaultKind::CheckpointUnreadable].contains(&found.2), "{found:?}");
}

#[tokio::test]
async fn a_row_that_is_replaced_by_an_older_one() {
    let stage = Stage::set().await;
    let old = |backup, place: Key| {
        let row = stage.row_in(backup, CONTROLLER, &place);
        (place, Some(row))
    };
    let closed = |size: &Backup| {
        let head = LogHeadRow::of(&stage.row_in(size, CONTROLLER, &Key::LogHead(0))).unwrap().clone();
        let closed = ClosedLogRow::of(&stage.row(&Key::ClosedLog(LOG))).unwrap().clone();
        (Key::ClosedLog(LOG), Some(Body::from(ClosedLogRow { head, ..closed })))
    };
    for (name, change, expected) in [
        (
            "the head, from before the log was closed",
            vec![old(&stage.late, Key::LogHead(0))],
            (LOG, FIRST_SIZE, FaultKind::Truncated),
        ),
        (
            "the head, and nothing left that says that there was another log",
            vec![old(&stage.late, Key::LogHead(0)), (Key::ClosedLog(LOG), None)],
            (LOG, FIRST_SIZE, FaultKind::Truncated),
        ),
        ("the end of the closed log", vec![closed(&stage.early)], (LOG, 300, FaultKind::BehindCheckpoint)),
        (
            "the end of the closed log with its checkpoint",
            vec![closed(&stage.early), old(&stage.early, Key::Checkpoint(LOG))],
            // The certificate is beyond that end.
            (LOG, 2, FaultKind::NotCertified),
        ),
        (
            "a body that was erased",
            vec![old(&stage.early, stage.body_at(LOG, ERASED))],
            (LOG, ERASED, FaultKind::KeyMissing),
        ),
        (
            "a body that was erased, with its key",
            {
                let key = Key::DataKey {
                    owner: subject(3),
                    category: DataCategory::consent_evidence(),
                    cohort: EntryBodyRow::of(&stage.row(&stage.body_at(LOG, 0)))
                        .and_then(|row| match &row.body {
                            EntryBody::Kept(sealed) => Some(sealed.cohort),
                            EntryBody::Erased { .. } => None,
                        })
                        .unwrap(),
                };
                vec![old(&stage.early, stage.body_at(LOG, ERASED)), old(&stage.early, key)]
            },
            (LOG, CERTIFICATE, FaultKind::CertificateContradicted),
        ),
    ] {
        stage.assert_found(name, change, expected).await;
    }
    // Taken away without a trace: this is what an older checkpoint is for.
    let mut change = vec![old(&stage.late, Key::LogHead(0)), (Key::ClosedLog(LOG), None)];
    change.extend((0..SECOND_SIZE).map(|index| (leaf(SECOND, index), None)));
    stage.assert_harmless(change, "only a checkpoint that was kept elsewhere can tell").await;
    stage
        .assert_harmless(
            vec![old(&stage.late, Key::Checkpoint(LOG))],
            "an older checkpoint of the same tree: the newer one stands in the journal and with whoever got it",
        )
        .await;
    stage
        .assert_harmless(
            vec![old(&stage.early, log_key(1))],
            "the key is not said to be handed over; the entry and the statement in it say so",
        )
        .await;
}

#[tokio::test]
async fn a_row_that_is_moved_from_another_controller() {
    let stage = Stage::set().await;
    let (size, second) = (FIRST_SIZE, SECOND_SIZE);
    for (name, change, expected) in [
        (
            "the head",
            vec![(Key::LogHead(0), Some(stage.other(&Key::LogHead(0))))],
            (LOG, 310, FaultKind::LogKeyDamaged),
        ),
        (
            "an entry",
            vec![(leaf(LOG, 100), Some(stage.other(&leaf(LOG, 100))))],
            (LOG, 100, FaultKind::BodyMissing),
        ),
        (
            "a body",
            {
                let leaf = LogLeafRow::of(&stage.other(&leaf(LOG, 100))).unwrap().clone();
                let body = stage.other(&Key::EntryBody { owner: leaf.owner, entry: leaf.entry });
                vec![(stage.body_at(LOG, 100), Some(body))]
            },
            (LOG, 100, FaultKind::KeyMissing),
        ),
        (
            "an entry with its body and its key",
            {
                let (place, other) =
                    (leaf(LOG, 100), LogLeafRow::of(&stage.other(&leaf(LOG, 100))).unwrap().clone());
                let body = Key::EntryBody { owner: other.owner, entry: other.entry };
                let key = stage.data_key(other.owner);
                vec![
                    (place, Some(other.into())),
                    (body.clone(), Some(stage.other(&body))),
                    (key.clone(), Some(stage.other(&key))),
                ]
            },
            (LOG, 2, FaultKind::KeyMissing),
        ),
        ("a tile", vec![(tile(LOG), Some(stage.other(&tile(LOG))))], (LOG, 0, FaultKind::TileAltered)),
        (
            "the checkpoint",
            vec![(Key::Checkpoint(LOG), Some(stage.other(&Key::Checkpoint(LOG))))],
            (LOG, size, FaultKind::CheckpointUnreadable),
        ),
        (
            "the edge",
            {
                let other = CheckpointRow::of(&stage.other(&Key::Checkpoint(LOG))).unwrap().clone();
                vec![(Key::Checkpoint(LOG), Some(CheckpointRow { signed: None, ..other }.into()))]
            },
            (LOG, size, FaultKind::EdgeAltered),
        ),
        (
            "the log's key",
            vec![(log_key(3), Some(stage.other(&log_key(1))))],
            (SECOND, second, FaultKind::LogKeyDamaged),
        ),
        (
            "the data key",
            vec![(stage.data_key(subject(5)), Some(stage.other(&stage.data_key(subject(5)))))],
            (LOG, 4, FaultKind::KeyMissing),
        ),
    ] {
        if name == "an entry with its body and its key" {
            let found = stage.after(&change).await.unwrap();
            assert_eq!(found.0, LOG, "{name}");
            assert!([FaultKind::KeyMissing, FaultKind::BodyAltered].contains(&found.2), "{name}: {found:?}");
            continue;
        }
        stage.assert_found(name, change, expected).await;
    }
}

#[tokio::test]
async fn all_that_is_of_one_controller_put_in_the_place_of_anothers() {
    let stage = Stage::set().await;
    let of_log = |key: &Key| !matches!(key, Key::TenantKey(_) | Key::IndexKey(_) | Key::Controller);
    let removed: Vec<_> = stage
        .sound
        .rows_of(CONTROLLER)
        .filter(|(key, _)| of_log(key))
        .map(|(key, _)| (key.clone(), None))
        .collect();
    let moved: Vec<_> = stage
        .sound
        .rows_of(OTHER)
        .filter(|(key, _)| of_log(key))
        .map(|(key, body)| (key.clone(), Some(body.clone())))
        .collect();
    stage.world.overwrite_all(removed).await;
    stage.world.overwrite_all(moved).await;
    let verified = stage.world.verify().await;
    assert_eq!(
        verified.fault.map(|fault| (fault.index, fault.kind)),
        Some((310, FaultKind::LogKeyDamaged)),
        "the log's own key does not open under this controller's"
    );
    // With the keys above it as well, nothing opens at all.
    let keys: Vec<_> = stage
        .sound
        .rows_of(OTHER)
        .filter(|(key, _)| !of_log(key))
        .map(|(key, body)| (key.clone(), Some(body.clone())))
        .collect();
    stage.world.overwrite_all(keys).await;
    let beside = stage.world.reopened(stage.world.storage.clone());
    assert!(beside.verifier().run(&mut |_| {}).await.is_err());
}

#[tokio::test]
async fn a_row_that_is_there_twice() {
    let stage = Stage::set().await;
    let (last, body) = (stage.leaf(SECOND, 5), stage.row(&stage.body_at(SECOND, 5)));
    let expected = |index| (SECOND, index, FaultKind::Truncated);
    for beyond in [6, 7, 1000, u64::MAX] {
        let change = vec![(leaf(SECOND, beyond), Some(last.clone().into()))];
        stage.assert_found("an entry beyond the head", change, expected(SECOND_SIZE)).await;
        let change = vec![(leaf(LOG, FIRST_SIZE + beyond % 1000), Some(last.clone().into()))];
        let expected = (LOG, FIRST_SIZE, FaultKind::Truncated);
        stage.assert_found("an entry beyond the end of the closed log", change, expected).await;
    }
    let change = vec![(leaf(SECOND, 3), Some(last.clone().into()))];
    stage.assert_found("an entry in the place of another", change, (SECOND, 3, FaultKind::Misplaced)).await;

    let elsewhere = Key::EntryBody { owner: last.owner, entry: EntryId::from_bytes([9; 16]) };
    stage
        .assert_harmless(
            vec![(elsewhere.clone(), Some(body.clone()))],
            "no entry names the copy of a body, and it opens in no other place than its own",
        )
        .await;
    // Unless an entry is made to name it.
    let named = LogLeafRow { entry: EntryId::from_bytes([9; 16]), ..last };
    let change = vec![(elsewhere, Some(body)), (leaf(SECOND, 5), Some(named.into()))];
    stage.assert_found("an entry that names the copy", change, (SECOND, 5, FaultKind::BodyAltered)).await;
    let tile_of_nothing = Key::LogTile { log: LOG, level: 1, index: 0 };
    stage
        .assert_harmless(
            vec![(tile_of_nothing, Some(stage.row(&tile(LOG))))],
            "no proof is built from a tile that the tree does not have yet; when it has it, the two are compared",
        )
        .await;
}

/// Somebody who has all keys makes one log of two, or two of one.
#[tokio::test]
async fn a_log_that_says_nothing_of_the_one_before_it_or_of_one_that_never_was() {
    let stage = Stage::set().await;
    let moved = |from: LogRef, to: LogRef, size: u64| {
        let mut rows = Vec::new();
        for index in 0..size {
            let body = stage.body_at(from, index);
            let row = EntryBodyRow::of(&stage.row(&body)).unwrap().clone();
            rows.push((leaf(to, index), Some(stage.leaf(from, index).into())));
            rows.push((body, Some(EntryBodyRow { log: to, ..row }.into())));
        }
        rows
    };
    // The successor, as if nothing had been before it.
    let head = LogHeadRow::of(&stage.row(&Key::LogHead(0))).unwrap().clone();
    let mut change = moved(SECOND, LOG, SECOND_SIZE);
    change.extend((SECOND_SIZE..FIRST_SIZE).map(|index| (leaf(LOG, index), None)));
    change.extend((0..SECOND_SIZE).map(|index| (leaf(SECOND, index), None)));
    change.extend([
        (Key::LogHead(0), Some(LogHeadRow { generation: 0, ..head }.into())),
        (Key::ClosedLog(LOG), None),
        (Key::Checkpoint(LOG), None),
        (Key::Checkpoint(SECOND), None),
    ]);
    stage.assert_found("a successor of nothing", change, (LOG, 0, FaultKind::SuccessionBroken)).await;

    // The closed log, as if it were the one that followed an empty one.
    let closed = ClosedLogRow::of(&stage.row(&Key::ClosedLog(LOG))).unwrap().clone();
    let empty = LogHeadRow { size: 0, peaks: Vec::new(), ..closed.head.clone() };
    let small = 2;
    let mut tree = CompactRange::new();
    for index in 0..small {
        let commitment = EntryCommitment::from(stage.leaf(LOG, index).commitment);
        tree.append(commitment.leaf_hash()).unwrap();
    }
    let peaks = tree.peaks().iter().map(|peak| *peak.as_bytes()).collect();
    let mut change = moved(LOG, SECOND, small);
    change.extend((small..SECOND_SIZE).map(|index| (leaf(SECOND, index), None)));
    change.extend((0..FIRST_SIZE).map(|index| (leaf(LOG, index), None)));
    change.extend([
        (
            Key::LogHead(0),
            Some(LogHeadRow { generation: 1, size: small, peaks, ..closed.head.clone() }.into()),
        ),
        (Key::ClosedLog(LOG), Some(ClosedLogRow { head: empty, ..closed }.into())),
        (Key::Checkpoint(LOG), None),
        (Key::Checkpoint(SECOND), None),
    ]);
    let expected = (SECOND, 0, FaultKind::SuccessionBroken);
    stage.assert_found("no successor in the place of one", change, expected).await;
}

/// A store in which a row cannot be read any more.
struct Rotten {
    inner: Arc<dyn Storage>,
    row: Key,
}

#[async_trait]
impl Storage for Rotten {
    async fn get(&self, controller: ControllerId, keys: &[Key]) -> Result<Vec<Option<Stored>>, StorageError> {
        if keys.contains(&self.row) {
            return Err(StorageError::Corrupt { kind: self.row.kind(), problem: "its body is malformed" });
        }
        self.inner.get(controller, keys).await
    }

    async fn scan(&self, query: &Query) -> Result<Page, StorageError> {
        let page = self.inner.scan(query).await?;
        if page.rows.iter().any(|(key, _)| *key == self.row) {
            return Err(StorageError::Format { found: "9 of these rows".to_owned(), supported: 1 });
        }
        Ok(page)
    }

    async fn commit(&self, changeset: Changeset) -> Result<Committed, StorageError> {
        self.inner.commit(changeset).await
    }
}

#[tokio::test]
async fn a_row_that_cannot_be_read() {
    let stage = Stage::set().await;
    for (name, row, expected) in [
        ("the head", Key::LogHead(0), (LOG, 0, FaultKind::HeadDamaged)),
        ("the closed log", Key::ClosedLog(LOG), (LOG, 0, FaultKind::HeadMissing)),
        ("an entry", leaf(LOG, 100), (LOG, 100, FaultKind::Unreadable)),
        ("a body", stage.body_at(LOG, 100), (LOG, 100, FaultKind::Unreadable)),
        ("an erased body", stage.body_at(LOG, ERASED), (LOG, ERASED, FaultKind::Unreadable)),
        ("the body of a certificate", stage.body_at(LOG, CERTIFICATE), (LOG, 2, FaultKind::NotCertified)),
        ("the data key of a person", stage.data_key(subject(5)), (LOG, 4, FaultKind::Unreadable)),
        ("a tile", tile(LOG), (LOG, 0, FaultKind::TileAltered)),
        ("the checkpoint", Key::Checkpoint(SECOND), (SECOND, SECOND_SIZE, FaultKind::CheckpointUnreadable)),
        ("the key that signs", log_key(3), (LOG, FIRST_SIZE, FaultKind::LogKeyDamaged)),
    ] {
        let rotten = Rotten { inner: stage.world.storage.clone(), row };
        let verifier = Verifier::new(&rotten, &stage.world.encryption, CONTROLLER);
        let verified = verifier.run(&mut |_| {}).await.unwrap();
        let found = verified.iter().find_map(|log| log.fault.map(|fault| (log.log, fault.index, fault.kind)));
        assert_eq!(found, Some(expected), "{name}");
    }
}

/// What a change is that means nothing, and why.
fn is_harmless(sound: &Body, altered: &Body) -> Option<&'static str> {
    match (sound, altered) {
        (Body::LogHead(sound), Body::LogHead(altered)) => {
            let alike = LogHeadRow { shards: sound.shards, ..altered.clone() };
            (alike == *sound && altered.shards == 0).then_some("a log has one shard at least")
        }
        (Body::ClosedLog(sound), Body::ClosedLog(altered)) => {
            let head = LogHeadRow { shards: sound.head.shards, ..altered.head.clone() };
            (head == sound.head)
                .then_some("when a log was closed, and how many shards there were then, is told by its successor's entry")
        }
        (Body::LogKey(sound), Body::LogKey(altered)) => {
            let alike =
                LogKeyRow { created_at: sound.created_at, retired_at: sound.retired_at, ..altered.clone() };
            (alike == *sound)
                .then_some("since when and until when a key signs is told by the entry of its rotation")
        }
        (Body::DataKey(sound), Body::DataKey(altered)) => {
            let mut alike = altered.clone();
            for (alike, sound) in alike.versions.iter_mut().zip(&sound.versions) {
                (alike.created_at, alike.seals) = (sound.created_at, sound.seals);
            }
            (alike == *sound)
                .then_some("when a data key was made, and how often it sealed, says nothing about the log")
        }
        (Body::Checkpoint(sound), Body::Checkpoint(altered)) => {
            let mut alike = altered.clone();
            if let (Some(alike), Some(sound)) = (&mut alike.signed, &sound.signed) {
                alike.signed_at = sound.signed_at;
            }
            (alike == *sound)
                .then_some("nobody vouches for when a checkpoint was signed; the journal says it as well")
        }
        (Body::EntryBody(sound), Body::EntryBody(altered)) => {
            let is_erased = matches!(sound.body, EntryBody::Erased { .. });
            let alike = EntryBodyRow { category: sound.category.clone(), ..altered.clone() };
            (is_erased && alike == *sound)
                .then_some("of which category an erased body was, nobody needs to know")
        }
        _ => None,
    }
}

/// A small log with a bit of everything, so that every byte of its rows can be altered.
#[tokio::test]
async fn every_byte_of_every_small_row() {
    let world = World::journalled().await;
    world.fill_each(9).await;
    let _ = world.checkpoint().await;
    let backup = world.backup().await;
    world.fill_each(1).await;
    let _ = world.checkpoint().await;
    let world = world.restored(&backup).await;
    let _followed = world.notary.follow_journal(false).await.unwrap();
    world.fill_each(5).await;
    let _ = world.erase(2).await;
    let _ = world.checkpoint().await;
    let sound = world.backup().await;
    let stage = Stage { world, early: sound.clone(), late: sound.clone(), sound };
    // The closed log: 9 entries, of which 1 and 8 are erased. Its successor: the succession, 5 entries of which 2 is
    // erased, the certificate.
    let in_closed = |index| (LOG, vec![index]);
    let in_second = |index| (SECOND, vec![index]);
    for (place, expected) in [
        (Key::LogHead(0), (SECOND, Vec::new())),
        (Key::ClosedLog(LOG), (LOG, Vec::new())),
        (leaf(LOG, 3), in_closed(3)),
        (leaf(SECOND, 5), in_second(5)),
        (stage.body_at(LOG, 3), in_closed(3)),
        (stage.body_at(LOG, 1), in_closed(1)),
        (stage.body_at(SECOND, 0), in_second(0)),
        (stage.body_at(SECOND, 6), in_closed(1)),
        (stage.data_key(subject(4)), in_closed(3)),
        (stage.data_key(Owner::Controller), in_closed(1)),
        (Key::Checkpoint(LOG), (LOG, Vec::new())),
        (Key::Checkpoint(SECOND), (SECOND, Vec::new())),
        (log_key(1), in_closed(9)),
        (log_key(2), in_second(7)),
    ] {
        let before = stage.row(&place);
        let bytes = encode_body(&before).unwrap();
        let (mut faults, mut harmless) = (0, 0);
        for position in 1..bytes.len() {
            // Every bit of what says what the rest is, and one of each later byte.
            let bits = [0x01, 0x10, 0x40];
            for bit in if position < 32 { &bits[..] } else { &bits[position % 3..][..1] } {
                let mut altered = bytes.clone();
                altered[position] ^= bit;
                let Ok(altered) = decode_body(place.kind(), &altered) else { continue };
                if altered == before {
                    continue;
                }
                let reason = is_harmless(&before, &altered);
                let found = stage.after(&[(place.clone(), Some(altered.clone()))]).await;
                let name = format!("{} byte {position} bit {bit:#x}: {altered:?}", place.kind());
                match (found, reason) {
                    (None, Some(_)) => harmless += 1,
                    (Some((log, index, _)), None) => {
                        faults += 1;
                        let (of, indexes) = &expected;
                        // A wrong head can make what follows it look wrong, too.
                        assert!(log == *of || place == Key::LogHead(0), "{name}: {found:?}");
                        assert!(indexes.is_empty() || indexes.contains(&index), "{name}: {found:?}");
                    }
                    (None, None) => panic!("{name} is not found"),
                    (Some(found), Some(reason)) => panic!("{name}: {found:?}, but {reason}"),
                }
            }
        }
        assert!(faults > 20, "{}: {faults} faults, {harmless} harmless", place.kind());
    }
}

#[tokio::test]
async fn every_hash_of_a_tile() {
    let world = World::new().await;
    world.fill(260).await;
    let _ = world.checkpoint().await;
    let place = tile(LOG);
    let sound = world.row(&place).await.unwrap().body;
    let bytes = encode_body(&sound).unwrap();
    for position in (1..bytes.len()).step_by(97).chain([bytes.len() - 1]) {
        let mut altered = bytes.clone();
        altered[position] ^= 0x04;
        let Ok(altered) = decode_body(place.kind(), &altered) else { continue };
        world.overwrite(&place, Some(altered)).await;
        let fault = world.verify().await.fault.unwrap();
        assert_eq!((fault.index, fault.kind), (0, FaultKind::TileAltered), "byte {position}");
    }
    world.overwrite(&place, Some(sound)).await;
    world.assert_sound().await;
}
