//! The person has a new number or a new business-scoped id.
//!
//! Meta reports it as a system message in the field `messages`; others document a field `user_id_update`. Both
//! are read. The number changes hands: what was permitted for the old one must not pass to its next owner.

use serde_json::Value;
use wzapi_model::Timestamp;
use wzapi_model::personal::Personal;

use crate::content::{Content, UnknownReason};
use crate::delivery::{ElementKey, Reading};
use crate::node;
use crate::person::{Person, PersonNodes};

/// What changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdentityChangeKind {
    /// The telephone number, and with it the business-scoped id.
    Number,
    /// The business-scoped id.
    UserId,
}

/// One person, before and after. At least one side is known; a side names only what Meta states for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityChange {
    /// The id of the system message. It embeds the telephone number.
    pub id: Option<Personal<String>>,
    /// What changed.
    pub kind: IdentityChangeKind,
    /// The identifiers that are no longer the person's.
    pub previous: Person,
    /// The identifiers that are.
    pub current: Person,
    /// When, if that could be read.
    pub timestamp: Option<Timestamp>,
}

/// Reads a message of type `system`.
pub(crate) fn read_system(message: &Value) -> Content {
    let Some(system) = message.get("system") else {
        return Content::Unknown(UnknownReason::UnreadableShape);
    };
    let kind = match node::text(system, "type") {
        // The second name is that of versions before 12.
        Some("user_changed_number" | "customer_changed_number") => IdentityChangeKind::Number,
        Some("user_changed_user_id") => IdentityChangeKind::UserId,
        _ => return Content::Unknown(UnknownReason::ElementType),
    };
    let from = PersonNodes::of(message, "from", "", "").read();
    let customer = PersonNodes::of(system, "customer", "", "").read();
    let new_id = if node::present(system, "wa_id").is_some() { "wa_id" } else { "new_wa_id" };
    let mut current = PersonNodes::of(system, new_id, "user_id", "parent_user_id").read();
    let mut previous = PersonNodes::of(system, "", "previous_user_id", "previous_parent_user_id").read();
    // The sender of the notice is the old number, unless nothing says that the number changed.
    let sender = if customer.phone.is_some() { customer } else { from };
    if kind == IdentityChangeKind::UserId && current.phone.is_none() {
        (current.phone, current.wa_id) = (sender.phone, sender.wa_id);
    } else if sender.phone != current.phone {
        (previous.phone, previous.wa_id) = (sender.phone, sender.wa_id);
    }
    change(message, kind, previous, current)
}

/// Reads one element of `user_id_update[]`.
pub(crate) fn read_update(element: &Value) -> Reading<'_> {
    let own = PersonNodes::of(element, "wa_id", "user_id", "parent_user_id");
    let key = ElementKey { person: own, ..ElementKey::default() };
    if !element.is_object() {
        return Reading { content: Content::Unknown(UnknownReason::UnreadableShape), key };
    }
    let side = |wa_id, name| {
        let of = |key| element.get(key).and_then(|ids: &Value| node::present(ids, name));
        PersonNodes { wa_id, user_id: of("user_id"), parent_user_id: of("parent_user_id") }
    };
    let (mut previous, mut current) = (side(None, "previous"), side(own.wa_id, "current"));
    if own.user_id.is_some_and(Value::is_string) {
        current.user_id = own.user_id;
        previous.user_id = node::present(element, "previous_user_id");
    }
    Reading { content: change(element, IdentityChangeKind::UserId, previous.read(), current.read()), key }
}

fn change(element: &Value, kind: IdentityChangeKind, previous: Person, current: Person) -> Content {
    if !previous.is_known() && !current.is_known() {
        return Content::Unknown(UnknownReason::UnreadablePerson);
    }
    Content::IdentityChange(IdentityChange {
        id: node::personal_id(element, "id"),
        kind,
        previous,
        current,
        timestamp: node::seconds(element.get("timestamp")),
    })
}
