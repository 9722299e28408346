//! The person stopped or resumed marketing in WhatsApp's own settings (webhook field `user_preferences`).
//!
//! Whether a stop covers one sender or every sender of the portfolio is not documented: take it as the whole
//! business unless the policy narrows it. A `resume` ends only a `stop` of this kind.

use serde_json::Value;
use wzapi_model::Timestamp;
use wzapi_model::personal::Personal;

use crate::content::{Content, UnknownReason};
use crate::delivery::{ElementKey, Reading, Surroundings};
use crate::node;
use crate::person::{Person, PersonNodes};

/// The category that marketing preferences carry.
const MARKETING: &str = "marketing_messages";

/// What the person did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PreferenceAction {
    /// Stopped marketing.
    Stop,
    /// Took the stop back.
    Resume,
    /// Signed up for marketing through a link.
    Signup,
    /// Something that this crate does not know, and that permits nothing.
    Other(String),
}

/// A choice about marketing, made in WhatsApp.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarketingPreference {
    /// Who chose; always known.
    pub person: Person,
    /// What they chose.
    pub action: PreferenceAction,
    /// The category as it stood: `marketing_messages`, and for a stop anything or nothing.
    pub category: Option<String>,
    /// When, if that could be read.
    pub timestamp: Option<Timestamp>,
    /// The link of a sign-up.
    pub signup_id: Option<Personal<String>>,
}

/// Reads one element of `user_preferences[]`.
pub(crate) fn read<'a>(element: &'a Value, surroundings: &Surroundings<'a>) -> Reading<'a> {
    let own = PersonNodes::of(element, "wa_id", "user_id", "parent_user_id");
    let named = surroundings.contacts.resolve(own, surroundings.element_is_alone);
    let key = ElementKey { person: named.nodes, ..ElementKey::default() };
    Reading { content: content(element, named.person), key }
}

fn content(element: &Value, person: Person) -> Content {
    let Some(value) = node::text(element, "value") else {
        return Content::Unknown(UnknownReason::UnreadableShape);
    };
    let action = match value.trim().to_ascii_lowercase().as_str() {
        "stop" => PreferenceAction::Stop,
        "resume" => PreferenceAction::Resume,
        "signup" => PreferenceAction::Signup,
        _ => PreferenceAction::Other(node::label(element.get("value")).unwrap_or_default().to_owned()),
    };
    let category = node::label(element.get("category"));
    // A stop counts whatever it is called; to permit anything, the category must be the documented one.
    if category != Some(MARKETING) && action != PreferenceAction::Stop {
        return Content::Unknown(UnknownReason::PreferenceCategory);
    }
    if !person.is_known() {
        return Content::Unknown(UnknownReason::UnreadablePerson);
    }
    Content::Preference(MarketingPreference {
        person,
        action,
        category: category.map(str::to_owned),
        timestamp: node::seconds(element.get("timestamp")),
        signup_id: node::personal_id(element, "signup_id"),
    })
}
