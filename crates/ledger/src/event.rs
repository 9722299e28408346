//! What is recorded, and its canonical bytes.

use serde_json::{Map, Value};
use wzapi_ledger_proof::canonical;
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
    /// [`LedgerError::NotCanonical`] for any other number, for a key that is not ASCII (RFC 8785 sorts keys by UTF-16,
    /// which for ASCII is byte order), and beyond [`canonical::MAX_BYTES`] and [`canonical::MAX_DEPTH`], which no proof
    /// goes beyond.
    pub fn canonical_bytes(&self) -> Result<Vec<u8>, LedgerError> {
        canonical_bytes(&self.0)
    }
}

/// An object in the one spelling of events, for documents that are signed.
///
/// # Errors
/// As [`Event::canonical_bytes`].
pub fn canonical_bytes(object: &Map<String, Value>) -> Result<Vec<u8>, LedgerError> {
    let mut bytes = Vec::new();
    write_object(object, canonical::MAX_DEPTH - 1, &mut bytes)?;
    if bytes.len() > canonical::MAX_BYTES {
        return Err(LedgerError::NotCanonical);
    }
    Ok(bytes)
}

/// Writes a value that may be nested so deep, itself included.
fn write(value: &Value, depth: usize, out: &mut Vec<u8>) -> Result<(), LedgerError> {
    let depth = depth.checked_sub(1).ok_or(LedgerError::NotCanonical)?;
    match value {
        Value::Null | Value::Bool(_) => {}
        // serde_json escapes just what RFC 8785, section 3.2.2.2, escapes, and in the same way.
        Value::String(text) => return write_text(text, out),
        Value::Number(number) => {
            let is_canonical = match (number.as_u64(), number.as_i64()) {
                (Some(positive), _) => positive < MAX_INTEGER,
                (None, Some(negative)) => negative.unsigned_abs() < MAX_INTEGER,
                (None, None) => false,
            };
            if !is_canonical {
                return Err(LedgerError::NotCanonical);
            }
        }
        Value::Array(items) => return write_array(items, depth, out),
        Value::Object(fields) => return write_object(fields, depth, out),
    }
    out.extend_from_slice(value.to_string().as_bytes());
    Ok(())
}

fn write_text(text: &str, out: &mut Vec<u8>) -> Result<(), LedgerError> {
    serde_json::to_writer(out, text).map_err(|_| LedgerError::NotCanonical)
}

fn write_array(items: &[Value], depth: usize, out: &mut Vec<u8>) -> Result<(), LedgerError> {
    out.push(b'[');
    for (place, item) in items.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        write(item, depth, out)?;
    }
    out.push(b']');
    Ok(())
}

/// Keys are sorted here, since the maps of serde_json are in another order when somebody in the same program asks for
/// its feature `preserve_order`.
fn write_object(fields: &Map<String, Value>, depth: usize, out: &mut Vec<u8>) -> Result<(), LedgerError> {
    let mut sorted: Vec<_> = fields.iter().collect();
    sorted.sort_unstable_by_key(|(key, _)| *key);
    out.push(b'{');
    for (place, (key, value)) in sorted.into_iter().enumerate() {
        if !key.is_ascii() {
            return Err(LedgerError::NotCanonical);
        }
        if place > 0 {
            out.push(b',');
        }
        write_text(key, out)?;
        out.push(b':');
        write(value, depth, out)?;
    }
    out.push(b'}');
    Ok(())
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
    fn whatever_can_be_written_is_what_a_verifier_takes_for_canonical() {
        let every_character: String = (0..0x2100).filter_map(char::from_u32).collect();
        let nested = serde_json::json!({
            "Z": [], "a": {}, "B": [1, -1, 0, true, false, null, "", {"y": [[]], "x": "\u{10ffff}"}],
            "": "an empty key", "\u{1}": 1, "\"": 2, "a\\": 3,
        });
        let event = event().with("text", every_character.as_str()).with("nested", nested);
        let bytes = event.canonical_bytes().unwrap();
        assert!(canonical::is_canonical(&bytes), "{}", String::from_utf8_lossy(&bytes));
        let read: Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(read.as_object().unwrap(), &event.0);
    }

    #[test]
    fn numbers_that_languages_disagree_about_are_refused() {
        for value in
            [Value::from(0.5), Value::from(-0.0), Value::from(1_u64 << 53), Value::from(-(1_i64 << 53))]
        {
            assert!(matches!(event().with("n", value).canonical_bytes(), Err(LedgerError::NotCanonical)));
        }
        for value in [(1_i64 << 53) - 1, -(1_i64 << 53) + 1] {
            assert!(canonical::is_canonical(&event().with("n", value).canonical_bytes().unwrap()));
        }
        let nested = serde_json::json!({"a": [{"é": 1}]});
        assert!(event().with("n", nested).canonical_bytes().is_err(), "a key that is not ASCII");
    }

    #[test]
    fn what_no_proof_could_hold_is_refused() {
        let nested = |depth| (0..depth).fold(Value::Null, |inner, _| Value::Array(vec![inner]));
        // The event is one level, and the value inside of all the arrays another one.
        let deepest = event().with("n", nested(canonical::MAX_DEPTH - 2)).canonical_bytes().unwrap();
        assert!(canonical::is_canonical(&deepest));
        assert!(event().with("n", nested(canonical::MAX_DEPTH - 1)).canonical_bytes().is_err());
        let empty = event().with("n", "").canonical_bytes().unwrap().len();
        let filled = |length| event().with("n", "x".repeat(length)).canonical_bytes();
        assert!(canonical::is_canonical(&filled(canonical::MAX_BYTES - empty).unwrap()));
        assert!(filled(canonical::MAX_BYTES - empty + 1).is_err());
    }
}
