//! The person's identity key changed: another device, or another owner of the number.
//!
//! Meta sends it as a system message to businesses that asked for identity checks ("Identity change check"), and
//! answers sending with error 137000 until the business confirms. The hash of the key is personal data that nothing
//! here needs: it is not taken out.

use serde_json::Value;
use wzapi_model::Timestamp;

use crate::content::{Content, UnknownReason};
use crate::node;
use crate::person::Person;

/// A change of the identity key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityKeyChange {
    /// Whose; always known.
    pub person: Person,
    /// When, if that could be read.
    pub timestamp: Option<Timestamp>,
}

/// Reads a message of type `system` about it.
pub(crate) fn read(message: &Value, person: Person) -> Content {
    if !person.is_known() {
        return Content::Unknown(UnknownReason::UnreadablePerson);
    }
    Content::IdentityKey(IdentityKeyChange { person, timestamp: node::seconds(message.get("timestamp")) })
}
