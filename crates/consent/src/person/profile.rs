//! What the identifiers of a person have in common. All living rows of one subject carry the same.

use std::collections::BTreeMap;

use wzapi_model::Timestamp;
use wzapi_storage::key::Key;
use wzapi_storage::row::{AgeMark, IdentifierRow, Reach, ScopeMarks, SentMark, Window};

use crate::recording::MAX_WINDOWS;
use crate::standing;

/// What is known about a person, under whichever identifier.
#[derive(Debug, Clone, Default)]
pub(super) struct Profile {
    pub(super) marks: Vec<ScopeMarks>,
    windows: Vec<Window>,
    age: Option<AgeMark>,
    reach: Reach,
    sent: Vec<SentMark>,
}

impl Profile {
    /// What the living ones of these rows carry, joined.
    pub(super) fn of(rows: &[(Key, IdentifierRow)]) -> Self {
        let mut profile = Self::default();
        for (_, row) in rows.iter().filter(|(_, row)| row.left_at.is_none()) {
            profile.join(&Self {
                marks: row.marks.clone(),
                windows: row.windows.clone(),
                age: row.age,
                reach: row.reach,
                sent: row.sent.clone(),
            });
        }
        profile
    }

    /// Joins what is known of one who is the same person. It is commutative, associative and idempotent.
    pub(super) fn join(&mut self, other: &Self) {
        standing::join(&mut self.marks, &other.marks);
        for window in &other.windows {
            join_window(&mut self.windows, *window);
        }
        self.age = self.age.into_iter().chain(other.age).max_by_key(|age| (age.mark.at, age.band, age.mark));
        self.reach = Reach {
            held_back_at: self.reach.held_back_at.max(other.reach.held_back_at),
            undeliverable_at: self.reach.undeliverable_at.max(other.reach.undeliverable_at),
            reached_at: self.reach.reached_at.max(other.reach.reached_at),
        };
        self.sent = most_of_each(&self.sent, &other.sent);
    }

    /// Without what came after a moment: somebody else may have done it.
    pub(super) fn until(&self, at: Timestamp) -> Self {
        let mut profile = self.clone();
        profile.marks = standing::taken_along(&self.marks, at);
        profile.windows.retain(|window| window.last_inbound <= at);
        profile
    }

    /// Without the grants up to a moment: somebody else gave them.
    pub(super) fn after(&self, at: Timestamp) -> Self {
        let mut profile = self.clone();
        profile.marks = standing::left_behind(&self.marks, at);
        profile.windows.retain(|window| window.last_inbound > at);
        profile
    }

    /// What a person takes along to an identifier that they moved to: windows stay behind, and how messages to the old
    /// one fared says nothing about the new one.
    pub(super) fn moved(self) -> Self {
        Self { windows: Vec::new(), reach: Reach::default(), ..self }
    }

    pub(super) fn write_into(&self, row: &mut IdentifierRow) {
        row.marks.clone_from(&self.marks);
        row.windows.clone_from(&self.windows);
        row.age = self.age;
        row.reach = self.reach;
        row.sent.clone_from(&self.sent);
    }
}

/// What stays on an identifier that somebody left: what its holders denied, and nothing else about them.
pub(super) fn deserted(row: &IdentifierRow) -> IdentifierRow {
    let mut left = row.clone();
    Profile { marks: denials(&row.marks), ..Profile::default() }.write_into(&mut left);
    left
}

/// The denials alone, those that a resumption in WhatsApp ended as ended.
pub(super) fn denials(marks: &[ScopeMarks]) -> Vec<ScopeMarks> {
    standing::left_behind(marks, Timestamp::MAX)
}

/// The denials alone, all of them standing: what is known of one who only may be the same person.
pub(super) fn bare_denials(marks: &[ScopeMarks]) -> Vec<ScopeMarks> {
    let bare = marks.iter().map(|mark| ScopeMarks {
        denied: mark.denied,
        voided: mark.voided,
        stopped: mark.stopped,
        doubted: mark.doubted,
        ..ScopeMarks::unmarked(mark.scope.clone())
    });
    bare.filter(|mark| *mark != ScopeMarks::unmarked(mark.scope.clone())).collect()
}

fn join_window(windows: &mut Vec<Window>, window: Window) {
    match windows.iter_mut().find(|known| known.sender == window.sender) {
        Some(known) => {
            known.last_inbound = known.last_inbound.max(window.last_inbound);
            known.last_free_entry = known.last_free_entry.max(window.last_free_entry);
        }
        None => windows.push(window),
    }
    windows.sort_by_key(|window| (std::cmp::Reverse(window.last_inbound), window.sender));
    windows.truncate(MAX_WINDOWS);
}

/// Each message as often as the row that has it most often says: rows of one person know of the same ones. What no limit
/// needs any more is dropped when the next one is noted.
fn most_of_each(one: &[SentMark], other: &[SentMark]) -> Vec<SentMark> {
    let mut counts: BTreeMap<SentMark, usize> = BTreeMap::new();
    for sent in [one, other] {
        let mut here: BTreeMap<SentMark, usize> = BTreeMap::new();
        sent.iter().for_each(|mark| *here.entry(*mark).or_default() += 1);
        for (mark, count) in here {
            let most = counts.entry(mark).or_default();
            *most = (*most).max(count);
        }
    }
    counts.into_iter().flat_map(|(mark, count)| std::iter::repeat_n(mark, count)).collect()
}
