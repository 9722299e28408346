//! What can go wrong, and whether anything was sent then.
//!
//! No text of the client crate's errors comes along: they repeat parts of answers, which can name the recipient.

use wzapi_compliance::consent::gate::Decision;
use wzapi_compliance::model::identifier::IdentifierKind;
use wzapi_compliance::model::message::MessageCategory;
use wzapi_compliance::whatsapp::error_code::{ErrorCode, Response};

use crate::outcome::{Sent, Unconfirmed};

/// Why a client could not be set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    /// It becomes a part of an address.
    #[error("a phone number id has 1 to 64 letters and digits")]
    PhoneNumberId,
    /// It becomes a part of an address.
    #[error("a version of the Graph API has 1 to 16 letters, digits and dots")]
    ApiVersion,
    /// It becomes a part of a header.
    #[error("an access token is printable ASCII without spaces")]
    AccessToken,
    /// The roots of TLS could not be loaded, for example.
    #[error("the HTTP client could not be set up")]
    HttpClient,
}

/// Meta's refusal of one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rejection {
    /// The status of the HTTP answer.
    pub status: u16,
    /// Meta's error code, such as 131050.
    pub code: i64,
}

impl Rejection {
    /// What the code means, when it bears on the person, the window or the business's standing.
    #[must_use]
    pub fn meaning(self) -> Option<ErrorCode> {
        u32::try_from(self.code).ok().and_then(ErrorCode::from_code)
    }

    /// What to do about it, when the code is known. [`Response::RecordOptOut`] means that the person stopped marketing:
    /// record it, and never retry.
    #[must_use]
    pub fn response(self) -> Option<Response> {
        self.meaning().map(ErrorCode::response)
    }
}

/// Why a message was not sent, or is not known to be. The permit is spent in every case.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The permit is for another sender than this client's. Nothing was sent.
    #[error("the permit is for another sender; nothing was sent")]
    WrongSender,
    /// The content needs a permit for another category. Nothing was sent.
    #[error("the permit is for a message of the category {} and the content is {}; nothing was sent", .permitted.as_str(), .content.as_str())]
    WrongCategory {
        /// The category of the permit.
        permitted: MessageCategory,
        /// The category of the content.
        content: MessageCategory,
    },
    /// WhatsApp cannot be sent to such an identifier. Nothing was sent.
    #[error("a WhatsApp message cannot be sent to an identifier of the kind {}; nothing was sent", .0.as_str())]
    WrongRecipient(IdentifierKind),
    /// The client crate cannot write this content down faithfully. A mistake there or here. Nothing was sent.
    #[error("the content cannot be written as a request; nothing was sent")]
    Unwritable,
    /// No connection could be made. Nothing was sent; check again and retry.
    #[error("the Cloud API cannot be reached; nothing was sent")]
    Unreachable,
    /// Meta refused the message. Nothing was sent; [`Rejection::response`] says what to do.
    #[error("the Cloud API refused the message with code {} (status {})", .0.code, .0.status)]
    Rejected(Rejection),
    /// Perhaps sent. Do not send again before a status with the permit's id has settled it.
    #[error("it is not known whether the message was sent")]
    Unconfirmed(Box<Unconfirmed>),
}

/// Why [`crate::GatedClient::send_gated`] did not come to its end. The permit is spent in every case.
#[derive(Debug, thiserror::Error)]
pub enum GatedError {
    /// The permit could not be redeemed. Nothing was sent.
    #[error("the permit could not be redeemed; nothing was sent")]
    Gate(#[source] Box<wzapi_compliance::Error>),
    /// The gate refuses the message now. Nothing was sent. The reasons say what would make it possible.
    #[error("the gate refuses the message now; nothing was sent")]
    Refused(Box<Decision>),
    /// The permit was too old. Nothing was sent; check again.
    #[error("the permit expired before it was redeemed; nothing was sent")]
    Expired,
    /// The transmission failed, or its outcome is not known.
    #[error(transparent)]
    Send(#[from] SendError),
    /// **The message was sent**, and its id is not bound yet. Never send it again: [`Sent::bind`] may be retried.
    #[error("the message was sent, and its id could not be bound to the permit")]
    Unbound {
        /// What was sent.
        sent: Box<Sent>,
        /// Why it is not bound.
        #[source]
        source: Box<wzapi_compliance::Error>,
    },
}
