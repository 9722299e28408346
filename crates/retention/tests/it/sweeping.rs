//! Records go when nothing keeps them any more, and not before.

use std::sync::Arc;

use wzapi_model::Timestamp;
use wzapi_policy::retention::Trigger;
use wzapi_retention::sweep::{LEASE, OnProgress, Unhurried};
use wzapi_retention::{RetentionError, SweepOptions, SweepReport, Sweeper};
use wzapi_storage::key::{Key, RowKind};
use wzapi_storage::row::{Body, ReviewQuestion};
use wzapi_storage::{Draft, Storage};
use wzapi_vault::decision::reading::ReadRefusal;
use wzapi_vault::decision::retention::RetentionEvent;
use wzapi_vault::{NewRecord, RecordRef, VaultError};

use crate::support::{A, ANA, BEN, World, email, invoice, message, policy_with, time};

pub(crate) fn sweeper(world: &World) -> Sweeper {
    Sweeper::new(world.parts.clone(), world.vault.clone())
}

pub(crate) async fn sweep(world: &World) -> SweepReport {
    sweep_with(world, SweepOptions::default(), &mut |_| ()).await.unwrap()
}

async fn sweep_with(
    world: &World,
    options: SweepOptions,
    on_progress: OnProgress<'_>,
) -> Result<SweepReport, RetentionError> {
    sweeper(world).sweep(A, &world.actor, options, &Unhurried, on_progress).await
}

pub(crate) async fn is_there(world: &World, record: &RecordRef) -> bool {
    world.vault.find(A, record).await.unwrap().is_some()
}

pub(crate) async fn close_account(world: &World, record: &RecordRef) {
    let event = RetentionEvent::Trigger(Trigger::AccountClosed);
    let _ = world.vault.set_event(A, record, event, world.now(), &world.actor).await.unwrap();
}

fn issued(value: &str, at: Timestamp) -> NewRecord {
    NewRecord { events: [(Trigger::InvoiceIssued, at)].into(), ..invoice(value) }
}

#[tokio::test]
async fn clause_6_a_a_record_goes_with_its_last_ground_without_anybody_asking() {
    let world = World::new().await;
    sweeper(&world).begin(A).await.unwrap();
    let (gone, open) =
        (world.store(ANA, &email("ana@example.org")).await, world.store(BEN, &email("b@b.org")).await);
    close_account(&world, &gone).await;
    world.pass_days(29);
    assert_eq!(sweep(&world).await.disposed(), 0);
    assert!(is_there(&world, &gone).await);
    world.pass_days(2);
    let report = sweep(&world).await;
    assert_eq!((report.disposed(), report.keys_destroyed, report.is_complete), (1, 1, true), "{report:?}");
    assert_eq!(report.categories[&gone.category].last_grounds, [("service".to_owned(), 1)].into());
    assert!(!is_there(&world, &gone).await && is_there(&world, &open).await);
    let keys: Vec<Key> = world.rows(A).await.into_iter().map(|(key, _)| key).collect();
    assert!(!keys.iter().any(|key| matches!(key, Key::DataKey { category, owner, .. }
        if *category == gone.category && *owner == wzapi_storage::Owner::Subject(ANA))));
    assert_eq!(sweep(&world).await.looked_at, 0, "what went does not come up again");
    world.verify(A).await;
}

#[tokio::test]
async fn clause_6_b_an_invoice_is_restricted_to_its_duty_for_its_years_and_then_goes() {
    let world = World::new().await;
    sweeper(&world).begin(A).await.unwrap();
    let record = world.store(ANA, &issued("invoice 7", time("2026-05-15"))).await;
    close_account(&world, &record).await;
    world.pass_days(365);
    assert_eq!(sweep(&world).await.disposed(), 0);
    assert_eq!(world.read(&record, "legal_compliance").await.unwrap(), "invoice 7".into());
    let refused = world.read(&record, "billing").await;
    assert!(matches!(refused, Err(VaultError::ReadRefused(ReadRefusal::LegalDutyOnly))), "{refused:?}");
    // Collected in the financial year that ends on 31 March 2027: eight years from then (Companies Act 2013 s. 128(5)).
    while world.now() < time("2035-03-31T00:00:00Z") {
        world.pass_days(60);
        let is_kept = world.now() < time("2035-03-31T00:00:00Z");
        sweep(&world).await;
        assert_eq!(is_there(&world, &record).await, is_kept || world.now() < time("2035-03-31T18:30:00Z"));
    }
    world.pass_days(1);
    sweep(&world).await;
    assert!(!is_there(&world, &record).await);
}

#[tokio::test]
async fn a_dry_run_changes_nothing_and_says_what_the_sweep_then_does() {
    let world = World::new().await;
    sweeper(&world).begin(A).await.unwrap();
    for number in 0..150 {
        let record = world.store(ANA, &email(&format!("{number}@example.org"))).await;
        close_account(&world, &record).await;
    }
    world.pass_days(31);
    let before = world.rows(A).await;
    let options = SweepOptions { is_dry_run: true, estimates: true, ..SweepOptions::default() };
    let dry = sweep_with(&world, options, &mut |_| ()).await.unwrap();
    assert!(world.rows(A).await == before, "a dry run wrote something");
    assert_eq!((dry.disposed(), dry.due_at_start, dry.percent()), (150, Some(150), Some(100)));
    let mut told = Vec::new();
    let done =
        sweep_with(&world, SweepOptions::default(), &mut |report| told.push(report.looked_at)).await.unwrap();
    assert_eq!(done.categories, dry.categories);
    assert!(told.len() > 1 && told.is_sorted(), "progress is told chunk by chunk: {told:?}");
    world.verify(A).await;
}

#[tokio::test]
async fn a_longer_period_is_honoured_when_the_record_comes_up_and_a_shorter_one_at_once() {
    let world = World::new().await;
    sweeper(&world).begin(A).await.unwrap();
    let record = world.store(ANA, &email("ana@example.org")).await;
    close_account(&world, &record).await;
    let period = "[[categories.email.retention]]\nkind = \"service\"\ntrigger = \"account_closed\"\nperiod = \"30 days\"";
    let longer = world.under(policy_with(&[(period, &period.replace("30 days", "60 days"))]));
    let shorter = world.under(policy_with(&[(period, &period.replace("30 days", "10 days"))]));
    world.pass_days(31);
    let report = sweep(&longer).await;
    assert_eq!((report.disposed(), report.reevaluated), (0, 1), "{report:?}");
    assert!(is_there(&world, &record).await);
    let report = sweep(&shorter).await;
    assert_eq!((report.disposed(), report.rescheduled), (1, 1), "{report:?}");
    assert!(!is_there(&world, &record).await);
}

#[tokio::test]
async fn what_a_person_has_to_look_at_waits_unread_and_is_asked_about_once() {
    let world = World::new().await;
    let header = "[categories.email]\n";
    let world = world.under(policy_with(&[(header, &format!("{header}disposal = \"review\"\n"))]));
    sweeper(&world).begin(A).await.unwrap();
    let record = world.store(ANA, &email("ana@example.org")).await;
    close_account(&world, &record).await;
    world.pass_days(31);
    for _ in 0..2 {
        assert_eq!(sweep(&world).await.disposed(), 0);
    }
    assert!(is_there(&world, &record).await);
    assert!(matches!(
        world.read(&record, "billing").await,
        Err(VaultError::ReadRefused(ReadRefusal::PastItsEnd))
    ));
    let asked: Vec<_> =
        world.rows(A).await.into_iter().filter(|(key, _)| key.kind() == RowKind::Review).collect();
    let [(_, row)] = asked.as_slice() else { panic!("asked {} times", asked.len()) };
    let Body::Review(row) = &row.body else { panic!("of another kind") };
    assert!(matches!(&row.question, ReviewQuestion::Disposal { record: one, .. } if *one == record.record));
    world.verify(A).await;
}

#[tokio::test]
async fn one_worker_at_a_time_and_another_one_after_the_lease_ran_out() {
    let world = World::new().await;
    sweeper(&world).begin(A).await.unwrap();
    for number in 0..200 {
        let record = world.store(ANA, &message(&number.to_string())).await;
        let ended = RetentionEvent::ServiceEnded;
        let _ = world.vault.set_event(A, &record, ended, world.now(), &world.actor).await.unwrap();
    }
    let (first, second) = (world.clone(), world.clone());
    world.storage.takes_time.store(true, std::sync::atomic::Ordering::SeqCst);
    let one = tokio::spawn(async move { sweep_with(&first, SweepOptions::default(), &mut |_| ()).await });
    let other = tokio::spawn(async move { sweep_with(&second, SweepOptions::default(), &mut |_| ()).await });
    let (one, other) = (one.await.unwrap(), other.await.unwrap());
    let disposed: u64 = [&one, &other].into_iter().flatten().map(SweepReport::disposed).sum();
    assert_eq!(disposed, 200, "{one:?} {other:?}");
    let shut_out =
        [&one, &other].into_iter().filter(|outcome| matches!(outcome, Err(RetentionError::Leased)));
    assert!(shut_out.count() <= 1);
    world.verify(A).await;
}

#[tokio::test]
async fn a_worker_that_lost_its_lease_commits_nothing_more() {
    let world = World::new().await;
    sweeper(&world).begin(A).await.unwrap();
    for number in 0..200 {
        let record = world.store(ANA, &message(&number.to_string())).await;
        let ended = RetentionEvent::ServiceEnded;
        let _ = world.vault.set_event(A, &record, ended, world.now(), &world.actor).await.unwrap();
    }
    // Between two chunks of the first, its lease runs out and another worker takes over.
    let mut draft = Draft::new(world.storage.as_ref(), A);
    draft.load([Key::Sweep]).await.unwrap();
    let (storage, clock) = (Arc::clone(&world.storage), Arc::clone(&world.clock));
    let mut is_first = true;
    let second = world.clone();
    let outcome = sweep_with(&world, SweepOptions::default(), &mut |_| {
        if std::mem::take(&mut is_first) {
            clock.advance(LEASE + LEASE);
            let (storage, second) = (Arc::clone(&storage), second.clone());
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(async {
                    let options = SweepOptions { at_most: Some(1), ..SweepOptions::default() };
                    let report = sweep_with(&second, options, &mut |_| ()).await.unwrap();
                    assert!(report.disposed() > 0);
                    drop(storage);
                });
            })
            .join()
            .unwrap();
        }
    })
    .await;
    assert!(matches!(outcome, Err(RetentionError::LeaseLost)), "{outcome:?}");
    assert_eq!(sweep(&world).await.disposed() + 128, 200, "what was left goes with the next sweep");
    world.verify(A).await;
}

#[tokio::test]
async fn the_cost_follows_what_is_due_and_not_what_is_stored() {
    let mut costs = Vec::new();
    for stored in [40, 400] {
        let world = World::new().await;
        sweeper(&world).begin(A).await.unwrap();
        for number in 0..stored {
            world.store(BEN, &email(&format!("{number}@example.org"))).await;
        }
        for number in 0..20 {
            let record = world.store(ANA, &email(&format!("{number}@example.org"))).await;
            close_account(&world, &record).await;
        }
        world.pass_days(31);
        let before = world.storage.counts();
        assert_eq!(sweep(&world).await.disposed(), 20);
        let after = world.storage.counts();
        costs.push([0, 1, 2].map(|one| after[one] - before[one]));
    }
    assert_eq!(costs[0], costs[1]);
    assert!(world_has_due_index().await);
}

/// The due index answers nothing that is not due.
async fn world_has_due_index() -> bool {
    let world = World::new().await;
    world.store(BEN, &email("ben@example.org")).await;
    let query = wzapi_storage::query::Query::due_by(A, world.now(), 16);
    let page = world.storage.scan(&query).await.unwrap();
    page.rows.iter().all(|(key, _)| key.kind() != RowKind::Record)
}
