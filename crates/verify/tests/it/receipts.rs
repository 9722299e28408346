//! Receipts, as the crate that issues them wrote them: `crates/receipt/vectors`.

use std::fs;
use std::path::PathBuf;

use serde_json::json;

use crate::export::{key, verify};

fn vectors() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "..", "receipt", "vectors"].iter().collect()
}

fn vector(name: &str) -> String {
    vectors().join(name).to_str().unwrap().to_owned()
}

fn log_key() -> String {
    fs::read_to_string(vectors().join("key.txt")).unwrap().trim().to_owned()
}

fn code_and_kind(file: &str, keys: &[&str]) -> (i32, String) {
    let keys = keys.iter().flat_map(|key| ["--key", key]);
    let arguments: Vec<&str> = ["receipt", file].into_iter().chain(keys).chain(["--json"]).collect();
    let said = verify(&arguments);
    let json = said.json();
    assert_eq!(json["ok"], json!(said.code == 0));
    (said.code, json["kind"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn every_vector_holds() {
    let mut count = 0;
    for file in fs::read_dir(vectors()).unwrap().map(|file| file.unwrap().path()) {
        let path = file.to_str().unwrap();
        if path.ends_with(".receipt.json") {
            assert_eq!(code_and_kind(path, &[&log_key()]), (0, String::new()), "{path}");
            count += 1;
        }
    }
    assert!(count > 10, "{count}");
}

#[test]
fn a_receipt_shows_what_it_proves() {
    let said = verify(&["receipt", &vector("withdrawn.receipt.json"), "--key", &log_key()]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.starts_with("the log signed the document, and the log's entries say what it says\n"));
    assert!(
        said.out.contains("\nentry 1: {") && said.out.contains("\"type\":\"consent.withdrawn\""),
        "{said:?}"
    );
    let said = verify(&["receipt", &vector("withdrawn.receipt.json"), "--key", &log_key(), "--json"]);
    let json = said.json();
    assert_eq!((&json["ok"], json["events"].as_array().unwrap().len()), (&json!(true), 2));
    assert_eq!(json["signed_by"], json!(log_key().split('+').next().unwrap()));
}

#[test]
fn what_is_wrong_with_a_receipt_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let good = fs::read_to_string(vector("withdrawn.receipt.json")).unwrap();
    let altered = |from: &str, to: &str| {
        assert!(good.contains(from), "{from}");
        let path = folder.path().join("altered");
        fs::write(&path, good.replacen(from, to, 1)).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let log_key = log_key();
    for (from, to, code, kind) in [
        ("dpv:ConsentGiven", "dpv:ConsentRefused", 4, "document_altered"),
        ("\"format\"", "\"formau\"", 2, "malformed_receipt"),
        ("index 1", "index 2", 4, "proof_refused"),
        ("{\"document\"", "[{\"document\"", 2, "not_canonical"),
    ] {
        assert_eq!(code_and_kind(&altered(from, to), &[&log_key]), (code, kind.to_owned()), "{from} -> {to}");
    }
    let file = vector("withdrawn.receipt.json");
    assert_eq!(code_and_kind(&file, &[&key(1)]), (3, "unknown_signer".to_owned()));
    // The keys of other logs beside the right one do no harm.
    assert_eq!(code_and_kind(&file, &[&key(1), &log_key]), (0, String::new()));
    assert_eq!(code_and_kind(&file, &[]).0, 2);
    assert_eq!(verify(&["receipt", "no-such-file", "--key", &log_key]).code, 1);
}
