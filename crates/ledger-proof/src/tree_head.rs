use crate::{Hash, ProofError};

/// The state of a log in a word: how many entries it holds, and the root over them.
///
/// Size and root stand together because a proof checked with the size of one tree and the root of another
/// says nothing: several sizes can share the shape of a path, so a wrong size is not always noticed. Take
/// both from the same signed checkpoint.
///
/// # Examples
///
/// ```
/// use wzapi_ledger_proof::{Hash, ProofError, TreeHead};
///
/// let head = TreeHead::new(1, Hash::leaf(b"entry"))?;
/// assert_eq!(head.size(), 1);
///
/// let too_large = TreeHead::new(u64::MAX, Hash::leaf(b"entry"));
/// assert_eq!(too_large, Err(ProofError::TooLarge { size: u64::MAX }));
/// # Ok::<(), ProofError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TreeHead {
    size: u64,
    root: Hash,
}

impl TreeHead {
    /// The largest tree that is accepted, 2^62 entries. It leaves room for arithmetic on sizes and bounds
    /// every proof to 63 hashes.
    pub const MAX_SIZE: u64 = 1 << 62;

    /// The head of a log without entries.
    pub const EMPTY: Self = Self { size: 0, root: Hash::EMPTY_ROOT };

    /// States that the tree of `size` entries has this root.
    ///
    /// # Errors
    ///
    /// - [`ProofError::TooLarge`] for a size above [`TreeHead::MAX_SIZE`].
    /// - [`ProofError::RootMismatch`] for size 0 with another root than [`Hash::EMPTY_ROOT`].
    pub fn new(size: u64, root: Hash) -> Result<Self, ProofError> {
        check_size(size)?;
        if size == 0 && root != Hash::EMPTY_ROOT {
            return Err(ProofError::RootMismatch { size });
        }
        Ok(Self { size, root })
    }

    /// The number of entries.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The Merkle tree hash over the entries (RFC 9162, section 2.1.1).
    #[must_use]
    pub const fn root(&self) -> Hash {
        self.root
    }

    /// The head of a tree whose size was checked and whose root was computed here.
    pub(crate) const fn computed(size: u64, root: Hash) -> Self {
        Self { size, root }
    }

    /// Refuses a root that was computed for this tree and is not the stated one.
    pub(crate) fn check_root(&self, computed: Hash) -> Result<(), ProofError> {
        if computed == self.root { Ok(()) } else { Err(ProofError::RootMismatch { size: self.size }) }
    }
}

pub(crate) fn check_size(size: u64) -> Result<(), ProofError> {
    if size <= TreeHead::MAX_SIZE { Ok(()) } else { Err(ProofError::TooLarge { size }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_tree_has_one_root_only() {
        assert_eq!(TreeHead::new(0, Hash::EMPTY_ROOT), Ok(TreeHead::EMPTY));
        assert_eq!(TreeHead::new(0, Hash::leaf(b"")), Err(ProofError::RootMismatch { size: 0 }));
    }

    #[test]
    fn size_limit_is_inclusive() {
        assert!(TreeHead::new(TreeHead::MAX_SIZE, Hash::EMPTY_ROOT).is_ok());
        let size = TreeHead::MAX_SIZE + 1;
        assert_eq!(TreeHead::new(size, Hash::EMPTY_ROOT), Err(ProofError::TooLarge { size }));
    }
}
