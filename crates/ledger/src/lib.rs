//! The accountability log.
//!
//! Each controller has a Merkle log. An **entry** is 32 bytes, a blinded commitment to an event; its blinding and
//! the event stand in the entry's **body**, a row sealed under the key of the person it is about. Destroying the
//! body leaves every proof about everybody else intact, and a commitment that nobody can link to anything.
//!
//! | module | what is in it |
//! |---|---|
//! | [`event`] | what is recorded, and its canonical bytes (RFC 8785) |
//! | [`entry`] | an event turned into a commitment and a sealed body |
//! | [`sequencer`] | gives entries their indexes and commits them with the changes they account for |
//! | [`notary`] | signed checkpoints, proofs and exports, in the open C2SP formats |
//! | [`log_key`] | the keys that sign them |
//! | [`journal`] | what a restored backup must not forget |
//! | [`erasure`] | erasing bodies, and certifying it |
//! | [`mod@verify`] | recomputes a log from storage and says where it was altered |

pub mod entry;
pub mod erasure;
mod error;
pub mod event;
pub mod journal;
pub mod log_key;
pub mod notary;
mod outcome;
pub mod sequencer;
pub mod verify;

/// The arithmetic and the formats, which need nothing else of these libraries.
pub use wzapi_ledger_proof as proof;

pub use entry::{PreparedEntry, SealedBody};
pub use error::LedgerError;
pub use event::Event;
pub use notary::Notary;
pub use sequencer::{Appended, Ledger};
pub use verify::{Fault, FaultKind, Verification, Verifier};
