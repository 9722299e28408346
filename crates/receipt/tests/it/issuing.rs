//! Documents from stored acts, signed and proved by a log.

use std::sync::Arc;

use wzapi_consent::person::KnownAs;
use wzapi_consent::recording::Parts;
use wzapi_consent::{ConsentLedger, NewAct};
use wzapi_encryption::Encryption;
use wzapi_encryption::keyring::LocalKeyring;
use wzapi_ledger::proof::checkpoint::CheckpointPolicy;
use wzapi_ledger::proof::receipt::Receipt;
use wzapi_ledger::{Ledger, Notary};
use wzapi_model::actor::{Actor, Role};
use wzapi_model::consent::{ConsentAct, ConsentMethod, ConsentScope, PurposeScope};
use wzapi_model::identifier::Identifier;
use wzapi_model::ids::{ControllerId, SubjectId};
use wzapi_model::name::PurposeId;
use wzapi_model::system::SystemEntropy;
use wzapi_model::time::ManualClock;
use wzapi_policy::language::Language;
use wzapi_receipt::{DocumentKind, IssueError, Issuer, Order};
use wzapi_storage::key::{Key, KeyPrefix, Owner, RowKind};
use wzapi_storage::query::Query;
use wzapi_storage::{Draft, Storage};
use wzapi_storage_memory::MemoryStorage;

use crate::synthetic::{json_of, policy, time};

const CONTROLLER: ControllerId = ControllerId::from_bytes([1; 16]);
const ANA: &str = "+91 98765 43210";

struct World {
    storage: Arc<MemoryStorage>,
    parts: Parts,
    notary: Notary,
    consent: ConsentLedger,
    issuer: Issuer,
    _folder: tempfile::TempDir,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let entropy = Arc::new(SystemEntropy::new());
        let keyring = LocalKeyring::open_or_create(&folder.path().join("keyring"), entropy.clone()).unwrap();
        let storage = Arc::new(MemoryStorage::new());
        let clock = Arc::new(ManualClock::at(time("2027-06-01T00:00:00Z")));
        let encryption =
            Arc::new(Encryption::new(storage.clone(), Arc::new(keyring), clock.clone(), entropy.clone()));
        let ledger = Ledger::new(storage.clone(), clock.clone(), entropy.clone());
        let mut draft = Draft::new(storage.as_ref(), CONTROLLER);
        let keys = encryption.create_tenant(&mut draft).await.unwrap();
        ledger.create_log(&mut draft, &keys).await.unwrap();
        let _appended = ledger.commit(draft, Vec::new()).await.unwrap();
        let parts = Parts {
            storage: storage.clone(),
            encryption: encryption.clone(),
            ledger: ledger.clone(),
            clock: clock.clone(),
            entropy: entropy.clone(),
        };
        let notary = Notary::new(storage.clone(), encryption, ledger, None, clock.clone(), entropy);
        let consent = ConsentLedger::new(parts.clone());
        let issuer = Issuer::new(consent.clone(), notary.clone(), Arc::new(policy()), clock);
        Self { storage, parts, notary, consent, issuer, _folder: folder }
    }

    async fn record(&self, who: &str, act: &NewAct) {
        let known_as = [KnownAs::canonical(Identifier::parse_recipient(who).unwrap())];
        let _recorded = self.consent.record(CONTROLLER, &known_as, act).await.unwrap();
    }

    async fn subject(&self, who: &str) -> SubjectId {
        let known_as = [KnownAs::canonical(Identifier::parse_recipient(who).unwrap())];
        self.consent.subject(CONTROLLER, &known_as).await.unwrap().unwrap()
    }

    async fn order(&self, kind: DocumentKind) -> Order {
        Order { kind, subject: self.subject(ANA).await, purpose: PurposeId::marketing(), language: None }
    }

    async fn issue(&self, order: &Order) -> Result<Receipt, IssueError> {
        Ok(self.issuer.issue(&actor(), CONTROLLER, order).await?.receipt)
    }

    async fn trusted(&self) -> CheckpointPolicy {
        let keys = self.notary.checkpoint(CONTROLLER, 0).await.unwrap().verifier_keys;
        CheckpointPolicy::for_log(keys).unwrap()
    }

    async fn agrees_and_withdraws(&self) {
        let mut given = NewAct::direct(
            ConsentAct::Given,
            ConsentScope::whatsapp(PurposeId::marketing()),
            ConsentMethod::WebForm,
        );
        given.acted_at = Some(time("2027-01-01T10:00:00Z"));
        given.evidence = Some("offers=yes".into());
        self.record(ANA, &given).await;
        let mut withdrawn =
            NewAct::direct(ConsentAct::Withdrawn, ConsentScope::all_marketing(), ConsentMethod::Keyword);
        withdrawn.acted_at = Some(time("2027-02-01T10:00:00.500Z"));
        self.record(ANA, &withdrawn).await;
    }
}

fn actor() -> Actor {
    Actor::service("front-desk", [Role::ConsentManager]).unwrap()
}

#[tokio::test]
async fn a_receipt_is_checked_by_a_stranger_who_has_the_key() {
    let world = World::new().await;
    world.agrees_and_withdraws().await;
    let receipt = world.issue(&world.order(DocumentKind::Receipt).await).await.unwrap();
    let file = receipt.to_string();
    let verified = Receipt::parse(file.as_bytes()).unwrap().verify(&[world.trusted().await]).unwrap();
    assert_eq!(verified.events().len(), 2);
    let document = json_of(receipt.document());
    let states: Vec<_> =
        document["dpv:hasConsentStatus"].as_array().unwrap().iter().map(|act| &act["@type"][0]).collect();
    assert_eq!(states, ["dpv:ConsentGiven", "dpv:ConsentWithdrawn"]);
}

#[tokio::test]
async fn the_same_history_gives_the_same_document_and_each_issue_is_in_the_ledger() {
    let world = World::new().await;
    world.agrees_and_withdraws().await;
    let order = world.order(DocumentKind::Receipt).await;
    let before = world.notary.checkpoint(CONTROLLER, 0).await.unwrap().head.size();
    let first = world.issue(&order).await.unwrap();
    let second = world.issue(&order).await.unwrap();
    assert_eq!(first.document(), second.document());
    let after = world.notary.checkpoint(CONTROLLER, 0).await.unwrap().head.size();
    assert_eq!(after, before + 2);
    let proof = world.notary.prove(CONTROLLER, 0, after - 1).await.unwrap();
    let verified = proof.verify(&world.trusted().await).unwrap();
    let event = verified.fields();
    assert_eq!(event.text("type"), Some("receipt.issued"));
    assert_eq!(event.text("actor"), Some("front-desk"));
    assert_eq!(event.text("kind"), Some("receipt"));
    assert_eq!(event.text("document"), Some(second.document_hash().to_string().as_str()));
}

#[tokio::test]
async fn no_document_has_the_phone_number() {
    let world = World::new().await;
    world.agrees_and_withdraws().await;
    for kind in [DocumentKind::Record, DocumentKind::Receipt] {
        let receipt = world.issue(&world.order(kind).await).await.unwrap();
        let text = receipt.to_string();
        for trace in ["9876543210", "98765 43210", "98765"] {
            assert!(!text.contains(trace), "{trace}");
        }
        assert!(!String::from_utf8_lossy(receipt.document()).contains("offers=yes"));
    }
}

#[tokio::test]
async fn a_withdrawal_of_everything_is_in_every_record_that_asks_for_consent() {
    let world = World::new().await;
    world.agrees_and_withdraws().await;
    let mut scope = ConsentScope::everything();
    world.record(ANA, &NewAct::direct(ConsentAct::Objected, scope.clone(), ConsentMethod::Verbal)).await;
    scope.purpose = PurposeScope::One("horoscopes".parse().unwrap());
    world.record(ANA, &NewAct::direct(ConsentAct::Refused, scope, ConsentMethod::Verbal)).await;
    let subject = world.subject(ANA).await;
    let purposes = world.issuer.purposes(CONTROLLER, subject).await.unwrap();
    assert_eq!(purposes.declared, [PurposeId::marketing()]);
    assert_eq!(purposes.undeclared, ["horoscopes".parse().unwrap()]);
    let receipt = world.issue(&world.order(DocumentKind::Receipt).await).await.unwrap();
    assert_eq!(receipt.proofs().len(), 3);
}

#[tokio::test]
async fn what_cannot_be_issued_says_why() {
    let world = World::new().await;
    world.agrees_and_withdraws().await;
    let order = world.order(DocumentKind::Receipt).await;
    let undeclared = Order { purpose: "horoscopes".parse().unwrap(), ..order.clone() };
    assert!(matches!(world.issue(&undeclared).await, Err(IssueError::UndeclaredPurpose)));
    let unasked = Order { purpose: "service_updates".parse().unwrap(), ..order.clone() };
    assert!(matches!(world.issue(&unasked).await, Err(IssueError::NothingOnRecord)));
    let spanish = Order { language: Some(Language::Spanish), ..order.clone() };
    assert!(matches!(world.issue(&spanish).await, Err(IssueError::UndeclaredLanguage)));
    let stranger = Order { subject: SubjectId::from_bytes([7; 16]), ..order };
    assert!(matches!(world.issue(&stranger).await, Err(IssueError::NothingOnRecord)));
}

/// Erasure destroys the person's keys: nothing new can be made, and what was handed out holds.
#[tokio::test]
async fn after_erasure_nothing_is_issued_and_an_earlier_receipt_still_holds() {
    let world = World::new().await;
    world.agrees_and_withdraws().await;
    let order = world.order(DocumentKind::Receipt).await;
    let file = world.issue(&order).await.unwrap().to_string();
    let prefix = KeyPrefix::Kind(Owner::Subject(order.subject), RowKind::DataKey);
    let keys = world.storage.scan(&Query::prefix(CONTROLLER, prefix, 64)).await.unwrap();
    let places: Vec<Key> = keys.rows.into_iter().map(|(key, _)| key).collect();
    assert!(!places.is_empty());
    let mut draft = Draft::new(world.parts.storage.as_ref(), CONTROLLER);
    draft.load(places.clone()).await.unwrap();
    for place in places {
        draft.delete(place).unwrap();
    }
    let _appended = world.parts.ledger.commit(draft, Vec::new()).await.unwrap();
    let refused = world.issue(&order).await;
    assert!(matches!(refused, Err(IssueError::Erased)), "{refused:?}");
    let verified = Receipt::parse(file.as_bytes()).unwrap().verify(&[world.trusted().await]);
    assert_eq!(verified.unwrap().events().len(), 2);
}

#[tokio::test]
async fn two_people_found_to_be_one_have_one_history() {
    let world = World::new().await;
    world.agrees_and_withdraws().await;
    let other = "+91 98765 43211";
    let given = NewAct::direct(
        ConsentAct::Given,
        ConsentScope::whatsapp(PurposeId::marketing()),
        ConsentMethod::WebForm,
    );
    world.record(other, &given).await;
    let both = [ANA, other].map(|who| KnownAs::canonical(Identifier::parse_recipient(who).unwrap()));
    let refused = NewAct::direct(
        ConsentAct::Refused,
        ConsentScope::whatsapp(PurposeId::marketing()),
        ConsentMethod::Paper,
    );
    let _recorded = world.consent.record(CONTROLLER, &both, &refused).await.unwrap();
    let receipt = world.issue(&world.order(DocumentKind::Receipt).await).await.unwrap();
    assert_eq!(receipt.proofs().len(), 4);
    assert_eq!(
        json_of(receipt.document())["dpv:hasDataSubject"]["dct:replaces"].as_array().unwrap().len(),
        1
    );
}
