//! The codec against a naive account of it and against its vectors, and drafts over the store in memory.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop at the first surprise, in its helpers too"
)]

mod arbitrary;
mod bodies;
mod changesets;
mod drafts;
mod keys;
mod vectors;
