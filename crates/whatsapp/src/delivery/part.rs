//! One change of a body, as a body of its own.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use wzapi_model::personal::Personal;

use super::{DeliveryError, Position, canonical, document};

/// A change, or a whole entry without readable changes, as it could be delivered by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Where it stood; its element is always nothing.
    pub position: Position,
    /// A body with just this in it: the same items come out of it, with the same keys. It holds all that Meta
    /// sent: seal it or drop it.
    pub body: Personal<Vec<u8>>,
}

/// Cuts the changes at these positions out of a body that [`super::Delivery::parse`] took.
///
/// # Errors
/// As [`super::Delivery::parse`].
pub fn parts(raw: &[u8], positions: impl IntoIterator<Item = Position>) -> Result<Vec<Part>, DeliveryError> {
    let wanted: BTreeSet<Position> =
        positions.into_iter().map(|position| Position { element: None, ..position }).collect();
    let root = document::read(raw)?;
    let found = wanted.into_iter().filter_map(|position| {
        let entry = root.get("entry")?.get(position.entry)?;
        let entry = match position.change {
            Some(change) => with_only(entry, entry.get("changes")?.get(change)?),
            None => entry.clone(),
        };
        let body = json!({ "object": root.get("object"), "entry": [entry] });
        Some(Part { position, body: Personal::new(canonical::to_vec(&body)) })
    });
    Ok(found.collect())
}

fn with_only(entry: &Value, change: &Value) -> Value {
    let mut entry = entry.clone();
    if let Some(fields) = entry.as_object_mut() {
        fields.insert("changes".to_owned(), json!([change]));
    }
    entry
}

#[cfg(test)]
mod tests {
    use super::super::{Delivery, Limits};
    use super::*;

    #[test]
    fn a_part_gives_the_same_items_with_the_same_keys() {
        let change = |id: &str| {
            json!({ "field": "messages", "value": {
                "metadata": { "phone_number_id": "2" },
                "contacts": [{ "wa_id": "15550002222", "user_id": "US.1" }],
                "messages": [{ "from": "15550002222", "id": id, "timestamp": "1", "type": "text", "text": { "body": "STOP" } }],
            }})
        };
        let body = json!({ "object": "whatsapp_business_account", "entry": [
            { "id": "1", "changes": [change("a"), change("b")] },
            { "id": "9", "changes": [change("c")] },
        ]});
        let raw = serde_json::to_vec(&body).unwrap();
        let whole = Delivery::parse(&raw, &Limits::default()).unwrap();
        let parts = parts(&raw, whole.items.iter().map(|item| item.position)).unwrap();
        assert_eq!(parts.len(), 3);
        for (item, part) in whole.items.iter().zip(&parts) {
            let again = Delivery::parse(part.body.expose(), &Limits::default()).unwrap();
            assert_eq!(again.items.len(), 1);
            assert_eq!(again.items[0].source_key(), item.source_key());
            assert_eq!(again.items[0].content, item.content);
        }
    }

    /// Found by fuzzing: a number whose shortest form must be read back as the same number.
    #[test]
    fn a_part_keeps_numbers_as_they_are() {
        let raw = format!(r#"{{"object":"whatsapp_business_account","entry":[{}]}}"#, "7".repeat(53));
        let whole = Delivery::parse(raw.as_bytes(), &Limits::default()).unwrap();
        let parts = parts(raw.as_bytes(), whole.items.iter().map(|item| item.position)).unwrap();
        let again = Delivery::parse(parts[0].body.expose(), &Limits::default()).unwrap();
        assert_eq!(again.items[0].source_key(), whole.items[0].source_key());
    }
}
