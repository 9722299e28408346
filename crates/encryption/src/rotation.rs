//! New tenant keys.
//!
//! A rotation makes a new tenant key for a controller and wraps every key under it anew; what those keys sealed is not
//! touched. It can be stopped at any point: until the last key is wrapped anew both tenant keys are there, and every
//! value stays readable. Doing it again goes on where it stopped.
//!
//! ```text
//! 1  one changeset: the new tenant key, and its version first in the controller's row; from then on nobody can commit
//!    a key under the old one
//! 2  index keys, log keys and data keys, in chunks, each only if it is still as it was read: one that is destroyed
//!    meanwhile stays destroyed
//! 3  one changeset: the old tenant key goes, once a whole pass found nothing under it
//! ```
//!
//! Step 1 takes the wrapping key from the row of the epoch, which it reads after the controller's row and before it
//! commits on top of that row. A new epoch changes every controller's row after its own: so whoever still has the
//! former wrapping key in hand cannot commit anything under it once the new epoch has passed the controller.

use wzapi_model::ids::{ChangesetId, ControllerId};
use wzapi_storage::key::{Key, KeyPrefix, Owner, RowKind};
use wzapi_storage::query::Query;
use wzapi_storage::row::{
    Body, ControllerRow, DataKeyRow, IndexKeyRow, LogKeyRow, RowType, TenantKeyRow, WrappedKey,
};
use wzapi_storage::{Draft, StorageError};

use crate::error::EncryptionError;
use crate::provider::WrappingKeyId;
use crate::secret::SecretKey;
use crate::tenant::{Encryption, TenantKeys, tenant_version};

/// Keys wrapped anew with one changeset.
const CHUNK: usize = 256;
/// How often a changeset is tried again when others change the same rows, and how often all keys are gone through.
const MAX_ATTEMPTS: usize = 64;

/// How far a rotation is, for whoever watches it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RotationProgress {
    /// Controllers done.
    pub controllers: u64,
    /// Data keys looked at.
    pub data_keys: u64,
    /// Data keys wrapped anew.
    pub rewrapped: u64,
}

/// Is told how far a rotation is, after every chunk.
pub type OnProgress<'a> = &'a mut (dyn FnMut(RotationProgress) + Send);

impl Encryption {
    /// Gives a controller a new tenant key and wraps its keys anew. When a rotation of it was cut short, that one is
    /// finished instead.
    ///
    /// # Errors
    /// After any of them everything is readable as before, and doing it again goes on.
    /// [`EncryptionError::UnknownController`]; [`EncryptionError::KeysChanged`] when another rotation overtook this one;
    /// [`EncryptionError::DamagedKey`]; [`EncryptionError::Provider`], [`EncryptionError::Storage`].
    pub async fn rotate_tenant(
        &self,
        controller: ControllerId,
        progress: &mut RotationProgress,
        on_progress: OnProgress<'_>,
    ) -> Result<(), EncryptionError> {
        self.rotate(controller, Need::Unfinished, progress, on_progress).await
    }

    /// As [`Encryption::rotate_tenant`], unless the newest tenant key is already wrapped by the wrapping key of this
    /// epoch, and alone.
    pub(crate) async fn rotate_tenant_to(
        &self,
        controller: ControllerId,
        epoch: u32,
        progress: &mut RotationProgress,
        on_progress: OnProgress<'_>,
    ) -> Result<(), EncryptionError> {
        self.rotate(controller, Need::Epoch(epoch), progress, on_progress).await
    }

    async fn rotate(
        &self,
        controller: ControllerId,
        need: Need,
        progress: &mut RotationProgress,
        on_progress: OnProgress<'_>,
    ) -> Result<(), EncryptionError> {
        if self.begin_rotation(controller, need).await? {
            self.forget(controller);
            let keys = self.load_tenant(controller).await?;
            self.rewrap_all(&keys, progress, on_progress).await?;
            self.end_rotation(&keys).await?;
            self.forget(controller);
        }
        progress.controllers += 1;
        on_progress(*progress);
        Ok(())
    }

    /// Step 1, unless it was done before. Whether there is anything to do.
    async fn begin_rotation(&self, controller: ControllerId, need: Need) -> Result<bool, EncryptionError> {
        for _ in 0..MAX_ATTEMPTS {
            let mut draft = Draft::new(self.storage.as_ref(), controller);
            draft.load([Key::Controller]).await?;
            let settings: ControllerRow =
                draft.row(&Key::Controller)?.cloned().ok_or(EncryptionError::UnknownController)?;
            // Only now; see the top of this file.
            let epoch = self.epoch().await?.ok_or(EncryptionError::UnknownController)?;
            if matches!(need, Need::Epoch(wanted) if wanted != epoch.epoch) {
                return Err(EncryptionError::KeysChanged);
            }
            let newest = settings.tenant_keys.first().copied().ok_or(EncryptionError::Corrupt)?;
            let is_under_way = settings.tenant_keys.len() > 1;
            draft.load([Key::TenantKey(newest)]).await?;
            let Some(row) = draft.row::<TenantKeyRow>(&Key::TenantKey(newest))? else {
                // It went since the controller's row was read, or it is missing, which loading them will tell.
                self.load_tenant(controller).await?;
                continue;
            };
            let is_as_needed = row.key.wrapped_by == epoch.wrapping_key;
            match need {
                Need::Epoch(_) if is_as_needed => return Ok(is_under_way),
                Need::Unfinished if is_under_way && is_as_needed => return Ok(true),
                Need::Epoch(_) | Need::Unfinished => {}
            }
            self.stage_tenant_key(&mut draft, settings, &WrappingKeyId(epoch.wrapping_key)).await?;
            if self.commit_rows(draft).await? {
                return Ok(true);
            }
        }
        Err(EncryptionError::KeysChanged)
    }

    async fn stage_tenant_key(
        &self,
        draft: &mut Draft<'_>,
        mut settings: ControllerRow,
        wrapping_key: &WrappingKeyId,
    ) -> Result<(), EncryptionError> {
        let newest = settings.tenant_keys.first().copied().ok_or(EncryptionError::Corrupt)?;
        let version = newest.checked_add(1).ok_or(EncryptionError::Corrupt)?;
        let key = SecretKey::generate(self.entropy.as_ref())?;
        let wrapped = self.wrap_tenant_key(draft.controller(), version, wrapping_key, &key).await?;
        let place = Key::TenantKey(version);
        draft.load([place.clone()]).await?;
        draft.put(place, TenantKeyRow { created_at: self.clock.now(), key: wrapped }, None)?;
        settings.tenant_keys.insert(0, version);
        Ok(draft.put(Key::Controller, settings, None)?)
    }

    /// Step 2: goes over all keys until nothing is left under another tenant key than the newest.
    async fn rewrap_all(
        &self,
        keys: &TenantKeys,
        progress: &mut RotationProgress,
        on_progress: OnProgress<'_>,
    ) -> Result<(), EncryptionError> {
        for _ in 0..MAX_ATTEMPTS {
            let mut outdated = 0;
            for kind in [RowKind::IndexKey, RowKind::LogKey] {
                let prefix = KeyPrefix::Kind(Owner::Controller, kind);
                let query = Query::prefix(keys.controller(), prefix, CHUNK);
                outdated += self.rewrap_pass(keys, query, progress, on_progress).await?;
            }
            let query = Query::kind(keys.controller(), RowKind::DataKey, CHUNK);
            outdated += self.rewrap_pass(keys, query, progress, on_progress).await?;
            if outdated == 0 {
                return Ok(());
            }
        }
        Err(EncryptionError::KeysChanged)
    }

    /// Goes over the keys of one kind once. How many were not wrapped by the newest tenant key.
    async fn rewrap_pass(
        &self,
        keys: &TenantKeys,
        mut query: Query,
        progress: &mut RotationProgress,
        on_progress: OnProgress<'_>,
    ) -> Result<usize, EncryptionError> {
        let mut outdated = 0;
        loop {
            let page = self.storage.scan(&query).await?;
            let places: Vec<Key> = page
                .rows
                .iter()
                .filter(|(_, stored)| is_outdated(&stored.body, keys.current_version()))
                .map(|(place, _)| place.clone())
                .collect();
            outdated += places.len();
            progress.rewrapped += self.rewrap_chunk(keys, &places).await?;
            let data_keys = page.rows.iter().filter(|(place, _)| place.kind() == RowKind::DataKey).count();
            progress.data_keys += u64::try_from(data_keys).unwrap_or(u64::MAX);
            on_progress(*progress);
            match page.next {
                Some(next) => query.after = Some(next),
                None => return Ok(outdated),
            }
        }
    }

    /// Wraps these keys anew. How many data keys that were.
    async fn rewrap_chunk(&self, keys: &TenantKeys, places: &[Key]) -> Result<u64, EncryptionError> {
        if let Some(count) = self.try_rewrap(keys, places).await? {
            return Ok(count);
        }
        // Some of them changed meanwhile: one by one, so that a busy person stands in nobody's way. One that is changed
        // again is left to the next pass.
        let mut count = 0;
        for place in places {
            count += self.try_rewrap(keys, std::slice::from_ref(place)).await?.unwrap_or(0);
        }
        Ok(count)
    }

    /// Wraps these keys anew, if none of them changes meanwhile; `None` when one did.
    async fn try_rewrap(&self, keys: &TenantKeys, places: &[Key]) -> Result<Option<u64>, EncryptionError> {
        let mut draft = Draft::new(self.storage.as_ref(), keys.controller());
        draft.load(places.iter().cloned()).await?;
        let mut count = 0;
        for place in places {
            // What was destroyed since the page was read stays so.
            let rewrapped = match place.kind() {
                RowKind::IndexKey => draft.row(place)?.map(|row| keys.rewrap_index_key(place, row)),
                RowKind::LogKey => draft.row(place)?.map(|row| keys.rewrap_log_key(place, row)),
                _ => draft.row(place)?.map(|row| keys.rewrap_data_key(place, row)),
            };
            if let Some(body) = rewrapped.transpose()?.flatten() {
                count += u64::from(body.kind() == RowKind::DataKey);
                draft.put(place.clone(), body, None)?;
            }
        }
        Ok((draft.is_unchanged() || self.commit_rows(draft).await?).then_some(count))
    }

    /// Step 3.
    async fn end_rotation(&self, keys: &TenantKeys) -> Result<(), EncryptionError> {
        for _ in 0..MAX_ATTEMPTS {
            let mut draft = Draft::new(self.storage.as_ref(), keys.controller());
            draft.load([Key::Controller]).await?;
            let mut settings: ControllerRow =
                draft.row(&Key::Controller)?.cloned().ok_or(EncryptionError::UnknownController)?;
            if settings.tenant_keys.first() != Some(&keys.current_version()) {
                // Another rotation began meanwhile; it ends this one too.
                return Err(EncryptionError::KeysChanged);
            }
            let former = settings.tenant_keys.split_off(1);
            if former.is_empty() {
                // Somebody else ended it.
                return Ok(());
            }
            draft.load(former.iter().map(|version| Key::TenantKey(*version))).await?;
            for version in former {
                draft.delete(Key::TenantKey(version))?;
            }
            draft.put(Key::Controller, settings, None)?;
            if self.commit_rows(draft).await? {
                return Ok(());
            }
        }
        Err(EncryptionError::KeysChanged)
    }

    /// Commits rows of keys; `false` when one of them changed since it was loaded.
    pub(crate) async fn commit_rows(&self, draft: Draft<'_>) -> Result<bool, EncryptionError> {
        let id = ChangesetId::generate(self.entropy.as_ref())?;
        match self.storage.commit(draft.into_changeset(id, self.clock.now())).await {
            Ok(_) => Ok(true),
            Err(StorageError::Conflict { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

/// When there is something to rotate.
#[derive(Debug, Clone, Copy)]
enum Need {
    /// Always; one that was begun is finished.
    Unfinished,
    /// Unless the newest tenant key is wrapped by the wrapping key of this epoch.
    Epoch(u32),
}

impl TenantKeys {
    fn rewrap_index_key(&self, place: &Key, row: &IndexKeyRow) -> Result<Option<Body>, EncryptionError> {
        let Key::IndexKey(version) = place else { return Err(EncryptionError::Corrupt) };
        let rewrapped = self.rewrap(place, *version, &row.key)?;
        Ok(rewrapped.map(|key| IndexKeyRow { key, ..row.clone() }.into()))
    }

    fn rewrap_log_key(&self, place: &Key, row: &LogKeyRow) -> Result<Option<Body>, EncryptionError> {
        let Key::LogKey { version, .. } = place else { return Err(EncryptionError::Corrupt) };
        let rewrapped = self.rewrap(place, *version, &row.key)?;
        Ok(rewrapped.map(|key| LogKeyRow { key, ..row.clone() }.into()))
    }

    fn rewrap_data_key(&self, place: &Key, row: &DataKeyRow) -> Result<Option<Body>, EncryptionError> {
        let mut row = row.clone();
        let mut is_changed = false;
        for version in &mut row.versions {
            if let Some(wrapped) = self.rewrap(place, version.version, &version.key)? {
                version.key = wrapped;
                is_changed = true;
            }
        }
        Ok(is_changed.then(|| row.into()))
    }
}

fn is_outdated(body: &Body, current: u32) -> bool {
    let is_outdated = |key: &WrappedKey| !tenant_version(key).is_ok_and(|by| by == current);
    match (DataKeyRow::of(body), IndexKeyRow::of(body), LogKeyRow::of(body)) {
        (Some(row), _, _) => row.versions.iter().any(|version| is_outdated(&version.key)),
        (_, Some(row), _) => is_outdated(&row.key),
        (_, _, Some(row)) => is_outdated(&row.key),
        (None, None, None) => false,
    }
}
