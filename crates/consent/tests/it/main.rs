//! Consent and the send gate, as an engine uses them: against the specification in `docs/gate.md`, against naive
//! references, and through the public operations over a store in memory.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop at the first surprise, in its helpers too"
)]

mod callbacks;
mod concurrency;
mod confirming;
mod consent_page;
mod fold;
mod gate;
mod identity;
mod identity_histories;
mod identity_page;
mod import;
mod import_denials;
mod import_formats;
mod operations;
mod permits;
mod recording;
mod redaction;
mod reviewing;
mod support;
