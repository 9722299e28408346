//! PostgreSQL and pgbouncer for tests: found or installed, started as an ordinary user on a free loopback port in a
//! temporary folder, stopped by their process ids.
//!
//! ```no_run
//! use xtask::postgres::{Installation, Server};
//!
//! let server = Server::start(&Installation::find_or_install()?, &[("fsync", "off")])?;
//! println!("{}", server.url());
//! # Ok::<(), xtask::postgres::ServerError>(())
//! ```

mod account;
mod installation;
mod pooler;
mod server;

use std::path::PathBuf;

pub use installation::Installation;
pub use pooler::Pooler;
pub use server::{Server, Shutdown};

/// The variable that names a server to the tests.
pub const VARIABLE: &str = "WZAPI_TEST_POSTGRES";

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// A program is not there and could not be installed.
    #[error(
        "{program} is not installed; install the package `{package}`, or run `cargo xtask test` as root where apt-get exists"
    )]
    Missing {
        /// The program.
        program: &'static str,
        /// The package that has it.
        package: &'static str,
    },
    /// A server refuses to run as root, and nobody else is there to run it.
    #[error("PostgreSQL does not run as root, and there is neither a user `postgres` nor `nobody`")]
    NoAccount,
    /// A program could not be started at all.
    #[error("`{command}` could not be started: {source}")]
    Start {
        /// The program.
        command: String,
        /// Why.
        source: std::io::Error,
    },
    /// A program ran and failed.
    #[error("`{command}` failed: {said}")]
    Failed {
        /// The program.
        command: String,
        /// What it said.
        said: String,
    },
    /// A server did not answer in time.
    #[error("the server did not answer; its log says:\n{log}")]
    Silent {
        /// The end of its log.
        log: String,
    },
    /// A file or folder could not be read, made or removed.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

fn at(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> ServerError {
    let path = path.into();
    |source| ServerError::File { path, source }
}
