//! Everything about the compliance ledger that can be checked without trusting whoever keeps it: what an entry
//! commits to, how entries become a Merkle tree, how its head is signed, how the tree is laid out in files, and
//! how anyone checks that an entry is in it and that it only ever grew.
//!
//! The tree is the one of RFC 9162 with SHA-256; notes, checkpoints, tiles and proofs are in the open formats of
//! [C2SP](https://c2sp.org), which programs that nobody here wrote can read. Everything here is a pure function
//! over plain data: no storage, no clock, no randomness. An auditor who trusts nothing else of this workspace
//! can read this crate alone, or write the same in another language and test it with `vectors/`.
//!
//! # From event to root
//!
//! An entry is not the event but a commitment to it ([`EntryCommitment`]): SHA-256 over a label, 32 random
//! bytes ([`Blinding`]) and the event's canonical bytes. The log can therefore be handed to anyone, and
//! once the blinding and the event are destroyed the entry no longer tells what it was about.
//!
//! ```
//! use wzapi_ledger_proof::compact_range::CompactRange;
//! use wzapi_ledger_proof::inclusion::InclusionProof;
//! use wzapi_ledger_proof::memory_tree::MemoryTree;
//! use wzapi_ledger_proof::{Blinding, EntryCommitment};
//!
//! // In production a blinding is 32 bytes from the system's source of randomness.
//! let entry = EntryCommitment::compute(&Blinding::from_bytes([7; 32]), br#"{"kind":"withdrawal"}"#);
//!
//! let mut tree = MemoryTree::new();
//! tree.append(EntryCommitment::from([1; 32]).leaf_hash())?;
//! tree.append(entry.leaf_hash())?;
//! tree.append(EntryCommitment::from([2; 32]).leaf_hash())?;
//!
//! // Whoever holds the head (from a checkpoint whose signature they checked) can check the entry.
//! let proof = InclusionProof::build(&tree, 1, 3)?;
//! proof.verify(entry.leaf_hash(), 1, tree.head())?;
//!
//! // A different event, or the same event elsewhere, is refused.
//! let forged = EntryCommitment::compute(&Blinding::from_bytes([7; 32]), br#"{"kind":"grant"}"#);
//! assert!(proof.verify(forged.leaf_hash(), 1, tree.head()).is_err());
//! assert!(proof.verify(entry.leaf_hash(), 0, tree.head()).is_err());
//! # Ok::<(), wzapi_ledger_proof::ProofError>(())
//! ```
//!
//! # From root to verdict
//!
//! A root means something when the log has signed it. [`tlog_proof`] puts the event, the way up to the root and
//! the signed checkpoint into one file, which is all that a verifier needs beside the log's key; its example
//! goes from event to file and back. [`audit`] checks a whole log that was exported as files.
//!
//! # What is where
//!
//! | module | idea |
//! |---|---|
//! | [`compact_range`] | append and recompute the root while keeping at most 62 hashes |
//! | [`inclusion`] | this entry stands at this index of that tree |
//! | [`consistency`] | that tree begins with all of this older tree |
//! | [`nodes`] | where the hashes that proofs are built from come from |
//! | [`memory_tree`] | a whole tree in memory, for tests and small logs |
//! | [`signed_note`] | text with signatures below it, the keys that make and check them |
//! | [`checkpoint`] | the signed head of a log, and whom a verifier believes about it |
//! | [`cosignature`] | the word of a witness under a checkpoint |
//! | [`tiles`] | the tree as static files, and proofs from few of them |
//! | [`tlog_proof`] | a proof in one file, with the event that it is about |
//! | [`receipt`] | a document about a consent, signed by the log, with the proofs of what it says |
//! | [`handover`] | how a log passes from one key to the next |
//! | [`succession`] | how one log follows another |
//! | [`export`] | a log as a directory of files |
//! | [`audit`] | the check of a whole exported log, which says where a fault is |
//! | [`canonical`] | the one spelling of an event |
//!
//! # What a proof does not say
//!
//! A proof ties an entry to a [`TreeHead`], and a head to a later one. Size and root mean something only
//! together and only from a source that the caller trusts, such as a checkpoint that a policy accepted. Nor can
//! any proof show that the same log did not sign a second history for someone else; only comparing checkpoints
//! with others, or witnesses, can.

pub mod audit;
pub mod canonical;
pub mod checkpoint;
pub mod compact_range;
pub mod consistency;
pub mod cosignature;
pub mod export;
pub mod handover;
pub mod inclusion;
pub mod memory_tree;
pub mod nodes;
pub mod receipt;
pub mod signed_note;
pub mod succession;
pub mod tiles;
pub mod tlog_proof;

mod base64_text;
mod decimal;
mod entry;
mod error;
mod hash;
mod hex;
mod path;
mod tree_head;

pub use entry::{Blinding, EntryCommitment};
pub use error::ProofError;
pub use hash::Hash;
pub use tree_head::TreeHead;
