//! A voice call, from the person or to them.

use serde_json::Value;
use wzapi_model::Timestamp;
use wzapi_model::personal::Personal;

use crate::content::{Content, UnknownReason};
use crate::delivery::{ElementKey, Reading, Surroundings};
use crate::node;
use crate::person::{Person, PersonNodes};
use crate::status;

/// Who called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallDirection {
    /// The person called the business.
    UserInitiated,
    /// The business called the person.
    BusinessInitiated,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallEvent {
    /// The call was placed.
    Connect,
    /// The call ended.
    Terminate,
    /// Anything else, such as `RINGING`; empty when it does not look like an event.
    Other(String),
}

/// One event of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboundCall {
    /// Meta's id of the call.
    pub id: Option<Personal<String>>,
    /// The person at the other end; always known.
    pub person: Person,
    /// Who called.
    pub direction: CallDirection,
    /// What happened.
    pub event: CallEvent,
    /// When, if that could be read.
    pub timestamp: Option<Timestamp>,
    /// Meta's error codes.
    pub error_codes: Vec<u32>,
}

impl InboundCall {
    /// Whether the person turned to the business with it, which opens the customer service window.
    #[must_use]
    pub fn is_contact_from_person(&self) -> bool {
        self.direction == CallDirection::UserInitiated && self.event == CallEvent::Connect
    }
}

/// Reads one element of `calls[]`.
pub(crate) fn read<'a>(element: &'a Value, surroundings: &Surroundings<'a>) -> Reading<'a> {
    let direction = match node::text(element, "direction") {
        Some("USER_INITIATED") => Some(CallDirection::UserInitiated),
        Some("BUSINESS_INITIATED") => Some(CallDirection::BusinessInitiated),
        _ => None,
    };
    let own = match direction {
        Some(CallDirection::UserInitiated) => {
            PersonNodes::of(element, "from", "from_user_id", "from_parent_user_id")
        }
        Some(CallDirection::BusinessInitiated) => {
            PersonNodes::of(element, "to", "to_user_id", "to_parent_user_id")
        }
        None => PersonNodes::default(),
    };
    let event = match node::label(element.get("event")).unwrap_or_default() {
        "connect" => CallEvent::Connect,
        "terminate" => CallEvent::Terminate,
        other => CallEvent::Other(other.to_owned()),
    };
    reading(
        element,
        surroundings,
        own,
        direction.map(|direction| (direction, event)),
        [element.get("event"), element.get("direction")],
    )
}

/// Reads one element of `statuses[]` in the field `calls`: how far a call of the business came.
pub(crate) fn read_status<'a>(element: &'a Value, surroundings: &Surroundings<'a>) -> Reading<'a> {
    let event = CallEvent::Other(node::label(element.get("status")).unwrap_or_default().to_owned());
    let call = element.is_object().then_some((CallDirection::BusinessInitiated, event));
    reading(element, surroundings, status::recipient_nodes(element), call, [element.get("status"), None])
}

fn reading<'a>(
    element: &'a Value,
    surroundings: &Surroundings<'a>,
    own: PersonNodes<'a>,
    call: Option<(CallDirection, CallEvent)>,
    values: [Option<&'a Value>; 2],
) -> Reading<'a> {
    let named = surroundings.contacts.resolve(own, surroundings.element_is_alone);
    let key = ElementKey {
        id: element.get("id"),
        values,
        timestamp: element.get("timestamp"),
        person: named.nodes,
    };
    let content = match call {
        None => Content::Unknown(UnknownReason::UnreadableShape),
        Some(_) if !named.person.is_known() => Content::Unknown(UnknownReason::UnreadablePerson),
        Some((direction, event)) => Content::Call(InboundCall {
            id: node::personal_id(element, "id"),
            person: named.person,
            direction,
            event,
            timestamp: node::seconds(element.get("timestamp")),
            error_codes: node::error_codes(element),
        }),
    };
    Reading { content, key }
}
