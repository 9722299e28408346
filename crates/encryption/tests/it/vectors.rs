//! `vectors/*.json`: what was sealed, wrapped and derived once, and how each altered piece of it is refused, through every
//! entry point.
//!
//! The files are written anew with `WZAPI_WRITE_VECTORS=1 cargo test -p wzapi-encryption vectors`; that is right when a
//! format has a new version (then the old cases stay beside the new ones), and in no other case. `src/vectors.rs` runs the
//! same files through what is private to the crate.

use std::io::Cursor;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use wzapi_encryption::blind_index::IndexLabel;
use wzapi_encryption::export::ImportError;
use wzapi_encryption::provider::{Destruction, KeyContext, WrappingKeyId};
use wzapi_encryption::secret::SecretKey;
use wzapi_encryption::{Encryption, EncryptionError, KeyProvider, KeyProviderError, Place, TenantKeys};
use wzapi_model::Timestamp;
use wzapi_model::ids::{ControllerId, RecordId};
use wzapi_model::name::DataCategory;
use wzapi_model::time::ManualClock;
use wzapi_storage::codec::{decode_body, decode_key, encode_body, encode_key};
use wzapi_storage::key::{Cohort, Key, Owner, RowKind};
use wzapi_storage::row::{
    ControllerRow, DataKeyRow, DataKeyVersion, IndexKeyRow, Record, Sealed, TenantKeyRow, WrappedKey,
};
use wzapi_storage_memory::MemoryStorage;

use crate::stranger::{self, hex, unhex};
use crate::world::{A, B, MemoryProvider, SYSTEM, Seeded, World, owner, put_rows, rows_of, subject};

fn path(name: &str) -> String {
    format!("{}/vectors/{name}.json", env!("CARGO_MANIFEST_DIR"))
}

/// The cases of a file, which is written first when that is asked for.
fn cases_of(name: &str, write: impl FnOnce() -> Value) -> Vec<Value> {
    if std::env::var_os("WZAPI_WRITE_VECTORS").is_some() {
        std::fs::write(path(name), serde_json::to_string_pretty(&write()).unwrap() + "\n").unwrap();
    }
    let file: Value = serde_json::from_str(&std::fs::read_to_string(path(name)).unwrap()).unwrap();
    file["cases"].as_array().unwrap().clone()
}

fn bytes(case: &Value, field: &str) -> Vec<u8> {
    unhex(case[field].as_str().unwrap_or_else(|| panic!("{field} of {case}")))
}

fn key(case: &Value, field: &str) -> [u8; 32] {
    bytes(case, field).try_into().unwrap()
}

fn number(case: &Value, field: &str) -> u32 {
    u32::try_from(case[field].as_u64().unwrap()).unwrap()
}

/// The expected result, or the class of the failure.
fn expected<'a>(case: &'a Value, field: &str) -> Result<Vec<u8>, &'a str> {
    match case["fails"].as_str() {
        Some(class) => Err(class),
        None => Ok(bytes(case, field)),
    }
}

fn class_of(error: &EncryptionError) -> &'static str {
    match error {
        EncryptionError::Authentication => "authentication",
        EncryptionError::KeyMissing => "key_missing",
        EncryptionError::KeysChanged => "keys_changed",
        EncryptionError::Corrupt => "malformed",
        other => panic!("{other:?}"),
    }
}

fn filled(byte: u8) -> [u8; 32] {
    std::array::from_fn(|place| byte.wrapping_mul(31).wrapping_add(u8::try_from(place).unwrap()))
}

/// A provider that knows one tenant key, whatever wraps it.
struct OneTenantKey([u8; 32]);

#[async_trait::async_trait]
impl KeyProvider for OneTenantKey {
    async fn generate(&self) -> Result<WrappingKeyId, KeyProviderError> {
        Err(KeyProviderError::NoSuchKey)
    }

    async fn current(&self) -> Result<WrappingKeyId, KeyProviderError> {
        Err(KeyProviderError::NoSuchKey)
    }

    async fn wrap(
        &self,
        _: &WrappingKeyId,
        _: &KeyContext,
        _: &SecretKey,
    ) -> Result<Vec<u8>, KeyProviderError> {
        Err(KeyProviderError::NoSuchKey)
    }

    async fn unwrap(
        &self,
        _: &WrappingKeyId,
        _: &KeyContext,
        _: &[u8],
    ) -> Result<SecretKey, KeyProviderError> {
        Ok(SecretKey::from_bytes(&self.0))
    }

    async fn destroy(&self, _: &WrappingKeyId) -> Result<Destruction, KeyProviderError> {
        Err(KeyProviderError::NoSuchKey)
    }
}

fn moment() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

/// The keys of A over a store that holds these keys and no others.
async fn keys_over(
    tenant_key: [u8; 32],
    tenant_version: u32,
    commitment: [u8; 32],
    index_key: (u32, WrappedKey),
) -> Result<Arc<TenantKeys>, EncryptionError> {
    let storage = Arc::new(MemoryStorage::new());
    let settings = ControllerRow {
        registered_at: moment(),
        tenant_keys: vec![tenant_version],
        index_keys: vec![index_key.0],
    };
    let wrapped = WrappedKey { wrapped_by: "one".to_owned(), wrapped: vec![], commitment };
    let bodies = [
        (Key::Controller, settings.into()),
        (Key::TenantKey(tenant_version), TenantKeyRow { created_at: moment(), key: wrapped }.into()),
        (Key::IndexKey(index_key.0), IndexKeyRow { created_at: moment(), key: index_key.1 }.into()),
    ];
    let rows = bodies.map(|(key, body)| (A, Record { key, due_at: None, body })).to_vec();
    put_rows(storage.as_ref(), rows).await;
    let clock = Arc::new(ManualClock::at(moment()));
    let provider = Arc::new(OneTenantKey(tenant_key));
    Encryption::new(storage, provider, clock, Arc::new(Seeded::new(0))).tenant(A).await
}

fn index_key(tenant_key: &[u8; 32], tenant_version: u32, key: &[u8; 32]) -> (u32, WrappedKey) {
    let place = encode_key(A, &Key::IndexKey(1));
    (1, stranger::wrap(tenant_key, tenant_version, &place, 1, key, [9; 12]))
}

/// The keys of A with a tenant key of some bytes.
async fn any_keys(tenant_key: [u8; 32], tenant_version: u32) -> Arc<TenantKeys> {
    let commitment = stranger::commitment(&tenant_key);
    let index_key = index_key(&tenant_key, tenant_version, &filled(9));
    keys_over(tenant_key, tenant_version, commitment, index_key).await.unwrap()
}

fn envelope_cases() -> Value {
    let (data_key, version) = (filled(1), 0x8000_0007_u32);
    let place = Key::RecordRevision {
        subject: subject(2),
        category: DataCategory::contact(),
        cohort: Cohort(682),
        record: RecordId::from_bytes([3; 16]),
        revision: 4,
    };
    let seal = |plaintext: &[u8]| {
        let row = encode_key(A, &place);
        let stated = version.to_be_bytes();
        let bound_to = stranger::lp(&[b"wzapi/field/v1", b"record_revision", &row, b"value", &stated]);
        let sealed = stranger::seal(&data_key, filled(2)[..12].try_into().unwrap(), &bound_to, plaintext);
        [[1, 1].as_slice(), &stated, &sealed].concat()
    };
    let text = "Ada Lovelace, +91 98765 43210".as_bytes();
    let case = |name: &str, row: Vec<u8>, field: &str, envelope: Vec<u8>| {
        json!({
            "name": name,
            "data_key": hex(&data_key),
            "key_version": version,
            "row": hex(&row),
            "field": field,
            "envelope": hex(&envelope),
        })
    };
    let with = |mut case: Value, name: &str, value: Value| {
        case[name] = value;
        case
    };
    let here = encode_key(A, &place);
    let opens = |name: &str, plaintext: &[u8]| {
        with(case(name, here.clone(), "value", seal(plaintext)), "plaintext", hex(plaintext).into())
    };
    let fails = |name: &str, row: Vec<u8>, field: &str, envelope: Vec<u8>| {
        with(case(name, row, field, envelope), "fails", "authentication".into())
    };
    let mut cases = vec![
        opens("a text", text),
        opens("nothing", b""),
        opens("longer than a block", &(0..=255).collect::<Vec<u8>>()),
    ];
    let Key::RecordRevision { subject: of, category, cohort, record, revision } = place.clone() else {
        panic!("{place:?}")
    };
    let revision_of = |subject, category, cohort, record, revision| {
        encode_key(A, &Key::RecordRevision { subject, category, cohort, record, revision })
    };
    let moved = [
        ("another controller", encode_key(B, &place), "value"),
        ("another person", revision_of(subject(7), category.clone(), cohort, record, revision), "value"),
        (
            "another category",
            revision_of(of, DataCategory::consent_evidence(), cohort, record, revision),
            "value",
        ),
        ("another month", revision_of(of, category.clone(), Cohort(683), record, revision), "value"),
        (
            "another record",
            revision_of(of, category.clone(), cohort, RecordId::from_bytes([8; 16]), revision),
            "value",
        ),
        ("another revision", revision_of(of, category.clone(), cohort, record, 5), "value"),
        (
            "another kind of row",
            encode_key(A, &Key::Record { subject: of, category, cohort, record }),
            "value",
        ),
        ("another field", here.clone(), "valu"),
    ];
    for (name, row, field) in moved {
        cases.push(fails(&format!("moved to {name}"), row, field, seal(text)));
    }
    let altered = |place: usize, bits: u8| {
        let mut envelope = seal(text);
        envelope[place] ^= bits;
        envelope
    };
    let last = seal(text).len() - 1;
    for (name, place, bits) in [
        ("a later version of the envelope", 0, 3),
        ("an unknown suite", 1, 3),
        ("a changed nonce", 6, 1),
        ("a changed end of the nonce", 17, 0x80),
        ("a changed ciphertext", 18, 1),
        ("a changed tag", last, 0x80),
    ] {
        cases.push(fails(name, here.clone(), "value", altered(place, bits)));
    }
    for (name, length) in [
        ("no bytes", 0),
        ("half a header", 5),
        ("a header alone", 6),
        ("no whole tag", 33),
        ("a tag cut off", last),
    ] {
        cases.push(fails(name, here.clone(), "value", seal(text)[..length].to_vec()));
    }
    cases.push(fails("a byte too many", here.clone(), "value", [seal(text), vec![0]].concat()));
    cases.push(with(
        fails("another key", here.clone(), "value", seal(text)),
        "data_key",
        hex(&filled(3)).into(),
    ));
    cases.push(with(
        with(case("another version of the key", here, "value", altered(5, 1)), "fails", "key_missing".into()),
        "key_version",
        version.into(),
    ));
    json!({ "format": "docs/formats/envelope.md, section Envelope", "cases": cases })
}

#[tokio::test]
async fn clause_5_a_envelopes_open_or_fail_as_the_vectors_say() {
    let cases = cases_of("envelope", envelope_cases);
    assert_eq!(cases.len(), 25);
    let tenant_key = filled(4);
    let keys = any_keys(tenant_key, 3).await;
    let key_place = Key::DataKey { owner: owner(2), category: DataCategory::contact(), cohort: Cohort(682) };
    for case in &cases {
        let (data_key, version) = (key(case, "data_key"), number(case, "key_version"));
        let (row, envelope) = (bytes(case, "row"), bytes(case, "envelope"));
        let field = case["field"].as_str().unwrap();
        let (controller, place) = decode_key(&row).unwrap();
        let expected = expected(case, "plaintext");

        let by_a_stranger = stranger::open_envelope(&data_key, place.kind(), &row, field, &envelope);
        assert_eq!(by_a_stranger, expected.clone().ok(), "{case}");

        let key = stranger::wrap(&tenant_key, 3, &encode_key(A, &key_place), version, &data_key, [8; 12]);
        let version = DataKeyVersion { version, created_at: moment(), seals: 0, key };
        let key_row = DataKeyRow { versions: vec![version] };
        let sealed = Sealed { cohort: Cohort(682), envelope };
        let opened =
            keys.open(&key_place, Some(&key_row), &Place { controller, row: &place, field }, &sealed);
        let opened = opened.map(|text| text.to_vec()).map_err(|error| class_of(&error));
        assert_eq!(opened, expected, "{case}");
    }
}

fn wrapped_key_cases() -> Value {
    let (tenant_key, tenant_version) = (filled(10), 5);
    let data_key_place =
        Key::DataKey { owner: owner(2), category: DataCategory::contact(), cohort: Cohort(682) };
    let places = [
        ("a data key", data_key_place.clone(), 0x9abc_def0_u32),
        (
            "a controller's data key",
            Key::DataKey {
                owner: Owner::Controller,
                category: DataCategory::accountability(),
                cohort: Cohort(682),
            },
            0x8000_0000,
        ),
        ("an index key", Key::IndexKey(2), 2),
        ("a log key", Key::LogKey { shard: 1, version: 3 }, 3),
    ];
    let wrapped = |place: &Key, version: u32| {
        stranger::wrap(
            &tenant_key,
            tenant_version,
            &encode_key(A, place),
            version,
            &filled(11),
            filled(12)[..12].try_into().unwrap(),
        )
    };
    let case = |name: String, controller: ControllerId, place: &Key, version: u32, row: &WrappedKey| {
        json!({
            "name": name,
            "tenant_key": hex(&tenant_key),
            "tenant_key_version": tenant_version,
            "row": hex(&encode_key(controller, place)),
            "version": version,
            "wrapped_by": row.wrapped_by,
            "wrapped": hex(&row.wrapped),
            "commitment": hex(&row.commitment),
        })
    };
    let mut cases = Vec::new();
    for (name, place, version) in &places {
        let mut case = case((*name).to_owned(), A, place, *version, &wrapped(place, *version));
        case["key"] = hex(&filled(11)).into();
        cases.push(case);
    }
    let mut fails = |name: String, place: &Key, version: u32, row: &WrappedKey, class: &str| {
        let mut case = case(name, A, place, version, row);
        case["fails"] = class.into();
        cases.push(case);
    };
    // Each in the place of each other one.
    for (name, from, version) in &places {
        for (other, to, other_version) in &places {
            if from != to {
                let row = wrapped(from, *version);
                fails(format!("{name} as {other}"), to, *other_version, &row, "authentication");
            }
        }
    }
    let version = 0x9abc_def0_u32;
    let row = wrapped(&data_key_place, version);
    let altered = |change: fn(&mut WrappedKey)| {
        let mut altered = row.clone();
        change(&mut altered);
        altered
    };
    let alterations: [(&str, WrappedKey, &str); 9] = [
        ("a changed nonce", altered(|row| row.wrapped[0] ^= 1), "authentication"),
        ("a changed ciphertext", altered(|row| row.wrapped[12] ^= 1), "authentication"),
        ("a changed tag", altered(|row| row.wrapped[59] ^= 1), "authentication"),
        ("a changed commitment", altered(|row| row.commitment[31] ^= 1), "authentication"),
        ("a cut end", altered(|row| row.wrapped.truncate(59)), "authentication"),
        ("nothing wrapped", altered(|row| row.wrapped.clear()), "authentication"),
        ("a tenant key that is gone", altered(|row| "4".clone_into(&mut row.wrapped_by)), "key_missing"),
        ("a tenant key to come", altered(|row| "6".clone_into(&mut row.wrapped_by)), "keys_changed"),
        ("no tenant key", altered(|row| "five".clone_into(&mut row.wrapped_by)), "malformed"),
    ];
    for (name, row, class) in &alterations {
        fails((*name).to_owned(), &data_key_place, version, row, class);
    }
    fails("another version".to_owned(), &data_key_place, version + 1, &row, "authentication");
    let other = Key::DataKey { owner: owner(3), category: DataCategory::contact(), cohort: Cohort(682) };
    fails("another person".to_owned(), &other, version, &row, "authentication");
    // Not of 32 bytes, though it authenticates.
    let place = encode_key(A, &data_key_place);
    let bound_to = stranger::wrapped_key_data(&place, version, tenant_version, &row.commitment);
    let short = WrappedKey { wrapped: stranger::seal(&tenant_key, [7; 12], &bound_to, &[1; 31]), ..row };
    fails("a key of 31 bytes".to_owned(), &data_key_place, version, &short, "authentication");
    json!({ "format": "docs/formats/envelope.md, section Wrapped keys", "cases": cases })
}

#[tokio::test]
async fn clause_5_a_wrapped_keys_open_or_fail_as_the_vectors_say() {
    let cases = cases_of("wrapped_keys", wrapped_key_cases);
    assert_eq!(cases.len(), 4 + 12 + 12);
    let mut through_our_own = 0;
    for case in &cases {
        let (tenant_key, tenant_version) = (key(case, "tenant_key"), number(case, "tenant_key_version"));
        let (row, version) = (bytes(case, "row"), number(case, "version"));
        let wrapped = WrappedKey {
            wrapped_by: case["wrapped_by"].as_str().unwrap().to_owned(),
            wrapped: bytes(case, "wrapped"),
            commitment: key(case, "commitment"),
        };
        let expected = expected(case, "key");
        let by_a_stranger = stranger::unwrap(&tenant_key, &row, version, &wrapped);
        if expected != Err("key_missing") && expected != Err("keys_changed") {
            assert_eq!(by_a_stranger.map(Vec::from), expected.clone().ok(), "{case}");
        }

        let (_, place) = decode_key(&row).unwrap();
        match &place {
            Key::DataKey { cohort, .. } => {
                let keys = any_keys(tenant_key, tenant_version).await;
                let in_row = Key::Subject(subject(2));
                let stated = version.to_be_bytes();
                let subject_row = encode_key(A, &in_row);
                let bound_to = stranger::lp(&[b"wzapi/field/v1", b"subject", &subject_row, b"name", &stated]);
                // What the key of the case seals, if it has one.
                let data_key = expected.clone().map_or([0; 32], |key| key.try_into().unwrap());
                let sealed = stranger::seal(&data_key, [3; 12], &bound_to, b"Ada");
                let envelope = [[1, 1].as_slice(), &stated, &sealed].concat();
                let version = DataKeyVersion { version, created_at: moment(), seals: 0, key: wrapped };
                let key_row = DataKeyRow { versions: vec![version] };
                let at = Place { controller: A, row: &in_row, field: "name" };
                let opened = keys.open(&place, Some(&key_row), &at, &Sealed { cohort: *cohort, envelope });
                let opened = opened.map(|text| text.to_vec()).map_err(|error| class_of(&error));
                assert_eq!(opened, expected.map(|_| b"Ada".to_vec()), "{case}");
                through_our_own += 1;
            }
            Key::IndexKey(number) => {
                let commitment = stranger::commitment(&tenant_key);
                let keys = keys_over(tenant_key, tenant_version, commitment, (*number, wrapped)).await;
                let index = keys.map(|keys| keys.indexes(IndexLabel::Route, "waba", b"1")[0].0);
                let expected = expected.map(|key| {
                    stranger::blind_index(&key.try_into().unwrap(), "wzapi/index/route/v1", "waba", b"1")
                });
                assert_eq!(index.map_err(|error| class_of(&error)), expected, "{case}");
                through_our_own += 1;
            }
            // The signing keys of logs are opened by an export, in another test.
            _ => {}
        }
    }
    assert!(through_our_own > 20, "{through_our_own}");
}

fn commitment_cases() -> Value {
    let mut cases = Vec::new();
    for byte in [0, 1, 200] {
        let key = filled(byte);
        cases.push(json!({
            "name": format!("key {byte}"),
            "key": hex(&key),
            "commitment": hex(&stranger::commitment(&key)),
            "holds": true,
        }));
    }
    let mut near = filled(1);
    near[31] ^= 1;
    for (name, key, commitment) in [
        ("a key that differs in one bit", near, stranger::commitment(&filled(1))),
        ("a commitment that differs in one bit", filled(1), {
            let mut commitment = stranger::commitment(&filled(1));
            commitment[0] ^= 0x80;
            commitment
        }),
        ("the key itself", filled(1), filled(1)),
    ] {
        cases.push(json!({
            "name": name,
            "key": hex(&key),
            "commitment": hex(&commitment),
            "fails": "authentication",
        }));
    }
    json!({ "format": "docs/formats/envelope.md, section Key commitment", "cases": cases })
}

#[tokio::test]
async fn clause_5_a_keys_and_commitments_belong_together_as_the_vectors_say() {
    let cases = cases_of("commitment", commitment_cases);
    assert_eq!(cases.len(), 6);
    for case in &cases {
        let (of, commitment) = (key(case, "key"), key(case, "commitment"));
        let holds = case["fails"].is_null();
        assert_eq!(stranger::commitment(&of) == commitment, holds, "{case}");
        // As a tenant key, with the commitment that its row states.
        let keys = keys_over(of, 1, commitment, index_key(&of, 1, &filled(9))).await;
        match keys {
            Ok(_) => assert!(holds, "{case}"),
            Err(error) => assert_eq!(case["fails"], class_of(&error), "{case}"),
        }
    }
}

const LABELS: [(&str, IndexLabel); 3] = [
    ("wzapi/index/identifier/v1", IndexLabel::Identifier),
    ("wzapi/index/source-event/v1", IndexLabel::SourceEvent),
    ("wzapi/index/route/v1", IndexLabel::Route),
];

fn blind_index_cases() -> Value {
    let mut cases = Vec::new();
    for (label, _) in LABELS {
        for (kind, value) in [
            ("phone", "919876543210"),
            ("email", "ada@example.org"),
            ("bsuid", "IN.1234567890"),
            ("", "wamid.HBgMOTE5ODc2NTQzMjEw"),
            ("waba", "102290129340398"),
            ("phon", "e919876543210"),
            ("phone", ""),
            ("phone", "ध"),
        ] {
            cases.push(json!({
                "index_key": hex(&filled(20)),
                "label": label,
                "kind": kind,
                "value": value,
                "index": hex(&stranger::blind_index(&filled(20), label, kind, value.as_bytes())),
            }));
        }
    }
    json!({ "format": "docs/formats/envelope.md, section Blind index", "cases": cases })
}

#[tokio::test]
async fn clause_5_a_blind_indexes_are_as_the_vectors_say() {
    let cases = cases_of("blind_index", blind_index_cases);
    assert_eq!(cases.len(), 24);
    let mut seen = std::collections::BTreeSet::new();
    for case in &cases {
        let (of, index) = (key(case, "index_key"), bytes(case, "index"));
        let text = |field: &str| case[field].as_str().unwrap();
        let (label, kind, value) = (text("label"), text("kind"), text("value").as_bytes());
        assert_eq!(stranger::blind_index(&of, label, kind, value).as_slice(), index, "{case}");
        let tenant_key = filled(21);
        let commitment = stranger::commitment(&tenant_key);
        let keys = keys_over(tenant_key, 1, commitment, index_key(&tenant_key, 1, &of)).await.unwrap();
        let (_, ours) = LABELS.into_iter().find(|(name, _)| *name == label).unwrap();
        assert_eq!(keys.indexes(ours, kind, value)[0].0.as_slice(), index, "{case}");
        assert!(seen.insert(index), "no two are the same");
    }
}

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
