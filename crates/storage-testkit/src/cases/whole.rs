//! The store as a whole: through the trait object, and closed and opened again.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use wzapi_model::Timestamp;
use wzapi_storage::Storage;
use wzapi_storage::key::RowKind;
use wzapi_storage::query::Selection;

use crate::backend::{Backend, OpenStore, Reopened, SetupError};
use crate::bench::{Bench, due_row, holds, key, row, time};
use crate::sample;
use crate::suite::{CASES, Failure, Verdict, ensure};

pub(crate) async fn dyn_storage(backend: &dyn Backend, case: &str) -> Result<Verdict, Failure> {
    for other in CASES.iter().filter(|other| other.name != case) {
        other.run(&Wrapped(backend)).await.map_err(|failure| {
            Failure::new(format!("through `Arc<dyn Storage>`, {} does not hold: {failure}", other.name))
        })?;
    }
    Ok(Verdict::Holds)
}

/// The backend, with one more `Arc<dyn Storage>` around each store.
struct Wrapped<'a>(&'a dyn Backend);

struct WrappedStore(Box<dyn OpenStore>);

#[async_trait]
impl Backend for Wrapped<'_> {
    async fn fresh(&self) -> Result<Box<dyn OpenStore>, SetupError> {
        Ok(Box::new(WrappedStore(self.0.fresh().await?)))
    }
}

#[async_trait]
impl OpenStore for WrappedStore {
    fn storage(&self) -> Arc<dyn Storage> {
        let inner: Arc<dyn Storage> = self.0.storage();
        Arc::new(inner)
    }

    async fn reopen(self: Box<Self>) -> Result<Reopened, SetupError> {
        Ok(match self.0.reopen().await? {
            Reopened::Open(opened) => Reopened::Open(Box::new(Self(opened))),
            Reopened::Volatile => Reopened::Volatile,
        })
    }
}

pub(crate) async fn durable_reopen(backend: &dyn Backend, case: &str) -> Result<Verdict, Failure> {
    let mut bench = Bench::fresh(backend, case).await?;
    let controller = bench.controller(1);
    let kinds = RowKind::ALL.iter().copied().filter(|kind| *kind != RowKind::Changeset);
    let samples: Vec<_> = kinds.map(|kind| sample::record(kind, 4)).collect();
    let keys: Vec<_> = samples.iter().map(|record| record.key.clone()).chain((1..=6).map(key)).collect();
    let due = Selection::DueBy(Timestamp::MAX);

    bench.change(controller).puts(samples).put(row(1, 1)).put(due_row(2, time(2))).commit().await?;
    let deleted = bench.change(controller).put(row(3, 3)).commit().await?;
    bench.change(controller).delete(key(3)).put(due_row(2, time(9))).commit().await?;
    bench.change(controller).relaxed().put(row(4, 4)).commit().await?;
    let last = bench.change(controller).put(row(5, 5));
    let receipt = last.receipt();
    last.commit().await?;
    let before = (bench.get(controller, &keys).await?, bench.scan(controller, &due, 100).await?);

    let mut versions = BTreeSet::from([deleted]);
    for round in 0..2 {
        bench = match bench.reopen().await? {
            Some(reopened) => reopened,
            None => return Ok(Verdict::NotApplicable),
        };
        let after = (bench.get(controller, &keys).await?, bench.scan(controller, &due, 100).await?);
        ensure!(after.0 == before.0, "opened again, rows differ, or their versions");
        ensure!(round > 0 || after.1 == before.1, "opened again, other rows are due");
        ensure!(bench.one(controller, &receipt).await?.is_some(), "the record of a changeset is gone");
        let relaxed = bench.one(controller, &key(4)).await?;
        ensure!(holds(relaxed.as_ref(), 4), "a relaxed commit before a durable one is gone");
        // The deleted row comes to life again, under a version that it never had.
        let version = bench.change(controller).absent(key(3)).put(row(3, 3)).commit().await?;
        ensure!(versions.insert(version), "{version:?} came back after the store was opened again");
        let stored = before.0.iter().flatten().any(|stored| stored.version == version);
        ensure!(!stored, "a version of another row came back after the store was opened again");
        bench.change(controller).delete(key(3)).commit().await?;
    }
    Ok(Verdict::Holds)
}
