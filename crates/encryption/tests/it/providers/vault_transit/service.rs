//! A model of the transit engine of HashiCorp Vault.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use wzapi_model::Entropy;
use wzapi_model::system::SystemEntropy;
use zeroize::Zeroizing;

use crate::providers::sealing::{NONCE, open, seal};
use crate::providers::suite::Trouble;
use crate::providers::trouble::{Weather, travel};

/// An answer that is not a success: the status, and the texts in `errors`.
#[derive(Debug)]
pub(super) struct HttpError {
    pub(super) status: u16,
    pub(super) errors: Vec<&'static str>,
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Vault answered {}: {}", self.status, self.errors.join("; "))
    }
}

impl std::error::Error for HttpError {}

pub(super) type Answer<T> = Result<T, HttpError>;

pub(super) fn error<T>(status: u16, text: &'static str) -> Answer<T> {
    let errors = if text.is_empty() { vec![] } else { vec![text] };
    Err(HttpError { status, errors })
}

#[derive(Default)]
pub(super) struct Named {
    pub(super) versions: BTreeMap<u32, [u8; 32]>,
    latest: u32,
    pub(super) min_decryption: u32,
    pub(super) min_encryption: u32,
    min_available: u32,
    pub(super) deletion_allowed: bool,
}

/// What a policy and a release let a client do.
#[derive(Clone, Copy)]
pub(super) struct Rules {
    /// The token has the capability `create` on `transit/encrypt/*`.
    pub(super) may_create_by_encrypting: bool,
    /// Vault 1.13 or later.
    pub(super) knows_associated_data: bool,
    /// The token is valid.
    pub(super) is_known: bool,
    /// The engine is mounted where the adapter expects it.
    pub(super) is_mounted: bool,
}

pub(super) const SOUND: Rules =
    Rules { may_create_by_encrypting: false, knows_associated_data: true, is_known: true, is_mounted: true };

pub(super) struct Vault {
    keys: Mutex<BTreeMap<String, Named>>,
    pub(super) weather: Weather,
    pub(super) rules: Mutex<Rules>,
    entropy: SystemEntropy,
}

impl Vault {
    pub(super) fn new(rules: Rules) -> Self {
        Self {
            keys: Mutex::default(),
            weather: Weather::default(),
            rules: Mutex::new(rules),
            entropy: SystemEntropy::new(),
        }
    }

    pub(super) fn random<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.entropy.fill(&mut bytes).unwrap();
        bytes
    }

    pub(super) async fn request(&self, decrypts: bool) -> Answer<MutexGuard<'_, BTreeMap<String, Named>>> {
        travel().await;
        match self.weather.strikes(decrypts) {
            Some(Trouble::Outage) => return error(503, "Vault is sealed"),
            Some(Trouble::Throttled { .. }) => {
                return error(429, "request path \"transit\": rate limit quota exceeded");
            }
            Some(Trouble::NoDecryption) => return error(500, "internal error"),
            None => {}
        }
        let rules = *self.rules.lock().unwrap();
        if !rules.is_known {
            return error(403, "permission denied");
        }
        if !rules.is_mounted {
            return error(404, "no handler for route \"transit/\". route entry not found.");
        }
        Ok(self.keys.lock().unwrap())
    }

    /// `POST transit/keys/:name`. Of a key that is there already this changes nothing, and says nothing.
    pub(super) async fn create(&self, name: &str) -> Answer<()> {
        let mut keys = self.request(false).await?;
        keys.entry(name.to_owned()).or_insert_with(|| Named {
            versions: BTreeMap::from([(1, self.random())]),
            latest: 1,
            min_decryption: 1,
            ..Named::default()
        });
        Ok(())
    }

    /// `GET transit/keys/:name`: the latest version.
    pub(super) async fn read(&self, name: &str) -> Answer<u32> {
        let keys = self.request(false).await?;
        keys.get(name).map_or_else(|| error(404, ""), |key| Ok(key.latest))
    }

    /// `LIST transit/keys`.
    pub(super) async fn list(&self) -> Answer<Vec<String>> {
        let keys = self.request(false).await?;
        if keys.is_empty() { error(404, "") } else { Ok(keys.keys().cloned().collect()) }
    }

    /// `POST transit/keys/:name/rotate`.
    pub(super) async fn rotate(&self, name: &str) -> Answer<()> {
        let mut keys = self.request(false).await?;
        let Some(key) = keys.get_mut(name) else { return error(404, "") };
        key.latest += 1;
        key.versions.insert(key.latest, self.random());
        Ok(())
    }

    /// `POST transit/keys/:name/config` with one setting.
    pub(super) async fn configure(&self, name: &str, set: impl FnOnce(&mut Named) + Send) -> Answer<()> {
        let mut keys = self.request(false).await?;
        let Some(key) = keys.get_mut(name) else {
            return error(400, "no existing key named that could be found");
        };
        set(key);
        Ok(())
    }

    /// `POST transit/keys/:name/trim`: everything before a version goes, and nothing else can.
    pub(super) async fn trim(&self, name: &str, min_available: u32) -> Answer<()> {
        let mut keys = self.request(false).await?;
        let Some(key) = keys.get_mut(name) else { return error(400, "invalid key name") };
        if key.min_encryption == 0 || key.min_decryption == 0 {
            return error(
                400,
                "minimum available version cannot be set when minimum encryption version is not set",
            );
        }
        if min_available < key.min_available || min_available > key.min_decryption.min(key.min_encryption) {
            return error(400, "minimum available version cannot be greater than minimum decryption version");
        }
        key.min_available = min_available;
        key.versions.retain(|version, _| *version >= min_available);
        Ok(())
    }

    /// `DELETE transit/keys/:name`.
    pub(super) async fn delete(&self, name: &str) -> Answer<()> {
        let mut keys = self.request(false).await?;
        match keys.get(name) {
            None => error(400, "could not delete key; not found"),
            Some(key) if !key.deletion_allowed => {
                error(400, "error deleting policy: deletion is not allowed for this policy")
            }
            Some(_) => {
                keys.remove(name);
                Ok(())
            }
        }
    }

    /// `POST transit/encrypt/:name`.
    pub(super) async fn encrypt(
        &self,
        name: &str,
        version: Option<u32>,
        plaintext: &str,
        associated_data: &str,
    ) -> Answer<String> {
        let rules = *self.rules.lock().unwrap();
        let exists = self.request(false).await?.contains_key(name);
        if !exists {
            if !rules.may_create_by_encrypting {
                return error(400, "encryption key not found");
            }
            self.create(name).await?;
        }
        let keys = self.request(false).await?;
        let Some(key) = keys.get(name) else { return error(400, "encryption key not found") };
        let version = version.unwrap_or(key.latest);
        if version > key.latest {
            return error(400, "requested version for encryption is higher than the latest key version");
        }
        if version < key.min_encryption {
            return error(
                400,
                "requested version for encryption is less than the minimum encryption key version",
            );
        }
        let Some(material) = key.versions.get(&version) else { return error(400, "no such version") };
        let plaintext = Zeroizing::new(decoded(plaintext)?);
        let nonce = self.random::<NONCE>();
        let bound_to = if rules.knows_associated_data { decoded(associated_data)? } else { Vec::new() };
        let sealed = [&nonce[..], &seal(material, nonce, &bound_to, &plaintext)].concat();
        Ok(format!("vault:v{version}:{}", BASE64.encode(sealed)))
    }

    /// `POST transit/decrypt/:name`.
    pub(super) async fn decrypt(
        &self,
        name: &str,
        ciphertext: &str,
        associated_data: &str,
    ) -> Answer<Zeroizing<String>> {
        let rules = *self.rules.lock().unwrap();
        let keys = self.request(true).await?;
        let Some(key) = keys.get(name) else { return error(400, "encryption key not found") };
        let Some((version, sealed)) =
            ciphertext.strip_prefix("vault:v").and_then(|rest| rest.split_once(':'))
        else {
            return error(400, "invalid ciphertext: no prefix");
        };
        let Ok(version) = version.parse::<u32>() else {
            return error(400, "invalid ciphertext: version number could not be decoded");
        };
        if version > key.latest {
            return error(400, "invalid ciphertext: version is too new");
        }
        if version < key.min_decryption {
            return error(400, "ciphertext or signature version is disallowed by policy (too old)");
        }
        let Some(material) = key.versions.get(&version) else { return error(400, "no such version") };
        let sealed = decoded(sealed)?;
        let Some((nonce, sealed)) = sealed.split_first_chunk::<NONCE>() else {
            return error(400, "invalid ciphertext length");
        };
        let bound_to = if rules.knows_associated_data { decoded(associated_data)? } else { Vec::new() };
        match open(material, *nonce, &bound_to, sealed) {
            Some(plaintext) => Ok(Zeroizing::new(BASE64.encode(Zeroizing::new(plaintext)))),
            None => error(400, "cipher: message authentication failed"),
        }
    }
}

pub(super) fn decoded(text: &str) -> Answer<Vec<u8>> {
    BASE64.decode(text).or_else(|_| error(400, "failed to base64-decode"))
}
