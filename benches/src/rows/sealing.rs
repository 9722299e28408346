//! What the rows about sealing share: the value, a controller with its keys, and the peers.

use std::sync::Arc;

use ring::aead::{AES_256_GCM, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};
use wzapi_encryption::{Encryption, EncryptionError, LocalKeyring, Place, TenantKeys};
use wzapi_model::ids::{ChangesetId, ConsentEventId, ControllerId, SubjectId};
use wzapi_model::name::DataCategory;
use wzapi_model::system::{SystemClock, SystemEntropy};
use wzapi_model::{Clock, Timestamp};
use wzapi_storage::codec::encode_key;
use wzapi_storage::key::{Key, Owner};
use wzapi_storage::row::{DataKeyRow, Sealed};
use wzapi_storage::{Draft, Storage};
use wzapi_storage_memory::MemoryStorage;

use crate::failure::Failure;

/// Bytes of the value that is sealed and opened.
pub(super) const LENGTH: usize = 64;
/// The value: what it holds does not matter to any of the sides.
pub(super) const VALUE: [u8; LENGTH] = [b'v'; LENGTH];
/// Bytes of an authentication tag.
pub(super) const TAG: usize = 16;

const CONTROLLER: ControllerId = ControllerId::from_bytes([0xc0; 16]);
const SUBJECT: SubjectId = SubjectId::from_bytes([0x51; 16]);
const FIELD: &str = "details";

/// A registered controller with the keys of one person, in memory, as an engine finds them.
pub(super) struct Registered {
    pub(super) storage: Arc<MemoryStorage>,
    pub(super) keys: Arc<TenantKeys>,
    pub(super) category: DataCategory,
    pub(super) moment: Timestamp,
    /// Where the data key is kept.
    pub(super) key_place: Key,
    /// The data key, wrapped.
    pub(super) key_row: DataKeyRow,
    row: Key,
    runtime: Runtime,
    row_name: &'static str,
    _keyring: TempDir,
}

impl Registered {
    /// The controller for the row of this name.
    pub(super) fn new(row_name: &'static str) -> Result<Self, Failure> {
        let runtime = Builder::new_current_thread().build().map_err(Failure::in_row(row_name))?;
        let folder = tempfile::tempdir().map_err(Failure::in_row(row_name))?;
        let storage = Arc::new(MemoryStorage::new());
        let moment = SystemClock.now();
        let category = DataCategory::consent_evidence();
        let made = runtime.block_on(make_keys(&folder, Arc::clone(&storage), &category, moment));
        let (keys, key_place, key_row) = made.map_err(Failure::in_row(row_name))?;
        let row = Key::ConsentEvent { subject: SUBJECT, event: ConsentEventId::from_bytes([0xe7; 16]) };
        Ok(Self {
            storage,
            keys,
            category,
            moment,
            key_place,
            key_row,
            row,
            runtime,
            row_name,
            _keyring: folder,
        })
    }

    /// The field that the value is sealed for.
    pub(super) fn place(&self) -> Place<'_> {
        Place { controller: CONTROLLER, row: &self.row, field: FIELD }
    }

    /// The person whose data key it is.
    pub(super) const fn owner(&self) -> Owner {
        Owner::Subject(SUBJECT)
    }

    /// What the place is bound to, in the form of `docs/formats/envelope.md`, for peers that bind the value as well.
    pub(super) fn associated_data(&self) -> Vec<u8> {
        let version = self.key_row.versions.first().map_or(0, |key| key.version);
        let kind = self.row.kind().as_str();
        let row = encode_key(CONTROLLER, &self.row);
        let mut out = Vec::new();
        for part in
            [b"wzapi/field/v1", kind.as_bytes(), &row, FIELD.as_bytes(), version.to_be_bytes().as_slice()]
        {
            out.extend_from_slice(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
            out.extend_from_slice(part);
        }
        out
    }

    /// A draft in which the row of the data key stands already: what a store costs is not part of these rows.
    pub(super) fn loaded_draft(&self) -> Result<Draft<'_>, Failure> {
        let mut draft = Draft::new(self.storage.as_ref(), CONTROLLER);
        self.block_on(async {
            draft.load([self.key_place.clone()]).await?;
            Ok::<_, EncryptionError>(())
        })?;
        Ok(draft)
    }

    /// Seals the value once.
    pub(super) fn seal_once(&self) -> Result<Sealed, Failure> {
        let mut draft = self.loaded_draft()?;
        self.block_on(async {
            let key =
                self.keys.data_key_for_writing(&mut draft, self.owner(), &self.category, self.moment).await?;
            key.seal(&self.place(), &VALUE)
        })
    }

    /// Opens the value once.
    pub(super) fn open_once(&self, sealed: &Sealed) -> Result<Vec<u8>, Failure> {
        let opened = self.keys.open(&self.key_place, Some(&self.key_row), &self.place(), sealed);
        Ok(opened.map_err(Failure::in_row(self.row_name))?.to_vec())
    }

    /// Runs what an engine would await.
    pub(super) fn block_on<T>(
        &self,
        work: impl Future<Output = Result<T, EncryptionError>>,
    ) -> Result<T, Failure> {
        self.runtime.block_on(work).map_err(Failure::in_row(self.row_name))
    }
}

async fn make_keys(
    folder: &TempDir,
    storage: Arc<MemoryStorage>,
    category: &DataCategory,
    moment: Timestamp,
) -> Result<(Arc<TenantKeys>, Key, DataKeyRow), Box<dyn std::error::Error + Send + Sync>> {
    let entropy = Arc::new(SystemEntropy::new());
    let keyring = LocalKeyring::open_or_create(&folder.path().join("keyring"), entropy.clone())?;
    let encryption =
        Encryption::new(storage.clone(), Arc::new(keyring), Arc::new(SystemClock), entropy.clone());
    let mut draft = Draft::new(storage.as_ref(), CONTROLLER);
    encryption.create_tenant(&mut draft).await?;
    let _ = storage.commit(draft.into_changeset(ChangesetId::generate(entropy.as_ref())?, moment)).await?;

    let keys = encryption.tenant(CONTROLLER).await?;
    let owner = Owner::Subject(SUBJECT);
    let mut draft = Draft::new(storage.as_ref(), CONTROLLER);
    let key = keys.data_key_for_writing(&mut draft, owner, category, moment).await?;
    let place = Key::Subject(SUBJECT);
    let sealed = key.seal(&Place { controller: CONTROLLER, row: &place, field: FIELD }, &VALUE)?;
    let key_place = TenantKeys::data_key_of(owner, category, &sealed);
    let key_row = draft.row::<DataKeyRow>(&key_place)?.cloned().ok_or("no data key was staged")?;
    let _ = storage.commit(draft.into_changeset(ChangesetId::generate(entropy.as_ref())?, moment)).await?;
    Ok((keys, key_place, key_row))
}

/// ring's key, prepared once.
pub(super) fn prepared_key(row_name: &'static str) -> Result<LessSafeKey, Failure> {
    let key = UnboundKey::new(&AES_256_GCM, &[0x4b; 32]);
    Ok(LessSafeKey::new(key.map_err(|_| Failure::WrongResult { row: row_name, side: "ring" })?))
}

/// Nonces that count up, as a caller makes them who has one writer and never loses count.
pub(super) struct CountedNonces(u64);

impl CountedNonces {
    pub(super) const fn new() -> Self {
        Self(0)
    }

    pub(super) fn next(&mut self) -> Nonce {
        self.0 += 1;
        let mut bytes = [0; NONCE_LEN];
        if let Some((_, count)) = bytes.split_last_chunk_mut() {
            *count = self.0.to_be_bytes();
        }
        Nonce::assume_unique_for_key(bytes)
    }
}
