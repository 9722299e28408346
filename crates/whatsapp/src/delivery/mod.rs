//! One request body becomes items, each with its place and its key against duplicates.
//!
//! Meta sends up to 1,000 elements in a body of up to 3 MB, to several accounts at once, in any order, and again
//! until it is acknowledged, for seven days. So a body is rejected only when it is no webhook at all; whatever
//! in it cannot be read becomes an item with [`Content::Unknown`], and the rest stands.

mod canonical;
mod document;
mod part;
mod source_key;

use serde_json::Value;
use wzapi_model::personal::Personal;

use crate::content::{Content, UnknownReason};
use crate::node;
use crate::person::{Contacts, PersonNodes};
use crate::{
    account, address_book, business, call, conversion, echo, group, history, identity_change, message,
    preference, status,
};

pub use document::MAX_DEPTH;
pub use part::{Part, parts};

/// How much of a body is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The longest body, in bytes. Meta sends up to 3 MB.
    pub max_bytes: usize,
    /// The most items. Meta sends up to 1,000 elements.
    pub max_items: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_bytes: 4 * 1024 * 1024, max_items: 10_000 }
    }
}

/// A body is not a delivery. Nothing of the body is repeated in the error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DeliveryError {
    /// It is longer than [`Limits::max_bytes`]; it was not looked at.
    #[error("the body is longer than {limit} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// It is nested deeper than [`MAX_DEPTH`].
    #[error("the body is nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
    /// It is not JSON.
    #[error("the body is not JSON, at line {line}, column {column}")]
    NotJson {
        /// The line, from 1.
        line: usize,
        /// The column in bytes, from 1; 0 at the beginning of a line.
        column: usize,
    },
    /// It is JSON, and not an object with a text `object` and a list `entry`.
    #[error("the body is not a webhook: it lacks `object` or `entry`")]
    NotAWebhook,
    /// It holds more items than [`Limits::max_items`].
    #[error("the body holds more than {limit} items")]
    TooManyItems {
        /// The limit.
        limit: usize,
    },
}

/// Where an item stands in its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Index in `entry[]`.
    pub entry: usize,
    /// Index in `changes[]`; nothing when the entry itself could not be read.
    pub change: Option<usize>,
    /// Index in the list of elements, such as `messages[]`; nothing when the item is the whole change.
    pub element: Option<usize>,
}

/// One thing that a delivery says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The WhatsApp Business Account: which controller it is for.
    pub waba_id: Option<String>,
    /// The telephone number of the business: which sender it is for. Account events have none.
    pub phone_number_id: Option<String>,
    /// Where it stands.
    pub position: Position,
    /// The webhook field; empty when it does not look like one.
    pub field: String,
    /// What it says.
    pub content: Content,
    /// Compact JSON of the element, or of the whole value when its elements could not be told apart, with sorted
    /// keys. It holds all that Meta sent: seal it or drop it.
    pub raw: Personal<Vec<u8>>,
    source_key: Personal<Vec<u8>>,
}

impl Item {
    /// What makes this the same event when it is delivered again: account, sender, field, kind, id, status or
    /// value, time and person as they stood, each with its length before it, and the SHA-256 of the words, the error
    /// codes or, without an id or an understanding, the whole element. Nothing in it depends on the delivery. It holds telephone numbers:
    /// keep only a keyed hash of it.
    #[must_use]
    pub const fn source_key(&self) -> &Personal<Vec<u8>> {
        &self.source_key
    }
}

/// A body, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// What the webhook is about: `whatsapp_business_account`; empty when it does not look like a name.
    pub object: String,
    /// What it says, in its order, which is no order of time.
    pub items: Vec<Item>,
}

impl Delivery {
    /// Takes a body apart. Check its signature first.
    ///
    /// # Errors
    /// [`DeliveryError`] when the body as a whole is too large, too deep, not JSON or no webhook.
    pub fn parse(raw: &[u8], limits: &Limits) -> Result<Self, DeliveryError> {
        if raw.len() > limits.max_bytes {
            return Err(DeliveryError::TooLarge { limit: limits.max_bytes });
        }
        let root = document::read(raw)?;
        let object = node::present(&root, "object").filter(|object| object.is_string());
        let entries = root.get("entry").and_then(Value::as_array);
        let (Some(object), Some(entries)) = (object, entries) else {
            return Err(DeliveryError::NotAWebhook);
        };
        let mut collector = Collector { limit: limits.max_items, items: Vec::new() };
        for (index, entry) in entries.iter().enumerate() {
            collector.entry(index, entry)?;
        }
        Ok(Self { object: node::label(Some(object)).unwrap_or_default().to_owned(), items: collector.items })
    }
}

/// What an element was read as, and what makes it itself.
pub(crate) struct Reading<'a> {
    pub(crate) content: Content,
    pub(crate) key: ElementKey<'a>,
}

/// The nodes that tell an element from every other.
#[derive(Default)]
pub(crate) struct ElementKey<'a> {
    pub(crate) id: Option<&'a Value>,
    pub(crate) values: [Option<&'a Value>; 2],
    pub(crate) timestamp: Option<&'a Value>,
    pub(crate) person: PersonNodes<'a>,
}

/// What stands around an element.
pub(crate) struct Surroundings<'a> {
    pub(crate) contacts: Contacts<'a>,
    /// Whether the value holds no other element.
    pub(crate) element_is_alone: bool,
    /// The number of the business, as it is shown.
    pub(crate) business_number: Option<&'a str>,
}

impl Surroundings<'_> {
    /// Whether a node that names somebody names the business.
    pub(crate) fn is_business(&self, node: &Value) -> bool {
        let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
        let own = self.business_number.map(digits).filter(|own| !own.is_empty());
        own.is_some() && node::scalar_text(node).map(|text| digits(&text)) == own
    }
}

/// Reads one element of a list.
type Reader = for<'a> fn(&'a Value, &Surroundings<'a>) -> Reading<'a>;

/// The lists that a field can hold, what their elements are called in keys, and who reads them.
fn lists_of(field: &str) -> &'static [(&'static str, &'static str, Reader)] {
    match field {
        "messages" => &[
            ("messages", "message", message::read),
            ("statuses", "status", status::read),
            ("user_preferences", "preference", preference::read),
        ],
        "user_preferences" => &[("user_preferences", "preference", preference::read)],
        "user_id_update" => {
            &[("user_id_update", "id_update", |element, _| identity_change::read_update(element))]
        }
        "calls" => &[("calls", "call", call::read), ("statuses", "call_status", call::read_status)],
        "smb_message_echoes" | "message_echoes" => &[("message_echoes", "echo", echo::read)],
        "smb_app_state_sync" => &[("state_sync", "address_book", address_book::read)],
        "automatic_events" => &[("automatic_events", "conversion", conversion::read)],
        "group_lifecycle_update"
        | "group_participants_update"
        | "group_settings_update"
        | "group_status_update" => &[("groups", "group", group::read)],
        _ => &[],
    }
}

/// Where an item stands and what it belongs to.
#[derive(Clone, Copy)]
struct Place<'a> {
    waba_id: Option<&'a Value>,
    phone_number_id: Option<&'a Value>,
    field: &'a str,
    position: Position,
}

struct Collector {
    limit: usize,
    items: Vec<Item>,
}

impl Collector {
    fn entry(&mut self, index: usize, entry: &Value) -> Result<(), DeliveryError> {
        let position = Position { entry: index, change: None, element: None };
        let place = Place { waba_id: node::present(entry, "id"), phone_number_id: None, field: "", position };
        let Some(changes) = entry.get("changes").and_then(Value::as_array) else {
            return self.push_unknown(place, UnknownReason::UnreadableShape, entry);
        };
        for (index, change) in changes.iter().enumerate() {
            let position = Position { change: Some(index), ..position };
            let field = node::label(change.get("field")).unwrap_or_default();
            match node::present(change, "value") {
                Some(value) => self.change(Place { field, position, ..place }, value)?,
                None => {
                    self.push_unknown(
                        Place { field, position, ..place },
                        UnknownReason::UnreadableShape,
                        change,
                    )?;
                }
            }
        }
        Ok(())
    }

    fn change(&mut self, place: Place<'_>, value: &Value) -> Result<(), DeliveryError> {
        let metadata = value.get("metadata");
        let place = Place {
            phone_number_id: metadata.and_then(|data| node::present(data, "phone_number_id")),
            ..place
        };
        if place.field == "account_update" {
            let reading = account::read(value, node::business_id(place.waba_id).as_deref());
            return self.push(place, "account", reading, value);
        }
        if let Some(reading) = business::read(place.field, value) {
            return self.push(place, "business", reading, value);
        }
        let business_number = metadata.and_then(|data| node::text(data, "display_phone_number"));
        if place.field == "history" {
            return self.history(place, value, business_number);
        }
        let lists = lists_of(place.field);
        if lists.is_empty() {
            return self.push_unknown(place, UnknownReason::Field, value);
        }
        let present = || lists.iter().filter_map(|list| Some((list, node::present(value, list.0)?)));
        if present().next().is_none() {
            return self.push_unknown(place, UnknownReason::UnreadableShape, value);
        }
        let count = present().filter_map(|(_, list)| list.as_array()).map(Vec::len).sum::<usize>();
        let surroundings =
            Surroundings { contacts: Contacts::of(value), element_is_alone: count == 1, business_number };
        for ((_, kind, read), list) in present() {
            let Some(elements) = list.as_array() else {
                self.push_unknown(place, UnknownReason::UnreadableShape, list)?;
                continue;
            };
            for (index, element) in elements.iter().enumerate() {
                let position = Position { element: Some(index), ..place.position };
                self.push(Place { position, ..place }, kind, read(element, &surroundings), element)?;
            }
        }
        Ok(())
    }

    /// Chunks of chats, and messages that bring the files of earlier ones.
    fn history<'a>(
        &mut self,
        place: Place<'a>,
        value: &'a Value,
        business_number: Option<&'a str>,
    ) -> Result<(), DeliveryError> {
        let chunks = node::present(value, "history").and_then(Value::as_array);
        let files = node::present(value, "messages").and_then(Value::as_array);
        if chunks.is_none() && files.is_none() {
            return self.push_unknown(place, UnknownReason::UnreadableShape, value);
        }
        let contacts = Contacts::of(value);
        let surroundings = Surroundings { contacts, element_is_alone: false, business_number };
        let mut places = (0..)
            .map(|index| Place { position: Position { element: Some(index), ..place.position }, ..place });
        for chunk in chunks.into_iter().flatten() {
            let (content, metadata) = history::read_chunk(chunk);
            // What says nothing about itself is kept as it is.
            let node = if matches!(content, Content::Unknown(_)) { chunk } else { &metadata };
            let reading = Reading { content, key: ElementKey::default() };
            self.push(places.next().unwrap_or(place), "history", reading, node)?;
            for (thread, element) in history::threads(chunk) {
                let reading = history::read_message(element, thread, &surroundings);
                self.push(places.next().unwrap_or(place), "history_message", reading, element)?;
            }
        }
        for element in files.into_iter().flatten() {
            let reading = history::read_message(element, None, &surroundings);
            self.push(places.next().unwrap_or(place), "history_message", reading, element)?;
        }
        Ok(())
    }

    fn push_unknown(
        &mut self,
        place: Place<'_>,
        reason: UnknownReason,
        node: &Value,
    ) -> Result<(), DeliveryError> {
        let reading = Reading { content: Content::Unknown(reason), key: ElementKey::default() };
        self.push(place, "unknown", reading, node)
    }

    fn push(
        &mut self,
        place: Place<'_>,
        kind: &str,
        reading: Reading<'_>,
        node: &Value,
    ) -> Result<(), DeliveryError> {
        if self.items.len() >= self.limit {
            return Err(DeliveryError::TooManyItems { limit: self.limit });
        }
        let raw = canonical::to_vec(node);
        let source_key = source_key::encode(place, kind, &reading.key, &reading.content, &raw);
        self.items.push(Item {
            waba_id: node::business_id(place.waba_id),
            phone_number_id: node::business_id(place.phone_number_id),
            position: place.position,
            field: place.field.to_owned(),
            content: reading.content,
            raw: Personal::new(raw),
            source_key: Personal::new(source_key),
        });
        Ok(())
    }
}
