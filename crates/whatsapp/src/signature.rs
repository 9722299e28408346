//! Was this body sent by Meta: HMAC-SHA256 of the raw bytes under the app secret.
//!
//! Source: Meta, "Webhooks from Meta", section "Validate payloads". Check the bytes as they came from the
//! socket: a body that was decoded and written again has another signature.

use std::fmt;

use ring::hmac;

/// The longest app secret, in bytes. Meta's have 32.
pub const MAX_SECRET_LENGTH: usize = 256;

/// What stands before the hexadecimal digits in the header.
const PREFIX: &str = "sha256=";

/// Hexadecimal digits of an HMAC-SHA256.
const HEX_LENGTH: usize = 64;

/// A text cannot be an app secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AppSecretError {
    /// It is empty: anyone could sign with it.
    #[error("the app secret is empty")]
    Empty,
    /// It is longer than [`MAX_SECRET_LENGTH`].
    #[error("the app secret is longer than {MAX_SECRET_LENGTH} bytes")]
    TooLong,
    /// It holds white space or other bytes that are not visible ASCII, such as the line end of a file.
    #[error(
        "the app secret holds white space or bytes that are not visible ASCII; was a line end read along?"
    )]
    NotVisible,
}

/// A body was not sent by Meta, or not for this app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The header does not begin with `sha256=`.
    #[error("the signature header does not begin with `sha256=`")]
    MissingPrefix,
    /// What follows the prefix is not 64 hexadecimal digits.
    #[error("the signature is not 64 hexadecimal digits")]
    Malformed,
    /// No live app secret gives this signature.
    #[error("the signature does not match the body")]
    Mismatch,
}

/// The app secrets that are live: one, or two while one replaces the other.
///
/// ```
/// use wzapi_whatsapp::signature::AppSecrets;
///
/// let before = AppSecrets::new(b"old-secret")?;
/// let during = AppSecrets::new(b"new-secret")?.with_previous(b"old-secret")?;
/// let body = br#"{"object":"whatsapp_business_account","entry":[]}"#;
/// assert!(during.verify(body, &before.sign(body)).is_ok());
/// assert!(before.verify(body, &during.sign(body)).is_err());
/// # Ok::<(), wzapi_whatsapp::signature::AppSecretError>(())
/// ```
pub struct AppSecrets {
    current: hmac::Key,
    previous: Option<hmac::Key>,
}

impl AppSecrets {
    /// One live secret.
    ///
    /// # Errors
    /// [`AppSecretError`] when `current` cannot be a secret.
    pub fn new(current: &[u8]) -> Result<Self, AppSecretError> {
        Ok(Self { current: key(current)?, previous: None })
    }

    /// Also accepts what was signed under the secret that is being replaced.
    ///
    /// # Errors
    /// [`AppSecretError`] when `previous` cannot be a secret.
    pub fn with_previous(mut self, previous: &[u8]) -> Result<Self, AppSecretError> {
        self.previous = Some(key(previous)?);
        Ok(self)
    }

    /// Checks `header`, the value of `X-Hub-Signature-256`, over the body as it was received. The comparison
    /// takes the same time wherever the first difference stands, and every live secret is tried in any case.
    ///
    /// # Errors
    /// [`SignatureError`] unless one of the live secrets gives this signature.
    pub fn verify(&self, raw_body: &[u8], header: &str) -> Result<(), SignatureError> {
        let digits = header.strip_prefix(PREFIX).ok_or(SignatureError::MissingPrefix)?;
        let tag = decode_hex(digits).ok_or(SignatureError::Malformed)?;
        let by_current = hmac::verify(&self.current, raw_body, &tag).is_ok();
        let by_previous = self.previous.as_ref().is_some_and(|key| hmac::verify(key, raw_body, &tag).is_ok());
        if by_current | by_previous { Ok(()) } else { Err(SignatureError::Mismatch) }
    }

    /// The header that Meta would send with this body: for tests, and to replay stored deliveries.
    #[must_use]
    pub fn sign(&self, raw_body: &[u8]) -> String {
        let tag = hmac::sign(&self.current, raw_body);
        let digits = tag.as_ref().iter().flat_map(|byte| [byte >> 4, byte & 15]);
        let digits = digits.filter_map(|nibble| char::from_digit(u32::from(nibble), 16));
        PREFIX.chars().chain(digits).collect()
    }
}

impl fmt::Debug for AppSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppSecrets")
            .field("live", &(1 + usize::from(self.previous.is_some())))
            .finish_non_exhaustive()
    }
}

fn key(secret: &[u8]) -> Result<hmac::Key, AppSecretError> {
    if secret.is_empty() {
        return Err(AppSecretError::Empty);
    }
    if secret.len() > MAX_SECRET_LENGTH {
        return Err(AppSecretError::TooLong);
    }
    if !secret.iter().all(u8::is_ascii_graphic) {
        return Err(AppSecretError::NotVisible);
    }
    Ok(hmac::Key::new(hmac::HMAC_SHA256, secret))
}

fn decode_hex(digits: &str) -> Option<Vec<u8>> {
    if digits.len() != HEX_LENGTH {
        return None;
    }
    let nibbles: Option<Vec<u32>> = digits.chars().map(|digit| digit.to_digit(16)).collect();
    nibbles?
        .chunks_exact(2)
        .map(|pair| match pair {
            [high, low] => u8::try_from(high << 4 | low).ok(),
            _ => None,
        })
        .collect()
}
