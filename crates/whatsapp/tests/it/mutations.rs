//! Every payload with every node missing or replaced: no panic, no error, and the neighbours survive.

use serde_json::{Map, Value, json};
use wzapi_whatsapp::delivery::{Delivery, DeliveryError, Item, Limits};

use crate::payloads;

#[test]
fn a_broken_node_never_costs_its_neighbours_anything() {
    let mut mutations = 0;
    for (name, raw) in payloads::all() {
        let original: Value = serde_json::from_slice(&raw).unwrap();
        let pointers = pointers(&original);
        for pointer in &pointers {
            for replacement in replacements() {
                let mutated = mutate(&original, pointer, replacement.as_ref());
                check(&mutated, pointer, &format!("{name} at {pointer} with {replacement:?}"));
                mutations += 1;
            }
        }
    }
    assert!(mutations > 10_000, "{mutations}");
}

/// Nothing (the node is removed), and one value of every type.
fn replacements() -> Vec<Option<Value>> {
    let values = [
        json!(null),
        json!(7),
        json!(-1.5e300),
        json!(true),
        json!("x"),
        json!([]),
        json!([[null]]),
        json!({}),
    ];
    [None].into_iter().chain(values.into_iter().map(Some)).collect()
}

/// The mutated document stands between two whole entries, and at the top level alone.
fn check(mutated: &Value, pointer: &str, what: &str) {
    let alone = Delivery::parse(&bytes(mutated), &Limits::default());
    if pointer.is_empty() || pointer == "/object" || pointer == "/entry" {
        assert!(alone.is_ok() || alone == Err(DeliveryError::NotAWebhook), "{what}: {alone:?}");
        return;
    }
    let alone = alone.unwrap_or_else(|error| panic!("{what}: {error}")).items;
    let entries = mutated["entry"].as_array().unwrap();
    let surrounded: Vec<Value> = [vec![stop()], entries.clone(), vec![stop()]].concat();
    let items =
        payloads::parse(&bytes(&json!({"object": "whatsapp_business_account", "entry": surrounded}))).items;
    assert_eq!(items.len(), alone.len() + 2, "{what}");
    for neighbour in [items.first(), items.last()] {
        let neighbour = neighbour.unwrap();
        assert_eq!(payloads::person(neighbour).bsuid.as_ref().unwrap().expose(), "US.1", "{what}");
    }
    let same = |(item, alone): (&Item, &Item)| {
        item.content == alone.content && item.source_key() == alone.source_key() && item.raw == alone.raw
    };
    assert!(items[1..].iter().zip(&alone).all(same), "{what}");
}

fn stop() -> Value {
    let preference =
        json!({"user_id": "US.1", "category": "marketing_messages", "value": "stop", "timestamp": 1});
    json!({"id": "7", "changes": [{"field": "user_preferences", "value": {"user_preferences": [preference]}}]})
}

#[test]
fn a_broken_element_leaves_the_other_elements_of_its_list() {
    for broken in
        [json!(null), json!(7), json!("x"), json!([]), json!({}), json!({"type": [], "from": {}, "text": 1})]
    {
        let good = json!({"from": "15550002222", "id": "wamid.X", "type": "text", "text": {"body": "stop"}});
        let status = json!({"id": "wamid.Y", "status": "sent", "recipient_id": "15550002222"});
        let value =
            json!({"contacts": broken, "messages": [good, broken, good], "statuses": [broken, status]});
        let items = payloads::items("messages", &value);
        assert_eq!(items.len(), 5, "{broken}");
        assert_eq!(items[0].content, items[2].content);
        for index in [0, 2, 4] {
            assert!(payloads::person(&items[index]).is_known(), "{broken}");
        }
    }
}

fn bytes(value: &Value) -> Vec<u8> {
    serde_json::to_vec(value).unwrap()
}

/// Every node of a document, as JSON pointers.
fn pointers(value: &Value) -> Vec<String> {
    let mut all = vec![String::new()];
    let mut below = |key: String, node: &Value| {
        all.extend(pointers(node).into_iter().map(|pointer| format!("/{key}{pointer}")));
    };
    match value {
        Value::Array(elements) => {
            elements.iter().enumerate().for_each(|(index, node)| below(index.to_string(), node))
        }
        Value::Object(members) => {
            members.iter().for_each(|(key, node)| below(key.replace('~', "~0").replace('/', "~1"), node));
        }
        _ => {}
    }
    all
}

fn mutate(original: &Value, pointer: &str, replacement: Option<&Value>) -> Value {
    let mut mutated = original.clone();
    if let Some(replacement) = replacement {
        *mutated.pointer_mut(pointer).unwrap() = replacement.clone();
        return mutated;
    }
    let Some((parent, key)) = pointer.rsplit_once('/') else { return json!(Map::new()) };
    match mutated.pointer_mut(parent).unwrap() {
        Value::Object(members) => drop(members.remove(key)),
        Value::Array(elements) => drop(elements.remove(key.parse().unwrap())),
        other => panic!("{other} has no members"),
    }
    mutated
}
