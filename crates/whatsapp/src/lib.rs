//! What WhatsApp tells a business about the persons it writes to: webhooks, checked and made into events.
//!
//! Everything here is a pure function over bytes: no network, no storage, no clock. The host receives a
//! request, checks the signature over the raw bytes ([`signature`]), and parses them ([`delivery`]). Parsing is
//! tolerant to the point that matters: one element that cannot be read becomes an item of kind unknown, sealed
//! bytes included, and never costs the delivery another element, which may be an opt-out.
//!
//! ```
//! use wzapi_whatsapp::content::Content;
//! use wzapi_whatsapp::delivery::{Delivery, Limits};
//! use wzapi_whatsapp::intent::Intent;
//! use wzapi_whatsapp::signature::AppSecrets;
//!
//! let body = br#"{"object":"whatsapp_business_account","entry":[{"id":"1001","changes":[{"field":"messages",
//!     "value":{"metadata":{"phone_number_id":"2002"},"messages":[{"from":"15550002222","id":"wamid.X",
//!     "timestamp":"1790416800","type":"text","text":{"body":"Please STOP!"}}]}}]}]}"#;
//!
//! let secrets = AppSecrets::new(b"an-app-secret")?;
//! let header = secrets.sign(body); // in production: the header `X-Hub-Signature-256`
//! secrets.verify(body, &header)?;
//!
//! let delivery = Delivery::parse(body, &Limits::default())?;
//! let [item] = delivery.items.as_slice() else { panic!("one message is one item") };
//! let Content::Message(message) = &item.content else { panic!("it is a message") };
//! assert_eq!(message.intent().intent, Intent::Withdraw);
//! assert!(!format!("{delivery:?}").contains("15550002222"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is where
//!
//! | module | idea |
//! |---|---|
//! | [`signature`] | was this body sent by Meta: HMAC-SHA256 under one of two app secrets |
//! | [`subscription`] | the handshake by which Meta learns that the address is ours |
//! | [`delivery`] | one request body becomes items, each with its place and its key against duplicates |
//! | [`content`] | what an item can be |
//! | [`person`] | whom an item is about, and which identifiers Meta states to be one person's |
//! | [`message`] | something that the person sent |
//! | [`status`] | what became of a message that the business sent |
//! | [`error_code`] | what Meta's error codes mean for consent and for retries |
//! | [`preference`] | the person stopped or resumed marketing in WhatsApp itself |
//! | [`identity_change`] | the person has a new number or a new business-scoped id |
//! | [`identity_key`] | the person's identity key changed |
//! | [`call`] | a voice call |
//! | [`group`] | a group of the business's; its participants are third persons and are counted only |
//! | [`echo`] | the business wrote from its own app |
//! | [`history`] | messages from before this service was connected |
//! | [`address_book`] | contacts of the business's own app |
//! | [`conversion`] | a lead or a purchase that Meta saw in a chat |
//! | [`account`] | the business account changed; some changes end the processing |
//! | [`business`] | templates, numbers, flows, payments, security: nothing about persons |
//! | [`intent`] | do these words mean stop |

pub mod account;
pub mod address_book;
pub mod business;
pub mod call;
pub mod content;
pub mod conversion;
pub mod delivery;
pub mod echo;
pub mod error_code;
pub mod group;
pub mod history;
pub mod identity_change;
pub mod identity_key;
pub mod intent;
pub mod message;
pub mod person;
pub mod preference;
pub mod signature;
pub mod status;
pub mod subscription;

mod node;
mod normalise;
