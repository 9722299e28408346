//! Reading one record (policy clause 3.a).

use wzapi_model::actor::Actor;
use wzapi_model::ids::ControllerId;
use wzapi_model::name::PurposeId;
use wzapi_storage::Draft;
use wzapi_storage::key::{Key, Owner};
use wzapi_storage::row::{DataKeyRow, RecordRevisionRow, RecordRow, SubjectRow};

use crate::decision::reading::{ReadPermit, ReadRefusal, permit_read};
use crate::error::VaultError;
use crate::record::{EarlierValue, OpenRecord, RecordInfo, RecordRef};
use crate::vault::entry_words::about_record;
use crate::vault::open::open;
use crate::vault::{Attempt, MAX_ATTEMPTS, Vault, people, revisions};

impl Vault {
    /// Opens a record for a purpose. It costs one `get` of three rows, and with [`Options::log_reads`] one commit.
    ///
    /// A refusal is recorded as `record.read_refused` before it is told, with its reason; a record that this controller
    /// does not have is refused in the same way.
    ///
    /// # Errors
    /// [`VaultError::ReadRefused`]; [`VaultError::Destroyed`] when the record is there and its key is not;
    /// [`VaultError::Encryption`] when the value was altered or moved; otherwise the failure of a part, also when the
    /// refusal or the read could not be recorded: then nothing is opened either.
    ///
    /// [`Options::log_reads`]: crate::Options::log_reads
    pub async fn read(
        &self,
        controller: ControllerId,
        record: &RecordRef,
        purpose: &PurposeId,
        actor: &Actor,
    ) -> Result<OpenRecord, VaultError> {
        for _ in 0..MAX_ATTEMPTS {
            match self.try_read(controller, record, purpose, actor).await {
                Err(VaultError::Busy) => {}
                outcome => return outcome,
            }
        }
        Err(VaultError::Busy)
    }

    async fn try_read(
        &self,
        controller: ControllerId,
        record: &RecordRef,
        purpose: &PurposeId,
        actor: &Actor,
    ) -> Result<OpenRecord, VaultError> {
        let mut attempt = self.attempt(controller, self.now()).await?;
        let (permit, row) = self.permitted(&mut attempt, record, purpose, actor).await?;
        let key = record.key();
        let due_at = attempt.draft.loaded_due_at(&key);
        let key_row = attempt.draft.row::<DataKeyRow>(&record.data_key())?;
        let value = open(&attempt.keys, record, &key, key_row, &row.value, &permit)?;
        self.note_read(attempt, record, purpose, actor).await?;
        Ok(OpenRecord { info: RecordInfo::new(record.clone(), &row, due_at), value })
    }

    /// The values that a record had before, the oldest first. Each costs as much as the record itself to read; there
    /// are at most 255 for a policy that never changed its mind about history. Permission, refusal and recording are
    /// those of [`Vault::read`].
    ///
    /// # Errors
    /// As [`Vault::read`].
    pub async fn history(
        &self,
        controller: ControllerId,
        record: &RecordRef,
        purpose: &PurposeId,
        actor: &Actor,
    ) -> Result<Vec<EarlierValue>, VaultError> {
        for _ in 0..MAX_ATTEMPTS {
            match self.try_history(controller, record, purpose, actor).await {
                Err(VaultError::Busy) => {}
                outcome => return outcome,
            }
        }
        Err(VaultError::Busy)
    }

    async fn try_history(
        &self,
        controller: ControllerId,
        record: &RecordRef,
        purpose: &PurposeId,
        actor: &Actor,
    ) -> Result<Vec<EarlierValue>, VaultError> {
        let mut attempt = self.attempt(controller, self.now()).await?;
        let (permit, row) = self.permitted(&mut attempt, record, purpose, actor).await?;
        let mut earlier = Vec::new();
        if row.revision > 0 {
            let mut query = revisions::query(controller, record);
            loop {
                let page = self.parts.storage.scan(&query).await?;
                let keys = page.rows.into_iter().map(|(key, _)| key).collect();
                earlier.extend(self.opened_revisions(&attempt, record, keys, &permit).await?);
                match page.next {
                    Some(next) => query.after = Some(next),
                    None => break,
                }
            }
        }
        self.note_read(attempt, record, purpose, actor).await?;
        Ok(earlier)
    }

    /// Opens earlier values. They are read together with their key, which may have been exchanged since they were
    /// found.
    async fn opened_revisions(
        &self,
        attempt: &Attempt<'_>,
        record: &RecordRef,
        keys: Vec<Key>,
        permit: &ReadPermit,
    ) -> Result<Vec<EarlierValue>, VaultError> {
        let mut draft = Draft::new(self.parts.storage.as_ref(), attempt.draft.controller());
        draft.load(keys.iter().cloned().chain([record.data_key()])).await?;
        let key_row = draft.row::<DataKeyRow>(&record.data_key())?;
        let mut opened = Vec::with_capacity(keys.len());
        for key in keys {
            let (Key::RecordRevision { revision, .. }, Some(row)) =
                (&key, draft.row::<RecordRevisionRow>(&key)?)
            else {
                // It went, with its record, since it was found.
                continue;
            };
            let value = open(&attempt.keys, record, &key, key_row, &row.value, permit)?;
            let (revision, source) = (*revision, row.source.clone());
            opened.push(EarlierValue { revision, from: row.from, until: row.until, source, value });
        }
        Ok(opened)
    }

    /// What is known of a record, without a purpose and without opening its value; `None` when this controller does not
    /// have it. Not recorded: it tells nothing about the person that the reference does not.
    ///
    /// # Errors
    /// The failure of the store.
    pub async fn find(
        &self,
        controller: ControllerId,
        record: &RecordRef,
    ) -> Result<Option<RecordInfo>, VaultError> {
        let mut draft = Draft::new(self.parts.storage.as_ref(), controller);
        let key = record.key();
        draft.load([key.clone()]).await?;
        let due_at = draft.loaded_due_at(&key);
        Ok(draft.row::<RecordRow>(&key)?.map(|row| RecordInfo::new(record.clone(), row, due_at)))
    }

    /// The row of a record that may be opened for the purpose. A refusal is recorded.
    async fn permitted(
        &self,
        attempt: &mut Attempt<'_>,
        record: &RecordRef,
        purpose: &PurposeId,
        actor: &Actor,
    ) -> Result<(ReadPermit, RecordRow), VaultError> {
        let (controller, now) = (attempt.draft.controller(), attempt.now);
        let (key, person) = (record.key(), Key::Subject(record.subject));
        attempt.draft.load([person.clone(), key.clone(), record.data_key()]).await?;
        let is_known = attempt.draft.row::<SubjectRow>(&person)?.is_some();
        let found = attempt.draft.row::<RecordRow>(&key)?.filter(|_| is_known).cloned();
        let erased = if is_known { people::erased(&mut attempt.draft, record.subject).await? } else { None };
        let erased_at = erased.map(|mark| mark.at);
        let decided = match found {
            None => Err(ReadRefusal::NotFound),
            Some(row) => permit_read(&self.policy, &record.category, &row, purpose, erased_at, now)
                .map(|permit| (permit, row)),
        };
        match decided {
            Ok(permitted) => Ok(permitted),
            Err(reason) => {
                // An entry about somebody whom the controller does not know would be about nobody it can ever erase.
                let owner = owner_of_entries(record, !is_known || erased.is_some());
                let event = about_record("record.read_refused", controller, now, record, actor)
                    .with("purpose", purpose.as_str())
                    .with("reason", reason.as_str());
                let mut refused = self.attempt(controller, now).await?;
                refused.account(owner, &event).await?;
                refused.commit().await?;
                Err(VaultError::ReadRefused(reason))
            }
        }
    }

    /// Records a read, if reads are recorded.
    async fn note_read(
        &self,
        mut attempt: Attempt<'_>,
        record: &RecordRef,
        purpose: &PurposeId,
        actor: &Actor,
    ) -> Result<(), VaultError> {
        if !self.options.log_reads {
            return Ok(());
        }
        let event = about_record("record.read", attempt.draft.controller(), attempt.now, record, actor)
            .with("purpose", purpose.as_str());
        let erased = people::erased(&mut attempt.draft, record.subject).await?;
        attempt.account(owner_of_entries(record, erased.is_some()), &event).await?;
        attempt.commit().await
    }
}

/// Whom an entry about a record is about: nobody, when the person is not known or was erased, since nothing new is
/// sealed under the key of such a person.
const fn owner_of_entries(record: &RecordRef, is_nobody: bool) -> Owner {
    if is_nobody { Owner::Controller } else { Owner::Subject(record.subject) }
}
