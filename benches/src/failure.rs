//! Why nothing was measured.

use std::path::PathBuf;

/// Why nothing was measured, in words for the person who ran it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// What a row measures did not work.
    #[error("row `{row}`: {source}")]
    Row { row: &'static str, source: Box<dyn std::error::Error + Send + Sync> },

    /// A side does not do what the row says that it does, so its time says nothing.
    #[error("row `{row}`: {side} gave a wrong result")]
    WrongResult { row: &'static str, side: &'static str },

    /// The table could not be written as JSON.
    #[error("the measurements cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),

    /// A file could not be written.
    #[error("{path}: {source}")]
    File { path: PathBuf, source: std::io::Error },
}

impl Failure {
    /// For `map_err`: what went wrong in a row.
    pub(crate) fn in_row<E>(row: &'static str) -> impl Fn(E) -> Self
    where
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        move |source| Self::Row { row, source: source.into() }
    }
}
