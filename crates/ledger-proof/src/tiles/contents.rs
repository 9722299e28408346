//! What is in the files.

use super::{Bundle, TILE_HEIGHT, TILE_WIDTH, Tile, TileError};
use crate::nodes::{HashReader, NodePosition};
use crate::{EntryCommitment, Hash};

/// An entry in a bundle: its length in two bytes, and itself.
pub(super) const ENTRY_BYTES: usize = 2 + 32;

/// The hashes of one tile, unchecked.
///
/// # Examples
///
/// ```
/// use wzapi_ledger_proof::memory_tree::MemoryTree;
/// use wzapi_ledger_proof::tiles::{Tile, TileHashes};
/// use wzapi_ledger_proof::{Hash, ProofError};
///
/// let mut tree = MemoryTree::new();
/// for entry in 0..3u8 {
///     tree.append(Hash::leaf(&[entry]))?;
/// }
/// let tile = Tile::in_tree(0, 0, 3).unwrap();
/// let hashes = TileHashes::read(&tree, tile)?;
/// let file = hashes.to_bytes();
/// assert_eq!((tile.to_string().as_str(), file.len()), ("tile/0/000.p/3", 96));
/// assert_eq!(TileHashes::parse(tile, &file).unwrap(), hashes);
/// # Ok::<(), ProofError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TileHashes(Vec<Hash>);

impl TileHashes {
    /// Reads the file of a tile. Nothing can be said here about whether the hashes are right.
    ///
    /// # Errors
    ///
    /// [`TileError::WrongTileLength`].
    pub fn parse(tile: Tile, bytes: &[u8]) -> Result<Self, TileError> {
        let (hashes, rest) = bytes.as_chunks::<32>();
        if !rest.is_empty() || bytes.len() != tile.byte_len() {
            return Err(TileError::WrongTileLength { tile, expected: tile.byte_len(), actual: bytes.len() });
        }
        Ok(Self(hashes.iter().copied().map(Hash::from).collect()))
    }

    /// Collects the hashes of a tile from wherever the tree is kept, to write its file.
    ///
    /// # Errors
    ///
    /// Whatever the reader fails with.
    pub fn read<R: HashReader + ?Sized>(reader: &R, tile: Tile) -> Result<Self, R::Error> {
        (0..tile.width())
            .map(|offset| {
                let NodePosition { level, index } = tile.node(offset);
                reader.node(level, index)
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    pub(super) const fn of(hashes: Vec<Hash>) -> Self {
        Self(hashes)
    }

    /// The contents of the file.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(Hash::as_bytes).copied().collect()
    }

    /// The hashes, from the left.
    #[must_use]
    pub fn hashes(&self) -> &[Hash] {
        &self.0
    }

    /// The hash over all of a full tile, which stands in the tile above; none for a partial tile, which has
    /// no such hash.
    #[must_use]
    pub fn root(&self) -> Option<Hash> {
        (self.0.len() == usize::from(TILE_WIDTH)).then(|| perfect_root(&self.0, TILE_HEIGHT))
    }

    /// The hash of a subtree that this tile holds or gives.
    pub(crate) fn node(&self, tile: Tile, node: NodePosition) -> Option<Hash> {
        let hashes = self.0.get(tile.range_of(node)?)?;
        Some(perfect_root(hashes, node.level % TILE_HEIGHT))
    }

    /// The tile as it was when it held fewer hashes.
    pub(super) fn narrowed(mut self, width: u16) -> Self {
        self.0.truncate(width.into());
        self
    }
}

/// The hash over 2^height hashes.
fn perfect_root(hashes: &[Hash], height: u8) -> Hash {
    let mut level = hashes.to_vec();
    for _ in 0..height {
        level = level.as_chunks::<2>().0.iter().map(|[left, right]| Hash::node(left, right)).collect();
    }
    level.first().copied().unwrap_or(Hash::EMPTY_ROOT)
}

/// Writes the file of a bundle: for each entry its length, 32, in two bytes (the most significant first),
/// and the entry.
#[must_use]
pub fn encode_bundle(entries: &[EntryCommitment]) -> Vec<u8> {
    entries.iter().flat_map(|entry| [&[0, 32], entry.as_bytes().as_slice()].concat()).collect()
}

/// Reads the file of a bundle of this ledger, whose entries are all 32 bytes long.
///
/// # Errors
///
/// [`TileError::WrongEntryLength`] if one says to be of another length,
/// [`TileError::WrongBundleLength`] if the file is cut or longer than its entries.
pub fn parse_bundle(bundle: Bundle, bytes: &[u8]) -> Result<Vec<EntryCommitment>, TileError> {
    let (entries, rest) = bytes.as_chunks::<ENTRY_BYTES>();
    // A wrong length tells more than the length of the file that comes of it.
    for (index, [high, low, ..]) in bundle.entries().zip(entries) {
        let length = u16::from_be_bytes([*high, *low]);
        if length != 32 {
            return Err(TileError::WrongEntryLength { index, length });
        }
    }
    if !rest.is_empty() || bytes.len() != bundle.byte_len() {
        let (expected, actual) = (bundle.byte_len(), bytes.len());
        return Err(TileError::WrongBundleLength { bundle, expected, actual });
    }
    Ok(entries.iter().filter_map(|entry| entry.last_chunk::<32>()).copied().map(Into::into).collect())
}
