//! A journal in a file.
//!
//! ```text
//! {"format":"wzapi-journal","version":1,"id":"00112233445566778899aabbccddeeff"}
//! <chain> <record>
//! <chain> <record>
//! ```
//!
//! A header, then a line per record: its JSON, and before it the hash that chains it to all lines before, in hexadecimal.
//! So no line can be altered, moved or taken out of the middle unnoticed. A line without its end is what a crash left of
//! an append that never returned, and is cut off by the next one. `docs/formats/journal.md` says it in full.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use wzapi_ledger_proof::Hash;
use wzapi_model::Entropy;
use wzapi_model::ids::LogId;

use super::{Journal, JournalError, JournalFact, JournalId, JournalRecord, LastCheckpoint};

const FORMAT: &str = "wzapi-journal";
const VERSION: u32 = 1;
/// The longest line, in bytes, with its end.
const MAX_LINE: u64 = 256 * 1024;
/// Every so many records, the place of one in the file is kept.
const INDEXED: u64 = 1024;

/// A journal in an append-only file. Several processes may share one on a file system that has locks.
///
/// Appending waits for the disk, and for other processes that append, on the thread that calls it.
#[derive(Debug)]
pub struct FileJournal {
    path: PathBuf,
    id: JournalId,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    file: File,
    /// What was read and found whole.
    end: Place,
    records: u64,
    /// Where every [`INDEXED`]th record begins.
    index: Vec<Place>,
    /// The largest checkpoint of each log.
    last: BTreeMap<LogId, Option<LastCheckpoint>>,
}

/// A place between two lines.
#[derive(Debug, Clone, Copy)]
struct Place {
    offset: u64,
    /// The chain over all lines before it.
    chain: Hash,
}

#[derive(Serialize, Deserialize)]
struct Header {
    format: String,
    version: u32,
    id: String,
}

impl FileJournal {
    /// Opens the journal at `path`, or makes an empty one there that only its owner can read. The whole file is read once
    /// and checked.
    ///
    /// # Errors
    /// [`JournalError`], by what is wrong.
    pub fn open_or_create(path: &Path, entropy: &dyn Entropy) -> Result<Self, JournalError> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        if let Some(folder) = folder {
            std::fs::create_dir_all(folder).map_err(JournalError::Unavailable)?;
        }
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path).map_err(JournalError::Unavailable)?;
        let _lock = Lock::of(&file)?;
        let (id, end) = match read_header(&mut file)? {
            Some(found) => found,
            None => {
                let made = write_header(&mut file, entropy)?;
                sync_folder(folder).map_err(JournalError::Unavailable)?;
                made
            }
        };
        let mut state = State { file, end, records: 0, index: Vec::new(), last: BTreeMap::new() };
        state.catch_up()?;
        Ok(Self { path: path.to_owned(), id, state: Mutex::new(state) })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the journal is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Keeps other processes from appending, until it is dropped.
struct Lock(File);

impl Lock {
    fn of(file: &File) -> Result<Self, JournalError> {
        let file = file.try_clone().map_err(JournalError::Unavailable)?;
        file.lock().map_err(JournalError::Unavailable)?;
        Ok(Self(file))
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing the file would not do it: the journal's own handle is the same open file to the system.
        let _ = self.0.unlock();
    }
}

/// The id and where the first record is; `None` when there is no header yet, or what a crash left of one.
fn read_header(file: &mut File) -> Result<Option<(JournalId, Place)>, JournalError> {
    let mut line = Vec::new();
    BufReader::new(Read::take(&mut *file, MAX_LINE))
        .read_until(b'\n', &mut line)
        .map_err(JournalError::Unavailable)?;
    let Some(text) = line.strip_suffix(b"\n") else {
        return if is_torn_header(&line) { Ok(None) } else { Err(JournalError::Format) };
    };
    let header: Header = serde_json::from_slice(text).map_err(|_| JournalError::Format)?;
    let id = from_hex(header.id.as_bytes());
    let id = id.filter(|_| header.format == FORMAT && header.version == VERSION);
    let first = Place { offset: line.len() as u64, chain: Hash::leaf(text) };
    Ok(Some((id.ok_or(JournalError::Format)?, first)))
}

fn write_header(file: &mut File, entropy: &dyn Entropy) -> Result<(JournalId, Place), JournalError> {
    let mut id = [0; 16];
    entropy.fill(&mut id).map_err(|error| JournalError::Unavailable(io::Error::other(error)))?;
    let header = Header { format: FORMAT.to_owned(), version: VERSION, id: to_hex(&id) };
    let mut text = serde_json::to_vec(&header).map_err(|_| JournalError::Format)?;
    let chain = Hash::leaf(&text);
    text.push(b'\n');
    write_at(file, 0, &text).map_err(JournalError::Unavailable)?;
    Ok((id, Place { offset: text.len() as u64, chain }))
}

impl State {
    /// Reads what others appended since.
    fn catch_up(&mut self) -> Result<(), JournalError> {
        let length = self.file.metadata().map_err(JournalError::Unavailable)?.len();
        if length < self.end.offset {
            // It was cut under us.
            return Err(JournalError::Damaged { position: self.records });
        }
        if length == self.end.offset {
            return Ok(());
        }
        self.file.seek(SeekFrom::Start(self.end.offset)).map_err(JournalError::Unavailable)?;
        let mut reader = BufReader::new(&self.file);
        while let Some(line) = read_line(&mut reader, self.records)? {
            let (next, record) = parse(&line, self.end, self.records)?;
            let JournalFact::Checkpoint { log, size, note, .. } = &record.fact;
            LastCheckpoint::keep_largest(self.last.entry(*log).or_default(), *size, note);
            if self.records.is_multiple_of(INDEXED) {
                self.index.push(self.end);
            }
            self.end = next;
            self.records += 1;
        }
        // What another process is just writing counts from here on, so it must be durable.
        self.file.sync_data().map_err(JournalError::Unavailable)
    }

    fn append(&mut self, record: &JournalRecord) -> Result<(), JournalError> {
        self.catch_up()?;
        let json = serde_json::to_vec(record).map_err(|_| JournalError::Format)?;
        let mut line = chained(&self.end.chain, &json).to_string().into_bytes();
        line.push(b' ');
        line.extend_from_slice(&json);
        line.push(b'\n');
        if line.len() as u64 > MAX_LINE {
            return Err(JournalError::Format);
        }
        write_at(&mut self.file, self.end.offset, &line).map_err(JournalError::Unavailable)?;
        self.catch_up()
    }

    fn read(&mut self, from: u64, limit: usize) -> Result<Vec<JournalRecord>, JournalError> {
        self.catch_up()?;
        let mut records = Vec::new();
        if from >= self.records {
            return Ok(records);
        }
        let nearest = usize::try_from(from / INDEXED).unwrap_or(usize::MAX);
        let mut place = *self.index.get(nearest).ok_or(JournalError::Damaged { position: from })?;
        self.file.seek(SeekFrom::Start(place.offset)).map_err(JournalError::Unavailable)?;
        let mut reader = BufReader::new(&self.file);
        let mut position = from - from % INDEXED;
        while records.len() < limit && position < self.records {
            let line = read_line(&mut reader, position)?.ok_or(JournalError::Damaged { position })?;
            let (next, record) = parse(&line, place, position)?;
            place = next;
            if position >= from {
                records.push(record);
            }
            position += 1;
        }
        Ok(records)
    }
}

/// The next line, with its end; `None` at the end of the file, and before what is left of an append that never returned.
fn read_line(reader: &mut impl BufRead, position: u64) -> Result<Option<Vec<u8>>, JournalError> {
    let mut line = Vec::new();
    Read::take(reader, MAX_LINE).read_until(b'\n', &mut line).map_err(JournalError::Unavailable)?;
    match line.last() {
        Some(b'\n') => Ok(Some(line)),
        _ if line.len() as u64 == MAX_LINE => Err(JournalError::Damaged { position }),
        _ => Ok(None),
    }
}

/// The record in a line, and the place behind it.
fn parse(line: &[u8], before: Place, position: u64) -> Result<(Place, JournalRecord), JournalError> {
    let damaged = || JournalError::Damaged { position };
    let text = line.strip_suffix(b"\n").ok_or_else(damaged)?;
    let (chain, json) = text.split_first_chunk::<64>().ok_or_else(damaged)?;
    let json = json.strip_prefix(b" ").ok_or_else(damaged)?;
    let stated: [u8; 32] = from_hex(chain).ok_or_else(damaged)?;
    let chain = chained(&before.chain, json);
    if *chain.as_bytes() != stated {
        return Err(damaged());
    }
    // It is what was written, so a newer version wrote what this one does not understand.
    let record = serde_json::from_slice(json).map_err(|_| JournalError::Format)?;
    Ok((Place { offset: before.offset + line.len() as u64, chain }, record))
}

fn chained(chain: &Hash, json: &[u8]) -> Hash {
    Hash::node(chain, &Hash::leaf(json))
}

/// Writes at the end that is known to be whole, over what a crash may have left behind it.
fn write_at(file: &mut File, end: u64, text: &[u8]) -> io::Result<()> {
    file.set_len(end)?;
    file.seek(SeekFrom::Start(end))?;
    file.write_all(text)?;
    file.sync_data()
}

/// Makes the name of a new file durable, where the system has a way to.
fn sync_folder(folder: Option<&Path>) -> io::Result<()> {
    if cfg!(unix) { File::open(folder.unwrap_or(Path::new(".")))?.sync_all() } else { Ok(()) }
}

/// Whether this is the beginning of a header that a crash cut off, or nothing.
fn is_torn_header(text: &[u8]) -> bool {
    let beginning = br#"{"format":"wzapi-journal","version":1,"id":""#;
    text.len() <= beginning.len() + 34
        && text.iter().zip(beginning).all(|(found, expected)| found == expected)
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Bytes in lowercase hexadecimal, which has one spelling for each.
fn from_hex<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let (pairs, rest) = text.as_chunks::<2>();
    if pairs.len() != N || !rest.is_empty() {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(bytes)
}

#[async_trait]
impl Journal for FileJournal {
    async fn id(&self) -> Result<JournalId, JournalError> {
        Ok(self.id)
    }

    async fn append(&self, record: &JournalRecord) -> Result<(), JournalError> {
        let mut state = self.lock();
        let _lock = Lock::of(&state.file)?;
        state.append(record)
    }

    async fn read(&self, from: u64, limit: usize) -> Result<Vec<JournalRecord>, JournalError> {
        self.lock().read(from, limit)
    }

    async fn len(&self) -> Result<u64, JournalError> {
        let mut state = self.lock();
        state.catch_up()?;
        Ok(state.records)
    }

    async fn last_checkpoint(&self, log: LogId) -> Result<Option<LastCheckpoint>, JournalError> {
        let mut state = self.lock();
        state.catch_up()?;
        Ok(state.last.get(&log).cloned().flatten())
    }
}
