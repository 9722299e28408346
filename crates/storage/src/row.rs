//! One body type per kind of row.
//!
//! Bodies hold random ids, blind indexes, codes and times in clear; whatever says something about a person is
//! inside a [`Sealed`] field. Fields are only ever added at the end of a new body version (see [`crate::codec`]).

use serde::{Deserialize, Serialize};
use wzapi_model::Timestamp;
use wzapi_model::consent::{ConsentAct, ConsentMethod, ConsentScope, Provenance};
use wzapi_model::identifier::IdentifierKind;
use wzapi_model::ids::{ConsentEventId, ControllerId, EntryId, LogId, SenderId, SubjectId};
use wzapi_model::message::MessageCategory;
use wzapi_model::name::{DataCategory, PurposeId};

use crate::changeset::Version;
use crate::key::{BlindIndex, Cohort, Key, Owner, RowKind};

/// An encrypted value and the month whose data key sealed it. The owner and the category of that key follow
/// from the row and the field.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed {
    /// The month of the data key.
    pub cohort: Cohort,
    /// The envelope, as `docs/formats/envelope.md` describes it.
    pub envelope: Vec<u8>,
}

impl std::fmt::Debug for Sealed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sealed({} bytes)", self.envelope.len())
    }
}

/// A registered controller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectoryRow {
    /// When it was registered.
    pub registered_at: Timestamp,
}

/// Whose WABA or phone number id this is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteRow {
    /// The controller.
    pub controller: ControllerId,
    /// The sender, for a phone number id; `None` for a WABA id.
    pub sender: Option<SenderId>,
    /// When it was registered.
    pub registered_at: Timestamp,
}

/// Part of a delivery whose WABA and phone number are not registered: kept, counted, never guessed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParkedRow {
    /// When it arrived.
    pub received_at: Timestamp,
    /// A whole delivery of one element, as it would arrive again; sealed under the system controller's key.
    pub sealed: Sealed,
}

/// The controller's own settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControllerRow {
    /// When it was registered.
    pub registered_at: Timestamp,
    /// The version of the tenant key that wraps new data keys.
    pub tenant_key: u32,
    /// The versions of the index keys that look-ups try, newest first; new entries use the first.
    pub index_keys: Vec<u32>,
}

/// A sender of the controller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SenderRow {
    /// When it was registered.
    pub registered_at: Timestamp,
    /// The ledger entry of its registration.
    pub entry: EntryId,
}

/// A key, wrapped by the one above it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrappedKey {
    /// The name of the wrapping key in the key provider, or the version of the tenant key in decimal.
    pub wrapped_by: String,
    /// The wrapped key, as the wrapper made it.
    pub wrapped: Vec<u8>,
    /// A commitment to the key (`docs/formats/envelope.md`), authenticated together with it.
    pub commitment: [u8; 32],
}

impl std::fmt::Debug for WrappedKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WrappedKey").field("wrapped_by", &self.wrapped_by).finish_non_exhaustive()
    }
}

/// A tenant key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantKeyRow {
    /// When it was made.
    pub created_at: Timestamp,
    /// The key, wrapped by the key provider.
    pub key: WrappedKey,
}

/// A key of blind indexes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexKeyRow {
    /// When it was made.
    pub created_at: Timestamp,
    /// The key, wrapped by a tenant key.
    pub key: WrappedKey,
}

/// A data key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataKeyRow {
    /// Its version; it stands in every envelope that the key sealed.
    pub version: u32,
    /// When it was made.
    pub created_at: Timestamp,
    /// The key, wrapped by a tenant key.
    pub key: WrappedKey,
}

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

/// A source event was taken in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceEventRow {
    /// When.
    pub seen_at: Timestamp,
}

/// A webhook element that was not recognised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnrecognisedRow {
    /// When it arrived.
    pub received_at: Timestamp,
    /// Why it was not recognised: a word of the parser.
    pub reason: String,
    /// The element, under the category `unrecognised` of the controller.
    pub sealed: Sealed,
}

/// The head of a log: its size and the right edge of its tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogHeadRow {
    /// The log's random id.
    pub log: LogId,
    /// How many entries it has.
    pub size: u64,
    /// The roots of the perfect subtrees, largest first.
    pub peaks: Vec<[u8; 32]>,
}

/// One entry of a log, and where its body is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLeafRow {
    /// The entry: a blinded commitment to the event.
    pub commitment: [u8; 32],
    /// Whom it is about.
    pub owner: Owner,
    /// The entry's id.
    pub entry: EntryId,
}

/// The sealed body of a log entry: its blinding and its event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryBodyRow {
    /// The shard of the log.
    pub shard: u16,
    /// The index in the log.
    pub index: u64,
    /// The category whose data key seals the body.
    pub category: DataCategory,
    /// Blinding and event, padded.
    pub sealed: Sealed,
}

/// A changeset was committed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangesetRow {
    /// The caller's time.
    pub at: Timestamp,
}

macro_rules! bodies {
    ($($variant:ident($type:ident)),+ $(,)?) => {
        /// The body of a row, by kind.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Body { $(#[doc = concat!("See [`", stringify!($type), "`].")] $variant($type),)+ }

        impl Body {
            /// Its kind.
            #[must_use]
            pub const fn kind(&self) -> RowKind {
                match self { $(Self::$variant(_) => RowKind::$variant,)+ }
            }
        }

        $(
            impl From<$type> for Body {
                fn from(row: $type) -> Self { Self::$variant(row) }
            }

            impl RowType for $type {
                const KIND: RowKind = RowKind::$variant;

                fn of(body: &Body) -> Option<&Self> {
                    match body { Body::$variant(row) => Some(row), _ => None }
                }
            }
        )+

        pub(crate) fn encode_with<E: BodyEncoder>(body: &Body, encoder: E) -> E::Output {
            match body { $(Body::$variant(row) => encoder.encode(row),)+ }
        }

        pub(crate) fn decode_with<D: BodyDecoder>(kind: RowKind, decoder: &D) -> Result<Body, D::Error> {
            match kind { $(RowKind::$variant => decoder.decode::<$type>().map(Body::$variant),)+ }
        }
    };
}

/// A type that is the body of one kind of row.
pub trait RowType: Sized + Into<Body> {
    /// The kind.
    const KIND: RowKind;

    /// The row inside a body, when the body is of this kind.
    fn of(body: &Body) -> Option<&Self>;
}

pub(crate) trait BodyEncoder {
    type Output;
    fn encode<T: Serialize>(self, row: &T) -> Self::Output;
}

pub(crate) trait BodyDecoder {
    type Error;
    fn decode<T: serde::de::DeserializeOwned>(&self) -> Result<T, Self::Error>;
}

bodies! {
    Directory(DirectoryRow),
    Route(RouteRow),
    Parked(ParkedRow),
    Controller(ControllerRow),
    Sender(SenderRow),
    TenantKey(TenantKeyRow),
    IndexKey(IndexKeyRow),
    DataKey(DataKeyRow),
    Identifier(IdentifierRow),
    Subject(SubjectRow),
    ConsentEvent(ConsentEventRow),
    Permit(PermitRow),
    SourceEvent(SourceEventRow),
    Unrecognised(UnrecognisedRow),
    LogHead(LogHeadRow),
    LogLeaf(LogLeafRow),
    EntryBody(EntryBodyRow),
    Changeset(ChangesetRow),
}

/// A row to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Where.
    pub key: Key,
    /// When somebody has to look at it again: the end of its retention, or of its use.
    pub due_at: Option<Timestamp>,
    /// What.
    pub body: Body,
}

/// A row as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// Its version.
    pub version: Version,
    /// When it is due.
    pub due_at: Option<Timestamp>,
    /// Its body.
    pub body: Body,
}

/// The id under which a consent event that came from outside is filed: the same for every redelivery.
#[must_use]
pub fn event_id_of(source: BlindIndex) -> ConsentEventId {
    ConsentEventId::from_bytes(source.0)
}
