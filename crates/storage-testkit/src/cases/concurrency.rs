//! Many callers at once.

use tokio::task::JoinSet;
use wzapi_storage::{Key, StorageError, Version};

use crate::backend::Backend;
use crate::bench::{Bench, Worker, holds, key, row};
use crate::suite::{Failure, Verdict, ensure};

const ROUNDS: u32 = 10;
const TASKS: u32 = 8;
const CALLERS: u32 = 32;

/// The results of tasks; the first failure ends it.
pub(crate) async fn join_all<T: 'static>(mut tasks: JoinSet<Result<T, Failure>>) -> Result<Vec<T>, Failure> {
    let mut results = Vec::with_capacity(tasks.len());
    while let Some(joined) = tasks.join_next().await {
        results.push(joined.map_err(|error| Failure::new(format!("a task did not end: {error}")))??);
    }
    Ok(results)
}

pub(crate) async fn concurrent_guards(backend: &dyn Backend, case: &str) -> Result<Verdict, Failure> {
    let bench = Bench::fresh(backend, case).await?;
    let controller = bench.controller(1);
    for round in 0..ROUNDS {
        let version = bench.change(controller).put(row(1, 0)).commit().await?;
        let mut tasks = JoinSet::new();
        for task in 1..=TASKS {
            let change = bench.change(controller).version(key(1), version).put(row(1, task));
            tasks.spawn(async move {
                match change.send().await {
                    Ok(version) => Ok(Some((task, version))),
                    Err(StorageError::Conflict { failed }) if failed == [key(1)] => Ok(None),
                    Err(other) => Err(Failure::from(other)),
                }
            });
        }
        let winners: Vec<(u32, Version)> = join_all(tasks).await?.into_iter().flatten().collect();
        let [(task, version)] = winners.as_slice() else {
            return Err(Failure::new(format!("round {round}: {} changesets committed", winners.len())));
        };
        let stored = bench.one(controller, &key(1)).await?;
        let is_winner = stored.as_ref().is_some_and(|stored| stored.version == *version);
        ensure!(is_winner && holds(stored.as_ref(), *task), "round {round}: the row is not the winner's");
    }
    Ok(Verdict::Holds)
}

pub(crate) async fn concurrent_commits(backend: &dyn Backend, case: &str) -> Result<Verdict, Failure> {
    let bench = Bench::fresh(backend, case).await?;
    // Everybody writes rows of their own; then everybody again, but every other changeset must fail.
    for half_fails in [false, true] {
        let mut tasks = JoinSet::new();
        for caller in 0..CALLERS {
            tasks.spawn(call(bench.worker(), bench.controller(1), caller, half_fails));
        }
        join_all(tasks).await?;
    }
    Ok(Verdict::Holds)
}

async fn call(
    worker: Worker,
    controller: wzapi_model::ids::ControllerId,
    caller: u32,
    half_fails: bool,
) -> Result<(), Failure> {
    let must_fail = half_fails && caller % 2 == 1;
    let content = u32::from(half_fails) + 1;
    let own: Vec<u32> = (0..3).map(|place| caller * 10 + place).collect();
    let change = worker.change(controller).puts(own.iter().map(|number| row(*number, content)));
    let change = if must_fail { change.absent(key(caller * 10)) } else { change };
    let outcome = change.send().await;
    let rows = worker.get(controller, &own.iter().copied().map(key).collect::<Vec<Key>>()).await?;
    match outcome {
        Ok(version) => {
            ensure!(!must_fail, "caller {caller} should have been refused");
            let mine = rows.iter().all(|stored| {
                holds(stored.as_ref(), content) && stored.as_ref().is_some_and(|row| row.version == version)
            });
            ensure!(mine, "caller {caller} got an outcome that is not of its rows");
        }
        Err(StorageError::Conflict { failed }) => {
            ensure!(must_fail, "caller {caller} was refused, for no row of its own");
            ensure!(failed == [key(caller * 10)], "caller {caller} was told the conflict of another one");
            let unchanged = rows.iter().all(|stored| holds(stored.as_ref(), 1));
            ensure!(unchanged, "caller {caller} was refused, but its rows changed");
        }
        Err(other) => return Err(Failure::new(format!("caller {caller}: {other} ({other:?})"))),
    }
    Ok(())
}
