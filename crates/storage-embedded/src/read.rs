//! `get` and `scan`, each against one snapshot.

use std::ops::Bound;

use fjall::{Readable, Snapshot};
use wzapi_model::Timestamp;
use wzapi_model::ids::ControllerId;
use wzapi_storage::key::{KeyPrefix, RowKind};
use wzapi_storage::query::{Cursor, Page, Query, Selection};
use wzapi_storage::row::Stored;
use wzapi_storage::{Key, StorageError, codec};

use crate::engine::{Engine, due_key, listed_key, read_error};
use crate::kind_scan::kind_scan;

pub(crate) fn get(
    engine: &Engine,
    controller: ControllerId,
    keys: &[Key],
) -> Result<Vec<Option<Stored>>, StorageError> {
    let snapshot = engine.snapshot();
    keys.iter().map(|key| row(engine, &snapshot, key.kind(), &codec::encode_key(controller, key))).collect()
}

fn row(
    engine: &Engine,
    snapshot: &Snapshot,
    kind: RowKind,
    key: &[u8],
) -> Result<Option<Stored>, StorageError> {
    let value = snapshot.get(&engine.rows, key).map_err(|error| read_error(kind, error))?;
    value.map(|value| codec::decode_value(kind, &value)).transpose()
}

pub(crate) fn scan(engine: &Engine, query: &Query) -> Result<Page, StorageError> {
    match &query.selection {
        Selection::Prefix(prefix) => scan_prefix(engine, query, prefix),
        Selection::Kind(kind) => scan_kind(engine, query, *kind),
        Selection::DueBy(moment) => scan_due(engine, query, *moment),
    }
}

fn scan_prefix(engine: &Engine, query: &Query, prefix: &KeyPrefix) -> Result<Page, StorageError> {
    let prefix = codec::encode_prefix(query.controller, prefix);
    let after = query.after.as_ref().map(|cursor| codec::encode_key(query.controller, &cursor.key));
    let Some(range) = range_after(&prefix, end_of(&prefix), after) else { return Ok(Page::default()) };
    let mut entries = engine.snapshot().range::<Vec<u8>, _>(&engine.rows, range);
    let mut rows = Vec::new();
    for entry in entries.by_ref().take(query.limit) {
        let (bytes, value) = entry.into_inner().map_err(|error| read_error(RowKind::Controller, error))?;
        let (_, key) = codec::decode_key(&bytes)?;
        let stored = codec::decode_value(key.kind(), &value)?;
        rows.push((key, stored));
    }
    Ok(page(rows, entries.next().is_some()))
}

fn scan_kind(engine: &Engine, query: &Query, kind: RowKind) -> Result<Page, StorageError> {
    let after = query.after.as_ref().map(|cursor| codec::encode_key(query.controller, &cursor.key));
    let snapshot = engine.snapshot();
    let entries = |range: KeyRange| {
        let entries = snapshot.range::<Vec<u8>, _>(&engine.rows, range);
        entries.map(move |entry| entry.into_inner().map_err(|error| read_error(kind, error)))
    };
    let (rows, more) = kind_scan(query.controller, kind, after, query.limit, entries)?;
    Ok(page(rows, more))
}

fn scan_due(engine: &Engine, query: &Query, moment: Timestamp) -> Result<Page, StorageError> {
    let controller = query.controller.to_bytes();
    let after = query.after.as_ref().map(|cursor| {
        let key = codec::encode_key(query.controller, &cursor.key);
        due_key(&key, cursor.due_at.unwrap_or(Timestamp::EPOCH))
    });
    let mut end = controller.to_vec();
    end.extend_from_slice(&moment.as_millis().saturating_add(1).to_be_bytes());
    let Some(range) = range_after(&controller, Bound::Excluded(end), after) else {
        return Ok(Page::default());
    };
    let snapshot = engine.snapshot();
    let mut entries = snapshot.range::<Vec<u8>, _>(&engine.due, range);
    let mut rows = Vec::new();
    for entry in entries.by_ref().take(query.limit) {
        let entry = entry.key().map_err(|error| read_error(RowKind::Controller, error))?;
        let malformed =
            StorageError::Corrupt { kind: RowKind::Controller, problem: "its due entry is malformed" };
        let bytes = listed_key(&entry).ok_or(malformed)?;
        let (_, key) = codec::decode_key(&bytes)?;
        let stored = row(engine, &snapshot, key.kind(), &bytes)?;
        let listed = stored.filter(|stored| stored.due_at.is_some_and(|due| due_key(&bytes, due) == *entry));
        let problem = "the index of due rows and the row disagree";
        rows.push((key.clone(), listed.ok_or(StorageError::Corrupt { kind: key.kind(), problem })?));
    }
    Ok(page(rows, entries.next().is_some()))
}

fn page(rows: Vec<(Key, Stored)>, more: bool) -> Page {
    let next =
        rows.last().filter(|_| more).map(|(key, stored)| Cursor { key: key.clone(), due_at: stored.due_at });
    Page { rows, next }
}

pub(crate) type KeyRange = (Bound<Vec<u8>>, Bound<Vec<u8>>);

/// The keys from `start` to `end` that come after `after`; `None` when there can be none.
pub(crate) fn range_after(start: &[u8], end: Bound<Vec<u8>>, after: Option<Vec<u8>>) -> Option<KeyRange> {
    let begin = match after {
        Some(after) if after.as_slice() >= start => Bound::Excluded(after),
        _ => Bound::Included(start.to_vec()),
    };
    match (&begin, &end) {
        (Bound::Included(first) | Bound::Excluded(first), Bound::Excluded(end)) if first >= end => None,
        _ => Some((begin, end)),
    }
}

/// The first key after all keys that begin with `prefix`.
pub(crate) fn end_of(prefix: &[u8]) -> Bound<Vec<u8>> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if let Some(next) = last.checked_add(1) {
            end.push(next);
            return Bound::Excluded(end);
        }
    }
    Bound::Unbounded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_prefix_carries_over_full_bytes() {
        assert_eq!(end_of(&[1, 2]), Bound::Excluded(vec![1, 3]));
        assert_eq!(end_of(&[1, 0xff, 0xff]), Bound::Excluded(vec![2]));
        assert_eq!(end_of(&[0xff]), Bound::Unbounded);
    }

    #[test]
    fn a_cursor_outside_of_the_range_is_harmless() {
        let end = || Bound::Excluded(vec![6]);
        assert_eq!(range_after(&[5], end(), Some(vec![7])), None);
        assert_eq!(range_after(&[5], end(), Some(vec![6])), None);
        assert_eq!(range_after(&[5], end(), Some(vec![4])), Some((Bound::Included(vec![5]), end())));
    }
}
