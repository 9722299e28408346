//! Retention over a store in memory: holds, and the sweep.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop at the first surprise, in its helpers too"
)]

mod holding;
mod interrupted;
mod marks;
mod oracle;
#[path = "../../../vault/tests/it/support.rs"]
#[allow(dead_code, reason = "the vault's tests use more of it")]
mod support;
mod sweeping;
