//! The one spelling of an event: RFC 8785 JSON, narrowed so that no language can read it otherwise.
//!
//! An entry commits to bytes. Two programs that read the same bytes must also come to the same event, or
//! one could be shown a consent and the other a withdrawal by the same proof. RFC 8785 gives each value one
//! spelling: keys sorted, nothing between the tokens, one way to escape. On top of it
//!
//! - numbers are integers between -(2^53 - 1) and 2^53 - 1, which every language holds exactly;
//! - keys are ASCII, where all orders of sorting agree;
//! - no key stands twice in an object.
//!
//! # Examples
//!
//! ```
//! use wzapi_ledger_proof::canonical::{self, Value};
//!
//! let event = canonical::parse_object(br#"{"at":1700000000000,"type":"consent.withdrawn"}"#)?;
//! assert_eq!(event.text("type"), Some("consent.withdrawn"));
//! assert_eq!(event.get("at"), Some(&Value::Integer(1_700_000_000_000)));
//!
//! assert!(!canonical::is_canonical(br#"{"type":"a","at":1}"#), "keys are not sorted");
//! assert!(!canonical::is_canonical(br#"{"at":1.0}"#), "a number with a fraction");
//! assert!(!canonical::is_canonical(br#"{"at": 1}"#), "white space");
//! # Ok::<(), wzapi_ledger_proof::canonical::NotCanonical>(())
//! ```

use thiserror::Error;

/// The longest text that is read, in bytes.
pub const MAX_BYTES: usize = 1 << 20;

/// How deep arrays and objects may be nested.
pub const MAX_DEPTH: usize = 64;

/// The largest integer that is written, 2^53 - 1 (RFC 8785, section 3.2.2.3; RFC 7493, section 2.2).
const MAX_INTEGER: i64 = (1 << 53) - 1;

/// A canonical value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A whole number of at most 2^53 - 1, either way.
    Integer(i64),
    /// A string.
    Text(String),
    /// An array.
    Array(Vec<Self>),
    /// An object.
    Object(Object),
}

/// A canonical object: its keys are ASCII, sorted and distinct.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Object(Vec<(String, Value)>);

/// Why bytes are not canonical, and where. It holds nothing of what was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not canonical JSON at byte {offset}: {fault}")]
pub struct NotCanonical {
    /// How many bytes were canonical.
    pub offset: usize,
    /// What was found there.
    pub fault: SyntaxFault,
}

/// What is not canonical.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SyntaxFault {
    /// The text is longer than [`MAX_BYTES`].
    #[error("the text is too long")]
    TooLong,
    /// The text is not UTF-8.
    #[error("the text is not UTF-8")]
    NotUtf8,
    /// Values are nested deeper than [`MAX_DEPTH`].
    #[error("values are nested too deep")]
    TooDeep,
    /// No value begins here, be it for white space.
    #[error("a value was expected")]
    NoValue,
    /// A number is not an integer within 2^53 - 1, or is not written in the one way.
    #[error("a number is no plain integer below 2^53")]
    BadNumber,
    /// A string does not end, or a character is escaped that need not be, or the other way around.
    #[error("a string is not written in the one way")]
    BadText,
    /// A key is not ASCII.
    #[error("a key is not ASCII")]
    KeyNotAscii,
    /// Keys are not sorted, or one stands twice.
    #[error("keys are not in ascending order")]
    KeysNotSorted,
    /// A comma, a colon or a closing bracket is missing.
    #[error("punctuation was expected")]
    BadPunctuation,
    /// The text goes on after the value.
    #[error("the text goes on after its value")]
    TrailingText,
    /// The value is not an object.
    #[error("the value is no object")]
    NotAnObject,
}

/// Reads a canonical value.
///
/// # Errors
///
/// [`NotCanonical`] with the first place that is not.
pub fn parse(bytes: &[u8]) -> Result<Value, NotCanonical> {
    parse_within(bytes, MAX_BYTES)
}

/// As [`parse`], for a text that may be of another length.
pub(crate) fn parse_within(bytes: &[u8], limit: usize) -> Result<Value, NotCanonical> {
    let fail = |offset, fault| NotCanonical { offset, fault };
    if bytes.len() > limit {
        return Err(fail(limit, SyntaxFault::TooLong));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| fail(error.valid_up_to(), SyntaxFault::NotUtf8))?;
    let mut reader = Reader { rest: text };
    let value = reader
        .value(MAX_DEPTH)
        .and_then(|value| reader.rest.is_empty().then_some(value).ok_or(SyntaxFault::TrailingText));
    value.map_err(|fault| fail(text.len() - reader.rest.len(), fault))
}

/// Reads a canonical object, which every event is.
///
/// # Errors
///
/// [`NotCanonical`] with the first place that is not.
pub fn parse_object(bytes: &[u8]) -> Result<Object, NotCanonical> {
    match parse(bytes)? {
        Value::Object(object) => Ok(object),
        _ => Err(NotCanonical { offset: 0, fault: SyntaxFault::NotAnObject }),
    }
}

/// Whether bytes are a canonical value.
#[must_use]
pub fn is_canonical(bytes: &[u8]) -> bool {
    parse(bytes).is_ok()
}

/// Writes a value that was read, in its one spelling.
pub(crate) fn write(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Value::Integer(number) => out.push_str(&number.to_string()),
        Value::Text(text) => write_text(text, out),
        Value::Array(items) => {
            out.push('[');
            for (place, item) in items.iter().enumerate() {
                if place > 0 {
                    out.push(',');
                }
                write(item, out);
            }
            out.push(']');
        }
        Value::Object(object) => {
            out.push('{');
            for (place, (key, field)) in object.0.iter().enumerate() {
                if place > 0 {
                    out.push(',');
                }
                write_text(key, out);
                out.push(':');
                write(field, out);
            }
            out.push('}');
        }
    }
}

/// Writes a string with the escapes of RFC 8785, section 3.2.2.2.
pub(crate) fn write_text(text: &str, out: &mut String) {
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
            control if control < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(control))),
            plain => out.push(plain),
        }
    }
    out.push('"');
}

impl Object {
    /// The value under a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        let place = self.0.binary_search_by(|(own, _)| own.as_str().cmp(key)).ok()?;
        self.0.get(place).map(|(_, value)| value)
    }

    /// The string under a key; none if there is no such key or its value is no string.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<&str> {
        match self.get(key)? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The keys and values, sorted by key.
    #[must_use]
    pub fn fields(&self) -> &[(String, Value)] {
        &self.0
    }
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn take(&mut self, token: &str) -> bool {
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, token: &str, fault: SyntaxFault) -> Result<(), SyntaxFault> {
        if self.take(token) { Ok(()) } else { Err(fault) }
    }

    fn value(&mut self, depth: usize) -> Result<Value, SyntaxFault> {
        let depth = depth.checked_sub(1).ok_or(SyntaxFault::TooDeep)?;
        match self.rest.bytes().next() {
            Some(b'{') => self.object(depth).map(Value::Object),
            Some(b'[') => self.array(depth).map(Value::Array),
            Some(b'"') => self.text().map(Value::Text),
            Some(b'-' | b'0'..=b'9') => self.integer().map(Value::Integer),
            _ if self.take("null") => Ok(Value::Null),
            _ if self.take("true") => Ok(Value::Bool(true)),
            _ if self.take("false") => Ok(Value::Bool(false)),
            _ => Err(SyntaxFault::NoValue),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Object, SyntaxFault> {
        let mut fields: Vec<(String, Value)> = Vec::new();
        self.expect("{", SyntaxFault::BadPunctuation)?;
        if self.take("}") {
            return Ok(Object(fields));
        }
        loop {
            let before = self.rest;
            let key = self.text()?;
            if !key.is_ascii() || fields.last().is_some_and(|(last, _)| *last >= key) {
                self.rest = before;
                return Err(if key.is_ascii() {
                    SyntaxFault::KeysNotSorted
                } else {
                    SyntaxFault::KeyNotAscii
                });
            }
            self.expect(":", SyntaxFault::BadPunctuation)?;
            fields.push((key, self.value(depth)?));
            if self.take("}") {
                return Ok(Object(fields));
            }
            self.expect(",", SyntaxFault::BadPunctuation)?;
        }
    }

    fn array(&mut self, depth: usize) -> Result<Vec<Value>, SyntaxFault> {
        let mut items = Vec::new();
        self.expect("[", SyntaxFault::BadPunctuation)?;
        if self.take("]") {
            return Ok(items);
        }
        loop {
            items.push(self.value(depth)?);
            if self.take("]") {
                return Ok(items);
            }
            self.expect(",", SyntaxFault::BadPunctuation)?;
        }
    }

    fn integer(&mut self) -> Result<i64, SyntaxFault> {
        let end = self.rest.find(|c: char| !matches!(c, '-' | '+' | '.' | 'e' | 'E' | '0'..='9'));
        let (token, rest) =
            self.rest.split_at_checked(end.unwrap_or(self.rest.len())).ok_or(SyntaxFault::BadNumber)?;
        let number: i64 = token.parse().map_err(|_| SyntaxFault::BadNumber)?;
        // What is written back otherwise (a sign before 0, a leading zero or plus) has another spelling.
        if number.abs() > MAX_INTEGER || number.to_string() != token {
            return Err(SyntaxFault::BadNumber);
        }
        self.rest = rest;
        Ok(number)
    }

    fn text(&mut self) -> Result<String, SyntaxFault> {
        self.expect("\"", SyntaxFault::BadText)?;
        let mut text = String::new();
        loop {
            let plain = self.rest.find(|c: char| c < ' ' || c == '"' || c == '\\');
            let (before, rest) =
                plain.and_then(|end| self.rest.split_at_checked(end)).ok_or(SyntaxFault::BadText)?;
            text.push_str(before);
            self.rest = rest;
            if self.take("\"") {
                return Ok(text);
            }
            text.push(self.escaped()?);
        }
    }

    /// The characters that must be escaped, and how (RFC 8785, section 3.2.2.2). No other is.
    fn escaped(&mut self) -> Result<char, SyntaxFault> {
        const SHORT: [(&str, char); 7] = [
            ("\\\"", '"'),
            ("\\\\", '\\'),
            ("\\b", '\u{8}'),
            ("\\t", '\t'),
            ("\\n", '\n'),
            ("\\f", '\u{c}'),
            ("\\r", '\r'),
        ];
        if let Some((_, character)) = SHORT.iter().find(|(escape, _)| self.take(escape)) {
            return Ok(*character);
        }
        // The rest of the control characters, in four lowercase digits.
        let digits = self.rest.strip_prefix("\\u00").and_then(|rest| rest.split_at_checked(2));
        let (digits, rest) = digits.ok_or(SyntaxFault::BadText)?;
        let code = u8::from_str_radix(digits, 16).ok().filter(|code| format!("{code:02x}") == digits);
        let control = code
            .map(char::from)
            .filter(|control| *control < ' ' && SHORT.iter().all(|(_, short)| short != control));
        self.rest = if control.is_some() { rest } else { self.rest };
        control.ok_or(SyntaxFault::BadText)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> (usize, SyntaxFault) {
        let NotCanonical { offset, fault } = parse(text.as_bytes()).expect_err(text);
        (offset, fault)
    }

    #[test]
    fn values_have_one_spelling() {
        for (text, value) in [
            ("null", Value::Null),
            ("true", Value::Bool(true)),
            ("false", Value::Bool(false)),
            ("0", Value::Integer(0)),
            ("-1", Value::Integer(-1)),
            ("9007199254740991", Value::Integer((1 << 53) - 1)),
            ("-9007199254740991", Value::Integer(-((1 << 53) - 1))),
            ("[]", Value::Array(Vec::new())),
            ("{}", Value::Object(Object::default())),
            (r#""€$\u000f\nA'B\"\\/""#, Value::Text("€$\u{f}\nA'B\"\\/".to_owned())),
            ("\"\u{7f}\u{2028}\"", Value::Text("\u{7f}\u{2028}".to_owned())),
            ("[1,[2]]", Value::Array(vec![Value::Integer(1), Value::Array(vec![Value::Integer(2)])])),
        ] {
            assert_eq!(parse(text.as_bytes()), Ok(value), "{text}");
        }
    }

    #[test]
    fn other_spellings_are_refused_where_they_stand() {
        use SyntaxFault::*;
        for (text, offset, expected) in [
            ("", 0, NoValue),
            (" 1", 0, NoValue),
            ("1 ", 1, TrailingText),
            ("1\n", 1, TrailingText),
            ("01", 0, BadNumber),
            ("-0", 0, BadNumber),
            ("1.0", 0, BadNumber),
            ("1e3", 0, BadNumber),
            ("-", 0, BadNumber),
            ("9007199254740992", 0, BadNumber),
            ("-9007199254740992", 0, BadNumber),
            ("99999999999999999999", 0, BadNumber),
            ("nul", 0, NoValue),
            ("True", 0, NoValue),
            ("\"a", 1, BadText),
            (r#""\/""#, 1, BadText),
            (r#""\u0041""#, 1, BadText),
            (r#""\u000F""#, 1, BadText),
            (r#""\u000a""#, 1, BadText),
            (r#""\ud800""#, 1, BadText),
            (r#""\u20ac""#, 1, BadText),
            ("\"\u{1}\"", 1, BadText),
            ("\"a\nb\"", 2, BadText),
            ("[1, 2]", 3, NoValue),
            ("[1,]", 3, NoValue),
            ("[1", 2, BadPunctuation),
            (r#"{"a":1,"a":2}"#, 7, KeysNotSorted),
            (r#"{"b":1,"a":2}"#, 7, KeysNotSorted),
            (r#"{"é":1}"#, 1, KeyNotAscii),
            (r#"{"a" :1}"#, 4, BadPunctuation),
            (r#"{"a":1,}"#, 7, BadText),
            (r#"{a:1}"#, 1, BadText),
            ("{}{}", 2, TrailingText),
        ] {
            assert_eq!(fault(text), (offset, expected), "{text}");
        }
        assert_eq!(parse(b"\"\xff\""), Err(NotCanonical { offset: 1, fault: NotUtf8 }));
        assert_eq!(parse_object(b"[]"), Err(NotCanonical { offset: 0, fault: NotAnObject }));
    }

    #[test]
    fn depth_and_length_are_bounded() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(is_canonical(nested(MAX_DEPTH).as_bytes()));
        assert_eq!(fault(&nested(MAX_DEPTH + 1)), (MAX_DEPTH, SyntaxFault::TooDeep));
        let long = |length: usize| format!("\"{}\"", "a".repeat(length - 2));
        assert!(is_canonical(long(MAX_BYTES).as_bytes()));
        assert_eq!(fault(&long(MAX_BYTES + 1)), (MAX_BYTES, SyntaxFault::TooLong));
    }
}
