//! The canonical form of a policy's meaning, and its hash.
//!
//! The form is JSON with the keys of every object in the order of their code points, without white space, with
//! whole numbers, texts, `true` and `false` only (a subset of RFC 8785). What has no order (sets, grounds of
//! retention) is sorted. What a file leaves out and what it states as the default are the same. The hash is
//! SHA-256 over the label `wzapi policy v1`, a line feed, and the canonical form in UTF-8.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::str::FromStr;

use ring::digest;
use serde::{Serialize, Serializer};

use crate::file::PolicyFile;

/// What the hash covers before the canonical form.
const LABEL: &[u8] = b"wzapi policy v1\n";

/// A piece of meaning: what is compared and hashed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Meaning {
    Text(String),
    Whole(i64),
    Flag(bool),
    List(Vec<Meaning>),
    Map(BTreeMap<String, Meaning>),
}

impl Meaning {
    /// What the file means. Types of the model serialise without floats and without nulls, so nothing is lost.
    pub(crate) fn of(file: &PolicyFile) -> Self {
        serde_json::to_value(file).map_or_else(|_| Self::Map(BTreeMap::new()), Self::from_json)
    }

    fn from_json(value: serde_json::Value) -> Self {
        match value {
            serde_json::Value::Null => Self::Map(BTreeMap::new()),
            serde_json::Value::Bool(flag) => Self::Flag(flag),
            serde_json::Value::Number(number) => Self::Whole(number.as_i64().unwrap_or(i64::MAX)),
            serde_json::Value::String(text) => Self::Text(text),
            serde_json::Value::Array(values) => Self::List(values.into_iter().map(Self::from_json).collect()),
            serde_json::Value::Object(map) => {
                Self::Map(map.into_iter().map(|(key, value)| (key, Self::from_json(value))).collect())
            }
        }
    }

    /// The canonical form.
    pub(crate) fn write(&self, out: &mut String) {
        match self {
            Self::Text(text) => write_text(text, out),
            Self::Whole(number) => {
                let _ = write!(out, "{number}");
            }
            Self::Flag(flag) => out.push_str(if *flag { "true" } else { "false" }),
            Self::List(values) => {
                out.push('[');
                for (index, value) in values.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    value.write(out);
                }
                out.push(']');
            }
            Self::Map(map) => {
                out.push('{');
                for (index, (key, value)) in map.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    write_text(key, out);
                    out.push(':');
                    value.write(out);
                }
                out.push('}');
            }
        }
    }
}

fn write_text(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            control if u32::from(control) < 0x20 => {
                let _ = write!(out, "\\u{:04x}", u32::from(control));
            }
            other => out.push(other),
        }
    }
    out.push('"');
}

/// A text is not a content hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a content hash: write \"sha256:\" and 64 digits of 0-9 and a-f")]
pub struct ContentHashError;

/// The hash of what a policy means: its version. Two files of the same meaning have the same hash, whatever their
/// order of keys, white space and comments.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentHash([u8; 32]);

impl ContentHash {
    /// The hash of what `file` means.
    #[must_use]
    pub fn of(file: &PolicyFile) -> Self {
        let mut form = String::new();
        Meaning::of(file).write(&mut form);
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(LABEL);
        context.update(form.as_bytes());
        let mut bytes = [0; 32];
        for (target, source) in bytes.iter_mut().zip(context.finish().as_ref()) {
            *target = *source;
        }
        Self(bytes)
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for ContentHash {
    type Err = ContentHashError;

    fn from_str(text: &str) -> Result<Self, ContentHashError> {
        let digits =
            text.strip_prefix("sha256:").filter(|digits| digits.len() == 64).ok_or(ContentHashError)?;
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
            let value = |digit: &u8| match digit {
                b'0'..=b'9' => Ok(digit - b'0'),
                b'a'..=b'f' => Ok(digit - b'a' + 10),
                _ => Err(ContentHashError),
            };
            *byte = match pair {
                [high, low] => value(high)? << 4 | value(low)?,
                _ => return Err(ContentHashError),
            };
        }
        Ok(Self(bytes))
    }
}

impl Serialize for ContentHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
