//! `wzapi`, the operator's tool.
//!
//! Every command takes `--data DIR`, the directory of the embedded store and its keyring. `--json` prints one
//! object as the last line, for programs. Exit codes: 0 done, 1 error, 2 bad input, 3 refused, 4 verification
//! failed.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program talks to its user")]

mod arguments;
mod check;
mod controller;
mod failure;
mod ingest;
mod ledger;
mod sender;

use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use wzapi_compliance::model::actor::{Actor, Role};
use wzapi_compliance::storage_embedded::Options;
use wzapi_compliance::{Compliance, data_directory};

use crate::arguments::{Arguments, Command, ControllerCommand, LedgerCommand, SenderCommand};
use crate::failure::{Failure, Outcome};

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = match arguments.command {
        Command::Ingest(options) => ingest::run(options).await,
        Command::Check(options) => check::run(options).await,
        Command::Ledger(LedgerCommand::Verify(options)) => ledger::verify(options).await,
        Command::Controller(ControllerCommand::Register(options)) => controller::register(options).await,
        Command::Controller(ControllerCommand::List(options)) => controller::list(options).await,
        Command::Sender(SenderCommand::Register(options)) => sender::register(options).await,
    };
    match outcome {
        Ok(outcome) => outcome.into(),
        Err(failure) => {
            failure.print();
            failure.exit_code()
        }
    }
}

/// What the commands act on, and who acts: the person who may read the data directory.
pub(crate) struct Operator {
    pub(crate) compliance: Compliance,
    pub(crate) actor: Actor,
}

impl Operator {
    /// Opens a data directory, which has to be there unless it is to be made.
    pub(crate) async fn open(data: &Path, may_create: bool) -> Result<Self, Failure> {
        if !may_create && !data.join("store").exists() {
            return Err(Failure::NoData(data.to_owned()));
        }
        let compliance = data_directory::open(data, Options::default())?.build().await?;
        let roles = [Role::Administrator, Role::Ingest, Role::ConsentManager, Role::Sender, Role::Auditor];
        Ok(Self { compliance, actor: Actor::service("wzapi-cli", roles).map_err(Failure::actor)? })
    }
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Done => Self::SUCCESS,
            Outcome::BadInput => Self::from(2),
            Outcome::Refused => Self::from(3),
            Outcome::NotVerified => Self::from(4),
        }
    }
}
