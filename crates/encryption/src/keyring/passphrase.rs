//! The passphrase of a keyring file, and the keys derived from it.
//!
//! PBKDF2-HMAC-SHA256 (RFC 8018) stretches the passphrase to 32 bytes; HKDF-SHA256 makes two values of them: the key
//! that seals the wrapping keys, and a check value that stands in the file. The check value tells a wrong passphrase
//! from an altered file, and commits the file to one passphrase, which AES-GCM alone does not.

use std::fmt;
use std::num::NonZeroU32;
use std::ops::RangeInclusive;

use ring::pbkdf2;
use wzapi_model::entropy::Entropy;
use zeroize::Zeroizing;

use super::error::KeyringError;
use crate::cipher::derive;
use crate::secret::SecretKey;

/// The numbers of iterations that are accepted: fewer protect too little, more make opening a file an attack.
pub const ITERATIONS: RangeInclusive<u32> = 100_000..=10_000_000;
/// The number of iterations for new passphrases: what OWASP's Password Storage Cheat Sheet of 2023 asks of
/// PBKDF2-HMAC-SHA256.
pub const DEFAULT_ITERATIONS: u32 = 600_000;

const SALT: &[u8] = b"wzapi/keyring-passphrase/v1";
const SEALING: &[u8] = b"sealing-key";
const CHECK: &[u8] = b"check";

/// A passphrase: wiped when dropped, redacted in `Debug`, never serialised.
///
/// Its bytes are used as they are, in UTF-8 and without normalisation. Prefer one that is drawn at random, such as six
/// words of a word list, to one that is invented.
#[derive(Clone)]
pub struct Passphrase(Zeroizing<Vec<u8>>);

impl Passphrase {
    /// The longest passphrase, in bytes.
    pub const MAX_BYTES: usize = 1024;

    /// Takes over a passphrase. A line end that came with it from a file or a terminal is a part of it; strip it first.
    ///
    /// # Errors
    /// [`KeyringError::InvalidPassphrase`] when it is empty or longer than [`Passphrase::MAX_BYTES`].
    pub fn new(text: String) -> Result<Self, KeyringError> {
        let bytes = Zeroizing::new(text.into_bytes());
        if bytes.is_empty() || bytes.len() > Self::MAX_BYTES {
            return Err(KeyringError::InvalidPassphrase);
        }
        Ok(Self(bytes))
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase([redacted])")
    }
}

/// How a passphrase is stretched, and what tells that it is the right one. Stands in the file.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Stretching {
    pub(super) iterations: u32,
    pub(super) salt: [u8; 16],
    pub(super) check: [u8; 32],
}

/// What a passphrase opened, kept as long as the keyring is open.
pub(super) struct Unlocked {
    pub(super) stretching: Stretching,
    pub(super) sealing_key: SecretKey,
}

impl Unlocked {
    /// Derives under a new salt.
    pub(super) fn new(
        passphrase: &Passphrase,
        iterations: u32,
        entropy: &dyn Entropy,
    ) -> Result<Self, KeyringError> {
        let mut salt = [0; 16];
        entropy.fill(&mut salt)?;
        let (sealing_key, check) = stretch(passphrase, iterations, &salt)?;
        Ok(Self { stretching: Stretching { iterations, salt, check }, sealing_key })
    }
}

impl Stretching {
    /// # Errors
    /// [`KeyringError::WrongPassphrase`].
    pub(super) fn unlock(&self, passphrase: &Passphrase) -> Result<Unlocked, KeyringError> {
        let (sealing_key, check) = stretch(passphrase, self.iterations, &self.salt)?;
        if check != self.check {
            return Err(KeyringError::WrongPassphrase);
        }
        Ok(Unlocked { stretching: self.clone(), sealing_key })
    }
}

/// The sealing key and the check value.
fn stretch(
    passphrase: &Passphrase,
    iterations: u32,
    salt: &[u8; 16],
) -> Result<(SecretKey, [u8; 32]), KeyringError> {
    if !ITERATIONS.contains(&iterations) {
        return Err(KeyringError::Iterations);
    }
    let iterations = NonZeroU32::new(iterations).ok_or(KeyringError::Iterations)?;
    let mut stretched = Zeroizing::new([0; 32]);
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, iterations, salt, &passphrase.0, stretched.as_mut_slice());
    let mut sealing_key = Zeroizing::new([0; 32]);
    let mut check = [0; 32];
    // Of 32 bytes HKDF-SHA256 fails for no input.
    derive(SALT, stretched.as_slice(), SEALING, sealing_key.as_mut_slice())
        .and_then(|()| derive(SALT, stretched.as_slice(), CHECK, &mut check))
        .map_err(|_| KeyringError::Altered)?;
    Ok((SecretKey::from_bytes(&sealing_key), check))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passphrase(text: &str) -> Passphrase {
        Passphrase::new(text.to_owned()).unwrap()
    }

    #[test]
    fn the_derived_values_are_those_that_python_derives() {
        // hashlib.pbkdf2_hmac, then HKDF of RFC 5869 by hand with hmac; see docs/formats/envelope.md.
        let (key, check) = stretch(&passphrase("correct horse"), 100_000, &[3; 16]).unwrap();
        assert_eq!(hex(key.expose()), "a5e0c6929632faca58364afa9ba2ea116f068c6603e39f2f01c736cdd011b67d");
        assert_eq!(hex(&check), "047f8160829e5d3bda52c35140c05d6d8e88a6af9f3a502a4b85855693122ea8");
    }

    #[test]
    fn passphrase_salt_and_iterations_all_matter() {
        let base = stretch(&passphrase("a"), 100_000, &[1; 16]).unwrap();
        for other in [
            stretch(&passphrase("b"), 100_000, &[1; 16]).unwrap(),
            stretch(&passphrase("a"), 100_001, &[1; 16]).unwrap(),
            stretch(&passphrase("a"), 100_000, &[2; 16]).unwrap(),
        ] {
            assert_ne!(base.0.expose(), other.0.expose());
            assert_ne!(base.1, other.1);
        }
        for iterations in [0, 1, 99_999, 10_000_001, u32::MAX] {
            assert!(matches!(stretch(&passphrase("a"), iterations, &[1; 16]), Err(KeyringError::Iterations)));
        }
    }

    #[test]
    fn an_empty_and_an_endless_passphrase_are_refused() {
        for text in [String::new(), "x".repeat(1025)] {
            assert!(matches!(Passphrase::new(text), Err(KeyringError::InvalidPassphrase)));
        }
        assert_eq!(format!("{:?}", passphrase("secret")), "Passphrase([redacted])");
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
