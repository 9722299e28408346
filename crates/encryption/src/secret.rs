//! Keys in memory.

use std::fmt;

use wzapi_model::entropy::{Entropy, EntropyError};
use zeroize::Zeroizing;

/// A 256-bit key: wiped when dropped, redacted in `Debug`, never serialised.
///
/// It stands on the heap, at one place, so that moving it leaves no copy behind.
pub struct SecretKey(Box<Zeroizing<[u8; 32]>>);

impl SecretKey {
    /// A new random key.
    ///
    /// # Errors
    /// [`EntropyError`] when randomness fails.
    pub fn generate(entropy: &dyn Entropy) -> Result<Self, EntropyError> {
        let mut key = Self::zero();
        entropy.fill(key.0.as_mut_slice())?;
        Ok(key)
    }

    /// The key with these bytes. The caller wipes its own copy.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        let mut key = Self::zero();
        key.0.copy_from_slice(bytes);
        key
    }

    fn zero() -> Self {
        Self(Box::new(Zeroizing::new([0; 32])))
    }

    /// The bytes, for the cipher and the key provider.
    #[must_use]
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl Clone for SecretKey {
    fn clone(&self) -> Self {
        Self::from_bytes(&self.0)
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey([redacted])")
    }
}
