//! One chunk of a sweep: what came up is judged, and dealt with in one changeset.

use wzapi_encryption::TenantKeys;
use wzapi_ledger::{Event, PreparedEntry};
use wzapi_model::Timestamp;
use wzapi_model::actor::Actor;
use wzapi_model::ids::ControllerId;
use wzapi_model::name::DataCategory;
use wzapi_storage::Draft;
use wzapi_storage::key::{Key, Owner};
use wzapi_storage::row::{ReviewQuestion, ReviewRow, SweepCounts};
use wzapi_vault::decision::disposition::DisposalReason;
use wzapi_vault::record::month_text;
use wzapi_vault::vault::{CameUp, Fate};
use wzapi_vault::{RecordRef, VaultError};

use super::Sweeper;
use super::lease::Lease;
use super::report::SweepReport;
use crate::attempt::{Attempt, MAX_ATTEMPTS};
use crate::error::RetentionError;

/// Records that are dealt with in one changeset.
pub(super) const CHUNK: usize = 64;

impl Sweeper {
    /// Deals with records that came up, in one changeset, or in several when they have many earlier values.
    pub(super) async fn dispose_of(
        &self,
        lease: &mut Lease<'_>,
        records: &[RecordRef],
        actor: &Actor,
        report: &mut SweepReport,
    ) -> Result<(), RetentionError> {
        let mut parts = vec![records];
        while let Some(part) = parts.pop() {
            match self.dispose_of_part(lease, part, actor, report).await {
                Err(RetentionError::Vault(VaultError::Invalid(_))) if part.len() > 1 => {
                    let (first, second) = part.split_at(part.len() / 2);
                    parts.extend([second, first]);
                }
                outcome => outcome?,
            }
        }
        Ok(())
    }

    async fn dispose_of_part(
        &self,
        lease: &Lease<'_>,
        records: &[RecordRef],
        actor: &Actor,
        report: &mut SweepReport,
    ) -> Result<(), RetentionError> {
        for _ in 0..MAX_ATTEMPTS {
            let mut attempt = Attempt::begin(&self.parts, lease.controller).await?;
            match self.stage_chunk(&mut attempt, lease, records, actor).await {
                Ok(staged) => match attempt.commit().await {
                    Ok(()) => {
                        report.add(staged);
                        return Ok(());
                    }
                    Err(RetentionError::Busy) => {}
                    Err(error) => return Err(error),
                },
                Err(RetentionError::Busy) => {
                    // A key that nothing else needs has to be retired before it can be destroyed.
                    let leaving = self.leaving(lease.controller, records).await?;
                    self.vault.retire_keys(lease.controller, &leaving).await?;
                }
                Err(error) => return Err(error),
            }
        }
        Err(RetentionError::Busy)
    }

    /// Judges records that came up, without doing anything.
    pub(super) async fn look_at(
        &self,
        controller: ControllerId,
        records: &[RecordRef],
        report: &mut SweepReport,
    ) -> Result<(), RetentionError> {
        let now = self.parts.clock.now();
        let mut draft = Draft::new(self.parts.storage.as_ref(), controller);
        for (record, came_up) in self.judge(&mut draft, records, now).await? {
            report.note(&record.category, &came_up.fate, came_up.assessment.as_ref());
        }
        Ok(())
    }

    /// What is to become of the records that are still there.
    pub(super) async fn judge(
        &self,
        draft: &mut Draft<'_>,
        records: &[RecordRef],
        now: Timestamp,
    ) -> Result<Vec<(RecordRef, CameUp)>, RetentionError> {
        let subjects = records.iter().map(|record| Key::Subject(record.subject));
        draft.load(records.iter().map(RecordRef::key).chain(subjects).chain([Key::HoldSet])).await?;
        let mut judged = Vec::with_capacity(records.len());
        for record in records {
            if let Some(came_up) = self.vault.came_up(draft, record, now).await? {
                judged.push((record.clone(), came_up));
            }
        }
        Ok(judged)
    }

    /// Those of the records that are to be disposed of.
    async fn leaving(
        &self,
        controller: ControllerId,
        records: &[RecordRef],
    ) -> Result<Vec<RecordRef>, RetentionError> {
        let mut draft = Draft::new(self.parts.storage.as_ref(), controller);
        let judged = self.judge(&mut draft, records, self.parts.clock.now()).await?;
        let leaving = judged.into_iter().filter(|(_, came_up)| came_up.fate == Fate::Dispose);
        Ok(leaving.map(|(record, _)| record).collect())
    }

    async fn stage_chunk(
        &self,
        attempt: &mut Attempt<'_>,
        lease: &Lease<'_>,
        records: &[RecordRef],
        actor: &Actor,
    ) -> Result<SweepReport, RetentionError> {
        let now = attempt.now;
        let mut row = lease.renew(&mut attempt.draft, now).await?;
        let mut staged = SweepReport::default();
        let mut leaving = Vec::new();
        for (record, came_up) in self.judge(&mut attempt.draft, records, now).await? {
            staged.note(&record.category, &came_up.fate, came_up.assessment.as_ref());
            match came_up.fate {
                Fate::Dispose => leaving.push(record),
                Fate::KeptUntil(due_at) => self.vault.stage_due(&mut attempt.draft, &record, due_at)?,
                // A decision that is awaited does not come up again by itself.
                Fate::InReview => self.vault.stage_due(&mut attempt.draft, &record, None)?,
                Fate::AskForReview => {
                    let keys = attempt.keys.clone();
                    let entry = self.ask(&mut attempt.draft, &keys, &record, actor, now).await?;
                    attempt.entries.push(entry);
                }
                // They stay due, and come up with every sweep until they are released.
                Fate::OnHold(_) | Fate::Frozen | Fate::UnknownEvent => {}
            }
        }
        if !leaving.is_empty() {
            let keys = attempt.keys.clone();
            let reason = DisposalReason::RetentionEnded;
            let disposal =
                self.vault.stage_disposal(&mut attempt.draft, &keys, &leaving, reason, actor, now).await?;
            staged.keys_destroyed = u64::try_from(disposal.destroyed_keys.len()).unwrap_or(u64::MAX);
            attempt.entries.extend(disposal.entries);
        }
        row.counts = sum(row.counts, staged.counts());
        attempt.draft.put(Key::Sweep, row, None)?;
        Ok(staged)
    }

    /// Stages that a person is asked about a record.
    async fn ask(
        &self,
        draft: &mut Draft<'_>,
        keys: &TenantKeys,
        record: &RecordRef,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<PreparedEntry, RetentionError> {
        let event = Event::new("record.review_asked", draft.controller(), now)
            .with("actor", actor.name())
            .with("subject", record.subject.to_string())
            .with("category", record.category.as_str())
            .with("month", month_text(record.cohort))
            .with("record", record.record.to_string());
        let about = (Owner::Subject(record.subject), &DataCategory::accountability());
        let entropy = self.parts.entropy.as_ref();
        let entry = PreparedEntry::seal(draft, keys, entropy, about, &event, now).await?;
        let place = Key::Review { subject: record.subject, entry: entry.id() };
        draft.load([place.clone()]).await?;
        let (category, cohort, record_id) = (record.category.clone(), record.cohort, record.record);
        let question = ReviewQuestion::Disposal { category, cohort, record: record_id };
        draft.put(place, ReviewRow { question, opened_at: now }, None)?;
        self.vault.stage_review(draft, record, now)?;
        Ok(entry)
    }
}

const fn sum(a: SweepCounts, b: SweepCounts) -> SweepCounts {
    SweepCounts {
        disposed: a.disposed + b.disposed,
        deferred: a.deferred + b.deferred,
        held: a.held + b.held,
        for_review: a.for_review + b.for_review,
    }
}
