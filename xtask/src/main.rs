//! The checks that a change must pass, as one command: `cargo xtask test`.
//!
//! - [`steps`] is the list of checks, their order and their timing.
//! - [`layering`] says which crate may depend on which.
//! - [`licences`] says under which terms third-party code may come in; [`spdx`] reads their expressions.
//! - [`examples`] runs the examples and checks what they print.
//! - [`bench`] measures what operations cost.
//! - [`servers`] starts the servers that tests need; [`xtask::postgres`] knows how.
//! - [`cargo`] starts Cargo, [`metadata`] reads what it knows about the workspace.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool talks to its terminal")]

mod bench;
mod cargo;
mod examples;
mod failure;
mod layering;
mod licences;
mod metadata;
mod servers;
mod spdx;
mod steps;

use std::process::ExitCode;

use failure::Failure;

const HELP: &str = "\
Usage: cargo xtask <command>

  test       everything a change must pass, stopping at the first failure
  layering   only: does each crate depend on nothing but what it may?
  licences   only: licences, banned crates and sources of third-party code
  bench      measures what operations cost, each against a named peer: `cargo xtask bench --help`
  postgres   starts a PostgreSQL server for tests, until its input ends
  help       this text

Exit codes: 0 passed, 1 failed, 2 not a command.";

/// A command as typed by the person.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Command {
    Test,
    Layering,
    Licences,
    /// With the arguments that the benchmarks read themselves.
    Bench(Vec<String>),
    Postgres,
    Help,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let command = match parse(&arguments) {
        Ok(command) => command,
        Err(complaint) => {
            eprintln!("error: {complaint}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    match run(&command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn parse(arguments: &[String]) -> Result<Command, String> {
    let (name, rest) = match arguments {
        [] => return Err("no command given".to_owned()),
        [name, rest @ ..] => (name, rest),
    };
    let command = match name.as_str() {
        "test" => Command::Test,
        "layering" => Command::Layering,
        "licences" => Command::Licences,
        "bench" => return Ok(Command::Bench(rest.to_vec())),
        "postgres" => Command::Postgres,
        "help" | "--help" | "-h" => Command::Help,
        unknown => return Err(format!("`{unknown}` is not a command")),
    };
    match rest {
        [] => Ok(command),
        [extra, ..] => Err(format!("`{name}` takes no arguments, got `{extra}`")),
    }
}

fn run(command: &Command) -> Result<(), Failure> {
    match command {
        Command::Test => steps::run(),
        Command::Layering => layering::check_workspace(),
        Command::Licences => licences::check_workspace(),
        Command::Bench(arguments) => bench::run(arguments),
        Command::Postgres => servers::serve(),
        Command::Help => {
            println!("{HELP}");
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_words(line: &str) -> Result<Command, String> {
        parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn each_command_is_known_by_its_name() {
        assert_eq!(parse_words("test"), Ok(Command::Test));
        assert_eq!(parse_words("layering"), Ok(Command::Layering));
        assert_eq!(parse_words("licences"), Ok(Command::Licences));
        assert_eq!(parse_words("postgres"), Ok(Command::Postgres));
        assert_eq!(parse_words("help"), Ok(Command::Help));
        assert_eq!(parse_words("--help"), Ok(Command::Help));
    }

    #[test]
    fn the_benchmarks_read_their_own_arguments() {
        let expected = ["--quick", "--only", "seal_64b"].map(str::to_owned).to_vec();
        assert_eq!(parse_words("bench --quick --only seal_64b"), Ok(Command::Bench(expected)));
        assert_eq!(parse_words("bench"), Ok(Command::Bench(Vec::new())));
    }

    #[test]
    fn an_unknown_command_is_named_in_the_error() {
        assert_eq!(parse_words("tset"), Err("`tset` is not a command".to_owned()));
        assert_eq!(parse_words(""), Err("no command given".to_owned()));
        assert_eq!(parse_words("test --fast"), Err("`test` takes no arguments, got `--fast`".to_owned()));
    }
}
