//! What is refused before a store sees it.

use wzapi_model::Timestamp;
use wzapi_model::ids::{ChangesetId, ControllerId};
use wzapi_storage::changeset::{CHANGESET_KEPT_FOR, InvalidChangeset, Write};
use wzapi_storage::key::RowKind;
use wzapi_storage::query::{MAX_PAGE, Query};
use wzapi_storage::row::Body;
use wzapi_storage::{Changeset, Durability, Key};
use wzapi_storage_testkit::sample;

fn changeset(writes: Vec<Write>) -> Changeset {
    Changeset {
        id: ChangesetId::from_bytes([3; 16]),
        controller: ControllerId::from_bytes([1; 16]),
        at: "2026-11-22".parse().unwrap(),
        preconditions: Vec::new(),
        writes,
        durability: Durability::Durable,
    }
}

#[test]
fn the_record_of_a_changeset_is_written_by_the_store_alone() {
    let receipt = changeset(Vec::new()).receipt();
    assert_eq!(receipt.key, Key::Changeset(ChangesetId::from_bytes([3; 16])));
    assert_eq!(receipt.due_at.unwrap().since("2026-11-22".parse().unwrap()), CHANGESET_KEPT_FOR);
    assert!(matches!(receipt.body, Body::Changeset(_)));
    let forged = changeset(vec![Write::Put(receipt)]);
    assert_eq!(forged.validate(), Err(InvalidChangeset::ReservedKey));
}

#[test]
fn the_record_of_another_changeset_may_be_removed_and_its_own_not() {
    let delete = |id| changeset(vec![Write::Delete(Key::Changeset(ChangesetId::from_bytes(id)))]);
    assert_eq!(delete([4; 16]).validate(), Ok(()));
    assert_eq!(delete([3; 16]).validate(), Err(InvalidChangeset::WrittenTwice));
}

#[test]
fn a_body_under_a_key_of_another_kind_is_refused() {
    for kind in RowKind::ALL.iter().copied().filter(|kind| *kind != RowKind::Changeset) {
        let record = sample::record(kind, 2);
        assert_eq!(changeset(vec![Write::Put(record.clone())]).validate(), Ok(()));
        let other = if kind == RowKind::Sender { RowKind::Route } else { RowKind::Sender };
        let mixed = wzapi_storage::row::Record { body: sample::record(other, 2).body, ..record };
        assert_eq!(changeset(vec![Write::Put(mixed)]).validate(), Err(InvalidChangeset::KindMismatch));
    }
}

#[test]
fn page_limits_lie_between_one_and_the_maximum() {
    let query = |limit| Query::due_by(ControllerId::SYSTEM, Timestamp::MAX, limit);
    for (limit, expected) in [(0, false), (1, true), (MAX_PAGE, true), (MAX_PAGE + 1, false)] {
        assert_eq!(query(limit).validate().is_ok(), expected, "{limit}");
    }
}
