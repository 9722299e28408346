//! Consent: what the send gate reads, whose it is, and the acts that led to it.

use serde::{Deserialize, Serialize};
use wzapi_model::Timestamp;
use wzapi_model::consent::{ConsentAct, ConsentMethod, ConsentScope, Provenance};
use wzapi_model::identifier::IdentifierKind;
use wzapi_model::ids::{CaseId, ConsentEventId, EntryId, SenderId, SubjectId};
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

/// Which notice a grant rests on: the first 16 bytes of the SHA-256 of the text that was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NoticeMark(pub [u8; 16]);

/// A grant that took effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantMark {
    /// When, and the evidence.
    pub mark: Mark,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
    /// The notice that was shown, if any was named.
    pub notice: Option<NoticeMark>,
    /// Whether a parent or guardian gave it for the person.
    pub by_guardian: bool,
}

impl GrantMark {
    /// A grant by the person, without end, that names no notice.
    #[must_use]
    pub const fn plain(mark: Mark) -> Self {
        Self { mark, expires_at: None, notice: None, by_guardian: false }
    }
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
    /// The latest message that may have been an opt-out.
    pub doubted: Option<Mark>,
    /// The latest time that a person of the controller found that such a message was none.
    pub cleared: Option<Mark>,
}

impl ScopeMarks {
    /// A scope of which nothing is known.
    #[must_use]
    pub const fn unmarked(scope: ConsentScope) -> Self {
        Self {
            scope,
            granted: None,
            imported: None,
            denied: None,
            voided: None,
            stopped: None,
            resumed: None,
            requested: None,
            doubted: None,
            cleared: None,
        }
    }
}

/// The last message or call from a person to one sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// The sender that was written to.
    pub sender: SenderId,
    /// When.
    pub last_inbound: Timestamp,
    /// When the person last came to it through an advertisement or another free entry point.
    pub last_free_entry: Option<Timestamp>,
}

impl Window {
    /// A window that no free entry point opened.
    #[must_use]
    pub const fn plain(sender: SenderId, last_inbound: Timestamp) -> Self {
        Self { sender, last_inbound, last_free_entry: None }
    }
}

/// Whether the person may consent for themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum AgeBand {
    /// Old enough.
    Adult,
    /// Not yet: somebody else has to, where the regime asks.
    Child,
}

/// What somebody stated about a person's age: a code and a time, no date of birth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgeMark {
    /// When it was stated, and the evidence.
    pub mark: Mark,
    /// What.
    pub band: AgeBand,
}

/// What the provider said last about messages to an identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Reach {
    /// When the provider last held a message back for the health of its ecosystem.
    pub held_back_at: Option<Timestamp>,
    /// When a message last could not be delivered.
    pub undeliverable_at: Option<Timestamp>,
    /// When a message was last delivered, or the person last wrote.
    pub reached_at: Option<Timestamp>,
}

/// A message that was sent, as far as limits of frequency count it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SentMark {
    /// When its permit was redeemed.
    pub at: Timestamp,
    /// Its category.
    pub category: MessageCategory,
}

/// The business portfolio that a business-scoped user id belongs to, under the controller's index key.
pub type PortfolioIndex = BlindIndex;

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
    /// What is known about the person's age.
    pub age: Option<AgeMark>,
    /// How messages to it fared.
    pub reach: Reach,
    /// The latest messages that limits of frequency count, the oldest first.
    pub sent: Vec<SentMark>,
    /// The portfolio in which a business-scoped user id was stated; what it permits, it permits to that portfolio's senders.
    pub portfolio: Option<PortfolioIndex>,
    /// When the subject left it, if nobody has had it since; grants up to then no longer count.
    pub left_at: Option<Timestamp>,
    /// Who had it before, the earliest first: acts that are reported late are theirs.
    pub former: Vec<Tenure>,
}

impl IdentifierRow {
    /// An identifier of which nothing but its holder is known.
    #[must_use]
    pub fn new(subject: SubjectId, kind: IdentifierKind, index_key: u32) -> Self {
        Self {
            subject,
            kind,
            index_key,
            marks: Vec::new(),
            windows: Vec::new(),
            age: None,
            reach: Reach::default(),
            sent: Vec::new(),
            portfolio: None,
            left_at: None,
            former: Vec::new(),
        }
    }
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
    /// Subjects that may be this person, by inference or by somebody's word: what one of them denies, all deny.
    pub linked: Vec<SubjectId>,
    /// Open requests of the person; while there is one, nothing about the person is disposed of.
    pub frozen_by: Vec<CaseId>,
    /// The erasure of the person. Nothing about them is stored or read any more.
    pub erased: Option<ErasedMark>,
}

/// A person was erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErasedMark {
    /// The case.
    pub case: CaseId,
    /// Since when it is effective.
    pub at: Timestamp,
}

impl SubjectRow {
    /// A person of whom nothing is known yet.
    #[must_use]
    pub const fn new(created_at: Timestamp) -> Self {
        Self {
            created_at,
            changed_at: created_at,
            identifiers: Vec::new(),
            former: Vec::new(),
            merged_into: None,
            linked: Vec::new(),
            frozen_by: Vec::new(),
            erased: None,
        }
    }
}

/// Why a consent event counts for nothing yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Quarantine {
    /// A grant dated in the future beyond the allowed skew.
    FutureDated,
    /// An imported grant without evidence.
    NoEvidence,
    /// An imported grant whose evidence shows too little.
    WeakEvidence,
    /// A grant without the notice that the policy asks for.
    NoNotice,
    /// A grant that the policy wants confirmed by a second act of the person.
    Unconfirmed,
    /// A grant for a child that no guardian gave.
    NoGuardian,
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

/// How far a message came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum SendingStep {
    /// The provider took it.
    Sent,
    /// It is on the person's device.
    Delivered,
    /// The person saw it, or listened to it.
    Read,
    /// It will not arrive.
    Failed,
}

/// A step of a message, reported by the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StepMark {
    /// Which.
    pub step: SendingStep,
    /// When the provider says that it happened.
    pub at: Timestamp,
    /// The provider's error code, for a failure.
    pub error: Option<u32>,
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
    /// How far it came: the earliest report of each step, in the order of [`SendingStep`].
    pub steps: Vec<StepMark>,
}

/// The id under which a consent event that came from outside is filed: the same for every redelivery.
#[must_use]
pub fn event_id_of(source: BlindIndex) -> ConsentEventId {
    ConsentEventId::from_bytes(source.0)
}
