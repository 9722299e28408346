//! AWS KMS: the adapter over a model of the service.
//!
//! Modelled: key identifiers, aliases, the encryption context, ciphertexts that name their key, key states, the waiting
//! period before deletion, keys replicated to a second Region, reads that lag behind writes, throttling.

mod service;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use wzapi_encryption::provider::{Destruction, KeyContext, WrappingKeyId};
use wzapi_encryption::secret::SecretKey;
use wzapi_encryption::{KeyProvider, KeyProviderError};
use wzapi_model::Timestamp;
use wzapi_model::time::{Clock, ManualClock};

use self::service::{Code, Exception, KeyState, Kms, LAG};
use super::suite::{Setup, Trouble, key_provider_suite};

const DAY: Duration = Duration::from_secs(24 * 3600);
const ALIAS: &str = "alias/wzapi-wrapping";
const WINDOW_DAYS: u32 = 7;
/// How often a write is looked for before the provider is called unavailable; a real adapter waits in between.
const POLLS: usize = 10;

/// The adapter: an alias names the current key, and each generation is a key of its own, since the versions that key
/// rotation makes inside one KMS key cannot be destroyed one by one.
struct AwsKms {
    service: Arc<Kms>,
    region: usize,
    /// Where else each key exists.
    replicas: Vec<usize>,
}

impl AwsKms {
    fn in_every_region(&self) -> impl Iterator<Item = usize> {
        std::iter::once(self.region).chain(self.replicas.iter().copied())
    }

    /// What an error says, where the state of the key matters for it.
    async fn explain(&self, error: Exception, id: &str) -> KeyProviderError {
        match error.0 {
            Code::KmsInvalidState => match self.service.describe_key(self.region, id).await {
                Ok((_, KeyState::PendingDeletion { .. } | KeyState::PendingReplicaDeletion { .. })) => {
                    KeyProviderError::NoSuchKey
                }
                // It was made this moment, or somebody changed it meanwhile.
                Ok(_) => KeyProviderError::Unavailable(Box::new(error)),
                Err(error) => classified(error),
            },
            _ => classified(error),
        }
    }

    /// Asks until the key is seen everywhere, since reads lag behind writes.
    async fn wait_for_key(&self, region: usize, id: &str) -> Result<(), KeyProviderError> {
        for _ in 0..POLLS {
            match self.service.describe_key(region, id).await {
                Ok((_, KeyState::Enabled)) => return Ok(()),
                Ok(_) | Err(Exception(Code::NotFound)) => {}
                Err(error) => return Err(classified(error)),
            }
        }
        Err(KeyProviderError::Unavailable(Box::new(Exception(Code::NotFound))))
    }

    async fn point_alias(&self, region: usize, id: &str) -> Result<(), KeyProviderError> {
        let moved = match self.service.update_alias(region, ALIAS, id).await {
            Err(Exception(Code::NotFound)) => match self.service.create_alias(region, ALIAS, id).await {
                // Somebody else made it first.
                Err(Exception(Code::AlreadyExists)) => self.service.update_alias(region, ALIAS, id).await,
                made => made,
            },
            moved => moved,
        };
        moved.map_err(classified)?;
        // More reads than lag behind; it may name somebody else's newer key by now.
        for _ in 0..=LAG {
            match self.service.describe_key(region, ALIAS).await {
                Ok((named, _)) if named == id => return Ok(()),
                Ok(_) | Err(Exception(Code::NotFound)) => {}
                Err(error) => return Err(classified(error)),
            }
        }
        Ok(())
    }
}

/// What another try may mend, what an operator has to mend, and what is final.
fn classified(error: Exception) -> KeyProviderError {
    match error.0 {
        Code::ConnectionRefused | Code::Throttling | Code::KmsInternal | Code::KmsInvalidState => {
            KeyProviderError::Unavailable(Box::new(error))
        }
        Code::NotFound => KeyProviderError::NoSuchKey,
        Code::InvalidCiphertext | Code::IncorrectKey => KeyProviderError::Authentication,
        Code::AlreadyExists | Code::Disabled | Code::AccessDenied | Code::Validation => {
            KeyProviderError::Refused(Box::new(error))
        }
    }
}

#[async_trait]
impl KeyProvider for AwsKms {
    async fn generate(&self) -> Result<WrappingKeyId, KeyProviderError> {
        let is_multi_region = !self.replicas.is_empty();
        let id = self.service.create_key(self.region, is_multi_region).await.map_err(classified)?;
        self.wait_for_key(self.region, &id).await?;
        for replica in &self.replicas {
            self.service.replicate_key(&id, self.region, *replica).await.map_err(classified)?;
            self.wait_for_key(*replica, &id).await?;
        }
        // Only a key that is everywhere becomes the current one anywhere.
        for region in self.in_every_region() {
            self.point_alias(region, &id).await?;
        }
        Ok(WrappingKeyId(id))
    }

    async fn current(&self) -> Result<WrappingKeyId, KeyProviderError> {
        let (id, _) = self.service.describe_key(self.region, ALIAS).await.map_err(classified)?;
        Ok(WrappingKeyId(id))
    }

    async fn wrap(
        &self,
        wrapping_key: &WrappingKeyId,
        context: &KeyContext,
        key: &SecretKey,
    ) -> Result<Vec<u8>, KeyProviderError> {
        match self.service.encrypt(self.region, &wrapping_key.0, context, key.expose()).await {
            Ok(blob) => Ok(blob),
            Err(error) => Err(self.explain(error, &wrapping_key.0).await),
        }
    }

    async fn unwrap(
        &self,
        wrapping_key: &WrappingKeyId,
        context: &KeyContext,
        wrapped: &[u8],
    ) -> Result<SecretKey, KeyProviderError> {
        // A ciphertext that KMS cannot read is refused before the key is looked at.
        let id = &wrapping_key.0;
        let opened = match self.service.decrypt(self.region, Some(id), context, wrapped).await {
            Ok(opened) => opened,
            Err(error @ Exception(Code::InvalidCiphertext)) => {
                return match self.service.describe_key(self.region, id).await {
                    Ok((_, KeyState::Enabled | KeyState::Disabled)) => Err(classified(error)),
                    Ok((_, KeyState::PendingDeletion { .. } | KeyState::PendingReplicaDeletion { .. })) => {
                        Err(KeyProviderError::NoSuchKey)
                    }
                    Err(error) => Err(classified(error)),
                };
            }
            Err(error) => return Err(self.explain(error, id).await),
        };
        let bytes: &[u8; 32] = opened.as_slice().try_into().map_err(|_| KeyProviderError::Authentication)?;
        Ok(SecretKey::from_bytes(bytes))
    }

    async fn destroy(&self, wrapping_key: &WrappingKeyId) -> Result<Destruction, KeyProviderError> {
        let id = wrapping_key.0.as_str();
        let (_, state) = self.service.describe_key(self.region, id).await.map_err(classified)?;
        match self.service.describe_key(self.region, ALIAS).await {
            Ok((current, _)) if current == id => return Err(KeyProviderError::StillCurrent),
            Ok(_) | Err(Exception(Code::NotFound)) => {}
            Err(error) => return Err(classified(error)),
        }
        // Replicas first: the waiting period of the primary key begins when they are gone.
        let mut replicas_gone = None;
        for region in self.replicas.iter().copied() {
            let moment = self.schedule(region, id).await?;
            replicas_gone = replicas_gone.max(moment);
        }
        if matches!(state, KeyState::Enabled | KeyState::Disabled) {
            self.schedule(self.region, id).await?;
        }
        match (self.service.describe_key(self.region, id).await, replicas_gone) {
            (Ok((_, KeyState::PendingDeletion { at })), _) => Ok(Destruction::PendingUntil(at)),
            (Ok((_, KeyState::PendingReplicaDeletion { window })), Some(replicas_gone)) => {
                Ok(Destruction::PendingUntil(replicas_gone.saturating_add(window)))
            }
            (Ok(_), _) => Err(KeyProviderError::Unavailable(Box::new(Exception(Code::KmsInvalidState)))),
            (Err(error), _) => Err(classified(error)),
        }
    }
}

impl AwsKms {
    /// Schedules a deletion unless it is scheduled. When the key goes; `None` when it is gone or waits for replicas.
    async fn schedule(&self, region: usize, id: &str) -> Result<Option<Timestamp>, KeyProviderError> {
        match self.service.schedule_key_deletion(region, id, WINDOW_DAYS).await {
            Ok(()) | Err(Exception(Code::KmsInvalidState | Code::NotFound)) => {}
            Err(error) => return Err(classified(error)),
        }
        match self.service.describe_key(region, id).await {
            Ok((_, KeyState::PendingDeletion { at })) => Ok(Some(at)),
            Ok(_) | Err(Exception(Code::NotFound)) => Ok(None),
            Err(error) => Err(classified(error)),
        }
    }
}

pub(crate) struct Account {
    service: Arc<Kms>,
    is_multi_region: bool,
}

impl Account {
    pub(crate) fn single_region() -> Arc<Self> {
        Arc::new(Self { service: Arc::new(Kms::new()), is_multi_region: false })
    }

    pub(crate) fn multi_region() -> Arc<Self> {
        Arc::new(Self { service: Arc::new(Kms::new()), is_multi_region: true })
    }

    fn adapter(&self) -> AwsKms {
        let replicas = if self.is_multi_region { vec![1] } else { vec![] };
        AwsKms { service: self.service.clone(), region: 0, replicas }
    }

    /// A client in the other Region, for when the first one is down.
    fn elsewhere(&self) -> AwsKms {
        AwsKms { service: self.service.clone(), region: 1, replicas: vec![] }
    }
}

impl Setup for Account {
    fn client(&self) -> Arc<dyn KeyProvider> {
        Arc::new(self.adapter())
    }

    fn clock(&self) -> Option<&ManualClock> {
        Some(&self.service.clock)
    }

    fn set_trouble(&self, trouble: Option<Trouble>) -> bool {
        for weather in &self.service.weather {
            weather.set(trouble);
        }
        true
    }
}

key_provider_suite!(single_region, Account::single_region());
key_provider_suite!(multi_region, Account::multi_region());

fn context() -> KeyContext {
    KeyContext::from([("purpose".to_owned(), "wzapi-tenant-key".to_owned())])
}

fn secret() -> SecretKey {
    SecretKey::from_bytes(&[7; 32])
}

#[tokio::test]
async fn a_deletion_can_be_cancelled_until_its_day_and_begun_anew() {
    let account = Account::single_region();
    let provider = account.adapter();
    let old = provider.generate().await.unwrap();
    let wrapped = provider.wrap(&old, &context(), &secret()).await.unwrap();
    provider.generate().await.unwrap();
    let first = provider.destroy(&old).await.unwrap();
    account.service.clock.advance(DAY * 6);
    assert!(matches!(provider.unwrap(&old, &context(), &wrapped).await, Err(KeyProviderError::NoSuchKey)));

    // Somebody saves it. It is disabled then: not lost, and not usable.
    account.service.cancel_key_deletion(0, &old.0).await.unwrap();
    let disabled = provider.unwrap(&old, &context(), &wrapped).await.unwrap_err();
    assert!(matches!(disabled, KeyProviderError::Refused(_)) && !disabled.is_retryable(), "{disabled:?}");
    account.service.set_state(0, &old.0, KeyState::Enabled).await.unwrap();
    assert_eq!(provider.unwrap(&old, &context(), &wrapped).await.unwrap().expose(), secret().expose());

    let second = provider.destroy(&old).await.unwrap();
    assert_ne!(first, second, "it begins anew, on a later day");
    account.service.clock.advance(DAY * 8);
    assert!(matches!(provider.destroy(&old).await, Err(KeyProviderError::NoSuchKey)));
    assert!(account.service.cancel_key_deletion(0, &old.0).await.is_err(), "nobody saves it any more");
}

#[tokio::test]
async fn what_an_operator_has_to_mend_is_told_from_what_another_try_mends() {
    let account = Account::single_region();
    let provider = account.adapter();
    let old = provider.generate().await.unwrap();
    provider.generate().await.unwrap();
    *account.service.denies_deletion.lock().unwrap() = true;
    let denied = provider.destroy(&old).await.unwrap_err();
    assert!(matches!(denied, KeyProviderError::Refused(_)), "{denied:?}");
    assert_eq!(std::error::Error::source(&denied).unwrap().to_string(), "AccessDeniedException");

    let too_long = KeyContext::from([("a".to_owned(), "b".repeat(400))]);
    let refused = provider.wrap(&old, &too_long, &secret()).await;
    assert!(matches!(refused, Err(KeyProviderError::Refused(_))));
}

#[tokio::test]
async fn with_keys_in_two_regions_one_may_be_down() {
    let account = Account::multi_region();
    let (home, elsewhere) = (account.adapter(), account.elsewhere());
    let id = home.generate().await.unwrap();
    let wrapped = home.wrap(&id, &context(), &secret()).await.unwrap();
    account.service.weather[0].set(Some(Trouble::Outage));

    assert!(matches!(home.current().await, Err(KeyProviderError::Unavailable(_))));
    assert_eq!(elsewhere.current().await.unwrap(), id);
    assert_eq!(elsewhere.unwrap(&id, &context(), &wrapped).await.unwrap().expose(), secret().expose());
    let made_elsewhere = elsewhere.wrap(&id, &context(), &secret()).await.unwrap();
    assert!(matches!(home.generate().await, Err(KeyProviderError::Unavailable(_))));

    account.service.weather[0].set(None);
    assert!(home.unwrap(&id, &context(), &made_elsewhere).await.is_ok());
}

#[tokio::test]
async fn a_key_in_two_regions_is_gone_when_it_is_gone_in_both() {
    let account = Account::multi_region();
    let (home, elsewhere) = (account.adapter(), account.elsewhere());
    let old = home.generate().await.unwrap();
    let wrapped = home.wrap(&old, &context(), &secret()).await.unwrap();
    home.generate().await.unwrap();
    let begun = account.service.clock.now();
    let pending = home.destroy(&old).await.unwrap();
    // Seven days for the replica, and seven more for the primary key.
    assert_eq!(pending, Destruction::PendingUntil(begun.saturating_add(DAY * 14)));
    assert!(matches!(elsewhere.unwrap(&old, &context(), &wrapped).await, Err(KeyProviderError::NoSuchKey)));
    account.service.clock.advance(DAY * 7);
    assert_eq!(home.destroy(&old).await.unwrap(), pending, "the replica is gone, the primary key is not");
    account.service.clock.advance(DAY * 7);
    assert!(matches!(home.destroy(&old).await, Err(KeyProviderError::NoSuchKey)));
}

#[tokio::test]
async fn a_ciphertext_without_the_name_of_the_key_would_open_under_any() {
    let service = Kms::new();
    let ids = [service.create_key(0, false).await.unwrap(), service.create_key(0, false).await.unwrap()];
    for id in &ids {
        while service.describe_key(0, id).await.is_err() {}
    }
    let blob = service.encrypt(0, &ids[0], &context(), secret().expose()).await.unwrap();
    assert!(service.decrypt(0, None, &context(), &blob).await.is_ok(), "why the adapter names the key");
    let other = service.decrypt(0, Some(&ids[1]), &context(), &blob).await.unwrap_err();
    assert_eq!(other.0, Code::IncorrectKey);
}
