//! What a record holds, and how it is written before it is sealed.
//!
//! ```text
//! offset  size  what
//!      0     1  version of this encoding: 1
//!      1     1  kind: 1 = text, 2 = JSON, 3 = binary
//!      2     n  text: UTF-8
//!               JSON: one value of RFC 8259, without white space
//!               binary: length of the media type (1 byte), media type (ASCII), bytes
//! ```
//!
//! `docs/formats/record-value.md` is the whole of it; `vectors/values.json` holds examples.

use std::io::{self, Write};

use serde_json::Value;
use zeroize::Zeroizing;

/// The longest value, written as above, in bytes.
pub const MAX_VALUE_BYTES: usize = 256 * 1024;
/// How deep arrays and objects of a JSON value may be nested.
pub const MAX_JSON_DEPTH: usize = 64;
/// The longest media type, in bytes (RFC 6838, section 4.2, allows 127 on each side of the slash).
pub const MAX_MEDIA_TYPE: usize = 255;

const VERSION: u8 = 1;
const TEXT: u8 = 1;
const JSON: u8 = 2;
const BINARY: u8 = 3;

/// The value of a record. Its `Debug` prints its kind and a redaction.
///
/// ```
/// use wzapi_vault::RecordValue;
///
/// let name = RecordValue::from("Ana");
/// assert_eq!(format!("{name:?}"), "Text([personal])");
/// ```
#[derive(Clone, PartialEq)]
pub enum RecordValue {
    /// A text.
    Text(String),
    /// A JSON document.
    Json(Value),
    /// Bytes of a media type.
    Binary {
        /// The media type, such as `image/png`, without parameters.
        media_type: String,
        /// The bytes.
        bytes: Vec<u8>,
    },
}

/// Why a value cannot be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ValueProblem {
    TooLong,
    TooDeep,
    MediaType,
}

impl RecordValue {
    /// The name of its kind: `text`, `json` or `binary`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::Json(_) => "json",
            Self::Binary { .. } => "binary",
        }
    }

    /// The bytes that are sealed.
    pub(crate) fn encode(&self) -> Result<Zeroizing<Vec<u8>>, ValueProblem> {
        let mut out = Bounded(Zeroizing::new(Vec::new()));
        let written = match self {
            Self::Text(text) => out.write_all(&[VERSION, TEXT]).and_then(|()| out.write_all(text.as_bytes())),
            Self::Json(value) => {
                if !is_shallow(value) {
                    return Err(ValueProblem::TooDeep);
                }
                out.write_all(&[VERSION, JSON])
                    .and_then(|()| serde_json::to_writer(&mut out, value).map_err(io::Error::from))
            }
            Self::Binary { media_type, bytes } => {
                let length = u8::try_from(media_type.len()).ok().filter(|_| is_media_type(media_type));
                let length = length.ok_or(ValueProblem::MediaType)?;
                out.write_all(&[VERSION, BINARY, length])
                    .and_then(|()| out.write_all(media_type.as_bytes()))
                    .and_then(|()| out.write_all(bytes))
            }
        };
        written.map(|()| out.0).map_err(|_| ValueProblem::TooLong)
    }

    /// The value that these bytes are, if they are one.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (&[VERSION, kind], content) = bytes.split_first_chunk::<2>()? else { return None };
        match kind {
            TEXT => std::str::from_utf8(content).ok().map(Self::from),
            JSON => serde_json::from_slice(content).ok().map(Self::Json),
            BINARY => {
                let (&length, rest) = content.split_first()?;
                let (media_type, bytes) = rest.split_at_checked(usize::from(length))?;
                let media_type = std::str::from_utf8(media_type).ok().filter(|text| is_media_type(text))?;
                Some(Self::Binary { media_type: media_type.to_owned(), bytes: bytes.to_vec() })
            }
            _ => None,
        }
    }
}

impl From<&str> for RecordValue {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<Value> for RecordValue {
    fn from(value: Value) -> Self {
        Self::Json(value)
    }
}

impl std::fmt::Debug for RecordValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Text(_) => "Text([personal])",
            Self::Json(_) => "Json([personal])",
            Self::Binary { .. } => "Binary([personal])",
        })
    }
}

/// Bytes up to [`MAX_VALUE_BYTES`]: more are refused before they are kept.
struct Bounded(Zeroizing<Vec<u8>>);

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() > MAX_VALUE_BYTES.saturating_sub(self.0.len()) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whether a value is nested no deeper than [`MAX_JSON_DEPTH`]; found without recursion, since it may be any depth.
fn is_shallow(value: &Value) -> bool {
    let mut waiting = vec![(value, 0)];
    while let Some((value, depth)) = waiting.pop() {
        if depth > MAX_JSON_DEPTH {
            return false;
        }
        match value {
            Value::Array(items) => waiting.extend(items.iter().map(|item| (item, depth + 1))),
            Value::Object(fields) => waiting.extend(fields.values().map(|field| (field, depth + 1))),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    true
}

/// Whether a text is type, slash and subtype, each of the letters of RFC 6838, section 4.2.
fn is_media_type(text: &str) -> bool {
    let is_name = |part: &str| {
        part.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric())
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
    };
    text.len() <= MAX_MEDIA_TYPE
        && text.split_once('/').is_some_and(|(main, sub)| is_name(main) && is_name(sub))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".*".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::btree_map(".*", inner, 0..4)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn every_value_comes_back_as_it_was(
            text in ".*",
            document in any_json(),
            media_type in "[a-z0-9][a-z0-9.+-]{0,20}/[a-z0-9][a-z0-9.+-]{0,20}",
            bytes in proptest::collection::vec(any::<u8>(), 0..300),
        ) {
            for value in [
                RecordValue::Text(text),
                RecordValue::Json(document),
                RecordValue::Binary { media_type, bytes },
            ] {
                let encoded = value.encode().unwrap();
                prop_assert_eq!(RecordValue::decode(&encoded), Some(value));
            }
        }

        #[test]
        fn arbitrary_bytes_never_decode_to_something_that_encodes_to_a_longer_value(
            bytes in proptest::collection::vec(any::<u8>(), 0..64),
        ) {
            if let Some(value) = RecordValue::decode(&bytes) {
                prop_assert!(value.encode().unwrap().len() <= bytes.len());
            }
        }
    }

    #[test]
    fn the_bounds_are_met_exactly() {
        let longest = "x".repeat(MAX_VALUE_BYTES - 2);
        assert!(RecordValue::Text(longest.clone()).encode().is_ok());
        assert_eq!(RecordValue::Text(longest + "x").encode(), Err(ValueProblem::TooLong));
        let nested = |depth: usize| (0..depth).fold(json!(1), |inner, _| json!([inner]));
        assert!(RecordValue::Json(nested(MAX_JSON_DEPTH)).encode().is_ok());
        assert_eq!(RecordValue::Json(nested(MAX_JSON_DEPTH + 1)).encode(), Err(ValueProblem::TooDeep));
        let many = Value::from(vec![0; MAX_VALUE_BYTES]);
        assert_eq!(RecordValue::Json(many).encode(), Err(ValueProblem::TooLong));
        let encode = |media_type: &str| {
            RecordValue::Binary { media_type: media_type.to_owned(), bytes: Vec::new() }.encode()
        };
        for media_type in
            ["", "image", "/png", "image/", "image/p ng", "a/b/c", "text/plain;charset=x", "é/b"]
        {
            assert_eq!(encode(media_type), Err(ValueProblem::MediaType), "{media_type}");
        }
        assert!(encode("application/vnd.ms-excel.sheet.macroEnabled.12").is_ok());
        assert_eq!(encode(&format!("a/{}", "b".repeat(MAX_MEDIA_TYPE))), Err(ValueProblem::MediaType));
    }

    #[test]
    fn another_version_or_kind_and_what_is_cut_short_is_refused() {
        for bytes in [&[][..], &[1], &[2, 1, b'x'], &[1, 4, b'x'], &[1, 1, 0xff], &[1, 2, b'{'], &[1, 3]] {
            assert_eq!(RecordValue::decode(bytes), None, "{bytes:?}");
        }
        assert_eq!(RecordValue::decode(&[1, 3, 9, b'a', b'/', b'b']), None);
    }

    #[test]
    fn the_vectors_of_the_format_hold() {
        let vectors: Vec<Value> = serde_json::from_str(include_str!("../vectors/values.json")).unwrap();
        for vector in &vectors {
            let hex = vector["hex"].as_str().unwrap();
            let bytes: Vec<u8> = (0..hex.len())
                .step_by(2)
                .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
                .collect();
            let value = match (&vector["text"], &vector["json"], &vector["bytes_hex"]) {
                (Value::String(text), _, _) => Some(RecordValue::Text(text.clone())),
                (_, _, Value::String(_)) => Some(RecordValue::Binary {
                    media_type: vector["media_type"].as_str().unwrap().to_owned(),
                    bytes: vec![0, 255],
                }),
                (_, Value::Null, _) => None,
                (_, document, _) => Some(RecordValue::Json(document.clone())),
            };
            assert_eq!(RecordValue::decode(&bytes), value, "{vector}");
            if let Some(value) = value {
                assert_eq!(value.encode().unwrap().as_slice(), bytes, "{vector}");
            }
        }
        assert!(vectors.len() >= 8);
    }
}
