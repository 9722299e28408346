//! Consent records and receipts (policy clauses 2.c, 3.b and 9): what was asked, told and answered, as a document that
//! programs of others read.
//!
//! A document is about one person and one purpose. It has the fields of ISO/IEC TS 27560:2023 in the terms of the W3C
//! Data Privacy Vocabulary (DPV 2, profile `dpv-27560`), as JSON-LD. The **record** is the controller's, with every
//! language that the policy declares; the **receipt** is the person's copy, in one language. Neither names the person
//! otherwise than by the random id under which the controller knows them.
//!
//! What leaves here is a [`Receipt`](wzapi_ledger::proof::receipt::Receipt): the document, the log's signature over it,
//! and a proof for each act that it cites. `docs/formats/consent-receipt.md` describes both.
//!
//! | module | what is in it |
//! |---|---|
//! | [`document`] | from acts and policy to the document (pure) |
//! | [`issue`] | reads the acts, has the document signed and proved, and accounts for it |
//! | [`vocabulary`] | which term of the vocabulary stands for what |

pub mod document;
mod error;
pub mod issue;
pub mod vocabulary;

pub use document::{DocumentKind, Subject};
pub use error::IssueError;
pub use issue::{Issued, Issuer, Order, Purposes};
