//! The handshake by which Meta learns that a webhook address is ours.
//!
//! Meta sends `GET ?hub.mode=subscribe&hub.verify_token=…&hub.challenge=…` and expects the challenge back.
//! Source: Meta, "Webhooks from Meta", section "Verification requests".

use ring::hmac;

/// The longest challenge that is answered, in bytes. Meta's have about ten digits.
pub const MAX_CHALLENGE_LENGTH: usize = 256;

/// Only makes two texts comparable in constant time; it guards nothing.
const COMPARISON_KEY: &[u8] = b"wzapi webhook verify token comparison";

/// The handshake is not answered. Answer 403 and nothing more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SubscriptionError {
    /// No verify token is set up here, so nobody can know it.
    #[error("no verify token is configured")]
    NotConfigured,
    /// `hub.mode` is not `subscribe`.
    #[error("the mode is not `subscribe`")]
    WrongMode,
    /// `hub.verify_token` is not the one that was set up.
    #[error("the verify token does not match")]
    WrongToken,
    /// `hub.challenge` is empty, longer than [`MAX_CHALLENGE_LENGTH`] or not printable ASCII.
    #[error("the challenge is not 1 to {MAX_CHALLENGE_LENGTH} characters of printable ASCII")]
    BadChallenge,
}

/// The text to answer with: the challenge, when the token is the expected one. Send it as `text/plain`, since
/// it is the caller's text.
///
/// ```
/// use wzapi_whatsapp::subscription::{answer, SubscriptionError};
///
/// assert_eq!(answer("subscribe", "our-token", "1158201444", "our-token"), Ok("1158201444"));
/// assert_eq!(answer("subscribe", "guess", "1158201444", "our-token"), Err(SubscriptionError::WrongToken));
/// ```
///
/// # Errors
/// [`SubscriptionError`], checked in the order of its variants.
pub fn answer<'c>(
    mode: &str,
    verify_token: &str,
    challenge: &'c str,
    expected: &str,
) -> Result<&'c str, SubscriptionError> {
    if expected.is_empty() {
        return Err(SubscriptionError::NotConfigured);
    }
    if mode != "subscribe" {
        return Err(SubscriptionError::WrongMode);
    }
    let key = hmac::Key::new(hmac::HMAC_SHA256, COMPARISON_KEY);
    let tag = hmac::sign(&key, expected.as_bytes());
    if hmac::verify(&key, verify_token.as_bytes(), tag.as_ref()).is_err() {
        return Err(SubscriptionError::WrongToken);
    }
    let printable = challenge.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    if challenge.is_empty() || challenge.len() > MAX_CHALLENGE_LENGTH || !printable {
        return Err(SubscriptionError::BadChallenge);
    }
    Ok(challenge)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_token_is_answered_and_only_with_a_harmless_challenge() {
        use SubscriptionError::{BadChallenge, NotConfigured, WrongMode, WrongToken};
        let long = "1".repeat(MAX_CHALLENGE_LENGTH + 1);
        let table = [
            ("subscribe", "", "1", "", NotConfigured),
            ("unsubscribe", "t", "1", "t", WrongMode),
            ("subscribe", "", "1", "t", WrongToken),
            ("subscribe", "t ", "1", "t", WrongToken),
            ("subscribe", "T", "1", "t", WrongToken),
            ("subscribe", "t", "", "t", BadChallenge),
            ("subscribe", "t", "a\r\nSet-Cookie: x", "t", BadChallenge),
            ("subscribe", "t", "é", "t", BadChallenge),
            ("subscribe", "t", &long, "t", BadChallenge),
        ];
        for (mode, token, challenge, expected, error) in table {
            assert_eq!(answer(mode, token, challenge, expected), Err(error), "{mode} {token} {challenge}");
        }
        assert_eq!(answer("subscribe", "t", "12 34", "t"), Ok("12 34"));
    }
}
