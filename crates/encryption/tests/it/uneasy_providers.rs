//! Key providers that fail, wait, or take their time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use async_trait::async_trait;
use tokio::sync::{Mutex, Notify};
use wzapi_encryption::provider::{Destruction, KeyContext, WrappingKeyId};
use wzapi_encryption::secret::SecretKey;
use wzapi_encryption::{KeyProvider, KeyProviderError};
use wzapi_model::Timestamp;
use wzapi_model::time::Clock;

/// What becomes of a call to a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// It is refused and does nothing.
    Refused,
    /// It takes effect, and the answer is lost.
    AnswerLost,
}

/// A provider that fails at one call, counted from 1 over those that change something or wrap.
pub(crate) struct TroubledProvider {
    pub(crate) inner: Arc<dyn KeyProvider>,
    pub(crate) at: u64,
    pub(crate) trouble: Trouble,
    pub(crate) calls: AtomicU64,
}

impl TroubledProvider {
    fn strikes(&self, trouble: Trouble) -> bool {
        self.calls.load(Ordering::SeqCst) == self.at && self.trouble == trouble
    }

    fn begin(&self) -> Result<(), KeyProviderError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        self.refused_if(Trouble::Refused)
    }

    fn refused_if(&self, trouble: Trouble) -> Result<(), KeyProviderError> {
        if self.strikes(trouble) { Err(KeyProviderError::Unavailable("no answer".into())) } else { Ok(()) }
    }
}

#[async_trait]
impl KeyProvider for TroubledProvider {
    async fn generate(&self) -> Result<WrappingKeyId, KeyProviderError> {
        self.begin()?;
        let made = self.inner.generate().await;
        self.refused_if(Trouble::AnswerLost)?;
        made
    }

    async fn current(&self) -> Result<WrappingKeyId, KeyProviderError> {
        self.inner.current().await
    }

    async fn wrap(
        &self,
        wrapping_key: &WrappingKeyId,
        context: &KeyContext,
        key: &SecretKey,
    ) -> Result<Vec<u8>, KeyProviderError> {
        self.begin()?;
        let wrapped = self.inner.wrap(wrapping_key, context, key).await;
        self.refused_if(Trouble::AnswerLost)?;
        wrapped
    }

    async fn unwrap(
        &self,
        wrapping_key: &WrappingKeyId,
        context: &KeyContext,
        wrapped: &[u8],
    ) -> Result<SecretKey, KeyProviderError> {
        self.begin()?;
        self.refused_if(Trouble::AnswerLost)?;
        self.inner.unwrap(wrapping_key, context, wrapped).await
    }

    async fn destroy(&self, wrapping_key: &WrappingKeyId) -> Result<Destruction, KeyProviderError> {
        self.begin()?;
        let outcome = self.inner.destroy(wrapping_key).await;
        self.refused_if(Trouble::AnswerLost)?;
        outcome
    }
}

/// A provider that destroys keys only after a waiting period, as key management services do.
pub(crate) struct PatientProvider {
    pub(crate) inner: Arc<dyn KeyProvider>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) pending: Mutex<Vec<(WrappingKeyId, Timestamp)>>,
}

pub(crate) const WAITING_PERIOD: std::time::Duration = std::time::Duration::from_secs(7 * 24 * 3600);

#[async_trait]
impl KeyProvider for PatientProvider {
    async fn generate(&self) -> Result<WrappingKeyId, KeyProviderError> {
        self.inner.generate().await
    }

    async fn current(&self) -> Result<WrappingKeyId, KeyProviderError> {
        self.inner.current().await
    }

    async fn wrap(
        &self,
        wrapping_key: &WrappingKeyId,
        context: &KeyContext,
        key: &SecretKey,
    ) -> Result<Vec<u8>, KeyProviderError> {
        self.inner.wrap(wrapping_key, context, key).await
    }

    async fn unwrap(
        &self,
        wrapping_key: &WrappingKeyId,
        context: &KeyContext,
        wrapped: &[u8],
    ) -> Result<SecretKey, KeyProviderError> {
        if self.pending.lock().await.iter().any(|(id, _)| id == wrapping_key) {
            return Err(KeyProviderError::NoSuchKey);
        }
        self.inner.unwrap(wrapping_key, context, wrapped).await
    }

    async fn destroy(&self, wrapping_key: &WrappingKeyId) -> Result<Destruction, KeyProviderError> {
        let mut pending = self.pending.lock().await;
        if let Some((_, until)) = pending.iter().find(|(id, _)| id == wrapping_key) {
            if *until > self.clock.now() {
                return Ok(Destruction::PendingUntil(*until));
            }
            return self.inner.destroy(wrapping_key).await;
        }
        let until = self.clock.now().saturating_add(WAITING_PERIOD);
        pending.push((wrapping_key.clone(), until));
        Ok(Destruction::PendingUntil(until))
    }
}

/// A provider at which the first unwrapping waits until it is let go.
pub(crate) struct HesitantProvider {
    pub(crate) inner: Arc<dyn KeyProvider>,
    pub(crate) has_waited: AtomicBool,
    pub(crate) arrived: Notify,
    pub(crate) go: Notify,
}

#[async_trait]
impl KeyProvider for HesitantProvider {
    async fn generate(&self) -> Result<WrappingKeyId, KeyProviderError> {
        self.inner.generate().await
    }

    async fn current(&self) -> Result<WrappingKeyId, KeyProviderError> {
        self.inner.current().await
    }

    async fn wrap(
        &self,
        wrapping_key: &WrappingKeyId,
        context: &KeyContext,
        key: &SecretKey,
    ) -> Result<Vec<u8>, KeyProviderError> {
        self.inner.wrap(wrapping_key, context, key).await
    }

    async fn unwrap(
        &self,
        wrapping_key: &WrappingKeyId,
        context: &KeyContext,
        wrapped: &[u8],
    ) -> Result<SecretKey, KeyProviderError> {
        if !self.has_waited.swap(true, Ordering::SeqCst) {
            self.arrived.notify_one();
            self.go.notified().await;
        }
        self.inner.unwrap(wrapping_key, context, wrapped).await
    }

    async fn destroy(&self, wrapping_key: &WrappingKeyId) -> Result<Destruction, KeyProviderError> {
        self.inner.destroy(wrapping_key).await
    }
}
