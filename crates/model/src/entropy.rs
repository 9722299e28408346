//! Randomness, injected.

/// The source of randomness failed. Nothing that needs randomness may go on; the operation can be retried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the source of randomness is unavailable; retry the operation")]
pub struct EntropyError;

/// A cryptographically secure source of randomness.
///
/// Keys, nonces, blindings and identifiers are all drawn from here, so an implementation that can be guessed
/// breaks every promise of these libraries. Production code uses [`crate::system::SystemEntropy`].
pub trait Entropy: Send + Sync {
    /// Fills the whole of `out` with random bytes.
    ///
    /// # Errors
    /// [`EntropyError`] when the source fails; the contents of `out` must not be used then.
    fn fill(&self, out: &mut [u8]) -> Result<(), EntropyError>;
}

impl<T: Entropy + ?Sized> Entropy for std::sync::Arc<T> {
    fn fill(&self, out: &mut [u8]) -> Result<(), EntropyError> {
        (**self).fill(out)
    }
}
