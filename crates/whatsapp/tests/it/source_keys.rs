//! One event has one key, however often and in whatever company it is delivered.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use wzapi_whatsapp::delivery::Item;

use crate::payloads::{self, items};

fn key(item: &Item) -> Vec<u8> {
    item.source_key().expose().clone()
}

fn only_key(field: &str, value: &Value) -> Vec<u8> {
    let items = items(field, value);
    assert_eq!(items.len(), 1);
    key(&items[0])
}

#[test]
fn a_redelivery_has_the_same_keys_whatever_its_white_space_and_company() {
    for (name, raw) in payloads::all() {
        let document: Value = serde_json::from_slice(&raw).unwrap();
        let compact = payloads::parse(&serde_json::to_vec(&document).unwrap());
        let pretty = payloads::parse(&raw);
        assert_eq!(compact, pretty, "{name}");
        let entries = document["entry"].as_array().unwrap();
        let twice = [entries.clone(), entries.clone()].concat();
        let keys: Vec<_> = pretty.items.iter().chain(&compact.items).map(key).collect();
        let mut timed = json!({"object": "x", "entry": twice});
        for entry in timed["entry"].as_array_mut().unwrap() {
            entry["time"] = json!(99);
        }
        let read: Vec<_> = payloads::parse(timed.to_string().as_bytes()).items.iter().map(key).collect();
        assert_eq!(read, keys, "{name}");
    }
}

#[test]
fn the_items_of_one_delivery_have_different_keys() {
    for (name, raw) in payloads::all() {
        let items = payloads::parse(&raw).items;
        let keys: BTreeSet<_> = items.iter().map(key).collect();
        assert_eq!(keys.len(), items.len(), "{name}");
    }
}

#[test]
fn each_step_of_one_message_has_a_key_of_its_own() {
    let steps = ["sent", "delivered", "read", "failed"].map(|status| {
        json!({"id": "wamid.X", "status": status, "timestamp": "1790416800", "recipient_id": "15550002222"})
    });
    let items = items("messages", &json!({"statuses": steps}));
    let keys: BTreeSet<_> = items.iter().map(key).collect();
    assert_eq!(keys.len(), 4);
}

#[test]
fn two_persons_never_share_a_key() {
    let message = |from: Value| json!({"messages": [{"from": from, "id": "wamid.X", "timestamp": "1", "type": "text"}]});
    let preference =
        |wa_id: &str| json!({"user_preferences": [{"wa_id": wa_id, "value": "stop", "timestamp": 1}]});
    assert_ne!(
        only_key("messages", &message(json!("15550002222"))),
        only_key("messages", &message(json!("15550003333")))
    );
    assert_ne!(
        only_key("user_preferences", &preference("15550002222")),
        only_key("user_preferences", &preference("15550003333"))
    );
    // Also when only the contact tells them apart.
    let by_contact = |wa_id: &str| json!({"contacts": [{"wa_id": wa_id}], "user_preferences": [{"value": "stop", "timestamp": 1}]});
    assert_ne!(
        only_key("user_preferences", &by_contact("15550002222")),
        only_key("user_preferences", &by_contact("15550003333"))
    );
}

#[test]
fn what_moves_from_one_part_to_the_next_makes_another_key() {
    let message =
        |id: &str, kind: &str| json!({"messages": [{"from": "15550002222", "id": id, "type": kind}]});
    assert_ne!(only_key("messages", &message("ab", "c")), only_key("messages", &message("a", "bc")));
    let sender = |id: &str| json!({"metadata": {"phone_number_id": id}, "user_preferences": [{"wa_id": "15550002222", "value": "stop"}]});
    assert_ne!(only_key("user_preferences", &sender("1")), only_key("user_preferences", &sender("2")));
}

/// The layout of version 1, byte by byte: keyed hashes of it are kept, so it must not change unnoticed.
#[test]
fn the_layout_is_the_documented_one() {
    let value = json!({"metadata": {"phone_number_id": "2002"}, "statuses": [
        {"id": "wamid.X", "status": "sent", "timestamp": "1790416800", "recipient_id": "15550002222"}]});
    let mut expected = vec![1];
    for part in [
        Some(r#""1001""#),
        Some(r#""2002""#),
        Some("messages"),
        Some("status"),
        Some(r#""wamid.X""#),
        Some(r#""sent""#),
        None,
        Some(r#""1790416800""#),
        Some(r#""15550002222""#),
        None,
        None,
    ] {
        match part {
            None => expected.push(0),
            Some(text) => {
                expected.extend([1, 0, 0, 0, u8::try_from(text.len()).unwrap()]);
                expected.extend(text.bytes());
            }
        }
    }
    assert_eq!(only_key("messages", &value), expected);
}
