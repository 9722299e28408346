//! RFC 9162, section 2.1, written down as it stands there: recursive, slow, and sharing nothing with the
//! crate but the two hash functions, which the known answers check.

use wzapi_ledger_proof::memory_tree::MemoryTree;
use wzapi_ledger_proof::{Hash, TreeHead};

/// Distinct leaf hashes of a log of `size` entries.
pub(crate) fn leaves(size: usize) -> Vec<Hash> {
    (0..size).map(|n| Hash::leaf(format!("entry {n}").as_bytes())).collect()
}

pub(crate) fn tree_of(leaves: &[Hash]) -> MemoryTree {
    let mut tree = MemoryTree::new();
    leaves.iter().for_each(|leaf| tree.append(*leaf).unwrap());
    tree
}

pub(crate) fn head(leaves: &[Hash]) -> TreeHead {
    TreeHead::new(leaves.len() as u64, root(leaves)).unwrap()
}

/// MTH (2.1.1).
pub(crate) fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Hash::EMPTY_ROOT,
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            Hash::node(&root(left), &root(right))
        }
    }
}

/// PATH (2.1.3.1).
pub(crate) fn inclusion(index: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let k = split(leaves.len());
    let (left, right) = leaves.split_at(k);
    let (mut path, sibling) = if index < k {
        (inclusion(index, left), root(right))
    } else {
        (inclusion(index - k, right), root(left))
    };
    path.push(sibling);
    path
}

/// PROOF (2.1.4.1), extended by the empty proof for an older tree without entries.
pub(crate) fn consistency(older: usize, leaves: &[Hash]) -> Vec<Hash> {
    if older == 0 { Vec::new() } else { subproof(older, leaves, true) }
}

fn subproof(older: usize, leaves: &[Hash], known: bool) -> Vec<Hash> {
    if older == leaves.len() {
        return if known { Vec::new() } else { vec![root(leaves)] };
    }
    let k = split(leaves.len());
    let (left, right) = leaves.split_at(k);
    let (mut proof, part) = if older <= k {
        (subproof(older, left, known), root(right))
    } else {
        (subproof(older - k, right, false), root(left))
    };
    proof.push(part);
    proof
}

/// How an inclusion proof is put together: for each hash, lowest first, whether it stands on the left.
///
/// Two trees can share a shape (index 0 of 3 and of 4 entries), and then a verifier given the wrong size
/// with the right root cannot tell. Different shapes must never be confused.
pub(crate) fn inclusion_shape(index: usize, size: usize) -> Vec<bool> {
    if size == 1 {
        return Vec::new();
    }
    let k = split(size);
    let (mut shape, on_left) = if index < k {
        (inclusion_shape(index, k), false)
    } else {
        (inclusion_shape(index - k, size - k), true)
    };
    shape.push(on_left);
    shape
}

/// How a consistency proof is put together: as [`inclusion_shape`], beginning with whether the hash that
/// the path starts from is in the proof.
pub(crate) fn consistency_shape(older: usize, newer: usize, known: bool) -> Vec<bool> {
    if older == newer {
        return vec![!known];
    }
    let k = split(newer);
    let (mut shape, on_left) = if older <= k {
        (consistency_shape(older, k, known), false)
    } else {
        (consistency_shape(older - k, newer - k, false), true)
    };
    shape.push(on_left);
    shape
}

/// The bits to turn over in the hashes of a tree of `size` entries: all of them in small trees. Paths in
/// larger ones differ in length only, so there it is one bit in each of some bytes, to save minutes.
pub(crate) fn bits(size: usize) -> impl Iterator<Item = usize> {
    (0..256).step_by(if size <= 20 { 1 } else { 37 })
}

/// The same hash with one bit turned over.
pub(crate) fn flip(hash: &Hash, bit: usize) -> Hash {
    let mut bytes = *hash.as_bytes();
    bytes[bit / 8] ^= 1 << (bit % 8);
    Hash::from(bytes)
}

/// All proofs that differ from `hashes` by one hash lost, repeated or added, or by two swapped.
pub(crate) fn reshaped(hashes: &[Hash]) -> Vec<Vec<Hash>> {
    let mut all = Vec::new();
    for place in 0..hashes.len() {
        let mut shorter = hashes.to_vec();
        let hash = shorter.remove(place);
        all.push(shorter);
        let mut longer = hashes.to_vec();
        longer.insert(place, hash);
        all.push(longer);
        if place > 0 {
            let mut swapped = hashes.to_vec();
            swapped.swap(place - 1, place);
            all.push(swapped);
        }
    }
    for place in [0, hashes.len()] {
        let mut longer = hashes.to_vec();
        longer.insert(place, Hash::EMPTY_ROOT);
        all.push(longer);
    }
    all
}

/// The largest power of two below `size`.
fn split(size: usize) -> usize {
    let mut k = 1;
    while k * 2 < size {
        k *= 2;
    }
    k
}
