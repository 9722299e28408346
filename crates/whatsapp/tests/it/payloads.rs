//! The collected payloads, and small ones built by hand.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use wzapi_whatsapp::content::Content;
use wzapi_whatsapp::delivery::{Delivery, Item, Limits};

/// Where payloads are: the collected ones, and those that were constructed.
const FOLDERS: [&str; 2] = ["../../examples/webhooks", "tests/data/webhooks"];

/// Name without extension and bytes of every payload, sorted by name.
pub(crate) fn all() -> Vec<(String, Vec<u8>)> {
    let mut payloads: Vec<(String, Vec<u8>)> = FOLDERS
        .iter()
        .flat_map(|folder| fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).unwrap())
        .map(|file| file.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), fs::read(&path).unwrap()))
        .collect();
    payloads.sort();
    payloads
}

pub(crate) fn parse(raw: &[u8]) -> Delivery {
    Delivery::parse(raw, &Limits::default()).unwrap()
}

/// A delivery of one change of the field `field`.
pub(crate) fn change(field: &str, value: &Value) -> Vec<u8> {
    let entry = json!({"id": "1001", "changes": [{"field": field, "value": value}]});
    serde_json::to_vec(&json!({"object": "whatsapp_business_account", "entry": [entry]})).unwrap()
}

pub(crate) fn items(field: &str, value: &Value) -> Vec<Item> {
    parse(&change(field, value)).items
}

/// The person of an item of one message, preference, status or call.
pub(crate) fn person(item: &Item) -> &wzapi_whatsapp::person::Person {
    match &item.content {
        Content::Message(message) => &message.person,
        Content::Status(status) => &status.recipient,
        Content::Preference(preference) => &preference.person,
        Content::Call(call) => &call.person,
        other => panic!("{other:?} is about no single person"),
    }
}

pub(crate) fn digits(person: &wzapi_whatsapp::person::Person) -> Option<String> {
    person.phone.map(|phone| phone.expose_digits())
}

pub(crate) fn bsuid(person: &wzapi_whatsapp::person::Person) -> Option<&str> {
    person.bsuid.as_ref().map(|bsuid| bsuid.expose())
}
