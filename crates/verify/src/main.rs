//! `wzapi-verify` checks an exported ledger, and proofs from it, without trusting whoever exported it.
//!
//! It depends on `wzapi-ledger-proof` alone, reads files that are named to it, writes to standard output and
//! standard error, and does nothing else. The README of the crate says what its verdicts mean.

mod arguments;
mod directory;
mod outcome;

use std::io::{self, Write as _};
use std::process::ExitCode;

use wzapi_ledger_proof::audit::{Audit, AuditError};
use wzapi_ledger_proof::checkpoint::{CheckpointPolicy, OpenedCheckpoint};
use wzapi_ledger_proof::consistency::ConsistencyProof;
use wzapi_ledger_proof::export::FileTiles;
use wzapi_ledger_proof::receipt::{MAX_RECEIPT_BYTES, Receipt};
use wzapi_ledger_proof::signed_note::MAX_NOTE_BYTES;
use wzapi_ledger_proof::tiles::{TileReadError, TileReader};
use wzapi_ledger_proof::tlog_proof::{MAX_PROOF_BYTES, TlogProof};

use crate::arguments::{Arguments, Command, USAGE};
use crate::directory::{Directory, read_file};
use crate::outcome::{Failure, Verdict, safe};

fn main() -> ExitCode {
    let arguments = std::env::args_os().skip(1).map(|argument| argument.into_string());
    let (outcome, json) = match arguments.collect::<Result<Vec<_>, _>>() {
        Err(_) => (Err(Failure::input("arguments", "an argument is not UTF-8")), false),
        Ok(arguments) if arguments.iter().any(|argument| argument == "--help" || argument == "help") => {
            print(USAGE);
            return ExitCode::SUCCESS;
        }
        Ok(arguments) => {
            let json = arguments.iter().any(|argument| argument == "--json");
            (Arguments::parse(arguments).and_then(|arguments| run(&arguments)), json)
        }
    };
    match &outcome {
        Ok(verdict) if json => print(&verdict.as_json()),
        Ok(verdict) => print(&verdict.as_text()),
        Err(failure) if json => print(&failure.as_json()),
        Err(failure) => warn(&failure.as_text()),
    }
    outcome.map_or_else(|failure| failure.exit_code(), |_| ExitCode::SUCCESS)
}

fn run(arguments: &Arguments) -> Result<Verdict, Failure> {
    match &arguments.command {
        Command::Receipt { file } => receipt(&arguments.policies()?, file),
        Command::Tiles { directory } => tiles(arguments, &arguments.policy()?, &Directory::at(directory)),
        Command::Proof { file } => proof(&arguments.policy()?, file),
        Command::Consistency { old, new, tiles } => {
            let policy = arguments.policy()?;
            let old = open(&arguments.policy_for_old()?, old)?;
            let new = open(&policy, new)?;
            consistency(&old, &new, &Directory::at(tiles))
        }
    }
}

/// Checks a whole exported log.
fn tiles(
    arguments: &Arguments,
    policy: &CheckpointPolicy,
    directory: &Directory,
) -> Result<Verdict, Failure> {
    let mut audit = Audit::new(policy);
    for old in &arguments.against {
        audit = audit.against(open(&arguments.policy_for_old()?, old)?);
    }
    if arguments.growing {
        audit = audit.of_growing_log();
    }
    let mut told = 0;
    let report = audit
        .run(directory, |done, size| {
            // A line for each tenth, so that a log of any size gives ten.
            let tenths = u128::from(done) * 10 / u128::from(size.max(1));
            if tenths > told {
                told = tenths;
                warn(&format!("checked {done} of {size} entries"));
            }
        })
        .map_err(|error| match error {
            AuditError::Fault(fault) => Failure::fault(&fault),
            AuditError::Source { .. } => Failure::unreadable(&error),
        })?;
    let mut verdict = Verdict::new("tiles", "the log is in order", &report.checkpoint);
    verdict.number("tiles compared", "tiles", report.tiles);
    for older in &report.older {
        verdict.line(&format!("begins with the older tree of {older} entries"));
    }
    verdict.raw("older", &format!("{:?}", report.older));
    Ok(verdict)
}

/// Checks a proof and shows the event that it discloses.
fn proof(policy: &CheckpointPolicy, file: &str) -> Result<Verdict, Failure> {
    let proof = TlogProof::parse(&read_file(file, MAX_PROOF_BYTES)?)
        .map_err(|error| Failure::input("malformed_proof", &outcome::chain(&error)))?;
    let verified = proof.verify(policy).map_err(|error| Failure::proof(&error))?;
    let inclusion = verified.inclusion();
    let mut verdict = Verdict::new("proof", "the event is in the log", inclusion.checkpoint());
    verdict.number("index", "index", inclusion.index());
    // Canonical JSON is UTF-8; beyond ASCII it has only characters within strings, which may be escaped.
    let event = safe(&String::from_utf8_lossy(verified.event()));
    verdict.line(&format!("event: {event}"));
    verdict.raw("event", &event);
    Ok(verdict)
}

/// Checks a receipt and shows what it is about.
fn receipt(policies: &[CheckpointPolicy], file: &str) -> Result<Verdict, Failure> {
    let receipt = Receipt::parse(&read_file(file, MAX_RECEIPT_BYTES)?);
    let verified =
        receipt.and_then(|receipt| receipt.verify(policies)).map_err(|error| Failure::receipt(&error))?;
    let statement = verified.statement();
    let [first, ..] = verified.events() else {
        return Err(Failure::failed("not_proved", "the receipt proves nothing"));
    };
    let message = "the log signed the document, and the log's entries say what it says";
    let mut verdict = Verdict::new("receipt", message, first.inclusion().checkpoint());
    verdict.text("signed by the log", "signed_by", statement.origin());
    verdict.text("SHA-256 of the document", "document", &statement.document().to_string());
    let mut events = Vec::new();
    for event in verified.events() {
        let shown = safe(&String::from_utf8_lossy(event.event()));
        verdict.line(&format!("entry {}: {shown}", event.inclusion().index()));
        events.push(shown);
    }
    verdict.raw("events", &format!("[{}]", events.join(",")));
    Ok(verdict)
}

/// Checks that a newer checkpoint goes on from an older one, with the few tiles that this needs.
fn consistency(
    old: &OpenedCheckpoint,
    new: &OpenedCheckpoint,
    directory: &Directory,
) -> Result<Verdict, Failure> {
    let tiles = FileTiles(directory);
    let (older, newer) = (old.head(), new.head());
    if older.size() > newer.size() {
        let message =
            format!("the old checkpoint has {} entries, the new one {}", older.size(), newer.size());
        return Err(Failure::failed("shorter_than_older", &message));
    }
    let reader = TileReader::new(&tiles, newer.size());
    let proof =
        ConsistencyProof::build(&reader, older.size(), newer.size()).map_err(|error| match error {
            TileReadError::Source { .. } => Failure::unreadable(&error),
            TileReadError::Tile(_) | TileReadError::Proof(_) => {
                Failure::failed("tiles_unfit", &outcome::chain(&error))
            }
        })?;
    proof.verify(older, newer).map_err(|error| Failure::failed("inconsistent", &outcome::chain(&error)))?;
    let mut verdict = Verdict::new("consistency", "the new log begins with all of the old one", new);
    verdict.number("old entries", "old_size", older.size());
    Ok(verdict)
}

fn open(policy: &CheckpointPolicy, file: &str) -> Result<OpenedCheckpoint, Failure> {
    policy
        .open(&read_file(file, MAX_NOTE_BYTES)?)
        .map_err(|error| Failure::checkpoint(&error, &format!("{file}: ")))
}

/// A reader that has gone away, as `head` does, is no error of this program.
fn print(text: &str) {
    let _ = writeln!(io::stdout(), "{text}");
}

fn warn(text: &str) {
    let _ = writeln!(io::stderr(), "wzapi-verify: {text}");
}
