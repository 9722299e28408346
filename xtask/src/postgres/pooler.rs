//! pgbouncer in front of a server.

use std::fs;
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::Duration;

use super::account::{Account, free_port, make_home};
use super::installation::{find_program, install};
use super::{Server, ServerError};

const PATIENCE: Duration = Duration::from_millis(50);
const QUESTIONS: u32 = 200;

/// A running pgbouncer. It is stopped when this is dropped.
#[derive(Debug)]
pub struct Pooler {
    program: PathBuf,
    account: Account,
    home: PathBuf,
    port: u16,
    process: Option<Child>,
}

impl Pooler {
    /// Installs it, if it is missing and that is possible.
    ///
    /// # Errors
    /// [`ServerError::Missing`].
    pub fn find_or_install() -> Result<(), ServerError> {
        if find_program("pgbouncer").is_none() {
            install("pgbouncer");
        }
        find_program("pgbouncer").map(drop).ok_or(MISSING)
    }

    /// Starts it in front of a server, in transaction mode, on a free loopback port, with few enough connections to
    /// the server that its clients have to take turns.
    ///
    /// # Errors
    /// [`ServerError::Missing`] when it is not installed; or whatever went wrong.
    pub fn start(server: &Server) -> Result<Self, ServerError> {
        let program = find_program("pgbouncer").ok_or(MISSING)?;
        let (home, account) = make_home(&std::env::temp_dir(), "pgbouncer")?;
        let port = free_port()?;
        let (users, settings) = (home.join("users"), home.join("pgbouncer.ini"));
        account.write(&users, &format!("\"postgres\" \"{}\"\n", server.password()))?;
        let text = format!(
            "[databases]\n* = host=127.0.0.1 port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             unix_socket_dir =\nauth_type = scram-sha-256\nauth_file = {}\npool_mode = transaction\n\
             default_pool_size = 4\nmax_client_conn = 200\nlogfile = {}\n",
            server.port(),
            users.display(),
            home.join("log").display()
        );
        account.write(&settings, &text)?;
        let mut pooler = Self { program, account, home, port, process: None };
        pooler.launch()?;
        Ok(pooler)
    }

    /// Kills it and starts it again, on the same port.
    ///
    /// # Errors
    /// Whatever went wrong.
    pub fn start_again(&mut self) -> Result<(), ServerError> {
        self.stop();
        self.launch()
    }

    fn launch(&mut self) -> Result<(), ServerError> {
        let process = self
            .account
            .command(&self.program)
            .arg(self.home.join("pgbouncer.ini"))
            .current_dir(&self.home)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|source| ServerError::Start { command: self.program.display().to_string(), source })?;
        self.process = Some(process);
        for _ in 0..QUESTIONS {
            if TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return Ok(());
            }
            std::thread::sleep(PATIENCE);
        }
        Err(ServerError::Silent { log: fs::read_to_string(self.home.join("log")).unwrap_or_default() })
    }

    fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().ok();
            process.wait().ok();
        }
    }

    /// Its port on the loopback interface.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }
}

const MISSING: ServerError = ServerError::Missing { program: "pgbouncer", package: "pgbouncer" };

impl Drop for Pooler {
    fn drop(&mut self) {
        self.stop();
        fs::remove_dir_all(&self.home).ok();
    }
}
