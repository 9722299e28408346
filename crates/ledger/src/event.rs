//! What is recorded, and its canonical bytes.

use serde_json::{Map, Value};
use wzapi_model::Timestamp;
use wzapi_model::ids::ControllerId;

use crate::error::LedgerError;

/// Integers at or above this are not the same in every language (RFC 8785, section 3.2.2.3; RFC 7493, section 2.2).
const MAX_INTEGER: u64 = 1 << 53;

/// An event to be recorded: a type, a time, a controller and details.
///
/// ```
/// use wzapi_ledger::Event;
/// use wzapi_model::{Timestamp, ids::ControllerId};
///
/// let event = Event::new("sender.registered", ControllerId::SYSTEM, Timestamp::EPOCH).with("sender", "abc");
/// let bytes = event.canonical_bytes()?;
/// assert!(bytes.starts_with(br#"{"at":0,"controller":""#));
/// # Ok::<(), wzapi_ledger::LedgerError>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct Event(Map<String, Value>);

impl Event {
    /// An event of this type. Types are listed, with their details, in `docs/formats/ledger.md`.
    #[must_use]
    pub fn new(event_type: &'static str, controller: ControllerId, at: Timestamp) -> Self {
        let mut fields = Map::new();
        fields.insert("type".to_owned(), event_type.into());
        fields.insert("at".to_owned(), at.as_millis().into());
        fields.insert("controller".to_owned(), controller.to_string().into());
        Self(fields)
    }

    /// The same event with one more detail.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    /// The same event with a detail that may be absent; absent details are left out.
    #[must_use]
    pub fn with_some(self, name: &'static str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// The event as RFC 8785 JSON, with integers below 2^53 and no other numbers.
    ///
    /// # Errors
    /// [`LedgerError::NotCanonical`] for any other number and for a key that is not ASCII (RFC 8785 sorts keys
    /// by UTF-16, which for ASCII is byte order).
    pub fn canonical_bytes(&self) -> Result<Vec<u8>, LedgerError> {
        for (key, value) in &self.0 {
            check(key, value)?;
        }
        // Maps are sorted by key, and serde_json escapes just what RFC 8785, section 3.2.2.2, escapes.
        serde_json::to_vec(&self.0).map_err(|_| LedgerError::NotCanonical)
    }
}

fn check(key: &str, value: &Value) -> Result<(), LedgerError> {
    let is_canonical = key.is_ascii()
        && match value {
            Value::Null | Value::Bool(_) | Value::String(_) => true,
            Value::Number(number) => match (number.as_u64(), number.as_i64()) {
                (Some(positive), _) => positive < MAX_INTEGER,
                (None, Some(negative)) => negative.unsigned_abs() < MAX_INTEGER,
                (None, None) => false,
            },
            Value::Array(items) => return items.iter().try_for_each(|item| check("", item)),
            Value::Object(fields) => return fields.iter().try_for_each(|(key, value)| check(key, value)),
        };
    if is_canonical { Ok(()) } else { Err(LedgerError::NotCanonical) }
}

impl std::fmt::Debug for Event {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let event_type = self.0.get("type").and_then(Value::as_str).unwrap_or_default();
        write!(f, "Event({event_type})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> Event {
        Event::new("test", ControllerId::from_bytes([1; 16]), Timestamp::EPOCH)
    }

    #[test]
    fn strings_are_escaped_as_rfc_8785_says() {
        let text = "\u{20ac}$\u{f}\u{a}A'\u{42}\u{22}\u{5c}\\\"/\u{7f}";
        let bytes = event().with("text", text).canonical_bytes().unwrap();
        let json = String::from_utf8(bytes).unwrap();
        assert!(json.contains(r#""text":"€$\u000f\nA'B\"\\\\\"/"#), "{json}");
        let keys: Vec<_> =
            ["at", "controller", "text", "type"].map(|key| json.find(&format!("\"{key}\":"))).into();
        assert!(keys.is_sorted() && keys.iter().all(Option::is_some), "keys are sorted");
    }

    #[test]
    fn numbers_that_languages_disagree_about_are_refused() {
        for value in [Value::from(0.5), Value::from(1_u64 << 53), Value::from(-(1_i64 << 53))] {
            assert!(matches!(event().with("n", value).canonical_bytes(), Err(LedgerError::NotCanonical)));
        }
        assert!(event().with("n", (1_u64 << 53) - 1).canonical_bytes().is_ok());
        let nested = serde_json::json!({"a": [{"é": 1}]});
        assert!(event().with("n", nested).canonical_bytes().is_err(), "a key that is not ASCII");
    }
}
