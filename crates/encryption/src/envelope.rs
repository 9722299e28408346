//! The format of a sealed value.
//!
//! ```text
//! offset  size  what
//!      0     1  version of the envelope: 1
//!      1     1  suite: 1 = AES-256-GCM with a random nonce
//!      2     4  version of the data key, big-endian
//!      6    12  nonce
//!     18     n  ciphertext
//! 18 + n    16  tag
//! ```
//!
//! The associated data names the one place where the value may be opened; see [`Place`].
//! `docs/formats/envelope.md` holds all that a stranger needs to write a reader.

use wzapi_model::Entropy;
use wzapi_model::ids::ControllerId;
use wzapi_storage::codec::encode_key;
use wzapi_storage::key::Key;
use zeroize::Zeroizing;

use crate::cipher::{self, NONCE, TAG, scrubbing, seal_with_nonce};
use crate::encoding::length_prefixed;
use crate::error::EncryptionError;
use crate::secret::SecretKey;

const VERSION: u8 = 1;
const SUITE_AES_256_GCM: u8 = 1;
const HEADER: usize = 6 + NONCE;
/// Bytes that an envelope adds to a value.
pub const OVERHEAD: usize = HEADER + TAG;
/// The longest value that can be sealed, in bytes.
pub const MAX_PLAINTEXT: usize = 8 * 1024 * 1024 - 4096;

const FIELD_LABEL: &[u8] = b"wzapi/field/v1";

/// The one place where a sealed value may be opened: a field of a row of a controller.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The controller.
    pub controller: ControllerId,
    /// The row, which also names the person it is about.
    pub row: &'a Key,
    /// The field in the row's body.
    pub field: &'a str,
}

impl Place<'_> {
    /// Domain label, controller, owner and kind (both inside the encoded key), row key, field, key version.
    fn associated_data(&self, key_version: u32) -> Vec<u8> {
        let key = encode_key(self.controller, self.row);
        let kind = self.row.kind().as_str();
        length_prefixed(&[
            FIELD_LABEL,
            kind.as_bytes(),
            &key,
            self.field.as_bytes(),
            &key_version.to_be_bytes(),
        ])
    }
}

pub(crate) fn seal(
    key: &SecretKey,
    key_version: u32,
    place: &Place<'_>,
    plaintext: &[u8],
    entropy: &dyn Entropy,
) -> Result<Vec<u8>, EncryptionError> {
    if plaintext.len() > MAX_PLAINTEXT {
        return Err(EncryptionError::TooLong);
    }
    let mut out = Vec::with_capacity(plaintext.len() + OVERHEAD);
    out.extend_from_slice(&[VERSION, SUITE_AES_256_GCM]);
    out.extend_from_slice(&key_version.to_be_bytes());
    seal_onto(&mut out, key, &place.associated_data(key_version), plaintext, entropy)?;
    Ok(out)
}

/// The version of the data key that an envelope states. It is authenticated only when the envelope is opened.
pub(crate) fn key_version(envelope: &[u8]) -> Result<u32, EncryptionError> {
    match envelope.split_first_chunk::<6>() {
        Some((&[VERSION, SUITE_AES_256_GCM, k0, k1, k2, k3], _)) => Ok(u32::from_be_bytes([k0, k1, k2, k3])),
        _ => Err(EncryptionError::Authentication),
    }
}

/// Opens an envelope. Whoever calls this does so [`scrubbing`].
pub(crate) fn open_unscrubbed(
    key: &SecretKey,
    key_version: u32,
    place: &Place<'_>,
    envelope: &[u8],
) -> Result<Zeroizing<Vec<u8>>, EncryptionError> {
    if self::key_version(envelope)? != key_version {
        return Err(EncryptionError::Authentication);
    }
    let rest = envelope.get(6..).unwrap_or_default();
    open_from_unscrubbed(rest, key, &place.associated_data(key_version))
}

/// Appends nonce, ciphertext and tag.
pub(crate) fn seal_onto(
    out: &mut Vec<u8>,
    key: &SecretKey,
    associated_data: &[u8],
    plaintext: &[u8],
    entropy: &dyn Entropy,
) -> Result<(), EncryptionError> {
    let mut nonce = [0; NONCE];
    entropy.fill(&mut nonce)?;
    out.extend_from_slice(&nonce);
    seal_with_nonce(out, key, nonce, associated_data, plaintext)
}

/// Opens nonce, ciphertext and tag.
pub(crate) fn open_from(
    sealed: &[u8],
    key: &SecretKey,
    associated_data: &[u8],
) -> Result<Zeroizing<Vec<u8>>, EncryptionError> {
    scrubbing(|| open_from_unscrubbed(sealed, key, associated_data))
}

/// Opens nonce, ciphertext and tag. Whoever calls this does so [`scrubbing`].
pub(crate) fn open_from_unscrubbed(
    sealed: &[u8],
    key: &SecretKey,
    associated_data: &[u8],
) -> Result<Zeroizing<Vec<u8>>, EncryptionError> {
    let (nonce, ciphertext) = sealed.split_first_chunk::<NONCE>().ok_or(EncryptionError::Authentication)?;
    cipher::open_unscrubbed(key, *nonce, associated_data, ciphertext)
}

#[cfg(test)]
mod tests {
    use wzapi_model::ids::SubjectId;
    use wzapi_model::system::SystemEntropy;
    use wzapi_storage::key::Key;

    use super::*;

    const KEY: [u8; 32] = [9; 32];

    fn place(row: &Key) -> Place<'_> {
        Place { controller: ControllerId::from_bytes([1; 16]), row, field: "details" }
    }

    #[test]
    fn a_sealed_value_opens_in_its_place_and_nowhere_else() {
        let key = SecretKey::from_bytes(&KEY);
        let (row, other) =
            (Key::Subject(SubjectId::from_bytes([2; 16])), Key::Subject(SubjectId::from_bytes([3; 16])));
        let envelope = seal(&key, 1, &place(&row), b"+15550001111", &SystemEntropy::new()).unwrap();
        assert_eq!(envelope.len(), 12 + OVERHEAD);
        assert_eq!(open_unscrubbed(&key, 1, &place(&row), &envelope).unwrap().as_slice(), b"+15550001111");

        let elsewhere = [
            place(&other),
            Place { field: "name", ..place(&row) },
            Place { controller: ControllerId::from_bytes([7; 16]), ..place(&row) },
        ];
        for place in elsewhere {
            assert!(matches!(
                open_unscrubbed(&key, 1, &place, &envelope),
                Err(EncryptionError::Authentication)
            ));
        }
        assert!(open_unscrubbed(&key, 2, &place(&row), &envelope).is_err(), "another key version");
        assert!(open_unscrubbed(&SecretKey::from_bytes(&[8; 32]), 1, &place(&row), &envelope).is_err());
    }

    #[test]
    fn every_changed_byte_and_every_truncation_is_refused() {
        let key = SecretKey::from_bytes(&KEY);
        let row = Key::Subject(SubjectId::from_bytes([2; 16]));
        let envelope = seal(&key, 1, &place(&row), b"text", &SystemEntropy::new()).unwrap();
        for position in 0..envelope.len() {
            let mut altered = envelope.clone();
            altered[position] ^= 1;
            assert!(open_unscrubbed(&key, 1, &place(&row), &altered).is_err(), "byte {position}");
            assert!(
                open_unscrubbed(&key, 1, &place(&row), &envelope[..position]).is_err(),
                "cut at {position}"
            );
        }
    }
}
