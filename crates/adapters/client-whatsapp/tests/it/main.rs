//! The client crate's own requests, over TLS, against a stand-in for the Cloud API on this machine.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test stops at the first surprise, also in what its functions share, and says what it measured"
)]

mod errors;
mod sending;
mod stand_in;
mod withdrawals;
mod world;
