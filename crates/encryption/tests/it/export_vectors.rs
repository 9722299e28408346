//! `vectors/key_export.json`: exports that are imported, and others that are refused.

use std::io::Cursor;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use wzapi_encryption::EncryptionError;
use wzapi_encryption::export::ImportError;
use wzapi_model::time::ManualClock;
use wzapi_storage::codec::{decode_body, decode_key, encode_body, encode_key};
use wzapi_storage::key::{Key, RowKind};
use wzapi_storage::row::Record;
use wzapi_storage_memory::MemoryStorage;

use crate::stranger::{self, hex};
use crate::vectors::{bytes, filled, key, moment, path};
use crate::world::{A, MemoryProvider, SYSTEM, Seeded, World, put_rows, rows_of};

/// A life from a seed: a backup, an export after a person was erased, and the wrapping keys at each time.
struct ExportStory {
    store: Value,
    later_store: Value,
    export: String,
    wrapping_keys: Value,
    later_wrapping_keys: Value,
    tenant_key: [u8; 32],
}

async fn export_story() -> ExportStory {
    let entropy: Arc<dyn wzapi_model::Entropy> = Arc::new(Seeded::new(130));
    let provider = Arc::new(MemoryProvider::new(entropy.clone()));
    let world = World::with(provider.clone(), entropy).await;
    let keys_now = || -> Value {
        provider.keys().iter().map(|(name, key)| json!({ "name": name, "key": hex(key) })).collect()
    };
    world.write(A, 1, "living").await;
    world.write(A, 2, "erased").await;
    let store = rows_as_json(&world).await;
    world.erase(A, 2).await;
    world.wait(60);
    let export = String::from_utf8(world.rotate_epoch().await).unwrap();
    let (wrapping_keys, tenant_key) = (keys_now(), stranger::tenant_key_of(&world, SYSTEM, 2).await);
    world.wait(60);
    world.rotate_tenant(A).await;
    let later_store = rows_as_json(&world).await;
    world.rotate_epoch().await;
    ExportStory { store, later_store, export, wrapping_keys, later_wrapping_keys: keys_now(), tenant_key }
}

/// The rows that an import looks at.
async fn rows_as_json(world: &World) -> Value {
    let rows = rows_of(world.memory.as_ref()).await;
    let is_key = |kind| {
        matches!(
            kind,
            RowKind::Epoch
                | RowKind::Controller
                | RowKind::TenantKey
                | RowKind::IndexKey
                | RowKind::LogKey
                | RowKind::DataKey
        )
    };
    rows.iter()
        .filter(|(_, record)| is_key(record.key.kind()))
        .map(|(controller, record)| {
            json!({
                "key": hex(&encode_key(*controller, &record.key)),
                "body": hex(&encode_body(&record.body).unwrap()),
            })
        })
        .collect()
}

/// The same lines with a footer that authenticates them.
fn signed(lines: &[String], tenant_key: &[u8; 32]) -> String {
    let text = lines.concat();
    let code = STANDARD.encode(stranger::export_code(tenant_key, text.as_bytes()));
    format!("{text}{{\"rows\":{},\"mac\":\"{code}\"}}\n", lines.len() - 1)
}

fn export_cases(story: &ExportStory) -> Value {
    let lines: Vec<String> = story.export.split_inclusive('\n').map(str::to_owned).collect();
    let rows = &lines[..lines.len() - 1];
    let case = |name: &str, file: String, store: &str, wrapping_keys: &str, result: (&str, Value)| {
        let mut case = json!({
            "name": name,
            "store": store,
            "wrapping_keys": wrapping_keys,
            "file": file,
        });
        case[result.0] = result.1;
        case
    };
    let fails = |name: &str, file: String, class: &str| {
        case(name, file, "backup", "at the export", ("fails", class.into()))
    };
    let malformed = |name: &str, file: String, line: usize| {
        let mut case = fails(name, file, "malformed");
        case["line"] = line.into();
        case
    };
    assert_eq!(signed(rows, &story.tenant_key), story.export);
    let report = json!({ "controllers": 3, "unknown_controllers": 0, "living": 1, "destroyed": 1 });
    let nothing = json!({ "controllers": 0, "unknown_controllers": 3, "living": 0, "destroyed": 0 });
    let replaced = |from: &str, to: &str| story.export.replacen(from, to, 1);
    let data_key_line = rows.iter().rposition(|line| is_data_key(line)).unwrap();
    let mut swapped = rows.to_vec();
    swapped.swap(data_key_line, data_key_line - 1);
    let mut damaged = rows.to_vec();
    damaged[data_key_line] = damage(&rows[data_key_line]);
    let mut twice = rows.to_vec();
    twice.insert(data_key_line, rows[data_key_line].clone());
    let other_tenant_key = filled(30);
    let cases = vec![
        case("the newest export", story.export.clone(), "backup", "at the export", ("imports", report)),
        case("an empty store", story.export.clone(), "empty", "at the export", ("imports", nothing)),
        case("after the next epoch", story.export.clone(), "backup", "later", ("fails", "outdated".into())),
        case(
            "into a store with newer keys",
            story.export.clone(),
            "later",
            "at the export",
            ("fails", "older_than_store".into()),
        ),
        malformed("an empty file", String::new(), 1),
        malformed("another format", replaced("wzapi-key-export", "wzapi-key-expert"), 1),
        malformed("a later version", replaced("\"version\":1", "\"version\":2"), 1),
        malformed("an unknown member", replaced("{\"format\"", "{\"more\":1,\"format\""), 1),
        malformed("a header alone", lines[0].clone(), 2),
        malformed("no footer", rows.concat(), lines.len()),
        malformed("a line that is cut off", story.export[..story.export.len() - 1].to_owned(), lines.len()),
        malformed("a line after the end", format!("{}{}", story.export, lines[1]), lines.len() + 1),
        malformed("a row that is none", replaced("\"v\":\"AY", "\"v\":\"gY"), 2),
        malformed("rows out of order, signed", signed(&swapped, &story.tenant_key), data_key_line + 1),
        malformed("a row twice, signed", signed(&twice, &story.tenant_key), data_key_line + 2),
        fails("another epoch", replaced("\"epoch\":2", "\"epoch\":3"), "altered"),
        fails("a row less", [&rows[..data_key_line], &lines[lines.len() - 1..]].concat().concat(), "altered"),
        fails("another code", replaced("\"mac\":\"", "\"mac\":\"AAAA"), "altered"),
        fails("signed by somebody else", signed(rows, &other_tenant_key), "altered"),
        fails("a key that does not open, signed", signed(&damaged, &story.tenant_key), "damaged_key"),
    ];
    json!({
        "format": "docs/formats/key-export.md; wrapping keys wrap as the local keyring does",
        "stores": { "empty": [], "backup": story.store, "later": story.later_store },
        "wrapping_keys": { "at the export": story.wrapping_keys, "later": story.later_wrapping_keys },
        "cases": cases,
    })
}

fn is_data_key(line: &str) -> bool {
    let line: Value = serde_json::from_str(line).unwrap();
    let Some(key) = line["k"].as_str() else { return false };
    matches!(decode_key(&STANDARD.decode(key).unwrap()), Ok((_, Key::DataKey { .. })))
}

/// The same row with another commitment.
fn damage(line: &str) -> String {
    let mut line: Value = serde_json::from_str(line).unwrap();
    let mut body = STANDARD.decode(line["v"].as_str().unwrap()).unwrap();
    *body.last_mut().unwrap() ^= 1;
    line["v"] = STANDARD.encode(body).into();
    format!("{line}\n")
}

#[tokio::test]
async fn clause_5_a_key_exports_are_imported_or_refused_as_the_vectors_say() {
    if std::env::var_os("WZAPI_WRITE_VECTORS").is_some() {
        let story = export_story().await;
        let text = serde_json::to_string_pretty(&export_cases(&story)).unwrap();
        std::fs::write(path("key_export"), text + "\n").unwrap();
    }
    let file: Value = serde_json::from_str(&std::fs::read_to_string(path("key_export")).unwrap()).unwrap();
    let cases = file["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 20);
    for case in cases {
        let name = case["name"].as_str().unwrap();
        let storage = Arc::new(MemoryStorage::new());
        let rows = file["stores"][case["store"].as_str().unwrap()].as_array().unwrap();
        let rows = rows.iter().map(|row| {
            let (controller, key) = decode_key(&bytes(row, "key")).unwrap();
            let body = decode_body(key.kind(), &bytes(row, "body")).unwrap();
            (controller, Record { key, due_at: None, body })
        });
        put_rows(storage.as_ref(), rows.collect()).await;
        let wrapping_keys =
            file["wrapping_keys"][case["wrapping_keys"].as_str().unwrap()].as_array().unwrap();
        let wrapping_keys = wrapping_keys
            .iter()
            .map(|of| (of["name"].as_str().unwrap().to_owned(), key(of, "key")))
            .collect();
        let entropy: Arc<dyn wzapi_model::Entropy> = Arc::new(Seeded::new(131));
        let provider = Arc::new(MemoryProvider::of(wrapping_keys, entropy.clone()));
        let world = World::over(storage, provider, Arc::new(ManualClock::at(moment())), entropy);
        let before = rows_of(world.memory.as_ref()).await;
        let mut source = Cursor::new(case["file"].as_str().unwrap());
        let outcome = world.encryption.import_keys(&mut source, &mut |_| {}).await;
        let class = match outcome {
            Ok(report) => {
                let report = json!({
                    "controllers": report.controllers,
                    "unknown_controllers": report.unknown_controllers,
                    "living": report.living,
                    "destroyed": report.destroyed,
                });
                assert_eq!(case["imports"], report, "{name}");
                continue;
            }
            Err(ImportError::Malformed { line, problem }) => {
                assert_eq!(case["line"], line, "{name}: {problem}");
                "malformed"
            }
            Err(ImportError::Altered) => "altered",
            Err(ImportError::Outdated) => "outdated",
            Err(ImportError::OlderThanStore) => "older_than_store",
            Err(ImportError::Encryption(EncryptionError::DamagedKey { .. })) => "damaged_key",
            Err(other) => panic!("{name}: {other:?}"),
        };
        assert_eq!(case["fails"], class, "{name}");
        assert!(rows_of(world.memory.as_ref()).await == before, "{name}: nothing was changed");
    }
}
