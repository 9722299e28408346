//! A store that fails at any moment: what was acknowledged is there, and a redelivery mends the rest.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use serde_json::json;
use wzapi_compliance::consent::gate::{Message, ReasonCode, SendRequest};
use wzapi_compliance::model::ids::ControllerId;
use wzapi_compliance::model::message::MessageCategory;
use wzapi_compliance::storage::key::{Key, RowKind};
use wzapi_compliance::storage::query::{Page, Query};
use wzapi_compliance::storage::row::Stored;
use wzapi_compliance::storage::{Changeset, Committed, Storage, StorageError};
use wzapi_compliance::storage_memory::MemoryStorage;

use crate::support::{
    ANA, BEN, CLEO, FIRST, Line, OF_OTHER_SHOP, SECOND, UNREGISTERED, World, at, counts, delivery, everybody,
    hour, items_in, items_of, messages, only_duplicates, person, preference, preferences, register, status,
    statuses, stopped_status, text,
};

/// What happens to the call with a number, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// It is refused before anything happened.
    Unavailable,
    /// A commit is applied, and its caller is not told.
    AppliedUnknown,
    /// A commit is not applied, and its caller is not told.
    LostUnknown,
    /// It is refused, and so is every later call.
    Outage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Call {
    Get,
    Scan,
    Commit,
}

#[derive(Default)]
struct Plan {
    fault: Option<(Call, usize, Fault)>,
    is_down: bool,
    gets: usize,
    scans: usize,
    commits: usize,
}

/// A store whose calls fail as planned.
struct Faulty {
    inner: MemoryStorage,
    plan: Mutex<Plan>,
}

impl Faulty {
    fn new() -> Arc<Self> {
        Arc::new(Self { inner: MemoryStorage::new(), plan: Mutex::default() })
    }

    fn arm(&self, call: Call, number: usize, fault: Fault) {
        *self.plan.lock().unwrap() = Plan { fault: Some((call, number, fault)), ..Plan::default() };
    }

    /// Ends every fault; answers how many gets, scans and commits there were since it was armed.
    fn heal(&self) -> [usize; 3] {
        let plan = std::mem::take(&mut *self.plan.lock().unwrap());
        [plan.gets, plan.scans, plan.commits]
    }

    fn next(&self, call: Call) -> Option<Fault> {
        let mut plan = self.plan.lock().unwrap();
        let counter = match call {
            Call::Get => &mut plan.gets,
            Call::Scan => &mut plan.scans,
            Call::Commit => &mut plan.commits,
        };
        let number = *counter;
        *counter += 1;
        if plan.is_down {
            return Some(Fault::Outage);
        }
        let (_, _, fault) = plan.fault.filter(|(of, at, _)| (*of, *at) == (call, number))?;
        plan.is_down = fault == Fault::Outage;
        Some(fault)
    }
}

fn unavailable() -> StorageError {
    StorageError::unavailable("a planned fault")
}

#[async_trait]
impl Storage for Faulty {
    async fn get(&self, controller: ControllerId, keys: &[Key]) -> Result<Vec<Option<Stored>>, StorageError> {
        match self.next(Call::Get) {
            Some(_) => Err(unavailable()),
            None => self.inner.get(controller, keys).await,
        }
    }

    async fn scan(&self, query: &Query) -> Result<Page, StorageError> {
        match self.next(Call::Scan) {
            Some(_) => Err(unavailable()),
            None => self.inner.scan(query).await,
        }
    }

    async fn commit(&self, changeset: Changeset) -> Result<Committed, StorageError> {
        let unknown = || StorageError::UnknownOutcome { cause: "a planned fault".into() };
        match self.next(Call::Commit) {
            None => self.inner.commit(changeset).await,
            Some(Fault::Unavailable | Fault::Outage) => Err(unavailable()),
            Some(Fault::LostUnknown) => Err(unknown()),
            Some(Fault::AppliedUnknown) => {
                let _applied = self.inner.commit(changeset).await?;
                Err(unknown())
            }
        }
    }
}

/// Whatever of a store is the same for the same history: random ids and keys are not.
#[derive(Debug, PartialEq, Eq)]
struct State {
    kinds: BTreeMap<(ControllerId, RowKind), usize>,
    ledgers: Vec<u64>,
    answers: Vec<Vec<ReasonCode>>,
}

/// The people of the delivery, each with their own fate.
const PEOPLE: [&str; 6] = [ANA, BEN, CLEO, "15551000001", "15551000002", "15550008888"];

async fn state_of(world: &World) -> State {
    let ledgers = world.ledgers().await.iter().map(|ledger| ledger.size()).collect();
    let mut answers = Vec::new();
    for who in PEOPLE {
        for line in [FIRST, OF_OTHER_SHOP] {
            answers.push(world.marketing_from(line, who).await);
        }
        answers.push(world.utility(who).await);
    }
    State { kinds: counts(&world.rows().await), ledgers, answers }
}

/// Two controllers, more than one changeset of the first, something to park, and every kind of item.
fn busy_delivery() -> Vec<u8> {
    let texts: Vec<_> = (0..)
        .zip(PEOPLE)
        .map(|(number, who)| {
            let words = ["START", "hello", "STOP"][number % 3];
            text(who, &format!("text-{number}"), hour(-9), words)
        })
        .collect();
    let sent: Vec<_> = (0..30).map(|number| status(ANA, &format!("{number}"), hour(-9), "sent")).collect();
    let moved = json!({ "from": ANA, "id": "wamid.moved", "timestamp": hour(-3).to_string(), "type": "system",
        "system": { "type": "user_changed_number", "wa_id": "15550008888" } });
    delivery(&[
        statuses(FIRST, &sent),
        messages(FIRST, &texts),
        messages(UNREGISTERED, &[text(BEN, "parked", hour(-4), "STOP"), text(ANA, "parked", hour(-4), "hi")]),
        statuses(SECOND, &[stopped_status(CLEO, "out", hour(-5))]),
        preferences(FIRST, &[preference(ANA, hour(-6), "stop"), preference(ANA, hour(-5), "resume")]),
        messages(OF_OTHER_SHOP, &[text(ANA, "a", hour(-2), "START"), text(BEN, "b", hour(-2), "STOP")]),
        at(FIRST, "a_field_of_next_year", &json!({ "anything": true })),
        at(FIRST, "account_update", &json!({ "event": "ACCOUNT_OFFBOARDED" })),
        messages(FIRST, &[moved]),
    ])
}

async fn faulty_world() -> (World, Arc<Faulty>) {
    let storage = Faulty::new();
    let world = World::over(Arc::clone(&storage) as _, tempfile::tempdir().unwrap()).await;
    (world.with_shops().await, storage)
}

/// Every fault of every call of a run that has so many gets, scans and commits.
fn every_fault(calls: [usize; 3]) -> Vec<(Call, usize, Fault)> {
    let [gets, scans, commits] = calls;
    let mut all = Vec::new();
    for (call, count) in [(Call::Get, gets), (Call::Scan, scans), (Call::Commit, commits)] {
        for number in 0..count {
            all.extend([Fault::Unavailable, Fault::Outage].map(|fault| (call, number, fault)));
            if call == Call::Commit {
                all.extend([Fault::AppliedUnknown, Fault::LostUnknown].map(|fault| (call, number, fault)));
            }
        }
    }
    all
}

#[tokio::test]
async fn a_delivery_is_acknowledged_only_when_it_is_whole_and_its_redelivery_mends_any_fault() {
    let body = busy_delivery();
    let items = items_in(&body);
    let (world, storage) = faulty_world().await;
    storage.heal();
    let undisturbed_report = world.deliver(&body).await.unwrap();
    let calls = storage.heal();
    let undisturbed = state_of(&world).await;
    assert!(calls[2] >= 4, "two changesets of one controller, one of the other, one of parked changes");

    let (mut acknowledged, mut failed) = (0, 0);
    for (call, number, fault) in every_fault(calls) {
        let (world, storage) = faulty_world().await;
        storage.arm(call, number, fault);
        let outcome = world.deliver(&body).await;
        storage.heal();
        if let Ok(report) = outcome {
            acknowledged += 1;
            assert_eq!(report, undisturbed_report, "{call:?} {number} {fault:?}");
        } else {
            failed += 1;
            let redelivered = world.deliver(&body).await.unwrap();
            assert_eq!(items_of(&redelivered), items, "{call:?} {number} {fault:?}");
        }
        assert_eq!(state_of(&world).await, undisturbed, "{call:?} {number} {fault:?}");
        let again = world.deliver(&body).await.unwrap();
        assert!(only_duplicates(&again, items), "{call:?} {number} {fault:?}: {again:?}");
        assert_eq!(counts(&world.rows().await), undisturbed.kinds, "{call:?} {number} {fault:?}");
    }
    assert!(acknowledged > 0 && failed > 0, "{acknowledged} acknowledged, {failed} failed");
}

#[tokio::test]
async fn the_taking_in_of_parked_changes_goes_on_after_any_fault() {
    const PARKED: Line = UNREGISTERED;
    let body = delivery(&[
        messages(PARKED, &[text(ANA, "1", hour(-2), "STOP"), text(BEN, "2", hour(-2), "START")]),
        preferences(PARKED, &[preference(CLEO, hour(-2), "stop")]),
    ]);
    let parked_world = || async {
        let (world, storage) = faulty_world().await;
        for who in [ANA, BEN, CLEO] {
            world.agrees(who).await;
        }
        assert_eq!(world.deliver(&body).await.unwrap().unrouted, 3);
        storage.heal();
        (world, storage)
    };
    let (world, storage) = parked_world().await;
    register(&world.shop().await, PARKED).await.unwrap();
    let calls = storage.heal();
    let undisturbed = state_of(&world).await;
    assert_eq!(world.marketing(CLEO).await, [ReasonCode::PlatformStop]);

    for (call, number, fault) in every_fault(calls) {
        let (world, storage) = parked_world().await;
        storage.arm(call, number, fault);
        let outcome = register(&world.shop().await, PARKED).await;
        storage.heal();
        if outcome.is_err() {
            register(&world.shop().await, PARKED).await.unwrap();
        }
        assert_eq!(state_of(&world).await, undisturbed, "{call:?} {number} {fault:?}");
    }
}

#[tokio::test]
async fn without_the_store_there_is_no_permit() {
    let (world, storage) = faulty_world().await;
    world.agrees(ANA).await;
    let shop = world.shop().await;
    storage.arm(Call::Get, 0, Fault::Outage);
    let message = Message::new(FIRST.sender, MessageCategory::Marketing);
    let request = SendRequest::new(person(ANA), message);
    assert!(shop.gate().check(&everybody(), &request).await.is_err());
    storage.heal();
    assert_eq!(world.marketing(ANA).await, [ReasonCode::ConsentGiven]);
}
