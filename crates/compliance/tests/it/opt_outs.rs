//! Every way in which a person says no, and what ends it (policy clause 2.c).

use serde_json::json;
use wzapi_compliance::consent::gate::ReasonCode;
use wzapi_compliance::storage::key::RowKind;

use crate::support::{
    ANA, BEN, FIRST, SECOND, SHOP, World, at, count, delivery, hour, items_in, messages, one_text,
    only_duplicates, preference, preferences, status, statuses, stopped_status, text,
};

#[tokio::test]
async fn clause_2_c_a_stop_ends_all_marketing_by_all_senders_until_a_later_start() {
    let world = World::in_memory().await.with_shops().await;
    let _start = world.deliver(&one_text(ANA, "1", hour(-10), "START")).await.unwrap();
    assert_eq!(world.marketing_from(SECOND, ANA).await, [ReasonCode::ConsentGiven]);
    let stop = world.deliver(&one_text(ANA, "2", hour(-5), "Stop please!")).await.unwrap();
    assert_eq!(stop.withdrawals, 1);
    for line in [FIRST, SECOND] {
        assert_eq!(world.marketing_from(line, ANA).await, [ReasonCode::Withdrawn]);
    }
    // A start that is older than the stop arrives late.
    let _late = world.deliver(&one_text(ANA, "3", hour(-6), "START")).await.unwrap();
    assert_eq!(world.marketing(ANA).await, [ReasonCode::Withdrawn]);
    let _tie = world.deliver(&one_text(ANA, "4", hour(-5), "START")).await.unwrap();
    assert_eq!(world.marketing(ANA).await, [ReasonCode::Withdrawn], "a tie goes to the stop");
    let _start = world.deliver(&one_text(ANA, "5", hour(-4), "START")).await.unwrap();
    assert_eq!(world.marketing(ANA).await, [ReasonCode::ConsentGiven]);
}

#[tokio::test]
async fn one_message_id_serves_four_statuses_and_each_counts_once() {
    let world = World::in_memory().await.with_shops().await;
    let body = |word: &str| delivery(&[statuses(FIRST, &[status(ANA, "out", hour(-1), word)])]);
    let words = ["sent", "delivered", "read", "failed"];
    for word in words {
        let report = world.deliver(&body(word)).await.unwrap();
        assert_eq!((report.statuses, report.duplicates), (1, 0), "{word}");
    }
    let rows = world.rows().await;
    assert_eq!(count(&rows, SHOP, RowKind::SourceEvent), 4);
    for word in words {
        assert!(only_duplicates(&world.deliver(&body(word)).await.unwrap(), 1), "{word}");
    }
    let together: Vec<_> = words.iter().map(|word| status(ANA, "out", hour(-1), word)).collect();
    let together = delivery(&[statuses(FIRST, &together)]);
    assert!(only_duplicates(&world.deliver(&together).await.unwrap(), 4));
    assert!(world.rows().await == rows);
}

#[tokio::test]
async fn clause_2_c_a_stop_told_by_an_error_ends_marketing_and_nothing_else() {
    let world = World::in_memory().await.with_shops().await;
    world.agrees(ANA).await;
    let body = delivery(&[statuses(FIRST, &[stopped_status(ANA, "out", hour(-1))])]);
    let report = world.deliver(&body).await.unwrap();
    assert_eq!((report.statuses, report.withdrawals), (1, 1));
    assert_eq!(world.marketing(ANA).await, [ReasonCode::PlatformStop]);
    assert_eq!(world.marketing_from(SECOND, ANA).await, [ReasonCode::PlatformStop]);
    assert_eq!(world.utility(ANA).await, [ReasonCode::OptedIn]);
    assert!(only_duplicates(&world.deliver(&body).await.unwrap(), 1));
}

#[tokio::test]
async fn clause_2_c_a_stop_in_whatsapp_holds_until_it_is_resumed_there() {
    let world = World::in_memory().await.with_shops().await;
    world.agrees(ANA).await;
    let tell = |word: &'static str, who: &'static str, hours: i64| {
        delivery(&[preferences(FIRST, &[preference(who, hour(hours), word)])])
    };
    let stop = world.deliver(&tell("stop", ANA, -5)).await.unwrap();
    assert_eq!((stop.preferences, stop.withdrawals), (1, 1));
    assert_eq!(world.marketing(ANA).await, [ReasonCode::PlatformStop]);
    let _older = world.deliver(&tell("resume", ANA, -6)).await.unwrap();
    assert_eq!(world.marketing(ANA).await, [ReasonCode::PlatformStop]);
    let _resume = world.deliver(&tell("resume", ANA, -4)).await.unwrap();
    assert_eq!(world.marketing(ANA).await, [ReasonCode::ConsentGiven]);

    // Without a consent, a resumption gives none.
    let _stop = world.deliver(&tell("stop", BEN, -5)).await.unwrap();
    let _resume = world.deliver(&tell("resume", BEN, -4)).await.unwrap();
    assert_eq!(world.marketing(BEN).await, [ReasonCode::NoConsent]);
}

#[tokio::test]
async fn clause_2_c_a_resumption_does_not_end_a_stop_by_keyword() {
    let world = World::in_memory().await.with_shops().await;
    world.agrees(ANA).await;
    let body = delivery(&[
        messages(FIRST, &[text(ANA, "1", hour(-5), "STOP")]),
        preferences(FIRST, &[preference(ANA, hour(-4), "stop"), preference(ANA, hour(-3), "resume")]),
    ]);
    let report = world.deliver(&body).await.unwrap();
    assert_eq!((report.messages, report.preferences, report.withdrawals), (1, 2, 2));
    assert_eq!(world.marketing(ANA).await, [ReasonCode::Withdrawn]);
}

#[tokio::test]
async fn clause_2_c_a_stop_reaches_every_identifier_that_meta_links() {
    const BSUID: &str = "US.10000000000000000001";
    let world = World::in_memory().await.with_shops().await;
    let linked = |id: &str, hours: i64, words: &str| {
        let contact = json!({ "wa_id": ANA, "user_id": BSUID });
        let value = json!({ "contacts": [contact], "messages": [text(ANA, id, hour(hours), words)] });
        delivery(&[at(FIRST, "messages", &value)])
    };
    let _start = world.deliver(&linked("1", -5, "START")).await.unwrap();
    assert_eq!(world.marketing(BSUID).await, [ReasonCode::ConsentGiven]);
    let stop = json!({ "user_id": BSUID, "category": "marketing_messages", "value": "stop",
        "timestamp": hour(-4) });
    let _stop = world.deliver(&delivery(&[preferences(FIRST, &[stop])])).await.unwrap();
    assert_eq!(world.marketing(ANA).await, [ReasonCode::PlatformStop]);
    assert_eq!(world.marketing(BSUID).await, [ReasonCode::PlatformStop]);
}

#[tokio::test]
async fn words_that_are_no_opt_out_change_no_consent() {
    let world = World::in_memory().await.with_shops().await;
    world.agrees(ANA).await;
    for (id, words) in (1..).zip(["don't stop", "STOP this terrible bill", "hello", "", "yes"]) {
        let body = one_text(ANA, &format!("{id}"), hour(-1), words);
        let report = world.deliver(&body).await.unwrap();
        assert_eq!((report.messages, report.withdrawals), (items_in(&body), 0), "{words}");
    }
    assert_eq!(world.marketing(ANA).await, [ReasonCode::ConsentGiven]);
}
