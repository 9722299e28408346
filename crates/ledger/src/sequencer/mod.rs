//! Gives entries their indexes, and commits them with the changes they account for.
//!
//! Callers hand over a draft and its entries and wait. Whatever waits for one log is merged into one changeset:
//! the head row moves once and the disk is synced once, however many callers there are. A caller whose
//! preconditions failed is told so and dropped; the others are committed without it. Two processes on one log
//! meet at the head row's version: one of them loads it again and goes on, so that a log never forks.

mod batch;
mod queue;
mod shards;

use std::sync::Arc;

use wzapi_encryption::TenantKeys;
use wzapi_ledger_proof::Hash;
use wzapi_ledger_proof::compact_range::CompactRange;
use wzapi_model::ids::{ChangesetId, ControllerId, EntryId, LogId};
use wzapi_model::{Clock, Entropy};
use wzapi_storage::changeset::Version;
use wzapi_storage::key::{LogRef, Owner};
use wzapi_storage::row::LogHeadRow;
use wzapi_storage::{Draft, Storage};

use crate::entry::PreparedEntry;
use crate::error::LedgerError;
use crate::outcome::commit_settled;
use queue::{Shared, Submission};

pub use shards::{FIRST_SHARD, MAX_SHARDS, SHARDS_ADDED};

/// What the origin of a log begins with; its random id follows, and never the customer's name.
const ORIGIN: &str = "wzapi.invalid/log";

/// Records changes together with the entries that account for them. Cheap to clone.
#[derive(Clone)]
pub struct Ledger(Arc<Shared>);

/// A change was committed, with its entries.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Appended {
    /// The log that the entries are in; `None` when there were none.
    pub log: Option<LogRef>,
    /// The ids and indexes of the entries, in the order in which they were given.
    pub entries: Vec<(EntryId, u64)>,
    /// The version of every row that the change wrote.
    pub version: Version,
}

impl Ledger {
    /// A ledger over `storage`.
    #[must_use]
    pub fn new(storage: Arc<dyn Storage>, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self(Arc::new(Shared::new(storage, clock, entropy)))
    }

    /// Stages the head and the signing key of a controller's new, empty log.
    ///
    /// # Errors
    /// [`LedgerError::Storage`] when the store cannot be read; [`LedgerError::Conflict`] when the controller's keys were
    /// rotated meanwhile; [`LedgerError::Entropy`].
    pub async fn create_log(&self, draft: &mut Draft<'_>, keys: &TenantKeys) -> Result<(), LedgerError> {
        self.0.create_shard(draft, keys, FIRST_SHARD).await.map(drop)
    }

    /// Gives a controller's log more shards, up to `shards` of them: each is a log of its own, and entries are spread
    /// over them by person. It never gets fewer. The first log records it, in an entry of type [`SHARDS_ADDED`] that
    /// names the new logs.
    ///
    /// Everything about one person goes to one log, in the order of the commits. When shards are added, some persons go
    /// on in another log than before; so choose the number early. Processes that do not add them themselves learn of it
    /// within a minute, and write such a person's entries to the former log until then.
    ///
    /// # Errors
    /// [`LedgerError::TooManyShards`]; [`LedgerError::NoLog`]; [`LedgerError::Conflict`] when the rows kept changing, or
    /// when these are not the controller's newest keys; the failure of a part.
    pub async fn add_shards(
        &self,
        controller: ControllerId,
        keys: &TenantKeys,
        shards: u16,
    ) -> Result<(), LedgerError> {
        self.0.add_shards(controller, keys, shards).await
    }

    /// How many shards a controller's log has, as far as this process knows.
    ///
    /// # Errors
    /// [`LedgerError::NoLog`]; [`LedgerError::Storage`].
    pub async fn shards(&self, controller: ControllerId) -> Result<u16, LedgerError> {
        self.0.shards(controller).await
    }

    /// Commits the draft and its entries: all or nothing, durable when it returns. They all go to one log, that of the
    /// person whom the first of them is about.
    ///
    /// When the future is dropped, the draft is committed or not; its rows tell. Nobody else is disturbed.
    ///
    /// # Errors
    /// [`LedgerError::Conflict`] when a row of the draft changed since it was loaded: nothing was written.
    /// [`LedgerError::UnknownOutcome`] when the store did not tell and could not be asked.
    pub async fn commit(
        &self,
        draft: Draft<'_>,
        entries: Vec<PreparedEntry>,
    ) -> Result<Appended, LedgerError> {
        let shard = match entries.first().map(|entry| entry.owner) {
            None | Some(Owner::Controller) => FIRST_SHARD,
            Some(Owner::Subject(subject)) => {
                shards::shard_of(subject, self.0.shards(draft.controller()).await?)
            }
        };
        self.commit_to(shard, draft, entries).await
    }

    /// As [`Ledger::commit`], to the log of this shard.
    pub(crate) async fn commit_to(
        &self,
        shard: u16,
        draft: Draft<'_>,
        entries: Vec<PreparedEntry>,
    ) -> Result<Appended, LedgerError> {
        let id = ChangesetId::generate(self.0.entropy.as_ref())?;
        let changeset = draft.into_changeset(id, self.0.clock.now());
        if entries.is_empty() {
            let version = commit_settled(self.0.storage.as_ref(), changeset).await?;
            return Ok(Appended { log: None, entries: Vec::new(), version });
        }
        self.0.submit(shard, Submission::new(changeset, entries)).await
    }
}

impl std::fmt::Debug for Ledger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ledger").finish_non_exhaustive()
    }
}

/// The head of a new, empty log.
pub(crate) fn new_head(entropy: &dyn Entropy, generation: u16) -> Result<LogHeadRow, LedgerError> {
    let log = LogId::generate(entropy)?;
    Ok(LogHeadRow { log, generation, shards: 1, origin: origin_of(log), size: 0, peaks: Vec::new() })
}

/// What the checkpoints of a log call it.
pub(crate) fn origin_of(log: LogId) -> String {
    format!("{ORIGIN}/{log}")
}

pub(crate) fn range_of(row: &LogHeadRow) -> Result<CompactRange, LedgerError> {
    let peaks = row.peaks.iter().map(|peak| Hash::from(*peak)).collect();
    CompactRange::from_parts(row.size, peaks).map_err(LedgerError::DamagedHead)
}
