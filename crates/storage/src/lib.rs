//! What wzapi asks of a database, in three methods.
//!
//! The engines of wzapi (consent, ledger, encryption, …) keep their state through the [`Storage`] trait and
//! through nothing else. A team that runs a database of its own implements the trait over it and runs the
//! conformance suite of `wzapi-storage-testkit`.
//!
//! | module | what is in it |
//! |---|---|
//! | [`contract`] | the trait and its written contract, sentence by sentence |
//! | [`key`] | typed keys, and prefixes to scan by |
//! | [`row`] | one body type per kind of row |
//! | [`changeset`] | writes and preconditions that commit together |
//! | [`query`] | scans and their cursors |
//! | [`compaction`] | what a store answers when it was compacted |
//! | [`codec`] | order-preserving keys and versioned bodies, for key-value engines |
//! | [`draft`] | the working set with which engines read, decide and write |
//! | [`error`] | what can go wrong, by what the caller can do |

pub mod changeset;
pub mod codec;
pub mod compaction;
pub mod contract;
pub mod draft;
pub mod error;
pub mod key;
pub mod query;
pub mod row;

pub use changeset::{Changeset, Committed, Durability, Precondition, Version};
pub use contract::Storage;
pub use draft::Draft;
pub use error::StorageError;
pub use key::{Key, Owner};
