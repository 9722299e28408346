//! What people take back or write anew: the filed record of the first message follows.
//!
//! A record of a message is stored under a keyed hash of the message's id, so that it is found again without an index.
//! It is changed before the batch is taken in; a crash in between does it again, which changes nothing.

use std::collections::BTreeSet;

use wzapi_encryption::TenantKeys;
use wzapi_encryption::blind_index::IndexLabel;
use wzapi_encryption::data_key::cohort_of;
use wzapi_model::Timestamp;
use wzapi_model::actor::Actor;
use wzapi_model::ids::{ControllerId, RecordId};
use wzapi_model::name::DataCategory;
use wzapi_policy::file::{DataSource, WebhookContent};
use wzapi_storage::Draft;
use wzapi_storage::contract::MAX_GET_KEYS;
use wzapi_storage::key::{BlindIndex, Cohort, Key};
use wzapi_storage::row::SourceEventRow;
use wzapi_vault::decision::disposition::DisposalReason;
use wzapi_vault::{RecordRef, RecordValue, Vault, VaultError};
use wzapi_whatsapp::content::Content;
use wzapi_whatsapp::message::{InboundMessage, MessageKind};

use super::Routed;
use super::people::known_as;
use crate::error::Error;
use crate::services::Services;

/// The id under which the record of a message is stored.
pub(super) fn record_of(keys: &TenantKeys, message_id: &str) -> Option<RecordId> {
    let indexes = keys.indexes(IndexLabel::SourceEvent, "message_record", message_id.as_bytes());
    indexes.last().map(|index| RecordId::from_bytes(index.0))
}

/// The mark that says that a message was taken back, or written anew.
pub(super) fn superseded_mark(
    keys: &TenantKeys,
    kind: &MessageKind,
    original_id: &str,
) -> Option<BlindIndex> {
    let kind = if *kind == MessageKind::Revoke { "message_revoked" } else { "message_edited" };
    keys.indexes(IndexLabel::SourceEvent, kind, original_id.as_bytes()).last().copied()
}

impl Services {
    /// Disposes of the records of messages that were taken back, and gives those that were written anew their new value.
    /// Answers the positions of the edits whose record has the new value by that.
    pub(super) async fn revise(
        &self,
        controller: ControllerId,
        batch: &[Routed<'_>],
        actor: &Actor,
    ) -> Result<(BTreeSet<usize>, u64), Error> {
        let mut replaced = BTreeSet::new();
        let mut revised = 0;
        let Some(vault) = &self.vault else { return Ok((replaced, revised)) };
        let Some(filing) = vault.policy().filing_of(WebhookContent::MessageContent).cloned() else {
            return Ok((replaced, revised));
        };
        for (position, routed) in batch.iter().enumerate() {
            let Content::Message(message) = &routed.item.content else { continue };
            let Some(original) = &message.original_id else { continue };
            if self.is_taken_in(controller, routed).await? {
                continue;
            }
            for record in
                self.filed_as(controller, routed, message, original.expose(), &filing.category).await?
            {
                let is_edit = message.kind != MessageKind::Revoke;
                if is_edit && !self.replace(vault, controller, &record, message, actor).await? {
                    continue;
                }
                if !is_edit && !dispose(vault, controller, &record, actor).await? {
                    continue;
                }
                revised += 1;
                if is_edit {
                    replaced.insert(position);
                }
            }
        }
        Ok((replaced, revised))
    }

    async fn is_taken_in(&self, controller: ControllerId, routed: &Routed<'_>) -> Result<bool, Error> {
        let recording = self.consent.begin(controller).await?;
        let mark = Key::SourceEvent(recording.source_index(routed.item.source_key().expose())?);
        let mut draft = Draft::new(self.storage.as_ref(), controller);
        draft.load([mark.clone()]).await?;
        Ok(draft.row::<SourceEventRow>(&mark)?.is_some())
    }

    /// The records of a message: under any subject of the person, in the month of the revision or the one before it.
    /// WhatsApp lets people take messages back for about two days.
    async fn filed_as(
        &self,
        controller: ControllerId,
        routed: &Routed<'_>,
        message: &InboundMessage,
        original: &str,
        category: &DataCategory,
    ) -> Result<Vec<RecordRef>, Error> {
        let keys = self.encryption.tenant(controller).await?;
        let person = known_as(&message.person, routed.portfolio);
        let (Some(subject), Some(record)) =
            (self.consent.subject(controller, &person).await?, record_of(&keys, original))
        else {
            return Ok(Vec::new());
        };
        let Some(person) = self.consent.person(controller, subject).await? else { return Ok(Vec::new()) };
        let cohorts = cohorts_before(message.timestamp, self.clock.now());
        let mut found = Vec::new();
        let places: Vec<RecordRef> = person
            .all()
            .flat_map(|subject| {
                cohorts.iter().map(move |cohort| RecordRef {
                    subject,
                    category: category.clone(),
                    cohort: *cohort,
                    record,
                })
            })
            .collect();
        for places in places.chunks(MAX_GET_KEYS) {
            let rows: Vec<Key> = places.iter().map(RecordRef::key).collect();
            let rows = self.storage.get(controller, &rows).await?;
            found.extend(
                places.iter().zip(rows).filter(|(_, row)| row.is_some()).map(|(place, _)| place.clone()),
            );
        }
        Ok(found)
    }

    /// Whether the record has the new value now. One that may not have it stays as it is.
    async fn replace(
        &self,
        vault: &Vault,
        controller: ControllerId,
        record: &RecordRef,
        message: &InboundMessage,
        actor: &Actor,
    ) -> Result<bool, Error> {
        let value = RecordValue::Json(message.content.expose().clone());
        match vault.update(controller, record, &value, DataSource::MessagingPlatform, actor).await {
            Ok(_) => Ok(true),
            Err(
                VaultError::Refused(_)
                | VaultError::NotFound
                | VaultError::Destroyed
                | VaultError::UnknownSubject
                | VaultError::Erased,
            ) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

/// Whether the record is gone. A law, a legal hold or an open request of the person keeps it.
async fn dispose(
    vault: &Vault,
    controller: ControllerId,
    record: &RecordRef,
    actor: &Actor,
) -> Result<bool, Error> {
    match vault.dispose(controller, record, DisposalReason::ErasureRequested, actor).await {
        Ok(_) => Ok(true),
        Err(VaultError::DisposalRefused(_)) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// The months in which the first message can have been collected.
fn cohorts_before(revised_at: Option<Timestamp>, now: Timestamp) -> BTreeSet<Cohort> {
    let months = [revised_at.unwrap_or(now).min(now), now].map(cohort_of);
    months.into_iter().flat_map(|month| [month, Cohort(month.0.saturating_sub(1))]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_of_the_last_day_of_a_month_is_found_on_the_first_of_the_next() {
        let now: Timestamp = "2026-11-01T00:10:00Z".parse().unwrap();
        let months = cohorts_before(Some(now), now);
        assert!(months.contains(&cohort_of("2026-10-31T23:59:00Z".parse().unwrap())));
        assert!(months.contains(&cohort_of(now)));
        assert_eq!(months.len(), 2);
    }
}
