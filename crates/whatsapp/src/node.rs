//! Reading one node of a document that may be anything.

use std::borrow::Cow;

use serde_json::Value;
use wzapi_model::Timestamp;
use wzapi_model::personal::Personal;

/// The longest label, in bytes.
pub(crate) const MAX_LABEL: usize = 64;

/// The longest provider id, in bytes.
pub(crate) const MAX_ID: usize = 512;

/// The most error codes that are kept of one element.
const MAX_ERROR_CODES: usize = 32;

/// The member `key` of an object, unless it is missing or null.
pub(crate) fn present<'a>(object: &'a Value, key: &str) -> Option<&'a Value> {
    object.get(key).filter(|node| !node.is_null())
}

/// The member `key` as text.
pub(crate) fn text<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    object.get(key).and_then(Value::as_str)
}

/// The member `key` as personal text of at most [`MAX_ID`] bytes; what is longer is not an id.
pub(crate) fn personal_id(object: &Value, key: &str) -> Option<Personal<String>> {
    text(object, key).filter(|id| !id.is_empty() && id.len() <= MAX_ID).map(Personal::from)
}

/// A text, or a whole number as text.
pub(crate) fn scalar_text(node: &Value) -> Option<Cow<'_, str>> {
    match node {
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Number(number) if number.is_u64() => Some(Cow::Owned(number.to_string())),
        Value::Number(_) | Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A word of the provider's vocabulary, such as a field or a type. It may be printed, so it must look like
/// one: a letter, then letters, digits, `_`, `-` and `.`.
pub(crate) fn label(node: Option<&Value>) -> Option<&str> {
    let text = node?.as_str()?;
    let begins_with_letter = text.bytes().next().is_some_and(|first| first.is_ascii_alphabetic());
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    (begins_with_letter && text.len() <= MAX_LABEL && text.bytes().all(allowed)).then_some(text)
}

/// The id of an account or a sender: digits in production, and never a person's.
pub(crate) fn business_id(node: Option<&Value>) -> Option<String> {
    let text = scalar_text(node?)?;
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    (!text.is_empty() && text.len() <= MAX_LABEL && text.bytes().all(allowed)).then(|| text.into_owned())
}

/// A moment in whole seconds, as a text or as a number; nothing when it is not one between 1970 and 9999.
pub(crate) fn seconds(node: Option<&Value>) -> Option<Timestamp> {
    let seconds = match node? {
        Value::Number(number) => number.as_i64()?,
        Value::String(text) => text.trim().parse().ok()?,
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
    };
    Timestamp::from_seconds(seconds).ok()
}

/// The codes of the member `errors`, which is a list, or a single error in some versions.
pub(crate) fn error_codes(element: &Value) -> Vec<u32> {
    let code = |error: &Value| scalar_text(error.get("code")?)?.parse().ok();
    match element.get("errors") {
        Some(Value::Array(errors)) => errors.iter().filter_map(code).take(MAX_ERROR_CODES).collect(),
        Some(error) => code(error).into_iter().collect(),
        None => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn times_are_read_from_text_and_number_and_nothing_else() {
        let moment = Timestamp::from_seconds(1_790_416_800).ok();
        assert_eq!(seconds(Some(&json!("1790416800"))), moment);
        assert_eq!(seconds(Some(&json!(1_790_416_800))), moment);
        for node in
            [json!("soon"), json!(-1), json!(1.5), json!("999999999999999"), json!(u64::MAX), json!(null)]
        {
            assert_eq!(seconds(Some(&node)), None, "{node}");
        }
        assert_eq!(seconds(None), None);
    }

    #[test]
    fn a_label_cannot_carry_a_number_or_a_sentence() {
        assert_eq!(label(Some(&json!("user_changed_number"))), Some("user_changed_number"));
        for node in
            [json!("15550002222"), json!("+1"), json!("Ana Pruebas"), json!(""), json!("a".repeat(65))]
        {
            assert_eq!(label(Some(&node)), None, "{node}");
        }
    }
}
