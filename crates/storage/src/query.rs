//! Bounded scans.

use wzapi_model::Timestamp;
use wzapi_model::ids::ControllerId;

use crate::changeset::InvalidChangeset;
use crate::key::{Key, KeyPrefix, RowKind};
use crate::row::Stored;

/// The largest page.
pub const MAX_PAGE: usize = 4096;

/// Which rows a scan answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// Rows under a key prefix, in key order.
    Prefix(KeyPrefix),
    /// Rows of one kind, whoever owns them, in key order. A page costs its rows, and in key-value engines one step
    /// for each owner that has none of the kind; the owners' other rows cost nothing.
    Kind(RowKind),
    /// Rows due at or before a moment, earliest first, then in key order.
    DueBy(Timestamp),
}

/// Where a scan goes on: after this row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// The last key answered.
    pub key: Key,
    /// Its `due_at`, when it had one.
    pub due_at: Option<Timestamp>,
}

/// A bounded scan of one controller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// The controller whose rows are scanned.
    pub controller: ControllerId,
    /// Which rows.
    pub selection: Selection,
    /// Go on after this row; `None` begins.
    pub after: Option<Cursor>,
    /// At most so many rows, between 1 and [`MAX_PAGE`].
    pub limit: usize,
}

impl Query {
    /// The first page of the rows under a prefix.
    #[must_use]
    pub const fn prefix(controller: ControllerId, prefix: KeyPrefix, limit: usize) -> Self {
        Self { controller, selection: Selection::Prefix(prefix), after: None, limit }
    }

    /// The first page of the rows of one kind, of every owner.
    #[must_use]
    pub const fn kind(controller: ControllerId, kind: RowKind, limit: usize) -> Self {
        Self { controller, selection: Selection::Kind(kind), after: None, limit }
    }

    /// The first page of the rows due at or before `moment`.
    #[must_use]
    pub const fn due_by(controller: ControllerId, moment: Timestamp, limit: usize) -> Self {
        Self { controller, selection: Selection::DueBy(moment), after: None, limit }
    }

    /// Checks the bound. Every backend calls this first.
    ///
    /// # Errors
    /// [`InvalidChangeset::PageLimit`].
    pub const fn validate(&self) -> Result<(), InvalidChangeset> {
        if self.limit == 0 || self.limit > MAX_PAGE { Err(InvalidChangeset::PageLimit) } else { Ok(()) }
    }
}

/// Some rows, and where to go on.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Page {
    /// The rows, in order.
    pub rows: Vec<(Key, Stored)>,
    /// `Some` when there may be more.
    pub next: Option<Cursor>,
}
