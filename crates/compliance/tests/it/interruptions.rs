//! Another process on the same store, at any moment of a delivery: nothing is lost, nothing counts twice.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use wzapi_compliance::consent::gate::ReasonCode;
use wzapi_compliance::model::ids::ControllerId;
use wzapi_compliance::storage::key::{Key, RowKind};
use wzapi_compliance::storage::query::{Page, Query};
use wzapi_compliance::storage::row::Stored;
use wzapi_compliance::storage::{Changeset, Committed, Storage, StorageError};
use wzapi_compliance::storage_memory::MemoryStorage;
use wzapi_compliance::whatsapp::signature::AppSecrets;
use wzapi_compliance::{Compliance, Controller};

use crate::support::{
    ANA, FIRST, SHOP, SeededEntropy, UNREGISTERED, World, count, delivery, everybody, hour, items_of,
    messages, only_duplicates, register, text,
};

type Interruption = Box<dyn FnOnce() + Send>;

/// A store before one of whose calls something else happens.
struct Interrupted {
    inner: Arc<MemoryStorage>,
    calls: AtomicUsize,
    interruption: Mutex<Option<(usize, Interruption)>>,
}

impl Interrupted {
    fn arm(&self, call: usize, interruption: Interruption) {
        self.calls.store(0, Ordering::SeqCst);
        *self.interruption.lock().unwrap() = Some((call, interruption));
    }

    fn has_happened(&self) -> bool {
        self.interruption.lock().unwrap().is_none()
    }

    fn count_call(&self) {
        let call = self.calls.fetch_add(1, Ordering::SeqCst);
        let due = self.interruption.lock().unwrap().take_if(|(at, _)| *at == call);
        if let Some((_, interruption)) = due {
            // On a thread of its own, since this one is inside a runtime.
            std::thread::spawn(interruption).join().unwrap();
        }
    }
}

#[async_trait]
impl Storage for Interrupted {
    async fn get(&self, controller: ControllerId, keys: &[Key]) -> Result<Vec<Option<Stored>>, StorageError> {
        self.count_call();
        self.inner.get(controller, keys).await
    }

    async fn scan(&self, query: &Query) -> Result<Page, StorageError> {
        self.count_call();
        self.inner.scan(query).await
    }

    async fn commit(&self, changeset: Changeset) -> Result<Committed, StorageError> {
        self.count_call();
        self.inner.commit(changeset).await
    }
}

/// A world, its store, and the shop as another process sees it.
async fn world() -> (World, Arc<Interrupted>, Controller) {
    let inner = Arc::new(MemoryStorage::new());
    let storage = Arc::new(Interrupted {
        inner: Arc::clone(&inner),
        calls: AtomicUsize::new(0),
        interruption: Mutex::default(),
    });
    let world = World::over(Arc::clone(&storage) as _, tempfile::tempdir().unwrap()).await;
    let world = world.with_shops().await;
    world.agrees(ANA).await;
    let elsewhere = Compliance::builder()
        .storage(inner)
        .key_provider(Arc::clone(&world.keyring) as _)
        .clock(Arc::clone(&world.clock) as _)
        .entropy(SeededEntropy::new(77))
        .build()
        .await
        .unwrap();
    let shop = elsewhere.controller(SHOP).await.unwrap();
    (world, storage, shop)
}

fn run<F: Future<Output = ()>>(operation: impl FnOnce() -> F) {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(operation());
}

#[tokio::test]
async fn a_route_that_is_registered_at_any_moment_of_a_delivery_claims_it() {
    let body = delivery(&[
        messages(UNREGISTERED, &[text(ANA, "1", hour(-2), "hello")]),
        messages(UNREGISTERED, &[text(ANA, "2", hour(-1), "STOP")]),
    ]);
    for call in 0.. {
        let (world, storage, shop) = world().await;
        let registration = move || run(|| async move { register(&shop, UNREGISTERED).await.unwrap() });
        storage.arm(call, Box::new(registration));
        let report = world.deliver(&body).await.unwrap();
        if !storage.has_happened() {
            assert!(call > 5, "the delivery took {call} calls");
            return;
        }
        assert_eq!(items_of(&report), 2, "before call {call}: {report:?}");
        assert_eq!(world.marketing(ANA).await, [ReasonCode::Withdrawn], "before call {call}: {report:?}");
        let parked = count(&world.rows().await, ControllerId::SYSTEM, RowKind::Parked);
        assert_eq!(parked, 0, "before call {call}: {report:?}");
        assert!(only_duplicates(&world.deliver(&body).await.unwrap(), 2), "before call {call}");
    }
}

#[tokio::test]
async fn clause_2_c_a_stop_at_any_moment_of_another_delivery_about_the_person_counts() {
    let start = delivery(&[messages(FIRST, &[text(ANA, "1", hour(-3), "START")])]);
    let stop = delivery(&[messages(FIRST, &[text(ANA, "2", hour(-2), "STOP")])]);
    for call in 0.. {
        let (world, storage, shop) = world().await;
        let signature = world.secrets.sign(&stop);
        let secrets = AppSecrets::new(b"an-app-secret").unwrap();
        let body = stop.clone();
        let stopping = move || {
            run(|| async move {
                let ingest = shop.ingest();
                let report = ingest.deliver(&everybody(), &secrets, &signature, &body).await.unwrap();
                assert_eq!(report.withdrawals, 1);
            });
        };
        storage.arm(call, Box::new(stopping));
        let report = world.deliver(&start).await.unwrap();
        if !storage.has_happened() {
            assert!(call > 5, "the delivery took {call} calls");
            return;
        }
        assert_eq!((report.messages, report.consents_given), (1, 1), "before call {call}");
        assert_eq!(world.marketing(ANA).await, [ReasonCode::Withdrawn], "before call {call}");
        for body in [&start, &stop] {
            assert!(only_duplicates(&world.deliver(body).await.unwrap(), 1), "before call {call}");
        }
        // Registration of the shop and of two lines, a consent, a start and a stop: each once, in one history.
        assert_eq!(world.verified(SHOP).await.size(), 6, "before call {call}");
    }
}
