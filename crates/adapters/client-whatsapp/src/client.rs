//! The client that demands permits.

use std::fmt;
use std::time::Duration;

use serde_json::Value;
use whatsapp::WhatsappClient;
use whatsapp::models::Message;
use wzapi_compliance::consent::gate::{Redeemed, RedeemedPermit, SendPermit};
use wzapi_compliance::model::actor::Actor;
use wzapi_compliance::model::ids::SenderId;
use wzapi_compliance::sending::SendGate;

use crate::answer::{self, Failure};
use crate::content::Content;
use crate::error::{GatedError, SendError, SetupError};
use crate::outcome::{Bound, ProviderMessageId, Sent, Uncertainty, Unconfirmed};
use crate::request::{self, Request};

/// How long an answer is waited for unless the host says otherwise.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

const API: &str = "https://graph.facebook.com";
/// An answer names one message. What is longer is none.
const MAX_ANSWER: usize = 64 * 1024;

/// A business telephone number at Meta.
#[derive(Clone, Copy)]
pub struct Account<'a> {
    /// The sender's id in this project. Permits for other senders are refused.
    pub sender: SenderId,
    /// Meta's id of the number, as given to `register_sender` for this sender.
    pub phone_number_id: &'a str,
    /// The access token of the app.
    pub access_token: &'a str,
}

/// Shows the sender alone.
impl fmt::Debug for Account<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("sender", &self.sender).finish_non_exhaustive()
    }
}

/// Sends by one business number, under permits. It has no other way to send: the client inside is not given out.
///
/// Messages to telephone numbers go through [`WhatsappClient::send_message`]. That crate has no field for a
/// business-scoped user id, so messages to those are written by it and posted here, to the same address.
pub struct GatedClient {
    client: WhatsappClient,
    http: reqwest::Client,
    sender: SenderId,
    phone_number_id: String,
    access_token: String,
    timeout: Duration,
}

impl GatedClient {
    /// A client for this account. When the process has no rustls provider yet, ring becomes its default.
    ///
    /// # Errors
    /// Every variant of [`SetupError`] but [`SetupError::ApiVersion`].
    pub fn new(account: Account<'_>) -> Result<Self, SetupError> {
        if !is_word(account.phone_number_id, 64, false) {
            return Err(SetupError::PhoneNumberId);
        }
        let token = account.access_token;
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(SetupError::AccessToken);
        }
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            // It fails when another thread was first, and then there is one.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        // Built first: the client crate panics where this returns an error, for the same reasons.
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|_| SetupError::HttpClient)?;
        Ok(Self {
            client: WhatsappClient::new(token, account.phone_number_id),
            http,
            sender: account.sender,
            phone_number_id: account.phone_number_id.to_owned(),
            access_token: token.to_owned(),
            timeout: DEFAULT_TIMEOUT,
        })
    }

    /// Waits so long for an answer. After that the outcome is unknown; the message may have been taken.
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Uses another version of the Graph API than the client crate does by default, such as `v26.0`.
    ///
    /// # Errors
    /// [`SetupError::ApiVersion`].
    pub fn api_version(mut self, version: &str) -> Result<Self, SetupError> {
        if !is_word(version, 16, true) {
            return Err(SetupError::ApiVersion);
        }
        self.client.set_version(version);
        Ok(self)
    }

    /// Redeems the permit, transmits, and binds Meta's message id to the permit. Nothing is sent unless the gate still
    /// allows it; nothing is ever sent twice. Dropping the future half-way leaves the outcome unknown, like
    /// [`SendError::Unconfirmed`].
    ///
    /// # Errors
    /// See [`GatedError`]: each variant says whether something was sent.
    pub async fn send_gated(
        &self,
        gate: &SendGate<'_>,
        actor: &Actor,
        permit: SendPermit,
        content: &Content,
    ) -> Result<Bound, GatedError> {
        let redeemed = match gate.redeem(actor, permit).await {
            Ok(Redeemed::Allowed(redeemed)) => redeemed,
            Ok(Redeemed::Refused(decision)) => return Err(GatedError::Refused(Box::new(decision))),
            Ok(Redeemed::Expired) => return Err(GatedError::Expired),
            Err(error) => return Err(GatedError::Gate(Box::new(error))),
        };
        let sent = self.send(redeemed, content).await?;
        match sent.bind(gate, actor).await {
            Ok(entry) => Ok(Bound { permit: sent.permit_id(), message_id: sent.message_id().clone(), entry }),
            Err(source) => Err(GatedError::Unbound { sent: Box::new(sent), source: Box::new(source) }),
        }
    }

    /// Transmits one message to the recipient of the permit, which it spends. Call it right after redeeming: what passes
    /// in between is the time in which a withdrawal comes too late.
    ///
    /// # Errors
    /// See [`SendError`]: each variant says whether something was sent.
    pub async fn send(&self, permit: RedeemedPermit, content: &Content) -> Result<Sent, SendError> {
        let permitted = permit.message();
        if permitted.sender != self.sender {
            return Err(SendError::WrongSender);
        }
        if permitted.category != content.category() {
            let permitted = permitted.category;
            return Err(SendError::WrongCategory { permitted, content: content.category() });
        }
        let request =
            request::write(permit.recipient(), &permit.expose_address(), permit.callback_data(), content)?;
        match tokio::time::timeout(self.timeout, self.transmit(&request)).await {
            Ok(Ok(message_id)) => Ok(Sent::new(permit, message_id)),
            Ok(Err(Failure::Unwritable)) => Err(SendError::Unwritable),
            Ok(Err(Failure::Unreachable)) => Err(SendError::Unreachable),
            Ok(Err(Failure::Rejected(rejection))) => Err(SendError::Rejected(rejection)),
            Ok(Err(Failure::Uncertain(why))) => Err(unconfirmed(permit, why)),
            Err(_) => Err(unconfirmed(permit, Uncertainty::TimedOut)),
        }
    }

    async fn transmit(&self, request: &Request) -> Result<ProviderMessageId, Failure> {
        match request {
            Request::ToNumber(message) => self.through_client(message).await,
            Request::ToUserId(body) => self.past_client(body).await,
        }
    }

    async fn through_client(&self, message: &Message) -> Result<ProviderMessageId, Failure> {
        let answer = self.client.send_message(message).await.map_err(|error| answer::of_error(&error))?;
        answer::of_success(&answer)
    }

    async fn past_client(&self, body: &Value) -> Result<ProviderMessageId, Failure> {
        let address = format!("{API}/{}/{}/messages", self.client.version(), self.phone_number_id);
        let request = self.http.post(address).bearer_auth(&self.access_token).json(body);
        let mut response = request.send().await.map_err(|error| answer::of_fault(&error))?;
        let status = response.status().as_u16();
        let mut answer = Vec::new();
        while let Some(part) = response.chunk().await.map_err(|error| answer::of_fault(&error))? {
            if answer.len() + part.len() > MAX_ANSWER {
                return Err(Failure::Uncertain(Uncertainty::UnreadableAnswer));
            }
            answer.extend_from_slice(&part);
        }
        answer::of_bytes(status, &answer)
    }
}

/// Shows the sender alone, and no token.
impl fmt::Debug for GatedClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GatedClient").field("sender", &self.sender).finish_non_exhaustive()
    }
}

fn unconfirmed(permit: RedeemedPermit, why: Uncertainty) -> SendError {
    SendError::Unconfirmed(Box::new(Unconfirmed::new(permit, why)))
}

/// Whether a text can stand in an address as one of its parts.
fn is_word(text: &str, longest: usize, may_have_dots: bool) -> bool {
    let is_fitting = |byte: u8| byte.is_ascii_alphanumeric() || (may_have_dots && byte == b'.');
    (1..=longest).contains(&text.len())
        && text.bytes().all(is_fitting)
        && text.bytes().any(|byte| byte != b'.')
}
