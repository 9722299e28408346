//! Proofs that a tree begins with all of an older tree, unchanged (RFC 9162, section 2.1.4).

use std::iter;
use std::ops::Range;

use crate::nodes::{self, HashReader, NodePosition};
use crate::path::{self, Side};
use crate::tree_head::check_size;
use crate::{Hash, ProofError, TreeHead};

/// The hashes from which the roots of an older and a newer tree can both be computed.
///
/// # Examples
///
/// ```
/// use wzapi_ledger_proof::consistency::ConsistencyProof;
/// use wzapi_ledger_proof::{Hash, ProofError, TreeHead};
///
/// let [a, b, c] = [b"a", b"b", b"c"].map(|entry| Hash::leaf(entry));
/// let older = TreeHead::new(2, Hash::node(&a, &b))?;
/// let newer = TreeHead::new(3, Hash::node(&older.root(), &c))?;
///
/// let proof = ConsistencyProof::from(vec![c]);
/// assert_eq!(proof.verify(older, newer), Ok(()));
///
/// let rewritten = TreeHead::new(3, Hash::node(&Hash::node(&b, &a), &c))?;
/// assert_eq!(proof.verify(older, rewritten), Err(ProofError::RootMismatch { size: 3 }));
/// assert_eq!(proof.verify(newer, older), Err(ProofError::OlderIsLarger { older: 3, newer: 2 }));
/// # Ok::<(), ProofError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsistencyProof(Vec<Hash>);

impl ConsistencyProof {
    /// Builds the proof that the tree of `newer` entries begins with the tree of `older` entries.
    ///
    /// `reader` must hold at least `newer` entries; the tree may have grown since. The proof is empty if
    /// the sizes are equal or `older` is 0.
    ///
    /// # Errors
    ///
    /// [`ProofError::TooLarge`] for a size above [`TreeHead::MAX_SIZE`], [`ProofError::OlderIsLarger`],
    /// and whatever the reader fails with.
    pub fn build<R: HashReader + ?Sized>(reader: &R, older: u64, newer: u64) -> Result<Self, R::Error> {
        check_order(older, newer)?;
        parts(older, newer)
            .into_iter()
            .map(|leaves| Ok(nodes::join(&nodes::read(reader, leaves)?)))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// The places of the hashes that [`build`](Self::build) will ask for: fewer than 128, each once.
    ///
    /// # Errors
    ///
    /// [`ProofError::TooLarge`] for a size above [`TreeHead::MAX_SIZE`], [`ProofError::OlderIsLarger`].
    pub fn nodes(older: u64, newer: u64) -> Result<Vec<NodePosition>, ProofError> {
        check_order(older, newer)?;
        Ok(parts(older, newer).into_iter().flat_map(nodes::cover).collect())
    }

    /// Checks that the newer tree begins with all entries of the older tree, in their order (RFC 9162,
    /// section 2.1.4.2).
    ///
    /// Costs at most two hashes for each in the proof, and nothing if their number is wrong. Both heads
    /// must come from sources that the caller trusts to be the log's.
    ///
    /// Beyond the RFC, which leaves them out: every tree begins with the empty tree, and with itself. The
    /// only proof of either is the empty one.
    ///
    /// # Errors
    ///
    /// - [`ProofError::OlderIsLarger`] if the newer tree is the smaller one.
    /// - [`ProofError::WrongLength`] if no proof for these sizes has this many hashes.
    /// - [`ProofError::RootMismatch`] with the size of the tree whose root is not met. With the size of
    ///   the older tree the proof does not belong to it; with that of the newer one, the newer tree was
    ///   rewritten or the proof is not its own.
    pub fn verify(&self, older: TreeHead, newer: TreeHead) -> Result<(), ProofError> {
        check_order(older.size(), newer.size())?;
        if older.size() == 0 {
            return self.check_length(0);
        }
        if older.size() == newer.size() {
            self.check_length(0)?;
            return newer.check_root(older.root());
        }

        // The path starts at the last subtree that the older tree completed. If that is the whole older
        // tree, its hash is known and the proof leaves it out.
        let sides = path::sides(older.size() - 1, older.size().trailing_zeros(), newer.size());
        let start_is_known = older.size().is_power_of_two();
        self.check_length(sides.len() + usize::from(!start_is_known))?;
        let (start, siblings) = match self.0.split_first() {
            Some((start, siblings)) if !start_is_known => (*start, siblings),
            _ => (older.root(), self.0.as_slice()),
        };

        // What stands on the left of the path was there when the older tree ended; the rest came later.
        let mut roots = (start, start);
        for (side, sibling) in iter::zip(sides, siblings) {
            if side == Side::Left {
                roots.0 = side.join(sibling, &roots.0);
            }
            roots.1 = side.join(sibling, &roots.1);
        }
        older.check_root(roots.0)?;
        newer.check_root(roots.1)
    }

    /// The hashes in the order of RFC 9162.
    #[must_use]
    pub fn hashes(&self) -> &[Hash] {
        &self.0
    }

    fn check_length(&self, expected: usize) -> Result<(), ProofError> {
        let actual = self.0.len();
        if actual == expected { Ok(()) } else { Err(ProofError::WrongLength { expected, actual }) }
    }
}

/// Takes hashes from outside, unchecked: [`verify`](ConsistencyProof::verify) is the check.
impl From<Vec<Hash>> for ConsistencyProof {
    fn from(hashes: Vec<Hash>) -> Self {
        Self(hashes)
    }
}

fn check_order(older: u64, newer: u64) -> Result<(), ProofError> {
    check_size(older)?;
    check_size(newer)?;
    if older <= newer { Ok(()) } else { Err(ProofError::OlderIsLarger { older, newer }) }
}

/// The leaves under each hash of the proof, in its order: SUBPROOF of RFC 9162, section 2.1.4.1.
fn parts(older: u64, newer: u64) -> Vec<Range<u64>> {
    let mut parts = Vec::new();
    if older == 0 {
        return parts;
    }
    let mut here = 0..newer;
    while here.end != older {
        let middle = path::split(&here);
        let (left, right) = (here.start..middle, middle..here.end);
        let (next, aside) = if older <= middle { (left, right) } else { (right, left) };
        parts.push(aside);
        here = next;
    }
    // What remains is the last subtree that the older tree completed, or all of it, which needs no proof.
    if here.start != 0 {
        parts.push(here);
    }
    parts.reverse();
    parts
}
