//! The rows of one kind over all owners, without reading what else they have.
//!
//! Keys begin controller ‖ owner ‖ kind, so the rows of a kind lie apart, a few with each owner. The scan leaps: from a
//! row of a smaller kind to the place where its owner's rows of the kind would be, from a row of a greater kind to
//! the same place of the next owner. However many rows an owner has, at most two of other kinds are touched.

use std::cmp::Ordering;
use std::ops::Bound;

use wzapi_model::ids::ControllerId;
use wzapi_storage::key::{Ownership, RowKind};
use wzapi_storage::row::Stored;
use wzapi_storage::{Key, StorageError, codec};

use crate::read::{KeyRange, end_of, range_after};

/// The first `limit` rows of the kind after the encoded key `after`, in key order, and whether there are more.
///
/// `entries` answers what is stored in a range, in key order, always from the same snapshot.
pub(crate) fn kind_scan<E, B>(
    controller: ControllerId,
    kind: RowKind,
    after: Option<Vec<u8>>,
    limit: usize,
    entries: impl Fn(KeyRange) -> E,
) -> Result<(Vec<(Key, Stored)>, bool), StorageError>
where
    E: Iterator<Item = Result<(B, B), StorageError>>,
    B: AsRef<[u8]>,
{
    let (start, end) = extent(controller, kind);
    let mut rows = Vec::new();
    let mut next = range_after(&start, end.clone(), after);
    while let Some(range) = next.take() {
        for entry in entries(range) {
            let (bytes, value) = entry?;
            let bytes = bytes.as_ref();
            let (owner, code) = owner_and_code(bytes)?;
            let leap_to = match code.cmp(&kind.code()) {
                Ordering::Equal if rows.len() >= limit => return Ok((rows, true)),
                Ordering::Equal => {
                    let (_, key) = codec::decode_key(bytes)?;
                    let stored = codec::decode_value(kind, value.as_ref())?;
                    rows.push((key, stored));
                    continue;
                }
                Ordering::Less => Some(owner),
                Ordering::Greater => owner.checked_add(1),
            };
            next = leap_to.and_then(|owner| range_after(&place(controller, owner, kind), end.clone(), None));
            break;
        }
    }
    Ok((rows, false))
}

/// The place of the controller's own rows, which sort before those of all persons.
const NOBODY: u128 = 0;

/// Where rows of the kind can be: their first place, and the end of the last owner's rows.
fn extent(controller: ControllerId, kind: RowKind) -> (Vec<u8>, Bound<Vec<u8>>) {
    let first = match kind.ownership() {
        Ownership::Controller | Ownership::Either => NOBODY,
        Ownership::Subjects => NOBODY + 1,
    };
    let start = place(controller, first, kind);
    let end = match kind.ownership() {
        Ownership::Controller => end_of(&start),
        Ownership::Subjects | Ownership::Either => end_of(&controller.to_bytes()),
    };
    (start, end)
}

/// The beginning of all keys of an owner's rows of the kind.
fn place(controller: ControllerId, owner: u128, kind: RowKind) -> Vec<u8> {
    let mut place = controller.to_bytes().to_vec();
    place.extend_from_slice(&owner.to_be_bytes());
    place.push(kind.code());
    place
}

fn owner_and_code(key: &[u8]) -> Result<(u128, u8), StorageError> {
    let parts = key.split_at_checked(ControllerId::SYSTEM.to_bytes().len()).and_then(|(_, rest)| {
        let (owner, rest) = rest.split_first_chunk()?;
        Some((u128::from_be_bytes(*owner), *rest.first()?))
    });
    parts.ok_or(StorageError::Corrupt { kind: RowKind::Controller, problem: "its key is malformed" })
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::collections::{BTreeMap, BTreeSet};

    use wzapi_model::ids::{ConsentEventId, EntryId, PermitId, RecordId, SubjectId};
    use wzapi_storage::row::Record;
    use wzapi_storage::{Owner, Version};
    use wzapi_storage_testkit::sample::{self, Sequence};

    use super::*;

    const HOME: ControllerId = ControllerId::from_bytes([0xff; 16]);
    const AWAY: ControllerId = ControllerId::from_bytes([0x10; 16]);

    /// Rows in memory that count how many of them were read, and how many ranges were begun.
    #[derive(Default)]
    struct Counted {
        rows: BTreeMap<Vec<u8>, Vec<u8>>,
        read: Cell<usize>,
        begun: Cell<usize>,
    }

    impl Counted {
        fn put(&mut self, controller: ControllerId, record: &Record) {
            let value = codec::encode_value(Version(1), record.due_at, &record.body).unwrap();
            self.rows.insert(codec::encode_key(controller, &record.key), value);
        }

        fn scan(&self, kind: RowKind, after: Option<Vec<u8>>, limit: usize) -> (Vec<Vec<u8>>, bool) {
            self.read.set(0);
            self.begun.set(0);
            let (rows, more) = kind_scan(HOME, kind, after, limit, |range| {
                self.begun.set(self.begun.get() + 1);
                self.rows.range::<Vec<u8>, _>(range).map(|(key, value)| {
                    self.read.set(self.read.get() + 1);
                    Ok((key, value))
                })
            })
            .unwrap();
            (rows.iter().map(|(key, _)| codec::encode_key(HOME, key)).collect(), more)
        }

        fn naively(&self, kind: RowKind) -> Vec<Vec<u8>> {
            let of_kind = |key: &&Vec<u8>| {
                let (controller, key) = codec::decode_key(key).unwrap();
                controller == HOME && key.kind() == kind
            };
            self.rows.keys().filter(of_kind).cloned().collect()
        }

        fn owners(&self) -> usize {
            let owners: BTreeSet<Owner> =
                self.rows.keys().map(|key| codec::decode_key(key).unwrap().1.owner()).collect();
            owners.len()
        }
    }

    #[test]
    fn a_scan_that_leaps_finds_what_a_scan_of_everything_finds() {
        let mut sequence = Sequence::new(5);
        for round in 0..40 {
            let mut stored = Counted::default();
            for _ in 0..sequence.below(60) {
                let kinds = RowKind::ALL.len() as u64;
                let kind = RowKind::ALL[sequence.below(kinds) as usize];
                let record = sample::record(kind, sequence.below(6));
                stored.put(if sequence.below(4) == 0 { AWAY } else { HOME }, &record);
            }
            for kind in RowKind::ALL.iter().copied() {
                let expected = stored.naively(kind);
                for limit in [1, 2, 5, 100] {
                    let (mut found, mut after) = (Vec::new(), None);
                    loop {
                        let (rows, more) = stored.scan(kind, after, limit);
                        assert!(rows.len() <= limit && (!more || rows.len() == limit));
                        after = rows.last().cloned();
                        found.extend(rows);
                        if !more {
                            break;
                        }
                    }
                    assert_eq!(found, expected, "round {round}, {kind}, pages of {limit}");
                }
            }
        }
    }

    fn with_owner(key: Key, subject: SubjectId, id: [u8; 16]) -> Key {
        match key {
            Key::ConsentEvent { .. } => Key::ConsentEvent { subject, event: ConsentEventId::from_bytes(id) },
            Key::Permit { .. } => Key::Permit { subject, permit: PermitId::from_bytes(id) },
            Key::Record { category, cohort, .. } => {
                Key::Record { subject, category, cohort, record: RecordId::from_bytes(id) }
            }
            _ => Key::EntryBody { owner: Owner::Subject(subject), entry: EntryId::from_bytes(id) },
        }
    }

    #[test]
    fn what_else_an_owner_has_is_not_read() {
        let mut stored = Counted::default();
        let kinds = [
            (RowKind::ConsentEvent, 100),
            (RowKind::Permit, 100),
            (RowKind::Record, 2),
            (RowKind::EntryBody, 100),
        ];
        for owner in 1..=50 {
            let subject = SubjectId::from_bytes([owner; 16]);
            for (kind, number) in
                kinds.into_iter().flat_map(|(kind, rows)| (1..=rows).map(move |n| (kind, n)))
            {
                let record = sample::record(kind, 0);
                let key = with_owner(record.key.clone(), subject, [number; 16]);
                stored.put(HOME, &Record { key, ..record });
            }
        }
        let owners = stored.owners();
        assert_eq!((owners, stored.rows.len()), (50, 50 * 302));
        for (kind, rows) in [(RowKind::Record, 100), (RowKind::DataKey, 0), (RowKind::EntryBody, 5000)] {
            let (found, more) = stored.scan(kind, None, 10_000);
            assert_eq!((found.len(), more), (rows, false));
            let of_others = stored.read.get() - rows;
            assert!(of_others <= 2 * owners, "{kind}: {of_others} rows of other kinds were read");
            assert!(stored.begun.get() <= 2 * owners + 1, "{kind}: {} ranges", stored.begun.get());
        }
        // A page costs what it holds, wherever it begins.
        let (first, _) = stored.scan(RowKind::Record, None, 40);
        let (second, more) = stored.scan(RowKind::Record, first.last().cloned(), 10);
        assert_eq!((second.len(), more), (10, true));
        assert!(stored.read.get() <= 10 + 1 + 2 * 7, "{} rows were read", stored.read.get());
        // What is the controller's own is not looked for among persons.
        stored.scan(RowKind::LogLeaf, None, 10);
        assert_eq!(stored.read.get(), 0);
    }

    #[test]
    fn a_key_that_is_too_short_is_corrupt() {
        assert!(owner_and_code(&[0; 32]).is_err());
        assert!(owner_and_code(&[0; 33]).is_ok());
    }
}
