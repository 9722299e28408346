//! What `commit` writes.

use std::collections::BTreeSet;

use wzapi_storage::changeset::{InvalidChangeset, MAX_BODY_BYTES, MAX_CHANGESET_ROWS, Write};
use wzapi_storage::key::{Cohort, RowKind};
use wzapi_storage::query::Selection;
use wzapi_storage::row::{Body, Record, Sealed, UnrecognisedRow};
use wzapi_storage::{Key, Precondition, StorageError, Version};

use crate::backend::Backend;
use crate::bench::{Bench, Change, holds, is_record, key, row, time};
use crate::sample;
use crate::suite::{Failure, Verdict, ensure};

pub(crate) async fn commit_all_or_nothing(backend: &dyn Backend, case: &str) -> Result<Verdict, Failure> {
    let bench = Bench::fresh(backend, case).await?;
    let controller = bench.controller(1);
    bench.change(controller).puts((0..4).map(|number| row(number, 0))).commit().await?;
    let rewrite = || {
        let change = bench.change(controller).puts((2..200).map(|number| row(number, 7)));
        change.delete(key(0)).delete(key(1))
    };
    let keys: Vec<Key> = (0..200).map(key).collect();

    rewrite().absent(key(3)).conflict().await?;
    for (number, stored) in (0_u32..).zip(bench.get(controller, &keys).await?) {
        let untouched = if number < 4 { holds(stored.as_ref(), 0) } else { stored.is_none() };
        ensure!(untouched, "write {number} of a refused changeset was applied");
    }
    rewrite().commit().await?;
    for (number, stored) in (0_u32..).zip(bench.get(controller, &keys).await?) {
        let applied = if number < 2 { stored.is_none() } else { holds(stored.as_ref(), 7) };
        ensure!(applied, "write {number} of a committed changeset was not applied");
    }
    Ok(Verdict::Holds)
}

pub(crate) async fn commit_versions(backend: &dyn Backend, case: &str) -> Result<Verdict, Failure> {
    let bench = Bench::fresh(backend, case).await?;
    let controller = bench.controller(1);
    let mut seen = BTreeSet::new();
    for content in 0..5 {
        let change = bench.change(controller).puts((0..20).map(|number| row(number, content)));
        let receipt = change.receipt();
        let version = change.commit().await?;
        ensure!(seen.insert(version), "two commits that wrote the same rows returned the same version");
        let mut keys: Vec<Key> = (0..20).map(key).collect();
        keys.push(receipt);
        for stored in bench.get(controller, &keys).await? {
            let found = stored.map(|stored| stored.version);
            ensure!(found == Some(version), "a row has version {found:?}, its commit returned {version:?}");
        }
        let scanned = bench.scan(controller, &Selection::DueBy(time(u32::MAX)), 100).await?;
        let of_scan = scanned.iter().any(|(_, stored)| stored.version == version);
        ensure!(of_scan, "a scan answers another version than a get");
    }
    // A row that a commit does not write keeps its version.
    let before = bench.one(controller, &key(1)).await?;
    bench.change(controller).put(row(2, 9)).commit().await?;
    ensure!(bench.one(controller, &key(1)).await? == before, "a row changed that no write touched");
    Ok(Verdict::Holds)
}

pub(crate) async fn version_never_reused(backend: &dyn Backend, case: &str) -> Result<Verdict, Failure> {
    let bench = Bench::fresh(backend, case).await?;
    let controller = bench.controller(1);
    let mut seen: BTreeSet<Version> = BTreeSet::new();
    let mut stale = None;
    for content in 0..6 {
        // The same content every other time: a version tells of writes, not of contents.
        bench.change(controller).put(row(1, content / 2)).commit().await?;
        let version = bench.one(controller, &key(1)).await?.map(|stored| stored.version);
        let version = version.ok_or_else(|| Failure::new("a written row is not there"))?;
        ensure!(seen.insert(version), "{version:?} came back");
        if content % 2 == 1 {
            bench.change(controller).delete(key(1)).commit().await?;
        }
        if let Some(stale) = stale.replace(version) {
            let failed = bench.change(controller).version(key(1), stale).put(row(1, 99)).conflict().await?;
            ensure!(
                failed == BTreeSet::from([key(1)]),
                "a version of an earlier life of the row is accepted"
            );
        }
    }
    Ok(Verdict::Holds)
}

pub(crate) async fn row_once(backend: &dyn Backend, case: &str) -> Result<Verdict, Failure> {
    let bench = Bench::fresh(backend, case).await?;
    let controller = bench.controller(1);
    let version = bench.change(controller).put(row(1, 0)).commit().await?;
    let change = || bench.change(controller);
    let many = || u32::try_from(MAX_CHANGESET_ROWS + 1).unwrap_or(u32::MAX);
    let refused: [(&str, InvalidChangeset, Change); 9] = [
        ("two puts of a row", InvalidChangeset::WrittenTwice, change().put(row(1, 1)).put(row(1, 2))),
        ("two equal puts", InvalidChangeset::WrittenTwice, change().put(row(1, 1)).put(row(1, 1))),
        ("put and delete", InvalidChangeset::WrittenTwice, change().put(row(1, 1)).delete(key(1))),
        ("two deletes", InvalidChangeset::WrittenTwice, change().delete(key(1)).delete(key(1))),
        (
            "two guards of a row",
            InvalidChangeset::GuardedTwice,
            change().version(key(1), version).version(key(1), version).put(row(1, 1)),
        ),
        (
            "a body of another kind",
            InvalidChangeset::KindMismatch,
            change().put(row(1, 1)).put(Record {
                key: Key::LogHead(0),
                due_at: None,
                body: sample::record(RowKind::LogLeaf, 2).body,
            }),
        ),
        ("too many writes", InvalidChangeset::TooManyRows, change().puts((1..=many()).map(|n| row(n, 1)))),
        (
            "too many guards",
            InvalidChangeset::TooManyRows,
            (2..=many() + 1).fold(change().put(row(1, 1)), |change, number| change.absent(key(number))),
        ),
        ("a row too large", InvalidChangeset::RowTooLarge, change().put(row(1, 1)).put(too_large())),
    ];
    for (what, expected, change) in refused {
        let receipt = change.receipt();
        match change.send().await {
            Err(StorageError::Invalid(found)) if found == expected => {}
            Err(other) => return Err(Failure::new(format!("{what}: refused with {other:?}"))),
            Ok(_) => return Err(Failure::new(format!("{what}: committed"))),
        }
        let rows = bench.get(controller, &[key(1), key(2), receipt, too_large().key]).await?;
        let mut rows = rows.iter().map(Option::as_ref);
        let unchanged = rows.next().flatten().is_some_and(|row| row.version == version);
        ensure!(unchanged && rows.all(|row| row.is_none()), "{what}: refused, but something changed");
    }
    let full = change().puts((2..many() + 1).map(|number| row(number, 1)));
    full.commit().await?;
    let guards = (2..many() + 1).map(|number| (key(number), Precondition::Absent));
    let failed = guards.fold(change(), |change, (key, guard)| change.guard(key, guard)).conflict().await?;
    ensure!(failed.len() == MAX_CHANGESET_ROWS, "a changeset of the largest size is not applied whole");
    Ok(Verdict::Holds)
}

fn too_large() -> Record {
    let sealed = Sealed { cohort: Cohort(0), envelope: vec![7; MAX_BODY_BYTES] };
    let body = UnrecognisedRow { received_at: time(0), reason: String::new(), sealed };
    Record { body: Body::Unrecognised(body), ..sample::record(RowKind::Unrecognised, 2) }
}

pub(crate) async fn delete_absent(backend: &dyn Backend, case: &str) -> Result<Verdict, Failure> {
    let bench = Bench::fresh(backend, case).await?;
    let controller = bench.controller(1);
    bench.change(controller).delete(key(1)).commit().await?;
    bench.change(controller).absent(key(1)).delete(key(1)).put(row(2, 2)).commit().await?;
    bench.change(controller).delete(key(2)).commit().await?;
    bench.change(controller).delete(key(2)).commit().await?;
    let rows = bench.get(controller, &[key(1), key(2)]).await?;
    ensure!(rows.iter().all(Option::is_none), "a deleted row is there");
    Ok(Verdict::Holds)
}

pub(crate) async fn commit_tenant(backend: &dyn Backend, case: &str) -> Result<Verdict, Failure> {
    let bench = Bench::fresh(backend, case).await?;
    let (one, other) = (bench.controller(1), bench.controller(2));
    let first = bench.change(one).absent(key(1)).put(row(1, 1)).commit().await?;
    bench.change(other).absent(key(1)).put(row(1, 2)).commit().await?;
    ensure!(holds(bench.one(one, &key(1)).await?.as_ref(), 1), "another controller's write changed the row");
    ensure!(
        holds(bench.one(other, &key(1)).await?.as_ref(), 2),
        "the second controller has no row of its own"
    );
    bench.change(other).delete(key(1)).commit().await?;
    bench.change(one).version(key(1), first).put(row(1, 3)).commit().await?;
    ensure!(holds(bench.one(one, &key(1)).await?.as_ref(), 3), "another controller's delete removed the row");
    ensure!(bench.one(other, &key(1)).await?.is_none(), "a deleted row came back from another controller");
    let missing = bench.one(bench.controller(3), &key(1)).await?;
    ensure!(missing.is_none(), "a controller sees a row that it never wrote");
    Ok(Verdict::Holds)
}

pub(crate) async fn body_round_trip(backend: &dyn Backend, case: &str) -> Result<Verdict, Failure> {
    let bench = Bench::fresh(backend, case).await?;
    let controller = bench.controller(1);
    for kind in RowKind::ALL.iter().copied().filter(|kind| *kind != RowKind::Changeset) {
        for seed in 0..12 {
            let record = sample::record(kind, seed);
            let version =
                bench.change(controller).relaxed().write(Write::Put(record.clone())).commit().await?;
            let stored = bench.one(controller, &record.key).await?;
            ensure!(
                is_record(stored.as_ref(), &record, version),
                "sample {seed} of {kind} came back changed: {stored:?}"
            );
        }
    }
    Ok(Verdict::Holds)
}
