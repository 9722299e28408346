//! What was destroyed cannot be had by anybody: an attacker tries, with every earlier copy of the store, every export
//! and the keyring as it is now, and every combination of keys.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use wzapi_encryption::provider::WrappingKeyId;
use wzapi_encryption::{KeyProvider, LocalKeyring};
use wzapi_model::ids::ControllerId;
use wzapi_model::name::DataCategory;
use wzapi_model::system::SystemEntropy;
use wzapi_storage::codec::{decode_body, decode_key, encode_key};
use wzapi_storage::key::Key;
use wzapi_storage::row::{Body, Record, WrappedKey};

use crate::stranger::{open_envelope, open_sealed, tenant_context, unhex, wrapped_key_data};
use crate::world::{A, B, FIELD, Value, World, rows_of, wrapping_data};

type Rows = Vec<(ControllerId, Record)>;

/// What an attacker has: rows of every time, and a keyring.
struct Attacker {
    rows: Rows,
    keyring: PathBuf,
}

impl Attacker {
    /// Every plaintext that can be had.
    async fn plunder(&self) -> BTreeSet<Vec<u8>> {
        let mut tenant_keys = self.tenant_keys_by_the_provider().await;
        tenant_keys.extend(self.tenant_keys_by_hand());
        let data_keys = self.keys_wrapped_by(&tenant_keys);
        let mut found = BTreeSet::new();
        for (controller, record) in &self.rows {
            let Body::RecordRevision(row) = &record.body else { continue };
            let place = encode_key(*controller, &record.key);
            for key in &data_keys {
                found.extend(open_envelope(key, record.key.kind(), &place, FIELD, &row.value.envelope));
            }
        }
        found
    }

    /// Every tenant key that the keyring unwraps, under any of the names that any row gives.
    async fn tenant_keys_by_the_provider(&self) -> BTreeSet<[u8; 32]> {
        let keyring = LocalKeyring::open_or_create(&self.keyring, Arc::new(SystemEntropy::new())).unwrap();
        let names: BTreeSet<&str> =
            self.wrapped_tenant_keys().iter().map(|(.., row)| row.wrapped_by.as_str()).collect();
        let mut found = BTreeSet::new();
        for (controller, version, row) in self.wrapped_tenant_keys() {
            let context = tenant_context(controller, version, &row.commitment);
            for name in &names {
                let name = WrappingKeyId((*name).to_owned());
                if let Ok(key) = keyring.unwrap(&name, &context, &row.wrapped).await {
                    found.insert(*key.expose());
                }
            }
        }
        found
    }

    /// The same without our code: every run of 64 hexadecimal digits in the file may be a key.
    fn tenant_keys_by_hand(&self) -> BTreeSet<[u8; 32]> {
        let text = std::fs::read_to_string(&self.keyring).unwrap();
        let wrapping_keys: Vec<[u8; 32]> = text
            .split(|letter: char| !letter.is_ascii_hexdigit())
            .filter(|run| run.len() == 64)
            .map(|run| unhex(run).try_into().unwrap())
            .collect();
        let rows = self.wrapped_tenant_keys();
        let mut found = BTreeSet::new();
        for (controller, version, row) in &rows {
            let context = tenant_context(*controller, *version, &row.commitment);
            for (_, _, named) in &rows {
                let bound_to = wrapping_data(&named.wrapped_by, &context);
                for key in &wrapping_keys {
                    found.extend(
                        open_sealed(key, &bound_to, &row.wrapped)
                            .map(|key| <[u8; 32]>::try_from(key).unwrap()),
                    );
                }
            }
        }
        found
    }

    fn wrapped_tenant_keys(&self) -> Vec<(ControllerId, u32, &WrappedKey)> {
        let found = self.rows.iter().filter_map(|(controller, record)| match (&record.key, &record.body) {
            (Key::TenantKey(version), Body::TenantKey(row)) => Some((*controller, *version, &row.key)),
            _ => None,
        });
        found.collect()
    }

    /// Every data key, index key and log key that any of the tenant keys unwraps.
    fn keys_wrapped_by(&self, tenant_keys: &BTreeSet<[u8; 32]>) -> BTreeSet<[u8; 32]> {
        let mut found = BTreeSet::new();
        for (controller, record) in &self.rows {
            let place = encode_key(*controller, &record.key);
            for (version, row) in wrapped_in(record) {
                let Ok(tenant_version) = row.wrapped_by.parse() else { continue };
                let bound_to = wrapped_key_data(&place, version, tenant_version, &row.commitment);
                for tenant_key in tenant_keys {
                    if let Some(key) = open_sealed(tenant_key, &bound_to, &row.wrapped) {
                        found.insert(key.try_into().unwrap());
                    }
                }
            }
        }
        found
    }
}

fn wrapped_in(record: &Record) -> Vec<(u32, &WrappedKey)> {
    match (&record.key, &record.body) {
        (Key::DataKey { .. }, Body::DataKey(row)) => {
            row.versions.iter().map(|version| (version.version, &version.key)).collect()
        }
        (Key::IndexKey(version), Body::IndexKey(row)) => vec![(*version, &row.key)],
        (Key::LogKey { version, .. }, Body::LogKey(row)) => vec![(*version, &row.key)],
        _ => vec![],
    }
}

/// The rows of an export, in the words of `docs/formats/key-export.md`.
fn rows_of_export(export: &[u8]) -> Rows {
    let text = std::str::from_utf8(export).unwrap();
    let rows = text.lines().filter_map(|line| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let (controller, key) = decode_key(&STANDARD.decode(line["k"].as_str()?).unwrap()).unwrap();
        let body = decode_body(key.kind(), &STANDARD.decode(line["v"].as_str()?).unwrap()).unwrap();
        Some((controller, Record { key, due_at: None, body }))
    });
    rows.collect()
}

fn texts(values: &[Value]) -> BTreeSet<Vec<u8>> {
    values.iter().map(|value| value.text.clone()).collect()
}

/// A copy of the keyring that is not there any more, which is what the documentation warns of.
fn keep_keyring(folder: &Path, name: &str) -> PathBuf {
    let copy = folder.join(name);
    std::fs::copy(folder.join("keyring"), &copy).unwrap();
    copy
}

#[tokio::test]
async fn clause_5_a_what_was_destroyed_before_an_epoch_is_beyond_recovery_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let keyring_path = folder.path().join("keyring");
    let entropy = Arc::new(SystemEntropy::new());
    let keyring = LocalKeyring::open_or_create(&keyring_path, entropy.clone()).unwrap();
    let world = World::with(Arc::new(keyring), entropy).await;
    let mut rows: Rows = Vec::new();
    let (mut living, mut destroyed) = (Vec::new(), Vec::new());

    for month in 0..3 {
        for controller in [A, B] {
            for person in 1..5 {
                let text = format!("{controller} person {person} month {month}");
                let value = world.write(controller, person, &text).await;
                if person == 2 || (controller == A && person == 4) { &mut destroyed } else { &mut living }
                    .push(value);
                rows.extend(rows_of(world.memory.as_ref()).await);
            }
        }
        if month == 1 {
            // Tenant keys change as well in between.
            world.rotate_tenant(A).await;
            rows.extend(rows_of_export(&world.export().await));
        }
        world.wait(31 * 24 * 60);
    }
    // One record of a person is disposed of: its month goes, the person stays.
    let disposed =
        living.remove(living.iter().position(|value| value.text.ends_with(b"person 1 month 0")).unwrap());
    let mut draft = wzapi_storage::Draft::new(world.memory.as_ref(), disposed.controller);
    let place = disposed.data_key.clone();
    wzapi_encryption::shredding::stage_destruction(&mut draft, [place]).await.unwrap();
    world.commit(draft).await.unwrap();
    destroyed.push(disposed);
    world.erase(A, 2).await;
    world.erase(B, 2).await;
    world.erase(A, 4).await;
    rows.extend(rows_of(world.memory.as_ref()).await);
    world.assert_dead(&destroyed).await;

    let everything: BTreeSet<Vec<u8>> = texts(&living).union(&texts(&destroyed)).cloned().collect();
    let before = Attacker { rows: rows.clone(), keyring: keyring_path.clone() };
    assert_eq!(
        before.plunder().await,
        everything,
        "until then the old copies and the keyring give everything"
    );
    let old_keyring = keep_keyring(folder.path(), "old-keyring");

    rows.extend(rows_of_export(&world.rotate_epoch().await));
    rows.extend(rows_of(world.memory.as_ref()).await);
    let now = Attacker { rows: rows.clone(), keyring: keyring_path.clone() };
    assert_eq!(now.plunder().await, texts(&living));
    world.assert_living(&living).await;

    // A key that is destroyed after that is so after the next epoch.
    world.erase(B, 1).await;
    let (later, living): (Vec<_>, Vec<_>) = living.into_iter().partition(|value| {
        value.controller == B && value.text.starts_with(format!("{B} person 1").as_bytes())
    });
    assert!(!later.is_empty());
    let between: BTreeSet<Vec<u8>> = texts(&living).union(&texts(&later)).cloned().collect();
    assert_eq!(now.plunder().await, between);
    rows.extend(rows_of_export(&world.rotate_epoch().await));
    rows.extend(rows_of(world.memory.as_ref()).await);
    let now = Attacker { rows: rows.clone(), keyring: keyring_path };
    assert_eq!(now.plunder().await, texts(&living));

    // The attacker is not merely clumsy: with a copy of the old keyring it gets everything.
    let with_old_keyring = Attacker { rows, keyring: old_keyring };
    assert_eq!(with_old_keyring.plunder().await, everything);
}

#[tokio::test]
async fn an_epoch_that_is_not_finished_makes_no_promise_yet() {
    let folder = tempfile::tempdir().unwrap();
    let keyring_path = folder.path().join("keyring");
    let entropy = Arc::new(SystemEntropy::new());
    let keyring = LocalKeyring::open_or_create(&keyring_path, entropy.clone()).unwrap();
    let world = World::with(Arc::new(keyring), entropy).await;
    let value = world.write_in(&world.encryption, A, 1, &DataCategory::contact(), "erased").await;
    let mut rows = rows_of(world.memory.as_ref()).await;
    world.erase(A, 1).await;
    for number in 1..100 {
        let death = crate::interference::Death::Before(number);
        let mortal = crate::interference::Mortal::new(world.memory.clone(), Some(death));
        let mut target = crate::world::ExportBuffer::default();
        let outcome = world.process(mortal).rotate_epoch(&mut target, &mut |_| {}).await;
        rows.extend(rows_of(world.memory.as_ref()).await);
        let plundered = Attacker { rows: rows.clone(), keyring: keyring_path.clone() }.plunder().await;
        match outcome {
            // The key goes with the very last step, whose record may still be missing.
            Err(_) if plundered.is_empty() => {}
            Err(_) => assert_eq!(plundered, texts(std::slice::from_ref(&value)), "{number}"),
            Ok(report) => {
                assert!(plundered.is_empty() && report.is_final());
                return;
            }
        }
    }
    panic!("the rotation never ended");
}
