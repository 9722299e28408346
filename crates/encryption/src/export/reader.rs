//! Reading an export, line by line.

use std::collections::BTreeSet;
use std::io::{BufRead, Read, Seek, SeekFrom};

use wzapi_model::ids::ControllerId;
use wzapi_storage::codec::encode_key;
use wzapi_storage::key::{Key, RowKind};
use wzapi_storage::row::Body;

use super::import::ImportError;
use super::line::{Footer, Header, Line};
use super::{FORMAT, MAX_OWN_ROWS, VERSION};

/// The longest line of an export, in bytes.
const MAX_LINE: u64 = 256 * 1024;

/// Where an export is read from; it is read several times.
pub trait KeyExportSource: BufRead + Seek + Send {}

impl<T: BufRead + Seek + Send> KeyExportSource for T {}

/// One row: whose it is, its key and its body.
pub(super) type Row = (ControllerId, Key, Body);

/// The rows of one controller that are not data keys, and the row after them.
pub(super) struct OwnRows {
    pub(super) controller: ControllerId,
    pub(super) rows: Vec<(Key, Body)>,
    pub(super) following: Option<Row>,
}

/// A line after the header.
#[allow(clippy::large_enum_variant, reason = "one line is held at a time")]
pub(super) enum Item {
    Row(Row),
    Footer(Footer),
}

/// The lines of an export.
pub(super) struct Lines<'a> {
    source: &'a mut dyn KeyExportSource,
    /// Of the line that was read last, from 1.
    number: u64,
}

impl<'a> Lines<'a> {
    /// Begins to read, and reads the header; also its bytes.
    pub(super) fn begin(source: &'a mut dyn KeyExportSource) -> Result<(Self, Header, Vec<u8>), ImportError> {
        source.seek(SeekFrom::Start(0))?;
        let mut lines = Self { source, number: 0 };
        let text = lines.next_text()?;
        let header: Header =
            serde_json::from_slice(&text).map_err(|_| lines.malformed("it is not a key export"))?;
        if header.format != FORMAT {
            return Err(lines.malformed("it is not a key export"));
        }
        if header.version != VERSION {
            return Err(lines.malformed("another version of this library wrote it"));
        }
        Ok((lines, header, text))
    }

    /// The next row; `None` at the footer.
    pub(super) fn next_row(&mut self) -> Result<Option<Row>, ImportError> {
        match self.next_item()?.0 {
            Item::Row(row) => Ok(Some(row)),
            Item::Footer(_) => Ok(None),
        }
    }

    /// The next line after the header, also as bytes.
    pub(super) fn next_item(&mut self) -> Result<(Item, Vec<u8>), ImportError> {
        let text = self.next_text()?;
        if let Ok(footer) = serde_json::from_slice::<Footer>(&text) {
            return Ok((Item::Footer(footer), text));
        }
        let row = serde_json::from_slice::<Line>(&text).ok().and_then(|line| line.row());
        let row = row.ok_or(self.malformed("it is not a row"))?;
        Ok((Item::Row(row), text))
    }

    /// The rows of the next controller that are not data keys, which come first, given the first of them.
    pub(super) fn own_rows(&mut self, first: Option<Row>) -> Result<Option<OwnRows>, ImportError> {
        let Some((controller, key, body)) = first else { return Ok(None) };
        if key != Key::Controller {
            return Err(self.malformed("a controller's rows do not begin with its settings"));
        }
        let mut rows = vec![(key, body)];
        loop {
            match self.next_row()? {
                Some((other, key, body)) if other == controller && key.kind() != RowKind::DataKey => {
                    if rows.len() == MAX_OWN_ROWS {
                        return Err(self.malformed("a controller has too many keys"));
                    }
                    rows.push((key, body));
                }
                following => return Ok(Some(OwnRows { controller, rows, following })),
            }
        }
    }

    /// Nothing may follow the footer.
    pub(super) fn end(&mut self) -> Result<(), ImportError> {
        if self.source.fill_buf()?.is_empty() {
            return Ok(());
        }
        self.number += 1;
        Err(self.malformed("it follows the end"))
    }

    pub(super) const fn malformed(&self, problem: &'static str) -> ImportError {
        ImportError::Malformed { line: self.number, problem }
    }

    /// The next line with its line feed, which it must have.
    fn next_text(&mut self) -> Result<Vec<u8>, ImportError> {
        let mut text = Vec::new();
        self.number += 1;
        Read::take(&mut *self.source, MAX_LINE).read_until(b'\n', &mut text)?;
        match text.last() {
            Some(b'\n') => Ok(text),
            Some(_) => Err(self.malformed("it is cut off")),
            None => Err(self.malformed("it is missing")),
        }
    }
}

/// The order of rows, on which an import relies: it goes through the export and the store side by side.
#[derive(Default)]
pub(super) struct Order {
    begun: BTreeSet<ControllerId>,
    last: Option<(ControllerId, u8, Vec<u8>)>,
}

impl Order {
    /// What is wrong with this row as the next one.
    pub(super) fn problem(&mut self, (controller, key, _): &Row) -> Option<&'static str> {
        let rank = match key.kind() {
            RowKind::Controller => 0,
            RowKind::TenantKey => 1,
            RowKind::IndexKey => 2,
            RowKind::LogKey => 3,
            RowKind::DataKey => 4,
            _ => return Some("it is not a key"),
        };
        let this = (*controller, rank, encode_key(*controller, key));
        let problem = match &self.last {
            Some(last) if last.0 == *controller => {
                ((last.1, &last.2) >= (this.1, &this.2)).then_some("it is not in order")
            }
            _ if !self.begun.insert(*controller) => Some("its controller came before"),
            _ => (*key != Key::Controller).then_some("a controller's rows do not begin with its settings"),
        };
        self.last = Some(this);
        problem
    }
}
