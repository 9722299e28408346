//! The vault over a store in memory: what it admits, opens, keeps and destroys.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop at the first surprise, in its helpers too"
)]

mod admitting;
mod concurrency;
mod correcting;
mod cost;
mod disposing;
mod faults;
mod listing;
mod reading;
mod redaction;
mod resealing;
mod sealing;
mod staging;
mod streaming;
mod support;
