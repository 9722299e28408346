//! Who may be messaged, and the proof of it (policy clauses 2.c and 3.b).
//!
//! | module | what is in it |
//! |---|---|
//! | [`standing`] | the fold: what a set of acts amounts to, whatever the order in which they arrived (pure) |
//! | [`recording`] | acts, identifiers and windows written as one changeset with their ledger entries |
//! | [`review`] | what waits for an officer: grants that were set aside, and doubts |
//! | [`details`] | what is sealed with an act |
//! | [`person`] | which subject an identifier belongs to |
//! | [`gate`] | the send gate: decision, permit, redemption |
//! | [`import`] | consents taken over from a file |
//! | [`history`] | what one person did, read back |
//!
//! Two facts hold everything together. The state is a join of marks, so that neither redelivery nor disorder
//! changes it. And every change about a person rewrites the person's subject row and gate rows under
//! preconditions, so that two changes never pass each other.

pub mod details;
mod entry_words;
mod error;
pub mod gate;
pub mod history;
pub mod import;
pub mod person;
pub mod recording;
pub mod review;
pub mod standing;
mod subject;

pub use error::ConsentError;
pub use gate::{Gate, GateRules, SendPermit, SendRequest};
pub use recording::{ConsentLedger, GrantRules, NewAct, Recorded, Recording};
