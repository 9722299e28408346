use super::{TILE_HEIGHT, TILE_WIDTH, Tile, TileHashes};
use crate::compact_range::CompactRange;
use crate::{Hash, ProofError};

/// Makes the tiles of a log while its entries stream by, with at most 256 hashes per level in memory.
///
/// An exporter writes what it hands out; a verifier compares.
///
/// # Examples
///
/// ```
/// use wzapi_ledger_proof::tiles::{Tile, TileBuilder};
/// use wzapi_ledger_proof::{Hash, ProofError};
///
/// let mut builder = TileBuilder::new();
/// let mut paths = Vec::new();
/// for entry in 0..300u32 {
///     builder.append(Hash::leaf(&entry.to_be_bytes()), |tile, _hashes| paths.push(tile.to_string()))?;
/// }
/// paths.extend(builder.partial_tiles().map(|(tile, _hashes)| tile.to_string()));
/// assert_eq!(paths, ["tile/0/000", "tile/0/001.p/44", "tile/1/000.p/1"]);
/// assert_eq!(paths.len(), Tile::of_tree(300).count());
/// # Ok::<(), ProofError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct TileBuilder {
    range: CompactRange,
    /// The hashes of the last tile of each level, from the leaves; a full tile leaves an empty list.
    open: Vec<Vec<Hash>>,
}

impl TileBuilder {
    /// The log without entries.
    #[must_use]
    pub const fn new() -> Self {
        Self { range: CompactRange::new(), open: Vec::new() }
    }

    /// Goes on where a builder stopped: its [`range`](Self::range) and its [`open_hashes`](Self::open_hashes).
    ///
    /// # Errors
    ///
    /// [`ProofError::WrongLength`] if a level has not as many hashes as a tree of this size leaves open. The
    /// hashes themselves are the caller's to vouch for.
    pub fn resume(range: CompactRange, open: Vec<Vec<Hash>>) -> Result<Self, ProofError> {
        let left_open = |level| super::hashes_at(level, range.size()) % u64::from(TILE_WIDTH);
        let levels = (0..super::LEVELS).filter(|level| super::hashes_at(*level, range.size()) > 0).count();
        let expected: u64 = (0..super::LEVELS).map(left_open).sum();
        let fits = open.len() == levels
            && open
                .iter()
                .zip(0..)
                .all(|(hashes, level)| u64::try_from(hashes.len()) == Ok(left_open(level)));
        if fits {
            return Ok(Self { range, open });
        }
        let (expected, actual) =
            (usize::try_from(expected).unwrap_or(usize::MAX), open.iter().map(Vec::len).sum());
        Err(ProofError::WrongLength { expected, actual })
    }

    /// The hashes of the last tile of each level, from the leaves up; none where that tile is full.
    pub fn open_hashes(&self) -> impl Iterator<Item = &[Hash]> {
        self.open.iter().map(Vec::as_slice)
    }

    /// Adds the next leaf and hands out the full tiles that it completes, the lowest first.
    ///
    /// # Errors
    ///
    /// [`ProofError::TooLarge`] if the tree is full; nothing is handed out then.
    pub fn append(&mut self, leaf: Hash, mut full: impl FnMut(Tile, TileHashes)) -> Result<(), ProofError> {
        let open = &mut self.open;
        self.range.append_with(leaf, |position, hash| {
            if position.level % TILE_HEIGHT != 0 {
                return;
            }
            let level = position.level / TILE_HEIGHT;
            if open.len() <= usize::from(level) {
                open.push(Vec::new());
            }
            let Some(hashes) = open.get_mut(usize::from(level)) else { return };
            hashes.push(hash);
            if hashes.len() == usize::from(TILE_WIDTH) {
                let hashes = TileHashes::of(std::mem::take(hashes));
                let tile = Tile { level, index: position.index / u64::from(TILE_WIDTH), width: TILE_WIDTH };
                full(tile, hashes);
            }
        })
    }

    /// The last tile of every level, as far as it is partial, the lowest first.
    pub fn partial_tiles(&self) -> impl Iterator<Item = (Tile, TileHashes)> {
        let size = self.range.size();
        self.open.iter().zip(0..).filter_map(move |(hashes, level)| {
            let width = u16::try_from(hashes.len()).ok()?;
            let index = super::hashes_at(level, size) / u64::from(TILE_WIDTH);
            Some((Tile::new(level, index, width).ok()?, TileHashes::of(hashes.clone())))
        })
    }

    /// The right edge of the tree so far: its size and root.
    #[must_use]
    pub const fn range(&self) -> &CompactRange {
        &self.range
    }
}
