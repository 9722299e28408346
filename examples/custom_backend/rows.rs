//! The rows, as they are after every changeset so far: a sorted map of encoded keys.
//!
//! All rules of the contract that are about what is visible stand here, where they can be read in a minute. How the
//! rows survive stands in `log_storage`.

use std::collections::BTreeMap;

use wzapi_compliance::model::Timestamp;
use wzapi_compliance::model::ids::ControllerId;
use wzapi_compliance::storage::changeset::Write;
use wzapi_compliance::storage::codec;
use wzapi_compliance::storage::query::{Cursor, Page, Query, Selection};
use wzapi_compliance::storage::row::{Record, Stored};
use wzapi_compliance::storage::{Changeset, Key, Precondition, StorageError, Version};

/// One row that a changeset writes: its encoded key, and its encoded value or nothing when it is removed.
pub(crate) type Change = (Vec<u8>, Option<Vec<u8>>);

#[derive(Default)]
pub(crate) struct Rows(BTreeMap<Vec<u8>, Vec<u8>>);

impl Rows {
    pub(crate) fn get(&self, controller: ControllerId, key: &Key) -> Result<Option<Stored>, StorageError> {
        match self.0.get(&codec::encode_key(controller, key)) {
            Some(value) => codec::decode_value(key.kind(), value).map(Some),
            None => Ok(None),
        }
    }

    /// Every key whose precondition does not hold: `conflict-names-all`. That the changeset's own id is new is one
    /// precondition more: `changeset-id-once`.
    pub(crate) fn failed_preconditions(&self, changeset: &Changeset) -> Result<Vec<Key>, StorageError> {
        let receipt = (Key::Changeset(changeset.id), Precondition::Absent);
        let mut failed = Vec::new();
        for (key, precondition) in changeset.preconditions.iter().chain([&receipt]) {
            let version = self.get(changeset.controller, key)?.map(|stored| stored.version);
            let holds = match precondition {
                Precondition::Absent => version.is_none(),
                Precondition::Version(expected) => version == Some(*expected),
            };
            if !holds && !failed.contains(key) {
                failed.push(key.clone());
            }
        }
        Ok(failed)
    }

    pub(crate) fn apply(&mut self, changes: impl IntoIterator<Item = Change>) {
        for (key, value) in changes {
            match value {
                Some(value) => self.0.insert(key, value),
                None => self.0.remove(&key),
            };
        }
    }

    /// One page. A prefix is a range of the map; rows of one kind and what is due have to be searched for, which is
    /// fine for as many rows as fit into memory. A database has a table per kind, or leaps from owner to owner, and it
    /// has an index on the due time.
    pub(crate) fn scan(&self, query: &Query) -> Result<Page, StorageError> {
        let after = query.after.as_ref().map(|cursor| order_of(query, &cursor.key, cursor.due_at));
        let prefix = match &query.selection {
            Selection::Prefix(prefix) => codec::encode_prefix(query.controller, prefix),
            Selection::Kind(_) | Selection::DueBy(_) => query.controller.to_bytes().to_vec(),
        };
        let mut rows = Vec::new();
        for (bytes, value) in self.0.range(prefix.clone()..).take_while(|(key, _)| key.starts_with(&prefix)) {
            let (_, key) = codec::decode_key(bytes)?;
            let (_, due_at) = codec::decode_header(key.kind(), value)?;
            let is_selected = match query.selection {
                Selection::Prefix(_) => true,
                Selection::Kind(kind) => key.kind() == kind,
                Selection::DueBy(moment) => due_at.is_some_and(|due| due <= moment),
            };
            if is_selected && after.as_ref().is_none_or(|after| order_of(query, &key, due_at) > *after) {
                let stored = codec::decode_value(key.kind(), value)?;
                rows.push((key, stored));
            }
        }
        rows.sort_by_cached_key(|(key, stored)| order_of(query, key, stored.due_at));
        let has_more = rows.len() > query.limit;
        rows.truncate(query.limit);
        let last = rows.last().filter(|_| has_more);
        let next = last.map(|(key, stored)| Cursor { key: key.clone(), due_at: stored.due_at });
        Ok(Page { rows, next })
    }
}

/// Where a row stands in a scan: `scan-order`, `scan-kind-order` and `scan-due`.
fn order_of(query: &Query, key: &Key, due_at: Option<Timestamp>) -> (Option<Timestamp>, Vec<u8>) {
    let key = codec::encode_key(query.controller, key);
    match query.selection {
        Selection::Prefix(_) | Selection::Kind(_) => (None, key),
        Selection::DueBy(_) => (due_at, key),
    }
}

/// What a changeset changes, with its receipt: `changeset-recorded`. All rows get one version: `commit-versions`.
pub(crate) fn changes_of(changeset: &Changeset, version: Version) -> Result<Vec<Change>, StorageError> {
    let put = |record: &Record| -> Result<Change, StorageError> {
        let value = codec::encode_value(version, record.due_at, &record.body)?;
        Ok((codec::encode_key(changeset.controller, &record.key), Some(value)))
    };
    let mut changes = Vec::with_capacity(changeset.writes.len() + 1);
    for write in &changeset.writes {
        changes.push(match write {
            Write::Put(record) => put(record)?,
            Write::Delete(key) => (codec::encode_key(changeset.controller, key), None),
        });
    }
    changes.push(put(&changeset.receipt())?);
    Ok(changes)
}
