//! A controller over a store in memory, with a clock that stands still and a store that counts and fails.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use wzapi_consent::gate::{Checked, Decision, Message, ReasonCode};
use wzapi_consent::person::{IdentityChange, KnownAs};
use wzapi_consent::recording::Parts;
use wzapi_consent::{
    ConsentError, ConsentLedger, Gate, GateRules, NewAct, Recorded, SendPermit, SendRequest,
};
use wzapi_encryption::Encryption;
use wzapi_encryption::keyring::LocalKeyring;
use wzapi_encryption::provider::KeyProvider;
use wzapi_ledger::{Ledger, SealedBody, Verification, Verifier};
use wzapi_model::consent::{ConsentAct, ConsentMethod, ConsentScope, Provenance};
use wzapi_model::identifier::Identifier;
use wzapi_model::ids::{ChangesetId, ControllerId, EntryId, SenderId};
use wzapi_model::message::MessageCategory;
use wzapi_model::name::PurposeId;
use wzapi_model::system::SystemEntropy;
use wzapi_model::time::ManualClock;
use wzapi_model::{Clock, Timestamp};
use wzapi_storage::key::{Key, KeyPrefix, Owner};
use wzapi_storage::query::{Page, Query};
use wzapi_storage::row::{
    DataKeyRow, EntryBody, EntryBodyRow, IdentifierRow, LogLeafRow, RowType, SenderRow, Stored,
};
use wzapi_storage::{Changeset, Committed, Draft, Storage, StorageError};
use wzapi_storage_memory::MemoryStorage;

pub(crate) const CONTROLLER: ControllerId = ControllerId::from_bytes([1; 16]);
pub(crate) const SENDER: SenderId = SenderId::from_bytes([2; 16]);
pub(crate) const OTHER_SENDER: SenderId = SenderId::from_bytes([3; 16]);
pub(crate) const NOON: &str = "2026-11-22T12:00:00Z";

/// A store in memory that counts what it is asked, and fails when it is told to.
#[derive(Default)]
pub(crate) struct Probe {
    rows: MemoryStorage,
    pub(crate) gets: AtomicUsize,
    pub(crate) scans: AtomicUsize,
    pub(crate) commits: AtomicUsize,
    pub(crate) fails: AtomicBool,
    /// Lets other tasks run before it answers, as a store behind a disk or a network does.
    pub(crate) takes_time: AtomicBool,
}

impl Probe {
    async fn take_time(&self) {
        if self.takes_time.load(Ordering::SeqCst) {
            for _ in 0..4 {
                tokio::task::yield_now().await;
            }
        }
    }

    fn fail_if_told(&self) -> Result<(), StorageError> {
        if self.fails.load(Ordering::SeqCst) { Err(StorageError::unavailable("as told")) } else { Ok(()) }
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
        self.fail_if_told()?;
        self.rows.get(controller, keys).await
    }

    async fn scan(&self, query: &Query) -> Result<Page, StorageError> {
        self.scans.fetch_add(1, Ordering::SeqCst);
        self.take_time().await;
        self.fail_if_told()?;
        self.rows.scan(query).await
    }

    async fn commit(&self, changeset: Changeset) -> Result<Committed, StorageError> {
        self.commits.fetch_add(1, Ordering::SeqCst);
        self.take_time().await;
        self.fail_if_told()?;
        self.rows.commit(changeset).await
    }
}

/// One controller with everything that the engines need.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) storage: Arc<Probe>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) encryption: Arc<Encryption>,
    pub(crate) consent: ConsentLedger,
    pub(crate) gate: Gate,
}

impl World {
    pub(crate) async fn new() -> Self {
        let entropy = Arc::new(SystemEntropy::new());
        let storage = Arc::new(Probe::default());
        let clock = Arc::new(ManualClock::at(time(NOON)));
        let encryption =
            Arc::new(Encryption::new(storage.clone(), keyring(), clock.clone(), entropy.clone()));
        let ledger = Ledger::new(storage.clone(), clock.clone(), entropy.clone());
        let mut draft = Draft::new(storage.as_ref(), CONTROLLER);
        let keys = encryption.create_tenant(&mut draft).await.unwrap();
        ledger.create_log(&mut draft, &keys).await.unwrap();
        for sender in [SENDER, OTHER_SENDER] {
            let row = SenderRow {
                registered_at: clock.now(),
                entry: EntryId::from_bytes([9; 16]),
                portfolio: None,
            };
            draft.load([Key::Sender(sender)]).await.unwrap();
            draft.put(Key::Sender(sender), row, None).unwrap();
        }
        let id = ChangesetId::from_bytes([9; 16]);
        let _ = storage.commit(draft.into_changeset(id, clock.now())).await.unwrap();
        let parts = Parts {
            storage: storage.clone(),
            encryption: encryption.clone(),
            ledger,
            clock: clock.clone(),
            entropy,
        };
        let gate = Gate::new(parts.clone(), GateRules::wzapi());
        Self { storage, clock, encryption, consent: ConsentLedger::new(parts), gate }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// Records an act, trying again for as long as others are in the way.
    pub(crate) async fn record(&self, known_as: &[KnownAs], act: &NewAct) -> Recorded {
        loop {
            match self.consent.record(CONTROLLER, known_as, act).await {
                Err(ConsentError::Busy) => {}
                outcome => return outcome.unwrap(),
            }
        }
    }

    /// The person agrees to marketing; a second passes.
    pub(crate) async fn grant(&self, known_as: &[KnownAs]) {
        assert!(matches!(self.record(known_as, &grant()).await, Recorded::New { .. }));
        self.pass(1);
    }

    /// The person says a bare STOP; a second passes.
    pub(crate) async fn stop(&self, known_as: &[KnownAs]) {
        assert!(matches!(self.record(known_as, &stop()).await, Recorded::New { .. }));
        self.pass(1);
    }

    pub(crate) async fn inbound(&self, known_as: &[KnownAs], at: Option<Timestamp>) {
        let mut recording = self.consent.begin(CONTROLLER).await.unwrap();
        recording.inbound(known_as, SENDER, at).await.unwrap();
        recording.commit().await.unwrap();
    }

    /// The person changes from some identifiers to others now; a second passes.
    pub(crate) async fn change(&self, previous: &[KnownAs], current: &[KnownAs]) {
        self.change_at(previous, current, self.now()).await;
        self.pass(1);
    }

    pub(crate) async fn change_at(&self, previous: &[KnownAs], current: &[KnownAs], at: Timestamp) {
        let mut recording = self.consent.begin(CONTROLLER).await.unwrap();
        let change = IdentityChange { previous: previous.to_vec(), current: current.to_vec(), at };
        recording.change_identity(&change).await.unwrap();
        recording.commit().await.unwrap();
    }

    pub(crate) async fn check(&self, known: &KnownAs, category: MessageCategory) -> Checked {
        self.gate.check(CONTROLLER, &request(known, category)).await.unwrap()
    }

    pub(crate) async fn permit(&self, known: &KnownAs, category: MessageCategory) -> SendPermit {
        match self.check(known, category).await {
            Checked::Allowed(permit) => permit,
            Checked::Refused(decision) => panic!("refused: {decision:?}"),
        }
    }

    /// The reasons of a check that allows, or of one that refuses.
    pub(crate) async fn reasons(
        &self,
        known: &KnownAs,
        category: MessageCategory,
    ) -> Result<Vec<ReasonCode>, Vec<ReasonCode>> {
        match self.check(known, category).await {
            Checked::Allowed(permit) => Ok(codes(permit.decision())),
            Checked::Refused(decision) => Err(codes(&decision)),
        }
    }

    /// Whether a marketing message may be sent.
    pub(crate) async fn may_market(&self, known: &KnownAs) -> bool {
        self.reasons(known, MessageCategory::Marketing).await.is_ok()
    }

    /// Every row of the controller and of every person, with versions.
    pub(crate) async fn dump(&self) -> Vec<(Key, Stored)> {
        let mut rows = self.rows_of(Owner::Controller).await;
        let mut subjects: Vec<_> =
            rows.iter().filter_map(|(_, row)| Some(IdentifierRow::of(&row.body)?.subject)).collect();
        subjects.sort_unstable();
        subjects.dedup();
        for subject in subjects {
            rows.extend(self.rows_of(Owner::Subject(subject)).await);
        }
        rows
    }

    async fn rows_of(&self, owner: Owner) -> Vec<(Key, Stored)> {
        let mut rows = Vec::new();
        let mut query = Query::prefix(CONTROLLER, KeyPrefix::Owner(owner), 1000);
        loop {
            let page = self.storage.scan(&query).await.unwrap();
            rows.extend(page.rows);
            match page.next {
                Some(cursor) => query.after = Some(cursor),
                None => return rows,
            }
        }
    }

    /// What the entries of the log say.
    pub(crate) async fn opened_entries(&self) -> Vec<String> {
        let rows = self.dump().await;
        let keys = self.encryption.tenant(CONTROLLER).await.unwrap();
        let row_at = |wanted: &Key| rows.iter().find(|(key, _)| key == wanted).map(|(_, row)| &row.body);
        let bodies = rows.iter().filter_map(|(key, row)| Some((key, EntryBodyRow::of(&row.body)?)));
        bodies
            .map(|(key, row)| {
                let EntryBody::Kept(sealed) = &row.body else { panic!("a body was erased") };
                let body = SealedBody { controller: CONTROLLER, key, category: &row.category, sealed };
                let leaf = Key::LogLeaf { log: row.log, index: row.index };
                let leaf = row_at(&leaf).and_then(LogLeafRow::of).unwrap();
                let data_key = row_at(&body.data_key()).and_then(DataKeyRow::of);
                let event = body.open(&keys, data_key, &leaf.commitment.into()).unwrap();
                String::from_utf8(event.to_vec()).unwrap()
            })
            .collect()
    }

    /// How many entries the log has; all of it verifies.
    pub(crate) async fn verified_entries(&self) -> u64 {
        let verifier = Verifier::new(self.storage.as_ref(), &self.encryption, CONTROLLER);
        let logs = verifier.run(&mut |_| {}).await.unwrap();
        assert!(logs.iter().all(Verification::is_sound), "{logs:?}");
        logs.iter().map(|log| log.size).sum()
    }
}

/// One keyring serves all tests. Its file is read at every call, so it stays.
fn keyring() -> Arc<dyn KeyProvider> {
    static KEYRING: OnceLock<Arc<LocalKeyring>> = OnceLock::new();
    let open = || {
        let path = tempfile::tempdir().unwrap().keep().join("keyring.json");
        Arc::new(LocalKeyring::open_or_create(&path, Arc::new(SystemEntropy::new())).unwrap())
    };
    KEYRING.get_or_init(open).clone()
}

pub(crate) fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A recipient as a provider writes it.
pub(crate) fn known(recipient: &str) -> KnownAs {
    KnownAs { raw: recipient.into(), ..KnownAs::canonical(Identifier::parse_recipient(recipient).unwrap()) }
}

pub(crate) fn request(known: &KnownAs, category: MessageCategory) -> SendRequest {
    SendRequest::new(known.identifier.clone(), Message::new(SENDER, category))
}

pub(crate) fn codes(decision: &Decision) -> Vec<ReasonCode> {
    decision.reasons.iter().map(|reason| reason.code).collect()
}

pub(crate) fn grant() -> NewAct {
    grant_of(PurposeId::marketing())
}

pub(crate) fn grant_of(purpose: PurposeId) -> NewAct {
    NewAct::direct(ConsentAct::Given, ConsentScope::whatsapp(purpose), ConsentMethod::WebForm)
}

pub(crate) fn imported_grant(acted_at: Timestamp) -> NewAct {
    NewAct {
        provenance: Provenance::Imported,
        acted_at: Some(acted_at),
        evidence: Some("form of 2024".into()),
        ..grant()
    }
}

pub(crate) fn stop() -> NewAct {
    NewAct::direct(ConsentAct::Withdrawn, ConsentScope::all_marketing(), ConsentMethod::Keyword)
}

pub(crate) fn act(act: ConsentAct, scope: ConsentScope) -> NewAct {
    NewAct::direct(act, scope, ConsentMethod::Api)
}

pub(crate) fn with_source(act: NewAct, source: &str) -> NewAct {
    NewAct { source: Some(wzapi_model::personal::Personal::new(source.as_bytes().to_vec())), ..act }
}
