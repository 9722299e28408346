//! Rotation of a log's signing key.

use wzapi_ledger_proof::handover;
use wzapi_ledger_proof::signed_note::VerifierKey;
use wzapi_model::actor::Actor;
use wzapi_model::ids::{ControllerId, EntryId};
use wzapi_model::name::DataCategory;
use wzapi_storage::key::{Key, Owner};
use wzapi_storage::row::{ClosedLogRow, LogKeyRow};

use super::{MAX_ATTEMPTS, Notary};
use crate::entry::PreparedEntry;
use crate::error::LedgerError;
use crate::event::Event;
use crate::log_key;

/// A log's signing key was rotated.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct KeyRotation {
    /// The key that handed over. It signs beside the new one for a while.
    pub old: VerifierKey,
    /// The key that follows.
    pub new: VerifierKey,
    /// The statement that both signed.
    pub statement: String,
    /// The entry that records it.
    pub entry: EntryId,
}

impl Notary {
    /// Gives a log a new signing key. The statement of the handover, signed by both keys, is an entry of the log; both
    /// keys sign checkpoints for [`log_key::SIGNS_AFTER_HANDOVER`] from now on.
    ///
    /// # Errors
    /// As [`Notary::checkpoint`], whose size the statement names.
    pub async fn rotate_key(
        &self,
        actor: &Actor,
        controller: ControllerId,
        shard: u16,
    ) -> Result<KeyRotation, LedgerError> {
        for _ in 0..MAX_ATTEMPTS {
            match self.try_rotate(actor, controller, shard).await {
                Err(LedgerError::Conflict) => {}
                outcome => return outcome,
            }
        }
        Err(LedgerError::Conflict)
    }

    async fn try_rotate(
        &self,
        actor: &Actor,
        controller: ControllerId,
        shard: u16,
    ) -> Result<KeyRotation, LedgerError> {
        let signed = self.sign(controller, shard).await?;
        let (keys, now) = (self.encryption.tenant(controller).await?, self.clock.now());
        let (log, head) = self.load_head(&mut self.draft(controller), shard).await?;
        if log != signed.log {
            return Err(LedgerError::Conflict);
        }
        let storage = self.storage.as_ref();
        let stored = log_key::stored(storage, controller, shard, &head.origin).await?;
        let current =
            stored.into_iter().filter(|key| key.row.retired_at.is_none()).max_by_key(|key| key.version);
        let current = current.ok_or(LedgerError::DamagedKey)?;
        let version = log_key::unused_version(storage, controller, shard).await?;

        let mut draft = self.draft(controller);
        let (place, closed) = (Key::LogKey { shard, version }, Key::ClosedLog(log));
        draft.load([place.clone(), closed.clone(), current.place.clone()]).await?;
        let is_closed = draft.row::<ClosedLogRow>(&closed)?.is_some();
        if is_closed || draft.row::<LogKeyRow>(&current.place)? != Some(&current.row) {
            return Err(LedgerError::Conflict);
        }
        // The head is the sequencer's to guard. A statement about a log that is closed meanwhile must not get into its
        // successor.
        draft.guard(&closed)?;
        let entropy = self.entropy.as_ref();
        let old = log_key::signer(&keys, &current)?;
        let new = log_key::stage_new(&mut draft, &keys, entropy, (shard, version), &head.origin, now).await?;
        draft.put(current.place, LogKeyRow { retired_at: Some(now), ..current.row }, None)?;
        let statement = handover::sign(&old, &new, signed.edge.size)?.to_string();
        let (old, new) = (old.verifier_key().clone(), new.verifier_key().clone());
        let event = Event::new(handover::EVENT_TYPE, controller, now)
            .with("actor", actor.name())
            .with(handover::STATEMENT, statement.as_str());
        let about = (Owner::Controller, &DataCategory::accountability());
        let entry = PreparedEntry::seal(&mut draft, &keys, entropy, about, &event, now).await?;
        let id = entry.id();
        let _appended = self.ledger.commit_to(shard, draft, vec![entry]).await?;
        Ok(KeyRotation { old, new, statement, entry: id })
    }
}
