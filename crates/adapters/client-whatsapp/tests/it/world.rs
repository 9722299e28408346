//! A shop whose customers agreed to everything, and a store that can be made to fail.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use serde_json::json;
use tempfile::TempDir;
use whatsapp::models::Template;
use wzapi_client_whatsapp::{Account, Content, GatedClient, TemplateCategory};
use wzapi_compliance::consent::NewAct;
use wzapi_compliance::consent::gate::{Checked, Message, Redeemed, RedeemedPermit, SendPermit, SendRequest};
use wzapi_compliance::encryption::LocalKeyring;
use wzapi_compliance::model::Clock;
use wzapi_compliance::model::actor::{Actor, Role};
use wzapi_compliance::model::consent::{ConsentAct, ConsentMethod, ConsentScope};
use wzapi_compliance::model::identifier::Identifier;
use wzapi_compliance::model::ids::{ControllerId, EntryId, SenderId};
use wzapi_compliance::model::message::MessageCategory;
use wzapi_compliance::model::name::PurposeId;
use wzapi_compliance::model::system::{SystemClock, SystemEntropy};
use wzapi_compliance::storage::changeset::{Changeset, Committed};
use wzapi_compliance::storage::key::{Key, RowKind};
use wzapi_compliance::storage::query::{Page, Query};
use wzapi_compliance::storage::row::{PermitRow, RowType, Stored};
use wzapi_compliance::storage::{Storage, StorageError};
use wzapi_compliance::storage_memory::MemoryStorage;
use wzapi_compliance::whatsapp::signature::AppSecrets;
use wzapi_compliance::{Compliance, Controller};

pub(crate) const TOKEN: &str = "EAAG-the-access-token-of-the-app";
pub(crate) const SENDER: SenderId = SenderId::from_bytes([1; 16]);
pub(crate) const OTHER_SENDER: SenderId = SenderId::from_bytes([2; 16]);
/// A number that is nobody's, and how it must arrive.
pub(crate) const ANA: &str = "12025550142";
pub(crate) const USER_ID: &str = "US.13491208655302741918";

pub(crate) struct World {
    pub(crate) shop: Controller,
    pub(crate) actor: Actor,
    storage: Arc<Balky>,
    _folder: TempDir,
}

impl World {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let keyring = folder.path().join("keyring");
        let keyring = LocalKeyring::open_or_create(&keyring, Arc::new(SystemEntropy::new())).unwrap();
        let storage = Arc::new(Balky::default());
        let compliance = Compliance::builder()
            .storage(Arc::clone(&storage) as _)
            .key_provider(Arc::new(keyring))
            .build()
            .await
            .unwrap();
        let roles = [Role::Administrator, Role::Ingest, Role::ConsentManager, Role::Sender];
        let actor = Actor::service("test", roles).unwrap();
        let shop = compliance.register_controller(&actor, ControllerId::from_bytes([9; 16])).await.unwrap();
        for (sender, number) in [(SENDER, "200000000000001"), (OTHER_SENDER, "200000000000002")] {
            shop.register_sender(&actor, sender, number, "100000000000001").await.unwrap();
        }
        let world = Self { shop, actor, storage, _folder: folder };
        for person in [ANA, USER_ID] {
            world.record(person, ConsentAct::Given).await;
        }
        world
    }

    pub(crate) async fn record(&self, person: &str, act: ConsentAct) {
        let scope = ConsentScope::whatsapp(PurposeId::marketing());
        let act = NewAct::direct(act, scope, ConsentMethod::WebForm);
        let _ = self.shop.consent().record(&self.actor, &parse(person), &act).await.unwrap();
    }

    /// The person writes, which opens the window for free-form replies.
    pub(crate) async fn person_writes(&self, wa_id: &str) {
        let seconds = SystemClock.now().as_millis() / 1000;
        let body = json!({ "object": "whatsapp_business_account", "entry": [{ "id": "100000000000001", "changes": [{
            "field": "messages",
            "value": {
                "messaging_product": "whatsapp",
                "metadata": { "display_phone_number": "15550000000", "phone_number_id": "200000000000001" },
                "messages": [{
                    "from": wa_id, "id": "wamid.in", "timestamp": seconds.to_string(),
                    "type": "text", "text": { "body": "Are you open?" },
                }],
            },
        }]}]})
        .to_string();
        let secrets = AppSecrets::new(b"an-app-secret").unwrap();
        let signature = secrets.sign(body.as_bytes());
        let ingest = self.shop.ingest();
        let _ = ingest.deliver(&self.actor, &secrets, &signature, body.as_bytes()).await.unwrap();
    }

    pub(crate) async fn permit(&self, person: &str, message: Message) -> SendPermit {
        let request = SendRequest::new(parse(person), message);
        match self.shop.gate().check(&self.actor, &request).await.unwrap() {
            Checked::Allowed(permit) => permit,
            Checked::Refused(decision) => panic!("{decision:?}"),
        }
    }

    pub(crate) async fn marketing_permit(&self, person: &str) -> SendPermit {
        self.permit(person, Message::new(SENDER, MessageCategory::Marketing)).await
    }

    pub(crate) async fn redeemed(&self, permit: SendPermit) -> RedeemedPermit {
        match self.shop.gate().redeem(&self.actor, permit).await.unwrap() {
            Redeemed::Allowed(redeemed) => redeemed,
            refused => panic!("{refused:?}"),
        }
    }

    /// From now on nothing can be written to the store.
    pub(crate) fn refuse_writes(&self, refuse: bool) {
        self.storage.refuses_writes.store(refuse, Ordering::SeqCst);
    }

    /// The ledger entries of all messages whose id is bound to a permit.
    pub(crate) async fn bound(&self) -> Vec<EntryId> {
        let query = Query::kind(self.shop.id(), RowKind::Permit, 100);
        let page = self.storage.scan(&query).await.unwrap();
        page.rows.iter().map(|(_, row)| PermitRow::of(&row.body).unwrap().entry).collect()
    }
}

pub(crate) fn client(phone_number_id: &str) -> GatedClient {
    let account = Account { sender: SENDER, phone_number_id, access_token: TOKEN };
    GatedClient::new(account).unwrap()
}

pub(crate) fn offer() -> Content {
    Content::template(Template::new("spring_sale", "en"), TemplateCategory::Marketing)
}

fn parse(person: &str) -> Identifier {
    Identifier::parse_recipient(person).unwrap()
}

/// A store whose writes can be made to fail.
#[derive(Default)]
struct Balky {
    inner: MemoryStorage,
    refuses_writes: AtomicBool,
}

#[async_trait]
impl Storage for Balky {
    async fn get(&self, controller: ControllerId, keys: &[Key]) -> Result<Vec<Option<Stored>>, StorageError> {
        self.inner.get(controller, keys).await
    }

    async fn scan(&self, query: &Query) -> Result<Page, StorageError> {
        self.inner.scan(query).await
    }

    async fn commit(&self, changeset: Changeset) -> Result<Committed, StorageError> {
        if self.refuses_writes.load(Ordering::SeqCst) {
            return Err(StorageError::Unavailable { cause: "told to fail".into() });
        }
        self.inner.commit(changeset).await
    }
}
