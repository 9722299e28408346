//! Sends messages through the client crate [`whatsapp`], and only with a permit of the send gate.
//!
//! [`GatedClient::send_gated`] is the whole way: it redeems the permit, transmits, and binds Meta's message id to
//! the permit. [`GatedClient::send`] is the middle of it, for a service that redeems and binds by itself. Neither
//! can be called without a permit, and each spends the one it is given.
//!
//! ```
//! use whatsapp::models::Template;
//! use wzapi_client_whatsapp::{Content, GatedClient, GatedError, SendError, TemplateCategory};
//! use wzapi_compliance::Controller;
//! use wzapi_compliance::consent::SendPermit;
//! use wzapi_compliance::model::actor::Actor;
//!
//! async fn greet(shop: &Controller, client: &GatedClient, actor: &Actor, permit: SendPermit) {
//!     let content = Content::template(Template::new("spring_sale", "en"), TemplateCategory::Marketing);
//!     match client.send_gated(&shop.gate(), actor, permit, &content).await {
//!         Ok(bound) => drop(bound.message_id),
//!         // The person withdrew since the check. Nothing was sent.
//!         Err(GatedError::Refused(decision)) => drop(decision.reasons),
//!         // Perhaps sent. A status with this permit's id settles it; sending again may send twice.
//!         Err(GatedError::Send(SendError::Unconfirmed(unconfirmed))) => drop(unconfirmed.permit_id()),
//!         Err(error) => drop(error),
//!     }
//! }
//! ```
//!
//! | module | idea |
//! |---|---|
//! | [`client`] | the client that demands permits |
//! | [`content`] | what is sent, and which category of permit it needs |
//! | [`outcome`] | sent, sent and bound, perhaps sent |
//! | [`error`] | what can go wrong, and whether anything was sent then |
//!
//! The types of [`whatsapp::models`] stand in this crate's signatures, since it adapts that crate and no other.
//!
//! **What the client crate writes to a log.** `whatsapp` logs the body of every answer that is not a success, at level
//! `warn` and target `whatsapp::whatsapp_client`. Such a body can name the recipient. Filter that target out.

pub mod client;
pub mod content;
pub mod error;
pub mod outcome;

mod answer;
mod request;

pub use client::{Account, GatedClient};
pub use content::{Content, TemplateCategory};
pub use error::{GatedError, Rejection, SendError, SetupError};
pub use outcome::{Bound, ProviderMessageId, Sent, Uncertainty, Unconfirmed};
