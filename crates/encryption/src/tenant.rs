//! The keys of one controller.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use wzapi_model::identifier::Identifier;
use wzapi_model::ids::ControllerId;
use wzapi_model::{Clock, Entropy, Timestamp};
use wzapi_storage::codec::encode_key;
use wzapi_storage::key::{BlindIndex, Key};
use wzapi_storage::row::{ControllerRow, EpochRow, EpochStage, IndexKeyRow, TenantKeyRow, WrappedKey};
use wzapi_storage::{Draft, Storage};
use zeroize::Zeroizing;

use crate::blind_index::{IndexKey, IndexLabel};
use crate::cipher::{derive, scrubbing};
use crate::encoding::length_prefixed;
use crate::envelope::{open_from_unscrubbed, seal_onto};
use crate::error::EncryptionError;
use crate::provider::{KeyContext, KeyProvider, WrappingKeyId};
use crate::secret::SecretKey;

/// How long a controller's keys are held before they are unwrapped anew.
const TENANT_KEYS_KEPT_FOR: Duration = Duration::from_secs(600);
/// The most controllers whose keys are held at a time.
const MAX_CACHED_TENANTS: usize = 10_000;
/// How often keys are read again because they are rotated at that moment.
const MAX_ATTEMPTS: usize = 16;

/// The version of a controller's first tenant key and first index key.
pub(crate) const FIRST: u32 = 1;
const WRAP_LABEL: &[u8] = b"wzapi/wrapped-key/v1";
const COMMITMENT_SALT: &[u8] = b"wzapi/key-commitment/v1";

/// Gives the keys of controllers.
pub struct Encryption {
    pub(crate) storage: Arc<dyn Storage>,
    pub(crate) provider: Arc<dyn KeyProvider>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    held: Mutex<BTreeMap<ControllerId, (Timestamp, Arc<TenantKeys>)>>,
}

impl Encryption {
    /// Keys kept in `storage`, wrapped by `provider`.
    #[must_use]
    pub fn new(
        storage: Arc<dyn Storage>,
        provider: Arc<dyn KeyProvider>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self { storage, provider, clock, entropy, held: Mutex::new(BTreeMap::new()) }
    }

    /// Makes the keys of a new controller and stages their rows, with the controller's own row, in `draft`. The system
    /// controller also gets the row of the first epoch.
    ///
    /// # Errors
    /// [`EncryptionError::KeysChanged`] when the controller has keys, which are never replaced;
    /// [`EncryptionError::Provider`] or [`EncryptionError::Storage`]. Nothing was staged.
    pub async fn create_tenant(&self, draft: &mut Draft<'_>) -> Result<Arc<TenantKeys>, EncryptionError> {
        let (controller, now) = (draft.controller(), self.clock.now());
        draft.load([Key::Controller, Key::TenantKey(FIRST), Key::IndexKey(FIRST)]).await?;
        if draft.row::<ControllerRow>(&Key::Controller)?.is_some() {
            return Err(EncryptionError::KeysChanged);
        }
        // Only now: a rotation of the epoch changes one of these rows after its own.
        let wrapping_key = match self.epoch().await? {
            Some(epoch) => WrappingKeyId(epoch.wrapping_key),
            None => self.provider.current().await?,
        };
        if controller.is_system() {
            self.begin_first_epoch(draft, &wrapping_key).await?;
        }

        let tenant_key = SecretKey::generate(self.entropy.as_ref())?;
        let index_key = SecretKey::generate(self.entropy.as_ref())?;
        let wrapped_tenant_key = self.wrap_tenant_key(controller, FIRST, &wrapping_key, &tenant_key).await?;
        let mut keys = self.keys_of(controller, BTreeMap::from([(FIRST, tenant_key)]));
        let wrapped_index_key = keys.wrap(&Key::IndexKey(FIRST), FIRST, &index_key)?;
        keys.index_keys.push(IndexKey::new(FIRST, index_key));

        let settings =
            ControllerRow { registered_at: now, tenant_keys: vec![FIRST], index_keys: vec![FIRST] };
        draft.put(Key::Controller, settings, None)?;
        draft.put(Key::TenantKey(FIRST), TenantKeyRow { created_at: now, key: wrapped_tenant_key }, None)?;
        draft.put(Key::IndexKey(FIRST), IndexKeyRow { created_at: now, key: wrapped_index_key }, None)?;
        Ok(Arc::new(keys))
    }

    async fn begin_first_epoch(
        &self,
        draft: &mut Draft<'_>,
        wrapping_key: &WrappingKeyId,
    ) -> Result<(), EncryptionError> {
        draft.load([Key::Epoch]).await?;
        if draft.row::<EpochRow>(&Key::Epoch)?.is_some() {
            return Ok(());
        }
        let epoch = EpochRow {
            epoch: 1,
            began_at: self.clock.now(),
            wrapping_key: wrapping_key.0.clone(),
            stage: EpochStage::Complete,
            former: Vec::new(),
        };
        Ok(draft.put(Key::Epoch, epoch, None)?)
    }

    /// The epoch as it is stored; `None` before the system controller has its keys.
    pub(crate) async fn epoch(&self) -> Result<Option<EpochRow>, EncryptionError> {
        let mut draft = Draft::new(self.storage.as_ref(), ControllerId::SYSTEM);
        draft.load([Key::Epoch]).await?;
        Ok(draft.row(&Key::Epoch)?.cloned())
    }

    /// The keys of a registered controller.
    ///
    /// # Errors
    /// [`EncryptionError::UnknownController`] when it was never registered; [`EncryptionError::Provider`] when
    /// the provider does not unwrap its tenant key.
    pub async fn tenant(&self, controller: ControllerId) -> Result<Arc<TenantKeys>, EncryptionError> {
        let now = self.clock.now();
        if let Some(keys) = self.held_keys(controller, now) {
            return Ok(keys);
        }
        let keys = Arc::new(self.load_tenant(controller).await?);
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.retain(|_, (until, _)| *until > now);
        if held.len() >= MAX_CACHED_TENANTS {
            held.pop_first();
        }
        held.insert(controller, (now.saturating_add(TENANT_KEYS_KEPT_FOR), Arc::clone(&keys)));
        Ok(keys)
    }

    fn held_keys(&self, controller: ControllerId, now: Timestamp) -> Option<Arc<TenantKeys>> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let (until, keys) = held.get(&controller)?;
        (*until > now && !keys.is_outdated.load(Ordering::Relaxed)).then(|| Arc::clone(keys))
    }

    /// Drops the keys of a controller, so that the next use unwraps them anew.
    pub(crate) fn forget(&self, controller: ControllerId) {
        let forgotten = self.held.lock().unwrap_or_else(PoisonError::into_inner).remove(&controller);
        drop(forgotten);
    }

    /// Unwraps the controller's keys as they are stored now, whatever is rotated meanwhile.
    pub(crate) async fn load_tenant(&self, controller: ControllerId) -> Result<TenantKeys, EncryptionError> {
        for _ in 0..MAX_ATTEMPTS {
            let Some(rows) = self.load_rows(controller).await? else { continue };
            let error = match self.unwrap_rows(&rows).await {
                Ok(keys) => return Ok(keys),
                Err(error) => error,
            };
            // A wrapping key may be destroyed between the reading and the unwrapping: then there are newer rows.
            let mut again = Draft::new(self.storage.as_ref(), controller);
            again.load([Key::Controller]).await?;
            if again.loaded_version(&Key::Controller) == rows.loaded_version(&Key::Controller) {
                return Err(error);
            }
        }
        Err(EncryptionError::KeysChanged)
    }

    /// The controller's row with the tenant keys and index keys that it names, from one snapshot; `None` when the row
    /// changed while they were being looked for.
    async fn load_rows(&self, controller: ControllerId) -> Result<Option<Draft<'_>>, EncryptionError> {
        let mut first = Draft::new(self.storage.as_ref(), controller);
        first.load([Key::Controller]).await?;
        let settings: &ControllerRow =
            first.row(&Key::Controller)?.ok_or(EncryptionError::UnknownController)?;
        let tenant_keys = settings.tenant_keys.iter().map(|version| Key::TenantKey(*version));
        let index_keys = settings.index_keys.iter().map(|version| Key::IndexKey(*version));
        let mut rows = Draft::new(self.storage.as_ref(), controller);
        rows.load(tenant_keys.chain(index_keys).chain([Key::Controller])).await?;
        let is_same = rows.loaded_version(&Key::Controller) == first.loaded_version(&Key::Controller);
        Ok(is_same.then_some(rows))
    }

    /// The tenant keys of a controller as they are stored, newest first; `None` when it has none.
    pub(crate) async fn tenant_key_rows(
        &self,
        controller: ControllerId,
    ) -> Result<Option<Vec<(u32, TenantKeyRow)>>, EncryptionError> {
        for _ in 0..MAX_ATTEMPTS {
            let rows = match self.load_rows(controller).await {
                Ok(Some(rows)) => rows,
                Ok(None) => continue,
                Err(EncryptionError::UnknownController) => return Ok(None),
                Err(error) => return Err(error),
            };
            let Some(settings) = rows.row::<ControllerRow>(&Key::Controller)? else { return Ok(None) };
            let mut found = Vec::new();
            for version in &settings.tenant_keys {
                let row: &TenantKeyRow =
                    rows.row(&Key::TenantKey(*version))?.ok_or(EncryptionError::Corrupt)?;
                found.push((*version, row.clone()));
            }
            return Ok(Some(found));
        }
        Err(EncryptionError::KeysChanged)
    }

    async fn unwrap_rows(&self, rows: &Draft<'_>) -> Result<TenantKeys, EncryptionError> {
        let controller = rows.controller();
        let settings: &ControllerRow =
            rows.row(&Key::Controller)?.ok_or(EncryptionError::UnknownController)?;
        let mut tenant_keys = BTreeMap::new();
        for version in &settings.tenant_keys {
            let row: &TenantKeyRow = rows.row(&Key::TenantKey(*version))?.ok_or(EncryptionError::Corrupt)?;
            let key = self.unwrap_tenant_key(controller, *version, &row.key).await?;
            tenant_keys.insert(*version, key);
        }
        let mut keys = self.keys_of(controller, tenant_keys);
        for version in &settings.index_keys {
            let place = Key::IndexKey(*version);
            let row: &IndexKeyRow = rows.row(&place)?.ok_or(EncryptionError::Corrupt)?;
            let key = keys.unwrap(&place, *version, &row.key)?;
            keys.index_keys.push(IndexKey::new(*version, key));
        }
        if keys.index_keys.is_empty() {
            return Err(EncryptionError::Corrupt);
        }
        Ok(keys)
    }

    /// Keys of a controller whose newest tenant key wraps; the index keys are still to come.
    pub(crate) fn keys_of(
        &self,
        controller: ControllerId,
        tenant_keys: BTreeMap<u32, SecretKey>,
    ) -> TenantKeys {
        TenantKeys {
            controller,
            current: tenant_keys.last_key_value().map_or(0, |(version, _)| *version),
            tenant_keys,
            index_keys: Vec::new(),
            is_outdated: AtomicBool::new(false),
            clock: Arc::clone(&self.clock),
            entropy: Arc::clone(&self.entropy),
        }
    }

    pub(crate) async fn wrap_tenant_key(
        &self,
        controller: ControllerId,
        version: u32,
        wrapping_key: &WrappingKeyId,
        key: &SecretKey,
    ) -> Result<WrappedKey, EncryptionError> {
        let commitment = commitment_to(key)?;
        let context = tenant_context(controller, version, &commitment);
        let wrapped = self.provider.wrap(wrapping_key, &context, key).await?;
        Ok(WrappedKey { wrapped_by: wrapping_key.0.clone(), wrapped, commitment })
    }

    pub(crate) async fn unwrap_tenant_key(
        &self,
        controller: ControllerId,
        version: u32,
        row: &WrappedKey,
    ) -> Result<SecretKey, EncryptionError> {
        let context = tenant_context(controller, version, &row.commitment);
        let wrapping_key = WrappingKeyId(row.wrapped_by.clone());
        let key = self.provider.unwrap(&wrapping_key, &context, &row.wrapped).await?;
        if commitment_to(&key)? == row.commitment { Ok(key) } else { Err(EncryptionError::Authentication) }
    }
}

impl std::fmt::Debug for Encryption {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Encryption").finish_non_exhaustive()
    }
}

/// The keys of one controller: wiped when the last holder drops them.
pub struct TenantKeys {
    controller: ControllerId,
    current: u32,
    tenant_keys: BTreeMap<u32, SecretKey>,
    index_keys: Vec<IndexKey>,
    is_outdated: AtomicBool,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl TenantKeys {
    /// The controller whose keys these are.
    #[must_use]
    pub const fn controller(&self) -> ControllerId {
        self.controller
    }

    /// The version of the index key that new rows are filed under.
    #[must_use]
    pub fn index_key_version(&self) -> u32 {
        self.index_keys.first().map_or(0, |key| key.version)
    }

    /// The blind indexes of an identifier under every live index key, newest first.
    #[must_use]
    pub fn identifier_indexes(&self, identifier: &Identifier) -> Vec<BlindIndex> {
        self.index_keys.iter().map(|key| key.of_identifier(identifier)).collect()
    }

    /// The blind indexes of any other value under every live index key, newest first.
    #[must_use]
    pub fn indexes(&self, label: IndexLabel, kind: &str, value: &[u8]) -> Vec<BlindIndex> {
        self.index_keys.iter().map(|key| key.of(label, kind.as_bytes(), value)).collect()
    }

    /// The version of the tenant key that wraps new keys.
    pub(crate) const fn current_version(&self) -> u32 {
        self.current
    }

    pub(crate) const fn entropy(&self) -> &Arc<dyn Entropy> {
        &self.entropy
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Notes that newer keys are stored than these; the next one who asks for the controller's keys gets those.
    pub(crate) fn changed(&self) -> EncryptionError {
        self.is_outdated.store(true, Ordering::Relaxed);
        EncryptionError::KeysChanged
    }

    /// A key of its own for another use, derived from the newest tenant key.
    pub(crate) fn derive(&self, salt: &[u8]) -> Result<SecretKey, EncryptionError> {
        let tenant_key = self.tenant_keys.get(&self.current).ok_or(EncryptionError::KeyMissing)?;
        let mut derived = Zeroizing::new([0; 32]);
        derive(salt, tenant_key.expose(), &[], derived.as_mut_slice())?;
        Ok(SecretKey::from_bytes(&derived))
    }

    /// Wraps a key for its own row under the newest tenant key.
    pub(crate) fn wrap(
        &self,
        place: &Key,
        version: u32,
        key: &SecretKey,
    ) -> Result<WrappedKey, EncryptionError> {
        let tenant_key = self.tenant_keys.get(&self.current).ok_or(EncryptionError::KeyMissing)?;
        let commitment = commitment_to(key)?;
        let bound_to = self.wrapped_key_data(place, version, self.current, &commitment);
        let mut wrapped = Vec::with_capacity(60);
        seal_onto(&mut wrapped, tenant_key, &bound_to, key.expose(), self.entropy.as_ref())?;
        Ok(WrappedKey { wrapped_by: self.current.to_string(), wrapped, commitment })
    }

    /// Unwraps a key from its own row.
    pub(crate) fn unwrap(
        &self,
        place: &Key,
        version: u32,
        row: &WrappedKey,
    ) -> Result<SecretKey, EncryptionError> {
        scrubbing(|| self.unwrap_unscrubbed(place, version, row))
    }

    /// Unwraps a key from its own row. Whoever calls this does so [`scrubbing`].
    pub(crate) fn unwrap_unscrubbed(
        &self,
        place: &Key,
        version: u32,
        row: &WrappedKey,
    ) -> Result<SecretKey, EncryptionError> {
        let wrapped_by = tenant_version(row)?;
        let Some(tenant_key) = self.tenant_keys.get(&wrapped_by) else {
            // Versions only grow: a higher one was made since these keys were loaded, a lower one was destroyed.
            let is_newer = wrapped_by > self.current;
            return Err(if is_newer { self.changed() } else { EncryptionError::KeyMissing });
        };
        let bound_to = self.wrapped_key_data(place, version, wrapped_by, &row.commitment);
        let opened = open_from_unscrubbed(&row.wrapped, tenant_key, &bound_to)?;
        let bytes: &[u8; 32] = opened.as_slice().try_into().map_err(|_| EncryptionError::Authentication)?;
        Ok(SecretKey::from_bytes(bytes))
    }

    /// Wraps the seed of a log's signing key for its own row.
    ///
    /// # Errors
    /// [`EncryptionError::Corrupt`] when `place` is that of no log key; [`EncryptionError::Entropy`].
    pub fn wrap_log_key(&self, place: &Key, seed: &SecretKey) -> Result<WrappedKey, EncryptionError> {
        let Key::LogKey { version, .. } = place else { return Err(EncryptionError::Corrupt) };
        self.wrap(place, *version, seed)
    }

    /// Unwraps the seed of a log's signing key from its own row.
    ///
    /// # Errors
    /// [`EncryptionError::KeysChanged`] when the controller's keys were rotated meanwhile;
    /// [`EncryptionError::Authentication`] when the row was altered or moved.
    pub fn unwrap_log_key(&self, place: &Key, row: &WrappedKey) -> Result<SecretKey, EncryptionError> {
        let Key::LogKey { version, .. } = place else { return Err(EncryptionError::Corrupt) };
        self.unwrap(place, *version, row)
    }

    /// Wraps a key anew when another tenant key than the newest wraps it; `None` when nothing is to be done.
    pub(crate) fn rewrap(
        &self,
        place: &Key,
        version: u32,
        row: &WrappedKey,
    ) -> Result<Option<WrappedKey>, EncryptionError> {
        if tenant_version(row).is_ok_and(|wrapped_by| wrapped_by == self.current) {
            return Ok(None);
        }
        let key = self.unwrap_checked(place, version, row)?;
        self.wrap(place, version, &key).map(Some)
    }

    /// Unwraps a key that stays in use, and says where it stands when that fails.
    pub(crate) fn unwrap_checked(
        &self,
        place: &Key,
        version: u32,
        row: &WrappedKey,
    ) -> Result<SecretKey, EncryptionError> {
        let unwrapped = self.unwrap(place, version, row).and_then(|key| {
            // AES-GCM does not commit to its key.
            if commitment_to(&key)? == row.commitment {
                Ok(key)
            } else {
                Err(EncryptionError::Authentication)
            }
        });
        unwrapped.map_err(|error| match error {
            EncryptionError::Authentication | EncryptionError::KeyMissing | EncryptionError::Corrupt => {
                EncryptionError::DamagedKey { controller: self.controller, place: Box::new(place.clone()) }
            }
            other => other,
        })
    }

    fn wrapped_key_data(&self, place: &Key, version: u32, wrapped_by: u32, commitment: &[u8; 32]) -> Vec<u8> {
        length_prefixed(&[
            WRAP_LABEL,
            &encode_key(self.controller, place),
            &version.to_be_bytes(),
            &wrapped_by.to_be_bytes(),
            commitment,
        ])
    }
}

impl std::fmt::Debug for TenantKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TenantKeys").field("controller", &self.controller).finish_non_exhaustive()
    }
}

/// The version of the tenant key that wraps a key.
pub(crate) fn tenant_version(row: &WrappedKey) -> Result<u32, EncryptionError> {
    row.wrapped_by.parse().map_err(|_| EncryptionError::Corrupt)
}

fn tenant_context(controller: ControllerId, version: u32, commitment: &[u8; 32]) -> KeyContext {
    KeyContext::from([
        ("purpose".to_owned(), "wzapi-tenant-key".to_owned()),
        ("controller".to_owned(), controller.to_string()),
        ("version".to_owned(), version.to_string()),
        ("commitment".to_owned(), commitment.iter().map(|byte| format!("{byte:02x}")).collect()),
    ])
}

/// `HKDF-SHA256(salt = "wzapi/key-commitment/v1", key, info = "")`, 32 bytes: it tells nothing about the key and
/// no second key gives the same (AES-GCM alone does not commit to its key).
pub(crate) fn commitment_to(key: &SecretKey) -> Result<[u8; 32], EncryptionError> {
    let mut commitment = [0; 32];
    derive(COMMITMENT_SALT, key.expose(), &[], &mut commitment)?;
    Ok(commitment)
}
