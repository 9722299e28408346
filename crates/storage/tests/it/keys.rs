//! Encoded keys: one to one, in the order of their parts, under their prefixes.

use proptest::prelude::*;
use wzapi_model::ids::ControllerId;
use wzapi_storage::codec::{decode_key, encode_key, encode_prefix};
use wzapi_storage::key::{KeyPrefix, RowKind};
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
    let parts = match key {
        Key::Controller | Key::Subject(_) => vec![],
        Key::Directory(id) => vec![Part::Id(id.to_bytes())],
        Key::Sender(id) => vec![Part::Id(id.to_bytes())],
        Key::Changeset(id) => vec![Part::Id(id.to_bytes())],
        Key::ConsentEvent { event, .. } => vec![Part::Id(event.to_bytes())],
        Key::Permit { permit, .. } => vec![Part::Id(permit.to_bytes())],
        Key::EntryBody { entry, .. } => vec![Part::Id(entry.to_bytes())],
        Key::Route(index) | Key::Identifier(index) => vec![Part::Id(index.0)],
        Key::SourceEvent(index) | Key::Unrecognised(index) => vec![Part::Id(index.0)],
        Key::Parked { route, source } => vec![Part::Id(route.0), Part::Id(source.0)],
        Key::TenantKey(version) | Key::IndexKey(version) => vec![Part::Number(u64::from(*version))],
        Key::DataKey { category, cohort, .. } => {
            vec![Part::Name(category.as_str().to_owned()), Part::Number(u64::from(cohort.0))]
        }
        Key::LogHead(shard) => vec![Part::Number(u64::from(*shard))],
        Key::LogLeaf { shard, index } => vec![Part::Number(u64::from(*shard)), Part::Number(*index)],
    };
    (controller, key.owner(), key.kind().code(), parts)
}

fn is_under(key: &Key, prefix: &KeyPrefix) -> bool {
    match prefix {
        KeyPrefix::Owner(owner) => key.owner() == *owner,
        KeyPrefix::Kind(owner, kind) => key.owner() == *owner && key.kind() == *kind,
        KeyPrefix::ParkedUnder(under) => matches!(key, Key::Parked { route, .. } if route == under),
    }
}

/// A prefix that is likely to fit `key`.
fn prefix_of(key: &Key) -> KeyPrefix {
    match key {
        Key::Parked { route, .. } => KeyPrefix::ParkedUnder(*route),
        key => KeyPrefix::Kind(key.owner(), key.kind()),
    }
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
        for prefix in [prefix, prefix_of(&other), prefix_of(&key), KeyPrefix::Owner(key.owner())] {
            let begin = encode_prefix(home, &prefix);
            prop_assert_eq!(encode_key(home, &key).starts_with(&begin), is_under(&key, &prefix));
            prop_assert!(home == away || !encode_key(away, &key).starts_with(&begin));
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
