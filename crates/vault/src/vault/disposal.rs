//! Disposing of records, and of their key with the last one (policy clauses 6.a and 7.c).
//!
//! One data key seals what was collected about one person in one category and month. It goes in the changeset that
//! removes the last of those records. Two races have to be won:
//!
//! - **Two disposals of the last two records** each see the other's record and neither would destroy the key. So a
//!   disposal that leaves a record behind guards that record: whoever commits second is told to look again.
//! - **A record that is stored meanwhile** guards the key but does not change it, so a disposal that found nothing left
//!   would not notice. So the key is retired first, in a commit of its own
//!   ([`stage_retirement`](wzapi_encryption::shredding::stage_retirement)): whoever stores after that changes the key's
//!   row, and whoever stored before is found. A crash in between leaves a retired key, which the next store renews.

use std::collections::{BTreeMap, BTreeSet};

use wzapi_encryption::TenantKeys;
use wzapi_encryption::shredding::{is_retired, stage_destruction, stage_retirement};
use wzapi_ledger::{Event, PreparedEntry};
use wzapi_model::Timestamp;
use wzapi_model::actor::Actor;
use wzapi_model::ids::{CaseId, ControllerId, EntryId};
use wzapi_storage::Draft;
use wzapi_storage::key::{Key, KeyPrefix, Owner};
use wzapi_storage::query::Query;
use wzapi_storage::row::{DataKeyRow, HoldSetRow, RecordRow};

use crate::decision::admission::is_kept_elsewhere;
use crate::decision::disposition::{DisposalReason, DisposalRefusal, permit_disposal};
use crate::decision::holding::{Held, permit_in_spite_of_holds};
use crate::error::VaultError;
use crate::record::RecordRef;
use crate::vault::entry_words::about_record;
use crate::vault::{Act, MAX_ATTEMPTS, Vault, account, people};

/// The most records that are disposed of in one changeset.
pub const MAX_DISPOSED_TOGETHER: usize = 128;
/// The most rows that a changeset of disposals may remove: what is left of its bound is for entries and guards.
const MAX_ROWS: usize = 2048;

/// What became of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Disposed {
    /// It is gone.
    Now {
        /// The ledger entry.
        entry: EntryId,
        /// Whether the key that sealed it was destroyed with it. Otherwise other records of the person, of that category
        /// and month, still need the key, and old copies of the store can still be opened with it
        /// ([`Vault::reseal_cohort`] puts an end to that).
        is_key_destroyed: bool,
    },
    /// There was no such record.
    Gone,
}

/// Records whose disposal is staged.
#[derive(Debug, Default)]
pub struct StagedDisposal {
    /// Those that go.
    pub leaving: Vec<RecordRef>,
    /// What must be committed with the draft: an entry for each, and one for all those of a person who was erased.
    pub entries: Vec<PreparedEntry>,
    /// Those that stay, and why.
    pub refused: Vec<(RecordRef, DisposalRefusal)>,
    /// Those that were not there.
    pub gone: Vec<RecordRef>,
    /// The data keys that go.
    pub destroyed_keys: BTreeSet<Key>,
}

/// What one data key seals, and which of it is asked to go.
type Cohorts<'r> = BTreeMap<Key, BTreeSet<&'r RecordRef>>;

impl Vault {
    /// Disposes of a record: its row, its earlier values, its place in the index, and its key if nothing else needs it.
    /// Durable when it returns, with its ledger entry `record.disposed`. A record that is not there is no error, so that
    /// the same call again is safe.
    ///
    /// # Errors
    /// [`VaultError::DisposalRefused`] when the reason does not hold: a ground still keeps a record whose retention is
    /// said to have ended, a law asks for it, or a legal hold or an open request of the person keeps it.
    /// [`VaultError::Busy`]; otherwise the failure of a part.
    pub async fn dispose(
        &self,
        controller: ControllerId,
        record: &RecordRef,
        reason: DisposalReason,
        actor: &Actor,
    ) -> Result<Disposed, VaultError> {
        let now = self.now();
        let records = std::slice::from_ref(record);
        for _ in 0..MAX_ATTEMPTS {
            let mut attempt = self.attempt(controller, now).await?;
            let (draft, keys) = (&mut attempt.draft, &attempt.keys);
            let staged = match self.stage_disposal(draft, keys, records, reason, actor, now).await {
                Err(VaultError::Busy) => {
                    self.retire_keys(controller, records).await?;
                    continue;
                }
                staged => staged?,
            };
            if let Some((_, refusal)) = staged.refused.first() {
                return Err(VaultError::DisposalRefused(*refusal));
            }
            let is_key_destroyed = !staged.destroyed_keys.is_empty();
            attempt.entries = staged.entries;
            let Some(entry) = attempt.entries.first().map(PreparedEntry::id) else {
                return Ok(Disposed::Gone);
            };
            match attempt.commit().await {
                Err(VaultError::Busy) => {}
                outcome => return outcome.map(|()| Disposed::Now { entry, is_key_destroyed }),
            }
        }
        Err(VaultError::Busy)
    }

    /// Retires the data keys under which nothing but these records is left, so that [`Vault::stage_disposal`] can
    /// destroy them. What they sealed stays readable; the same call again is safe.
    ///
    /// # Errors
    /// [`VaultError::Invalid`] beyond [`MAX_DISPOSED_TOGETHER`] records; [`VaultError::Busy`] when others kept changing
    /// the same keys; [`VaultError::Storage`].
    pub async fn retire_keys(
        &self,
        controller: ControllerId,
        records: &[RecordRef],
    ) -> Result<(), VaultError> {
        let cohorts = cohorts_of(records)?;
        for _ in 0..MAX_ATTEMPTS {
            let mut attempt = self.attempt(controller, self.now()).await?;
            attempt.draft.load(cohorts.keys().cloned()).await?;
            for (place, leaving) in &cohorts {
                if self.witness(&attempt.draft, leaving).await?.is_none() {
                    stage_retirement(&mut attempt.draft, place).await?;
                }
            }
            if attempt.draft.is_unchanged() {
                return Ok(());
            }
            match attempt.commit().await {
                // Whether or not it took effect: looking again tells.
                Err(VaultError::Busy | VaultError::UnknownOutcome { .. }) => {}
                outcome => return outcome,
            }
        }
        Err(VaultError::Busy)
    }

    /// Stages the disposal of records, once per draft, in a changeset of the caller's, who commits the entries with it.
    /// Call [`Vault::retire_keys`] for the same records before.
    ///
    /// # Errors
    /// [`VaultError::Busy`] when a key that has nothing left is not retired, or not any more: drop the draft and begin
    /// again with [`Vault::retire_keys`]. [`VaultError::Invalid`] beyond [`MAX_DISPOSED_TOGETHER`] records, or when they
    /// have so many earlier values that one changeset does not hold them: ask for fewer. Otherwise the failure of a
    /// part. After any error the draft must be dropped.
    pub async fn stage_disposal(
        &self,
        draft: &mut Draft<'_>,
        keys: &TenantKeys,
        records: &[RecordRef],
        reason: DisposalReason,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<StagedDisposal, VaultError> {
        let asked = cohorts_of(records)?;
        let subjects = records.iter().map(|record| Key::Subject(record.subject));
        let rows = records.iter().flat_map(|record| [record.key(), record.index_key(), record.data_key()]);
        // Keys are read before what they seal is looked for: that order is what the guard on them rests on.
        draft.load(rows.chain(subjects).chain([Key::HoldSet])).await?;
        // A hold that is placed meanwhile is honoured: the changeset is then refused.
        draft.guard(&Key::HoldSet)?;
        let holds = draft.row::<HoldSetRow>(&Key::HoldSet)?.cloned().unwrap_or_default();

        let mut staged = StagedDisposal::default();
        // Entries about somebody who was erased name the case only.
        let mut of_erased: BTreeMap<(CaseId, bool), u64> = BTreeMap::new();
        for (place, records) in asked {
            let leaving = self.leaving(draft, &records, reason, &holds, now, &mut staged).await?;
            if leaving.is_empty() {
                continue;
            }
            let is_last = self.stage_key(draft, &place, &leaving).await?;
            if is_last {
                staged.destroyed_keys.insert(place);
            }
            for record in leaving {
                self.stage_rows(draft, record).await?;
                match people::erased(draft, record.subject).await? {
                    Some(mark) => *of_erased.entry((mark.case, is_last)).or_default() += 1,
                    None => {
                        let act = Act { actor, now };
                        staged
                            .entries
                            .push(self.account_for(draft, keys, record, reason, is_last, act).await?);
                    }
                }
                staged.leaving.push(record.clone());
            }
        }
        for ((case, is_last), records) in of_erased {
            let event = Event::new("erasure.records_disposed", draft.controller(), now)
                .with("actor", actor.name())
                .with("case", case.to_string())
                .with("records", records)
                .with("reason", reason.as_str())
                .with("key_destroyed", is_last);
            let entropy = self.parts.entropy.as_ref();
            staged.entries.push(account(draft, keys, entropy, Owner::Controller, &event, now).await?);
        }
        Ok(staged)
    }

    /// Those of the records that are there and may go.
    #[allow(
        clippy::too_many_arguments,
        reason = "a draft, its holds and what is staged in it belong together"
    )]
    async fn leaving<'r>(
        &self,
        draft: &mut Draft<'_>,
        records: &BTreeSet<&'r RecordRef>,
        reason: DisposalReason,
        holds: &HoldSetRow,
        now: Timestamp,
        staged: &mut StagedDisposal,
    ) -> Result<BTreeSet<&'r RecordRef>, VaultError> {
        let mut leaving = BTreeSet::new();
        for record in records.iter().copied() {
            if draft.row::<RecordRow>(&record.key())?.is_none() {
                staged.gone.push(record.clone());
                continue;
            }
            let person = people::for_disposal(draft, record.subject).await?;
            let erased_at = person.erased.map(|mark| mark.at);
            let Some(row) = draft.row::<RecordRow>(&record.key())? else { continue };
            let held =
                Held { person: &person.ids, category: &record.category, collected_at: row.collected_at };
            let permitted = permit_disposal(&self.policy, &record.category, row, reason, erased_at, now)
                .and_then(|()| permit_in_spite_of_holds(holds, person.is_frozen, &held));
            match permitted {
                Ok(()) => drop(leaving.insert(record)),
                Err(refusal) => staged.refused.push((record.clone(), refusal)),
            }
        }
        Ok(leaving)
    }

    /// Stages the destruction of a key that nothing needs any more, or else a guard on a record that does; whether the
    /// key goes.
    async fn stage_key(
        &self,
        draft: &mut Draft<'_>,
        place: &Key,
        leaving: &BTreeSet<&RecordRef>,
    ) -> Result<bool, VaultError> {
        if let Some(witness) = self.witness(draft, leaving).await? {
            let witness = witness.key();
            draft.load([witness.clone()]).await?;
            if draft.row::<RecordRow>(&witness)?.is_none() {
                return Err(VaultError::Busy);
            }
            draft.guard(&witness)?;
            return Ok(false);
        }
        match draft.row::<DataKeyRow>(place)? {
            Some(row) if !is_retired(row) => Err(VaultError::Busy),
            Some(_) => {
                stage_destruction(draft, [place.clone()]).await?;
                Ok(true)
            }
            // It was destroyed before its records were removed, and stays so.
            None => {
                draft.guard(place)?;
                Ok(true)
            }
        }
    }

    /// A record under the same key that is not about to leave, if there is one.
    async fn witness(
        &self,
        draft: &Draft<'_>,
        leaving: &BTreeSet<&RecordRef>,
    ) -> Result<Option<RecordRef>, VaultError> {
        let Some(one) = leaving.first() else { return Ok(None) };
        let prefix = KeyPrefix::RecordsIn(one.subject, one.category.clone(), one.cohort);
        let mut query = Query::prefix(draft.controller(), prefix, leaving.len() + 1);
        loop {
            let page = self.parts.storage.scan(&query).await?;
            let found = page.rows.iter().filter_map(|(key, _)| RecordRef::of(key));
            if let Some(other) = found.into_iter().find(|record| !leaving.contains(record)) {
                return Ok(Some(other));
            }
            match page.next {
                Some(next) => query.after = Some(next),
                None => return Ok(None),
            }
        }
    }

    /// Stages the removal of a record's rows.
    async fn stage_rows(&self, draft: &mut Draft<'_>, record: &RecordRef) -> Result<(), VaultError> {
        people::guard(draft, record.subject).await?;
        let key = record.key();
        if draft.row::<RecordRow>(&key)?.is_some_and(|row| row.revision > 0) {
            let revisions = self.revision_keys(draft.controller(), record).await?;
            if draft.staged_len() + revisions.len() > MAX_ROWS {
                return Err(VaultError::Invalid("too many earlier values go at once; ask for fewer records"));
            }
            draft.load(revisions.iter().cloned()).await?;
            revisions.into_iter().try_for_each(|revision| draft.delete(revision))?;
        }
        draft.delete(key)?;
        draft.delete(record.index_key())?;
        Ok(())
    }

    #[allow(
        clippy::too_many_arguments,
        reason = "a draft, its keys and what is staged in it belong together"
    )]
    async fn account_for(
        &self,
        draft: &mut Draft<'_>,
        keys: &TenantKeys,
        record: &RecordRef,
        reason: DisposalReason,
        is_key_destroyed: bool,
        act: Act<'_>,
    ) -> Result<PreparedEntry, VaultError> {
        let event = about_record("record.disposed", draft.controller(), act.now, record, act.actor)
            .with("reason", reason.as_str())
            .with("key_destroyed", is_key_destroyed);
        let entropy = self.parts.entropy.as_ref();
        account(draft, keys, entropy, Owner::Subject(record.subject), &event, act.now).await
    }
}

fn cohorts_of(records: &[RecordRef]) -> Result<Cohorts<'_>, VaultError> {
    if records.len() > MAX_DISPOSED_TOGETHER {
        return Err(VaultError::Invalid("at most 128 records are disposed of together"));
    }
    if records.iter().any(|record| is_kept_elsewhere(&record.category)) {
        return Err(VaultError::Invalid("other parts keep rows under the keys of this category"));
    }
    let mut cohorts = Cohorts::new();
    for record in records {
        cohorts.entry(record.data_key()).or_default().insert(record);
    }
    Ok(cohorts)
}
