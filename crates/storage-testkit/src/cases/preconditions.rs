//! When a changeset is refused, and what is left then.

use std::collections::BTreeSet;

use tokio::task::JoinSet;
use wzapi_model::Timestamp;
use wzapi_storage::query::Selection;
use wzapi_storage::{Key, StorageError, Version};

use crate::backend::Backend;
use crate::bench::{Bench, due_row, holds, key, row, time};
use crate::cases::concurrency::join_all;
use crate::suite::{Failure, Verdict, ensure};

pub(crate) async fn precondition_absent(backend: &dyn Backend, case: &str) -> Result<Verdict, Failure> {
    let bench = Bench::fresh(backend, case).await?;
    let controller = bench.controller(1);
    let only = BTreeSet::from([key(1)]);
    bench.change(controller).absent(key(1)).put(row(1, 1)).commit().await?;
    let failed = bench.change(controller).absent(key(1)).put(row(1, 2)).conflict().await?;
    ensure!(failed == only, "Absent held for a stored row, or another key was named");
    let failed = bench.change(controller).absent(key(1)).delete(key(1)).conflict().await?;
    ensure!(failed == only, "Absent held for a stored row that was to be deleted");
    bench.change(controller).delete(key(1)).commit().await?;
    bench.change(controller).absent(key(1)).put(row(1, 3)).commit().await?;
    ensure!(holds(bench.one(controller, &key(1)).await?.as_ref(), 3), "the row is not the last one written");
    Ok(Verdict::Holds)
}

pub(crate) async fn precondition_version(backend: &dyn Backend, case: &str) -> Result<Verdict, Failure> {
    let bench = Bench::fresh(backend, case).await?;
    let controller = bench.controller(1);
    let only = BTreeSet::from([key(1)]);
    let first = bench.change(controller).put(row(1, 1)).commit().await?;
    let second = bench.change(controller).version(key(1), first).put(row(1, 2)).commit().await?;
    let wrong = [first, Version(0), Version(second.0.wrapping_add(1)), Version(u64::MAX)];
    for version in wrong {
        let failed = bench.change(controller).version(key(1), version).put(row(1, 9)).conflict().await?;
        ensure!(failed == only, "{version:?} held for a row of {second:?}, or another key was named");
    }
    bench.change(controller).version(key(1), second).delete(key(1)).commit().await?;
    for version in [first, second, Version(0)] {
        let failed = bench.change(controller).version(key(1), version).put(row(1, 9)).conflict().await?;
        ensure!(failed == only, "{version:?} held for a row that is not stored");
    }
    Ok(Verdict::Holds)
}

pub(crate) async fn precondition_guard_only(backend: &dyn Backend, case: &str) -> Result<Verdict, Failure> {
    let bench = Bench::fresh(backend, case).await?;
    let controller = bench.controller(1);
    let stale = bench.change(controller).put(row(1, 0)).commit().await?;
    let version = bench.change(controller).put(row(1, 1)).commit().await?;
    let guarded = |version| bench.change(controller).version(key(1), version).put(row(2, 2));
    let failed = guarded(stale).conflict().await?;
    ensure!(failed == BTreeSet::from([key(1)]), "the stale guard is not what is named");
    let failed = bench.change(controller).absent(key(1)).put(row(2, 2)).conflict().await?;
    ensure!(failed == BTreeSet::from([key(1)]), "a guard for an absent row held for a stored one");
    guarded(version).commit().await?;
    bench.change(controller).absent(key(9)).version(key(1), version).commit().await?;
    let kept = bench.one(controller, &key(1)).await?.map(|stored| stored.version);
    ensure!(kept == Some(version), "guarding a row changed it");

    for round in 0..20 {
        write_skew(&bench, round).await?;
    }
    Ok(Verdict::Holds)
}

/// Two changesets, each of which guards the row that the other one writes: whoever commits first breaks the
/// guard of the other.
async fn write_skew(bench: &Bench, round: u32) -> Result<(), Failure> {
    let controller = bench.controller(2);
    let (left, right) = (2 * round, 2 * round + 1);
    let version = bench.change(controller).puts([row(left, 0), row(right, 0)]).commit().await?;
    let mut tasks = JoinSet::new();
    for (guarded, written) in [(left, right), (right, left)] {
        let change = bench.change(controller).version(key(guarded), version).put(row(written, 1));
        tasks.spawn(async move {
            match change.send().await {
                Ok(_) => Ok(1),
                Err(StorageError::Conflict { failed }) if failed == [key(guarded)] => Ok(0),
                Err(other) => Err(Failure::from(other)),
            }
        });
    }
    let committed: u32 = join_all(tasks).await?.into_iter().sum();
    ensure!(committed == 1, "{committed} of two changesets committed that each break the other's guard");
    Ok(())
}

pub(crate) async fn conflict_changes_nothing(backend: &dyn Backend, case: &str) -> Result<Verdict, Failure> {
    let bench = Bench::fresh(backend, case).await?;
    let controller = bench.controller(1);
    bench.change(controller).puts([due_row(1, time(1)), row(2, 2), row(3, 3)]).commit().await?;
    let keys: Vec<Key> = (0..10).map(key).collect();
    let due = Selection::DueBy(Timestamp::MAX);
    let before = (bench.get(controller, &keys).await?, bench.scan(controller, &due, 10).await?);
    for failing in [1, 2, 3] {
        let change = bench.change(controller).puts([due_row(1, time(9)), row(4, 4), due_row(5, time(5))]);
        let change = change.delete(key(2)).absent(key(failing));
        let receipt = change.receipt();
        change.conflict().await?;
        ensure!(bench.one(controller, &receipt).await?.is_none(), "a refused changeset was recorded");
        let after = (bench.get(controller, &keys).await?, bench.scan(controller, &due, 10).await?);
        ensure!(after == before, "a refused changeset changed rows, versions or what is due");
    }
    // The refused id is free: the same changeset commits once its precondition holds.
    let refused = bench.change(controller).absent(key(1)).put(row(6, 6));
    let id = refused.changeset_id();
    refused.conflict().await?;
    bench.change(controller).id(id).absent(key(7)).put(row(6, 6)).commit().await?;
    Ok(Verdict::Holds)
}

pub(crate) async fn conflict_names_all(backend: &dyn Backend, case: &str) -> Result<Verdict, Failure> {
    let bench = Bench::fresh(backend, case).await?;
    let controller = bench.controller(1);
    let stale = bench.change(controller).puts((0..10).map(|number| row(number, 0))).commit().await?;
    let version = bench.change(controller).puts((0..10).map(|number| row(number, 1))).commit().await?;
    let change = (0..10).fold(bench.change(controller), |change, number| match number % 3 {
        0 => change.version(key(number), version),
        1 => change.version(key(number), stale),
        _ => change.absent(key(number)),
    });
    let change = change.absent(key(20)).version(key(21), version).version(key(22), Version(0));
    let failed = change.put(row(4, 9)).put(row(30, 9)).conflict().await?;
    let expected: BTreeSet<Key> = [1, 2, 4, 5, 7, 8, 21, 22].into_iter().map(key).collect();
    ensure!(failed == expected, "named {failed:?} instead of {expected:?}");
    Ok(Verdict::Holds)
}
