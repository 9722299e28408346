//! What is only kept for a time goes when its time is over, and nothing else does.

use std::time::Duration;

use serde_json::json;
use wzapi_compliance::consent::gate::ReasonCode;
use wzapi_compliance::model::ids::ControllerId;
use wzapi_compliance::model::message::MessageCategory;
use wzapi_compliance::storage::Storage;
use wzapi_compliance::storage::key::{Key, KeyPrefix, Owner, RowKind};
use wzapi_compliance::storage::query::{MAX_PAGE, Query};

use crate::support::{
    ANA, BEN, FIRST, SHOP, UNREGISTERED, World, at, count, decision, delivery, everybody, hour, messages,
    one_text, text,
};

const DAY: Duration = Duration::from_secs(24 * 3600);

async fn changeset_records(storage: &dyn Storage, controller: ControllerId) -> usize {
    let prefix = KeyPrefix::Kind(Owner::Controller, RowKind::Changeset);
    storage.scan(&Query::prefix(controller, prefix, MAX_PAGE)).await.unwrap().rows.len()
}

async fn expire_everywhere(world: &World) -> u64 {
    let of_the_shop = world.shop().await.expire(&everybody()).await.unwrap().rows;
    of_the_shop + world.compliance.expire_unclaimed(&everybody()).await.unwrap().rows
}

async fn used_world() -> World {
    let world = World::in_memory().await.with_shops().await;
    world.agrees(ANA).await;
    let unknown: Vec<_> = (0..300)
        .map(|number| at(FIRST, "a_field_of_next_year", &json!({ "number": number })))
        .chain([
            messages(FIRST, &[text(ANA, "stop", hour(-1), "STOP"), text(BEN, "hello", hour(-1), "hello")]),
            messages(UNREGISTERED, &[text(BEN, "parked", hour(-1), "STOP")]),
        ])
        .collect();
    let report = world.deliver(&delivery(&unknown)).await.unwrap();
    assert_eq!((report.unknown, report.messages, report.unrouted), (300, 2, 1));
    world
}

#[tokio::test]
async fn what_is_due_goes_and_everything_else_stays() {
    let world = used_world().await;
    let (before, ledgers) = (world.rows().await, world.ledgers().await);
    assert_eq!(expire_everywhere(&world).await, 0, "nothing is due yet");

    world.clock.advance(DAY * 2);
    assert!(changeset_records(world.storage.as_ref(), SHOP).await > 5);
    assert!(expire_everywhere(&world).await > 0);
    assert!(world.rows().await == before, "after two days only the records of changesets are due");
    // What is left are those of the removal itself.
    assert!(changeset_records(world.storage.as_ref(), SHOP).await <= 1);

    world.clock.advance(DAY * 27);
    expire_everywhere(&world).await;
    assert!(world.rows().await == before, "after 29 days the rest is not due yet");

    world.clock.advance(DAY * 2);
    expire_everywhere(&world).await;
    let after = world.rows().await;
    for ((controller, key), row) in &before {
        let is_gone = !after.contains_key(&(*controller, key.clone()));
        assert_eq!(is_gone, row.due_at.is_some(), "{key:?}");
        let for_a_time = matches!(key, Key::SourceEvent(_) | Key::Unrecognised(_) | Key::Parked { .. });
        assert!(!is_gone || for_a_time, "{key:?} was not kept for a time");
    }
    assert!(after.iter().all(|(key, row)| before.get(key) == Some(row)), "something else was rewritten");
    assert_eq!(count(&after, SHOP, RowKind::Unrecognised), 0);
    assert_eq!(count(&after, ControllerId::SYSTEM, RowKind::Parked), 0);
    assert_eq!(count(&after, SHOP, RowKind::SourceEvent), 1, "what stays is that the stop was recorded");
    assert_eq!(world.ledgers().await, ledgers);
    assert_eq!(world.marketing(ANA).await, [ReasonCode::Withdrawn]);
    expire_everywhere(&world).await;
    assert!(world.rows().await == after, "a second run finds nothing more");
}

#[tokio::test]
async fn clause_2_c_a_redelivery_after_the_marks_are_gone_changes_no_consent() {
    let world = World::in_memory().await.with_shops().await;
    let start = one_text(ANA, "start", hour(-10), "START");
    let stop = one_text(ANA, "stop", hour(-5), "STOP");
    let _start = world.deliver(&start).await.unwrap();
    let _stop = world.deliver(&stop).await.unwrap();
    let decided = decision(&world.check(ANA, FIRST.sender, MessageCategory::Marketing).await).reasons.clone();

    world.clock.advance(DAY * 40);
    assert!(expire_everywhere(&world).await > 0);
    let (before, ledger) = (world.rows().await, world.verified(SHOP).await);
    for body in [&start, &stop, &start] {
        let report = world.deliver(body).await.unwrap();
        assert_eq!((report.consents_given, report.withdrawals, report.quarantined), (0, 0, 0), "{report:?}");
    }
    assert_eq!(world.verified(SHOP).await, ledger, "nothing was recorded twice");
    let after = world.rows().await;
    let of_consent = [RowKind::ConsentEvent, RowKind::Identifier, RowKind::Subject, RowKind::DataKey];
    for kind in of_consent {
        assert_eq!(count(&before, SHOP, kind), count(&after, SHOP, kind), "{kind}");
    }
    let now = world.check(ANA, FIRST.sender, MessageCategory::Marketing).await;
    assert_eq!(decision(&now).reasons, decided, "the same act decides");
    assert_eq!(world.marketing(ANA).await, [ReasonCode::Withdrawn]);
}
