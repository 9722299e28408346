//! The crate as a host uses it, on the collected payloads of `examples/webhooks` and the constructed ones of `tests/data`.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop at the first surprise, in its helpers too"
)]
#![allow(clippy::print_stdout, reason = "the corpus prints its figures")]

mod bad_input;
mod catalogue;
mod contents;
mod fields;
mod identity_changes;
mod links;
mod mutations;
mod optout_corpus;
mod optout_examples;
mod optout_rules;
mod payloads;
mod redaction;
mod signatures;
mod source_keys;
