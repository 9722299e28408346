//! What `scan` answers.

use std::collections::BTreeSet;

use wzapi_model::Timestamp;
use wzapi_model::ids::{ControllerId, EntryId, SubjectId};
use wzapi_storage::changeset::InvalidChangeset;
use wzapi_storage::key::{KeyPrefix, RowKind};
use wzapi_storage::query::{MAX_PAGE, Query, Selection};
use wzapi_storage::row::{Body, EntryBodyRow, Record, Stored};
use wzapi_storage::{Key, Owner, StorageError, codec};

use crate::backend::Backend;
use crate::bench::{Bench, due_row, holds, key, row, time};
use crate::cases::population::{is_under, populate, prefixes};
use crate::cases::rewriting::no_reader_sees_a_part;
use crate::sample::{self, Sequence};
use crate::suite::{Failure, Verdict, ensure};

pub(super) const LIMITS: [usize; 3] = [1, 7, MAX_PAGE];

pub(crate) async fn scan_prefix(backend: &dyn Backend, case: &str) -> Result<Verdict, Failure> {
    let bench = Bench::fresh(backend, case).await?;
    let controller = ControllerId::SYSTEM;
    let rows = populate(&bench, controller).await?;
    for prefix in prefixes(&rows) {
        let expected: BTreeSet<&Key> = rows.keys().filter(|key| is_under(key, &prefix)).collect();
        for limit in LIMITS {
            let found = bench.scan(controller, &Selection::Prefix(prefix.clone()), limit).await?;
            let keys: BTreeSet<&Key> = found.iter().map(|(key, _)| key).collect();
            ensure!(keys.len() == found.len(), "{prefix:?} in pages of {limit}: a row was answered twice");
            ensure!(keys == expected, "{prefix:?} in pages of {limit}: {keys:?} instead of {expected:?}");
            for (key, stored) in &found {
                let same =
                    rows.get(key).is_some_and(|row| row.body == stored.body && row.due_at == stored.due_at);
                ensure!(same, "{prefix:?}: the row under {key:?} is not the one that was written");
            }
        }
    }
    Ok(Verdict::Holds)
}

pub(crate) async fn scan_order(backend: &dyn Backend, case: &str) -> Result<Verdict, Failure> {
    let bench = Bench::fresh(backend, case).await?;
    let controller = bench.controller(1);
    let rows = populate(&bench, controller).await?;
    for prefix in prefixes(&rows) {
        for limit in LIMITS {
            let found = bench.scan(controller, &Selection::Prefix(prefix.clone()), limit).await?;
            let encoded: Vec<_> = found.iter().map(|(key, _)| codec::encode_key(controller, key)).collect();
            ensure!(encoded.is_sorted(), "{prefix:?} in pages of {limit} is not in key order");
        }
    }
    Ok(Verdict::Holds)
}

pub(crate) async fn scan_due(backend: &dyn Backend, case: &str) -> Result<Verdict, Failure> {
    let bench = Bench::fresh(backend, case).await?;
    let controller = bench.controller(1);
    let mut sequence = Sequence::new(1);
    let mut rows: Vec<Record> = Vec::new();
    for number in 0..40 {
        let seconds = u32::try_from(sequence.below(20)).unwrap_or(0);
        rows.push(due_row(number, time(100 + seconds)));
    }
    rows.extend([row(50, 1), row(51, 1), due_row(52, Timestamp::EPOCH), due_row(53, Timestamp::MAX)]);
    let change = bench.change(controller).at(time(0)).puts(rows.iter().cloned());
    let receipt = change.receipt();
    change.commit().await?;
    let day = 24 * 3600;
    rows.push(Record { key: receipt, ..due_row(0, time(day)) });

    let moments = [
        Timestamp::EPOCH,
        time(99),
        time(100),
        time(110),
        time(119),
        time(day - 1),
        time(day),
        Timestamp::MAX,
    ];
    for moment in moments {
        let mut expected: Vec<_> = rows
            .iter()
            .filter_map(|row| Some((row.due_at?, codec::encode_key(controller, &row.key))))
            .filter(|(due_at, _)| *due_at <= moment)
            .collect();
        expected.sort();
        for limit in LIMITS {
            let found = bench.scan(controller, &Selection::DueBy(moment), limit).await?;
            let found: Vec<_> = found
                .iter()
                .filter_map(|(key, stored)| Some((stored.due_at?, codec::encode_key(controller, key))))
                .collect();
            ensure!(
                found == expected,
                "due by {moment} in pages of {limit}: {} rows instead of {}, or in another order",
                found.len(),
                expected.len()
            );
        }
    }
    Ok(Verdict::Holds)
}

pub(crate) async fn scan_resume(backend: &dyn Backend, case: &str) -> Result<Verdict, Failure> {
    let selections = [
        Selection::Prefix(KeyPrefix::Kind(Owner::Controller, RowKind::SourceEvent)),
        Selection::Kind(RowKind::SourceEvent),
        Selection::DueBy(time(50)),
    ];
    for (number, selection) in (1..).zip(selections) {
        let bench = Bench::fresh(backend, case).await?;
        let controller = bench.controller(number);
        // Rows 4 to 6 are due at one moment, so that a cursor may fall between them.
        let due = |number: u32| time(if (4..=6).contains(&number) { 5 } else { number });
        bench.change(controller).puts((1..=10).map(|number| due_row(number, due(number)))).commit().await?;
        for limit in 1..=10_u32 {
            let size = usize::try_from(limit).unwrap_or(1);
            let query = Query { controller, selection: selection.clone(), after: None, limit: size };
            let page = bench.storage().scan(&query).await?;
            ensure!(page.rows.len() == size, "a page of {limit} held {} rows", page.rows.len());
            let Some(next) = page.next else {
                ensure!(limit == 10, "a page of {limit} rows out of 10 was the last");
                continue;
            };
            let last = page.rows.last().map(|(key, _)| key);
            ensure!(last == Some(&next.key), "the cursor of a page of {limit} is not its last row");
            let gone = bench.change(controller).delete(key(limit));
            gone.commit().await?;
            let rest = bench.scan_after(controller, &selection, size, Some(next)).await?;
            let rest: Vec<Key> = rest.into_iter().map(|(key, _)| key).collect();
            let expected: Vec<Key> = (limit + 1..=10).map(key).collect();
            ensure!(rest == expected, "after row {limit}, now deleted: {rest:?} instead of {expected:?}");
            bench.change(controller).put(due_row(limit, due(limit))).commit().await?;
        }
        for limit in [0, MAX_PAGE + 1] {
            let query = Query { controller, selection: selection.clone(), after: None, limit };
            let refused = bench.storage().scan(&query).await;
            ensure!(
                matches!(refused, Err(StorageError::Invalid(InvalidChangeset::PageLimit))),
                "a page limit of {limit} is not refused"
            );
        }
    }
    Ok(Verdict::Holds)
}

/// Rows of several owners, all of which hold `content`, and some of which are due.
fn rewritten(content: u32) -> Vec<Record> {
    let due = (1..=8).map(|number| Record { due_at: Some(time(1)), ..row(number, content) });
    let entry = |owner| {
        let Record { due_at, body, .. } = sample::record(RowKind::EntryBody, 0);
        let key = Key::EntryBody { owner, entry: EntryId::from_bytes([7; 16]) };
        let body = match body {
            Body::EntryBody(row) => EntryBodyRow { index: content.into(), ..row }.into(),
            other => other,
        };
        Record { key, due_at, body }
    };
    let persons = [1, 2, 0xff].map(|id| Owner::Subject(SubjectId::from_bytes([id; 16])));
    due.chain([Owner::Controller].into_iter().chain(persons).map(entry)).collect()
}

pub(crate) async fn scan_snapshot(backend: &dyn Backend, case: &str) -> Result<Verdict, Failure> {
    let bench = Bench::fresh(backend, case).await?;
    let controller = bench.controller(1);
    no_reader_sees_a_part(&bench, controller, rewritten, move |worker, reader| async move {
        let (selection, most) = match reader % 3 {
            0 => (Selection::Kind(RowKind::EntryBody), 4),
            1 => (Selection::Prefix(KeyPrefix::Kind(Owner::Controller, RowKind::SourceEvent)), 8),
            _ => (Selection::DueBy(time(1)), 8),
        };
        let query = Query { controller, selection, after: None, limit: MAX_PAGE };
        let page = worker.storage.scan(&query).await?;
        let mut rows: Vec<_> = page.rows.into_iter().map(|(_, stored)| Some(stored)).collect();
        // Rows that are missing are part of what was read.
        rows.resize(most, None);
        Ok(rows)
    })
    .await?;
    Ok(Verdict::Holds)
}

pub(crate) async fn scan_tenant(backend: &dyn Backend, case: &str) -> Result<Verdict, Failure> {
    let bench = Bench::fresh(backend, case).await?;
    let subject = SubjectId::from_bytes([0xff; 16]);
    let owned = |content| Record { key: Key::Subject(subject), ..sample::record(RowKind::Subject, content) };
    for number in [0, 1, 2, 255] {
        let plain = (0..5).map(|key| Record { due_at: Some(time(1)), ..row(key, number.into()) });
        let change = bench.change(bench.controller(number)).puts(plain).put(owned(number.into()));
        change.commit().await?;
    }
    let plain = KeyPrefix::Kind(Owner::Controller, RowKind::SourceEvent);
    for number in [0, 1, 2, 255] {
        let controller = bench.controller(number);
        for limit in LIMITS {
            let of_the_kind = Selection::Kind(RowKind::SourceEvent);
            for selection in [Selection::Prefix(plain.clone()), of_the_kind, Selection::DueBy(time(1))] {
                let mut found = bench.scan(controller, &selection, limit).await?;
                found.retain(|(key, _)| key.kind() == RowKind::SourceEvent);
                let own = |(_, stored): &(Key, Stored)| holds(Some(stored), number.into());
                ensure!(
                    found.len() == 5 && found.iter().all(own),
                    "controller {number}, {selection:?}, pages of {limit}: not exactly its own rows"
                );
            }
            let person = Selection::Prefix(KeyPrefix::Owner(Owner::Subject(subject)));
            for selection in [person, Selection::Kind(RowKind::Subject)] {
                let found = bench.scan(controller, &selection, limit).await?;
                let own = found.iter().all(|(_, stored)| stored.body == owned(number.into()).body);
                ensure!(
                    found.len() == 1 && own,
                    "controller {number}, {selection:?}: not exactly its own subject"
                );
            }
        }
    }
    for selection in [Selection::DueBy(Timestamp::MAX), Selection::Kind(RowKind::Subject)] {
        let empty = bench.scan(bench.controller(3), &selection, 10).await?;
        ensure!(empty.is_empty(), "a controller without rows has rows: {selection:?}");
    }
    Ok(Verdict::Holds)
}

pub(crate) async fn due_follows_row(backend: &dyn Backend, case: &str) -> Result<Verdict, Failure> {
    let bench = Bench::fresh(backend, case).await?;
    let controller = bench.controller(1);
    let due = async || -> Result<Vec<(Key, Option<Timestamp>)>, Failure> {
        let mut found = bench.scan(controller, &Selection::DueBy(Timestamp::MAX), 100).await?;
        found.retain(|(key, _)| key.kind() == RowKind::SourceEvent);
        Ok(found.into_iter().map(|(key, stored)| (key, stored.due_at)).collect())
    };
    let listed = |numbers: &[(u32, u32)]| -> Vec<(Key, Option<Timestamp>)> {
        numbers.iter().map(|(number, at)| (key(*number), Some(time(*at)))).collect()
    };

    bench.change(controller).puts((1..=4).map(|number| due_row(number, time(number)))).commit().await?;
    ensure!(due().await? == listed(&[(1, 1), (2, 2), (3, 3), (4, 4)]), "new rows are not listed as due");
    // Earlier, later, never, deleted: in one changeset.
    let change = bench.change(controller).put(due_row(1, time(9))).put(due_row(2, time(1)));
    change.put(row(3, 3)).delete(key(4)).commit().await?;
    ensure!(due().await? == listed(&[(2, 1), (1, 9)]), "former due times are not forgotten");
    // The same time again, and a time for rows that had none.
    let change = bench.change(controller).put(due_row(1, time(9))).put(due_row(3, time(9)));
    change.put(due_row(4, time(9))).commit().await?;
    ensure!(due().await? == listed(&[(2, 1), (1, 9), (3, 9), (4, 9)]), "new due times are not listed");
    let earlier = bench.scan(controller, &Selection::DueBy(time(8)), 10).await?;
    ensure!(earlier.len() == 1, "a row is listed under a time that it no longer has");
    let change = (1..=4).fold(bench.change(controller), |change, number| change.delete(key(number)));
    change.commit().await?;
    ensure!(due().await?.is_empty(), "a deleted row is listed as due");
    Ok(Verdict::Holds)
}
