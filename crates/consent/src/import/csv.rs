//! Records of a CSV file (RFC 4180), one at a time and never more of one than a row may have.

use std::io::Read;

use super::input::Input;
use super::row::{COLUMNS, Fields, REQUIRED, RawRow, RowProblem};
use super::{Encoding, ImportError, MAX_ROW};

/// The most that is passed over of one row because of a quotation mark. One that is never closed makes a row of all that
/// follows, and nobody can tell where the next one begins.
const MAX_QUOTED: usize = 4 * 1024 * 1024;

/// Where in a record the reader is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Within {
    /// At the beginning of a field.
    Start,
    /// In a field without quotation marks, or behind those of one that has some.
    Bare,
    /// Between quotation marks.
    Quoted,
    /// Behind a quotation mark within quotation marks: the end of them, or the first of two.
    MaybeEnd,
    /// Behind the quotation marks of a field, and white space.
    Closed,
}

/// One record.
#[derive(Debug, Default)]
struct Record {
    line: u64,
    data: Vec<u8>,
    /// Where each field ends in `data`.
    ends: Vec<usize>,
    /// All that belongs to it, what was passed over included.
    length: usize,
    is_unclosed: bool,
    /// Something stands behind the closing quotation mark of a field: a mark is missing or too many, and what was read as
    /// one record may be several.
    is_stray: bool,
}

impl Record {
    fn push(&mut self, byte: u8) {
        if self.length <= MAX_ROW {
            self.data.push(byte);
        }
    }

    fn end_field(&mut self) {
        if self.length <= MAX_ROW {
            self.ends.push(self.data.len());
        }
    }

    fn fields(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| self.data.get(start..*end).unwrap_or_default())
    }

    fn is_empty(&self) -> bool {
        self.ends.len() == 1 && self.length <= MAX_ROW && self.data.trim_ascii().is_empty()
    }
}

/// Reads a CSV file row by row.
pub(super) struct CsvReader<R> {
    input: Input<R>,
    record: Record,
    /// Which of a record's fields each column is.
    positions: [Option<usize>; COLUMNS.len()],
    fields: usize,
    pub(super) has_unknown_columns: bool,
}

impl<R: Read> CsvReader<R> {
    /// Reads the header.
    pub(super) fn new(file: R) -> Result<Self, ImportError> {
        let input = Input::new(file)?;
        let mut reader = Self {
            input,
            record: Record::default(),
            positions: [None; COLUMNS.len()],
            fields: 0,
            has_unknown_columns: false,
        };
        if reader.read()? {
            reader.read_header()?;
            Ok(reader)
        } else {
            Err(ImportError::MissingColumn(COLUMNS[0]))
        }
    }

    fn read_header(&mut self) -> Result<(), ImportError> {
        if self.record.length > MAX_ROW {
            return Err(ImportError::LongHeader);
        }
        if self.record.data.contains(&0) {
            return Err(ImportError::Encoding { line: 1, encoding: Encoding::Utf16 });
        }
        let names: Vec<&[u8]> = self.record.fields().map(<[u8]>::trim_ascii).collect();
        for (number, (position, column)) in self.positions.iter_mut().zip(COLUMNS).enumerate() {
            let mut found = names.iter().enumerate().filter(|(_, name)| **name == column.as_bytes());
            *position = found.next().map(|(place, _)| place);
            if position.is_none() && number < REQUIRED {
                return Err(ImportError::MissingColumn(column));
            }
            if found.next().is_some() {
                return Err(ImportError::RepeatedColumn(column));
            }
        }
        self.has_unknown_columns =
            names.iter().any(|name| !COLUMNS.iter().any(|one| one.as_bytes() == *name));
        self.fields = names.len();
        Ok(())
    }

    pub(super) fn next(&mut self) -> Result<Option<RawRow>, ImportError> {
        while self.read()? {
            if !self.record.is_empty() {
                return Ok(Some(RawRow { line: self.record.line, fields: self.row(), has_unknown: false }));
            }
        }
        Ok(None)
    }

    /// The last line that was read, and how many bytes.
    pub(super) const fn position(&self) -> (u64, u64) {
        (self.input.line, self.input.bytes)
    }

    fn row(&self) -> Result<Fields, RowProblem> {
        let record = &self.record;
        if record.is_stray {
            return Err(RowProblem::StrayQuote);
        }
        if record.length > MAX_ROW {
            return Err(RowProblem::TooLong);
        }
        if record.is_unclosed {
            return Err(RowProblem::Unclosed);
        }
        if record.ends.len() != self.fields {
            return Err(RowProblem::Shape);
        }
        let found: Vec<&[u8]> = record.fields().collect();
        let mut fields = Fields::default();
        for (field, position) in fields.iter_mut().zip(self.positions) {
            let bytes = position.and_then(|position| found.get(position)).copied().unwrap_or_default();
            std::str::from_utf8(bytes).map_err(|_| RowProblem::Encoding)?.trim().clone_into(field);
        }
        Ok(fields)
    }

    /// Reads one record, which may be an empty line. Whether there was one.
    fn read(&mut self) -> Result<bool, ImportError> {
        let Self { input, record, .. } = self;
        record.data.clear();
        record.ends.clear();
        (record.line, record.length, record.is_unclosed) = (input.line, 0, false);
        record.is_stray = false;
        let mut within = Within::Start;
        loop {
            let bytes = input.peek()?;
            if bytes.is_empty() {
                record.is_unclosed = within == Within::Quoted;
                record.end_field();
                return Ok(record.length > 0);
            }
            let (mut taken, mut line_ends, mut is_whole) = (0, 0, false);
            for byte in bytes.iter().copied() {
                taken += 1;
                record.length = record.length.saturating_add(1);
                line_ends += u64::from(byte == b'\n');
                within = match (within, byte) {
                    (Within::Start | Within::Bare | Within::MaybeEnd | Within::Closed, b'\n') => {
                        is_whole = true;
                        break;
                    }
                    (Within::Start | Within::Bare | Within::MaybeEnd | Within::Closed, b',') => {
                        record.end_field();
                        Within::Start
                    }
                    (Within::Start, b'"') => Within::Quoted,
                    (Within::Quoted, b'"') => Within::MaybeEnd,
                    (Within::Quoted, _) => {
                        record.push(byte);
                        Within::Quoted
                    }
                    (Within::MaybeEnd, b'"') => {
                        record.push(byte);
                        Within::Quoted
                    }
                    (Within::MaybeEnd | Within::Closed, b' ' | b'\t' | b'\r') => {
                        record.push(byte);
                        Within::Closed
                    }
                    (Within::MaybeEnd | Within::Closed, _) => {
                        record.is_stray = true;
                        Within::Bare
                    }
                    (Within::Start | Within::Bare, _) => {
                        record.push(byte);
                        Within::Bare
                    }
                };
            }
            input.take(taken);
            input.line = input.line.saturating_add(line_ends);
            if is_whole {
                record.end_field();
                return Ok(true);
            }
            if within == Within::Quoted && record.length > MAX_QUOTED {
                return Err(ImportError::Endless { line: record.line });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Records = Vec<Vec<Vec<u8>>>;

    /// The records of a text, without empty lines; `None` when a quotation mark is not closed, or something stands behind
    /// one that is: other readers make a guess there.
    fn ours(text: &[u8]) -> Option<Records> {
        let mut reader = CsvReader {
            input: Input::new(text).unwrap(),
            record: Record::default(),
            positions: [None; COLUMNS.len()],
            fields: 0,
            has_unknown_columns: false,
        };
        let mut records = Vec::new();
        while reader.read().unwrap() {
            if reader.record.is_unclosed || reader.record.is_stray {
                return None;
            }
            if !reader.record.is_empty() {
                records.push(reader.record.fields().map(<[u8]>::to_vec).collect());
            }
        }
        Some(records)
    }

    fn theirs(text: &[u8]) -> Records {
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .terminator(csv::Terminator::Any(b'\n'))
            .from_reader(text);
        let records = reader.byte_records().map(|record| record.unwrap());
        let records = records.map(|record| record.iter().map(<[u8]>::to_vec).collect::<Vec<_>>());
        records.filter(|fields| fields.len() != 1 || !fields[0].trim_ascii().is_empty()).collect()
    }

    proptest! {
        #[test]
        fn records_are_those_of_another_reader(text in "[a\",\n\r \u{e9}]{0,40}") {
            if let Some(records) = ours(text.as_bytes()) {
                prop_assert_eq!(records, theirs(text.as_bytes()));
            }
        }
    }
}
