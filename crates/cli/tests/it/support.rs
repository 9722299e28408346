//! What the tests share: a data directory, the tool, and deliveries in files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{PoisonError, RwLock};

use serde_json::{Value, json};
use tempfile::TempDir;
use wzapi_compliance::consent::gate::{Checked, Message, ReasonCode, SendRequest};
use wzapi_compliance::model::Timestamp;
use wzapi_compliance::model::actor::{Actor, Role};
use wzapi_compliance::model::identifier::Identifier;
use wzapi_compliance::model::message::MessageCategory;
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

    /// With two people who have said something: 5 entries, of which 2, 3 and 4 are about somebody.
    pub(crate) fn with_people() -> Self {
        let place = Self::with_a_sender();
        place.write("1", body("1", THEN, &[(ANA, "START"), (BEN, "START")]));
        place.write("2", body("2", THEN + 60, &[(BEN, "STOP")]));
        place.ingest(&["1", "2"]).ended_with(0);
        place
    }

    /// One more entry, of a person's.
    pub(crate) fn grow(&self, id: &str) {
        self.write(id, body(id, THEN + 3600, &[(&format!("15551{id:0>6}"), "START")]));
        self.ingest(&[id]).ended_with(0);
    }

    /// A command on the controller's log.
    pub(crate) fn ledger(&self, verb: &str, options: &[&str]) -> Run {
        let log = ["ledger", verb, "--data", "DATA", "--controller", CONTROLLER];
        self.run(&[&log[..], options].concat())
    }

    /// A command on the keys.
    pub(crate) fn keys(&self, verb: &str, options: &[&str]) -> Run {
        self.run(&[&["keys", verb, "--json", "--data", "DATA"][..], options].concat())
    }

    /// Keeps a checkpoint of the controller's log in a file.
    pub(crate) fn keep_checkpoint(&self, name: &str) {
        let note = self.ledger("checkpoint", &[]).ended_with(0).stdout;
        self.write(name, note);
    }

    /// The current key of the controller's log.
    pub(crate) fn log_key(&self) -> String {
        self.ledger("keys", &[]).ended_with(0).stdout.lines().next().unwrap().to_owned()
    }

    /// Writes a proof of an entry into a file.
    pub(crate) fn prove(&self, entry: u64, name: &str) {
        self.ledger("prove", &["--entry", &entry.to_string(), "--out", name]).ended_with(0);
    }

    pub(crate) fn check_proof(&self, file: &str, key: &str) -> Run {
        self.run(&["ledger", "check-proof", file, "--json", "--key", key])
    }
}

/// Copies a folder, as a backup does.
pub(crate) fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Puts an older copy of a folder in its place.
pub(crate) fn restore_folder(copy: &Path, place: &Path) {
    std::fs::remove_dir_all(place).unwrap();
    copy_folder(copy, place);
}

/// Every file under a folder, by its path in it.
pub(crate) fn files_in(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                found.insert(name, std::fs::read(path).unwrap());
            }
        }
    }
    found
}

/// The names of an object's fields.
pub(crate) fn fields(object: &Value) -> Vec<&str> {
    object.as_object().unwrap().keys().map(String::as_str).collect()
}

/// The data directory, opened in this process as a service would.
pub(crate) async fn open(data: &Path) -> (Compliance, Controller) {
    let compliance = data_directory::open(data, Options::default()).unwrap().build().await.unwrap();
    let controller = compliance.controller(CONTROLLER.parse().unwrap()).await.unwrap();
    (compliance, controller)
}

/// What the gate says about people, by person and category: reasons and moments, which are the same for the same history.
pub(crate) type Answers = BTreeMap<(String, &'static str), Vec<(ReasonCode, Option<Timestamp>)>>;

pub(crate) async fn answers(place: &Place, people: &[String]) -> Answers {
    let (compliance, controller) = open(&place.data()).await;
    let mut answers = BTreeMap::new();
    for person in people {
        for category in MessageCategory::ALL {
            let request = SendRequest::new(
                Identifier::parse_recipient(person).unwrap(),
                Message::new(SENDER.parse().unwrap(), category),
            );
            let checked = controller.gate().check(&everybody(), &request).await.unwrap();
            let decision = match &checked {
                Checked::Allowed(permit) => permit.decision(),
                Checked::Refused(decision) => decision,
            };
            let reasons = decision.reasons.iter().map(|reason| (reason.code, reason.since)).collect();
            answers.insert((person.clone(), category.as_str()), reasons);
        }
    }
    close((compliance, controller));
    answers
}

/// Numbers that look random and are the same in every run (SplitMix64).
pub(crate) struct Sequence(pub(crate) u64);

impl Sequence {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (word ^ (word >> 31)) % bound
    }
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
