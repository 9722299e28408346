//! Records of personal data, their earlier values, and the index by category.

use serde::{Deserialize, Serialize};
use wzapi_model::Timestamp;
use wzapi_model::ids::EntryId;
use wzapi_model::name::PurposeId;

use crate::row::Sealed;

/// An event from which a period of retention runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordEvent {
    /// Which event: a word of the policy, such as `collected` or `account_closed`.
    pub trigger: String,
    /// When it happened.
    pub at: Timestamp,
}

/// A restriction of a record (GDPR Art. 18): it is stored, and read for nothing but these purposes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordRestriction {
    /// Since when.
    pub at: Timestamp,
    /// The purposes for which it may still be read.
    pub readable_for: Vec<PurposeId>,
}

/// A record of personal data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordRow {
    /// The purposes for which it may be read.
    pub purposes: Vec<PurposeId>,
    /// Where it comes from: a word of the policy.
    pub source: String,
    /// When it was collected.
    pub collected_at: Timestamp,
    /// When its present value was stored.
    pub changed_at: Timestamp,
    /// What happened that its retention depends on, sorted by trigger.
    pub events: Vec<RecordEvent>,
    /// Whether and how far it is restricted.
    pub restriction: Option<RecordRestriction>,
    /// How many values it had before the present one.
    pub revision: u32,
    /// The ledger entry of its last change.
    pub entry: EntryId,
    /// The value, under the record's own category.
    pub value: Sealed,
}

/// An earlier value of a record, kept because the policy asks for history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordRevisionRow {
    /// Since when it was the value.
    pub from: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// Its source.
    pub source: String,
    /// The value, under the record's own category.
    pub value: Sealed,
}

/// The index of the records of a category.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordOfCategoryRow {
    /// When the record was collected.
    pub collected_at: Timestamp,
}
