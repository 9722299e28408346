//! PKCS#11: the adapter over a model of a token.
//!
//! Modelled: sessions and logins that are lost, object handles, AES-GCM with associated data and the three ways in which
//! tokens treat the initialisation vector, tokens that are taken out or exchanged.

mod service;

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use wzapi_encryption::provider::{Destruction, KeyContext, WrappingKeyId};
use wzapi_encryption::secret::SecretKey;
use wzapi_encryption::{KeyProvider, KeyProviderError};

pub(crate) use self::service::Iv;
use self::service::{Ckr, Rv, Token};
use super::sealing::{NONCE, hex, joined};
use super::suite::{Setup, Trouble, key_provider_suite};

const LABEL: &str = "wzapi-wrapping";
/// The name of a key is the hexadecimal `CKA_ID`: a number that grows, and random bytes.
const CK_ID: usize = 16;
const LONG_IV: usize = 16;

/// The adapter. The library blocks, so each call runs on a thread where it may.
#[derive(Clone)]
struct Pkcs11(Arc<Client>);

struct Client {
    token: Arc<Token>,
    serial: &'static str,
    pin: &'static str,
    session: Mutex<Option<u64>>,
    /// Leaves the initialisation vector at zero, as the examples of some vendors do.
    trusts_the_token_with_the_iv: bool,
}

/// A ciphertext with its initialisation vector.
struct Wrapped {
    iv: Vec<u8>,
    sealed: Vec<u8>,
}

impl Client {
    fn session(&self) -> Rv<u64> {
        let mut session = self.session.lock().unwrap();
        if let Some(session) = *session {
            return Ok(session);
        }
        // In the slot may be another token, on which our keys are not.
        if self.token.token_serial()? != self.serial {
            return Err(Ckr::ActionProhibited);
        }
        let opened = self.token.open_session()?;
        self.token.login(opened, self.pin)?;
        *session = Some(opened);
        Ok(opened)
    }

    fn forget(&self) {
        *self.session.lock().unwrap() = None;
    }

    /// Does something in a session; when the session turns out to be lost, once more in a new one. A wrong PIN is not
    /// tried again, since tokens lock.
    fn in_session<T>(&self, act: impl Fn(u64) -> Rv<T>) -> Result<T, KeyProviderError> {
        let mut outcome = self.session().and_then(&act);
        if let Err(Ckr::SessionHandleInvalid | Ckr::UserNotLoggedIn | Ckr::KeyHandleInvalid) = outcome {
            self.forget();
            outcome = self.session().and_then(&act);
        }
        outcome.map_err(|error| match error {
            Ckr::TokenNotPresent | Ckr::DeviceError | Ckr::SessionHandleInvalid | Ckr::UserNotLoggedIn => {
                self.forget();
                KeyProviderError::Unavailable(Box::new(error))
            }
            Ckr::KeyHandleInvalid => KeyProviderError::NoSuchKey,
            Ckr::EncryptedDataInvalid => KeyProviderError::Authentication,
            Ckr::MechanismParamInvalid | Ckr::PinIncorrect | Ckr::PinLocked | Ckr::ActionProhibited => {
                KeyProviderError::Refused(Box::new(error))
            }
        })
    }

    /// The handle of a key. Handles are good for a session, so it is looked for each time.
    fn handle(&self, session: u64, id: &WrappingKeyId) -> Rv<u64> {
        let Some(ck_id) = ck_id_of(id) else { return Err(Ckr::KeyHandleInvalid) };
        let found = self.token.find_objects(session, LABEL, Some(&ck_id))?;
        found.first().map(|(handle, _)| *handle).ok_or(Ckr::KeyHandleInvalid)
    }

    fn newest(&self, session: u64) -> Rv<Option<Vec<u8>>> {
        let found = self.token.find_objects(session, LABEL, None)?;
        Ok(found.into_iter().map(|(_, ck_id)| ck_id).max())
    }

    fn generate(&self) -> Result<WrappingKeyId, KeyProviderError> {
        let random: [u8; 8] = self.token.random();
        self.in_session(|session| {
            let newest = self.newest(session)?;
            let number = newest.and_then(|id| id.first_chunk().copied().map(u64::from_be_bytes));
            let ck_id = [(number.unwrap_or(0) + 1).to_be_bytes(), random].concat();
            self.token.generate_key(session, LABEL, &ck_id)?;
            Ok(WrappingKeyId(hex(&ck_id)))
        })
    }

    fn current(&self) -> Result<WrappingKeyId, KeyProviderError> {
        let newest = self.in_session(|session| self.newest(session))?;
        newest.map(|ck_id| WrappingKeyId(hex(&ck_id))).ok_or(KeyProviderError::NoSuchKey)
    }

    fn wrap(&self, id: &WrappingKeyId, aad: &[u8], key: &SecretKey) -> Result<Vec<u8>, KeyProviderError> {
        let Wrapped { iv, sealed } = self.in_session(|session| {
            let handle = self.handle(session, id)?;
            self.encrypted(session, handle, aad, key.expose())
        })?;
        Ok([&[u8::try_from(iv.len()).unwrap()], &iv[..], &sealed].concat())
    }

    fn encrypted(&self, session: u64, key: u64, aad: &[u8], plaintext: &[u8]) -> Rv<Wrapped> {
        let mut iv = if self.trusts_the_token_with_the_iv || self.token.iv == Iv::IntoBuffer {
            [0; NONCE]
        } else {
            self.token.random()
        };
        let mut sealed = self.token.encrypt(session, key, &mut iv, aad, plaintext)?;
        let iv = match self.token.iv {
            Iv::FromCaller | Iv::IntoBuffer => iv.to_vec(),
            Iv::Appended => sealed.split_off(sealed.len() - LONG_IV),
        };
        Ok(Wrapped { iv, sealed })
    }

    fn unwrap(&self, id: &WrappingKeyId, aad: &[u8], wrapped: &[u8]) -> Result<SecretKey, KeyProviderError> {
        let (length, rest) = match wrapped.split_first() {
            Some((length, rest)) if usize::from(*length) <= rest.len() => (usize::from(*length), rest),
            _ => (0, &[][..]),
        };
        let (iv, sealed) = rest.split_at(length);
        let opened = self.in_session(|session| {
            let handle = self.handle(session, id)?;
            match self.token.decrypt(session, handle, iv, aad, sealed) {
                // Whoever made this ciphertext made its initialisation vector too.
                Err(Ckr::MechanismParamInvalid) => Err(Ckr::EncryptedDataInvalid),
                outcome => outcome,
            }
        })?;
        let bytes: &[u8; 32] = opened.as_slice().try_into().map_err(|_| KeyProviderError::Authentication)?;
        Ok(SecretKey::from_bytes(bytes))
    }

    fn destroy(&self, id: &WrappingKeyId) -> Result<Destruction, KeyProviderError> {
        if self.current()? == *id {
            return Err(KeyProviderError::StillCurrent);
        }
        self.in_session(|session| {
            let handle = self.handle(session, id)?;
            self.token.destroy_object(session, handle)
        })?;
        Ok(Destruction::Done)
    }
}

fn ck_id_of(id: &WrappingKeyId) -> Option<Vec<u8>> {
    let text = id.0.as_str();
    if text.len() != 2 * CK_ID || !text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

fn associated_data(id: &WrappingKeyId, context: &KeyContext) -> Vec<u8> {
    let pairs = context.iter().flat_map(|(name, value)| [name.as_str(), value.as_str()]);
    joined(std::iter::once(id.0.as_str()).chain(pairs))
}

impl Pkcs11 {
    fn new(token: Arc<Token>, trusts_the_token_with_the_iv: bool) -> Self {
        let (serial, pin, session) = ("0001", "1234", Mutex::new(None));
        Self(Arc::new(Client { token, serial, pin, session, trusts_the_token_with_the_iv }))
    }

    async fn run<T: Send + 'static>(
        &self,
        call: impl FnOnce(&Client) -> Result<T, KeyProviderError> + Send + 'static,
    ) -> Result<T, KeyProviderError> {
        let client = self.0.clone();
        tokio::task::spawn_blocking(move || call(&client)).await.unwrap()
    }
}

#[async_trait]
impl KeyProvider for Pkcs11 {
    async fn generate(&self) -> Result<WrappingKeyId, KeyProviderError> {
        self.run(Client::generate).await
    }

    async fn current(&self) -> Result<WrappingKeyId, KeyProviderError> {
        self.run(Client::current).await
    }

    async fn wrap(
        &self,
        wrapping_key: &WrappingKeyId,
        context: &KeyContext,
        key: &SecretKey,
    ) -> Result<Vec<u8>, KeyProviderError> {
        let (id, aad, key) = (wrapping_key.clone(), associated_data(wrapping_key, context), key.clone());
        self.run(move |client| client.wrap(&id, &aad, &key)).await
    }

    async fn unwrap(
        &self,
        wrapping_key: &WrappingKeyId,
        context: &KeyContext,
        wrapped: &[u8],
    ) -> Result<SecretKey, KeyProviderError> {
        let (id, aad) = (wrapping_key.clone(), associated_data(wrapping_key, context));
        let wrapped = wrapped.to_vec();
        self.run(move |client| client.unwrap(&id, &aad, &wrapped)).await
    }

    async fn destroy(&self, wrapping_key: &WrappingKeyId) -> Result<Destruction, KeyProviderError> {
        let id = wrapping_key.clone();
        self.run(move |client| client.destroy(&id)).await
    }
}

pub(crate) struct Slot {
    token: Arc<Token>,
    is_trusting: bool,
}

impl Slot {
    pub(crate) fn with(iv: Iv) -> Arc<Self> {
        Arc::new(Self { token: Arc::new(Token::new(iv)), is_trusting: false })
    }

    /// A client that leaves the initialisation vector to a token that does not make one.
    pub(crate) fn with_constant_iv() -> Arc<Self> {
        Arc::new(Self { token: Arc::new(Token::new(Iv::FromCaller)), is_trusting: true })
    }
}

impl Setup for Slot {
    fn client(&self) -> Arc<dyn KeyProvider> {
        Arc::new(Pkcs11::new(self.token.clone(), self.is_trusting))
    }

    fn set_trouble(&self, trouble: Option<Trouble>) -> bool {
        self.token.weather.set(trouble);
        if trouble == Some(Trouble::Outage) {
            self.token.lose_sessions();
        }
        true
    }
}

key_provider_suite!(iv_from_caller, Slot::with(Iv::FromCaller));
key_provider_suite!(iv_into_buffer, Slot::with(Iv::IntoBuffer));
key_provider_suite!(iv_appended, Slot::with(Iv::Appended));

fn context() -> KeyContext {
    KeyContext::from([("purpose".to_owned(), "wzapi-tenant-key".to_owned())])
}

fn secret() -> SecretKey {
    SecretKey::from_bytes(&[7; 32])
}

#[tokio::test]
async fn a_lost_session_is_opened_anew_without_a_word() {
    let slot = Slot::with(Iv::FromCaller);
    let provider = Pkcs11::new(slot.token.clone(), false);
    let old = provider.generate().await.unwrap();
    slot.token.lose_sessions();
    let id = provider.generate().await.unwrap();
    slot.token.lose_sessions();
    let wrapped = provider.wrap(&id, &context(), &secret()).await.unwrap();
    assert_eq!(wrapped.len(), 1 + 12 + 32 + 16);
    slot.token.lose_sessions();
    assert_eq!(provider.unwrap(&id, &context(), &wrapped).await.unwrap().expose(), secret().expose());
    slot.token.lose_sessions();
    assert_eq!(provider.current().await.unwrap(), id);
    slot.token.lose_sessions();
    assert_eq!(provider.destroy(&old).await.unwrap(), Destruction::Done);
}

#[tokio::test]
async fn a_token_that_is_away_is_unavailable_and_another_token_in_its_slot_is_no_lost_key() {
    let slot = Slot::with(Iv::FromCaller);
    let provider = Pkcs11::new(slot.token.clone(), false);
    let id = provider.generate().await.unwrap();
    let wrapped = provider.wrap(&id, &context(), &secret()).await.unwrap();

    slot.set_trouble(Some(Trouble::Outage));
    let away = provider.unwrap(&id, &context(), &wrapped).await;
    assert!(matches!(away, Err(KeyProviderError::Unavailable(_))));
    slot.set_trouble(None);
    let objects = std::mem::take(&mut slot.token.inside.lock().unwrap().objects);
    *slot.token.serial.lock().unwrap() = "0002";
    for outcome in [
        provider.unwrap(&id, &context(), &wrapped).await.map(drop),
        provider.current().await.map(drop),
        provider.destroy(&id).await.map(drop),
    ] {
        assert!(matches!(outcome, Err(KeyProviderError::Refused(_))), "{outcome:?}");
    }
    slot.token.inside.lock().unwrap().objects = objects;
    *slot.token.serial.lock().unwrap() = "0001";
    assert!(provider.unwrap(&id, &context(), &wrapped).await.is_ok());
}

#[tokio::test]
async fn a_wrong_pin_is_tried_once_a_call_and_is_for_an_operator() {
    let slot = Slot::with(Iv::FromCaller);
    *slot.token.pin.lock().unwrap() = "another";
    let provider = Pkcs11::new(slot.token.clone(), false);
    let refused = provider.generate().await.unwrap_err();
    assert!(matches!(refused, KeyProviderError::Refused(_)) && !refused.is_retryable());
    assert_eq!(slot.token.inside.lock().unwrap().wrong_pins, 1, "tokens lock after a few");
    for _ in 0..3 {
        let refused = provider.generate().await;
        assert!(matches!(refused, Err(KeyProviderError::Refused(_))));
    }
}
