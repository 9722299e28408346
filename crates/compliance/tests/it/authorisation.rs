//! Who may do what: every public operation, with every actor who may not (policy clause 5.b).

use wzapi_compliance::access::{Permission, permissions_of};
use wzapi_compliance::consent::gate::{Checked, Message, Redeemed, RedeemedPermit, SendPermit, SendRequest};
use wzapi_compliance::consent::recording::Evidence;
use wzapi_compliance::consent::recording::confirmation::Confirmation;
use wzapi_compliance::consent::review::Verdict;
use wzapi_compliance::consent::{ConsentError, NewAct};
use wzapi_compliance::encryption::Encryption;
use wzapi_compliance::ledger::SealedBody;
use wzapi_compliance::model::actor::Actor;
use wzapi_compliance::model::consent::{ConsentAct, ConsentMethod, ConsentScope, Question};
use wzapi_compliance::model::ids::ControllerId;
use wzapi_compliance::model::message::{Channel, MessageCategory};
use wzapi_compliance::model::name::PurposeId;
use wzapi_compliance::storage::key::{Key, RowKind};
use wzapi_compliance::storage::row::{AgeBand, Body, DataKeyRow, EntryBody, RowType};
use wzapi_compliance::{Controller, Error};

use crate::support::{
    ALL_CONTROLLERS, ALL_ROLES, ANA, FIRST, OTHER_SHOP, Rows, SHOP, SeededEntropy, World, everybody, hour,
    one_text, only_at, person,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    RegisterController,
    Controllers,
    VerifySystemLedger,
    ExpireUnclaimed,
    RegisterSender,
    Expire,
    Record,
    Confirm,
    StateAge,
    Quarantined,
    Doubts,
    Release,
    ResolveDoubt,
    ImportCsv,
    Standing,
    Check,
    Preflight,
    Redeem,
    Bind,
    Sent,
    Verify,
    Deliver,
}

use Operation::{
    Bind, Check, Confirm, Controllers, Deliver, Doubts, Expire, ExpireUnclaimed, ImportCsv, Preflight,
    Quarantined, Record, Redeem, RegisterController, RegisterSender, Release, ResolveDoubt, Sent, Standing,
    StateAge, Verify, VerifySystemLedger,
};

const OPERATIONS: [Operation; 22] = [
    RegisterController,
    Controllers,
    VerifySystemLedger,
    ExpireUnclaimed,
    RegisterSender,
    Expire,
    Record,
    Confirm,
    StateAge,
    Quarantined,
    Doubts,
    Release,
    ResolveDoubt,
    ImportCsv,
    Standing,
    Check,
    Preflight,
    Redeem,
    Bind,
    Sent,
    Verify,
    Deliver,
];

impl Operation {
    /// What it needs, and where.
    const fn needs(self) -> (Permission, ControllerId) {
        match self {
            RegisterController => (Permission::RegisterController, SHOP),
            Controllers | VerifySystemLedger => (Permission::VerifyLedger, ControllerId::SYSTEM),
            ExpireUnclaimed => (Permission::ExpireRows, ControllerId::SYSTEM),
            RegisterSender => (Permission::RegisterSender, SHOP),
            Expire => (Permission::ExpireRows, SHOP),
            Record | Confirm | StateAge => (Permission::RecordConsent, SHOP),
            Quarantined | Doubts | Release | ResolveDoubt => (Permission::ReviewConsent, SHOP),
            ImportCsv => (Permission::ImportConsent, SHOP),
            Standing => (Permission::ReadConsent, SHOP),
            Check | Preflight => (Permission::CheckSend, SHOP),
            Redeem | Bind => (Permission::RedeemPermit, SHOP),
            Sent => (Permission::ReadConsent, SHOP),
            Verify => (Permission::VerifyLedger, SHOP),
            Deliver => (Permission::IngestDelivery, SHOP),
        }
    }

    async fn attempt(self, world: &World, actor: &Actor, permits: Permits) -> Result<(), Error> {
        let shop = world.shop().await;
        let message = Message::new(FIRST.sender, MessageCategory::Marketing);
        let request = SendRequest::new(person(ANA), message.clone());
        let scope = ConsentScope::whatsapp(PurposeId::marketing());
        match self {
            RegisterController => world.compliance.register_controller(actor, SHOP).await.map(drop),
            Controllers => world.compliance.controllers(actor).await.map(drop),
            VerifySystemLedger => world.compliance.system_ledger().verify(actor).await.map(drop),
            ExpireUnclaimed => world.compliance.expire_unclaimed(actor).await.map(drop),
            RegisterSender => shop.register_sender(actor, FIRST.sender, FIRST.phone_number, FIRST.waba).await,
            Expire => shop.expire(actor).await.map(drop),
            Record => {
                let act = NewAct::direct(ConsentAct::Withdrawn, scope, ConsentMethod::Verbal);
                shop.consent().record(actor, &person(ANA), &act).await.map(drop)
            }
            Confirm => {
                let confirmation =
                    Confirmation { scope, method: ConsentMethod::Keyword, evidence: None, at: None };
                match shop.consent().confirm(actor, &person(ANA), &confirmation).await {
                    // Nothing waits: whoever learns that was let through.
                    Err(Error::Consent(ConsentError::NothingToConfirm)) => Ok(()),
                    outcome => outcome.map(drop),
                }
            }
            StateAge => {
                let evidence = Evidence::from("said so");
                shop.consent().state_age(actor, &person(ANA), AgeBand::Adult, &evidence).await.map(drop)
            }
            Quarantined => shop.consent().quarantined(actor, None, 8).await.map(drop),
            Doubts => shop.consent().doubts(actor, None, 8).await.map(drop),
            Release => {
                let waiting = shop.consent().quarantined(&everybody(), None, 8).await.unwrap();
                let (id, evidence) = (waiting.reviews[0].id, Evidence::from("the paper was found"));
                shop.consent().release(actor, id, &evidence).await.map(drop)
            }
            ResolveDoubt => {
                let waiting = shop.consent().doubts(&everybody(), None, 8).await.unwrap();
                let (id, evidence) = (waiting.reviews[0].id, Evidence::from("asks for a picture"));
                shop.consent().resolve_doubt(actor, id, Verdict::None, &evidence).await.map(drop)
            }
            ImportCsv => {
                let file = "phone,purpose,status,obtained_at,method,evidence\n\
                            +15550002222,*,withdrawn,2026-01-01,verbal,call";
                shop.consent().import_csv(actor, file.as_bytes()).await.map(drop)
            }
            Standing => {
                let purpose = PurposeId::marketing();
                let question = Question {
                    purpose: &purpose,
                    is_marketing: true,
                    channel: Channel::WhatsApp,
                    sender: None,
                };
                shop.consent().standing(actor, &person(ANA), &question).await.map(drop)
            }
            Check => shop.gate().check(actor, &request).await.map(drop),
            Preflight => shop.gate().preflight(actor, &message, [person(ANA)]).await.map(drop),
            Redeem => shop.gate().redeem(actor, permits.permit).await.map(drop),
            Bind => shop.gate().bind(actor, &permits.redeemed, "wamid.out").await.map(drop),
            Sent => shop.gate().sent(actor, &person(ANA), None, 10).await.map(drop),
            Verify => shop.ledger().verify(actor).await.map(drop),
            Deliver => {
                let body = one_text(ANA, "1", hour(-1), "STOP");
                let signature = world.secrets.sign(&body);
                shop.ingest().deliver(actor, &world.secrets, &signature, &body).await.map(drop)
            }
        }
    }
}

struct Permits {
    permit: SendPermit,
    redeemed: RedeemedPermit,
}

async fn permit_of(controller: &Controller) -> SendPermit {
    let message = Message::new(FIRST.sender, MessageCategory::Marketing);
    let request = SendRequest::new(person(ANA), message);
    match controller.gate().check(&everybody(), &request).await.unwrap() {
        Checked::Allowed(permit) => permit,
        Checked::Refused(decision) => panic!("{decision:?}"),
    }
}

async fn permits_of(controller: &Controller) -> Permits {
    let permit = permit_of(controller).await;
    match controller.gate().redeem(&everybody(), permit_of(controller).await).await.unwrap() {
        Redeemed::Allowed(redeemed) => Permits { permit, redeemed },
        other => panic!("{other:?}"),
    }
}

/// A world in which Ana agreed, a grant and a doubt of others wait for an officer, and every log has met a refusal before.
async fn world() -> World {
    let world = World::in_memory().await.with_shops().await;
    world.agrees(ANA).await;
    let scope = ConsentScope::whatsapp(PurposeId::marketing());
    let unproven = NewAct::direct(ConsentAct::Given, scope.clone(), ConsentMethod::Paper);
    let doubt = NewAct::direct(ConsentAct::Doubted, scope, ConsentMethod::InboundMessage);
    for (who, act) in [("+15550003333", unproven), ("+15550004444", doubt)] {
        let _ = world.shop().await.consent().record(&everybody(), &person(who), &act).await.unwrap();
    }
    let nobody = Actor::service("nobody", []).unwrap();
    world.compliance.expire_unclaimed(&nobody).await.unwrap_err();
    world
}

/// The refusals that two looks at all rows differ by, as the ledger tells them; nothing else may differ.
async fn refusals_between(world: &World, before: &Rows, after: &Rows) -> Vec<(ControllerId, String)> {
    assert!(before.keys().all(|key| after.contains_key(key)), "a row went");
    let mut refusals = Vec::new();
    for ((controller, key), stored) in after.iter().filter(|(key, row)| before.get(key) != Some(row)) {
        match (key.kind(), &stored.body) {
            (RowKind::LogHead | RowKind::LogLeaf, _) => {}
            (RowKind::EntryBody, Body::EntryBody(row)) => {
                let encryption = Encryption::new(
                    world.storage.clone(),
                    world.keyring.clone(),
                    world.clock.clone(),
                    SeededEntropy::new(3),
                );
                let keys = encryption.tenant(*controller).await.unwrap();
                let EntryBody::Kept(sealed) = &row.body else { panic!("a body was erased") };
                let body = SealedBody { controller: *controller, key, category: &row.category, sealed };
                let leaf = Key::LogLeaf { log: row.log, index: row.index };
                let Body::LogLeaf(leaf) = &after[&(*controller, leaf)].body else { panic!("not a leaf") };
                let data_key = DataKeyRow::of(&after[&(*controller, body.data_key())].body);
                let event = body.open(&keys, data_key, &leaf.commitment.into()).unwrap();
                refusals.push((*controller, String::from_utf8(event.to_vec()).unwrap()));
            }
            (kind, _) => panic!("a {kind} row changed"),
        }
    }
    refusals
}

/// Everybody who may not do this, by name.
fn everybody_who_may_not(permission: Permission) -> Vec<Actor> {
    let other_roles = ALL_ROLES.into_iter().filter(|role| !permissions_of(*role).contains(&permission));
    vec![
        Actor::service("without-a-role", []).unwrap(),
        Actor::service("with-all-other-roles", other_roles).unwrap(),
        only_at(OTHER_SHOP),
    ]
}

#[tokio::test]
async fn clause_5_b_every_operation_refuses_whoever_may_not_and_records_it_and_nothing_else() {
    for operation in OPERATIONS {
        let world = world().await;
        let (permission, place) = operation.needs();
        for actor in everybody_who_may_not(permission) {
            let permits = permits_of(&world.shop().await).await;
            let (before, ledgers) = (world.rows().await, world.ledgers().await);
            let outcome = operation.attempt(&world, &actor, permits).await;
            assert!(matches!(outcome, Err(Error::Refused(_))), "{operation:?} by {actor:?}: {outcome:?}");

            let (after, ledgers_after) = (world.rows().await, world.ledgers().await);
            for ((id, ledger), after) in ALL_CONTROLLERS.iter().zip(ledgers).zip(ledgers_after) {
                let grown = u64::from(*id == place);
                assert_eq!(ledger.size() + grown, after.size(), "{operation:?} by {actor:?} at {id}");
            }
            let refusals = refusals_between(&world, &before, &after).await;
            let [(recorded_at, event)] = refusals.as_slice() else { panic!("{operation:?}: {refusals:?}") };
            assert_eq!(*recorded_at, place);
            assert!(event.contains("\"type\":\"access.refused\""), "{event}");
            assert!(event.contains(&format!("\"permission\":\"{}\"", permission.as_str())), "{event}");
            assert!(event.contains(&format!("\"actor\":\"{}\"", actor.name())), "{event}");
        }
        let permits = permits_of(&world.shop().await).await;
        operation.attempt(&world, &everybody(), permits).await.unwrap();
    }
}

#[tokio::test]
async fn clause_5_b_a_refused_registration_makes_nothing() {
    const NEW: ControllerId = ControllerId::from_bytes([0xc3; 16]);
    let world = world().await;
    let before = world.rows().await;
    for actor in [Actor::service("nobody", []).unwrap(), only_at(SHOP)] {
        let outcome = world.compliance.register_controller(&actor, NEW).await;
        assert!(matches!(outcome, Err(Error::Refused(_))), "{outcome:?}");
    }
    assert!(matches!(world.compliance.controller(NEW).await, Err(Error::UnknownController)));
    assert!(world.rows().await == before);
    let system = world.compliance.register_controller(&everybody(), ControllerId::SYSTEM).await;
    assert!(matches!(system, Err(Error::ReservedController)));
    assert!(matches!(
        world.compliance.controller(ControllerId::SYSTEM).await,
        Err(Error::ReservedController)
    ));
}

#[tokio::test]
async fn clause_5_b_a_permit_is_spent_at_its_own_controller_only() {
    let world = world().await;
    let (shop, other) = (world.shop().await, world.other_shop().await);
    let permits = permits_of(&shop).await;
    let before = world.rows().await;
    let redeemed = other.gate().redeem(&everybody(), permits.permit).await;
    assert!(matches!(redeemed, Err(Error::Refused(_))), "{redeemed:?}");
    let bound = other.gate().bind(&everybody(), &permits.redeemed, "wamid.out").await;
    assert!(matches!(bound, Err(Error::Refused(_))), "{bound:?}");
    let refusals = refusals_between(&world, &before, &world.rows().await).await;
    assert_eq!(refusals.len(), 2);
    assert!(refusals.iter().all(|(at, event)| *at == OTHER_SHOP && event.contains("access.refused")));
    world.ledgers().await;
}

#[tokio::test]
async fn clause_5_b_one_shop_sees_nothing_of_another() {
    let world = world().await;
    let other = world.other_shop().await;
    let message = Message::new(FIRST.sender, MessageCategory::Marketing);
    let request = SendRequest::new(person(ANA), message);
    let Checked::Refused(decision) = other.gate().check(&everybody(), &request).await.unwrap() else {
        panic!("another shop's consent counted")
    };
    assert_eq!(decision.subject, None);
}
