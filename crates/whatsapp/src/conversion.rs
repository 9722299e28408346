//! Meta took a chat for a lead or a purchase (webhook field `automatic_events`).
//!
//! What it took it from, the message and the click on the advertisement, is personal data that nothing here needs, and is
//! not taken out. Source: Meta, "automatic_events webhook".

use serde_json::Value;
use wzapi_model::Timestamp;

use crate::content::{Content, UnknownReason};
use crate::delivery::{ElementKey, Reading, Surroundings};
use crate::node;

/// A lead or a purchase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversion {
    /// What: `LeadSubmitted`, `Purchase`.
    pub name: String,
    /// When, if that could be read.
    pub timestamp: Option<Timestamp>,
}

/// Reads one element of `automatic_events[]`.
pub(crate) fn read<'a>(element: &'a Value, _: &Surroundings<'a>) -> Reading<'a> {
    let key = ElementKey {
        id: element.get("id"),
        values: [element.get("event_name"), None],
        timestamp: element.get("timestamp"),
        ..ElementKey::default()
    };
    let content = match node::label(element.get("event_name")) {
        None => Content::Unknown(UnknownReason::UnreadableShape),
        Some(name) => Content::Conversion(Conversion {
            name: name.to_owned(),
            timestamp: node::seconds(element.get("timestamp")),
        }),
    };
    Reading { content, key }
}
