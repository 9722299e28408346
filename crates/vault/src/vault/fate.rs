//! What is to become of a record that comes up, and until when it stays otherwise.

use wzapi_model::Timestamp;
use wzapi_model::ids::HoldId;
use wzapi_policy::file::Disposal;
use wzapi_policy::retention::{Assessment, RetentionState};
use wzapi_storage::Draft;
use wzapi_storage::key::Key;
use wzapi_storage::row::{HoldSetRow, RecordRow};

use crate::decision::holding::{Held, holds_on};
use crate::decision::retention::{RetentionEvent, note, review_is_asked, standing};
use crate::error::VaultError;
use crate::record::RecordRef;
use crate::vault::{Vault, people};

/// What is to become of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Fate {
    /// Nothing keeps it: it goes.
    Dispose,
    /// Nothing keeps it, and the policy wants a person to look before it goes.
    AskForReview,
    /// A person was asked, and has not decided.
    InReview,
    /// A ground keeps it until then; `None` while no end is known.
    KeptUntil(Option<Timestamp>),
    /// These legal holds keep it.
    OnHold(Vec<HoldId>),
    /// An open request of the person keeps it.
    Frozen,
    /// It has an event that only a newer version of the library knows, so it stays.
    UnknownEvent,
}

/// A record that came up: what is to become of it, and how it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CameUp {
    /// What is to become of it.
    pub fate: Fate,
    /// Its grounds; `None` with [`Fate::UnknownEvent`].
    pub assessment: Option<Assessment>,
}

impl Vault {
    /// What is to become of a record at `now`. Everything that it rests on, the record's row aside, is required to be the
    /// same when the draft is committed. `None` when the record is gone.
    ///
    /// # Errors
    /// [`VaultError::UnknownSubject`]; the failure of the store.
    pub async fn came_up(
        &self,
        draft: &mut Draft<'_>,
        record: &RecordRef,
        now: Timestamp,
    ) -> Result<Option<CameUp>, VaultError> {
        let key = record.key();
        draft.load([key.clone(), Key::HoldSet, Key::Subject(record.subject)]).await?;
        if draft.row::<RecordRow>(&key)?.is_none() {
            return Ok(None);
        }
        draft.guard(&Key::HoldSet)?;
        let person = people::for_disposal(draft, record.subject).await?;
        let holds = draft.row::<HoldSetRow>(&Key::HoldSet)?.cloned().unwrap_or_default();
        let Some(row) = draft.row::<RecordRow>(&key)? else { return Ok(None) };
        let category = self.policy.category(&record.category);
        let erased_at = person.erased.map(|mark| mark.at);
        let Ok(assessment) = standing(&self.policy, category, row, erased_at, now) else {
            return Ok(Some(CameUp { fate: Fate::UnknownEvent, assessment: None }));
        };
        let held = Held { person: &person.ids, category: &record.category, collected_at: row.collected_at };
        let held_by: Vec<HoldId> = holds_on(&holds, &held).collect();
        let asks = category.is_some_and(|category| category.disposal == Disposal::Review);
        let fate = if assessment.state != RetentionState::Due {
            Fate::KeptUntil(assessment.due_at)
        } else if !held_by.is_empty() {
            Fate::OnHold(held_by)
        } else if person.is_frozen {
            Fate::Frozen
        } else if !asks || erased_at.is_some() {
            Fate::Dispose
        } else if review_is_asked(row) {
            Fate::InReview
        } else {
            Fate::AskForReview
        };
        Ok(Some(CameUp { fate, assessment: Some(assessment) }))
    }

    /// Stages that a record comes up at another time. The draft must have the record loaded.
    ///
    /// # Errors
    /// [`VaultError::NotFound`]; [`VaultError::NotLoaded`].
    pub fn stage_due(
        &self,
        draft: &mut Draft<'_>,
        record: &RecordRef,
        due_at: Option<Timestamp>,
    ) -> Result<(), VaultError> {
        let row = draft.row::<RecordRow>(&record.key())?.cloned().ok_or(VaultError::NotFound)?;
        Ok(draft.put(record.key(), row, due_at)?)
    }

    /// Stages that a person is asked about a record: it does not come up again by itself.
    ///
    /// # Errors
    /// As [`Vault::stage_due`].
    pub fn stage_review(
        &self,
        draft: &mut Draft<'_>,
        record: &RecordRef,
        now: Timestamp,
    ) -> Result<(), VaultError> {
        let mut row = draft.row::<RecordRow>(&record.key())?.cloned().ok_or(VaultError::NotFound)?;
        note(&mut row.events, RetentionEvent::ReviewAsked, now);
        Ok(draft.put(record.key(), row, None)?)
    }
}
