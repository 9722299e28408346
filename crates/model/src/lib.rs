//! The vocabulary that every wzapi crate speaks.
//!
//! This crate holds types and pure functions only: it reads no clock, draws no randomness and does no I/O,
//! except in [`system`], the one module where the operating system's clock and source of randomness are
//! wrapped behind the [`Clock`] and [`Entropy`] traits.
//!
//! | module | what is in it |
//! |---|---|
//! | [`identifier`] | E.164 numbers with WhatsApp's quirks, business-scoped user ids, e-mail addresses |
//! | [`ids`] | random identifiers of controllers, senders, subjects, changesets and ledger entries |
//! | [`name`] | policy-defined names: purposes and data categories |
//! | [`basis`] | legal bases of GDPR Article 6 and their counterparts |
//! | [`message`] | channels and WhatsApp message categories |
//! | [`consent`] | consent acts, scopes, methods and the states of the W3C Data Privacy Vocabulary |
//! | [`actor`] | who asks for an operation, and with which roles |
//! | [`personal`] | wrappers whose `Debug` prints a redaction |
//! | [`time`] | timestamps in milliseconds and the [`Clock`] trait |
//! | [`entropy`] | the [`Entropy`] trait |
//!
//! ```
//! use wzapi_model::identifier::E164;
//!
//! // Two spellings of one Mexican line have one canonical form, and neither shows up in a log.
//! let long: E164 = E164::parse("+52 1 55 1234 5678")?;
//! let short: E164 = E164::parse("+52 55 1234 5678")?;
//! assert_eq!(long, short);
//! assert_eq!(format!("{long:?}"), "E164([redacted])");
//! # Ok::<(), wzapi_model::identifier::IdentifierError>(())
//! ```

pub mod actor;
pub mod basis;
pub mod consent;
pub mod entropy;
pub mod identifier;
pub mod ids;
pub mod message;
pub mod name;
pub mod personal;
pub mod system;
pub mod time;

pub use entropy::Entropy;
pub use time::{Clock, Timestamp};
