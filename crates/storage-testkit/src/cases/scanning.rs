//! What `scan` answers.

use std::collections::{BTreeMap, BTreeSet};

use wzapi_model::Timestamp;
use wzapi_model::ids::{ControllerId, SubjectId};
use wzapi_storage::changeset::InvalidChangeset;
use wzapi_storage::key::{BlindIndex, KeyPrefix, RowKind};
use wzapi_storage::query::{MAX_PAGE, Query, Selection};
use wzapi_storage::row::{Record, Stored};
use wzapi_storage::{Key, Owner, StorageError, codec};

use crate::backend::Backend;
use crate::bench::{Bench, due_row, holds, key, row, time};
use crate::sample::{self, Sequence};
use crate::suite::{Failure, Verdict, ensure};

const LIMITS: [usize; 3] = [1, 7, MAX_PAGE];

/// Fills a controller with rows of every kind and many owners; answers them by key, with the record of the
/// changeset that wrote them.
async fn populate(bench: &Bench, controller: ControllerId) -> Result<BTreeMap<Key, Record>, Failure> {
    let kinds = RowKind::ALL.iter().copied().filter(|kind| *kind != RowKind::Changeset);
    let samples = kinds.flat_map(|kind| (0..6).map(move |seed| sample::record(kind, seed)));
    let mut rows: BTreeMap<Key, Record> = samples.map(|record| (record.key.clone(), record)).collect();
    // One subject with rows of several kinds, and its neighbours.
    for last in [6, 7, 8] {
        let subject = SubjectId::from_bytes(u128::from_be_bytes([7; 16]).wrapping_add(last).to_be_bytes());
        for kind in [RowKind::Subject, RowKind::ConsentEvent, RowKind::Permit] {
            let Record { due_at, body, key } = sample::record(kind, 3);
            let key = match key {
                Key::ConsentEvent { event, .. } => Key::ConsentEvent { subject, event },
                Key::Permit { permit, .. } => Key::Permit { subject, permit },
                _ => Key::Subject(subject),
            };
            rows.insert(key.clone(), Record { key, due_at, body });
        }
    }
    for (route, source) in [(1, 1), (1, 2), (1, 3), (2, 1), (255, 1), (256, 1)] {
        let index = |number: u128| BlindIndex(number.to_be_bytes());
        let key = Key::Parked { route: index(route), source: index(source) };
        rows.insert(key.clone(), Record { key, ..sample::record(RowKind::Parked, 0) });
    }
    let change = bench.change(controller).puts(rows.values().cloned());
    let receipt = change.receipt();
    change.commit().await?;
    if let Some(stored) = bench.one(controller, &receipt).await? {
        rows.insert(receipt.clone(), Record { key: receipt, due_at: stored.due_at, body: stored.body });
    }
    Ok(rows)
}

fn is_under(key: &Key, prefix: &KeyPrefix) -> bool {
    match prefix {
        KeyPrefix::Owner(owner) => key.owner() == *owner,
        KeyPrefix::Kind(owner, kind) => key.owner() == *owner && key.kind() == *kind,
        KeyPrefix::ParkedUnder(under) => matches!(key, Key::Parked { route, .. } if route == under),
    }
}

fn prefixes(rows: &BTreeMap<Key, Record>) -> Vec<KeyPrefix> {
    let mut owners: BTreeSet<Owner> = rows.keys().map(Key::owner).collect();
    owners.insert(Owner::Subject(SubjectId::from_bytes([0x55; 16])));
    let owned = owners.iter().map(|owner| KeyPrefix::Owner(*owner));
    let kinds: BTreeSet<_> = rows.keys().map(|key| (key.owner(), key.kind())).collect();
    let kinds = kinds.into_iter().map(|(owner, kind)| KeyPrefix::Kind(owner, kind));
    let routes = [0, 1, 2, 255, 256, u128::MAX].map(|route| BlindIndex(route.to_be_bytes()));
    owned.chain(kinds).chain(routes.map(KeyPrefix::ParkedUnder)).collect()
}

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
            for selection in [Selection::Prefix(plain.clone()), Selection::DueBy(time(1))] {
                let mut found = bench.scan(controller, &selection, limit).await?;
                found.retain(|(key, _)| key.kind() == RowKind::SourceEvent);
                let own = |(_, stored): &(Key, Stored)| holds(Some(stored), number.into());
                ensure!(
                    found.len() == 5 && found.iter().all(own),
                    "controller {number}, {selection:?}, pages of {limit}: not exactly its own rows"
                );
            }
            let selection = Selection::Prefix(KeyPrefix::Owner(Owner::Subject(subject)));
            let found = bench.scan(controller, &selection, limit).await?;
            let own = found.iter().all(|(_, stored)| stored.body == owned(number.into()).body);
            ensure!(found.len() == 1 && own, "controller {number}: not exactly its own subject");
        }
    }
    let empty = bench.scan(bench.controller(3), &Selection::DueBy(Timestamp::MAX), 10).await?;
    ensure!(empty.is_empty(), "a controller without rows has rows that are due");
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
