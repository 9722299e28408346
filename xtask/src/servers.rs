//! The servers that tests need.

use xtask::postgres::{Installation, Pooler, Server, VARIABLE};

use crate::failure::Failure;

/// Many tests share the server. None of them survives the machine, so the disk need not be waited for.
const SETTINGS: &[(&str, &str)] = &[("max_connections", "400"), ("fsync", "off")];

/// Finds or installs PostgreSQL and pgbouncer and starts the former. Dropping the server stops it.
pub(crate) fn start() -> Result<Server, Failure> {
    Pooler::find_or_install()?;
    let server = Server::start(&Installation::find_or_install()?, SETTINGS)?;
    println!("PostgreSQL listens on loopback port {}", server.port());
    Ok(server)
}

/// Starts the server for a person who runs single tests, and stops it when standard input ends.
pub(crate) fn serve() -> Result<(), Failure> {
    let server = start()?;
    println!("export {VARIABLE}={}\n(stops at the end of input: press Ctrl-D)", server.url());
    std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink())
        .map(drop)
        .map_err(|source| Failure::File { path: "standard input".into(), source })
}
