//! The fold: what a set of acts amounts to.
//!
//! Per scope, only the latest act of each sort matters, so acts fold into [`ScopeMarks`] by taking maxima. That
//! is commutative, associative and idempotent: the same acts give the same marks in every order and however
//! often each arrives. A question about one purpose, channel and sender is answered from the marks of every
//! scope that covers it.
//!
//! The rules, in the order in which they apply:
//!
//! 1. The effective time of an act is the earlier of act and record.
//! 2. A platform stop is over when a platform resumption is later than it. Nothing else ends by a resumption.
//! 3. A doubt is over when it was cleared later than it. Nothing else ends by being cleared.
//! 4. A denial (refusal, withdrawal, objection, revocation, invalidation, platform stop, doubt) holds until a later
//!    direct grant; it wins a tie. Of several that hold, an act is told before a stop, and a stop before a doubt.
//! 5. An imported grant counts only while there is no denial at all, not even one that a later grant ended. A stop
//!    that was resumed and a doubt that was cleared are none.
//! 6. Grants up to the moment at which the identifier changed hands do not count; denials do.
//! 7. The latest grant that counts decides when the consent expires.

use std::cmp::Reverse;

use wzapi_model::Timestamp;
use wzapi_model::consent::{ConsentAct, ConsentScope, ConsentState, Provenance, Question};
use wzapi_model::ids::EntryId;
use wzapi_storage::row::{DenialMark, GrantMark, Mark, NoticeMark, ScopeMarks};

/// An act, as far as the fold is concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EffectiveAct {
    /// What happened.
    pub act: ConsentAct,
    /// How far it reaches.
    pub scope: ConsentScope,
    /// Where the record comes from.
    pub provenance: Provenance,
    /// The earlier of act and record.
    pub effective_at: Timestamp,
    /// When a grant ends by itself.
    pub expires_at: Option<Timestamp>,
    /// The notice that a grant rests on.
    pub notice: Option<NoticeMark>,
    /// Whether a parent or guardian gave a grant.
    pub by_guardian: bool,
    /// The ledger entry that records it.
    pub entry: EntryId,
}

/// What stands behind a denial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DenialCause {
    /// An act: refusal, withdrawal, objection, revocation or invalidation.
    Act,
    /// A stop in WhatsApp itself.
    PlatformStop,
    /// A message that may have been an opt-out, and that nobody has judged yet.
    Doubt,
}

/// What the acts amount to, for one question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct Standing {
    /// The state.
    pub state: ConsentState,
    /// The act that decided it: its effective time and its ledger entry. `None` for [`ConsentState::Unknown`].
    pub because: Option<Mark>,
    /// What stands behind a denial; `None` for every state that denies nothing.
    pub cause: Option<DenialCause>,
    /// The grant that decided, for [`ConsentState::Given`] and [`ConsentState::Expired`]: its end, its notice and
    /// whether a guardian gave it.
    pub grant: Option<GrantMark>,
}

impl Standing {
    /// Where a person stands of whom nothing is on record.
    pub const UNKNOWN: Self = Self { state: ConsentState::Unknown, because: None, cause: None, grant: None };

    const fn requested(request: Mark) -> Self {
        Self { state: ConsentState::Requested, because: Some(request), ..Self::UNKNOWN }
    }

    const fn denied(state: ConsentState, because: Mark, cause: DenialCause) -> Self {
        Self { state, because: Some(because), cause: Some(cause), grant: None }
    }

    const fn granted(state: ConsentState, grant: GrantMark) -> Self {
        Self { state, because: Some(grant.mark), cause: None, grant: Some(grant) }
    }

    /// Whether somebody said no, and nothing has ended that.
    #[must_use]
    pub const fn is_denied(&self) -> bool {
        match self.state {
            ConsentState::Refused
            | ConsentState::Withdrawn
            | ConsentState::Revoked
            | ConsentState::Invalidated => true,
            ConsentState::Unknown | ConsentState::Requested | ConsentState::Given | ConsentState::Expired => {
                false
            }
        }
    }
}

/// Folds one act into the marks, which stay sorted by scope.
pub fn apply(marks: &mut Vec<ScopeMarks>, act: &EffectiveAct) {
    let mark = Mark { at: act.effective_at, entry: act.entry };
    let grant =
        GrantMark { mark, expires_at: act.expires_at, notice: act.notice, by_guardian: act.by_guardian };
    let mut added = ScopeMarks::unmarked(act.scope.clone());
    match (act.act, act.provenance) {
        (ConsentAct::Given, Provenance::Direct) => added.granted = Some(grant),
        (ConsentAct::Given, Provenance::Imported) => added.imported = Some(grant),
        (ConsentAct::Requested, _) => added.requested = Some(mark),
        (ConsentAct::PlatformStopped, _) => added.stopped = Some(mark),
        (ConsentAct::PlatformResumed, _) => added.resumed = Some(mark),
        (ConsentAct::Doubted, _) => added.doubted = Some(mark),
        (ConsentAct::DoubtCleared, _) => added.cleared = Some(mark),
        (ConsentAct::Refused | ConsentAct::Withdrawn | ConsentAct::Objected | ConsentAct::Erased, _) => {
            added.denied = Some(DenialMark { mark, act: act.act });
        }
        (ConsentAct::Revoked | ConsentAct::Invalidated, _) => {
            added.voided = Some(DenialMark { mark, act: act.act });
        }
    }
    join_scope(marks, &added);
}

/// Folds all of `other` into `marks`.
pub fn join(marks: &mut Vec<ScopeMarks>, other: &[ScopeMarks]) {
    other.iter().for_each(|added| join_scope(marks, added));
}

/// What stays with an identifier that went to another person at `left_at`: denials, and what came later. A stop that was
/// resumed by then, and a doubt that was cleared, are over and do not stay; what ended them ends nobody else's.
#[must_use]
pub fn left_behind(marks: &[ScopeMarks], left_at: Timestamp) -> Vec<ScopeMarks> {
    let later = |end: &Mark| end.at > left_at;
    let standing = |denial: Option<Mark>, end: Option<Mark>| {
        denial.filter(|denial| end.is_none_or(|end| later(&end) || end.at <= denial.at))
    };
    let kept = marks.iter().map(|mark| ScopeMarks {
        granted: mark.granted.filter(|grant| grant.mark.at > left_at),
        imported: mark.imported.filter(|grant| grant.mark.at > left_at),
        requested: mark.requested.filter(|request| request.at > left_at),
        stopped: standing(mark.stopped, mark.resumed),
        resumed: mark.resumed.filter(later),
        doubted: standing(mark.doubted, mark.cleared),
        cleared: mark.cleared.filter(later),
        ..mark.clone()
    });
    kept.filter(|mark| *mark != ScopeMarks::unmarked(mark.scope.clone())).collect()
}

/// What a person takes along to an identifier that they moved to at `moved_at`: denials, and grants up to then, and what
/// ended a stop or a doubt up to then. Only the latest of each is known; when that came later, it may be somebody else's,
/// and an earlier one does not count either.
#[must_use]
pub fn taken_along(marks: &[ScopeMarks], moved_at: Timestamp) -> Vec<ScopeMarks> {
    let earlier = |end: &Mark| end.at <= moved_at;
    let kept = marks.iter().map(|mark| ScopeMarks {
        granted: mark.granted.filter(|grant| grant.mark.at <= moved_at),
        imported: mark.imported.filter(|grant| grant.mark.at <= moved_at),
        resumed: mark.resumed.filter(earlier),
        cleared: mark.cleared.filter(earlier),
        ..mark.clone()
    });
    kept.filter(|mark| *mark != ScopeMarks::unmarked(mark.scope.clone())).collect()
}

/// Answers one question. `left_at` is when the identifier last changed hands.
pub fn answer(
    marks: &[ScopeMarks],
    question: &Question<'_>,
    left_at: Option<Timestamp>,
    now: Timestamp,
) -> Standing {
    let mut found = ScopeMarks::unmarked(ConsentScope::everything());
    for mark in marks.iter().filter(|mark| mark.scope.covers(question)) {
        merge(&mut found, mark);
    }
    let counts = |grant: &GrantMark| left_at.is_none_or(|left| grant.mark.at > left);
    let granted = found.granted.filter(counts);
    let imported = found.imported.filter(counts);
    let outlives = |denial: &Mark, end: Option<Mark>| end.is_none_or(|end| end.at <= denial.at);
    let stopped = found.stopped.filter(|stop| outlives(stop, found.resumed));
    let doubted = found.doubted.filter(|doubt| outlives(doubt, found.cleared));

    let is_standing = |denial: Mark| granted.is_none_or(|grant| grant.mark.at <= denial.at);
    let denied = found.denied.max_by(found.voided, denial_order);
    if let Some(denial) = denied.filter(|denial| is_standing(denial.mark)) {
        return Standing::denied(state_of_denial(denial.act), denial.mark, DenialCause::Act);
    }
    if let Some(stop) = stopped.filter(|stop| is_standing(*stop)) {
        return Standing::denied(ConsentState::Withdrawn, stop, DenialCause::PlatformStop);
    }
    if let Some(doubt) = doubted.filter(|doubt| is_standing(*doubt)) {
        return Standing::denied(ConsentState::Withdrawn, doubt, DenialCause::Doubt);
    }
    let imported = imported.filter(|_| denied.is_none() && stopped.is_none() && doubted.is_none());
    let decisive = [granted, imported].into_iter().flatten().max_by_key(grant_order);
    match (decisive, found.requested) {
        (Some(grant), _) if grant.expires_at.is_some_and(|end| end <= now) => {
            Standing::granted(ConsentState::Expired, grant)
        }
        (Some(grant), _) => Standing::granted(ConsentState::Given, grant),
        (None, Some(request)) => Standing::requested(request),
        (None, None) => Standing::UNKNOWN,
    }
}

/// The state that a denial leaves behind.
const fn state_of_denial(act: ConsentAct) -> ConsentState {
    match act {
        ConsentAct::Refused => ConsentState::Refused,
        ConsentAct::Revoked => ConsentState::Revoked,
        ConsentAct::Invalidated => ConsentState::Invalidated,
        // The rest are the person's own no; acts that are no denials never get here, and would deny if they did.
        ConsentAct::Withdrawn
        | ConsentAct::Objected
        | ConsentAct::Erased
        | ConsentAct::PlatformStopped
        | ConsentAct::Requested
        | ConsentAct::Given
        | ConsentAct::PlatformResumed
        | ConsentAct::Doubted
        | ConsentAct::DoubtCleared => ConsentState::Withdrawn,
    }
}

fn join_scope(marks: &mut Vec<ScopeMarks>, added: &ScopeMarks) {
    match marks.binary_search_by(|mark| mark.scope.cmp(&added.scope)) {
        Ok(position) => {
            if let Some(mark) = marks.get_mut(position) {
                merge(mark, added);
            }
        }
        Err(position) => marks.insert(position, added.clone()),
    }
}

fn merge(into: &mut ScopeMarks, from: &ScopeMarks) {
    into.granted = into.granted.max_by(from.granted, grant_order);
    into.imported = into.imported.max_by(from.imported, grant_order);
    into.denied = into.denied.max_by(from.denied, denial_order);
    into.voided = into.voided.max_by(from.voided, denial_order);
    into.stopped = into.stopped.max_by(from.stopped, |mark| *mark);
    into.resumed = into.resumed.max_by(from.resumed, |mark| *mark);
    into.requested = into.requested.max_by(from.requested, |mark| *mark);
    into.doubted = into.doubted.max_by(from.doubted, |mark| *mark);
    into.cleared = into.cleared.max_by(from.cleared, |mark| *mark);
}

fn denial_order(denial: &DenialMark) -> (Mark, ConsentAct) {
    (denial.mark, denial.act)
}

/// Later is greater; of two at the same moment, the one that ends sooner.
fn grant_order(grant: &GrantMark) -> (Timestamp, Reverse<Timestamp>, EntryId) {
    (grant.mark.at, Reverse(grant.expires_at.unwrap_or(Timestamp::MAX)), grant.mark.entry)
}

trait MaxBy<T> {
    fn max_by<K: Ord>(self, other: Self, key: impl Fn(&T) -> K) -> Self;
}

impl<T> MaxBy<T> for Option<T> {
    fn max_by<K: Ord>(self, other: Self, key: impl Fn(&T) -> K) -> Self {
        match (self, other) {
            (Some(a), Some(b)) => Some(if key(&b) > key(&a) { b } else { a }),
            (a, b) => a.or(b),
        }
    }
}
