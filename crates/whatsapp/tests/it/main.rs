//! The crate as a host uses it, on the collected payloads of `examples/webhooks`.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop at the first surprise, in its helpers too"
)]

mod bad_input;
mod catalogue;
mod contents;
mod identity_changes;
mod links;
mod mutations;
mod payloads;
mod redaction;
mod signatures;
mod source_keys;
