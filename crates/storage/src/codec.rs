//! Keys and bodies as bytes, for engines that store bytes.
//!
//! **Keys** sort as their parts do: controller (16 bytes) ‖ owner (16 bytes, zero for the controller itself) ‖
//! kind (1 byte) ‖ the parts of the key, fixed-width and big-endian; a name is followed by a zero byte.
//! **Bodies** begin with a version byte of their kind, followed by postcard. **Values** are version (8 bytes) ‖
//! `due_at` (8 bytes, all ones for none) ‖ body. `docs/formats/rows.md` lists every kind.

use serde::Serialize;
use serde::de::DeserializeOwned;
use wzapi_model::Timestamp;
use wzapi_model::ids::{
    CaseId, ChangesetId, ConsentEventId, ControllerId, EntryId, PermitId, RecordId, SenderId, SubjectId,
};
use wzapi_model::name::DataCategory;

use crate::changeset::{InvalidChangeset, MAX_BODY_BYTES, Version};
use crate::error::StorageError;
use crate::key::{BlindIndex, Cohort, Key, KeyPrefix, LogRef, Owner, RowKind};
use crate::row::{self, Body, BodyDecoder, BodyEncoder, Stored};

/// The version byte of bodies that this library writes. A body with a higher one is refused.
pub const BODY_VERSION: u8 = 1;

const NO_DUE: i64 = -1;

/// A key as bytes; the encoded order is the order of the parts.
#[must_use]
pub fn encode_key(controller: ControllerId, key: &Key) -> Vec<u8> {
    let mut out = Vec::with_capacity(64);
    out.extend_from_slice(&controller.to_bytes());
    push_owner(&mut out, key.owner());
    out.push(key.kind().code());
    match key {
        Key::Epoch | Key::JournalPosition | Key::Controller | Key::HoldSet | Key::Sweep | Key::Subject(_) => {
        }
        Key::Directory(id) => out.extend_from_slice(&id.to_bytes()),
        Key::Sender(id) => out.extend_from_slice(&id.to_bytes()),
        Key::Erasure(id) => out.extend_from_slice(&id.to_bytes()),
        Key::Changeset(id) => out.extend_from_slice(&id.to_bytes()),
        Key::ConsentEvent { event, .. } => out.extend_from_slice(&event.to_bytes()),
        Key::Permit { permit, .. } => out.extend_from_slice(&permit.to_bytes()),
        Key::EntryBody { entry, .. } | Key::Review { entry, .. } => out.extend_from_slice(&entry.to_bytes()),
        Key::Route(index) | Key::Identifier(index) | Key::SourceEvent(index) | Key::Unrecognised(index) => {
            out.extend_from_slice(&index.0);
        }
        Key::Parked { route, source } => {
            out.extend_from_slice(&route.0);
            out.extend_from_slice(&source.0);
        }
        Key::TenantKey(version) | Key::IndexKey(version) => out.extend_from_slice(&version.to_be_bytes()),
        Key::DataKey { category, cohort, .. } => {
            push_name(&mut out, category);
            out.extend_from_slice(&cohort.0.to_be_bytes());
        }
        Key::LogKey { shard, version } => {
            out.extend_from_slice(&shard.to_be_bytes());
            out.extend_from_slice(&version.to_be_bytes());
        }
        Key::Record { category, cohort, record, .. } => push_record(&mut out, category, *cohort, *record),
        Key::RecordRevision { category, cohort, record, revision, .. } => {
            push_record(&mut out, category, *cohort, *record);
            out.extend_from_slice(&revision.to_be_bytes());
        }
        Key::RecordOfCategory { category, cohort, subject, record } => {
            push_name(&mut out, category);
            out.extend_from_slice(&cohort.0.to_be_bytes());
            out.extend_from_slice(&subject.to_bytes());
            out.extend_from_slice(&record.to_bytes());
        }
        Key::LogHead(shard) => out.extend_from_slice(&shard.to_be_bytes()),
        Key::LogLeaf { log, index } => {
            push_log(&mut out, *log);
            out.extend_from_slice(&index.to_be_bytes());
        }
        Key::Checkpoint(log) | Key::ClosedLog(log) => push_log(&mut out, *log),
        Key::LogTile { log, level, index } => {
            push_log(&mut out, *log);
            out.push(*level);
            out.extend_from_slice(&index.to_be_bytes());
        }
    }
    out
}

/// A prefix as bytes: every encoded key under the prefix begins with it, and no other key does.
#[must_use]
pub fn encode_prefix(controller: ControllerId, prefix: &KeyPrefix) -> Vec<u8> {
    let mut out = Vec::with_capacity(64);
    out.extend_from_slice(&controller.to_bytes());
    match prefix {
        KeyPrefix::Owner(owner) => push_owner(&mut out, *owner),
        KeyPrefix::Kind(owner, kind) => {
            push_owner(&mut out, *owner);
            out.push(kind.code());
        }
        KeyPrefix::ParkedUnder(route) => {
            push_owner(&mut out, Owner::Controller);
            out.push(RowKind::Parked.code());
            out.extend_from_slice(&route.0);
        }
        KeyPrefix::Records(subject, category) => {
            push_owner(&mut out, Owner::Subject(*subject));
            out.push(RowKind::Record.code());
            push_name(&mut out, category);
        }
        KeyPrefix::RecordsIn(subject, category, cohort) => {
            push_owner(&mut out, Owner::Subject(*subject));
            out.push(RowKind::Record.code());
            push_name(&mut out, category);
            out.extend_from_slice(&cohort.0.to_be_bytes());
        }
        KeyPrefix::Revisions(subject, category, cohort, record) => {
            push_owner(&mut out, Owner::Subject(*subject));
            out.push(RowKind::RecordRevision.code());
            push_record(&mut out, category, *cohort, *record);
        }
        KeyPrefix::RecordsOfCategory(category) => {
            push_owner(&mut out, Owner::Controller);
            out.push(RowKind::RecordOfCategory.code());
            push_name(&mut out, category);
        }
    }
    out
}

fn push_name(out: &mut Vec<u8>, category: &DataCategory) {
    out.extend_from_slice(category.as_str().as_bytes());
    out.push(0);
}

fn push_record(out: &mut Vec<u8>, category: &DataCategory, cohort: Cohort, record: RecordId) {
    push_name(out, category);
    out.extend_from_slice(&cohort.0.to_be_bytes());
    out.extend_from_slice(&record.to_bytes());
}

fn push_log(out: &mut Vec<u8>, log: LogRef) {
    out.extend_from_slice(&log.shard.to_be_bytes());
    out.extend_from_slice(&log.generation.to_be_bytes());
}

fn push_owner(out: &mut Vec<u8>, owner: Owner) {
    match owner {
        Owner::Controller => out.extend_from_slice(&[0; 16]),
        Owner::Subject(subject) => out.extend_from_slice(&subject.to_bytes()),
    }
}

/// The controller and the key that these bytes encode.
///
/// # Errors
/// [`StorageError::Corrupt`] when they encode none.
pub fn decode_key(bytes: &[u8]) -> Result<(ControllerId, Key), StorageError> {
    let malformed = |kind| StorageError::Corrupt { kind, problem: "its key is malformed" };
    let mut rest = bytes;
    let controller = take(&mut rest).map(ControllerId::from_bytes);
    let owner = take::<16>(&mut rest).map(|id| match id {
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0] => Owner::Controller,
        id => Owner::Subject(SubjectId::from_bytes(id)),
    });
    let kind = take::<1>(&mut rest).and_then(|[code]| RowKind::from_code(code));
    let (Some(controller), Some(owner), Some(kind)) = (controller, owner, kind) else {
        return Err(malformed(RowKind::Controller));
    };
    let key = decode_parts(owner, kind, &mut rest).ok_or_else(|| malformed(kind))?;
    if !rest.is_empty() || key.owner() != owner {
        return Err(malformed(kind));
    }
    Ok((controller, key))
}

fn decode_parts(owner: Owner, kind: RowKind, rest: &mut &[u8]) -> Option<Key> {
    let subject = match owner {
        Owner::Controller => None,
        Owner::Subject(subject) => Some(subject),
    };
    Some(match kind {
        RowKind::Directory => Key::Directory(ControllerId::from_bytes(take(rest)?)),
        RowKind::Route => Key::Route(BlindIndex(take(rest)?)),
        RowKind::Parked => Key::Parked { route: BlindIndex(take(rest)?), source: BlindIndex(take(rest)?) },
        RowKind::Epoch => Key::Epoch,
        RowKind::JournalPosition => Key::JournalPosition,
        RowKind::Controller => Key::Controller,
        RowKind::Sender => Key::Sender(SenderId::from_bytes(take(rest)?)),
        RowKind::HoldSet => Key::HoldSet,
        RowKind::Sweep => Key::Sweep,
        RowKind::Erasure => Key::Erasure(CaseId::from_bytes(take(rest)?)),
        RowKind::TenantKey => Key::TenantKey(u32::from_be_bytes(take(rest)?)),
        RowKind::IndexKey => Key::IndexKey(u32::from_be_bytes(take(rest)?)),
        RowKind::DataKey => Key::DataKey { owner, category: take_name(rest)?, cohort: take_cohort(rest)? },
        RowKind::LogKey => {
            Key::LogKey { shard: u16::from_be_bytes(take(rest)?), version: u32::from_be_bytes(take(rest)?) }
        }
        RowKind::Identifier => Key::Identifier(BlindIndex(take(rest)?)),
        RowKind::Subject => Key::Subject(subject?),
        RowKind::ConsentEvent => {
            Key::ConsentEvent { subject: subject?, event: ConsentEventId::from_bytes(take(rest)?) }
        }
        RowKind::Permit => Key::Permit { subject: subject?, permit: PermitId::from_bytes(take(rest)?) },
        RowKind::Review => Key::Review { subject: subject?, entry: EntryId::from_bytes(take(rest)?) },
        RowKind::Record => Key::Record {
            subject: subject?,
            category: take_name(rest)?,
            cohort: take_cohort(rest)?,
            record: RecordId::from_bytes(take(rest)?),
        },
        RowKind::RecordRevision => Key::RecordRevision {
            subject: subject?,
            category: take_name(rest)?,
            cohort: take_cohort(rest)?,
            record: RecordId::from_bytes(take(rest)?),
            revision: u32::from_be_bytes(take(rest)?),
        },
        RowKind::SourceEvent => Key::SourceEvent(BlindIndex(take(rest)?)),
        RowKind::Unrecognised => Key::Unrecognised(BlindIndex(take(rest)?)),
        RowKind::RecordOfCategory => Key::RecordOfCategory {
            category: take_name(rest)?,
            cohort: take_cohort(rest)?,
            subject: SubjectId::from_bytes(take(rest)?),
            record: RecordId::from_bytes(take(rest)?),
        },
        RowKind::LogHead => Key::LogHead(u16::from_be_bytes(take(rest)?)),
        RowKind::LogLeaf => Key::LogLeaf { log: take_log(rest)?, index: u64::from_be_bytes(take(rest)?) },
        RowKind::Checkpoint => Key::Checkpoint(take_log(rest)?),
        RowKind::LogTile => {
            let (log, [level]) = (take_log(rest)?, take(rest)?);
            Key::LogTile { log, level, index: u64::from_be_bytes(take(rest)?) }
        }
        RowKind::ClosedLog => Key::ClosedLog(take_log(rest)?),
        RowKind::EntryBody => Key::EntryBody { owner, entry: EntryId::from_bytes(take(rest)?) },
        RowKind::Changeset => Key::Changeset(ChangesetId::from_bytes(take(rest)?)),
    })
}

fn take_name(rest: &mut &[u8]) -> Option<DataCategory> {
    let end = rest.iter().position(|byte| *byte == 0)?;
    let (name, after) = rest.split_at_checked(end)?;
    *rest = after.get(1..)?;
    std::str::from_utf8(name).ok()?.parse().ok()
}

fn take_cohort(rest: &mut &[u8]) -> Option<Cohort> {
    take(rest).map(|months| Cohort(u16::from_be_bytes(months)))
}

fn take_log(rest: &mut &[u8]) -> Option<LogRef> {
    Some(LogRef { shard: u16::from_be_bytes(take(rest)?), generation: u16::from_be_bytes(take(rest)?) })
}

/// A body as bytes: its version byte and its fields.
///
/// # Errors
/// [`InvalidChangeset::RowTooLarge`] above [`MAX_BODY_BYTES`].
pub fn encode_body(body: &Body) -> Result<Vec<u8>, InvalidChangeset> {
    struct Postcard;
    impl BodyEncoder for Postcard {
        type Output = Result<Vec<u8>, postcard::Error>;
        fn encode<T: Serialize>(self, row: &T) -> Self::Output {
            postcard::to_extend(row, vec![BODY_VERSION])
        }
    }
    let bytes = row::encode_with(body, Postcard).map_err(|_| InvalidChangeset::RowTooLarge)?;
    if bytes.len() > MAX_BODY_BYTES { Err(InvalidChangeset::RowTooLarge) } else { Ok(bytes) }
}

/// The body of a row of this kind.
///
/// # Errors
/// [`StorageError::Corrupt`] when the bytes are none; [`StorageError::Format`] when a newer library wrote them.
pub fn decode_body(kind: RowKind, bytes: &[u8]) -> Result<Body, StorageError> {
    struct Postcard<'a>(&'a [u8]);
    impl BodyDecoder for Postcard<'_> {
        type Error = postcard::Error;
        fn decode<T: DeserializeOwned>(&self) -> Result<T, postcard::Error> {
            match postcard::take_from_bytes(self.0)? {
                (row, []) => Ok(row),
                _ => Err(postcard::Error::DeserializeBadEncoding),
            }
        }
    }
    match bytes.split_first() {
        Some((&BODY_VERSION, fields)) => row::decode_with(kind, &Postcard(fields))
            .map_err(|_| StorageError::Corrupt { kind, problem: "its body is malformed" }),
        Some((&version, _)) if version > BODY_VERSION => Err(StorageError::Format {
            found: format!("{version} of {kind} rows"),
            supported: u32::from(BODY_VERSION),
        }),
        _ => Err(StorageError::Corrupt { kind, problem: "its body has no known version" }),
    }
}

/// A stored row as bytes.
///
/// # Errors
/// As [`encode_body`].
pub fn encode_value(
    version: Version,
    due_at: Option<Timestamp>,
    body: &Body,
) -> Result<Vec<u8>, InvalidChangeset> {
    let body = encode_body(body)?;
    let mut out = Vec::with_capacity(16 + body.len());
    out.extend_from_slice(&version.0.to_be_bytes());
    out.extend_from_slice(&due_at.map_or(NO_DUE, Timestamp::as_millis).to_be_bytes());
    out.extend_from_slice(&body);
    Ok(out)
}

/// Sets the version of an encoded row that was encoded before its version was known.
pub fn set_version(value: &mut [u8], version: Version) {
    if let Some(first) = value.first_chunk_mut() {
        *first = version.0.to_be_bytes();
    }
}

/// The stored row that these bytes encode.
///
/// # Errors
/// As [`decode_body`].
pub fn decode_value(kind: RowKind, bytes: &[u8]) -> Result<Stored, StorageError> {
    let mut rest = bytes;
    let (version, due_at) = take_header(kind, &mut rest)?;
    Ok(Stored { version, due_at, body: decode_body(kind, rest)? })
}

/// The version and the `due_at` of an encoded row, without decoding its body.
///
/// # Errors
/// [`StorageError::Corrupt`] when the bytes are too short.
pub fn decode_header(kind: RowKind, bytes: &[u8]) -> Result<(Version, Option<Timestamp>), StorageError> {
    take_header(kind, &mut &*bytes)
}

fn take_header(kind: RowKind, rest: &mut &[u8]) -> Result<(Version, Option<Timestamp>), StorageError> {
    let corrupt = StorageError::Corrupt { kind, problem: "its version or due time is malformed" };
    let (Some(version), Some(due)) = (take(rest), take(rest)) else { return Err(corrupt) };
    let due_at = match i64::from_be_bytes(due) {
        NO_DUE => None,
        millis => match Timestamp::from_millis(millis) {
            Ok(moment) => Some(moment),
            Err(_) => return Err(corrupt),
        },
    };
    Ok((Version(u64::from_be_bytes(version)), due_at))
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (part, after) = rest.split_first_chunk::<N>()?;
    *rest = after;
    Some(*part)
}
