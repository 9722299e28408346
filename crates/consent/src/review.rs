//! What waits for an officer: grants that were set aside, and messages that may have been an opt-out.
//!
//! Each has a [`ReviewRow`] beside the person's other rows, written in the changeset of the act and removed in that of
//! the decision. The event itself is never changed.

use std::collections::BTreeMap;

use wzapi_model::Timestamp;
use wzapi_model::consent::{ConsentAct, ConsentMethod, ConsentScope, Provenance};
use wzapi_model::ids::{ConsentEventId, ControllerId, EntryId, SubjectId};
use wzapi_model::name::DataCategory;
use wzapi_storage::key::{Key, KeyPrefix, Owner, RowKind};
use wzapi_storage::query::{Cursor, MAX_PAGE, Query};
use wzapi_storage::row::{ConsentEventRow, DataKeyRow, Quarantine, ReviewQuestion, ReviewRow, RowType};

use crate::details::Details;
use crate::entry_words::{channel_text, purpose_text, quarantine_text, sender_text};
use crate::error::ConsentError;
use crate::person;
use crate::recording::acting::next_moment;
use crate::recording::{ConsentLedger, Evidence, NewAct, Notice, Recording, until_through};
use crate::standing::EffectiveAct;

/// The largest page of what waits.
pub const MAX_LISTED: usize = 256;

/// Which of the two is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waiting {
    /// Grants that were set aside and can be released.
    Quarantined,
    /// Messages that may have been an opt-out.
    Doubts,
}

/// Names something that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReviewId {
    /// The person.
    pub subject: SubjectId,
    /// The ledger entry of the act.
    pub entry: EntryId,
}

impl ReviewId {
    const fn key(self) -> Key {
        Key::Review { subject: self.subject, entry: self.entry }
    }
}

/// Something that waits for a decision, opened for whoever decides.
#[derive(Debug, Clone)]
pub struct Review {
    /// Its name.
    pub id: ReviewId,
    /// Since when it waits.
    pub opened_at: Timestamp,
    /// What happened.
    pub act: ConsentAct,
    /// How far it reaches.
    pub scope: ConsentScope,
    /// How it arrived.
    pub method: ConsentMethod,
    /// The earlier of act and record.
    pub effective_at: Timestamp,
    /// Why it was set aside, for a grant.
    pub quarantine: Option<Quarantine>,
    /// The words of the message, and whatever else shows the act. `None` when its key was destroyed.
    pub details: Option<Details>,
}

/// Some of what waits.
#[derive(Debug, Clone, Default)]
pub struct ReviewPage {
    /// In the order of persons.
    pub reviews: Vec<Review>,
    /// Where to go on; `None` at the end.
    pub next: Option<ReviewId>,
}

/// What an officer found a message to be that may have been an opt-out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The person withdrew.
    Withdrawal,
    /// It was no opt-out.
    None,
}

/// What an officer is asked about an act that was just recorded.
pub(crate) const fn question_of(
    act: &NewAct,
    quarantine: Option<Quarantine>,
    event: ConsentEventId,
) -> Option<ReviewQuestion> {
    match (act.act, quarantine) {
        (ConsentAct::Doubted, _) => Some(ReviewQuestion::Doubt(event)),
        (ConsentAct::Given, Some(reason)) if is_releasable(act.provenance, reason) => {
            Some(ReviewQuestion::Quarantined(event))
        }
        _ => None,
    }
}

/// Whether an officer can release what was set aside for this reason. A confirmation, a guardian's consent and a notice
/// cannot be replaced by anybody's word; a direct grant from the future has a clock to be mended.
const fn is_releasable(provenance: Provenance, reason: Quarantine) -> bool {
    match reason {
        Quarantine::NoEvidence | Quarantine::WeakEvidence => true,
        Quarantine::FutureDated => matches!(provenance, Provenance::Imported),
        Quarantine::NoNotice | Quarantine::Unconfirmed | Quarantine::NoGuardian => false,
    }
}

impl ConsentLedger {
    /// What waits for an officer, with the sealed evidence opened: `limit` items at most, and [`MAX_LISTED`] in any
    /// case, after `after`. In a key-value store a page costs a step for each person that it passes over.
    ///
    /// # Errors
    /// [`ConsentError::Damaged`] when what waits is not there; the failure of a part.
    pub async fn waiting(
        &self,
        controller: ControllerId,
        which: Waiting,
        after: Option<ReviewId>,
        limit: usize,
    ) -> Result<ReviewPage, ConsentError> {
        let limit = limit.clamp(1, MAX_LISTED);
        let mut query = Query::kind(controller, RowKind::Review, MAX_PAGE);
        query.after = after.map(|id| Cursor { key: id.key(), due_at: None });
        let mut found: Vec<(ReviewId, ConsentEventId, Timestamp)> = Vec::with_capacity(limit);
        let mut next = None;
        'pages: loop {
            let page = self.parts.storage.scan(&query).await?;
            for (key, stored) in &page.rows {
                let (Key::Review { subject, entry }, Some(row)) = (key, ReviewRow::of(&stored.body)) else {
                    continue;
                };
                let Some(event) = event_asked_about(row, which) else { continue };
                if found.len() == limit {
                    next = found.last().map(|(id, ..)| *id);
                    break 'pages;
                }
                found.push((ReviewId { subject: *subject, entry: *entry }, event, row.opened_at));
            }
            match page.next {
                Some(cursor) => query.after = Some(cursor),
                None => break,
            }
        }
        Ok(ReviewPage { reviews: self.opened_reviews(controller, &found).await?, next })
    }

    /// Reads and opens the acts that wait, in two reads.
    async fn opened_reviews(
        &self,
        controller: ControllerId,
        found: &[(ReviewId, ConsentEventId, Timestamp)],
    ) -> Result<Vec<Review>, ConsentError> {
        let storage = self.parts.storage.as_ref();
        let keys = self.parts.encryption.tenant(controller).await?;
        let places: Vec<Key> = found
            .iter()
            .map(|(id, event, _)| Key::ConsentEvent { subject: id.subject, event: *event })
            .collect();
        let stored = storage.get(controller, &places).await?;
        let rows = stored.iter().map(|row| row.as_ref().and_then(|row| ConsentEventRow::of(&row.body)));
        let rows: Option<Vec<&ConsentEventRow>> = rows.collect();
        let rows = rows.ok_or(ConsentError::Damaged("an act that waits is missing"))?;
        let wanted: Vec<Key> =
            places.iter().zip(&rows).map(|(place, row)| Details::data_key(place, row)).collect();
        let data_keys = storage.get(controller, &wanted).await?;
        let data_keys: BTreeMap<&Key, _> = wanted.iter().zip(&data_keys).collect();
        found
            .iter()
            .zip(places.iter().zip(rows))
            .map(|((id, _, opened_at), (place, row))| {
                let data_key = data_keys.get(&Details::data_key(place, row)).copied();
                let data_key = data_key.and_then(Option::as_ref).and_then(|row| DataKeyRow::of(&row.body));
                let details = data_key.map(|key| Details::open(&keys, place, row, Some(key))).transpose()?;
                Ok(Review {
                    id: *id,
                    opened_at: *opened_at,
                    act: row.act,
                    scope: row.scope.clone(),
                    method: row.method,
                    effective_at: row.effective_at,
                    quarantine: row.quarantine,
                    details,
                })
            })
            .collect()
    }

    /// Lets a grant count that was set aside, as an imported one: it never outweighs a denial. The evidence says what
    /// the officer found.
    ///
    /// # Errors
    /// [`ConsentError::NothingWaits`] when nothing of that name waits to be released; [`ConsentError::InvalidAct`]
    /// when the evidence is empty or too long; otherwise as [`ConsentLedger::record`].
    pub async fn release(
        &self,
        controller: ControllerId,
        id: ReviewId,
        evidence: &Evidence,
    ) -> Result<EntryId, ConsentError> {
        until_through!(self, controller, |recording| recording.release(id, evidence))
    }

    /// Ends a doubt. [`Verdict::None`] lifts it and nothing else; [`Verdict::Withdrawal`] records the withdrawal as
    /// of the message. The doubts of one person are decided in the order in which they came, so that lifting one never
    /// lifts another one that nobody has read.
    ///
    /// # Errors
    /// [`ConsentError::NothingWaits`] when no doubt of that name waits; [`ConsentError::EarlierDoubt`] when another
    /// one of the same person has to be decided first; [`ConsentError::InvalidAct`] when the evidence is empty or too
    /// long; otherwise as [`ConsentLedger::record`].
    pub async fn resolve_doubt(
        &self,
        controller: ControllerId,
        id: ReviewId,
        verdict: Verdict,
        evidence: &Evidence,
    ) -> Result<EntryId, ConsentError> {
        until_through!(self, controller, |recording| recording.resolve_doubt(id, verdict, evidence))
    }
}

impl Recording<'_> {
    /// Stages that an officer has to decide something about a person.
    pub(crate) async fn ask_officer(
        &mut self,
        subject: SubjectId,
        entry: EntryId,
        question: ReviewQuestion,
    ) -> Result<(), ConsentError> {
        let place = Key::Review { subject, entry };
        self.draft.load([place.clone()]).await?;
        let row = ReviewRow { question, opened_at: self.now() };
        Ok(self.draft.put(place, row, None)?)
    }

    async fn release(&mut self, id: ReviewId, evidence: &Evidence) -> Result<EntryId, ConsentError> {
        must_say_why(evidence)?;
        let (place, row) = self.take_up(id, Waiting::Quarantined).await?;
        let reason = row.quarantine.ok_or(ConsentError::NothingWaits)?;
        let key = Details::data_key(&place, &row);
        self.draft.load([key.clone()]).await?;
        let details = Details::open(&self.keys, &place, &row, self.draft.row::<DataKeyRow>(&key)?)?;
        let subject = person::surviving(&mut self.draft, id.subject).await?;
        let text = |text: &Option<_>| text.as_ref().map(expose);
        let event = self
            .event("consent.released")
            .with("subject", subject.to_string())
            .with("purpose", purpose_text(&row.scope.purpose))
            .with("channel", channel_text(row.scope.channel))
            .with("sender", sender_text(row.scope.sender))
            .with("releases", row.entry.to_string())
            .with("reason", quarantine_text(reason))
            .with_some("evidence", text(&evidence.words))
            .with_some("reference", text(&evidence.reference));
        let entry = self.entry(Owner::Subject(subject), &DataCategory::consent_evidence(), &event).await?;
        let act = EffectiveAct {
            act: row.act,
            scope: row.scope,
            provenance: Provenance::Imported,
            effective_at: row.effective_at,
            expires_at: row.expires_at,
            notice: details.notice.as_ref().map(Notice::mark),
            by_guardian: details.guardian.is_some(),
            entry,
        };
        self.apply(subject, &[], &act).await?;
        self.draft.delete(id.key())?;
        Ok(entry)
    }

    async fn resolve_doubt(
        &mut self,
        id: ReviewId,
        verdict: Verdict,
        evidence: &Evidence,
    ) -> Result<EntryId, ConsentError> {
        must_say_why(evidence)?;
        let (_, row) = self.take_up(id, Waiting::Doubts).await?;
        let subject = person::surviving(&mut self.draft, id.subject).await?;
        // Loaded before the doubts are looked for: one that comes meanwhile makes the commit fail.
        let former = person::subject_row(&mut self.draft, subject).await?.former;
        for owner in std::iter::once(subject).chain(former) {
            if self.has_earlier_doubt(owner, (row.effective_at, row.entry)).await? {
                return Err(ConsentError::EarlierDoubt);
            }
        }
        let (act, effective_at) = match verdict {
            Verdict::Withdrawal => (ConsentAct::Withdrawn, row.effective_at),
            Verdict::None => (ConsentAct::DoubtCleared, next_moment(row.effective_at)),
        };
        let new = NewAct {
            evidence: Some(evidence.clone()),
            ..NewAct::direct(act, row.scope, ConsentMethod::Review)
        };
        let entry = self.resolve(subject, &new, effective_at, row.entry).await?;
        self.draft.delete(id.key())?;
        Ok(entry)
    }

    /// The act that waits under this name. Its row is loaded, so that two decisions never pass each other.
    async fn take_up(
        &mut self,
        id: ReviewId,
        which: Waiting,
    ) -> Result<(Key, ConsentEventRow), ConsentError> {
        self.draft.load([id.key()]).await?;
        let review = self.draft.row::<ReviewRow>(&id.key())?;
        let event = review.and_then(|review| event_asked_about(review, which));
        let event = event.ok_or(ConsentError::NothingWaits)?;
        let place = Key::ConsentEvent { subject: id.subject, event };
        self.draft.load([place.clone()]).await?;
        let row = self.draft.row::<ConsentEventRow>(&place)?.cloned();
        Ok((place, row.ok_or(ConsentError::Damaged("an act that waits is missing"))?))
    }

    async fn has_earlier_doubt(
        &self,
        subject: SubjectId,
        than: (Timestamp, EntryId),
    ) -> Result<bool, ConsentError> {
        let prefix = KeyPrefix::Kind(Owner::Subject(subject), RowKind::Review);
        let mut query = Query::prefix(self.keys.controller(), prefix, MAX_LISTED);
        loop {
            let page = self.parts.storage.scan(&query).await?;
            let doubts = page.rows.iter().filter_map(|(_, stored)| ReviewRow::of(&stored.body));
            let events: Vec<Key> = doubts
                .filter_map(|row| event_asked_about(row, Waiting::Doubts))
                .map(|event| Key::ConsentEvent { subject, event })
                .collect();
            let stored = self.parts.storage.get(self.keys.controller(), &events).await?;
            let mut rows = stored.iter().flatten().filter_map(|row| ConsentEventRow::of(&row.body));
            if rows.any(|row| (row.effective_at, row.entry) < than) {
                return Ok(true);
            }
            match page.next {
                Some(cursor) => query.after = Some(cursor),
                None => return Ok(false),
            }
        }
    }
}

const fn event_asked_about(row: &ReviewRow, which: Waiting) -> Option<ConsentEventId> {
    match (&row.question, which) {
        (ReviewQuestion::Doubt(event), Waiting::Doubts)
        | (ReviewQuestion::Quarantined(event), Waiting::Quarantined) => Some(*event),
        (ReviewQuestion::Doubt(_), Waiting::Quarantined)
        | (ReviewQuestion::Quarantined(_), Waiting::Doubts)
        | (ReviewQuestion::Disposal { .. }, Waiting::Doubts | Waiting::Quarantined) => None,
    }
}

fn must_say_why(evidence: &Evidence) -> Result<(), ConsentError> {
    evidence.validate()?;
    if evidence.is_empty() { Err(ConsentError::InvalidAct("a decision must say why")) } else { Ok(()) }
}

fn expose(text: &wzapi_model::personal::Personal<String>) -> String {
    text.expose().clone()
}
