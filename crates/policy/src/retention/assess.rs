//! Whether a record is kept now, why, and until when.

use std::collections::BTreeMap;

use wzapi_model::Timestamp;

use crate::retention::ground::{Ground, GroundKind, Trigger};
use crate::zone::UtcOffset;

/// Proceedings about a record: an audit, an appeal, a revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proceedings {
    /// When they were opened.
    pub opened: Timestamp,
    /// When they were finally concluded, if they were.
    pub concluded: Option<Timestamp>,
}

/// What happened to a record, as far as its retention depends on it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RecordEvents {
    /// When each event happened; of several of one kind, the last.
    pub occurred: BTreeMap<Trigger, Timestamp>,
    /// When the service lost its ground at once, whatever its periods say: the person asked for deletion and it was
    /// granted, or the purpose ended.
    pub service_ended: Option<Timestamp>,
    /// Proceedings about it.
    pub proceedings: Vec<Proceedings>,
}

/// A legal hold: a named matter for which records must stay (policy clause 6.c).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// The name of the matter.
    pub matter: String,
    /// When it was placed.
    pub placed: Timestamp,
    /// When it was released, if it was.
    pub released: Option<Timestamp>,
}

/// Until when a ground holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    /// It does not hold: its event has not happened.
    NotBegun,
    /// Up to this moment, which is excluded.
    At(Timestamp),
    /// No end is known yet: the account is open, proceedings are pending.
    Open,
}

/// What keeps a record, or kept it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// A ground of the policy.
    Ground {
        /// Its place in the list that was assessed.
        index: usize,
        /// Service or legal duty.
        kind: GroundKind,
        /// The provision, for a legal ground.
        citation: Option<String>,
        /// Until when it holds.
        until: End,
        /// Whether it holds now.
        holds: bool,
    },
    /// A legal hold in force now.
    Hold {
        /// The name of the matter.
        matter: String,
    },
}

/// How a record stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetentionState {
    /// A service ground holds: the record serves its purposes.
    InService,
    /// Only legal grounds hold: the record is readable for that duty alone.
    Restricted,
    /// Only a legal hold keeps the record: it is restricted to that matter.
    OnHold,
    /// Nothing keeps it: it is to be disposed of.
    Due,
}

/// The answer of [`assess`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Assessment {
    /// When the last ground ends; holds do not move it, they are looked up when the record comes up. `None` while
    /// no end is known.
    pub due_at: Option<Timestamp>,
    /// How the record stands now.
    pub state: RetentionState,
    /// Every ground in its order, then every hold in force.
    pub reasons: Vec<Reason>,
}

/// Whether a record with these grounds, events and holds is kept at `now`, why, and until when.
///
/// Days are counted in `zone`: a ground holds through its last day and ends with it. A record without grounds is
/// due since the epoch.
///
/// ```
/// use wzapi_policy::period::Period;
/// use wzapi_policy::retention::{
///     Ground, GroundKind, RecordEvents, RetentionCalendar, RetentionState, Trigger, assess,
/// };
/// use wzapi_policy::zone::UtcOffset;
///
/// let ground = Ground {
///     kind: GroundKind::Service,
///     trigger: Trigger::Collected,
///     period: Period::Years(1),
///     calendar: RetentionCalendar::Anniversary,
///     after_proceedings: None,
///     citation: None,
///     regime: None,
///     rule: None,
/// };
/// let events = RecordEvents {
///     occurred: [(Trigger::Collected, "2027-03-01T09:00:00Z".parse()?)].into(),
///     ..RecordEvents::default()
/// };
/// let answer = assess(&[ground], &events, &[], UtcOffset::UTC, "2027-06-01".parse()?);
/// assert_eq!(answer.state, RetentionState::InService);
/// assert_eq!(answer.due_at, Some("2028-03-02".parse()?), "through the whole of 1 March");
/// # Ok::<(), wzapi_model::time::TimeError>(())
/// ```
pub fn assess(
    grounds: &[Ground],
    events: &RecordEvents,
    holds: &[Hold],
    zone: UtcOffset,
    now: Timestamp,
) -> Assessment {
    let mut latest = End::NotBegun;
    let mut service = false;
    let mut legal = false;
    let mut reasons = Vec::with_capacity(grounds.len() + holds.len());
    for (index, ground) in grounds.iter().enumerate() {
        let until = end_of(ground, events, zone);
        let holds = match until {
            End::NotBegun => false,
            End::At(end) => end > now,
            End::Open => true,
        };
        match ground.kind {
            GroundKind::Service => service |= holds,
            GroundKind::Legal => legal |= holds,
        }
        latest = latest.max(until);
        let citation = ground.citation.clone();
        reasons.push(Reason::Ground { index, kind: ground.kind, citation, until, holds });
    }
    let in_force =
        holds.iter().filter(|hold| hold.placed <= now && hold.released.is_none_or(|released| released > now));
    let before = reasons.len();
    reasons.extend(in_force.map(|hold| Reason::Hold { matter: hold.matter.clone() }));
    let held = reasons.len() > before;
    let state = match (service, legal, held) {
        (true, _, _) => RetentionState::InService,
        (false, true, _) => RetentionState::Restricted,
        (false, false, true) => RetentionState::OnHold,
        (false, false, false) => RetentionState::Due,
    };
    let due_at = match latest {
        End::NotBegun => Some(Timestamp::EPOCH),
        End::At(end) => Some(end),
        End::Open => None,
    };
    Assessment { due_at, state, reasons }
}

fn end_of(ground: &Ground, events: &RecordEvents, zone: UtcOffset) -> End {
    let began = events.occurred.get(&ground.trigger).or_else(|| {
        let falls_back = ground.trigger == Trigger::LastActivity;
        events.occurred.get(&Trigger::Collected).filter(|_| falls_back)
    });
    let own = match began {
        Some(moment) => End::At(zone.end_of(ground.last_day(zone.date_of(*moment)))),
        None if ground.trigger.ends_a_state() => End::Open,
        None => End::NotBegun,
    };
    match ground.kind {
        GroundKind::Service => match (own, events.service_ended) {
            (End::At(end), Some(ended)) => End::At(end.min(ended)),
            (End::Open, Some(ended)) => End::At(ended),
            (own, _) => own,
        },
        GroundKind::Legal => prolonged(ground, own, events, zone),
    }
}

/// The end of a legal ground, with the proceedings that began while it held.
fn prolonged(ground: &Ground, own: End, events: &RecordEvents, zone: UtcOffset) -> End {
    let Some(after) = ground.after_proceedings else { return own };
    let End::At(mut end) = own else { return own };
    let mut proceedings = events.proceedings.clone();
    proceedings.sort_by_key(|one| one.opened);
    for one in proceedings {
        if one.opened >= end {
            break;
        }
        match one.concluded {
            None => return End::Open,
            Some(concluded) => end = end.max(zone.end_of(after.after(zone.date_of(concluded)))),
        }
    }
    End::At(end)
}
