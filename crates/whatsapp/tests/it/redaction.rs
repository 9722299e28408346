//! Nothing about a person is printed.

use serde_json::Value;

use crate::payloads;

/// Members whose texts are about persons, at any depth below them.
const PERSONAL: [&str; 12] = [
    "from",
    "body",
    "name",
    "wa_id",
    "user_id",
    "username",
    "from_user_id",
    "recipient_id",
    "recipient_user_id",
    "parent_user_id",
    "biz_opaque_callback_data",
    "caption",
];

#[test]
fn the_debug_text_of_a_delivery_holds_nothing_about_a_person() {
    let mut checked = 0;
    for (name, raw) in payloads::all() {
        let document: Value = serde_json::from_slice(&raw).unwrap();
        let delivery = payloads::parse(&raw);
        let printed = format!("{delivery:?} {delivery:#?}");
        let mut texts = Vec::new();
        personal_texts(&document, false, &mut texts);
        for text in texts {
            // The samples use placeholders such as PHONE_NUMBER_ID for persons and for business numbers alike.
            let business_ids = delivery.items.iter().flat_map(|item| [&item.waba_id, &item.phone_number_id]);
            let is_business = business_ids.flatten().any(|id| id.contains(text));
            assert!(is_business || !printed.contains(text), "{name}: {text}");
            checked += 1;
        }
        for id in ids(&document) {
            assert!(!printed.contains(id), "{name}: {id}");
        }
    }
    assert!(checked > 250, "{checked}");
}

fn personal_texts<'a>(value: &'a Value, is_personal: bool, texts: &mut Vec<&'a str>) {
    match value {
        Value::String(text) if is_personal && text.len() > 5 => texts.push(text),
        Value::Array(elements) => elements.iter().for_each(|node| personal_texts(node, is_personal, texts)),
        Value::Object(members) => members.iter().for_each(|(key, node)| {
            personal_texts(node, is_personal || PERSONAL.contains(&key.as_str()), texts);
        }),
        _ => {}
    }
}

/// Message ids, which embed numbers.
fn ids(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) if text.starts_with("wamid.") => vec![text],
        Value::Array(elements) => elements.iter().flat_map(ids).collect(),
        Value::Object(members) => members.values().flat_map(ids).collect(),
        _ => Vec::new(),
    }
}
