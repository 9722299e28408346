//! What operations cost, in calls of the store.

use wzapi_policy::file::DataSource;
use wzapi_vault::decision::disposition::DisposalReason;
use wzapi_vault::vault::Selection;

use crate::support::{A, ANA, BEN, World, email, invoice, purpose};

/// Gets, scans and commits of what happens in between.
struct Since([usize; 3]);

impl Since {
    fn begin(world: &World) -> Self {
        Self(world.storage.counts())
    }

    fn counts(&self, world: &World) -> [usize; 3] {
        let now = world.storage.counts();
        [now[0] - self.0[0], now[1] - self.0[1], now[2] - self.0[2]]
    }
}

#[tokio::test]
async fn a_read_is_one_get_however_much_is_stored() {
    let world = World::new().await;
    let record = world.store(ANA, &email("ana@example.org")).await;
    for _ in 0..40 {
        world.store(ANA, &email("more@example.org")).await;
    }
    let since = Since::begin(&world);
    world.read(&record, "billing").await.unwrap();
    assert_eq!(since.counts(&world), [1, 0, 0]);
    let since = Since::begin(&world);
    let _ = world.vault.find(A, &record).await.unwrap();
    assert_eq!(since.counts(&world), [1, 0, 0]);

    let logging = world.logging_reads();
    logging.read(&record, "billing").await.unwrap();
    let since = Since::begin(&world);
    logging.read(&record, "billing").await.unwrap();
    let [gets, scans, commits] = since.counts(&world);
    assert!(gets <= 4 && scans == 0 && commits == 1, "{gets} {scans} {commits}");
}

#[tokio::test]
async fn writes_are_one_commit_and_a_bounded_number_of_gets() {
    let world = World::new().await;
    world.store(ANA, &invoice("warm")).await;
    let since = Since::begin(&world);
    let record = world.store(ANA, &invoice("x")).await;
    let [gets, scans, commits] = since.counts(&world);
    assert!(gets <= 5 && scans == 0 && commits == 1, "{gets} {scans} {commits}");
    let since = Since::begin(&world);
    let _ = world.vault.update(A, &record, &"y".into(), DataSource::Use, &world.actor).await.unwrap();
    let [gets, scans, commits] = since.counts(&world);
    assert!(gets <= 5 && scans == 0 && commits == 1, "{gets} {scans} {commits}");
}

#[tokio::test]
async fn a_disposal_costs_one_commit_and_the_last_one_a_second() {
    let world = World::new().await;
    let mut records = Vec::new();
    for _ in 0..20 {
        records.push(world.store(ANA, &email("x@example.org")).await);
    }
    for _ in 0..20 {
        world.store(BEN, &email("x@example.org")).await;
    }
    for (left, record) in (0..20).rev().zip(&records) {
        let since = Since::begin(&world);
        let reason = DisposalReason::ErasureRequested;
        let _ = world.vault.dispose(A, record, reason, &world.actor).await.unwrap();
        let [gets, scans, commits] = since.counts(&world);
        if left > 0 {
            assert!(gets <= 6 && scans == 1 && commits == 1, "{gets} {scans} {commits}");
        } else {
            assert!(gets <= 10 && scans <= 4 && commits == 2, "{gets} {scans} {commits}");
        }
    }
    world.check(A).await;
}

#[tokio::test]
async fn a_page_is_one_scan_and_one_get() {
    let world = World::new().await;
    for _ in 0..30 {
        world.store(ANA, &email("x@example.org")).await;
    }
    let selection = Selection::Category("email".parse().unwrap());
    let since = Since::begin(&world);
    let _ = world.vault.list(A, &selection, None, 10).await.unwrap();
    assert_eq!(since.counts(&world), [1, 1, 0]);
    let mut stream = world.vault.stream(A, selection, purpose("billing"), &world.actor).with_page_size(10);
    let since = Since::begin(&world);
    let _ = stream.next_page().await.unwrap();
    assert_eq!(since.counts(&world), [1, 1, 0]);
    let since = Since::begin(&world);
    let _ = world.vault.list(A, &Selection::Person(ANA), None, 10).await.unwrap();
    assert_eq!(since.counts(&world), [1, 1, 0]);
}
