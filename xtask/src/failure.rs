//! Why a check failed.

use std::path::PathBuf;

/// Why a check failed, in words for the person who ran it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// A program could not be started at all.
    #[error("`{command}` could not be started: {source}")]
    Start { command: String, source: std::io::Error },

    /// A program ran and reported a failure of its own.
    #[error("`{command}` failed: {status}")]
    Exit { command: String, status: std::process::ExitStatus },

    /// The output of `cargo metadata` is not the JSON it is documented to be.
    #[error("the output of `cargo metadata` is not JSON: {0}")]
    MetadataSyntax(#[from] serde_json::Error),

    /// The output of `cargo metadata` lacks a field.
    #[error("the output of `cargo metadata` has no usable `{0}`")]
    MetadataField(&'static str),

    /// A file or folder could not be read, made or removed.
    #[error("{path}: {source}")]
    File { path: PathBuf, source: std::io::Error },

    /// The rules of the repository are broken; each line is one place to repair.
    #[error("{rule}:\n{}", list(.found))]
    Broken { rule: &'static str, found: Vec<String> },

    /// An example ran, but what it printed is wrong.
    #[error("example `{example}`, run {run}: {problem}\n  its data is left in {kept} to be looked at")]
    Example { example: &'static str, run: usize, problem: String, kept: PathBuf },

    /// A server that tests need did not start.
    #[error(transparent)]
    Server(#[from] xtask::postgres::ServerError),

    /// A step of `cargo xtask test` failed.
    #[error("step `{step}`: {source}")]
    Step { step: &'static str, source: Box<Failure> },
}

fn list(found: &[String]) -> String {
    found.iter().map(|line| format!("  - {line}")).collect::<Vec<_>>().join("\n")
}
