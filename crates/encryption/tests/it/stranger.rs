//! A reader (and a writer) after `docs/formats/envelope.md` and `docs/formats/rows.md`, with ring and nothing of ours
//! but the row types.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::hmac;
use wzapi_encryption::blind_index::IndexLabel;
use wzapi_encryption::provider::{KeyContext, WrappingKeyId};
use wzapi_model::identifier::{Email, Identifier};
use wzapi_model::ids::ControllerId;
use wzapi_storage::codec::{decode_body, decode_key};
use wzapi_storage::key::{Cohort, Key, Owner, RowKind};
use wzapi_storage::row::{
    Body, ControllerRow, DataKeyRow, DataKeyVersion, IndexKeyRow, RecordRevisionRow, RowType, TenantKeyRow,
    WrappedKey,
};

use crate::world::{A, FIELD, SYSTEM, World, rows_of};

/// Each part behind its length as four bytes, most significant first.
pub(crate) fn lp(parts: &[&[u8]]) -> Vec<u8> {
    parts.iter().flat_map(|part| [&(part.len() as u32).to_be_bytes(), *part].concat()).collect()
}

/// Opens nonce, ciphertext and tag.
pub(crate) fn open_sealed(key: &[u8; 32], bound_to: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let (nonce, rest) = sealed.split_first_chunk::<12>()?;
    let mut rest = rest.to_vec();
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).ok()?);
    let nonce = Nonce::assume_unique_for_key(*nonce);
    let opened = key.open_in_place(nonce, Aad::from(bound_to), &mut rest).ok()?;
    Some(opened.to_vec())
}

/// Nonce, ciphertext and tag.
pub(crate) fn seal(key: &[u8; 32], nonce: [u8; 12], bound_to: &[u8], plaintext: &[u8]) -> Vec<u8> {
    let mut sealed = plaintext.to_vec();
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).unwrap());
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(bound_to), &mut sealed)
        .unwrap();
    [nonce.as_slice(), &sealed].concat()
}

/// `encoded_key` names controller, owner and row.
pub(crate) fn open_envelope(
    data_key: &[u8; 32],
    kind: RowKind,
    encoded_key: &[u8],
    field: &str,
    envelope: &[u8],
) -> Option<Vec<u8>> {
    let (header, sealed) = envelope.split_first_chunk::<6>()?;
    let [1, 1, version @ ..] = header else { return None };
    let bound_to = lp(&[b"wzapi/field/v1", kind.as_str().as_bytes(), encoded_key, field.as_bytes(), version]);
    open_sealed(data_key, &bound_to, sealed)
}

/// The associated data of a key that a tenant key wraps.
pub(crate) fn wrapped_key_data(
    encoded_key: &[u8],
    version: u32,
    tenant_version: u32,
    commitment: &[u8; 32],
) -> Vec<u8> {
    lp(&[
        b"wzapi/wrapped-key/v1",
        encoded_key,
        &version.to_be_bytes(),
        &tenant_version.to_be_bytes(),
        commitment,
    ])
}

pub(crate) fn unwrap(
    tenant_key: &[u8; 32],
    encoded_key: &[u8],
    version: u32,
    row: &WrappedKey,
) -> Option<[u8; 32]> {
    let bound_to = wrapped_key_data(encoded_key, version, row.wrapped_by.parse().ok()?, &row.commitment);
    let key: [u8; 32] = open_sealed(tenant_key, &bound_to, &row.wrapped)?.try_into().ok()?;
    (commitment(&key) == row.commitment).then_some(key)
}

pub(crate) fn wrap(
    tenant_key: &[u8; 32],
    tenant_version: u32,
    encoded_key: &[u8],
    version: u32,
    key: &[u8; 32],
    nonce: [u8; 12],
) -> WrappedKey {
    let commitment = commitment(key);
    let bound_to = wrapped_key_data(encoded_key, version, tenant_version, &commitment);
    let wrapped = seal(tenant_key, nonce, &bound_to, key);
    WrappedKey { wrapped_by: tenant_version.to_string(), wrapped, commitment }
}

/// HKDF-SHA256 of one block, spelled out after RFC 5869.
pub(crate) fn commitment(key: &[u8; 32]) -> [u8; 32] {
    let extracted = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, b"wzapi/key-commitment/v1"), key);
    let expanded = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, extracted.as_ref()), &[1]);
    expanded.as_ref().try_into().unwrap()
}

/// The context with which the key provider wraps a tenant key.
pub(crate) fn tenant_context(controller: ControllerId, version: u32, commitment: &[u8; 32]) -> KeyContext {
    KeyContext::from([
        ("purpose".to_owned(), "wzapi-tenant-key".to_owned()),
        ("controller".to_owned(), controller.to_string()),
        ("version".to_owned(), version.to_string()),
        ("commitment".to_owned(), hex(commitment)),
    ])
}

pub(crate) fn blind_index(index_key: &[u8; 32], label: &str, kind: &str, value: &[u8]) -> [u8; 16] {
    let message = lp(&[label.as_bytes(), kind.as_bytes(), value]);
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, index_key), &message);
    tag.as_ref()[..16].try_into().unwrap()
}

/// The code at the end of an export, over every byte before the footer.
pub(crate) fn export_code(tenant_key: &[u8; 32], bytes: &[u8]) -> Vec<u8> {
    let extracted = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, b"wzapi/key-export/v1"), tenant_key);
    let key = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, extracted.as_ref()), &[1]);
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.as_ref()), bytes).as_ref().to_vec()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|place| u8::from_str_radix(&text[place..place + 2], 16).unwrap()).collect()
}

/// The raw tenant keys of a controller, by version, as its provider gives them to whoever may use it.
pub(crate) async fn tenant_key_of(world: &World, controller: ControllerId, version: u32) -> [u8; 32] {
    let row = row_of::<TenantKeyRow>(world, controller, Key::TenantKey(version)).await;
    let context = tenant_context(controller, version, &row.key.commitment);
    let wrapping_key = WrappingKeyId(row.key.wrapped_by);
    *world.provider.unwrap(&wrapping_key, &context, &row.key.wrapped).await.unwrap().expose()
}

pub(crate) async fn row_of<T: RowType + Clone>(world: &World, controller: ControllerId, place: Key) -> T {
    let rows = rows_of(world.memory.as_ref()).await;
    let row = rows.iter().find(|(of, record)| *of == controller && record.key == place);
    T::of(&row.expect("a row").1.body).unwrap().clone()
}

/// Keys encoded by hand: controller, owner, kind, parts.
fn encoded(owner: [u8; 16], kind: u8, parts: &[&[u8]]) -> Vec<u8> {
    [[0xa; 16].as_slice(), &owner, &[kind], &parts.concat()].concat()
}

#[tokio::test]
async fn a_stranger_reads_a_value_by_the_documents_alone() {
    let world = World::new(20).await;
    let value = world.write(A, 7, "what only the person's key opens").await;
    let Key::RecordRevision { record, .. } = value.row else { panic!() };

    let settings: ControllerRow = row_of(&world, A, Key::Controller).await;
    let tenant_key = tenant_key_of(&world, A, settings.tenant_keys[0]).await;
    let month = (56 * 12 + 10_u16).to_be_bytes();
    let data_key_place = encoded([7; 16], 0x1a, &[b"contact\0", &month]);
    let row: DataKeyRow = row_of(&world, A, value.data_key.clone()).await;
    let DataKeyVersion { version, key, .. } = &row.versions[0];
    let data_key = unwrap(&tenant_key, &data_key_place, *version, key).unwrap();

    let stored: RecordRevisionRow = row_of(&world, A, value.row.clone()).await;
    assert_eq!(stored.value.cohort, Cohort(682), "November 2026");
    let row_place = encoded([7; 16], 0x25, &[b"contact\0", &month, &record.to_bytes(), &[0; 4]]);
    let envelope = stored.value.envelope;
    let opened = open_envelope(&data_key, RowKind::RecordRevision, &row_place, FIELD, &envelope);
    assert_eq!(opened.as_deref(), Some(value.text.as_slice()));
    let opened = open_envelope(&data_key, RowKind::RecordRevision, &row_place, "other", &envelope);
    assert_eq!(opened, None);
}

#[tokio::test]
async fn a_stranger_computes_blind_indexes_by_the_documents_alone() {
    let world = World::new(21).await;
    let tenant_key = tenant_key_of(&world, A, 1).await;
    let row: IndexKeyRow = row_of(&world, A, Key::IndexKey(1)).await;
    let place = encoded([0; 16], 0x19, &[&1_u32.to_be_bytes()]);
    let index_key = unwrap(&tenant_key, &place, 1, &row.key).unwrap();
    let keys = world.keys(A).await;
    assert_eq!(keys.index_key_version(), 1);
    for (identifier, kind, canonical) in [
        (Identifier::parse_recipient("+91 98765 43210").unwrap(), "phone", "919876543210"),
        (Identifier::Email(Email::parse("Ada@Example.org").unwrap()), "email", "ada@example.org"),
    ] {
        let ours = keys.identifier_indexes(&identifier);
        let theirs = blind_index(&index_key, "wzapi/index/identifier/v1", kind, canonical.as_bytes());
        assert_eq!(ours.iter().map(|index| index.0).collect::<Vec<_>>(), [theirs], "{canonical}");
    }
    for (label, name) in [
        (IndexLabel::SourceEvent, "wzapi/index/source-event/v1"),
        (IndexLabel::Route, "wzapi/index/route/v1"),
    ] {
        let ours = keys.indexes(label, "waba", b"123");
        assert_eq!(ours[0].0, blind_index(&index_key, name, "waba", b"123"));
    }
}

#[tokio::test]
async fn a_stranger_authenticates_an_export_by_the_documents_alone() {
    let world = World::new(23).await;
    let value = world.write(A, 1, "text").await;
    let export = String::from_utf8(world.rotate_epoch().await).unwrap();
    let lines: Vec<&str> = export.split_inclusive('\n').collect();
    let (footer, before) = lines.split_last().unwrap();
    let parsed: Vec<serde_json::Value> =
        lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(parsed[0]["format"], "wzapi-key-export");
    assert_eq!((&parsed[0]["version"], &parsed[0]["epoch"]), (&1.into(), &2.into()));
    let footer: serde_json::Value = serde_json::from_str(footer).unwrap();
    assert_eq!(footer["rows"], before.len() - 1);
    let tenant_key = tenant_key_of(&world, SYSTEM, 2).await;
    let code = export_code(&tenant_key, before.concat().as_bytes());
    assert_eq!(footer["mac"], STANDARD.encode(code));

    let stored = rows_of(world.memory.as_ref()).await;
    let exported: Vec<(ControllerId, Key, Body)> = parsed[1..parsed.len() - 1]
        .iter()
        .map(|line| {
            let bytes = |name: &str| STANDARD.decode(line[name].as_str().unwrap()).unwrap();
            let (controller, key) = decode_key(&bytes("k")).unwrap();
            let body = decode_body(key.kind(), &bytes("v")).unwrap();
            (controller, key, body)
        })
        .collect();
    let wanted = |kind: RowKind| {
        matches!(kind, RowKind::Controller | RowKind::TenantKey | RowKind::IndexKey | RowKind::DataKey)
    };
    for (controller, record) in stored.iter().filter(|(_, record)| wanted(record.key.kind())) {
        assert!(exported.contains(&(*controller, record.key.clone(), record.body.clone())));
    }
    assert_eq!(exported.len(), 3 * 3 + 1);
    assert!(exported.iter().any(|(_, key, _)| *key == value.data_key));
}

#[tokio::test]
async fn what_a_stranger_wrote_is_read() {
    let world = World::new(22).await;
    let tenant_key = tenant_key_of(&world, A, 1).await;
    let place = Key::DataKey {
        owner: Owner::Subject(crate::world::subject(9)),
        category: wzapi_model::name::DataCategory::contact(),
        cohort: Cohort(3),
    };
    let data_key_place = encoded([9; 16], 0x1a, &[b"contact\0", &3_u16.to_be_bytes()]);
    let version = 0x8000_0001_u32;
    let key = wrap(&tenant_key, 1, &data_key_place, version, &[0x77; 32], [5; 12]);
    let created_at = "2026-11-22".parse().unwrap();
    let row = DataKeyRow { versions: vec![DataKeyVersion { version, created_at, seals: 0, key }] };

    let subject_place = encoded([9; 16], 0x21, &[]);
    let stated = version.to_be_bytes();
    let bound_to = lp(&[b"wzapi/field/v1", b"subject", &subject_place, b"name", &stated]);
    let sealed = seal(&[0x77; 32], [6; 12], &bound_to, b"Ada");
    let envelope = [[1, 1].as_slice(), &stated, &sealed].concat();

    let keys = world.keys(A).await;
    let in_row = Key::Subject(crate::world::subject(9));
    let at = wzapi_encryption::Place { controller: A, row: &in_row, field: "name" };
    let sealed = wzapi_storage::row::Sealed { cohort: Cohort(3), envelope };
    assert_eq!(keys.open(&place, Some(&row), &at, &sealed).unwrap().as_slice(), b"Ada");
}
