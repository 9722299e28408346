//! One table per kind of row, and the columns of each that are worth a query.
//!
//! Every table has `controller_id`, `key`, `version`, `due_at` and `body`. `key` is the encoded key after the
//! controller ([`wzapi_storage::codec::encode_key`]), so that its byte order is the order of the contract in every
//! table, and one statement serves them all. The other columns repeat parts of key and body for people and their
//! queries; the store writes them and never reads them.

use wzapi_model::Timestamp;
use wzapi_model::consent::{ConsentScope, PurposeScope};
use wzapi_model::ids::{ControllerId, SubjectId};
use wzapi_storage::key::{BlindIndex, LogRef, RowKind};
use wzapi_storage::row::{
    Body, EntryBody, EpochStage, ErasureStage, IdentifierRow, Quarantine, Record, ReviewQuestion,
};
use wzapi_storage::{Key, Owner, codec};

use crate::values::{ColumnType, Value};

/// A column beside key and body.
pub(crate) type Column = (&'static str, ColumnType);

/// The columns of the table of this kind, in the order of [`values_of`].
pub(crate) const fn columns(kind: RowKind) -> &'static [Column] {
    use ColumnType::{Id, Index, Number, Text, Time};
    match kind {
        RowKind::Directory => &[("registered_controller", Id), ("registered_at", Time)],
        RowKind::Route => &[("blind_index", Index), ("routed_controller", Id), ("sender_id", Id)],
        RowKind::Parked => &[("route_index", Index), ("received_at", Time)],
        RowKind::Epoch => &[("epoch", Number), ("began_at", Time), ("stage", Text)],
        RowKind::JournalPosition => &[("journal_id", Id), ("position", Number)],
        RowKind::Controller => {
            &[("registered_at", Time), ("tenant_key_version", Number), ("tenant_key_count", Number)]
        }
        RowKind::Sender => &[("sender_id", Id), ("registered_at", Time)],
        RowKind::HoldSet => &[("hold_count", Number)],
        RowKind::Sweep => &[("began_at", Time), ("ended_at", Time), ("leased_until", Time)],
        RowKind::Erasure => &[
            ("case_id", Id),
            ("subject_id", Id),
            ("stage", Text),
            ("requested_at", Time),
            ("closed_at", Time),
        ],
        RowKind::TenantKey | RowKind::IndexKey => &[("key_version", Number), ("created_at", Time)],
        RowKind::DataKey => &[
            ("subject_id", Id),
            ("category", Text),
            ("cohort", Number),
            ("key_version", Number),
            ("created_at", Time),
        ],
        RowKind::LogKey => {
            &[("shard", Number), ("key_version", Number), ("created_at", Time), ("retired_at", Time)]
        }
        RowKind::Identifier => &[
            ("blind_index", Index),
            ("subject_id", Id),
            ("kind", Text),
            ("index_key_version", Number),
            ("last_granted_at", Time),
            ("last_denied_at", Time),
        ],
        RowKind::Subject => &[("subject_id", Id), ("changed_at", Time), ("merged_into", Id)],
        RowKind::ConsentEvent => &[
            ("subject_id", Id),
            ("act", Text),
            ("purpose", Text),
            ("effective_at", Time),
            ("quarantine", Text),
        ],
        RowKind::Permit => &[
            ("subject_id", Id),
            ("sender_id", Id),
            ("purpose", Text),
            ("category", Text),
            ("redeemed_at", Time),
        ],
        RowKind::Review => &[("subject_id", Id), ("question", Text), ("opened_at", Time)],
        RowKind::Record => &[
            ("subject_id", Id),
            ("category", Text),
            ("cohort", Number),
            ("record_id", Id),
            ("collected_at", Time),
            ("changed_at", Time),
            ("revision", Number),
            ("restricted_at", Time),
        ],
        RowKind::RecordRevision => &[
            ("subject_id", Id),
            ("category", Text),
            ("cohort", Number),
            ("record_id", Id),
            ("revision", Number),
            ("valid_from", Time),
            ("valid_until", Time),
        ],
        RowKind::SourceEvent => &[("seen_at", Time)],
        RowKind::Unrecognised => &[("received_at", Time), ("reason", Text)],
        RowKind::RecordOfCategory => &[
            ("category", Text),
            ("cohort", Number),
            ("subject_id", Id),
            ("record_id", Id),
            ("collected_at", Time),
        ],
        RowKind::LogHead => &[("shard", Number), ("generation", Number), ("log_id", Id), ("size", Number)],
        RowKind::LogLeaf => &[("shard", Number), ("generation", Number), ("log_index", Number)],
        RowKind::EntryBody => &[
            ("subject_id", Id),
            ("shard", Number),
            ("generation", Number),
            ("log_index", Number),
            ("category", Text),
            ("certificate", Id),
        ],
        RowKind::Checkpoint => &[
            ("shard", Number),
            ("generation", Number),
            ("tiled_size", Number),
            ("signed_size", Number),
            ("signed_at", Time),
        ],
        RowKind::LogTile => {
            &[("shard", Number), ("generation", Number), ("level", Number), ("tile_index", Number)]
        }
        RowKind::ClosedLog => &[
            ("shard", Number),
            ("generation", Number),
            ("log_id", Id),
            ("size", Number),
            ("closed_at", Time),
        ],
        RowKind::Changeset => &[("committed_at", Time)],
    }
}

/// What a record has in [`columns`]. A body under a key of another kind has been refused before.
pub(crate) fn values_of(record: &Record) -> Vec<Value> {
    let Record { key, body, .. } = record;
    of_keys(key, body)
        .or_else(|| of_consent(key, body))
        .or_else(|| of_records(key, body))
        .or_else(|| of_logs(key, body))
        .or_else(|| of_registration_and_intake(key, body))
        .unwrap_or_else(|| nothing(key.kind()))
}

fn of_registration_and_intake(key: &Key, body: &Body) -> Option<Vec<Value>> {
    Some(match (key, body) {
        (Key::Directory(id), Body::Directory(row)) => {
            vec![Value::Id(Some(id.to_bytes())), time(row.registered_at)]
        }
        (Key::Route(at), Body::Route(row)) => vec![
            index(*at),
            Value::Id(Some(row.controller.to_bytes())),
            Value::Id(row.sender.map(|sender| sender.to_bytes())),
        ],
        (Key::Parked { route, .. }, Body::Parked(row)) => vec![index(*route), time(row.received_at)],
        (_, Body::Controller(row)) => vec![
            time(row.registered_at),
            Value::Number(row.tenant_keys.first().copied().map(i64::from)),
            count(row.tenant_keys.len()),
        ],
        (Key::Sender(id), Body::Sender(row)) => {
            vec![Value::Id(Some(id.to_bytes())), time(row.registered_at)]
        }
        (_, Body::HoldSet(row)) => vec![count(row.holds.len())],
        (_, Body::Sweep(row)) => vec![
            time(row.began_at),
            Value::Time(row.ended_at),
            Value::Time(row.lease.map(|lease| lease.until)),
        ],
        (Key::Erasure(case), Body::Erasure(row)) => vec![
            Value::Id(Some(case.to_bytes())),
            subject(row.subject),
            text(erasure_stage(row.stage)),
            time(row.requested_at),
            Value::Time(row.closed_at),
        ],
        (_, Body::SourceEvent(row)) => vec![time(row.seen_at)],
        (_, Body::Unrecognised(row)) => vec![time(row.received_at), text(&row.reason)],
        (_, Body::Changeset(row)) => vec![time(row.at)],
        _ => return None,
    })
}

fn of_keys(key: &Key, body: &Body) -> Option<Vec<Value>> {
    Some(match (key, body) {
        (_, Body::Epoch(row)) => vec![number(row.epoch), time(row.began_at), text(stage(row.stage))],
        (Key::TenantKey(version), Body::TenantKey(row)) => vec![number(*version), time(row.created_at)],
        (Key::IndexKey(version), Body::IndexKey(row)) => vec![number(*version), time(row.created_at)],
        (Key::DataKey { owner, category, cohort }, Body::DataKey(row)) => {
            let newest = row.versions.first();
            vec![
                owned_by(*owner),
                text(category.as_str()),
                number(cohort.0),
                Value::Number(newest.map(|newest| i64::from(newest.version))),
                Value::Time(newest.map(|newest| newest.created_at)),
            ]
        }
        (Key::LogKey { shard, version }, Body::LogKey(row)) => {
            vec![number(*shard), number(*version), time(row.created_at), Value::Time(row.retired_at)]
        }
        _ => return None,
    })
}

fn of_consent(key: &Key, body: &Body) -> Option<Vec<Value>> {
    Some(match (key, body) {
        (Key::Identifier(at), Body::Identifier(row)) => identifier(*at, row),
        (Key::Subject(id), Body::Subject(row)) => vec![
            subject(*id),
            time(row.changed_at),
            Value::Id(row.merged_into.map(|merged_into| merged_into.to_bytes())),
        ],
        (_, Body::ConsentEvent(row)) => vec![
            owned_by(key.owner()),
            text(row.act.as_str()),
            text(purpose(&row.scope)),
            time(row.effective_at),
            Value::Text(row.quarantine.map(|reason| quarantine(reason).to_owned())),
        ],
        (_, Body::Permit(row)) => vec![
            owned_by(key.owner()),
            Value::Id(Some(row.sender.to_bytes())),
            text(row.purpose.as_str()),
            text(row.category.as_str()),
            time(row.redeemed_at),
        ],
        (_, Body::Review(row)) => vec![
            owned_by(key.owner()),
            text(match row.question {
                ReviewQuestion::Doubt(_) => "doubt",
                ReviewQuestion::Quarantined(_) => "quarantined",
                ReviewQuestion::Disposal { .. } => "disposal",
            }),
            time(row.opened_at),
        ],
        _ => return None,
    })
}

fn of_records(key: &Key, body: &Body) -> Option<Vec<Value>> {
    Some(match (key, body) {
        (Key::Record { subject: of, category, cohort, record }, Body::Record(row)) => vec![
            subject(*of),
            text(category.as_str()),
            number(cohort.0),
            Value::Id(Some(record.to_bytes())),
            time(row.collected_at),
            time(row.changed_at),
            number(row.revision),
            Value::Time(row.restriction.as_ref().map(|restriction| restriction.at)),
        ],
        (
            Key::RecordRevision { subject: of, category, cohort, record, revision },
            Body::RecordRevision(row),
        ) => vec![
            subject(*of),
            text(category.as_str()),
            number(cohort.0),
            Value::Id(Some(record.to_bytes())),
            number(*revision),
            time(row.from),
            time(row.until),
        ],
        (Key::RecordOfCategory { category, cohort, subject: of, record }, Body::RecordOfCategory(row)) => {
            vec![
                text(category.as_str()),
                number(cohort.0),
                subject(*of),
                Value::Id(Some(record.to_bytes())),
                time(row.collected_at),
            ]
        }
        _ => return None,
    })
}

fn of_logs(key: &Key, body: &Body) -> Option<Vec<Value>> {
    let of_log = |log: LogRef, rest: Vec<Value>| {
        [number(log.shard), number(log.generation)].into_iter().chain(rest).collect()
    };
    Some(match (key, body) {
        (Key::LogHead(shard), Body::LogHead(row)) => {
            let log = LogRef { shard: *shard, generation: row.generation };
            of_log(log, vec![Value::Id(Some(row.log.to_bytes())), number(row.size)])
        }
        (Key::LogLeaf { log, index }, Body::LogLeaf(_)) => of_log(*log, vec![number(*index)]),
        (Key::EntryBody { owner, .. }, Body::EntryBody(row)) => vec![
            owned_by(*owner),
            number(row.log.shard),
            number(row.log.generation),
            number(row.index),
            text(row.category.as_str()),
            Value::Id(match row.body {
                EntryBody::Kept(_) => None,
                EntryBody::Erased { certificate } => Some(certificate.to_bytes()),
            }),
        ],
        (Key::Checkpoint(log), Body::Checkpoint(row)) => {
            let signed = row.signed.as_ref();
            let of_checkpoint = vec![
                number(row.edge.size),
                signed.map_or(Value::Number(None), |signed| number(signed.size)),
                Value::Time(signed.map(|signed| signed.signed_at)),
            ];
            of_log(*log, of_checkpoint)
        }
        (_, Body::JournalPosition(row)) => vec![Value::Id(Some(row.journal)), number(row.position)],
        (Key::LogTile { log, level, index }, Body::LogTile(_)) => {
            of_log(*log, vec![number(*level), number(*index)])
        }
        (Key::ClosedLog(log), Body::ClosedLog(row)) => {
            let head =
                vec![Value::Id(Some(row.head.log.to_bytes())), number(row.head.size), time(row.closed_at)];
            of_log(*log, head)
        }
        _ => return None,
    })
}

/// A row of nulls.
pub(crate) fn nothing(kind: RowKind) -> Vec<Value> {
    columns(kind).iter().map(|(_, column)| column.null()).collect()
}

/// The kinds that rows of this owner can have, in the order of their codes.
pub(crate) const fn kinds_of(owner: Owner) -> &'static [RowKind] {
    match owner {
        Owner::Subject(_) => &[
            RowKind::DataKey,
            RowKind::Subject,
            RowKind::ConsentEvent,
            RowKind::Permit,
            RowKind::Record,
            RowKind::RecordRevision,
            RowKind::Review,
            RowKind::EntryBody,
        ],
        Owner::Controller => &[
            RowKind::Directory,
            RowKind::Route,
            RowKind::Parked,
            RowKind::Epoch,
            RowKind::JournalPosition,
            RowKind::Controller,
            RowKind::Sender,
            RowKind::HoldSet,
            RowKind::Sweep,
            RowKind::Erasure,
            RowKind::TenantKey,
            RowKind::IndexKey,
            RowKind::DataKey,
            RowKind::LogKey,
            RowKind::Identifier,
            RowKind::SourceEvent,
            RowKind::Unrecognised,
            RowKind::RecordOfCategory,
            RowKind::LogHead,
            RowKind::LogLeaf,
            RowKind::EntryBody,
            RowKind::Checkpoint,
            RowKind::LogTile,
            RowKind::ClosedLog,
            RowKind::Changeset,
        ],
    }
}

/// The `key` of a row: its encoded key without the controller.
pub(crate) fn key_bytes(controller: ControllerId, key: &Key) -> Vec<u8> {
    without_controller(codec::encode_key(controller, key))
}

pub(crate) fn without_controller(mut encoded: Vec<u8>) -> Vec<u8> {
    encoded.drain(..encoded.len().min(controller_len()));
    encoded
}

const fn controller_len() -> usize {
    ControllerId::SYSTEM.to_bytes().len()
}

fn identifier(at: BlindIndex, row: &IdentifierRow) -> Vec<Value> {
    let granted = row.marks.iter().flat_map(|marks| [marks.granted, marks.imported]).flatten();
    let denied = row.marks.iter().filter_map(|marks| marks.denied).map(|denial| denial.mark.at);
    let stopped =
        row.marks.iter().flat_map(|marks| [marks.stopped, marks.doubted]).flatten().map(|mark| mark.at);
    vec![
        index(at),
        subject(row.subject),
        text(row.kind.as_str()),
        number(row.index_key),
        Value::Time(granted.map(|grant| grant.mark.at).max()),
        Value::Time(denied.chain(stopped).max()),
    ]
}

fn purpose(scope: &ConsentScope) -> &str {
    // A star is no part of a purpose's name.
    match &scope.purpose {
        PurposeScope::All => "*",
        PurposeScope::Marketing => "*marketing",
        PurposeScope::One(purpose) => purpose.as_str(),
    }
}

const fn stage(stage: EpochStage) -> &'static str {
    match stage {
        EpochStage::Complete => "complete",
        EpochStage::Rewrapping => "rewrapping",
        EpochStage::Destroying => "destroying",
    }
}

const fn erasure_stage(stage: ErasureStage) -> &'static str {
    match stage {
        ErasureStage::Removing => "removing",
        ErasureStage::Outside => "outside",
        ErasureStage::Closed => "closed",
    }
}

const fn quarantine(reason: Quarantine) -> &'static str {
    match reason {
        Quarantine::FutureDated => "future_dated",
        Quarantine::NoEvidence => "no_evidence",
        Quarantine::WeakEvidence => "weak_evidence",
        Quarantine::NoNotice => "no_notice",
        Quarantine::Unconfirmed => "unconfirmed",
        Quarantine::NoGuardian => "no_guardian",
    }
}

fn owned_by(owner: Owner) -> Value {
    Value::Id(match owner {
        Owner::Controller => None,
        Owner::Subject(subject) => Some(subject.to_bytes()),
    })
}

const fn subject(id: SubjectId) -> Value {
    Value::Id(Some(id.to_bytes()))
}

const fn index(index: BlindIndex) -> Value {
    Value::Index(Some(index.0))
}

fn text(text: &str) -> Value {
    Value::Text(Some(text.to_owned()))
}

fn number(number: impl Into<u64>) -> Value {
    Value::Number(Some(i64::try_from(number.into()).unwrap_or(i64::MAX)))
}

fn count(count: usize) -> Value {
    Value::Number(Some(i64::try_from(count).unwrap_or(i64::MAX)))
}

const fn time(moment: Timestamp) -> Value {
    Value::Time(Some(moment))
}

#[cfg(test)]
mod tests {
    use wzapi_storage::key::Ownership;
    use wzapi_storage_testkit::sample;

    use super::*;

    #[test]
    fn every_kind_fills_its_columns_with_values_of_their_types() {
        for kind in RowKind::ALL {
            for seed in 0..50 {
                let record = sample::record(*kind, seed);
                let types: Vec<ColumnType> = columns(*kind).iter().map(|(_, column)| *column).collect();
                let found: Vec<ColumnType> = values_of(&record)
                    .iter()
                    .map(|value| match value {
                        Value::Id(_) => ColumnType::Id,
                        Value::Index(_) => ColumnType::Index,
                        Value::Text(_) => ColumnType::Text,
                        Value::Number(_) => ColumnType::Number,
                        Value::Time(_) => ColumnType::Time,
                    })
                    .collect();
                assert_eq!(found, types, "{kind}");
                assert!(values_of(&record) != nothing(*kind), "{kind}: no column is filled");
            }
        }
    }

    #[test]
    fn every_kind_is_among_those_of_its_owner() {
        for kind in RowKind::ALL {
            for seed in 0..50 {
                let owner = sample::key(*kind, seed).owner();
                assert!(kinds_of(owner).contains(kind), "{kind} of {owner:?}");
            }
        }
    }

    #[test]
    fn an_owner_has_no_kinds_but_those_that_can_be_theirs() {
        let person = Owner::Subject(SubjectId::from_bytes([1; 16]));
        for kind in RowKind::ALL {
            let expected = match kind.ownership() {
                Ownership::Controller => [true, false],
                Ownership::Subjects => [false, true],
                Ownership::Either => [true, true],
            };
            let found = [Owner::Controller, person].map(|owner| kinds_of(owner).contains(kind));
            assert_eq!(found, expected, "{kind}");
        }
    }

    #[test]
    fn the_kinds_of_an_owner_are_in_key_order() {
        for owner in [Owner::Controller, Owner::Subject(SubjectId::from_bytes([1; 16]))] {
            assert!(kinds_of(owner).is_sorted_by_key(|kind| kind.code()));
        }
    }
}
