//! What the tests share: a data directory, the tool, and deliveries in files.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{PoisonError, RwLock};

use serde_json::{Value, json};
use tempfile::TempDir;
use wzapi_compliance::model::actor::{Actor, Role};
use wzapi_compliance::storage_embedded::Options;
use wzapi_compliance::{Compliance, Controller, data_directory};

pub(crate) const CONTROLLER: &str = "a1a1a1a1-a1a1-41a1-81a1-a1a1a1a1a1a1";
pub(crate) const SENDER: &str = "01010101-0101-4101-8101-010101010101";
pub(crate) const WABA: &str = "100000000000001";
pub(crate) const PHONE_NUMBER: &str = "200000000000001";
pub(crate) const SECRET: &str = "an-app-secret";

pub(crate) const ANA: &str = "15550002222";
pub(crate) const BEN: &str = "15550003333";

/// A moment before any clock on which these tests run: 2024-10-01, in seconds.
pub(crate) const THEN: i64 = 1_727_740_800;

/// How a run of the tool ended.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    /// The object on the last line.
    pub(crate) fn json(&self) -> Value {
        let line = self.stdout.lines().last().unwrap_or_else(|| panic!("nothing was printed: {self:?}"));
        serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn prints_anywhere(&self, text: &str) -> bool {
        self.stdout.contains(text) || self.stderr.contains(text)
    }

    #[track_caller]
    pub(crate) fn ended_with(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:?}");
        self
    }
}

/// Held while a process is started: until it runs its own program it has a copy of every open file of this one, and
/// a store that was closed meanwhile would stay locked by the copy.
static STARTING: RwLock<()> = RwLock::new(());

pub(crate) fn start(command: &mut Command) -> Child {
    let _starting = STARTING.write().unwrap_or_else(PoisonError::into_inner);
    command.spawn().unwrap()
}

/// Drops what has a store open, so that another process can open it at once.
pub(crate) fn close<T>(store: T) {
    let _nothing_starts = STARTING.read().unwrap_or_else(PoisonError::into_inner);
    drop(store);
}

/// The tool, without arguments.
pub(crate) fn wzapi() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wzapi"));
    command.stdin(Stdio::null());
    command
}

/// A folder with a data directory and whatever else a test puts there.
pub(crate) struct Place(TempDir);

impl Place {
    /// With nothing in it.
    pub(crate) fn empty() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// With a data directory that has one controller and one sender, and a file of app secrets.
    pub(crate) fn with_a_sender() -> Self {
        let place = Self::empty();
        place.write("secrets", SECRET);
        place.run(&["controller", "register", "--data", "DATA", CONTROLLER]).ended_with(0);
        place.register_sender(SENDER, PHONE_NUMBER).ended_with(0);
        place
    }

    pub(crate) fn register_sender(&self, sender: &str, phone_number: &str) -> Run {
        let waba = ["--waba-id", WABA, "--phone-number-id", phone_number];
        let place = ["sender", "register", "--json", "--data", "DATA", "--controller", CONTROLLER];
        self.run(&[&place[..], &waba[..], &[sender][..]].concat())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.path("data")
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// Runs the tool to its end; `DATA` stands for the data directory.
    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        let mut command = wzapi();
        command.current_dir(self.0.path());
        for argument in arguments {
            match *argument {
                "DATA" => command.arg(self.data()),
                other => command.arg(other),
            };
        }
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let output = start(command).wait_with_output().unwrap();
        Run {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Takes in these files, which are named relative to the place.
    pub(crate) fn ingest(&self, files: &[&str]) -> Run {
        let place = ["ingest", "--json", "--data", "DATA", "--controller", CONTROLLER];
        self.run(&[&place[..], &["--app-secret-file", "secrets"][..], files].concat())
    }

    pub(crate) fn check(&self, to: &str, category: &str) -> Run {
        let place = ["check", "--json", "--data", "DATA", "--controller", CONTROLLER, "--sender", SENDER];
        self.run(&[&place[..], &["--to", to, "--category", category][..]].concat())
    }

    pub(crate) fn verify(&self) -> Run {
        self.run(&["ledger", "verify", "--json", "--data", "DATA"])
    }
}

/// The data directory, opened in this process as a service would.
pub(crate) async fn open(data: &Path) -> (Compliance, Controller) {
    let compliance = data_directory::open(data, Options::default()).unwrap().build().await.unwrap();
    let controller = compliance.controller(CONTROLLER.parse().unwrap()).await.unwrap();
    (compliance, controller)
}

pub(crate) fn everybody() -> Actor {
    let roles = [Role::Administrator, Role::Ingest, Role::ConsentManager, Role::Sender, Role::Auditor];
    Actor::service("tests", roles).unwrap()
}

/// A body with these messages: who wrote, and what, at a moment.
pub(crate) fn body(id: &str, seconds: i64, texts: &[(&str, &str)]) -> Vec<u8> {
    let messages: Vec<_> = (0..)
        .zip(texts)
        .map(|(number, (from, words))| {
            json!({ "from": from, "id": format!("wamid.{id}-{number}"), "timestamp": seconds.to_string(),
                "type": "text", "text": { "body": words } })
        })
        .collect();
    let value = json!({ "messaging_product": "whatsapp", "messages": messages,
        "metadata": { "display_phone_number": "15550009999", "phone_number_id": PHONE_NUMBER } });
    let entry = json!({ "id": WABA, "changes": [{ "field": "messages", "value": value }] });
    json!({ "object": "whatsapp_business_account", "entry": [entry] }).to_string().into_bytes()
}
