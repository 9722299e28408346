//! Retention: what holds records, how far the sweep came, and persons who are being erased.

use serde::{Deserialize, Serialize};
use wzapi_model::Timestamp;
use wzapi_model::ids::{ConsentEventId, EntryId, HoldId, RecordId, SubjectId};
use wzapi_model::name::DataCategory;

use crate::key::Cohort;
use crate::row::Sealed;

/// What a legal hold covers. A record is covered when every part that says something covers it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct HoldScope {
    /// The persons; everybody when empty.
    pub subjects: Vec<SubjectId>,
    /// The categories; all when empty.
    pub categories: Vec<DataCategory>,
    /// Collected at this moment or later.
    pub collected_from: Option<Timestamp>,
    /// Collected before this moment.
    pub collected_before: Option<Timestamp>,
}

/// A legal hold in force (policy clause 6.c).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LegalHold {
    /// Its id.
    pub hold: HoldId,
    /// What it covers.
    pub scope: HoldScope,
    /// When it was placed.
    pub placed_at: Timestamp,
    /// The ledger entry that shows it.
    pub entry: EntryId,
    /// The matter, under the category `accountability`: it may name persons.
    pub matter: Sealed,
}

/// The holds in force. Every disposal has a precondition on this row, so that none passes a hold that was placed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct HoldSetRow {
    /// The holds, in the order in which they were placed.
    pub holds: Vec<LegalHold>,
}

/// Who sweeps a controller's records, and until when nobody else does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SweepLease {
    /// The worker's random id.
    pub worker: [u8; 16],
    /// Until when.
    pub until: Timestamp,
}

/// What sweeps did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SweepCounts {
    /// Records that were disposed of.
    pub disposed: u64,
    /// Records that came up and are kept until another day.
    pub deferred: u64,
    /// Records that came up and that a hold or an open request keeps.
    pub held: u64,
    /// Records that wait for a person to decide.
    pub for_review: u64,
}

/// A policy under which every record is looked at again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reevaluation {
    /// The content hash of the policy.
    pub policy: [u8; 32],
    /// The encoded key of the last record that was looked at.
    pub after: Option<Vec<u8>>,
    /// How many were looked at.
    pub seen: u64,
    /// How many got another end.
    pub changed: u64,
}

/// How far the sweep of a controller came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SweepRow {
    /// Who is at it.
    pub lease: Option<SweepLease>,
    /// When the run that is under way began, or the last one.
    pub began_at: Timestamp,
    /// When the last run came to its end.
    pub ended_at: Option<Timestamp>,
    /// What the run did so far.
    pub counts: SweepCounts,
    /// The content hash of the policy that the ends of all records follow.
    pub policy: [u8; 32],
    /// A change of policy that is being followed.
    pub reevaluation: Option<Reevaluation>,
}

/// How far the erasure of a person came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ErasureStage {
    /// The person is marked; rows are being removed.
    Removing,
    /// Our rows are gone; places outside are still to answer.
    Outside,
    /// All is done and certified; what a law keeps goes by itself at its end.
    Closed,
}

/// What was done with the records of one category and month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErasureTally {
    /// The category.
    pub category: DataCategory,
    /// How many records were deleted.
    pub deleted: u64,
    /// How many data keys were destroyed.
    pub keys_destroyed: u64,
}

/// Records that a law or a hold keeps after an erasure, restricted to that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptRecords {
    /// The category.
    pub category: DataCategory,
    /// The provision, or the id of the hold.
    pub ground: String,
    /// Until when, as far as that is known.
    pub until: Option<Timestamp>,
    /// How many.
    pub records: u64,
}

/// What a place outside answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum PlaceAnswer {
    /// It was not asked yet, or gave no answer.
    Pending,
    /// It deleted what it had.
    Deleted,
    /// It had nothing.
    NothingHeld,
    /// It was told, and answers for itself.
    Notified,
}

/// A place outside that holds data of the person: a table of the host's, an object store, a recipient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutsidePlace {
    /// Its name, as the host registered it.
    pub name: String,
    /// Its answer.
    pub answer: PlaceAnswer,
    /// How often it was asked.
    pub attempts: u32,
    /// When it answered.
    pub answered_at: Option<Timestamp>,
}

/// The erasure of a person. Due when it is to be taken up again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErasureRow {
    /// The person.
    pub subject: SubjectId,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// How far it came.
    pub stage: ErasureStage,
    /// The encoded key of the last row that was dealt with.
    pub after: Option<Vec<u8>>,
    /// What went.
    pub tallies: Vec<ErasureTally>,
    /// What stays, why, and until when.
    pub kept: Vec<KeptRecords>,
    /// The identifiers that places outside need to find the person, under the person's category `erasure`; gone with
    /// its key when the case is closed.
    pub identifiers: Option<Sealed>,
    /// The places outside.
    pub places: Vec<OutsidePlace>,
    /// How many values the residue check found, once it ran.
    pub residue: Option<u32>,
    /// The ledger entry that opened it.
    pub entry: EntryId,
    /// The ledger entry that certifies what was done.
    pub certificate: Option<EntryId>,
    /// When it was closed.
    pub closed_at: Option<Timestamp>,
}

/// What a person of the controller is to decide.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReviewQuestion {
    /// Was this message an opt-out?
    Doubt(ConsentEventId),
    /// Does this grant count?
    Quarantined(ConsentEventId),
    /// May this record go?
    Disposal {
        /// Its category.
        category: DataCategory,
        /// Its month.
        cohort: Cohort,
        /// The record.
        record: RecordId,
    },
}

/// Something about a person that waits for a decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewRow {
    /// What is to be decided.
    pub question: ReviewQuestion,
    /// Since when.
    pub opened_at: Timestamp,
}
