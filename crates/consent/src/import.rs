//! Consents taken over from a file.
//!
//! The file is CSV (RFC 4180) in UTF-8, with or without a byte order mark, with either kind of line end, and
//! with these columns in any order; further columns are ignored:
//!
//! | column | what |
//! |---|---|
//! | `phone` | number with country code, in any spelling |
//! | `purpose` | a purpose that the policy declares, or `*` for all (only with a denial) |
//! | `status` | `given`, `refused` or `withdrawn` |
//! | `obtained_at` | RFC 3339 time or a date |
//! | `method` | `web_form`, `click_to_chat`, `inbound_message`, `keyword`, `paper`, `verbal`, `import`, `api` |
//! | `evidence` | what shows it; a grant without evidence is quarantined |
//!
//! Every row stands for itself: a bad one is reported with its line and the others are recorded. The same row
//! again changes nothing, in the same file or in a later run. An imported grant never outweighs a denial.

use std::collections::BTreeMap;
use std::io::Read;
use std::time::Duration;

use csv::ByteRecord;
use wzapi_model::Timestamp;
use wzapi_model::consent::{ConsentAct, ConsentMethod, ConsentScope, Provenance, PurposeScope};
use wzapi_model::identifier::{E164, Identifier};
use wzapi_model::ids::ControllerId;
use wzapi_model::name::PurposeId;
use wzapi_model::personal::Personal;

use crate::error::ConsentError;
use crate::gate::GateRules;
use crate::person::KnownAs;
use crate::recording::{ConsentLedger, MAX_EVIDENCE, NewAct, Recorded};

/// Rows recorded in one changeset.
const BATCH: usize = 64;
/// The most problems that a report lists one by one; the rest is counted.
pub const MAX_LISTED_PROBLEMS: usize = 1000;
/// The longest row, in bytes.
const MAX_ROW: usize = 256 * 1024;
/// The most that is read for one row before the file is given up.
const MAX_READ_AHEAD: usize = 16 * MAX_ROW;

const COLUMNS: [&str; 6] = ["phone", "purpose", "status", "obtained_at", "method", "evidence"];

/// What is wrong with one row. The row's values are not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum RowProblem {
    /// Another number of fields than the header, or a row that is far too long.
    #[error("the row has another number of fields than the header")]
    Shape,
    /// A field is not UTF-8.
    #[error("a field is not UTF-8")]
    Encoding,
    /// The phone is not a number.
    #[error("phone: write the number with its country code, such as +91 98765 43210")]
    Phone,
    /// The policy does not declare the purpose.
    #[error("purpose: the policy does not declare it")]
    Purpose,
    /// The status is none of the three.
    #[error("status: use given, refused or withdrawn")]
    Status,
    /// The time is not one.
    #[error("obtained_at: write RFC 3339, such as 2026-11-22T10:30:00Z, or a date")]
    ObtainedAt,
    /// The method is not known.
    #[error("method: use web_form, click_to_chat, inbound_message, keyword, paper, verbal, import or api")]
    Method,
    /// The evidence is longer than 64 KiB.
    #[error("evidence: at most 64 KiB")]
    Evidence,
    /// The row was recorded before: in this file, or in an earlier import.
    #[error("the row was recorded before")]
    Duplicate,
}

/// Why a file was not imported, or not to its end. What was recorded before stays, and a second run goes on.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The header lacks columns.
    #[error(
        "line 1: the header lacks the column {0}; it must have phone, purpose, status, obtained_at, method and evidence"
    )]
    MissingColumn(&'static str),
    /// The header names a column twice.
    #[error("line 1: the header names the column {0} twice")]
    RepeatedColumn(&'static str),
    /// The file cannot be read.
    #[error("line {line}: the file cannot be read")]
    Unreadable {
        /// The line.
        line: u64,
        /// What happened underneath.
        #[source]
        cause: std::io::Error,
    },
    /// Rows could not be recorded.
    #[error("line {line}: rows from here on could not be recorded")]
    NotRecorded {
        /// The first line of those that were not recorded.
        line: u64,
        /// Why.
        #[source]
        cause: ConsentError,
    },
}

/// What became of the rows of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImportReport {
    /// Rows read.
    pub rows: u64,
    /// Grants recorded.
    pub given: u64,
    /// Refusals and withdrawals recorded.
    pub denied: u64,
    /// Grants recorded but set aside until somebody clears them.
    pub quarantined: u64,
    /// Rows that were recorded before.
    pub duplicates: u64,
    /// Rows that were not recorded because something is wrong with them.
    pub bad: u64,
    /// The first problems, by line; duplicates are among them.
    pub problems: BTreeMap<u64, RowProblem>,
}

impl ImportReport {
    fn note(&mut self, line: u64, problem: RowProblem) {
        match problem {
            RowProblem::Duplicate => self.duplicates += 1,
            _ => self.bad += 1,
        }
        if self.problems.len() < MAX_LISTED_PROBLEMS {
            self.problems.insert(line, problem);
        }
    }
}

/// A row that can be recorded.
#[derive(Debug, Clone)]
struct ImportedRow {
    line: u64,
    known_as: [KnownAs; 1],
    act: NewAct,
}

/// Imports a file in bounded memory. Dropping the future stops between two batches or within one that is not
/// written then.
///
/// # Errors
/// [`ImportError::MissingColumn`] and [`ImportError::RepeatedColumn`] before anything is recorded; the others at
/// the line where it stopped.
pub async fn import_csv(
    consent: &ConsentLedger,
    rules: &GateRules,
    controller: ControllerId,
    file: impl Read + Send,
) -> Result<ImportReport, ImportError> {
    let file = Bounded { inner: file, allowance: 0 };
    // The carriage return of a line end is trimmed off with the spaces around a field: the reader counts a line
    // too few where it takes both for one line end.
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .terminator(csv::Terminator::Any(b'\n'))
        .from_reader(file);
    let mut record = ByteRecord::new();
    if !read_record(&mut reader, &mut record)? {
        return Err(ImportError::MissingColumn(COLUMNS[0]));
    }
    let columns = Columns::of(&record)?;
    let mut report = ImportReport::default();
    let mut batch = Vec::with_capacity(BATCH);
    while read_record(&mut reader, &mut record)? {
        if record.len() == 1 && record.as_slice().trim_ascii().is_empty() {
            continue;
        }
        let line = line_of(&reader, &record);
        report.rows += 1;
        match columns.row(&record, line, rules) {
            Ok(row) => batch.push(row),
            Err(problem) => report.note(line, problem),
        }
        if batch.len() >= BATCH {
            record_batch(consent, controller, &mut batch, &mut report).await?;
        }
    }
    record_batch(consent, controller, &mut batch, &mut report).await?;
    Ok(report)
}

/// A file of which no more is read for one record than the allowance: a quotation mark that is never closed makes
/// one record of all that follows.
struct Bounded<R> {
    inner: R,
    allowance: usize,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.allowance == 0 {
            return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, "a row does not end"));
        }
        let within = buffer.len().min(self.allowance);
        let read = self.inner.read(buffer.get_mut(..within).unwrap_or_default())?;
        self.allowance -= read;
        Ok(read)
    }
}

fn read_record<R: Read>(
    reader: &mut csv::Reader<Bounded<R>>,
    record: &mut ByteRecord,
) -> Result<bool, ImportError> {
    let line = reader.position().line();
    reader.get_mut().allowance = MAX_READ_AHEAD;
    reader.read_byte_record(record).map_err(|error| {
        let cause = match error.into_kind() {
            csv::ErrorKind::Io(cause) => cause,
            _ => std::io::Error::new(std::io::ErrorKind::InvalidData, "not CSV"),
        };
        ImportError::Unreadable { line, cause }
    })
}

/// The line on which a record that was just read begins. The reader's own position of it is that of the empty lines
/// before it.
fn line_of<R: Read>(reader: &csv::Reader<R>, record: &ByteRecord) -> u64 {
    let earliest = record.position().map_or(0, csv::Position::line);
    let within = record.as_slice().iter().filter(|byte| **byte == b'\n').count();
    let behind = reader.position().line();
    behind.saturating_sub(u64::try_from(within).unwrap_or(u64::MAX).saturating_add(1)).max(earliest)
}

/// Where each column is.
struct Columns {
    positions: [usize; COLUMNS.len()],
    fields: usize,
}

impl Columns {
    fn of(header: &ByteRecord) -> Result<Self, ImportError> {
        let names: Vec<&[u8]> = header
            .iter()
            .map(|name| name.strip_prefix("\u{feff}".as_bytes()).unwrap_or(name).trim_ascii())
            .collect();
        let mut positions = [0; COLUMNS.len()];
        for (position, column) in positions.iter_mut().zip(COLUMNS) {
            let mut found = names.iter().enumerate().filter(|(_, name)| **name == column.as_bytes());
            *position = found.next().ok_or(ImportError::MissingColumn(column))?.0;
            if found.next().is_some() {
                return Err(ImportError::RepeatedColumn(column));
            }
        }
        Ok(Self { positions, fields: names.len() })
    }

    fn row(&self, record: &ByteRecord, line: u64, rules: &GateRules) -> Result<ImportedRow, RowProblem> {
        if record.len() != self.fields || record.as_slice().len() > MAX_ROW {
            return Err(RowProblem::Shape);
        }
        let mut fields = [""; COLUMNS.len()];
        for (field, position) in fields.iter_mut().zip(self.positions) {
            let bytes = record.get(position).ok_or(RowProblem::Shape)?;
            *field = std::str::from_utf8(bytes).map_err(|_| RowProblem::Encoding)?.trim();
        }
        let [phone, purpose, status, obtained_at, method, evidence] = fields;
        let number = E164::parse(phone).map_err(|_| RowProblem::Phone)?;
        let act = act_of(status).ok_or(RowProblem::Status)?;
        let scope = scope_of(purpose, act, rules).ok_or(RowProblem::Purpose)?;
        let acted_at = time_of(obtained_at, act).ok_or(RowProblem::ObtainedAt)?;
        let method = method_of(method).ok_or(RowProblem::Method)?;
        if evidence.len() > MAX_EVIDENCE {
            return Err(RowProblem::Evidence);
        }
        let identifier = Identifier::Phone(number);
        // A grant that was set aside for want of evidence counts once a file brings it.
        let standing = if act == ConsentAct::Given && evidence.is_empty() { "unproven" } else { "" };
        let source =
            source_of(&[&identifier.expose_canonical(), purpose, status, &acted_at.to_string(), standing]);
        let act = NewAct {
            provenance: Provenance::Imported,
            acted_at: Some(acted_at),
            evidence: (!evidence.is_empty()).then(|| evidence.into()),
            source: Some(source),
            ..NewAct::direct(act, scope, method)
        };
        Ok(ImportedRow { line, known_as: [KnownAs { identifier, raw: phone.into() }], act })
    }
}

fn act_of(status: &str) -> Option<ConsentAct> {
    match status {
        "given" => Some(ConsentAct::Given),
        "refused" => Some(ConsentAct::Refused),
        "withdrawn" => Some(ConsentAct::Withdrawn),
        _ => None,
    }
}

/// The time of an act. A bare date is the whole day: a grant counts from its beginning, a denial until its end, since
/// either may have come last.
fn time_of(text: &str, act: ConsentAct) -> Option<Timestamp> {
    let at: Timestamp = text.parse().ok()?;
    let is_date = !text.contains(['T', 't', ' ']);
    let rest_of_day = Duration::from_millis(24 * 3600 * 1000 - 1);
    Some(if is_date && act.is_denial() { at.saturating_add(rest_of_day) } else { at })
}

/// A grant is for one declared purpose; a denial may be for all.
fn scope_of(purpose: &str, act: ConsentAct, rules: &GateRules) -> Option<ConsentScope> {
    if purpose == "*" {
        return act.is_denial().then(ConsentScope::everything);
    }
    let purpose: PurposeId = purpose.parse().ok()?;
    rules.purpose(&purpose)?;
    let scope = ConsentScope::whatsapp(purpose.clone());
    let denies_on_every_channel =
        ConsentScope { purpose: PurposeScope::One(purpose), ..ConsentScope::everything() };
    Some(if act.is_denial() { denies_on_every_channel } else { scope })
}

fn method_of(method: &str) -> Option<ConsentMethod> {
    let importable = |method: &ConsentMethod| {
        !matches!(method, ConsentMethod::PlatformPreference | ConsentMethod::PlatformError)
    };
    ConsentMethod::ALL.into_iter().filter(importable).find(|known| known.as_str() == method)
}

/// The same for every spelling of the same fact.
fn source_of(parts: &[&str]) -> Personal<Vec<u8>> {
    let mut source = b"import/v1".to_vec();
    for part in parts {
        source.extend_from_slice(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        source.extend_from_slice(part.as_bytes());
    }
    Personal::new(source)
}

/// Records a batch as one changeset and empties it.
async fn record_batch(
    consent: &ConsentLedger,
    controller: ControllerId,
    batch: &mut Vec<ImportedRow>,
    report: &mut ImportReport,
) -> Result<(), ImportError> {
    let Some(line) = batch.first().map(|row| row.line) else { return Ok(()) };
    let mut attempts = 0;
    let outcomes = loop {
        attempts += 1;
        match record_once(consent, controller, batch).await {
            Ok(outcomes) => break outcomes,
            Err(ConsentError::Busy) if attempts < ConsentLedger::MAX_ATTEMPTS => {}
            Err(cause) => return Err(ImportError::NotRecorded { line, cause }),
        }
    };
    for (row, outcome) in batch.drain(..).zip(outcomes) {
        match outcome {
            Recorded::New { .. } if row.act.act.is_denial() => report.denied += 1,
            Recorded::New { .. } => report.given += 1,
            Recorded::Quarantined { .. } => report.quarantined += 1,
            Recorded::Duplicate => report.note(row.line, RowProblem::Duplicate),
        }
    }
    Ok(())
}

async fn record_once(
    consent: &ConsentLedger,
    controller: ControllerId,
    batch: &[ImportedRow],
) -> Result<Vec<Recorded>, ConsentError> {
    let mut recording = consent.begin(controller).await?;
    let people: Vec<KnownAs> = batch.iter().flat_map(|row| row.known_as.clone()).collect();
    recording.prefetch(&people).await?;
    let mut outcomes = Vec::with_capacity(batch.len());
    for row in batch {
        outcomes.push(recording.act(&row.known_as, &row.act).await?);
    }
    recording.commit().await?;
    Ok(outcomes)
}
