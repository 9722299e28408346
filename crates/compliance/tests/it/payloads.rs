//! Every collected payload, once and again.

use wzapi_compliance::ingest::IngestReport;
use wzapi_compliance::model::ids::ControllerId;
use wzapi_compliance::storage::key::RowKind;

use crate::support::{
    SHOP, World, count, everybody, items_in, items_of, only_duplicates, payloads, register_lines_of, rows,
};

/// Takes all payloads in twice; answers what the first time reported.
async fn taken_in_twice(world: &World) -> IngestReport {
    let payloads = payloads();
    let shop = world.compliance.register_controller(&everybody(), SHOP).await.unwrap();
    register_lines_of(&shop, payloads.values()).await;

    let mut total = IngestReport::default();
    for (name, body) in &payloads {
        let report = world.deliver(body).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(items_of(&report), items_in(body), "{name}: {report:?}");
        total += report;
    }
    let (before, ledger) = (all_rows(world).await, world.verified(SHOP).await);

    for (name, body) in &payloads {
        let report = world.deliver(body).await.unwrap();
        assert!(only_duplicates(&report, items_in(body)), "{name}: {report:?}");
    }
    assert!(all_rows(world).await == before, "a redelivery changed a row");
    assert_eq!(world.verified(SHOP).await, ledger);

    // Whatever was not understood, or not claimed, is there, each once.
    assert_eq!(count(&before, SHOP, RowKind::Unrecognised) as u64, total.unknown);
    assert!(total.unrouted > 0 && count(&before, ControllerId::SYSTEM, RowKind::Parked) > 0);
    total
}

async fn all_rows(world: &World) -> crate::support::Rows {
    rows(world.storage.as_ref(), [SHOP, ControllerId::SYSTEM]).await.unwrap()
}

#[tokio::test]
async fn every_payload_is_taken_in_and_again_changes_nothing_in_any_store() {
    let in_memory = taken_in_twice(&World::in_memory().await).await;
    let on_disk = taken_in_twice(&World::on_disk().await).await;
    assert_eq!(in_memory, on_disk);
    assert!(in_memory.messages > 20 && in_memory.statuses > 10, "{in_memory:?}");
    assert!(in_memory.preferences >= 3 && in_memory.identity_changes >= 3 && in_memory.calls >= 3);
    assert!(in_memory.withdrawals >= 3 && in_memory.consents_given >= 1, "{in_memory:?}");
}

#[tokio::test]
async fn the_order_of_the_payloads_changes_no_count() {
    let payloads = payloads();
    let mut totals = Vec::new();
    for is_reversed in [false, true] {
        let world = World::in_memory().await;
        let shop = world.compliance.register_controller(&everybody(), SHOP).await.unwrap();
        register_lines_of(&shop, payloads.values()).await;
        let mut bodies: Vec<_> = payloads.values().collect();
        if is_reversed {
            bodies.reverse();
        }
        let mut total = IngestReport::default();
        for body in bodies {
            total += world.deliver(body).await.unwrap();
        }
        let _sound = world.verified(SHOP).await;
        totals.push(total);
    }
    // Two of the collected statuses are one event, and only one of them carries a callback: the first to come is read.
    totals.iter_mut().for_each(|total| total.foreign_callbacks = 0);
    assert_eq!(totals[0], totals[1]);
}
