//! Whose delivery it is: routes, deliveries that nobody claims, and deliveries of several controllers.

use serde_json::json;
use wzapi_compliance::Error;
use wzapi_compliance::consent::gate::ReasonCode;
use wzapi_compliance::ingest::IngestReport;
use wzapi_compliance::model::ids::ControllerId;
use wzapi_compliance::model::message::MessageCategory;
use wzapi_compliance::storage::key::RowKind;

use crate::support::{
    ANA, BEN, FIRST, Line, OF_OTHER_SHOP, OTHER_SHOP, SECOND, SHOP, UNREGISTERED, World, at, count, delivery,
    everybody, hour, items_of, messages, only_at, only_duplicates, reasons, register, text,
};

fn stop_at(line: Line, from: &str, id: &str) -> Vec<u8> {
    delivery(&[messages(line, &[text(from, id, hour(-1), "STOP")])])
}

#[tokio::test]
async fn what_nobody_registered_is_kept_and_taken_in_when_somebody_does() {
    let world = World::in_memory().await.with_shops().await;
    world.agrees(ANA).await;
    let body = stop_at(UNREGISTERED, ANA, "parked");
    let report = world.deliver(&body).await.unwrap();
    assert_eq!((report.unrouted, report.withdrawals), (1, 0));
    assert!(count(&world.rows().await, ControllerId::SYSTEM, RowKind::Parked) > 0);
    assert_eq!(world.marketing(ANA).await, [ReasonCode::ConsentGiven], "a route is never guessed");
    let again = world.deliver(&body).await.unwrap();
    assert!(only_duplicates(&again, 1), "{again:?}");

    register(&world.shop().await, UNREGISTERED).await.unwrap();
    assert_eq!(world.marketing(ANA).await, [ReasonCode::Withdrawn]);
    let rows = world.rows().await;
    assert_eq!(count(&rows, ControllerId::SYSTEM, RowKind::Parked), 0);
    let again = world.deliver(&body).await.unwrap();
    assert!(only_duplicates(&again, 1), "{again:?}");
    assert!(world.rows().await == rows, "the redelivery changed a row");
    world.ledgers().await;
}

#[tokio::test]
async fn a_service_without_a_registered_sender_keeps_everything_that_arrives() {
    let world = World::in_memory().await;
    world.compliance.register_controller(&everybody(), SHOP).await.unwrap();
    let body = delivery(&[
        messages(FIRST, &[text(ANA, "1", hour(-3), "START"), text(BEN, "2", hour(-2), "hello")]),
        messages(SECOND, &[text(ANA, "3", hour(-1), "STOP")]),
        at(FIRST, "a_field_of_next_year", &json!({ "anything": [1, 2, 3] })),
        json!({ "changes": "not a list" }),
    ]);
    let report = world.deliver(&body).await.unwrap();
    assert_eq!((report.unrouted, report.unknown, report.messages), (5, 0, 0), "{report:?}");
    let shop = world.shop().await;
    register(&shop, FIRST).await.unwrap();
    register(&shop, SECOND).await.unwrap();
    assert_eq!(world.marketing(ANA).await, [ReasonCode::Withdrawn]);
    let again = world.deliver(&body).await.unwrap();
    assert!(only_duplicates(&again, 5), "{again:?}");
}

#[tokio::test]
async fn a_stop_parked_before_its_route_existed_is_found_whichever_of_two_ids_is_registered() {
    // Only the WABA of the parked delivery becomes known, by way of another number under it.
    let world = World::in_memory().await.with_shops().await;
    world.agrees(ANA).await;
    let _parked = world.deliver(&stop_at(UNREGISTERED, ANA, "parked")).await.unwrap();
    let sibling = Line { phone_number: "200000000000556", ..UNREGISTERED };
    register(&world.shop().await, sibling).await.unwrap();
    assert_eq!(world.marketing(ANA).await, [ReasonCode::Withdrawn]);
}

#[tokio::test]
async fn a_number_that_only_its_account_routes_opens_no_window_but_stops() {
    let world = World::in_memory().await.with_shops().await;
    world.agrees(ANA).await;
    let unknown_number = Line { phone_number: "299999999999999", ..FIRST };
    let body = delivery(&[messages(
        unknown_number,
        &[text(ANA, "hello", hour(-1), "hello"), text(ANA, "stop", hour(-1), "STOP")],
    )]);
    let report = world.deliver(&body).await.unwrap();
    assert_eq!((report.messages, report.withdrawals, report.unrouted), (2, 1, 0));
    assert_eq!(world.marketing(ANA).await, [ReasonCode::Withdrawn]);
    let answer = world.check(ANA, FIRST.sender, MessageCategory::Service).await;
    assert!(reasons(&answer).contains(&ReasonCode::OutsideWindow), "no sender was written to");
}

#[tokio::test]
async fn a_delivery_of_two_controllers_gives_each_its_own() {
    let world = World::in_memory().await.with_shops().await;
    let body = delivery(&[
        messages(FIRST, &[text(ANA, "1", hour(-2), "START"), text(BEN, "2", hour(-2), "STOP")]),
        messages(OF_OTHER_SHOP, &[text(ANA, "3", hour(-2), "STOP"), text(BEN, "4", hour(-2), "START")]),
    ]);
    let report = world.deliver(&body).await.unwrap();
    assert_eq!((report.messages, report.consents_given, report.withdrawals), (4, 2, 2));
    assert_eq!(world.marketing(ANA).await, [ReasonCode::ConsentGiven]);
    assert_eq!(world.marketing(BEN).await, [ReasonCode::Withdrawn]);
    assert_eq!(world.marketing_from(OF_OTHER_SHOP, ANA).await, [ReasonCode::Withdrawn]);
    assert_eq!(world.marketing_from(OF_OTHER_SHOP, BEN).await, [ReasonCode::ConsentGiven]);
    world.ledgers().await;
}

#[tokio::test]
async fn clause_5_b_a_delivery_that_reaches_beyond_its_actor_is_refused_as_a_whole() {
    let world = World::in_memory().await.with_shops().await;
    let body = delivery(&[
        messages(FIRST, &[text(ANA, "1", hour(-2), "STOP")]),
        messages(UNREGISTERED, &[text(ANA, "2", hour(-2), "STOP")]),
        messages(OF_OTHER_SHOP, &[text(ANA, "3", hour(-2), "STOP")]),
    ]);
    let (before, ledgers) = (world.rows().await, world.ledgers().await);
    let signature = world.secrets.sign(&body);
    let outcome =
        world.shop().await.ingest().deliver(&only_at(SHOP), &world.secrets, &signature, &body).await;
    assert!(matches!(outcome, Err(Error::Refused(_))), "{outcome:?}");

    // The refusal is on record where the actor had no business, and nothing else changed.
    let (after, ledgers_after) = (world.rows().await, world.ledgers().await);
    assert_eq!(ledgers[0], ledgers_after[0]);
    assert_eq!(ledgers[1].size() + 1, ledgers_after[1].size());
    assert_eq!(ledgers[2], ledgers_after[2]);
    let changed: Vec<_> = after.iter().filter(|(key, row)| before.get(key) != Some(row)).collect();
    let of_the_log = [RowKind::LogHead, RowKind::LogLeaf, RowKind::EntryBody];
    assert!(changed.iter().all(|((of, key), _)| *of == OTHER_SHOP && of_the_log.contains(&key.kind())));
    assert_eq!(changed.len(), 3);
    assert!(before.keys().all(|key| after.contains_key(key)));
}

#[tokio::test]
async fn an_id_that_belongs_to_somebody_else_cannot_be_taken() {
    let world = World::in_memory().await.with_shops().await;
    let before = world.rows().await;
    let other = world.other_shop().await;
    let takes = [
        Line { sender: OF_OTHER_SHOP.sender, ..FIRST },
        Line { phone_number: "200000000000777", sender: OF_OTHER_SHOP.sender, ..FIRST },
    ];
    for line in takes {
        assert!(matches!(register(&other, line).await, Err(Error::RouteTaken(_))));
    }
    let shop = world.shop().await;
    let another_sender = Line { sender: SECOND.sender, ..FIRST };
    assert!(matches!(register(&shop, another_sender).await, Err(Error::RouteTaken(_))));
    for bad in ["", "+1 555", &"9".repeat(65)] {
        let outcome = shop.register_sender(&everybody(), FIRST.sender, bad, FIRST.waba).await;
        assert!(matches!(outcome, Err(Error::InvalidRoute)), "{bad}");
    }
    register(&shop, FIRST).await.unwrap();
    assert!(world.rows().await == before, "nothing of it was written");
}

#[tokio::test]
async fn a_body_of_more_unclaimed_changes_than_a_changeset_holds_is_kept_whole() {
    let world = World::in_memory().await.with_shops().await;
    let changes: Vec<_> = (0..2_500)
        .map(|number| messages(UNREGISTERED, &[text(ANA, &number.to_string(), hour(-2), "hello")]))
        .collect();
    let body = delivery(&changes);
    let report = world.deliver(&body).await.unwrap();
    assert_eq!(report.unrouted, 2_500, "{report:?}");
    let again = world.deliver(&body).await.unwrap();
    assert!(only_duplicates(&again, 2_500), "{again:?}");
}

#[tokio::test]
async fn a_body_of_more_numbers_than_a_read_holds_is_taken_in() {
    let world = World::in_memory().await.with_shops().await;
    world.agrees(ANA).await;
    let numbers: Vec<String> = (0..4_200).map(|number| format!("3{number:014}")).collect();
    let mut changes: Vec<_> = numbers
        .iter()
        .map(|number| {
            let metadata = json!({ "phone_number_id": number });
            let value = json!({ "metadata": metadata, "messages": [text(BEN, number, hour(-2), "hello")] });
            json!({ "id": UNREGISTERED.waba, "changes": [{ "field": "messages", "value": value }] })
        })
        .collect();
    changes.push(messages(FIRST, &[text(ANA, "stop", hour(-1), "STOP")]));
    let report = world.deliver(&delivery(&changes)).await.unwrap();
    assert_eq!((report.unrouted, report.withdrawals), (4_200, 1), "{report:?}");
    assert_eq!(world.marketing(ANA).await, [ReasonCode::Withdrawn]);
}

/// Several threads of one runtime; each operation below runs on a thread of its own.
fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap()
}

#[test]
fn a_delivery_and_the_registration_of_its_route_at_the_same_time_lose_nothing() {
    let runtime = runtime();
    let body = stop_at(UNREGISTERED, ANA, "at-once");
    for round in 0..20 {
        let world = runtime.block_on(async { World::in_memory().await.with_shops().await });
        runtime.block_on(world.agrees(ANA));
        let report = std::thread::scope(|scope| {
            let delivering = scope.spawn(|| runtime.block_on(world.deliver(&body)).unwrap());
            runtime.block_on(async { register(&world.shop().await, UNREGISTERED).await.unwrap() });
            delivering.join().unwrap()
        });
        runtime.block_on(async {
            assert_eq!(items_of(&report), 1, "{round}: {report:?}");
            assert_eq!(world.marketing(ANA).await, [ReasonCode::Withdrawn], "{round}: {report:?}");
            let rows = world.rows().await;
            assert_eq!(count(&rows, ControllerId::SYSTEM, RowKind::Parked), 0, "{round}: {report:?}");
            assert!(only_duplicates(&world.deliver(&body).await.unwrap(), 1));
        });
    }
}

#[test]
fn the_same_delivery_several_times_at_once_counts_once() {
    let runtime = runtime();
    let world = runtime.block_on(async { World::in_memory().await.with_shops().await });
    let body = delivery(&[
        messages(FIRST, &[text(ANA, "1", hour(-2), "START"), text(BEN, "2", hour(-2), "STOP")]),
        messages(OF_OTHER_SHOP, &[text(ANA, "3", hour(-2), "STOP")]),
        messages(UNREGISTERED, &[text(ANA, "4", hour(-2), "STOP")]),
    ]);
    let mut total = IngestReport::default();
    std::thread::scope(|scope| {
        let deliver = || runtime.block_on(world.deliver(&body)).unwrap();
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(deliver)).collect();
        threads.into_iter().for_each(|thread| total += thread.join().unwrap());
    });
    assert_eq!((total.messages, total.consents_given, total.withdrawals), (3, 1, 2), "{total:?}");
    assert_eq!((total.unrouted, total.duplicates), (1, 4 * 7), "{total:?}");
    runtime.block_on(world.ledgers());
}
