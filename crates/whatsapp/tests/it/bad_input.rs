//! What is no delivery is refused by name, and what is odd inside one is not.

use proptest::prelude::*;
use serde_json::json;
use wzapi_whatsapp::content::{Content, UnknownReason};
use wzapi_whatsapp::delivery::{Delivery, DeliveryError, Limits};

use crate::payloads::{self, items};

fn error(raw: &[u8]) -> DeliveryError {
    Delivery::parse(raw, &Limits::default()).unwrap_err()
}

#[test]
fn what_is_not_json_is_refused_without_being_repeated() {
    for raw in [&b""[..], b"15550002222 said stop", b"{\"object\":", b"{}{}", b"\xff\xfe"] {
        let error = error(raw);
        assert!(matches!(error, DeliveryError::NotJson { .. }), "{error:?}");
        assert!(!format!("{error} {error:?}").contains("stop"));
    }
    assert_eq!(error(b"{\n\"object\" 15550002222}"), DeliveryError::NotJson { line: 2, column: 10 });
}

#[test]
fn what_is_no_webhook_is_refused() {
    let documents = [
        json!(null),
        json!([]),
        json!("entry"),
        json!({}),
        json!({"object": "x"}),
        json!({"entry": []}),
        json!({"object": 1, "entry": []}),
        json!({"object": "x", "entry": {}}),
    ];
    for document in documents {
        assert_eq!(error(document.to_string().as_bytes()), DeliveryError::NotAWebhook, "{document}");
    }
    assert!(payloads::parse(br#"{"object":"x","entry":[]}"#).items.is_empty());
}

#[test]
fn a_huge_body_is_refused_without_being_parsed() {
    let huge = vec![b'['; 100 * 1024 * 1024];
    assert_eq!(error(&huge), DeliveryError::TooLarge { limit: 4 * 1024 * 1024 });
    let limits = Limits { max_bytes: 10, ..Limits::default() };
    assert_eq!(Delivery::parse(b"12345678901", &limits), Err(DeliveryError::TooLarge { limit: 10 }));
}

#[test]
fn a_deep_body_is_refused() {
    let nested = "[".repeat(1000) + &"]".repeat(1000);
    let body = format!("{{\"object\":\"x\",\"entry\":{nested}}}");
    assert_eq!(error(body.as_bytes()), DeliveryError::TooDeep);
    assert_eq!(error("[{\"a\":".repeat(1000).as_bytes()), DeliveryError::TooDeep);
}

#[test]
fn the_number_of_items_is_bounded() {
    let messages: Vec<_> = (0..11).map(|_| json!({})).collect();
    let raw = payloads::change("messages", &json!({"messages": messages}));
    let parse = |max_items| Delivery::parse(&raw, &Limits { max_items, ..Limits::default() });
    assert_eq!(parse(10), Err(DeliveryError::TooManyItems { limit: 10 }));
    assert_eq!(parse(11).unwrap().items.len(), 11);
    let entries = format!("{{\"object\":\"x\",\"entry\":[{}0]}}", "0,".repeat(1_000_000));
    assert_eq!(error(entries.as_bytes()), DeliveryError::TooManyItems { limit: 10_000 });
}

#[test]
fn many_contacts_and_messages_are_matched_in_time() {
    let contacts: Vec<_> =
        (0..5_000).map(|i| json!({"wa_id": format!("1555{i:07}"), "user_id": format!("US.{i}")})).collect();
    let messages: Vec<_> =
        (0..5_000).map(|i| json!({"from": format!("1555{i:07}"), "type": "text"})).collect();
    let items = items("messages", &json!({"contacts": contacts, "messages": messages}));
    assert_eq!(items.len(), 5_000);
    assert!(items.iter().all(|item| payloads::person(item).bsuid.is_some()));
}

#[test]
fn odd_times_are_no_times_and_no_failure() {
    for timestamp in [json!("soon"), json!("253402300800"), json!(-1), json!(1e300), json!(null), json!([1])]
    {
        let message =
            json!({"from": "15550002222", "type": "text", "timestamp": timestamp, "text": {"body": "stop"}});
        let items = items("messages", &json!({"messages": [message]}));
        let Content::Message(message) = &items[0].content else { panic!("{timestamp}") };
        assert_eq!(message.timestamp, None, "{timestamp}");
    }
}

#[test]
fn letters_are_no_number() {
    for from in
        [json!("PHONE_NUMBER"), json!("one"), json!(""), json!("1555-CALL"), json!({}), json!("9".repeat(99))]
    {
        let items = items("messages", &json!({"messages": [{"from": from, "type": "text"}]}));
        assert_eq!(items[0].content, Content::Unknown(UnknownReason::UnreadablePerson), "{from}");
    }
}

#[test]
fn half_an_emoji_in_one_message_does_not_hide_the_stop_in_another() {
    let raw =
        br#"{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":{
        "messages":[{"from":"15550003333","type":"text","text":{"body":"\ud83d"}},
                    {"from":"15550002222","type":"text","text":{"body":"stop"}}]}}]}]}"#;
    let items = payloads::parse(raw).items;
    let Content::Message(message) = &items[1].content else { panic!("a message") };
    assert_eq!(message.intent().intent, wzapi_whatsapp::intent::Intent::Withdraw);
}

#[test]
fn an_opt_out_is_found_wherever_the_person_put_it() {
    let stop = "Stop promotions";
    for part in [
        json!({"type": "text", "text": {"body": stop}}),
        json!({"type": "button", "button": {"text": "Hör auf", "payload": "STOP_PROMOTIONS"}}),
        json!({"type": "interactive", "interactive": {"type": "button_reply", "button_reply": {"id": "1", "title": stop}}}),
        json!({"type": "interactive", "interactive": {"type": "list_reply", "list_reply": {"id": stop, "title": "x"}}}),
        json!({"type": "image", "image": {"caption": stop}}),
        json!({"type": "edit", "edit": {"message": {"type": "text", "text": {"body": stop}}}}),
        json!({"type": 7, "text": {"body": stop}}),
    ] {
        let mut message = json!({"from": "15550002222"});
        message.as_object_mut().unwrap().extend(part.as_object().unwrap().clone());
        let items = items("messages", &json!({"messages": [message]}));
        let Content::Message(message) = &items[0].content else { panic!("{part}") };
        assert_eq!(message.intent().intent, wzapi_whatsapp::intent::Intent::Withdraw, "{part}");
    }
}

#[test]
fn a_start_counts_when_it_is_typed_and_not_when_it_is_a_button() {
    let intent = |message| {
        let items = items("messages", &json!({"messages": [message]}));
        let Content::Message(message) = &items[0].content else { panic!("a message") };
        message.intent().intent
    };
    let from = "15550002222";
    let typed = json!({"from": from, "type": "text", "text": {"body": "Volver"}});
    let button = json!({"from": from, "type": "button", "button": {"text": "Volver", "payload": "back"}});
    assert_eq!(intent(typed), wzapi_whatsapp::intent::Intent::Subscribe);
    assert_eq!(intent(button), wzapi_whatsapp::intent::Intent::None);
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(raw in prop::collection::vec(any::<u8>(), 0..256)) {
        let _ = Delivery::parse(&raw, &Limits::default());
    }

    #[test]
    fn a_flipped_byte_is_read_or_refused(index in any::<prop::sample::Index>(), byte: u8) {
        let mut raw = payloads::change("messages", &json!({"messages": [{"from": "15550002222", "type": "text",
            "text": {"body": "\u{1f600} stop"}}]}));
        let index = index.index(raw.len());
        raw[index] = byte;
        let _ = Delivery::parse(&raw, &Limits::default());
    }
}
