//! What became of the rows of a file: numbers and lines, nobody's name.

use std::collections::BTreeMap;

use wzapi_storage::row::Quarantine;

use super::row::RowProblem;
use crate::standing::{DenialCause, Standing};
use wzapi_model::consent::ConsentState;

/// The most bad rows that a report lists one by one; the rest is counted.
pub const MAX_LISTED_PROBLEMS: usize = 1000;
/// How many lines a [`Tally`] names.
pub const LISTED_LINES: usize = 10;

/// A denial on record that leaves an imported grant without effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StandingDenial {
    /// The person refused.
    Refused,
    /// The person withdrew or objected.
    Withdrawn,
    /// Somebody else ended the consent.
    Revoked,
    /// An earlier consent was found never to have been valid.
    Invalidated,
    /// The person stopped marketing in WhatsApp itself.
    PlatformStop,
    /// The person wrote what may have been an opt-out.
    Doubt,
}

impl StandingDenial {
    pub(super) const fn of(standing: &Standing) -> Option<Self> {
        match standing.cause {
            None => None,
            Some(DenialCause::PlatformStop) => Some(Self::PlatformStop),
            Some(DenialCause::Doubt) => Some(Self::Doubt),
            Some(DenialCause::Act) => Some(match standing.state {
                ConsentState::Refused => Self::Refused,
                ConsentState::Revoked => Self::Revoked,
                ConsentState::Invalidated => Self::Invalidated,
                ConsentState::Withdrawn
                | ConsentState::Unknown
                | ConsentState::Requested
                | ConsentState::Given
                | ConsentState::Expired => Self::Withdrawn,
            }),
        }
    }

    const fn code(self) -> &'static str {
        match self {
            Self::Refused => "denied_on_record_refused",
            Self::Withdrawn => "denied_on_record_withdrawn",
            Self::Revoked => "denied_on_record_revoked",
            Self::Invalidated => "denied_on_record_invalidated",
            Self::PlatformStop => "denied_on_record_platform_stop",
            Self::Doubt => "denied_on_record_doubt",
        }
    }
}

/// Why a row does not count as it stands, or not for what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RowReason {
    /// It was not recorded.
    Bad(RowProblem),
    /// A denial was recorded as far as it can be read: this part of it was left out.
    Mended(RowProblem),
    /// A grant was recorded and set aside until somebody clears it.
    SetAside(SetAside),
    /// A grant was recorded and is without effect.
    DeniedOnRecord(StandingDenial),
    /// It was recorded before, in this file or in an earlier import.
    Duplicate,
    /// It has fields that an import does not know, and they were passed over.
    UnknownField,
}

/// A [`Quarantine`], in an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SetAside {
    /// It is dated in the future.
    FutureDated,
    /// Nothing shows it.
    NoEvidence,
    /// What shows it is too little.
    WeakEvidence,
    /// It names no notice, and the policy asks for one.
    NoNotice,
    /// The policy wants a second act of the person.
    Unconfirmed,
    /// It is a child's, and no guardian gave it.
    NoGuardian,
}

impl From<Quarantine> for SetAside {
    fn from(quarantine: Quarantine) -> Self {
        match quarantine {
            Quarantine::FutureDated => Self::FutureDated,
            Quarantine::NoEvidence => Self::NoEvidence,
            Quarantine::WeakEvidence => Self::WeakEvidence,
            Quarantine::NoNotice => Self::NoNotice,
            Quarantine::Unconfirmed => Self::Unconfirmed,
            Quarantine::NoGuardian => Self::NoGuardian,
        }
    }
}

impl SetAside {
    const fn code(self) -> &'static str {
        match self {
            Self::FutureDated => "future_dated",
            Self::NoEvidence => "no_evidence",
            Self::WeakEvidence => "weak_evidence",
            Self::NoNotice => "no_notice",
            Self::Unconfirmed => "unconfirmed",
            Self::NoGuardian => "no_guardian",
        }
    }

    const fn advice(self) -> &'static str {
        match self {
            Self::FutureDated => "the grant is dated in the future",
            Self::NoEvidence => "nothing shows the grant: fill evidence, evidence_reference or source",
            Self::WeakEvidence => "the grant lacks its date or its method: fill obtained_at and method",
            Self::NoNotice => "the policy asks for the notice that was shown: fill the notice columns",
            Self::Unconfirmed => "the policy asks for a second act of the person",
            Self::NoGuardian => "the person is a child, and no guardian gave the consent",
        }
    }
}

impl RowReason {
    /// What became of the row: `bad`, `mended`, `set_aside`, `without_effect`, `duplicate` or `recorded`.
    #[must_use]
    pub const fn outcome(self) -> &'static str {
        match self {
            Self::Bad(_) => "bad",
            Self::Mended(_) => "mended",
            Self::SetAside(_) => "set_aside",
            Self::DeniedOnRecord(_) => "without_effect",
            Self::Duplicate => "duplicate",
            Self::UnknownField => "recorded",
        }
    }

    /// The reason as a code. With [`RowReason::outcome`] it is unique.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Bad(problem) | Self::Mended(problem) => problem.code(),
            Self::SetAside(reason) => reason.code(),
            Self::DeniedOnRecord(denial) => denial.code(),
            Self::Duplicate => "duplicate",
            Self::UnknownField => "unknown_field",
        }
    }

    /// What it means and what can be done, in a sentence that names nobody.
    #[must_use]
    pub fn advice(self) -> String {
        match self {
            Self::Bad(problem) => problem.to_string(),
            Self::Mended(problem) => {
                format!("the denial was recorded without what cannot be read: {problem}")
            }
            Self::SetAside(reason) => reason.advice().to_owned(),
            Self::DeniedOnRecord(_) => {
                "a denial is on record, which only a later act of the person ends".to_owned()
            }
            Self::Duplicate => "the row was recorded before".to_owned(),
            Self::UnknownField => "a field is not one of an import and was passed over".to_owned(),
        }
    }
}

/// How often something was so, and where first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many rows.
    pub count: u64,
    /// The first lines, at most [`LISTED_LINES`].
    pub lines: Vec<u64>,
}

/// What became of the rows of a file, or of a dry run what would.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImportReport {
    /// Rows read.
    pub rows: u64,
    /// Grants recorded, those without effect included.
    pub given: u64,
    /// Refusals and withdrawals recorded.
    pub denied: u64,
    /// Grants recorded but set aside until somebody clears them.
    pub quarantined: u64,
    /// Of `given`, those that a denial on record leaves without effect.
    pub denied_on_record: u64,
    /// Rows that were recorded before.
    pub duplicates: u64,
    /// Rows that were not recorded because something is wrong with them.
    pub bad: u64,
    /// The first bad rows, by line: at most [`MAX_LISTED_PROBLEMS`].
    pub problems: BTreeMap<u64, RowProblem>,
    /// Every reason that was met, with its count and its first lines.
    pub reasons: BTreeMap<RowReason, Tally>,
}

impl ImportReport {
    /// Notes a reason for the row on a line.
    pub(super) fn note(&mut self, line: u64, reason: RowReason) {
        match reason {
            RowReason::Bad(problem) => {
                self.bad += 1;
                if self.problems.len() < MAX_LISTED_PROBLEMS {
                    self.problems.insert(line, problem);
                }
            }
            RowReason::SetAside(_) => self.quarantined += 1,
            RowReason::DeniedOnRecord(_) => self.denied_on_record += 1,
            RowReason::Duplicate => self.duplicates += 1,
            RowReason::Mended(_) | RowReason::UnknownField => {}
        }
        let tally = self.reasons.entry(reason).or_default();
        tally.count += 1;
        if tally.lines.len() < LISTED_LINES {
            tally.lines.push(line);
        }
    }
}

/// How far an import is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The last line that was read.
    pub line: u64,
    /// Bytes of the file that were read.
    pub bytes: u64,
}

/// Is told how an import goes. What it is told of rows, it is told once they are durable.
pub trait Observer: Send + Sync {
    /// A row has a reason that is not [`RowReason::Duplicate`].
    fn row(&mut self, _line: u64, _reason: RowReason) {}

    /// A batch of rows is durable.
    fn progress(&mut self, _progress: Progress, _report: &ImportReport) {}
}

/// Nobody listens.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unobserved;

impl Observer for Unobserved {}
