use thiserror::Error;

use crate::tree_head::TreeHead;

/// What is wrong with a proof, a tree or a hash.
///
/// None of these is worth a retry with the same input. Only numbers are kept: no entry, no hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ProofError {
    /// A list of hashes does not have the one length that its place in the tree allows. The proof, or
    /// the index and sizes it was checked with, are not the ones that belong together.
    #[error("{actual} hashes where the tree calls for {expected}")]
    WrongLength {
        /// The only length that could have been right.
        expected: usize,
        /// The length that was given.
        actual: usize,
    },
    /// The hashes do not lead to the root of the tree of this size: something was changed, or the proof
    /// belongs to another tree.
    #[error("the hashes do not lead to the root of the tree of size {size}")]
    RootMismatch {
        /// The size of the tree whose root is not met. It tells the older from the newer tree.
        size: u64,
    },
    /// The tree ends before this index.
    #[error("index {index} is beyond a tree of size {size}")]
    IndexBeyondSize {
        /// The index asked for.
        index: u64,
        /// The number of entries in the tree.
        size: u64,
    },
    /// The tree said to be older is larger than the newer one: a log that lost entries, or arguments in
    /// the wrong order.
    #[error("the older tree has {older} entries, the newer one only {newer}")]
    OlderIsLarger {
        /// The size of the tree given as the older one.
        older: u64,
        /// The size of the tree given as the newer one.
        newer: u64,
    },
    /// The tree is, or would become, larger than [`TreeHead::MAX_SIZE`].
    #[error("a tree of {size} entries is larger than {max}", max = TreeHead::MAX_SIZE)]
    TooLarge {
        /// The refused size.
        size: u64,
    },
    /// A hash that a proof needs is not held: the tree is smaller than the size asked for, or a part of
    /// it was lost.
    #[error("the hash of the subtree at level {level}, index {index} is missing")]
    NodeMissing {
        /// The level of the subtree; leaves are level 0.
        level: u8,
        /// Its place among the subtrees of that level, from 0 on the left.
        index: u64,
    },
    /// Text that should be a hash is not 64 lowercase hexadecimal digits.
    #[error("a hash is written as 64 lowercase hexadecimal digits")]
    BadHex,
}
