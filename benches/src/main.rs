//! Measures what these libraries promise to cost: `cargo xtask bench`.
//!
//! Every promise is a row: our side against a named peer or limit, with the ratio that it may reach. The two sides are
//! measured alternately in one process, so that whatever slows the machine slows both.
//!
//! | module | what is in it |
//! |---|---|
//! | [`rows`] | the rows, one file each, and the list of them: begin here to add one |
//! | [`row`] | what a row is, and the two sides of it |
//! | [`measurement`] | turns and rounds, warm-up, and how the order changes |
//! | [`statistics`] | medians and percentiles |
//! | [`arguments`] | the command line |
//! | [`report`] | what is printed, and the JSON |
//! | [`document`], [`machine`] | `docs/benchmarks.md`, and where it was measured |
//! | [`failure`] | why nothing was measured |

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool talks to its terminal")]

mod arguments;
mod document;
mod failure;
mod machine;
mod measurement;
mod report;
mod row;
mod rows;
mod statistics;

use std::path::Path;
use std::process::ExitCode;

use arguments::{Arguments, HELP, Request};
use failure::Failure;
use measurement::measure;
use report::Finding;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments::parse(&words) {
        Ok(Request::Help) => {
            println!("{HELP}");
            Ok(())
        }
        Ok(Request::Measure(arguments)) => run(&arguments),
        Err(complaint) => {
            eprintln!("error: {complaint}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// Measures the rows that were asked for. A row that is short is printed as such; it is no failure of the program.
fn run(arguments: &Arguments) -> Result<(), Failure> {
    let rows = rows::ALL.iter().filter(|row| arguments.includes(row.name));
    let mut findings = Vec::new();
    println!("{}", report::heading());
    for row in rows {
        let sides = (row.set_up)(arguments.effort)?;
        let finding = Finding { row, measured: measure(sides, arguments.effort)? };
        println!("{}", finding.line());
        findings.push(finding);
    }
    println!("\n{}", report::summary(&findings));

    if let Some(path) = &arguments.json {
        write(path, &report::json(&findings)?)?;
    }
    if let Some(path) = &arguments.document {
        write(path, &document::text(&findings, &machine::this()))?;
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(path, text).map_err(|source| Failure::File { path: path.to_owned(), source })
}
