//! Who had an identifier when: intervals that follow each other, of which a gate row keeps the ends.

use std::time::Duration;

use wzapi_model::Timestamp;
use wzapi_model::ids::SubjectId;
use wzapi_storage::row::{IdentifierRow, Tenure};

/// The most former holders of an identifier who are remembered.
const MAX_FORMER_HOLDERS: usize = 16;

/// The moment before one.
pub(super) fn just_before(at: Timestamp) -> Timestamp {
    at.saturating_sub(Duration::from_millis(1))
}

/// Who had an identifier when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tenures {
    /// The earliest first; each begins where the one before it ends.
    pub(super) ended: Vec<Tenure>,
    /// Who has it, or had it last.
    pub(super) last: SubjectId,
    pub(super) left_at: Option<Timestamp>,
}

impl Tenures {
    pub(super) fn of(row: &IdentifierRow) -> Self {
        Self { ended: row.former.clone(), last: row.subject, left_at: row.left_at }
    }

    /// Whose it was at the moment of an act, or is now for an act that nobody dated.
    pub(super) fn at(&self, acted_at: Option<Timestamp>) -> Option<SubjectId> {
        let then = acted_at.and_then(|acted| self.ended.iter().find(|tenure| acted <= tenure.until));
        let is_last = || self.left_at.is_none_or(|left| acted_at.is_some_and(|acted| acted <= left));
        then.map(|tenure| tenure.subject).or_else(|| is_last().then_some(self.last))
    }

    /// Until when a subject had it, if it no longer does.
    pub(super) fn end_of(&self, subject: SubjectId) -> Option<Timestamp> {
        if self.last == subject {
            return self.left_at;
        }
        self.ended.iter().rev().find(|tenure| tenure.subject == subject).map(|tenure| tenure.until)
    }

    /// Everybody who had it at that moment or later.
    pub(super) fn since(&self, at: Timestamp) -> impl Iterator<Item = SubjectId> {
        let later = self.ended.iter().filter(move |tenure| at <= tenure.until).map(|tenure| tenure.subject);
        later.chain(std::iter::once(self.last))
    }

    /// `to` has it from a moment on, for as long as whoever had it then; from then on when nobody had.
    pub(super) fn pass(&mut self, to: SubjectId, at: Timestamp) {
        let until = just_before(at);
        match self.ended.iter().position(|tenure| at <= tenure.until) {
            Some(position) => {
                if let Some(tenure) = self.ended.get_mut(position) {
                    let cut = Tenure { subject: tenure.subject, until };
                    tenure.subject = to;
                    self.ended.insert(position, cut);
                }
            }
            None => {
                let until = self.left_at.map_or(until, |left| left.min(until));
                self.ended.push(Tenure { subject: self.last, until });
                if self.left_at.is_some_and(|left| left < at) {
                    self.left_at = None;
                }
                self.last = to;
            }
        }
        self.tidy();
    }

    /// `by` had it up to a moment, whoever had it after that.
    pub(super) fn precede(&mut self, by: SubjectId, until: Timestamp) {
        let position = self.ended.partition_point(|tenure| tenure.until < until);
        self.ended.insert(position, Tenure { subject: by, until });
        self.tidy();
    }

    /// `subject` had it no longer than up to a moment; whether that is news.
    pub(super) fn end(&mut self, subject: SubjectId, at: Timestamp) -> bool {
        if self.last == subject && self.left_at.is_none_or(|left| left > at) {
            self.left_at = Some(at);
            return true;
        }
        let later = self.ended.iter_mut().find(|tenure| tenure.subject == subject && tenure.until > at);
        later.map(|tenure| tenure.until = at).is_some()
    }

    pub(super) fn write_into(self, row: &mut IdentifierRow) {
        row.former = self.ended;
        row.subject = self.last;
        row.left_at = self.left_at;
    }

    /// Joins tenures of one holder that follow each other, and forgets the earliest when there are too many.
    fn tidy(&mut self) {
        self.ended.sort_by_key(|tenure| tenure.until);
        self.ended.dedup_by(|later, earlier| {
            let is_same = later.subject == earlier.subject;
            if is_same {
                earlier.until = later.until;
            }
            is_same
        });
        // The last one's tenure goes on from its former one, unless the identifier was nobody's in between.
        if self.ended.last().is_some_and(|tenure| tenure.subject == self.last) && self.left_at.is_none() {
            self.ended.pop();
        }
        let forgotten = self.ended.len().saturating_sub(MAX_FORMER_HOLDERS);
        self.ended.drain(..forgotten);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn who(one: u8) -> SubjectId {
        SubjectId::from_bytes([one; 16])
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds).unwrap()
    }

    fn held_by(one: u8) -> Tenures {
        Tenures { ended: Vec::new(), last: who(one), left_at: None }
    }

    #[test]
    fn holders_follow_each_other_in_whatever_order_they_become_known() {
        let mut in_order = held_by(1);
        in_order.pass(who(2), at(20));
        in_order.pass(who(3), at(30));
        let mut reversed = held_by(3);
        reversed.precede(who(1), just_before(at(30)));
        reversed.pass(who(2), at(20));
        assert_eq!(in_order, reversed);
        for (second, holder) in [(0, 1), (19, 1), (20, 2), (29, 2), (30, 3), (99, 3)] {
            assert_eq!(in_order.at(Some(at(second))), Some(who(holder)), "{second}");
        }
        assert_eq!(in_order.at(None), Some(who(3)));
    }

    #[test]
    fn who_left_has_it_no_more_and_what_happened_before_stays_theirs() {
        let mut tenures = held_by(1);
        assert!(tenures.end(who(1), at(10)) && !tenures.end(who(1), at(10)));
        assert_eq!(tenures.at(None), None);
        assert_eq!(tenures.at(Some(at(10))), Some(who(1)));
        assert_eq!(tenures.at(Some(at(11))), None);
        tenures.pass(who(2), at(20));
        assert_eq!(tenures.at(Some(at(10))), Some(who(1)));
        assert_eq!(tenures.at(None), Some(who(2)));
    }

    #[test]
    fn an_earlier_end_that_becomes_known_later_moves_the_beginning_of_the_next_one() {
        let mut tenures = held_by(1);
        tenures.pass(who(2), at(20));
        tenures.pass(who(2), at(17));
        assert_eq!(tenures.at(Some(at(17))), Some(who(2)));
        assert_eq!(tenures.at(Some(at(16))), Some(who(1)));
        assert_eq!(tenures.ended.len(), 1);
    }

    #[test]
    fn the_earliest_of_too_many_are_forgotten() {
        let mut tenures = held_by(0);
        for one in 1..=40 {
            tenures.pass(who(one), at(i64::from(one)));
        }
        assert_eq!(tenures.ended.len(), MAX_FORMER_HOLDERS);
        assert_eq!(tenures.at(None), Some(who(40)));
    }
}
