//! Consent: what the send gate reads, whose it is, and the acts that led to it.

use serde::{Deserialize, Serialize};
use wzapi_model::Timestamp;
use wzapi_model::consent::{ConsentAct, ConsentMethod, ConsentScope, Provenance};
use wzapi_model::identifier::IdentifierKind;
use wzapi_model::ids::{ConsentEventId, EntryId, SenderId, SubjectId};
use wzapi_model::message::MessageCategory;
use wzapi_model::name::PurposeId;

use crate::key::BlindIndex;
use crate::row::Sealed;

/// When an act took effect, and the ledger entry that shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Mark {
    /// Effective time: the earlier of act and record.
    pub at: Timestamp,
    /// The evidence.
    pub entry: EntryId,
}

/// A grant that took effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantMark {
    /// When, and the evidence.
    pub mark: Mark,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
}

/// A denial that took effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DenialMark {
    /// When, and the evidence.
    pub mark: Mark,
    /// Which kind of denial.
    pub act: ConsentAct,
}

/// What is known about one scope: the latest act of each sort. Merging two of these is commutative,
/// associative and idempotent, so the order in which events arrive does not matter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScopeMarks {
    /// The scope.
    pub scope: ConsentScope,
    /// The latest grant that was recorded when the person acted.
    pub granted: Option<GrantMark>,
    /// The latest grant that was taken over from elsewhere.
    pub imported: Option<GrantMark>,
    /// The latest refusal, withdrawal or objection: the person's own no.
    pub denied: Option<DenialMark>,
    /// The latest revocation or invalidation: whatever was given before shows nothing.
    pub voided: Option<DenialMark>,
    /// The latest stop in WhatsApp itself.
    pub stopped: Option<Mark>,
    /// The latest resumption in WhatsApp itself.
    pub resumed: Option<Mark>,
    /// The latest time that consent was asked for.
    pub requested: Option<Mark>,
}

/// The last message or call from a person to one sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// The sender that was written to.
    pub sender: SenderId,
    /// When.
    pub last_inbound: Timestamp,
}

/// Somebody had an identifier up to a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenure {
    /// Who.
    pub subject: SubjectId,
    /// Until when, that moment included.
    pub until: Timestamp,
}

/// What the send gate reads about one identifier: codes and times, nothing that says who it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentifierRow {
    /// Whose identifier it is, or was last.
    pub subject: SubjectId,
    /// Its kind.
    pub kind: IdentifierKind,
    /// The version of the index key under which it is filed.
    pub index_key: u32,
    /// What is known per scope, sorted by scope.
    pub marks: Vec<ScopeMarks>,
    /// The windows that the person opened, one per sender.
    pub windows: Vec<Window>,
    /// When the subject left it, if nobody has had it since; grants up to then no longer count.
    pub left_at: Option<Timestamp>,
    /// Who had it before, the earliest first: acts that are reported late are theirs.
    pub former: Vec<Tenure>,
}

/// One identifier of a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubjectIdentifier {
    /// Where its gate row is.
    pub index: BlindIndex,
    /// Its kind.
    pub kind: IdentifierKind,
    /// Since when it is known.
    pub since: Timestamp,
    /// The subject under whose key and in whose row it was sealed: another one after two were found to be one.
    pub sealed_for: SubjectId,
    /// The identifier itself and the raw form in which it arrived, under the category `contact`.
    pub sealed: Sealed,
}

/// A data subject. Every changeset about consent or aliases of the person guards and rewrites this row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubjectRow {
    /// When the person was first heard of.
    pub created_at: Timestamp,
    /// When anything about consent or aliases last changed.
    pub changed_at: Timestamp,
    /// The identifiers the person goes by.
    pub identifiers: Vec<SubjectIdentifier>,
    /// Subjects that turned out to be this person; their rows stay under their own prefix.
    pub former: Vec<SubjectId>,
    /// The subject that this one turned out to be.
    pub merged_into: Option<SubjectId>,
}

/// Why a consent event counts for nothing yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Quarantine {
    /// A grant dated in the future beyond the allowed skew.
    FutureDated,
    /// An imported grant without evidence.
    NoEvidence,
}

/// One act of consent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsentEventRow {
    /// What happened.
    pub act: ConsentAct,
    /// How far it reaches.
    pub scope: ConsentScope,
    /// How it arrived.
    pub method: ConsentMethod,
    /// Where the record comes from.
    pub provenance: Provenance,
    /// When the person acted, as far as anybody said.
    pub acted_at: Option<Timestamp>,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// The earlier of the two: fixed here, once.
    pub effective_at: Timestamp,
    /// When a grant ends by itself.
    pub expires_at: Option<Timestamp>,
    /// Why it does not count, if it does not.
    pub quarantine: Option<Quarantine>,
    /// The ledger entry that records it.
    pub entry: EntryId,
    /// Evidence, notice and language, under the category `consent_evidence`.
    pub details: Sealed,
}

/// A message that was sent under a permit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PermitRow {
    /// The sender.
    pub sender: SenderId,
    /// The purpose.
    pub purpose: PurposeId,
    /// The message category.
    pub category: MessageCategory,
    /// When the permit was redeemed.
    pub redeemed_at: Timestamp,
    /// The ledger entry that records the sending.
    pub entry: EntryId,
    /// The provider's message id, under the category `consent_evidence`: it embeds the phone number.
    pub message_id: Sealed,
}

/// The id under which a consent event that came from outside is filed: the same for every redelivery.
#[must_use]
pub fn event_id_of(source: BlindIndex) -> ConsentEventId {
    ConsentEventId::from_bytes(source.0)
}
