//! What documents say about histories of every kind, and the files that hold them.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use wzapi_ledger::proof::receipt::Receipt;
use wzapi_policy::language::Language;
use wzapi_receipt::DocumentKind;

use crate::synthetic::{
    CONTROLLER, FORMER, History, PERSON, document_of, histories, json_of, receipt_of, signer, trusted,
};

fn vectors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors")
}

fn named(name: &str) -> History {
    histories().into_iter().find(|history| history.name == name).unwrap()
}

fn receipt(name: &str) -> Value {
    json_of(&document_of(&named(name), DocumentKind::Receipt, Language::English))
}

/// The states of a history, in the order of the document.
fn states(name: &str) -> Vec<String> {
    let document = receipt(name);
    let acts = document["dpv:hasConsentStatus"].as_array().unwrap();
    acts.iter().map(|act| act["@type"][0].as_str().unwrap().trim_start_matches("dpv:").to_owned()).collect()
}

#[test]
fn every_history_gives_a_receipt_that_holds() {
    for history in histories() {
        let file = receipt_of(&history).to_string();
        let verified = Receipt::parse(file.as_bytes()).unwrap().verify(&[trusted()]);
        let verified = verified.unwrap_or_else(|error| panic!("{}: {error}", history.name));
        assert_eq!(verified.events().len(), history.acts.len());
    }
}

/// With `WZAPI_WRITE_VECTORS=1` in the environment the files are written anew, for a change that is meant.
#[test]
fn the_same_history_gives_the_bytes_of_its_vector() {
    let write = std::env::var_os("WZAPI_WRITE_VECTORS").is_some();
    let mut files = vec![("key.txt".to_owned(), format!("{}\n", signer(1).verifier_key()))];
    for history in histories() {
        files.push((format!("{}.receipt.json", history.name), receipt_of(&history).to_string()));
    }
    let record = document_of(&named("withdrawn"), DocumentKind::Record, Language::English);
    files.push(("withdrawn.record.jsonld".to_owned(), String::from_utf8(record).unwrap()));
    for (name, text) in &files {
        let path = vectors().join(name);
        if write {
            fs::create_dir_all(vectors()).unwrap();
            fs::write(&path, text).unwrap();
        }
        assert!(
            fs::read_to_string(&path).unwrap() == *text,
            "{name} differs; if that is meant, write it anew"
        );
    }
    assert_eq!(fs::read_dir(vectors()).unwrap().count(), files.len(), "a vector that nothing writes");
}

#[test]
fn acts_stand_in_the_order_in_which_they_took_effect() {
    assert_eq!(states("given"), ["ConsentRequested", "ConsentGiven"]);
    assert_eq!(states("withdrawn"), ["ConsentGiven", "ConsentWithdrawn"]);
    assert_eq!(states("refused"), ["ConsentRequested", "ConsentRefused"]);
    assert_eq!(states("platform"), ["ConsentGiven", "ConsentWithdrawn", "ConsentStatus"]);
    assert_eq!(states("revoked"), ["ConsentGiven", "ConsentRevoked", "ConsentInvalidated"]);
    assert_eq!(states("erased"), ["ConsentGiven", "ConsentWithdrawn", "ConsentWithdrawn"]);
}

#[test]
fn a_grant_that_ran_out_is_followed_by_its_end() {
    assert_eq!(states("expired"), ["ConsentGiven", "ConsentExpired"]);
    let document = receipt("expired");
    let end = &document["dpv:hasConsentStatus"][1];
    assert_eq!(end["dpv:isIndicatedAtTime"]["@value"], "2027-05-22T12:00:00.000Z");
    assert_eq!(end["wzapi:log"], Value::Null, "no entry says that time passed");
    // One that ends later has not.
    assert_eq!(
        receipt("given")["dpv:hasConsentStatus"][1]["wzapi:expiresAt"]["@value"],
        "2028-11-22T12:00:00.000Z"
    );
}

#[test]
fn a_guardian_is_told_from_the_person_and_the_controller() {
    let by = |name: &str, place: usize| {
        receipt(name)["dpv:hasConsentStatus"][place]["dpv:isIndicatedBy"]["@id"].clone()
    };
    assert_eq!(by("guardian", 0), "wzapi:Guardian");
    assert_eq!(by("withdrawn", 0), "dpv:DataSubject");
    assert_eq!(by("given", 0), format!("urn:uuid:{CONTROLLER}"));
}

#[test]
fn an_imported_grant_says_so_and_keeps_its_own_date() {
    let document = receipt("imported");
    let act = &document["dpv:hasConsentStatus"][0];
    assert_eq!(
        (&act["wzapi:imported"], &act["@type"]),
        (&json!(true), &json!(["dpv:ConsentGiven", "dpv:ExpressedConsent"]))
    );
    assert_eq!(act["dpv:isIndicatedAtTime"]["@value"], "2024-02-29T00:00:00.000Z");
    assert_eq!(act["dct:created"]["@value"], "2026-12-01T08:00:00.000Z");
}

#[test]
fn what_is_set_aside_is_not_given_and_does_not_expire() {
    assert_eq!(states("set_aside"), ["ConsentUnknown"]);
    assert_eq!(states("double_opt_in"), ["ConsentUnknown", "ConsentGiven"]);
    let document = receipt("double_opt_in");
    let (first, second) = (&document["dpv:hasConsentStatus"][0], &document["dpv:hasConsentStatus"][1]);
    assert_eq!(first["wzapi:quarantine"], "unconfirmed");
    assert_eq!(second["wzapi:confirms"], "01010101-0101-0101-0101-010101010101");
}

#[test]
fn a_person_of_two_records_is_one() {
    let document = receipt("merged");
    let person = &document["dpv:hasDataSubject"];
    assert_eq!(person["@id"], format!("urn:uuid:{PERSON}"));
    assert_eq!(person["dct:replaces"], json!([{"@id": format!("urn:uuid:{FORMER}")}]));
}

#[test]
fn a_record_speaks_every_language_and_a_receipt_one() {
    let history = named("withdrawn");
    let titles = |kind, language| {
        let document = json_of(&document_of(&history, kind, language));
        let title = &document["dpv:hasProcess"][0]["dpv:hasPurpose"]["dct:title"];
        title.as_array().unwrap().iter().map(|text| text["@language"].as_str().unwrap().to_owned()).collect()
    };
    let titles: [Vec<String>; 3] = [
        titles(DocumentKind::Record, Language::English),
        titles(DocumentKind::Receipt, Language::English),
        titles(DocumentKind::Receipt, Language::Hindi),
    ];
    assert_eq!(titles, [vec!["en", "hi"], vec!["en"], vec!["hi"]]);
    let ids = [DocumentKind::Record, DocumentKind::Receipt]
        .map(|kind| json_of(&document_of(&history, kind, Language::English)));
    assert_eq!(ids[1]["dct:isFormatOf"]["@id"], ids[0]["@id"]);
    assert_ne!(ids[0]["@id"], ids[1]["@id"]);
}

#[test]
fn clause_9_the_contact_point_is_in_every_document() {
    for history in histories() {
        for kind in [DocumentKind::Record, DocumentKind::Receipt] {
            let document = json_of(&document_of(&history, kind, Language::English));
            let controller = &document["dpv:hasDataController"];
            assert_eq!(controller["foaf:name"], "Kesar Crafts");
            assert_eq!(controller["foaf:mbox"]["@id"], "mailto:privacy@kesar-crafts.example");
            assert_eq!(controller["foaf:homepage"]["@id"], "https://kesar-crafts.example/privacy");
            assert_eq!(controller["dct:title"][0]["@value"], "Customer Care");
            let way = &document["dpv:hasConsentControl"]["dct:description"][0]["@value"];
            assert_eq!(way, "Answer STOP to any message.");
        }
    }
}

#[test]
fn evidence_is_in_the_proof_and_not_in_the_document() {
    for history in histories() {
        let document = document_of(&history, DocumentKind::Record, Language::English);
        assert!(!String::from_utf8(document).unwrap().contains("form 7"), "{}", history.name);
    }
}
