//! Consent and the send gate, as an engine uses them: against the specification in `docs/gate.md`, against naive
//! references, and through the public operations over a store in memory.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop at the first surprise, in its helpers too"
)]

mod concurrency;
mod fold;
mod gate_table;
mod identity;
mod import;
mod operations;
mod permits;
mod recording;
mod redaction;
mod support;
