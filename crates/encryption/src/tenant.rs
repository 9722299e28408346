//! The keys of one controller, and the data keys under them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::Datelike;
use ring::hkdf;
use wzapi_model::identifier::Identifier;
use wzapi_model::ids::ControllerId;
use wzapi_model::name::DataCategory;
use wzapi_model::{Clock, Entropy, Timestamp};
use wzapi_storage::codec::encode_key;
use wzapi_storage::key::{BlindIndex, Cohort, Key, Owner};
use wzapi_storage::row::{ControllerRow, DataKeyRow, IndexKeyRow, Sealed, TenantKeyRow, WrappedKey};
use wzapi_storage::{Draft, Storage};
use zeroize::Zeroizing;

use crate::blind_index::{IndexKey, IndexLabel};
use crate::encoding::length_prefixed;
use crate::envelope::{self, Place, open_from, seal_onto};
use crate::error::EncryptionError;
use crate::provider::{KeyContext, KeyProvider, WrappingKeyId};
use crate::secret::SecretKey;

/// How long a controller's keys are held before they are unwrapped anew.
const TENANT_KEYS_KEPT_FOR: Duration = Duration::from_secs(600);
/// The most controllers whose keys are held at a time.
const MAX_CACHED_TENANTS: usize = 10_000;

const WRAP_LABEL: &[u8] = b"wzapi/wrapped-key/v1";
const COMMITMENT_SALT: &[u8] = b"wzapi/key-commitment/v1";

/// Gives the keys of controllers.
pub struct Encryption {
    storage: Arc<dyn Storage>,
    provider: Arc<dyn KeyProvider>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
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

    /// Makes the keys of a new controller and stages their rows, with the controller's own row, in `draft`.
    ///
    /// # Errors
    /// [`EncryptionError::Provider`] or [`EncryptionError::Storage`]; nothing was stored.
    pub async fn create_tenant(&self, draft: &mut Draft<'_>) -> Result<Arc<TenantKeys>, EncryptionError> {
        const FIRST: u32 = 1;
        let (controller, now) = (draft.controller(), self.clock.now());
        let rows = [Key::Controller, Key::TenantKey(FIRST), Key::IndexKey(FIRST)];
        draft.load(rows).await?;

        let tenant_key = SecretKey::generate(self.entropy.as_ref())?;
        let index_key = SecretKey::generate(self.entropy.as_ref())?;
        let wrapped_tenant_key = self.wrap_tenant_key(controller, FIRST, &tenant_key).await?;
        let keys = TenantKeys {
            controller,
            current: FIRST,
            tenant_keys: BTreeMap::from([(FIRST, tenant_key)]),
            index_keys: Vec::new(),
            entropy: Arc::clone(&self.entropy),
        };
        let wrapped_index_key = keys.wrap(&Key::IndexKey(FIRST), FIRST, &index_key)?;
        let keys = TenantKeys { index_keys: vec![IndexKey::new(FIRST, index_key)], ..keys };

        let settings = ControllerRow { registered_at: now, tenant_key: FIRST, index_keys: vec![FIRST] };
        draft.put(Key::Controller, settings, None)?;
        draft.put(Key::TenantKey(FIRST), TenantKeyRow { created_at: now, key: wrapped_tenant_key }, None)?;
        draft.put(Key::IndexKey(FIRST), IndexKeyRow { created_at: now, key: wrapped_index_key }, None)?;
        Ok(Arc::new(keys))
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
        (*until > now).then(|| Arc::clone(keys))
    }

    async fn load_tenant(&self, controller: ControllerId) -> Result<TenantKeys, EncryptionError> {
        let mut draft = Draft::new(self.storage.as_ref(), controller);
        draft.load([Key::Controller]).await?;
        let settings: ControllerRow =
            draft.row(&Key::Controller)?.cloned().ok_or(EncryptionError::UnknownController)?;
        draft.load([Key::TenantKey(settings.tenant_key)]).await?;
        draft.load(settings.index_keys.iter().map(|version| Key::IndexKey(*version))).await?;

        let current = settings.tenant_key;
        let row: &TenantKeyRow = draft.row(&Key::TenantKey(current))?.ok_or(EncryptionError::Corrupt)?;
        let tenant_key = self.unwrap_tenant_key(controller, current, &row.key).await?;
        let mut keys = TenantKeys {
            controller,
            current,
            tenant_keys: BTreeMap::from([(current, tenant_key)]),
            index_keys: Vec::new(),
            entropy: Arc::clone(&self.entropy),
        };
        for version in settings.index_keys {
            let place = Key::IndexKey(version);
            let row: &IndexKeyRow = draft.row(&place)?.ok_or(EncryptionError::Corrupt)?;
            let key = keys.unwrap(&place, version, &row.key)?;
            keys.index_keys.push(IndexKey::new(version, key));
        }
        if keys.index_keys.is_empty() {
            return Err(EncryptionError::Corrupt);
        }
        Ok(keys)
    }

    async fn wrap_tenant_key(
        &self,
        controller: ControllerId,
        version: u32,
        key: &SecretKey,
    ) -> Result<WrappedKey, EncryptionError> {
        let wrapping_key = self.provider.current().await?;
        let commitment = commitment_to(key)?;
        let context = tenant_context(controller, version, &commitment);
        let wrapped = self.provider.wrap(&wrapping_key, &context, key).await?;
        Ok(WrappedKey { wrapped_by: wrapping_key.0, wrapped, commitment })
    }

    async fn unwrap_tenant_key(
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

    /// The data key for what is collected now about `owner` in `category`. It is loaded into the draft, or made
    /// and staged there; either way the draft commits only if the key is still the same by then.
    ///
    /// # Errors
    /// [`EncryptionError::Storage`], [`EncryptionError::Authentication`].
    pub async fn data_key_for_writing(
        &self,
        draft: &mut Draft<'_>,
        owner: Owner,
        category: &DataCategory,
        now: Timestamp,
    ) -> Result<DataKey, EncryptionError> {
        const FIRST: u32 = 1;
        let cohort = cohort_of(now);
        let place = Key::DataKey { owner, category: category.clone(), cohort };
        draft.load([place.clone()]).await?;
        if let Some(row) = draft.row::<DataKeyRow>(&place)? {
            let key = self.open_data_key(&place, row)?;
            draft.guard(&place)?;
            return Ok(key);
        }
        let key = SecretKey::generate(self.entropy.as_ref())?;
        let wrapped = self.wrap(&place, FIRST, &key)?;
        draft.put(place, DataKeyRow { version: FIRST, created_at: now, key: wrapped }, None)?;
        Ok(DataKey { key, version: FIRST, cohort, entropy: Arc::clone(&self.entropy) })
    }

    /// Where the data key that sealed a value is kept.
    #[must_use]
    pub fn data_key_of(owner: Owner, category: &DataCategory, sealed: &Sealed) -> Key {
        Key::DataKey { owner, category: category.clone(), cohort: sealed.cohort }
    }

    /// Unwraps the data key in this row.
    ///
    /// # Errors
    /// [`EncryptionError::KeyMissing`] when it is wrapped by a tenant key that is gone;
    /// [`EncryptionError::Authentication`] when it was altered or moved.
    pub fn open_data_key(&self, place: &Key, row: &DataKeyRow) -> Result<DataKey, EncryptionError> {
        let Key::DataKey { cohort, .. } = place else { return Err(EncryptionError::Corrupt) };
        let key = self.unwrap(place, row.version, &row.key)?;
        Ok(DataKey { key, version: row.version, cohort: *cohort, entropy: Arc::clone(&self.entropy) })
    }

    fn wrap(&self, place: &Key, version: u32, key: &SecretKey) -> Result<WrappedKey, EncryptionError> {
        let tenant_key = self.tenant_keys.get(&self.current).ok_or(EncryptionError::KeyMissing)?;
        let commitment = commitment_to(key)?;
        let bound_to = self.wrapped_key_data(place, version, self.current, &commitment);
        let mut wrapped = Vec::with_capacity(60);
        seal_onto(&mut wrapped, tenant_key, &bound_to, key.expose(), self.entropy.as_ref())?;
        Ok(WrappedKey { wrapped_by: self.current.to_string(), wrapped, commitment })
    }

    fn unwrap(&self, place: &Key, version: u32, row: &WrappedKey) -> Result<SecretKey, EncryptionError> {
        let wrapped_by: u32 = row.wrapped_by.parse().map_err(|_| EncryptionError::Corrupt)?;
        let tenant_key = self.tenant_keys.get(&wrapped_by).ok_or(EncryptionError::KeyMissing)?;
        let bound_to = self.wrapped_key_data(place, version, wrapped_by, &row.commitment);
        let opened = open_from(&row.wrapped, tenant_key, &bound_to)?;
        let bytes: &[u8; 32] = opened.as_slice().try_into().map_err(|_| EncryptionError::Authentication)?;
        Ok(SecretKey::from_bytes(bytes))
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

/// An unwrapped data key of one owner, category and month: wiped when dropped. Use it and drop it.
pub struct DataKey {
    key: SecretKey,
    version: u32,
    cohort: Cohort,
    entropy: Arc<dyn Entropy>,
}

impl DataKey {
    /// Seals a value for one place.
    ///
    /// # Errors
    /// [`EncryptionError::TooLong`] above [`envelope::MAX_PLAINTEXT`]; [`EncryptionError::Entropy`].
    pub fn seal(&self, place: &Place<'_>, plaintext: &[u8]) -> Result<Sealed, EncryptionError> {
        let envelope = envelope::seal(&self.key, self.version, place, plaintext, self.entropy.as_ref())?;
        Ok(Sealed { cohort: self.cohort, envelope })
    }

    /// Opens a value that was sealed for this place.
    ///
    /// # Errors
    /// [`EncryptionError::Authentication`], whatever is wrong with it.
    pub fn open(&self, place: &Place<'_>, sealed: &Sealed) -> Result<Zeroizing<Vec<u8>>, EncryptionError> {
        if sealed.cohort != self.cohort {
            return Err(EncryptionError::Authentication);
        }
        envelope::open(&self.key, self.version, place, &sealed.envelope)
    }
}

impl std::fmt::Debug for DataKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DataKey").field("version", &self.version).finish_non_exhaustive()
    }
}

/// The month of a moment, counted from January 1970.
#[must_use]
pub fn cohort_of(moment: Timestamp) -> Cohort {
    let date = moment.to_datetime();
    let months = (date.year() - 1970) * 12 + i32::try_from(date.month0()).unwrap_or(0);
    Cohort(u16::try_from(months).unwrap_or(u16::MAX))
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
fn commitment_to(key: &SecretKey) -> Result<[u8; 32], EncryptionError> {
    let mut commitment = [0; 32];
    hkdf::Salt::new(hkdf::HKDF_SHA256, COMMITMENT_SALT)
        .extract(key.expose())
        .expand(&[], hkdf::HKDF_SHA256)
        .and_then(|output| output.fill(&mut commitment))
        .map_err(|_| EncryptionError::Corrupt)?;
    Ok(commitment)
}
