//! Tink's two ways to keep a data key under another key.
//!
//! The key-encryption key, which is usually in a key management service, is in memory, as our tenant key is. Both keys are
//! for AES-256-GCM, as ours are.

use std::sync::Arc;

use tink_core::keyset::{BinaryReader, BinaryWriter, Handle};
use tink_core::{Aead, TinkError};

use super::sealing::VALUE;
use crate::failure::Failure;

/// Envelope encryption as Tink means it: a data key for each value, which stands wrapped before the value.
pub(super) fn envelope(row: &'static str) -> Result<impl Aead, Failure> {
    let remote = Box::new(key_encryption_key().map_err(failed(row))?);
    Ok(tink_aead::KmsEnvelopeAead::new(tink_aead::aes256_gcm_key_template(), remote))
}

/// A data key for many values, kept apart from them as an encrypted keyset, as ours is kept in a row.
pub(super) struct EncryptedKeyset {
    key_encryption_key: SharedAead,
    stored: Vec<u8>,
}

impl EncryptedKeyset {
    pub(super) fn new(row: &'static str) -> Result<Self, Failure> {
        let key_encryption_key = key_encryption_key().map_err(failed(row))?;
        let data_key = Handle::new(&tink_aead::aes256_gcm_key_template()).map_err(failed(row))?;
        let mut stored = Vec::new();
        data_key
            .write(&mut BinaryWriter::new(&mut stored), Box::new(key_encryption_key.clone()))
            .map_err(failed(row))?;
        Ok(Self { key_encryption_key, stored })
    }

    /// Unwraps the data key and makes it ready.
    pub(super) fn data_key(&self) -> Result<Box<dyn Aead>, TinkError> {
        let mut reader = BinaryReader::new(self.stored.as_slice());
        tink_aead::new(&Handle::read(&mut reader, Box::new(self.key_encryption_key.clone()))?)
    }
}

/// A key that Tink may clone as often as it likes at no cost.
#[derive(Clone)]
struct SharedAead(Arc<dyn Aead>);

impl Aead for SharedAead {
    fn encrypt(&self, plaintext: &[u8], associated_data: &[u8]) -> Result<Vec<u8>, TinkError> {
        self.0.encrypt(plaintext, associated_data)
    }

    fn decrypt(&self, ciphertext: &[u8], associated_data: &[u8]) -> Result<Vec<u8>, TinkError> {
        self.0.decrypt(ciphertext, associated_data)
    }
}

fn key_encryption_key() -> Result<SharedAead, TinkError> {
    tink_aead::init();
    let handle = Handle::new(&tink_aead::aes256_gcm_key_template())?;
    Ok(SharedAead(Arc::from(tink_aead::new(&handle)?)))
}

/// Seals the value, makes sure that it opens again, and gives what was sealed.
pub(super) fn seal(row: &'static str, key: &dyn Aead, associated_data: &[u8]) -> Result<Vec<u8>, Failure> {
    let sealed = key.encrypt(&VALUE, associated_data).map_err(failed(row))?;
    if key.decrypt(&sealed, associated_data).map_err(failed(row))? != VALUE {
        return Err(Failure::WrongResult { row, side: "tink" });
    }
    Ok(sealed)
}

/// For `map_err`.
pub(super) fn failed(row: &'static str) -> impl Fn(TinkError) -> Failure + Copy {
    move |error| Failure::Row { row, source: error.to_string().into() }
}
