//! Epochs.
//!
//! A data key that was destroyed is still in old files and in backups, wrapped by its tenant key, which is wrapped by
//! the wrapping key in the key provider. An epoch ends that: a new wrapping key, new tenant keys for every controller,
//! every living key wrapped anew, the keys written to an export, and then the old wrapping key is destroyed in the
//! provider. What was destroyed before the rotation began lives in no chain of keys any more. A copy of the old keyring
//! defeats this; so does a provider that restores a deleted key.
//!
//! ```text
//! Complete ── new wrapping key ──► Rewrapping ── all wrapped anew, export written ──► Destroying ──► Complete
//! ```
//!
//! Each arrow is one commit. A rotation that is cut short goes on from its stage when it is asked for again, and at no
//! point is a living person unreadable.

use std::collections::BTreeSet;

use wzapi_model::ids::ControllerId;
use wzapi_storage::Draft;
use wzapi_storage::key::Key;
use wzapi_storage::row::{
    ControllerRow, EpochRow, EpochStage, FormerWrappingKey, TenantKeyRow, WrappingKeyFate,
};

use crate::error::EncryptionError;
use crate::export::{ExportSummary, KeyExportTarget};
use crate::provider::{Destruction, KeyProviderError, WrappingKeyId};
use crate::rotation::{OnProgress, RotationProgress};
use crate::secret::SecretKey;
use crate::tenant::{Encryption, FIRST};

/// How often the row of the epoch is tried again when somebody else changes it.
const MAX_ATTEMPTS: usize = 64;
/// How often all controllers are gone through, in case new ones are registered all the time.
const MAX_PASSES: usize = 16;

/// A new epoch began, or one that had begun is complete.
///
/// Out of reach is what was destroyed before the epoch began, which its row tells: a rotation that was cut short and is
/// finished later does not cover what was destroyed in between.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct EpochReport {
    /// The epoch as it is stored.
    pub epoch: EpochRow,
    /// What was done.
    pub progress: RotationProgress,
    /// What the export holds.
    pub export: ExportSummary,
}

impl EpochReport {
    /// Whether every former wrapping key is gone. Otherwise the provider destroys them later, and until then old copies
    /// of the data can be read by whoever can restore them there.
    #[must_use]
    pub fn is_final(&self) -> bool {
        self.epoch.former.iter().all(|former| matches!(former.fate, WrappingKeyFate::DestroyedAt(_)))
    }
}

impl Encryption {
    /// Begins a new epoch, or finishes one that was cut short; [`EpochReport::epoch`] tells since when it is. The export is written and made durable before any key is
    /// destroyed; keep it with the backups, since an older backup is opened by nothing else.
    ///
    /// # Errors
    /// After any of them everything is readable as before, and doing it again, with a new target, goes on.
    /// [`EncryptionError::KeysChanged`] when another rotation overtook this one; [`EncryptionError::DamagedKey`];
    /// [`EncryptionError::Provider`], [`EncryptionError::Storage`], [`EncryptionError::Export`].
    pub async fn rotate_epoch(
        &self,
        target: &mut dyn KeyExportTarget,
        on_progress: OnProgress<'_>,
    ) -> Result<EpochReport, EncryptionError> {
        let epoch = self.enter_epoch().await?;
        let mut progress = RotationProgress::default();
        self.rewrap_everything(&epoch, &mut progress, on_progress).await?;
        let export = self.export_keys(target).await?;
        let begin_to_destroy = |row: &mut EpochRow| {
            if row.stage == EpochStage::Rewrapping {
                row.stage = EpochStage::Destroying;
            }
        };
        self.change_epoch(&epoch, begin_to_destroy).await?;
        let epoch = self.destroy_former(&epoch).await?;
        Ok(EpochReport { epoch, progress, export })
    }

    /// The epoch that is under way, or a new one.
    async fn enter_epoch(&self) -> Result<EpochRow, EncryptionError> {
        for _ in 0..MAX_ATTEMPTS {
            let mut draft = Draft::new(self.storage.as_ref(), ControllerId::SYSTEM);
            draft.load([Key::Epoch]).await?;
            let row: EpochRow = draft.row(&Key::Epoch)?.cloned().ok_or(EncryptionError::UnknownController)?;
            if row.stage != EpochStage::Complete {
                return Ok(row);
            }
            // A provider that does not open what is there would leave a rotation that nothing can finish.
            self.load_tenant(ControllerId::SYSTEM).await?;
            let wrapping_key = self.unused_wrapping_key(&row).await?;
            let mut former = row.former;
            former.insert(0, FormerWrappingKey { name: row.wrapping_key, fate: WrappingKeyFate::Live });
            let next = EpochRow {
                epoch: row.epoch.checked_add(1).ok_or(EncryptionError::Corrupt)?,
                began_at: self.clock.now(),
                wrapping_key: wrapping_key.0,
                stage: EpochStage::Rewrapping,
                former,
            };
            draft.put(Key::Epoch, next.clone(), None)?;
            if self.commit_rows(draft).await? {
                return Ok(next);
            }
        }
        Err(EncryptionError::KeysChanged)
    }

    /// The provider's current key, if nothing was ever wrapped under it: then a rotation made it that was cut short right
    /// there. Otherwise a new one.
    async fn unused_wrapping_key(&self, row: &EpochRow) -> Result<WrappingKeyId, EncryptionError> {
        let current = self.provider.current().await?;
        let in_use = self.tenant_key_rows(ControllerId::SYSTEM).await?.unwrap_or_default();
        let is_used = current.0 == row.wrapping_key
            || row.former.iter().any(|former| former.name == current.0)
            || in_use.iter().any(|(_, row)| row.key.wrapped_by == current.0);
        if is_used { Ok(self.provider.generate().await?) } else { Ok(current) }
    }

    /// Goes through all controllers until a whole pass finds every tenant key under the wrapping key of this epoch: one may
    /// be registered while this runs.
    async fn rewrap_everything(
        &self,
        epoch: &EpochRow,
        progress: &mut RotationProgress,
        on_progress: OnProgress<'_>,
    ) -> Result<(), EncryptionError> {
        let (mut done, mut fenced) = (BTreeSet::new(), BTreeSet::new());
        for _ in 0..MAX_PASSES {
            let mut is_complete = true;
            for controller in self.controllers().await? {
                if done.contains(&controller) && self.is_wrapped_by(controller, &epoch.wrapping_key).await? {
                    continue;
                }
                match self.rotate_tenant_to(controller, epoch.epoch, progress, on_progress).await {
                    Ok(()) => {
                        done.insert(controller);
                        is_complete = false;
                    }
                    Err(EncryptionError::UnknownController) if !controller.is_system() => {
                        if fenced.insert(controller) {
                            self.fence(controller, epoch).await?;
                            is_complete = false;
                        }
                    }
                    Err(error) => return Err(error),
                }
            }
            if is_complete {
                return Ok(());
            }
        }
        Err(EncryptionError::KeysChanged)
    }

    /// A controller that is in the directory and has no keys is being registered, perhaps by somebody who read the row of
    /// the epoch before it changed. That registration expects no tenant key; so a new one, which nothing names, makes it
    /// fail, and when it is tried again it reads the new epoch.
    async fn fence(&self, controller: ControllerId, epoch: &EpochRow) -> Result<(), EncryptionError> {
        let mut draft = Draft::new(self.storage.as_ref(), controller);
        let place = Key::TenantKey(FIRST);
        draft.load([Key::Controller, place.clone()]).await?;
        if draft.row::<ControllerRow>(&Key::Controller)?.is_some() {
            return Ok(());
        }
        draft.guard(&Key::Controller)?;
        let key = SecretKey::generate(self.entropy.as_ref())?;
        let wrapping_key = WrappingKeyId(epoch.wrapping_key.clone());
        let key = self.wrap_tenant_key(controller, FIRST, &wrapping_key, &key).await?;
        draft.put(place, TenantKeyRow { created_at: self.clock.now(), key }, None)?;
        // Whoever overtakes this either changed the row as well or finished the registration, which the next pass sees.
        self.commit_rows(draft).await.map(drop)
    }

    /// Whether the only tenant key of a controller is wrapped by this wrapping key.
    async fn is_wrapped_by(
        &self,
        controller: ControllerId,
        wrapping_key: &str,
    ) -> Result<bool, EncryptionError> {
        let rows = self.tenant_key_rows(controller).await?.unwrap_or_default();
        Ok(matches!(rows.as_slice(), [(_, only)] if only.key.wrapped_by == wrapping_key))
    }

    async fn destroy_former(&self, epoch: &EpochRow) -> Result<EpochRow, EncryptionError> {
        let mut fates = Vec::new();
        for former in &epoch.former {
            if matches!(former.fate, WrappingKeyFate::DestroyedAt(_)) {
                continue;
            }
            let fate = match self.destroy(&WrappingKeyId(former.name.clone())).await {
                Ok(Destruction::PendingUntil(until)) => WrappingKeyFate::PendingUntil(until),
                Ok(Destruction::Done) | Err(KeyProviderError::NoSuchKey) => {
                    WrappingKeyFate::DestroyedAt(self.clock.now())
                }
                Err(error) => return Err(error.into()),
            };
            fates.push((former.name.clone(), fate));
        }
        self.change_epoch(epoch, |row| {
            row.stage = EpochStage::Complete;
            for former in &mut row.former {
                // Somebody else may have found out before that it is gone.
                if !matches!(former.fate, WrappingKeyFate::DestroyedAt(_))
                    && let Some((_, fate)) = fates.iter().find(|(name, _)| *name == former.name)
                {
                    former.fate = *fate;
                }
            }
        })
        .await
    }

    /// Destroys a wrapping key that is not in use here, also when the provider still takes it for the current one, as
    /// after keys were imported into a store that had begun an epoch of its own.
    async fn destroy(&self, wrapping_key: &WrappingKeyId) -> Result<Destruction, KeyProviderError> {
        match self.provider.destroy(wrapping_key).await {
            Err(KeyProviderError::StillCurrent) => {
                self.provider.generate().await?;
                self.provider.destroy(wrapping_key).await
            }
            outcome => outcome,
        }
    }

    /// Changes the row of this epoch; nothing when another one began meanwhile.
    async fn change_epoch(
        &self,
        epoch: &EpochRow,
        change: impl Fn(&mut EpochRow),
    ) -> Result<EpochRow, EncryptionError> {
        for _ in 0..MAX_ATTEMPTS {
            let mut draft = Draft::new(self.storage.as_ref(), ControllerId::SYSTEM);
            draft.load([Key::Epoch]).await?;
            let mut row: EpochRow =
                draft.row(&Key::Epoch)?.cloned().ok_or(EncryptionError::UnknownController)?;
            if row.epoch != epoch.epoch {
                return Err(EncryptionError::KeysChanged);
            }
            let before = row.clone();
            change(&mut row);
            if row == before {
                return Ok(row);
            }
            draft.put(Key::Epoch, row.clone(), None)?;
            if self.commit_rows(draft).await? {
                return Ok(row);
            }
        }
        Err(EncryptionError::KeysChanged)
    }
}
