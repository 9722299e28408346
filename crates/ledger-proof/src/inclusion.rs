//! Proofs that an entry stands at an index of a tree (RFC 9162, section 2.1.3).

use std::iter;
use std::ops::Range;

use crate::nodes::{self, HashReader, NodePosition};
use crate::path;
use crate::tree_head::check_size;
use crate::{Hash, ProofError, TreeHead};

/// The siblings on the way from a leaf to the root, lowest first.
///
/// It holds neither index nor size nor root: those are what is being proved and come from the verifier's
/// side. See the [crate documentation](crate) for an example from entry to verdict.
///
/// # Examples
///
/// ```
/// use wzapi_ledger_proof::inclusion::InclusionProof;
/// use wzapi_ledger_proof::{Hash, ProofError, TreeHead};
///
/// let [a, b, c] = [b"a", b"b", b"c"].map(|entry| Hash::leaf(entry));
/// let head = TreeHead::new(3, Hash::node(&Hash::node(&a, &b), &c))?;
///
/// let proof = InclusionProof::from(vec![a, c]);
/// assert_eq!(proof.verify(b, 1, head), Ok(()));
/// assert_eq!(proof.verify(b, 0, head), Err(ProofError::RootMismatch { size: 3 }));
/// assert_eq!(proof.verify(b, 2, head), Err(ProofError::WrongLength { expected: 1, actual: 2 }));
/// assert_eq!(proof.verify(b, 3, head), Err(ProofError::IndexBeyondSize { index: 3, size: 3 }));
/// # Ok::<(), ProofError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InclusionProof(Vec<Hash>);

impl InclusionProof {
    /// Builds the proof for the leaf at `index` in the tree of `size` entries.
    ///
    /// `reader` must hold at least `size` entries; the tree may have grown since.
    ///
    /// # Errors
    ///
    /// [`ProofError::TooLarge`] for a size above [`TreeHead::MAX_SIZE`], [`ProofError::IndexBeyondSize`]
    /// for an index outside the tree, and whatever the reader fails with.
    pub fn build<R: HashReader + ?Sized>(reader: &R, index: u64, size: u64) -> Result<Self, R::Error> {
        check_index(index, size)?;
        siblings(index, size)
            .into_iter()
            .map(|leaves| Ok(nodes::join(&nodes::read(reader, leaves)?)))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// The places of the hashes that [`build`](Self::build) will ask for: fewer than 128, each once.
    ///
    /// # Errors
    ///
    /// [`ProofError::TooLarge`] for a size above [`TreeHead::MAX_SIZE`], [`ProofError::IndexBeyondSize`]
    /// for an index outside the tree.
    pub fn nodes(index: u64, size: u64) -> Result<Vec<NodePosition>, ProofError> {
        check_index(index, size)?;
        Ok(siblings(index, size).into_iter().flat_map(nodes::cover).collect())
    }

    /// Checks that `leaf` is the hash of the entry at `index` of the tree with this head (RFC 9162,
    /// section 2.1.3.2).
    ///
    /// Costs one hash for each in the proof, and nothing if their number is wrong. `leaf` must have been
    /// computed from the entry by the caller, and `head` come from a source that the caller trusts.
    ///
    /// # Errors
    ///
    /// - [`ProofError::IndexBeyondSize`] if the tree ends before `index`.
    /// - [`ProofError::WrongLength`] if no proof for this index and size has this many hashes.
    /// - [`ProofError::RootMismatch`] if leaf, index, head and proof do not belong together.
    pub fn verify(&self, leaf: Hash, index: u64, head: TreeHead) -> Result<(), ProofError> {
        check_index(index, head.size())?;
        let sides = path::sides(index, 0, head.size());
        if self.0.len() != sides.len() {
            return Err(ProofError::WrongLength { expected: sides.len(), actual: self.0.len() });
        }
        let root = iter::zip(sides, &self.0).fold(leaf, |below, (side, sibling)| side.join(sibling, &below));
        head.check_root(root)
    }

    /// The hashes, lowest sibling first: the order of RFC 9162 and of the C2SP `tlog-proof` format.
    #[must_use]
    pub fn hashes(&self) -> &[Hash] {
        &self.0
    }
}

/// Takes hashes from outside, unchecked: [`verify`](InclusionProof::verify) is the check.
impl From<Vec<Hash>> for InclusionProof {
    fn from(hashes: Vec<Hash>) -> Self {
        Self(hashes)
    }
}

fn check_index(index: u64, size: u64) -> Result<(), ProofError> {
    check_size(size)?;
    if index < size { Ok(()) } else { Err(ProofError::IndexBeyondSize { index, size }) }
}

/// The root of the tree of `size` entries if the subtree at `place` had this hash, and all beside the path from
/// it are as the reader has them.
pub(crate) fn root_above<R: HashReader + ?Sized>(
    reader: &R,
    place: NodePosition,
    hash: Hash,
    size: u64,
) -> Result<Hash, R::Error> {
    let NodePosition { level, index } = place;
    let first = index << level;
    check_index(first, size)?;
    let sides = path::sides(first, level.into(), size);
    // The siblings inside a perfect subtree are as many as it has levels, and come first.
    let siblings = siblings(first, size).into_iter().skip(level.into());
    iter::zip(sides, siblings).try_fold(hash, |below, (side, leaves)| {
        Ok(side.join(&nodes::join(&nodes::read(reader, leaves)?), &below))
    })
}

/// The leaves under each sibling of the path, lowest first: PATH of RFC 9162, section 2.1.3.1.
fn siblings(index: u64, size: u64) -> Vec<Range<u64>> {
    let mut siblings = Vec::new();
    let mut here = 0..size;
    while here.end - here.start > 1 {
        let middle = path::split(&here);
        let (left, right) = (here.start..middle, middle..here.end);
        let (next, aside) = if index < middle { (left, right) } else { (right, left) };
        siblings.push(aside);
        here = next;
    }
    siblings.reverse();
    siblings
}
