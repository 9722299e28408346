//! `wzapi preflight`: how would the recipients of a campaign fare?

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Read as _};
use std::path::{Path, PathBuf};

use serde_json::json;
use wzapi_compliance::consent::gate::{Preflight, Recipient, RefusedCsv, RefusedRecipient};

use crate::arguments::PreflightOptions;
use crate::failure::{Failure, Outcome};
use crate::operator::Operator;

/// The longest line that is looked at, in bytes. No recipient is as long.
const MAX_LINE: u64 = 1024;

pub(crate) async fn run(options: PreflightOptions) -> Result<Outcome, Failure> {
    let mut lines = Lines::open(options.recipients.as_deref())?;
    let mut refused =
        options.refused.map(|path| Refused::create(path, options.with_recipients)).transpose()?;
    let operator = Operator::open(&options.data).await?;
    let controller = operator.compliance.controller(options.message.controller).await?;
    let gate = controller.gate();
    let mut run = gate.start_preflight(&operator.actor, options.message.message()).await?;
    let mut unreadable = 0_u64;
    while let Some((line, text)) = lines.next()? {
        let Ok(recipient) = Recipient::parse(&text) else {
            unreadable += 1;
            if let Some(refused) = &mut refused {
                refused.write_unreadable(line)?;
            }
            continue;
        };
        let pushed = run.push(line, recipient, &mut |one| note(&mut refused, one)).await;
        pushed.map_err(wzapi_compliance::Error::from)?;
        if let Some(refused) = &mut refused {
            refused.fail_if_full()?;
        }
    }
    let report = run.finish(&mut |one| note(&mut refused, one)).await;
    let report = report.map_err(wzapi_compliance::Error::from)?;
    refused.map_or(Ok(()), Refused::finish)?;
    if options.data.json {
        say!("{}", to_json(&report, unreadable));
    } else {
        print(&report, unreadable);
    }
    Ok(if unreadable == 0 { Outcome::Done } else { Outcome::BadInput })
}

fn note(refused: &mut Option<Refused>, one: &RefusedRecipient<'_>) {
    if let Some(refused) = refused {
        refused.write(one);
    }
}

fn print(report: &Preflight, unreadable: u64) {
    say!("{} recipients: {} allowed, {} refused", report.recipients, report.allowed, report.refused);
    for (code, count) in &report.reasons {
        say!("  {count:>10} {}", code.as_str());
    }
    if unreadable > 0 {
        say!("{unreadable} lines hold no recipient");
    }
}

fn to_json(report: &Preflight, unreadable: u64) -> serde_json::Value {
    let reasons: serde_json::Map<_, _> =
        report.reasons.iter().map(|(code, count)| (code.as_str().to_owned(), json!(count))).collect();
    json!({
        "recipients": report.recipients,
        "allowed": report.allowed,
        "refused": report.refused,
        "unreadable": unreadable,
        "reasons": reasons,
    })
}

/// The lines of the list, one at a time.
struct Lines {
    reader: Box<dyn BufRead + Send>,
    path: PathBuf,
    number: u64,
}

impl Lines {
    fn open(path: Option<&Path>) -> Result<Self, Failure> {
        let path = path.unwrap_or(Path::new("-")).to_owned();
        let reader: Box<dyn BufRead + Send> = if path == Path::new("-") {
            Box::new(BufReader::new(io::stdin()))
        } else {
            let file = File::open(&path);
            let file = file.map_err(|cause| Failure::Unreadable { path: path.clone(), cause })?;
            Box::new(BufReader::new(file))
        };
        Ok(Self { reader, path, number: 0 })
    }

    /// The next line that is not empty, with its number. Of a line that is too long, or not text, what is left is no
    /// recipient.
    fn next(&mut self) -> Result<Option<(u64, String)>, Failure> {
        loop {
            let mut line = Vec::new();
            let read = self.reader.by_ref().take(MAX_LINE).read_until(b'\n', &mut line);
            if self.unless_unreadable(read)? == 0 {
                return Ok(None);
            }
            self.number += 1;
            if line.len() as u64 == MAX_LINE && !line.ends_with(b"\n") {
                let skipped = self.reader.skip_until(b'\n');
                self.unless_unreadable(skipped)?;
                line.clear();
                line.push(b'?');
            }
            let text = String::from_utf8_lossy(&line);
            // Spreadsheets begin their files with a byte order mark.
            let text = text.trim_start_matches('\u{feff}').trim();
            if !text.is_empty() {
                return Ok(Some((self.number, text.to_owned())));
            }
        }
    }

    fn unless_unreadable<T>(&self, read: io::Result<T>) -> Result<T, Failure> {
        read.map_err(|cause| Failure::Unreadable { path: self.path.clone(), cause })
    }
}

/// The file of the refused. It is new, and only its owner may read it.
struct Refused {
    file: RefusedCsv<BufWriter<File>>,
    path: PathBuf,
    failed: Option<io::Error>,
}

impl Refused {
    fn create(path: PathBuf, names_recipients: bool) -> Result<Self, Failure> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path).map(BufWriter::new);
        let file = file.and_then(|file| RefusedCsv::new(file, names_recipients));
        match file {
            Ok(file) => Ok(Self { file, path, failed: None }),
            Err(cause) => Err(Failure::Unwritable { path, cause }),
        }
    }

    /// Notes a failure for [`Refused::fail_if_full`]: the gate is in the middle of a batch.
    fn write(&mut self, refused: &RefusedRecipient<'_>) {
        if self.failed.is_none() {
            self.failed = self.file.write(refused).err();
        }
    }

    fn write_unreadable(&mut self, line: u64) -> Result<(), Failure> {
        let written = self.file.write_unreadable(line);
        written.map_err(|cause| Failure::Unwritable { path: self.path.clone(), cause })
    }

    fn fail_if_full(&mut self) -> Result<(), Failure> {
        match self.failed.take() {
            Some(cause) => Err(Failure::Unwritable { path: self.path.clone(), cause }),
            None => Ok(()),
        }
    }

    fn finish(mut self) -> Result<(), Failure> {
        self.fail_if_full()?;
        let Self { file, path, .. } = self;
        let flushed =
            file.finish().and_then(|file| file.into_inner().map_err(io::IntoInnerError::into_error));
        flushed.and_then(|file| file.sync_all()).map_err(|cause| Failure::Unwritable { path, cause })
    }
}
