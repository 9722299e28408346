//! The steps of `cargo xtask test`.

use std::time::{Duration, Instant};

use crate::cargo::Cargo;
use crate::failure::Failure;
use crate::{examples, layering, licences};

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

const TESTS: Step = Step { name: "tests", run: tests };

/// Runs every step in order and stops at the first that fails.
pub(crate) fn run() -> Result<(), Failure> {
    let count = BEFORE_TESTS.len() + 1;
    let mut times = Vec::new();
    for (number, step) in (1..).zip(BEFORE_TESTS) {
        announce(number, count, step);
        times.push((step.name, run_one(step)?));
    }
    println!("\n{}", table(&times));
    announce(count, count, &TESTS);
    run_one(&TESTS).map(drop)
}

fn announce(number: usize, count: usize, step: &Step) {
    println!("\n==> {number}/{count} {}", step.name);
}

fn run_one(step: &Step) -> Result<Duration, Failure> {
    #[allow(clippy::disallowed_methods, reason = "times a build step for a person; no library code")]
    let began = Instant::now();
    (step.run)().map_err(|source| Failure::Step { step: step.name, source: Box::new(source) })?;
    Ok(began.elapsed())
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

fn tests() -> Result<(), Failure> {
    if Cargo::new("nextest --version").works() {
        return Cargo::new("nextest run --workspace --locked").run();
    }
    println!("cargo-nextest is not installed, so `cargo test` runs the tests");
    Cargo::new("test --workspace --locked --all-targets").run()
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
        let step = Step { name: "licences", run: || Err(Failure::MetadataField("packages")) };
        let failure = run_one(&step).unwrap_err();
        let expected = "step `licences`: the output of `cargo metadata` has no usable `packages`";
        assert_eq!(failure.to_string(), expected);
    }
}
