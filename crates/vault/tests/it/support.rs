//! Two controllers with people, over a store in memory that counts, pauses and fails when it is told to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use wzapi_encryption::{Encryption, LocalKeyring, Place, TenantKeys};
use wzapi_ledger::{Ledger, Verifier};
use wzapi_model::actor::Actor;
use wzapi_model::ids::{ChangesetId, ControllerId, EntryId, SubjectId};
use wzapi_model::name::{DataCategory, PurposeId};
use wzapi_model::system::SystemEntropy;
use wzapi_model::time::ManualClock;
use wzapi_model::{Clock, Timestamp};
use wzapi_policy::Policy;
use wzapi_policy::file::DataSource;
use wzapi_storage::key::{Key, KeyPrefix, Owner, RowKind};
use wzapi_storage::query::{Page, Query};
use wzapi_storage::row::{
    DataKeyRow, EntryBody, EntryBodyRow, RecordRevisionRow, RecordRow, RowType, Stored, SubjectRow,
};
use wzapi_storage::{Changeset, Committed, Draft, Storage, StorageError};
use wzapi_storage_memory::MemoryStorage;
use wzapi_vault::{NewRecord, Options, Parts, RecordRef, RecordValue, Vault, VaultError};

pub(crate) const A: ControllerId = ControllerId::from_bytes([0xa; 16]);
pub(crate) const B: ControllerId = ControllerId::from_bytes([0xb; 16]);
pub(crate) const ANA: SubjectId = SubjectId::from_bytes([1; 16]);
pub(crate) const BEN: SubjectId = SubjectId::from_bytes([2; 16]);
pub(crate) const NOBODY: SubjectId = SubjectId::from_bytes([9; 16]);
pub(crate) const NOON: &str = "2026-11-22T12:00:00Z";

/// A store that counts what it is asked, and lets others run before it answers when it is told to.
pub(crate) struct Probe {
    rows: Arc<dyn Storage>,
    pub(crate) gets: AtomicUsize,
    pub(crate) scans: AtomicUsize,
    pub(crate) commits: AtomicUsize,
    pub(crate) takes_time: AtomicBool,
}

impl Probe {
    async fn take_time(&self) {
        if self.takes_time.load(Ordering::SeqCst) {
            for _ in 0..3 {
                tokio::task::yield_now().await;
            }
        }
    }

    pub(crate) fn counts(&self) -> [usize; 3] {
        [&self.gets, &self.scans, &self.commits].map(|count| count.load(Ordering::SeqCst))
    }
}

#[async_trait]
impl Storage for Probe {
    async fn get(&self, controller: ControllerId, keys: &[Key]) -> Result<Vec<Option<Stored>>, StorageError> {
        self.gets.fetch_add(1, Ordering::SeqCst);
        self.take_time().await;
        self.rows.get(controller, keys).await
    }

    async fn scan(&self, query: &Query) -> Result<Page, StorageError> {
        self.scans.fetch_add(1, Ordering::SeqCst);
        self.take_time().await;
        self.rows.scan(query).await
    }

    async fn commit(&self, changeset: Changeset) -> Result<Committed, StorageError> {
        self.commits.fetch_add(1, Ordering::SeqCst);
        self.take_time().await;
        self.rows.commit(changeset).await
    }
}

#[derive(Clone)]
pub(crate) struct World {
    pub(crate) storage: Arc<Probe>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) parts: Parts,
    pub(crate) vault: Vault,
    pub(crate) actor: Actor,
}

impl World {
    pub(crate) async fn new() -> Self {
        let world = Self::over(Arc::new(MemoryStorage::new()));
        world.register().await;
        world
    }

    /// A world on a store that is empty, or holds a registered world already.
    pub(crate) fn over(rows: Arc<dyn Storage>) -> Self {
        let entropy = Arc::new(SystemEntropy::new());
        let storage = Arc::new(Probe {
            rows,
            gets: AtomicUsize::default(),
            scans: AtomicUsize::default(),
            commits: AtomicUsize::default(),
            takes_time: AtomicBool::default(),
        });
        let clock = Arc::new(ManualClock::at(time(NOON)));
        let encryption =
            Arc::new(Encryption::new(storage.clone(), keyring(), clock.clone(), entropy.clone()));
        let ledger = Ledger::new(storage.clone(), clock.clone(), entropy.clone());
        let parts = Parts { storage: storage.clone(), encryption, ledger, clock: clock.clone(), entropy };
        let vault = Vault::new(parts.clone(), policy());
        let actor = Actor::service("tester", []).unwrap();
        Self { storage, clock, parts, vault, actor }
    }

    pub(crate) async fn register(&self) {
        // Rotations look for the epoch, which is a row of the system.
        let mut draft = Draft::new(self.storage.as_ref(), ControllerId::SYSTEM);
        self.parts.encryption.create_tenant(&mut draft).await.unwrap();
        self.commit(draft).await;
        for controller in [A, B] {
            let mut draft = Draft::new(self.storage.as_ref(), controller);
            let keys = self.parts.encryption.create_tenant(&mut draft).await.unwrap();
            self.parts.ledger.create_log(&mut draft, &keys).await.unwrap();
            self.commit(draft).await;
        }
        for subject in [ANA, BEN] {
            self.know(A, subject, |_| ()).await;
        }
        self.know(B, BEN, |_| ()).await;
    }

    /// Makes a person known to a controller, or changes what is known.
    pub(crate) async fn know(
        &self,
        controller: ControllerId,
        subject: SubjectId,
        change: impl FnOnce(&mut SubjectRow),
    ) {
        let mut draft = Draft::new(self.storage.as_ref(), controller);
        let key = Key::Subject(subject);
        draft.load([key.clone()]).await.unwrap();
        let new = SubjectRow::new(self.now());
        let mut row = draft.row::<SubjectRow>(&key).unwrap().cloned().unwrap_or(new);
        change(&mut row);
        draft.put(key, row, None).unwrap();
        self.commit(draft).await;
    }

    /// One subject turns out to be another one.
    pub(crate) async fn merge(&self, controller: ControllerId, subject: SubjectId, survivor: SubjectId) {
        let mut former = vec![subject];
        self.know(controller, subject, |row| {
            former.append(&mut row.former.clone());
            row.merged_into = Some(survivor);
        })
        .await;
        self.know(controller, survivor, |row| row.former.append(&mut former)).await;
    }

    pub(crate) async fn commit(&self, draft: Draft<'_>) {
        let id = ChangesetId::generate(self.parts.entropy.as_ref()).unwrap();
        let _ = self.storage.commit(draft.into_changeset(id, self.now())).await.unwrap();
    }

    /// The same world under another policy.
    pub(crate) fn under(&self, policy: Arc<Policy>) -> Self {
        Self { vault: Vault::new(self.parts.clone(), policy), ..self.clone() }
    }

    pub(crate) fn logging_reads(&self) -> Self {
        Self { vault: self.vault.clone().with_options(Options { log_reads: true }), ..self.clone() }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn pass_days(&self, days: u64) {
        self.clock.advance(Duration::from_secs(days * 24 * 3600));
    }

    pub(crate) async fn keys(&self, controller: ControllerId) -> Arc<TenantKeys> {
        self.parts.encryption.tenant(controller).await.unwrap()
    }

    pub(crate) async fn store(&self, subject: SubjectId, new: &NewRecord) -> RecordRef {
        self.vault.store(A, subject, new, &self.actor).await.unwrap()
    }

    pub(crate) async fn read(&self, record: &RecordRef, for_what: &str) -> Result<RecordValue, VaultError> {
        let opened = self.vault.read(A, record, &purpose(for_what), &self.actor).await?;
        assert_eq!(opened.info.record, *record);
        Ok(opened.value)
    }

    /// The rows of a controller: its own, then those of the people of these tests.
    pub(crate) async fn rows(&self, controller: ControllerId) -> Vec<(Key, Stored)> {
        let mut rows = Vec::new();
        let owners = [Owner::Controller]
            .into_iter()
            .chain((1..=9).map(|one| Owner::Subject(SubjectId::from_bytes([one; 16]))));
        for owner in owners {
            let mut query = Query::prefix(controller, KeyPrefix::Owner(owner), 1000);
            loop {
                let page = self.storage.rows.scan(&query).await.unwrap();
                rows.extend(page.rows);
                match page.next {
                    Some(next) => query.after = Some(next),
                    None => break,
                }
            }
        }
        rows
    }

    /// Every ledger entry of a controller about records, holds and erasures, in no order: whose it is, and the event.
    pub(crate) async fn entries(&self, controller: ControllerId) -> Vec<(Owner, Value)> {
        let keys = self.keys(controller).await;
        let rows: BTreeMap<Key, Stored> = self.rows(controller).await.into_iter().collect();
        let mut entries = Vec::new();
        for (key, stored) in &rows {
            let Some(EntryBodyRow { category, body: EntryBody::Kept(sealed), .. }) =
                EntryBodyRow::of(&stored.body)
            else {
                continue;
            };
            let key_place = TenantKeys::data_key_of(key.owner(), category, sealed);
            let key_row = rows.get(&key_place).and_then(|stored| DataKeyRow::of(&stored.body));
            let place = Place { controller, row: key, field: "body" };
            let body = keys.open(&key_place, key_row, &place, sealed).unwrap();
            let length = u32::from_be_bytes(body[..4].try_into().unwrap());
            let event: Value = serde_json::from_slice(&body[36..36 + length as usize]).unwrap();
            let families = ["record.", "hold.", "erasure."];
            if families.iter().any(|family| event["type"].as_str().unwrap().starts_with(family)) {
                assert_eq!(category.as_str(), "accountability");
                entries.push((key.owner(), event));
            }
        }
        entries
    }

    /// How many entries about records there are of each type.
    pub(crate) async fn entry_types(&self, controller: ControllerId) -> BTreeMap<String, usize> {
        let mut types = BTreeMap::new();
        for (_, event) in self.entries(controller).await {
            *types.entry(event["type"].as_str().unwrap().to_owned()).or_default() += 1;
        }
        types
    }

    /// That nothing is half done: rows, index, keys and entries belong together, and the log verifies.
    pub(crate) async fn check(&self, controller: ControllerId) {
        let keys = self.keys(controller).await;
        let rows: BTreeMap<Key, Stored> = self.rows(controller).await.into_iter().collect();
        let entries: BTreeSet<EntryId> = rows
            .keys()
            .filter_map(|key| match key {
                Key::EntryBody { entry, .. } => Some(*entry),
                _ => None,
            })
            .collect();
        let key_row_of = |key: &Key| {
            let (Key::Record { subject, category, cohort, .. }
            | Key::RecordRevision { subject, category, cohort, .. }) = key
            else {
                panic!("{key:?}")
            };
            let owner = Owner::Subject(*subject);
            let place = Key::DataKey { owner, category: category.clone(), cohort: *cohort };
            let row = rows.get(&place).and_then(|stored| DataKeyRow::of(&stored.body)).cloned();
            (place, row)
        };
        let (mut indexed, mut needed) = (BTreeSet::new(), BTreeSet::new());
        for (key, stored) in &rows {
            let sealed = match (RecordRow::of(&stored.body), RecordRevisionRow::of(&stored.body)) {
                (Some(row), _) => {
                    assert!(entries.contains(&row.entry), "a record whose entry is not there");
                    let Key::Record { subject, category, cohort, record } = key.clone() else {
                        panic!("{key:?}")
                    };
                    indexed.insert(Key::RecordOfCategory { category, cohort, subject, record });
                    &row.value
                }
                (_, Some(row)) => {
                    let Key::RecordRevision { subject, category, cohort, record, .. } = key.clone() else {
                        panic!("{key:?}")
                    };
                    let record = Key::Record { subject, category, cohort, record };
                    assert!(rows.contains_key(&record), "an earlier value without its record");
                    &row.value
                }
                _ => continue,
            };
            let (place, key_row) = key_row_of(key);
            let field = Place { controller, row: key, field: "value" };
            keys.open(&place, key_row.as_ref(), &field, sealed).unwrap();
            needed.insert(place);
        }
        let of_kind = |kind: RowKind| rows.keys().filter(move |key| key.kind() == kind).cloned();
        assert_eq!(of_kind(RowKind::RecordOfCategory).collect::<BTreeSet<_>>(), indexed);
        let present: BTreeSet<Key> = of_kind(RowKind::DataKey)
            .filter(
                |key| !matches!(key, Key::DataKey { category, .. } if category.as_str() == "accountability"),
            )
            .collect();
        assert_eq!(present, needed, "each key has something to seal, and nothing is without its key");
        self.verify(controller).await;
    }

    pub(crate) async fn verify(&self, controller: ControllerId) {
        let verifier = Verifier::new(self.storage.as_ref(), &self.parts.encryption, controller);
        for log in verifier.run(&mut |_| ()).await.unwrap() {
            assert!(log.is_sound(), "{:?}", log.fault);
        }
    }
}

/// One keyring serves all tests of a process. Its file stays behind in the build directory.
fn keyring() -> Arc<LocalKeyring> {
    static KEYRING: OnceLock<Arc<LocalKeyring>> = OnceLock::new();
    let open = || {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap().keep();
        let path = folder.join("keyring.json");
        Arc::new(LocalKeyring::open_or_create(&path, Arc::new(SystemEntropy::new())).unwrap())
    };
    KEYRING.get_or_init(open).clone()
}

/// The policy of WZAPI, with a pattern that usage patterns must not hold.
pub(crate) const POLICY: &str = include_str!("../../../../policies/wzapi.toml");

pub(crate) fn policy() -> Arc<Policy> {
    static PARSED: OnceLock<Arc<Policy>> = OnceLock::new();
    PARSED.get_or_init(|| policy_with(&[])).clone()
}

/// The policy with these replacements.
pub(crate) fn policy_with(replacements: &[(&str, &str)]) -> Arc<Policy> {
    let pattern = "[patterns.passport_number]\n\
         label = { en = \"passports\", hi = \"पासपोर्ट\", pt = \"passaportes\", es = \"pasaportes\" }\n\
         pattern = '\\b[A-PR-WY][1-9][0-9]{6}\\b'\n\n[purposes.service_provision]";
    let forbids = "[categories.usage_patterns]\nforbidden = [\"passport_number\"]";
    let mut text = POLICY.replacen("[purposes.service_provision]", pattern, 1).replacen(
        "[categories.usage_patterns]",
        forbids,
        1,
    );
    for (old, new) in replacements {
        assert!(text.contains(old), "{old}");
        text = text.replacen(old, new, 1);
    }
    match wzapi_policy::parse(&text, "test.toml") {
        Ok(policy) => Arc::new(policy),
        Err(findings) => panic!("{findings}"),
    }
}

pub(crate) fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(crate) fn purpose(name: &str) -> PurposeId {
    name.parse().unwrap()
}

pub(crate) fn category(name: &str) -> DataCategory {
    name.parse().unwrap()
}

pub(crate) fn new_record(
    category_name: &str,
    purposes: &[&str],
    source: DataSource,
    value: impl Into<RecordValue>,
) -> NewRecord {
    NewRecord::new(category(category_name), purposes.iter().map(|name| purpose(name)), source, value)
}

pub(crate) fn email(value: &str) -> NewRecord {
    new_record("email", &["service_provision", "billing"], DataSource::Registration, value)
}

pub(crate) fn message(value: &str) -> NewRecord {
    new_record("end_user_messages", &["service_provision"], DataSource::MessagingPlatform, value)
}

pub(crate) fn invoice(value: impl Into<RecordValue>) -> NewRecord {
    new_record(
        "billing_information",
        &["billing", "legal_compliance", "dispute_resolution"],
        DataSource::Use,
        value,
    )
}

pub(crate) fn payment(value: impl Into<RecordValue>) -> NewRecord {
    new_record("payment_details", &["billing"], DataSource::PaymentGateway, value)
}

pub(crate) fn address(value: impl Into<RecordValue>) -> NewRecord {
    new_record("ip_address", &["security", "legal_compliance"], DataSource::Device, value)
}

pub(crate) fn usage(value: impl Into<RecordValue>) -> NewRecord {
    new_record("usage_patterns", &["service_improvement"], DataSource::Use, value)
}
