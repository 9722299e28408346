//! How a command ends.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use wzapi_compliance::encryption::EncryptionError;
use wzapi_compliance::encryption::export::ImportError;
use wzapi_compliance::ledger::LedgerError;
use wzapi_compliance::ledger::journal::JournalError;
use wzapi_compliance::ledger::proof::checkpoint::PolicyError;
use wzapi_compliance::receipt::IssueError;

/// A command came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It did what it was asked.
    Done,
    /// Some input was bad, and the rest is done.
    BadInput,
    /// The answer is no.
    Refused,
    /// What was verified is not sound.
    NotVerified,
}

impl Outcome {
    const fn exit_code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::BadInput => 2,
            Self::Refused => 3,
            Self::NotVerified => 4,
        }
    }
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        Self::from(outcome.exit_code())
    }
}

/// A command could not come to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("{}: there is no data directory here", .0.display())]
    NoData(PathBuf),
    #[error(
        "name a store with --data, and a controller where one is needed, or an exported log with --tiles"
    )]
    NoSource,
    #[error("{}: cannot be read", path.display())]
    Unreadable {
        path: PathBuf,
        #[source]
        cause: std::io::Error,
    },
    #[error("{}: cannot be written", path.display())]
    Unwritable {
        path: PathBuf,
        #[source]
        cause: std::io::Error,
    },
    #[error("a database has no place for the key export: name a file with --export")]
    NoExportPath,
    #[error("{}: {problem}", path.display())]
    BadFile { path: PathBuf, problem: String },
    #[error("--to: {0}")]
    Recipient(wzapi_compliance::model::identifier::IdentifierError),
    #[error("the policy file has errors\n{0}")]
    Policy(wzapi_compliance::policy::finding::Findings),
    #[error("{0}")]
    Notice(String),
    #[error("--key, --witness, --witnesses: {0}")]
    Trust(PolicyError),
    #[error("no log here has the origin {0} of the checkpoint")]
    UnknownLog(String),
    #[error("{}: it is of the log {found}, and this is {expected}", path.display())]
    OtherLog { path: PathBuf, found: String, expected: String },
    #[error("{}: not verified", path.display())]
    NotVerified {
        path: PathBuf,
        #[source]
        cause: Box<dyn Error + Send + Sync>,
    },
    #[error("the tool's own actor is malformed")]
    Actor(#[source] wzapi_compliance::model::actor::ActorError),
    #[error(transparent)]
    Compliance(#[from] wzapi_compliance::Error),
}

impl Failure {
    pub(crate) const fn actor(error: wzapi_compliance::model::actor::ActorError) -> Self {
        Self::Actor(error)
    }

    /// A file that is not what it should be.
    pub(crate) fn bad_file(path: &Path, error: &dyn Error) -> Self {
        Self::BadFile { path: path.to_owned(), problem: in_one_line(error) }
    }

    /// A file that can be read, and says what is not so.
    pub(crate) fn not_verified(path: &Path, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::NotVerified { path: path.to_owned(), cause: cause.into() }
    }

    /// The error and its causes, one a line.
    pub(crate) fn print(&self) {
        eprintln!("wzapi: {self}");
        let mut cause = self.source();
        while let Some(current) = cause {
            eprintln!("  because: {current}");
            cause = current.source();
        }
    }

    /// Why nothing was verified, for a report.
    pub(crate) fn unverified(&self) -> Option<String> {
        match self {
            Self::NotVerified { cause, .. } => Some(in_one_line(cause.as_ref())),
            other => (other.outcome_number() == NOT_VERIFIED).then(|| in_one_line(other)),
        }
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.outcome_number())
    }

    const fn outcome_number(&self) -> u8 {
        match self {
            Self::NoData(_)
            | Self::NoSource
            | Self::Unreadable { .. }
            | Self::Unwritable { .. }
            | Self::NoExportPath
            | Self::BadFile { .. }
            | Self::Recipient(_)
            | Self::Policy(_)
            | Self::Notice(_)
            | Self::Trust(_)
            | Self::OtherLog { .. } => BAD_INPUT,
            Self::NotVerified { .. } | Self::UnknownLog(_) => NOT_VERIFIED,
            Self::Actor(_) => ERROR,
            Self::Compliance(error) => of_compliance(error),
        }
    }
}

const ERROR: u8 = 1;
const BAD_INPUT: u8 = Outcome::BadInput.exit_code();
const REFUSED: u8 = Outcome::Refused.exit_code();
const NOT_VERIFIED: u8 = Outcome::NotVerified.exit_code();

const fn of_compliance(error: &wzapi_compliance::Error) -> u8 {
    use wzapi_compliance::Error;
    match error {
        Error::Refused(_) => REFUSED,
        Error::Delivery(_)
        | Error::Signature(_)
        | Error::UnknownController
        | Error::ReservedController
        | Error::RouteTaken(_)
        | Error::OtherPortfolio
        | Error::InvalidRoute
        | Error::Incomplete(_)
        | Error::Address(_)
        | Error::UndeclaredCategory(_) => BAD_INPUT,
        // The export is as it should be; keys, store or another process are not.
        Error::KeyImport(ImportError::Encryption(_) | ImportError::InUse) => ERROR,
        Error::KeyImport(_) => BAD_INPUT,
        Error::Ledger(error) => of_ledger(error),
        Error::Receipt(error) => of_receipt(error),
        _ => ERROR,
    }
}

const fn of_receipt(error: &IssueError) -> u8 {
    match error {
        IssueError::NothingOnRecord
        | IssueError::UndeclaredPurpose
        | IssueError::UndeclaredLanguage
        | IssueError::TooManyActs => BAD_INPUT,
        IssueError::Erased => REFUSED,
        IssueError::Contradiction(_) => NOT_VERIFIED,
        IssueError::Ledger(error) => of_ledger(error),
        IssueError::Consent(_) => ERROR,
    }
}

const fn of_ledger(error: &LedgerError) -> u8 {
    match error {
        LedgerError::NoLog
        | LedgerError::NoSuchEntry
        | LedgerError::OtherJournal
        | LedgerError::ExportOfAnotherLog
        | LedgerError::Journal(JournalError::Format)
        | LedgerError::Export(_) => BAD_INPUT,
        LedgerError::Erased { .. } => REFUSED,
        LedgerError::Contradiction
        | LedgerError::UnknownLog
        | LedgerError::DamagedHead(_)
        | LedgerError::DamagedKey
        | LedgerError::Encryption(EncryptionError::Authentication) => NOT_VERIFIED,
        _ => ERROR,
    }
}

/// The error and its causes in one line.
pub(crate) fn in_one_line(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(current) = cause {
        text = format!("{text}: {current}");
        cause = current.source();
    }
    text
}
