//! Consents taken over from a file: CSV or JSON Lines, of any size, in bounded memory.
//!
//! `docs/import.md` is the guide: columns, formats, grades and how a report reads. In short:
//!
//! | column | what |
//! |---|---|
//! | `phone` | number with country code, in any spelling; may be empty beside a `bsuid` |
//! | `purpose` | a purpose that the policy declares, or `*` for all (only with a denial) |
//! | `status` | `given`, `refused` or `withdrawn` |
//! | `obtained_at` | RFC 3339 time or a date; a time needs its zone |
//! | `method` | `web_form`, `click_to_chat`, `inbound_message`, `keyword`, `paper`, `verbal`, `import`, `api` |
//! | `evidence` | what shows it, in words |
//! | `bsuid` | business-scoped user id of the same person |
//! | `sender` | the one sender that it is for; nothing is every sender |
//! | `expires_at` | when a grant ends by itself |
//! | `evidence_kind`, `evidence_reference` | what the evidence is, and where it can be looked up |
//! | `source` | the system or file that the row comes from |
//! | `notice_version`, `notice_sha256`, `notice_language` | the notice that was shown |
//!
//! The first six must stand in the header of a CSV file, in any order. What else stands there is passed over and
//! counted. A JSON Lines file has one object a line with these names as keys.
//!
//! Every row stands for itself: a bad one is reported with its line and the others are recorded, a batch at a time and
//! each batch whole. The same fact again changes nothing, in the same file or in another: an import that was killed
//! goes on when it is run again. A grant is graded by what shows it ([`ImportGrade`]) and set aside when that is too
//! little; an imported grant never outweighs a denial; a denial counts, however weak it is.

mod csv;
mod grading;
mod input;
mod jsonl;
mod note;
mod report;
mod row;
mod run;

use std::io::{Read, Seek};

use wzapi_model::ids::ControllerId;

pub use grading::{EvidenceKind, ImportGrade};
pub use input::InspectedFile;
pub use note::ImportNote;
pub use report::{
    ImportReport, LISTED_LINES, MAX_LISTED_PROBLEMS, Observer, Progress, RowReason, SetAside, StandingDenial,
    Tally, Unobserved,
};
pub use row::RowProblem;

use crate::error::ConsentError;
use crate::gate::GateRules;
use crate::recording::ConsentLedger;
use run::{Rows, Run};

/// The longest row, in bytes: as much as the evidence of an act may have. More of a row is not held in memory, and such a
/// row is passed over.
pub const MAX_ROW: usize = 64 * 1024;

/// How the rows of a file are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// RFC 4180, with commas and a header, with either kind of line end.
    Csv,
    /// One JSON object a line.
    JsonLines,
}

/// What a file is written in, when it is not UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum Encoding {
    /// UTF-16, as some spreadsheets write "Unicode text".
    #[error("the file is UTF-16; save it as \"CSV UTF-8\", or convert it: iconv -f UTF-16 -t UTF-8")]
    Utf16,
    /// A single-byte encoding such as Latin-1 or Windows-1252, or no text.
    #[error(
        "the file is not UTF-8; save it as \"CSV UTF-8\", or convert it, for instance: iconv -f WINDOWS-1252 -t UTF-8"
    )]
    Other,
}

/// Why a file was not imported, or not to its end. What was recorded before stays, and a second run goes on.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The header lacks columns.
    #[error(
        "line 1: the header lacks the column {0}; it must have phone, purpose, status, obtained_at, method and evidence, \
         with commas between them"
    )]
    MissingColumn(&'static str),
    /// The header names a column twice.
    #[error("line 1: the header names the column {0} twice")]
    RepeatedColumn(&'static str),
    /// The header is longer than a row may be.
    #[error("line 1: the header is longer than 64 KiB")]
    LongHeader,
    /// The first line is not an object.
    #[error("the file is not JSON Lines: write one object a line, and no list around them")]
    NotJsonLines,
    /// The file is not UTF-8.
    #[error("line {line}: {encoding}")]
    Encoding {
        /// The first line that is not.
        line: u64,
        /// What it seems to be instead.
        encoding: Encoding,
    },
    /// A quotation mark is not closed for so long that nobody can tell where the next row begins.
    #[error("line {line}: a quotation mark is not closed within 4 MiB")]
    Endless {
        /// The line on which the row begins.
        line: u64,
    },
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

/// How an import is done.
#[derive(Debug, Clone, Copy, Default)]
pub struct ImportOptions {
    /// Decides everything and writes nothing. Two things are then not known: what an earlier row of the same file
    /// would deny, and, beyond the first million rows, whether a row repeats an earlier one of the same file.
    pub is_dry_run: bool,
}

/// Imports a file that was inspected. Dropping the future stops between two batches, or within one that is not
/// written then.
///
/// # Errors
/// [`ImportError::Endless`], [`ImportError::Unreadable`] and [`ImportError::NotRecorded`], with the line at which it
/// stopped; the others when the file changed since it was inspected.
pub async fn import<R: Read + Seek + Send>(
    consent: &ConsentLedger,
    rules: &GateRules,
    controller: ControllerId,
    file: InspectedFile<R>,
    options: &ImportOptions,
    observer: &mut dyn Observer,
) -> Result<ImportReport, ImportError> {
    let rows = Rows::of(file.format, file.file)?;
    Run::new(consent, rules, controller, Some(file.sha256), options.is_dry_run, observer)
        .until_end(rows)
        .await
}

/// Imports what can be read only once. A field that is not UTF-8 spoils its row, and the acts do not name the file.
///
/// # Errors
/// Those of a header or of a first line before anything is recorded; the others at the line where it stopped.
pub async fn import_stream(
    consent: &ConsentLedger,
    rules: &GateRules,
    controller: ControllerId,
    (format, file): (Format, impl Read + Send),
    options: &ImportOptions,
    observer: &mut dyn Observer,
) -> Result<ImportReport, ImportError> {
    let rows = Rows::of(format, file)?;
    Run::new(consent, rules, controller, None, options.is_dry_run, observer).until_end(rows).await
}

/// [`import_stream`] of a CSV file that nobody observes.
///
/// # Errors
/// As [`import_stream`].
pub async fn import_csv(
    consent: &ConsentLedger,
    rules: &GateRules,
    controller: ControllerId,
    file: impl Read + Send,
) -> Result<ImportReport, ImportError> {
    let options = ImportOptions::default();
    import_stream(consent, rules, controller, (Format::Csv, file), &options, &mut Unobserved).await
}
