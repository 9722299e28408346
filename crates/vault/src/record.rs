//! Where a record is, and what is known of it without opening its value.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use wzapi_model::Timestamp;
use wzapi_model::ids::{EntryId, RecordId, SubjectId};
use wzapi_model::name::{DataCategory, PurposeId};
use wzapi_storage::key::{Cohort, Key, Owner};
use wzapi_storage::row::{RecordEvent, RecordRestriction, RecordRow};

use crate::value::RecordValue;

/// A text is not a reference to a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a reference to a record: expected subject/category/month/record, as the vault gave it, such as \
     6f0c2d1e-8a4b-4c3d-9e2f-0123456789ab/email/2026-11/0b9d4c55-1c7e-4d0a-8f6b-ba9876543210"
)]
pub struct RecordRefError;

/// Where a record is: what the host keeps of it. It is made of random ids, a name of the policy and a month, and says
/// nothing about the person, so it may stand in tables, logs and tickets of the host.
///
/// ```
/// use wzapi_vault::RecordRef;
///
/// let text = "6f0c2d1e-8a4b-4c3d-9e2f-0123456789ab/email/2026-11/0b9d4c55-1c7e-4d0a-8f6b-ba9876543210";
/// let record: RecordRef = text.parse()?;
/// assert_eq!(record.category.as_str(), "email");
/// assert_eq!(record.to_string(), text);
/// # Ok::<(), wzapi_vault::record::RecordRefError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RecordRef {
    /// Whom it is about.
    pub subject: SubjectId,
    /// Its category.
    pub category: DataCategory,
    /// The month in which it was collected.
    pub cohort: Cohort,
    /// The record.
    pub record: RecordId,
}

impl RecordRef {
    /// The key of its row.
    #[must_use]
    pub fn key(&self) -> Key {
        Key::Record {
            subject: self.subject,
            category: self.category.clone(),
            cohort: self.cohort,
            record: self.record,
        }
    }

    /// The record whose row stands under `key`, if it is one of a record.
    #[must_use]
    pub fn of(key: &Key) -> Option<Self> {
        match key {
            Key::Record { subject, category, cohort, record }
            | Key::RecordOfCategory { category, cohort, subject, record } => {
                Some(Self { subject: *subject, category: category.clone(), cohort: *cohort, record: *record })
            }
            _ => None,
        }
    }

    /// Where its data key is.
    pub(crate) fn data_key(&self) -> Key {
        Key::DataKey {
            owner: Owner::Subject(self.subject),
            category: self.category.clone(),
            cohort: self.cohort,
        }
    }

    /// Where the index by category lists it.
    pub(crate) fn index_key(&self) -> Key {
        Key::RecordOfCategory {
            category: self.category.clone(),
            cohort: self.cohort,
            subject: self.subject,
            record: self.record,
        }
    }

    /// Where its value of this revision is kept, when it is not the present one.
    pub(crate) fn revision_key(&self, revision: u32) -> Key {
        Key::RecordRevision {
            subject: self.subject,
            category: self.category.clone(),
            cohort: self.cohort,
            record: self.record,
            revision,
        }
    }
}

/// A month as people write it: `2026-11`.
#[must_use]
pub fn month_text(cohort: Cohort) -> String {
    format!("{:04}-{:02}", 1970 + cohort.0 / 12, cohort.0 % 12 + 1)
}

fn month_from(text: &str) -> Option<Cohort> {
    let (year, month) = text.split_once('-')?;
    let year: u32 = year.parse().ok()?;
    let month: u32 = month.parse().ok()?;
    let months = year.checked_sub(1970)?.checked_mul(12)?.checked_add(month.checked_sub(1)?)?;
    u16::try_from(months).ok().map(Cohort)
}

impl fmt::Display for RecordRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}/{}", self.subject, self.category, month_text(self.cohort), self.record)
    }
}

impl FromStr for RecordRef {
    type Err = RecordRefError;

    fn from_str(text: &str) -> Result<Self, RecordRefError> {
        let mut parts = text.splitn(4, '/');
        let mut next = || parts.next().ok_or(RecordRefError);
        let record = Self {
            subject: next()?.parse().map_err(|_| RecordRefError)?,
            category: next()?.parse().map_err(|_| RecordRefError)?,
            cohort: month_from(next()?).ok_or(RecordRefError)?,
            record: next()?.parse().map_err(|_| RecordRefError)?,
        };
        // One record has one text: ids and months can be written in several ways.
        if record.to_string() == text { Ok(record) } else { Err(RecordRefError) }
    }
}

impl TryFrom<String> for RecordRef {
    type Error = RecordRefError;

    fn try_from(text: String) -> Result<Self, RecordRefError> {
        text.parse()
    }
}

impl From<RecordRef> for String {
    fn from(record: RecordRef) -> Self {
        record.to_string()
    }
}

/// What is known of a record without opening its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordInfo {
    /// Where it is.
    pub record: RecordRef,
    /// The purposes for which it may be read, as far as the policy still declares them.
    pub purposes: Vec<PurposeId>,
    /// Where it comes from: a word of the policy.
    pub source: String,
    /// When it was collected.
    pub collected_at: Timestamp,
    /// When its present value was stored.
    pub changed_at: Timestamp,
    /// What happened that its retention depends on.
    pub events: Vec<RecordEvent>,
    /// Whether and how far it is restricted.
    pub restriction: Option<RecordRestriction>,
    /// How many values it had before the present one.
    pub revision: u32,
    /// The ledger entry of its last change.
    pub entry: EntryId,
    /// When its last ground ends, as it was last determined; `None` while no end is known.
    pub due_at: Option<Timestamp>,
}

impl RecordInfo {
    pub(crate) fn new(record: RecordRef, row: &RecordRow, due_at: Option<Timestamp>) -> Self {
        Self {
            record,
            purposes: row.purposes.clone(),
            source: row.source.clone(),
            collected_at: row.collected_at,
            changed_at: row.changed_at,
            events: row.events.clone(),
            restriction: row.restriction.clone(),
            revision: row.revision,
            entry: row.entry,
            due_at,
        }
    }
}

/// A record that was opened for a purpose. Its `Debug` redacts the value.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenRecord {
    /// What is known of it.
    pub info: RecordInfo,
    /// Its present value.
    pub value: RecordValue,
}

/// A value that a record had before.
#[derive(Debug, Clone, PartialEq)]
pub struct EarlierValue {
    /// Which: 0 for the value that was collected.
    pub revision: u32,
    /// Since when it was the value.
    pub from: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// Its source: a word of the policy.
    pub source: String,
    /// The value.
    pub value: RecordValue,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_reference_comes_back_from_its_text(
            subject in any::<[u8; 16]>(), record in any::<[u8; 16]>(), month in any::<u16>(),
            category in "[a-z][a-z0-9_]{0,63}",
        ) {
            prop_assume!(subject != [0; 16] && record != [0; 16]);
            let record = RecordRef {
                subject: SubjectId::from_bytes(subject),
                category: category.parse().unwrap(),
                cohort: Cohort(month),
                record: RecordId::from_bytes(record),
            };
            prop_assert_eq!(record.to_string().parse(), Ok(record.clone()));
            prop_assert_eq!(RecordRef::of(&record.key()), Some(record.clone()));
            prop_assert_eq!(RecordRef::of(&record.index_key()), Some(record));
        }

        #[test]
        fn a_text_is_a_reference_only_when_it_is_its_own(text in ".{0,120}") {
            if let Ok(record) = text.parse::<RecordRef>() {
                prop_assert_eq!(record.to_string(), text);
            }
        }
    }

    #[test]
    fn other_spellings_of_a_reference_are_refused() {
        let right = "6f0c2d1e-8a4b-4c3d-9e2f-0123456789ab/email/2026-11/0b9d4c55-1c7e-4d0a-8f6b-ba9876543210";
        assert!(right.parse::<RecordRef>().is_ok());
        for wrong in [
            right.to_uppercase(),
            right.replace("2026-11", "2026-13"),
            right.replace("2026-11", "2026-00"),
            right.replace("2026-11", "1969-12"),
            right.replace("2026-11", "+2026-11"),
            right.replace("2026-11", "2026-1"),
            right.replace("email", "e-mail"),
            right.replace('-', ""),
            format!("{right}/"),
            format!(" {right}"),
            right.replace("6f0c2d1e-8a4b-4c3d-9e2f-0123456789ab", "00000000-0000-0000-0000-000000000000"),
        ] {
            assert_eq!(wrong.parse::<RecordRef>(), Err(RecordRefError), "{wrong}");
        }
        assert!(!RecordRefError.to_string().contains("e-mail"), "the input is not echoed");
    }
}
