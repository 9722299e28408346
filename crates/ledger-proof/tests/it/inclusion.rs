use std::collections::BTreeMap;

use wzapi_ledger_proof::inclusion::InclusionProof;
use wzapi_ledger_proof::nodes::HashReader;
use wzapi_ledger_proof::{Hash, ProofError, TreeHead};

use crate::reference::{self, bits, flip};

const LARGEST: usize = 70;

#[test]
fn every_proof_is_that_of_the_definition_and_verifies() {
    let leaves = reference::leaves(LARGEST);
    let tree = reference::tree_of(&leaves);
    for (index, size) in pairs(LARGEST) {
        let proof = InclusionProof::build(&tree, index as u64, size as u64).unwrap();
        assert_eq!(proof.hashes(), reference::inclusion(index, &leaves[..size]));
        let head = reference::head(&leaves[..size]);
        assert_eq!(proof.verify(leaves[index], index as u64, head), Ok(()), "{index} of {size}");
    }
}

#[test]
fn any_flipped_bit_is_refused() {
    let leaves = reference::leaves(LARGEST);
    for (index, size) in pairs(LARGEST) {
        let head = reference::head(&leaves[..size]);
        let hashes = reference::inclusion(index, &leaves[..size]);
        let check = |leaf, hashes: &[Hash], head| {
            let result = InclusionProof::from(hashes.to_vec()).verify(leaf, index as u64, head);
            assert_eq!(result, Err(ProofError::RootMismatch { size: size as u64 }), "{index} of {size}");
        };
        for bit in bits(size) {
            check(flip(&leaves[index], bit), &hashes, head);
            let other_root = TreeHead::new(head.size(), flip(&head.root(), bit)).unwrap();
            check(leaves[index], &hashes, other_root);
            for place in 0..hashes.len() {
                let mut mutated = hashes.clone();
                mutated[place] = flip(&hashes[place], bit);
                check(leaves[index], &mutated, head);
            }
        }
    }
}

#[test]
fn hashes_lost_added_or_swapped_are_refused() {
    let leaves = reference::leaves(LARGEST);
    for (index, size) in pairs(LARGEST) {
        let head = reference::head(&leaves[..size]);
        let hashes = reference::inclusion(index, &leaves[..size]);
        for reshaped in reference::reshaped(&hashes) {
            let expected = if reshaped.len() == hashes.len() {
                ProofError::RootMismatch { size: size as u64 }
            } else {
                ProofError::WrongLength { expected: hashes.len(), actual: reshaped.len() }
            };
            let result = InclusionProof::from(reshaped).verify(leaves[index], index as u64, head);
            assert_eq!(result, Err(expected), "{index} of {size}");
        }
    }
}

#[test]
fn wrong_index_is_refused() {
    let leaves = reference::leaves(LARGEST);
    let tree = reference::tree_of(&leaves);
    for (index, size) in pairs(LARGEST) {
        let proof = InclusionProof::build(&tree, index as u64, size as u64).unwrap();
        let head = tree.head_at(size as u64).unwrap();
        for other in (0..size + 2).filter(|other| *other != index) {
            assert!(proof.verify(leaves[index], other as u64, head).is_err(), "{index} as {other} of {size}");
        }
    }
}

#[test]
fn another_leaf_is_refused() {
    let leaves = reference::leaves(LARGEST);
    let tree = reference::tree_of(&leaves);
    for (index, size) in pairs(LARGEST) {
        let proof = InclusionProof::build(&tree, index as u64, size as u64).unwrap();
        let head = tree.head_at(size as u64).unwrap();
        for other in (0..LARGEST).filter(|other| *other != index) {
            assert!(proof.verify(leaves[other], index as u64, head).is_err());
        }
    }
}

#[test]
fn head_of_another_size_is_refused() {
    let leaves = reference::leaves(LARGEST);
    let tree = reference::tree_of(&leaves);
    for (index, size) in pairs(LARGEST) {
        let proof = InclusionProof::build(&tree, index as u64, size as u64).unwrap();
        for other in (0..=LARGEST).filter(|other| *other != size) {
            let head = tree.head_at(other as u64).unwrap();
            assert!(proof.verify(leaves[index], index as u64, head).is_err(), "{index} of {size} as {other}");
        }
    }
}

#[test]
fn wrong_index_or_size_with_the_right_root_passes_only_for_the_same_shape() {
    const LARGEST: usize = 24;
    let leaves = reference::leaves(LARGEST);
    for (index, size) in pairs(LARGEST) {
        let proof = InclusionProof::from(reference::inclusion(index, &leaves[..size]));
        let root = reference::root(&leaves[..size]);
        let shape = reference::inclusion_shape(index, size);
        for (other_index, other_size) in pairs(LARGEST) {
            let head = TreeHead::new(other_size as u64, root).unwrap();
            let accepted = proof.verify(leaves[index], other_index as u64, head).is_ok();
            assert_eq!(accepted, shape == reference::inclusion_shape(other_index, other_size));
        }
    }
}

#[test]
fn index_beyond_the_tree_is_refused() {
    let tree = reference::tree_of(&reference::leaves(4));
    let empty = InclusionProof::from(Vec::new());
    for (index, size) in [(0, 0), (1, 1), (4, 4), (u64::MAX, 4)] {
        let expected = ProofError::IndexBeyondSize { index, size };
        assert_eq!(InclusionProof::build(&tree, index, size), Err(expected));
        assert_eq!(InclusionProof::nodes(index, size), Err(expected));
        let head = tree.head_at(size).unwrap();
        assert_eq!(empty.verify(Hash::EMPTY_ROOT, index, head), Err(expected));
    }
}

#[test]
fn proof_for_a_tree_that_is_not_there_yet_is_refused() {
    let tree = reference::tree_of(&reference::leaves(4));
    assert_eq!(InclusionProof::build(&tree, 0, 5), Err(ProofError::NodeMissing { level: 0, index: 4 }));
    let size = TreeHead::MAX_SIZE + 1;
    assert_eq!(InclusionProof::build(&tree, 0, size), Err(ProofError::TooLarge { size }));
}

#[test]
fn named_nodes_are_all_that_the_proof_needs() {
    let tree = reference::tree_of(&reference::leaves(LARGEST));
    for (index, size) in pairs(LARGEST) {
        let (index, size) = (index as u64, size as u64);
        let mut fetched = BTreeMap::new();
        for position in InclusionProof::nodes(index, size).unwrap() {
            let hash = tree.node(position.level, position.index).unwrap();
            assert_eq!(fetched.insert(position, hash), None);
        }
        assert_eq!(InclusionProof::build(&fetched, index, size), InclusionProof::build(&tree, index, size));
        if fetched.pop_last().is_some() {
            let refused = InclusionProof::build(&fetched, index, size);
            assert!(matches!(refused, Err(ProofError::NodeMissing { .. })));
        }
    }
}

/// Every index of every tree of up to `largest` entries.
fn pairs(largest: usize) -> impl Iterator<Item = (usize, usize)> {
    (1..=largest).flat_map(|size| (0..size).map(move |index| (index, size)))
}
