//! Data keys: one per person, category and month, unwrapped at use and never kept.
//!
//! An engine takes the keys of the controller, loads its rows, and then seals or opens. Whatever is sealed is committed
//! with the draft in which the key was taken: so nothing is stored under a key that somebody destroyed meanwhile.
//!
//! ```
//! use std::sync::Arc;
//!
//! use wzapi_encryption::{Encryption, LocalKeyring, Place, TenantKeys};
//! use wzapi_model::ids::{ChangesetId, ControllerId, SubjectId};
//! use wzapi_model::name::DataCategory;
//! use wzapi_model::system::{SystemClock, SystemEntropy};
//! use wzapi_model::time::Clock;
//! use wzapi_storage::key::{Key, Owner};
//! use wzapi_storage::{Draft, Storage};
//! use wzapi_storage_memory::MemoryStorage;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("keyring");
//! let (storage, entropy) = (Arc::new(MemoryStorage::new()), Arc::new(SystemEntropy::new()));
//! let keyring = Arc::new(LocalKeyring::open_or_create(&path, entropy.clone())?);
//! let encryption = Encryption::new(storage.clone(), keyring, Arc::new(SystemClock), entropy.clone());
//! let controller = ControllerId::from_bytes([1; 16]);
//! let mut draft = Draft::new(storage.as_ref(), controller);
//! encryption.create_tenant(&mut draft).await?;
//! storage.commit(draft.into_changeset(ChangesetId::generate(entropy.as_ref())?, SystemClock.now())).await?;
//!
//! let (person, category) = (SubjectId::from_bytes([2; 16]), DataCategory::contact());
//! let (owner, row) = (Owner::Subject(person), Key::Subject(person));
//! let place = Place { controller, row: &row, field: "name" };
//! let keys = encryption.tenant(controller).await?;
//! let mut draft = Draft::new(storage.as_ref(), controller);
//! let data_key = keys.data_key_for_writing(&mut draft, owner, &category, SystemClock.now()).await?;
//! let sealed = data_key.seal(&place, b"Ada")?;
//! // `sealed` would go into the row of the person, in the same draft.
//! storage.commit(draft.into_changeset(ChangesetId::generate(entropy.as_ref())?, SystemClock.now())).await?;
//!
//! let key_place = TenantKeys::data_key_of(owner, &category, &sealed);
//! let mut draft = Draft::new(storage.as_ref(), controller);
//! draft.load([key_place.clone()]).await?;
//! let opened = keys.open(&key_place, draft.row(&key_place)?, &place, &sealed)?;
//! assert_eq!(opened.as_slice(), b"Ada");
//! let elsewhere = Place { field: "address", ..place };
//! assert!(keys.open(&key_place, draft.row(&key_place)?, &elsewhere, &sealed).is_err());
//! # Ok(())
//! # }
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use chrono::Datelike;
use wzapi_model::name::DataCategory;
use wzapi_model::{Entropy, Timestamp};
use wzapi_storage::Draft;
use wzapi_storage::draft::NotLoaded;
use wzapi_storage::key::{Cohort, Key, Owner};
use wzapi_storage::row::{ControllerRow, DataKeyRow, DataKeyVersion, Sealed};
use zeroize::Zeroizing;

use crate::cipher::scrubbing;
use crate::envelope::{self, Place};
use crate::error::EncryptionError;
use crate::secret::SecretKey;
use crate::tenant::TenantKeys;

/// The most values that one unwrapped data key seals before it has to be taken anew.
pub const MAX_SEALS_AT_A_TIME: u32 = 64;
/// One in so many takings of a data key is counted, for all of them.
const SAMPLED: u32 = 1024;
/// When a key is taken to have sealed as many values as it may. NIST SP 800-38D, section 8.3, allows 2^32 under random
/// nonces. The count is an estimate from above, since each taking counts as the most that it may seal; at this bound its
/// standard deviation is 0.6 percent of it, so that the true number is below 2^32 with certainty for every practical
/// purpose.
const MAX_SEALS: u64 = 1 << 31;

/// An unwrapped data key of one owner, category and month: wiped when dropped. Use it and drop it.
pub struct DataKey {
    key: SecretKey,
    version: u32,
    cohort: Cohort,
    seals: AtomicU32,
    entropy: Arc<dyn Entropy>,
}

impl DataKey {
    /// Seals a value for one place.
    ///
    /// # Errors
    /// [`EncryptionError::TooLong`] above [`envelope::MAX_PLAINTEXT`]; [`EncryptionError::Exhausted`] beyond
    /// [`MAX_SEALS_AT_A_TIME`]; [`EncryptionError::Entropy`].
    pub fn seal(&self, place: &Place<'_>, plaintext: &[u8]) -> Result<Sealed, EncryptionError> {
        self.seals
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |seals| {
                (seals < MAX_SEALS_AT_A_TIME).then_some(seals + 1)
            })
            .map_err(|_| EncryptionError::Exhausted)?;
        let envelope = envelope::seal(&self.key, self.version, place, plaintext, self.entropy.as_ref())?;
        Ok(Sealed { cohort: self.cohort, envelope })
    }
}

impl std::fmt::Debug for DataKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DataKey").field("version", &self.version).finish_non_exhaustive()
    }
}

impl TenantKeys {
    /// The data key for what is collected at `moment` about `owner` in `category`. It is loaded into the draft, or made
    /// and staged there; either way the draft commits only if the key is still the same by then.
    ///
    /// # Errors
    /// [`EncryptionError::KeysChanged`] when the controller's keys were rotated meanwhile;
    /// [`EncryptionError::Storage`], [`EncryptionError::Authentication`]; [`EncryptionError::NotLoaded`] for a draft of
    /// another controller.
    pub async fn data_key_for_writing(
        &self,
        draft: &mut Draft<'_>,
        owner: Owner,
        category: &DataCategory,
        moment: Timestamp,
    ) -> Result<DataKey, EncryptionError> {
        if draft.controller() != self.controller() {
            // A mistake of the engine: nobody could open the key there.
            return Err(NotLoaded.into());
        }
        let place = Key::DataKey { owner, category: category.clone(), cohort: cohort_of(moment) };
        draft.load([place.clone()]).await?;
        let stored: Option<&DataKeyRow> = draft.row(&place)?;
        let usable = stored.and_then(|row| row.versions.first().filter(|key| key.seals < MAX_SEALS));
        let Some(newest) = usable else {
            let row = stored.cloned().unwrap_or(DataKeyRow { versions: Vec::new() });
            return self.make_data_key(draft, place, row).await;
        };
        let key = self.unwrap(&place, newest.version, &newest.key)?;
        let data_key = self.handle(key, newest.version, &place)?;
        if self.is_sampled()?
            && let Some(mut row) = stored.cloned()
        {
            if let Some(newest) = row.versions.first_mut() {
                let counted = u64::from(SAMPLED) * u64::from(MAX_SEALS_AT_A_TIME);
                newest.seals = newest.seals.saturating_add(counted);
            }
            // Losing one count of many is harmless, so nobody waits for the disk because of it.
            draft.put_relaxed(place, row, None)?;
        } else {
            draft.guard(&place)?;
        }
        Ok(data_key)
    }

    /// Makes a first key for a place, or the next one for a place whose key sealed as much as it may.
    async fn make_data_key(
        &self,
        draft: &mut Draft<'_>,
        place: Key,
        mut row: DataKeyRow,
    ) -> Result<DataKey, EncryptionError> {
        // A process that has not heard of a rotation would wrap the key by a tenant key that is about to go.
        draft.load([Key::Controller]).await?;
        let settings: &ControllerRow =
            draft.row(&Key::Controller)?.ok_or(EncryptionError::UnknownController)?;
        if settings.tenant_keys.first() != Some(&self.current_version()) {
            return Err(self.changed());
        }
        draft.guard(&Key::Controller)?;

        let key = SecretKey::generate(self.entropy().as_ref())?;
        let version = self.unused_version(&row)?;
        let wrapped = self.wrap(&place, version, &key)?;
        let now = self.now();
        row.versions.insert(0, DataKeyVersion { version, created_at: now, seals: 0, key: wrapped });
        let data_key = self.handle(key, version, &place)?;
        draft.put(place, row, None)?;
        Ok(data_key)
    }

    /// A random version: after a key was destroyed, another one at its place does not take its version for its own.
    fn unused_version(&self, row: &DataKeyRow) -> Result<u32, EncryptionError> {
        loop {
            let mut bytes = [0; 4];
            self.entropy().fill(&mut bytes)?;
            let version = u32::from_be_bytes(bytes) | 1 << 31;
            if row.versions.iter().all(|key| key.version != version) {
                return Ok(version);
            }
        }
    }

    fn is_sampled(&self) -> Result<bool, EncryptionError> {
        let mut bytes = [0; 4];
        self.entropy().fill(&mut bytes)?;
        Ok(u32::from_be_bytes(bytes).is_multiple_of(SAMPLED))
    }

    fn handle(&self, key: SecretKey, version: u32, place: &Key) -> Result<DataKey, EncryptionError> {
        let Key::DataKey { cohort, .. } = place else { return Err(EncryptionError::Corrupt) };
        let entropy = Arc::clone(self.entropy());
        Ok(DataKey { key, version, cohort: *cohort, seals: AtomicU32::new(0), entropy })
    }

    /// Where the data key that sealed a value is kept.
    #[must_use]
    pub fn data_key_of(owner: Owner, category: &DataCategory, sealed: &Sealed) -> Key {
        Key::DataKey { owner, category: category.clone(), cohort: sealed.cohort }
    }

    /// Opens a value that was sealed for this place. The data key, whose row stands at `key_place`, is unwrapped, used
    /// and wiped. Rows that are loaded before these keys were taken may be under a tenant key that is gone by now.
    ///
    /// # Errors
    /// [`EncryptionError::KeyMissing`] when the data key, or the tenant key that wraps it, was destroyed;
    /// [`EncryptionError::KeysChanged`] when the controller's keys were rotated meanwhile;
    /// [`EncryptionError::Authentication`] when the value or the key was altered or moved, whichever it was.
    pub fn open(
        &self,
        key_place: &Key,
        key_row: Option<&DataKeyRow>,
        place: &Place<'_>,
        sealed: &Sealed,
    ) -> Result<Zeroizing<Vec<u8>>, EncryptionError> {
        let version = envelope::key_version(&sealed.envelope)?;
        let row = key_row.ok_or(EncryptionError::KeyMissing)?;
        let found = row.versions.iter().find(|key| key.version == version);
        let wrapped = found.ok_or(EncryptionError::KeyMissing)?;
        match key_place {
            Key::DataKey { cohort, .. } if *cohort == sealed.cohort => {}
            _ => return Err(EncryptionError::Authentication),
        }
        scrubbing(|| {
            let key = self.unwrap_unscrubbed(key_place, version, &wrapped.key)?;
            envelope::open_unscrubbed(&key, version, place, &sealed.envelope)
        })
    }
}

/// The month of a moment, counted from January 1970.
#[must_use]
pub fn cohort_of(moment: Timestamp) -> Cohort {
    let date = moment.to_datetime();
    let months = (date.year() - 1970) * 12 + i32::try_from(date.month0()).unwrap_or(0);
    Cohort(u16::try_from(months).unwrap_or(u16::MAX))
}
