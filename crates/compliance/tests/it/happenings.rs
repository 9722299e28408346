//! What a host hears of a delivery, and which fields are no act of the person's.

use serde_json::{Value, json};
use wzapi_compliance::Error;
use wzapi_compliance::consent::gate::ReasonCode;
use wzapi_compliance::ingest::{Happening, IngestEvent, IngestReport};
use wzapi_compliance::model::message::MessageCategory;
use wzapi_compliance::storage::key::RowKind;
use wzapi_compliance::whatsapp::intent::Intent;

use crate::support::{
    ANA, BEN, FIRST, SECOND, SHOP, World, at, count, delivery, everybody, hour, messages, one_text, payloads,
    reasons, register_lines_of, status, statuses, text,
};

async fn heard(world: &World, body: &[u8]) -> Result<(IngestReport, Vec<IngestEvent>), Error> {
    let mut events = Vec::new();
    let signature = world.secrets.sign(body);
    let shop = world.shop().await;
    let mut on_event = |event| events.push(event);
    let report =
        shop.ingest().deliver_and_tell(&everybody(), &world.secrets, &signature, body, &mut on_event).await?;
    Ok((report, events))
}

#[tokio::test]
async fn a_host_hears_what_a_person_wrote_and_hears_it_again_when_it_is_delivered_again() {
    let world = World::in_memory().await.with_shops().await;
    let body = one_text(ANA, "1", hour(-1), "STOP");
    let (report, first) = heard(&world, &body).await.unwrap();
    assert_eq!(report.withdrawals, 1);
    let [event] = first.as_slice() else { panic!("{first:?}") };
    assert_eq!((event.controller, event.sender, event.is_repeated), (SHOP, Some(FIRST.sender), false));
    assert_eq!(event.at.unwrap().as_millis() / 1000, hour(-1));
    let Happening::Message(message) = &event.happening else { panic!("{event:?}") };
    assert_eq!(
        (message.verdict.intent, message.verdict.to_string().as_str()),
        (Intent::Withdraw, "en/whole-message")
    );
    assert!(event.subject.is_some());

    let (report, again) = heard(&world, &body).await.unwrap();
    assert_eq!(report.duplicates, 1);
    let [repeated] = again.as_slice() else { panic!("{again:?}") };
    assert!(repeated.is_repeated);
    assert_eq!((repeated.subject, &repeated.happening), (event.subject, &event.happening));
}

#[tokio::test]
async fn every_payload_is_told_and_nothing_told_names_a_person() {
    let world = World::in_memory().await;
    let payloads = payloads();
    let shop = world.compliance.register_controller(&everybody(), SHOP).await.unwrap();
    register_lines_of(&shop, payloads.values()).await;
    let mut told = 0;
    for (name, body) in &payloads {
        let (report, events) = heard(&world, body).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        let items = crate::support::items_in(body);
        assert_eq!(events.len() as u64 + report.unrouted, items, "{name}");
        let printed = format!("{events:?}");
        for secret in ["16505551234", "972987654321", "13491208655302741918", "Pablo", "HBgL", "pablo.m"] {
            assert!(!printed.contains(secret), "{name}: {printed}");
        }
        told += events.len();
    }
    assert!(told > 120, "{told}");
}

#[tokio::test]
async fn clause_2_c_whatever_a_stop_answers_it_is_one_from_all_senders() {
    let world = World::in_memory().await.with_shops().await;
    world.agrees(ANA).await;
    let mut stop = json!({ "from": ANA, "id": "wamid.1", "timestamp": hour(-1).to_string(), "type": "button",
        "button": { "text": "Stop promotions", "payload": "Stop promotions" } });
    stop["context"] = json!({ "from": "15550009999", "id": "wamid.campaign" });
    let (report, _) = heard(&world, &delivery(&[messages(FIRST, &[stop])])).await.unwrap();
    assert_eq!(report.withdrawals, 1);
    for line in [FIRST, SECOND] {
        assert_eq!(world.marketing_from(line, ANA).await, [ReasonCode::Withdrawn]);
    }
}

#[tokio::test]
async fn clause_2_c_a_doubtful_message_stops_marketing_and_waits_for_an_officer() {
    let world = World::in_memory().await.with_shops().await;
    world.agrees(ANA).await;
    let (report, _) = heard(&world, &one_text(ANA, "1", hour(-1), "stop it")).await.unwrap();
    assert_eq!((report.messages, report.doubts, report.withdrawals), (1, 1, 0));
    assert_eq!(world.marketing_from(SECOND, ANA).await, [ReasonCode::Ambiguous]);
    let waiting = world.shop().await.consent().doubts(&everybody(), None, 10).await.unwrap();
    let printed = format!("{waiting:?}");
    assert_eq!(count(&world.rows().await, SHOP, RowKind::Review), 1);
    assert!(!printed.contains("stop it"), "{printed}");
}

#[tokio::test]
async fn what_is_said_in_a_group_is_no_act_and_opens_no_window() {
    let world = World::in_memory().await.with_shops().await;
    world.agrees(ANA).await;
    let in_group = |words: &str, id: &str, from: &str| {
        let mut message = text(from, id, hour(-1), words);
        message["group_id"] = "group".into();
        message
    };
    let body = delivery(&[messages(FIRST, &[in_group("STOP", "1", ANA), in_group("START", "2", BEN)])]);
    let (report, events) = heard(&world, &body).await.unwrap();
    assert_eq!((report.messages, report.withdrawals, report.consents_given), (2, 0, 0));
    assert_eq!(world.marketing(ANA).await, [ReasonCode::ConsentGiven]);
    assert_eq!(world.marketing(BEN).await, [ReasonCode::UnknownRecipient]);
    let service = reasons(&world.check(ANA, FIRST.sender, MessageCategory::Service).await);
    assert_eq!(service, [ReasonCode::OutsideWindow]);
    assert!(
        matches!(&events[0].happening, Happening::Message(facts) if facts.is_group && facts.verdict.intent == Intent::Withdraw)
    );
}

fn history(messages: &[Value]) -> Vec<u8> {
    let chunk = json!({ "metadata": { "phase": 2, "chunk_order": 1, "progress": 100 },
        "threads": [{ "id": ANA, "messages": messages }] });
    delivery(&[at(FIRST, "history", &json!({ "history": [chunk] }))])
}

#[tokio::test]
async fn clause_2_c_an_opt_out_of_long_ago_counts_at_its_time_and_opens_no_window() {
    const DAY: i64 = 24;
    let world = World::in_memory().await.with_shops().await;
    let mut undated = text(ANA, "0", 0, "hello");
    undated.as_object_mut().unwrap().remove("timestamp");
    let business = json!({ "from": "15550009999", "to": ANA, "id": "wamid.b", "timestamp": hour(-1).to_string(),
        "type": "text", "text": { "body": "START" } });
    let body = history(&[undated, business, text(ANA, "1", hour(-90 * DAY), "STOP")]);
    let (report, events) = heard(&world, &body).await.unwrap();
    assert_eq!((report.histories, report.messages, report.sent_elsewhere, report.withdrawals), (1, 2, 1, 1));
    assert!(
        events
            .iter()
            .any(|event| matches!(&event.happening, Happening::History(sync) if sync.progress == Some(100)))
    );
    assert_eq!(world.marketing(ANA).await, [ReasonCode::Withdrawn]);
    let service = reasons(&world.check(ANA, FIRST.sender, MessageCategory::Service).await);
    assert!(service.contains(&ReasonCode::OutsideWindow), "{service:?}");
    // A later consent of the person's own outweighs it: it was given thirty days ago.
    world.agrees(ANA).await;
    assert_eq!(world.marketing(ANA).await, [ReasonCode::ConsentGiven]);
}

#[tokio::test]
async fn a_start_of_long_ago_outweighs_no_denial() {
    let world = World::in_memory().await.with_shops().await;
    let _stop = heard(&world, &one_text(ANA, "1", hour(-48), "STOP")).await.unwrap();
    let _past = heard(&world, &history(&[text(ANA, "2", hour(-24), "START")])).await.unwrap();
    assert_eq!(world.marketing(ANA).await, [ReasonCode::Withdrawn], "it comes from the business's records");
}

#[tokio::test]
async fn what_the_business_does_in_its_own_app_makes_nobody_known() {
    let world = World::in_memory().await.with_shops().await;
    let rows = world.rows().await;
    let echo = json!({ "from": "15550009999", "to": BEN, "id": "wamid.e", "timestamp": hour(-1).to_string(),
        "type": "text", "text": { "body": "hello" } });
    let contact = json!({ "type": "contact", "action": "add", "metadata": { "timestamp": hour(-1).to_string() },
        "contact": { "full_name": "Ben Pruebas", "phone_number": BEN } });
    let body = delivery(&[
        at(FIRST, "smb_message_echoes", &json!({ "message_echoes": [echo] })),
        at(FIRST, "smb_app_state_sync", &json!({ "state_sync": [contact] })),
        statuses(FIRST, &[status(BEN, "out", hour(-1), "read")]),
    ]);
    let (report, events) = heard(&world, &body).await.unwrap();
    assert_eq!((report.sent_elsewhere, report.address_book, report.statuses), (1, 1, 1));
    assert!(events.iter().all(|event| event.subject.is_none()));
    let after = world.rows().await;
    for kind in [RowKind::Subject, RowKind::Identifier, RowKind::Record, RowKind::Unrecognised] {
        assert_eq!(count(&after, SHOP, kind), count(&rows, SHOP, kind), "{kind}");
    }
}
