//! Something happened to a group that the business runs (webhook fields `group_lifecycle_update`,
//! `group_participants_update`, `group_settings_update` and `group_status_update`).
//!
//! Participants are third persons: who joins a group agreed to nothing else. They are counted; their numbers, ids and
//! names are not taken out, nor are the group's subject, description, picture and invitation link, which people write.
//! Source: Meta, "Webhooks for Groups API".

use serde_json::Value;
use wzapi_model::Timestamp;
use wzapi_model::personal::Personal;

use crate::content::{Content, UnknownReason};
use crate::delivery::{ElementKey, Reading, Surroundings};
use crate::node;

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupEventKind {
    /// It was created.
    Created,
    /// It was deleted.
    Deleted,
    /// People joined.
    ParticipantsAdded,
    /// People left or were removed.
    ParticipantsRemoved,
    /// Somebody asks to join.
    JoinRequested,
    /// Somebody no longer asks.
    JoinRequestRevoked,
    /// Subject, description or picture changed.
    SettingsChanged,
    /// Meta suspended it.
    Suspended,
    /// It is no longer suspended.
    SuspensionCleared,
    /// Something that this crate does not know.
    Other(String),
}

impl GroupEventKind {
    fn from_label(label: &str) -> Self {
        match label {
            "group_create" => Self::Created,
            "group_delete" => Self::Deleted,
            "group_participants_add" | "group_add_participants" => Self::ParticipantsAdded,
            "group_participants_remove" | "group_remove_participants" => Self::ParticipantsRemoved,
            "group_join_request_created" => Self::JoinRequested,
            "group_join_request_revoked" => Self::JoinRequestRevoked,
            "group_settings_update" => Self::SettingsChanged,
            "group_suspend" => Self::Suspended,
            "group_suspend_cleared" => Self::SuspensionCleared,
            other => Self::Other(other.to_owned()),
        }
    }
}

/// One event. It failed when it has error codes; then it may have succeeded in part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupEvent {
    /// What happened.
    pub kind: GroupEventKind,
    /// Meta's id of the group. It can embed the number of whoever made the group.
    pub group_id: Option<Personal<String>>,
    /// The request of the business's that this answers.
    pub request_id: Option<String>,
    /// How many people it is about.
    pub participants: usize,
    /// How many people it should have been about and is not.
    pub failed_participants: usize,
    /// When, if that could be read.
    pub timestamp: Option<Timestamp>,
    /// Meta's error codes.
    pub error_codes: Vec<u32>,
}

/// Reads one element of `groups[]`.
pub(crate) fn read<'a>(element: &'a Value, _: &Surroundings<'a>) -> Reading<'a> {
    // It has no id of its own, so that the whole of it tells it from others.
    let key = ElementKey {
        values: [element.get("type"), element.get("request_id")],
        timestamp: element.get("timestamp"),
        ..ElementKey::default()
    };
    let Some(kind) = node::label(element.get("type")) else {
        return Reading { content: Content::Unknown(UnknownReason::UnreadableShape), key };
    };
    let count = |name| element.get(name).and_then(Value::as_array).map_or(0, Vec::len);
    let one = usize::from(["wa_id", "user_id"].iter().any(|name| node::present(element, name).is_some()));
    let content = Content::Group(GroupEvent {
        kind: GroupEventKind::from_label(kind),
        group_id: node::personal_id(element, "group_id"),
        request_id: node::business_id(element.get("request_id")),
        participants: count("added_participants").saturating_add(count("removed_participants")).max(one),
        failed_participants: count("failed_participants"),
        timestamp: node::seconds(element.get("timestamp")),
        error_codes: node::error_codes(element),
    });
    Reading { content, key }
}
