//! Whether people are written to more often or at other hours.

use std::collections::BTreeSet;

use chrono::NaiveTime;

use crate::difference::classify::change;
use crate::difference::{Change, ChangeKind, Direction};
use crate::file::{FrequencyLimit, QuietHours};
use crate::term::Term;

/// The changes between two lists of limits. A limit that a new one makes idle took nothing away when it went, and one that
/// an old one made idle adds nothing.
pub(super) fn limits(path: &str, old: &[FrequencyLimit], new: &[FrequencyLimit]) -> Vec<Change> {
    let (old, new): (BTreeSet<&FrequencyLimit>, BTreeSet<&FrequencyLimit>) =
        (old.iter().collect(), new.iter().collect());
    let is_implied = |limit: &FrequencyLimit, by: &BTreeSet<&FrequencyLimit>| {
        by.iter().any(|tighter| tighter.implies(limit))
    };
    let mut changes = Vec::new();
    for gone in old.difference(&new) {
        let direction = if is_implied(gone, &new) { Direction::Editorial } else { Direction::AgainstPerson };
        changes.push(limit(path, direction, format!("a limit is gone: {}", described(gone))));
    }
    for added in new.difference(&old) {
        let direction = if is_implied(added, &old) { Direction::Editorial } else { Direction::Favourable };
        changes.push(limit(path, direction, format!("a limit is new: {}", described(added))));
    }
    changes
}

fn limit(path: &str, direction: Direction, summary: String) -> Change {
    change(path.to_owned(), ChangeKind::Sending, direction, summary)
}

fn described(limit: &FrequencyLimit) -> String {
    format!("{}, at most {} within {}", Term::as_str(limit.category), limit.at_most, limit.within)
}

/// For whom another beginning or end of the quiet hours is: more of the day is for the person, less of it and another part
/// of it against.
pub(super) fn hours(old: Option<&QuietHours>, new: Option<&QuietHours>) -> Direction {
    let (Some(old), Some(new)) = (old, new) else { return Direction::AgainstPerson };
    let mut minutes = (0..24 * 60).filter_map(|minute| NaiveTime::from_hms_opt(minute / 60, minute % 60, 0));
    let are_kept = minutes.all(|minute| !old.hold_at(minute) || new.hold_at(minute));
    if are_kept { Direction::Favourable } else { Direction::AgainstPerson }
}
