//! What became of a message that the business sent.

use serde_json::Value;
use wzapi_model::Timestamp;
use wzapi_model::message::MessageCategory;
use wzapi_model::personal::Personal;

use crate::content::{Content, UnknownReason};
use crate::delivery::{ElementKey, Reading, Surroundings};
use crate::error_code::ErrorCode;
use crate::node;
use crate::person::{Person, PersonNodes};

/// The longest `biz_opaque_callback_data`, in bytes; what is longer is not taken out.
pub const MAX_OPAQUE_LENGTH: usize = 512;

/// How far a message came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeliveryStatus {
    /// Meta took it.
    Sent,
    /// It is on the person's device.
    Delivered,
    /// The person saw it.
    Read,
    /// It will not arrive; the error codes say why.
    Failed,
    /// The person listened to a voice message.
    Played,
    /// A status that this crate does not know; empty when it does not look like one.
    Other(String),
}

impl DeliveryStatus {
    fn from_label(label: &str) -> Self {
        match label {
            "sent" => Self::Sent,
            "delivered" => Self::Delivered,
            "read" => Self::Read,
            "failed" => Self::Failed,
            "played" => Self::Played,
            other => Self::Other(other.to_owned()),
        }
    }
}

/// One step in the life of a message that the business sent. Steps come in any order and more than once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageStatus {
    /// The id that Meta gave the message when it was sent. It embeds the telephone number.
    pub id: Option<Personal<String>>,
    /// How far it came.
    pub status: DeliveryStatus,
    /// To whom; may be unknown, also in production: `id` and `opaque` still tie the status to the message. Of a message to
    /// a group it is never known: the participants who got it are third persons to each other.
    pub recipient: Person,
    /// Whether the message went to a group.
    pub is_group: bool,
    /// When, if that could be read.
    pub timestamp: Option<Timestamp>,
    /// The category that Meta charged for.
    pub category: Option<MessageCategory>,
    /// `biz_opaque_callback_data`: what the business attached to the message, such as the id of a permit.
    pub opaque: Option<Personal<String>>,
    /// Meta's error codes; see [`ErrorCode`].
    pub error_codes: Vec<u32>,
}

impl MessageStatus {
    /// Whether it says that the person stopped marketing messages of this business (131050): an opt-out.
    #[must_use]
    pub fn is_marketing_stop(&self) -> bool {
        self.error_codes.contains(&ErrorCode::MarketingStopped.code())
    }
}

/// Reads one element of `statuses[]` in the field `messages`.
pub(crate) fn read<'a>(element: &'a Value, surroundings: &Surroundings<'a>) -> Reading<'a> {
    let is_alone = surroundings.element_is_alone && !is_group(element);
    let named = surroundings.contacts.resolve(recipient_nodes(element), is_alone);
    let key = ElementKey {
        id: element.get("id"),
        // One message to a group has a status for each participant.
        values: [element.get("status"), element.get("recipient_participant_id")],
        timestamp: element.get("timestamp"),
        person: named.nodes,
    };
    if !element.is_object() {
        return Reading { content: Content::Unknown(UnknownReason::UnreadableShape), key };
    }
    let opaque = node::text(element, "biz_opaque_callback_data");
    let content = Content::Status(MessageStatus {
        id: node::personal_id(element, "id"),
        status: DeliveryStatus::from_label(node::label(element.get("status")).unwrap_or_default()),
        recipient: named.person,
        is_group: is_group(element),
        timestamp: node::seconds(element.get("timestamp")),
        category: category(element),
        opaque: opaque.filter(|data| data.len() <= MAX_OPAQUE_LENGTH).map(Personal::from),
        error_codes: node::error_codes(element),
    });
    Reading { content, key }
}

/// The nodes that name the recipient of a message or a call. A group is not a person.
pub(crate) fn recipient_nodes(element: &Value) -> PersonNodes<'_> {
    let nodes = PersonNodes::of(element, "recipient_id", "recipient_user_id", "recipient_parent_user_id");
    if is_group(element) { PersonNodes::default() } else { nodes }
}

fn is_group(element: &Value) -> bool {
    node::text(element, "recipient_type") == Some("group")
}

/// Meta charges for more categories than there are templates of; each belongs to one of the four.
fn category(element: &Value) -> Option<MessageCategory> {
    let name = node::text(element.get("pricing")?, "category")?.to_ascii_lowercase();
    match name.as_str() {
        "marketing_lite" => Some(MessageCategory::Marketing),
        "authentication_international" | "authentication-international" => {
            Some(MessageCategory::Authentication)
        }
        other => other.parse().ok(),
    }
}
