//! The id of a changeset, by which an unknown outcome is settled.

use std::collections::BTreeSet;
use std::time::Duration;

use wzapi_model::Timestamp;
use wzapi_storage::row::{ChangesetRow, RowType};

use crate::backend::Backend;
use crate::bench::{Bench, holds, key, row, time};
use crate::suite::{Failure, Verdict, ensure};

const DAY: Duration = Duration::from_secs(24 * 3600);

pub(crate) async fn changeset_recorded(backend: &dyn Backend, case: &str) -> Result<Verdict, Failure> {
    let bench = Bench::fresh(backend, case).await?;
    let controller = bench.controller(1);
    for at in [Timestamp::EPOCH, time(0), time(5), Timestamp::MAX] {
        let change = bench.change(controller).at(at).put(row(1, 1));
        let empty = bench.change(controller).at(at).relaxed();
        for change in [change, empty] {
            let receipt = change.receipt();
            ensure!(bench.one(controller, &receipt).await?.is_none(), "recorded before it was committed");
            let version = change.commit().await?;
            let stored = bench.one(controller, &receipt).await?;
            let Some(stored) = stored else { return Err(Failure::new("a commit was not recorded")) };
            ensure!(
                ChangesetRow::of(&stored.body) == Some(&ChangesetRow { at }),
                "the record of a changeset does not hold its time"
            );
            ensure!(stored.due_at == Some(at.saturating_add(DAY)), "it is due at {:?}", stored.due_at);
            ensure!(stored.version == version, "it does not carry the version of the commit");
            let elsewhere = bench.one(bench.controller(2), &receipt).await?;
            ensure!(elsewhere.is_none(), "it is recorded under another controller, too");
            bench.change(controller).at(at).delete(receipt.clone()).commit().await?;
            ensure!(
                bench.one(controller, &receipt).await?.is_none(),
                "the record cannot be removed when due"
            );
        }
    }
    Ok(Verdict::Holds)
}

pub(crate) async fn changeset_id_once(backend: &dyn Backend, case: &str) -> Result<Verdict, Failure> {
    let bench = Bench::fresh(backend, case).await?;
    let controller = bench.controller(1);
    let first = bench.change(controller).put(row(1, 1));
    let (id, receipt) = (first.changeset_id(), first.receipt());
    let version = first.commit().await?;
    bench.change(controller).put(row(1, 2)).commit().await?;

    let retry = || bench.change(controller).id(id);
    let failed = retry().put(row(1, 1)).conflict().await?;
    ensure!(failed == BTreeSet::from([receipt.clone()]), "a retry was refused, but {failed:?} was named");
    ensure!(holds(bench.one(controller, &key(1)).await?.as_ref(), 2), "a retry had a second effect");
    let failed = retry().absent(key(1)).put(row(3, 3)).conflict().await?;
    let both = BTreeSet::from([receipt.clone(), key(1)]);
    ensure!(failed == both, "a retry with a failed precondition named {failed:?}");
    let failed = retry().absent(receipt.clone()).conflict().await?;
    ensure!(failed == BTreeSet::from([receipt.clone()]), "a retry that guards its own id named {failed:?}");
    let failed = retry().version(receipt.clone(), version).conflict().await?;
    ensure!(failed == BTreeSet::from([receipt]), "a retry that knows its own version named {failed:?}");
    // Ids are of one controller.
    bench.change(bench.controller(2)).id(id).put(row(1, 1)).commit().await?;
    Ok(Verdict::Holds)
}
