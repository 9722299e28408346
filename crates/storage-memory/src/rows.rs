//! The rows and the rules, without the lock.

use std::collections::BTreeMap;
use std::ops::Bound;

use wzapi_model::Timestamp;
use wzapi_model::ids::ControllerId;
use wzapi_storage::changeset::Write;
use wzapi_storage::query::{Cursor, Page, Query, Selection};
use wzapi_storage::row::{Record, Stored};
use wzapi_storage::{Changeset, Committed, Key, Precondition, StorageError, Version, codec};

/// Encoded rows by encoded key, and the last version given out.
#[derive(Default)]
pub(crate) struct Rows {
    rows: BTreeMap<Vec<u8>, Vec<u8>>,
    last_version: u64,
}

impl Rows {
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(crate) fn get(&self, controller: ControllerId, key: &Key) -> Result<Option<Stored>, StorageError> {
        let value = self.rows.get(&codec::encode_key(controller, key));
        value.map(|value| codec::decode_value(key.kind(), value)).transpose()
    }

    pub(crate) fn scan(&self, query: &Query) -> Result<Page, StorageError> {
        let after = query.after.as_ref().map(|cursor| codec::encode_key(query.controller, &cursor.key));
        let controller = query.controller.to_bytes();
        // One row more than asked for tells whether there is another page.
        let enough = query.limit.saturating_add(1);
        let mut found = match &query.selection {
            Selection::Prefix(prefix) => {
                let prefix = codec::encode_prefix(query.controller, prefix);
                self.under(&prefix, after, enough, |_, _, _| true)?
            }
            Selection::Kind(kind) => {
                self.under(&controller, after, enough, |_, key, _| key.kind() == *kind)?
            }
            Selection::DueBy(moment) => {
                let after = after.map(|key| {
                    let due_at = query.after.as_ref().and_then(|cursor| cursor.due_at);
                    (due_at.unwrap_or(Timestamp::EPOCH), key)
                });
                let mut due = self.under(&controller, None, usize::MAX, |bytes, _, due_at| {
                    due_at.is_some_and(|due_at| {
                        due_at <= *moment
                            && after.as_ref().is_none_or(|(time, key)| (due_at, bytes) > (*time, key))
                    })
                })?;
                // The sort is stable, so rows of one moment stay in key order.
                due.sort_by_key(|(_, stored)| stored.due_at);
                due
            }
        };
        let more = found.len() > query.limit;
        found.truncate(query.limit);
        let next = found
            .last()
            .filter(|_| more)
            .map(|(key, stored)| Cursor { key: key.clone(), due_at: stored.due_at });
        Ok(Page { rows: found, next })
    }

    /// The first `enough` rows under `prefix`, after the key `after`, that are `wanted`, in key order.
    fn under(
        &self,
        prefix: &[u8],
        after: Option<Vec<u8>>,
        enough: usize,
        wanted: impl Fn(&[u8], &Key, Option<Timestamp>) -> bool,
    ) -> Result<Vec<(Key, Stored)>, StorageError> {
        let begin = match after {
            Some(after) if after.as_slice() >= prefix => Bound::Excluded(after),
            _ => Bound::Included(prefix.to_vec()),
        };
        let mut found = Vec::new();
        let rows = self.rows.range((begin, Bound::Unbounded)).take_while(|(key, _)| key.starts_with(prefix));
        for (bytes, value) in rows {
            let (_, key) = codec::decode_key(bytes)?;
            let (_, due_at) = codec::decode_header(key.kind(), value)?;
            if wanted(bytes, &key, due_at) {
                let stored = codec::decode_value(key.kind(), value)?;
                found.push((key, stored));
            }
            if found.len() >= enough {
                break;
            }
        }
        Ok(found)
    }

    pub(crate) fn commit(&mut self, changeset: &Changeset) -> Result<Committed, StorageError> {
        let failed = self.failed_preconditions(changeset)?;
        if !failed.is_empty() {
            return Err(StorageError::Conflict { failed });
        }
        let version = Version(self.last_version.saturating_add(1));
        // Everything that can fail comes before the first change.
        let changes = encode_changes(changeset, version)?;
        self.last_version = version.0;
        for (key, value) in changes {
            match value {
                Some(value) => self.rows.insert(key, value),
                None => self.rows.remove(&key),
            };
        }
        Ok(Committed { version })
    }

    fn failed_preconditions(&self, changeset: &Changeset) -> Result<Vec<Key>, StorageError> {
        let mut failed = Vec::new();
        for (key, precondition) in &changeset.preconditions {
            let stored = self.version(changeset.controller, key)?;
            let holds = match precondition {
                Precondition::Absent => stored.is_none(),
                Precondition::Version(version) => stored == Some(*version),
            };
            if !holds {
                failed.push(key.clone());
            }
        }
        let receipt = Key::Changeset(changeset.id);
        if self.version(changeset.controller, &receipt)?.is_some() && !failed.contains(&receipt) {
            failed.push(receipt);
        }
        Ok(failed)
    }

    fn version(&self, controller: ControllerId, key: &Key) -> Result<Option<Version>, StorageError> {
        let value = self.rows.get(&codec::encode_key(controller, key));
        value.map(|value| Ok(codec::decode_header(key.kind(), value)?.0)).transpose()
    }
}

type Change = (Vec<u8>, Option<Vec<u8>>);

fn encode_changes(changeset: &Changeset, version: Version) -> Result<Vec<Change>, StorageError> {
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
