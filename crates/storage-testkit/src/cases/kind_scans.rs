//! What a scan of one kind answers, over all owners.

use std::collections::BTreeSet;

use wzapi_model::ids::{ConsentEventId, ControllerId, EntryId, SubjectId};
use wzapi_storage::key::RowKind;
use wzapi_storage::query::{Cursor, Query, Selection};
use wzapi_storage::row::Record;
use wzapi_storage::{Key, Owner, codec};

use crate::backend::Backend;
use crate::bench::Bench;
use crate::cases::population::populate;
use crate::cases::scanning::LIMITS;
use crate::sample;
use crate::suite::{Failure, Verdict, ensure};

pub(crate) async fn scan_kind(backend: &dyn Backend, case: &str) -> Result<Verdict, Failure> {
    let bench = Bench::fresh(backend, case).await?;
    let (home, neighbour) = (bench.controller(1), bench.controller(2));
    let rows = populate(&bench, home).await?;
    let others = populate(&bench, neighbour).await?;
    for (controller, rows) in [(home, &rows), (neighbour, &others)] {
        for kind in RowKind::ALL.iter().copied() {
            let expected: BTreeSet<&Key> = rows.keys().filter(|key| key.kind() == kind).collect();
            for limit in LIMITS {
                let found = bench.scan(controller, &Selection::Kind(kind), limit).await?;
                let keys: BTreeSet<&Key> = found.iter().map(|(key, _)| key).collect();
                ensure!(keys.len() == found.len(), "{kind} in pages of {limit}: a row was answered twice");
                ensure!(keys == expected, "{kind} in pages of {limit}: {keys:?} instead of {expected:?}");
                for (key, stored) in &found {
                    let same = rows
                        .get(key)
                        .is_some_and(|row| row.body == stored.body && row.due_at == stored.due_at);
                    ensure!(same, "{kind}: the row under {key:?} is not the one that was written");
                }
            }
        }
    }
    let nobody = bench.scan(bench.controller(3), &Selection::Kind(RowKind::DataKey), 10).await?;
    ensure!(nobody.is_empty(), "a controller without rows has rows of a kind");
    rows_that_come_and_go(&bench, home).await
}

/// What is stored beside the rows of the kind makes no difference, and what is deleted is not answered.
async fn rows_that_come_and_go(bench: &Bench, controller: ControllerId) -> Result<Verdict, Failure> {
    let selection = Selection::Kind(RowKind::EntryBody);
    let keys = async || -> Result<Vec<Key>, Failure> {
        Ok(bench.scan(controller, &selection, 7).await?.into_iter().map(|(key, _)| key).collect())
    };
    let before = keys().await?;
    // Rows with smaller and greater codes, of owners who have entries and of owners who have none.
    let owners = (1..=30).map(|number| SubjectId::from_bytes([number; 16]));
    let beside: Vec<Record> = owners.flat_map(|subject| [event(subject, 1), event(subject, 2)]).collect();
    bench.change(controller).puts(beside.iter().cloned()).commit().await?;
    ensure!(keys().await? == before, "rows of another kind change what a kind scan answers");
    let gone = beside.iter().fold(bench.change(controller), |change, row| change.delete(row.key.clone()));
    let gone = before.iter().fold(gone, |change, key| change.delete(key.clone()));
    gone.commit().await?;
    ensure!(keys().await?.is_empty(), "a kind scan answers rows that were deleted");
    Ok(Verdict::Holds)
}

pub(crate) async fn scan_kind_order(backend: &dyn Backend, case: &str) -> Result<Verdict, Failure> {
    let bench = Bench::fresh(backend, case).await?;
    let controller = bench.controller(1);
    populate(&bench, controller).await?;
    for kind in RowKind::ALL.iter().copied() {
        for limit in LIMITS {
            let found = bench.scan(controller, &Selection::Kind(kind), limit).await?;
            let encoded: Vec<_> = found.iter().map(|(key, _)| codec::encode_key(controller, key)).collect();
            ensure!(encoded.is_sorted(), "{kind} in pages of {limit} is not in key order");
        }
    }
    Ok(Verdict::Holds)
}

/// The owners of the rows of `scan-kind-resume`, each so often as it has rows. Between them stand persons who have
/// none; the last one is the last that there can be.
const OWNERS: [Option<[u8; 16]>; 9] = [
    None,
    None,
    Some([1; 16]),
    Some([5; 16]),
    Some([5; 16]),
    Some([5; 16]),
    Some([9; 16]),
    Some([0xff; 16]),
    Some([0xff; 16]),
];

fn owner_of(place: usize) -> Owner {
    let id = OWNERS.get(place).copied().flatten();
    id.map_or(Owner::Controller, |id| Owner::Subject(SubjectId::from_bytes(id)))
}

/// Where a row stands, seen from a place.
#[derive(Clone, Copy)]
enum Beside {
    Before,
    At,
    Behind,
}

/// The row at a place, or one right beside it: they sort as places do.
fn row_at(place: usize, beside: Beside) -> Record {
    let number = u128::try_from(place).unwrap_or(0).wrapping_mul(4).wrapping_add(match beside {
        Beside::Before => 1,
        Beside::At => 2,
        Beside::Behind => 3,
    });
    let key = Key::EntryBody { owner: owner_of(place), entry: EntryId::from_bytes(number.to_be_bytes()) };
    Record { key, ..sample::record(RowKind::EntryBody, 0) }
}

fn event(subject: SubjectId, number: u8) -> Record {
    let key = Key::ConsentEvent { subject, event: ConsentEventId::from_bytes([number; 16]) };
    Record { key, ..sample::record(RowKind::ConsentEvent, 0) }
}

pub(crate) async fn scan_kind_resume(backend: &dyn Backend, case: &str) -> Result<Verdict, Failure> {
    let bench = Bench::fresh(backend, case).await?;
    let controller = bench.controller(1);
    let selection = Selection::Kind(RowKind::EntryBody);
    // Everybody has rows of a smaller code, and persons without entries stand in between.
    let others = [1, 3, 5, 7, 9, 0xff].map(|number| SubjectId::from_bytes([number; 16]));
    bench.change(controller).puts(others.map(|subject| event(subject, 1))).commit().await?;
    let rows: Vec<Record> = (0..OWNERS.len()).map(|place| row_at(place, Beside::At)).collect();
    let keys: Vec<Key> = rows.iter().map(|row| row.key.clone()).collect();
    for limit in 1..OWNERS.len() {
        bench.change(controller).puts(rows.iter().cloned()).commit().await?;
        let query = Query { controller, selection: selection.clone(), after: None, limit };
        let page = bench.storage().scan(&query).await?;
        let answered: Vec<&Key> = page.rows.iter().map(|(key, _)| key).collect();
        ensure!(answered.iter().copied().eq(keys.iter().take(limit)), "a page of {limit}: {answered:?}");
        let Some(next) = page.next else {
            return Err(Failure::new(format!("a page of {limit} rows out of {} was the last", keys.len())));
        };
        ensure!(answered.last() == Some(&&next.key), "the cursor of a page of {limit} is not its last row");

        // One row more before the cursor, and one behind it, of the same owner.
        let last = limit.saturating_sub(1);
        let (before, behind) = (row_at(last, Beside::Before), row_at(last, Beside::Behind));
        bench.change(controller).put(before.clone()).put(behind.clone()).commit().await?;
        let rest = rest(&bench, &query, &next).await?;
        let expected: Vec<Key> =
            [behind.key.clone()].into_iter().chain(keys.iter().skip(limit).cloned()).collect();
        ensure!(rest == expected, "after row {limit}: {rest:?} instead of {expected:?}");

        // Then the owner of the cursor has no row of the kind any more.
        let owner = next.key.owner();
        let gone = keys.iter().filter(|key| key.owner() == owner).cloned();
        let gone = gone.chain([before.key, behind.key]);
        gone.fold(bench.change(controller), |change, key| change.delete(key)).commit().await?;
        let rest = self::rest(&bench, &query, &next).await?;
        let expected: Vec<Key> =
            keys.iter().skip(limit).filter(|key| key.owner() != owner).cloned().collect();
        ensure!(rest == expected, "after row {limit}, its owner gone: {rest:?} instead of {expected:?}");
    }
    bench.change(controller).puts(rows).commit().await?;
    let all = bench.scan(controller, &selection, keys.len()).await?;
    ensure!(all.iter().map(|(key, _)| key).eq(&keys), "a page that just holds all rows does not");
    Ok(Verdict::Holds)
}

async fn rest(bench: &Bench, query: &Query, next: &Cursor) -> Result<Vec<Key>, Failure> {
    let rest = bench.scan_after(query.controller, &query.selection, query.limit, Some(next.clone())).await?;
    Ok(rest.into_iter().map(|(key, _)| key).collect())
}
