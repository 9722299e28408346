//! The local keyring: wrapping keys in one file, for a machine without a key management service.
//!
//! ```
//! use std::sync::Arc;
//! use wzapi_encryption::keyring::{KeyringOptions, Passphrase, Protection};
//! use wzapi_model::system::SystemEntropy;
//!
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("keyring.json");
//! let options = KeyringOptions::new(Arc::new(SystemEntropy::new()))
//!     .passphrase(Passphrase::new("correct horse battery staple".to_owned())?);
//! # let options = options.iterations(100_000);
//! let keyring = options.open_or_create(&path)?;
//! assert!(matches!(keyring.status()?.protection, Protection::Passphrase { .. }));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Several processes may share one file. The file is the truth: it is read anew at every call, so that a key which
//! another process made is used and one which it destroyed is not, and no wrapping key stays in memory between calls.
//! Whoever changes it holds an advisory lock; readers need none, since the file is only ever replaced as a whole.
//! Calls are rare and the file is small, so its I/O runs inline: a call blocks its thread for the time of a read, a
//! change also for a sync and for as long as another process holds the lock, at most [`KeyringOptions::lock_wait`].
//!
//! # What it protects, and what not
//! The file is made with mode 0600, and refused when it is not a regular file, when others may read or write it, and on
//! Linux when it belongs to another user. Who has both this file and the data has everything, unless a passphrase
//! protects the file; then he has to guess that first.
//!
//! A copy of an old keyring defeats erasure by key destruction, and with a passphrase it does so for whoever knows the
//! one of that time: keep copies apart from backups of the data, and destroy them with the key. Destroying a key takes
//! its bytes out of the file, but the file system may keep the blocks of the former file, in a journal, a snapshot or
//! the spare area of a flash drive. Overwriting them is not tried, since on such systems it proves nothing. Where that
//! counts, use an encrypted volume, a passphrase, or a key management service.

mod disk;
mod error;
mod format;
mod keys;
mod passphrase;
mod status;

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use wzapi_model::entropy::{Entropy, EntropyError};
use wzapi_model::system::SystemClock;
use wzapi_model::time::Clock;

pub use self::error::KeyringError;
pub use self::passphrase::{DEFAULT_ITERATIONS, ITERATIONS, Passphrase};
pub use self::status::{KeyState, KeyStatus, KeyringStatus, Protection};

use self::disk::{Lock, Place};
use self::format::Parsed;
use self::keys::Keys;
use self::passphrase::Unlocked;
use crate::encoding::length_prefixed;
use crate::envelope::{open_from, seal_onto};
use crate::provider::{Destruction, KeyContext, KeyProvider, KeyProviderError, WrappingKeyId};
use crate::secret::SecretKey;

const WRAP_LABEL: &[u8] = b"wzapi/local-keyring/v1";
const DEFAULT_LOCK_WAIT: Duration = Duration::from_secs(5);
/// How often a name is drawn. Names of eight random bytes meet when randomness repeats itself, as that of tests does.
const NAME_ATTEMPTS: usize = 16;

/// How a keyring is opened.
#[derive(Clone)]
pub struct KeyringOptions {
    entropy: Arc<dyn Entropy>,
    clock: Arc<dyn Clock>,
    passphrase: Option<Passphrase>,
    iterations: u32,
    lock_wait: Duration,
}

impl KeyringOptions {
    /// Without a passphrase, with the system's clock.
    #[must_use]
    pub fn new(entropy: Arc<dyn Entropy>) -> Self {
        Self {
            entropy,
            clock: Arc::new(SystemClock),
            passphrase: None,
            iterations: DEFAULT_ITERATIONS,
            lock_wait: DEFAULT_LOCK_WAIT,
        }
    }

    /// The clock that says when a key was made, retired or destroyed.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// The passphrase of the file, or of the one that is made.
    #[must_use]
    pub fn passphrase(mut self, passphrase: Passphrase) -> Self {
        self.passphrase = Some(passphrase);
        self
    }

    /// How many iterations stretch a new passphrase, within [`ITERATIONS`]; [`DEFAULT_ITERATIONS`] when nothing is said.
    /// A file that is there already keeps its number until its passphrase is changed.
    #[must_use]
    pub fn iterations(mut self, iterations: u32) -> Self {
        self.iterations = iterations;
        self
    }

    /// How long a change waits while another process changes the file; five seconds when nothing is said.
    #[must_use]
    pub fn lock_wait(mut self, lock_wait: Duration) -> Self {
        self.lock_wait = lock_wait;
        self
    }

    /// Opens the keyring at `path`.
    ///
    /// # Errors
    /// [`KeyringError`]; [`KeyringError::Missing`] when there is none.
    pub fn open(&self, path: &Path) -> Result<LocalKeyring, KeyringError> {
        let place = Place::new(path)?;
        place.tidy();
        let bytes = place.read()?.ok_or(KeyringError::Missing)?;
        self.open_file(place, &bytes)
    }

    /// Opens the keyring at `path`, or makes one with a first key there. Of several processes that make one at the same
    /// time one does, and the others open it.
    ///
    /// # Errors
    /// [`KeyringError`], but not [`KeyringError::Missing`].
    pub fn open_or_create(&self, path: &Path) -> Result<LocalKeyring, KeyringError> {
        match self.open(path) {
            Err(KeyringError::Missing) => {}
            opened => return opened,
        }
        let place = Place::new(path)?;
        place.make_folder()?;
        let lock = place.lock(self.lock_wait)?;
        match place.read()? {
            Some(bytes) => self.open_file(place, &bytes),
            None => self.create(place, &lock),
        }
    }

    fn open_file(&self, place: Place, bytes: &[u8]) -> Result<LocalKeyring, KeyringError> {
        let parsed = Parsed::from_bytes(bytes)?;
        let unlocked = match (parsed.stretching()?, &self.passphrase) {
            (Some(stretching), Some(passphrase)) => Some(stretching.unlock(passphrase)?),
            (None, None) => None,
            (Some(_), None) => return Err(KeyringError::PassphraseRequired),
            (None, Some(_)) => return Err(KeyringError::NotProtected),
        };
        parsed.open(unlocked.as_ref())?;
        Ok(self.keyring(place, unlocked))
    }

    fn create(&self, place: Place, lock: &Lock) -> Result<LocalKeyring, KeyringError> {
        let unlocked = match &self.passphrase {
            Some(passphrase) => Some(Unlocked::new(passphrase, self.iterations, self.entropy.as_ref())?),
            None => None,
        };
        let (id, key) = new_key(self.entropy.as_ref())?;
        let keys = Keys::with_first(id, key, self.clock.now());
        place.replace(lock, &format::to_bytes(&keys, unlocked.as_ref(), self.entropy.as_ref())?)?;
        Ok(self.keyring(place, unlocked))
    }

    fn keyring(&self, place: Place, unlocked: Option<Unlocked>) -> LocalKeyring {
        LocalKeyring {
            place,
            entropy: Arc::clone(&self.entropy),
            clock: Arc::clone(&self.clock),
            iterations: self.iterations,
            lock_wait: self.lock_wait,
            unlocked: Mutex::new(unlocked),
        }
    }
}

impl fmt::Debug for KeyringOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyringOptions").field("passphrase", &self.passphrase).finish_non_exhaustive()
    }
}

/// Wrapping keys in a local file.
pub struct LocalKeyring {
    place: Place,
    entropy: Arc<dyn Entropy>,
    clock: Arc<dyn Clock>,
    iterations: u32,
    lock_wait: Duration,
    /// Held while the file is read, so that no reader sees a new file with the old passphrase's key.
    unlocked: Mutex<Option<Unlocked>>,
}

impl LocalKeyring {
    /// Opens the keyring at `path`, or makes one with a first key there, without a passphrase; [`KeyringOptions`] has
    /// the rest.
    ///
    /// # Errors
    /// [`KeyProviderError::Unusable`] when the file is protected, readable by others, malformed or of a newer format;
    /// [`KeyProviderError::Unavailable`] when it cannot be read or written.
    pub fn open_or_create(path: &Path, entropy: Arc<dyn Entropy>) -> Result<Self, KeyProviderError> {
        Ok(KeyringOptions::new(entropy).open_or_create(path)?)
    }

    /// Which keys there are, as the file has them now.
    ///
    /// # Errors
    /// [`KeyringError`].
    pub fn status(&self) -> Result<KeyringStatus, KeyringError> {
        let (parsed, keys) = self.read(&self.unlocked())?;
        Ok(KeyringStatus { protection: parsed.protection()?, keys: keys.status() })
    }

    /// Protects the file by another passphrase, or by its first one, stretched as [`KeyringOptions::iterations`] says.
    ///
    /// Other processes that have it open answer [`KeyringError::ProtectionChanged`] from then on, and have to open it
    /// anew. A copy of the former file still opens with the former passphrase: when that one is known to somebody who
    /// should not know it, rotate the wrapping key as well.
    ///
    /// # Errors
    /// [`KeyringError`].
    pub fn set_passphrase(&self, passphrase: &Passphrase) -> Result<(), KeyringError> {
        let stretched = Unlocked::new(passphrase, self.iterations, self.entropy.as_ref())?;
        self.protect(Some(stretched))
    }

    /// Leaves the keys in clear in the file.
    ///
    /// # Errors
    /// [`KeyringError`].
    pub fn remove_passphrase(&self) -> Result<(), KeyringError> {
        self.protect(None)
    }

    fn protect(&self, new: Option<Unlocked>) -> Result<(), KeyringError> {
        let lock = self.place.lock(self.lock_wait)?;
        let mut unlocked = self.unlocked();
        let (_, keys) = self.read(&unlocked)?;
        self.place.replace(&lock, &format::to_bytes(&keys, new.as_ref(), self.entropy.as_ref())?)?;
        *unlocked = new;
        Ok(())
    }

    /// Changes the keys as they are in the file now; when this answers, the change is durable.
    fn change<T, E: From<KeyringError>>(
        &self,
        change: impl FnOnce(&mut Keys) -> Result<T, E>,
    ) -> Result<T, E> {
        let lock = self.place.lock(self.lock_wait)?;
        let unlocked = self.unlocked();
        let (_, mut keys) = self.read(&unlocked)?;
        let answer = change(&mut keys)?;
        self.place.replace(&lock, &format::to_bytes(&keys, unlocked.as_ref(), self.entropy.as_ref())?)?;
        Ok(answer)
    }

    fn activate_new_key(&self, keys: &mut Keys) -> Result<WrappingKeyId, KeyringError> {
        for _ in 0..NAME_ATTEMPTS {
            let (id, key) = new_key(self.entropy.as_ref())?;
            if !keys.contains(&id) {
                keys.activate(id.clone(), key, self.clock.now())?;
                return Ok(id);
            }
        }
        Err(EntropyError.into())
    }

    fn keys(&self) -> Result<Keys, KeyringError> {
        Ok(self.read(&self.unlocked())?.1)
    }

    fn read(&self, unlocked: &Option<Unlocked>) -> Result<(Parsed, Keys), KeyringError> {
        let bytes = self.place.read()?.ok_or(KeyringError::Missing)?;
        let parsed = Parsed::from_bytes(&bytes)?;
        let keys = parsed.open(unlocked.as_ref())?;
        Ok((parsed, keys))
    }

    fn unlocked(&self) -> MutexGuard<'_, Option<Unlocked>> {
        self.unlocked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for LocalKeyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalKeyring")
            .field("is_protected", &self.unlocked().is_some())
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl KeyProvider for LocalKeyring {
    async fn generate(&self) -> Result<WrappingKeyId, KeyProviderError> {
        Ok(self.change(|keys| self.activate_new_key(keys))?)
    }

    async fn current(&self) -> Result<WrappingKeyId, KeyProviderError> {
        self.keys()?.current()
    }

    async fn wrap(
        &self,
        wrapping_key: &WrappingKeyId,
        context: &KeyContext,
        key: &SecretKey,
    ) -> Result<Vec<u8>, KeyProviderError> {
        let keys = self.keys()?;
        let wrapping_secret = keys.living(wrapping_key)?;
        let mut wrapped = Vec::with_capacity(60);
        let bound_to = associated_data(wrapping_key, context);
        seal_onto(&mut wrapped, wrapping_secret, &bound_to, key.expose(), self.entropy.as_ref())
            .map_err(|error| KeyProviderError::Unavailable(Box::new(error)))?;
        Ok(wrapped)
    }

    async fn unwrap(
        &self,
        wrapping_key: &WrappingKeyId,
        context: &KeyContext,
        wrapped: &[u8],
    ) -> Result<SecretKey, KeyProviderError> {
        let keys = self.keys()?;
        let wrapping_secret = keys.living(wrapping_key)?;
        let opened = open_from(wrapped, wrapping_secret, &associated_data(wrapping_key, context))
            .map_err(|_| KeyProviderError::Authentication)?;
        let bytes: &[u8; 32] = opened.as_slice().try_into().map_err(|_| KeyProviderError::Authentication)?;
        Ok(SecretKey::from_bytes(bytes))
    }

    async fn destroy(&self, wrapping_key: &WrappingKeyId) -> Result<Destruction, KeyProviderError> {
        self.change(|keys| keys.destroy(wrapping_key, self.clock.now()))?;
        Ok(Destruction::Done)
    }
}

fn new_key(entropy: &dyn Entropy) -> Result<(WrappingKeyId, SecretKey), KeyringError> {
    let mut random = [0; 8];
    entropy.fill(&mut random)?;
    let id = WrappingKeyId(format!("local-{:016x}", u64::from_be_bytes(random)));
    Ok((id, SecretKey::generate(entropy)?))
}

fn associated_data(wrapping_key: &WrappingKeyId, context: &KeyContext) -> Vec<u8> {
    let mut parts: Vec<&[u8]> = vec![WRAP_LABEL, wrapping_key.0.as_bytes()];
    for (name, value) in context {
        parts.push(name.as_bytes());
        parts.push(value.as_bytes());
    }
    length_prefixed(&parts)
}
