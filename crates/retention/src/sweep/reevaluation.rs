//! Following a change of policy: every record is looked at again, in bounded steps.
//!
//! A longer period needs no hurry: it is honoured when the record comes up. A shorter one would never be noticed, since
//! the record comes up at its old end; so the end of each record is determined anew.

use wzapi_model::Timestamp;
use wzapi_model::ids::ControllerId;
use wzapi_storage::Draft;
use wzapi_storage::codec::{decode_key, encode_key};
use wzapi_storage::key::{Key, RowKind};
use wzapi_storage::query::{Cursor, Query};
use wzapi_storage::row::{Reevaluation, SweepRow};
use wzapi_vault::vault::{CameUp, Fate};

use super::lease::Lease;
use super::report::SweepReport;
use super::{OnProgress, SweepOptions, Sweeper, records_among};
use crate::attempt::{Attempt, MAX_ATTEMPTS};
use crate::error::RetentionError;

/// Records that are looked at in one changeset.
const STEP: usize = 256;

impl Sweeper {
    /// Looks at every record again when the policy is another one than they follow. It goes on where it was broken off.
    pub(super) async fn follow_policy(
        &self,
        lease: &mut Lease<'_>,
        report: &mut SweepReport,
        on_progress: OnProgress<'_>,
    ) -> Result<(), RetentionError> {
        let mut conflicts = 0;
        loop {
            let mut attempt = Attempt::begin(&self.parts, lease.controller).await?;
            let now = attempt.now;
            let mut row = lease.renew(&mut attempt.draft, now).await?;
            if row.reevaluation.is_none() {
                return Ok(());
            }
            let step = self.stage_step(&mut attempt, &mut row).await?;
            attempt.draft.put(Key::Sweep, row, None)?;
            match attempt.commit().await {
                Ok(()) => {
                    conflicts = 0;
                    report.reevaluated += step.seen;
                    report.rescheduled += step.changed;
                    on_progress(report);
                }
                // A record changed meanwhile; the step is taken again.
                Err(RetentionError::Busy) if conflicts < MAX_ATTEMPTS => conflicts += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// What a sweep would do that follows the policy first. It reads every record, as that sweep would.
    pub(super) async fn look_at_all(
        &self,
        controller: ControllerId,
        pending: &Reevaluation,
        options: SweepOptions,
        report: &mut SweepReport,
    ) -> Result<(), RetentionError> {
        let now = self.parts.clock.now();
        let mut query = Query::kind(controller, RowKind::Record, STEP);
        loop {
            let page = self.parts.storage.scan(&query).await?;
            let mut draft = Draft::new(self.parts.storage.as_ref(), controller);
            for (record, came_up) in self.judge(&mut draft, &records_among(&page), now).await? {
                let key = record.key();
                let before = draft.loaded_due_at(&key);
                let due_at = end_of(&came_up, before);
                if pending.after.as_ref().is_none_or(|after| encode_key(controller, &key) > *after) {
                    report.reevaluated += 1;
                    report.rescheduled += u64::from(before != due_at);
                }
                if due_at.is_some_and(|due_at| due_at <= now) {
                    report.note(&record.category, &came_up.fate, came_up.assessment.as_ref());
                }
            }
            if options.at_most.is_some_and(|most| report.looked_at >= most) {
                return Ok(());
            }
            match page.next {
                Some(next) => query.after = Some(next),
                None => break,
            }
        }
        report.is_complete = true;
        Ok(())
    }

    async fn stage_step(
        &self,
        attempt: &mut Attempt<'_>,
        row: &mut SweepRow,
    ) -> Result<Step, RetentionError> {
        let controller = attempt.draft.controller();
        let Some(under) = &mut row.reevaluation else { return Ok(Step::default()) };
        let mut query = Query::kind(controller, RowKind::Record, STEP);
        if let Some(after) = &under.after {
            let (_, key) = decode_key(after)?;
            query.after = Some(Cursor { key, due_at: None });
        }
        let page = self.parts.storage.scan(&query).await?;
        let records = records_among(&page);
        let mut step = Step::default();
        for (record, came_up) in self.judge(&mut attempt.draft, &records, attempt.now).await? {
            step.seen += 1;
            let before = attempt.draft.loaded_due_at(&record.key());
            let due_at = end_of(&came_up, before);
            if before != due_at {
                self.vault.stage_due(&mut attempt.draft, &record, due_at)?;
                step.changed += 1;
            }
        }
        under.seen += step.seen;
        under.changed += step.changed;
        match page.next {
            Some(next) => under.after = Some(encode_key(controller, &next.key)),
            None => {
                row.policy = under.policy;
                row.reevaluation = None;
            }
        }
        Ok(step)
    }
}

/// When a record comes up under the policy as it is now; `before` is when it does as long as nobody looks again.
fn end_of(came_up: &CameUp, before: Option<Timestamp>) -> Option<Timestamp> {
    match (&came_up.fate, &came_up.assessment) {
        // What a person was asked about waits for the answer, unless a ground keeps it now.
        (Fate::InReview, _) => None,
        (_, Some(assessment)) => assessment.due_at,
        (_, None) => before,
    }
}

/// What one step did.
#[derive(Default)]
struct Step {
    seen: u64,
    changed: u64,
}
