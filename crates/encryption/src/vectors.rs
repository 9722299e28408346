//! The vector files through what is private to this crate; `tests/it/vectors.rs` runs them through what is public, and
//! writes them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use wzapi_model::Entropy;
use wzapi_model::entropy::EntropyError;
use wzapi_model::system::{SystemClock, SystemEntropy};
use wzapi_storage::codec::decode_key;
use wzapi_storage::row::WrappedKey;
use wzapi_storage_memory::MemoryStorage;

use crate::blind_index::{IndexKey, IndexLabel};
use crate::envelope::{self, Place};
use crate::secret::SecretKey;
use crate::tenant::commitment_to;
use crate::{Encryption, EncryptionError, LocalKeyring};

/// Gives these bytes, over and over.
struct Bytes(Vec<u8>);

impl Entropy for Bytes {
    fn fill(&self, out: &mut [u8]) -> Result<(), EntropyError> {
        out.iter_mut().zip(self.0.iter().cycle()).for_each(|(to, from)| *to = *from);
        Ok(())
    }
}

fn cases(text: &str) -> Vec<Value> {
    let file: Value = serde_json::from_str(text).unwrap();
    file["cases"].as_array().unwrap().clone()
}

fn bytes(case: &Value, field: &str) -> Vec<u8> {
    let text = case[field].as_str().unwrap();
    (0..text.len()).step_by(2).map(|place| u8::from_str_radix(&text[place..place + 2], 16).unwrap()).collect()
}

fn secret(case: &Value, field: &str) -> SecretKey {
    SecretKey::from_bytes(&bytes(case, field).try_into().unwrap())
}

fn number(case: &Value, field: &str) -> u32 {
    u32::try_from(case[field].as_u64().unwrap()).unwrap()
}

#[test]
fn clause_5_a_envelopes_are_sealed_and_opened_as_the_vectors_say() {
    for case in cases(include_str!("../vectors/envelope.json")) {
        let (key, version) = (secret(&case, "data_key"), number(&case, "key_version"));
        let (controller, row) = decode_key(&bytes(&case, "row")).unwrap();
        let place = Place { controller, row: &row, field: case["field"].as_str().unwrap() };
        let sealed = bytes(&case, "envelope");
        let opened = envelope::open_unscrubbed(&key, version, &place, &sealed);
        if case["fails"].is_null() {
            let plaintext = bytes(&case, "plaintext");
            assert_eq!(*opened.unwrap(), plaintext, "{case}");
            let nonce = Bytes(sealed[6..18].to_vec());
            assert_eq!(envelope::seal(&key, version, &place, &plaintext, &nonce).unwrap(), sealed, "{case}");
        } else {
            // Here a key of another version is as wrong as any other key.
            assert!(matches!(opened, Err(EncryptionError::Authentication)), "{case}");
        }
    }
}

#[test]
fn clause_5_a_keys_are_wrapped_and_unwrapped_as_the_vectors_say() {
    let folder = tempfile::tempdir().unwrap();
    let entropy = Arc::new(SystemEntropy::new());
    let keyring = LocalKeyring::open_or_create(&folder.path().join("keyring"), entropy).unwrap();
    let keyring = Arc::new(keyring);
    for case in cases(include_str!("../vectors/wrapped_keys.json")) {
        let wrapped = bytes(&case, "wrapped");
        // The nonce of the case, in case it is to be wrapped as it was.
        let nonce = Arc::new(Bytes(wrapped.get(..12).unwrap_or(&[0]).to_vec()));
        let storage = Arc::new(MemoryStorage::new());
        let encryption = Encryption::new(storage, keyring.clone(), Arc::new(SystemClock), nonce);
        let (controller, place) = decode_key(&bytes(&case, "row")).unwrap();
        let tenant_keys =
            BTreeMap::from([(number(&case, "tenant_key_version"), secret(&case, "tenant_key"))]);
        let keys = encryption.keys_of(controller, tenant_keys);
        let row = WrappedKey {
            wrapped_by: case["wrapped_by"].as_str().unwrap().to_owned(),
            wrapped,
            commitment: bytes(&case, "commitment").try_into().unwrap(),
        };
        let version = number(&case, "version");
        let class = match keys.unwrap(&place, version, &row) {
            Ok(key) => {
                assert_eq!(key.expose().as_slice(), bytes(&case, "key"), "{case}");
                assert_eq!(keys.wrap(&place, version, &key).unwrap(), row, "{case}");
                continue;
            }
            Err(EncryptionError::Authentication) => "authentication",
            Err(EncryptionError::KeyMissing) => "key_missing",
            Err(EncryptionError::KeysChanged) => "keys_changed",
            Err(EncryptionError::Corrupt) => "malformed",
            Err(other) => panic!("{case}: {other:?}"),
        };
        assert_eq!(case["fails"], class, "{case}");
        // A key that stays in use is refused with its place; one that may only be newer is not.
        let checked = keys.unwrap_checked(&place, version, &row);
        match class {
            "keys_changed" => assert!(matches!(checked, Err(EncryptionError::KeysChanged))),
            _ => assert!(matches!(checked, Err(EncryptionError::DamagedKey { .. }))),
        }
    }
}

#[test]
fn clause_5_a_commitments_are_as_the_vectors_say() {
    for case in cases(include_str!("../vectors/commitment.json")) {
        let holds = commitment_to(&secret(&case, "key")).unwrap().as_slice() == bytes(&case, "commitment");
        assert_eq!(holds, case["fails"].is_null(), "{case}");
    }
}

#[test]
fn clause_5_a_blind_indexes_are_as_the_vectors_say() {
    for case in cases(include_str!("../vectors/blind_index.json")) {
        let text = |field: &str| case[field].as_str().unwrap().as_bytes();
        let label = match case["label"].as_str().unwrap() {
            "wzapi/index/identifier/v1" => IndexLabel::Identifier,
            "wzapi/index/source-event/v1" => IndexLabel::SourceEvent,
            "wzapi/index/route/v1" => IndexLabel::Route,
            other => panic!("{other}"),
        };
        let index = IndexKey::new(1, secret(&case, "index_key")).of(label, text("kind"), text("value"));
        assert_eq!(index.0.as_slice(), bytes(&case, "index"), "{case}");
    }
}
