//! Changesets that are checked one after the other and written together.

use std::collections::BTreeMap;

use wzapi_model::Timestamp;
use wzapi_storage::key::RowKind;
use wzapi_storage::{Durability, Key, Precondition, StorageError, Version, codec};

use crate::engine::due_key;
use crate::prepared::{Prepared, PreparedWrite};

/// What the checks need to know of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) version: Version,
    pub(crate) due_at: Option<Timestamp>,
}

/// What is stored under an encoded key.
pub(crate) trait Stored {
    fn header(&self, kind: RowKind, key: &[u8]) -> Result<Option<Header>, StorageError>;
}

/// The net effect of the changesets taken in so far. A key is in it once, however many of them wrote it: the
/// engine gives every entry of a batch the same sequence number, so two entries of one key would be a draw.
#[derive(Debug, Default)]
pub(crate) struct Group {
    rows: BTreeMap<Vec<u8>, Option<Row>>,
    due: BTreeMap<Vec<u8>, bool>,
    durable: bool,
}

#[derive(Debug)]
struct Row {
    header: Header,
    value: Vec<u8>,
}

impl Group {
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Whether a changeset in it must survive a crash.
    pub(crate) fn is_durable(&self) -> bool {
        self.durable
    }

    /// Takes a changeset in if its preconditions hold on top of `stored` and of everything taken in before.
    /// On an error it is as it was.
    pub(crate) fn take_in(
        &mut self,
        stored: &dyn Stored,
        changeset: Prepared,
        version: Version,
    ) -> Result<(), StorageError> {
        let failed = self.failed(stored, &changeset)?;
        if !failed.is_empty() {
            return Err(StorageError::Conflict { failed });
        }
        // Everything that can fail comes before the first change.
        let mut former = Vec::with_capacity(changeset.writes.len());
        for write in &changeset.writes {
            former.push(self.current(stored, write.kind, &write.key)?);
        }
        for (write, former) in changeset.writes.into_iter().zip(former) {
            self.write(write, former, version);
        }
        self.durable |= changeset.durability == Durability::Durable;
        Ok(())
    }

    fn failed(&self, stored: &dyn Stored, changeset: &Prepared) -> Result<Vec<Key>, StorageError> {
        let mut failed: Vec<Key> = Vec::new();
        for guard in &changeset.guards {
            let current = self.current(stored, guard.key.kind(), &guard.bytes)?;
            let holds = match guard.precondition {
                Precondition::Absent => current.is_none(),
                Precondition::Version(version) => current.is_some_and(|row| row.version == version),
            };
            // Only the changeset's own id may be guarded twice: by the caller and by the rule.
            let named = matches!(guard.key, Key::Changeset(_)) && failed.contains(&guard.key);
            if !holds && !named {
                failed.push(guard.key.clone());
            }
        }
        Ok(failed)
    }

    fn current(
        &self,
        stored: &dyn Stored,
        kind: RowKind,
        key: &[u8],
    ) -> Result<Option<Header>, StorageError> {
        match self.rows.get(key) {
            Some(written) => Ok(written.as_ref().map(|row| row.header)),
            None => stored.header(kind, key),
        }
    }

    fn write(&mut self, write: PreparedWrite, former: Option<Header>, version: Version) {
        if let Some(due_at) = former.and_then(|row| row.due_at) {
            self.due.insert(due_key(&write.key, due_at), false);
        }
        let row = write.row.map(|mut row| {
            codec::set_version(&mut row.value, version);
            Row { header: Header { version, due_at: row.due_at }, value: row.value }
        });
        if let Some(due_at) = row.as_ref().and_then(|row| row.header.due_at) {
            self.due.insert(due_key(&write.key, due_at), true);
        }
        self.rows.insert(write.key, row);
    }

    /// The entries of the index of due rows that come (`true`) or go.
    pub(crate) fn take_due(&mut self) -> impl Iterator<Item = (Vec<u8>, bool)> + use<> {
        std::mem::take(&mut self.due).into_iter()
    }

    /// The rows that are written, or deleted.
    pub(crate) fn into_rows(self) -> impl Iterator<Item = (Vec<u8>, Option<Vec<u8>>)> {
        self.rows.into_iter().map(|(key, row)| (key, row.map(|row| row.value)))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use wzapi_model::ids::{ChangesetId, ControllerId};
    use wzapi_storage::Changeset;
    use wzapi_storage::changeset::Write;
    use wzapi_storage::key::BlindIndex;
    use wzapi_storage::row::{Record, SourceEventRow};

    use super::*;

    /// An empty store that remembers what it was asked.
    #[derive(Default)]
    struct Nothing(RefCell<Vec<Vec<u8>>>);

    impl Stored for Nothing {
        fn header(&self, _: RowKind, key: &[u8]) -> Result<Option<Header>, StorageError> {
            self.0.borrow_mut().push(key.to_vec());
            Ok(None)
        }
    }

    struct Broken;

    impl Stored for Broken {
        fn header(&self, kind: RowKind, _: &[u8]) -> Result<Option<Header>, StorageError> {
            Err(StorageError::Corrupt { kind, problem: "a test says so" })
        }
    }

    const KEY: Key = Key::SourceEvent(BlindIndex([1; 16]));

    fn changeset(id: u8, precondition: Precondition, due_at: Option<Timestamp>) -> Prepared {
        let body = SourceEventRow { seen_at: Timestamp::EPOCH }.into();
        let put = Write::Put(Record { key: KEY, due_at, body });
        Prepared::new(&Changeset {
            id: ChangesetId::from_bytes([id; 16]),
            controller: ControllerId::from_bytes([9; 16]),
            at: Timestamp::EPOCH,
            preconditions: vec![(KEY, precondition)],
            writes: vec![put],
            durability: Durability::Relaxed,
        })
        .unwrap()
    }

    #[test]
    fn later_changesets_see_earlier_ones_of_their_batch() {
        let (stored, mut group) = (Nothing::default(), Group::default());
        group.take_in(&stored, changeset(1, Precondition::Absent, None), Version(1)).unwrap();
        let refused = group.take_in(&stored, changeset(2, Precondition::Absent, None), Version(2));
        assert!(matches!(refused, Err(StorageError::Conflict { failed }) if failed == [KEY]));
        let next = changeset(3, Precondition::Version(Version(1)), None);
        group.take_in(&stored, next, Version(3)).unwrap();
        // The row once, with the last version, and the receipts of the two that were taken in.
        let versions: Vec<_> = group
            .into_rows()
            .map(|(_, value)| codec::decode_header(RowKind::SourceEvent, &value.unwrap()).unwrap().0)
            .collect();
        assert_eq!(versions.len(), 3);
        assert!(versions.contains(&Version(3)) && !versions.contains(&Version(2)));
    }

    #[test]
    fn a_due_time_that_is_replaced_within_a_batch_is_forgotten() {
        let (stored, mut group) = (Nothing::default(), Group::default());
        group
            .take_in(&stored, changeset(1, Precondition::Absent, Some(Timestamp::EPOCH)), Version(1))
            .unwrap();
        let next = changeset(2, Precondition::Version(Version(1)), Some(Timestamp::MAX));
        group.take_in(&stored, next, Version(2)).unwrap();
        let key = codec::encode_key(ControllerId::from_bytes([9; 16]), &KEY);
        let due: BTreeMap<_, _> = group.take_due().collect();
        assert_eq!(due.get(&due_key(&key, Timestamp::EPOCH)), Some(&false));
        assert_eq!(due.get(&due_key(&key, Timestamp::MAX)), Some(&true));
    }

    #[test]
    fn a_row_that_cannot_be_read_fails_its_changeset_and_leaves_the_group_alone() {
        let mut group = Group::default();
        let refused = group.take_in(&Broken, changeset(1, Precondition::Absent, None), Version(1));
        assert!(matches!(refused, Err(StorageError::Corrupt { .. })));
        assert!(group.is_empty());
    }

    #[test]
    fn due_keys_sort_by_time_and_give_their_key_back() {
        let key = codec::encode_key(ControllerId::from_bytes([9; 16]), &KEY);
        let (early, late) = (due_key(&key, Timestamp::EPOCH), due_key(&key, Timestamp::MAX));
        assert!(early < late);
        assert_eq!(crate::engine::listed_key(&late), Some(key));
    }
}
