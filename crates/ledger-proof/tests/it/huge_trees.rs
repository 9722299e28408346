//! Sizes that no test can fill. A log whose entries are all equal has one hash for each level, so that
//! proofs about any size can be built and checked.

use proptest::prelude::*;
use wzapi_ledger_proof::compact_range::CompactRange;
use wzapi_ledger_proof::consistency::ConsistencyProof;
use wzapi_ledger_proof::inclusion::InclusionProof;
use wzapi_ledger_proof::nodes::HashReader;
use wzapi_ledger_proof::{Hash, ProofError, TreeHead};

/// A tree of any size over one entry repeated.
struct Monotone;

impl HashReader for Monotone {
    type Error = ProofError;

    fn node(&self, level: u8, index: u64) -> Result<Hash, ProofError> {
        assert!(level <= 62 && (index + 1) << level <= TreeHead::MAX_SIZE);
        Ok((0..level).fold(leaf(), |below, _| Hash::node(&below, &below)))
    }
}

fn leaf() -> Hash {
    Hash::leaf(b"always the same")
}

fn head(size: u64) -> TreeHead {
    CompactRange::read(&Monotone, size).unwrap().head()
}

/// Sizes of every magnitude, those next to powers of two more often than by chance.
fn size() -> impl Strategy<Value = u64> {
    let any_magnitude = (0..=62u32, any::<u64>()).prop_map(|(bits, n)| n & ((1 << bits) - 1));
    let near_power = (0..=62u32, -2..=2i64).prop_map(|(bits, off)| (1u64 << bits).saturating_add_signed(off));
    prop_oneof![any_magnitude, near_power].prop_map(|n| n.clamp(1, TreeHead::MAX_SIZE))
}

fn hash() -> impl Strategy<Value = Hash> {
    any::<[u8; 32]>().prop_map(Hash::from)
}

proptest! {
    #[test]
    fn inclusion_is_proved_at_any_size(size in size(), place in any::<u64>(), other in hash()) {
        let index = place % size;
        let proof = InclusionProof::build(&Monotone, index, size).unwrap();
        prop_assert!(proof.hashes().len() <= 62);
        prop_assert!(InclusionProof::nodes(index, size).unwrap().len() < 128);
        prop_assert_eq!(proof.verify(leaf(), index, head(size)), Ok(()));
        prop_assert_eq!(proof.verify(other, index, head(size)), Err(ProofError::RootMismatch { size }));
    }

    #[test]
    fn consistency_is_proved_at_any_size(a in size(), b in size(), other in hash()) {
        let (older, newer) = (a.min(b), a.max(b));
        let proof = ConsistencyProof::build(&Monotone, older, newer).unwrap();
        prop_assert!(proof.hashes().len() <= 63);
        prop_assert!(ConsistencyProof::nodes(older, newer).unwrap().len() < 128);
        prop_assert_eq!(proof.verify(head(older), head(newer)), Ok(()));
        let rewritten = TreeHead::new(newer, other).unwrap();
        prop_assert_eq!(proof.verify(head(older), rewritten), Err(ProofError::RootMismatch { size: newer }));
    }

    #[test]
    fn arbitrary_inclusion_proofs_are_refused(
        hashes in prop::collection::vec(hash(), 0..80),
        index in any::<u64>(),
        size in size(),
        root in hash(),
    ) {
        let head = TreeHead::new(size, root).unwrap();
        prop_assert!(InclusionProof::from(hashes).verify(leaf(), index % (size + 1), head).is_err());
    }

    #[test]
    fn arbitrary_consistency_proofs_are_refused(
        hashes in prop::collection::vec(hash(), 0..80),
        older in (size(), hash()),
        newer in (size(), hash()),
    ) {
        let heads = (TreeHead::new(older.0, older.1).unwrap(), TreeHead::new(newer.0, newer.1).unwrap());
        prop_assert!(ConsistencyProof::from(hashes).verify(heads.0, heads.1).is_err());
    }
}
