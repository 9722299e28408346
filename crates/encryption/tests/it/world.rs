//! A store with registered controllers, and people whose values are sealed in it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use ring::digest;
use wzapi_encryption::export::KeyExportTarget;
use wzapi_encryption::provider::{Destruction, KeyContext, WrappingKeyId};
use wzapi_encryption::rotation::RotationProgress;
use wzapi_encryption::secret::SecretKey;
use wzapi_encryption::{Encryption, EncryptionError, KeyProvider, KeyProviderError, Place, TenantKeys};
use wzapi_model::entropy::{Entropy, EntropyError};
use wzapi_model::ids::{ChangesetId, ControllerId, RecordId, SubjectId};
use wzapi_model::name::DataCategory;
use wzapi_model::time::{Clock, ManualClock};
use wzapi_storage::changeset::{Durability, Write};
use wzapi_storage::key::{Key, Owner, RowKind};
use wzapi_storage::query::{MAX_PAGE, Query};
use wzapi_storage::row::{DataKeyRow, DirectoryRow, Record, RecordRevisionRow, RowType, Sealed};
use wzapi_storage::{Changeset, Draft, Storage, StorageError};
use wzapi_storage_memory::MemoryStorage;

use crate::stranger;

pub(crate) const SYSTEM: ControllerId = ControllerId::SYSTEM;
pub(crate) const A: ControllerId = ControllerId::from_bytes([0xa; 16]);
pub(crate) const B: ControllerId = ControllerId::from_bytes([0xb; 16]);
pub(crate) const EVERYBODY: [ControllerId; 3] = [SYSTEM, A, B];
/// The one sealed field of the rows that these tests write.
pub(crate) const FIELD: &str = "value";
/// How often somebody who was overtaken begins again.
const MAX_ATTEMPTS: usize = 1000;

/// SHA-256 over a seed and a counter: the same draws in every run.
pub(crate) struct Seeded {
    seed: u64,
    drawn: AtomicU64,
}

impl Seeded {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, drawn: AtomicU64::new(0) }
    }
}

impl Entropy for Seeded {
    fn fill(&self, out: &mut [u8]) -> Result<(), EntropyError> {
        for chunk in out.chunks_mut(32) {
            let number = self.drawn.fetch_add(1, Ordering::SeqCst);
            let mut input = [0; 16];
            input[..8].copy_from_slice(&self.seed.to_be_bytes());
            input[8..].copy_from_slice(&number.to_be_bytes());
            chunk.copy_from_slice(&digest::digest(&digest::SHA256, &input).as_ref()[..chunk.len()]);
        }
        Ok(())
    }
}

/// Wrapping keys in memory, which wrap as the local keyring does. Clones of an `Arc` around it serve several processes.
pub(crate) struct MemoryProvider {
    keys: Mutex<Vec<(String, [u8; 32])>>,
    entropy: Arc<dyn Entropy>,
}

impl MemoryProvider {
    pub(crate) fn new(entropy: Arc<dyn Entropy>) -> Self {
        let provider = Self { keys: Mutex::new(Vec::new()), entropy };
        provider.add();
        provider
    }

    pub(crate) fn of(keys: Vec<(String, [u8; 32])>, entropy: Arc<dyn Entropy>) -> Self {
        Self { keys: Mutex::new(keys), entropy }
    }

    pub(crate) fn keys(&self) -> Vec<(String, [u8; 32])> {
        self.keys.lock().unwrap().clone()
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.keys.lock().unwrap().iter().map(|(name, _)| name.clone()).collect()
    }

    fn add(&self) -> String {
        let (mut name, mut key) = ([0; 4], [0; 32]);
        self.entropy.fill(&mut name).unwrap();
        self.entropy.fill(&mut key).unwrap();
        let name = format!("memory-{:08x}", u32::from_be_bytes(name));
        self.keys.lock().unwrap().push((name.clone(), key));
        name
    }

    fn key(&self, id: &WrappingKeyId) -> Result<[u8; 32], KeyProviderError> {
        let keys = self.keys.lock().unwrap();
        let found = keys.iter().find(|(name, _)| *name == id.0);
        found.map(|(_, key)| *key).ok_or(KeyProviderError::NoSuchKey)
    }
}

/// What the local keyring binds a wrapped key to.
pub(crate) fn wrapping_data(id: &str, context: &KeyContext) -> Vec<u8> {
    let mut parts: Vec<&[u8]> = vec![b"wzapi/local-keyring/v1", id.as_bytes()];
    for (name, value) in context {
        parts.extend([name.as_bytes(), value.as_bytes()]);
    }
    stranger::lp(&parts)
}

#[async_trait]
impl KeyProvider for MemoryProvider {
    async fn generate(&self) -> Result<WrappingKeyId, KeyProviderError> {
        Ok(WrappingKeyId(self.add()))
    }

    async fn current(&self) -> Result<WrappingKeyId, KeyProviderError> {
        self.names().pop().map(WrappingKeyId).ok_or(KeyProviderError::NoSuchKey)
    }

    async fn wrap(
        &self,
        wrapping_key: &WrappingKeyId,
        context: &KeyContext,
        key: &SecretKey,
    ) -> Result<Vec<u8>, KeyProviderError> {
        let mut nonce = [0; 12];
        self.entropy.fill(&mut nonce).unwrap();
        let bound_to = wrapping_data(&wrapping_key.0, context);
        Ok(stranger::seal(&self.key(wrapping_key)?, nonce, &bound_to, key.expose()))
    }

    async fn unwrap(
        &self,
        wrapping_key: &WrappingKeyId,
        context: &KeyContext,
        wrapped: &[u8],
    ) -> Result<SecretKey, KeyProviderError> {
        let bound_to = wrapping_data(&wrapping_key.0, context);
        let opened = stranger::open_sealed(&self.key(wrapping_key)?, &bound_to, wrapped);
        let key = opened.and_then(|key| <[u8; 32]>::try_from(key).ok());
        key.map(|key| SecretKey::from_bytes(&key)).ok_or(KeyProviderError::Authentication)
    }

    async fn destroy(&self, wrapping_key: &WrappingKeyId) -> Result<Destruction, KeyProviderError> {
        let mut keys = self.keys.lock().unwrap();
        let place =
            keys.iter().position(|(name, _)| *name == wrapping_key.0).ok_or(KeyProviderError::NoSuchKey)?;
        if place + 1 == keys.len() {
            return Err(KeyProviderError::StillCurrent);
        }
        keys.remove(place);
        Ok(Destruction::Done)
    }
}

/// An export in memory.
#[derive(Default)]
pub(crate) struct ExportBuffer {
    pub(crate) bytes: Vec<u8>,
    pub(crate) is_finished: bool,
}

impl KeyExportTarget for ExportBuffer {
    fn append(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn finish(&mut self) -> std::io::Result<()> {
        self.is_finished = true;
        Ok(())
    }
}

/// A value that was sealed for a person, and what it was.
#[derive(Debug, Clone)]
pub(crate) struct Value {
    pub(crate) controller: ControllerId,
    pub(crate) row: Key,
    pub(crate) text: Vec<u8>,
    pub(crate) data_key: Key,
    pub(crate) key_version: u32,
}

pub(crate) struct World {
    pub(crate) memory: Arc<MemoryStorage>,
    pub(crate) provider: Arc<dyn KeyProvider>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) encryption: Encryption,
}

impl World {
    /// An empty store with the system controller and two others.
    pub(crate) async fn new(seed: u64) -> Self {
        let entropy: Arc<dyn Entropy> = Arc::new(Seeded::new(seed));
        Self::with(Arc::new(MemoryProvider::new(Arc::clone(&entropy))), entropy).await
    }

    pub(crate) async fn with(provider: Arc<dyn KeyProvider>, entropy: Arc<dyn Entropy>) -> Self {
        let clock = Arc::new(ManualClock::at("2026-11-22T12:00:00Z".parse().unwrap()));
        let world = Self::over(Arc::new(MemoryStorage::new()), provider, clock, entropy);
        for controller in EVERYBODY {
            world.register(controller).await;
        }
        world
    }

    /// A store as it is.
    pub(crate) fn over(
        memory: Arc<MemoryStorage>,
        provider: Arc<dyn KeyProvider>,
        clock: Arc<ManualClock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        let encryption = Encryption::new(memory.clone(), provider.clone(), clock.clone(), entropy.clone());
        Self { memory, provider, clock, entropy, encryption }
    }

    /// The same keys and the same time over another store.
    pub(crate) fn beside(&self, memory: Arc<MemoryStorage>) -> Self {
        Self::over(memory, self.provider.clone(), self.clock.clone(), self.entropy.clone())
    }

    /// Another process at the same store, or at a store around it.
    pub(crate) fn process(&self, storage: Arc<dyn Storage>) -> Encryption {
        Encryption::new(storage, self.provider.clone(), self.clock.clone(), self.entropy.clone())
    }

    pub(crate) async fn register(&self, controller: ControllerId) {
        if !controller.is_system() {
            let mut draft = Draft::new(self.memory.as_ref(), SYSTEM);
            draft.load([Key::Directory(controller)]).await.unwrap();
            let row = DirectoryRow { registered_at: self.clock.now() };
            draft.put(Key::Directory(controller), row, None).unwrap();
            self.commit(draft).await.unwrap();
        }
        let mut draft = Draft::new(self.memory.as_ref(), controller);
        self.encryption.create_tenant(&mut draft).await.unwrap();
        self.commit(draft).await.unwrap();
    }

    pub(crate) async fn commit(&self, draft: Draft<'_>) -> Result<(), StorageError> {
        let id = ChangesetId::generate(self.entropy.as_ref()).unwrap();
        self.memory.commit(draft.into_changeset(id, self.clock.now())).await.map(drop)
    }

    pub(crate) async fn keys(&self, controller: ControllerId) -> Arc<TenantKeys> {
        self.encryption.tenant(controller).await.unwrap()
    }

    /// Seals a value for a person and stores it, through a process of its own or one that is given.
    pub(crate) async fn write(&self, controller: ControllerId, person: u8, text: &str) -> Value {
        self.write_in(&self.encryption, controller, person, &DataCategory::contact(), text).await
    }

    pub(crate) async fn write_in(
        &self,
        encryption: &Encryption,
        controller: ControllerId,
        person: u8,
        category: &DataCategory,
        text: &str,
    ) -> Value {
        for _ in 0..MAX_ATTEMPTS {
            match self.try_write(encryption, controller, person, category, text).await {
                Ok(Some(value)) => return value,
                Ok(None) | Err(EncryptionError::KeysChanged) => tokio::task::yield_now().await,
                Err(error) => panic!("a value could not be written: {error:?}"),
            }
        }
        panic!("a value could not be written in {MAX_ATTEMPTS} attempts");
    }

    /// One attempt; `None` when somebody was faster.
    pub(crate) async fn try_write(
        &self,
        encryption: &Encryption,
        controller: ControllerId,
        person: u8,
        category: &DataCategory,
        text: &str,
    ) -> Result<Option<Value>, EncryptionError> {
        let (owner, now) = (owner(person), self.clock.now());
        let record = RecordId::generate(self.entropy.as_ref())?;
        let mut draft = Draft::new(self.memory.as_ref(), controller);
        let keys = encryption.tenant(controller).await?;
        let data_key = keys.data_key_for_writing(&mut draft, owner, category, now).await?;
        let row = Key::RecordRevision {
            subject: subject(person),
            category: category.clone(),
            cohort: wzapi_encryption::data_key::cohort_of(now),
            record,
            revision: 0,
        };
        let place = Place { controller, row: &row, field: FIELD };
        let sealed = data_key.seal(&place, text.as_bytes())?;
        let value = Value {
            controller,
            text: text.as_bytes().to_vec(),
            data_key: TenantKeys::data_key_of(owner, category, &sealed),
            key_version: version_of(&sealed),
            row,
        };
        draft.load([value.row.clone()]).await?;
        let body = RecordRevisionRow { from: now, until: now, source: "test".to_owned(), value: sealed };
        draft.put(value.row.clone(), body, None)?;
        match self.commit(draft).await {
            Ok(()) => Ok(Some(value)),
            Err(StorageError::Conflict { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    pub(crate) async fn read(&self, value: &Value) -> Result<Vec<u8>, EncryptionError> {
        self.read_in(&self.encryption, value).await
    }

    /// Opens a value, beginning again when keys are rotated meanwhile.
    pub(crate) async fn read_in(
        &self,
        encryption: &Encryption,
        value: &Value,
    ) -> Result<Vec<u8>, EncryptionError> {
        for _ in 0..MAX_ATTEMPTS {
            match self.try_read(encryption, value).await {
                Err(EncryptionError::KeysChanged) => tokio::task::yield_now().await,
                outcome => return outcome,
            }
        }
        Err(EncryptionError::KeysChanged)
    }

    /// One attempt.
    pub(crate) async fn try_read(
        &self,
        encryption: &Encryption,
        value: &Value,
    ) -> Result<Vec<u8>, EncryptionError> {
        let keys = encryption.tenant(value.controller).await?;
        let mut draft = Draft::new(self.memory.as_ref(), value.controller);
        draft.load([value.row.clone(), value.data_key.clone()]).await?;
        let stored: &RecordRevisionRow = draft.row(&value.row)?.expect("the row of a value");
        let place = Place { controller: value.controller, row: &value.row, field: FIELD };
        let opened = keys.open(&value.data_key, draft.row(&value.data_key)?, &place, &stored.value)?;
        Ok(opened.to_vec())
    }

    /// The living are read exactly, by a process that knows nothing yet and by one that has been there for long.
    pub(crate) async fn assert_living(&self, values: &[Value]) {
        let fresh = self.process(self.memory.clone());
        for value in values {
            for encryption in [&fresh, &self.encryption] {
                let opened = self.read_in(encryption, value).await;
                assert_eq!(opened.as_ref().ok(), Some(&value.text), "{value:?}: {opened:?}");
            }
        }
    }

    pub(crate) async fn assert_dead(&self, values: &[Value]) {
        for value in values {
            let opened = self.read(value).await;
            assert!(matches!(opened, Err(EncryptionError::KeyMissing)), "{value:?}: {opened:?}");
        }
    }

    /// Destroys every data key of a person.
    pub(crate) async fn erase(&self, controller: ControllerId, person: u8) {
        use wzapi_encryption::shredding::{data_keys_of, stage_destruction};
        for _ in 0..MAX_ATTEMPTS {
            let places = data_keys_of(self.memory.as_ref(), controller, owner(person)).await.unwrap();
            let mut draft = Draft::new(self.memory.as_ref(), controller);
            stage_destruction(&mut draft, places).await.unwrap();
            match self.commit(draft).await {
                Err(StorageError::Conflict { .. }) => tokio::task::yield_now().await,
                outcome => return outcome.unwrap(),
            }
        }
        panic!("a person could not be erased");
    }

    pub(crate) async fn data_key_row(&self, controller: ControllerId, place: &Key) -> Option<DataKeyRow> {
        let rows = self.memory.get(controller, std::slice::from_ref(place)).await.unwrap();
        rows.into_iter().next().flatten().map(|stored| DataKeyRow::of(&stored.body).unwrap().clone())
    }

    pub(crate) async fn rotate_tenant(&self, controller: ControllerId) -> RotationProgress {
        let mut progress = RotationProgress::default();
        self.encryption.rotate_tenant(controller, &mut progress, &mut |_| {}).await.unwrap();
        progress
    }

    /// Begins a new epoch; the export that comes with it.
    pub(crate) async fn rotate_epoch(&self) -> Vec<u8> {
        let mut export = ExportBuffer::default();
        let report = self.encryption.rotate_epoch(&mut export, &mut |_| {}).await.unwrap();
        assert!(export.is_finished && report.is_final());
        export.bytes
    }

    pub(crate) async fn export(&self) -> Vec<u8> {
        let mut export = ExportBuffer::default();
        self.encryption.export_keys(&mut export).await.unwrap();
        assert!(export.is_finished);
        export.bytes
    }

    /// The store as it is now, as a backup would hold it.
    pub(crate) async fn copy(&self) -> Arc<MemoryStorage> {
        copy_of(self.memory.as_ref()).await
    }

    pub(crate) fn wait(&self, minutes: u64) {
        self.clock.advance(Duration::from_secs(60 * minutes));
    }
}

pub(crate) fn subject(person: u8) -> SubjectId {
    SubjectId::from_bytes([person; 16])
}

pub(crate) fn owner(person: u8) -> Owner {
    Owner::Subject(subject(person))
}

/// The version of the data key that an envelope states.
pub(crate) fn version_of(sealed: &Sealed) -> u32 {
    u32::from_be_bytes(sealed.envelope[2..6].try_into().unwrap())
}

/// Every row of a store but the records of changesets.
pub(crate) async fn rows_of(storage: &dyn Storage) -> Vec<(ControllerId, Record)> {
    let mut found = Vec::new();
    for controller in EVERYBODY {
        for kind in RowKind::ALL.iter().filter(|kind| **kind != RowKind::Changeset) {
            let mut query = Query::kind(controller, *kind, MAX_PAGE);
            loop {
                let page = storage.scan(&query).await.unwrap();
                found.extend(page.rows.into_iter().map(|(key, stored)| {
                    (controller, Record { key, due_at: stored.due_at, body: stored.body })
                }));
                match page.next {
                    Some(next) => query.after = Some(next),
                    None => break,
                }
            }
        }
    }
    found
}

pub(crate) async fn copy_of(storage: &dyn Storage) -> Arc<MemoryStorage> {
    let copy = MemoryStorage::new();
    put_rows(&copy, rows_of(storage).await).await;
    Arc::new(copy)
}

/// Writes rows whatever stands in their places.
pub(crate) async fn put_rows(storage: &dyn Storage, rows: Vec<(ControllerId, Record)>) {
    let entropy = wzapi_model::system::SystemEntropy::new();
    for controller in EVERYBODY {
        let own: Vec<Write> = rows
            .iter()
            .filter(|(of, _)| *of == controller)
            .map(|(_, record)| Write::Put(record.clone()))
            .collect();
        for chunk in own.chunks(2000) {
            let changeset = Changeset {
                id: ChangesetId::generate(&entropy).unwrap(),
                controller,
                at: "2026-11-22".parse().unwrap(),
                preconditions: Vec::new(),
                writes: chunk.to_vec(),
                durability: Durability::Durable,
            };
            let _ = storage.commit(changeset).await.unwrap();
        }
    }
}
