//! The crate against the definition of RFC 9162, the known answers of Certificate Transparency, and the
//! published vectors.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop at the first surprise, in its helpers too"
)]

mod audits;
mod by_hand;
mod checkpoint_vectors;
mod checkpoints;
mod compact_range;
mod consistency;
mod fixture;
mod hostile;
mod huge_trees;
mod inclusion;
mod known_answers;
mod mutation;
mod note_vectors;
mod notes;
mod other_implementations;
mod proof_vectors;
mod published;
mod reference;
mod rotations;
mod tile_proofs;
mod tile_vectors;
mod tlog_proofs;
mod vector_file;
mod vectors;
mod wycheproof;
