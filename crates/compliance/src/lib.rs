//! Privacy compliance for services that send WhatsApp messages.
//!
//! Build a [`Compliance`] over a store, register controllers and their senders, and go through one handle per
//! controller. Every operation takes an [`Actor`](model::actor::Actor) and needs a permission of
//! [`Permission`](access::Permission); what is refused is recorded.
//!
//! ```
//! use std::sync::Arc;
//! use wzapi_compliance::consent::{NewAct, gate::{Checked, Message, SendRequest}};
//! use wzapi_compliance::model::actor::{Actor, Role};
//! use wzapi_compliance::model::consent::{ConsentAct, ConsentMethod, ConsentScope};
//! use wzapi_compliance::model::identifier::Identifier;
//! use wzapi_compliance::model::ids::{ControllerId, SenderId};
//! use wzapi_compliance::model::message::MessageCategory;
//! use wzapi_compliance::model::name::PurposeId;
//! use wzapi_compliance::{Compliance, encryption::LocalKeyring, storage_memory::MemoryStorage};
//! use wzapi_compliance::model::system::SystemEntropy;
//!
//! # tokio::runtime::Builder::new_multi_thread().build()?.block_on(async {
//! # let folder = tempfile::tempdir()?;
//! let keyring = LocalKeyring::open_or_create(&folder.path().join("keyring"), Arc::new(SystemEntropy::new()))?;
//! let compliance = Compliance::builder()
//!     .storage(Arc::new(MemoryStorage::new()))
//!     .key_provider(Arc::new(keyring))
//!     .build()
//!     .await?;
//!
//! let actor = Actor::service("example", [Role::Administrator, Role::ConsentManager, Role::Sender])?;
//! let controller: ControllerId = "6f0c2d1e-8a4b-4c3d-9e2f-0123456789ab".parse()?;
//! let sender: SenderId = "0b9d3a52-7c1f-4e58-8a6d-abcdef012345".parse()?;
//! let shop = compliance.register_controller(&actor, controller).await?;
//! shop.register_sender(&actor, sender, "106540352242922", "102290129340398").await?;
//!
//! // Nothing is known about this person yet, so nothing may be sent.
//! let recipient = Identifier::parse_recipient("+91 98765 43210")?;
//! let message = Message::new(sender, MessageCategory::Marketing);
//! let request = SendRequest::new(recipient.clone(), message);
//! assert!(matches!(shop.gate().check(&actor, &request).await?, Checked::Refused(_)));
//!
//! // The person agrees, and a permit is given. The host's send function demands one.
//! let scope = ConsentScope::whatsapp(PurposeId::marketing());
//! let consent = NewAct::direct(ConsentAct::Given, scope, ConsentMethod::WebForm);
//! let _recorded = shop.consent().record(&actor, &recipient, &consent).await?;
//! let Checked::Allowed(permit) = shop.gate().check(&actor, &request).await? else { panic!("consent was given") };
//! # drop(permit);
//! # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(()) })?;
//! # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
//! ```
//!
//! | module | what is in it |
//! |---|---|
//! | [`builder`] | how a [`Compliance`] is put together |
//! | [`controller`] | the handle of one controller: `consent()`, `gate()`, `ledger()`, `ingest()` |
//! | [`consenting`] | recording, importing and asking about consent |
//! | [`receipts`] | consent records and receipts, signed and proved |
//! | [`sending`] | the send gate: check, preflight, redeem, bind |
//! | [`data_directory`] | everything in one directory of one machine |
//! | `location` | a directory or a database, by its address (feature `postgres`) |
//! | [`ingest`] | webhook deliveries become consent, withdrawals and windows |
//! | [`records`] | personal data, stored under the policy and read for a purpose |
//! | [`log`] | checkpoints, proofs, exports and verification of a log |
//! | [`keys`] | rotation, epochs, export and import of keys |
//! | [`expiry`] | the end of what is kept only for a time |
//! | [`error`] | what can go wrong, by what the caller can do |
//!
//! The crates underneath are re-exported, so that a service depends on this one alone.

pub mod builder;
pub mod consenting;
pub mod controller;
#[cfg(feature = "embedded")]
pub mod data_directory;
pub mod error;
pub mod expiry;
pub mod ingest;
pub mod keys;
#[cfg(feature = "postgres")]
pub mod location;
pub mod log;
pub mod receipts;
pub mod records;
mod registration;
pub mod sending;
mod services;

pub use builder::{Builder, Compliance};
pub use controller::Controller;
pub use error::Error;

pub use wzapi_access as access;
pub use wzapi_consent as consent;
pub use wzapi_encryption as encryption;
pub use wzapi_ledger as ledger;
pub use wzapi_model as model;
pub use wzapi_policy as policy;
pub use wzapi_receipt as receipt;
pub use wzapi_storage as storage;
#[cfg(feature = "embedded")]
pub use wzapi_storage_embedded as storage_embedded;
pub use wzapi_storage_memory as storage_memory;
#[cfg(feature = "postgres")]
pub use wzapi_storage_postgres as storage_postgres;
pub use wzapi_vault as vault;
pub use wzapi_whatsapp as whatsapp;

/// The README's code compiles.
#[cfg(all(doctest, feature = "embedded"))]
#[doc = include_str!("../../../README.md")]
struct Readme;
