//! Providers that break one sentence of the contract each, and the case of that sentence, which has to notice.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use ring::digest;
use wzapi_encryption::provider::{Destruction, KeyContext, WrappingKeyId};
use wzapi_encryption::secret::SecretKey;
use wzapi_encryption::{KeyProvider, KeyProviderError};
use wzapi_model::system::SystemEntropy;
use wzapi_model::time::{Clock, ManualClock};
use wzapi_model::{Entropy, Timestamp};

use super::sealing::{NONCE, hex, joined, open, seal};
use super::suite::{CASES, Setup, Trouble, key_provider_suite};
use super::trouble::{Weather, travel};
use super::{pkcs11, vault_transit};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Flaw {
    None,
    GivesNamesAgain,
    IsNotReadyAtOnce,
    CurrentIsTheFirst,
    RemembersTheCurrentKeyOnly,
    PointsAtAKeyThatItThenDoesNotMake,
    MakesAKeyWhenAskedForTheCurrentOne,
    OpensUnderTheCurrentKeyOnly,
    IgnoresTheContext,
    JoinsTheContextWithoutLengths,
    CutsTheContext,
    FoldsTheCaseOfTheContext,
    OpensUnderAnyKey,
    DoesNotAuthenticate,
    CallsShortInputAnOutage,
    UsesOneNonce,
    DerivesTheNonce,
    WritesTheKey,
    WrapsUnderTheCurrentKeyInstead,
    RefusesEarlierKeys,
    MakesMissingKeys,
    CallsAnUnknownKeyAnOutage,
    DestroysTheCurrentKey,
    RemembersDestroyedKeys,
    DestroysOlderKeysToo,
    OpensWhilePending,
    BeginsTheWaitingAnew,
    IsDoneForever,
    CallsAnOutageALostKey,
    CallsAnOutageAnAlteredKey,
    CallsThrottlingARefusal,
    GivesOneNameToTwo,
    ShowsTheKey,
}

/// Which case notices which flaw.
const FLAWS: &[(Flaw, &str)] = &[
    (Flaw::GivesNamesAgain, "fresh_keys"),
    (Flaw::IsNotReadyAtOnce, "fresh_keys"),
    (Flaw::CurrentIsTheFirst, "newest_is_current"),
    (Flaw::RemembersTheCurrentKeyOnly, "newest_is_current"),
    (Flaw::PointsAtAKeyThatItThenDoesNotMake, "failing_to_generate"),
    (Flaw::MakesAKeyWhenAskedForTheCurrentOne, "before_the_first_key"),
    (Flaw::OpensUnderTheCurrentKeyOnly, "round_trip"),
    (Flaw::IgnoresTheContext, "bound_to_its_context"),
    (Flaw::JoinsTheContextWithoutLengths, "bound_to_its_context"),
    (Flaw::CutsTheContext, "bound_to_its_context"),
    (Flaw::FoldsTheCaseOfTheContext, "bound_to_its_context"),
    (Flaw::OpensUnderAnyKey, "bound_to_its_key"),
    (Flaw::DoesNotAuthenticate, "tamper_evident"),
    (Flaw::CallsShortInputAnOutage, "tamper_evident"),
    (Flaw::UsesOneNonce, "never_twice_the_same"),
    (Flaw::DerivesTheNonce, "never_twice_the_same"),
    (Flaw::WritesTheKey, "hides_the_key"),
    (Flaw::WrapsUnderTheCurrentKeyInstead, "earlier_keys"),
    (Flaw::RefusesEarlierKeys, "earlier_keys"),
    (Flaw::MakesMissingKeys, "unknown_keys"),
    (Flaw::CallsAnUnknownKeyAnOutage, "unknown_keys"),
    (Flaw::DestroysTheCurrentKey, "the_current_key_stays"),
    (Flaw::RemembersDestroyedKeys, "destroyed_at_once_for_us"),
    (Flaw::DestroysOlderKeysToo, "destroyed_at_once_for_us"),
    (Flaw::OpensWhilePending, "destroyed_at_once_for_us"),
    (Flaw::BeginsTheWaitingAnew, "repeatable"),
    (Flaw::IsDoneForever, "repeatable"),
    (Flaw::CallsAnOutageALostKey, "unavailable_means_nothing"),
    (Flaw::CallsAnOutageAnAlteredKey, "unavailable_means_nothing"),
    (Flaw::CallsThrottlingARefusal, "unavailable_means_nothing"),
    (Flaw::GivesOneNameToTwo, "concurrent_use"),
    (Flaw::ShowsTheKey, "silent"),
];

#[derive(Clone)]
struct Key {
    material: [u8; 32],
    goes_at: Option<Timestamp>,
}

#[derive(Default)]
struct Store {
    keys: BTreeMap<String, Key>,
    /// Every name there ever was, oldest first.
    order: Vec<String>,
}

struct Service {
    store: Mutex<Store>,
    weather: Weather,
    clock: ManualClock,
    flaw: Flaw,
}

/// A client of a small provider that keeps keys for seven days after their destruction.
struct Client {
    service: Arc<Service>,
    seen: Mutex<BTreeMap<String, [u8; 32]>>,
    made_here: Mutex<Vec<String>>,
}

#[derive(Debug, thiserror::Error)]
#[error("the service is in trouble {0}")]
struct Problem(String);

fn unavailable() -> KeyProviderError {
    KeyProviderError::Unavailable(Box::new(Problem(String::new())))
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    SystemEntropy::new().fill(&mut bytes).unwrap();
    bytes
}

impl Client {
    fn flaw(&self) -> Flaw {
        self.service.flaw
    }

    /// One request.
    async fn request(&self, decrypts: bool) -> Result<(), KeyProviderError> {
        travel().await;
        match self.service.weather.strikes(decrypts) {
            None => Ok(()),
            Some(Trouble::Throttled { .. }) if self.flaw() == Flaw::CallsThrottlingARefusal => {
                Err(KeyProviderError::Refused(Box::new(Problem(String::new()))))
            }
            Some(_) if self.flaw() == Flaw::CallsAnOutageALostKey => Err(KeyProviderError::NoSuchKey),
            Some(Trouble::NoDecryption) if self.flaw() == Flaw::CallsAnOutageAnAlteredKey => {
                Err(KeyProviderError::Authentication)
            }
            Some(_) => Err(unavailable()),
        }
    }

    /// The key, if it may be used.
    fn usable(&self, id: &str) -> Result<[u8; 32], KeyProviderError> {
        let mut store = self.service.store.lock().unwrap();
        let now = self.service.clock.now();
        store.keys.retain(|_, key| key.goes_at.is_none_or(|at| at > now));
        if self.flaw() == Flaw::RemembersDestroyedKeys
            && let Some(material) = self.seen.lock().unwrap().get(id)
        {
            return Ok(*material);
        }
        if self.flaw() == Flaw::MakesMissingKeys && !store.keys.contains_key(id) {
            store.keys.insert(id.to_owned(), Key { material: random(), goes_at: None });
        }
        match store.keys.get(id) {
            Some(key) if key.goes_at.is_none() || self.flaw() == Flaw::OpensWhilePending => {
                self.seen.lock().unwrap().insert(id.to_owned(), key.material);
                Ok(key.material)
            }
            None if self.flaw() == Flaw::CallsAnUnknownKeyAnOutage => Err(unavailable()),
            _ => Err(KeyProviderError::NoSuchKey),
        }
    }

    fn newest(&self) -> Result<String, KeyProviderError> {
        let store = self.service.store.lock().unwrap();
        let newest = match self.flaw() {
            Flaw::CurrentIsTheFirst => store.order.first().cloned(),
            Flaw::RemembersTheCurrentKeyOnly => {
                self.made_here.lock().unwrap().last().or(store.order.first()).cloned()
            }
            _ => store.order.last().cloned(),
        };
        newest.ok_or(KeyProviderError::NoSuchKey)
    }

    fn bound_to(&self, id: &str, context: &KeyContext) -> Vec<u8> {
        let pairs = context.iter().flat_map(|(name, value)| [name.as_str(), value.as_str()]);
        let all: Vec<&str> = std::iter::once(id).chain(pairs).collect();
        match self.flaw() {
            Flaw::IgnoresTheContext => joined([id]),
            Flaw::JoinsTheContextWithoutLengths => all.concat().into_bytes(),
            Flaw::CutsTheContext => joined(all).into_iter().take(256).collect(),
            Flaw::FoldsTheCaseOfTheContext => joined(all).to_ascii_lowercase(),
            Flaw::OpensUnderAnyKey => joined(all.into_iter().skip(1)),
            _ => joined(all),
        }
    }

    fn stream(key: &[u8; 32], nonce: &[u8], bound_to: &[u8], input: &[u8]) -> Vec<u8> {
        let stream = digest::digest(&digest::SHA256, &[key, nonce, bound_to].concat());
        input.iter().zip(stream.as_ref()).map(|(byte, mask)| byte ^ mask).collect()
    }
}

#[async_trait]
impl KeyProvider for Client {
    async fn generate(&self) -> Result<WrappingKeyId, KeyProviderError> {
        self.request(false).await?;
        let count = self.service.store.lock().unwrap().order.len();
        let name = match self.flaw() {
            Flaw::GivesNamesAgain => format!("key-{}", self.made_here.lock().unwrap().len()),
            Flaw::GivesOneNameToTwo => format!("key-{count}"),
            _ => format!("key-{}", hex(&random::<8>())),
        };
        if self.flaw() == Flaw::PointsAtAKeyThatItThenDoesNotMake {
            self.service.store.lock().unwrap().order.push(name.clone());
        }
        self.request(false).await?;
        let mut store = self.service.store.lock().unwrap();
        store.keys.insert(name.clone(), Key { material: random(), goes_at: None });
        if self.flaw() != Flaw::PointsAtAKeyThatItThenDoesNotMake {
            store.order.push(name.clone());
        }
        self.made_here.lock().unwrap().push(name.clone());
        Ok(WrappingKeyId(name))
    }

    async fn current(&self) -> Result<WrappingKeyId, KeyProviderError> {
        self.request(false).await?;
        match self.newest() {
            Err(KeyProviderError::NoSuchKey) if self.flaw() == Flaw::MakesAKeyWhenAskedForTheCurrentOne => {
                self.generate().await
            }
            newest => newest.map(WrappingKeyId),
        }
    }

    async fn wrap(
        &self,
        wrapping_key: &WrappingKeyId,
        context: &KeyContext,
        key: &SecretKey,
    ) -> Result<Vec<u8>, KeyProviderError> {
        self.request(false).await?;
        let id = &wrapping_key.0;
        if self.flaw() == Flaw::IsNotReadyAtOnce && !self.seen.lock().unwrap().contains_key(id) {
            self.usable(id)?;
            return Err(unavailable());
        }
        let (mut material, bound_to) = (self.usable(id)?, self.bound_to(id, context));
        if self.flaw() == Flaw::RefusesEarlierKeys && self.newest()? != *id {
            return Err(KeyProviderError::Refused(Box::new(Problem(String::new()))));
        }
        if self.flaw() == Flaw::WrapsUnderTheCurrentKeyInstead {
            material = self.usable(&self.newest()?)?;
        }
        let nonce: [u8; NONCE] = match self.flaw() {
            Flaw::UsesOneNonce => [0; NONCE],
            Flaw::DerivesTheNonce => {
                let digest = digest::digest(&digest::SHA256, &[key.expose(), &bound_to[..]].concat());
                *digest.as_ref().first_chunk().unwrap()
            }
            _ => random(),
        };
        let sealed = match self.flaw() {
            Flaw::DoesNotAuthenticate => Self::stream(&material, &nonce, &bound_to, key.expose()),
            Flaw::WritesTheKey => {
                let text = hex(key.expose()).into_bytes();
                [seal(&material, nonce, &bound_to, key.expose()), text].concat()
            }
            _ => seal(&material, nonce, &bound_to, key.expose()),
        };
        Ok([&nonce[..], &sealed].concat())
    }

    async fn unwrap(
        &self,
        wrapping_key: &WrappingKeyId,
        context: &KeyContext,
        wrapped: &[u8],
    ) -> Result<SecretKey, KeyProviderError> {
        self.request(true).await?;
        let id = &wrapping_key.0;
        let (material, bound_to) = (self.usable(id)?, self.bound_to(id, context));
        if self.flaw() == Flaw::OpensUnderTheCurrentKeyOnly && self.newest()? != *id {
            return Err(KeyProviderError::NoSuchKey);
        }
        let Some((nonce, sealed)) = wrapped.split_first_chunk::<NONCE>() else {
            let is_outage = self.flaw() == Flaw::CallsShortInputAnOutage;
            return Err(if is_outage { unavailable() } else { KeyProviderError::Authentication });
        };
        let opened = match self.flaw() {
            Flaw::DoesNotAuthenticate => Some(Self::stream(&material, nonce, &bound_to, sealed)),
            Flaw::WritesTheKey if sealed.len() > 64 => {
                open(&material, *nonce, &bound_to, &sealed[..sealed.len() - 64])
            }
            Flaw::OpensUnderAnyKey => {
                let all: Vec<_> = self.service.store.lock().unwrap().keys.values().cloned().collect();
                all.iter().find_map(|key| open(&key.material, *nonce, &bound_to, sealed))
            }
            _ => open(&material, *nonce, &bound_to, sealed),
        };
        if self.flaw() == Flaw::ShowsTheKey && opened.is_none() {
            let shown = Problem(format!("with {:?}", b"\xa5\xb6the bytes of a tenant key..\xc7\xd8\xe9"));
            return Err(KeyProviderError::Refused(Box::new(shown)));
        }
        let opened = opened.ok_or(KeyProviderError::Authentication)?;
        let bytes: &[u8; 32] = opened.as_slice().try_into().map_err(|_| KeyProviderError::Authentication)?;
        Ok(SecretKey::from_bytes(bytes))
    }

    async fn destroy(&self, wrapping_key: &WrappingKeyId) -> Result<Destruction, KeyProviderError> {
        self.request(false).await?;
        let id = &wrapping_key.0;
        if self.newest().is_ok_and(|newest| newest == *id) && self.flaw() != Flaw::DestroysTheCurrentKey {
            return Err(KeyProviderError::StillCurrent);
        }
        let now = self.service.clock.now();
        let goes_at = now.saturating_add(Duration::from_secs(7 * 24 * 3600));
        let mut store = self.service.store.lock().unwrap();
        store.keys.retain(|_, key| key.goes_at.is_none_or(|at| at > now));
        if self.flaw() == Flaw::DestroysOlderKeysToo {
            let Some(position) = store.order.iter().position(|name| name == id) else {
                return Err(KeyProviderError::NoSuchKey);
            };
            let older = store.order[..position].to_vec();
            store.keys.retain(|name, _| !older.contains(name));
        }
        let was_there = store.order.contains(id);
        match store.keys.get_mut(id) {
            Some(key) => {
                let begins = key.goes_at.is_none() || self.flaw() == Flaw::BeginsTheWaitingAnew;
                let at = if begins { goes_at } else { key.goes_at.unwrap_or(goes_at) };
                key.goes_at = Some(at);
                Ok(Destruction::PendingUntil(at))
            }
            None if self.flaw() == Flaw::IsDoneForever && was_there => Ok(Destruction::Done),
            None if self.flaw() == Flaw::CallsAnUnknownKeyAnOutage => Err(unavailable()),
            None => Err(KeyProviderError::NoSuchKey),
        }
    }
}

struct Small(Arc<Service>);

impl Small {
    fn with(flaw: Flaw) -> Arc<Self> {
        let clock = ManualClock::at("2026-11-22T12:00:00Z".parse().unwrap());
        let (store, weather) = (Mutex::default(), Weather::default());
        Arc::new(Self(Arc::new(Service { store, weather, clock, flaw })))
    }
}

impl Setup for Small {
    fn client(&self) -> Arc<dyn KeyProvider> {
        let (seen, made_here) = (Mutex::default(), Mutex::default());
        Arc::new(Client { service: self.0.clone(), seen, made_here })
    }

    fn clock(&self) -> Option<&ManualClock> {
        Some(&self.0.clock)
    }

    fn set_trouble(&self, trouble: Option<Trouble>) -> bool {
        self.0.weather.set(trouble);
        true
    }
}

key_provider_suite!(without_a_flaw, Small::with(Flaw::None));

/// Whether a case lets a provider pass.
async fn passes(case: &str, setup: Arc<dyn Setup>) -> bool {
    let (_, run) = CASES.iter().find(|(name, _)| *name == case).expect("a case of that name");
    match tokio::spawn(run(setup)).await {
        Ok(()) => true,
        Err(error) => {
            assert!(error.is_panic());
            false
        }
    }
}

#[tokio::test]
async fn each_flaw_is_noticed_by_the_case_of_its_sentence() {
    for (flaw, case) in FLAWS {
        assert!(!passes(case, Small::with(*flaw)).await, "{case} does not notice {flaw:?}");
    }
    let noticed: BTreeSet<_> = FLAWS.iter().map(|(_, case)| *case).collect();
    let cases: BTreeSet<_> = CASES.iter().map(|(case, _)| *case).collect();
    assert_eq!(noticed, cases, "every case can fail");
}

#[tokio::test]
async fn what_goes_wrong_with_real_services_is_noticed() {
    let services: [(&str, &str, Arc<dyn Setup>); 4] = [
        (
            "a Vault before 1.13 drops the associated data without a word",
            "bound_to_its_context",
            vault_transit::Mount::without_associated_data(),
        ),
        (
            "a Vault token with the capability to create makes destroyed keys anew by encrypting",
            "unknown_keys",
            vault_transit::Mount::with_creation_by_encrypting(),
        ),
        (
            "versions of one Vault key go only together with those before them",
            "destroyed_at_once_for_us",
            vault_transit::VersionsMount::new(),
        ),
        (
            "a token that takes the initialisation vector from its caller takes zeros too",
            "never_twice_the_same",
            pkcs11::Slot::with_constant_iv(),
        ),
    ];
    for (what, case, setup) in services {
        assert!(!passes(case, setup).await, "{case} does not notice that {what}");
    }
}
