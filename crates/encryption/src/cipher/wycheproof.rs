//! Project Wycheproof's vectors through our own entry points; `vectors/wycheproof/README.md` says where they are from.

use serde_json::Value;

use super::*;

const AES_GCM: &str = include_str!("../../vectors/wycheproof/aes_gcm_test.json");
const HKDF: &str = include_str!("../../vectors/wycheproof/hkdf_sha256_test.json");
const HMAC: &str = include_str!("../../vectors/wycheproof/hmac_sha256_test.json");

/// How many cases were run, by their expected result.
#[derive(Debug, Default, PartialEq)]
struct Count {
    valid: u32,
    invalid: u32,
}

impl Count {
    fn add(&mut self, is_valid: bool) {
        if is_valid { self.valid += 1 } else { self.invalid += 1 }
    }
}

/// Every test with its group. A result other than valid or invalid would need a decision, so it stops the test.
fn tests(text: &str) -> Vec<(Value, Value, bool)> {
    let file: Value = serde_json::from_str(text).unwrap();
    let mut found = Vec::new();
    for group in file["testGroups"].as_array().unwrap() {
        for test in group["tests"].as_array().unwrap() {
            let is_valid = match test["result"].as_str().unwrap() {
                "valid" => true,
                "invalid" => false,
                other => panic!("{other}"),
            };
            found.push((group.clone(), test.clone(), is_valid));
        }
    }
    assert_eq!(file["numberOfTests"], found.len());
    found
}

fn bytes(test: &Value, field: &str) -> Vec<u8> {
    let text = test[field].as_str().unwrap();
    (0..text.len()).step_by(2).map(|place| u8::from_str_radix(&text[place..place + 2], 16).unwrap()).collect()
}

#[test]
fn clause_5_a_aes_256_gcm_seals_and_opens_as_wycheproof_says() {
    let (mut run, mut other_key_size, mut other_nonce_size) = (Count::default(), 0, 0);
    for (group, test, is_valid) in tests(AES_GCM) {
        assert_eq!(group["tagSize"], 128, "no test has another tag size");
        if group["keySize"] != 256 {
            other_key_size += 1;
            continue;
        }
        if group["ivSize"] != 96 {
            other_nonce_size += 1;
            continue;
        }
        run.add(is_valid);
        let key = SecretKey::from_bytes(&bytes(&test, "key").try_into().unwrap());
        let nonce: [u8; NONCE] = bytes(&test, "iv").try_into().unwrap();
        let (bound_to, plaintext) = (bytes(&test, "aad"), bytes(&test, "msg"));
        let sealed = [bytes(&test, "ct"), bytes(&test, "tag")].concat();
        let opened = scrubbing(|| open_unscrubbed(&key, nonce, &bound_to, &sealed));
        if is_valid {
            assert_eq!(*opened.unwrap(), plaintext, "{test}");
            let mut ours = b"before".to_vec();
            seal_with_nonce(&mut ours, &key, nonce, &bound_to, &plaintext).unwrap();
            assert_eq!(ours, [b"before".as_slice(), &sealed].concat(), "{test}");
        } else {
            assert!(matches!(opened, Err(EncryptionError::Authentication)), "{test}");
        }
    }
    assert_eq!(run, Count { valid: 39, invalid: 27 });
    assert_eq!((other_key_size, other_nonce_size), (211, 39));
}

#[test]
fn clause_5_a_hkdf_derives_as_wycheproof_says() {
    let mut run = Count::default();
    for (_, test, is_valid) in tests(HKDF) {
        run.add(is_valid);
        let mut derived = vec![0; usize::try_from(test["size"].as_u64().unwrap()).unwrap()];
        let (salt, input, info) = (bytes(&test, "salt"), bytes(&test, "ikm"), bytes(&test, "info"));
        let outcome = derive(&salt, &input, &info, &mut derived);
        if is_valid {
            outcome.unwrap();
            assert_eq!(derived, bytes(&test, "okm"), "{test}");
        } else {
            assert!(matches!(outcome, Err(EncryptionError::Corrupt)), "{test}");
        }
    }
    assert_eq!(run, Count { valid: 83, invalid: 3 });
}

#[test]
fn clause_5_a_hmac_authenticates_as_wycheproof_says() {
    let (mut whole, mut cut) = (Count::default(), Count::default());
    for (group, test, is_valid) in tests(HMAC) {
        let length = match group["tagSize"].as_u64().unwrap() {
            256 => 32,
            128 => 16,
            other => panic!("{other}"),
        };
        if length == 32 { &mut whole } else { &mut cut }.add(is_valid);
        let tag = mac(&bytes(&test, "key"), &bytes(&test, "msg"));
        assert_eq!(tag[..length] == bytes(&test, "tag"), is_valid, "{test}");
    }
    assert_eq!(whole, Count { valid: 33, invalid: 54 });
    assert_eq!(cut, Count { valid: 33, invalid: 54 });
}
