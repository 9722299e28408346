//! The acts of one person, read back with what was sealed beside them.
//!
//! Reading them opens personal data. Whoever calls this has asked for the permission, and accounts for it.

use wzapi_encryption::{EncryptionError, TenantKeys};
use wzapi_model::Timestamp;
use wzapi_model::consent::{ConsentAct, ConsentMethod, ConsentScope, Provenance};
use wzapi_model::ids::{ConsentEventId, ControllerId, EntryId, SubjectId};
use wzapi_storage::Draft;
use wzapi_storage::key::{Key, KeyPrefix, Owner, RowKind};
use wzapi_storage::query::{Cursor, MAX_PAGE, Query};
use wzapi_storage::row::{Body, ConsentEventRow, DataKeyRow, Quarantine, SubjectRow};

use crate::details::Details;
use crate::entry_words::{channel_text, event_type, purpose_text, quarantine_text, sender_text};
use crate::error::ConsentError;
use crate::recording::{ConsentLedger, Notice};

/// The most subjects that can turn out to be one person.
const MAX_SUBJECTS: usize = 256;
/// How often a page is opened again when keys are rotated meanwhile.
const MAX_ATTEMPTS: usize = 16;

/// The subjects that one person was recorded as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonSubjects {
    /// The one that stands for the person now.
    pub current: SubjectId,
    /// Those that were found to be the same person, sorted.
    pub former: Vec<SubjectId>,
}

impl PersonSubjects {
    /// All of them, the current one first.
    pub fn all(&self) -> impl Iterator<Item = SubjectId> + Clone {
        std::iter::once(self.current).chain(self.former.iter().copied())
    }
}

/// An act as it was recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastAct {
    /// The subject under which it was recorded: a former one, for a person of several.
    pub subject: SubjectId,
    /// Its id.
    pub event: ConsentEventId,
    /// What happened.
    pub act: ConsentAct,
    /// How far it reaches.
    pub scope: ConsentScope,
    /// How it arrived.
    pub method: ConsentMethod,
    /// Where the record comes from.
    pub provenance: Provenance,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// When it took effect.
    pub effective_at: Timestamp,
    /// When a grant ends by itself.
    pub expires_at: Option<Timestamp>,
    /// Why it does not count, if it does not.
    pub quarantine: Option<Quarantine>,
    /// The ledger entry that records it.
    pub entry: EntryId,
    /// The notice that was shown.
    pub notice: Option<Notice>,
    /// Whether a parent or guardian acted for the person.
    pub by_guardian: bool,
}

impl PastAct {
    /// The type of its ledger entry, such as `consent.given`.
    #[must_use]
    pub const fn event_type(&self) -> &'static str {
        event_type(self.act)
    }

    /// Its purposes, channels and senders in the words of its ledger entry.
    #[must_use]
    pub fn scope_words(&self) -> (&str, &'static str, String) {
        let ConsentScope { purpose, channel, sender } = &self.scope;
        (purpose_text(purpose), channel_text(*channel), sender_text(*sender))
    }

    /// Why it does not count, in the words of its ledger entry.
    #[must_use]
    pub fn quarantine_word(&self) -> Option<&'static str> {
        self.quarantine.map(quarantine_text)
    }
}

/// Some acts, and where to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryPage {
    /// The acts, by their ids, which say nothing about time.
    pub acts: Vec<PastAct>,
    /// `Some` when there may be more.
    pub next: Option<HistoryCursor>,
}

/// Where a history goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryCursor(Cursor);

impl ConsentLedger {
    /// Everyone that the person was recorded as. `None` when there is no such subject.
    ///
    /// # Errors
    /// [`ConsentError::Damaged`] when merged subjects lead in a circle; the failure of the store.
    pub async fn person(
        &self,
        controller: ControllerId,
        subject: SubjectId,
    ) -> Result<Option<PersonSubjects>, ConsentError> {
        let mut draft = Draft::new(self.parts.storage.as_ref(), controller);
        let mut current = subject;
        let Some(mut row) = subject_row(&mut draft, current).await? else { return Ok(None) };
        let mut steps = 0;
        while let Some(survivor) = row.merged_into {
            steps += 1;
            if steps > MAX_SUBJECTS {
                return Err(ConsentError::Damaged("merged subjects lead in a circle"));
            }
            current = survivor;
            row = subject_row(&mut draft, current)
                .await?
                .ok_or(ConsentError::Damaged("a subject row is missing"))?;
        }
        let mut former = row.former.clone();
        former.sort_unstable();
        former.dedup();
        former.retain(|one| *one != current);
        Ok(Some(PersonSubjects { current, former }))
    }

    /// A page of the acts that were recorded under one subject, opened. A person of several subjects has the acts of
    /// all of them, see [`ConsentLedger::person`]. `limit` is cut to [`MAX_PAGE`].
    ///
    /// # Errors
    /// [`ConsentError::Encryption`] with [`EncryptionError::KeyMissing`] when the person was erased; the failure of a
    /// part.
    pub async fn history(
        &self,
        controller: ControllerId,
        subject: SubjectId,
        after: Option<&HistoryCursor>,
        limit: usize,
    ) -> Result<HistoryPage, ConsentError> {
        let prefix = KeyPrefix::Kind(Owner::Subject(subject), RowKind::ConsentEvent);
        let mut query = Query::prefix(controller, prefix, limit.clamp(1, MAX_PAGE));
        query.after = after.map(|cursor| cursor.0.clone());
        for _ in 0..MAX_ATTEMPTS {
            // The keys come first: rows that were read under older ones are read again.
            let keys = self.parts.encryption.tenant(controller).await?;
            let page = self.parts.storage.scan(&query).await?;
            let mut rows = Vec::with_capacity(page.rows.len());
            for (key, stored) in page.rows {
                if let Body::ConsentEvent(row) = stored.body {
                    rows.push((key, row));
                }
            }
            match self.opened(&keys, controller, rows).await {
                Err(ConsentError::Busy) => {}
                acts => return Ok(HistoryPage { acts: acts?, next: page.next.map(HistoryCursor) }),
            }
        }
        Err(ConsentError::Busy)
    }

    async fn opened(
        &self,
        keys: &TenantKeys,
        controller: ControllerId,
        rows: Vec<(Key, ConsentEventRow)>,
    ) -> Result<Vec<PastAct>, ConsentError> {
        let mut draft = Draft::new(self.parts.storage.as_ref(), controller);
        let sealed_by: Vec<Key> = rows.iter().map(|(key, row)| Details::data_key(key, row)).collect();
        draft.load(sealed_by).await?;
        let mut acts = Vec::with_capacity(rows.len());
        for (key, row) in rows {
            let Key::ConsentEvent { subject, event } = key else { continue };
            let sealed_by = draft.row::<DataKeyRow>(&Details::data_key(&key, &row))?;
            let details = Details::open(keys, &key, &row, sealed_by)?;
            acts.push(past_act(subject, event, row, details));
        }
        Ok(acts)
    }
}

async fn subject_row(draft: &mut Draft<'_>, subject: SubjectId) -> Result<Option<SubjectRow>, ConsentError> {
    let key = Key::Subject(subject);
    draft.load([key.clone()]).await?;
    Ok(draft.row::<SubjectRow>(&key)?.cloned())
}

fn past_act(subject: SubjectId, event: ConsentEventId, row: ConsentEventRow, details: Details) -> PastAct {
    PastAct {
        subject,
        event,
        act: row.act,
        scope: row.scope,
        method: row.method,
        provenance: row.provenance,
        recorded_at: row.recorded_at,
        effective_at: row.effective_at,
        expires_at: row.expires_at,
        quarantine: row.quarantine,
        entry: row.entry,
        by_guardian: details.guardian.is_some(),
        notice: details.notice,
    }
}

/// A person who was erased has no history that could be read.
#[must_use]
pub const fn is_erased(error: &ConsentError) -> bool {
    matches!(error, ConsentError::Encryption(EncryptionError::KeyMissing))
}
