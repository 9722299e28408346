//! The log that takes the place of one that was closed.

use wzapi_ledger_proof::compact_range::CompactRange;
use wzapi_ledger_proof::succession;
use wzapi_model::Timestamp;
use wzapi_model::ids::{ControllerId, LogId};
use wzapi_model::name::DataCategory;
use wzapi_storage::Draft;
use wzapi_storage::key::{Key, LogRef, Owner};
use wzapi_storage::row::{ClosedLogRow, LogHeadRow, LogLeafRow};

use super::Notary;
use super::follow::Overtaken;
use crate::entry::PreparedEntry;
use crate::error::LedgerError;
use crate::event::Event;
use crate::log_key;
use crate::sequencer::new_head;

/// The key under which a successor's first event names the log that it follows.
pub(crate) const PREDECESSOR: &str = "predecessor";
/// The key under which it lists the last checkpoints of logs that the store has lost altogether.
const LOST: &str = "lost";
/// The most that it lists, the last ones.
const MAX_LOST: usize = 64;

impl Notary {
    /// Stages the closing of a log, and its successor with its first entry. Returns the successor's id.
    pub(super) async fn stage_successor(
        &self,
        draft: &mut Draft<'_>,
        overtaken: &Overtaken,
    ) -> Result<LogId, LedgerError> {
        let Overtaken { log, head, .. } = overtaken;
        let (controller, now, entropy) = (draft.controller(), self.clock.now(), self.entropy.as_ref());
        let generation = log.generation.checked_add(1).ok_or(LedgerError::Contradiction)?;
        let successor = LogRef { generation, ..*log };
        let mut next = new_head(entropy, generation)?;
        next.shards = head.shards;

        let keys = self.encryption.tenant(controller).await?;
        let version = log_key::unused_version(self.storage.as_ref(), controller, log.shard).await?;
        let (closed, key) = (Key::ClosedLog(*log), Key::LogKey { shard: log.shard, version });
        draft.load([closed.clone(), key]).await?;
        log_key::stage_new(draft, &keys, entropy, (log.shard, version), &next.origin, now).await?;
        draft.put(closed, ClosedLogRow { head: head.clone(), closed_at: now }, None)?;

        let event = succession(controller, overtaken, now);
        let about = (Owner::Controller, &DataCategory::accountability());
        let entry = PreparedEntry::seal(draft, &keys, entropy, about, &event, now).await?;
        stage_first_entry(draft, successor, &mut next, &entry).await?;
        let id = next.log;
        draft.put(Key::LogHead(log.shard), next, None)?;
        Ok(id)
    }
}

/// What the successor says about the log that it follows.
fn succession(controller: ControllerId, overtaken: &Overtaken, now: Timestamp) -> Event {
    let Overtaken { head, last, lost, .. } = overtaken;
    let unlisted = lost.len().saturating_sub(MAX_LOST);
    let lost: Vec<&str> = lost.iter().skip(unlisted).map(|log| log.note.as_str()).collect();
    Event::new(succession::EVENT_TYPE, controller, now)
        .with(succession::CHECKPOINT, last.note.as_str())
        .with(PREDECESSOR, head.log.to_string())
        .with("signed", last.size)
        .with("stored", head.size)
        .with_some(LOST, (!lost.is_empty()).then_some(lost))
}

/// The head is new, so that nobody else can append before this entry is there.
async fn stage_first_entry(
    draft: &mut Draft<'_>,
    log: LogRef,
    head: &mut LogHeadRow,
    entry: &PreparedEntry,
) -> Result<(), LedgerError> {
    let mut range = CompactRange::new();
    range.append(entry.commitment.leaf_hash()).map_err(LedgerError::Full)?;
    head.size = range.size();
    head.peaks = range.peaks().iter().map(|peak| *peak.as_bytes()).collect();
    let leaf = LogLeafRow { commitment: *entry.commitment.as_bytes(), owner: entry.owner, entry: entry.id };
    let (body_key, body) = entry.body_row(log, 0);
    let leaf_key = Key::LogLeaf { log, index: 0 };
    draft.load([leaf_key.clone(), body_key.clone()]).await?;
    draft.put(leaf_key, leaf, None)?;
    draft.put(body_key, body, None)?;
    Ok(())
}
