//! `wzapi consent`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use wzapi_compliance::consent::import::Format;
use wzapi_compliance::model::ids::{ControllerId, SubjectId};
use wzapi_compliance::model::name::PurposeId;

use super::Data;

#[derive(Subcommand)]
pub(crate) enum ConsentCommand {
    /// Take over consents and withdrawals from files of other systems; docs/import.md is the guide.
    ///
    /// Every file is read to its end before anything is written. A bad row is told by its line, and the others are
    /// recorded. Running a file again changes nothing, and goes on where an earlier run was stopped.
    Import(ImportConsentOptions),
    /// Write a person's consent receipts: signed documents with their proofs, one for each purpose.
    ///
    /// `wzapi-verify receipt` checks them without these libraries. They disclose what the person said and wrote, so handle
    /// them like the data itself. Needs --policy.
    Receipt(DocumentOptions),
    /// Write the controller's own consent records about a person, in every language of the policy.
    Record(DocumentOptions),
}

/// Whose documents, and where to.
#[derive(Args)]
pub(crate) struct DocumentOptions {
    #[command(flatten)]
    pub(crate) data: Data,
    /// The controller.
    #[arg(long, value_name = "ID")]
    pub(crate) controller: ControllerId,
    /// The person: a phone number with country code, or a business-scoped user id.
    // Not parsed by clap, which would repeat a number that it cannot read.
    #[arg(
        long,
        value_name = "PHONE_OR_BSUID",
        required_unless_present = "subject",
        conflicts_with = "subject"
    )]
    pub(crate) to: Option<String>,
    /// The person, by the random id that the ledger uses.
    #[arg(long, value_name = "ID")]
    pub(crate) subject: Option<SubjectId>,
    /// Only this purpose; without it, every one about which something is on record.
    #[arg(long)]
    pub(crate) purpose: Option<PurposeId>,
    /// The language: en, hi, pt or es, if the policy declares it. Without it, the policy's first one.
    #[arg(long, value_name = "LANGUAGE")]
    pub(crate) lang: Option<String>,
    /// The directory for the files, none of which may be there yet: PURPOSE.receipt.json or PURPOSE.record.json.
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(crate) out: PathBuf,
}

#[derive(Args)]
pub(crate) struct ImportConsentOptions {
    #[command(flatten)]
    pub(crate) data: Data,
    /// The controller whose consents they are.
    #[arg(long, value_name = "ID")]
    pub(crate) controller: ControllerId,
    /// How the files are written; without it, .csv, .jsonl and .ndjson say.
    #[arg(long)]
    pub(crate) format: Option<FileFormat>,
    /// Decide about every row and write nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Write the rows that do not count as they stand into a new CSV file: file, line, outcome, reason, advice.
    #[arg(long, value_name = "FILE.csv")]
    pub(crate) errors: Option<PathBuf>,
    /// The files.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum FileFormat {
    Csv,
    Jsonl,
}

impl From<FileFormat> for Format {
    fn from(format: FileFormat) -> Self {
        match format {
            FileFormat::Csv => Self::Csv,
            FileFormat::Jsonl => Self::JsonLines,
        }
    }
}
