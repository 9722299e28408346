//! What `get` answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use tokio::task::{JoinSet, yield_now};
use wzapi_model::ids::ControllerId;
use wzapi_storage::changeset::InvalidChangeset;
use wzapi_storage::contract::MAX_GET_KEYS;
use wzapi_storage::{Key, StorageError};

use crate::backend::Backend;
use crate::bench::{Bench, Worker, holds, key, row};
use crate::cases::concurrency::join_all;
use crate::suite::{Failure, Verdict, ensure};

pub(crate) async fn get_order(backend: &dyn Backend, case: &str) -> Result<Verdict, Failure> {
    let bench = Bench::fresh(backend, case).await?;
    let controller = bench.controller(1);
    bench.change(controller).puts([1, 3, 5].map(|number| row(number, number))).commit().await?;
    let asked = [5, 2, 1, 4, 3, 0];
    let rows = bench.get(controller, &asked.map(key)).await?;
    for (number, stored) in asked.into_iter().zip(&rows) {
        let expected = number % 2 == 1;
        ensure!(stored.is_some() == expected, "row {number} is stored: {expected}; answered otherwise");
        ensure!(!expected || holds(stored.as_ref(), number), "the answer for row {number} is another row");
    }
    ensure!(bench.get(controller, &[]).await?.is_empty(), "no keys, but an answer");

    let too_many: Vec<Key> = (0..).map(key).take(MAX_GET_KEYS + 1).collect();
    let refused = bench.storage().get(controller, &too_many).await;
    ensure!(
        matches!(refused, Err(StorageError::Invalid(InvalidChangeset::TooManyRows))),
        "more than {MAX_GET_KEYS} keys are not refused as too many"
    );
    Ok(Verdict::Holds)
}

const ROWS: [u32; 8] = [1, 2, 3, 4, 5, 6, 7, 8];
const READERS: u32 = 3;
/// The rows are rewritten so often at least, and on until the readers have seen so many changes, but not for ever.
const REWRITES: u32 = 150;
const CHANGES_SEEN: u32 = 100;
const MAX_REWRITES: u32 = 5000;

/// What the writer and the readers tell each other.
#[derive(Default)]
struct Progress {
    changes_seen: AtomicU32,
    finished: AtomicBool,
}

pub(crate) async fn get_snapshot(backend: &dyn Backend, case: &str) -> Result<Verdict, Failure> {
    let bench = Bench::fresh(backend, case).await?;
    let controller = bench.controller(1);
    bench.change(controller).puts(ROWS.map(|number| row(number, 0))).commit().await?;
    let progress = Arc::new(Progress::default());
    let mut readers = JoinSet::new();
    for _ in 0..READERS {
        let (worker, progress) = (bench.worker(), Arc::clone(&progress));
        readers.spawn(async move {
            let read = read_until_finished(&worker, controller, &progress).await;
            // A reader that found a fault ends it for everybody.
            progress.finished.store(true, Ordering::SeqCst);
            read
        });
    }
    let rewritten = rewrite(&bench.worker(), controller, &progress).await;
    progress.finished.store(true, Ordering::SeqCst);
    join_all(readers).await?;
    rewritten?;
    Ok(Verdict::Holds)
}

async fn rewrite(worker: &Worker, controller: ControllerId, progress: &Progress) -> Result<(), Failure> {
    for content in 1..=MAX_REWRITES {
        let seen = progress.changes_seen.load(Ordering::SeqCst) >= CHANGES_SEEN;
        if (content > REWRITES && seen) || progress.finished.load(Ordering::SeqCst) {
            break;
        }
        let change = worker.change(controller).relaxed();
        // Now and then the rows are gone, all of them.
        let change = if content % 10 == 0 {
            ROWS.into_iter().fold(change, |change, number| change.delete(key(number)))
        } else {
            change.puts(ROWS.map(|number| row(number, content)))
        };
        change.commit().await?;
        yield_now().await;
    }
    Ok(())
}

async fn read_until_finished(
    worker: &Worker,
    controller: ControllerId,
    progress: &Progress,
) -> Result<(), Failure> {
    let keys = ROWS.map(key);
    let mut before = None;
    while !progress.finished.load(Ordering::SeqCst) {
        let rows = worker.get(controller, &keys).await?;
        let mut seen = rows.iter().map(|row| row.as_ref().map(|row| (row.version, &row.body)));
        let first = seen.next();
        ensure!(seen.all(|row| Some(row) == first), "one get saw part of a changeset");
        let version = first.flatten().map(|(version, _)| version);
        if before.replace(version) != Some(version) {
            progress.changes_seen.fetch_add(1, Ordering::SeqCst);
        }
        yield_now().await;
    }
    Ok(())
}

pub(crate) async fn get_read_your_writes(backend: &dyn Backend, case: &str) -> Result<Verdict, Failure> {
    let bench = Bench::fresh(backend, case).await?;
    let controller = bench.controller(1);
    for content in 0..20 {
        let change = bench.change(controller).put(row(1, content));
        let change = if content % 2 == 0 { change } else { change.relaxed() };
        change.commit().await?;
        let worker = bench.worker();
        let elsewhere = tokio::spawn(async move { worker.one(controller, &key(1)).await });
        let elsewhere = elsewhere.await.map_err(|error| Failure::new(error.to_string()))??;
        ensure!(holds(elsewhere.as_ref(), content), "another task does not see write {content}");
        let here = bench.one(controller, &key(1)).await?;
        ensure!(holds(here.as_ref(), content), "write {content} is not seen");
    }
    bench.change(controller).delete(key(1)).commit().await?;
    ensure!(bench.one(controller, &key(1)).await?.is_none(), "a deleted row is still seen");
    Ok(Verdict::Holds)
}

pub(crate) async fn get_duplicate_keys(backend: &dyn Backend, case: &str) -> Result<Verdict, Failure> {
    let bench = Bench::fresh(backend, case).await?;
    let controller = bench.controller(1);
    bench.change(controller).puts([row(1, 1), row(2, 2)]).commit().await?;
    let rows = bench.get(controller, &[1, 2, 1, 9, 9, 1].map(key)).await?;
    let expected = [Some(1), Some(2), Some(1), None, None, Some(1)];
    for (place, (stored, expected)) in rows.iter().zip(expected).enumerate() {
        let right = expected.map_or(stored.is_none(), |content| holds(stored.as_ref(), content));
        ensure!(right, "answer {place} is not that of its key");
    }
    Ok(Verdict::Holds)
}
