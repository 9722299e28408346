//! `wzapi`, the operator's tool.
//!
//! Every command takes `--data`, the directory of the embedded store and its keyring or the address of a database. `--json` prints one
//! object as the last line, for programs. Exit codes: 0 done, 1 error, 2 bad input, 3 refused, 4 verification
//! failed.

#![allow(clippy::print_stderr, reason = "a program talks to its user")]

/// Prints a line. A reader that has gone away, as `head` does, is no error of the tool's.
macro_rules! say {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stdout(), $($text)*);
    }};
}

/// Prints text as it is.
macro_rules! say_on {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _ = write!(std::io::stdout(), $($text)*);
    }};
}

mod arguments;
mod check;
mod controller;
mod failure;
mod ingest;
mod ledger;
mod policy;
mod sender;

use std::process::ExitCode;

use clap::Parser;
use wzapi_compliance::Compliance;
use wzapi_compliance::location::Location;
use wzapi_compliance::model::actor::{Actor, Role};
use wzapi_compliance::storage_postgres::schema;

use crate::arguments::{
    Arguments, Command, ControllerCommand, Data, LedgerCommand, PolicyCommand, SchemaCommand, SenderCommand,
};
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
        Command::Policy(PolicyCommand::Check(options)) => policy::check(&options),
        Command::Policy(PolicyCommand::Render(options)) => policy::render(&options),
        Command::Policy(PolicyCommand::Diff(options)) => policy::diff(&options),
        Command::Schema(SchemaCommand::Print(options)) => {
            say_on!("{}", schema::ddl(options.citus));
            Ok(Outcome::Done)
        }
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
    /// Opens a store that is there.
    pub(crate) async fn open(data: &Data) -> Result<Self, Failure> {
        match &data.data {
            Location::Directory(directory) if is_fresh(&data.data) => Err(Failure::NoData(directory.clone())),
            Location::Directory(_) | Location::Postgres(_) => Self::open_or_create(data).await,
        }
    }

    /// Opens a store, and makes a directory that is not there.
    pub(crate) async fn open_or_create(data: &Data) -> Result<Self, Failure> {
        let policy = data.policy.as_deref().map(policy::valid).transpose()?;
        let mut builder = data.data.open(data.keyring.as_deref()).await?;
        if let Some(policy) = &policy {
            builder = builder.policy(policy);
        }
        let compliance = builder.build().await?;
        let roles = [Role::Administrator, Role::Ingest, Role::ConsentManager, Role::Sender, Role::Auditor];
        Ok(Self { compliance, actor: Actor::service("wzapi-cli", roles).map_err(Failure::actor)? })
    }
}

/// Whether nothing is there yet.
fn is_fresh(location: &Location) -> bool {
    match location {
        Location::Directory(directory) => !directory.join("store").exists(),
        Location::Postgres(_) => false,
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
