//! Whether records are kept longer.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use crate::difference::classify::change;
use crate::difference::{Change, ChangeKind, Direction};
use crate::period::compare_over_dates;
use crate::retention::Ground;
use crate::term::Term;

/// The changes between two lists of grounds. A ground that is gone and one that is new are the same ground changed when
/// kind and trigger agree.
pub(super) fn changes(path: &str, old: &[Ground], new: &[Ground]) -> Vec<Change> {
    let (old, new): (BTreeSet<&Ground>, BTreeSet<&Ground>) = (old.iter().collect(), new.iter().collect());
    let mut gone: Vec<&Ground> = old.difference(&new).copied().collect();
    let mut changes = Vec::new();
    for added in new.difference(&old) {
        let pair = gone
            .iter()
            .position(|removed| removed.kind == added.kind && removed.trigger == added.trigger)
            .map(|index| gone.remove(index));
        changes.push(match pair {
            Some(removed) => changed(path, removed, added),
            None => change(
                path.to_owned(),
                ChangeKind::Retention,
                Direction::AgainstPerson,
                format!("a ground is new: {}", described(added)),
            ),
        });
    }
    changes.extend(gone.into_iter().map(|removed| {
        change(
            path.to_owned(),
            ChangeKind::Retention,
            Direction::Favourable,
            format!("a ground is gone: {}", described(removed)),
        )
    }));
    changes
}

fn changed(path: &str, old: &Ground, new: &Ground) -> Change {
    let lasts = compare_over_dates(|date| new.last_day(date), |date| old.last_day(date));
    let proceedings = match (new.after_proceedings, old.after_proceedings) {
        (None, None) => Some(Ordering::Equal),
        (Some(_), None) => Some(Ordering::Greater),
        (None, Some(_)) => Some(Ordering::Less),
        (Some(new), Some(old)) => new.compare(old),
    };
    let direction = match (lasts, proceedings) {
        (Some(Ordering::Equal), Some(Ordering::Equal)) => Direction::Editorial,
        (Some(Ordering::Less | Ordering::Equal), Some(Ordering::Less | Ordering::Equal)) => {
            Direction::Favourable
        }
        _ => Direction::AgainstPerson,
    };
    let kind = if direction == Direction::Editorial { ChangeKind::Citation } else { ChangeKind::Retention };
    let summary = format!("a ground was {} and is {}", described(old), described(new));
    change(path.to_owned(), kind, direction, summary)
}

fn described(ground: &Ground) -> String {
    let mut text = format!("{}, {} from {}", ground.kind.as_str(), ground.period, ground.trigger.as_str());
    if let Some(citation) = &ground.citation {
        text.push_str(&format!(" ({citation})"));
    }
    text
}
