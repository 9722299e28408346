//! Messages from before this service was connected (webhook field `history`).
//!
//! A business that connects its WhatsApp Business app can hand over up to 180 days of chats: three phases, each in
//! chunks, in any order, with messages of both sides; files follow later as messages of their own. Or it declines, which
//! Meta tells by error 2593109. Source: Meta, "history webhook".

use serde_json::{Value, json};
use wzapi_model::identifier::E164;

use crate::content::{Content, UnknownReason};
use crate::delivery::{ElementKey, Reading, Surroundings};
use crate::message::{self, MessageOrigin};
use crate::{echo, node};

/// The error that tells that the business does not share its history.
pub const DECLINED: u32 = 2_593_109;

/// How far the handing over came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistorySync {
    /// 0: the last day; 1: up to 90 days; 2: up to 180 days.
    pub phase: Option<u64>,
    /// The place of this chunk in its phase.
    pub chunk: Option<u64>,
    /// Per cent of the whole.
    pub progress: Option<u64>,
    /// Meta's error codes.
    pub error_codes: Vec<u32>,
}

impl HistorySync {
    /// Whether the business does not share its history.
    #[must_use]
    pub fn is_declined(&self) -> bool {
        self.error_codes.contains(&DECLINED)
    }
}

/// Reads what a chunk says about itself; answers that, and the part of the chunk that says it.
pub(crate) fn read_chunk(chunk: &Value) -> (Content, Value) {
    let metadata = chunk.get("metadata");
    let number = |name| {
        let node = metadata?.get(name)?;
        node::scalar_text(node)?.parse().ok()
    };
    let sync = HistorySync {
        phase: number("phase"),
        chunk: number("chunk_order"),
        progress: number("progress"),
        error_codes: node::error_codes(chunk),
    };
    let says_nothing = metadata.is_none() && chunk.get("errors").is_none();
    let content =
        if says_nothing { Content::Unknown(UnknownReason::UnreadableShape) } else { Content::History(sync) };
    (content, json!({ "metadata": metadata, "errors": chunk.get("errors") }))
}

/// The chats of a chunk: the person of each, and its messages.
pub(crate) fn threads(chunk: &Value) -> impl Iterator<Item = (Option<&Value>, &Value)> {
    let threads = chunk.get("threads").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    threads.iter().flat_map(|thread| {
        let messages =
            thread.get("messages").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        messages.iter().map(move |message| (node::present(thread, "id"), message))
    })
}

/// Reads a message of a chat, or of no chat: then it brings the file of one.
pub(crate) fn read_message<'a>(
    element: &'a Value,
    thread: Option<&'a Value>,
    surroundings: &Surroundings<'a>,
) -> Reading<'a> {
    let from = element.get("from");
    let is_to_person = node::present(element, "to").is_some();
    if is_to_person || from.is_some_and(|from| surroundings.is_business(from)) {
        return echo::read_as(MessageOrigin::History, element, thread, surroundings);
    }
    if let (Some(from), Some(thread)) = (from.and_then(number), thread.and_then(number))
        && from != thread
    {
        // Nobody knows whose it is: the person's words must not be taken for the business's, nor the other way round.
        let key = ElementKey { id: element.get("id"), ..ElementKey::default() };
        return Reading { content: Content::Unknown(UnknownReason::UnreadablePerson), key };
    }
    message::read_as(MessageOrigin::History, element, surroundings)
}

fn number(node: &Value) -> Option<E164> {
    let text = node::scalar_text(node)?;
    E164::from_wa_id(text.strip_prefix('+').unwrap_or(&text)).ok()
}
