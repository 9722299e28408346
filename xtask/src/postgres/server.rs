//! One server with an empty database of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::account::{Account, free_port, make_home, random_password};
use super::{Installation, ServerError, at};

/// How often somebody else may take the port before the server does.
const PORTS: u32 = 5;
const PATIENCE: Duration = Duration::from_millis(50);
/// How often the server is asked whether it is ready: for a minute, on a slow and busy machine.
const QUESTIONS: u32 = 1200;

/// How a server is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shutdown {
    /// In order; open transactions are rolled back.
    Fast,
    /// As in a crash: the next start recovers from the log.
    Immediate,
}

/// A running server. It is stopped and its data removed when this is dropped.
#[derive(Debug)]
pub struct Server {
    installation: Installation,
    account: Account,
    home: PathBuf,
    port: u16,
    password: String,
    settings: Vec<String>,
    process: Option<Child>,
}

impl Server {
    /// Makes a database in a temporary folder and starts a server over it, with these settings.
    ///
    /// # Errors
    /// Whatever went wrong.
    pub fn start(installation: &Installation, settings: &[(&str, &str)]) -> Result<Self, ServerError> {
        Self::start_in(&std::env::temp_dir(), installation, settings)
    }

    /// As [`Server::start`], in a new folder below `parent`, which the server's user must be able to reach.
    ///
    /// # Errors
    /// Whatever went wrong.
    pub fn start_in(
        parent: &Path,
        installation: &Installation,
        settings: &[(&str, &str)],
    ) -> Result<Self, ServerError> {
        let (home, account) = make_home(parent, "postgres")?;
        let mut server = Self {
            installation: installation.clone(),
            account,
            home,
            port: 0,
            password: random_password()?,
            settings: settings.iter().map(|(name, value)| format!("{name}={value}")).collect(),
            process: None,
        };
        server.make_database()?;
        server.launch_on_a_free_port()?;
        Ok(server)
    }

    /// The address of the superuser, password and all, on the loopback interface.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_on(self.port)
    }

    /// As [`Server::url`], by way of another port.
    #[must_use]
    pub fn url_on(&self, port: u16) -> String {
        format!("postgres://postgres:{}@127.0.0.1:{port}/postgres", self.password)
    }

    /// Its port on the loopback interface.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The superuser's password.
    #[must_use]
    pub fn password(&self) -> &str {
        &self.password
    }

    /// Where its data is.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.home.join("data")
    }

    /// What it has logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read(self.home.join("log"))
            .map(|log| String::from_utf8_lossy(&log).into_owned())
            .unwrap_or_default()
    }

    /// Writes a file into its data folder, in its name: `standby.signal`, for one.
    ///
    /// # Errors
    /// [`ServerError::File`].
    pub fn write(&self, name: &str, text: &str) -> Result<(), ServerError> {
        self.account.write(&self.data().join(name), text)
    }

    /// Stops it.
    ///
    /// # Errors
    /// [`ServerError::Failed`] when it does not stop by itself; then it is killed.
    pub fn stop(&mut self, shutdown: Shutdown) -> Result<(), ServerError> {
        let Some(mut process) = self.process.take() else { return Ok(()) };
        let mode = match shutdown {
            Shutdown::Fast => "fast",
            Shutdown::Immediate => "immediate",
        };
        let mut stop = self.account.command(&self.installation.program("pg_ctl"));
        stop.arg("stop").arg("-D").arg(self.data()).args(["-m", mode, "-t", "60", "-s"]);
        let stopped = run(&mut stop);
        if stopped.is_err() {
            process.kill().ok();
        }
        process.wait().map_err(at(self.data()))?;
        stopped
    }

    /// Starts it again, on the same port.
    ///
    /// # Errors
    /// Whatever went wrong.
    pub fn start_again(&mut self) -> Result<(), ServerError> {
        self.launch()?;
        self.wait_until_ready()
    }

    fn make_database(&self) -> Result<(), ServerError> {
        let password = self.home.join("password");
        self.account.write(&password, &self.password)?;
        let mut initdb = self.account.command(&self.installation.program("initdb"));
        initdb.arg("-D").arg(self.data()).arg("--pwfile").arg(&password).args([
            "--username=postgres",
            "--auth-local=trust",
            "--auth-host=scram-sha-256",
            "--encoding=UTF8",
            "--no-locale",
            "--no-sync",
        ]);
        run(initdb.current_dir(&self.home))
    }

    fn launch_on_a_free_port(&mut self) -> Result<(), ServerError> {
        let mut attempt = 1;
        loop {
            self.port = free_port()?;
            self.launch()?;
            match self.wait_until_ready() {
                Err(_) if attempt < PORTS && self.log().contains("Address already in use") => attempt += 1,
                done => return done,
            }
        }
    }

    fn launch(&mut self) -> Result<(), ServerError> {
        let path = self.home.join("log");
        let log = fs::OpenOptions::new().create(true).append(true).open(&path).map_err(at(&path))?;
        let program = self.installation.program("postgres");
        let mut command = self.account.command(&program);
        command.arg("-D").arg(self.data()).arg("-k").arg(&self.home).args(["-p", &self.port.to_string()]);
        command.args(["-c", "listen_addresses=127.0.0.1", "-c", "shared_buffers=64MB"]);
        for setting in &self.settings {
            command.arg("-c").arg(setting);
        }
        command.current_dir(&self.home).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let start = |source| ServerError::Start { command: program.display().to_string(), source };
        self.process = Some(command.spawn().map_err(start)?);
        Ok(())
    }

    fn wait_until_ready(&mut self) -> Result<(), ServerError> {
        for _ in 0..QUESTIONS {
            let ended = self.process.as_mut().is_none_or(|process| !matches!(process.try_wait(), Ok(None)));
            if ended {
                self.process = None;
                break;
            }
            let mut ask = self.account.command(&self.installation.program("pg_isready"));
            let ask = ask.arg("-q").arg("-h").arg(&self.home).args(["-p", &self.port.to_string()]);
            if run(ask).is_ok() {
                return Ok(());
            }
            std::thread::sleep(PATIENCE);
        }
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        let end = lines.iter().skip(lines.len().saturating_sub(20)).copied().collect::<Vec<_>>();
        Err(ServerError::Silent { log: end.join("\n") })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Nothing of the data is needed any more.
        self.stop(Shutdown::Immediate).ok();
        fs::remove_dir_all(&self.home).ok();
    }
}

fn run(command: &mut Command) -> Result<(), ServerError> {
    let line = command.get_program().display().to_string();
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|source| ServerError::Start { command: line.clone(), source })?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(ServerError::Failed { command: line, said })
}
