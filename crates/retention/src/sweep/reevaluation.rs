//! Following a change of policy: every record is looked at again, in bounded steps.
//!
//! A longer period needs no hurry: it is honoured when the record comes up. A shorter one would never be noticed, since
//! the record comes up at its old end; so the end of each record is determined anew.

use wzapi_storage::codec::{decode_key, encode_key};
use wzapi_storage::key::{Key, RowKind};
use wzapi_storage::query::{Cursor, Query};
use wzapi_storage::row::SweepRow;
use wzapi_vault::RecordRef;
use wzapi_vault::vault::Fate;

use super::lease::Lease;
use super::report::SweepReport;
use super::{OnProgress, Sweeper};
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
        let records: Vec<RecordRef> = page.rows.iter().filter_map(|(key, _)| RecordRef::of(key)).collect();
        let subjects = records.iter().map(|record| Key::Subject(record.subject));
        attempt.draft.load(records.iter().map(RecordRef::key).chain(subjects).chain([Key::HoldSet])).await?;
        let mut step = Step::default();
        for record in &records {
            let Some(came_up) = self.vault.came_up(&mut attempt.draft, record, attempt.now).await? else {
                continue;
            };
            step.seen += 1;
            let Some(assessment) = came_up.assessment else { continue };
            // What a person was asked about waits for the answer, unless a ground keeps it now.
            let due_at = if came_up.fate == Fate::InReview { None } else { assessment.due_at };
            if attempt.draft.loaded_due_at(&record.key()) != due_at {
                self.vault.stage_due(&mut attempt.draft, record, due_at)?;
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

/// What one step did.
#[derive(Default)]
struct Step {
    seen: u64,
    changed: u64,
}
