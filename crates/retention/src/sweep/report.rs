//! What a sweep did, or would do.

use std::collections::BTreeMap;

use serde::Serialize;
use wzapi_model::name::DataCategory;
use wzapi_policy::retention::{Assessment, End, Reason};
use wzapi_policy::term::Term;
use wzapi_storage::row::SweepCounts;
use wzapi_vault::vault::Fate;

/// What became of the records of one category.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct CategoryReport {
    /// Disposed of, or to be disposed of.
    pub disposed: u64,
    /// Kept by a ground that ends later than was noted.
    pub deferred: u64,
    /// Kept by a legal hold.
    pub on_hold: u64,
    /// Kept by an open request of the person.
    pub frozen: u64,
    /// A person is asked, or was asked before.
    pub for_review: u64,
    /// Kept because an event of theirs is not known to this version of the library.
    pub undecided: u64,
    /// Why those that go do: which ground was the last to end, and how many had it.
    pub last_grounds: BTreeMap<String, u64>,
}

/// What a sweep did, or would do.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct SweepReport {
    /// How many records came up.
    pub looked_at: u64,
    /// Data keys that were destroyed with the last record that they sealed.
    pub keys_destroyed: u64,
    /// Records that were looked at because the policy changed.
    pub reevaluated: u64,
    /// Those among them that got another end.
    pub rescheduled: u64,
    /// By category.
    pub categories: BTreeMap<DataCategory, CategoryReport>,
    /// How many records were due when it began, as far as they were counted.
    pub due_at_start: Option<u64>,
    /// Whether it came to the end of what is due.
    pub is_complete: bool,
}

impl SweepReport {
    /// Notes what is to become of a record.
    pub(super) fn note(&mut self, category: &DataCategory, fate: &Fate, assessment: Option<&Assessment>) {
        self.looked_at += 1;
        let of = self.categories.entry(category.clone()).or_default();
        match fate {
            Fate::Dispose => {
                of.disposed += 1;
                let ground = assessment.map_or_else(String::new, last_ground);
                *of.last_grounds.entry(ground).or_default() += 1;
            }
            Fate::AskForReview | Fate::InReview => of.for_review += 1,
            Fate::KeptUntil(_) => of.deferred += 1,
            Fate::OnHold(_) => of.on_hold += 1,
            Fate::Frozen => of.frozen += 1,
            Fate::UnknownEvent => of.undecided += 1,
        }
    }

    /// How many were disposed of, over all categories.
    #[must_use]
    pub fn disposed(&self) -> u64 {
        self.categories.values().map(|of| of.disposed).sum()
    }

    /// How much of what was due when it began came up, of 100; `None` when that was not counted.
    #[must_use]
    pub fn percent(&self) -> Option<u64> {
        let due = self.due_at_start?.max(self.looked_at);
        Some(self.looked_at.saturating_mul(100).checked_div(due).unwrap_or(100))
    }

    /// Adds what a chunk did.
    pub(super) fn add(&mut self, other: Self) {
        self.looked_at += other.looked_at;
        self.keys_destroyed += other.keys_destroyed;
        for (category, added) in other.categories {
            let of = self.categories.entry(category).or_default();
            of.disposed += added.disposed;
            of.deferred += added.deferred;
            of.on_hold += added.on_hold;
            of.frozen += added.frozen;
            of.for_review += added.for_review;
            of.undecided += added.undecided;
            for (ground, count) in added.last_grounds {
                *of.last_grounds.entry(ground).or_default() += count;
            }
        }
    }

    /// What the row of the sweep counts.
    pub(super) fn counts(&self) -> SweepCounts {
        let mut counts = SweepCounts::default();
        for of in self.categories.values() {
            counts.disposed += of.disposed;
            counts.deferred += of.deferred;
            counts.held += of.on_hold + of.frozen + of.undecided;
            counts.for_review += of.for_review;
        }
        counts
    }
}

/// The ground that was the last to end: its provision, or its kind.
fn last_ground(assessment: &Assessment) -> String {
    let ends = assessment.reasons.iter().filter_map(|reason| match reason {
        Reason::Ground { kind, citation, until: End::At(end), .. } => Some((*end, *kind, citation)),
        Reason::Ground { .. } | Reason::Hold { .. } => None,
    });
    let last = ends.max_by_key(|(end, ..)| *end);
    last.map_or_else(
        || "nothing keeps it".to_owned(),
        |(_, kind, citation)| citation.clone().unwrap_or_else(|| kind.as_str().to_owned()),
    )
}
