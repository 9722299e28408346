//! Contacts of the business's own WhatsApp app (webhook field `smb_app_state_sync`).
//!
//! A name in an address book is the business's word, not the person's: it links no identifiers and permits nothing.
//! Source: Meta, "smb_app_state_sync webhook".

use serde_json::{Map, Value};
use wzapi_model::Timestamp;
use wzapi_model::personal::Personal;

use crate::content::{Content, UnknownReason};
use crate::delivery::{ElementKey, Reading, Surroundings};
use crate::node;
use crate::person::{Person, PersonNodes};

/// What the business did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AddressBookAction {
    /// Added or changed the contact.
    Added,
    /// Removed it.
    Removed,
    /// Something that this crate does not know.
    Other,
}

/// One contact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressBookEntry {
    /// Who; always known.
    pub person: Person,
    /// What the business did.
    pub action: AddressBookAction,
    /// When, if that could be read.
    pub timestamp: Option<Timestamp>,
    /// The names that the business wrote down, and the person's user name.
    pub names: Option<Personal<Value>>,
}

const NAMES: [&str; 3] = ["first_name", "full_name", "username"];

/// Reads one element of `state_sync[]`.
pub(crate) fn read<'a>(element: &'a Value, _: &Surroundings<'a>) -> Reading<'a> {
    let Some(contact) = element.get("contact").filter(|contact| contact.is_object()) else {
        let content = Content::Unknown(UnknownReason::UnreadableShape);
        return Reading { content, key: ElementKey::default() };
    };
    let nodes = PersonNodes::of(contact, "phone_number", "user_id", "parent_user_id");
    let timestamp = element.get("metadata").and_then(|metadata| metadata.get("timestamp"));
    let key = ElementKey {
        values: [element.get("action"), None],
        timestamp,
        person: nodes,
        ..ElementKey::default()
    };
    let person = nodes.read();
    if !person.is_known() {
        return Reading { content: Content::Unknown(UnknownReason::UnreadablePerson), key };
    }
    let action = match node::text(element, "action") {
        Some("add") => AddressBookAction::Added,
        Some("remove") => AddressBookAction::Removed,
        _ => AddressBookAction::Other,
    };
    let names: Map<String, Value> = NAMES
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), node::text(contact, name)?.into())))
        .collect();
    let names = (!names.is_empty()).then(|| Personal::new(Value::Object(names)));
    let content =
        Content::AddressBook(AddressBookEntry { person, action, timestamp: node::seconds(timestamp), names });
    Reading { content, key }
}
