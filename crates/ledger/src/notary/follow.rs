//! After a restore: a log that is behind what it signed is closed, and a successor takes its place.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use wzapi_encryption::{EncryptionError, KeyProviderError};
use wzapi_model::ids::{ControllerId, LogId};
use wzapi_storage::key::{Key, LogRef};
use wzapi_storage::row::{CheckpointRow, ClosedLogRow, JournalPositionRow, LogHeadRow};
use wzapi_storage::{Draft, StorageError};

use super::checkpoint::open;
use super::{MAX_ATTEMPTS, Notary};
use crate::error::LedgerError;
use crate::journal::{Journal, JournalFact};
use crate::log_key;

/// Records read at a time.
const PAGE: usize = 1024;
/// The most shards whose checkpoints are held at a time.
const MAX_HELD: usize = 1 << 16;

/// What following the journal did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[must_use]
pub struct Followed {
    /// Records that were new to this store.
    pub records: u64,
    /// Logs that were closed.
    pub closed: Vec<Closed>,
    /// Logs that signed checkpoints and are not in this store: they were begun after the backup was made.
    pub lost: Vec<Lost>,
    /// Shards whose rows are damaged, so that nobody can say whether they continue what they signed. As long as there is
    /// one, nothing is signed; verify them.
    pub failed: Vec<(ControllerId, u16)>,
}

/// A log was closed because it was behind what it had signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    /// Whose.
    pub controller: ControllerId,
    /// Its shard.
    pub shard: u16,
    /// The log.
    pub log: LogId,
    /// How many entries it had signed.
    pub signed: u64,
    /// How many of them are still stored, at most.
    pub stored: u64,
    /// The log that follows it.
    pub successor: LogId,
}

/// A log that the journal knows and the store does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// Whose.
    pub controller: ControllerId,
    /// Its shard.
    pub shard: u16,
    /// The log.
    pub log: LogId,
    /// How many entries it had signed.
    pub signed: u64,
}

/// The last checkpoint of a log, as the journal has it.
#[derive(Debug, Clone)]
pub(super) struct Journalled {
    pub(super) log: LogId,
    pub(super) size: u64,
    pub(super) note: String,
}

/// The logs of each shard that signed something; of each shard the one that signed last comes last.
type LastSigned = BTreeMap<(ControllerId, u16), Vec<Journalled>>;

/// What is wrong with the log of a shard, by the journal.
pub(super) struct Overtaken {
    pub(super) log: LogRef,
    pub(super) head: LogHeadRow,
    /// The last checkpoint that it signed.
    pub(super) last: Journalled,
    /// Logs of the shard that this store does not have.
    pub(super) lost: Vec<Journalled>,
}

impl Notary {
    /// Reads what the journal has and this store has not seen. A log of the store that turns out to be behind a
    /// checkpoint of its own, or beside it, is closed: it signs nothing any more, and its successor's first entry commits
    /// to that checkpoint. Do this whenever the store is opened, before anything is written to it.
    ///
    /// With `adopt`, a journal that is not the one this store knows is taken for its journal from now on.
    ///
    /// # Errors
    /// [`LedgerError::OtherJournal`] when the journal is another one, or shorter than it was, and `adopt` is not set;
    /// the failure of a part, after which doing it again goes on.
    pub async fn follow_journal(&self, adopt: bool) -> Result<Followed, LedgerError> {
        let Some(journal) = &self.journal else { return Ok(Followed::default()) };
        for _ in 0..MAX_ATTEMPTS {
            let mut draft = self.draft(ControllerId::SYSTEM);
            draft.load([Key::JournalPosition]).await?;
            let known = draft.row::<JournalPositionRow>(&Key::JournalPosition)?.cloned();
            let (id, length) = (journal.id().await?, journal.len().await?);
            let from = match &known {
                None => 0,
                Some(row) if row.journal == id && row.position <= length => row.position,
                Some(_) if adopt => 0,
                Some(_) => return Err(LedgerError::OtherJournal),
            };
            let mut followed = Followed::default();
            let last = self.last_signed(journal.as_ref(), from, &mut followed.records).await?;
            for ((controller, shard), logs) in last {
                match self.settle(controller, shard, &logs, &mut followed).await {
                    Err(error) if is_damage(&error) => followed.failed.push((controller, shard)),
                    outcome => outcome?,
                }
            }
            if !followed.failed.is_empty() {
                // The store can be read and verified; until it is mended and opened again, nothing is signed.
                return Ok(followed);
            }
            let position =
                JournalPositionRow { journal: id, position: from.saturating_add(followed.records) };
            let end = position.position;
            if known.as_ref() != Some(&position) {
                draft.put(Key::JournalPosition, position, None)?;
            }
            if self.commit(draft).await? {
                self.followed.store(end, Ordering::SeqCst);
                return Ok(followed);
            }
        }
        Err(LedgerError::Conflict)
    }

    async fn last_signed(
        &self,
        journal: &dyn Journal,
        from: u64,
        records: &mut u64,
    ) -> Result<LastSigned, LedgerError> {
        let mut last = LastSigned::new();
        loop {
            let page = journal.read(from.saturating_add(*records), PAGE).await?;
            let count = page.len();
            for record in page {
                let JournalFact::Checkpoint { shard, log, size, note } = record.fact;
                let logs = last.entry((record.controller, shard)).or_default();
                note_signed(logs, Journalled { log, size, note });
            }
            *records += u64::try_from(count).unwrap_or(u64::MAX);
            if count < PAGE {
                return Ok(last);
            }
            if last.len() > MAX_HELD {
                self.drop_continued(&mut last).await?;
            }
        }
    }

    /// Forgets the shards that the store goes on with: what the journal has of them until now is in the store.
    async fn drop_continued(&self, last: &mut LastSigned) -> Result<(), LedgerError> {
        let held = std::mem::take(last);
        for ((controller, shard), logs) in held {
            let mut draft = self.draft(controller);
            let is_continued = match self.overtaken(&mut draft, shard, &logs).await {
                Err(LedgerError::NoLog | LedgerError::Conflict) => false,
                outcome => outcome?.is_none(),
            };
            if !is_continued {
                last.insert((controller, shard), logs);
            }
        }
        Ok(())
    }

    /// Closes the log of a shard unless it continues what it signed.
    async fn settle(
        &self,
        controller: ControllerId,
        shard: u16,
        logs: &[Journalled],
        followed: &mut Followed,
    ) -> Result<(), LedgerError> {
        for _ in 0..MAX_ATTEMPTS {
            match self.try_settle(controller, shard, logs, followed).await {
                Err(LedgerError::Conflict) => {}
                outcome => return outcome,
            }
        }
        Err(LedgerError::Conflict)
    }

    async fn try_settle(
        &self,
        controller: ControllerId,
        shard: u16,
        logs: &[Journalled],
        followed: &mut Followed,
    ) -> Result<(), LedgerError> {
        let lost = |log: &Journalled| Lost { controller, shard, log: log.log, signed: log.size };
        let mut draft = self.draft(controller);
        let overtaken = match self.overtaken(&mut draft, shard, logs).await {
            // The shard, or the whole controller, was made after the backup.
            Err(LedgerError::NoLog) => {
                followed.lost.extend(logs.iter().map(lost));
                return Ok(());
            }
            outcome => outcome?,
        };
        let Some(overtaken) = overtaken else {
            let known = self.known_logs(&mut draft, shard).await?;
            followed.lost.extend(logs.iter().filter(|log| !known.contains(&log.log)).map(lost));
            return Ok(());
        };
        let successor = self.stage_successor(&mut draft, &overtaken).await?;
        if !self.commit(draft).await? {
            return Err(LedgerError::Conflict);
        }
        let Overtaken { head, last, .. } = overtaken;
        let (signed, stored) = (last.size, head.size.min(last.size));
        followed.closed.push(Closed { controller, shard, log: head.log, signed, stored, successor });
        followed.lost.extend(overtaken.lost.iter().map(lost));
        Ok(())
    }

    /// The log of a shard, with its head loaded into the draft, if it is behind or beside what the journal has of it, or
    /// if another log that the store does not have signed after it; `None` when it may go on.
    async fn overtaken(
        &self,
        draft: &mut Draft<'_>,
        shard: u16,
        logs: &[Journalled],
    ) -> Result<Option<Overtaken>, LedgerError> {
        let (log, head) = self.load_head(draft, shard).await?;
        let known = self.known_logs(draft, shard).await?;
        let lost: Vec<Journalled> = logs.iter().filter(|log| !known.contains(&log.log)).cloned().collect();
        // The store was restored twice: first from an older backup, so that the log got a successor, which is gone.
        let is_superseded = logs.last().is_some_and(|last| !known.contains(&last.log));
        let own = logs.iter().find(|log| log.log == head.log).cloned();
        let is_behind = match &own {
            Some(own) => !self.continues(draft.controller(), log, own).await?,
            None => false,
        };
        if !is_behind && !is_superseded {
            return Ok(None);
        }
        let last = match own {
            Some(own) => Some(own),
            None => self.signed_before(draft, log, head.log).await?,
        };
        // A log that never signed anything owes nobody to continue anything.
        Ok(last.map(|last| Overtaken { log, head, last, lost }))
    }

    /// The logs that a shard has and had in this store.
    async fn known_logs(&self, draft: &mut Draft<'_>, shard: u16) -> Result<Vec<LogId>, LedgerError> {
        let (log, head) = self.load_head(draft, shard).await?;
        let places: Vec<Key> =
            (0..log.generation).map(|generation| Key::ClosedLog(LogRef { shard, generation })).collect();
        let mut known = vec![head.log];
        for chunk in places.chunks(PAGE) {
            let mut closed = self.draft(draft.controller());
            closed.load(chunk.iter().cloned()).await?;
            for place in chunk {
                known.extend(closed.row::<ClosedLogRow>(place)?.map(|row| row.head.log));
            }
        }
        Ok(known)
    }

    /// The last checkpoint that the store itself knows of a log.
    async fn signed_before(
        &self,
        draft: &mut Draft<'_>,
        log: LogRef,
        id: LogId,
    ) -> Result<Option<Journalled>, LedgerError> {
        let place = Key::Checkpoint(log);
        draft.load([place.clone()]).await?;
        let signed = draft.row::<CheckpointRow>(&place)?.and_then(|row| row.signed.clone());
        Ok(signed.map(|signed| Journalled { log: id, size: signed.size, note: signed.note }))
    }

    /// Whether the stored log begins with the tree that was signed. What contradicts itself does not.
    async fn continues(
        &self,
        controller: ControllerId,
        log: LogRef,
        journalled: &Journalled,
    ) -> Result<bool, LedgerError> {
        let outcome = self.try_continues(controller, log, journalled).await;
        match outcome {
            Err(LedgerError::Contradiction | LedgerError::DamagedKey | LedgerError::DamagedHead(_)) => {
                Ok(false)
            }
            outcome => outcome,
        }
    }

    async fn try_continues(
        &self,
        controller: ControllerId,
        log: LogRef,
        journalled: &Journalled,
    ) -> Result<bool, LedgerError> {
        let tiled = self.extend_tiles(controller, log.shard).await?;
        if tiled.log != log {
            return Err(LedgerError::Conflict);
        }
        let keys = log_key::stored(self.storage.as_ref(), controller, log.shard, &tiled.head.origin).await?;
        // By a key that the store does not know, which was made after the backup, it was signed after the backup as well.
        let signed = open(&journalled.note, &keys)?;
        self.begins_with(controller, log, &tiled.row.edge, signed.head()).await
    }
}

/// Whether a shard cannot be settled because of what is stored. It must not keep the others, or a verifier, out.
fn is_damage(error: &LedgerError) -> bool {
    match error {
        LedgerError::Storage(cause) => matches!(**cause, StorageError::Corrupt { .. }),
        LedgerError::Encryption(cause) => matches!(
            cause,
            EncryptionError::Authentication
                | EncryptionError::Corrupt
                | EncryptionError::KeyMissing
                | EncryptionError::DamagedKey { .. }
                | EncryptionError::Provider(KeyProviderError::Authentication)
        ),
        LedgerError::Contradiction | LedgerError::DamagedKey | LedgerError::DamagedHead(_) => true,
        _ => false,
    }
}

/// Moves a log behind all others of its shard, with the larger of its checkpoints: two processes may have written theirs
/// in the other order.
fn note_signed(logs: &mut Vec<Journalled>, mut signed: Journalled) {
    if let Some(place) = logs.iter().position(|log| log.log == signed.log) {
        let before = logs.remove(place);
        if before.size > signed.size {
            signed = before;
        }
    }
    logs.push(signed);
}
