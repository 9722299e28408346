//! A changeset in the making, with the ledger entries that account for it.

use std::sync::Arc;

use wzapi_encryption::{Place, TenantKeys};
use wzapi_ledger::{Event, PreparedEntry};
use wzapi_model::Timestamp;
use wzapi_model::ids::{ControllerId, EntryId};
use wzapi_model::name::DataCategory;
use wzapi_storage::Draft;
use wzapi_storage::key::{Key, Owner};
use wzapi_storage::row::Sealed;
use wzapi_vault::Parts;

use crate::error::RetentionError;

/// How often a change is tried again when others change the same rows.
pub(crate) const MAX_ATTEMPTS: usize = 64;

pub(crate) struct Attempt<'a> {
    parts: &'a Parts,
    pub(crate) draft: Draft<'a>,
    pub(crate) keys: Arc<TenantKeys>,
    pub(crate) entries: Vec<PreparedEntry>,
    pub(crate) now: Timestamp,
}

impl<'a> Attempt<'a> {
    pub(crate) async fn begin(parts: &'a Parts, controller: ControllerId) -> Result<Self, RetentionError> {
        let keys = parts.encryption.tenant(controller).await?;
        let draft = Draft::new(parts.storage.as_ref(), controller);
        Ok(Self { parts, draft, keys, entries: Vec::new(), now: parts.clock.now() })
    }

    /// Prepares an entry about nobody, which is committed with the rows.
    pub(crate) async fn account(&mut self, event: &Event) -> Result<EntryId, RetentionError> {
        let about = (Owner::Controller, &DataCategory::accountability());
        let entropy = self.parts.entropy.as_ref();
        let entry = PreparedEntry::seal(&mut self.draft, &self.keys, entropy, about, event, self.now).await?;
        let id = entry.id();
        self.entries.push(entry);
        Ok(id)
    }

    /// Seals a value of the controller's own, under the key for what it did.
    pub(crate) async fn seal(
        &mut self,
        row: &Key,
        field: &str,
        value: &[u8],
    ) -> Result<Sealed, RetentionError> {
        let (controller, category) = (self.draft.controller(), DataCategory::accountability());
        let owner = Owner::Controller;
        let key = self.keys.data_key_for_writing(&mut self.draft, owner, &category, self.now).await?;
        Ok(key.seal(&Place { controller, row, field }, value)?)
    }

    /// Commits rows and entries, durably.
    pub(crate) async fn commit(self) -> Result<(), RetentionError> {
        self.parts.ledger.commit(self.draft, self.entries).await.map(drop).map_err(RetentionError::from)
    }
}
