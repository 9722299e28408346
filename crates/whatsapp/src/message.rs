//! Something that the person sent.
//!
//! What later decisions need is taken out: who, when, what kind, and the words that may be an opt-out. What the person
//! sent, and their profile, stand beside it as JSON, for a host whose policy files them.

use serde_json::{Value, json};
use wzapi_model::Timestamp;
use wzapi_model::personal::Personal;

use crate::content::{Content, UnknownReason};
use crate::delivery::{ElementKey, Reading, Surroundings};
use crate::identity_change;
use crate::intent::{self, Intent};
use crate::node;
use crate::person::{Person, PersonNodes};

/// What kind of message it is, by its `type`. System notices are none: they are not the person's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MessageKind {
    /// Text that the person typed.
    Text,
    /// An audio file or a voice message.
    Audio,
    /// A picture.
    Image,
    /// A film.
    Video,
    /// A file.
    Document,
    /// A sticker.
    Sticker,
    /// A place.
    Location,
    /// Contact cards of third persons.
    Contacts,
    /// A reply button, a list row or a form of an interactive message.
    Interactive,
    /// A quick-reply button of a template.
    Button,
    /// A reaction to a message, or its removal.
    Reaction,
    /// An order from a catalogue.
    Order,
    /// A message that the platform cannot deliver to businesses.
    Unsupported,
    /// The person changed a message that they sent before.
    Edit,
    /// The person took back a message that they sent before.
    Revoke,
    /// A type that this crate does not know; empty when it does not look like a type.
    Other(String),
}

impl MessageKind {
    /// The name that Meta gives it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Text => "text",
            Self::Audio => "audio",
            Self::Image => "image",
            Self::Video => "video",
            Self::Document => "document",
            Self::Sticker => "sticker",
            Self::Location => "location",
            Self::Contacts => "contacts",
            Self::Interactive => "interactive",
            Self::Button => "button",
            Self::Reaction => "reaction",
            Self::Order => "order",
            Self::Unsupported => "unsupported",
            Self::Edit => "edit",
            Self::Revoke => "revoke",
            Self::Other(name) => name,
        }
    }

    fn from_label(label: &str) -> Self {
        match label {
            "text" => Self::Text,
            "audio" => Self::Audio,
            "image" => Self::Image,
            "video" => Self::Video,
            "document" => Self::Document,
            "sticker" => Self::Sticker,
            "location" => Self::Location,
            "contacts" => Self::Contacts,
            "interactive" => Self::Interactive,
            "button" => Self::Button,
            "reaction" => Self::Reaction,
            "order" => Self::Order,
            // `unknown` is what versions before 2023 wrote.
            "unsupported" | "unknown" => Self::Unsupported,
            "edit" => Self::Edit,
            "revoke" => Self::Revoke,
            other => Self::Other(other.to_owned()),
        }
    }
}

/// A message from a person to the business.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboundMessage {
    /// Meta's id. It embeds the telephone number.
    pub id: Option<Personal<String>>,
    /// Who sent it; always known.
    pub person: Person,
    /// When, if that could be read.
    pub timestamp: Option<Timestamp>,
    /// What kind of message.
    pub kind: MessageKind,
    /// The words that the person typed or chose: text, caption, title and payload of a button or list row, and
    /// the new text of an edit.
    pub words: Vec<Personal<String>>,
    /// What the person sent: the type and the part of the message that is named after it, without the ids and
    /// addresses under which Meta keeps media.
    pub content: Personal<Value>,
    /// The profile that came along: what the person shows others on the platform.
    pub profile: Option<Personal<Value>>,
    /// Whether it came from an advertisement or a post (`referral` is present).
    pub has_referral: bool,
    /// Whether it was sent to a group (`group_id` is present).
    pub is_group: bool,
    /// Meta's error codes, such as 131051 for a type that it does not pass on.
    pub error_codes: Vec<u32>,
}

impl InboundMessage {
    /// Whether it surely opens or renews the customer service window of 24 hours. Meta says that a message from
    /// the person does; for reactions, edits, revocations, group messages and types unknown here that is not
    /// documented, so they do not.
    #[must_use]
    pub fn opens_window(&self) -> bool {
        let kind_opens = match self.kind {
            MessageKind::Text
            | MessageKind::Audio
            | MessageKind::Image
            | MessageKind::Video
            | MessageKind::Document
            | MessageKind::Sticker
            | MessageKind::Location
            | MessageKind::Contacts
            | MessageKind::Interactive
            | MessageKind::Button
            | MessageKind::Order
            | MessageKind::Unsupported => true,
            MessageKind::Reaction | MessageKind::Edit | MessageKind::Revoke | MessageKind::Other(_) => false,
        };
        kind_opens && !self.is_group
    }

    /// Whether the words mean stop or start. A start counts only when it was typed: on buttons the same words
    /// mean something else, as `Volver` and `Voltar` mean "back". A host that offers a button to subscribe knows
    /// its payload and can call [`intent::classify`] on the words.
    #[must_use]
    pub fn intent(&self) -> Intent {
        match intent::classify(&self.words) {
            Intent::OptIn if self.kind != MessageKind::Text => Intent::None,
            intent => intent,
        }
    }
}

/// Reads one element of `messages[]`.
pub(crate) fn read<'a>(element: &'a Value, surroundings: &Surroundings<'a>) -> Reading<'a> {
    let own = PersonNodes::of(element, "from", "from_user_id", "from_parent_user_id");
    let named = surroundings.contacts.resolve(own, surroundings.element_is_alone);
    let system_type = element.get("system").and_then(|system| system.get("type"));
    let key = ElementKey {
        id: element.get("id"),
        values: [element.get("type"), system_type],
        timestamp: element.get("timestamp"),
        person: named.nodes,
    };
    let content = if !element.is_object() {
        Content::Unknown(UnknownReason::UnreadableShape)
    } else if node::text(element, "type") == Some("system") {
        identity_change::read_system(element)
    } else if !named.person.is_known() {
        Content::Unknown(UnknownReason::UnreadablePerson)
    } else {
        Content::Message(InboundMessage {
            id: node::personal_id(element, "id"),
            person: named.person,
            timestamp: node::seconds(element.get("timestamp")),
            kind: MessageKind::from_label(node::label(element.get("type")).unwrap_or_default()),
            words: words(element),
            content: Personal::new(content(element)),
            profile: named.profile.cloned().map(Personal::new),
            has_referral: node::present(element, "referral").is_some(),
            is_group: node::present(element, "group_id").is_some(),
            error_codes: node::error_codes(element),
        })
    };
    Reading { content, key }
}

/// Names under which Meta's own handles of media stand. They are no content, they lapse within weeks, and they look
/// like card numbers.
const MEDIA_HANDLES: [&str; 3] = ["id", "sha256", "url"];
/// What tells that an object is media.
const MEDIA_MARKS: [&str; 2] = ["mime_type", "sha256"];

/// The type and what is named after it.
fn content(message: &Value) -> Value {
    let label = node::label(message.get("type")).unwrap_or_default();
    let mut part = message.get(label).cloned().unwrap_or(Value::Null);
    remove_handles(&mut part);
    json!({ "type": label, "content": part })
}

/// Takes the handles out of all media in a value, which is as deep as a delivery may be.
fn remove_handles(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            if MEDIA_MARKS.iter().any(|mark| fields.contains_key(*mark)) {
                fields.retain(|name, _| !MEDIA_HANDLES.contains(&name.as_str()));
            }
            fields.values_mut().for_each(remove_handles);
        }
        Value::Array(items) => items.iter_mut().for_each(remove_handles),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Where the words stand, whatever the type: an opt-out is found also when the type is garbled.
const WORDS: [&[&str]; 10] = [
    &["text", "body"],
    &["button", "text"],
    &["button", "payload"],
    &["interactive", "button_reply", "title"],
    &["interactive", "button_reply", "id"],
    &["interactive", "list_reply", "title"],
    &["interactive", "list_reply", "id"],
    &["image", "caption"],
    &["video", "caption"],
    &["document", "caption"],
];

fn words(message: &Value) -> Vec<Personal<String>> {
    let edited = message.get("edit").and_then(|edit| edit.get("message"));
    let mut found = Vec::new();
    for place in [Some(message), edited].into_iter().flatten() {
        for path in WORDS {
            let node = path.iter().try_fold(place, |node, step| node.get(step));
            let text = node.and_then(Value::as_str).filter(|text| !text.is_empty());
            found.extend(text.map(Personal::from));
        }
    }
    found
}
