use std::collections::BTreeMap;

use wzapi_ledger_proof::compact_range::CompactRange;
use wzapi_ledger_proof::nodes::NodePosition;
use wzapi_ledger_proof::{Hash, ProofError, TreeHead};

use crate::reference;

#[test]
fn root_is_that_of_the_definition_at_every_size() {
    let leaves = reference::leaves(300);
    let tree = reference::tree_of(&leaves);
    let mut range = CompactRange::new();
    for size in 0..=leaves.len() {
        assert_eq!(range.head(), reference::head(&leaves[..size]), "size {size}");
        assert_eq!(range.peaks().len(), size.count_ones() as usize);
        assert_eq!(CompactRange::read(&tree, size as u64), Ok(range.clone()));
        if let Some(leaf) = leaves.get(size) {
            range.append(*leaf).unwrap();
        }
    }
}

#[test]
fn tree_restored_from_its_parts_goes_on_as_before() {
    let leaves = reference::leaves(40);
    for size in 0..leaves.len() {
        let mut whole = CompactRange::new();
        leaves[..size].iter().for_each(|leaf| whole.append(*leaf).unwrap());
        let mut restored = CompactRange::from_parts(whole.size(), whole.peaks().to_vec()).unwrap();
        leaves[size..].iter().for_each(|leaf| restored.append(*leaf).unwrap());
        assert_eq!(restored.head(), reference::head(&leaves));
    }
}

#[test]
fn parts_need_one_peak_for_each_bit_of_the_size() {
    for size in [0, 1, 2, 3, 255, 256, TreeHead::MAX_SIZE - 1, TreeHead::MAX_SIZE] {
        let expected = size.count_ones() as usize;
        for actual in 0..=64 {
            let result = CompactRange::from_parts(size, vec![Hash::EMPTY_ROOT; actual]);
            if actual == expected {
                assert_eq!(result.unwrap().size(), size);
            } else {
                assert_eq!(result, Err(ProofError::WrongLength { expected, actual }));
            }
        }
    }
}

#[test]
fn tree_never_grows_beyond_the_largest_size() {
    let mut full = CompactRange::from_parts(TreeHead::MAX_SIZE, vec![Hash::EMPTY_ROOT]).unwrap();
    let before = full.clone();
    let size = TreeHead::MAX_SIZE + 1;
    let refused = full.append_with(Hash::EMPTY_ROOT, |_, _| panic!("nothing was completed"));
    assert_eq!(refused, Err(ProofError::TooLarge { size }));
    assert_eq!(full, before);
    assert_eq!(CompactRange::from_parts(size, vec![Hash::EMPTY_ROOT; 2]), Err(ProofError::TooLarge { size }));
}

#[test]
fn last_append_joins_all_peaks_of_the_largest_tree() {
    let mut range = CompactRange::from_parts(TreeHead::MAX_SIZE - 1, vec![Hash::EMPTY_ROOT; 62]).unwrap();
    range.append(Hash::EMPTY_ROOT).unwrap();
    assert_eq!((range.size(), range.peaks().len()), (TreeHead::MAX_SIZE, 1));
}

#[test]
fn every_perfect_subtree_is_reported_once_when_it_is_complete() {
    let leaves = reference::leaves(100);
    let mut range = CompactRange::new();
    let mut reported = BTreeMap::new();
    for (count, leaf) in (1..).zip(&leaves) {
        let note = |position: NodePosition, hash| {
            assert_eq!((position.index + 1) << position.level, count);
            assert_eq!(reported.insert(position, hash), None);
        };
        range.append_with(*leaf, note).unwrap();
    }
    for level in 0..=6 {
        for (index, part) in (0..).zip(leaves.chunks_exact(1 << level)) {
            assert_eq!(reported.remove(&NodePosition { level, index }), Some(reference::root(part)));
        }
    }
    assert!(reported.is_empty());
}

#[test]
fn memory_tree_knows_the_head_of_every_size_it_had() {
    let leaves = reference::leaves(20);
    let tree = reference::tree_of(&leaves);
    for size in 0..=leaves.len() {
        assert_eq!(tree.head_at(size as u64), Ok(reference::head(&leaves[..size])));
    }
    assert_eq!(tree.head(), reference::head(&leaves));
    assert_eq!(tree.head_at(21), Err(ProofError::NodeMissing { level: 0, index: 20 }));
}
