//! Encoded keys: one to one, in the order of their parts, under their prefixes.

use proptest::prelude::*;
use wzapi_model::ids::{ControllerId, RecordId, SubjectId};
use wzapi_model::name::{DataCategory, MAX_NAME_LENGTH};
use wzapi_storage::codec::{decode_key, encode_key, encode_prefix};
use wzapi_storage::key::{Cohort, KeyPrefix, Ownership, RowKind};
use wzapi_storage::{Key, Owner};

use crate::arbitrary::{controller, key, prefix};

/// A part of a key, as it is and not as bytes.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Id([u8; 16]),
    Number(u64),
    Name(String),
}

/// The order that the codec promises, spelled out.
fn parts(controller: ControllerId, key: &Key) -> (ControllerId, Owner, u8, Vec<Part>) {
    let number = |number: u16| Part::Number(u64::from(number));
    let name = |category: &DataCategory| Part::Name(category.as_str().to_owned());
    let record_parts = |category: &DataCategory, cohort: Cohort, record: RecordId| {
        vec![name(category), number(cohort.0), Part::Id(record.to_bytes())]
    };
    let parts = match key {
        Key::Epoch | Key::JournalPosition | Key::Controller | Key::Subject(_) => vec![],
        Key::Directory(id) => vec![Part::Id(id.to_bytes())],
        Key::Sender(id) => vec![Part::Id(id.to_bytes())],
        Key::Changeset(id) => vec![Part::Id(id.to_bytes())],
        Key::ConsentEvent { event, .. } => vec![Part::Id(event.to_bytes())],
        Key::Permit { permit, .. } => vec![Part::Id(permit.to_bytes())],
        Key::Review { entry, .. } => vec![Part::Id(entry.to_bytes())],
        Key::HoldSet | Key::Sweep => Vec::new(),
        Key::Erasure(case) => vec![Part::Id(case.to_bytes())],
        Key::EntryBody { entry, .. } => vec![Part::Id(entry.to_bytes())],
        Key::Route(index) | Key::Identifier(index) => vec![Part::Id(index.0)],
        Key::SourceEvent(index) | Key::Unrecognised(index) => vec![Part::Id(index.0)],
        Key::Parked { route, source } => vec![Part::Id(route.0), Part::Id(source.0)],
        Key::TenantKey(version) | Key::IndexKey(version) => vec![Part::Number(u64::from(*version))],
        Key::DataKey { category, cohort, .. } => vec![name(category), number(cohort.0)],
        Key::LogKey { shard, version } => vec![number(*shard), Part::Number(u64::from(*version))],
        Key::Record { category, cohort, record, .. } => record_parts(category, *cohort, *record),
        Key::RecordRevision { category, cohort, record, revision, .. } => {
            let mut parts = record_parts(category, *cohort, *record);
            parts.push(Part::Number(u64::from(*revision)));
            parts
        }
        Key::RecordOfCategory { category, cohort, subject, record } => {
            vec![name(category), number(cohort.0), Part::Id(subject.to_bytes()), Part::Id(record.to_bytes())]
        }
        Key::LogHead(shard) => vec![number(*shard)],
        Key::LogLeaf { log, index } => {
            vec![number(log.shard), number(log.generation), Part::Number(*index)]
        }
        Key::Checkpoint(log) | Key::ClosedLog(log) => vec![number(log.shard), number(log.generation)],
        Key::LogTile { log, level, index } => {
            vec![number(log.shard), number(log.generation), number(u16::from(*level)), Part::Number(*index)]
        }
    };
    (controller, key.owner(), key.kind().code(), parts)
}

fn is_under(key: &Key, prefix: &KeyPrefix) -> bool {
    match prefix {
        KeyPrefix::Owner(owner) => key.owner() == *owner,
        KeyPrefix::Kind(owner, kind) => key.owner() == *owner && key.kind() == *kind,
        KeyPrefix::ParkedUnder(under) => matches!(key, Key::Parked { route, .. } if route == under),
        KeyPrefix::Records(of, under) => {
            matches!(key, Key::Record { subject, category, .. } if (subject, category) == (of, under))
        }
        KeyPrefix::RecordsIn(of, under, month) => matches!(
            key,
            Key::Record { subject, category, cohort, .. } if (subject, category, cohort) == (of, under, month)
        ),
        KeyPrefix::Revisions(of, under, month, one) => matches!(
            key,
            Key::RecordRevision { subject, category, cohort, record, .. }
                if (subject, category, cohort, record) == (of, under, month, one)
        ),
        KeyPrefix::RecordsOfCategory(under) => {
            matches!(key, Key::RecordOfCategory { category, .. } if category == under)
        }
    }
}

/// Prefixes that are likely to fit `key`.
fn prefixes_of(key: &Key) -> Vec<KeyPrefix> {
    let mut prefixes = vec![KeyPrefix::Owner(key.owner()), KeyPrefix::Kind(key.owner(), key.kind())];
    match key.clone() {
        Key::Parked { route, .. } => prefixes.push(KeyPrefix::ParkedUnder(route)),
        Key::Record { subject, category, cohort, record }
        | Key::RecordRevision { subject, category, cohort, record, .. }
        | Key::RecordOfCategory { subject, category, cohort, record } => {
            prefixes.push(KeyPrefix::Records(subject, category.clone()));
            prefixes.push(KeyPrefix::RecordsIn(subject, category.clone(), cohort));
            prefixes.push(KeyPrefix::Revisions(subject, category.clone(), cohort, record));
            prefixes.push(KeyPrefix::RecordsOfCategory(category));
        }
        _ => {}
    }
    prefixes
}

/// Keys that differ from a record's in one part, and the last of them in none.
fn near(key: &Key) -> Vec<Key> {
    let (Key::Record { subject, category, cohort, record }
    | Key::RecordRevision { subject, category, cohort, record, .. }
    | Key::RecordOfCategory { subject, category, cohort, record }) = key.clone()
    else {
        return vec![key.clone()];
    };
    let longer = format!("{}0", category.as_str().get(..MAX_NAME_LENGTH - 1).unwrap_or(category.as_str()));
    let variants = [
        (SubjectId::from_bytes([0x5a; 16]), category.clone(), cohort, record),
        (subject, longer.parse().unwrap(), cohort, record),
        (subject, category.clone(), Cohort(cohort.0.wrapping_add(1)), record),
        (subject, category.clone(), cohort, RecordId::from_bytes([0x5a; 16])),
        (subject, category, cohort, record),
    ];
    let keys = variants.into_iter().flat_map(|(subject, category, cohort, record)| {
        [
            Key::Record { subject, category: category.clone(), cohort, record },
            Key::RecordRevision { subject, category: category.clone(), cohort, record, revision: 7 },
            Key::RecordOfCategory { subject, category, cohort, record },
        ]
    });
    keys.collect()
}

proptest! {
    #[test]
    fn a_key_comes_back_from_its_bytes(controller in controller(), key in key()) {
        let bytes = encode_key(controller, &key);
        prop_assert_eq!(decode_key(&bytes).unwrap(), (controller, key));
    }

    #[test]
    fn bytes_sort_as_parts_do(a in (controller(), key()), b in (controller(), key())) {
        let bytes = encode_key(a.0, &a.1).cmp(&encode_key(b.0, &b.1));
        prop_assert_eq!(bytes, parts(a.0, &a.1).cmp(&parts(b.0, &b.1)));
    }

    #[test]
    fn bytes_of_one_controller_sort_as_parts_do(controller in controller(), a in key(), b in key()) {
        let bytes = encode_key(controller, &a).cmp(&encode_key(controller, &b));
        prop_assert_eq!(bytes, parts(controller, &a).cmp(&parts(controller, &b)));
    }

    #[test]
    fn a_prefix_fits_its_keys_and_no_others(
        home in controller(), away in controller(), key in key(), other in key(), prefix in prefix(),
    ) {
        let likely = prefixes_of(&other).into_iter().chain(prefixes_of(&key));
        for prefix in likely.chain([prefix]) {
            let begin = encode_prefix(home, &prefix);
            for key in near(&key).into_iter().chain([key.clone()]) {
                prop_assert_eq!(encode_key(home, &key).starts_with(&begin), is_under(&key, &prefix));
                prop_assert!(home == away || !encode_key(away, &key).starts_with(&begin));
            }
        }
    }

    #[test]
    fn a_kind_says_whose_its_rows_can_be(key in key()) {
        let is_of_a_person = matches!(key.owner(), Owner::Subject(_));
        match key.kind().ownership() {
            Ownership::Controller => prop_assert!(!is_of_a_person),
            Ownership::Subjects => prop_assert!(is_of_a_person),
            Ownership::Either => {}
        }
    }

    /// No panic, and never two spellings of one key.
    #[test]
    fn any_bytes_are_one_key_or_none(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
        if let Ok((controller, key)) = decode_key(&bytes) {
            prop_assert_eq!(encode_key(controller, &key), bytes);
        }
    }

    #[test]
    fn a_damaged_key_is_one_key_or_none(
        controller in controller(), key in key(), place in any::<prop::sample::Index>(), byte in any::<u8>(),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = encode_key(controller, &key);
        prop_assert!(decode_key(&bytes[..cut.index(bytes.len())]).is_err(), "a part of a key");
        bytes.push(byte);
        prop_assert!(decode_key(&bytes).is_err(), "a key and more");
        bytes.pop();
        let place = place.index(bytes.len());
        bytes[place] = byte;
        if let Ok((controller, key)) = decode_key(&bytes) {
            prop_assert_eq!(encode_key(controller, &key), bytes);
        }
    }
}

#[test]
fn codes_and_names_of_kinds_are_unique() {
    let codes: std::collections::BTreeSet<u8> = RowKind::ALL.iter().map(|kind| kind.code()).collect();
    let names: std::collections::BTreeSet<&str> = RowKind::ALL.iter().map(|kind| kind.as_str()).collect();
    assert_eq!((codes.len(), names.len()), (RowKind::ALL.len(), RowKind::ALL.len()));
    for kind in RowKind::ALL {
        assert_eq!(RowKind::from_code(kind.code()), Some(*kind));
    }
}
