use std::collections::BTreeMap;

use wzapi_ledger_proof::consistency::ConsistencyProof;
use wzapi_ledger_proof::nodes::HashReader;
use wzapi_ledger_proof::{Hash, ProofError, TreeHead};

use crate::reference::{self, bits, flip};

const LARGEST: usize = 70;

#[test]
fn every_proof_is_that_of_the_definition_and_verifies() {
    let leaves = reference::leaves(LARGEST);
    let tree = reference::tree_of(&leaves);
    for (older, newer) in pairs(LARGEST) {
        let proof = ConsistencyProof::build(&tree, older as u64, newer as u64).unwrap();
        assert_eq!(proof.hashes(), reference::consistency(older, &leaves[..newer]));
        let heads = (reference::head(&leaves[..older]), reference::head(&leaves[..newer]));
        assert_eq!(proof.verify(heads.0, heads.1), Ok(()), "{older} to {newer}");
    }
}

#[test]
fn any_flipped_bit_is_refused() {
    let leaves = reference::leaves(LARGEST);
    for (older, newer) in pairs(LARGEST).filter(|(older, _)| *older > 0) {
        let heads = (reference::head(&leaves[..older]), reference::head(&leaves[..newer]));
        let hashes = reference::consistency(older, &leaves[..newer]);
        let refused = |hashes: &[Hash], older: TreeHead, newer: TreeHead| {
            let result = ConsistencyProof::from(hashes.to_vec()).verify(older, newer);
            assert!(matches!(result, Err(ProofError::RootMismatch { .. })), "{older:?} to {newer:?}");
        };
        for bit in bits(newer) {
            refused(&hashes, flip_root(heads.0, bit), heads.1);
            refused(&hashes, heads.0, flip_root(heads.1, bit));
            for place in 0..hashes.len() {
                let mut mutated = hashes.clone();
                mutated[place] = flip(&hashes[place], bit);
                refused(&mutated, heads.0, heads.1);
            }
        }
    }
}

#[test]
fn hashes_lost_added_or_swapped_are_refused() {
    let leaves = reference::leaves(LARGEST);
    for (older, newer) in pairs(LARGEST) {
        let heads = (reference::head(&leaves[..older]), reference::head(&leaves[..newer]));
        let hashes = reference::consistency(older, &leaves[..newer]);
        for reshaped in reference::reshaped(&hashes) {
            let (expected, actual) = (hashes.len(), reshaped.len());
            let error = ConsistencyProof::from(reshaped).verify(heads.0, heads.1).unwrap_err();
            if actual == expected {
                assert!(matches!(error, ProofError::RootMismatch { .. }), "{older} to {newer}");
            } else {
                assert_eq!(error, ProofError::WrongLength { expected, actual }, "{older} to {newer}");
            }
        }
    }
}

#[test]
fn rewritten_history_is_refused() {
    let leaves = reference::leaves(40);
    for (older, newer) in pairs(40).filter(|(older, _)| *older > 0) {
        for place in 0..older {
            let mut rewritten = leaves[..newer].to_vec();
            rewritten[place] = Hash::leaf(b"rewritten");
            let proof = ConsistencyProof::from(reference::consistency(older, &rewritten));
            let result = proof.verify(reference::head(&leaves[..older]), reference::head(&rewritten));
            assert!(matches!(result, Err(ProofError::RootMismatch { .. })), "{place} of {older} to {newer}");
        }
    }
}

#[test]
fn heads_of_other_sizes_are_refused() {
    let leaves = reference::leaves(LARGEST);
    let heads: Vec<_> = (0..=LARGEST).map(|size| reference::head(&leaves[..size])).collect();
    for (older, newer) in pairs(LARGEST).filter(|(older, newer)| *older > 0 && older < newer) {
        let proof = ConsistencyProof::from(reference::consistency(older, &leaves[..newer]));
        for other in (0..=LARGEST).filter(|other| *other != older) {
            assert!(other == newer || proof.verify(heads[other], heads[newer]).is_err());
        }
        for other in (0..=LARGEST).filter(|other| *other != newer) {
            assert!(proof.verify(heads[older], heads[other]).is_err(), "{older} to {newer} as {other}");
        }
    }
}

#[test]
fn wrong_sizes_with_the_right_roots_pass_only_for_the_same_shape() {
    const LARGEST: usize = 24;
    let leaves = reference::leaves(LARGEST);
    let proper = || pairs(LARGEST).filter(|(older, newer)| *older > 0 && older < newer);
    for (older, newer) in proper() {
        let proof = ConsistencyProof::from(reference::consistency(older, &leaves[..newer]));
        let roots = (reference::root(&leaves[..older]), reference::root(&leaves[..newer]));
        let shape = reference::consistency_shape(older, newer, true);
        for (other_older, other_newer) in proper() {
            let heads = (
                TreeHead::new(other_older as u64, roots.0).unwrap(),
                TreeHead::new(other_newer as u64, roots.1).unwrap(),
            );
            let accepted = proof.verify(heads.0, heads.1).is_ok();
            assert_eq!(accepted, shape == reference::consistency_shape(other_older, other_newer, true));
        }
    }
}

#[test]
fn same_size_with_another_root_is_refused() {
    let head = reference::head(&reference::leaves(5));
    let proof = ConsistencyProof::from(Vec::new());
    assert_eq!(proof.verify(head, head), Ok(()));
    assert_eq!(proof.verify(head, flip_root(head, 0)), Err(ProofError::RootMismatch { size: 5 }));
}

#[test]
fn mismatch_names_the_tree_whose_root_is_not_met() {
    let leaves = reference::leaves(7);
    let heads = (reference::head(&leaves[..3]), reference::head(&leaves));
    let proof = ConsistencyProof::from(reference::consistency(3, &leaves));
    let wrong = (flip_root(heads.0, 9), flip_root(heads.1, 9));
    assert_eq!(proof.verify(wrong.0, heads.1), Err(ProofError::RootMismatch { size: 3 }));
    assert_eq!(proof.verify(heads.0, wrong.1), Err(ProofError::RootMismatch { size: 7 }));
}

#[test]
fn shrunken_log_is_refused() {
    let leaves = reference::leaves(5);
    let tree = reference::tree_of(&leaves);
    let expected = ProofError::OlderIsLarger { older: 5, newer: 4 };
    let proof = ConsistencyProof::from(Vec::new());
    assert_eq!(proof.verify(reference::head(&leaves), reference::head(&leaves[..4])), Err(expected));
    assert_eq!(ConsistencyProof::build(&tree, 5, 4), Err(expected));
    assert_eq!(ConsistencyProof::nodes(5, 4), Err(expected));
}

#[test]
fn proof_for_a_tree_that_is_not_there_yet_is_refused() {
    let tree = reference::tree_of(&reference::leaves(4));
    let missing = ProofError::NodeMissing { level: 0, index: 4 };
    assert_eq!(ConsistencyProof::build(&tree, 3, 5), Err(missing));
    let size = TreeHead::MAX_SIZE + 1;
    assert_eq!(ConsistencyProof::build(&tree, 3, size), Err(ProofError::TooLarge { size }));
}

#[test]
fn named_nodes_are_all_that_the_proof_needs() {
    let tree = reference::tree_of(&reference::leaves(LARGEST));
    for (older, newer) in pairs(LARGEST) {
        let (older, newer) = (older as u64, newer as u64);
        let mut fetched = BTreeMap::new();
        for position in ConsistencyProof::nodes(older, newer).unwrap() {
            let hash = tree.node(position.level, position.index).unwrap();
            assert_eq!(fetched.insert(position, hash), None);
        }
        let proof = ConsistencyProof::build(&fetched, older, newer);
        assert_eq!(proof, ConsistencyProof::build(&tree, older, newer));
        if fetched.pop_last().is_some() {
            let refused = ConsistencyProof::build(&fetched, older, newer);
            assert!(matches!(refused, Err(ProofError::NodeMissing { .. })));
        }
    }
}

/// Every tree of up to `largest` entries with every older one, the empty one and itself included.
fn pairs(largest: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..=largest).flat_map(|newer| (0..=newer).map(move |older| (older, newer)))
}

fn flip_root(head: TreeHead, bit: usize) -> TreeHead {
    TreeHead::new(head.size(), flip(&head.root(), bit)).unwrap()
}
