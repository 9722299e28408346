//! `vectors/tlog_proofs.json`: proofs in one file.

use serde_json::{Value, json};
use wzapi_ledger_proof::tlog_proof::TlogProof;
use wzapi_ledger_proof::{Blinding, EntryCommitment, Hash};

use crate::by_hand::{Key, base64, note};
use crate::checkpoint_vectors::policy_of;
use crate::reference;
use crate::vector_file::{self, bytes, contents, list, text, verdict};

const ORIGIN: &str = "example.com/log";
const SIZE: usize = 7;
const INDEX: usize = 4;

#[test]
fn verdicts_are_those_of_the_file() {
    for case in list(&vector_file::read("tlog_proofs.json", &written()), "proofs") {
        let proof = TlogProof::parse(&bytes(&case["proof"]));
        let verified = proof.as_ref().map_err(Clone::clone).and_then(|proof| proof.verify(&policy_of(case)));
        assert_eq!(verdict(&verified), text(&case["expect"]), "{}", case["name"]);
        if let Ok(verified) = verified {
            assert_eq!(verified.event(), text(&case["event"]).as_bytes());
            assert_eq!(json!(verified.inclusion().index()), case["index"]);
            assert_eq!(json!(verified.inclusion().checkpoint().head().size()), case["size"]);
        }
    }
}

fn written() -> Value {
    json!({
        "about": [
            "Proofs (C2SP tlog-proof) of a log of 7 entries; extra is Base64 of 32 bytes of blinding and the event.",
            "Entry n commits to the event of n under a blinding of 32 times the byte n + 1, as in merkle.json.",
            "The seeds of the keys are 32 times one byte: log 1, witness 11.",
        ],
        "proofs": cases(),
    })
}

fn event(n: usize) -> String {
    format!(r#"{{"at":{n},"type":"example"}}"#)
}

fn entry(blinding: u8, event: &str) -> EntryCommitment {
    EntryCommitment::compute(&Blinding::from_bytes([blinding; 32]), event.as_bytes())
}

/// The parts of a file, to be put together rightly or wrongly.
#[derive(Clone)]
struct Parts {
    extra: Option<Vec<u8>>,
    index: String,
    path: Vec<Hash>,
    checkpoint: String,
}

impl Parts {
    fn of(events: &[String], index: usize) -> Self {
        let leaves: Vec<_> = events.iter().zip(1..).map(|(event, n)| entry(n, event).leaf_hash()).collect();
        let body = format!("{ORIGIN}\n{}\n{}\n", leaves.len(), base64(reference::root(&leaves).as_bytes()));
        let lines =
            [Key::log(ORIGIN, 1).line(&body), Key::witness("w1.example", 11).cosignature(&body, 1000)];
        Self {
            extra: Some([&[index as u8 + 1; 32], events[index].as_bytes()].concat()),
            index: index.to_string(),
            path: reference::inclusion(index, &leaves),
            checkpoint: note(&body, &lines),
        }
    }

    fn file(&self) -> String {
        let extra = self.extra.as_ref().map(|extra| format!("extra {}\n", base64(extra))).unwrap_or_default();
        let path: String = self.path.iter().map(|hash| base64(hash.as_bytes()) + "\n").collect();
        format!("c2sp.org/tlog-proof@v1\n{extra}index {}\n{path}\n{}", self.index, self.checkpoint)
    }
}

fn case(name: &str, file: Vec<u8>, expect: &str) -> Value {
    json!({
        "name": name, "log_keys": [Key::log(ORIGIN, 1).vkey()],
        "witnesses": [Key::witness("w1.example", 11).vkey()], "required_witnesses": 1,
        "proof": contents(&file), "expect": expect,
    })
}

fn cases() -> Vec<Value> {
    let events: Vec<_> = (0..SIZE).map(event).collect();
    let mut cases = Vec::new();
    let mut accepted = |name: &str, parts: &Parts, index: usize, size: usize, event: &str| {
        let mut case = case(name, parts.file().into_bytes(), "accepted");
        case["index"] = index.into();
        case["size"] = size.into();
        case["event"] = event.into();
        cases.push(case);
    };
    accepted("in the middle", &Parts::of(&events, INDEX), INDEX, SIZE, &events[INDEX]);
    accepted("the last one", &Parts::of(&events, SIZE - 1), SIZE - 1, SIZE, &events[SIZE - 1]);
    accepted("the only one", &Parts::of(&events[..1], 0), 0, 1, &events[0]);

    cases.extend(refused(&events));
    cases
}

fn refused(events: &[String]) -> Vec<Value> {
    let mut cases = Vec::new();
    let good = Parts::of(events, INDEX);
    let extra = good.extra.clone().unwrap();
    let mut refused = |name: &str, change: &dyn Fn(&mut Parts), expect: &str| {
        let mut parts = good.clone();
        change(&mut parts);
        cases.push(case(name, parts.file().into_bytes(), expect));
    };
    refused(
        "another event",
        &|parts| parts.extra = Some([&extra[..32], event(3).as_bytes()].concat()),
        "not-included",
    );
    refused("another blinding", &|parts| parts.extra.as_mut().unwrap()[0] ^= 1, "not-included");
    refused("another index", &|parts| parts.index = "5".to_owned(), "not-included");
    refused("an index beyond the log", &|parts| parts.index = "7".to_owned(), "not-included");
    refused("a hash lost", &|parts| parts.path.truncate(2), "not-included");
    refused("a hash too many", &|parts| parts.path.push(Hash::EMPTY_ROOT), "not-included");
    refused("hashes in the wrong order", &|parts| parts.path.reverse(), "not-included");
    refused("63 hashes", &|parts| parts.path = vec![Hash::EMPTY_ROOT; 63], "malformed");
    refused(
        "the checkpoint of a smaller log",
        &|parts| parts.checkpoint = Parts::of(&events[..6], 4).checkpoint,
        "not-included",
    );
    refused(
        "a checkpoint without its witness",
        &|parts| {
            let end = parts.checkpoint.find("— w1").unwrap();
            parts.checkpoint.truncate(end);
        },
        "checkpoint",
    );
    refused(
        "an altered checkpoint",
        &|parts| parts.checkpoint = parts.checkpoint.replacen("\n7\n", "\n8\n", 1),
        "checkpoint",
    );
    refused("no checkpoint", &|parts| parts.checkpoint.clear(), "no-checkpoint");
    refused("text after the checkpoint", &|parts| parts.checkpoint += "more\n", "no-checkpoint");
    refused("nothing disclosed", &|parts| parts.extra = None, "not-disclosed");
    refused("an empty disclosure", &|parts| parts.extra = Some(Vec::new()), "malformed");
    refused(
        "a blinding without an event",
        &|parts| parts.extra = Some(extra[..32].to_vec()),
        "bad-disclosure",
    );
    refused("a leading zero", &|parts| parts.index = "04".to_owned(), "malformed");

    // In the log as they stand, and to be read in more than one way.
    for (name, event) in [
        ("white space in the event", r#"{"at": 4}"#),
        ("a key twice in the event", r#"{"type":"a","type":"b"}"#),
        ("keys of the event not sorted", r#"{"type":"a","at":4}"#),
        ("a fraction in the event", r#"{"at":4.0}"#),
        ("an event that is no object", "[4]"),
    ] {
        let file = Parts::of(&[event.to_owned()], 0).file();
        cases.push(case(name, file.into_bytes(), "not-canonical"));
    }
    let file = good.file();
    cases.push(case("another version", file.replacen("@v1", "@v2", 1).into_bytes(), "malformed"));
    cases.push(case("lines of another system", file.replace('\n', "\r\n").into_bytes(), "no-checkpoint"));
    cases.push(case("bytes that are not UTF-8", [&[0xff], file.as_bytes()].concat(), "malformed"));
    cases
}
