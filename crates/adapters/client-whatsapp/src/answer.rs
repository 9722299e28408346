//! What an answer says about the message: taken, refused, or not known. Pure.
//!
//! In doubt it is not known, since a message that is sent twice cannot be taken back.

use serde_json::Value;
use whatsapp::models::MessageResponse;
use whatsapp::{ApiError, WhatsappError};

use crate::error::Rejection;
use crate::outcome::{ProviderMessageId, Uncertainty};

/// The longest message id that the gate binds, in bytes.
const MAX_MESSAGE_ID: usize = 1024;

/// Why there is no message id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// Nothing left this machine, for the request is none.
    Unwritable,
    /// Nothing left this machine, for there is no connection.
    Unreachable,
    /// Meta said no.
    Rejected(Rejection),
    /// Anything may have happened.
    Uncertain(Uncertainty),
}

/// Of an answer that the client crate could read.
pub(crate) fn of_success(answer: &MessageResponse) -> Result<ProviderMessageId, Failure> {
    message_id(answer.messages.first().map(|message| message.id.as_str()))
}

/// Of what the client crate calls an error.
pub(crate) fn of_error(error: &WhatsappError) -> Failure {
    match error {
        WhatsappError::ApiError(error) => of_api_error(error),
        WhatsappError::ReqwestError(error) => of_fault(error),
        // The status is not told, so it may be that of a gateway that gave up waiting.
        WhatsappError::UnexpectedError(_) => Failure::Uncertain(Uncertainty::UnreadableAnswer),
        // The enum is not exhaustive. What a later version adds tells nothing, so it is taken for the worst.
        _ => Failure::Uncertain(Uncertainty::UnreadableAnswer),
    }
}

fn of_api_error(error: &ApiError) -> Failure {
    refused(error.status, error.code)
}

/// Of an answer to a request that went past the client crate.
pub(crate) fn of_bytes(status: u16, body: &[u8]) -> Result<ProviderMessageId, Failure> {
    let body: Option<Value> = serde_json::from_slice(body).ok();
    if matches!(status, 200 | 201) {
        let id = body.as_ref().and_then(|body| body.pointer("/messages/0/id")).and_then(Value::as_str);
        return message_id(id);
    }
    let code = body.as_ref().and_then(|body| body.pointer("/error/code")).and_then(Value::as_i64);
    Err(code.map_or(Failure::Uncertain(Uncertainty::UnreadableAnswer), |code| refused(status, code)))
}

/// Of a request that got no whole answer. Only what fails before a connection stands is known not to have been sent.
pub(crate) fn of_fault(error: &reqwest::Error) -> Failure {
    if error.is_builder() {
        Failure::Unwritable
    } else if error.is_connect() {
        Failure::Unreachable
    } else if error.is_timeout() {
        Failure::Uncertain(Uncertainty::TimedOut)
    } else if error.is_decode() {
        Failure::Uncertain(Uncertainty::UnreadableAnswer)
    } else {
        Failure::Uncertain(Uncertainty::ConnectionLost)
    }
}

fn message_id(id: Option<&str>) -> Result<ProviderMessageId, Failure> {
    match id {
        Some(id) if !id.is_empty() && id.len() <= MAX_MESSAGE_ID => Ok(ProviderMessageId::new(id)),
        Some(_) | None => Err(Failure::Uncertain(Uncertainty::UnreadableAnswer)),
    }
}

fn refused(status: u16, code: i64) -> Failure {
    match status {
        400..=499 => Failure::Rejected(Rejection { status, code }),
        _ => Failure::Uncertain(Uncertainty::ServerFailed(status)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNREADABLE: Failure = Failure::Uncertain(Uncertainty::UnreadableAnswer);

    #[test]
    fn a_success_without_a_usable_id_is_uncertain() {
        let long = format!(r#"{{"messages":[{{"id":"{}"}}]}}"#, "x".repeat(MAX_MESSAGE_ID + 1));
        for body in ["", "[]", "{}", r#"{"messages":[]}"#, r#"{"messages":[{"id":""}]}"#, &long] {
            assert_eq!(of_bytes(200, body.as_bytes()).unwrap_err(), UNREADABLE);
        }
        assert_eq!(of_bytes(200, br#"{"messages":[{"id":"wamid.1"}]}"#).unwrap().expose(), "wamid.1");
    }

    #[test]
    fn a_code_counts_as_a_refusal_only_beside_a_status_that_blames_the_request() {
        let body = br#"{"error":{"code":131050,"message":"m"}}"#;
        let rejection = Rejection { status: 400, code: 131_050 };
        assert_eq!(of_bytes(400, body).unwrap_err(), Failure::Rejected(rejection));
        for status in [202, 302, 500, 503] {
            let expected = Failure::Uncertain(Uncertainty::ServerFailed(status));
            assert_eq!(of_bytes(status, body).unwrap_err(), expected);
        }
        assert_eq!(of_bytes(400, b"<html>").unwrap_err(), UNREADABLE);
        assert_eq!(of_bytes(502, b"<html>").unwrap_err(), UNREADABLE);
    }

    #[test]
    fn the_client_crates_own_reading_of_an_error_is_judged_alike() {
        let mut error: ApiError = serde_json::from_str(r#"{"code":131047,"message":"m"}"#).unwrap();
        error.status = 400;
        let rejection = Rejection { status: 400, code: 131_047 };
        assert_eq!(of_error(&WhatsappError::ApiError(Box::new(error.clone()))), Failure::Rejected(rejection));
        error.status = 500;
        let failed = Failure::Uncertain(Uncertainty::ServerFailed(500));
        assert_eq!(of_error(&WhatsappError::ApiError(Box::new(error))), failed);
        assert_eq!(of_error(&WhatsappError::UnexpectedError("<html>".to_owned())), UNREADABLE);
    }
}
