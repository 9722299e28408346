//! Who sweeps a controller: one worker at a time, until its lease runs out.

use std::time::Duration;

use wzapi_model::Timestamp;
use wzapi_model::ids::ControllerId;
use wzapi_storage::Draft;
use wzapi_storage::key::Key;
use wzapi_storage::row::{Reevaluation, SweepCounts, SweepLease, SweepRow};
use wzapi_vault::Parts;

use crate::attempt::{Attempt, MAX_ATTEMPTS};
use crate::error::RetentionError;

/// How long a worker that gives no sign keeps others away. Each chunk renews it.
pub const LEASE: Duration = Duration::from_secs(60);

/// The lease of one worker on one controller.
pub(super) struct Lease<'p> {
    pub(super) parts: &'p Parts,
    pub(super) controller: ControllerId,
    worker: [u8; 16],
}

/// Notes the policy that the ends of all records follow, when nothing is noted yet.
pub(super) async fn begin(
    parts: &Parts,
    controller: ControllerId,
    policy: [u8; 32],
) -> Result<(), RetentionError> {
    for _ in 0..MAX_ATTEMPTS {
        let mut attempt = Attempt::begin(parts, controller).await?;
        attempt.draft.load([Key::Sweep]).await?;
        if attempt.draft.row::<SweepRow>(&Key::Sweep)?.is_some() {
            return Ok(());
        }
        let now = attempt.now;
        let row = SweepRow {
            lease: None,
            began_at: now,
            ended_at: Some(now),
            counts: SweepCounts::default(),
            policy,
            reevaluation: None,
        };
        attempt.draft.put(Key::Sweep, row, None)?;
        match attempt.commit().await {
            Err(RetentionError::Busy | RetentionError::UnknownOutcome) => {}
            outcome => return outcome,
        }
    }
    Err(RetentionError::Busy)
}

/// What is left of looking at every record again, when they do not all follow this policy. One that was begun for another
/// policy begins anew: what it looked at follows that one.
pub(super) fn pending(row: Option<&SweepRow>, policy: [u8; 32]) -> Option<Reevaluation> {
    let anew = Reevaluation { policy, after: None, seen: 0, changed: 0 };
    match row {
        Some(SweepRow { reevaluation: Some(under), .. }) if under.policy == policy => Some(under.clone()),
        Some(SweepRow { reevaluation: None, policy: followed, .. }) if *followed == policy => None,
        Some(_) | None => Some(anew),
    }
}

impl<'p> Lease<'p> {
    /// Takes the lease: a new one, or over from a worker whose lease ran out, whose run then goes on.
    pub(super) async fn take(
        parts: &'p Parts,
        controller: ControllerId,
        policy: [u8; 32],
    ) -> Result<Self, RetentionError> {
        let mut worker = [0; 16];
        parts.entropy.fill(&mut worker)?;
        let lease = Self { parts, controller, worker };
        for _ in 0..MAX_ATTEMPTS {
            let mut attempt = Attempt::begin(parts, controller).await?;
            attempt.draft.load([Key::Sweep]).await?;
            let now = attempt.now;
            let mut row = match attempt.draft.row::<SweepRow>(&Key::Sweep)?.cloned() {
                Some(row) => row,
                // Which policy the records follow is not known, so none of them is taken to follow this one.
                None => SweepRow {
                    lease: None,
                    began_at: now,
                    ended_at: Some(now),
                    counts: SweepCounts::default(),
                    policy: [0; 32],
                    reevaluation: None,
                },
            };
            if row.lease.is_some_and(|held| held.worker != worker && held.until > now) {
                return Err(RetentionError::Leased);
            }
            if row.ended_at.take().is_some() {
                row.began_at = now;
                row.counts = SweepCounts::default();
            }
            row.reevaluation = pending(Some(&row), policy);
            row.lease = Some(lease.until(now));
            attempt.draft.put(Key::Sweep, row, None)?;
            match attempt.commit().await {
                Err(RetentionError::Busy | RetentionError::UnknownOutcome) => {}
                outcome => return outcome.map(|()| lease),
            }
        }
        Err(RetentionError::Busy)
    }

    /// The row of the sweep, with the lease renewed, to be changed further and put. A worker that lost the lease gets an
    /// error; one that loses it before the commit is refused there.
    pub(super) async fn renew(
        &self,
        draft: &mut Draft<'_>,
        now: Timestamp,
    ) -> Result<SweepRow, RetentionError> {
        draft.load([Key::Sweep]).await?;
        let row = draft.row::<SweepRow>(&Key::Sweep)?.cloned();
        let mut row = row.ok_or(RetentionError::Damaged("the row of the sweep is missing"))?;
        if row.lease.is_none_or(|held| held.worker != self.worker) {
            return Err(RetentionError::LeaseLost);
        }
        row.lease = Some(self.until(now));
        Ok(row)
    }

    /// Gives the lease back; `is_complete` ends the run.
    pub(super) async fn release(&self, is_complete: bool) -> Result<(), RetentionError> {
        for _ in 0..MAX_ATTEMPTS {
            let mut attempt = Attempt::begin(self.parts, self.controller).await?;
            let now = attempt.now;
            let mut row = match self.renew(&mut attempt.draft, now).await {
                // It was given back already, by a commit whose outcome was not known.
                Err(RetentionError::LeaseLost) => return Ok(()),
                row => row?,
            };
            row.lease = None;
            row.ended_at = is_complete.then_some(now);
            attempt.draft.put(Key::Sweep, row, None)?;
            match attempt.commit().await {
                Err(RetentionError::Busy | RetentionError::UnknownOutcome) => {}
                outcome => return outcome,
            }
        }
        Err(RetentionError::Busy)
    }

    fn until(&self, now: Timestamp) -> SweepLease {
        SweepLease { worker: self.worker, until: now.saturating_add(LEASE) }
    }
}
