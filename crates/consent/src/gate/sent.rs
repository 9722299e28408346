//! What was sent to a person, under which permit, and what shows it.

use serde::Deserialize;
use wzapi_encryption::TenantKeys;
use wzapi_ledger::SealedBody;
use wzapi_ledger::proof::EntryCommitment;
use wzapi_model::Timestamp;
use wzapi_model::ids::{ControllerId, EntryId, PermitId, SenderId, SubjectId};
use wzapi_model::message::MessageCategory;
use wzapi_model::name::PurposeId;
use wzapi_storage::Draft;
use wzapi_storage::key::{Key, KeyPrefix, LogRef, Owner, RowKind};
use wzapi_storage::query::{Cursor, MAX_PAGE, Query};
use wzapi_storage::row::{Body, DataKeyRow, EntryBody, EntryBodyRow, LogLeafRow, PermitRow, StepMark};

use super::Gate;
use crate::error::ConsentError;
use crate::history::PersonSubjects;
use crate::recording::ConsentLedger;

/// A message that was sent under a permit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentMessage {
    /// The permit.
    pub permit: PermitId,
    /// The subject under which it was recorded: a former one, for a person of several.
    pub subject: SubjectId,
    /// The sender.
    pub sender: SenderId,
    /// The category of the message.
    pub category: MessageCategory,
    /// The purpose.
    pub purpose: PurposeId,
    /// When the permit was redeemed.
    pub redeemed_at: Timestamp,
    /// How far it came, as the provider reported.
    pub steps: Vec<StepMark>,
    /// The ledger entry that records the sending.
    pub entry: EntryId,
    /// Where that entry is: its log, and its index there. A proof of it can be asked for by that.
    pub recorded_in: (LogRef, u64),
    /// The ledger entries that the decision to send rested on. Empty as well when the entry's body was erased.
    pub evidence: Vec<EntryId>,
    /// Whether it was a status that bound the message, and not the sender of it.
    pub is_healed: bool,
}

/// Some messages, and where to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentPage {
    /// The messages, by their permits' ids, which say nothing about time.
    pub messages: Vec<SentMessage>,
    /// `Some` when there may be more.
    pub next: Option<SentCursor>,
}

/// Where a list of messages goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentCursor {
    subject: SubjectId,
    after: Option<Cursor>,
}

/// What is read from the body of an entry `message.sent`.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Recorded {
    evidence: Vec<EntryId>,
    healed: bool,
}

impl Gate {
    /// A page of what was sent to a person: `limit` at most, after `after`. `limit` is cut to [`MAX_PAGE`].
    ///
    /// # Errors
    /// [`ConsentError::Damaged`] when an entry that a message names is not there; the failure of a part.
    pub async fn sent(
        &self,
        controller: ControllerId,
        person: &PersonSubjects,
        after: Option<&SentCursor>,
        limit: usize,
    ) -> Result<SentPage, ConsentError> {
        let mut subjects =
            person.all().skip_while(|subject| after.is_some_and(|after| after.subject != *subject));
        let Some(subject) = subjects.next() else { return Ok(SentPage { messages: Vec::new(), next: None }) };
        let following = subjects.next();
        let prefix = KeyPrefix::Kind(Owner::Subject(subject), RowKind::Permit);
        let mut query = Query::prefix(controller, prefix, limit.clamp(1, MAX_PAGE));
        query.after = after.and_then(|after| after.after.clone());
        for _ in 0..ConsentLedger::MAX_ATTEMPTS {
            // The keys come first: rows that were read under older ones are read again.
            let keys = self.parts.encryption.tenant(controller).await?;
            let page = self.parts.storage.scan(&query).await?;
            let mut rows = Vec::with_capacity(page.rows.len());
            for (key, stored) in page.rows {
                if let (Key::Permit { permit, .. }, Body::Permit(row)) = (key, stored.body) {
                    rows.push((permit, row));
                }
            }
            let next = match page.next {
                Some(after) => Some(SentCursor { subject, after: Some(after) }),
                None => following.map(|subject| SentCursor { subject, after: None }),
            };
            match self.opened(&keys, controller, subject, rows).await {
                Err(ConsentError::Busy) => {}
                messages => return Ok(SentPage { messages: messages?, next }),
            }
        }
        Err(ConsentError::Busy)
    }

    async fn opened(
        &self,
        keys: &TenantKeys,
        controller: ControllerId,
        subject: SubjectId,
        rows: Vec<(PermitId, PermitRow)>,
    ) -> Result<Vec<SentMessage>, ConsentError> {
        let owner = Owner::Subject(subject);
        let mut draft = Draft::new(self.parts.storage.as_ref(), controller);
        let places = rows.iter().map(|(_, row)| Key::EntryBody { owner, entry: row.entry });
        draft.load(places).await?;
        let mut messages = Vec::with_capacity(rows.len());
        for (permit, row) in rows {
            let place = Key::EntryBody { owner, entry: row.entry };
            let body = draft.row::<EntryBodyRow>(&place)?.cloned();
            let body = body.ok_or(ConsentError::Damaged("the entry of a message is missing"))?;
            let recorded = recorded(&mut draft, keys, &place, &body).await?;
            messages.push(SentMessage {
                permit,
                subject,
                sender: row.sender,
                category: row.category,
                purpose: row.purpose,
                redeemed_at: row.redeemed_at,
                steps: row.steps,
                entry: row.entry,
                recorded_in: (body.log, body.index),
                evidence: recorded.evidence,
                is_healed: recorded.healed,
            });
        }
        Ok(messages)
    }
}

/// Opens the body of an entry, after checking that it is the one that the log holds.
async fn recorded(
    draft: &mut Draft<'_>,
    keys: &TenantKeys,
    place: &Key,
    row: &EntryBodyRow,
) -> Result<Recorded, ConsentError> {
    let sealed = match &row.body {
        EntryBody::Kept(sealed) => sealed,
        EntryBody::Erased { .. } => return Ok(Recorded::default()),
    };
    let leaf_key = Key::LogLeaf { log: row.log, index: row.index };
    let body = SealedBody { controller: draft.controller(), key: place, category: &row.category, sealed };
    let key = body.data_key();
    draft.load([leaf_key.clone(), key.clone()]).await?;
    let leaf = draft.row::<LogLeafRow>(&leaf_key)?;
    let leaf = leaf.ok_or(ConsentError::Damaged("the log has no entry where a message says it is"))?;
    let commitment = EntryCommitment::from(leaf.commitment);
    let event = body.open(keys, draft.row::<DataKeyRow>(&key)?, &commitment)?;
    serde_json::from_slice(&event).map_err(|_| ConsentError::Damaged("the entry of a message cannot be read"))
}
