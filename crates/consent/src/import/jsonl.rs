//! Lines of a JSON Lines file: one flat object each.

use std::borrow::Cow;
use std::fmt;
use std::io::Read;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::input::Input;
use super::row::{COLUMNS, Fields, RawRow, RowProblem};
use super::{Encoding, ImportError, MAX_ROW};

/// Reads a JSON Lines file row by row.
pub(super) struct JsonlReader<R> {
    input: Input<R>,
    data: Vec<u8>,
    is_too_long: bool,
    /// The line that [`JsonlReader::new`] read ahead.
    first: Option<u64>,
}

impl<R: Read> JsonlReader<R> {
    /// Looks at the first line, which must be an object's.
    pub(super) fn new(file: R) -> Result<Self, ImportError> {
        let mut reader = Self { input: Input::new(file)?, data: Vec::new(), is_too_long: false, first: None };
        reader.first = reader.read()?;
        if reader.first.is_some() && !reader.data.starts_with(b"{") {
            return Err(if reader.data.contains(&0) {
                ImportError::Encoding { line: 1, encoding: Encoding::Utf16 }
            } else {
                ImportError::NotJsonLines
            });
        }
        Ok(reader)
    }

    pub(super) fn next(&mut self) -> Result<Option<RawRow>, ImportError> {
        let line = match self.first.take() {
            Some(line) => Some(line),
            None => self.read()?,
        };
        Ok(line.map(|line| match self.row() {
            Ok((fields, has_unknown)) => RawRow { line, fields: Ok(fields), has_unknown },
            Err(problem) => RawRow { line, fields: Err(problem), has_unknown: false },
        }))
    }

    /// The last line that was read, and how many bytes.
    pub(super) const fn position(&self) -> (u64, u64) {
        (self.input.line, self.input.bytes)
    }

    fn row(&self) -> Result<(Fields, bool), RowProblem> {
        if self.is_too_long {
            return Err(RowProblem::TooLong);
        }
        let text = std::str::from_utf8(&self.data).map_err(|_| RowProblem::Encoding)?;
        let object: FlatObject = serde_json::from_str(text).map_err(|_| RowProblem::Shape)?;
        match object.problem {
            Some(problem) => Err(problem),
            None => Ok((object.fields, object.has_unknown)),
        }
    }

    /// Reads the next line that is not empty, without white space around it; its number.
    fn read(&mut self) -> Result<Option<u64>, ImportError> {
        loop {
            let line = self.input.line;
            self.data.clear();
            self.is_too_long = false;
            let is_last = self.read_line()?;
            let blank = self.data.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            self.data.drain(..blank);
            self.data.truncate(self.data.trim_ascii_end().len());
            if !self.data.is_empty() || self.is_too_long {
                return Ok(Some(line));
            }
            if is_last {
                return Ok(None);
            }
        }
    }

    /// Reads to the end of a line, or of the file: then it is the last one.
    fn read_line(&mut self) -> Result<bool, ImportError> {
        loop {
            let Self { input, data, is_too_long, .. } = self;
            let bytes = input.peek()?;
            if bytes.is_empty() {
                return Ok(true);
            }
            let end = bytes.iter().position(|byte| *byte == b'\n');
            let piece = bytes.get(..end.unwrap_or(bytes.len())).unwrap_or_default();
            let room = MAX_ROW.saturating_sub(data.len());
            *is_too_long |= piece.len() > room;
            data.extend_from_slice(piece.get(..room.min(piece.len())).unwrap_or_default());
            let taken = piece.len() + usize::from(end.is_some());
            input.take(taken);
            if end.is_some() {
                input.line = input.line.saturating_add(1);
                return Ok(false);
            }
        }
    }
}

/// An object of texts. What is wrong with it is kept and not thrown, so that it is told as what it is.
#[derive(Default)]
struct FlatObject {
    fields: Fields,
    has_unknown: bool,
    problem: Option<RowProblem>,
}

impl<'de> Deserialize<'de> for FlatObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor)
    }
}

struct ObjectVisitor;

impl<'de> Visitor<'de> for ObjectVisitor {
    type Value = FlatObject;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<FlatObject, A::Error> {
        let mut object = FlatObject::default();
        let mut seen = [false; COLUMNS.len()];
        while let Some(Key(key)) = map.next_key()? {
            let value: Value<'_> = map.next_value()?;
            let Some(position) = COLUMNS.iter().position(|column| *column == key) else {
                object.has_unknown = true;
                if matches!(value, Value::Nested) {
                    object.problem.get_or_insert(RowProblem::Nested);
                }
                continue;
            };
            let is_repeated = seen.get_mut(position).is_some_and(|seen| std::mem::replace(seen, true));
            let text = match value {
                Value::Text(text) => Ok(text),
                Value::Nested => Err(RowProblem::Nested),
                Value::Number if key == COLUMNS[0] => Err(RowProblem::SpreadsheetNumber),
                Value::Number => Err(RowProblem::NotText),
            };
            match (text, object.fields.get_mut(position)) {
                (Ok(text), Some(field)) if !is_repeated => text.trim().clone_into(field),
                (Err(problem), _) => drop(object.problem.get_or_insert(problem)),
                (Ok(_), _) => drop(object.problem.get_or_insert(RowProblem::RepeatedKey)),
            }
        }
        Ok(object)
    }
}

struct Key<'de>(Cow<'de, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::deserialize(deserializer).map(Self)
    }
}

/// A value of an object.
enum Value<'de> {
    /// A text; nothing for `null`, and the digits of a whole number.
    Text(Cow<'de, str>),
    /// A fraction, or `true` or `false`.
    Number,
    /// An object or a list.
    Nested,
}

impl<'de> Deserialize<'de> for Value<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Value::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Value::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Value::Text(Cow::Borrowed("")))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Value::Text(Cow::Owned(number.to_string())))
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Value::Number)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Value::Number)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Value::Number)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Value::Nested)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::Nested)
    }
}
