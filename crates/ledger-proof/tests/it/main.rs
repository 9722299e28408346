//! The crate against the definition of RFC 9162, the known answers of Certificate Transparency, and the
//! published vectors.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop at the first surprise, in its helpers too"
)]

mod compact_range;
mod consistency;
mod huge_trees;
mod inclusion;
mod known_answers;
mod reference;
mod vectors;
