//! Typed keys. The controller stands outside of them: it is named once per request and comes first in every
//! encoded key.

use std::fmt;

use wzapi_model::ids::{
    CaseId, ChangesetId, ConsentEventId, ControllerId, EntryId, PermitId, RecordId, SenderId, SubjectId,
};
use wzapi_model::name::DataCategory;

/// A keyed hash, cut to 16 bytes, that stands for something which must not be stored in clear.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct BlindIndex(pub [u8; 16]);

impl fmt::Debug for BlindIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BlindIndex(")?;
        self.0.iter().take(4).try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str("…)")
    }
}

/// Whom a row is about: nobody in particular, or one person. Rows of one person share a key prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub enum Owner {
    /// The controller as a whole.
    Controller,
    /// One data subject.
    Subject(SubjectId),
}

/// The month in which data was collected, counted from January 1970. Data keys are made per month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Cohort(pub u16);

/// One log of a controller: its shard, and how many logs of that shard were closed before it. A log whose store
/// turns out to be older than a checkpoint that it signed is closed, and a successor takes its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct LogRef {
    /// The shard; a very large controller has more than one.
    pub shard: u16,
    /// 0 for the first log of the shard.
    pub generation: u16,
}

macro_rules! row_kinds {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $text:literal;)+) => {
        /// The kind of a row. Its code is a byte of every encoded key and never changes its meaning.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum RowKind { $($(#[$doc])* $name = $code,)+ }

        impl RowKind {
            /// Every kind.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The byte that stands for it in encoded keys.
            #[must_use]
            pub const fn code(self) -> u8 {
                match self { $(Self::$name => $code,)+ }
            }

            /// The kind with this code.
            #[must_use]
            pub const fn from_code(code: u8) -> Option<Self> {
                match code { $($code => Some(Self::$name),)+ _ => None }
            }

            /// Its name in documents, errors and SQL.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }
        }
    };
}

row_kinds! {
    /// System: a registered controller.
    Directory = 0x01, "directory";
    /// System: which controller and sender a WABA or phone number id belongs to.
    Route = 0x02, "route";
    /// System: part of a delivery that no route claims yet.
    Parked = 0x03, "parked";
    /// System: the wrapping key in use, the ones before it, and a rotation that is under way.
    Epoch = 0x04, "epoch";
    /// System: how far the journal was followed.
    JournalPosition = 0x05, "journal_position";
    /// The controller's own settings.
    Controller = 0x10, "controller";
    /// A sender of the controller.
    Sender = 0x11, "sender";
    /// The legal holds in force.
    HoldSet = 0x12, "hold_set";
    /// How far the sweep came, and who is at it.
    Sweep = 0x13, "sweep";
    /// The erasure of a person.
    Erasure = 0x14, "erasure";
    /// A tenant key, wrapped by the key provider.
    TenantKey = 0x18, "tenant_key";
    /// A key of blind indexes, wrapped by a tenant key.
    IndexKey = 0x19, "index_key";
    /// A data key of one owner, category and month, wrapped by a tenant key.
    DataKey = 0x1a, "data_key";
    /// The signing key of a log, wrapped by a tenant key.
    LogKey = 0x1b, "log_key";
    /// What the send gate reads, per identifier.
    Identifier = 0x20, "identifier";
    /// A data subject and the identifiers they go by.
    Subject = 0x21, "subject";
    /// One act of consent, refusal or withdrawal.
    ConsentEvent = 0x22, "consent_event";
    /// A redeemed permit with the provider's message id.
    Permit = 0x23, "permit";
    /// A record of personal data.
    Record = 0x24, "record";
    /// An earlier value of a record.
    RecordRevision = 0x25, "record_revision";
    /// Something about a person that waits for a decision.
    Review = 0x26, "review";
    /// A source event that was already taken in.
    SourceEvent = 0x28, "source_event";
    /// A webhook element that was kept because it was not recognised.
    Unrecognised = 0x29, "unrecognised";
    /// Where a record of a category is: the index by category.
    RecordOfCategory = 0x2a, "record_of_category";
    /// The head of a log.
    LogHead = 0x30, "log_head";
    /// One entry of a log.
    LogLeaf = 0x31, "log_leaf";
    /// The sealed body of a log entry.
    EntryBody = 0x32, "entry_body";
    /// The last checkpoint that a log signed.
    Checkpoint = 0x33, "checkpoint";
    /// A full tile of a log's tree.
    LogTile = 0x34, "log_tile";
    /// The last head of a log that was closed.
    ClosedLog = 0x35, "closed_log";
    /// The record of a committed changeset.
    Changeset = 0x3f, "changeset";
}

/// Whose the rows of a kind can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ownership {
    /// Of the controller as a whole, every one of them.
    Controller,
    /// Of data subjects, every one of them.
    Subjects,
    /// Some of the controller, some of data subjects.
    Either,
}

impl RowKind {
    /// Whose its rows can be. A store that scans a kind need not look for it among the rows of anybody else.
    #[must_use]
    pub const fn ownership(self) -> Ownership {
        match self {
            Self::DataKey | Self::EntryBody => Ownership::Either,
            Self::Subject
            | Self::ConsentEvent
            | Self::Permit
            | Self::Record
            | Self::RecordRevision
            | Self::Review => Ownership::Subjects,
            Self::Directory
            | Self::Route
            | Self::Parked
            | Self::Epoch
            | Self::JournalPosition
            | Self::Controller
            | Self::Sender
            | Self::HoldSet
            | Self::Sweep
            | Self::Erasure
            | Self::TenantKey
            | Self::IndexKey
            | Self::LogKey
            | Self::Identifier
            | Self::SourceEvent
            | Self::Unrecognised
            | Self::RecordOfCategory
            | Self::LogHead
            | Self::LogLeaf
            | Self::Checkpoint
            | Self::LogTile
            | Self::ClosedLog
            | Self::Changeset => Ownership::Controller,
        }
    }
}

impl fmt::Display for RowKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A key of one controller.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// See [`RowKind::Directory`].
    Directory(ControllerId),
    /// See [`RowKind::Route`]: under the blind index of the WABA or phone number id.
    Route(BlindIndex),
    /// See [`RowKind::Parked`]: by route, then by source event.
    Parked {
        /// The route that would claim it.
        route: BlindIndex,
        /// The source event.
        source: BlindIndex,
    },
    /// See [`RowKind::Epoch`].
    Epoch,
    /// See [`RowKind::JournalPosition`].
    JournalPosition,
    /// See [`RowKind::Controller`].
    Controller,
    /// See [`RowKind::Sender`].
    Sender(SenderId),
    /// See [`RowKind::HoldSet`].
    HoldSet,
    /// See [`RowKind::Sweep`].
    Sweep,
    /// See [`RowKind::Erasure`].
    Erasure(CaseId),
    /// See [`RowKind::TenantKey`]: by key version.
    TenantKey(u32),
    /// See [`RowKind::IndexKey`]: by key version.
    IndexKey(u32),
    /// See [`RowKind::DataKey`].
    DataKey {
        /// Whose data it seals.
        owner: Owner,
        /// The category of that data.
        category: DataCategory,
        /// The month of collection.
        cohort: Cohort,
    },
    /// See [`RowKind::LogKey`]: by shard, then by version.
    LogKey {
        /// The shard of the log that it signs for.
        shard: u16,
        /// Its version.
        version: u32,
    },
    /// See [`RowKind::Identifier`]: under the blind index of the identifier.
    Identifier(BlindIndex),
    /// See [`RowKind::Subject`].
    Subject(SubjectId),
    /// See [`RowKind::ConsentEvent`].
    ConsentEvent {
        /// The person who acted.
        subject: SubjectId,
        /// The event.
        event: ConsentEventId,
    },
    /// See [`RowKind::Permit`].
    Permit {
        /// The recipient.
        subject: SubjectId,
        /// The permit.
        permit: PermitId,
    },
    /// See [`RowKind::Record`]: by category and month, so that what one data key seals stands together.
    Record {
        /// Whom it is about.
        subject: SubjectId,
        /// Its category.
        category: DataCategory,
        /// The month of collection.
        cohort: Cohort,
        /// The record.
        record: RecordId,
    },
    /// See [`RowKind::RecordRevision`]: as the record, then by revision.
    RecordRevision {
        /// Whom it is about.
        subject: SubjectId,
        /// Its category.
        category: DataCategory,
        /// The month of collection.
        cohort: Cohort,
        /// The record.
        record: RecordId,
        /// 0 for the value that was collected, one more for each later one.
        revision: u32,
    },
    /// See [`RowKind::Review`]: by the ledger entry that asked for it.
    Review {
        /// Whom it is about.
        subject: SubjectId,
        /// The entry.
        entry: EntryId,
    },
    /// See [`RowKind::SourceEvent`].
    SourceEvent(BlindIndex),
    /// See [`RowKind::Unrecognised`].
    Unrecognised(BlindIndex),
    /// See [`RowKind::RecordOfCategory`]: by category, month and person.
    RecordOfCategory {
        /// The category.
        category: DataCategory,
        /// The month of collection.
        cohort: Cohort,
        /// Whom the record is about.
        subject: SubjectId,
        /// The record.
        record: RecordId,
    },
    /// See [`RowKind::LogHead`]: by shard.
    LogHead(u16),
    /// See [`RowKind::LogLeaf`]: by log, then by index.
    LogLeaf {
        /// The log.
        log: LogRef,
        /// The index in the log.
        index: u64,
    },
    /// See [`RowKind::EntryBody`].
    EntryBody {
        /// Whom the entry is about.
        owner: Owner,
        /// The entry.
        entry: EntryId,
    },
    /// See [`RowKind::Checkpoint`].
    Checkpoint(LogRef),
    /// See [`RowKind::LogTile`]: by log, level and index.
    LogTile {
        /// The log.
        log: LogRef,
        /// 0 for the tiles whose hashes are those of entries.
        level: u8,
        /// Its place in the level.
        index: u64,
    },
    /// See [`RowKind::ClosedLog`].
    ClosedLog(LogRef),
    /// See [`RowKind::Changeset`].
    Changeset(ChangesetId),
}

impl Key {
    /// The kind of row that stands under this key.
    #[must_use]
    pub const fn kind(&self) -> RowKind {
        match self {
            Self::Directory(_) => RowKind::Directory,
            Self::Route(_) => RowKind::Route,
            Self::Parked { .. } => RowKind::Parked,
            Self::Epoch => RowKind::Epoch,
            Self::JournalPosition => RowKind::JournalPosition,
            Self::Controller => RowKind::Controller,
            Self::Sender(_) => RowKind::Sender,
            Self::HoldSet => RowKind::HoldSet,
            Self::Sweep => RowKind::Sweep,
            Self::Erasure(_) => RowKind::Erasure,
            Self::TenantKey(_) => RowKind::TenantKey,
            Self::IndexKey(_) => RowKind::IndexKey,
            Self::DataKey { .. } => RowKind::DataKey,
            Self::LogKey { .. } => RowKind::LogKey,
            Self::Identifier(_) => RowKind::Identifier,
            Self::Subject(_) => RowKind::Subject,
            Self::ConsentEvent { .. } => RowKind::ConsentEvent,
            Self::Permit { .. } => RowKind::Permit,
            Self::Review { .. } => RowKind::Review,
            Self::Record { .. } => RowKind::Record,
            Self::RecordRevision { .. } => RowKind::RecordRevision,
            Self::SourceEvent(_) => RowKind::SourceEvent,
            Self::Unrecognised(_) => RowKind::Unrecognised,
            Self::RecordOfCategory { .. } => RowKind::RecordOfCategory,
            Self::LogHead(_) => RowKind::LogHead,
            Self::LogLeaf { .. } => RowKind::LogLeaf,
            Self::EntryBody { .. } => RowKind::EntryBody,
            Self::Checkpoint(_) => RowKind::Checkpoint,
            Self::LogTile { .. } => RowKind::LogTile,
            Self::ClosedLog(_) => RowKind::ClosedLog,
            Self::Changeset(_) => RowKind::Changeset,
        }
    }

    /// Whom the row is about.
    #[must_use]
    pub const fn owner(&self) -> Owner {
        match self {
            Self::DataKey { owner, .. } | Self::EntryBody { owner, .. } => *owner,
            Self::Subject(subject)
            | Self::ConsentEvent { subject, .. }
            | Self::Permit { subject, .. }
            | Self::Review { subject, .. }
            | Self::Record { subject, .. }
            | Self::RecordRevision { subject, .. } => Owner::Subject(*subject),
            Self::Directory(_)
            | Self::Route(_)
            | Self::Parked { .. }
            | Self::Epoch
            | Self::JournalPosition
            | Self::Controller
            | Self::Sender(_)
            | Self::HoldSet
            | Self::Sweep
            | Self::Erasure(_)
            | Self::TenantKey(_)
            | Self::IndexKey(_)
            | Self::LogKey { .. }
            | Self::Identifier(_)
            | Self::SourceEvent(_)
            | Self::Unrecognised(_)
            | Self::RecordOfCategory { .. }
            | Self::LogHead(_)
            | Self::LogLeaf { .. }
            | Self::Checkpoint(_)
            | Self::LogTile { .. }
            | Self::ClosedLog(_)
            | Self::Changeset(_) => Owner::Controller,
        }
    }
}

/// A prefix of keys of one controller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyPrefix {
    /// Every row of an owner.
    Owner(Owner),
    /// Every row of one kind of an owner.
    Kind(Owner, RowKind),
    /// Every parked element of one route; only under [`ControllerId::SYSTEM`].
    ParkedUnder(BlindIndex),
    /// Every record of a person in one category.
    Records(SubjectId, DataCategory),
    /// Every record of a person in one category that was collected in one month: what one data key seals.
    RecordsIn(SubjectId, DataCategory, Cohort),
    /// Every earlier value of one record.
    Revisions(SubjectId, DataCategory, Cohort, RecordId),
    /// The index of the records of one category.
    RecordsOfCategory(DataCategory),
}
