//! Correcting records (policy clause 7.b).

use wzapi_model::Timestamp;
use wzapi_model::actor::Actor;
use wzapi_model::ids::{ControllerId, EntryId};
use wzapi_policy::file::DataSource;
use wzapi_policy::retention::RetentionState;
use wzapi_policy::term::Term;
use wzapi_storage::key::{Key, Owner};
use wzapi_storage::row::{DataKeyRow, RecordRevisionRow, RecordRow};

use crate::decision::admission::{MAX_REVISIONS, Refusal, admit_value};
use crate::decision::forbidden_in;
use crate::decision::retention::standing;
use crate::error::VaultError;
use crate::record::RecordRef;
use crate::value::RecordValue;
use crate::vault::entry_words::about_record;
use crate::vault::open::{open_encoded, place};
use crate::vault::{Attempt, MAX_ATTEMPTS, Vault, people};

/// A record has a new value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct Corrected {
    /// The ledger entry.
    pub entry: EntryId,
    /// How many values the record had before this one.
    pub revision: u32,
    /// Whether the value before this one was kept beside it.
    pub is_former_kept: bool,
}

impl Vault {
    /// Gives a record a new value. Where the policy keeps history for the category, the former value stays beside it,
    /// unless the policy forbids that value by now; otherwise it goes. Purposes, month, restriction and events stay as
    /// they are. Durable when it returns, with its ledger entry `record.updated`.
    ///
    /// A restricted record can be corrected: a correction is what a restriction often waits for (GDPR Art. 18(1)(a)).
    ///
    /// # Errors
    /// [`VaultError::Refused`] when the value, the source or the record may not be (as when nothing keeps it any more);
    /// [`VaultError::NotFound`]; [`VaultError::Destroyed`]; [`VaultError::Busy`]; otherwise the failure of a part. After
    /// [`VaultError::UnknownOutcome`] the same call again is safe; where history is kept, the same value may then stand
    /// in it twice.
    pub async fn update(
        &self,
        controller: ControllerId,
        record: &RecordRef,
        value: &RecordValue,
        source: DataSource,
        actor: &Actor,
    ) -> Result<Corrected, VaultError> {
        let now = self.now();
        let encoded = admit_value(&self.policy, &record.category, source, value)?;
        for _ in 0..MAX_ATTEMPTS {
            let mut attempt = self.attempt(controller, now).await?;
            let corrected = match self.stage_update(&mut attempt, record, &encoded, source, actor).await {
                Err(VaultError::Busy) => continue,
                staged => staged?,
            };
            match attempt.commit().await {
                Err(VaultError::Busy) => {}
                outcome => return outcome.map(|()| corrected),
            }
        }
        Err(VaultError::Busy)
    }

    async fn stage_update(
        &self,
        attempt: &mut Attempt<'_>,
        record: &RecordRef,
        encoded: &[u8],
        source: DataSource,
        actor: &Actor,
    ) -> Result<Corrected, VaultError> {
        let (controller, now) = (attempt.draft.controller(), attempt.now);
        let row_key = record.key();
        let person = Key::Subject(record.subject);
        attempt.draft.load([row_key.clone(), record.data_key(), person]).await?;
        let row: RecordRow = attempt.draft.row(&row_key)?.cloned().ok_or(VaultError::NotFound)?;
        people::guard_for_writing(&mut attempt.draft, record.subject).await?;
        let assessment = standing(&self.policy, self.policy.category(&record.category), &row, None, now)
            .map_err(|_| VaultError::Damaged("an event of the record is not known"))?;
        if assessment.state == RetentionState::Due {
            return Err(Refusal::NotKept.into());
        }
        let is_former_kept = self.keep_former(attempt, record, &row).await?;

        let revision = row.revision.saturating_add(1);
        let event = about_record("record.updated", controller, now, record, actor)
            .with("source", source.as_str())
            .with("revision", revision)
            .with("former_kept", is_former_kept)
            .with_some("due_at", assessment.due_at.map(Timestamp::as_millis));
        let owner = Owner::Subject(record.subject);
        let entry = attempt.account(owner, &event).await?;
        let (keys, draft) = (&attempt.keys, &mut attempt.draft);
        let data_key = keys.data_key_for_writing(draft, owner, &record.category, row.collected_at).await?;
        let value = data_key.seal(&place(controller, &row_key), encoded)?;
        let source = source.as_str().to_owned();
        let corrected = RecordRow { source, changed_at: now, revision, entry, value, ..row };
        draft.put(row_key, corrected, assessment.due_at)?;
        Ok(Corrected { entry, revision, is_former_kept })
    }

    /// Stages the present value as an earlier one, if the policy keeps those.
    async fn keep_former(
        &self,
        attempt: &mut Attempt<'_>,
        record: &RecordRef,
        row: &RecordRow,
    ) -> Result<bool, VaultError> {
        let (controller, now) = (attempt.draft.controller(), attempt.now);
        let (keys, draft) = (&attempt.keys, &mut attempt.draft);
        let key_row: &DataKeyRow = draft.row(&record.data_key())?.ok_or(VaultError::Destroyed)?;
        if !self.policy.category(&record.category).is_some_and(|category| category.keep_history) {
            return Ok(false);
        }
        let encoded = open_encoded(keys, record, &record.key(), Some(key_row), &row.value)?;
        let former = RecordValue::decode(&encoded);
        let former = former.ok_or(VaultError::Damaged("a value is not in a known encoding"))?;
        if forbidden_in(&self.policy, &record.category, &former).is_some() {
            return Ok(false);
        }
        let place_of_former = record.revision_key(row.revision);
        let oldest = record.revision_key(row.revision.saturating_sub(MAX_REVISIONS));
        draft.load([place_of_former.clone(), oldest.clone()]).await?;
        if row.revision >= MAX_REVISIONS && draft.row::<RecordRevisionRow>(&oldest)?.is_some() {
            return Err(Refusal::TooManyCorrections.into());
        }
        let owner = Owner::Subject(record.subject);
        let data_key = keys.data_key_for_writing(draft, owner, &record.category, row.collected_at).await?;
        let value = data_key.seal(&place(controller, &place_of_former), &encoded)?;
        let (from, source) = (row.changed_at, row.source.clone());
        draft.put(place_of_former, RecordRevisionRow { from, until: now, source, value }, None)?;
        Ok(true)
    }
}
