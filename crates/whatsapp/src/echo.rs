//! The business wrote to a person from its own WhatsApp app (webhook field `smb_message_echoes`, and messages of the
//! business's in `history`).
//!
//! Numbers can be used by this service and by the WhatsApp Business app at once. What is sent in the app passed no gate
//! here, opens no window and says nothing about the person's will. Source: Meta, "smb_message_echoes webhook".

use serde_json::Value;
use wzapi_model::Timestamp;
use wzapi_model::personal::Personal;

use crate::content::{Content, UnknownReason};
use crate::delivery::{ElementKey, Reading, Surroundings};
use crate::message::{self, MessageKind, MessageOrigin};
use crate::node;
use crate::person::{Person, PersonNodes};

/// A message that the business sent past this service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentElsewhere {
    /// Meta's id. It embeds a telephone number.
    pub id: Option<Personal<String>>,
    /// To whom; may be unknown.
    pub recipient: Person,
    /// When, if that could be read.
    pub timestamp: Option<Timestamp>,
    /// What kind of message.
    pub kind: MessageKind,
    /// What was sent, as [`crate::message::InboundMessage::content`].
    pub content: Personal<Value>,
    /// The message of the business's that this one changes or takes back.
    pub original_id: Option<Personal<String>>,
    /// Whether it was sent just now or long ago.
    pub origin: MessageOrigin,
}

/// Reads one element of `message_echoes[]`.
pub(crate) fn read<'a>(element: &'a Value, surroundings: &Surroundings<'a>) -> Reading<'a> {
    read_as(MessageOrigin::Live, element, None, surroundings)
}

/// Reads a message of the business's. `thread` names the person of the chat it stands in.
pub(crate) fn read_as<'a>(
    origin: MessageOrigin,
    element: &'a Value,
    thread: Option<&'a Value>,
    surroundings: &Surroundings<'a>,
) -> Reading<'a> {
    let mut own = PersonNodes::of(element, "to", "to_user_id", "to_parent_user_id");
    // Samples are seen whose `to` is the business itself.
    own.wa_id = own.wa_id.filter(|to| !surroundings.is_business(to)).or(thread);
    let named = surroundings.contacts.resolve(own, surroundings.element_is_alone);
    let key = ElementKey {
        id: element.get("id"),
        values: [element.get("type"), None],
        timestamp: element.get("timestamp"),
        person: named.nodes,
    };
    if !element.is_object() {
        return Reading { content: Content::Unknown(UnknownReason::UnreadableShape), key };
    }
    let content = Content::SentElsewhere(SentElsewhere {
        id: node::personal_id(element, "id"),
        recipient: named.person,
        timestamp: node::seconds(element.get("timestamp")),
        kind: MessageKind::from_label(node::label(element.get("type")).unwrap_or_default()),
        content: Personal::new(message::content(message::written_in(element))),
        original_id: message::original_id(element),
        origin,
    });
    Reading { content, key }
}
