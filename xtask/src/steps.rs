//! The steps of `cargo xtask test`.

use std::time::{Duration, Instant};

use xtask::postgres::VARIABLE;

use crate::cargo::Cargo;
use crate::failure::Failure;
use crate::{examples, layering, licences, servers};

/// One thing that must pass.
struct Step {
    name: &'static str,
    run: fn() -> Result<(), Failure>,
}

/// Cheap checks first. The tests stand apart: their summary must be the last thing printed.
const BEFORE_TESTS: &[Step] = &[
    Step { name: "format", run: format },
    Step { name: "layering", run: layering::check_workspace },
    Step { name: "licences", run: licences::check_workspace },
    Step { name: "clippy", run: clippy },
    Step { name: "documentation", run: documentation },
    Step { name: "documentation tests", run: documentation_tests },
    Step { name: "examples", run: examples::check },
];

const POSTGRES: &str = "postgres";
const TESTS: &str = "tests";

/// Runs every step in order and stops at the first that fails.
pub(crate) fn run() -> Result<(), Failure> {
    let count = BEFORE_TESTS.len() + 2;
    let mut times = Vec::new();
    for (number, step) in (1..).zip(BEFORE_TESTS) {
        announce(number, count, step.name);
        times.push((step.name, timed(step.name, step.run)?.1));
    }
    announce(count - 1, count, POSTGRES);
    // It is stopped when this goes out of scope, whatever the tests say.
    let (server, time) = timed(POSTGRES, servers::start)?;
    times.push((POSTGRES, time));
    println!("\n{}", table(&times));
    announce(count, count, TESTS);
    timed(TESTS, || tests(&server.url())).map(drop)
}

fn announce(number: usize, count: usize, name: &str) {
    println!("\n==> {number}/{count} {name}");
}

fn timed<T>(step: &'static str, run: impl FnOnce() -> Result<T, Failure>) -> Result<(T, Duration), Failure> {
    #[allow(clippy::disallowed_methods, reason = "times a build step for a person; no library code")]
    let began = Instant::now();
    let done = run().map_err(|source| Failure::Step { step, source: Box::new(source) })?;
    Ok((done, began.elapsed()))
}

fn table(times: &[(&str, Duration)]) -> String {
    let total = ("total before the tests", times.iter().map(|(_, time)| *time).sum());
    let lines = times.iter().chain([&total]);
    let lines = lines.map(|(name, time)| format!("{name:<24}{:>8.1} s", time.as_secs_f64()));
    lines.collect::<Vec<_>>().join("\n")
}

fn format() -> Result<(), Failure> {
    Cargo::new("fmt --all --check").run()
}

fn clippy() -> Result<(), Failure> {
    Cargo::new("clippy --workspace --all-targets --locked -- -D warnings").run()
}

fn documentation() -> Result<(), Failure> {
    Cargo::new("doc --workspace --no-deps --locked").variable("RUSTDOCFLAGS", "-D warnings").run()
}

fn documentation_tests() -> Result<(), Failure> {
    Cargo::new("test --doc --workspace --locked").run()
}

fn tests(server: &str) -> Result<(), Failure> {
    let arguments = if Cargo::new("nextest --version").works() {
        "nextest run --workspace --locked"
    } else {
        println!("cargo-nextest is not installed, so `cargo test` runs the tests");
        "test --workspace --locked --all-targets"
    };
    Cargo::new(arguments).variable(VARIABLE, server).run()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_timing_table_ends_with_the_total() {
        let times = [("format", Duration::from_millis(1_500)), ("clippy", Duration::from_secs(61))];
        let expected = "\
format                       1.5 s
clippy                      61.0 s
total before the tests      62.5 s";
        assert_eq!(table(&times), expected);
    }

    #[test]
    fn a_failure_names_its_step() {
        let failed = || Err::<(), _>(Failure::MetadataField("packages"));
        let failure = timed("licences", failed).unwrap_err();
        let expected = "step `licences`: the output of `cargo metadata` has no usable `packages`";
        assert_eq!(failure.to_string(), expected);
    }
}
