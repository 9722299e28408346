//! Something that the person sent.
//!
//! What later decisions need is taken out: who, when, what kind, and the words that may be an opt-out. What the person
//! sent, and their profile, stand beside it as JSON, for a host whose policy files them.

use serde_json::{Value, json};
use wzapi_model::Timestamp;
use wzapi_model::personal::Personal;

use crate::content::{Content, UnknownReason};
use crate::delivery::{ElementKey, Reading, Surroundings};
use crate::intent::{self, Intent, Verdict};
use crate::node;
use crate::person::{Person, PersonNodes};
use crate::{identity_change, identity_key};

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

    pub(crate) fn from_label(label: &str) -> Self {
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

/// How a message came here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MessageOrigin {
    /// The person has just written it.
    Live,
    /// The business handed its history over (webhook field `history`): it is up to 180 days old.
    History,
}

/// What the person answered to a request to be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CallAnswer {
    /// The business may call.
    Accepted,
    /// It may not.
    Rejected,
    /// An answer that this crate does not know, and that permits nothing.
    Other,
}

/// An answer to a request to be called (`interactive.call_permission_reply`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallPermission {
    /// What the person answered.
    pub answer: CallAnswer,
    /// Until when it holds; nothing for one without end, and for one that could not be read.
    pub expires_at: Option<Timestamp>,
    /// Whether it holds until the person takes it back.
    pub is_permanent: bool,
    /// Whether the person answered (`user_action`): WhatsApp also answers for a person who has just called.
    pub is_by_person: bool,
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
    /// The message that this one answers. It embeds a telephone number.
    pub context_id: Option<Personal<String>>,
    /// The message of the person's that this one changes or takes back.
    pub original_id: Option<Personal<String>>,
    /// What the person answered to a request to be called.
    pub call_permission: Option<CallPermission>,
    /// How it came here.
    pub origin: MessageOrigin,
    /// Whether it came from an advertisement or a post (`referral` is present).
    pub has_referral: bool,
    /// Whether it was sent to a group (`group_id` is present).
    pub is_group: bool,
    /// Meta's error codes, such as 131051 for a type that it does not pass on.
    pub error_codes: Vec<u32>,
}

impl InboundMessage {
    /// Whether it surely opens or renews the customer service window of 24 hours. Meta says that a message from
    /// the person does; for reactions, edits, revocations, group messages, answers to a request to be called and types
    /// unknown here that is not documented, so they do not.
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
        kind_opens && !self.is_group && self.call_permission.is_none()
    }

    /// Whether the words mean stop or start, and by which rule. A start counts only when it was typed: on buttons the
    /// same words mean something else, as `Volver` and `Voltar` mean "back". A host that offers a button to subscribe
    /// knows its payload and can call [`intent::classify`] on the words.
    pub fn intent(&self) -> Verdict {
        let verdict = intent::classify(&self.words);
        match verdict.intent {
            Intent::Subscribe if self.kind != MessageKind::Text => Verdict::NONE,
            Intent::Withdraw | Intent::Ambiguous | Intent::Subscribe | Intent::None => verdict,
        }
    }
}

/// Reads one element of `messages[]`.
pub(crate) fn read<'a>(element: &'a Value, surroundings: &Surroundings<'a>) -> Reading<'a> {
    read_as(MessageOrigin::Live, element, surroundings)
}

/// Reads a message that came in this way.
pub(crate) fn read_as<'a>(
    origin: MessageOrigin,
    element: &'a Value,
    surroundings: &Surroundings<'a>,
) -> Reading<'a> {
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
        match system_type.and_then(Value::as_str) {
            Some("customer_identity_changed" | "user_identity_changed") => {
                identity_key::read(element, named.person)
            }
            _ => identity_change::read_system(element),
        }
    } else if !named.person.is_known() {
        Content::Unknown(UnknownReason::UnreadablePerson)
    } else {
        Content::Message(InboundMessage {
            id: node::personal_id(element, "id"),
            person: named.person,
            timestamp: node::seconds(element.get("timestamp")),
            kind: MessageKind::from_label(node::label(element.get("type")).unwrap_or_default()),
            words: words(element),
            content: Personal::new(content(written_in(element))),
            profile: named.profile.cloned().map(Personal::new),
            context_id: element.get("context").and_then(|context| node::personal_id(context, "id")),
            original_id: original_id(element),
            call_permission: call_permission(element),
            origin,
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

/// The message that an element changes or takes back.
pub(crate) fn original_id(element: &Value) -> Option<Personal<String>> {
    let of = |kind| element.get(kind).and_then(|node| node::personal_id(node, "original_message_id"));
    of("edit").or_else(|| of("revoke"))
}

/// What an element says: of an edit, the new message.
pub(crate) fn written_in(element: &Value) -> &Value {
    let edited = || element.get("edit")?.get("message").filter(|message| message.is_object());
    match node::text(element, "type") {
        Some("edit") => edited().unwrap_or(element),
        _ => element,
    }
}

fn call_permission(element: &Value) -> Option<CallPermission> {
    let interactive = element.get("interactive")?;
    let reply = node::present(interactive, "call_permission_reply");
    if node::text(interactive, "type") != Some("call_permission_reply") && reply.is_none() {
        return None;
    }
    let answer = match reply.and_then(|reply| node::text(reply, "response")) {
        Some("accept") => CallAnswer::Accepted,
        Some("reject") => CallAnswer::Rejected,
        _ => CallAnswer::Other,
    };
    Some(CallPermission {
        answer,
        expires_at: node::seconds(reply.and_then(|reply| reply.get("expiration_timestamp"))),
        is_permanent: reply.and_then(|reply| reply.get("is_permanent")) == Some(&Value::Bool(true)),
        is_by_person: reply.and_then(|reply| node::text(reply, "response_source")) == Some("user_action"),
    })
}

/// The type and what is named after it.
pub(crate) fn content(message: &Value) -> Value {
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
