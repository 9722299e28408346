//! `vectors/*.json`: what was sealed, wrapped and derived once, and how each altered piece of it is refused, through every
//! entry point.
//!
//! The files are written anew with `WZAPI_WRITE_VECTORS=1 cargo test -p wzapi-encryption vectors`; that is right when a
//! format has a new version (then the old cases stay beside the new ones), and in no other case. `src/vectors.rs` runs the
//! same files through what is private to the crate.

use std::sync::Arc;

use serde_json::{Value, json};
use wzapi_encryption::blind_index::IndexLabel;
use wzapi_encryption::provider::{Destruction, KeyContext, WrappingKeyId};
use wzapi_encryption::secret::SecretKey;
use wzapi_encryption::{Encryption, EncryptionError, KeyProvider, KeyProviderError, Place, TenantKeys};
use wzapi_model::Timestamp;
use wzapi_model::ids::{ControllerId, RecordId};
use wzapi_model::name::DataCategory;
use wzapi_model::time::ManualClock;
use wzapi_storage::codec::{decode_key, encode_key};
use wzapi_storage::key::{Cohort, Key, Owner};
use wzapi_storage::row::{
    ControllerRow, DataKeyRow, DataKeyVersion, IndexKeyRow, Record, Sealed, TenantKeyRow, WrappedKey,
};
use wzapi_storage_memory::MemoryStorage;

use crate::stranger::{self, hex, unhex};
use crate::world::{A, B, Seeded, owner, put_rows, subject};

pub(crate) fn path(name: &str) -> String {
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

pub(crate) fn bytes(case: &Value, field: &str) -> Vec<u8> {
    unhex(case[field].as_str().unwrap_or_else(|| panic!("{field} of {case}")))
}

pub(crate) fn key(case: &Value, field: &str) -> [u8; 32] {
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

pub(crate) fn filled(byte: u8) -> [u8; 32] {
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

pub(crate) fn moment() -> Timestamp {
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

const ENVELOPE_KEY_VERSION: u32 = 0x8000_0007;
const ENVELOPE_TEXT: &[u8] = b"Ada Lovelace, +91 98765 43210";

/// Where the values of the envelope cases are sealed.
fn envelope_place() -> Key {
    Key::RecordRevision {
        subject: subject(2),
        category: DataCategory::contact(),
        cohort: Cohort(682),
        record: RecordId::from_bytes([3; 16]),
        revision: 4,
    }
}

fn envelope_of(plaintext: &[u8]) -> Vec<u8> {
    let (row, stated) = (encode_key(A, &envelope_place()), ENVELOPE_KEY_VERSION.to_be_bytes());
    let bound_to = stranger::lp(&[b"wzapi/field/v1", b"record_revision", &row, b"value", &stated]);
    let sealed = stranger::seal(&filled(1), filled(2)[..12].try_into().unwrap(), &bound_to, plaintext);
    [[1, 1].as_slice(), &stated, &sealed].concat()
}

fn envelope_case(name: &str, row: &[u8], field: &str, envelope: &[u8], result: (&str, String)) -> Value {
    let mut case = json!({
        "name": name,
        "data_key": hex(&filled(1)),
        "key_version": ENVELOPE_KEY_VERSION,
        "row": hex(row),
        "field": field,
        "envelope": hex(envelope),
    });
    case[result.0] = result.1.into();
    case
}

fn does_not_authenticate() -> (&'static str, String) {
    ("fails", "authentication".to_owned())
}

fn envelope_cases() -> Value {
    let here = encode_key(A, &envelope_place());
    let longer: Vec<u8> = (0..=255).collect();
    let opens =
        [("a text", ENVELOPE_TEXT), ("nothing", b"".as_slice()), ("longer than a block", longer.as_slice())];
    let mut cases: Vec<Value> = opens
        .iter()
        .map(|(name, text)| envelope_case(name, &here, "value", &envelope_of(text), ("plaintext", hex(text))))
        .collect();
    cases.extend(moved_envelopes());
    cases.extend(altered_envelopes());
    json!({ "format": "docs/formats/envelope.md, section Envelope", "cases": cases })
}

fn moved_envelopes() -> Vec<Value> {
    let place = envelope_place();
    let Key::RecordRevision { subject: of, category, cohort, record, revision } = place.clone() else {
        panic!("{place:?}")
    };
    let here = Key::RecordRevision { subject: of, category: category.clone(), cohort, record, revision };
    let other_category = DataCategory::consent_evidence();
    let other_record = RecordId::from_bytes([8; 16]);
    let revision_of = |subject, category: &DataCategory, cohort, record, revision| Key::RecordRevision {
        subject,
        category: category.clone(),
        cohort,
        record,
        revision,
    };
    let moved = [
        ("another controller", B, place, "value"),
        ("another person", A, revision_of(subject(7), &category, cohort, record, revision), "value"),
        ("another category", A, revision_of(of, &other_category, cohort, record, revision), "value"),
        ("another month", A, revision_of(of, &category, Cohort(683), record, revision), "value"),
        ("another record", A, revision_of(of, &category, cohort, other_record, revision), "value"),
        ("another revision", A, revision_of(of, &category, cohort, record, 5), "value"),
        ("another kind of row", A, Key::Record { subject: of, category, cohort, record }, "value"),
        ("another field", A, here, "valu"),
    ];
    let case = |(name, controller, place, field): (&str, ControllerId, Key, &str)| {
        let (name, row) = (format!("moved to {name}"), encode_key(controller, &place));
        envelope_case(&name, &row, field, &envelope_of(ENVELOPE_TEXT), does_not_authenticate())
    };
    moved.into_iter().map(case).collect()
}

fn altered_envelopes() -> Vec<Value> {
    let (here, envelope) = (encode_key(A, &envelope_place()), envelope_of(ENVELOPE_TEXT));
    let last = envelope.len() - 1;
    let fails =
        |name: &str, envelope: &[u8]| envelope_case(name, &here, "value", envelope, does_not_authenticate());
    let altered = |place: usize, bits: u8| {
        let mut altered = envelope.clone();
        altered[place] ^= bits;
        altered
    };
    let mut cases: Vec<Value> = [
        ("a later version of the envelope", 0, 3),
        ("an unknown suite", 1, 3),
        ("a changed nonce", 6, 1),
        ("a changed end of the nonce", 17, 0x80),
        ("a changed ciphertext", 18, 1),
        ("a changed tag", last, 0x80),
    ]
    .map(|(name, place, bits)| fails(name, &altered(place, bits)))
    .to_vec();
    let cut = [
        ("no bytes", 0),
        ("half a header", 5),
        ("a header alone", 6),
        ("no whole tag", 33),
        ("a tag cut off", last),
    ];
    cases.extend(cut.map(|(name, length)| fails(name, &envelope[..length])));
    cases.push(fails("a byte too many", &[envelope.as_slice(), &[0]].concat()));
    let mut other_key = fails("another key", &envelope);
    other_key["data_key"] = hex(&filled(3)).into();
    cases.push(other_key);
    let missing = ("fails", "key_missing".to_owned());
    cases.push(envelope_case("another version of the key", &here, "value", &altered(5, 1), missing));
    cases
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
