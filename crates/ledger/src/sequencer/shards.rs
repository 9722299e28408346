//! The shards of a controller's log: logs of their own, over which entries are spread by person.

use std::collections::BTreeMap;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use wzapi_encryption::TenantKeys;
use wzapi_model::Timestamp;
use wzapi_model::ids::{ChangesetId, ControllerId, SubjectId};
use wzapi_model::name::DataCategory;
use wzapi_storage::Draft;
use wzapi_storage::key::{Key, Owner};
use wzapi_storage::row::LogHeadRow;

use super::new_head;
use super::queue::{Shared, Submission};
use crate::entry::PreparedEntry;
use crate::error::LedgerError;
use crate::event::Event;
use crate::log_key;

/// The shard that every controller's log has; a very large controller can have more. It gets all entries about nobody.
pub const FIRST_SHARD: u16 = 0;
/// The most shards of one controller's log.
pub const MAX_SHARDS: u16 = 256;
/// The type of the event that records that shards were added.
pub const SHARDS_ADDED: &str = "ledger.shards_added";

/// The version of the first signing key of a shard.
const FIRST_KEY: u32 = 1;
/// How often adding shards is tried again when somebody else does the same.
const MAX_ATTEMPTS: usize = 64;
/// The most controllers whose number of shards is remembered.
const MAX_REMEMBERED: usize = 10_000;
/// How long it is. An old number is as good, but for the order of a person's entries.
const REMEMBERED_FOR: Duration = Duration::from_secs(60);

/// How many shards the logs of controllers have, and until when that is believed.
pub(super) type Remembered = BTreeMap<ControllerId, (u16, Timestamp)>;

impl Shared {
    pub(super) async fn shards(&self, controller: ControllerId) -> Result<u16, LedgerError> {
        let now = self.clock.now();
        match self.remembered().get(&controller) {
            Some((shards, until)) if now < *until => return Ok(*shards),
            _ => {}
        }
        Ok(self.load_head(controller, FIRST_SHARD).await?.row.shards.max(1))
    }

    pub(super) fn remember_shards(&self, controller: ControllerId, shards: u16) {
        let until = self.clock.now().saturating_add(REMEMBERED_FOR);
        let mut remembered = self.remembered();
        if remembered.len() >= MAX_REMEMBERED && !remembered.contains_key(&controller) {
            remembered.pop_first();
        }
        remembered.insert(controller, (shards.max(1), until));
    }

    fn remembered(&self) -> MutexGuard<'_, Remembered> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stages the head and the signing key of a new, empty log. Returns its origin.
    pub(super) async fn create_shard(
        &self,
        draft: &mut Draft<'_>,
        keys: &TenantKeys,
        shard: u16,
    ) -> Result<String, LedgerError> {
        let (entropy, version) = (self.entropy.as_ref(), FIRST_KEY);
        draft.load([Key::LogHead(shard), Key::LogKey { shard, version }]).await?;
        if draft.row::<LogHeadRow>(&Key::LogHead(shard))?.is_some() {
            // Somebody made it meanwhile. A log is never replaced.
            return Err(LedgerError::Conflict);
        }
        let head = new_head(entropy, 0)?;
        let origin = head.origin.clone();
        log_key::stage_new(draft, keys, entropy, (shard, version), &origin, self.clock.now()).await?;
        draft.put(Key::LogHead(shard), head, None)?;
        Ok(origin)
    }

    pub(super) async fn add_shards(
        self: &Arc<Self>,
        controller: ControllerId,
        keys: &TenantKeys,
        shards: u16,
    ) -> Result<(), LedgerError> {
        if shards > MAX_SHARDS {
            return Err(LedgerError::TooManyShards);
        }
        for _ in 0..MAX_ATTEMPTS {
            match self.try_add_shards(controller, keys, shards).await {
                Err(LedgerError::Conflict) => {}
                outcome => return outcome,
            }
        }
        Err(LedgerError::Conflict)
    }

    /// Goes through the queue of the first shard, whose head counts them all: there it waits for its turn among those who
    /// append, instead of racing them.
    async fn try_add_shards(
        self: &Arc<Self>,
        controller: ControllerId,
        keys: &TenantKeys,
        shards: u16,
    ) -> Result<(), LedgerError> {
        let head = self.load_head(controller, FIRST_SHARD).await?.row;
        let present = head.shards.max(1);
        if present >= shards {
            return Ok(());
        }
        // Keys that were rotated since they were loaded are found out by this one, which was wrapped anew then.
        let stored = log_key::stored(self.storage.as_ref(), controller, FIRST_SHARD, &head.origin).await?;
        if let Some(newest) = stored.last() {
            log_key::signer(keys, newest)?;
        }
        let now = self.clock.now();
        let mut draft = Draft::new(self.storage.as_ref(), controller);
        let mut logs = Vec::new();
        for shard in present..shards {
            logs.push(self.create_shard(&mut draft, keys, shard).await?);
        }
        let event = Event::new(SHARDS_ADDED, controller, now).with("shards", shards).with("logs", logs);
        let about = (Owner::Controller, &DataCategory::accountability());
        let entropy = self.entropy.as_ref();
        let entry = PreparedEntry::seal(&mut draft, keys, entropy, about, &event, now).await?;
        let changeset = draft.into_changeset(ChangesetId::generate(entropy)?, now);
        let submission = Submission::new(changeset, vec![entry]).counting(shards);
        let _appended = self.submit(FIRST_SHARD, submission).await?;
        self.remember_shards(controller, shards);
        Ok(())
    }
}

/// The shard that a person's entries go to: random for each, since their ids are.
pub(super) fn shard_of(subject: SubjectId, shards: u16) -> u16 {
    let [first, second, ..] = subject.to_bytes();
    u16::from_be_bytes([first, second]) % shards.max(1)
}
