//! Deadlines with pauses, extensions and business-day calendars.
//!
//! A pure function of a regime rule and of what happened; the time is passed in with the events.

mod business_days;
mod clock;

use std::collections::BTreeMap;

pub use business_days::BusinessCalendar;
use clock::Countdown;
use wzapi_model::Timestamp;

use crate::regimes::{Anchor, Doubt, Length, Limit, RegimeRule};
use crate::zone::UtcOffset;

/// Whether an event from which a deadline may run has happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The case does not need it: no fee is asked, the person is known.
    NotNeeded,
    /// It is awaited: the clock has not begun.
    Waiting,
    /// It happened.
    Done(Timestamp),
}

/// When the clock of a case begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    /// When the request, complaint or report was received. It decides which rule applies.
    pub received: Timestamp,
    /// Further events. The rule's anchors say which of them count; one that is not listed is not needed.
    pub steps: BTreeMap<Anchor, Step>,
}

impl Start {
    /// A clock that begins with the receipt.
    #[must_use]
    pub const fn at(received: Timestamp) -> Self {
        Self { received, steps: BTreeMap::new() }
    }
}

/// A time in which the clock stands, because the person was asked to make the request clear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pause {
    /// When the person was asked.
    pub from: Timestamp,
    /// When the person answered, if they did.
    pub until: Option<Timestamp>,
}

/// The longer time was taken, and the person was told so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExtensionTaken {
    /// When the person was told.
    pub notified: Timestamp,
}

/// How a clock stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockState {
    /// An event is awaited from which it runs.
    NotBegun,
    /// It runs, or has run out.
    Running,
    /// It stands in an open pause.
    Paused,
    /// The rule has no number.
    NoNumber,
}

/// The answer of [`deadline`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Deadline {
    /// How the clock stands.
    pub state: ClockState,
    /// The moment at which the time has run out: whatever is done at it or after it is late. `None` unless the clock
    /// is running.
    pub due: Option<Timestamp>,
    /// Until when the person must be told of an extension, where the rule allows one.
    pub extension_notice_by: Option<Timestamp>,
    /// Why the rule does not decide alone; a person must be asked unless this is empty.
    pub doubts: Vec<Doubt>,
}

impl Deadline {
    /// Whether a person must be asked before anything rests on this deadline.
    #[must_use]
    pub fn must_ask_a_person(&self) -> bool {
        !self.doubts.is_empty()
    }
}

/// When the time that `rule` gives runs out.
///
/// Days are counted in `zone`, and the day of the event is not counted (Regulation (EEC, Euratom) No 1182/71, Art. 3);
/// a period of days, months or years ends with its last day. It is not moved to the next working day, which some laws
/// permit: the earlier end is always in time. An extension follows the first period. Each day after the one on which
/// a pause began, up to the one on which it ended, is not counted; for hours and minutes the time of the pause is not.
///
/// ```
/// use wzapi_policy::deadline::{BusinessCalendar, Start, deadline};
/// use wzapi_policy::regimes::RegimeRules;
/// use wzapi_policy::zone::UtcOffset;
///
/// let rules = RegimeRules::shipped()?;
/// let rule = rules.rule("uk.gdpr.dsr.respond").unwrap();
/// let start = Start::at("2027-01-31T10:00:00Z".parse()?);
/// let answer = deadline(rule, &start, &[], None, &BusinessCalendar::weekdays(), UtcOffset::UTC);
/// assert_eq!(answer.due, Some("2027-03-01".parse()?), "through the whole of 28 February");
/// assert!(!answer.must_ask_a_person());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn deadline(
    rule: &RegimeRule,
    start: &Start,
    pauses: &[Pause],
    extension: Option<ExtensionTaken>,
    calendar: &BusinessCalendar,
    zone: UtcOffset,
) -> Deadline {
    let mut doubts = rule.doubts(zone.date_of(start.received));
    let without = |state, doubts| Deadline { state, due: None, extension_notice_by: None, doubts };
    let Limit::AtMost(length) = rule.limit else {
        // Floors, ages and lead times are no deadlines either, and have no number here.
        if !doubts.iter().any(|doubt| matches!(doubt, Doubt::NoNumber { .. })) {
            doubts.push(Doubt::NoNumber { rule: rule.id.clone() });
        }
        return without(ClockState::NoNumber, doubts);
    };
    let Some(begins) = beginning(rule, start) else { return without(ClockState::NotBegun, doubts) };
    if !rule.pauses_for_clarification && !pauses.is_empty() {
        doubts.push(Doubt::PauseRefused { rule: rule.id.clone() });
    }
    let pauses = if rule.pauses_for_clarification { pauses } else { &[] };
    let countdown = Countdown { begins, pauses: clock::merged(pauses), calendar, zone };
    let mut due = countdown.end_of(&[length]);
    let notice = rule.extension.and_then(|extension| extension.notice_within);
    let extension_notice_by = notice.and_then(|within| countdown.end_of(&[within]).ok());
    if let Some(taken) = extension {
        match rule.extension {
            Some(more) if is_in_time(taken, extension_notice_by, &due) => {
                due = countdown.end_of(&[length, more.length]);
            }
            _ => doubts.push(Doubt::ExtensionRefused { rule: rule.id.clone() }),
        }
    }
    match due {
        Ok(due) => Deadline { state: ClockState::Running, due: Some(due), extension_notice_by, doubts },
        Err(clock::NoEnd::Paused) => Deadline { extension_notice_by, ..without(ClockState::Paused, doubts) },
        Err(clock::NoEnd::NoBusinessDays) => {
            doubts.push(Doubt::NoBusinessDays);
            without(ClockState::Running, doubts)
        }
    }
}

/// The latest of the events from which the rule's time runs; `None` while one is awaited. A rule without anchors
/// runs from the receipt.
fn beginning(rule: &RegimeRule, start: &Start) -> Option<Timestamp> {
    let mut latest = start.received;
    for anchor in &rule.anchors {
        match start.steps.get(anchor) {
            Some(Step::Done(moment)) => latest = latest.max(*moment),
            Some(Step::Waiting) => return None,
            Some(Step::NotNeeded) | None => {}
        }
    }
    Some(latest)
}

/// Whether the person was told of the extension before the first period, or the time for telling, ran out. In an open
/// pause neither has.
fn is_in_time(
    taken: ExtensionTaken,
    notice_by: Option<Timestamp>,
    first: &Result<Timestamp, clock::NoEnd>,
) -> bool {
    let limit = notice_by.or_else(|| first.as_ref().ok().copied());
    limit.is_none_or(|limit| taken.notified < limit)
}

/// A length of time, for callers who count without a rule.
///
/// Returns the moment at which `length` after `begins` has run out, without pauses; `None` when it is counted in
/// business days and the calendar has none.
#[must_use]
pub fn end_of(
    length: Length,
    begins: Timestamp,
    calendar: &BusinessCalendar,
    zone: UtcOffset,
) -> Option<Timestamp> {
    Countdown { begins, pauses: Vec::new(), calendar, zone }.end_of(&[length]).ok()
}
