//! Statuses: bound to the permit of their message, whatever the order; and what they tell the gate.

use serde_json::{Value, json};
use wzapi_compliance::consent::gate::sent::SentMessage;
use wzapi_compliance::consent::gate::{Checked, ReasonCode, Redeemed, RedeemedPermit};
use wzapi_compliance::model::message::MessageCategory;
use wzapi_compliance::storage::key::RowKind;
use wzapi_compliance::storage::row::SendingStep;

use crate::support::{
    ANA, BEN, FIRST, OF_OTHER_SHOP, SECOND, SHOP, World, at, count, delivery, everybody, hour, messages,
    only_duplicates, person, status, statuses, text,
};

async fn redeemed(world: &World) -> RedeemedPermit {
    let Checked::Allowed(permit) = world.check(ANA, FIRST.sender, MessageCategory::Marketing).await else {
        panic!("Ana agreed")
    };
    match world.shop().await.gate().redeem(&everybody(), permit).await.unwrap() {
        Redeemed::Allowed(permit) => permit,
        other => panic!("{other:?}"),
    }
}

async fn world() -> World {
    let world = World::in_memory().await.with_shops().await;
    world.agrees(ANA).await;
    world
}

async fn sent(world: &World) -> Vec<SentMessage> {
    let page = world.shop().await.gate().sent(&everybody(), &person(ANA), None, 100).await.unwrap();
    assert_eq!(page.next, None);
    page.messages
}

fn with_callback(mut status: Value, callback: &str) -> Value {
    status["biz_opaque_callback_data"] = callback.into();
    status
}

fn failed(to: &str, id: &str, seconds: i64, code: u32) -> Value {
    let mut status = status(to, id, seconds, "failed");
    status["errors"] = json!([{ "code": code, "title": "failed" }]);
    status
}

fn body(status: &Value) -> Vec<u8> {
    delivery(&[statuses(FIRST, std::slice::from_ref(status))])
}

#[tokio::test]
async fn a_status_is_bound_before_and_after_the_message_was_and_never_twice() {
    for is_bound_first in [true, false] {
        let world = world().await;
        let permit = redeemed(&world).await;
        if is_bound_first {
            world.shop().await.gate().bind(&everybody(), &permit, "wamid.out").await.unwrap();
        }
        let words = ["read", "sent", "delivered"];
        for word in words {
            let status = with_callback(status(ANA, "out", hour(-1), word), permit.callback_data());
            let report = world.deliver(&body(&status)).await.unwrap();
            let healed = u64::from(!is_bound_first && word == "read");
            assert_eq!((report.statuses, report.bound, report.healed), (1, 1, healed), "{word}");
        }
        let rows = world.rows().await;
        for word in words {
            let status = with_callback(status(ANA, "out", hour(-1), word), permit.callback_data());
            assert!(only_duplicates(&world.deliver(&body(&status)).await.unwrap(), 1));
        }
        assert!(world.rows().await == rows, "a redelivery changed a row");
        world.shop().await.gate().bind(&everybody(), &permit, "wamid.out").await.unwrap();
        assert!(world.rows().await == rows, "what was bound is bound");
        assert_eq!(count(&rows, SHOP, RowKind::Permit), 1);

        let [message] = sent(&world).await.try_into().unwrap();
        assert_eq!((message.permit, message.is_healed), (permit.id(), !is_bound_first));
        let evidence: Vec<_> =
            permit.decision().reasons.iter().filter_map(|reason| reason.evidence).collect();
        assert_eq!(message.evidence, evidence, "under which proof");
        let steps: Vec<_> = message.steps.iter().map(|step| step.step).collect();
        assert_eq!(steps, [SendingStep::Sent, SendingStep::Delivered, SendingStep::Read]);
        let _sound = world.verified(SHOP).await;
    }
}

#[tokio::test]
async fn what_others_made_is_counted_and_binds_nothing() {
    let world = world().await;
    let permit = redeemed(&world).await;
    let ours = permit.callback_data().to_owned();
    let mut forged = ours.clone();
    let last = if forged.pop() == Some('0') { '1' } else { '0' };
    forged.push(last);
    let rows = world.rows().await;
    for (index, callback) in
        [forged, permit.id().to_string(), "wz1.".to_owned(), "order 7".to_owned()].iter().enumerate()
    {
        let status = with_callback(status(BEN, &format!("x{index}"), hour(-1), "read"), callback);
        let report = world.deliver(&body(&status)).await.unwrap();
        assert_eq!((report.statuses, report.foreign_callbacks, report.bound), (1, 1, 0), "{callback}");
    }
    // Another controller's: it is no more than anybody's.
    let status = with_callback(status(ANA, "out", hour(-1), "read"), &ours);
    let report = world.deliver(&delivery(&[statuses(OF_OTHER_SHOP, &[status])])).await.unwrap();
    assert_eq!((report.statuses, report.foreign_callbacks), (1, 1));
    let after = world.rows().await;
    assert_eq!(count(&after, SHOP, RowKind::Permit), count(&rows, SHOP, RowKind::Permit));
    assert!(sent(&world).await.is_empty());
}

#[tokio::test]
async fn clause_2_c_a_stop_that_names_nobody_is_found_by_the_permit() {
    let world = world().await;
    let permit = redeemed(&world).await;
    let mut stop = with_callback(failed(ANA, "out", hour(-1), 131_050), permit.callback_data());
    stop.as_object_mut().unwrap().remove("recipient_id");
    let report = world.deliver(&body(&stop)).await.unwrap();
    assert_eq!((report.statuses, report.withdrawals, report.unknown), (1, 1, 0));
    assert_eq!(world.marketing_from(SECOND, ANA).await, [ReasonCode::PlatformStop]);
    // Without a permit nobody can say whose it is: it is kept.
    let mut stray = failed(BEN, "stray", hour(-1), 131_050);
    stray.as_object_mut().unwrap().remove("recipient_id");
    let report = world.deliver(&body(&stray)).await.unwrap();
    assert_eq!((report.statuses, report.withdrawals, report.unknown), (0, 0, 1));
}

#[tokio::test]
async fn errors_and_deliveries_tell_the_gate_whether_messages_arrive() {
    let world = world().await;
    let _held = world.deliver(&body(&failed(ANA, "1", hour(-2), 131_049))).await.unwrap();
    assert_eq!(world.marketing(ANA).await, [ReasonCode::HeldBack]);
    world.clock.advance(std::time::Duration::from_secs(22 * 3600));
    assert_eq!(world.marketing(ANA).await, [ReasonCode::ConsentGiven]);

    let _lost = world.deliver(&body(&failed(ANA, "2", hour(1), 131_026))).await.unwrap();
    assert_eq!(world.marketing(ANA).await, [ReasonCode::Unreachable]);
    let _older = world.deliver(&body(&status(ANA, "3", hour(0), "delivered"))).await.unwrap();
    assert_eq!(world.marketing(ANA).await, [ReasonCode::Unreachable], "it was delivered before");
    let _later = world.deliver(&body(&status(ANA, "4", hour(2), "delivered"))).await.unwrap();
    assert_eq!(world.marketing(ANA).await, [ReasonCode::ConsentGiven]);

    let _lost = world.deliver(&body(&failed(ANA, "5", hour(3), 131_026))).await.unwrap();
    assert_eq!(world.marketing(ANA).await, [ReasonCode::Unreachable]);
    let _wrote =
        world.deliver(&delivery(&[messages(FIRST, &[text(ANA, "6", hour(4), "hello")])])).await.unwrap();
    assert_eq!(world.marketing(ANA).await, [ReasonCode::ConsentGiven]);
    // A status makes nobody known.
    let rows = world.rows().await;
    let _stranger = world.deliver(&body(&failed(BEN, "7", hour(1), 131_026))).await.unwrap();
    assert_eq!(
        count(&world.rows().await, SHOP, RowKind::Identifier),
        count(&rows, SHOP, RowKind::Identifier)
    );
}

#[tokio::test]
async fn who_comes_by_an_advertisement_can_be_answered_free_of_charge() {
    let world = world().await;
    let mut message = text(ANA, "1", hour(-1), "hello");
    message["referral"] = json!({ "source_type": "ad", "source_id": "7", "ctwa_clid": "click" });
    let _ad =
        world.deliver(&delivery(&[at(FIRST, "messages", &json!({ "messages": [message] }))])).await.unwrap();
    let decision = |line: crate::support::Line| {
        let world = &world;
        async move {
            let checked = world.check(ANA, line.sender, MessageCategory::Marketing).await;
            crate::support::decision(&checked).free_entry_until
        }
    };
    let until = decision(FIRST).await.unwrap();
    assert_eq!(until.as_millis() / 1000, hour(71));
    assert_eq!(decision(SECOND).await, None);
}
