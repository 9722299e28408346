//! A whole tree in memory.

use crate::compact_range::CompactRange;
use crate::nodes::HashReader;
use crate::{Hash, ProofError, TreeHead};

/// Every perfect subtree of a log in memory, two hashes per entry: for tests, tools and small logs.
///
/// It can prove anything about every size that the log has passed through.
///
/// # Examples
///
/// ```
/// use wzapi_ledger_proof::Hash;
/// use wzapi_ledger_proof::consistency::ConsistencyProof;
/// use wzapi_ledger_proof::memory_tree::MemoryTree;
///
/// let mut tree = MemoryTree::new();
/// for entry in 0..10u8 {
///     tree.append(Hash::leaf(&[entry]))?;
/// }
/// let proof = ConsistencyProof::build(&tree, 6, 10)?;
/// proof.verify(tree.head_at(6)?, tree.head())?;
/// # Ok::<(), wzapi_ledger_proof::ProofError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct MemoryTree {
    edge: CompactRange,
    /// `levels[level][index]`, as [`HashReader::node`] asks for them.
    levels: Vec<Vec<Hash>>,
}

impl MemoryTree {
    /// The tree without entries.
    #[must_use]
    pub const fn new() -> Self {
        Self { edge: CompactRange::new(), levels: Vec::new() }
    }

    /// Adds the next leaf, given by its hash.
    ///
    /// # Errors
    ///
    /// [`ProofError::TooLarge`] if the tree is full.
    pub fn append(&mut self, leaf: Hash) -> Result<(), ProofError> {
        let levels = &mut self.levels;
        self.edge.append_with(leaf, |position, hash| match levels.get_mut(usize::from(position.level)) {
            Some(level) => level.push(hash),
            None => levels.push(vec![hash]),
        })
    }

    /// Size and root of the tree as it is now.
    #[must_use]
    pub fn head(&self) -> TreeHead {
        self.edge.head()
    }

    /// Size and root of the tree as it was at `size` entries.
    ///
    /// # Errors
    ///
    /// [`ProofError::NodeMissing`] or [`ProofError::TooLarge`] if the tree has never been that large.
    pub fn head_at(&self, size: u64) -> Result<TreeHead, ProofError> {
        Ok(CompactRange::read(self, size)?.head())
    }
}

impl HashReader for MemoryTree {
    type Error = ProofError;

    fn node(&self, level: u8, index: u64) -> Result<Hash, ProofError> {
        usize::try_from(index)
            .ok()
            .and_then(|place| self.levels.get(usize::from(level))?.get(place))
            .copied()
            .ok_or(ProofError::NodeMissing { level, index })
    }
}
