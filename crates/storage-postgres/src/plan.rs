//! A changeset as statements, in an order in which changesets do not wait for each other in a circle: the record of
//! the changeset, then every lock on a row that may exist, then inserts, overwrites and deletions, each table by table
//! and key by key.

use std::collections::{BTreeMap, BTreeSet};

use wzapi_model::Timestamp;
use wzapi_model::ids::ControllerId;
use wzapi_storage::changeset::{InvalidChangeset, Write};
use wzapi_storage::key::RowKind;
use wzapi_storage::row::Record;
use wzapi_storage::{Changeset, Key, Precondition, Version, codec};

use crate::session::{Parameter, Statement};
use crate::statements;
use crate::tables::{columns, key_bytes, nothing, values_of};
use crate::values::{Moment, Value, Values};

/// About how many bytes of bodies one statement carries; a message of the protocol must stay below 1 GiB.
const STATEMENT_BYTES: usize = 16 * 1024 * 1024;

/// What is done to each table.
pub(crate) struct Plan {
    controller: ControllerId,
    receipt: Row,
    deeds: BTreeMap<RowKind, Deeds>,
}

/// What is done to one table, by encoded key.
#[derive(Default)]
struct Deeds {
    /// Rows to be locked, the version that they must have, and whether they are written afterwards.
    locks: BTreeMap<Vec<u8>, (Option<Version>, bool)>,
    /// Rows that must be absent.
    inserts: BTreeMap<Vec<u8>, Row>,
    /// Rows that may be there or not.
    overwrites: BTreeMap<Vec<u8>, Row>,
    deletes: BTreeSet<Vec<u8>>,
}

struct Row {
    key: Vec<u8>,
    due_at: Option<Timestamp>,
    body: Vec<u8>,
    values: Vec<Value>,
}

impl Row {
    fn new(controller: ControllerId, record: &Record) -> Result<Self, InvalidChangeset> {
        Ok(Self {
            key: key_bytes(controller, &record.key),
            due_at: record.due_at,
            body: codec::encode_body(&record.body)?,
            values: values_of(record),
        })
    }

    /// A row that is deleted again by the transaction that writes it, and holds its key until then.
    fn placeholder(kind: RowKind, key: Vec<u8>) -> Self {
        Self { key, due_at: None, body: Vec::new(), values: nothing(kind) }
    }
}

impl Plan {
    /// The plan of a changeset that has been validated.
    pub(crate) fn of(changeset: &Changeset) -> Result<Self, InvalidChangeset> {
        let controller = changeset.controller;
        let receipt = changeset.receipt();
        let mut deeds: BTreeMap<RowKind, Deeds> = BTreeMap::new();
        let guards: BTreeMap<&Key, Precondition> =
            changeset.preconditions.iter().map(|(key, precondition)| (key, *precondition)).collect();
        let written: BTreeSet<&Key> = changeset.writes.iter().map(Write::key).collect();

        for (key, precondition) in &guards {
            let deeds = deeds.entry(key.kind()).or_default();
            let encoded = key_bytes(controller, key);
            match precondition {
                Precondition::Version(version) => {
                    deeds.locks.insert(encoded, (Some(*version), written.contains(key)));
                }
                // Inserting the record of the changeset guards its absence already.
                Precondition::Absent if **key == receipt.key => {}
                // Inserted below.
                Precondition::Absent if written.contains(key) => {}
                Precondition::Absent => deeds.hold_absent(key.kind(), encoded),
            }
        }
        for write in &changeset.writes {
            let key = write.key();
            let deeds = deeds.entry(key.kind()).or_default();
            let encoded = key_bytes(controller, key);
            match (write, guards.get(key)) {
                (Write::Put(record), Some(Precondition::Absent)) => {
                    deeds.inserts.insert(encoded, Row::new(controller, record)?);
                }
                (Write::Put(record), guard) => {
                    if guard.is_none() {
                        deeds.locks.insert(encoded.clone(), (None, true));
                    }
                    deeds.overwrites.insert(encoded, Row::new(controller, record)?);
                }
                (Write::Delete(_), Some(Precondition::Absent)) => deeds.hold_absent(key.kind(), encoded),
                (Write::Delete(_), Some(Precondition::Version(_))) => {
                    deeds.deletes.insert(encoded);
                }
                (Write::Delete(_), None) => {
                    deeds.locks.insert(encoded.clone(), (None, true));
                    deeds.overwrites.insert(encoded.clone(), Row::placeholder(key.kind(), encoded.clone()));
                    deeds.deletes.insert(encoded);
                }
            }
        }
        Ok(Self { controller, receipt: Row::new(controller, &receipt)?, deeds })
    }

    /// What stands between `BEGIN` and `COMMIT`.
    pub(crate) fn statements(self, schema: &str, version: Version) -> Vec<Statement> {
        let writer = Writer { schema, controller: self.controller, version };
        let mut all = writer.store(RowKind::Changeset, [self.receipt], false);
        let (mut inserts, mut overwrites, mut deletes) = (Vec::new(), Vec::new(), Vec::new());
        for (kind, deeds) in self.deeds {
            all.extend(writer.lock(kind, deeds.locks));
            inserts.extend(writer.store(kind, deeds.inserts.into_values(), false));
            overwrites.extend(writer.store(kind, deeds.overwrites.into_values(), true));
            deletes.extend(writer.delete(kind, deeds.deletes));
        }
        all.into_iter().chain(inserts).chain(overwrites).chain(deletes).collect()
    }
}

impl Deeds {
    fn hold_absent(&mut self, kind: RowKind, key: Vec<u8>) {
        self.inserts.insert(key.clone(), Row::placeholder(kind, key.clone()));
        self.deletes.insert(key);
    }
}

struct Writer<'a> {
    schema: &'a str,
    controller: ControllerId,
    version: Version,
}

impl Writer<'_> {
    fn lock(&self, kind: RowKind, locks: BTreeMap<Vec<u8>, (Option<Version>, bool)>) -> Option<Statement> {
        if locks.is_empty() {
            return None;
        }
        let (mut keys, mut versions, mut written) = (Vec::new(), Vec::new(), Vec::new());
        for (key, (version, is_written)) in locks {
            keys.push(key);
            versions.push(version.map(number));
            written.push(is_written);
        }
        let parameters = vec![
            Parameter::controller(self.controller),
            Parameter::keys(keys),
            Parameter::Values(Values::Numbers(versions)),
            Parameter::Values(Values::Flags(written)),
        ];
        Some(Statement { sql: statements::lock(self.schema, kind), parameters })
    }

    fn store(&self, kind: RowKind, rows: impl IntoIterator<Item = Row>, overwrites: bool) -> Vec<Statement> {
        let mut filled = Vec::new();
        let mut batch = Batch::new(kind);
        for row in rows {
            if batch.bytes > STATEMENT_BYTES {
                filled.push(std::mem::replace(&mut batch, Batch::new(kind)));
            }
            batch.push(row);
        }
        filled.push(batch);
        filled.retain(|batch| !batch.keys.is_empty());
        let statement = |batch: Batch| Statement {
            sql: statements::store(self.schema, kind, overwrites),
            parameters: batch.parameters(self.controller, self.version),
        };
        filled.into_iter().map(statement).collect()
    }

    fn delete(&self, kind: RowKind, keys: BTreeSet<Vec<u8>>) -> Option<Statement> {
        let parameters = vec![Parameter::controller(self.controller), Parameter::keys(keys.iter().cloned())];
        (!keys.is_empty()).then(|| Statement { sql: statements::delete(self.schema, kind), parameters })
    }
}

/// Rows as one array per column.
struct Batch {
    bytes: usize,
    keys: Vec<Vec<u8>>,
    due: Vec<Option<Moment>>,
    bodies: Vec<Option<Vec<u8>>>,
    columns: Vec<Values>,
}

impl Batch {
    fn new(kind: RowKind) -> Self {
        let columns = columns(kind).iter().map(|(_, column)| Values::of(*column)).collect();
        Self { bytes: 0, keys: Vec::new(), due: Vec::new(), bodies: Vec::new(), columns }
    }

    fn push(&mut self, row: Row) {
        self.bytes = self.bytes.saturating_add(row.body.len());
        self.keys.push(row.key);
        self.due.push(row.due_at.map(Moment));
        self.bodies.push(Some(row.body));
        for (column, value) in self.columns.iter_mut().zip(row.values) {
            column.push(value);
        }
    }

    fn parameters(self, controller: ControllerId, version: Version) -> Vec<Parameter> {
        let mut parameters = vec![
            Parameter::controller(controller),
            Parameter::Number(number(version)),
            Parameter::keys(self.keys),
            Parameter::Values(Values::Times(self.due)),
            Parameter::Values(Values::Bytes(self.bodies)),
        ];
        parameters.extend(self.columns.into_iter().map(Parameter::Values));
        parameters
    }
}

/// All 64 bits, in PostgreSQL's signed type.
const fn number(version: Version) -> i64 {
    version.0.cast_signed()
}

#[cfg(test)]
mod tests {
    use wzapi_model::ids::ChangesetId;
    use wzapi_storage::Durability;
    use wzapi_storage_testkit::sample;

    use super::*;

    fn changeset(preconditions: Vec<(Key, Precondition)>, writes: Vec<Write>) -> Changeset {
        Changeset {
            id: ChangesetId::from_bytes([7; 16]),
            controller: ControllerId::from_bytes([1; 16]),
            at: Timestamp::EPOCH,
            preconditions,
            writes,
            durability: Durability::Durable,
        }
    }

    /// The deed and the table of each statement.
    fn outline(changeset: &Changeset) -> Vec<String> {
        let statements = Plan::of(changeset).unwrap().statements("w", Version(1));
        let table = |sql: &str| {
            let (_, rest) = sql.split_once(" w.").expect("a table");
            rest.split(' ').next().expect("its name").to_owned()
        };
        let outline = |statement: &Statement| {
            let sql = statement.sql.as_str();
            let deed = match sql.split(' ').next() {
                Some("SELECT") => "lock",
                Some("INSERT") if sql.contains("ON CONFLICT") => "overwrite",
                Some("INSERT") => "insert",
                _ => "delete",
            };
            format!("{deed} {}", table(sql))
        };
        statements.iter().map(outline).collect()
    }

    #[test]
    fn the_record_of_the_changeset_comes_first_and_stands_for_the_guard_of_itself() {
        let own = Key::Changeset(ChangesetId::from_bytes([7; 16]));
        assert_eq!(outline(&changeset(vec![(own, Precondition::Absent)], vec![])), ["insert changeset"]);
    }

    #[test]
    fn locks_come_before_writes_and_every_absence_is_held_by_an_insert() {
        let put = |kind, seed| Write::Put(sample::record(kind, seed));
        let key = sample::key;
        let guards = vec![
            (key(RowKind::Subject, 2), Precondition::Version(Version(1))),
            (key(RowKind::Identifier, 2), Precondition::Version(Version(1))),
            (key(RowKind::ConsentEvent, 2), Precondition::Absent),
            (key(RowKind::Permit, 2), Precondition::Absent),
        ];
        let writes = vec![
            put(RowKind::Subject, 2),
            put(RowKind::ConsentEvent, 2),
            Write::Delete(key(RowKind::Identifier, 2)),
            Write::Delete(key(RowKind::SourceEvent, 2)),
        ];
        let expected = [
            "insert changeset",
            "lock identifier",
            "lock subject",
            "lock source_event",
            "insert consent_event",
            "insert permit",
            "overwrite subject",
            "overwrite source_event",
            "delete identifier",
            "delete permit",
            "delete source_event",
        ];
        assert_eq!(outline(&changeset(guards, writes)), expected);
    }

    #[test]
    fn large_bodies_are_spread_over_several_statements() {
        let row = || Row { body: vec![0; STATEMENT_BYTES / 2], ..Row::placeholder(RowKind::Sender, vec![1]) };
        let writer =
            Writer { schema: "w", controller: ControllerId::from_bytes([1; 16]), version: Version(1) };
        let statements = writer.store(RowKind::Sender, (0..7).map(|_| row()), false);
        assert_eq!(statements.len(), 3);
    }
}
