//! What the tests share: two shops in one store, payloads in Meta's shapes, and a look at every row.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tempfile::TempDir;
use wzapi_compliance::consent::gate::{Checked, Decision, Message, ReasonCode, SendRequest};
use wzapi_compliance::consent::{NewAct, Recorded};
use wzapi_compliance::encryption::LocalKeyring;
use wzapi_compliance::ingest::IngestReport;
use wzapi_compliance::log::VerifiedLogs;
use wzapi_compliance::model::actor::{Actor, ControllerScope, Role};
use wzapi_compliance::model::consent::{ConsentAct, ConsentMethod, ConsentScope};
use wzapi_compliance::model::entropy::EntropyError;
use wzapi_compliance::model::identifier::Identifier;
use wzapi_compliance::model::ids::{ControllerId, SenderId};
use wzapi_compliance::model::message::MessageCategory;
use wzapi_compliance::model::name::PurposeId;
use wzapi_compliance::model::time::ManualClock;
use wzapi_compliance::model::{Entropy, Timestamp};
use wzapi_compliance::storage::key::{Key, KeyPrefix, Owner, RowKind};
use wzapi_compliance::storage::query::{MAX_PAGE, Query};
use wzapi_compliance::storage::row::{Body, Stored};
use wzapi_compliance::storage::{Storage, StorageError};
use wzapi_compliance::storage_embedded::{EmbeddedStorage, Options};
use wzapi_compliance::storage_memory::MemoryStorage;
use wzapi_compliance::whatsapp::delivery::{Delivery, Limits};
use wzapi_compliance::whatsapp::signature::AppSecrets;
use wzapi_compliance::{Compliance, Controller, Error};

pub(crate) const SHOP: ControllerId = ControllerId::from_bytes([0xa1; 16]);
pub(crate) const OTHER_SHOP: ControllerId = ControllerId::from_bytes([0xb2; 16]);
pub(crate) const ALL_CONTROLLERS: [ControllerId; 3] = [SHOP, OTHER_SHOP, ControllerId::SYSTEM];
pub(crate) const ALL_ROLES: [Role; 7] = [
    Role::Administrator,
    Role::Ingest,
    Role::Sender,
    Role::ConsentManager,
    Role::RecordKeeper,
    Role::Officer,
    Role::Auditor,
];

pub(crate) const ANA: &str = "15550002222";
pub(crate) const BEN: &str = "15550003333";
pub(crate) const CLEO: &str = "15550004444";

/// A telephone number of a business.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) waba: &'static str,
    pub(crate) phone_number: &'static str,
    pub(crate) sender: SenderId,
}

pub(crate) const FIRST: Line = Line {
    waba: "100000000000001",
    phone_number: "200000000000001",
    sender: SenderId::from_bytes([0x01; 16]),
};
pub(crate) const SECOND: Line = Line {
    waba: "100000000000001",
    phone_number: "200000000000002",
    sender: SenderId::from_bytes([0x02; 16]),
};
pub(crate) const OF_OTHER_SHOP: Line = Line {
    waba: "100000000000009",
    phone_number: "200000000000009",
    sender: SenderId::from_bytes([0x09; 16]),
};
pub(crate) const UNREGISTERED: Line = Line {
    waba: "100000000000555",
    phone_number: "200000000000555",
    sender: SenderId::from_bytes([0x55; 16]),
};

/// A service in the making: a store, a keyring, a clock that stands still, and nothing registered.
pub(crate) struct World {
    pub(crate) compliance: Compliance,
    pub(crate) storage: Arc<dyn Storage>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) keyring: Arc<LocalKeyring>,
    pub(crate) secrets: AppSecrets,
    folder: TempDir,
}

impl World {
    pub(crate) async fn in_memory() -> Self {
        Self::over(Arc::new(MemoryStorage::new()), tempfile::tempdir().unwrap()).await
    }

    pub(crate) async fn on_disk() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let storage = EmbeddedStorage::open(folder.path().join("store"), Options::default()).unwrap();
        Self::over(Arc::new(storage), folder).await
    }

    pub(crate) async fn over(storage: Arc<dyn Storage>, folder: TempDir) -> Self {
        let keyring = folder.path().join("keyring.json");
        let keyring = Arc::new(LocalKeyring::open_or_create(&keyring, SeededEntropy::new(1)).unwrap());
        let clock = Arc::new(ManualClock::at(start()));
        let compliance = Compliance::builder()
            .storage(Arc::clone(&storage))
            .key_provider(Arc::clone(&keyring) as _)
            .clock(Arc::clone(&clock) as _)
            .entropy(SeededEntropy::new(2))
            .build()
            .await
            .unwrap();
        let secrets = AppSecrets::new(b"an-app-secret").unwrap();
        Self { compliance, storage, clock, keyring, secrets, folder }
    }

    /// Registers two lines of the shop and one of the other shop.
    pub(crate) async fn with_shops(self) -> Self {
        let actor = everybody();
        let shop = self.compliance.register_controller(&actor, SHOP).await.unwrap();
        let other = self.compliance.register_controller(&actor, OTHER_SHOP).await.unwrap();
        for (controller, line) in [(&shop, FIRST), (&shop, SECOND), (&other, OF_OTHER_SHOP)] {
            register(controller, line).await.unwrap();
        }
        self
    }

    pub(crate) async fn shop(&self) -> Controller {
        self.compliance.controller(SHOP).await.unwrap()
    }

    pub(crate) async fn other_shop(&self) -> Controller {
        self.compliance.controller(OTHER_SHOP).await.unwrap()
    }

    /// Drops everything but the folder.
    pub(crate) fn close(self) -> TempDir {
        self.folder
    }

    /// Signs and delivers, as Meta and a web server would.
    pub(crate) async fn deliver(&self, body: &[u8]) -> Result<IngestReport, Error> {
        let signature = self.secrets.sign(body);
        self.shop().await.ingest().deliver(&everybody(), &self.secrets, &signature, body).await
    }

    pub(crate) async fn check(&self, to: &str, sender: SenderId, category: MessageCategory) -> Checked {
        let controller = if sender == OF_OTHER_SHOP.sender { OTHER_SHOP } else { SHOP };
        let controller = self.compliance.controller(controller).await.unwrap();
        let request = SendRequest::new(person(to), Message::new(sender, category));
        controller.gate().check(&everybody(), &request).await.unwrap()
    }

    /// Every reason of the answer about a marketing message from a line.
    pub(crate) async fn marketing_from(&self, line: Line, to: &str) -> Vec<ReasonCode> {
        reasons(&self.check(to, line.sender, MessageCategory::Marketing).await)
    }

    pub(crate) async fn marketing(&self, to: &str) -> Vec<ReasonCode> {
        self.marketing_from(FIRST, to).await
    }

    pub(crate) async fn utility(&self, to: &str) -> Vec<ReasonCode> {
        reasons(&self.check(to, FIRST.sender, MessageCategory::Utility).await)
    }

    /// The person agrees to marketing on the shop's own form, an hour ago.
    pub(crate) async fn agrees(&self, who: &str) {
        let scope = ConsentScope::whatsapp(PurposeId::marketing());
        let act = NewAct {
            acted_at: Some(start().saturating_sub(std::time::Duration::from_secs(30 * 24 * 3600))),
            ..NewAct::direct(ConsentAct::Given, scope, ConsentMethod::WebForm)
        };
        let recorded = self.shop().await.consent().record(&everybody(), &person(who), &act).await.unwrap();
        assert!(matches!(recorded, Recorded::New { .. }));
    }

    pub(crate) async fn verified(&self, controller: ControllerId) -> VerifiedLogs {
        let verification = if controller.is_system() {
            self.compliance.system_ledger().verify(&everybody()).await.unwrap()
        } else {
            let controller = self.compliance.controller(controller).await.unwrap();
            controller.ledger().verify(&everybody()).await.unwrap()
        };
        assert!(verification.is_sound(), "{verification:?}");
        verification
    }

    pub(crate) async fn ledgers(&self) -> Vec<VerifiedLogs> {
        let mut found = Vec::new();
        for controller in ALL_CONTROLLERS {
            found.push(self.verified(controller).await);
        }
        found
    }

    pub(crate) async fn rows(&self) -> Rows {
        rows(self.storage.as_ref(), ALL_CONTROLLERS).await.unwrap()
    }
}

pub(crate) async fn register(controller: &Controller, line: Line) -> Result<(), Error> {
    controller.register_sender(&everybody(), line.sender, line.phone_number, line.waba).await
}

pub(crate) fn everybody() -> Actor {
    Actor::service("tests", ALL_ROLES).unwrap()
}

pub(crate) fn only_at(controller: ControllerId) -> Actor {
    Actor::new("tests-of-one-shop", ALL_ROLES, ControllerScope::Only([controller].into())).unwrap()
}

pub(crate) fn person(text: &str) -> Identifier {
    Identifier::parse_recipient(text).unwrap()
}

pub(crate) fn decision(checked: &Checked) -> &Decision {
    match checked {
        Checked::Allowed(permit) => permit.decision(),
        Checked::Refused(decision) => decision,
    }
}

pub(crate) fn reasons(checked: &Checked) -> Vec<ReasonCode> {
    decision(checked).reasons.iter().map(|reason| reason.code).collect()
}

/// Where the clock stands at first.
pub(crate) fn start() -> Timestamp {
    "2026-10-01T00:00:00Z".parse().unwrap()
}

/// Seconds since 1970, so many hours after the start.
pub(crate) fn hour(hours: i64) -> i64 {
    start().as_millis() / 1000 + hours * 3600
}

/// A body with these entries.
pub(crate) fn delivery(entries: &[Value]) -> Vec<u8> {
    json!({ "object": "whatsapp_business_account", "entry": entries }).to_string().into_bytes()
}

/// An entry with one change, which arrived at a line.
pub(crate) fn at(line: Line, field: &str, content: &Value) -> Value {
    let mut value = json!({
        "messaging_product": "whatsapp",
        "metadata": { "display_phone_number": "15550009999", "phone_number_id": line.phone_number },
    });
    let fields = content.as_object().unwrap().clone();
    value.as_object_mut().unwrap().extend(fields);
    json!({ "id": line.waba, "changes": [{ "field": field, "value": value }] })
}

pub(crate) fn messages(line: Line, messages: &[Value]) -> Value {
    at(line, "messages", &json!({ "messages": messages }))
}

pub(crate) fn statuses(line: Line, statuses: &[Value]) -> Value {
    at(line, "messages", &json!({ "statuses": statuses }))
}

pub(crate) fn preferences(line: Line, preferences: &[Value]) -> Value {
    at(line, "user_preferences", &json!({ "user_preferences": preferences }))
}

/// A text that a person wrote.
pub(crate) fn text(from: &str, id: &str, seconds: i64, words: &str) -> Value {
    json!({
        "from": from,
        "id": format!("wamid.{id}"),
        "timestamp": seconds.to_string(),
        "type": "text",
        "text": { "body": words },
    })
}

pub(crate) fn status(to: &str, id: &str, seconds: i64, status: &str) -> Value {
    json!({ "id": format!("wamid.{id}"), "status": status, "timestamp": seconds.to_string(), "recipient_id": to })
}

/// The status that tells of a stop in WhatsApp itself.
pub(crate) fn stopped_status(to: &str, id: &str, seconds: i64) -> Value {
    let mut status = status(to, id, seconds, "failed");
    status["errors"] = json!([{ "code": 131050, "title": "Unable to deliver the message" }]);
    status
}

pub(crate) fn preference(who: &str, seconds: i64, value: &str) -> Value {
    json!({ "wa_id": who, "category": "marketing_messages", "value": value, "timestamp": seconds })
}

pub(crate) fn one_text(from: &str, id: &str, seconds: i64, words: &str) -> Vec<u8> {
    delivery(&[messages(FIRST, &[text(from, id, seconds, words)])])
}

/// How many items a report accounts for: each item counts once.
pub(crate) fn items_of(report: &IngestReport) -> u64 {
    report.messages
        + report.statuses
        + report.preferences
        + report.identity_changes
        + report.identity_keys
        + report.calls
        + report.sent_elsewhere
        + report.groups
        + report.address_book
        + report.histories
        + report.conversions
        + report.account_events
        + report.business_events
        + report.unknown
        + report.unrouted
        + report.duplicates
}

pub(crate) fn items_in(body: &[u8]) -> u64 {
    Delivery::parse(body, &Limits::default()).unwrap().items.len() as u64
}

/// A report of nothing but items that had been taken in before.
pub(crate) fn only_duplicates(report: &IngestReport, items: u64) -> bool {
    report.duplicates == items
        && items_of(report) == items
        && report.consents_given + report.withdrawals + report.doubts + report.quarantined == 0
        && report.bound + report.foreign_callbacks + report.filed + report.revised == 0
}

pub(crate) fn examples() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../examples")
}

/// The collected payloads and the constructed ones, by file name.
pub(crate) fn payloads() -> BTreeMap<String, Vec<u8>> {
    let mut payloads = BTreeMap::new();
    let constructed = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../whatsapp/tests/data/webhooks");
    let folders = [examples().join("webhooks"), constructed];
    for entry in folders.iter().flat_map(|folder| std::fs::read_dir(folder).unwrap()) {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            payloads.insert(name, std::fs::read(path).unwrap());
        }
    }
    assert!(payloads.len() > 100, "{}", payloads.len());
    payloads
}

/// Registers every business number of the payloads as a sender of the shop, as the quickstart does.
pub(crate) async fn register_lines_of(shop: &Controller, bodies: impl Iterator<Item = &Vec<u8>>) {
    let items = bodies.flat_map(|body| Delivery::parse(body, &Limits::default()).unwrap().items);
    let lines: BTreeSet<_> = items.filter_map(|item| Some((item.phone_number_id?, item.waba_id?))).collect();
    let mut senders = BTreeMap::new();
    for (phone_number, waba) in lines {
        let next = u8::try_from(senders.len() + 1).unwrap();
        let sender = *senders.entry(phone_number.clone()).or_insert(SenderId::from_bytes([next; 16]));
        shop.register_sender(&everybody(), sender, &phone_number, &waba).await.unwrap();
    }
}

/// Every row, except for the records of changesets.
pub(crate) type Rows = BTreeMap<(ControllerId, Key), Stored>;

pub(crate) async fn rows(
    storage: &dyn Storage,
    controllers: impl IntoIterator<Item = ControllerId>,
) -> Result<Rows, StorageError> {
    let mut found = Rows::new();
    for controller in controllers {
        rows_of(storage, controller, Owner::Controller, &mut found).await?;
        let subjects: BTreeSet<_> = found
            .iter()
            .filter(|((of, _), _)| *of == controller)
            .filter_map(|(_, stored)| match &stored.body {
                Body::LogLeaf(leaf) => Some(leaf.owner),
                Body::Identifier(row) => Some(Owner::Subject(row.subject)),
                _ => None,
            })
            .filter(|owner| *owner != Owner::Controller)
            .collect();
        for subject in subjects {
            rows_of(storage, controller, subject, &mut found).await?;
        }
    }
    Ok(found)
}

async fn rows_of(
    storage: &dyn Storage,
    controller: ControllerId,
    owner: Owner,
    found: &mut Rows,
) -> Result<(), StorageError> {
    let mut query = Query::prefix(controller, KeyPrefix::Owner(owner), MAX_PAGE);
    loop {
        let page = storage.scan(&query).await?;
        for (key, stored) in page.rows {
            if key.kind() != RowKind::Changeset {
                found.insert((controller, key), stored);
            }
        }
        match page.next {
            Some(next) => query.after = Some(next),
            None => return Ok(()),
        }
    }
}

/// How many rows of each kind each controller has.
pub(crate) fn counts(rows: &Rows) -> BTreeMap<(ControllerId, RowKind), usize> {
    let mut counts = BTreeMap::new();
    for (controller, key) in rows.keys() {
        *counts.entry((*controller, key.kind())).or_default() += 1;
    }
    counts
}

pub(crate) fn count(rows: &Rows, controller: ControllerId, kind: RowKind) -> usize {
    counts(rows).get(&(controller, kind)).copied().unwrap_or_default()
}

/// Randomness that is the same in every run.
pub(crate) struct SeededEntropy(Mutex<u64>);

impl SeededEntropy {
    pub(crate) fn new(seed: u64) -> Arc<Self> {
        Arc::new(Self(Mutex::new(seed)))
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, out: &mut [u8]) -> Result<(), EntropyError> {
        let mut state = self.0.lock().unwrap();
        for chunk in out.chunks_mut(8) {
            // SplitMix64 (Steele, Lea and Flood, 2014).
            *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut word = *state;
            word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            word ^= word >> 31;
            chunk.copy_from_slice(&word.to_be_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

/// Alters stored rows in place, as somebody with access to the store could.
pub(crate) async fn overwrite(
    storage: &dyn Storage,
    controller: ControllerId,
    mut change: impl FnMut(&Key, &mut Body),
) {
    use wzapi_compliance::model::ids::ChangesetId;
    use wzapi_compliance::storage::changeset::{Changeset, Durability, Write};
    use wzapi_compliance::storage::row::Record;

    let mut writes = Vec::new();
    for ((of, key), stored) in rows(storage, [controller]).await.unwrap() {
        let mut body = stored.body.clone();
        change(&key, &mut body);
        if of == controller && body != stored.body {
            writes.push(Write::Put(Record { key, due_at: stored.due_at, body }));
        }
    }
    assert!(!writes.is_empty(), "nothing was altered");
    let id = ChangesetId::generate(SeededEntropy::new(99).as_ref()).unwrap();
    let changeset = Changeset {
        id,
        controller,
        at: start(),
        preconditions: Vec::new(),
        writes,
        durability: Durability::Durable,
    };
    let _committed = storage.commit(changeset).await.unwrap();
}
