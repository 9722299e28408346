//! The events of the ledger: each type has a schema and an example, and what is recorded fits.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use wzapi_ledger::LedgerError;
use wzapi_ledger::proof::{Blinding, EntryCommitment, canonical};

use crate::json_schema::{Schemas, folder};
use crate::world::{CONTROLLER, World, actor, check_proof, policy_of};

const VECTORS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/vectors/events.json");

const ID: &str = "6f0c2d1e-8a4b-4c3d-9e2f-0123456789ab";
const PERSON: &str = "0b9d4c55-1c7e-4d0a-8f6b-ba9876543210";
const AT: i64 = 1_795_305_600_000;

/// One example of each type at least: its further keys.
fn examples() -> Vec<(&'static str, Value)> {
    let record = |further: Value| {
        let mut event = json!({
            "actor": "signup", "subject": PERSON, "category": "email", "month": "2026-11", "record": ID,
        });
        event.as_object_mut().unwrap().extend(further.as_object().unwrap().clone());
        event
    };
    let act = |further: Value| {
        let mut event = json!({
            "subject": PERSON, "purpose": "marketing", "channel": "whatsapp", "sender": ID,
            "method": "web_form", "imported": false, "effective_at": AT,
        });
        event.as_object_mut().unwrap().extend(further.as_object().unwrap().clone());
        event
    };
    let note = "wzapi.invalid/log/x\n7\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n\u{2014} wzapi.invalid/log/x AAAA\n";
    let log = format!("wzapi.invalid/log/{ID}");
    vec![
        ("access.refused", json!({"actor": "shop-frontend", "permission": "read_record"})),
        ("account.offboarding", json!({"trigger": "partner_removed"})),
        (
            "consent.given",
            act(json!({
                "acted_at": AT - 5, "expires_at": AT + 5, "evidence": "form 7, \"yes\" \u{2713}",
                "notice": {"version": "3", "sha256": "0".repeat(64), "language": "pt-BR"},
            })),
        ),
        ("consent.given", act(json!({"imported": true, "method": "import", "quarantine": "no_evidence"}))),
        (
            "consent.given",
            act(json!({"actor": "signup", "quarantine": "unconfirmed", "reference": "form 7"})),
        ),
        (
            "consent.given",
            act(json!({
                "imported": true, "method": "import", "reference": "F-12", "import": {
                    "grade": "A", "line": 12, "file": "5b".repeat(32), "kind": "form_submission", "source": "crm",
                },
            })),
        ),
        ("consent.given", act(json!({"imported": true, "import": {"grade": "C", "line": 2}}))),
        (
            "consent.given",
            act(json!({"actor": "signup", "method": "keyword", "confirms": ID, "by_guardian": true})),
        ),
        (
            "consent.doubted",
            act(json!({"purpose": "*marketing", "method": "inbound_message", "evidence": "maybe later?"})),
        ),
        (
            "consent.doubt_cleared",
            act(json!({
                "actor": "officer-2", "purpose": "*marketing", "method": "review", "resolves": ID,
                "evidence": "asks about opening hours",
            })),
        ),
        ("consent.erased", act(json!({"purpose": "*", "channel": "*", "sender": "*", "method": "api"}))),
        ("consent.invalidated", act(json!({}))),
        ("consent.objected", act(json!({}))),
        ("consent.platform_resumed", act(json!({"method": "platform_preference"}))),
        ("consent.platform_stopped", act(json!({"method": "platform_preference", "purpose": "*marketing"}))),
        ("consent.refused", act(json!({}))),
        (
            "consent.released",
            json!({
                "actor": "officer-2", "subject": PERSON, "purpose": "marketing", "channel": "whatsapp",
                "sender": "*", "releases": ID, "reason": "weak_evidence", "reference": "archive, folder 12",
            }),
        ),
        ("consent.requested", act(json!({}))),
        ("consent.revoked", act(json!({}))),
        (
            "consent.withdrawn",
            act(json!({"purpose": "*", "channel": "*", "sender": "*", "method": "keyword"})),
        ),
        ("controller.registered", json!({"actor": "operator"})),
        ("keys.epoch_began", json!({"actor": "operator", "epoch": 2, "rewrapped": 1_000_000})),
        ("keys.exported", json!({"actor": "operator", "epoch": 2, "rows": 12})),
        ("keys.imported", json!({"actor": "operator", "living": 10, "destroyed": 2})),
        ("keys.rotated", json!({"actor": "operator", "rewrapped": 0})),
        ("ledger.bodies_erased", json!({"case": "7", "bodies": 3, "covered": [[0, 0, 4, 5], [1, 0, 9, 9]]})),
        ("ledger.key_rotated", json!({"actor": "operator", "statement": note})),
        ("ledger.shards_added", json!({"shards": 3, "logs": [log, log]})),
        (
            "ledger.succeeded",
            json!({"checkpoint": note, "predecessor": ID, "signed": 7, "stored": 5, "lost": [note]}),
        ),
        (
            "message.sent",
            json!({
                "subject": PERSON, "permit": ID, "sender": ID, "category": "utility",
                "purpose": "service_updates", "message_id": "wamid.HBgL", "redeemed_at": AT,
                "reasons": ["opted_in", "window_open"], "evidence": [ID],
            }),
        ),
        (
            "record.cohort_resealed",
            json!({"actor": "operator", "subject": PERSON, "category": "email", "month": "2026-11"}),
        ),
        ("record.review_asked", record(json!({}))),
        (
            "erasure.records_disposed",
            json!({
                "actor": "sweep", "case": ID, "records": 12, "reason": "retention_ended", "key_destroyed": true,
            }),
        ),
        (
            "hold.placed",
            json!({"actor": "officer-2", "hold": ID, "subjects": 1, "categories": ["email"], "collected_before": AT}),
        ),
        ("hold.released", json!({"actor": "officer-2", "hold": ID, "reason": "the dispute was settled"})),
        ("record.disposed", record(json!({"reason": "retention_ended", "key_destroyed": true}))),
        ("record.event_noted", record(json!({"event": "account_closed", "event_at": AT, "due_at": AT + 1}))),
        ("record.read", record(json!({"purpose": "billing"}))),
        (
            "record.read",
            json!({
                "actor": "export", "category": "email", "purpose": "billing", "count": 100,
                "last": format!("{PERSON}/email/2026-11/{ID}"),
            }),
        ),
        ("record.read_refused", record(json!({"purpose": "marketing", "reason": "outside_purpose"}))),
        (
            "record.read_refused",
            json!({
                "actor": "export", "subject": PERSON, "purpose": "billing", "count": 3,
                "reasons": {"outside_purpose": 2, "restricted": 1},
            }),
        ),
        ("record.released", record(json!({}))),
        ("record.restricted", record(json!({"readable_for": ["billing"]}))),
        (
            "record.stored",
            record(
                json!({"purposes": ["billing"], "source": "registration", "collected_at": AT, "due_at": AT}),
            ),
        ),
        ("record.updated", record(json!({"source": "registration", "revision": 1, "former_kept": false}))),
        ("sender.portfolio_stated", json!({"actor": "operator", "sender": ID})),
        (
            "receipt.issued",
            json!({
                "actor": "front-desk", "subject": PERSON, "purpose": "marketing", "kind": "receipt",
                "document": "0".repeat(64),
            }),
        ),
        ("sender.registered", json!({"actor": "operator", "sender": ID})),
        (
            "subject.age_stated",
            json!({"actor": "signup", "subject": PERSON, "age": "child", "evidence": "said so in the form"}),
        ),
        ("subject.identifier_recycled", json!({"actor": "crm", "subject": PERSON, "since": AT})),
        ("subject.identity_changed", json!({"subject": PERSON, "since": AT})),
        ("subject.linked", json!({"actor": "crm", "subject": PERSON, "other": ID})),
        ("subject.unlinked", json!({"actor": "officer-2", "subject": PERSON, "other": ID})),
    ]
}

/// The examples as whole events.
fn events() -> Vec<Value> {
    let whole = examples().into_iter().map(|(event_type, mut event)| {
        let common = json!({"type": event_type, "at": AT, "controller": CONTROLLER.to_string()});
        event.as_object_mut().unwrap().extend(common.as_object().unwrap().clone());
        event
    });
    whole.collect()
}

/// The canonical bytes as the library writes them.
fn canonical_bytes(event: &Value) -> Vec<u8> {
    let fields = event.as_object().unwrap().iter();
    let text = |text: &str| -> &'static str { text.to_owned().leak() };
    let start = wzapi_ledger::Event::new(
        text(event["type"].as_str().unwrap()),
        event["controller"].as_str().unwrap().parse().unwrap(),
        wzapi_model::Timestamp::from_millis(event["at"].as_i64().unwrap()).unwrap(),
    );
    fields.fold(start, |event, (key, value)| event.with(text(key), value.clone())).canonical_bytes().unwrap()
}

/// The body of an entry before it is sealed, as `docs/formats/ledger.md` says.
fn body(blinding: &[u8; 32], event: &[u8]) -> Vec<u8> {
    let length = u32::try_from(event.len()).unwrap().to_be_bytes();
    let mut body = [length.as_slice(), blinding, event].concat();
    body.resize(body.len().div_ceil(256) * 256, 0);
    body
}

fn vectors() -> Value {
    let cases = events().into_iter().zip(1u8..).map(|(event, number)| {
        let blinding: [u8; 32] = std::array::from_fn(|place| number.wrapping_mul(7) ^ place as u8);
        let bytes = canonical_bytes(&event);
        let commitment = EntryCommitment::compute(&Blinding::from_bytes(blinding), &bytes);
        json!({
            "event": event,
            "canonical": String::from_utf8(bytes.clone()).unwrap(),
            "blinding": hex(&blinding),
            "body": hex(&body(&blinding, &bytes)),
            "commitment": commitment.to_string(),
            "leaf_hash": commitment.leaf_hash().to_string(),
        })
    });
    json!({
        "about": [
            "One event of each type at least, and what becomes of it on the way into the log.",
            "canonical: the event as RFC 8785 JSON. body: before it is sealed, in hexadecimal.",
            "commitment = SHA-256(label, a zero byte, blinding, canonical); leaf_hash = SHA-256(0x00, commitment).",
            "Each event fits docs/formats/ledger/<type>.schema.json.",
        ],
        "events": cases.collect::<Vec<_>>(),
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// With `WZAPI_WRITE_VECTORS=1` in the environment the file is written anew, for a change that is meant.
#[test]
fn the_vectors_are_what_the_library_writes() {
    if std::env::var_os("WZAPI_WRITE_VECTORS").is_some() {
        fs::create_dir_all(Path::new(VECTORS).parent().unwrap()).unwrap();
        fs::write(VECTORS, format!("{:#}\n", vectors())).unwrap();
    }
    let written: Value = serde_json::from_str(&fs::read_to_string(VECTORS).unwrap()).unwrap();
    assert!(
        written == vectors(),
        "the file and the library disagree; if that is meant, run this with WZAPI_WRITE_VECTORS=1"
    );
    for case in written["events"].as_array().unwrap() {
        assert!(canonical::is_canonical(case["canonical"].as_str().unwrap().as_bytes()));
    }
}

#[test]
fn every_type_that_is_recorded_has_a_schema_and_an_example_and_no_other_has() {
    let schemas = Schemas::read().event_types();
    let examples: BTreeSet<String> =
        examples().iter().map(|(event_type, _)| (*event_type).to_owned()).collect();
    assert_eq!(examples, schemas);
    let families: BTreeSet<&str> = schemas.iter().filter_map(|name| name.split('.').next()).collect();
    let mut recorded = BTreeSet::new();
    for path in sources() {
        for text in literals(&without_tests(&fs::read_to_string(&path).unwrap())) {
            let is_event = text.split_once('.').is_some_and(|(family, name)| {
                families.contains(family)
                    && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
            });
            if is_event {
                recorded.insert(text);
            }
        }
    }
    assert_eq!(recorded, schemas, "what the sources name, and what has a schema in {}", folder().display());
}

/// New families of events would escape the test above.
#[test]
fn every_event_is_of_a_known_family() {
    let schemas = Schemas::read().event_types();
    let mut found = 0;
    for path in sources() {
        let text = without_tests(&fs::read_to_string(&path).unwrap());
        for (place, _) in text.match_indices("Event::new(") {
            let argument = text[place + "Event::new(".len()..].trim_start();
            if let Some(literal) = argument.strip_prefix('"') {
                let name = literal.split('"').next().unwrap();
                assert!(schemas.contains(name), "{}: {name} has no schema", path.display());
                found += 1;
            }
        }
    }
    assert!(found > 3, "{found}");
}

/// The sources of all crates, without their tests.
fn sources() -> Vec<PathBuf> {
    let crates: PathBuf = [env!("CARGO_MANIFEST_DIR"), ".."].iter().collect();
    let mut folders: Vec<PathBuf> = fs::read_dir(crates)
        .unwrap()
        .map(|entry| entry.unwrap().path().join("src"))
        .filter(|path| path.is_dir())
        .collect();
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found
}

/// What comes before the unit tests, without comments.
fn without_tests(source: &str) -> String {
    let code = source.split("#[cfg(test)]").next().unwrap();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

fn literals(code: &str) -> Vec<String> {
    code.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn the_schemas_are_well_formed_and_know_their_place() {
    for (name, schema) in Schemas::read().files() {
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema", "{name}");
        assert_eq!(schema["$id"], format!("https://wzapi.invalid/schemas/ledger/{name}"));
        assert!(schema["title"].is_string(), "{name}");
    }
}

#[test]
fn the_examples_fit_and_whatever_lacks_something_does_not() {
    let schemas = Schemas::read();
    for event in events() {
        schemas.check(&event).unwrap();
        let required = json!(["type", "at", "controller"]);
        for key in event.as_object().unwrap().keys() {
            for wrong in [json!(null), json!(-1), json!("\u{0}"), json!([]), json!({"a": 1})] {
                if event[key] == wrong {
                    continue;
                }
                let mut altered = event.clone();
                altered[key] = wrong.clone();
                let is_free_text = wrong == json!("\u{0}") && event[key].is_string();
                let is_empty_list = wrong == json!([]) && event[key].is_array();
                let outcome = schemas.check(&altered);
                assert!(outcome.is_err() || is_free_text || is_empty_list, "{altered}");
            }
            let mut lacking = event.clone();
            lacking.as_object_mut().unwrap().remove(key);
            if required.as_array().unwrap().contains(&json!(key)) {
                assert!(schemas.check(&lacking).is_err(), "{lacking}");
            }
        }
        let mut more = event.clone();
        more["unknown"] = json!(1);
        assert!(schemas.check(&more).is_err(), "{more}");
    }
}

/// What the ledger itself records, as a stranger gets it.
#[tokio::test]
async fn what_the_ledger_records_fits_its_schemas() {
    let world = World::journalled().await;
    world.fill_each(7).await;
    let _ = world.notary.rotate_key(&actor(), CONTROLLER, 0).await.unwrap();
    let _ = world.erase(3).await;
    world.ledger.add_shards(CONTROLLER, world.keys().await.as_ref(), 3).await.unwrap();
    let older = world.backup().await;
    // Person 3's entries are in the first shard.
    world.fill_each(3).await;
    let _ = world.checkpoint().await;
    let newer = world.backup().await;
    let first = world.restored(&older).await;
    let _followed = first.notary.follow_journal(false).await.unwrap();
    let _ = first.checkpoint().await;
    let world = first.restored(&newer).await;
    let _followed = world.notary.follow_journal(false).await.unwrap();

    let schemas = Schemas::read();
    let mut seen = BTreeSet::new();
    for verification in world.verify_all().await.iter().filter(|one| one.log.shard == 0) {
        for index in 0..verification.size {
            let proof = match world.notary.prove_in(CONTROLLER, verification.log, index).await {
                Ok(proof) => proof,
                Err(LedgerError::Erased { .. }) => continue,
                Err(error) => panic!("{index}: {error}"),
            };
            let bytes = &proof.extra().unwrap()[32..];
            let event: Value = serde_json::from_slice(bytes).unwrap();
            assert_eq!(event["controller"], CONTROLLER.to_string());
            if event["type"] == "test.event" {
                continue;
            }
            schemas.check(&event).unwrap();
            seen.insert(event["type"].as_str().unwrap().to_owned());
            if event["type"] == "ledger.succeeded" {
                assert_eq!(event["lost"].as_array().unwrap().len(), 1);
            }
        }
    }
    let expected = ["ledger.bodies_erased", "ledger.key_rotated", "ledger.shards_added", "ledger.succeeded"];
    assert_eq!(seen, expected.map(str::to_owned).into());
    let signed = world.checkpoint().await;
    check_proof(&world.prove(0).await, &policy_of(&signed));
}

#[test]
fn the_page_names_every_type_and_every_fault() {
    let root: PathBuf = [env!("CARGO_MANIFEST_DIR"), "..", ".."].iter().collect();
    let page = fs::read_to_string(root.join("docs/formats/ledger.md")).unwrap();
    for event_type in Schemas::read().event_types() {
        let (_, name) = event_type.split_once('.').unwrap();
        // The types of one family may share a line.
        let is_named = page.contains(&format!("`{event_type}`")) || page.contains(&format!("`.{name}`"));
        assert!(is_named, "{event_type} is not on the page");
    }
    let source = fs::read_to_string(root.join("crates/ledger/src/verify/fault.rs")).unwrap();
    let words: Vec<&str> =
        source.split("=> \"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert!(words.len() > 20);
    assert!(words.iter().all(|word| page.contains(&format!("`{word}`"))), "{words:?}");
}
