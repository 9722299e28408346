//! A rule of law as data.

use std::collections::BTreeSet;

use chrono::NaiveDate;

use crate::period::Period;
use crate::regimes::Regime;
use crate::retention::{Ground, GroundKind, RetentionCalendar, Trigger};
use crate::term::terms;

terms! {
    /// How well a rule is known.
    Certainty {
        /// The text of the statute was read, in a reproduction.
        StatuteRead = "statute_read",
        /// Two concordant secondary sources were read.
        TwoSources = "two_sources",
        /// One secondary source was read.
        OneSource = "one_source",
        /// Common knowledge that was not read again.
        CommonKnowledge = "common_knowledge",
    }
}

impl Certainty {
    /// Whether a rule of this certainty may decide without a person.
    #[must_use]
    pub const fn decides_alone(self) -> bool {
        match self {
            Self::StatuteRead | Self::TwoSources => true,
            Self::OneSource | Self::CommonKnowledge => false,
        }
    }
}

terms! {
    /// A unit of a length of time in a rule.
    LengthUnit {
        /// Minutes.
        Minute = "minute",
        /// Hours.
        Hour = "hour",
        /// Calendar days.
        Day = "day",
        /// Days that are neither weekend nor holiday.
        BusinessDay = "business_day",
        /// Calendar months.
        Month = "month",
        /// Calendar years.
        Year = "year",
    }
}

/// A length of time in a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Length {
    /// How many.
    pub value: u32,
    /// Of what.
    pub unit: LengthUnit,
}

impl Length {
    /// The same as a calendar-true period, for days, months and years.
    #[must_use]
    pub const fn as_period(self) -> Option<Period> {
        match self.unit {
            LengthUnit::Day => Some(Period::Days(self.value)),
            LengthUnit::Month => Some(Period::Months(self.value)),
            LengthUnit::Year => Some(Period::Years(self.value)),
            LengthUnit::Minute | LengthUnit::Hour | LengthUnit::BusinessDay => None,
        }
    }
}

terms! {
    /// An event from which a deadline may run.
    Anchor {
        /// The request, complaint, objection or report was received.
        Received = "received",
        /// The identity of the person was verified.
        IdentityVerified = "identity_verified",
        /// The fee was paid, where one may be asked.
        FeeReceived = "fee_received",
        /// The controller became aware.
        Aware = "aware",
        /// The data was obtained from elsewhere.
        DataObtained = "data_obtained",
        /// The people concerned were told.
        SubjectsNotified = "subjects_notified",
    }
}

/// A longer time that may be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extension {
    /// How much longer.
    pub length: Length,
    /// Within which time from the start the person must be told; `None` where the rule does not say.
    pub notice_within: Option<Length>,
}

/// A floor of retention: what the law says about how long a kind of record is kept at least.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Floor {
    /// From when.
    pub trigger: Trigger,
    /// How long.
    pub period: Period,
    /// How the period is laid on the calendar.
    pub calendar: RetentionCalendar,
    /// How long after the end of proceedings, where these prolong it.
    pub after_proceedings: Option<Period>,
}

/// From which age people consent alone, and what holds for those who are younger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AgeOfConsent {
    /// The age in years, 1 to 21.
    pub age: u8,
    /// The lowest age that a controller may take instead, as where member states differ.
    pub lowest: u8,
    /// Whether a parent or guardian consents for those who are younger; otherwise nobody does.
    pub guardian_consents: bool,
    /// Whether marketing directed at those who are younger is forbidden, whoever consents.
    pub marketing_to_children_forbidden: bool,
}

/// What a rule demands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Limit {
    /// Something is done within this time.
    AtMost(Length),
    /// Something is done at least so long before.
    AtLeastBefore(Length),
    /// Records are kept at least so long.
    KeepAtLeast(Floor),
    /// Records are kept at most so long.
    KeepAtMost(Floor),
    /// From which age a person consents alone.
    ConsentAge(AgeOfConsent),
    /// Something without a number, such as "without undue delay".
    Standard(String),
}

/// From when to when a rule is in force. Where sources differ about a date, the doubt lasts up to the second one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct InForce {
    /// The first day; `None` when it lies in the past and was not looked up.
    pub from: Option<NaiveDate>,
    /// The last day that is given as the first one.
    pub from_at_latest: Option<NaiveDate>,
    /// The last day; `None` when no end is known.
    pub until: Option<NaiveDate>,
    /// The last day that is given as the last one.
    pub until_at_latest: Option<NaiveDate>,
}

impl InForce {
    /// Whether the rule is in force on `day`, as far as any source says.
    #[must_use]
    pub fn contains(self, day: NaiveDate) -> bool {
        self.from.is_none_or(|from| from <= day)
            && self.until_at_latest.or(self.until).is_none_or(|until| day <= until)
    }

    /// Whether sources differ about `day`.
    #[must_use]
    pub fn is_in_doubt(self, day: NaiveDate) -> bool {
        let begins = self.from_at_latest.is_some_and(|latest| day < latest);
        let ends = self.until.filter(|_| self.until_at_latest.is_some()).is_some_and(|until| day > until);
        self.contains(day) && (begins || ends)
    }
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegimeRule {
    /// Its name, such as `eu.gdpr.dsr.respond`.
    pub id: String,
    /// The regime.
    pub regime: Regime,
    /// The law within the regime, such as `eu-gdpr`. A policy says which laws bind it.
    pub law: String,
    /// What it is about, such as `request:access` or `retention:invoice`; a last part `*` stands for any.
    pub topics: Vec<String>,
    /// What it demands.
    pub limit: Limit,
    /// From which events the time runs: from the latest of them.
    pub anchors: BTreeSet<Anchor>,
    /// A longer time that may be taken.
    pub extension: Option<Extension>,
    /// Whether the clock stands while the person is asked to make the request clear.
    pub pauses_for_clarification: bool,
    /// To whom it applies, where it does not apply to all.
    pub condition: Option<String>,
    /// What else is to be known.
    pub note: Option<String>,
    /// A change under way.
    pub pending: Option<String>,
    /// The provision.
    pub citation: String,
    /// How well it is known.
    pub certainty: Certainty,
    /// When it was last checked.
    pub checked: NaiveDate,
    /// When it is in force.
    pub in_force: InForce,
}

impl RegimeRule {
    /// Whether the rule is about `topic`.
    #[must_use]
    pub fn is_about(&self, topic: &str) -> bool {
        self.topics.iter().any(|own| {
            own == topic
                || own.strip_suffix('*').is_some_and(|prefix| {
                    topic.strip_prefix(prefix).is_some_and(|rest| !rest.is_empty() && !rest.contains(':'))
                })
        })
    }

    /// The floor as a ground of retention, if the rule is one.
    #[must_use]
    pub fn as_ground(&self) -> Option<Ground> {
        let Limit::KeepAtLeast(floor) = &self.limit else { return None };
        Some(Ground {
            kind: GroundKind::Legal,
            trigger: floor.trigger,
            period: floor.period,
            calendar: floor.calendar,
            after_proceedings: floor.after_proceedings,
            citation: Some(self.citation.clone()),
            regime: Some(self.regime),
            rule: Some(self.id.clone()),
        })
    }
}
