//! Rows and changesets for the tests.

use wzapi_model::Timestamp;
use wzapi_model::ids::{ChangesetId, ControllerId};
use wzapi_storage::changeset::Write;
use wzapi_storage::key::BlindIndex;
use wzapi_storage::row::{Record, SourceEventRow};
use wzapi_storage::{Changeset, Durability, Key};

pub(crate) const CONTROLLER: ControllerId = ControllerId::from_bytes([0xc0; 16]);

/// The key of one of the rows that the numbered changeset writes.
pub(crate) fn key(number: u64, part: u64) -> Key {
    let wide = (u128::from(number) << 64) | u128::from(part);
    Key::SourceEvent(BlindIndex(wide.to_be_bytes()))
}

pub(crate) fn receipt(number: u64) -> Key {
    Key::Changeset(ChangesetId::from_bytes(u128::from(number + 1).to_be_bytes()))
}

/// A changeset that writes so many rows, all with `number` in them and a due time.
pub(crate) fn changeset(number: u64, rows: u64) -> Changeset {
    let content = Timestamp::from_millis(number.cast_signed()).unwrap();
    let put = |part| {
        let body = SourceEventRow { seen_at: content }.into();
        Write::Put(Record { key: key(number, part), due_at: Some(content), body })
    };
    Changeset {
        id: ChangesetId::from_bytes(u128::from(number + 1).to_be_bytes()),
        controller: CONTROLLER,
        at: Timestamp::EPOCH,
        preconditions: Vec::new(),
        writes: (0..rows).map(put).collect(),
        durability: Durability::Durable,
    }
}
