//! HashiCorp Vault transit: the adapter over a model of the engine's HTTP interface.
//!
//! Modelled: named keys with versions, `vault:v3:` ciphertexts, associated data (which a Vault before 1.13 ignores without
//! a word), `encrypt` that makes a missing key when the token may create, minimal versions and `trim`, deletion that
//! has to be allowed first, seals, limits, tokens.

mod service;

use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use wzapi_encryption::provider::{Destruction, KeyContext, WrappingKeyId};
use wzapi_encryption::secret::SecretKey;
use wzapi_encryption::{KeyProvider, KeyProviderError};
use zeroize::Zeroizing;

use self::service::{HttpError, Named, Rules, SOUND, Vault};
use super::sealing::{hex, joined};
use super::suite::{Setup, Trouble, key_provider_suite};

const PREFIX: &str = "wzapi-wrapping-";

/// The adapter: each generation is a named key of its own, since the versions of one named key can be destroyed from the
/// oldest on only. The name begins with a number that grows, and ends at random, so that two clients that generate at the
/// same time do not take the same name: Vault would give both the same key.
struct VaultTransit {
    service: Arc<Vault>,
}

impl VaultTransit {
    /// The names of our keys, oldest first. `LIST` answers 404 when there is none.
    async fn names(&self) -> Result<Vec<String>, KeyProviderError> {
        let mut names = match self.service.list().await {
            Ok(names) => names,
            Err(error) if is_absence(&error) => vec![],
            Err(error) => return Err(classified(error)),
        };
        names.retain(|name| name.starts_with(PREFIX));
        names.sort_unstable();
        Ok(names)
    }

    /// What a 400 means. Its text is for people and changes between releases, so the key is asked for instead.
    async fn explain(&self, error: HttpError, name: &str, otherwise: KeyProviderError) -> KeyProviderError {
        if error.status != 400 {
            return classified(error);
        }
        match self.service.read(name).await {
            Ok(_) => otherwise,
            Err(error) if is_absence(&error) => KeyProviderError::NoSuchKey,
            Err(error) => classified(error),
        }
    }
}

/// Nothing is there. A 404 that gives a reason is about the route, and says nothing about the key.
fn is_absence(error: &HttpError) -> bool {
    error.status == 404 && error.errors.is_empty()
}

/// By the status codes of Vault's HTTP interface.
fn classified(error: HttpError) -> KeyProviderError {
    match error.status {
        // 412: this node lags behind; 472, 473: a standby; 5xx: sealed, failing over, or in trouble.
        412 | 429 | 472 | 473 | 500..=599 => KeyProviderError::Unavailable(Box::new(error)),
        404 if error.errors.is_empty() => KeyProviderError::NoSuchKey,
        _ => KeyProviderError::Refused(Box::new(error)),
    }
}

/// Every name and value behind its length: JSON or a separator would have to be escaped.
fn associated_data(context: &KeyContext) -> String {
    BASE64.encode(joined(context.iter().flat_map(|(name, value)| [name.as_str(), value.as_str()])))
}

#[async_trait]
impl KeyProvider for VaultTransit {
    async fn generate(&self) -> Result<WrappingKeyId, KeyProviderError> {
        let newest = self.names().await?.pop();
        let number = newest.and_then(|name| name.get(PREFIX.len()..PREFIX.len() + 8)?.parse::<u32>().ok());
        let random = hex(&self.service.random::<6>());
        let name = format!("{PREFIX}{:08}-{random}", number.unwrap_or(0) + 1);
        self.service.create(&name).await.map_err(classified)?;
        Ok(WrappingKeyId(name))
    }

    async fn current(&self) -> Result<WrappingKeyId, KeyProviderError> {
        self.names().await?.pop().map(WrappingKeyId).ok_or(KeyProviderError::NoSuchKey)
    }

    async fn wrap(
        &self,
        wrapping_key: &WrappingKeyId,
        context: &KeyContext,
        key: &SecretKey,
    ) -> Result<Vec<u8>, KeyProviderError> {
        let (name, plaintext) = (&wrapping_key.0, Zeroizing::new(BASE64.encode(key.expose())));
        match self.service.encrypt(name, None, &plaintext, &associated_data(context)).await {
            Ok(ciphertext) => Ok(ciphertext.into_bytes()),
            Err(error) => {
                let otherwise = KeyProviderError::Refused(Box::new(HttpError {
                    status: error.status,
                    errors: error.errors.clone(),
                }));
                Err(self.explain(error, name, otherwise).await)
            }
        }
    }

    async fn unwrap(
        &self,
        wrapping_key: &WrappingKeyId,
        context: &KeyContext,
        wrapped: &[u8],
    ) -> Result<SecretKey, KeyProviderError> {
        let name = &wrapping_key.0;
        let ciphertext = String::from_utf8_lossy(wrapped);
        let plaintext = match self.service.decrypt(name, &ciphertext, &associated_data(context)).await {
            Ok(plaintext) => plaintext,
            Err(error) => return Err(self.explain(error, name, KeyProviderError::Authentication).await),
        };
        let bytes = Zeroizing::new(BASE64.decode(&*plaintext).map_err(|_| KeyProviderError::Authentication)?);
        let bytes: &[u8; 32] = bytes.as_slice().try_into().map_err(|_| KeyProviderError::Authentication)?;
        Ok(SecretKey::from_bytes(bytes))
    }

    async fn destroy(&self, wrapping_key: &WrappingKeyId) -> Result<Destruction, KeyProviderError> {
        let name = &wrapping_key.0;
        let names = self.names().await?;
        if names.last() == Some(name) {
            return Err(KeyProviderError::StillCurrent);
        }
        // Only our own: the mount may hold keys of others.
        if !names.contains(name) {
            return Err(KeyProviderError::NoSuchKey);
        }
        let allowed = self.service.configure(name, |key| key.deletion_allowed = true).await;
        let outcome = match allowed {
            Ok(()) => self.service.delete(name).await,
            Err(error) => Err(error),
        };
        match outcome {
            Ok(()) => Ok(Destruction::Done),
            // Another client was faster, or Vault does not want to.
            Err(error) => {
                let otherwise = KeyProviderError::Unavailable(Box::new(HttpError {
                    status: error.status,
                    errors: error.errors.clone(),
                }));
                Err(self.explain(error, name, otherwise).await)
            }
        }
    }
}

pub(crate) struct Mount(Arc<Vault>);

impl Mount {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(Arc::new(Vault::new(SOUND))))
    }

    fn with(rules: Rules) -> Arc<Self> {
        Arc::new(Self(Arc::new(Vault::new(rules))))
    }

    /// A Vault before 1.13.
    pub(crate) fn without_associated_data() -> Arc<Self> {
        Self::with(Rules { knows_associated_data: false, ..SOUND })
    }

    /// A token that may create keys by encrypting with them.
    pub(crate) fn with_creation_by_encrypting() -> Arc<Self> {
        Self::with(Rules { may_create_by_encrypting: true, ..SOUND })
    }
}

impl Setup for Mount {
    fn client(&self) -> Arc<dyn KeyProvider> {
        Arc::new(VaultTransit { service: self.0.clone() })
    }

    fn set_trouble(&self, trouble: Option<Trouble>) -> bool {
        self.0.weather.set(trouble);
        true
    }
}

key_provider_suite!(conformance, Mount::new());

/// What seems to be the obvious adapter: one named key, a version for each generation. [`super::flawed`] shows what is
/// wrong with it.
pub(crate) struct ByVersions(Arc<Vault>);

const ONLY: &str = "wzapi-wrapping";

impl ByVersions {
    fn version(id: &WrappingKeyId) -> Result<u32, KeyProviderError> {
        id.0.strip_prefix('v').and_then(|version| version.parse().ok()).ok_or(KeyProviderError::NoSuchKey)
    }

    async fn is_live(&self, version: u32) -> Result<(), KeyProviderError> {
        let keys = self.0.request(false).await.map_err(classified)?;
        let is_live = keys.get(ONLY).is_some_and(|key| key.versions.contains_key(&version));
        if is_live { Ok(()) } else { Err(KeyProviderError::NoSuchKey) }
    }
}

#[async_trait]
impl KeyProvider for ByVersions {
    async fn generate(&self) -> Result<WrappingKeyId, KeyProviderError> {
        match self.0.read(ONLY).await {
            Ok(_) => self.0.rotate(ONLY).await.map_err(classified)?,
            Err(error) if is_absence(&error) => self.0.create(ONLY).await.map_err(classified)?,
            Err(error) => return Err(classified(error)),
        }
        self.current().await
    }

    async fn current(&self) -> Result<WrappingKeyId, KeyProviderError> {
        let latest = self.0.read(ONLY).await.map_err(classified)?;
        Ok(WrappingKeyId(format!("v{latest}")))
    }

    async fn wrap(
        &self,
        wrapping_key: &WrappingKeyId,
        context: &KeyContext,
        key: &SecretKey,
    ) -> Result<Vec<u8>, KeyProviderError> {
        let version = Self::version(wrapping_key)?;
        self.is_live(version).await?;
        let plaintext = Zeroizing::new(BASE64.encode(key.expose()));
        let made = self.0.encrypt(ONLY, Some(version), &plaintext, &associated_data(context)).await;
        made.map(String::into_bytes).map_err(classified)
    }

    async fn unwrap(
        &self,
        wrapping_key: &WrappingKeyId,
        context: &KeyContext,
        wrapped: &[u8],
    ) -> Result<SecretKey, KeyProviderError> {
        self.is_live(Self::version(wrapping_key)?).await?;
        let ciphertext = String::from_utf8_lossy(wrapped);
        let plaintext = self.0.decrypt(ONLY, &ciphertext, &associated_data(context)).await;
        let plaintext = plaintext.map_err(|error| match error.status {
            400 => KeyProviderError::Authentication,
            _ => classified(error),
        })?;
        let bytes = BASE64.decode(&*plaintext).unwrap();
        Ok(SecretKey::from_bytes(bytes.as_slice().try_into().unwrap()))
    }

    async fn destroy(&self, wrapping_key: &WrappingKeyId) -> Result<Destruction, KeyProviderError> {
        let version = Self::version(wrapping_key)?;
        self.is_live(version).await?;
        if self.current().await? == *wrapping_key {
            return Err(KeyProviderError::StillCurrent);
        }
        let set =
            move |key: &mut Named| (key.min_decryption, key.min_encryption) = (version + 1, version + 1);
        self.0.configure(ONLY, set).await.map_err(classified)?;
        self.0.trim(ONLY, version + 1).await.map_err(classified)?;
        Ok(Destruction::Done)
    }
}

pub(crate) struct VersionsMount(Arc<Vault>);

impl VersionsMount {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(Arc::new(Vault::new(SOUND))))
    }
}

impl Setup for VersionsMount {
    fn client(&self) -> Arc<dyn KeyProvider> {
        Arc::new(ByVersions(self.0.clone()))
    }

    fn set_trouble(&self, trouble: Option<Trouble>) -> bool {
        self.0.weather.set(trouble);
        true
    }
}

fn context() -> KeyContext {
    KeyContext::from([("purpose".to_owned(), "wzapi-tenant-key".to_owned())])
}

fn secret() -> SecretKey {
    SecretKey::from_bytes(&[7; 32])
}

#[tokio::test]
async fn versions_of_one_key_go_from_the_oldest_on_and_in_no_other_order() {
    let vault = Vault::new(SOUND);
    vault.create("k").await.unwrap();
    vault.rotate("k").await.unwrap();
    vault.rotate("k").await.unwrap();
    let mut made = Vec::new();
    for version in 1..=3 {
        made.push(vault.encrypt("k", Some(version), "AAAA", "").await.unwrap());
        assert!(made.last().unwrap().starts_with(&format!("vault:v{version}:")));
    }
    assert!(vault.trim("k", 2).await.is_err(), "before minimal versions are set");
    vault.configure("k", |key| (key.min_decryption, key.min_encryption) = (3, 3)).await.unwrap();
    // Too old for the policy, but not gone: the policy can be set back.
    assert!(vault.decrypt("k", &made[1], "").await.is_err());
    vault.configure("k", |key| key.min_decryption = 1).await.unwrap();
    assert!(vault.decrypt("k", &made[1], "").await.is_ok());
    // To destroy version 2, version 1 has to go with it.
    vault.configure("k", |key| key.min_decryption = 3).await.unwrap();
    vault.trim("k", 3).await.unwrap();
    vault.configure("k", |key| key.min_decryption = 1).await.unwrap();
    assert!(
        vault.decrypt("k", &made[0], "").await.is_err() && vault.decrypt("k", &made[1], "").await.is_err()
    );
    assert!(vault.decrypt("k", &made[2], "").await.is_ok());
    assert!(vault.trim("k", 2).await.is_err(), "nothing comes back");
}

#[tokio::test]
async fn a_missing_mount_and_a_dead_token_are_no_missing_keys() {
    let mount = Mount::new();
    let provider = mount.client();
    let id = provider.generate().await.unwrap();
    let wrapped = provider.wrap(&id, &context(), &secret()).await.unwrap();
    assert_eq!(wrapped.len(), "vault:v1:".len() + 80);
    for rules in [Rules { is_mounted: false, ..SOUND }, Rules { is_known: false, ..SOUND }] {
        *mount.0.rules.lock().unwrap() = rules;
        let outcomes = [
            provider.current().await.err(),
            provider.unwrap(&id, &context(), &wrapped).await.err(),
            provider.wrap(&id, &context(), &secret()).await.err(),
            provider.destroy(&id).await.err(),
        ];
        for outcome in outcomes {
            assert!(matches!(outcome, Some(KeyProviderError::Refused(_))), "{outcome:?}");
        }
    }
    *mount.0.rules.lock().unwrap() = SOUND;
    assert_eq!(provider.unwrap(&id, &context(), &wrapped).await.unwrap().expose(), secret().expose());
}

#[tokio::test]
async fn two_that_destroy_the_same_key_both_learn_that_it_is_gone() {
    let mount = Mount::new();
    let (one, other) = (mount.client(), mount.client());
    let id = one.generate().await.unwrap();
    one.generate().await.unwrap();
    let outcomes = tokio::join!(one.destroy(&id), other.destroy(&id));
    for outcome in [outcomes.0, outcomes.1] {
        assert!(matches!(outcome, Ok(Destruction::Done) | Err(KeyProviderError::NoSuchKey)), "{outcome:?}");
    }
}
