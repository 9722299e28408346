//! How a command ends.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

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

/// A command could not come to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("{}: there is no data directory here", .0.display())]
    NoData(PathBuf),
    #[error("{}: cannot be read", path.display())]
    Unreadable {
        path: PathBuf,
        #[source]
        cause: std::io::Error,
    },
    #[error("{}: {problem}", path.display())]
    BadFile { path: PathBuf, problem: String },
    #[error("--to: {0}")]
    Recipient(wzapi_compliance::model::identifier::IdentifierError),
    #[error("the policy file has errors\n{0}")]
    Policy(wzapi_compliance::policy::finding::Findings),
    #[error("{0}")]
    Notice(String),
    #[error("the tool's own actor is malformed")]
    Actor(#[source] wzapi_compliance::model::actor::ActorError),
    #[error(transparent)]
    Compliance(#[from] wzapi_compliance::Error),
}

impl Failure {
    pub(crate) const fn actor(error: wzapi_compliance::model::actor::ActorError) -> Self {
        Self::Actor(error)
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

    pub(crate) const fn exit_code_number(&self) -> u8 {
        match self {
            Self::NoData(_) | Self::Unreadable { .. } | Self::BadFile { .. } | Self::Recipient(_) => 2,
            Self::Policy(_) | Self::Notice(_) => 2,
            Self::Compliance(wzapi_compliance::Error::Refused(_)) => 3,
            Self::Compliance(
                wzapi_compliance::Error::Delivery(_)
                | wzapi_compliance::Error::Signature(_)
                | wzapi_compliance::Error::UnknownController
                | wzapi_compliance::Error::ReservedController
                | wzapi_compliance::Error::RouteTaken(_)
                | wzapi_compliance::Error::InvalidRoute
                | wzapi_compliance::Error::Incomplete(_)
                | wzapi_compliance::Error::Address(_)
                | wzapi_compliance::Error::UndeclaredCategory(_),
            ) => 2,
            Self::Actor(_) | Self::Compliance(_) => 1,
        }
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.exit_code_number())
    }
}
