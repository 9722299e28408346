//! Typed keys. The controller stands outside of them: it is named once per request and comes first in every
//! encoded key.

use std::fmt;

use wzapi_model::ids::{ChangesetId, ConsentEventId, ControllerId, EntryId, PermitId, SenderId, SubjectId};
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
    /// The controller's own settings.
    Controller = 0x10, "controller";
    /// A sender of the controller.
    Sender = 0x11, "sender";
    /// A tenant key, wrapped by the key provider.
    TenantKey = 0x18, "tenant_key";
    /// A key of blind indexes, wrapped by a tenant key.
    IndexKey = 0x19, "index_key";
    /// A data key of one owner, category and month, wrapped by a tenant key.
    DataKey = 0x1a, "data_key";
    /// What the send gate reads, per identifier.
    Identifier = 0x20, "identifier";
    /// A data subject and the identifiers they go by.
    Subject = 0x21, "subject";
    /// One act of consent, refusal or withdrawal.
    ConsentEvent = 0x22, "consent_event";
    /// A redeemed permit with the provider's message id.
    Permit = 0x23, "permit";
    /// A source event that was already taken in.
    SourceEvent = 0x28, "source_event";
    /// A webhook element that was kept because it was not recognised.
    Unrecognised = 0x29, "unrecognised";
    /// The head of a log.
    LogHead = 0x30, "log_head";
    /// One entry of a log.
    LogLeaf = 0x31, "log_leaf";
    /// The sealed body of a log entry.
    EntryBody = 0x32, "entry_body";
    /// The record of a committed changeset.
    Changeset = 0x3f, "changeset";
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
    /// See [`RowKind::Controller`].
    Controller,
    /// See [`RowKind::Sender`].
    Sender(SenderId),
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
    /// See [`RowKind::SourceEvent`].
    SourceEvent(BlindIndex),
    /// See [`RowKind::Unrecognised`].
    Unrecognised(BlindIndex),
    /// See [`RowKind::LogHead`]: by shard.
    LogHead(u16),
    /// See [`RowKind::LogLeaf`]: by shard, then by index.
    LogLeaf {
        /// The shard of the controller's log.
        shard: u16,
        /// The index in that log.
        index: u64,
    },
    /// See [`RowKind::EntryBody`].
    EntryBody {
        /// Whom the entry is about.
        owner: Owner,
        /// The entry.
        entry: EntryId,
    },
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
            Self::Controller => RowKind::Controller,
            Self::Sender(_) => RowKind::Sender,
            Self::TenantKey(_) => RowKind::TenantKey,
            Self::IndexKey(_) => RowKind::IndexKey,
            Self::DataKey { .. } => RowKind::DataKey,
            Self::Identifier(_) => RowKind::Identifier,
            Self::Subject(_) => RowKind::Subject,
            Self::ConsentEvent { .. } => RowKind::ConsentEvent,
            Self::Permit { .. } => RowKind::Permit,
            Self::SourceEvent(_) => RowKind::SourceEvent,
            Self::Unrecognised(_) => RowKind::Unrecognised,
            Self::LogHead(_) => RowKind::LogHead,
            Self::LogLeaf { .. } => RowKind::LogLeaf,
            Self::EntryBody { .. } => RowKind::EntryBody,
            Self::Changeset(_) => RowKind::Changeset,
        }
    }

    /// Whom the row is about.
    #[must_use]
    pub const fn owner(&self) -> Owner {
        match self {
            Self::DataKey { owner, .. } | Self::EntryBody { owner, .. } => *owner,
            Self::Subject(subject) | Self::ConsentEvent { subject, .. } | Self::Permit { subject, .. } => {
                Owner::Subject(*subject)
            }
            Self::Directory(_)
            | Self::Route(_)
            | Self::Parked { .. }
            | Self::Controller
            | Self::Sender(_)
            | Self::TenantKey(_)
            | Self::IndexKey(_)
            | Self::Identifier(_)
            | Self::SourceEvent(_)
            | Self::Unrecognised(_)
            | Self::LogHead(_)
            | Self::LogLeaf { .. }
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
}
