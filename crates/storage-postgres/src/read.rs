//! `get` and `scan`.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use tokio_postgres::Row;
use wzapi_model::Timestamp;
use wzapi_model::ids::ControllerId;
use wzapi_storage::key::{KeyPrefix, RowKind};
use wzapi_storage::query::{Cursor, Page, Query, Selection};
use wzapi_storage::row::Stored;
use wzapi_storage::{Key, StorageError, Version, codec};

use crate::session::{Parameter, Session, Statement};
use crate::statements;
use crate::tables::{key_bytes, kinds_of, without_controller};
use crate::values::Moment;

pub(crate) async fn get(
    session: &Session,
    schema: &str,
    controller: ControllerId,
    keys: &[Key],
) -> Result<Vec<Option<Stored>>, StorageError> {
    let mut wanted = Wanted::default();
    let encoded: Vec<Vec<u8>> = keys.iter().map(|key| wanted.add(controller, key)).collect();
    let rows = wanted.read(session, controller, |kinds| statements::get(schema, kinds)).await?;
    let by_key: HashMap<&[u8], &Row> =
        rows.iter().map(|row| Ok((bytes(row, 0)?, row))).collect::<Read<_>>()?;
    keys.iter()
        .zip(&encoded)
        .map(|(key, encoded)| by_key.get(encoded.as_slice()).map(|row| stored(key.kind(), row)).transpose())
        .collect()
}

/// The versions of rows, in the order of the keys.
pub(crate) async fn versions(
    session: &Session,
    schema: &str,
    controller: ControllerId,
    keys: &[&Key],
) -> Result<Vec<Option<Version>>, StorageError> {
    let mut wanted = Wanted::default();
    let encoded: Vec<Vec<u8>> = keys.iter().map(|key| wanted.add(controller, key)).collect();
    let rows = wanted.read(session, controller, |kinds| statements::versions(schema, kinds)).await?;
    let by_key: HashMap<&[u8], Version> =
        rows.iter().map(|row| Ok((bytes(row, 0)?, version(row)?))).collect::<Read<_>>()?;
    Ok(encoded.iter().map(|key| by_key.get(key.as_slice()).copied()).collect())
}

/// Keys to be read, by table.
#[derive(Default)]
struct Wanted(BTreeMap<RowKind, BTreeSet<Vec<u8>>>);

impl Wanted {
    fn add(&mut self, controller: ControllerId, key: &Key) -> Vec<u8> {
        let encoded = key_bytes(controller, key);
        self.0.entry(key.kind()).or_default().insert(encoded.clone());
        encoded
    }

    async fn read(
        self,
        session: &Session,
        controller: ControllerId,
        sql: impl Fn(Vec<RowKind>) -> String,
    ) -> Read<Vec<Row>> {
        if self.0.is_empty() {
            return Ok(Vec::new());
        }
        let sql = sql(self.0.keys().copied().collect());
        let keys = self.0.into_values().map(Parameter::keys);
        let parameters = [Parameter::controller(controller)].into_iter().chain(keys).collect();
        Ok(session.read(controller, &Statement { sql, parameters }).await?)
    }
}

pub(crate) async fn scan(session: &Session, schema: &str, query: &Query) -> Result<Page, StorageError> {
    let statement = match &query.selection {
        Selection::Prefix(prefix) => {
            let first = without_controller(codec::encode_prefix(query.controller, prefix));
            let end = end_of(&first);
            scan_keys(schema, query, kinds_under(prefix), first, end)
        }
        // One table, from the first key of the controller in it to the last.
        Selection::Kind(kind) => {
            scan_keys(schema, query, std::slice::from_ref(kind), Vec::new(), AFTER_ALL_KEYS.to_vec())
        }
        Selection::DueBy(moment) => scan_due(schema, query, *moment),
    };
    let found = session.read(query.controller, &statement).await?;
    let mut rows = Vec::with_capacity(found.len().min(query.limit));
    for row in found.iter().take(query.limit) {
        let mut encoded = query.controller.to_bytes().to_vec();
        encoded.extend_from_slice(bytes(row, 0)?);
        let (_, key) = codec::decode_key(&encoded)?;
        let stored = stored(key.kind(), row)?;
        rows.push((key, stored));
    }
    let next = rows
        .last()
        .filter(|_| found.len() > query.limit)
        .map(|(key, stored)| Cursor { key: key.clone(), due_at: stored.due_at });
    Ok(Page { rows, next })
}

/// The keys from `first`, or from the one after the cursor, up to `end`.
fn scan_keys(schema: &str, query: &Query, kinds: &[RowKind], first: Vec<u8>, end: Vec<u8>) -> Statement {
    let after = query.after.as_ref().map(|cursor| {
        // The next key in byte order.
        let mut key = key_bytes(query.controller, &cursor.key);
        key.push(0);
        key
    });
    let first = after.map_or(first.clone(), |after| after.max(first));
    let parameters = vec![
        Parameter::controller(query.controller),
        Parameter::Bytes(first),
        Parameter::Bytes(end),
        limit_of(query),
    ];
    Statement { sql: statements::scan_keys(schema, kinds), parameters }
}

fn scan_due(schema: &str, query: &Query, moment: Timestamp) -> Statement {
    let after = query.after.as_ref().map(|cursor| (key_bytes(query.controller, &cursor.key), cursor.due_at));
    let (key, due_at) = after.unwrap_or_default();
    let parameters = vec![
        Parameter::controller(query.controller),
        Parameter::Moment(Moment(moment)),
        Parameter::Moment(Moment(due_at.unwrap_or(Timestamp::EPOCH))),
        Parameter::Bytes(key),
        limit_of(query),
    ];
    Statement { sql: statements::scan_due(schema), parameters }
}

/// One row more than asked for tells whether there is another page.
fn limit_of(query: &Query) -> Parameter {
    Parameter::Number(i64::try_from(query.limit).unwrap_or(i64::MAX).saturating_add(1))
}

fn kinds_under(prefix: &KeyPrefix) -> &[RowKind] {
    match prefix {
        KeyPrefix::Owner(owner) => kinds_of(*owner),
        KeyPrefix::Kind(_, kind) => std::slice::from_ref(kind),
        KeyPrefix::ParkedUnder(_) => &[RowKind::Parked],
        KeyPrefix::Records(..) | KeyPrefix::RecordsIn(..) => &[RowKind::Record],
        KeyPrefix::Revisions(..) => &[RowKind::RecordRevision],
        KeyPrefix::RecordsOfCategory(_) => &[RowKind::RecordOfCategory],
    }
}

/// The last owner, and no kind has the code 255: every key comes before this.
const AFTER_ALL_KEYS: [u8; 17] = [u8::MAX; 17];

/// The first key after all keys that begin with `prefix`, which ends in an owner or goes on from a kind.
fn end_of(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if let Some(next) = last.checked_add(1) {
            end.push(next);
            return end;
        }
    }
    AFTER_ALL_KEYS.to_vec()
}

type Read<T> = Result<T, StorageError>;

fn stored(kind: RowKind, row: &Row) -> Read<Stored> {
    let corrupt = |problem| move |_| StorageError::Corrupt { kind, problem };
    let version = version(row)?;
    let due_at: Option<Moment> = row.try_get(2).map_err(corrupt("its due time is out of range"))?;
    let body: &[u8] = row.try_get(3).map_err(corrupt("its body is missing"))?;
    let due_at = due_at.map(|Moment(moment)| moment);
    Ok(Stored { version, due_at, body: codec::decode_body(kind, body)? })
}

fn version(row: &Row) -> Read<Version> {
    let version: i64 = row.try_get(1).map_err(malformed)?;
    Ok(Version(version.cast_unsigned()))
}

fn bytes(row: &Row, column: usize) -> Read<&[u8]> {
    row.try_get(column).map_err(malformed)
}

fn malformed(_: tokio_postgres::Error) -> StorageError {
    StorageError::Corrupt { kind: RowKind::Controller, problem: "its key or version has another type" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_prefix_is_after_its_keys_and_before_the_next() {
        assert_eq!(end_of(&[1, 2]), [1, 3]);
        assert_eq!(end_of(&[1, 0xff, 0xff]), [2]);
        assert_eq!(end_of(&[0xff; 16]), [0xff; 17]);
    }
}
