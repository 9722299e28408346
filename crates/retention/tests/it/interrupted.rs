//! Sweeps that are cut short, or that meet more than one changeset holds: what is left goes with the next one.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use wzapi_model::Timestamp;
use wzapi_model::ids::ControllerId;
use wzapi_policy::Policy;
use wzapi_retention::sweep::{LEASE, Unhurried};
use wzapi_retention::{Holds, NewHold, RetentionError, SweepOptions, SweepReport};
use wzapi_storage::changeset::Write;
use wzapi_storage::key::{Key, RowKind};
use wzapi_storage::query::{Page, Query};
use wzapi_storage::row::{HoldScope, RecordRevisionRow, RecordRow, Stored};
use wzapi_storage::{Changeset, Committed, Draft, Storage, StorageError};
use wzapi_storage_memory::MemoryStorage;
use wzapi_storage_testkit::faulty::{Fault, FaultyStorage, Rates};
use wzapi_vault::decision::retention::RetentionEvent;
use wzapi_vault::{RecordRef, VaultError};

use crate::support::{A, ANA, BEN, World, email, invoice, message, policy_with};
use crate::sweeping::{close_account, is_there, sweep, sweeper};

const FAULTS: [Fault; 3] = [Fault::Unavailable, Fault::UnknownBefore, Fault::UnknownAfter];

async fn try_sweep(world: &World, options: SweepOptions) -> Result<SweepReport, RetentionError> {
    sweeper(world).sweep(A, &world.actor, options, &Unhurried, &mut |_| ()).await
}

async fn dry_run(world: &World) -> SweepReport {
    try_sweep(world, SweepOptions { is_dry_run: true, ..SweepOptions::default() }).await.unwrap()
}

fn with_period(period: &str) -> Arc<Policy> {
    let ground = "[[categories.email.retention]]\nkind = \"service\"\ntrigger = \"account_closed\"\nperiod = \"30 days\"";
    policy_with(&[(ground, &ground.replace("30 days", period))])
}

/// Every record and when it comes up.
async fn ends(world: &World) -> BTreeSet<(Key, Option<Timestamp>)> {
    let page = world.storage.scan(&Query::kind(A, RowKind::Record, 4096)).await.unwrap();
    page.rows.into_iter().map(|(key, stored)| (key, stored.due_at)).collect()
}

/// The same rows through a store that may fail, at the same time.
fn through(store: Arc<FaultyStorage>, healthy: &World) -> World {
    let failing = World::over(store);
    failing.clock.set(healthy.now());
    failing
}

#[tokio::test]
async fn a_sweep_that_fails_anywhere_is_gone_on_with_and_keeps_exactly_what_is_kept() {
    for fault in FAULTS {
        for call in 0.. {
            assert!(call < 200, "a sweep of bounded cost");
            let rows = Arc::new(MemoryStorage::new());
            let healthy = World::over(rows.clone());
            healthy.register().await;
            sweeper(&healthy).begin(A).await.unwrap();
            let leaving =
                [healthy.store(ANA, &email("a@a.org")).await, healthy.store(ANA, &email("b@a.org")).await];
            let (held, kept) = (
                healthy.store(BEN, &email("b@b.org")).await,
                healthy.store(BEN, &invoice("invoice 7")).await,
            );
            for record in leaving.iter().chain([&held, &kept]) {
                close_account(&healthy, record).await;
            }
            let scope = HoldScope { subjects: vec![BEN], ..HoldScope::default() };
            let hold = NewHold { matter: "a claim".into(), scope };
            Holds::new(healthy.parts.clone()).place(A, &hold, &healthy.actor).await.unwrap();
            healthy.pass_days(31);

            let store = Arc::new(FaultyStorage::new(rows).with_fault(call, fault));
            let outcome = try_sweep(&through(store.clone(), &healthy), SweepOptions::default()).await;
            healthy.check(A).await;
            assert!(is_there(&healthy, &held).await && is_there(&healthy, &kept).await);
            if outcome.is_err() {
                match try_sweep(&healthy, SweepOptions::default()).await {
                    // It was giving the lease back that failed.
                    Err(RetentionError::Leased) => {
                        healthy.clock.advance(LEASE);
                        sweep(&healthy).await;
                    }
                    outcome => drop(outcome.unwrap()),
                }
            }
            assert!(!is_there(&healthy, &leaving[0]).await && !is_there(&healthy, &leaving[1]).await);
            assert!(is_there(&healthy, &held).await && is_there(&healthy, &kept).await);
            assert_eq!(healthy.entry_types(A).await["record.disposed"], 2, "{fault:?} at call {call}");
            healthy.check(A).await;
            if store.struck() == 0 {
                outcome.unwrap();
                break;
            }
        }
    }
}

#[tokio::test]
async fn a_worker_that_stops_with_an_error_keeps_nobody_waiting() {
    let rows = Arc::new(MemoryStorage::new());
    let healthy = World::over(rows.clone());
    healthy.register().await;
    sweeper(&healthy).begin(A).await.unwrap();
    let record = healthy.store(ANA, &email("ana@example.org")).await;
    close_account(&healthy, &record).await;
    healthy.pass_days(31);
    let mut failed = 0;
    for call in 0..60 {
        let store = Arc::new(FaultyStorage::new(rows.clone()).with_fault(call, Fault::Unavailable));
        let outcome = try_sweep(&through(store.clone(), &healthy), SweepOptions::default()).await;
        let is_gone = !is_there(&healthy, &record).await;
        if is_gone || store.struck() == 0 {
            break;
        }
        assert!(!matches!(outcome, Err(RetentionError::Leased)), "at call {call}");
        failed += usize::from(outcome.is_err());
    }
    assert!(failed > 3 && !is_there(&healthy, &record).await, "{failed}");
}

/// A store at which a hold is placed, once, just before a changeset that removes a record is committed.
struct Overtaken {
    rows: Arc<MemoryStorage>,
    by: Mutex<Option<World>>,
}

#[async_trait]
impl Storage for Overtaken {
    async fn get(&self, controller: ControllerId, keys: &[Key]) -> Result<Vec<Option<Stored>>, StorageError> {
        self.rows.get(controller, keys).await
    }

    async fn scan(&self, query: &Query) -> Result<Page, StorageError> {
        self.rows.scan(query).await
    }

    async fn commit(&self, changeset: Changeset) -> Result<Committed, StorageError> {
        let removes = changeset.writes.iter().any(|write| matches!(write, Write::Delete(Key::Record { .. })));
        let overtaking = if removes { self.by.lock().unwrap().take() } else { None };
        if let Some(world) = overtaking {
            let scope = HoldScope { subjects: vec![BEN], ..HoldScope::default() };
            let hold = NewHold { matter: "a claim".into(), scope };
            Holds::new(world.parts.clone()).place(A, &hold, &world.actor).await.unwrap();
        }
        self.rows.commit(changeset).await
    }
}

#[tokio::test]
async fn clause_6_c_a_hold_that_is_placed_while_a_sweep_runs_is_honoured_by_it() {
    let rows = Arc::new(MemoryStorage::new());
    let world = World::over(rows.clone());
    world.register().await;
    sweeper(&world).begin(A).await.unwrap();
    let (free, held) = (world.store(ANA, &email("a@a.org")).await, world.store(BEN, &email("b@b.org")).await);
    for record in [&free, &held] {
        close_account(&world, record).await;
    }
    world.pass_days(31);
    let overtaken = World::over(Arc::new(Overtaken { rows, by: Mutex::new(Some(world.clone())) }));
    overtaken.clock.set(world.now());
    let report = sweep(&overtaken).await;
    let of = &report.categories[&held.category];
    assert_eq!((of.disposed, of.on_hold, report.is_complete), (1, 1, true), "{report:?}");
    assert!(!is_there(&world, &free).await && is_there(&world, &held).await);
    let placed = Holds::new(world.parts.clone()).list(A).await.unwrap();
    Holds::new(world.parts.clone()).release(A, placed[0].hold, &"over".into(), &world.actor).await.unwrap();
    assert_eq!(sweep(&world).await.disposed(), 1, "what was held goes once it is released");
    assert!(!is_there(&world, &held).await);
    world.check(A).await;
}

/// So many records whose account was closed, two weeks ago.
async fn world_with_closed_accounts(rows: Arc<MemoryStorage>, count: usize) -> World {
    let world = World::over(rows);
    world.register().await;
    sweeper(&world).begin(A).await.unwrap();
    for number in 0..count {
        let record = world.store(ANA, &email(&format!("{number}@example.org"))).await;
        close_account(&world, &record).await;
    }
    world.pass_days(14);
    world
}

/// Follows the policy of `world` until the first step is done, and then loses the store.
async fn break_off_after_one_step(rows: Arc<MemoryStorage>, world: &World, policy: Arc<Policy>) {
    let gone = Rates { unavailable: 1000, ..Rates::default() };
    let store = Arc::new(FaultyStorage::new(rows).with_rates(1, gone));
    store.set_armed(false);
    let failing = through(store.clone(), world).under(policy);
    let outcome = sweeper(&failing)
        .sweep(A, &failing.actor, SweepOptions::default(), &Unhurried, &mut |_| store.set_armed(true))
        .await;
    assert!(matches!(outcome, Err(RetentionError::Storage(_))), "{outcome:?}");
    world.clock.advance(LEASE);
}

#[tokio::test]
async fn a_change_of_policy_that_was_broken_off_is_gone_on_with_and_a_dry_run_foresees_it() {
    let rows = Arc::new(MemoryStorage::new());
    let world = world_with_closed_accounts(rows.clone(), 300).await.under(with_period("10 days"));
    let before = world.rows(A).await;
    let whole = dry_run(&world).await;
    assert_eq!((whole.reevaluated, whole.rescheduled, whole.disposed()), (300, 300, 300), "{whole:?}");
    assert!(world.rows(A).await == before, "a dry run wrote something");

    break_off_after_one_step(rows, &world, with_period("10 days")).await;
    let before = world.rows(A).await;
    let rest = dry_run(&world).await;
    assert!(world.rows(A).await == before, "a dry run wrote something");
    let done = sweep(&world).await;
    assert_eq!((done.reevaluated, done.rescheduled, done.disposed()), (44, 44, 300), "{done:?}");
    assert_eq!((rest.reevaluated, rest.rescheduled), (done.reevaluated, done.rescheduled));
    assert_eq!(rest.categories, done.categories);
    assert!(ends(&world).await.is_empty());
    world.check(A).await;
}

#[tokio::test]
async fn a_policy_that_is_taken_back_half_way_is_followed_by_every_record() {
    let rows = Arc::new(MemoryStorage::new());
    let world = world_with_closed_accounts(rows.clone(), 300).await;
    let before = ends(&world).await;
    break_off_after_one_step(rows, &world, with_period("60 days")).await;
    assert_ne!(ends(&world).await, before);
    let done = sweep(&world).await;
    assert_eq!((done.reevaluated, done.rescheduled, done.disposed()), (300, 256, 0), "{done:?}");
    assert_eq!(ends(&world).await, before);
    assert_eq!(sweep(&world).await.reevaluated, 0, "it is followed now");
}

/// Gives a record earlier values, without as many corrections.
async fn age(world: &World, records: &[RecordRef], revisions: u32) {
    let mut draft = Draft::new(world.storage.as_ref(), A);
    draft.load(records.iter().map(RecordRef::key)).await.unwrap();
    for record in records {
        let mut row = draft.row::<RecordRow>(&record.key()).unwrap().unwrap().clone();
        let due_at = draft.loaded_due_at(&record.key());
        for revision in 0..revisions {
            let key = Key::RecordRevision {
                subject: record.subject,
                category: record.category.clone(),
                cohort: record.cohort,
                record: record.record,
                revision,
            };
            draft.load([key.clone()]).await.unwrap();
            let (from, until) = (row.collected_at, row.changed_at);
            let earlier =
                RecordRevisionRow { from, until, source: row.source.clone(), value: row.value.clone() };
            draft.put(key, earlier, None).unwrap();
        }
        row.revision = revisions;
        draft.put(record.key(), row, due_at).unwrap();
    }
    world.commit(draft).await;
}

#[tokio::test]
async fn records_with_more_earlier_values_than_a_changeset_holds_go_in_several() {
    let world = World::new().await;
    sweeper(&world).begin(A).await.unwrap();
    let mut records = Vec::new();
    for number in 0..64 {
        records.push(world.store(ANA, &message(&number.to_string())).await);
    }
    age(&world, &records, 40).await;
    world.pass_days(400);
    let report = sweep(&world).await;
    assert_eq!((report.disposed(), report.looked_at, report.keys_destroyed), (64, 64, 1), "{report:?}");
    let left = world.rows(A).await;
    assert!(!left.iter().any(|(key, _)| matches!(key.kind(), RowKind::Record | RowKind::RecordRevision)));
    world.verify(A).await;
}

#[tokio::test]
async fn only_the_sweep_asks_for_a_review() {
    let world = World::new().await;
    let record = world.store(ANA, &email("ana@example.org")).await;
    let asked = RetentionEvent::ReviewAsked;
    let outcome = world.vault.set_event(A, &record, asked, world.now(), &world.actor).await;
    assert!(matches!(outcome, Err(VaultError::Invalid(_))), "{outcome:?}");
}
