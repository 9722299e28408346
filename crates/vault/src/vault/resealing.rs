//! Sealing what is left of a month under a new key.
//!
//! A record that was disposed of while others of its person, category and month stayed is gone from the store, but old
//! files of the engine and backups may hold its sealed bytes, and its key lives on with the others. Re-sealing makes a
//! new version of the key, seals the survivors under it, and destroys the versions before it: with them, what was
//! disposed of. It works in steps of bounded size, each one changeset, and can be broken off and taken up again.

use serde::{Deserialize, Serialize};
use wzapi_encryption::DataKey;
use wzapi_encryption::shredding::{is_sealed_by_newest, stage_destruction_of_former, stage_retirement};
use wzapi_model::Timestamp;
use wzapi_model::actor::Actor;
use wzapi_model::ids::{ControllerId, RecordId, SubjectId};
use wzapi_model::name::DataCategory;
use wzapi_storage::key::{Cohort, Key, KeyPrefix, Owner};
use wzapi_storage::query::{Cursor, Query};
use wzapi_storage::row::{DataKeyRow, RecordRevisionRow, RecordRow, RowType, Sealed};

use crate::decision::admission::is_kept_elsewhere;
use crate::error::VaultError;
use crate::record::{RecordRef, month_text};
use crate::vault::entry_words::about_cohort;
use crate::vault::open::{open_encoded, place};
use crate::vault::{Attempt, MAX_ATTEMPTS, Vault, people, revisions};

/// How many values are sealed anew in one changeset; the earlier values of one record may be more.
const VALUES_AT_A_TIME: usize = 64;

/// What one data key seals: what was collected about one person in one category and month.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CohortRef {
    /// Whom it is about.
    pub subject: SubjectId,
    /// The category.
    pub category: DataCategory,
    /// The month of collection.
    pub cohort: Cohort,
}

impl CohortRef {
    fn data_key(&self) -> Key {
        let (category, cohort) = (self.category.clone(), self.cohort);
        Key::DataKey { owner: Owner::Subject(self.subject), category, cohort }
    }
}

/// How far a re-sealing is. Keep it to go on later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resealing {
    /// The last record that was looked at.
    after: Option<RecordId>,
}

/// What a step of a re-sealing did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Resealed {
    /// There is more to do: take the next step with this.
    More(Resealing),
    /// Every value is sealed under the new key, and what came before it is destroyed.
    Done,
    /// There is nothing under this key, and no key.
    Nothing,
}

impl Vault {
    /// Takes one step of sealing a month's records of a person under a new key: begins with `None`, goes on with what the
    /// step before returned, and is done at [`Resealed::Done`]. A step is one changeset of bounded size, except that the
    /// last one reads everything once more before it destroys the old versions of the key, with the ledger entry
    /// `record.cohort_resealed`. Records can be stored, read, changed and disposed of meanwhile.
    ///
    /// A step that is taken twice, or taken up after somebody else began anew, does no harm: what is found under an older
    /// version of the key is sealed under the newest, and no version is destroyed before nothing is left under it.
    ///
    /// ```
    /// # async fn reseal(
    /// #     vault: wzapi_vault::Vault,
    /// #     controller: wzapi_model::ids::ControllerId,
    /// #     cohort: wzapi_vault::vault::CohortRef,
    /// #     actor: &wzapi_model::actor::Actor,
    /// # ) -> Result<(), wzapi_vault::VaultError> {
    /// use wzapi_vault::vault::Resealed;
    ///
    /// let mut step = None;
    /// while let Resealed::More(next) = vault.reseal_cohort(controller, &cohort, step, actor).await? {
    ///     step = Some(next);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`VaultError::Invalid`] for a category under whose keys other parts keep rows; [`VaultError::UnknownSubject`];
    /// [`VaultError::Destroyed`] or [`VaultError::Encryption`] when a value cannot be
    /// opened: it has to be disposed of, or restored, first; [`VaultError::Busy`]; otherwise the failure of a part.
    pub async fn reseal_cohort(
        &self,
        controller: ControllerId,
        cohort: &CohortRef,
        step: Option<Resealing>,
        actor: &Actor,
    ) -> Result<Resealed, VaultError> {
        if is_kept_elsewhere(&cohort.category) {
            return Err(VaultError::Invalid("other parts keep rows under the keys of this category"));
        }
        for _ in 0..MAX_ATTEMPTS {
            let taken = match step {
                None => self.begin_resealing(controller, cohort).await,
                Some(step) => self.go_on_resealing(controller, cohort, step, actor).await,
            };
            match taken {
                Err(VaultError::Busy) => {}
                outcome => return outcome,
            }
        }
        Err(VaultError::Busy)
    }

    /// Makes a new version of the key. From its commit on nothing is sealed under an older one.
    async fn begin_resealing(
        &self,
        controller: ControllerId,
        cohort: &CohortRef,
    ) -> Result<Resealed, VaultError> {
        let mut attempt = self.attempt(controller, self.now()).await?;
        let place = cohort.data_key();
        attempt.draft.load([place.clone(), Key::Subject(cohort.subject)]).await?;
        people::guard(&mut attempt.draft, cohort.subject).await?;
        if attempt.draft.row::<DataKeyRow>(&place)?.is_none() {
            return Ok(Resealed::Nothing);
        }
        stage_retirement(&mut attempt.draft, &place).await?;
        attempt.data_key(cohort).await?;
        attempt.commit().await?;
        Ok(Resealed::More(Resealing { after: None }))
    }

    async fn go_on_resealing(
        &self,
        controller: ControllerId,
        cohort: &CohortRef,
        step: Resealing,
        actor: &Actor,
    ) -> Result<Resealed, VaultError> {
        let (found, last) = self.next_values(controller, cohort, step.after).await?;
        let mut attempt = self.attempt(controller, self.now()).await?;
        let place = cohort.data_key();
        // Values and key are read together: what was found may have been sealed anew since.
        let wanted = found.iter().map(|(_, key)| key.clone());
        attempt.draft.load(wanted.chain([place.clone(), Key::Subject(cohort.subject)])).await?;
        people::guard(&mut attempt.draft, cohort.subject).await?;
        if attempt.draft.row::<DataKeyRow>(&place)?.is_none() {
            return Ok(Resealed::Nothing);
        }
        let Some(last) = last else {
            return self.finish_resealing(attempt, cohort, actor).await;
        };
        for (record, key) in &found {
            attempt.reseal(cohort, record, key).await?;
        }
        if !attempt.draft.is_unchanged() {
            attempt.commit().await?;
        }
        Ok(Resealed::More(Resealing { after: Some(last) }))
    }

    /// Destroys the old versions of the key, if nothing is sealed under them any more.
    async fn finish_resealing(
        &self,
        mut attempt: Attempt<'_>,
        cohort: &CohortRef,
        actor: &Actor,
    ) -> Result<Resealed, VaultError> {
        let (controller, now) = (attempt.draft.controller(), attempt.now);
        let place = cohort.data_key();
        let key_row: DataKeyRow = attempt.draft.row(&place)?.cloned().ok_or(VaultError::Busy)?;
        if !self.is_sealed_anew(controller, cohort, &key_row).await? {
            return Ok(Resealed::More(Resealing { after: None }));
        }
        if key_row.versions.len() < 2 {
            return Ok(Resealed::Done);
        }
        let event =
            about_cohort("record.cohort_resealed", controller, now, &cohort.category, cohort.cohort, actor)
                .with("subject", cohort.subject.to_string());
        stage_destruction_of_former(&mut attempt.draft, &place).await?;
        attempt.account(Owner::Subject(cohort.subject), &event).await?;
        attempt.commit().await?;
        Ok(Resealed::Done)
    }

    /// Where the next values are, with the records that they belong to, and the last of those records.
    async fn next_values(
        &self,
        controller: ControllerId,
        cohort: &CohortRef,
        after: Option<RecordId>,
    ) -> Result<(Vec<(RecordRef, Key)>, Option<RecordId>), VaultError> {
        let prefix = KeyPrefix::RecordsIn(cohort.subject, cohort.category.clone(), cohort.cohort);
        let mut query = Query::prefix(controller, prefix, VALUES_AT_A_TIME);
        query.after = after.map(|record| Cursor { key: record_in(cohort, record).key(), due_at: None });
        let page = self.parts.storage.scan(&query).await?;
        let (mut found, mut last) = (Vec::new(), None);
        for (key, stored) in page.rows {
            let Some(record) = RecordRef::of(&key) else { continue };
            last = Some(record.record);
            if RecordRow::of(&stored.body).is_some_and(|row| row.revision > 0) {
                let revisions = self.revision_keys(controller, &record).await?;
                found.extend(revisions.into_iter().map(|revision| (record.clone(), revision)));
            }
            found.push((record, key));
            if found.len() >= VALUES_AT_A_TIME {
                break;
            }
        }
        Ok((found, last))
    }

    /// Whether every value is sealed under the newest version of the key.
    async fn is_sealed_anew(
        &self,
        controller: ControllerId,
        cohort: &CohortRef,
        key_row: &DataKeyRow,
    ) -> Result<bool, VaultError> {
        let prefix = KeyPrefix::RecordsIn(cohort.subject, cohort.category.clone(), cohort.cohort);
        let mut query = Query::prefix(controller, prefix, VALUES_AT_A_TIME);
        loop {
            let page = self.parts.storage.scan(&query).await?;
            for (key, stored) in &page.rows {
                let (Some(record), Some(row)) = (RecordRef::of(key), RecordRow::of(&stored.body)) else {
                    continue;
                };
                let is_new = is_sealed_by_newest(key_row, &row.value)
                    && (row.revision == 0 || self.are_revisions_anew(controller, &record, key_row).await?);
                if !is_new {
                    return Ok(false);
                }
            }
            match page.next {
                Some(next) => query.after = Some(next),
                None => return Ok(true),
            }
        }
    }

    async fn are_revisions_anew(
        &self,
        controller: ControllerId,
        record: &RecordRef,
        key_row: &DataKeyRow,
    ) -> Result<bool, VaultError> {
        let mut query = revisions::query(controller, record);
        loop {
            let page = self.parts.storage.scan(&query).await?;
            let mut rows = page.rows.iter().filter_map(|(_, stored)| RecordRevisionRow::of(&stored.body));
            if !rows.all(|row| is_sealed_by_newest(key_row, &row.value)) {
                return Ok(false);
            }
            match page.next {
                Some(next) => query.after = Some(next),
                None => return Ok(true),
            }
        }
    }
}

impl Attempt<'_> {
    /// The key that the cohort's values are sealed under from now on. It is taken for each value, since one taking seals
    /// a bounded number.
    async fn data_key(&mut self, cohort: &CohortRef) -> Result<DataKey, VaultError> {
        let (owner, moment) = (Owner::Subject(cohort.subject), begin_of(cohort.cohort)?);
        Ok(self.keys.data_key_for_writing(&mut self.draft, owner, &cohort.category, moment).await?)
    }

    /// Seals one value under the newest key, if it is under an older one.
    async fn reseal(&mut self, cohort: &CohortRef, record: &RecordRef, key: &Key) -> Result<(), VaultError> {
        let controller = self.draft.controller();
        let key_row: Option<DataKeyRow> = self.draft.row(&cohort.data_key())?.cloned();
        let is_new = |sealed: &Sealed| key_row.as_ref().is_some_and(|row| is_sealed_by_newest(row, sealed));
        let due_at = self.draft.loaded_due_at(key);
        if let Some(row) = self.draft.row::<RecordRow>(key)?.cloned().filter(|row| !is_new(&row.value)) {
            let encoded = open_encoded(&self.keys, record, key, key_row.as_ref(), &row.value)?;
            let value = self.data_key(cohort).await?.seal(&place(controller, key), &encoded)?;
            self.draft.put(key.clone(), RecordRow { value, ..row }, due_at)?;
        } else if let Some(row) =
            self.draft.row::<RecordRevisionRow>(key)?.cloned().filter(|row| !is_new(&row.value))
        {
            let encoded = open_encoded(&self.keys, record, key, key_row.as_ref(), &row.value)?;
            let value = self.data_key(cohort).await?.seal(&place(controller, key), &encoded)?;
            self.draft.put(key.clone(), RecordRevisionRow { value, ..row }, due_at)?;
        }
        Ok(())
    }
}

fn record_in(cohort: &CohortRef, record: RecordId) -> RecordRef {
    let category = cohort.category.clone();
    RecordRef { subject: cohort.subject, category, cohort: cohort.cohort, record }
}

/// The first moment of a month.
fn begin_of(cohort: Cohort) -> Result<Timestamp, VaultError> {
    let first_day = format!("{}-01", month_text(cohort));
    first_day.parse().map_err(|_| VaultError::Invalid("there is no such month"))
}
