//! One body type per kind of row.
//!
//! Bodies hold random ids, blind indexes, codes and times in clear; whatever says something about a person is
//! inside a [`Sealed`] field. Fields are only ever added at the end of a new body version (see [`crate::codec`]).

mod consent;
mod intake;
mod keys;
mod ledger;
mod records;
mod registration;
mod retention;

use serde::{Deserialize, Serialize};
use wzapi_model::Timestamp;

use crate::changeset::Version;
use crate::key::{Cohort, Key, RowKind};

pub use consent::{
    AgeBand, AgeMark, ConsentEventRow, DenialMark, ErasedMark, GrantMark, IdentifierRow, Mark, NoticeMark,
    PermitRow, PortfolioIndex, Quarantine, Reach, ScopeMarks, SendingStep, SentMark, StepMark,
    SubjectIdentifier, SubjectRow, Tenure, Window, event_id_of,
};
pub use intake::{ParkedRow, SourceEventRow, UnrecognisedRow};
pub use keys::{
    DataKeyRow, DataKeyVersion, EpochRow, EpochStage, FormerWrappingKey, IndexKeyRow, LogKeyRow,
    TenantKeyRow, WrappedKey, WrappingKeyFate,
};
pub use ledger::{
    CheckpointRow, ClosedLogRow, EntryBody, EntryBodyRow, JournalPositionRow, LogEdge, LogHeadRow,
    LogLeafRow, LogTileRow, SignedHead,
};
pub use records::{RecordEvent, RecordOfCategoryRow, RecordRestriction, RecordRevisionRow, RecordRow};
pub use registration::{ControllerRow, DirectoryRow, RouteRow, SenderRow};
pub use retention::{
    ErasureRow, ErasureStage, ErasureTally, HoldScope, HoldSetRow, KeptRecords, LegalHold, OutsidePlace,
    PlaceAnswer, Reevaluation, ReviewQuestion, ReviewRow, SweepCounts, SweepLease, SweepRow,
};

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
    Epoch(EpochRow),
    JournalPosition(JournalPositionRow),
    Controller(ControllerRow),
    Sender(SenderRow),
    HoldSet(HoldSetRow),
    Sweep(SweepRow),
    Erasure(ErasureRow),
    TenantKey(TenantKeyRow),
    IndexKey(IndexKeyRow),
    DataKey(DataKeyRow),
    LogKey(LogKeyRow),
    Identifier(IdentifierRow),
    Subject(SubjectRow),
    ConsentEvent(ConsentEventRow),
    Permit(PermitRow),
    Review(ReviewRow),
    Record(RecordRow),
    RecordRevision(RecordRevisionRow),
    SourceEvent(SourceEventRow),
    Unrecognised(UnrecognisedRow),
    RecordOfCategory(RecordOfCategoryRow),
    LogHead(LogHeadRow),
    LogLeaf(LogLeafRow),
    EntryBody(EntryBodyRow),
    Checkpoint(CheckpointRow),
    LogTile(LogTileRow),
    ClosedLog(ClosedLogRow),
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
