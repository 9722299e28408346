//! The program as an auditor runs it, on exports whole and tampered with.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop at the first surprise, in its helpers too"
)]

mod export;
mod receipts;
mod verdicts;
