//! The ledger over the memory store.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests stop at the first surprise"
)]

mod appending;
mod backup;
mod checkpoints;
mod doubles;
mod erasing;
mod events;
mod exports;
mod faults;
mod handing_over;
mod interference;
mod journal_file;
mod json_schema;
mod kills;
mod log_vectors;
mod proofs;
mod restoring;
mod sharding;
mod tampering;
mod tampering_table;
mod verifying;
mod world;
