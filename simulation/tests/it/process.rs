//! Other processes: this program again, in another role.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::Sender;
use std::thread::JoinHandle;

use crate::place::Place;
use crate::{withdrawing, writing};

const ROLE: &str = "WZAPI_SIMULATION_ROLE";
const URL: &str = "WZAPI_SIMULATION_URL";
const KEYRING: &str = "WZAPI_SIMULATION_KEYRING";
/// In front of what a process says, for the test harness prints as well.
const MARK: &str = "said: ";

/// What another process does.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Role {
    /// Writes the acts of this writer, from this number on.
    Write { writer: usize, from: u64 },
    /// Redeems permits, and hears on its standard input whose withdrawal was acknowledged.
    Redeem,
}

/// Not a test: what another process does. Without a role it does nothing.
#[test]
fn child() {
    let [Ok(role), Ok(url), Ok(keyring)] = [ROLE, URL, KEYRING].map(std::env::var) else { return };
    let place = Place { url, keyring: keyring.into() };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    match role.split_once(' ') {
        Some((writer, from)) => {
            runtime.block_on(writing::write(&place, writer.parse().unwrap(), from.parse().unwrap()));
        }
        None => runtime.block_on(withdrawing::redeem(&place)),
    }
}

/// Says a line to the parent, at once.
pub(crate) fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("{MARK}{line}\n").as_bytes()).unwrap();
    out.flush().unwrap();
}

/// Another process. It is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    reader: Option<JoinHandle<()>>,
}

impl Process {
    /// Starts one. What it says arrives under `name`; `None` is the end.
    pub(crate) fn start(
        place: &Place,
        role: Role,
        name: usize,
        lines: Sender<(usize, Option<String>)>,
    ) -> Self {
        let role = match role {
            Role::Write { writer, from } => format!("{writer} {from}"),
            Role::Redeem => "redeem".to_owned(),
        };
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "process::child", "--nocapture"])
            .env(ROLE, role)
            .env(URL, &place.url)
            .env(KEYRING, &place.keyring)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let reader = std::thread::spawn(move || {
            let mut line = String::new();
            while output.read_line(&mut line).unwrap() > 0 {
                // Without its end it is no line: the process was killed while it spoke.
                let said = line.strip_suffix('\n').and_then(|line| line.split_once(MARK));
                if let Some((_, said)) = said {
                    lines.send((name, Some(said.to_owned()))).ok();
                }
                line.clear();
            }
            lines.send((name, None)).ok();
        });
        Self { child, reader: Some(reader) }
    }

    pub(crate) fn input(&mut self) -> ChildStdin {
        self.child.stdin.take().unwrap()
    }

    /// Kills it, as a machine out of memory does. All that it said has arrived when this returns.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.reader.take().unwrap().join().unwrap();
    }

    pub(crate) fn ended_well(&mut self) -> bool {
        self.child.wait().unwrap().success()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
