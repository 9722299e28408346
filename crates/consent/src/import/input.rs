//! The bytes of a file, counted by line, and whether they are text that can be imported.

use std::io::{BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom};

use ring::digest::{Context, SHA256};

use super::{Encoding, Format, ImportError, csv, jsonl};

/// How much is read at a time.
const BUFFER: usize = 64 * 1024;
const MARK: &[u8] = b"\xef\xbb\xbf";

/// A file that is read from its beginning to its end.
pub(super) struct Input<R> {
    inner: BufReader<R>,
    /// The line that the next byte stands on.
    pub(super) line: u64,
    /// How many bytes were taken.
    pub(super) bytes: u64,
}

impl<R: Read> Input<R> {
    /// A file whose byte order mark was taken off. UTF-16 is told by its own.
    pub(super) fn new(file: R) -> Result<Self, ImportError> {
        let inner = BufReader::with_capacity(BUFFER, file);
        let mut input = Self { inner, line: 1, bytes: 0 };
        let start = input.peek()?;
        if start.starts_with(&[0xff, 0xfe]) || start.starts_with(&[0xfe, 0xff]) {
            return Err(ImportError::Encoding { line: 1, encoding: Encoding::Utf16 });
        }
        if start.starts_with(MARK) {
            input.take(MARK.len());
        }
        Ok(input)
    }

    /// What comes next; nothing at the end of the file.
    pub(super) fn peek(&mut self) -> Result<&[u8], ImportError> {
        loop {
            match self.inner.fill_buf() {
                // Asked for again below: the borrow checker does not let a part of a loop's buffer leave it.
                Ok(_) => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(cause) => return Err(ImportError::Unreadable { line: self.line, cause }),
            }
        }
        Ok(self.inner.buffer())
    }

    /// Takes bytes that were peeked at. Line ends among them are counted by whoever knows them as such.
    pub(super) fn take(&mut self, length: usize) {
        self.inner.consume(length);
        self.bytes = self.bytes.saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
    }
}

/// A file that was read once to its end: it is text in UTF-8 with the right beginning, and its hash is known.
///
/// Only this proves to [`import`](super::import()) that nothing about the file as a whole stops it half-way.
#[derive(Debug)]
pub struct InspectedFile<R> {
    pub(super) file: R,
    pub(super) format: Format,
    pub(super) sha256: [u8; 32],
    bytes: u64,
}

impl<R: Read + Seek> InspectedFile<R> {
    /// Reads a file from its beginning to its end, in bounded memory, and goes back to the beginning.
    ///
    /// # Errors
    /// [`ImportError::Encoding`] with the first line that is not UTF-8; [`ImportError::MissingColumn`],
    /// [`ImportError::RepeatedColumn`], [`ImportError::LongHeader`] or [`ImportError::NotJsonLines`] when it begins
    /// in another way than its format asks; [`ImportError::Unreadable`].
    pub fn of(format: Format, mut file: R) -> Result<Self, ImportError> {
        let unreadable = |cause| ImportError::Unreadable { line: 1, cause };
        file.seek(SeekFrom::Start(0)).map_err(unreadable)?;
        let mut input = Input::new(&mut file)?;
        let mut text = Utf8::default();
        let mut hash = Context::new(&SHA256);
        if input.bytes > 0 {
            hash.update(MARK);
        }
        loop {
            let bytes = input.peek()?;
            if bytes.is_empty() {
                break;
            }
            hash.update(bytes);
            text.check(bytes)?;
            let length = bytes.len();
            input.take(length);
        }
        text.end()?;
        let bytes = input.bytes;
        file.seek(SeekFrom::Start(0)).map_err(unreadable)?;
        match format {
            Format::Csv => csv::CsvReader::new(&mut file).map(drop)?,
            Format::JsonLines => jsonl::JsonlReader::new(&mut file).map(drop)?,
        }
        file.seek(SeekFrom::Start(0)).map_err(unreadable)?;
        let mut sha256 = [0; 32];
        sha256.iter_mut().zip(hash.finish().as_ref()).for_each(|(to, from)| *to = *from);
        Ok(Self { file, format, sha256, bytes })
    }

    /// The SHA-256 of the file, which every act that is recorded from it names.
    #[must_use]
    pub const fn sha256(&self) -> [u8; 32] {
        self.sha256
    }

    /// How long the file is.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }
}

/// Checks text in pieces.
#[derive(Default)]
struct Utf8 {
    /// The beginning of a character whose end is in the next piece.
    begun: Vec<u8>,
    /// Line ends so far.
    lines: u64,
}

impl Utf8 {
    fn check(&mut self, piece: &[u8]) -> Result<(), ImportError> {
        let mut rest = piece;
        while !self.begun.is_empty() {
            let Some((first, others)) = rest.split_first() else { return Ok(()) };
            self.begun.push(*first);
            rest = others;
            match std::str::from_utf8(&self.begun) {
                Ok(_) => self.begun.clear(),
                Err(error) if error.error_len().is_none() => {}
                Err(_) => return Err(self.refuse(Encoding::Other)),
            }
        }
        let (valid, begun) = match std::str::from_utf8(rest) {
            Ok(_) => (rest, [].as_slice()),
            Err(error) => {
                let (valid, bad) = rest.split_at(error.valid_up_to());
                if error.error_len().is_some() {
                    self.count(valid)?;
                    return Err(self.refuse(Encoding::Other));
                }
                (valid, bad)
            }
        };
        self.begun.extend_from_slice(begun);
        self.count(valid)
    }

    /// UTF-16 without a mark is told by its zero bytes, which no text has.
    fn count(&mut self, valid: &[u8]) -> Result<(), ImportError> {
        let before_zero = valid.iter().position(|byte| *byte == 0);
        let text = before_zero.map_or(valid, |end| valid.get(..end).unwrap_or_default());
        let line_ends = text.iter().filter(|byte| **byte == b'\n').count();
        self.lines = self.lines.saturating_add(u64::try_from(line_ends).unwrap_or(u64::MAX));
        if before_zero.is_some() { Err(self.refuse(Encoding::Utf16)) } else { Ok(()) }
    }

    fn end(&self) -> Result<(), ImportError> {
        if self.begun.is_empty() { Ok(()) } else { Err(self.refuse(Encoding::Other)) }
    }

    const fn refuse(&self, encoding: Encoding) -> ImportError {
        ImportError::Encoding { line: self.lines.saturating_add(1), encoding }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn in_pieces(bytes: &[u8], cuts: &[usize]) -> Result<(), ImportError> {
        let mut text = Utf8::default();
        let mut rest = bytes;
        for cut in cuts {
            let (piece, others) = rest.split_at((*cut).min(rest.len()));
            text.check(piece)?;
            rest = others;
        }
        text.check(rest)?;
        text.end()
    }

    proptest! {
        #[test]
        fn text_is_the_same_in_pieces_and_as_a_whole(
            bytes in prop_oneof![
                "\\PC{0,30}".prop_map(String::into_bytes),
                proptest::collection::vec(1_u8..=255, 0..30),
            ],
            cuts in proptest::collection::vec(0_usize..6, 0..12),
        ) {
            prop_assert_eq!(in_pieces(&bytes, &cuts).is_ok(), std::str::from_utf8(&bytes).is_ok());
        }
    }

    #[test]
    fn a_wrong_byte_is_told_by_its_line() {
        for (bytes, line, encoding) in [
            (b"a\nb\xe9c\n".as_slice(), 2, Encoding::Other),
            (b"a\n\nb\xc3".as_slice(), 3, Encoding::Other),
            (b"a\0".as_slice(), 1, Encoding::Utf16),
            (b"\n\0a".as_slice(), 2, Encoding::Utf16),
        ] {
            let outcome = in_pieces(bytes, &[1, 1, 1]);
            let is_so = matches!(&outcome, Err(ImportError::Encoding { line: at, encoding: found })
                if (*at, *found) == (line, encoding));
            assert!(is_so, "{bytes:?} {outcome:?}");
        }
    }
}
