//! A changeset, checked and encoded on its caller's task, so that the writer thread only compares and copies.

use wzapi_model::Timestamp;
use wzapi_storage::changeset::{InvalidChangeset, Write};
use wzapi_storage::key::RowKind;
use wzapi_storage::row::Record;
use wzapi_storage::{Changeset, Durability, Key, Precondition, Version, codec};

/// Stands in encoded values until the writer knows the version.
const UNKNOWN: Version = Version(0);

#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) guards: Vec<Guard>,
    pub(crate) writes: Vec<PreparedWrite>,
    pub(crate) durability: Durability,
    /// How much it adds to a batch.
    pub(crate) bytes: usize,
}

#[derive(Debug)]
pub(crate) struct Guard {
    pub(crate) key: Key,
    pub(crate) bytes: Vec<u8>,
    pub(crate) precondition: Precondition,
}

#[derive(Debug)]
pub(crate) struct PreparedWrite {
    pub(crate) kind: RowKind,
    pub(crate) key: Vec<u8>,
    /// `None` deletes.
    pub(crate) row: Option<PreparedRow>,
}

#[derive(Debug)]
pub(crate) struct PreparedRow {
    pub(crate) due_at: Option<Timestamp>,
    pub(crate) value: Vec<u8>,
}

impl Prepared {
    pub(crate) fn new(changeset: &Changeset) -> Result<Self, InvalidChangeset> {
        changeset.validate()?;
        let controller = changeset.controller;
        let put = |record: &Record| -> Result<PreparedWrite, InvalidChangeset> {
            let value = codec::encode_value(UNKNOWN, record.due_at, &record.body)?;
            let key = codec::encode_key(controller, &record.key);
            let row = Some(PreparedRow { due_at: record.due_at, value });
            Ok(PreparedWrite { kind: record.key.kind(), key, row })
        };
        let mut writes = Vec::with_capacity(changeset.writes.len() + 1);
        for write in &changeset.writes {
            writes.push(match write {
                Write::Put(record) => put(record)?,
                Write::Delete(key) => {
                    PreparedWrite { kind: key.kind(), key: codec::encode_key(controller, key), row: None }
                }
            });
        }
        writes.push(put(&changeset.receipt())?);
        // `changeset-id-once`: the row that records the changeset must not be there yet.
        let implied = (Key::Changeset(changeset.id), Precondition::Absent);
        let guards = changeset
            .preconditions
            .iter()
            .chain([&implied])
            .map(|(key, precondition)| Guard {
                key: key.clone(),
                bytes: codec::encode_key(controller, key),
                precondition: *precondition,
            })
            .collect();
        let bytes =
            writes.iter().map(|write| write.key.len() + write.row.as_ref().map_or(0, |row| row.value.len()));
        Ok(Self { guards, bytes: bytes.sum(), writes, durability: changeset.durability })
    }
}
