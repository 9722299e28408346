//! The operations: load, decide, commit one changeset with its ledger entries.

mod changing;
mod correcting;
mod disposal;
mod entry_words;
mod fate;
mod listing;
mod open;
mod people;
mod reading;
mod resealing;
mod revisions;
mod storing;
mod stream;

use std::sync::Arc;

use wzapi_encryption::{Encryption, TenantKeys};
use wzapi_ledger::{Event, Ledger, PreparedEntry};
use wzapi_model::actor::Actor;
use wzapi_model::ids::{ControllerId, EntryId};
use wzapi_model::name::DataCategory;
use wzapi_model::{Clock, Entropy, Timestamp};
use wzapi_policy::Policy;
use wzapi_storage::key::Owner;
use wzapi_storage::{Draft, Storage};

use crate::error::VaultError;

pub use changing::Changed;
pub use correcting::Corrected;
pub use disposal::{Disposed, MAX_DISPOSED_TOGETHER, StagedDisposal};
pub use fate::{CameUp, Fate};
pub use listing::{InfoPage, MAX_PAGE, Selection};
pub use resealing::{CohortRef, Resealed, Resealing};
pub use stream::{OpenPage, RecordStream, Unreadable, UnreadableCause};

/// How often a change is tried again when others change the same rows. Of those that meet, one gets through each time,
/// so this is also how many changes of one record can be under way at once before one of them is told so.
const MAX_ATTEMPTS: usize = 256;

/// What the vault stands on.
#[derive(Clone)]
pub struct Parts {
    /// Where rows are.
    pub storage: Arc<dyn Storage>,
    /// Keys.
    pub encryption: Arc<Encryption>,
    /// The accountability log.
    pub ledger: Ledger,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
}

impl std::fmt::Debug for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parts").finish_non_exhaustive()
    }
}

/// What can be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// Whether each read, and each page of a stream, leaves an entry in the ledger before its values are handed out.
    /// Refused reads always do.
    pub log_reads: bool,
}

/// Stores, reads and disposes of records under one policy. Cheap to clone.
///
/// Who may call what is decided before the vault is called; the actor is only named in the ledger. A service without a
/// policy has no vault.
#[derive(Debug, Clone)]
pub struct Vault {
    parts: Parts,
    policy: Arc<Policy>,
    options: Options,
}

impl Vault {
    /// A vault over these parts that keeps to this policy. When the policy changes, make another one: nothing but the
    /// rows is kept between calls.
    #[must_use]
    pub const fn new(parts: Parts, policy: Arc<Policy>) -> Self {
        Self { parts, policy, options: Options { log_reads: false } }
    }

    /// The same vault with these options.
    #[must_use]
    pub const fn with_options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// The policy that it keeps to.
    #[must_use]
    pub const fn policy(&self) -> &Arc<Policy> {
        &self.policy
    }

    fn now(&self) -> Timestamp {
        self.parts.clock.now()
    }

    /// A draft of the controller's rows. The time of a change is that of the call, however often others get in the way.
    async fn attempt(&self, controller: ControllerId, now: Timestamp) -> Result<Attempt<'_>, VaultError> {
        let keys = self.parts.encryption.tenant(controller).await?;
        let draft = Draft::new(self.parts.storage.as_ref(), controller);
        Ok(Attempt { parts: &self.parts, draft, keys, entries: Vec::new(), now })
    }
}

/// Who does something, and when.
#[derive(Clone, Copy)]
struct Act<'a> {
    actor: &'a Actor,
    now: Timestamp,
}

/// A changeset in the making, with the ledger entries that account for it.
struct Attempt<'v> {
    parts: &'v Parts,
    draft: Draft<'v>,
    keys: Arc<TenantKeys>,
    entries: Vec<PreparedEntry>,
    now: Timestamp,
}

impl Attempt<'_> {
    /// Prepares an entry about a person, or about nobody, which is committed with the rows.
    async fn account(&mut self, owner: Owner, event: &Event) -> Result<EntryId, VaultError> {
        let entropy = self.parts.entropy.as_ref();
        let entry = account(&mut self.draft, &self.keys, entropy, owner, event, self.now).await?;
        let id = entry.id();
        self.entries.push(entry);
        Ok(id)
    }

    /// Commits rows and entries, durably.
    async fn commit(self) -> Result<(), VaultError> {
        self.parts.ledger.commit(self.draft, self.entries).await.map(drop).map_err(VaultError::from)
    }
}

/// Prepares an entry, sealed under the key for what the controller did about its owner.
async fn account(
    draft: &mut Draft<'_>,
    keys: &TenantKeys,
    entropy: &dyn Entropy,
    owner: Owner,
    event: &Event,
    now: Timestamp,
) -> Result<PreparedEntry, VaultError> {
    let about = (owner, &DataCategory::accountability());
    Ok(PreparedEntry::seal(draft, keys, entropy, about, event, now).await?)
}
