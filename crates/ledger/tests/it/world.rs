//! A store, keys, a journal and registered controllers, as one process sees them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;
use wzapi_encryption::{Encryption, LocalKeyring, TenantKeys};
use wzapi_ledger::SealedBody;
use wzapi_ledger::erasure::{ErasedBodies, Eraser};
use wzapi_ledger::journal::{FileJournal, Journal};
use wzapi_ledger::notary::{ExportProgress, SignedCheckpoint};
use wzapi_ledger::proof::EntryCommitment;
use wzapi_ledger::proof::checkpoint::{CheckpointPolicy, OpenedCheckpoint};
use wzapi_ledger::proof::tlog_proof::{TlogProof, VerifiedEvent};
use wzapi_ledger::{Appended, Event, Ledger, LedgerError, Notary, PreparedEntry, Verification, Verifier};
use wzapi_model::actor::{Actor, Role};
use wzapi_model::ids::{ChangesetId, ControllerId, SubjectId};
use wzapi_model::name::DataCategory;
use wzapi_model::system::SystemEntropy;
use wzapi_model::time::ManualClock;
use wzapi_model::{Clock, Entropy};
use wzapi_storage::changeset::{Changeset, Durability, Write};
use wzapi_storage::key::{Key, LogRef, Owner};
use wzapi_storage::row::{
    Body, CheckpointRow, DataKeyRow, EntryBody, EntryBodyRow, LogHeadRow, LogLeafRow, Record, RowType, Stored,
};
use wzapi_storage::{Draft, Storage, StorageError};
use wzapi_storage_memory::MemoryStorage;

pub(crate) const CONTROLLER: ControllerId = ControllerId::from_bytes([0x11; 16]);
pub(crate) const OTHER: ControllerId = ControllerId::from_bytes([0x22; 16]);
pub(crate) const LOG: LogRef = LogRef { shard: 0, generation: 0 };

/// What several processes share that work on one store, and what outlives it.
pub(crate) struct Machine {
    folder: TempDir,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) entropy: Arc<dyn Entropy>,
}

/// One process.
pub(crate) struct World {
    pub(crate) machine: Arc<Machine>,
    pub(crate) storage: Arc<dyn Storage>,
    pub(crate) journal: Option<Arc<dyn Journal>>,
    pub(crate) ledger: Ledger,
    pub(crate) encryption: Arc<Encryption>,
    pub(crate) notary: Notary,
}

pub(crate) fn person(number: u8) -> SubjectId {
    SubjectId::from_bytes([number; 16])
}

pub(crate) fn subject(number: u8) -> Owner {
    Owner::Subject(person(number))
}

pub(crate) fn actor() -> Actor {
    Actor::service("auditor", [Role::Auditor]).unwrap()
}

impl Machine {
    pub(crate) fn new() -> Arc<Self> {
        Self::with(Arc::new(SystemEntropy::new()))
    }

    pub(crate) fn with(entropy: Arc<dyn Entropy>) -> Arc<Self> {
        let clock = Arc::new(ManualClock::at("2026-11-22".parse().unwrap()));
        Arc::new(Self { folder: tempfile::tempdir().unwrap(), clock, entropy })
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn journal_path(&self) -> PathBuf {
        self.folder().join("journal").join("wzapi.journal")
    }

    pub(crate) fn open_journal(&self) -> Arc<dyn Journal> {
        Arc::new(FileJournal::open_or_create(&self.journal_path(), self.entropy.as_ref()).unwrap())
    }
}

impl World {
    /// A store in memory with two registered controllers, without a journal.
    pub(crate) async fn new() -> Self {
        Self::over(Arc::new(MemoryStorage::new())).await
    }

    /// The same, over another store.
    pub(crate) async fn over(storage: Arc<dyn Storage>) -> Self {
        let world = Self::process(Machine::new(), storage, None);
        world.register_all().await;
        world
    }

    /// The same, with a journal in a file.
    pub(crate) async fn journalled() -> Self {
        let machine = Machine::new();
        let journal = machine.open_journal();
        let world = Self::process(machine, Arc::new(MemoryStorage::new()), Some(journal));
        let _followed = world.notary.follow_journal(false).await.unwrap();
        world.register_all().await;
        world
    }

    /// A process that has the store open. Nothing is written.
    pub(crate) fn process(
        machine: Arc<Machine>,
        storage: Arc<dyn Storage>,
        journal: Option<Arc<dyn Journal>>,
    ) -> Self {
        let clock: Arc<dyn Clock> = machine.clock.clone();
        let entropy = machine.entropy.clone();
        let keyring =
            LocalKeyring::open_or_create(&machine.folder().join("keyring"), entropy.clone()).unwrap();
        let encryption =
            Arc::new(Encryption::new(storage.clone(), Arc::new(keyring), clock.clone(), entropy.clone()));
        let ledger = Ledger::new(storage.clone(), clock.clone(), entropy.clone());
        let notary =
            Notary::new(storage.clone(), encryption.clone(), ledger.clone(), journal.clone(), clock, entropy);
        Self { machine, storage, journal, ledger, encryption, notary }
    }

    /// Another process on the same store, which has followed the same journal.
    pub(crate) async fn beside(&self) -> Self {
        let process = self.reopened(self.storage.clone());
        let _followed = process.notary.follow_journal(false).await.unwrap();
        process
    }

    /// Another process on the same store, with this journal.
    pub(crate) fn beside_with(&self, journal: Arc<dyn Journal>) -> Self {
        Self::process(self.machine.clone(), self.storage.clone(), Some(journal))
    }

    /// Another process on another store, with the same journal.
    pub(crate) fn reopened(&self, storage: Arc<dyn Storage>) -> Self {
        let journal = self.journal.as_ref().map(|_| self.machine.open_journal());
        Self::process(self.machine.clone(), storage, journal)
    }

    pub(crate) async fn register_all(&self) {
        for controller in [ControllerId::SYSTEM, CONTROLLER, OTHER] {
            self.register(controller).await;
        }
    }

    pub(crate) async fn register(&self, controller: ControllerId) {
        let mut draft = Draft::new(self.storage.as_ref(), controller);
        let keys = self.encryption.create_tenant(&mut draft).await.unwrap();
        self.ledger.create_log(&mut draft, &keys).await.unwrap();
        let id = ChangesetId::generate(self.machine.entropy.as_ref()).unwrap();
        let _ = self.storage.commit(draft.into_changeset(id, self.machine.clock.now())).await.unwrap();
    }

    pub(crate) async fn keys(&self) -> Arc<TenantKeys> {
        self.encryption.tenant(CONTROLLER).await.unwrap()
    }

    pub(crate) async fn prepare(&self, draft: &mut Draft<'_>, owner: Owner, text: &str) -> PreparedEntry {
        self.try_prepare(draft, owner, text).await.unwrap()
    }

    pub(crate) async fn try_prepare(
        &self,
        draft: &mut Draft<'_>,
        owner: Owner,
        text: &str,
    ) -> Result<PreparedEntry, LedgerError> {
        let now = self.machine.clock.now();
        let event = Event::new("test.event", draft.controller(), now).with("text", text);
        let about = (owner, &DataCategory::consent_evidence());
        let keys = self.encryption.tenant(draft.controller()).await?;
        PreparedEntry::seal(draft, &keys, self.machine.entropy.as_ref(), about, &event, now).await
    }

    pub(crate) async fn try_append(&self, owner: Owner, text: &str) -> Result<Appended, LedgerError> {
        let mut draft = Draft::new(self.storage.as_ref(), CONTROLLER);
        let entry = self.try_prepare(&mut draft, owner, text).await?;
        self.ledger.commit(draft, vec![entry]).await
    }

    /// Appends one entry about a person, trying again as an engine would.
    pub(crate) async fn append(&self, number: u8, text: &str) -> Appended {
        loop {
            match self.try_append(subject(number), text).await {
                Err(LedgerError::Conflict) => {}
                outcome => return outcome.unwrap(),
            }
        }
    }

    /// Appends so many entries about persons 1 to 7, hundreds at a time.
    pub(crate) async fn fill(&self, count: u64) {
        self.fill_of(CONTROLLER, count).await;
    }

    pub(crate) async fn fill_of(&self, controller: ControllerId, count: u64) {
        let numbers: Vec<u64> = (0..count).collect();
        for chunk in numbers.chunks(1000) {
            let mut draft = Draft::new(self.storage.as_ref(), controller);
            let mut entries = Vec::new();
            for number in chunk {
                let owner = subject(u8::try_from(number % 7).unwrap() + 1);
                entries.push(self.prepare(&mut draft, owner, &format!("entry {number}")).await);
            }
            let _ = self.ledger.commit(draft, entries).await.unwrap();
        }
    }

    /// Appends so many entries about persons 1 to 7, one at a time.
    pub(crate) async fn fill_each(&self, count: u8) {
        for number in 0..count {
            let _ = self.append(number % 7 + 1, &format!("entry {number}")).await;
        }
    }

    pub(crate) async fn checkpoint(&self) -> SignedCheckpoint {
        self.notary.checkpoint(CONTROLLER, 0).await.unwrap()
    }

    pub(crate) async fn prove(&self, index: u64) -> TlogProof {
        self.notary.prove(CONTROLLER, 0, index).await.unwrap()
    }

    /// The event of an entry, from its body.
    pub(crate) async fn event(&self, log: LogRef, index: u64) -> serde_json::Value {
        let leaf = self.row(&Key::LogLeaf { log, index }).await.unwrap();
        let leaf = LogLeafRow::of(&leaf.body).unwrap();
        let key = Key::EntryBody { owner: leaf.owner, entry: leaf.entry };
        let row = self.row(&key).await.unwrap();
        let Some(EntryBodyRow { category, body: EntryBody::Kept(sealed), .. }) = EntryBodyRow::of(&row.body)
        else {
            panic!("the body of entry {index} is not kept");
        };
        let body = SealedBody { controller: CONTROLLER, key: &key, category, sealed };
        let commitment = EntryCommitment::from(leaf.commitment);
        loop {
            let data_key = self.row(&body.data_key()).await.unwrap();
            let keys = Self::process(self.machine.clone(), self.storage.clone(), None).keys().await;
            // Unless the keys are rotated between the two.
            if let Ok(event) = body.open(&keys, DataKeyRow::of(&data_key.body), &commitment) {
                return serde_json::from_slice(&event).unwrap();
            }
        }
    }

    /// Erases what there is about a person, and destroys the keys.
    pub(crate) async fn erase(&self, number: u8) -> ErasedBodies {
        let erased = self.try_erase(number).await.unwrap();
        self.destroy_keys(number).await;
        erased
    }

    pub(crate) async fn try_erase(&self, number: u8) -> Result<ErasedBodies, LedgerError> {
        let keys = self.encryption.tenant(CONTROLLER).await?;
        let eraser = Eraser {
            storage: self.storage.as_ref(),
            ledger: &self.ledger,
            keys: &keys,
            entropy: self.machine.entropy.as_ref(),
        };
        eraser.erase(CONTROLLER, subject(number), &[], "case-7", self.machine.clock.now()).await
    }

    pub(crate) async fn destroy_keys(&self, number: u8) {
        use wzapi_encryption::shredding::{data_keys_of, stage_destruction};
        loop {
            let places = data_keys_of(self.storage.as_ref(), CONTROLLER, subject(number)).await.unwrap();
            let mut draft = Draft::new(self.storage.as_ref(), CONTROLLER);
            stage_destruction(&mut draft, places).await.unwrap();
            let id = ChangesetId::generate(self.machine.entropy.as_ref()).unwrap();
            match self.storage.commit(draft.into_changeset(id, self.machine.clock.now())).await {
                Err(StorageError::Conflict { .. }) => {}
                outcome => {
                    let _ = outcome.unwrap();
                    return;
                }
            }
        }
    }

    pub(crate) fn verifier(&self) -> Verifier<'_> {
        Verifier::new(self.storage.as_ref(), &self.encryption, CONTROLLER)
    }

    /// Verifies the one log that there is.
    pub(crate) async fn verify(&self) -> Verification {
        let mut all = self.verify_all().await;
        assert_eq!(all.len(), 1, "{all:?}");
        all.remove(0)
    }

    pub(crate) async fn verify_all(&self) -> Vec<Verification> {
        self.verifier().run(&mut |_| {}).await.unwrap()
    }

    pub(crate) async fn verify_against(&self, older: OpenedCheckpoint) -> Vec<Verification> {
        self.verifier().against(older).run(&mut |_| {}).await.unwrap()
    }

    /// Every log verifies.
    pub(crate) async fn assert_sound(&self) {
        for log in self.verify_all().await {
            assert!(log.is_sound(), "{log:?}");
        }
    }

    pub(crate) async fn head(&self) -> LogHeadRow {
        LogHeadRow::of(&self.row(&Key::LogHead(0)).await.unwrap().body).unwrap().clone()
    }

    pub(crate) async fn checkpoint_row(&self, log: LogRef) -> Option<CheckpointRow> {
        let stored = self.row(&Key::Checkpoint(log)).await?;
        Some(CheckpointRow::of(&stored.body).unwrap().clone())
    }

    pub(crate) async fn row(&self, key: &Key) -> Option<Stored> {
        self.row_of(CONTROLLER, key).await
    }

    pub(crate) async fn row_of(&self, controller: ControllerId, key: &Key) -> Option<Stored> {
        self.storage.get(controller, std::slice::from_ref(key)).await.unwrap().remove(0)
    }

    /// Writes behind the ledger's back.
    pub(crate) async fn overwrite(&self, key: &Key, body: Option<Body>) {
        self.overwrite_all([(key.clone(), body)]).await;
    }

    pub(crate) async fn overwrite_all(&self, rows: impl IntoIterator<Item = (Key, Option<Body>)>) {
        write_rows(self.storage.as_ref(), self.machine.entropy.as_ref(), CONTROLLER, rows).await;
    }

    pub(crate) async fn export_to(&self, folder: &Path) -> (SignedCheckpoint, ExportProgress) {
        let mut sink = wzapi_ledger::notary::DirectorySink::new(folder).unwrap();
        let mut last = ExportProgress::default();
        let signed =
            self.notary.export(CONTROLLER, 0, &mut sink, &mut |progress| last = progress).await.unwrap();
        (signed, last)
    }
}

/// Writes rows as somebody would who has the whole store in hand.
pub(crate) async fn write_rows(
    storage: &dyn Storage,
    entropy: &dyn Entropy,
    controller: ControllerId,
    rows: impl IntoIterator<Item = (Key, Option<Body>)>,
) {
    let write = |(key, body): (Key, Option<Body>)| match body {
        Some(body) => Write::Put(Record { key, due_at: None, body }),
        None => Write::Delete(key),
    };
    let changeset = Changeset {
        id: ChangesetId::generate(entropy).unwrap(),
        controller,
        at: "2026-11-22".parse().unwrap(),
        preconditions: Vec::new(),
        writes: rows.into_iter().map(write).collect(),
        durability: Durability::Durable,
    };
    let _ = storage.commit(changeset).await.unwrap();
}

/// Opens a checkpoint as somebody who was given its keys.
pub(crate) fn opened(checkpoint: &SignedCheckpoint) -> OpenedCheckpoint {
    policy_of(checkpoint).open(checkpoint.note.as_bytes()).unwrap()
}

pub(crate) fn policy_of(checkpoint: &SignedCheckpoint) -> CheckpointPolicy {
    CheckpointPolicy::for_log(checkpoint.verifier_keys.clone()).unwrap()
}

/// Checks a proof as a stranger does: from its text, with the log's key.
pub(crate) fn check_proof(proof: &TlogProof, policy: &CheckpointPolicy) -> VerifiedEvent {
    TlogProof::parse(proof.to_string().as_bytes()).unwrap().verify(policy).unwrap()
}
