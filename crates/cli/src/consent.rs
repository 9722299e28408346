//! `wzapi consent`: consents from files.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, IsTerminal as _, Write};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use wzapi_compliance::Error;
use wzapi_compliance::consent::import::{
    Format, ImportError, ImportOptions, ImportReport, InspectedFile, Observer, Progress, RowReason,
};

use crate::arguments::ImportConsentOptions;
use crate::failure::{Failure, Outcome};
use crate::operator::Operator;

/// Progress is told as often as the file has such parts.
const PARTS: u64 = 20;

pub(crate) async fn import(options: ImportConsentOptions) -> Result<Outcome, Failure> {
    // Every file is read to its end before anything is written from any of them.
    let mut inspected = Vec::with_capacity(options.files.len());
    for path in &options.files {
        inspected.push((path, inspect(path, options.format.map(Format::from))?));
    }
    let mut errors = options.errors.as_deref().map(Errors::create).transpose()?;
    let operator = Operator::open(&options.data).await?;
    let controller = operator.compliance.controller(options.controller).await?;
    let import_options = ImportOptions { is_dry_run: options.dry_run };
    let (mut files, mut is_good) = (Vec::new(), true);
    for (path, file) in inspected {
        let mut listener = Listener {
            path,
            bytes: file.bytes(),
            told: 0,
            is_watched: std::io::stderr().is_terminal(),
            errors: errors.as_mut(),
        };
        let imported =
            controller.consent().import(&operator.actor, file, &import_options, &mut listener).await;
        let report = imported.map_err(|error| about(path, error))?;
        is_good &= report.bad == 0;
        files.push(to_json(path, &report));
        if !options.data.json {
            print(path, &report, options.dry_run);
        }
    }
    errors.map_or(Ok(()), Errors::finish)?;
    if options.data.json {
        say!("{}", json!({ "dry_run": options.dry_run, "files": files }));
    }
    Ok(if is_good { Outcome::Done } else { Outcome::BadInput })
}

fn inspect(path: &Path, format: Option<Format>) -> Result<InspectedFile<File>, Failure> {
    let format = match format {
        Some(format) => format,
        None => format_of(path)?,
    };
    let file = File::open(path).map_err(|cause| Failure::Unreadable { path: path.to_owned(), cause })?;
    InspectedFile::of(format, file).map_err(|error| Failure::bad_file(path, &error))
}

fn format_of(path: &Path) -> Result<Format, Failure> {
    let extension = path.extension().and_then(|extension| extension.to_str()).map(str::to_ascii_lowercase);
    match extension.as_deref() {
        Some("csv") => Ok(Format::Csv),
        Some("jsonl" | "ndjson") => Ok(Format::JsonLines),
        _ => Err(Failure::BadFile {
            path: path.to_owned(),
            problem: "its name does not say how it is written: add --format csv or --format jsonl".to_owned(),
        }),
    }
}

/// What is wrong with the file is told as such; the rest is trouble of the store.
fn about(path: &Path, error: Error) -> Failure {
    match error {
        Error::Import(ImportError::NotRecorded { .. }) => error.into(),
        Error::Import(problem) => Failure::bad_file(path, &problem),
        other => other.into(),
    }
}

/// The rows that do not count as they stand, one a line. No value of a row stands in it.
struct Errors {
    path: PathBuf,
    file: BufWriter<File>,
    failed: Option<std::io::Error>,
}

impl Errors {
    fn create(path: &Path) -> Result<Self, Failure> {
        let unwritable = |cause| Failure::Unwritable { path: path.to_owned(), cause };
        let file = OpenOptions::new().write(true).create_new(true).open(path).map_err(unwritable)?;
        let mut file = BufWriter::new(file);
        writeln!(file, "file,line,outcome,reason,advice").map_err(unwritable)?;
        Ok(Self { path: path.to_owned(), file, failed: None })
    }

    fn write(&mut self, path: &Path, line: u64, reason: RowReason) {
        let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
        let (file, advice) = (quoted(&path.display().to_string()), quoted(&reason.advice()));
        let written = writeln!(self.file, "{file},{line},{},{},{advice}", reason.outcome(), reason.code());
        if let Err(error) = written {
            self.failed.get_or_insert(error);
        }
    }

    fn finish(mut self) -> Result<(), Failure> {
        let written = match self.failed.take() {
            Some(error) => Err(error),
            None => self.file.flush(),
        };
        written.map_err(|cause| Failure::Unwritable { path: self.path, cause })
    }
}

/// Listens to the import of one file.
struct Listener<'a> {
    path: &'a Path,
    bytes: u64,
    /// How many parts of the file were told of.
    told: u64,
    /// Whether somebody looks on.
    is_watched: bool,
    errors: Option<&'a mut Errors>,
}

impl Observer for Listener<'_> {
    fn row(&mut self, line: u64, reason: RowReason) {
        if let Some(errors) = &mut self.errors {
            errors.write(self.path, line, reason);
        }
    }

    fn progress(&mut self, progress: Progress, report: &ImportReport) {
        let part = progress.bytes.saturating_mul(PARTS).checked_div(self.bytes).unwrap_or(PARTS);
        if self.is_watched && part > self.told {
            self.told = part;
            eprintln!("{}: {}%, {} rows", self.path.display(), 100 * part / PARTS, report.rows);
        }
    }
}

fn print(path: &Path, report: &ImportReport, is_dry_run: bool) {
    let would = if is_dry_run { "dry run, nothing written: " } else { "" };
    say!(
        "{}: {would}{} rows: {} given, {} denied, {} set aside, {} recorded before, {} bad",
        path.display(),
        report.rows,
        report.given,
        report.denied,
        report.quarantined,
        report.duplicates,
        report.bad
    );
    if report.denied_on_record > 0 {
        say!("  {} of the given are without effect: a denial is on record", report.denied_on_record);
    }
    for (reason, tally) in report.reasons.iter().filter(|(reason, _)| **reason != RowReason::Duplicate) {
        let lines: Vec<String> = tally.lines.iter().map(u64::to_string).collect();
        let more = if tally.count > tally.lines.len().try_into().unwrap_or(u64::MAX) { ", …" } else { "" };
        say!("  {} {} {}: lines {}{more}", tally.count, reason.outcome(), reason.code(), lines.join(", "));
        say!("    {}", reason.advice());
    }
}

fn to_json(path: &Path, report: &ImportReport) -> Value {
    let reasons: Vec<Value> = report
        .reasons
        .iter()
        .map(|(reason, tally)| {
            json!({ "outcome": reason.outcome(), "reason": reason.code(), "count": tally.count, "lines": tally.lines })
        })
        .collect();
    json!({
        "file": path.display().to_string(),
        "rows": report.rows,
        "given": report.given,
        "denied": report.denied,
        "quarantined": report.quarantined,
        "denied_on_record": report.denied_on_record,
        "duplicates": report.duplicates,
        "bad": report.bad,
        "reasons": reasons,
    })
}
