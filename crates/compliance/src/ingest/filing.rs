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
use wzapi_storage::key::Key;
use wzapi_storage::row::SourceEventRow;
use wzapi_vault::decision::admission::admit;
use wzapi_vault::{NewRecord, RecordValue, Vault, VaultError};
use wzapi_whatsapp::message::InboundMessage;

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

/// Files what came with a message, in the changeset of its delivery: either all of it counts or none.
pub(super) async fn file_message(
    vault: &Vault,
    recording: &mut Recording<'_>,
    person: &[KnownAs],
    message: &InboundMessage,
    actor: &Actor,
    report: &mut IngestReport,
) -> Result<(), ItemFailure> {
    let policy = Arc::clone(vault.policy());
    let mut found = Vec::new();
    if let Some(filing) = policy.filing_of(WebhookContent::MessageContent) {
        found.push((filing, message.content.expose(), false));
    }
    if let (Some(filing), Some(profile)) = (policy.filing_of(WebhookContent::Profile), &message.profile) {
        found.push((filing, profile.expose(), true));
    }
    let now = recording.now();
    for (filing, value, comes_with_every_message) in found {
        let new = NewRecord {
            // A time that lies ahead says nothing about when it was.
            collected_at: message.timestamp.filter(|at| *at <= now),
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
        file(vault, recording, subject, &new, actor).await?;
        report.filed += 1;
    }
    Ok(())
}

async fn file(
    vault: &Vault,
    recording: &mut Recording<'_>,
    subject: SubjectId,
    new: &NewRecord,
    actor: &Actor,
) -> Result<(), ItemFailure> {
    let now = recording.now();
    let (draft, keys) = recording.draft_and_keys();
    let keys = Arc::clone(keys);
    match vault.stage_store(draft, &keys, subject, new, actor, now).await {
        Ok((_, entry)) => {
            recording.add_entry(entry);
            Ok(())
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
