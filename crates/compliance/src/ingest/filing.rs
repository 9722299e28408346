//! What people write and show is filed as records, where the policy says so, and dropped otherwise.
//!
//! Filing never stands in the way of what a message means: when a record cannot be filed, the message is taken in without
//! it.

use std::sync::Arc;

use wzapi_consent::person::KnownAs;
use wzapi_consent::{ConsentError, Recording};
use wzapi_encryption::blind_index::IndexLabel;
use wzapi_model::actor::Actor;
use wzapi_model::ids::SubjectId;
use wzapi_policy::file::{DataSource, WebhookContent};
use wzapi_storage::Draft;
use wzapi_storage::key::Key;
use wzapi_storage::row::SourceEventRow;
use wzapi_vault::decision::admission::admit;
use wzapi_vault::{NewRecord, RecordRef, RecordValue, Vault, VaultError};
use wzapi_whatsapp::message::{InboundMessage, MessageKind};

use super::message::collected_at;
use super::revise::{record_of, superseded_mark};
use super::{IngestReport, KEPT_FOR};

/// Why a message was not taken in as it is.
pub(super) enum ItemFailure {
    /// The message itself cannot be recorded.
    Consent(ConsentError),
    /// It can be, without its records.
    Unfiled,
}

impl<E: Into<ConsentError>> From<E> for ItemFailure {
    fn from(error: E) -> Self {
        Self::Consent(error.into())
    }
}

/// Files what came with a message, in the changeset of its delivery: either all of it counts or none. Answers where its
/// content is.
///
/// A message that was taken back has no content, and one that was written anew is filed as it is now, whichever of the two
/// comes first.
pub(super) async fn file_message(
    vault: &Vault,
    recording: &mut Recording<'_>,
    person: &[KnownAs],
    (message, is_replaced): (&InboundMessage, bool),
    actor: &Actor,
    report: &mut IngestReport,
) -> Result<Option<RecordRef>, ItemFailure> {
    let policy = Arc::clone(vault.policy());
    let mut found = Vec::new();
    let mut content = None;
    if let Some(filing) = policy.filing_of(WebhookContent::MessageContent)
        && !is_replaced
        && has_content(recording, message).await?
    {
        found.push((filing, message.content.expose(), false));
    }
    if let (Some(filing), Some(profile)) = (policy.filing_of(WebhookContent::Profile), &message.profile) {
        found.push((filing, profile.expose(), true));
    }
    let now = recording.now();
    for (filing, value, comes_with_every_message) in found {
        let new = NewRecord {
            collected_at: collected_at(message, now),
            ..NewRecord::new(
                filing.category.clone(),
                filing.purposes.iter().cloned(),
                DataSource::MessagingPlatform,
                RecordValue::Json(value.clone()),
            )
        };
        // What is refused makes nobody known.
        if admit(&policy, &new, now).is_err() {
            report.content_refused += 1;
            continue;
        }
        // Whoever had the identifiers when the message was sent: it may have come late.
        let subject = match recording.subject(person, message.timestamp).await {
            Err(ConsentError::InvalidAct(_) | ConsentError::TooManyIdentifiers(_)) => {
                return Err(ItemFailure::Unfiled);
            }
            subject => subject?,
        };
        if comes_with_every_message && !is_new(recording, subject, value).await? {
            continue;
        }
        let source = if comes_with_every_message { None } else { Some(message) };
        let record = file(vault, recording, subject, (&new, source), actor).await?;
        content = content.or(Some(record).filter(|_| !comes_with_every_message));
        report.filed += 1;
    }
    Ok(content)
}

/// Whether there is something to file: not of a message that takes another one back, and not of one that was taken back or
/// written anew before it came. Marks which one this takes back or writes anew.
async fn has_content(recording: &mut Recording<'_>, message: &InboundMessage) -> Result<bool, ItemFailure> {
    let now = recording.now();
    let (draft, keys) = recording.draft_and_keys();
    let own = message.original_id.as_ref().or(message.id.as_ref()).map(|id| id.expose().as_str());
    let marks = [MessageKind::Revoke, MessageKind::Edit]
        .map(|kind| own.and_then(|id| superseded_mark(keys, &kind, id)).map(Key::SourceEvent));
    draft.load(marks.iter().flatten().cloned()).await?;
    let [revoked, edited] = marks;
    let is_revoked = is_marked(draft, revoked.as_ref())?;
    let is_edited = is_marked(draft, edited.as_ref())?;
    if message.original_id.is_none() {
        return Ok(!is_revoked && !is_edited && message.kind != MessageKind::Revoke);
    }
    let mark = if message.kind == MessageKind::Revoke { revoked } else { edited };
    if let Some(mark) = mark {
        draft.put(mark, SourceEventRow { seen_at: now }, Some(now.saturating_add(KEPT_FOR)))?;
    }
    Ok(!is_revoked && message.kind != MessageKind::Revoke)
}

fn is_marked(draft: &Draft<'_>, mark: Option<&Key>) -> Result<bool, ItemFailure> {
    match mark {
        Some(mark) => Ok(draft.row::<SourceEventRow>(mark)?.is_some()),
        None => Ok(false),
    }
}

async fn file(
    vault: &Vault,
    recording: &mut Recording<'_>,
    subject: SubjectId,
    (new, source): (&NewRecord, Option<&InboundMessage>),
    actor: &Actor,
) -> Result<RecordRef, ItemFailure> {
    let now = recording.now();
    let (draft, keys) = recording.draft_and_keys();
    let keys = Arc::clone(keys);
    // What is written anew takes the place of what was written first.
    let id = source.and_then(|message| message.original_id.as_ref().or(message.id.as_ref()));
    let stored = match id.and_then(|id| record_of(&keys, id.expose())) {
        Some(id) => vault.stage_store_as(draft, &keys, subject, id, new, actor, now).await,
        None => vault.stage_store(draft, &keys, subject, new, actor, now).await,
    };
    match stored {
        Ok((record, entry)) => {
            recording.add_entry(entry);
            Ok(record)
        }
        Err(VaultError::Busy) => Err(ConsentError::Busy.into()),
        Err(VaultError::Storage(error)) => Err(error.into()),
        Err(_) => Err(ItemFailure::Unfiled),
    }
}

/// Whether this was not filed about this person in the last weeks; if so, it is marked as filed now.
async fn is_new(
    recording: &mut Recording<'_>,
    subject: SubjectId,
    value: &serde_json::Value,
) -> Result<bool, ItemFailure> {
    let now = recording.now();
    let (draft, keys) = recording.draft_and_keys();
    let seen = format!("{subject}{value}");
    let indexes = keys.indexes(IndexLabel::SourceEvent, "profile", seen.as_bytes());
    let Some(index) = indexes.last().copied() else { return Ok(true) };
    let place = Key::SourceEvent(index);
    draft.load([place.clone()]).await?;
    if draft.row::<SourceEventRow>(&place)?.is_some() {
        return Ok(false);
    }
    draft.put(place, SourceEventRow { seen_at: now }, Some(now.saturating_add(KEPT_FOR)))?;
    Ok(true)
}
