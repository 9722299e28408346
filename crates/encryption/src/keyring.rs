//! The local keyring: wrapping keys in one file, for a machine without a key management service.
//!
//! The file is made with mode 0600 and refused when others may read it. Anyone who has both this file and the
//! data has everything, and a copy of an old keyring defeats erasure by key destruction: keep it apart from
//! backups of the data.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use wzapi_model::entropy::Entropy;
use zeroize::{Zeroize, Zeroizing};

use crate::encoding::length_prefixed;
use crate::envelope::{open_from, seal_onto};
use crate::provider::{Destruction, KeyContext, KeyProvider, KeyProviderError, WrappingKeyId};
use crate::secret::SecretKey;

const FORMAT: &str = "wzapi-keyring";
const VERSION: u32 = 1;
const MAX_FILE: u64 = 1024 * 1024;
const WRAP_LABEL: &[u8] = b"wzapi/local-keyring/v1";

/// Wrapping keys in a local file.
pub struct LocalKeyring {
    path: PathBuf,
    entropy: Arc<dyn Entropy>,
    keys: Mutex<Vec<Entry>>,
}

struct Entry {
    id: WrappingKeyId,
    key: SecretKey,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyringFile {
    format: String,
    version: u32,
    keys: Vec<FileEntry>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileEntry {
    id: String,
    key_hex: String,
}

impl Drop for FileEntry {
    fn drop(&mut self) {
        self.key_hex.zeroize();
    }
}

impl LocalKeyring {
    /// Opens the keyring at `path`, or makes one with a first key there.
    ///
    /// # Errors
    /// [`KeyProviderError::Unusable`] when the file is readable by others, malformed or of a newer format;
    /// [`KeyProviderError::Unavailable`] when it cannot be read or written.
    pub fn open_or_create(path: &Path, entropy: Arc<dyn Entropy>) -> Result<Self, KeyProviderError> {
        let keys = match File::open(path) {
            Ok(file) => read(file)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(unavailable(error)),
        };
        let keyring = Self { path: path.to_owned(), entropy, keys: Mutex::new(keys) };
        if keyring.lock().is_empty() {
            keyring.create_file()?;
        }
        Ok(keyring)
    }

    /// Makes the file with a first key. When another process made one meanwhile, that one holds.
    fn create_file(&self) -> Result<(), KeyProviderError> {
        let first = self.new_entry()?;
        match write(&self.path, std::slice::from_ref(&first), Publish::IfAbsent) {
            Ok(()) => *self.lock() = vec![first],
            Err(WriteError::Exists) => {
                *self.lock() = read(File::open(&self.path).map_err(unavailable)?)?;
                if self.lock().is_empty() {
                    return Err(KeyProviderError::Unusable("the file holds no key"));
                }
            }
            Err(WriteError::Failed(error)) => return Err(error),
        }
        Ok(())
    }

    fn new_entry(&self) -> Result<Entry, KeyProviderError> {
        let mut random = [0; 8];
        self.entropy.fill(&mut random).map_err(|error| KeyProviderError::Unavailable(Box::new(error)))?;
        let id = WrappingKeyId(format!("local-{}", to_hex(&random)));
        let key = SecretKey::generate(self.entropy.as_ref())
            .map_err(|error| KeyProviderError::Unavailable(Box::new(error)))?;
        Ok(Entry { id, key })
    }

    fn add_key(&self) -> Result<WrappingKeyId, KeyProviderError> {
        let entry = self.new_entry()?;
        let id = entry.id.clone();
        let mut keys = self.lock();
        keys.push(entry);
        if let Err(error) = write(&self.path, &keys, Publish::Replacing) {
            keys.pop();
            return Err(error.into());
        }
        Ok(id)
    }

    fn key(&self, id: &WrappingKeyId) -> Result<SecretKey, KeyProviderError> {
        let keys = self.lock();
        keys.iter()
            .find(|entry| entry.id == *id)
            .map(|entry| entry.key.clone())
            .ok_or(KeyProviderError::NoSuchKey)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for LocalKeyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalKeyring").field("keys", &self.lock().len()).finish_non_exhaustive()
    }
}

#[async_trait]
impl KeyProvider for LocalKeyring {
    async fn generate(&self) -> Result<WrappingKeyId, KeyProviderError> {
        self.add_key()
    }

    async fn current(&self) -> Result<WrappingKeyId, KeyProviderError> {
        self.lock().last().map(|entry| entry.id.clone()).ok_or(KeyProviderError::NoSuchKey)
    }

    async fn wrap(
        &self,
        wrapping_key: &WrappingKeyId,
        context: &KeyContext,
        key: &SecretKey,
    ) -> Result<Vec<u8>, KeyProviderError> {
        let wrapping_secret = self.key(wrapping_key)?;
        let mut wrapped = Vec::with_capacity(60);
        let bound_to = associated_data(wrapping_key, context);
        seal_onto(&mut wrapped, &wrapping_secret, &bound_to, key.expose(), self.entropy.as_ref())
            .map_err(|error| KeyProviderError::Unavailable(Box::new(error)))?;
        Ok(wrapped)
    }

    async fn unwrap(
        &self,
        wrapping_key: &WrappingKeyId,
        context: &KeyContext,
        wrapped: &[u8],
    ) -> Result<SecretKey, KeyProviderError> {
        let wrapping_secret = self.key(wrapping_key)?;
        let opened = open_from(wrapped, &wrapping_secret, &associated_data(wrapping_key, context))
            .map_err(|_| KeyProviderError::Authentication)?;
        let bytes: &[u8; 32] = opened.as_slice().try_into().map_err(|_| KeyProviderError::Authentication)?;
        Ok(SecretKey::from_bytes(bytes))
    }

    async fn destroy(&self, wrapping_key: &WrappingKeyId) -> Result<Destruction, KeyProviderError> {
        let mut keys = self.lock();
        let position =
            keys.iter().position(|entry| entry.id == *wrapping_key).ok_or(KeyProviderError::NoSuchKey)?;
        let removed = keys.remove(position);
        if let Err(error) = write(&self.path, &keys, Publish::Replacing) {
            keys.insert(position, removed);
            return Err(error.into());
        }
        Ok(Destruction::Done)
    }
}

fn associated_data(wrapping_key: &WrappingKeyId, context: &KeyContext) -> Vec<u8> {
    let mut parts: Vec<&[u8]> = vec![WRAP_LABEL, wrapping_key.0.as_bytes()];
    for (name, value) in context {
        parts.push(name.as_bytes());
        parts.push(value.as_bytes());
    }
    length_prefixed(&parts)
}

fn read(mut file: File) -> Result<Vec<Entry>, KeyProviderError> {
    let metadata = file.metadata().map_err(unavailable)?;
    refuse_if_shared(&metadata)?;
    if metadata.len() > MAX_FILE {
        return Err(KeyProviderError::Unusable("the file is too large to be a keyring"));
    }
    let mut text = Zeroizing::new(String::new());
    file.read_to_string(&mut text).map_err(unavailable)?;
    let parsed: KeyringFile =
        serde_json::from_str(&text).map_err(|_| KeyProviderError::Unusable("the file is not a keyring"))?;
    if parsed.format != FORMAT {
        return Err(KeyProviderError::Unusable("the file is not a keyring"));
    }
    if parsed.version != VERSION {
        return Err(KeyProviderError::Unusable("a newer version of this library wrote the file"));
    }
    parsed.keys.iter().map(entry_of).collect()
}

fn entry_of(entry: &FileEntry) -> Result<Entry, KeyProviderError> {
    let bytes =
        from_hex(&entry.key_hex).ok_or(KeyProviderError::Unusable("a key in the file is malformed"))?;
    Ok(Entry { id: WrappingKeyId(entry.id.clone()), key: SecretKey::from_bytes(&bytes) })
}

/// How a written file takes its place.
#[derive(Clone, Copy)]
enum Publish {
    /// Only when there is none yet.
    IfAbsent,
    /// In place of the one that is there.
    Replacing,
}

enum WriteError {
    Exists,
    Failed(KeyProviderError),
}

impl From<KeyProviderError> for WriteError {
    fn from(error: KeyProviderError) -> Self {
        Self::Failed(error)
    }
}

impl From<WriteError> for KeyProviderError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Exists => Self::Unusable("another process made the file meanwhile"),
            WriteError::Failed(error) => error,
        }
    }
}

/// Writes beside the file and moves it into place, so that a crash leaves the old keyring or the new one.
fn write(path: &Path, keys: &[Entry], publish: Publish) -> Result<(), WriteError> {
    let file = KeyringFile {
        format: FORMAT.to_owned(),
        version: VERSION,
        keys: keys
            .iter()
            .map(|entry| FileEntry { id: entry.id.0.clone(), key_hex: to_hex(entry.key.expose()) })
            .collect(),
    };
    let text = Zeroizing::new(serde_json::to_string_pretty(&file).map_err(unavailable)?);
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(unavailable)?;
    let newest = keys.last().map(|entry| entry.id.0.as_str()).unwrap_or_default();
    let temporary = path.with_extension(format!("{newest}-{}.new", std::process::id()));
    let written = create_private(&temporary)
        .and_then(|mut out| out.write_all(text.as_bytes()).and_then(|()| out.sync_all()));
    let published = written.and_then(|()| match publish {
        Publish::Replacing => fs::rename(&temporary, path),
        Publish::IfAbsent => fs::hard_link(&temporary, path).and_then(|()| fs::remove_file(&temporary)),
    });
    if let Err(error) = published {
        let _ = fs::remove_file(&temporary);
        return Err(match error.kind() {
            io::ErrorKind::AlreadyExists => WriteError::Exists,
            _ => unavailable(error).into(),
        });
    }
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| unavailable(error).into())
}

#[cfg(unix)]
fn create_private(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

#[cfg(not(unix))]
fn create_private(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

#[cfg(unix)]
fn refuse_if_shared(metadata: &fs::Metadata) -> Result<(), KeyProviderError> {
    use std::os::unix::fs::PermissionsExt;
    if metadata.permissions().mode() & 0o077 == 0 {
        Ok(())
    } else {
        Err(KeyProviderError::Unusable("others may read the file; set its mode to 0600"))
    }
}

#[cfg(not(unix))]
fn refuse_if_shared(_: &fs::Metadata) -> Result<(), KeyProviderError> {
    Ok(())
}

fn unavailable(error: impl std::error::Error + Send + Sync + 'static) -> KeyProviderError {
    KeyProviderError::Unavailable(Box::new(error))
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> Option<Zeroizing<[u8; 32]>> {
    let mut bytes = Zeroizing::new([0; 32]);
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * index..2 * index + 2)?, 16).ok()?;
    }
    Some(bytes)
}
