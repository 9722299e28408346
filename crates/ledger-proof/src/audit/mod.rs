//! The check of a whole exported log, from its entries to its checkpoint.
//!
//! [`Audit::run`] reads every entry once, in order, recomputes all tiles of all levels and the root, and
//! compares: tiles with the files, the root with the checkpoint, the roots at older sizes with older
//! checkpoints. It stops at the first [`Fault`] and says where it is. It needs no secret and learns nothing
//! about anyone: entries are commitments. In memory it holds at most 256 hashes for each of 8 levels,
//! whatever the size of the log.
//!
//! Where an entry and the tile above it disagree, the checkpoint decides: whichever of the two leads to its
//! root through the rest of the tiles is genuine.
//!
//! # What it cannot find
//!
//! Whoever holds the log's key can sign a new history and export it. That shows only against a checkpoint that
//! somebody kept elsewhere ([`Audit::against`]), or if witnesses, which sign one history only, are demanded
//! by the [policy](CheckpointPolicy).

mod fault;

use std::error::Error;

use thiserror::Error;

use crate::Hash;
use crate::checkpoint::{CheckpointPolicy, OpenedCheckpoint};
use crate::export::{CHECKPOINT, FileTiles, LogFiles};
use crate::inclusion;
use crate::nodes::{HashReader, NodePosition};
use crate::signed_note::MAX_NOTE_BYTES;
use crate::tiles::{
    Bundle, TILE_WIDTH, Tile, TileBuilder, TileHashes, TileReadError, TileReader, parse_bundle,
};

pub use fault::Fault;

/// Why an audit did not end well.
#[derive(Debug, Error)]
pub enum AuditError<E: Error + 'static> {
    /// The log is at fault.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// A file could not be read, which says nothing about the log. Try again.
    #[error("{path} could not be read")]
    Source {
        /// The path of the file.
        path: String,
        /// What the source said.
        source: E,
    },
}

/// What an audit found to be in order.
#[derive(Clone, Debug)]
#[must_use]
pub struct AuditReport {
    /// The checkpoint that everything was checked against.
    pub checkpoint: OpenedCheckpoint,
    /// How many tiles were compared, of all levels.
    pub tiles: u64,
    /// The sizes of older checkpoints that the log was found to begin with, in ascending order.
    pub older: Vec<u64>,
}

/// The check of an exported log.
///
/// # Examples
///
/// ```
/// use std::collections::BTreeMap;
/// use std::convert::Infallible;
/// use wzapi_ledger_proof::audit::{Audit, AuditError, Fault};
/// use wzapi_ledger_proof::checkpoint::{Checkpoint, CheckpointPolicy};
/// use wzapi_ledger_proof::export::LogFiles;
/// use wzapi_ledger_proof::memory_tree::MemoryTree;
/// use wzapi_ledger_proof::signed_note::{KeyName, Signer};
/// use wzapi_ledger_proof::tiles::{Bundle, Tile, TileHashes, encode_bundle};
/// use wzapi_ledger_proof::EntryCommitment;
///
/// struct Memory(BTreeMap<String, Vec<u8>>);
///
/// impl LogFiles for Memory {
///     type Error = Infallible;
///
///     fn read(&self, path: &str, limit: usize) -> Result<Option<Vec<u8>>, Infallible> {
///         Ok(self.0.get(path).map(|file| file.iter().copied().take(limit).collect()))
///     }
/// }
///
/// // A log exports its entries, its tiles, and its checkpoint last.
/// let entries = [[1; 32], [2; 32], [3; 32]].map(EntryCommitment::from);
/// let mut tree = MemoryTree::new();
/// entries.iter().try_for_each(|entry| tree.append(entry.leaf_hash()))?;
/// let mut files = BTreeMap::new();
/// files.insert(Bundle::new(0, 3)?.to_string(), encode_bundle(&entries));
/// for tile in Tile::of_tree(3) {
///     files.insert(tile.to_string(), TileHashes::read(&tree, tile)?.to_bytes());
/// }
/// let log = Signer::from_seed(KeyName::new("example.com/log")?, &[1; 32])?;
/// let checkpoint = Checkpoint::new(log.verifier_key().name(), tree.head()).sign(&[&log])?;
/// files.insert("checkpoint".to_owned(), checkpoint.to_string().into_bytes());
///
/// // An auditor who knows its key checks it.
/// let policy = CheckpointPolicy::for_log(vec![log.verifier_key().clone()])?;
/// let report = Audit::new(&policy).run(&Memory(files.clone()), |_done, _size| ())?;
/// assert_eq!(report.checkpoint.head(), tree.head());
///
/// // One bit of one entry.
/// files.get_mut("tile/entries/000.p/3").unwrap()[40] ^= 1;
/// let found = Audit::new(&policy).run(&Memory(files), |_done, _size| ());
/// assert!(matches!(found, Err(AuditError::Fault(Fault::EntryAltered { index: 1 }))));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Audit<'a> {
    policy: &'a CheckpointPolicy,
    older: Vec<OpenedCheckpoint>,
    may_be_longer: bool,
}

impl<'a> Audit<'a> {
    /// An audit of the log that the policy is for.
    #[must_use]
    pub const fn new(policy: &'a CheckpointPolicy) -> Self {
        Self { policy, older: Vec::new(), may_be_longer: false }
    }

    /// Demands that the log begins with the tree of this checkpoint, which was kept from earlier. Can be
    /// called for several.
    #[must_use]
    pub fn against(mut self, older: OpenedCheckpoint) -> Self {
        self.older.push(older);
        self.older.sort_by_key(|older| older.head().size());
        self
    }

    /// Takes files that go on beyond the checkpoint for those of a log that grows while it is read, rather
    /// than for a fault. What is beyond is not looked at.
    #[must_use]
    pub const fn of_growing_log(mut self) -> Self {
        self.may_be_longer = true;
        self
    }

    /// Checks everything. `progress` is called after each bundle with the number of entries checked and the
    /// size of the log.
    ///
    /// # Errors
    ///
    /// [`AuditError::Fault`] with the first fault, [`AuditError::Source`] for a file that could not be read.
    pub fn run<F: LogFiles>(
        &self,
        files: &F,
        mut progress: impl FnMut(u64, u64),
    ) -> Result<AuditReport, AuditError<F::Error>> {
        let checkpoint = self.open_checkpoint(files)?;
        let size = checkpoint.head().size();
        let mut run = Run::new(files, &checkpoint, self.may_be_longer);
        let mut older = self.older.iter().map(OpenedCheckpoint::head).peekable();
        let mut contradiction = None;
        let mut compared = |run: &Run<'_, F>| {
            while let Some(head) = older.next_if(|head| head.size() == run.builder.range().size()) {
                let differs = run.builder.range().root() != head.root();
                contradiction = contradiction.or(differs.then_some(head.size()));
            }
        };
        compared(&run);
        for bundle in Bundle::of_log(size) {
            run.bundle(bundle, &mut compared)?;
            progress(bundle.entries().end, size);
        }
        run.partial_tiles()?;
        if run.builder.range().root() != checkpoint.head().root() {
            return Err(Fault::RootMismatch { size }.into());
        }
        // After the root: only then the entries are known to be those of the newer checkpoint.
        if let Some(older) = contradiction {
            return Err(Fault::OlderContradicts { older }.into());
        }
        if !self.may_be_longer {
            run.nothing_beyond()?;
        }
        let older = self.older.iter().map(|older| older.head().size()).collect();
        Ok(AuditReport { tiles: run.compared, checkpoint, older })
    }

    fn open_checkpoint<F: LogFiles>(&self, files: &F) -> Result<OpenedCheckpoint, AuditError<F::Error>> {
        let note = read(files, CHECKPOINT, MAX_NOTE_BYTES)?.ok_or(Fault::CheckpointMissing)?;
        let checkpoint = self.policy.open(&note).map_err(Fault::CheckpointRefused)?;
        for older in &self.older {
            let (size, older_size) = (checkpoint.head().size(), older.head().size());
            if older.checkpoint().origin() != checkpoint.checkpoint().origin() {
                return Err(Fault::OlderOfOtherLog { older: older_size }.into());
            }
            if older_size > size {
                return Err(Fault::ShorterThanOlder { size, older: older_size }.into());
            }
        }
        Ok(checkpoint)
    }
}

/// An audit under way.
struct Run<'a, F> {
    files: &'a F,
    checkpoint: &'a OpenedCheckpoint,
    may_be_longer: bool,
    builder: TileBuilder,
    /// The number of tiles compared.
    compared: u64,
}

impl<'a, F: LogFiles> Run<'a, F> {
    const fn new(files: &'a F, checkpoint: &'a OpenedCheckpoint, may_be_longer: bool) -> Self {
        Self { files, checkpoint, may_be_longer, builder: TileBuilder::new(), compared: 0 }
    }

    /// Adds the entries of a bundle, telling `after_each` after every one, and compares the tiles that they
    /// complete.
    fn bundle(
        &mut self,
        bundle: Bundle,
        after_each: &mut impl FnMut(&Self),
    ) -> Result<(), AuditError<F::Error>> {
        let file = self.bundle_file(bundle)?;
        let entries =
            parse_bundle(bundle, &file).map_err(|source| Fault::BundleMalformed { bundle, source })?;
        let mut full = Vec::new();
        for entry in entries {
            self.builder
                .append(entry.leaf_hash(), |tile, hashes| full.push((tile, hashes)))
                // Never: no checkpoint is opened that states a size beyond the largest tree.
                .map_err(|_| Fault::RootMismatch { size: self.checkpoint.head().size() })?;
            after_each(self);
        }
        full.into_iter().try_for_each(|(tile, hashes)| self.compare(tile, &hashes))
    }

    fn partial_tiles(&mut self) -> Result<(), AuditError<F::Error>> {
        let partial: Vec<_> = self.builder.partial_tiles().collect();
        partial.into_iter().try_for_each(|(tile, hashes)| self.compare(tile, &hashes))
    }

    /// The file of a bundle; the beginning of a wider one, if the log may have grown.
    fn bundle_file(&self, bundle: Bundle) -> Result<Vec<u8>, AuditError<F::Error>> {
        let length = bundle.byte_len();
        if let Some(file) = read(self.files, &bundle.to_string(), length)? {
            return Ok(file);
        }
        let Some(wider) = self.find_bundle(bundle.index(), bundle.width() + 1)? else {
            return Err(Fault::BundleMissing { bundle }.into());
        };
        if !self.may_be_longer {
            return Err(Fault::LongerThanCheckpoint { bundle: wider }.into());
        }
        let mut file = read(self.files, &wider.to_string(), wider.byte_len())?.unwrap_or_default();
        file.truncate(length);
        Ok(file)
    }

    /// A bundle at this place with at least so many entries.
    fn find_bundle(&self, index: u64, least: u16) -> Result<Option<Bundle>, AuditError<F::Error>> {
        // The full one first: it is what a log keeps.
        for width in (least..=TILE_WIDTH).rev() {
            let Ok(bundle) = Bundle::new(index, width) else { continue };
            if read(self.files, &bundle.to_string(), 0)?.is_some() {
                return Ok(Some(bundle));
            }
        }
        Ok(None)
    }

    /// The hashes of a tile as they are stored.
    fn stored(&self, tile: Tile) -> Result<TileHashes, AuditError<F::Error>> {
        if !self.may_be_longer {
            let file = read(self.files, &tile.to_string(), tile.byte_len())?;
            let file = file.ok_or(Fault::TileMissing { tile })?;
            return Ok(
                TileHashes::parse(tile, &file).map_err(|source| Fault::TileMalformed { tile, source })?
            );
        }
        let tiles = FileTiles(self.files);
        TileHashes::read(&self.reader(&tiles), tile).map_err(|error| match error {
            TileReadError::Source { tile, source } => AuditError::Source { path: tile.to_string(), source },
            TileReadError::Tile(source) => match source {
                crate::tiles::TileError::Missing { tile } => Fault::TileMissing { tile }.into(),
                source => Fault::TileMalformed { tile, source }.into(),
            },
            TileReadError::Proof(error) => Fault::TileMalformed { tile, source: error.into() }.into(),
        })
    }

    fn reader<'t>(&self, tiles: &'t FileTiles<&'a F>) -> TileReader<'t, FileTiles<&'a F>> {
        TileReader::new(tiles, self.checkpoint.head().size())
    }

    fn compare(&mut self, tile: Tile, computed: &TileHashes) -> Result<(), AuditError<F::Error>> {
        let stored = self.stored(tile)?;
        self.compared += 1;
        let differing = (0..tile.width()).zip(stored.hashes().iter().zip(computed.hashes()));
        let Some((offset, _)) = differing.into_iter().find(|(_, (stored, computed))| stored != computed)
        else {
            return Ok(());
        };
        let leaves = tile.leaves_under(offset);
        let fault = if self.leads_to_root(tile, offset, &stored) {
            match tile.level() {
                0 => Fault::EntryAltered { index: leaves.start },
                _ => Fault::EntriesReplaced { first: leaves.start, last: leaves.end - 1 },
            }
        } else if self.leads_to_root(tile, offset, computed) {
            Fault::TileAltered { tile, offset }
        } else {
            Fault::Contradiction { tile, offset }
        };
        Err(fault.into())
    }

    /// Whether the tile with these hashes belongs to the tree of the checkpoint, by the tiles stored beside
    /// and above it. They are not trusted: they only can lead to the root if they are right.
    fn leads_to_root(&self, tile: Tile, offset: u16, hashes: &TileHashes) -> bool {
        let tiles = FileTiles(self.files);
        let reader = Overlay { tile, hashes, beneath: self.reader(&tiles) };
        let Some(hash) = hashes.hashes().get(usize::from(offset)) else { return false };
        let root = inclusion::root_above(&reader, tile.node(offset), *hash, self.checkpoint.head().size());
        root.is_ok_and(|root| root == self.checkpoint.head().root())
    }

    /// Looks for a bundle with entries that the checkpoint does not cover.
    fn nothing_beyond(&self) -> Result<(), AuditError<F::Error>> {
        let size = self.checkpoint.head().size();
        let index = size / u64::from(TILE_WIDTH);
        let width = u16::try_from(size % u64::from(TILE_WIDTH)).unwrap_or(TILE_WIDTH);
        match self.find_bundle(index, width + 1)? {
            Some(bundle) => Err(Fault::LongerThanCheckpoint { bundle }.into()),
            None => Ok(()),
        }
    }
}

/// Tiles with one of them replaced.
struct Overlay<'a, R> {
    tile: Tile,
    hashes: &'a TileHashes,
    beneath: R,
}

impl<R: HashReader> HashReader for Overlay<'_, R> {
    type Error = R::Error;

    fn node(&self, level: u8, index: u64) -> Result<Hash, R::Error> {
        match self.hashes.node(self.tile, NodePosition { level, index }) {
            Some(hash) => Ok(hash),
            None => self.beneath.node(level, index),
        }
    }
}

/// The file, with a byte more than `expected` if it is longer.
fn read<F: LogFiles>(
    files: &F,
    path: &str,
    expected: usize,
) -> Result<Option<Vec<u8>>, AuditError<F::Error>> {
    files.read(path, expected + 1).map_err(|source| AuditError::Source { path: path.to_owned(), source })
}
