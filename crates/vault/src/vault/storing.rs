//! Storing records.

use wzapi_encryption::TenantKeys;
use wzapi_ledger::PreparedEntry;
use wzapi_model::Timestamp;
use wzapi_model::actor::Actor;
use wzapi_model::ids::{ControllerId, RecordId, SubjectId};
use wzapi_policy::term::Term;
use wzapi_storage::Draft;
use wzapi_storage::key::Owner;
use wzapi_storage::row::{RecordOfCategoryRow, RecordRow};

use crate::decision::admission::{Admitted, NewRecord, admit};
use crate::error::VaultError;
use crate::record::RecordRef;
use crate::vault::entry_words::{about_record, purposes_json};
use crate::vault::open::place;
use crate::vault::{Act, MAX_ATTEMPTS, Vault, account, people};

impl Vault {
    /// Stores a record about a person who is known to the controller. Durable when it returns, with its ledger entry
    /// `record.stored`. A person who turned out to be another one has the record filed under that one, as the reference
    /// says.
    ///
    /// Each call stores another record, so a call is tried again only after looking:
    /// [`VaultError::UnknownOutcome`] names the record, and [`Vault::find`] tells whether it is there.
    ///
    /// # Errors
    /// [`VaultError::Refused`] when the policy does not let it be stored; [`VaultError::UnknownSubject`];
    /// [`VaultError::Busy`] when others kept changing the same rows; otherwise the failure of a part.
    pub async fn store(
        &self,
        controller: ControllerId,
        subject: SubjectId,
        new: &NewRecord,
        actor: &Actor,
    ) -> Result<RecordRef, VaultError> {
        let now = self.now();
        let admitted = admit(&self.policy, new, now)?;
        let id = RecordId::generate(self.parts.entropy.as_ref())?;
        for _ in 0..MAX_ATTEMPTS {
            match self.try_store(controller, subject, id, &admitted, Act { actor, now }).await {
                Err(VaultError::Busy) => {}
                outcome => return outcome,
            }
        }
        Err(VaultError::Busy)
    }

    async fn try_store(
        &self,
        controller: ControllerId,
        subject: SubjectId,
        id: RecordId,
        admitted: &Admitted,
        act: Act<'_>,
    ) -> Result<RecordRef, VaultError> {
        let mut attempt = self.attempt(controller, act.now).await?;
        let (record, entry) =
            self.stage_admitted(&mut attempt.draft, &attempt.keys, subject, id, admitted, act).await?;
        attempt.entries.push(entry);
        match attempt.commit().await {
            Ok(()) => Ok(record),
            Err(VaultError::UnknownOutcome { .. }) => {
                Err(VaultError::UnknownOutcome { record: Some(Box::new(record)) })
            }
            Err(error) => Err(error),
        }
    }

    /// Stages a record in a changeset of the caller's, who commits the entry with it. What is staged in the draft
    /// counts: the person may be one who becomes known with this very changeset.
    ///
    /// # Errors
    /// As [`Vault::store`]. After [`VaultError::Refused`] and [`VaultError::UnknownSubject`] nothing was staged and the
    /// changeset can go on without the record; after any other error the draft must be dropped. On
    /// [`VaultError::Busy`], begin again with a new draft and the controller's keys as they are then.
    pub async fn stage_store(
        &self,
        draft: &mut Draft<'_>,
        keys: &TenantKeys,
        subject: SubjectId,
        new: &NewRecord,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<(RecordRef, PreparedEntry), VaultError> {
        let id = RecordId::generate(self.parts.entropy.as_ref())?;
        self.stage_store_as(draft, keys, subject, id, new, actor, now).await
    }

    /// As [`Vault::stage_store`], under an id that the caller finds again, such as a keyed hash of what the record came
    /// from. Under one id there is one record of a person, a category and a month: a later one takes its place.
    ///
    /// # Errors
    /// As [`Vault::stage_store`].
    #[allow(
        clippy::too_many_arguments,
        reason = "a draft, its keys and what is staged in it belong together"
    )]
    pub async fn stage_store_as(
        &self,
        draft: &mut Draft<'_>,
        keys: &TenantKeys,
        subject: SubjectId,
        id: RecordId,
        new: &NewRecord,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<(RecordRef, PreparedEntry), VaultError> {
        let admitted = admit(&self.policy, new, now)?;
        self.stage_admitted(draft, keys, subject, id, &admitted, Act { actor, now }).await
    }

    #[allow(
        clippy::too_many_arguments,
        reason = "a draft, its keys and what is staged in it belong together"
    )]
    async fn stage_admitted(
        &self,
        draft: &mut Draft<'_>,
        keys: &TenantKeys,
        subject: SubjectId,
        id: RecordId,
        admitted: &Admitted,
        act: Act<'_>,
    ) -> Result<(RecordRef, PreparedEntry), VaultError> {
        let Act { actor, now } = act;
        let subject = people::guard_for_writing(draft, subject).await?;
        let category = admitted.category.clone();
        let record = RecordRef { subject, category, cohort: admitted.cohort(), record: id };
        let (row_key, index_key) = (record.key(), record.index_key());
        draft.load([row_key.clone(), index_key.clone(), record.data_key()]).await?;

        let controller = draft.controller();
        let event = about_record("record.stored", controller, now, &record, actor)
            .with("purposes", purposes_json(&admitted.purposes))
            .with("source", admitted.source.as_str())
            .with("collected_at", admitted.collected_at.as_millis())
            .with_some("due_at", admitted.due_at.map(Timestamp::as_millis));
        let owner = Owner::Subject(subject);
        let entry = account(draft, keys, self.parts.entropy.as_ref(), owner, &event, now).await?;

        let moment = admitted.collected_at;
        let data_key = keys.data_key_for_writing(draft, owner, &admitted.category, moment).await?;
        let value = data_key.seal(&place(controller, &row_key), &admitted.encoded)?;
        let row = RecordRow {
            purposes: admitted.purposes.clone(),
            source: admitted.source.as_str().to_owned(),
            collected_at: moment,
            changed_at: now,
            events: admitted.events.clone(),
            restriction: None,
            revision: 0,
            entry: entry.id(),
            value,
        };
        draft.put(row_key, row, admitted.due_at)?;
        draft.put(index_key, RecordOfCategoryRow { collected_at: moment }, None)?;
        Ok((record, entry))
    }
}
