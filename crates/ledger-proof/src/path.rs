//! The way from a leaf up to the root, which both kinds of proof walk.

use std::ops::Range;

use crate::Hash;

/// On which side of the path the next hash of a proof stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Left,
    Right,
}

impl Side {
    /// One step up: the hash over `below` and its sibling.
    pub(crate) fn join(self, sibling: &Hash, below: &Hash) -> Hash {
        match self {
            Self::Left => Hash::node(sibling, below),
            Self::Right => Hash::node(below, sibling),
        }
    }
}

/// The sides of the siblings on the path from the subtree at `level` that holds leaf `index` up to the
/// root of a tree of `size` leaves, lowest first. Their number is the only length a proof can have.
///
/// The path first climbs inside the smallest perfect subtree that would hold both the leaf and the last
/// leaf; there every level has a sibling, on the side that the bit of the index tells. Above that the path
/// runs along the right border, where siblings are on the left only, one for each set bit of the index.
/// `index` is below `size`, and the subtree at `level` does not reach beyond the tree.
pub(crate) fn sides(index: u64, level: u32, size: u64) -> Vec<Side> {
    let last = size - 1;
    let border = u64::BITS - (index ^ last).leading_zeros();
    let inner = (level..border).map(|level| if index >> level & 1 == 1 { Side::Left } else { Side::Right });
    let on_border = (index >> border).count_ones();
    inner.chain((0..on_border).map(|_| Side::Left)).collect()
}

/// Where RFC 9162 (section 2.1.1) splits two or more leaves: the left half takes the largest power of two
/// that is less than their number.
pub(crate) fn split(leaves: &Range<u64>) -> u64 {
    leaves.start + (1 << (leaves.end - leaves.start - 1).ilog2())
}
