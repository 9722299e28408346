//! Proofs from tiles against those of a whole tree in memory.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

use proptest::prelude::*;
use wzapi_ledger_proof::compact_range::CompactRange;
use wzapi_ledger_proof::consistency::ConsistencyProof;
use wzapi_ledger_proof::export::FileTiles;
use wzapi_ledger_proof::inclusion::InclusionProof;
use wzapi_ledger_proof::memory_tree::MemoryTree;
use wzapi_ledger_proof::nodes::HashReader;
use wzapi_ledger_proof::tiles::{
    Bundle, Tile, TileBuilder, TileError, TileHashes, TileReadError, TileReader, TileSet, TileSource,
    encode_bundle, parse_bundle,
};
use wzapi_ledger_proof::{Hash, ProofError, TreeHead};

use crate::fixture::Log;
use crate::reference;

/// The tiles of a tree, noting which were asked for.
struct Tiles<'a> {
    tree: &'a MemoryTree,
    asked: RefCell<Vec<Tile>>,
}

impl<'a> Tiles<'a> {
    fn of(tree: &'a MemoryTree) -> Self {
        Self { tree, asked: RefCell::default() }
    }
}

impl TileSource for Tiles<'_> {
    type Error = Infallible;

    fn tile(&self, tile: Tile) -> Result<Option<Vec<u8>>, Infallible> {
        self.asked.borrow_mut().push(tile);
        Ok(TileHashes::read(self.tree, tile).ok().map(|hashes| hashes.to_bytes()))
    }
}

#[test]
fn all_proofs_up_to_300_entries_are_those_of_the_tree() {
    let tree = reference::tree_of(&reference::leaves(300));
    for size in 0..=300 {
        let source = Tiles::of(&tree);
        let tiles = TileReader::new(&source, size);
        assert_eq!(tiles.root().unwrap(), tree.head_at(size).unwrap().root());
        // Every place in the trees around a full tile, and some in the others.
        let step = if size < 20 || (254..=258).contains(&size) { 1 } else { 17 };
        for place in (0..size).step_by(step) {
            let inclusion = InclusionProof::build(&tiles, place, size).unwrap();
            assert_eq!(Ok(inclusion), InclusionProof::build(&tree, place, size), "{place} of {size}");
            let consistency = ConsistencyProof::build(&tiles, place, size).unwrap();
            assert_eq!(Ok(consistency), ConsistencyProof::build(&tree, place, size), "{place} to {size}");
        }
        assert!(source.asked.borrow().len() <= 3, "each tile once: {:?}", source.asked.borrow());
    }
}

#[test]
fn a_proof_reads_few_tiles_of_a_large_log() {
    let tree = reference::tree_of(&reference::leaves(70_000));
    for (index, older) in [(0, 1), (69_999, 69_999), (256, 65_536), (65_535, 65_535), (12_345, 33_333)] {
        let source = Tiles::of(&tree);
        let tiles = TileReader::new(&source, 70_000);
        let inclusion = InclusionProof::build(&tiles, index, 70_000).unwrap();
        assert_eq!(Ok(inclusion), InclusionProof::build(&tree, index, 70_000));
        let for_inclusion = source.asked.borrow().len();
        assert!(for_inclusion <= 5, "{for_inclusion}");

        let source = Tiles::of(&tree);
        let tiles = TileReader::new(&source, 70_000);
        let consistency = ConsistencyProof::build(&tiles, older, 70_000).unwrap();
        assert_eq!(Ok(consistency), ConsistencyProof::build(&tree, older, 70_000));
        assert!(source.asked.borrow().len() <= 5);
    }
}

#[test]
fn tiles_to_fetch_are_what_a_proof_and_its_check_need() {
    let tree = reference::tree_of(&reference::leaves(70_000));
    for index in [0, 255, 256, 40_000, 69_999] {
        let mut set = TileSet::new(70_000);
        let needed = set.tiles_for(&InclusionProof::nodes(index, 70_000).unwrap());
        assert!(needed.len() <= 5, "{needed:?}");
        for tile in &needed {
            set.insert(*tile, &TileHashes::read(&tree, *tile).unwrap().to_bytes()).unwrap();
        }
        assert_eq!(set.verify(tree.head()), Ok(()));
        let proof = InclusionProof::build(&set, index, 70_000).unwrap();
        assert_eq!(proof, InclusionProof::build(&tree, index, 70_000).unwrap());
    }
}

#[test]
fn an_altered_tile_is_found_before_a_proof_is_built() {
    let tree = reference::tree_of(&reference::leaves(70_000));
    let nodes = InclusionProof::nodes(300, 70_000).unwrap();
    let needed = TileSet::new(70_000).tiles_for(&nodes);
    for altered in &needed {
        for place in [0, altered.byte_len() - 1] {
            let mut set = TileSet::new(70_000);
            for tile in &needed {
                let mut file = TileHashes::read(&tree, *tile).unwrap().to_bytes();
                if tile == altered {
                    file[place] ^= 1;
                }
                set.insert(*tile, &file).unwrap();
            }
            assert!(set.verify(tree.head()).is_err(), "{altered} at {place}");
        }
    }
    let mut set = TileSet::new(70_000);
    let first = Tile::new(0, 0, 256).unwrap();
    set.insert(first, &TileHashes::read(&tree, first).unwrap().to_bytes()).unwrap();
    assert!(matches!(set.verify(tree.head()), Err(TileError::Missing { .. })));
    let other = TileError::OtherSize { tiles: 70_000, head: 0 };
    assert_eq!(set.verify(TreeHead::EMPTY), Err(other));
}

#[test]
fn a_tile_is_verified_against_the_head() {
    let tree = reference::tree_of(&reference::leaves(600));
    let source = Tiles::of(&tree);
    let tiles = TileReader::new(&source, 600);
    for tile in Tile::of_tree(600) {
        tiles.verify_tile(tile, tree.head()).unwrap();
    }
    let other = reference::tree_of(&vec![Hash::leaf(b"other"); 600]);
    let mixed = Mixed { tree: &tree, first: &other };
    let tiles = TileReader::new(&mixed, 600);
    let first = Tile::new(0, 0, 256).unwrap();
    let refused = tiles.verify_tile(first, tree.head());
    assert!(
        matches!(refused, Err(TileReadError::Tile(TileError::NotOfTree { tile, size: 600 })) if tile == first)
    );
    tiles.verify_tile(Tile::new(0, 1, 256).unwrap(), tree.head()).unwrap();
    let proof = InclusionProof::build(&tiles, 3, 600).unwrap();
    let leaf = reference::leaves(4)[3];
    assert_eq!(proof.verify(leaf, 3, tree.head()), Err(ProofError::RootMismatch { size: 600 }));
}

/// A tree whose first tile is that of another.
struct Mixed<'a> {
    tree: &'a MemoryTree,
    first: &'a MemoryTree,
}

impl TileSource for Mixed<'_> {
    type Error = Infallible;

    fn tile(&self, tile: Tile) -> Result<Option<Vec<u8>>, Infallible> {
        let tree = if (tile.level(), tile.index()) == (0, 0) { self.first } else { self.tree };
        Ok(Some(TileHashes::read(tree, tile).unwrap().to_bytes()))
    }
}

#[test]
fn missing_and_malformed_tiles_are_errors() {
    let log = Log::of(300);
    let mut files = log.export();
    files.file("tile/0/000").pop();
    files.by_path.remove("tile/0/001.p/44");
    let source = FileTiles(&files);
    let tiles = TileReader::new(&source, 300);
    let [first, last] = [Tile::new(0, 0, 256).unwrap(), Tile::new(0, 1, 44).unwrap()];
    let cut = TileError::WrongTileLength { tile: first, expected: 8192, actual: 8191 };
    assert_eq!(tiles.node(0, 0), Err(TileReadError::Tile(cut)));
    assert_eq!(tiles.node(0, 299), Err(TileReadError::Tile(TileError::Missing { tile: last })));
    let beyond = ProofError::NodeMissing { level: 0, index: 300 };
    assert_eq!(tiles.node(0, 300), Err(TileReadError::Proof(beyond)));
    let beyond = ProofError::NodeMissing { level: 9, index: 0 };
    assert_eq!(tiles.node(9, 0), Err(TileReadError::Proof(beyond)));
}

#[test]
fn a_wider_tile_stands_in_for_a_partial_one() {
    let log = Log::of(300);
    for wider in ["tile/0/001", "tile/0/001.p/200", "tile/0/001.p/45"] {
        let mut files = log.export();
        let mut file = files.by_path.remove("tile/0/001.p/44").unwrap();
        let tile: Tile = wider.parse().unwrap();
        file.resize(tile.byte_len(), 0xee);
        files.put(wider, file);
        let source = FileTiles(&files);
        assert_eq!(TileReader::new(&source, 300).root().unwrap(), log.tree.head().root(), "{wider}");
        assert!(matches!(TileReader::new(&source, 301).root(), Ok(root) if root != log.tree.head().root()));
    }
}

#[test]
fn builder_hands_out_every_tile_once() {
    let leaves = reference::leaves(700);
    let tree = reference::tree_of(&leaves);
    let mut builder = TileBuilder::new();
    let mut full = BTreeMap::new();
    for (size, leaf) in (1..).zip(&leaves) {
        builder.append(*leaf, |tile, hashes| assert_eq!(full.insert(tile, hashes), None)).unwrap();
        if size % 101 == 0 || size > 650 {
            let all: BTreeSet<_> = full.iter().map(|(tile, hashes)| (*tile, hashes.to_bytes())).collect();
            let partial = builder.partial_tiles().map(|(tile, hashes)| (tile, hashes.to_bytes()));
            let built: BTreeSet<_> = all.into_iter().chain(partial).collect();
            let read = |tile| (tile, TileHashes::read(&tree, tile).unwrap().to_bytes());
            assert_eq!(built, Tile::of_tree(size).map(read).collect());
            assert_eq!(builder.range().head(), tree.head_at(size).unwrap());
        }
    }
}

#[test]
fn builder_goes_on_where_it_stopped() {
    let leaves = reference::leaves(600);
    let mut builder = TileBuilder::new();
    for leaf in &leaves {
        let open: Vec<_> = builder.open_hashes().map(<[Hash]>::to_vec).collect();
        let mut resumed = TileBuilder::resume(builder.range().clone(), open.clone()).unwrap();
        let mut made = [Vec::new(), Vec::new()];
        for (builder, made) in [&mut builder, &mut resumed].into_iter().zip(&mut made) {
            builder.append(*leaf, |tile, hashes| made.push((tile, hashes))).unwrap();
        }
        assert_eq!(made[0], made[1]);
        assert!(builder.partial_tiles().eq(resumed.partial_tiles()));
        // One hash or one level too many belongs to another size.
        let before = resumed.range().clone();
        assert!(TileBuilder::resume(before.clone(), open.clone()).is_err());
        let deeper = resumed.open_hashes().map(<[Hash]>::to_vec).chain([Vec::new()]).collect();
        assert!(TileBuilder::resume(before, deeper).is_err());
    }
}

#[test]
fn bundles_hold_entries_of_32_bytes_only() {
    let log = Log::of(3);
    let bundle = Bundle::new(0, 3).unwrap();
    let file = encode_bundle(&log.entries);
    assert_eq!((file.len(), &file[..2]), (102, [0, 32].as_slice()));
    assert_eq!(parse_bundle(bundle, &file), Ok(log.entries.clone()));
    let length = |actual| TileError::WrongBundleLength { bundle, expected: 102, actual };
    assert_eq!(parse_bundle(bundle, &file[..101]), Err(length(101)));
    assert_eq!(parse_bundle(bundle, &file[..68]), Err(length(68)));
    assert_eq!(parse_bundle(bundle, &[]), Err(length(0)));
    assert_eq!(parse_bundle(bundle, &[file.as_slice(), &[0]].concat()), Err(length(103)));
    assert_eq!(parse_bundle(bundle, &[file.as_slice(), &file[..34]].concat()), Err(length(136)));
    let mut other = file.clone();
    other[35] = 33;
    assert_eq!(parse_bundle(bundle, &other), Err(TileError::WrongEntryLength { index: 1, length: 33 }));
    other[34] = 1;
    assert_eq!(parse_bundle(bundle, &other), Err(TileError::WrongEntryLength { index: 1, length: 289 }));
    // The bundles of other logs, whose entries are of any length.
    let words = b"\0\x03one\0\x03two\0\x05three";
    assert!(parse_bundle(bundle, words).is_err());
}

/// Up to ten million leaves, of which only some are known: the subtrees over the others have made-up hashes.
struct TenMillion {
    /// The tree over the hashes of full tiles of level 0, one leaf for each.
    above: MemoryTree,
}

const MOST_TILES: u64 = 10_000_000 / 256 + 1;

impl TenMillion {
    fn new() -> Self {
        let mut above = MemoryTree::new();
        (0..MOST_TILES).for_each(|tile| above.append(Self::over_tile(tile)).unwrap());
        Self { above }
    }

    /// Whether the leaves of this full tile are known.
    const fn is_known(tile: u64) -> bool {
        tile % 977 == 5
    }

    fn leaf(index: u64) -> Hash {
        Hash::leaf(&index.to_be_bytes())
    }

    fn over_tile(tile: u64) -> Hash {
        if Self::is_known(tile) {
            Self::right_edge(tile * 256, tile * 256 + 256).root()
        } else {
            Hash::leaf(format!("tile {tile}").as_bytes())
        }
    }

    fn right_edge(start: u64, end: u64) -> CompactRange {
        let mut range = CompactRange::new();
        (start..end).for_each(|index| range.append(Self::leaf(index)).unwrap());
        range
    }

    /// The root at a size, from the peaks over full tiles and those over the rest.
    fn head(&self, size: u64) -> TreeHead {
        let mut peaks = CompactRange::read(&self.above, size / 256).unwrap().peaks().to_vec();
        peaks.extend(Self::right_edge(size / 256 * 256, size).peaks());
        CompactRange::from_parts(size, peaks).unwrap().head()
    }
}

impl HashReader for TenMillion {
    type Error = ProofError;

    fn node(&self, level: u8, index: u64) -> Result<Hash, ProofError> {
        match level.checked_sub(8) {
            Some(above) => self.above.node(above, index),
            None => Ok(Self::right_edge(index << level, (index + 1) << level).root()),
        }
    }
}

struct TilesOf<'a>(&'a TenMillion, RefCell<usize>);

impl TileSource for TilesOf<'_> {
    type Error = Infallible;

    fn tile(&self, tile: Tile) -> Result<Option<Vec<u8>>, Infallible> {
        *self.1.borrow_mut() += 1;
        Ok(Some(TileHashes::read(self.0, tile).unwrap().to_bytes()))
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn proofs_at_any_size_up_to_ten_million_meet_the_incremental_root(
        sizes in prop::collection::vec((1..=10_000_000u64, any::<u64>(), any::<u64>()), 8)
    ) {
        thread_local!(static TREE: TenMillion = TenMillion::new());
        TREE.with(|tree| -> Result<(), TestCaseError> {
            for (size, place, older) in sizes {
                let head = tree.head(size);
                // A leaf in a known tile, or in the last one if the tree is small.
                let known = size / 256 / 977 * 977 + 5;
                let tile = if known < size / 256 && place % 2 == 0 { known } else { size / 256 };
                let end = size.min(tile * 256 + 256);
                let index = if tile * 256 < end { tile * 256 + place % (end - tile * 256) } else { size - 1 };
                if index / 256 != size / 256 && !TenMillion::is_known(index / 256) {
                    continue;
                }
                let source = TilesOf(tree, RefCell::default());
                let tiles = TileReader::new(&source, size);
                prop_assert_eq!(tiles.root().unwrap(), head.root());
                let proof = InclusionProof::build(&tiles, index, size).unwrap();
                prop_assert_eq!(proof.verify(TenMillion::leaf(index), index, head), Ok(()));
                // An older tree that ends with a full tile, so that nothing unknown is asked for.
                let older = (older % size) / 256 * 256;
                let proof = ConsistencyProof::build(&tiles, older, size).unwrap();
                prop_assert_eq!(proof.verify(tree.head(older), head), Ok(()));
                prop_assert!(*source.1.borrow() <= 12, "{} tiles", source.1.borrow());
            }
            Ok(())
        })?;
    }
}
