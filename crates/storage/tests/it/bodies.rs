//! Encoded bodies and values: back as they were, refused when they are of another version or none at all.

use proptest::prelude::*;
use wzapi_model::Timestamp;
use wzapi_storage::changeset::{InvalidChangeset, MAX_BODY_BYTES};
use wzapi_storage::codec::{
    BODY_VERSION, decode_body, decode_header, decode_value, encode_body, encode_value, set_version,
};
use wzapi_storage::key::{Cohort, RowKind};
use wzapi_storage::row::{Body, Sealed, Stored, UnrecognisedRow};
use wzapi_storage::{StorageError, Version};
use wzapi_storage_testkit::sample;

use crate::arbitrary::kind;

fn is_corrupt(decoded: &Result<Body, StorageError>, expected: RowKind) -> bool {
    matches!(decoded, Err(StorageError::Corrupt { kind, .. }) if *kind == expected)
}

proptest! {
    #[test]
    fn a_row_comes_back_from_its_bytes(kind in kind(), seed in any::<u64>(), version in any::<u64>()) {
        let record = sample::record(kind, seed);
        let mut bytes = encode_value(Version(0), record.due_at, &record.body).unwrap();
        set_version(&mut bytes, Version(version));
        prop_assert_eq!(&bytes, &encode_value(Version(version), record.due_at, &record.body).unwrap());
        prop_assert_eq!(decode_header(kind, &bytes).unwrap(), (Version(version), record.due_at));
        let stored = Stored { version: Version(version), due_at: record.due_at, body: record.body };
        prop_assert_eq!(decode_value(kind, &bytes).unwrap(), stored);
    }

    #[test]
    fn a_part_of_a_body_or_more_than_it_is_corrupt(
        kind in kind(), seed in any::<u64>(), cut in any::<prop::sample::Index>(), more in any::<u8>(),
    ) {
        let mut bytes = encode_body(&sample::record(kind, seed).body).unwrap();
        let part = decode_body(kind, &bytes[..cut.index(bytes.len())]);
        prop_assert!(is_corrupt(&part, kind), "{part:?}");
        bytes.push(more);
        let whole = decode_body(kind, &bytes);
        prop_assert!(is_corrupt(&whole, kind), "{whole:?}");
    }

    /// No panic, whatever the bytes and whichever kind they are taken for.
    #[test]
    fn any_bytes_are_a_value_or_an_error(kind in kind(), bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode_value(kind, &bytes);
        let _ = decode_header(kind, &bytes);
        let _ = decode_body(kind, &bytes);
        let with_version: Vec<u8> = [BODY_VERSION].into_iter().chain(bytes).collect();
        let _ = decode_body(kind, &with_version);
    }

    #[test]
    fn a_damaged_value_is_a_value_or_an_error(
        kind in kind(), other in kind(), seed in any::<u64>(), place in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let record = sample::record(kind, seed);
        let mut bytes = encode_value(Version(1), record.due_at, &record.body).unwrap();
        let place = place.index(bytes.len());
        bytes[place] = byte;
        let _ = decode_value(kind, &bytes);
        let _ = decode_value(other, &bytes);
    }

    #[test]
    fn a_body_of_a_newer_version_is_refused_by_format(kind in kind(), seed in any::<u64>(), newer in BODY_VERSION + 1..) {
        let mut bytes = encode_body(&sample::record(kind, seed).body).unwrap();
        bytes[0] = newer;
        match decode_body(kind, &bytes) {
            Err(StorageError::Format { found, supported }) => {
                prop_assert_eq!(found, format!("{newer} of {kind} rows"));
                prop_assert_eq!(supported, u32::from(BODY_VERSION));
            }
            other => return Err(TestCaseError::fail(format!("{other:?}"))),
        }
    }
}

#[test]
fn a_body_without_a_version_is_corrupt() {
    for kind in RowKind::ALL {
        for bytes in [&[][..], &[0], &[0, 1, 2]] {
            assert!(matches!(decode_body(*kind, bytes), Err(StorageError::Corrupt { .. })));
        }
    }
}

#[test]
fn a_due_time_outside_of_the_calendar_is_corrupt() {
    let body = sample::record(RowKind::SourceEvent, 2).body;
    let whole = encode_value(Version(1), Some(Timestamp::MAX), &body).unwrap();
    for due_at in [Timestamp::MAX.as_millis() + 1, -2, i64::MIN, i64::MAX] {
        let mut bytes = whole.clone();
        bytes[8..16].copy_from_slice(&due_at.to_be_bytes());
        assert!(matches!(decode_value(RowKind::SourceEvent, &bytes), Err(StorageError::Corrupt { .. })));
    }
}

#[test]
fn a_body_may_be_as_long_as_the_bound_and_no_longer() {
    let of_length = |length| {
        let sealed = Sealed { cohort: Cohort(0), envelope: vec![1; length] };
        UnrecognisedRow { received_at: Timestamp::EPOCH, reason: String::new(), sealed }.into()
    };
    let around = encode_body(&of_length(MAX_BODY_BYTES / 2)).unwrap().len() - MAX_BODY_BYTES / 2;
    assert_eq!(encode_body(&of_length(MAX_BODY_BYTES - around)).unwrap().len(), MAX_BODY_BYTES);
    assert_eq!(encode_body(&of_length(MAX_BODY_BYTES - around + 1)), Err(InvalidChangeset::RowTooLarge));
}

#[test]
fn setting_the_version_of_something_shorter_than_a_version_does_nothing() {
    let mut bytes = [1, 2, 3];
    set_version(&mut bytes, Version(9));
    assert_eq!(bytes, [1, 2, 3]);
}
