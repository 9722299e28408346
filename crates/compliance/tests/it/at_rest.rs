//! What is on disk: nothing of a person in the clear (policy clause 5.a).

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;
use wzapi_compliance::consent::gate::{Checked, Message, Redeemed, SendRequest};
use wzapi_compliance::model::message::MessageCategory;

use crate::support::{FIRST, SHOP, World, everybody, examples, payloads, person, register_lines_of};

/// The shortest text that is looked for: what is shorter may stand anywhere by chance.
const SHORTEST: usize = 6;

/// Words of Meta's vocabulary that are also ours: names of purposes, categories, channels and acts.
const VOCABULARY: [&str; 9] = [
    "contact",
    "marketing",
    "utility",
    "authentication",
    "service",
    "whatsapp",
    "messages",
    "user_preferences",
    "account_update",
];

/// Every text of a document, whatever it is under.
fn texts_of(document: &Value, texts: &mut BTreeSet<String>) {
    match document {
        Value::String(text) => {
            texts.insert(text.clone());
        }
        Value::Number(number) => {
            texts.insert(number.to_string());
        }
        Value::Array(items) => items.iter().for_each(|item| texts_of(item, texts)),
        Value::Object(fields) => fields.values().for_each(|field| texts_of(field, texts)),
        Value::Null | Value::Bool(_) => {}
    }
}

/// Byte strings to look for, by their first bytes, so that a file is read once for all of them.
#[derive(Default)]
struct Needles {
    by_beginning: BTreeMap<[u8; SHORTEST], BTreeMap<Vec<u8>, String>>,
}

impl Needles {
    fn add(&mut self, bytes: &[u8], what: &str) {
        if let Some(beginning) = bytes.first_chunk::<SHORTEST>() {
            self.by_beginning.entry(*beginning).or_default().insert(bytes.to_vec(), what.to_owned());
        }
    }

    fn found_in(&self, haystack: &[u8]) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for start in 0..haystack.len().saturating_sub(SHORTEST - 1) {
            let rest = &haystack[start..];
            // Most of a file that was made ahead is zeros.
            if rest[0] == 0 && rest[1] == 0 && rest[2] == 0 {
                continue;
            }
            let candidates = rest.first_chunk::<SHORTEST>().and_then(|begin| self.by_beginning.get(begin));
            for (bytes, what) in candidates.into_iter().flatten() {
                if rest.starts_with(bytes) {
                    found.insert(what.clone());
                }
            }
        }
        found
    }
}

fn files_under(folder: &Path, files: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files_under(&path, files);
        } else {
            files.push(path);
        }
    }
}

/// Everything that the payloads and the contacts say, and the forms in which it could be written.
fn needles() -> Needles {
    let mut texts = BTreeSet::new();
    for body in payloads().values() {
        texts_of(&serde_json::from_slice(body).unwrap(), &mut texts);
    }
    let contacts = std::fs::read_to_string(examples().join("contacts.csv")).unwrap();
    for line in contacts.lines().skip(1) {
        let evidence = line.split('"').nth(1).unwrap_or_default();
        texts.insert(evidence.to_owned());
        texts.insert(line.split(',').next().unwrap().to_owned());
    }
    let mut needles = Needles::default();
    for text in texts.iter().filter(|text| !VOCABULARY.contains(&text.as_str())) {
        needles.add(text.as_bytes(), text);
        let escaped = Value::from(text.as_str()).to_string();
        needles.add(escaped.trim_matches('"').as_bytes(), text);
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        let looks_like_a_number =
            digits.len() >= 10 && text.chars().all(|one| "+-() ".contains(one) || one.is_ascii_digit());
        if looks_like_a_number {
            needles.add(digits.as_bytes(), text);
            if let Some(number) = digits.parse::<u64>().ok().filter(|number| *number < 1 << 48) {
                needles.add(&number.to_le_bytes(), text);
                needles.add(&number.to_be_bytes()[2..], text);
            }
        }
    }
    needles
}

/// Takes in all payloads and contacts, sends to everybody who may be sent to, and closes the directory.
async fn used_directory() -> tempfile::TempDir {
    let world = World::on_disk().await;
    let payloads = payloads();
    let shop = world.compliance.register_controller(&everybody(), SHOP).await.unwrap();
    register_lines_of(&shop, payloads.values()).await;
    for body in payloads.values() {
        let _report = world.deliver(body).await.unwrap();
    }
    let contacts = std::fs::read(examples().join("contacts.csv")).unwrap();
    let report = shop.consent().import_csv(&everybody(), contacts.as_slice()).await.unwrap();
    assert!(report.given >= 5, "{report:?}");

    let mut sent = 0;
    for line in String::from_utf8(contacts).unwrap().lines().skip(1) {
        let recipient = person(line.split(',').next().unwrap());
        let message = Message::new(FIRST.sender, MessageCategory::Marketing);
        let request = SendRequest::new(recipient, message);
        let Checked::Allowed(permit) = shop.gate().check(&everybody(), &request).await.unwrap() else {
            continue;
        };
        let Redeemed::Allowed(redeemed) = shop.gate().redeem(&everybody(), permit).await.unwrap() else {
            panic!("nothing happened between check and redemption")
        };
        let message_id = format!("wamid.SENT-TO-{}", redeemed.recipient().expose_canonical());
        shop.gate().bind(&everybody(), &redeemed, &message_id).await.unwrap();
        sent += 1;
    }
    assert!(sent >= 4, "{sent}");
    let _sound = world.verified(SHOP).await;
    drop(shop);
    world.close()
}

#[tokio::test]
async fn clause_5_a_nothing_that_a_person_said_or_is_called_is_on_disk_in_the_clear() {
    let folder = used_directory().await;
    let mut needles = needles();
    needles.add(b"wamid.SENT-TO-", "a message id");
    needles.add(b"SENT-TO", "a message id");
    assert!(needles.by_beginning.len() > 300, "{}", needles.by_beginning.len());

    let mut files = Vec::new();
    files_under(folder.path(), &mut files);
    let mut purposes = 0;
    let mut control = Needles::default();
    control.add(b"marketing", "a purpose");
    for file in files {
        let bytes = std::fs::read(&file).unwrap();
        let found = needles.found_in(&bytes);
        assert!(found.is_empty(), "{}: {found:?}", file.display());
        purposes += control.found_in(&bytes).len();
    }
    assert!(purposes > 0, "what is meant to be in the clear is found, so the search works");
}

#[test]
fn the_search_finds_what_is_there() {
    let mut needles = Needles::default();
    needles.add(b"15550002222", "a number");
    needles.add(b"Ana Pruebas", "a name");
    assert_eq!(needles.found_in(b"\0\0\0\0xx15550002222").len(), 1);
    assert_eq!(needles.found_in(b"Ana Pruebas15550002222").len(), 2);
    assert_eq!(needles.found_in(b"Ana Prueba 1555000222").len(), 0);
}
