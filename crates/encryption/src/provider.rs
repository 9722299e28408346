//! Who keeps the wrapping keys.

use std::collections::BTreeMap;
use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use wzapi_model::Timestamp;

use crate::secret::SecretKey;

/// The provider's own name of a wrapping key; for a key management service, its identifier with its version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WrappingKeyId(pub String);

impl fmt::Display for WrappingKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a wrapped key is bound to: names and values that must be the same when it is unwrapped. They are
/// authenticated, not secret, and hold no personal data (AWS KMS: encryption context; Vault transit: context).
pub type KeyContext = BTreeMap<String, String>;

/// Whether a destroyed key is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Destruction {
    /// It is gone.
    Done,
    /// The provider destroys it at this moment; until then it can be restored there.
    PendingUntil(Timestamp),
}

/// Why a key provider did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum KeyProviderError {
    /// The provider cannot be reached or throttles. Retry later; nothing is decided.
    #[error("the key provider is unavailable; retry later")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// There is no such wrapping key, or it was destroyed.
    #[error("the wrapping key does not exist or was destroyed")]
    NoSuchKey,
    /// The wrapped key was altered, or is bound to another context.
    #[error("the wrapped key does not authenticate")]
    Authentication,
    /// The provider's own store is not usable, and says why.
    #[error("the keyring cannot be used: {0}")]
    Unusable(&'static str),
}

/// Wraps tenant keys under keys that these libraries never see.
///
/// A production deployment implements this over its key management service or HSM; [`crate::LocalKeyring`] keeps
/// the keys in a file. Calls are rare: one per controller and cache life, and a few per rotation.
#[async_trait]
pub trait KeyProvider: Send + Sync {
    /// Makes a new wrapping key, which [`KeyProvider::current`] names from then on.
    ///
    /// # Errors
    /// [`KeyProviderError::Unavailable`], [`KeyProviderError::Unusable`].
    async fn generate(&self) -> Result<WrappingKeyId, KeyProviderError>;

    /// The wrapping key for new tenant keys.
    ///
    /// # Errors
    /// [`KeyProviderError::NoSuchKey`] when none was generated yet.
    async fn current(&self) -> Result<WrappingKeyId, KeyProviderError>;

    /// Wraps `key` under `wrapping_key`, bound to `context`.
    ///
    /// # Errors
    /// [`KeyProviderError::NoSuchKey`], [`KeyProviderError::Unavailable`].
    async fn wrap(
        &self,
        wrapping_key: &WrappingKeyId,
        context: &KeyContext,
        key: &SecretKey,
    ) -> Result<Vec<u8>, KeyProviderError>;

    /// Unwraps what [`KeyProvider::wrap`] made under the same key and context.
    ///
    /// # Errors
    /// As [`KeyProvider::wrap`], and [`KeyProviderError::Authentication`].
    async fn unwrap(
        &self,
        wrapping_key: &WrappingKeyId,
        context: &KeyContext,
        wrapped: &[u8],
    ) -> Result<SecretKey, KeyProviderError>;

    /// Destroys a wrapping key. Everything wrapped under it is lost for good.
    ///
    /// # Errors
    /// [`KeyProviderError::NoSuchKey`], [`KeyProviderError::Unavailable`].
    async fn destroy(&self, wrapping_key: &WrappingKeyId) -> Result<Destruction, KeyProviderError>;
}
