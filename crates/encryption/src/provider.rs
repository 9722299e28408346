//! Who keeps the wrapping keys.
//!
//! The contract stands at [`KeyProvider`], sentence by sentence. `docs/key-providers.md` goes through it for AWS KMS,
//! HashiCorp Vault and PKCS#11, and `tests/it/providers/` holds each sentence against a model of each of them.

use std::collections::BTreeMap;
use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use wzapi_model::Timestamp;

use crate::secret::SecretKey;

/// The most names in a [`KeyContext`]. With [`MAX_CONTEXT_BYTES`] it is what AWS KMS lets a grant be constrained to.
pub const MAX_CONTEXT_NAMES: usize = 8;
/// The most bytes that the names and values of a [`KeyContext`] have together.
pub const MAX_CONTEXT_BYTES: usize = 384;
/// The most bytes of a [`WrappingKeyId`].
pub const MAX_WRAPPING_KEY_ID: usize = 512;
/// The most bytes of a wrapped key; what AWS KMS takes as a ciphertext.
pub const MAX_WRAPPED: usize = 6144;

/// The provider's own name of a wrapping key; for a key management service, its identifier with its version.
///
/// It is stored beside what the key wrapped and is shown to operators: not empty, at most [`MAX_WRAPPING_KEY_ID`]
/// bytes of printable ASCII, never given to a second key, and nothing in it is secret or personal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WrappingKeyId(pub String);

impl fmt::Display for WrappingKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a wrapped key is bound to: names and values that must be the same when it is unwrapped.
///
/// They are authenticated, not secret, and stand in the provider's audit log (AWS KMS writes them to CloudTrail in
/// clear), so they hold no personal data. At most [`MAX_CONTEXT_NAMES`] names and [`MAX_CONTEXT_BYTES`] bytes, all of
/// it printable ASCII and none of it empty.
pub type KeyContext = BTreeMap<String, String>;

/// Whether a destroyed key is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Destruction {
    /// It is gone.
    Done,
    /// The provider destroys it at this moment at the earliest. Until then somebody can still save it there. Whoever
    /// needs to know that it is gone asks again after that moment.
    PendingUntil(Timestamp),
}

/// Why a key provider did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum KeyProviderError {
    /// The provider cannot be reached, is in trouble or throttles. Retry later; nothing is decided.
    #[error("the key provider is unavailable; retry later")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The provider does not serve this client: a permission, a setting, a disabled key. Retrying does not help; an
    /// operator has to put it right. Nothing is lost.
    #[error("the key provider refuses; an operator has to put it right")]
    Refused(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// There is no such wrapping key, or it was destroyed, or its destruction is pending. The provider knows that; when
    /// it is not sure, it says [`KeyProviderError::Unavailable`].
    #[error("the wrapping key does not exist or was destroyed")]
    NoSuchKey,
    /// The wrapping key is the current one, which cannot be destroyed. Generate another one first.
    #[error("the wrapping key is the current one; generate another one before you destroy it")]
    StillCurrent,
    /// The wrapped key was altered, was wrapped by another key, or is bound to another context.
    #[error("the wrapped key does not authenticate")]
    Authentication,
    /// The keyring file is not usable, and says why.
    #[error("the keyring cannot be used: {0}")]
    Unusable(&'static str),
}

impl KeyProviderError {
    /// Whether the same call may succeed later, without an operator.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::Unavailable(_) => true,
            Self::Refused(_)
            | Self::NoSuchKey
            | Self::StillCurrent
            | Self::Authentication
            | Self::Unusable(_) => false,
        }
    }
}

/// Wraps tenant keys under keys that these libraries never see.
///
/// A production deployment implements this over its key management service or HSM; [`crate::LocalKeyring`] keeps the
/// keys in a file. Calls are rare: one per controller and cache life, and a few per rotation. Nothing is decided here
/// about who may call: that is for the provider's own policies.
///
/// # Contract
/// - **Fresh keys.** [`KeyProvider::generate`] gives a name that no key had before, and the new key wraps and unwraps at
///   once.
/// - **Newest is current.** After `generate` has answered, [`KeyProvider::current`] names the new key, or one that somebody
///   else generated meanwhile, for this client and after a restart. Another process may learn of it later.
/// - **Failing to generate.** When `generate` fails, the provider may or may not have made a key; `current` tells which
///   one holds. A key that nobody uses is harmless.
/// - **Before the first key.** `current` answers [`KeyProviderError::NoSuchKey`].
/// - **Round trip.** [`KeyProvider::unwrap`] gives the 32 bytes that [`KeyProvider::wrap`] took, under the same key and
///   context, for as long as the wrapping key exists, also after a restart and after newer keys were generated.
/// - **Bound to its context.** Under any other context, even one that is only longer, shorter or split otherwise, `unwrap`
///   answers [`KeyProviderError::Authentication`]. The order of the names does not matter. A context of the largest size
///   is bound to its last byte.
/// - **Bound to its key.** Under another wrapping key that exists, `unwrap` answers `Authentication`.
/// - **Tamper-evident.** Whatever else was altered, shortened or extended gets `Authentication`, never a key.
/// - **Never twice the same.** Wrapping the same key twice under one context gives different bytes. A nonce that repeats
///   breaks AES-GCM, and this is how a repeated one shows; a mechanism that is deterministic by design (RFC 5649) gets
///   random bytes put in front of the key.
/// - **Hides the key.** The wrapped bytes do not hold the key. They are at most [`MAX_WRAPPED`].
/// - **Earlier keys.** `wrap` serves every key that exists, not only the current one. Which key the store wraps under is
///   decided there, and two that generate at the same time must not leave one of them with a key that is of no use.
/// - **Unknown keys.** `wrap`, `unwrap` and [`KeyProvider::destroy`] answer `NoSuchKey` for a name that no key has. No
///   other failure is called that, since callers take it to mean that what the key had wrapped is lost.
/// - **The current key stays.** `destroy` of the current key answers [`KeyProviderError::StillCurrent`] and changes
///   nothing. So there is always a key to wrap with, and no race with it.
/// - **Destroyed at once for us.** When `destroy` has answered, with [`Destruction::Done`] or
///   [`Destruction::PendingUntil`], `wrap` and `unwrap` answer `NoSuchKey` under that key, and every other key is as it
///   was.
/// - **Repeatable.** `destroy` of a key whose destruction is pending answers `PendingUntil` again and does not begin the
///   waiting anew. Of a key that is gone it answers `NoSuchKey`, which a caller takes as done.
/// - **Unavailable means nothing.** During an outage or under throttling every call answers
///   [`KeyProviderError::Unavailable`], and afterwards everything is as it was. The exceptions are `generate` (above) and
///   `destroy`, which may have been carried out.
/// - **Concurrent use.** All of this holds with many calls at a time, from several processes.
/// - **Silent.** Neither errors nor `Debug` show a key.
#[async_trait]
pub trait KeyProvider: Send + Sync {
    /// Makes a new wrapping key, which [`KeyProvider::current`] names from then on.
    ///
    /// It is durable when this answers. After a failure ask `current` before trying again, so that retries do not pile up
    /// keys that somebody pays for.
    ///
    /// # Errors
    /// [`KeyProviderError::Unavailable`], [`KeyProviderError::Refused`], [`KeyProviderError::Unusable`].
    async fn generate(&self) -> Result<WrappingKeyId, KeyProviderError>;

    /// The wrapping key for new tenant keys.
    ///
    /// # Errors
    /// [`KeyProviderError::NoSuchKey`] when none was generated yet; otherwise as [`KeyProvider::generate`].
    async fn current(&self) -> Result<WrappingKeyId, KeyProviderError>;

    /// Wraps `key` under `wrapping_key`, bound to `context`.
    ///
    /// # Errors
    /// [`KeyProviderError::NoSuchKey`]; otherwise as [`KeyProvider::generate`].
    async fn wrap(
        &self,
        wrapping_key: &WrappingKeyId,
        context: &KeyContext,
        key: &SecretKey,
    ) -> Result<Vec<u8>, KeyProviderError>;

    /// Unwraps what [`KeyProvider::wrap`] made under the same key and context.
    ///
    /// # Errors
    /// [`KeyProviderError::NoSuchKey`], [`KeyProviderError::Authentication`]; otherwise as [`KeyProvider::generate`].
    async fn unwrap(
        &self,
        wrapping_key: &WrappingKeyId,
        context: &KeyContext,
        wrapped: &[u8],
    ) -> Result<SecretKey, KeyProviderError>;

    /// Destroys a wrapping key. Everything wrapped under it is lost for good.
    ///
    /// May be repeated until it answers [`KeyProviderError::NoSuchKey`]: then the key is gone. When somebody saved a key
    /// whose destruction was pending, repeating this begins its destruction anew.
    ///
    /// # Errors
    /// [`KeyProviderError::NoSuchKey`], [`KeyProviderError::StillCurrent`]; otherwise as [`KeyProvider::generate`].
    async fn destroy(&self, wrapping_key: &WrappingKeyId) -> Result<Destruction, KeyProviderError>;
}
