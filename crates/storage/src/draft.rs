//! The working set of an engine: rows it loaded, and what it means to change.

use std::collections::{BTreeMap, BTreeSet};

use wzapi_model::Timestamp;
use wzapi_model::ids::{ChangesetId, ControllerId};

use crate::changeset::{Changeset, Durability, Precondition, Version, Write};
use crate::contract::Storage;
use crate::error::StorageError;
use crate::key::Key;
use crate::row::{Body, Record, RowType, Stored};

/// A row was asked for that the draft has not loaded. This is a mistake in the engine, not in its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a row was used before it was loaded")]
pub struct NotLoaded;

/// Rows of one controller, loaded from a store, with changes staged on top of them.
///
/// An engine loads what it needs, decides in memory and stages its writes; reading sees what was staged. Every
/// row that is written carries the precondition that it is still as it was loaded, so a draft that somebody
/// overtook is refused as a whole; then the engine starts again with a new draft.
pub struct Draft<'a> {
    storage: &'a dyn Storage,
    controller: ControllerId,
    loaded: BTreeMap<Key, Option<Stored>>,
    staged: BTreeMap<Key, Option<Record>>,
    guarded: BTreeSet<Key>,
    durability: Durability,
}

impl<'a> Draft<'a> {
    /// An empty draft.
    #[must_use]
    pub fn new(storage: &'a dyn Storage, controller: ControllerId) -> Self {
        Self {
            storage,
            controller,
            loaded: BTreeMap::new(),
            staged: BTreeMap::new(),
            guarded: BTreeSet::new(),
            durability: Durability::Relaxed,
        }
    }

    /// The controller whose rows these are.
    #[must_use]
    pub const fn controller(&self) -> ControllerId {
        self.controller
    }

    /// Loads the rows of these keys that are not loaded yet, in one `get`.
    ///
    /// # Errors
    /// As [`Storage::get`]; the draft is as it was.
    pub async fn load(&mut self, keys: impl IntoIterator<Item = Key>) -> Result<(), StorageError> {
        let missing: BTreeSet<Key> = keys.into_iter().filter(|key| !self.loaded.contains_key(key)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let missing: Vec<Key> = missing.into_iter().collect();
        let rows = self.storage.get(self.controller, &missing).await?;
        self.loaded.extend(missing.into_iter().zip(rows));
        Ok(())
    }

    /// The row under `key` as it would be after the draft, or `None` when there is none (or one of another
    /// kind, which the codec makes impossible).
    ///
    /// # Errors
    /// [`NotLoaded`] when the key was neither loaded nor staged.
    pub fn row<T: RowType>(&self, key: &Key) -> Result<Option<&T>, NotLoaded> {
        if let Some(staged) = self.staged.get(key) {
            return Ok(staged.as_ref().and_then(|record| T::of(&record.body)));
        }
        let loaded = self.loaded.get(key).ok_or(NotLoaded)?;
        Ok(loaded.as_ref().and_then(|stored| T::of(&stored.body)))
    }

    /// Stages a row that must survive a crash. The key must have been loaded.
    ///
    /// # Errors
    /// [`NotLoaded`]; nothing was staged.
    pub fn put(
        &mut self,
        key: Key,
        body: impl Into<Body>,
        due_at: Option<Timestamp>,
    ) -> Result<(), NotLoaded> {
        self.durability = Durability::Durable;
        self.put_relaxed(key, body, due_at)
    }

    /// Stages a row that is safe to lose in a crash; unless something else in the draft is not, the commit need
    /// not wait for the disk.
    ///
    /// # Errors
    /// [`NotLoaded`]; nothing was staged.
    pub fn put_relaxed(
        &mut self,
        key: Key,
        body: impl Into<Body>,
        due_at: Option<Timestamp>,
    ) -> Result<(), NotLoaded> {
        if !self.loaded.contains_key(&key) {
            return Err(NotLoaded);
        }
        self.staged.insert(key.clone(), Some(Record { key, due_at, body: body.into() }));
        Ok(())
    }

    /// Stages the removal of a row. The key must have been loaded.
    ///
    /// # Errors
    /// [`NotLoaded`]; nothing was staged.
    pub fn delete(&mut self, key: Key) -> Result<(), NotLoaded> {
        if !self.loaded.contains_key(&key) {
            return Err(NotLoaded);
        }
        self.durability = Durability::Durable;
        self.staged.insert(key, None);
        Ok(())
    }

    /// Requires that a loaded row is still the same at the commit, without writing it.
    ///
    /// # Errors
    /// [`NotLoaded`].
    pub fn guard(&mut self, key: &Key) -> Result<(), NotLoaded> {
        if !self.loaded.contains_key(key) {
            return Err(NotLoaded);
        }
        self.guarded.insert(key.clone());
        Ok(())
    }

    /// The version under which `key` was loaded, if a row was there.
    #[must_use]
    pub fn loaded_version(&self, key: &Key) -> Option<Version> {
        self.loaded.get(key)?.as_ref().map(|stored| stored.version)
    }

    /// When the row under `key` was due as it was loaded, if a row with a due time was there.
    #[must_use]
    pub fn loaded_due_at(&self, key: &Key) -> Option<Timestamp> {
        self.loaded.get(key)?.as_ref()?.due_at
    }

    /// Whether nothing was staged.
    #[must_use]
    pub fn is_unchanged(&self) -> bool {
        self.staged.is_empty()
    }

    /// How many rows are staged.
    #[must_use]
    pub fn staged_len(&self) -> usize {
        self.staged.len()
    }

    /// The changeset: what was staged, guarded by what was loaded.
    #[must_use]
    pub fn into_changeset(mut self, id: ChangesetId, at: Timestamp) -> Changeset {
        self.guarded.extend(self.staged.keys().cloned());
        let preconditions = self
            .guarded
            .iter()
            .map(|key| {
                let loaded = self.loaded.get(key).and_then(Option::as_ref);
                (key.clone(), loaded.map_or(Precondition::Absent, |row| Precondition::Version(row.version)))
            })
            .collect();
        let writes = self
            .staged
            .into_iter()
            .map(|(key, record)| record.map_or(Write::Delete(key), Write::Put))
            .collect();
        Changeset { id, controller: self.controller, at, preconditions, writes, durability: self.durability }
    }
}

impl std::fmt::Debug for Draft<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Draft")
            .field("controller", &self.controller)
            .field("loaded", &self.loaded.len())
            .field("staged", &self.staged.len())
            .finish_non_exhaustive()
    }
}
