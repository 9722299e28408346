//! One task rewrites rows, all of them in each changeset, while others read them: none may see a part of it.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use tokio::task::{JoinSet, yield_now};
use wzapi_model::ids::ControllerId;
use wzapi_storage::row::{Record, Stored};

use crate::bench::{Bench, Worker};
use crate::cases::concurrency::join_all;
use crate::suite::{Failure, ensure};

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

/// The rows of each rewriting hold its number. What a reader reads must be all rows of one rewriting, or none.
pub(super) async fn no_reader_sees_a_part<R>(
    bench: &Bench,
    controller: ControllerId,
    rows: fn(u32) -> Vec<Record>,
    read: impl Fn(Worker, u32) -> R + Copy + Send + Sync + 'static,
) -> Result<(), Failure>
where
    R: Future<Output = Result<Vec<Option<Stored>>, Failure>> + Send,
{
    bench.change(controller).puts(rows(0)).commit().await?;
    let progress = Arc::new(Progress::default());
    let mut readers = JoinSet::new();
    for reader in 0..READERS {
        let (worker, progress) = (bench.worker(), Arc::clone(&progress));
        readers.spawn(async move {
            let read = read_until_finished(&progress, || read(worker.clone(), reader)).await;
            // A reader that found a fault ends it for everybody.
            progress.finished.store(true, Ordering::SeqCst);
            read
        });
    }
    let rewritten = rewrite(&bench.worker(), controller, rows, &progress).await;
    progress.finished.store(true, Ordering::SeqCst);
    join_all(readers).await?;
    rewritten
}

async fn rewrite(
    worker: &Worker,
    controller: ControllerId,
    rows: fn(u32) -> Vec<Record>,
    progress: &Progress,
) -> Result<(), Failure> {
    for content in 1..=MAX_REWRITES {
        let seen = progress.changes_seen.load(Ordering::SeqCst) >= CHANGES_SEEN;
        if (content > REWRITES && seen) || progress.finished.load(Ordering::SeqCst) {
            break;
        }
        let change = worker.change(controller).relaxed();
        // Now and then the rows are gone, all of them.
        let change = if content % 10 == 0 {
            rows(0).into_iter().fold(change, |change, row| change.delete(row.key))
        } else {
            change.puts(rows(content))
        };
        change.commit().await?;
        yield_now().await;
    }
    Ok(())
}

async fn read_until_finished<R>(progress: &Progress, read: impl Fn() -> R) -> Result<(), Failure>
where
    R: Future<Output = Result<Vec<Option<Stored>>, Failure>>,
{
    let mut before = None;
    while !progress.finished.load(Ordering::SeqCst) {
        let rows = read().await?;
        let mut seen = rows.iter().map(|row| row.as_ref().map(|row| (row.version, &row.body)));
        let first = seen.next();
        ensure!(seen.all(|row| Some(row) == first), "a reader saw part of a changeset");
        let version = first.flatten().map(|(version, _)| version);
        if before.replace(version) != Some(version) {
            progress.changes_seen.fetch_add(1, Ordering::SeqCst);
        }
        yield_now().await;
    }
    Ok(())
}
