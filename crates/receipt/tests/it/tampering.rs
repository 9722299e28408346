//! Whatever is altered in a receipt, it is refused, and the reason is named.

use serde_json::{Value, json};
use wzapi_ledger::event::canonical_bytes;
use wzapi_ledger::proof::checkpoint::CheckpointPolicy;
use wzapi_ledger::proof::receipt::{Receipt, ReceiptError, Statement, document_hash};
use wzapi_ledger::proof::signed_note::{KeyName, SignedNote, Signer};
use wzapi_policy::language::Language;
use wzapi_receipt::DocumentKind;

use crate::synthetic::{
    ORIGIN, document_of, event, histories, json_of, proofs_of, receipt_of, signed, signer, trusted,
};

fn file() -> String {
    receipt_of(&histories()[1]).to_string()
}

fn refusal(file: &[u8]) -> Option<ReceiptError> {
    Receipt::parse(file).and_then(|receipt| receipt.verify(&[trusted()])).err()
}

/// The kind of refusal of a file in which one text was replaced.
fn kind_after(from: &str, to: &str) -> &'static str {
    let file = file();
    assert!(file.contains(from), "{from} is not in the file");
    refusal(file.replacen(from, to, 1).as_bytes()).unwrap().kind()
}

#[test]
fn every_part_has_its_reason() {
    for (from, to, kind) in [
        (
            "\"format\":\"wzapi/consent-receipt/v1\"",
            "\"format\":\"wzapi/consent-receipt/v2\"",
            "malformed_receipt",
        ),
        ("{\"document\"", "{ \"document\"", "not_canonical"),
        ("\"proofs\":[", "\"proofs\":[1,", "malformed_receipt"),
        ("dpv:ConsentGiven", "dpv:ConsentGivem", "document_altered"),
        ("2027-01-05T09:30:00.250Z", "2027-01-06T09:30:00.250Z", "document_altered"),
        ("Kesar Crafts", "Kesar Krafts", "document_altered"),
        ("\"wzapi:index\":1", "\"wzapi:index\":2", "document_altered"),
        ("\\nindex 1\\n", "\\nindex 2\\n", "proof_refused"),
        ("\\nindex 1\\n", "\\nindex 01\\n", "proof_refused"),
        ("extra AQ", "extra Ag", "proof_refused"),
        ("c2sp.org/tlog-proof@v1", "c2sp.org/tlog-proof@v2", "proof_refused"),
        ("\\ndocument ", "\\ndocument 0", "signature_refused"),
        (
            "\"signature\":\"wzapi/consent-receipt/v1",
            "\"signature\":\"wzapi/consent-receipt/v2",
            "signature_refused",
        ),
    ] {
        assert_eq!(kind_after(from, to), kind, "{from} -> {to}");
    }
}

/// Every byte outside of the document is altered in turn, and every seventh in it, which one hash covers; none of these
/// files holds.
#[test]
fn no_byte_can_be_altered() {
    let file = file();
    let mut kinds = std::collections::BTreeMap::<&str, usize>::new();
    let end = file.find("\"format\"").unwrap();
    for place in (0..end).step_by(7).chain(end..file.len()) {
        let mut altered = file.clone().into_bytes();
        altered[place] ^= 1;
        let error = refusal(&altered).unwrap_or_else(|| panic!("byte {place} does not matter"));
        *kinds.entry(error.kind()).or_default() += 1;
    }
    for kind in
        ["not_canonical", "document_altered", "signature_refused", "proof_refused", "malformed_receipt"]
    {
        assert!(kinds.contains_key(kind), "{kind} among {kinds:?}");
    }
    for length in (0..file.len()).step_by(61) {
        assert!(refusal(&file.as_bytes()[..length]).is_some(), "cut to {length} bytes");
    }
}

/// The log itself signs a document that says something else than its entries do: no field can be turned.
#[test]
fn a_signed_document_that_disagrees_with_the_entries_is_refused() {
    let history = &histories()[1];
    let events: Vec<Value> = history.acts.iter().map(|(act, answers)| event(act, answers.as_ref())).collect();
    let document = json_of(&document_of(history, DocumentKind::Receipt, Language::English));
    let check = |document: &Value| {
        let bytes = canonical_bytes(document.as_object().unwrap()).unwrap();
        signed(&bytes, proofs_of(&events, 1)).verify(&[trusted()]).err()
    };
    assert_eq!(check(&document), None);
    let other = json!({"@id": "urn:uuid:53535353-5353-5353-5353-535353535353"});
    let moment = json!({"@type": "xsd:dateTime", "@value": "2027-01-01T00:00:00.000Z"});
    // The grant stands first and the withdrawal second.
    for (pointer, value, field) in [
        ("/dpv:hasDataSubject", other.clone(), "dpv:hasDataSubject"),
        ("/dpv:hasDataController", other.clone(), "dpv:hasDataController"),
        ("/dpv:hasConsentStatus/0/@type/0", json!("dpv:ConsentRefused"), "@type"),
        ("/dpv:hasConsentStatus/0/dpv:isIndicatedBy", other, "dpv:isIndicatedBy"),
        ("/dpv:hasConsentStatus/0/dpv:isIndicatedAtTime", moment.clone(), "dpv:isIndicatedAtTime"),
        ("/dpv:hasConsentStatus/0/dct:created", moment.clone(), "dct:created"),
        ("/dpv:hasConsentStatus/0/wzapi:expiresAt", moment, "wzapi:expiresAt"),
        ("/dpv:hasConsentStatus/0/dpv:hasIndicationMethod", json!("paper"), "dpv:hasIndicationMethod"),
        ("/dpv:hasConsentStatus/0/wzapi:purpose", json!("*"), "wzapi:purpose"),
        ("/dpv:hasConsentStatus/0/wzapi:channel", json!("*"), "wzapi:channel"),
        ("/dpv:hasConsentStatus/0/wzapi:sender", json!("x"), "wzapi:sender"),
        ("/dpv:hasConsentStatus/0/wzapi:imported", json!(true), "wzapi:imported"),
        ("/dpv:hasConsentStatus/0/wzapi:quarantine", json!("no_evidence"), "wzapi:quarantine"),
        ("/dpv:hasConsentStatus/0/wzapi:confirms", json!("x"), "wzapi:confirms"),
        ("/dpv:hasConsentStatus/0/wzapi:resolves", json!("x"), "wzapi:resolves"),
        ("/dpv:hasConsentStatus/0/wzapi:act", json!("withdrawn"), "wzapi:act"),
        ("/dpv:hasConsentStatus/0/dpv:hasNotice/dct:hasVersion", json!("4"), "dpv:hasNotice"),
        ("/dpv:hasConsentStatus/0/dpv:hasNotice/dct:language", json!("en"), "dpv:hasNotice"),
        ("/dpv:hasConsentStatus/0/dpv:hasNotice/dct:identifier", json!("00"), "dpv:hasNotice"),
    ] {
        let mut altered = document.clone();
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        match altered.pointer_mut(parent).unwrap() {
            Value::Array(items) => items[key.parse::<usize>().unwrap()] = value,
            parent => parent[key] = value,
        }
        assert_eq!(check(&altered), Some(ReceiptError::Disagrees { place: 1, field }), "{pointer}");
    }
    let mut less = document.clone();
    less["dpv:hasConsentStatus"].as_array_mut().unwrap().pop();
    assert!(matches!(check(&less), Some(ReceiptError::NotCited { .. })), "an act is not told");
    let mut twice = document.clone();
    let first = twice["dpv:hasConsentStatus"][0].clone();
    twice["dpv:hasConsentStatus"].as_array_mut().unwrap().push(first);
    assert_eq!(check(&twice), Some(ReceiptError::NotProved { place: 3 }));
    let mut expired = document;
    let end = json!({"@type": ["dpv:ConsentExpired"], "dpv:isIndicatedAtTime": {"@value": "2027-01-01T00:00:00.000Z"}});
    expired["dpv:hasConsentStatus"].as_array_mut().unwrap().push(end);
    assert_eq!(check(&expired), Some(ReceiptError::NotProved { place: 3 }), "an end that no grant has");
}

#[test]
fn only_the_log_whose_key_is_known_can_have_signed() {
    let history = &histories()[1];
    let events: Vec<Value> = history.acts.iter().map(|(act, answers)| event(act, answers.as_ref())).collect();
    let document = document_of(history, DocumentKind::Receipt, Language::English);
    let verify = |note: SignedNote, seed: u8, policies: &[CheckpointPolicy]| {
        Receipt::new(&document, note, proofs_of(&events, seed)).unwrap().verify(policies).err()
    };
    let statement = Statement::new(ORIGIN, document_hash(&document));
    let good = || statement.sign(&[&signer(1)]).unwrap();
    assert_eq!(verify(good(), 1, &[trusted()]), None);
    assert_eq!(verify(good(), 1, &[]), Some(ReceiptError::UnknownSigner));
    assert_eq!(
        verify(statement.sign(&[&signer(2)]).unwrap(), 1, &[trusted()]),
        Some(ReceiptError::UnknownSigner)
    );
    assert_eq!(verify(good(), 2, &[trusted()]).unwrap().kind(), "proof_refused");

    let other = Statement::new("wzapi.invalid/log/other", document_hash(&document));
    assert_eq!(
        verify(other.sign(&[&signer(1)]).unwrap(), 1, &[trusted()]),
        Some(ReceiptError::OtherStatement)
    );
    let checkpoint = proofs_of(&events, 1).remove(0).checkpoint().clone();
    assert_eq!(
        verify(checkpoint, 1, &[trusted()]),
        Some(ReceiptError::OtherStatement),
        "a checkpoint is no receipt"
    );

    // Another log's proofs under our log's signature.
    let elsewhere = Signer::from_seed(KeyName::new("wzapi.invalid/log/other").unwrap(), &[1; 32]).unwrap();
    let policy = CheckpointPolicy::for_log(vec![elsewhere.verifier_key().clone()]).unwrap();
    assert_eq!(
        verify(other.sign(&[&elsewhere]).unwrap(), 1, &[policy]),
        Some(ReceiptError::UnknownLog { place: 1 })
    );
}
