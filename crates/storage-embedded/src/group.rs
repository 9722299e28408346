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
            if !holds && !failed.contains(&guard.key) {
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
