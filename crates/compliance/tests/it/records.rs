//! Records through the facade: what the policy names is stored, and read for its purpose.

use std::sync::Arc;

use wzapi_compliance::encryption::LocalKeyring;
use wzapi_compliance::model::Clock;
use wzapi_compliance::model::name::{DataCategory, PurposeId};
use wzapi_compliance::model::system::SystemClock;
use wzapi_compliance::policy::file::{DataSource, WebhookContent};
use wzapi_compliance::policy::{self, Policy};
use wzapi_compliance::storage::row::Body;
use wzapi_compliance::storage_memory::MemoryStorage;
use wzapi_compliance::vault::vault::Selection;
use wzapi_compliance::vault::{NewRecord, RecordValue, VaultError};
use wzapi_compliance::whatsapp::signature::AppSecrets;
use wzapi_compliance::{Compliance, Controller, Error};

use crate::support::{
    ANA, BEN, FIRST, SHOP, SeededEntropy, World, everybody, messages, one_text, person, register, text,
};

pub(crate) fn wzapi_policy() -> Policy {
    policy::parse(include_str!("../../../../policies/wzapi.toml"), "wzapi.toml").unwrap()
}

pub(crate) fn email(text: &str) -> NewRecord {
    NewRecord::new("email".parse().unwrap(), [service()], DataSource::Registration, text)
}

pub(crate) fn service() -> PurposeId {
    "service_provision".parse().unwrap()
}

/// A shop whose service has a policy.
pub(crate) struct WithPolicy {
    pub(crate) compliance: Compliance,
    pub(crate) shop: Controller,
    pub(crate) storage: Arc<MemoryStorage>,
    keyring: Arc<LocalKeyring>,
    secrets: AppSecrets,
    _folder: tempfile::TempDir,
}

impl WithPolicy {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let storage = Arc::new(MemoryStorage::new());
        let keyring =
            LocalKeyring::open_or_create(&folder.path().join("keyring"), SeededEntropy::new(7)).unwrap();
        let keyring = Arc::new(keyring);
        let compliance = Compliance::builder()
            .storage(storage.clone())
            .key_provider(keyring.clone())
            .policy(&wzapi_policy())
            .build()
            .await
            .unwrap();
        let shop = compliance.register_controller(&everybody(), SHOP).await.unwrap();
        register(&shop, FIRST).await.unwrap();
        let secrets = AppSecrets::new(b"an-app-secret").unwrap();
        Self { compliance, shop, storage, keyring, secrets, _folder: folder }
    }

    async fn deliver(&self, body: &[u8]) -> wzapi_compliance::ingest::IngestReport {
        let signature = self.secrets.sign(body);
        self.shop.ingest().deliver(&everybody(), &self.secrets, &signature, body).await.unwrap()
    }

    async fn filed(&self, content: WebhookContent) -> Vec<RecordValue> {
        let policy = wzapi_policy();
        let filing = policy.filing_of(content).unwrap();
        let selection = Selection::Category(filing.category.clone());
        let purpose = filing.purposes.first().unwrap().clone();
        let mut stream = self.shop.records().stream(&everybody(), selection, purpose).await.unwrap();
        let mut values = Vec::new();
        while let Some(page) = stream.next_page().await.unwrap() {
            values.extend(page.records.into_iter().map(|record| record.value));
        }
        values
    }
}

fn seconds_now() -> i64 {
    SystemClock.now().as_millis() / 1000
}

fn now_text(who: &str, id: &str, words: &str) -> Vec<u8> {
    one_text(who, id, seconds_now(), words)
}

#[tokio::test]
async fn clause_3_a_a_record_is_read_for_its_purpose_and_for_no_other() {
    let world = WithPolicy::new().await;
    let records = world.shop.records();
    let record = records.store(&everybody(), &person(ANA), &email("ana@example.org")).await.unwrap();
    let opened = records.read(&everybody(), &record, &service()).await.unwrap();
    assert_eq!(opened.value, RecordValue::from("ana@example.org"));

    let before = world.shop.ledger().verify(&everybody()).await.unwrap().size();
    let refused = records.read(&everybody(), &record, &PurposeId::marketing()).await;
    assert!(matches!(refused, Err(Error::Vault(VaultError::ReadRefused(_)))), "{refused:?}");
    let after = world.shop.ledger().verify(&everybody()).await.unwrap();
    assert_eq!(after.size(), before + 1, "the refusal is recorded");
}

#[tokio::test]
async fn clause_1_without_a_policy_nothing_is_stored() {
    let world = World::in_memory().await.with_shops().await;
    let before = world.rows().await;
    let refused = world.shop().await.records().store(&everybody(), &person(ANA), &email("a@b.example")).await;
    assert!(matches!(refused, Err(Error::NoPolicy)), "{refused:?}");
    assert_eq!(world.rows().await, before);
}

#[tokio::test]
async fn clause_2_a_what_is_refused_makes_nobody_known() {
    let world = WithPolicy::new().await;
    let records = world.shop.records();
    let card = NewRecord::new(
        "payment_details".parse().unwrap(),
        ["billing".parse().unwrap()],
        DataSource::PaymentGateway,
        "4111 1111 1111 1111",
    );
    let refused = records.store(&everybody(), &person(ANA), &card).await;
    assert!(matches!(refused, Err(Error::Vault(VaultError::Refused(_)))), "{refused:?}");
    assert_eq!(records.person(&everybody(), &person(ANA)).await.unwrap(), None);
}

fn revision(kind: &str, id: &str, of: &str, words: Option<&str>) -> Vec<u8> {
    let mut part = serde_json::json!({ "original_message_id": format!("wamid.{of}") });
    if let Some(words) = words {
        part["message"] = serde_json::json!({ "type": "text", "text": { "body": words } });
    }
    let message = serde_json::json!({ "from": ANA, "id": format!("wamid.{id}"), "timestamp": seconds_now().to_string(),
        "type": kind, kind: part });
    crate::support::delivery(&[messages(FIRST, &[message])])
}

#[tokio::test]
async fn what_a_person_takes_back_or_writes_anew_is_not_kept_as_it_was() {
    let world = WithPolicy::new().await;
    let _first = world.deliver(&now_text(ANA, "1", "my card is lost")).await;
    let _second = world.deliver(&now_text(ANA, "2", "where is my order?")).await;
    let edit = revision("edit", "3", "2", Some("where is my new order?"));
    let report = world.deliver(&edit).await;
    assert_eq!((report.messages, report.revised, report.filed), (1, 1, 0));
    let revoke = revision("revoke", "4", "1", None);
    let report = world.deliver(&revoke).await;
    assert_eq!((report.messages, report.revised, report.filed), (1, 1, 0));
    let said = |values: Vec<RecordValue>| -> Vec<String> {
        let words = |value: &RecordValue| match value {
            RecordValue::Json(json) => json["content"]["body"].as_str().unwrap().to_owned(),
            other => panic!("{other:?}"),
        };
        values.iter().map(words).collect()
    };
    assert_eq!(said(world.filed(WebhookContent::MessageContent).await), ["where is my new order?"]);
    let size = world.shop.ledger().verify(&everybody()).await.unwrap().size();
    for again in [&edit, &revoke] {
        assert_eq!(world.deliver(again).await.duplicates, 1);
    }
    let after = world.shop.ledger().verify(&everybody()).await.unwrap().size();
    // Reading for the comparison is no change; a redelivery adds no entry.
    assert_eq!(size, after);

    // The other way round: what was taken back or written anew before it came is not filed as it was.
    let _revoke = world.deliver(&revision("revoke", "5", "7", None)).await;
    let _edit = world.deliver(&revision("edit", "6", "8", Some("two, please"))).await;
    for (id, words) in [("7", "a secret"), ("8", "one, please")] {
        assert_eq!(world.deliver(&now_text(ANA, id, words)).await.filed, 0, "{words}");
    }
    let mut said = said(world.filed(WebhookContent::MessageContent).await);
    said.sort();
    assert_eq!(said, ["two, please", "where is my new order?"]);
}

#[tokio::test]
async fn what_people_write_and_show_is_filed_where_the_policy_says() {
    let world = WithPolicy::new().await;
    let body = now_text(ANA, "1", "is my order on its way?");
    let report = world.deliver(&body).await;
    assert_eq!((report.messages, report.content_refused), (1, 0));
    let values = world.filed(WebhookContent::MessageContent).await;
    let [RecordValue::Json(filed)] = values.as_slice() else { panic!("{} records", values.len()) };
    assert_eq!(filed["type"], "text");
    assert_eq!(filed["content"]["body"], "is my order on its way?");

    let again = world.deliver(&body).await;
    assert_eq!(again.filed, 0, "a redelivery files nothing");
    assert_eq!(world.filed(WebhookContent::MessageContent).await.len(), 1);
}

#[tokio::test]
async fn a_profile_is_filed_once_though_it_comes_with_every_message() {
    let world = WithPolicy::new().await;
    let now = seconds_now();
    for id in ["1", "2", "3"] {
        let mut change = messages(FIRST, &[text(ANA, id, now, "hello")]);
        let contact = serde_json::json!([{ "wa_id": ANA, "profile": { "name": "Ana Example" } }]);
        set_contacts(&mut change, contact);
        world.deliver(&crate::support::delivery(&[change])).await;
    }
    let profiles = world.filed(WebhookContent::Profile).await;
    let [RecordValue::Json(profile)] = profiles.as_slice() else { panic!("{} profiles", profiles.len()) };
    assert_eq!(profile["name"], "Ana Example");
    assert_eq!(world.filed(WebhookContent::MessageContent).await.len(), 3);
}

/// Replaces the contacts of every value in a change.
fn set_contacts(change: &mut serde_json::Value, contacts: serde_json::Value) {
    match change {
        serde_json::Value::Object(fields) => {
            if fields.contains_key("messages") {
                fields.insert("contacts".to_owned(), contacts);
                return;
            }
            fields.values_mut().for_each(|field| set_contacts(field, contacts.clone()));
        }
        serde_json::Value::Array(items) => {
            items.iter_mut().for_each(|item| set_contacts(item, contacts.clone()));
        }
        _ => {}
    }
}

#[tokio::test]
async fn clause_2_a_a_message_with_a_card_number_counts_and_is_not_kept() {
    let world = WithPolicy::new().await;
    let report = world.deliver(&now_text(BEN, "9", "STOP 4111-1111-1111-1111")).await;
    assert_eq!((report.filed, report.content_refused), (0, 1), "{report:?}");
    let plain = world.deliver(&now_text(BEN, "10", "STOP")).await;
    assert_eq!((plain.withdrawals, plain.filed), (1, 1));
    assert_eq!(world.filed(WebhookContent::MessageContent).await.len(), 1);
}

#[tokio::test]
async fn a_vault_that_cannot_file_never_keeps_an_opt_out_from_counting() {
    let world = WithPolicy::new().await;
    world.deliver(&now_text(BEN, "1", "hello")).await;
    // The key under which Ben's messages of this month are filed is damaged.
    let category: DataCategory =
        wzapi_policy().filing_of(WebhookContent::MessageContent).unwrap().category.clone();
    let subject = world.shop.records().person(&everybody(), &person(BEN)).await.unwrap().unwrap();
    crate::support::overwrite(world.storage.as_ref(), SHOP, |key, body| {
        use wzapi_compliance::storage::key::{Key, Owner};
        if let (Key::DataKey { owner, category: of, .. }, Body::DataKey(row)) = (key, body)
            && *owner == Owner::Subject(subject)
            && *of == category
        {
            row.versions[0].key.wrapped[20] ^= 1;
        }
    })
    .await;
    let report = world.deliver(&now_text(BEN, "2", "STOP")).await;
    assert_eq!((report.withdrawals, report.filed, report.content_refused), (1, 0, 1), "{report:?}");
}

#[tokio::test]
async fn a_record_of_another_controller_is_not_found() {
    let world = WithPolicy::new().await;
    let record =
        world.shop.records().store(&everybody(), &person(ANA), &email("ana@example.org")).await.unwrap();
    let other = crate::support::OTHER_SHOP;
    let only = crate::support::only_at(other);
    let refused = world.shop.records().read(&only, &record, &service()).await;
    assert!(matches!(refused, Err(Error::Refused(_))), "{refused:?}");
}

/// A message with the profile of who sent it.
fn with_profile(from: &str, id: &str, seconds: i64, words: &str, name: &str) -> Vec<u8> {
    let mut change = messages(FIRST, &[text(from, id, seconds, words)]);
    set_contacts(&mut change, serde_json::json!([{ "wa_id": from, "profile": { "name": name } }]));
    crate::support::delivery(&[change])
}

#[tokio::test]
async fn clause_2_c_a_late_message_gives_a_number_that_was_left_no_grants_back() {
    use wzapi_compliance::consent::gate::{Checked, Message, SendRequest};
    use wzapi_compliance::model::message::MessageCategory;

    let world = WithPolicy::new().await;
    let hour = 3600;
    let now = seconds_now();
    world.deliver(&with_profile(ANA, "1", now - 9 * hour, "START", "Ana")).await;
    let changed = serde_json::json!({ "from": ANA, "id": "wamid.change", "timestamp": (now - 5 * hour).to_string(),
        "type": "system", "system": { "type": "user_changed_number", "wa_id": "919800008888" } });
    let report = world.deliver(&crate::support::delivery(&[messages(FIRST, &[changed])])).await;
    assert_eq!(report.identity_changes, 1, "{report:?}");

    // Sent before the change and delivered after it, with another profile than before.
    let late = world.deliver(&with_profile(ANA, "2", now - 6 * hour, "hello", "Ana Maria")).await;
    assert_eq!((late.messages, late.filed), (1, 2), "{late:?}");

    let check = async |number: &str| {
        let message = Message::new(FIRST.sender, MessageCategory::Marketing);
        let request = SendRequest::new(person(number), message);
        world.shop.gate().check(&everybody(), &request).await.unwrap()
    };
    let moved = check("919800008888").await;
    assert!(matches!(check(ANA).await, Checked::Refused(_)), "whoever has the number next agreed to nothing");
    assert!(matches!(&moved, Checked::Allowed(_)), "the consent went along with the person: {moved:?}");
}

#[tokio::test]
async fn a_registration_that_was_cut_short_is_found_by_the_next_epoch_and_can_be_finished() {
    let world = WithPolicy::new().await;
    let encryption = wzapi_compliance::encryption::Encryption::new(
        world.storage.clone(),
        world.keyring.clone(),
        Arc::new(SystemClock),
        SeededEntropy::new(11),
    );
    // As far as a registration gets before it makes keys: only its row in the directory is there.
    let id = crate::support::OTHER_SHOP;
    let mut draft = wzapi_compliance::storage::Draft::new(
        world.storage.as_ref(),
        wzapi_compliance::model::ids::ControllerId::SYSTEM,
    );
    let place = wzapi_compliance::storage::key::Key::Directory(id);
    draft.load([place.clone()]).await.unwrap();
    let row = wzapi_compliance::storage::row::DirectoryRow { registered_at: SystemClock.now() };
    draft.put(place, row, None).unwrap();
    let changeset = wzapi_compliance::model::ids::ChangesetId::from_bytes([0x77; 16]);
    let _committed = wzapi_compliance::storage::Storage::commit(
        world.storage.as_ref(),
        draft.into_changeset(changeset, SystemClock.now()),
    )
    .await
    .unwrap();
    // Somebody's keys are being made under the wrapping key of now, and are committed after the epoch was rotated.
    let mut slow = wzapi_compliance::storage::Draft::new(world.storage.as_ref(), id);
    encryption.create_tenant(&mut slow).await.unwrap();
    let keys = world.compliance.keys();
    let report =
        keys.rotate_epoch(&everybody(), &mut crate::authorised_records::Nowhere, &mut |_| {}).await.unwrap();
    assert!(report.is_final(), "{report:?}");
    let changeset = wzapi_compliance::model::ids::ChangesetId::from_bytes([0x78; 16]);
    let late = wzapi_compliance::storage::Storage::commit(
        world.storage.as_ref(),
        slow.into_changeset(changeset, SystemClock.now()),
    )
    .await;
    assert!(late.is_err(), "keys under a wrapping key that is gone were stored: {late:?}");

    let shop = world.compliance.register_controller(&everybody(), id).await.unwrap();
    let record = shop.records().store(&everybody(), &person(ANA), &email("ana@example.org")).await.unwrap();
    let opened = shop.records().read(&everybody(), &record, &service()).await.unwrap();
    assert_eq!(opened.value, RecordValue::from("ana@example.org"));
    let entries = shop.ledger().verify(&everybody()).await.unwrap().size();
    world.compliance.register_controller(&everybody(), id).await.unwrap();
    assert_eq!(shop.ledger().verify(&everybody()).await.unwrap().size(), entries, "again changes nothing");
}
