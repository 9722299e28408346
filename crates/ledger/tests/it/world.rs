//! A store, keys and a registered controller.

use std::sync::Arc;

use wzapi_encryption::{Encryption, LocalKeyring, TenantKeys};
use wzapi_ledger::verify::{Verification, verify};
use wzapi_ledger::{Appended, Event, Ledger, LedgerError, PreparedEntry};
use wzapi_model::ids::{ChangesetId, ControllerId, SubjectId};
use wzapi_model::name::DataCategory;
use wzapi_model::system::{SystemClock, SystemEntropy};
use wzapi_model::{Clock, Timestamp};
use wzapi_storage::changeset::{Changeset, Durability, Write};
use wzapi_storage::key::{Key, Owner};
use wzapi_storage::row::{Body, Record, Stored};
use wzapi_storage::{Draft, Storage};
use wzapi_storage_memory::MemoryStorage;

pub(crate) const CONTROLLER: ControllerId = ControllerId::from_bytes([0x11; 16]);
pub(crate) const OTHER: ControllerId = ControllerId::from_bytes([0x22; 16]);

pub(crate) struct World {
    pub(crate) storage: Arc<dyn Storage>,
    pub(crate) ledger: Ledger,
    encryption: Encryption,
    entropy: Arc<SystemEntropy>,
    _folder: tempfile::TempDir,
}

pub(crate) fn person(number: u8) -> SubjectId {
    SubjectId::from_bytes([number; 16])
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::over(Arc::new(MemoryStorage::new())).await
    }

    /// A world whose ledger works through `storage`, with two registered controllers.
    pub(crate) async fn over(storage: Arc<dyn Storage>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (clock, entropy) = (Arc::new(SystemClock), Arc::new(SystemEntropy::new()));
        let keyring = LocalKeyring::open_or_create(&folder.path().join("keyring"), entropy.clone()).unwrap();
        let encryption = Encryption::new(storage.clone(), Arc::new(keyring), clock.clone(), entropy.clone());
        let ledger = Ledger::new(storage.clone(), clock, entropy.clone());
        let world = Self { storage, ledger, encryption, entropy, _folder: folder };
        world.register(CONTROLLER).await;
        world.register(OTHER).await;
        world
    }

    async fn register(&self, controller: ControllerId) {
        let mut draft = Draft::new(self.storage.as_ref(), controller);
        self.encryption.create_tenant(&mut draft).await.unwrap();
        self.ledger.create_log(&mut draft).await.unwrap();
        let id = ChangesetId::generate(self.entropy.as_ref()).unwrap();
        let _ = self.storage.commit(draft.into_changeset(id, SystemClock.now())).await.unwrap();
    }

    pub(crate) async fn keys(&self) -> Arc<TenantKeys> {
        self.encryption.tenant(CONTROLLER).await.unwrap()
    }

    pub(crate) async fn prepare(&self, draft: &mut Draft<'_>, owner: Owner, text: &str) -> PreparedEntry {
        let event = Event::new("test.event", CONTROLLER, Timestamp::EPOCH).with("text", text);
        let about = (owner, &DataCategory::consent_evidence());
        let keys = self.keys().await;
        let now = SystemClock.now();
        PreparedEntry::seal(draft, &keys, self.entropy.as_ref(), about, &event, now).await.unwrap()
    }

    /// Appends one entry about a person, trying again as an engine would.
    pub(crate) async fn append(&self, number: u8, text: &str) -> Appended {
        loop {
            let mut draft = Draft::new(self.storage.as_ref(), CONTROLLER);
            let entry = self.prepare(&mut draft, Owner::Subject(person(number)), text).await;
            match self.ledger.commit(draft, vec![entry]).await {
                Err(LedgerError::Conflict) => {}
                outcome => return outcome.unwrap(),
            }
        }
    }

    pub(crate) async fn verify(&self) -> Verification {
        verify(self.storage.as_ref(), self.keys().await.as_ref(), CONTROLLER).await.unwrap()
    }

    pub(crate) async fn row(&self, key: &Key) -> Option<Stored> {
        self.storage.get(CONTROLLER, std::slice::from_ref(key)).await.unwrap().remove(0)
    }

    /// Writes behind the ledger's back.
    pub(crate) async fn overwrite(&self, key: &Key, body: Option<Body>) {
        let write = match body {
            Some(body) => Write::Put(Record { key: key.clone(), due_at: None, body }),
            None => Write::Delete(key.clone()),
        };
        let changeset = Changeset {
            id: ChangesetId::generate(self.entropy.as_ref()).unwrap(),
            controller: CONTROLLER,
            at: SystemClock.now(),
            preconditions: Vec::new(),
            writes: vec![write],
            durability: Durability::Durable,
        };
        let _ = self.storage.commit(changeset).await.unwrap();
    }
}
