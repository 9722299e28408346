//! What `get` answers.

use wzapi_storage::changeset::InvalidChangeset;
use wzapi_storage::contract::MAX_GET_KEYS;
use wzapi_storage::{Key, StorageError};

use crate::backend::Backend;
use crate::bench::{Bench, holds, key, row};
use crate::cases::rewriting::no_reader_sees_a_part;
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

pub(crate) async fn get_snapshot(backend: &dyn Backend, case: &str) -> Result<Verdict, Failure> {
    let bench = Bench::fresh(backend, case).await?;
    let controller = bench.controller(1);
    let rows = |content| ROWS.map(|number| row(number, content)).into();
    no_reader_sees_a_part(&bench, controller, rows, move |worker, _| async move {
        worker.get(controller, &ROWS.map(key)).await
    })
    .await?;
    Ok(Verdict::Holds)
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
