//! Where the hashes that proofs are built from come from.
//!
//! A log keeps hashes of *perfect* subtrees only: those over 2^level neighbouring leaves, beginning at a
//! multiple of 2^level. Such a hash never changes once its leaves are there, so it can be stored, cached
//! and served for ever. Every other hash of the tree is computed from at most 62 of them.
//!
//! Storage that is read asynchronously does not implement [`HashReader`]. It asks a proof which nodes it
//! needs ([`InclusionProof::nodes`], [`ConsistencyProof::nodes`]), fetches them in one go, and builds the
//! proof from a map of what it fetched.
//!
//! [`InclusionProof::nodes`]: crate::inclusion::InclusionProof::nodes
//! [`ConsistencyProof::nodes`]: crate::consistency::ConsistencyProof::nodes

use std::collections::BTreeMap;
use std::ops::Range;

use crate::{Hash, ProofError};

/// The place of a perfect subtree: it covers the leaves `index * 2^level .. (index + 1) * 2^level`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodePosition {
    /// The height of the subtree: 0 for a single leaf, at most 62.
    pub level: u8,
    /// Its place among the subtrees of its level, from 0 on the left.
    pub index: u64,
}

/// Gives the hashes of the perfect subtrees of a tree.
///
/// An implementation must answer with the same hash for the same place for ever, and must fail for a
/// subtree whose leaves are not all there. Whoever builds a proof trusts the answers; whoever verifies
/// the proof does not.
pub trait HashReader {
    /// Why a hash could not be given. A mistake in what was asked for arrives in it as a [`ProofError`].
    type Error: From<ProofError>;

    /// The hash of the subtree over the leaves `index * 2^level .. (index + 1) * 2^level`.
    ///
    /// Called with levels up to 62 and leaves below the size of the tree that was asked about.
    ///
    /// # Errors
    ///
    /// Any failure to produce the hash, a missing one included.
    fn node(&self, level: u8, index: u64) -> Result<Hash, Self::Error>;
}

/// Hashes fetched beforehand. A place that is not among them is [`ProofError::NodeMissing`].
impl HashReader for BTreeMap<NodePosition, Hash> {
    type Error = ProofError;

    fn node(&self, level: u8, index: u64) -> Result<Hash, ProofError> {
        self.get(&NodePosition { level, index }).copied().ok_or(ProofError::NodeMissing { level, index })
    }
}

/// The perfect subtrees that together cover `leaves`, from left to right, each lower than the one before.
///
/// `leaves` must be a range that the tree's own splitting (RFC 9162, section 2.1.1) arrives at: it begins
/// at a multiple of a power of two that is no less than its length. Then each bit of the length is one
/// subtree, and the subtree of a bit ends where the bits below it begin.
pub(crate) fn cover(leaves: Range<u64>) -> impl Iterator<Item = NodePosition> {
    let Range { start, end } = leaves;
    (0..=62)
        .rev()
        .filter(move |level| (end - start) >> level & 1 == 1)
        .map(move |level| NodePosition { level, index: (end >> level) - 1 })
}

/// Reads the hashes of the subtrees that cover `leaves` (a range as for [`cover`]).
pub(crate) fn read<R: HashReader + ?Sized>(reader: &R, leaves: Range<u64>) -> Result<Vec<Hash>, R::Error> {
    cover(leaves).map(|position| reader.node(position.level, position.index)).collect()
}

/// The hash over neighbouring subtrees, each lower than the one before. The lower ones are joined first,
/// since a tree always splits off the largest perfect subtree on its left.
pub(crate) fn join(subtrees: &[Hash]) -> Hash {
    subtrees.iter().copied().rev().reduce(|right, left| Hash::node(&left, &right)).unwrap_or(Hash::EMPTY_ROOT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cover_lists_the_bits_of_the_length_from_left_to_right() {
        let places = |leaves| cover(leaves).map(|p| (p.level, p.index)).collect::<Vec<_>>();
        assert_eq!(places(0..0), []);
        assert_eq!(places(0..7), [(2, 0), (1, 2), (0, 6)]);
        assert_eq!(places(4..8), [(2, 1)]);
        assert_eq!(places(8..13), [(2, 2), (0, 12)]);
        assert_eq!(places(0..1 << 62), [(62, 0)]);
    }
}
