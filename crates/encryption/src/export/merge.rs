//! What becomes of a data key when a store meets an export.

use wzapi_storage::row::{DataKeyRow, DataKeyVersion};

/// The versions of a stored data key that live: those that the export holds, wrapped as they are there, and those that
/// `is_newer` than the export. What only the export holds was made after this store's data, which knows nothing of it.
pub(super) fn merged(
    stored: &DataKeyRow,
    exported: Option<&DataKeyRow>,
    is_newer: impl Fn(&DataKeyVersion) -> bool,
) -> DataKeyRow {
    let exported = exported.map_or(&[][..], |row| row.versions.as_slice());
    let living = stored.versions.iter().filter_map(|version| {
        match exported.iter().find(|other| other.version == version.version) {
            Some(other) => Some(DataKeyVersion { seals: other.seals.max(version.seals), ..other.clone() }),
            None => is_newer(version).then(|| version.clone()),
        }
    });
    DataKeyRow { versions: living.collect() }
}

#[cfg(test)]
mod tests {
    use wzapi_model::Timestamp;
    use wzapi_storage::row::WrappedKey;

    use super::*;

    fn version(version: u32, seals: u64, wrapped_by: &str) -> DataKeyVersion {
        let key = WrappedKey { wrapped_by: wrapped_by.to_owned(), wrapped: vec![], commitment: [0; 32] };
        DataKeyVersion { version, created_at: Timestamp::EPOCH, seals, key }
    }

    fn row(versions: &[DataKeyVersion]) -> DataKeyRow {
        DataKeyRow { versions: versions.to_vec() }
    }

    #[test]
    fn what_both_hold_lives_as_it_is_exported_and_keeps_the_higher_count() {
        let stored = row(&[version(7, 9, "1")]);
        let exported = row(&[version(7, 5, "2")]);
        assert_eq!(merged(&stored, Some(&exported), |_| false), row(&[version(7, 9, "2")]));
    }

    #[test]
    fn what_the_export_does_not_hold_goes_unless_it_is_newer() {
        let stored = row(&[version(8, 0, "2"), version(7, 0, "2")]);
        let exported = row(&[version(7, 0, "2")]);
        assert_eq!(merged(&stored, Some(&exported), |_| false), exported);
        assert_eq!(merged(&stored, Some(&exported), |key| key.version == 8), stored);
        assert_eq!(merged(&stored, None, |_| false), row(&[]));
    }

    #[test]
    fn a_key_that_was_destroyed_and_made_anew_does_not_stand_for_the_old_one() {
        let stored = row(&[version(7, 0, "1")]);
        let exported = row(&[version(8, 0, "2")]);
        assert_eq!(merged(&stored, Some(&exported), |_| false), row(&[]));
    }
}
