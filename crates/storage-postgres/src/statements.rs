//! The SQL, one text per table and deed. Every statement names the controller as `$1`.
//!
//! Statements that write fail outside of a changeset's transaction ([`ONLY_INSIDE`]): they are sent without waiting for
//! the answer to `BEGIN`, and if that ever failed alone, each of them would otherwise be a transaction of its own.

use std::fmt::Write as _;

use wzapi_storage::key::RowKind;

use crate::tables::columns;

/// What `BEGIN` sets, for its own transaction.
pub(crate) const INSIDE: &str = "; SET LOCAL wzapi.in_changeset = on";
/// True after [`INSIDE`]; otherwise an error, since the setting is unknown or empty.
const ONLY_INSIDE: &str = "current_setting('wzapi.in_changeset')::boolean";

/// Rows by key, over the tables of `kinds`: `$2`, `$3`, … are the keys of each, in the same order. One statement,
/// hence one snapshot.
pub(crate) fn get(schema: &str, kinds: impl IntoIterator<Item = RowKind>) -> String {
    by_keys(schema, kinds, "key, version, due_at, body")
}

/// As [`get`], but the versions alone.
pub(crate) fn versions(schema: &str, kinds: impl IntoIterator<Item = RowKind>) -> String {
    by_keys(schema, kinds, "key, version")
}

fn by_keys(schema: &str, kinds: impl IntoIterator<Item = RowKind>, wanted: &str) -> String {
    let parts = (2..).zip(kinds).map(|(place, kind)| {
        format!("SELECT {wanted} FROM {schema}.{kind} WHERE controller_id = $1 AND key = ANY(${place})")
    });
    parts.collect::<Vec<_>>().join(" UNION ALL ")
}

/// Rows with `$2 <= key < $3` in key order, at most `$4`.
pub(crate) fn scan_keys(schema: &str, kinds: &[RowKind]) -> String {
    merged(schema, kinds, "key >= $2 AND key < $3", "key", "$4")
}

/// Rows due at or before `$2` that come after the key `$4` at the moment `$3`, earliest first, at most `$5`.
pub(crate) fn scan_due(schema: &str) -> String {
    merged(schema, RowKind::ALL, "due_at <= $2 AND (due_at, key) > ($3, $4)", "due_at, key", "$5")
}

/// The first rows over several tables. Each table is read along its index and no further than the page may need: a
/// union that is sorted as a whole would be read as a whole.
fn merged(schema: &str, kinds: &[RowKind], which: &str, order: &str, limit: &str) -> String {
    let first = |kind: &RowKind| {
        format!(
            "SELECT key, version, due_at, body FROM {schema}.{kind} \
             WHERE controller_id = $1 AND {which} ORDER BY {order} LIMIT {limit}"
        )
    };
    if let [kind] = kinds {
        return first(kind);
    }
    let parts: Vec<String> = kinds.iter().map(|kind| format!("({})", first(kind))).collect();
    format!("{} ORDER BY {order} LIMIT {limit}", parts.join(" UNION ALL "))
}

/// Locks the rows under keys `$2` up to the end of the transaction, and fails unless each has its version `$3`, or
/// any or none where that is null. A row that is about to be written (`$4`) is locked against everybody, another one
/// against changes only, so that many changesets may guard one row at once.
///
/// The rows are locked in the order of the array, one by one, which is what the lateral join is for: changesets that
/// touch the same rows then wait for each other in turn and not in a circle.
pub(crate) fn lock(schema: &str, kind: RowKind) -> String {
    let row = |written: &str, strength: &str| {
        format!(
            "SELECT version FROM (SELECT version FROM {schema}.{kind} \
             WHERE controller_id = $1 AND key = touched.key AND {written} FOR {strength}) AS locked"
        )
    };
    format!(
        "SELECT 1 / (count(*) FILTER (WHERE stored.version = touched.version) \
         = cardinality(array_remove($3, NULL)))::int \
         FROM unnest($2, $3, $4) AS touched(key, version, written), LATERAL ({} UNION ALL {}) AS stored",
        row("touched.written", "UPDATE"),
        row("NOT touched.written", "SHARE"),
    )
}

/// Stores rows of version `$2` under keys `$3`, with the times `$4`, the bodies `$5` and the columns of the kind
/// from `$6` on. A key that is taken is a unique violation, or is overwritten.
pub(crate) fn store(schema: &str, kind: RowKind, overwrites: bool) -> String {
    let names: Vec<&str> =
        ["key", "due_at", "body"].into_iter().chain(columns(kind).iter().map(|(name, _)| *name)).collect();
    let places: Vec<String> = (3..).take(names.len()).map(|place| format!("${place}")).collect();
    let (names, places) = (names.join(", "), places.join(", "));
    let mut sql = format!(
        "INSERT INTO {schema}.{kind} (controller_id, version, {names}) \
         SELECT $1, $2, {names} FROM unnest({places}) AS given({names}) WHERE {ONLY_INSIDE}"
    );
    if overwrites {
        sql.push_str(" ON CONFLICT (controller_id, key) DO UPDATE SET version = excluded.version");
        for name in ["due_at", "body"].iter().chain(columns(kind).iter().map(|(name, _)| name)) {
            let _ = write!(sql, ", {name} = excluded.{name}");
        }
    }
    sql
}

/// Removes the rows under keys `$2`.
pub(crate) fn delete(schema: &str, kind: RowKind) -> String {
    format!("DELETE FROM {schema}.{kind} WHERE controller_id = $1 AND key = ANY($2) AND {ONLY_INSIDE}")
}
