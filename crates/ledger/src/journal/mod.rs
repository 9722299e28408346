//! A record of what a restored backup must not forget, kept apart from the data.
//!
//! What stands in the journal was written there before it took effect in the store. So a store that is older than its
//! journal shows: it was restored, or rolled back. For now the journal holds the checkpoints of all logs: a log that
//! finds itself behind a checkpoint which it signed is closed, and a successor takes its place
//! (`Notary::follow_journal`).
//!
//! Records hold no personal data: ids, sizes, hashes.

mod file;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use wzapi_model::Timestamp;
use wzapi_model::ids::{ControllerId, LogId};

pub use file::FileJournal;

/// The journal's own random id: another journal, or an empty one, in its place is noticed.
pub type JournalId = [u8; 16];

/// Something that must not be forgotten.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalRecord {
    /// Whose.
    pub controller: ControllerId,
    /// When it was written.
    pub at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub fact: JournalFact,
}

/// What a record says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum JournalFact {
    /// A log signs this checkpoint.
    Checkpoint {
        /// The shard.
        shard: u16,
        /// The log.
        log: LogId,
        /// How many entries it has.
        size: u64,
        /// The signed note.
        note: String,
    },
}

/// Records read at a time.
const PAGE: usize = 1024;

/// A checkpoint as the journal has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastCheckpoint {
    /// How many entries the log had.
    pub size: u64,
    /// The signed note.
    pub note: String,
}

impl LastCheckpoint {
    fn keep_largest(last: &mut Option<Self>, size: u64, note: &str) {
        // Of two of one size the first stays: it was given away first.
        if last.as_ref().is_none_or(|last| last.size < size) {
            *last = Some(Self { size, note: note.to_owned() });
        }
    }
}

/// Why the journal did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// It cannot be reached or written now. Nothing that needs it may take effect; retry later.
    #[error("the journal is unavailable; nothing may take effect without it")]
    Unavailable(#[source] std::io::Error),
    /// It was altered, or cut while it was open. Restore it from a copy.
    #[error("record {position} of the journal is damaged; restore the journal from a copy")]
    Damaged {
        /// The record, from 0.
        position: u64,
    },
    /// It is in a format that this version does not read.
    #[error("the journal is of another format or a newer version")]
    Format,
}

/// Where a journal's records go.
///
/// Records are never changed, moved or removed, and everybody who reads them finds them in one order. Several processes
/// append to one journal at the same time. A store and its journal must not be lost or restored together: keep it on another disk or service.
#[async_trait]
pub trait Journal: Send + Sync {
    /// The journal's id.
    ///
    /// # Errors
    /// [`JournalError`].
    async fn id(&self) -> Result<JournalId, JournalError>;

    /// Writes a record behind all others. Durable when it returns.
    ///
    /// # Errors
    /// [`JournalError`]; the record may have been written all the same, and nothing is lost by writing it again.
    async fn append(&self, record: &JournalRecord) -> Result<(), JournalError>;

    /// Up to `limit` records from the one numbered `from` on, in order; fewer only at the end.
    ///
    /// # Errors
    /// [`JournalError`].
    async fn read(&self, from: u64, limit: usize) -> Result<Vec<JournalRecord>, JournalError>;

    /// How many records there are.
    ///
    /// # Errors
    /// [`JournalError`].
    async fn len(&self) -> Result<u64, JournalError>;

    /// The largest checkpoint of a log that stands here. Nothing is signed that does not continue it, whatever the store
    /// says was signed last. As it comes it reads the whole journal; keep an index.
    ///
    /// # Errors
    /// [`JournalError`].
    async fn last_checkpoint(&self, log: LogId) -> Result<Option<LastCheckpoint>, JournalError> {
        let (mut last, mut from) = (None, 0);
        loop {
            let page = self.read(from, PAGE).await?;
            for record in &page {
                let JournalFact::Checkpoint { log: of, size, note, .. } = &record.fact;
                if *of == log {
                    LastCheckpoint::keep_largest(&mut last, *size, note);
                }
            }
            match u64::try_from(page.len()) {
                Ok(count) if page.len() == PAGE => from += count,
                _ => return Ok(last),
            }
        }
    }

    /// Whether there is none.
    ///
    /// # Errors
    /// [`JournalError`].
    async fn is_empty(&self) -> Result<bool, JournalError> {
        Ok(self.len().await? == 0)
    }
}
