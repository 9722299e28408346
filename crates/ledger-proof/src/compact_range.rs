//! The right edge of a tree: all that is needed to append to it and to know its root.

use crate::nodes::{self, HashReader, NodePosition};
use crate::tree_head::check_size;
use crate::{Hash, ProofError, TreeHead};

/// A tree of any size in at most 62 hashes: the roots ("peaks") of the perfect subtrees that cover it.
///
/// A tree of `n` entries splits into perfect subtrees as `n` splits into powers of two, the largest on the
/// left. Appending touches amortised one peak; the root is computed from the peaks. A log stores the peaks
/// with its head and can so append without reading anything else, and a verifier streams all entries
/// through it and compares the root.
///
/// # Examples
///
/// ```
/// use wzapi_ledger_proof::Hash;
/// use wzapi_ledger_proof::compact_range::CompactRange;
///
/// let mut range = CompactRange::new();
/// assert_eq!(range.root(), Hash::EMPTY_ROOT);
///
/// let [a, b, c] = [b"a", b"b", b"c"].map(|entry| Hash::leaf(entry));
/// for leaf in [a, b, c] {
///     range.append(leaf)?;
/// }
/// assert_eq!(range.peaks(), [Hash::node(&a, &b), c]);
/// assert_eq!(range.root(), Hash::node(&Hash::node(&a, &b), &c));
///
/// let restored = CompactRange::from_parts(range.size(), range.peaks().to_vec())?;
/// assert_eq!(restored, range);
/// # Ok::<(), wzapi_ledger_proof::ProofError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CompactRange {
    /// At most [`TreeHead::MAX_SIZE`].
    size: u64,
    /// One for each bit of `size` that is set, from the highest to the lowest.
    peaks: Vec<Hash>,
}

impl CompactRange {
    /// The tree without entries.
    #[must_use]
    pub const fn new() -> Self {
        Self { size: 0, peaks: Vec::new() }
    }

    /// Takes up a tree where it was left: its size and the peaks, largest subtree first.
    ///
    /// Only the number of peaks can be checked here; whether they are the right ones shows in the
    /// [`root`](Self::root).
    ///
    /// # Errors
    ///
    /// - [`ProofError::TooLarge`] for a size above [`TreeHead::MAX_SIZE`].
    /// - [`ProofError::WrongLength`] if there is not one peak for each bit set in `size`.
    pub fn from_parts(size: u64, peaks: Vec<Hash>) -> Result<Self, ProofError> {
        check_size(size)?;
        let expected = nodes::cover(0..size).count();
        if peaks.len() != expected {
            return Err(ProofError::WrongLength { expected, actual: peaks.len() });
        }
        Ok(Self { size, peaks })
    }

    /// Reads the peaks that the tree had at `size` entries.
    ///
    /// # Errors
    ///
    /// [`ProofError::TooLarge`] for a size above [`TreeHead::MAX_SIZE`], and whatever the reader fails with.
    pub fn read<R: HashReader + ?Sized>(reader: &R, size: u64) -> Result<Self, R::Error> {
        check_size(size)?;
        Ok(Self { size, peaks: nodes::read(reader, 0..size)? })
    }

    /// Adds the next leaf, given by its hash ([`EntryCommitment::leaf_hash`]).
    ///
    /// # Errors
    ///
    /// [`ProofError::TooLarge`] if the tree is full; it is then unchanged.
    ///
    /// [`EntryCommitment::leaf_hash`]: crate::EntryCommitment::leaf_hash
    pub fn append(&mut self, leaf: Hash) -> Result<(), ProofError> {
        self.append_with(leaf, |_, _| ())
    }

    /// As [`append`](Self::append), and reports each perfect subtree that the leaf completes, the leaf
    /// itself first. Over the life of a tree every perfect subtree is reported exactly once, which is when
    /// to store it.
    ///
    /// # Errors
    ///
    /// [`ProofError::TooLarge`] if the tree is full; it is then unchanged and nothing is reported.
    pub fn append_with(
        &mut self,
        leaf: Hash,
        mut completed: impl FnMut(NodePosition, Hash),
    ) -> Result<(), ProofError> {
        check_size(self.size + 1)?;
        let mut level = 0;
        let mut hash = leaf;
        completed(NodePosition { level, index: self.size }, hash);
        // Adding 1 to the size carries over its low set bits: each carry joins two subtrees of a level.
        while let Some(left) = self.peaks.pop_if(|_| self.size >> level & 1 == 1) {
            hash = Hash::node(&left, &hash);
            level += 1;
            completed(NodePosition { level, index: self.size >> level }, hash);
        }
        self.peaks.push(hash);
        self.size += 1;
        Ok(())
    }

    /// The number of leaves.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The roots of the perfect subtrees that cover the tree, largest first: one for each bit set in
    /// [`size`](Self::size).
    #[must_use]
    pub fn peaks(&self) -> &[Hash] {
        &self.peaks
    }

    /// The Merkle tree hash over all leaves (RFC 9162, section 2.1.1). Costs one hash less than there are
    /// peaks.
    #[must_use]
    pub fn root(&self) -> Hash {
        nodes::join(&self.peaks)
    }

    /// Size and root together.
    #[must_use]
    pub fn head(&self) -> TreeHead {
        TreeHead::computed(self.size, self.root())
    }
}
