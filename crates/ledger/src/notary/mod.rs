//! Signed checkpoints, proofs and exports of logs.
//!
//! ```text
//! head row ── new entries since the last edge ──► full tiles + edge ── journal ──► checkpoint row ──► published
//! ```
//!
//! A checkpoint is signed only over a tree that grew out of the one signed before: the tiles are built onward from the
//! stored edge, whose root must be that of the last checkpoint, and end at the root of the head. It stands in the journal
//! before anybody gets it.

mod checkpoint;
mod export;
mod follow;
mod handover;
mod prove;
mod receipt;
mod successor;
mod tiles;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use wzapi_encryption::Encryption;
use wzapi_model::ids::{ChangesetId, ControllerId};
use wzapi_model::{Clock, Entropy};
use wzapi_storage::key::{Key, LogRef};
use wzapi_storage::row::LogHeadRow;
use wzapi_storage::{Draft, Storage, StorageError};

pub use checkpoint::SignedCheckpoint;
pub use export::{DirectorySink, ExportProgress, ExportSink};
pub use follow::{Closed, Followed, Lost};
pub use handover::KeyRotation;
pub(crate) use successor::PREDECESSOR;

use crate::error::LedgerError;
use crate::journal::Journal;
use crate::outcome::commit_settled;
use crate::sequencer::Ledger;

/// How often a row is tried again when somebody else changes it.
const MAX_ATTEMPTS: usize = 64;
/// The position of a notary that has not followed its journal yet.
const NOT_FOLLOWED: u64 = u64::MAX;

/// Signs the checkpoints of logs, proves their entries and exports them. Cheap to clone.
///
/// With a journal, [`Notary::follow_journal`] comes before everything else: nothing is signed until then.
#[derive(Clone)]
pub struct Notary {
    /// How far this process followed the journal; [`NOT_FOLLOWED`] until it has. All clones share it.
    followed: Arc<AtomicU64>,
    storage: Arc<dyn Storage>,
    encryption: Arc<Encryption>,
    ledger: Ledger,
    journal: Option<Arc<dyn Journal>>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl Notary {
    /// A notary of the logs in `storage`. Without a journal a restored backup is not noticed, and a log may sign a
    /// second history after one; a store that once had a journal is signed for with that one only.
    #[must_use]
    pub fn new(
        storage: Arc<dyn Storage>,
        encryption: Arc<Encryption>,
        ledger: Ledger,
        journal: Option<Arc<dyn Journal>>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        let followed = Arc::new(AtomicU64::new(NOT_FOLLOWED));
        Self { followed, storage, encryption, ledger, journal, clock, entropy }
    }

    /// The head of a log, loaded into the draft.
    async fn load_head(
        &self,
        draft: &mut Draft<'_>,
        shard: u16,
    ) -> Result<(LogRef, LogHeadRow), LedgerError> {
        let place = Key::LogHead(shard);
        draft.load([place.clone()]).await?;
        let head: LogHeadRow = draft.row(&place)?.cloned().ok_or(LedgerError::NoLog)?;
        Ok((LogRef { shard, generation: head.generation }, head))
    }

    fn draft(&self, controller: ControllerId) -> Draft<'_> {
        Draft::new(self.storage.as_ref(), controller)
    }

    /// Commits rows of the notary's own; `false` when one of them changed since it was loaded.
    async fn commit(&self, draft: Draft<'_>) -> Result<bool, LedgerError> {
        if draft.is_unchanged() {
            return Ok(true);
        }
        let id = ChangesetId::generate(self.entropy.as_ref())?;
        let changeset = draft.into_changeset(id, self.clock.now());
        match commit_settled(self.storage.as_ref(), changeset).await {
            Ok(_) => Ok(true),
            Err(StorageError::Conflict { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

impl fmt::Debug for Notary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notary").finish_non_exhaustive()
    }
}
