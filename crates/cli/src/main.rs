//! `wzapi`, the operator's tool.
//!
//! Commands that act on a store take `--data`, the directory of the embedded store and its keyring or the address of a
//! database. `--json` prints one object as the last line, for programs. Exit codes: 0 done, 1 error, 2 bad input,
//! 3 refused, 4 verification failed.

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
mod consent;
mod controller;
mod failure;
mod files;
mod ingest;
mod keys;
mod ledger;
mod operator;
mod optout;
mod policy;
mod preflight;
mod receipt;
mod sender;
mod sent;
mod watcher;

use std::process::ExitCode;

use clap::Parser;
use wzapi_compliance::receipt::DocumentKind;
use wzapi_compliance::storage_postgres::schema;

use crate::arguments::{
    Arguments, Command, ConsentCommand, ControllerCommand, OptoutCommand, PolicyCommand, SchemaCommand,
    SenderCommand,
};
use crate::failure::Outcome;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = match arguments.command {
        Command::Ingest(options) => ingest::run(options).await,
        Command::Check(options) => check::run(options).await,
        Command::Sent(options) => sent::run(options).await,
        Command::Preflight(options) => preflight::run(options).await,
        Command::Consent(ConsentCommand::Import(options)) => consent::import(options).await,
        Command::Consent(ConsentCommand::Receipt(options)) => {
            receipt::issue(options, DocumentKind::Receipt).await
        }
        Command::Consent(ConsentCommand::Record(options)) => {
            receipt::issue(options, DocumentKind::Record).await
        }
        Command::Ledger(command) => ledger::run(command).await,
        Command::Controller(ControllerCommand::Register(options)) => controller::register(options).await,
        Command::Controller(ControllerCommand::List(options)) => controller::list(options).await,
        Command::Sender(SenderCommand::Register(options)) => sender::register(options).await,
        Command::Policy(PolicyCommand::Check(options)) => policy::check(&options),
        Command::Policy(PolicyCommand::Render(options)) => policy::render(&options),
        Command::Policy(PolicyCommand::Diff(options)) => policy::diff(&options),
        Command::Keys(command) => keys::run(command).await,
        Command::Optout(OptoutCommand::Classify) => Ok(optout::classify()),
        Command::Compact(options) => keys::compact(options).await,
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
