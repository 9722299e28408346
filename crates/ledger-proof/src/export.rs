//! A log as a directory of files, in the layout of C2SP `tlog-tiles`.
//!
//! An export holds `checkpoint`, `tile/<level>/…` and `tile/entries/…`, and nothing else. Its checkpoint is
//! written last, so that a directory with a checkpoint is whole.

use std::error::Error;

use crate::tiles::{TILE_WIDTH, Tile, TileSource};

/// The path of the checkpoint.
pub const CHECKPOINT: &str = "checkpoint";

/// Gives the files of a log by their path.
///
/// It may be hostile. It must not follow a path out of the log, though none that is asked for tries to.
///
/// # Examples
///
/// ```
/// use std::collections::BTreeMap;
/// use std::convert::Infallible;
/// use wzapi_ledger_proof::export::LogFiles;
///
/// /// An export in memory.
/// struct Memory(BTreeMap<String, Vec<u8>>);
///
/// impl LogFiles for Memory {
///     type Error = Infallible;
///
///     fn read(&self, path: &str, limit: usize) -> Result<Option<Vec<u8>>, Infallible> {
///         Ok(self.0.get(path).map(|file| file.iter().copied().take(limit).collect()))
///     }
/// }
/// ```
pub trait LogFiles {
    /// Why a file that should be there could not be read.
    type Error: Error + 'static;

    /// The first `limit` bytes of the file, or all of it if it is shorter; `None` if there is no such file.
    ///
    /// Nothing beyond `limit` may be held in memory. The caller asks for a byte more than it expects, and so
    /// learns that a file is longer.
    ///
    /// # Errors
    ///
    /// Any failure other than the absence of the file.
    fn read(&self, path: &str, limit: usize) -> Result<Option<Vec<u8>>, Self::Error>;
}

impl<F: LogFiles + ?Sized> LogFiles for &F {
    type Error = F::Error;

    fn read(&self, path: &str, limit: usize) -> Result<Option<Vec<u8>>, F::Error> {
        (*self).read(path, limit)
    }
}

/// The tiles among the files of a log.
///
/// For a partial tile that is not there, the full tile or the narrowest wider one stands in, as in a log that
/// has grown since.
///
/// # Examples
///
/// ```
/// use std::collections::BTreeMap;
/// use std::convert::Infallible;
/// use wzapi_ledger_proof::export::{FileTiles, LogFiles};
/// use wzapi_ledger_proof::inclusion::InclusionProof;
/// use wzapi_ledger_proof::tiles::TileReader;
/// use wzapi_ledger_proof::{Hash, TreeHead};
///
/// struct OneTile(Vec<u8>);
///
/// impl LogFiles for OneTile {
///     type Error = Infallible;
///
///     fn read(&self, path: &str, _limit: usize) -> Result<Option<Vec<u8>>, Infallible> {
///         Ok((path == "tile/0/000.p/2").then(|| self.0.clone()))
///     }
/// }
///
/// let [a, b] = [b"a", b"b"].map(|entry| Hash::leaf(entry));
/// let files = OneTile([*a.as_bytes(), *b.as_bytes()].concat());
/// let tiles = FileTiles(files);
/// let proof = InclusionProof::build(&TileReader::new(&tiles, 2), 0, 2)?;
/// proof.verify(a, 0, TreeHead::new(2, Hash::node(&a, &b))?)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct FileTiles<F>(pub F);

impl<F: LogFiles> TileSource for FileTiles<F> {
    type Error = F::Error;

    fn tile(&self, tile: Tile) -> Result<Option<Vec<u8>>, F::Error> {
        let wider = (tile.width() + 1..TILE_WIDTH).take(if tile.is_full() { 0 } else { TILE_WIDTH.into() });
        for width in [tile.width(), TILE_WIDTH].into_iter().chain(wider) {
            let Ok(candidate) = Tile::new(tile.level(), tile.index(), width) else { continue };
            if let Some(file) = self.0.read(&candidate.to_string(), candidate.byte_len() + 1)? {
                return Ok(Some(file));
            }
        }
        Ok(None)
    }
}
