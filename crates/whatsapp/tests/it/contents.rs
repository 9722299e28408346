//! What a person sent and shows, for hosts whose policy files it.

use serde_json::{Value, json};
use wzapi_whatsapp::content::Content;
use wzapi_whatsapp::message::InboundMessage;

use crate::payloads::{all, items, parse};

fn message_of(value: &Value) -> InboundMessage {
    match items("messages", value).remove(0).content {
        Content::Message(message) => message,
        other => panic!("{other:?}"),
    }
}

fn text(from: &str) -> Value {
    json!({ "from": from, "id": "wamid.1", "timestamp": "1700000000", "type": "text", "text": { "body": "hello" } })
}

#[test]
fn the_content_is_the_type_and_what_is_named_after_it() {
    let message = message_of(&json!({ "messages": [text("15550002222")] }));
    assert_eq!(*message.content.expose(), json!({ "type": "text", "content": { "body": "hello" } }));
}

#[test]
fn handles_of_media_are_no_content() {
    let image = json!({ "from": "15550002222", "id": "wamid.2", "timestamp": "1700000000", "type": "image",
        "image": { "id": "4111111111111111", "sha256": "x", "url": "https://lookaside.example/1",
                   "mime_type": "image/jpeg", "caption": "the parcel" } });
    let message = message_of(&json!({ "messages": [image] }));
    let content = json!({ "mime_type": "image/jpeg", "caption": "the parcel" });
    assert_eq!(*message.content.expose(), json!({ "type": "image", "content": content }));
}

#[test]
fn a_profile_is_that_of_the_contact_who_wrote() {
    let contact = |number: &str, name: &str| json!({ "wa_id": number, "profile": { "name": name } });
    let with = |contacts: Value| {
        let message = message_of(&json!({ "contacts": contacts, "messages": [text("15550002222")] }));
        message.profile.map(|profile| profile.expose()["name"].clone())
    };
    let (ana, ben) = (contact("15550002222", "Ana"), contact("15550003333", "Ben"));
    assert_eq!(with(json!([ana])), Some(json!("Ana")));
    assert_eq!(with(json!([ben, ana])), Some(json!("Ana")));
    assert_eq!(with(json!([ben])), None, "somebody else's profile");
    assert_eq!(with(json!([ana, contact("15550002222", "Anna")])), None, "two different ones");
    assert_eq!(with(json!([{ "wa_id": "15550002222", "profile": "Ana" }])), None, "a garbled one");
}

#[test]
fn content_and_profile_are_redacted_like_everything_personal() {
    let value = json!({ "contacts": [{ "wa_id": "15550002222", "profile": { "name": "Canary Name" } }],
        "messages": [{ "from": "15550002222", "id": "wamid.3", "timestamp": "1700000000", "type": "text",
                       "text": { "body": "canary words" } }] });
    let printed = format!("{:?}", message_of(&value));
    assert!(!printed.contains("anary"), "{printed}");
}

#[test]
fn every_collected_message_has_a_content_with_its_type() {
    let mut messages = 0;
    for (name, raw) in all() {
        for item in parse(&raw).items {
            if let Content::Message(message) = item.content {
                messages += 1;
                // Of an edit, the content is what the message says now.
                let kind = message.kind.as_str();
                let expected = if kind == "edit" { "image" } else { kind };
                assert_eq!(message.content.expose()["type"], expected, "{name}");
            }
        }
    }
    assert!(messages >= 30, "{messages}");
}
