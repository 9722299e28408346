//! Ed25519 by Project Wycheproof, through the check that every signature of a note goes through.

use std::fs;

use serde_json::Value;
use wzapi_ledger_proof::signed_note::{KeyName, SignatureKind, VerifierKey};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/vectors/wycheproof_ed25519.json");

fn bytes(value: &Value) -> Vec<u8> {
    let text = value.as_str().unwrap();
    (0..text.len()).step_by(2).map(|place| u8::from_str_radix(&text[place..place + 2], 16).unwrap()).collect()
}

#[test]
fn every_verdict_is_wycheproofs() {
    let file: Value = serde_json::from_str(&fs::read_to_string(FILE).unwrap()).unwrap();
    let name = KeyName::new("wycheproof").unwrap();
    let mut checked = (0, 0);
    for group in file["testGroups"].as_array().unwrap() {
        let public_key: [u8; 32] = bytes(&group["publicKey"]["pk"]).try_into().unwrap();
        let key = VerifierKey::new(name.clone(), SignatureKind::Ed25519, public_key);
        for test in group["tests"].as_array().unwrap() {
            let accepted = key.verify(&bytes(&test["msg"]), &bytes(&test["sig"])).is_ok();
            match test["result"].as_str().unwrap() {
                "valid" => {
                    assert!(accepted, "{}: {}", test["tcId"], test["comment"]);
                    checked.0 += 1;
                }
                "invalid" => {
                    assert!(!accepted, "{}: {}", test["tcId"], test["comment"]);
                    checked.1 += 1;
                }
                other => panic!("{other}"),
            }
        }
    }
    assert_eq!(checked, (88, 63));
}
