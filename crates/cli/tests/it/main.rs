//! The operator's tool as its users meet it: a process, its exit code, and what it prints.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests stop at the first surprise"
)]

mod check;
mod compaction;
mod database;
mod import;
mod ingest;
mod keys;
mod kill;
mod ledger;
mod opening;
mod optout;
mod policy;
mod preflight;
mod registration;
mod rows;
mod support;
