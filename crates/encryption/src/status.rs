//! Which keys there are.

use wzapi_model::Timestamp;
use wzapi_model::ids::ControllerId;
use wzapi_storage::Draft;
use wzapi_storage::key::{Key, KeyPrefix, Owner, RowKind};
use wzapi_storage::query::{MAX_PAGE, Query};
use wzapi_storage::row::{ControllerRow, DataKeyRow, EpochRow, RowType};

use crate::error::EncryptionError;
use crate::tenant::Encryption;

/// A tenant key, without its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantKeyStatus {
    /// Its version.
    pub version: u32,
    /// When it was made.
    pub created_at: Timestamp,
    /// The name of the wrapping key in the key provider.
    pub wrapped_by: String,
}

/// The keys of one controller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantStatus {
    /// The controller.
    pub controller: ControllerId,
    /// Its tenant keys, newest first; more than one while a rotation is under way.
    pub tenant_keys: Vec<TenantKeyStatus>,
    /// The versions of its index keys, newest first.
    pub index_keys: Vec<u32>,
    /// How many data keys there are: one per person, category and month.
    pub data_keys: u64,
    /// How many of them an older tenant key wraps.
    pub outdated: u64,
}

impl Encryption {
    /// The epoch: the wrapping key in use, those before it, and how far a rotation is.
    ///
    /// # Errors
    /// [`EncryptionError::UnknownController`] when the store is empty; [`EncryptionError::Storage`].
    pub async fn epoch_status(&self) -> Result<EpochRow, EncryptionError> {
        self.epoch().await?.ok_or(EncryptionError::UnknownController)
    }

    /// The keys of one controller. It reads every data key's row; nothing is unwrapped.
    ///
    /// # Errors
    /// [`EncryptionError::UnknownController`]; [`EncryptionError::Storage`].
    pub async fn tenant_status(&self, controller: ControllerId) -> Result<TenantStatus, EncryptionError> {
        let mut draft = Draft::new(self.storage.as_ref(), controller);
        draft.load([Key::Controller]).await?;
        let settings: ControllerRow =
            draft.row(&Key::Controller)?.cloned().ok_or(EncryptionError::UnknownController)?;
        let rows = self.tenant_key_rows(controller).await?.ok_or(EncryptionError::UnknownController)?;
        let tenant_keys: Vec<TenantKeyStatus> = rows
            .into_iter()
            .map(|(version, row)| TenantKeyStatus {
                version,
                created_at: row.created_at,
                wrapped_by: row.key.wrapped_by,
            })
            .collect();
        let current = tenant_keys.first().map(|key| key.version.to_string()).unwrap_or_default();
        let (mut data_keys, mut outdated) = (0, 0);
        let mut query = Query::kind(controller, RowKind::DataKey, MAX_PAGE);
        loop {
            let page = self.storage.scan(&query).await?;
            for row in page.rows.iter().filter_map(|(_, stored)| DataKeyRow::of(&stored.body)) {
                data_keys += 1;
                outdated += u64::from(row.versions.iter().any(|version| version.key.wrapped_by != current));
            }
            match page.next {
                Some(next) => query.after = Some(next),
                None => break,
            }
        }
        Ok(TenantStatus { controller, tenant_keys, index_keys: settings.index_keys, data_keys, outdated })
    }

    /// The system controller and every controller in the directory.
    ///
    /// # Errors
    /// [`EncryptionError::Storage`].
    pub async fn controllers(&self) -> Result<Vec<ControllerId>, EncryptionError> {
        let prefix = KeyPrefix::Kind(Owner::Controller, RowKind::Directory);
        let mut query = Query::prefix(ControllerId::SYSTEM, prefix, MAX_PAGE);
        let mut controllers = vec![ControllerId::SYSTEM];
        loop {
            let page = self.storage.scan(&query).await?;
            controllers.extend(page.rows.iter().filter_map(|(key, _)| match key {
                Key::Directory(controller) => Some(*controller),
                _ => None,
            }));
            match page.next {
                Some(next) => query.after = Some(next),
                None => return Ok(controllers),
            }
        }
    }
}
