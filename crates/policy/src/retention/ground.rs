//! A ground: why a record is kept, from when, and for how long.

use chrono::NaiveDate;
use serde::Serialize;

use crate::period::{Period, compare_over_dates};
use crate::regimes::Regime;
use crate::retention::calendar::RetentionCalendar;
use crate::term::terms;

terms! {
    /// Why a record is kept.
    GroundKind {
        /// It is needed for the purposes of its category (policy clause 6.a).
        Service = "service",
        /// A law asks for it (policy clause 6.b). While only such grounds hold, the record is restricted.
        Legal = "legal",
    }
}

terms! {
    /// The event from which a period of retention runs.
    Trigger {
        /// The record was collected.
        Collected = "collected",
        /// The person last used the service; until then, the day of collection.
        LastActivity = "last_activity",
        /// The account was closed. Until then the ground holds without an end.
        AccountClosed = "account_closed",
        /// The person withdrew consent. Until then the ground holds without an end.
        ConsentWithdrawn = "consent_withdrawn",
        /// The invoice was issued. Until then the ground does not hold.
        InvoiceIssued = "invoice_issued",
        /// A request of the person was received. Until then the ground does not hold.
        RequestReceived = "request_received",
        /// A request of the person was closed. Until then the ground holds without an end.
        RequestClosed = "request_closed",
        /// The incident was recorded. Until then the ground does not hold.
        IncidentRecorded = "incident_recorded",
    }
}

impl Trigger {
    /// Whether the event ends a state in which the ground holds anyway, such as an open account.
    #[must_use]
    pub const fn ends_a_state(self) -> bool {
        match self {
            Self::AccountClosed | Self::ConsentWithdrawn | Self::RequestClosed => true,
            Self::Collected
            | Self::LastActivity
            | Self::InvoiceIssued
            | Self::RequestReceived
            | Self::IncidentRecorded => false,
        }
    }

    /// Whether this event never comes before `other` for the same record, as far as that is known.
    #[must_use]
    pub fn is_never_before(self, other: Self) -> bool {
        self == other
            || match other {
                // Nothing happens to a record before it is collected, but its invoice may be older.
                Self::Collected => matches!(
                    self,
                    Self::LastActivity | Self::AccountClosed | Self::ConsentWithdrawn | Self::RequestClosed
                ),
                Self::RequestReceived => self == Self::RequestClosed,
                Self::LastActivity => self == Self::AccountClosed,
                Self::AccountClosed
                | Self::ConsentWithdrawn
                | Self::InvoiceIssued
                | Self::RequestClosed
                | Self::IncidentRecorded => false,
            }
    }
}

/// Why the records of a category are kept, and until when.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Ground {
    /// Service or legal duty.
    pub kind: GroundKind,
    /// From when the period runs.
    pub trigger: Trigger,
    /// How long.
    pub period: Period,
    /// How the period is laid on the calendar.
    pub calendar: RetentionCalendar,
    /// While proceedings about the record are open the ground holds, and for this long after they are concluded
    /// (India, CGST Act s. 36, proviso: one year).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after_proceedings: Option<Period>,
    /// The provision that asks for it. A legal ground has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub citation: Option<String>,
    /// The regime whose law it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub regime: Option<Regime>,
    /// The regime rule that it follows, by its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
}

impl Ground {
    /// The last day on which the ground holds, for a trigger on `trigger`, proceedings aside.
    #[must_use]
    pub fn last_day(&self, trigger: NaiveDate) -> NaiveDate {
        self.calendar.last_day(trigger, self.period)
    }

    /// Whether the ground holds at least as long as `other` does, from every trigger date.
    #[must_use]
    pub fn is_at_least_as_long_as(&self, other: &Self) -> bool {
        let proceedings = match (self.after_proceedings, other.after_proceedings) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(mine), Some(theirs)) => mine.compare(theirs).is_some_and(std::cmp::Ordering::is_ge),
        };
        proceedings
            && self.trigger.is_never_before(other.trigger)
            && compare_over_dates(|date| self.last_day(date), |date| other.last_day(date))
                .is_some_and(std::cmp::Ordering::is_ge)
    }
}
