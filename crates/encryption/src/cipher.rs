//! The three primitives, as these libraries use them: AES-256-GCM, HMAC-SHA256 and HKDF-SHA256, all of ring.
//!
//! ring leaves the key schedule of a cipher where it stood on the stack. What uses a data key therefore works in a
//! frame of its own, and the part of the stack that it used is overwritten before it returns. Index keys, the only
//! keys of [`mac`], are held in memory anyway.

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::{hkdf, hmac};
use zeroize::Zeroizing;

use crate::error::EncryptionError;
use crate::secret::SecretKey;

/// Bytes of a nonce.
pub(crate) const NONCE: usize = 12;
/// Bytes of an authentication tag.
pub(crate) const TAG: usize = 16;

/// How much of the stack is overwritten: twice and more what the frames below were seen to reach, 4,231 bytes when ring is
/// optimised and less than 24 KiB when it is not. `tests/it/memory.rs` reads the memory of its own process to see that it
/// is enough.
const SCRUBBED: usize = if cfg!(debug_assertions) { 64 * 1024 } else { 8 * 1024 };

/// Does something with keys in a frame of its own, and overwrites what that leaves on the stack.
pub(crate) fn scrubbing<T>(work: impl FnOnce() -> T) -> T {
    let outcome = in_own_frame(work);
    scrub_stack();
    outcome
}

#[inline(never)]
fn in_own_frame<T>(work: impl FnOnce() -> T) -> T {
    work()
}

/// Appends ciphertext and tag (NIST SP 800-38D).
pub(crate) fn seal_with_nonce(
    out: &mut Vec<u8>,
    key: &SecretKey,
    nonce: [u8; NONCE],
    associated_data: &[u8],
    plaintext: &[u8],
) -> Result<(), EncryptionError> {
    scrubbing(|| {
        let mut buffer = Zeroizing::new(plaintext.to_vec());
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag = prepared(key)?
            .seal_in_place_separate_tag(nonce, Aad::from(associated_data), buffer.as_mut_slice())
            .map_err(|_| EncryptionError::TooLong)?;
        out.extend_from_slice(&buffer);
        out.extend_from_slice(tag.as_ref());
        Ok(())
    })
}

/// Opens ciphertext and tag. Whoever calls this does so [`scrubbing`].
pub(crate) fn open_unscrubbed(
    key: &SecretKey,
    nonce: [u8; NONCE],
    associated_data: &[u8],
    ciphertext: &[u8],
) -> Result<Zeroizing<Vec<u8>>, EncryptionError> {
    let mut buffer = Zeroizing::new(ciphertext.to_vec());
    let length = prepared(key)?
        .open_in_place(Nonce::assume_unique_for_key(nonce), Aad::from(associated_data), &mut buffer)
        .map_err(|_| EncryptionError::Authentication)?
        .len();
    buffer.truncate(length);
    Ok(buffer)
}

fn prepared(key: &SecretKey) -> Result<LessSafeKey, EncryptionError> {
    let key = UnboundKey::new(&AES_256_GCM, key.expose()).map_err(|_| EncryptionError::Corrupt)?;
    Ok(LessSafeKey::new(key))
}

/// HMAC-SHA256 (RFC 2104).
pub(crate) fn mac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message);
    let mut out = [0; 32];
    out.iter_mut().zip(tag.as_ref()).for_each(|(to, from)| *to = *from);
    out
}

/// HKDF-SHA256 (RFC 5869): fills `out`, which is at most 255 × 32 bytes long.
pub(crate) fn derive(salt: &[u8], input: &[u8], info: &[u8], out: &mut [u8]) -> Result<(), EncryptionError> {
    struct Length(usize);
    impl hkdf::KeyType for Length {
        fn len(&self) -> usize {
            self.0
        }
    }
    scrubbing(|| {
        hkdf::Salt::new(hkdf::HKDF_SHA256, salt)
            .extract(input)
            .expand(&[info], Length(out.len()))
            .and_then(|output| output.fill(out))
            .map_err(|_| EncryptionError::Corrupt)
    })
}

/// Overwrites the stack below the caller, where the frames of the functions that it called were.
#[inline(never)]
fn scrub_stack() {
    let mut area = [0_u8; SCRUBBED];
    std::hint::black_box(&mut area);
}

#[cfg(test)]
mod wycheproof;
