//! The documents and the JSON Schema that describes them.

use std::path::PathBuf;

use serde_json::{Value, json};
use wzapi_policy::language::Language;
use wzapi_receipt::DocumentKind;

use crate::json_schema::Schemas;
use crate::synthetic::{document_of, histories, json_of, receipt_of};

const DOCUMENT: &str = "document.schema.json";
const FILE: &str = "receipt.schema.json";

fn schemas() -> Schemas {
    let folder: PathBuf =
        [env!("CARGO_MANIFEST_DIR"), "..", "..", "docs", "formats", "receipt"].iter().collect();
    Schemas::read_from(&folder)
}

fn check(file: &str, value: &Value) -> Result<(), String> {
    schemas().check_by(file, value)
}

#[test]
fn every_document_fits_and_so_does_the_file() {
    for history in histories() {
        for kind in [DocumentKind::Record, DocumentKind::Receipt] {
            let document = json_of(&document_of(&history, kind, Language::English));
            check(DOCUMENT, &document).unwrap_or_else(|error| panic!("{}: {error}", history.name));
        }
        let file: Value = serde_json::from_str(&receipt_of(&history).to_string()).unwrap();
        check(FILE, &file).unwrap_or_else(|error| panic!("{}: {error}", history.name));
    }
}

#[test]
fn what_lacks_something_or_has_something_else_does_not_fit() {
    let document = json_of(&document_of(&histories()[1], DocumentKind::Record, Language::English));
    for key in document.as_object().unwrap().keys() {
        let mut lacking = document.clone();
        lacking.as_object_mut().unwrap().remove(key);
        // A controller may have no processors.
        assert_eq!(check(DOCUMENT, &lacking).is_ok(), key == "dpv:hasDataProcessor", "{key}");
        let mut altered = document.clone();
        altered[key] = json!(-1);
        assert!(check(DOCUMENT, &altered).is_err(), "{key}");
    }
    let mut more = document.clone();
    more["telephone"] = json!("+91 98765 43210");
    assert!(check(DOCUMENT, &more).is_err());
    let mut person = document;
    person["dpv:hasDataSubject"]["foaf:phone"] = json!({"@id": "tel:+919876543210"});
    assert!(check(DOCUMENT, &person).is_err(), "no schema gives the person a number");
}

#[test]
fn the_example_of_the_page_is_a_vector() {
    let root: PathBuf = [env!("CARGO_MANIFEST_DIR"), "..", ".."].iter().collect();
    let page = std::fs::read_to_string(root.join("docs/formats/consent-receipt.md")).unwrap();
    let (_, rest) = page.split_once("```json\n").unwrap();
    let example: Value = serde_json::from_str(rest.split_once("```").unwrap().0).unwrap();
    let receipt: Value = serde_json::from_str(&receipt_of(&histories()[1]).to_string()).unwrap();
    assert_eq!(example, receipt["document"]["dpv:hasConsentStatus"]);
    for kind in [
        "too_large",
        "not_canonical",
        "malformed_receipt",
        "signature_refused",
        "unknown_signer",
        "other_statement",
        "document_altered",
        "unknown_log",
        "proof_refused",
        "not_proved",
        "not_cited",
        "disagrees",
    ] {
        assert!(page.contains(&format!("`{kind}`")), "{kind} is not on the page");
    }
}
