//! A model of a PKCS#11 token.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard};

use wzapi_model::Entropy;
use wzapi_model::system::SystemEntropy;

use crate::providers::sealing::{NONCE, open, seal};
use crate::providers::suite::Trouble;
use crate::providers::trouble::Weather;

/// Return values, without their `CKR_`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ckr {
    SessionHandleInvalid,
    UserNotLoggedIn,
    TokenNotPresent,
    DeviceError,
    KeyHandleInvalid,
    EncryptedDataInvalid,
    MechanismParamInvalid,
    PinIncorrect,
    PinLocked,
    ActionProhibited,
}

impl fmt::Display for Ckr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CKR_{self:?}")
    }
}

impl std::error::Error for Ckr {}

/// How a token treats the initialisation vector of `CKM_AES_GCM` when it encrypts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Iv {
    /// It uses what the caller gives, whatever that is (SoftHSM).
    FromCaller,
    /// It takes zeros only, and puts its own into the caller's buffer (AWS CloudHSM).
    IntoBuffer,
    /// It ignores what the caller gives and appends its own, 16 bytes long, to the output (Luna in FIPS mode).
    Appended,
}

pub(super) struct Object {
    ck_id: Vec<u8>,
    label: String,
    value: [u8; 32],
}

#[derive(Default)]
pub(super) struct Inside {
    pub(super) objects: BTreeMap<u64, Object>,
    sessions: BTreeMap<u64, bool>,
    next: u64,
    pub(super) wrong_pins: u32,
}

pub(super) struct Token {
    pub(super) inside: Mutex<Inside>,
    pub(super) weather: Weather,
    pub(super) iv: Iv,
    pub(super) serial: Mutex<&'static str>,
    pub(super) pin: Mutex<&'static str>,
    entropy: SystemEntropy,
}

pub(super) type Rv<T> = Result<T, Ckr>;

impl Token {
    pub(super) fn new(iv: Iv) -> Self {
        Self {
            inside: Mutex::default(),
            weather: Weather::default(),
            iv,
            serial: Mutex::new("0001"),
            pin: Mutex::new("1234"),
            entropy: SystemEntropy::new(),
        }
    }

    pub(super) fn random<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.entropy.fill(&mut bytes).unwrap();
        bytes
    }

    pub(super) fn call(&self, decrypts: bool) -> Rv<MutexGuard<'_, Inside>> {
        match self.weather.strikes(decrypts) {
            Some(Trouble::Outage) => return Err(Ckr::TokenNotPresent),
            Some(Trouble::Throttled { .. } | Trouble::NoDecryption) => return Err(Ckr::DeviceError),
            None => {}
        }
        Ok(self.inside.lock().unwrap())
    }

    /// Every session is gone, and every handle with it: a network to an HSM broke, or a card was taken out.
    pub(super) fn lose_sessions(&self) {
        let mut inside = self.inside.lock().unwrap();
        inside.sessions.clear();
        inside.next += 1000;
        let objects = std::mem::take(&mut inside.objects);
        let shifted = objects.into_iter().map(|(handle, object)| (handle + 100_000, object));
        inside.objects = shifted.collect();
    }

    pub(super) fn token_serial(&self) -> Rv<&'static str> {
        drop(self.call(false)?);
        Ok(*self.serial.lock().unwrap())
    }

    pub(super) fn open_session(&self) -> Rv<u64> {
        let mut inside = self.call(false)?;
        inside.next += 1;
        let session = inside.next;
        inside.sessions.insert(session, false);
        Ok(session)
    }

    pub(super) fn login(&self, session: u64, pin: &str) -> Rv<()> {
        let mut inside = self.call(false)?;
        if inside.wrong_pins >= 3 {
            return Err(Ckr::PinLocked);
        }
        if pin != *self.pin.lock().unwrap() {
            inside.wrong_pins += 1;
            return Err(Ckr::PinIncorrect);
        }
        inside.wrong_pins = 0;
        *inside.sessions.get_mut(&session).ok_or(Ckr::SessionHandleInvalid)? = true;
        Ok(())
    }

    pub(super) fn logged_in(inside: &Inside, session: u64) -> Rv<()> {
        match inside.sessions.get(&session) {
            Some(true) => Ok(()),
            Some(false) => Err(Ckr::UserNotLoggedIn),
            None => Err(Ckr::SessionHandleInvalid),
        }
    }

    /// `C_GenerateKey` with `CKM_AES_KEY_GEN`: on the token, sensitive, not extractable.
    pub(super) fn generate_key(&self, session: u64, label: &str, ck_id: &[u8]) -> Rv<u64> {
        let mut inside = self.call(false)?;
        Self::logged_in(&inside, session)?;
        inside.next += 1;
        let (handle, value) = (inside.next, self.random());
        let object = Object { ck_id: ck_id.to_owned(), label: label.to_owned(), value };
        inside.objects.insert(handle, object);
        Ok(handle)
    }

    /// `C_FindObjects` by label, and by `CKA_ID` if one is given: handles with their `CKA_ID`.
    pub(super) fn find_objects(
        &self,
        session: u64,
        label: &str,
        ck_id: Option<&[u8]>,
    ) -> Rv<Vec<(u64, Vec<u8>)>> {
        let inside = self.call(false)?;
        Self::logged_in(&inside, session)?;
        let fits = |object: &&Object| object.label == label && ck_id.is_none_or(|id| id == object.ck_id);
        let found = inside.objects.iter().filter(|(_, object)| fits(object));
        Ok(found.map(|(handle, object)| (*handle, object.ck_id.clone())).collect())
    }

    /// `C_Encrypt` with `CKM_AES_GCM` and a tag of 128 bits.
    pub(super) fn encrypt(
        &self,
        session: u64,
        key: u64,
        iv: &mut [u8; NONCE],
        aad: &[u8],
        plaintext: &[u8],
    ) -> Rv<Vec<u8>> {
        let inside = self.call(false)?;
        Self::logged_in(&inside, session)?;
        let key = inside.objects.get(&key).ok_or(Ckr::KeyHandleInvalid)?;
        match self.iv {
            Iv::FromCaller => Ok(seal(&key.value, *iv, aad, plaintext)),
            Iv::IntoBuffer if *iv != [0; NONCE] => Err(Ckr::MechanismParamInvalid),
            Iv::IntoBuffer => {
                *iv = self.random();
                Ok(seal(&key.value, *iv, aad, plaintext))
            }
            Iv::Appended => {
                // AES-GCM with an IV of 16 bytes, told by a nonce and four bytes more of associated data.
                let long: [u8; 16] = self.random();
                let (nonce, rest) = long.split_first_chunk().unwrap();
                let sealed = seal(&key.value, *nonce, &[rest, aad].concat(), plaintext);
                Ok([&sealed[..], &long].concat())
            }
        }
    }

    pub(super) fn decrypt(
        &self,
        session: u64,
        key: u64,
        iv: &[u8],
        aad: &[u8],
        sealed: &[u8],
    ) -> Rv<Vec<u8>> {
        let inside = self.call(true)?;
        Self::logged_in(&inside, session)?;
        let key = inside.objects.get(&key).ok_or(Ckr::KeyHandleInvalid)?;
        let (nonce, rest) = iv.split_first_chunk().ok_or(Ckr::MechanismParamInvalid)?;
        open(&key.value, *nonce, &[rest, aad].concat(), sealed).ok_or(Ckr::EncryptedDataInvalid)
    }

    pub(super) fn destroy_object(&self, session: u64, key: u64) -> Rv<()> {
        let mut inside = self.call(false)?;
        Self::logged_in(&inside, session)?;
        inside.objects.remove(&key).map(drop).ok_or(Ckr::KeyHandleInvalid)
    }
}
