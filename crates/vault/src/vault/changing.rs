//! Restrictions, and events on which retention depends.

use std::collections::BTreeSet;

use wzapi_model::Timestamp;
use wzapi_model::actor::Actor;
use wzapi_model::ids::{ControllerId, EntryId};
use wzapi_model::name::PurposeId;
use wzapi_storage::key::{Key, Owner};
use wzapi_storage::row::{RecordRestriction, RecordRow};

use crate::decision::admission::{Refusal, dated};
use crate::decision::retention::{RetentionEvent, note, standing};
use crate::error::VaultError;
use crate::record::RecordRef;
use crate::vault::entry_words::{about_record, purposes_json};
use crate::vault::{Attempt, MAX_ATTEMPTS, Vault, people};

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Changed {
    /// It was made.
    Yes {
        /// Its ledger entry.
        entry: EntryId,
    },
    /// The record was like that already; nothing was written.
    No,
}

/// What is changed.
enum Change {
    Restrict(BTreeSet<PurposeId>),
    Lift,
    Event(RetentionEvent, Timestamp),
}

impl Vault {
    /// Restricts a record (GDPR Art. 18; policy clause 6.b): until it is lifted, it is read for nothing but these of its
    /// purposes, which may be none. Durable when it returns, with its ledger entry `record.restricted`. Restricting it
    /// again, to other purposes, replaces the restriction and keeps its date.
    ///
    /// # Errors
    /// [`VaultError::Refused`] when the policy does not declare one of the purposes for the category;
    /// [`VaultError::NotFound`]; [`VaultError::Busy`]; otherwise the failure of a part. The same call again is safe.
    pub async fn restrict(
        &self,
        controller: ControllerId,
        record: &RecordRef,
        readable_for: &BTreeSet<PurposeId>,
        actor: &Actor,
    ) -> Result<Changed, VaultError> {
        if !readable_for.iter().all(|purpose| self.policy.permits(purpose, &record.category)) {
            return Err(Refusal::PurposeNotDeclared.into());
        }
        self.change(controller, record, &Change::Restrict(readable_for.clone()), actor).await
    }

    /// Lifts the restriction of a record, with its ledger entry `record.released`.
    ///
    /// # Errors
    /// [`VaultError::NotFound`]; [`VaultError::Busy`]; otherwise the failure of a part. The same call again is safe.
    pub async fn lift(
        &self,
        controller: ControllerId,
        record: &RecordRef,
        actor: &Actor,
    ) -> Result<Changed, VaultError> {
        self.change(controller, record, &Change::Lift, actor).await
    }

    /// Notes that something happened on which the retention of a record depends, and determines anew when it is due.
    /// Of several events of a kind the last counts, so that an earlier one changes nothing. Durable when it returns, with
    /// its ledger entry `record.event_noted`.
    ///
    /// # Errors
    /// [`VaultError::Refused`] when the event lies in the future or is [`Trigger::Collected`]; [`VaultError::Invalid`] for
    /// [`RetentionEvent::ReviewAsked`], which the sweep notes; [`VaultError::Erased`]; [`VaultError::NotFound`];
    /// [`VaultError::Busy`]; otherwise the failure of a part. The same call again is safe.
    ///
    /// [`Trigger::Collected`]: wzapi_policy::retention::Trigger::Collected
    pub async fn set_event(
        &self,
        controller: ControllerId,
        record: &RecordRef,
        event: RetentionEvent,
        at: Timestamp,
        actor: &Actor,
    ) -> Result<Changed, VaultError> {
        if event == RetentionEvent::ReviewAsked {
            return Err(VaultError::Invalid("only the sweep asks for a review"));
        }
        let at = dated(event, at, self.now())?;
        self.change(controller, record, &Change::Event(event, at), actor).await
    }

    async fn change(
        &self,
        controller: ControllerId,
        record: &RecordRef,
        change: &Change,
        actor: &Actor,
    ) -> Result<Changed, VaultError> {
        let now = self.now();
        for _ in 0..MAX_ATTEMPTS {
            let mut attempt = self.attempt(controller, now).await?;
            let changed = match self.stage_change(&mut attempt, record, change, actor).await {
                Ok(Changed::No) => return Ok(Changed::No),
                Err(VaultError::Busy) => continue,
                staged => staged?,
            };
            match attempt.commit().await {
                Err(VaultError::Busy) => {}
                outcome => return outcome.map(|()| changed),
            }
        }
        Err(VaultError::Busy)
    }

    async fn stage_change(
        &self,
        attempt: &mut Attempt<'_>,
        record: &RecordRef,
        change: &Change,
        actor: &Actor,
    ) -> Result<Changed, VaultError> {
        let (controller, now) = (attempt.draft.controller(), attempt.now);
        let key = record.key();
        attempt.draft.load([key.clone(), Key::Subject(record.subject)]).await?;
        let mut row: RecordRow = attempt.draft.row(&key)?.cloned().ok_or(VaultError::NotFound)?;
        people::guard_for_writing(&mut attempt.draft, record.subject).await?;
        let mut due_at = attempt.draft.loaded_due_at(&key);
        let about = |event_type| about_record(event_type, controller, now, record, actor);
        let event = match change {
            Change::Restrict(purposes) => {
                let readable_for: Vec<PurposeId> = purposes.iter().cloned().collect();
                let at = match &row.restriction {
                    Some(former) if former.readable_for == readable_for => return Ok(Changed::No),
                    Some(former) => former.at,
                    None => now,
                };
                row.restriction = Some(RecordRestriction { at, readable_for });
                about("record.restricted").with("readable_for", purposes_json(purposes))
            }
            Change::Lift if row.restriction.is_none() => return Ok(Changed::No),
            Change::Lift => {
                row.restriction = None;
                about("record.released")
            }
            Change::Event(event, at) => {
                if !note(&mut row.events, *event, *at) {
                    return Ok(Changed::No);
                }
                let assessment =
                    standing(&self.policy, self.policy.category(&record.category), &row, None, now)
                        .map_err(|_| VaultError::Damaged("an event of the record is not known"))?;
                due_at = assessment.due_at;
                about("record.event_noted")
                    .with("event", event.as_str())
                    .with("event_at", at.as_millis())
                    .with_some("due_at", due_at.map(Timestamp::as_millis))
            }
        };
        let entry = attempt.account(Owner::Subject(record.subject), &event).await?;
        row.entry = entry;
        attempt.draft.put(key, row, due_at)?;
        Ok(Changed::Yes { entry })
    }
}
