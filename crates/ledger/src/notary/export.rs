//! A log as static files (C2SP `tlog-tiles`), servable by any web server.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use wzapi_ledger_proof::export::CHECKPOINT;
use wzapi_ledger_proof::tiles::{Bundle, Tile, encode_bundle};
use wzapi_model::ids::ControllerId;
use wzapi_storage::row::{LogTileRow, RowType};

use super::Notary;
use super::checkpoint::{Signed, SignedCheckpoint};
use super::tiles::{open_tile, read_leaves, tile_key};
use crate::error::LedgerError;

/// The longest file that is read back from an export.
const MAX_CHECKPOINT: u64 = 1 << 20;

/// Takes the files of a log.
pub trait ExportSink: Send {
    /// The checkpoint that is there from an earlier export, if there was one.
    ///
    /// # Errors
    /// That of the medium.
    fn checkpoint(&self) -> io::Result<Option<Vec<u8>>>;

    /// Whether a file of this path is there already: full tiles and bundles never change, and are skipped.
    ///
    /// # Errors
    /// That of the medium.
    fn has(&self, path: &str) -> io::Result<bool>;

    /// Writes a file, whole or not at all. The checkpoint comes last, and must not be there without the rest.
    ///
    /// # Errors
    /// That of the medium.
    fn write(&mut self, path: &str, bytes: &[u8]) -> io::Result<()>;
}

/// How far an export is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ExportProgress {
    /// Entries in files.
    pub entries: u64,
    /// Entries of the log.
    pub size: u64,
    /// Files written.
    pub files: u64,
}

impl Notary {
    /// Writes entry bundles and tiles of the whole log, and the checkpoint last, so that whoever reads the checkpoint
    /// finds everything under it. What is there from an earlier export is not written again. Bodies are not among the
    /// files: they hold commitments and hashes alone.
    ///
    /// # Errors
    /// [`LedgerError::Export`] when the sink fails; [`LedgerError::ExportOfAnotherLog`] when the sink has the files of
    /// another log, or of a tree that this one does not continue, and nothing was written then; as
    /// [`Notary::checkpoint`].
    pub async fn export(
        &self,
        controller: ControllerId,
        shard: u16,
        sink: &mut dyn ExportSink,
        on_progress: &mut (dyn FnMut(ExportProgress) + Send),
    ) -> Result<SignedCheckpoint, LedgerError> {
        let signed = self.sign(controller, shard).await?;
        let is_resumed = self.check_sink(controller, &signed, sink).await?;
        // Without a checkpoint nobody knows whose the files are.
        let is_there = |sink: &mut dyn ExportSink, path: &str| {
            if is_resumed { sink.has(path).map_err(LedgerError::Export) } else { Ok(false) }
        };
        let size = signed.edge.size;
        let mut progress = ExportProgress { size, ..ExportProgress::default() };
        for bundle in Bundle::of_log(size) {
            let path = bundle.to_string();
            if !is_there(sink, &path)? {
                let entries =
                    read_leaves(self.storage.as_ref(), controller, signed.log, bundle.entries()).await?;
                sink.write(&path, &encode_bundle(&entries)).map_err(LedgerError::Export)?;
                progress.files += 1;
            }
            progress.entries += u64::from(bundle.width());
            on_progress(progress);
        }
        for tile in Tile::of_tree(size) {
            let path = tile.to_string();
            if is_there(sink, &path)? {
                continue;
            }
            let bytes = self.tile_file(controller, &signed, tile).await?;
            sink.write(&path, &bytes).map_err(LedgerError::Export)?;
            progress.files += 1;
            on_progress(progress);
        }
        sink.write(CHECKPOINT, signed.checkpoint.note.as_bytes()).map_err(LedgerError::Export)?;
        Ok(signed.checkpoint)
    }

    async fn tile_file(
        &self,
        controller: ControllerId,
        signed: &Signed,
        tile: Tile,
    ) -> Result<Vec<u8>, LedgerError> {
        if !tile.is_full() {
            return Ok(open_tile(&signed.edge, tile)?.to_bytes());
        }
        let rows = self.storage.get(controller, &[tile_key(signed.log, tile)]).await?;
        let row = rows.into_iter().next().flatten().ok_or(LedgerError::Contradiction)?;
        Ok(LogTileRow::of(&row.body).ok_or(LedgerError::Contradiction)?.hashes.clone())
    }

    /// Files that are there are left as they are, so they must be of this very log, from earlier. Whether there are any.
    async fn check_sink(
        &self,
        controller: ControllerId,
        signed: &Signed,
        sink: &dyn ExportSink,
    ) -> Result<bool, LedgerError> {
        let Some(note) = sink.checkpoint().map_err(LedgerError::Export)? else { return Ok(false) };
        let note = String::from_utf8(note).map_err(|_| LedgerError::ExportOfAnotherLog)?;
        let is_continued = match self.reopen(controller, signed, &note).await? {
            Some(earlier) => self.begins_with(controller, signed.log, &signed.edge, earlier.head()).await?,
            None => false,
        };
        if is_continued { Ok(true) } else { Err(LedgerError::ExportOfAnotherLog) }
    }
}

/// Writes the files into a directory.
#[derive(Debug)]
pub struct DirectorySink {
    directory: PathBuf,
    /// Folders with files that a crash could take away again.
    unsynced: BTreeSet<PathBuf>,
}

impl DirectorySink {
    /// Files under `directory`, which is made when it is not there.
    ///
    /// # Errors
    /// That of the file system.
    pub fn new(directory: &Path) -> io::Result<Self> {
        fs::create_dir_all(directory)?;
        Ok(Self { directory: directory.to_owned(), unsynced: BTreeSet::new() })
    }

    /// The checkpoint of an earlier export, if there is one.
    ///
    /// # Errors
    /// That of the file system.
    pub fn checkpoint(&self) -> io::Result<Option<Vec<u8>>> {
        let mut bytes = Vec::new();
        match File::open(self.directory.join(CHECKPOINT)) {
            Ok(file) => file.take(MAX_CHECKPOINT).read_to_end(&mut bytes).map(|_| Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes the folders of a file, and notes them all.
    fn make_folders(&mut self, place: &Path) -> io::Result<()> {
        let Some(folder) = place.parent() else { return Ok(()) };
        fs::create_dir_all(folder)?;
        let folders = folder.ancestors().take_while(|folder| folder.starts_with(&self.directory));
        self.unsynced.extend(folders.map(Path::to_owned));
        Ok(())
    }

    fn sync_folders(&mut self) -> io::Result<()> {
        while let Some(folder) = self.unsynced.pop_first() {
            sync_folder(&folder)?;
        }
        Ok(())
    }
}

impl ExportSink for DirectorySink {
    fn checkpoint(&self) -> io::Result<Option<Vec<u8>>> {
        Self::checkpoint(self)
    }

    fn has(&self, path: &str) -> io::Result<bool> {
        self.directory.join(path).try_exists()
    }

    fn write(&mut self, path: &str, bytes: &[u8]) -> io::Result<()> {
        let place = self.directory.join(path);
        self.make_folders(&place)?;
        if path == CHECKPOINT {
            self.sync_folders()?;
        }
        let mut partial = place.as_os_str().to_owned();
        partial.push(".partial");
        let mut file = File::create(&partial)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&partial, &place)?;
        if path == CHECKPOINT {
            sync_folder(&self.directory)?;
        }
        Ok(())
    }
}

/// Makes the names of the files in a folder durable, where the system has a way to.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}
