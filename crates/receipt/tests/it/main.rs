//! Records and receipts: what they say, in whose terms, and what shows it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop at the first surprise, in its helpers too"
)]

mod histories;
mod issuing;
#[path = "../../../ledger/tests/it/json_schema.rs"]
#[allow(dead_code, reason = "the ledger's tests use more of it")]
mod json_schema;
mod jsonld;
mod schema;
mod synthetic;
mod tampering;
mod vocabulary;
