//! Arbitrary keys and prefixes. Their ids are drawn from few values, so that keys are often close to each other.

use proptest::prelude::*;
use wzapi_model::ids::{
    CaseId, ChangesetId, ConsentEventId, ControllerId, EntryId, PermitId, RecordId, SenderId, SubjectId,
};
use wzapi_model::name::DataCategory;
use wzapi_storage::key::{BlindIndex, Cohort, KeyPrefix, LogRef, RowKind};
use wzapi_storage::{Key, Owner};

/// 16 bytes that are not all zero: the nil id names nobody.
fn id() -> impl Strategy<Value = [u8; 16]> {
    let few = prop::sample::select(vec![0_u8, 1, 2, 0x7f, 0x80, 0xfe, 0xff]);
    let close = (few.clone(), few.clone(), few).prop_map(|(first, middle, last)| {
        let mut bytes = [0; 16];
        (bytes[0], bytes[8], bytes[15]) = (first, middle, last);
        bytes
    });
    prop_oneof![3 => close, 1 => any::<[u8; 16]>()].prop_filter("nil", |bytes| *bytes != [0; 16])
}

pub(crate) fn controller() -> impl Strategy<Value = ControllerId> {
    id().prop_map(ControllerId::from_bytes)
}

fn subject() -> impl Strategy<Value = SubjectId> {
    id().prop_map(SubjectId::from_bytes)
}

fn owner() -> impl Strategy<Value = Owner> {
    prop_oneof![Just(Owner::Controller), subject().prop_map(Owner::Subject)]
}

fn index() -> impl Strategy<Value = BlindIndex> {
    id().prop_map(BlindIndex)
}

fn category() -> impl Strategy<Value = DataCategory> {
    prop_oneof!["[ab_]{0,3}", "[a-z0-9_]{0,63}"].prop_map(|rest| format!("a{rest}").parse().unwrap())
}

fn cohort() -> impl Strategy<Value = Cohort> {
    prop_oneof![0_u16..3, 0xff_u16..0x101, any::<u16>()].prop_map(Cohort)
}

fn record() -> impl Strategy<Value = RecordId> {
    id().prop_map(RecordId::from_bytes)
}

fn log() -> impl Strategy<Value = LogRef> {
    (0_u16..2, prop_oneof![0_u16..2, any::<u16>()])
        .prop_map(|(shard, generation)| LogRef { shard, generation })
}

pub(crate) fn kind() -> impl Strategy<Value = RowKind> {
    prop::sample::select(RowKind::ALL)
}

pub(crate) fn key() -> impl Strategy<Value = Key> {
    let ids = (subject(), id(), id(), owner());
    let numbers = (any::<u16>(), any::<u32>(), any::<u64>(), any::<u8>());
    let parts = (category(), cohort(), record(), log());
    (kind(), ids, numbers, parts).prop_map(|(kind, ids, numbers, parts)| {
        let (subject, first, second, owner) = ids;
        let (small, middle, large, byte) = numbers;
        let (category, cohort, record, log) = parts;
        match kind {
            RowKind::Directory => Key::Directory(ControllerId::from_bytes(first)),
            RowKind::Route => Key::Route(BlindIndex(first)),
            RowKind::Parked => Key::Parked { route: BlindIndex(first), source: BlindIndex(second) },
            RowKind::Epoch => Key::Epoch,
            RowKind::JournalPosition => Key::JournalPosition,
            RowKind::Controller => Key::Controller,
            RowKind::Sender => Key::Sender(SenderId::from_bytes(first)),
            RowKind::TenantKey => Key::TenantKey(middle),
            RowKind::IndexKey => Key::IndexKey(middle),
            RowKind::DataKey => Key::DataKey { owner, category, cohort },
            RowKind::LogKey => Key::LogKey { shard: log.shard, version: middle },
            RowKind::Identifier => Key::Identifier(BlindIndex(first)),
            RowKind::Subject => Key::Subject(subject),
            RowKind::ConsentEvent => Key::ConsentEvent { subject, event: ConsentEventId::from_bytes(first) },
            RowKind::HoldSet => Key::HoldSet,
            RowKind::Sweep => Key::Sweep,
            RowKind::Erasure => Key::Erasure(CaseId::from_bytes(first)),
            RowKind::Review => Key::Review { subject, entry: EntryId::from_bytes(first) },
            RowKind::Permit => Key::Permit { subject, permit: PermitId::from_bytes(first) },
            RowKind::Record => Key::Record { subject, category, cohort, record },
            RowKind::RecordRevision => {
                Key::RecordRevision { subject, category, cohort, record, revision: middle }
            }
            RowKind::SourceEvent => Key::SourceEvent(BlindIndex(first)),
            RowKind::Unrecognised => Key::Unrecognised(BlindIndex(first)),
            RowKind::RecordOfCategory => Key::RecordOfCategory { category, cohort, subject, record },
            RowKind::LogHead => Key::LogHead(small),
            RowKind::LogLeaf => Key::LogLeaf { log, index: large },
            RowKind::EntryBody => Key::EntryBody { owner, entry: EntryId::from_bytes(first) },
            RowKind::Checkpoint => Key::Checkpoint(log),
            RowKind::LogTile => Key::LogTile { log, level: byte, index: large },
            RowKind::ClosedLog => Key::ClosedLog(log),
            RowKind::Changeset => Key::Changeset(ChangesetId::from_bytes(first)),
        }
    })
}

pub(crate) fn prefix() -> impl Strategy<Value = KeyPrefix> {
    prop_oneof![
        owner().prop_map(KeyPrefix::Owner),
        (owner(), kind()).prop_map(|(owner, kind)| KeyPrefix::Kind(owner, kind)),
        index().prop_map(KeyPrefix::ParkedUnder),
        (subject(), category()).prop_map(|(subject, category)| KeyPrefix::Records(subject, category)),
        (subject(), category(), cohort())
            .prop_map(|(subject, category, cohort)| KeyPrefix::RecordsIn(subject, category, cohort)),
        (subject(), category(), cohort(), record()).prop_map(|(subject, category, cohort, record)| {
            KeyPrefix::Revisions(subject, category, cohort, record)
        }),
        category().prop_map(KeyPrefix::RecordsOfCategory),
    ]
}
