//! Every term that documents use exists in the vocabulary of `data/dpv`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;
use wzapi_model::basis::LegalBasis;
use wzapi_model::consent::{ConsentMethod, ConsentState};
use wzapi_policy::language::Language;
use wzapi_receipt::{DocumentKind, vocabulary};

use crate::synthetic::{document_of, histories, json_of, policy};

/// Terms of other vocabularies than DPV: DCMI Metadata Terms, FOAF, XML Schema, and our own.
const OTHER: &[&str] = &[
    "dct:conformsTo",
    "dct:created",
    "dct:date",
    "dct:description",
    "dct:hasVersion",
    "dct:identifier",
    "dct:isFormatOf",
    "dct:language",
    "dct:publisher",
    "dct:replaces",
    "dct:source",
    "dct:subject",
    "dct:title",
    "dct:type",
    "foaf:homepage",
    "foaf:mbox",
    "foaf:name",
    "foaf:page",
    "foaf:phone",
    "xsd:date",
    "xsd:dateTime",
    "wzapi:Guardian",
    "wzapi:act",
    "wzapi:channel",
    "wzapi:confirms",
    "wzapi:expiresAt",
    "wzapi:from",
    "wzapi:imported",
    "wzapi:index",
    "wzapi:log",
    "wzapi:purpose",
    "wzapi:quarantine",
    "wzapi:resolves",
    "wzapi:sender",
];

const PREFIXES: [&str; 7] = ["dct", "dpv", "foaf", "loc", "pd", "wzapi", "xsd"];

/// What is wrong with a term.
#[derive(Debug, PartialEq, Eq)]
struct Unknown(String);

struct Vocabulary(BTreeSet<String>);

impl Vocabulary {
    /// The first column of the tables, under the prefix that the last but one names; and the terms of the example, which
    /// stand in modules of DPV that are not copied here.
    fn read() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/dpv");
        let mut terms = BTreeSet::new();
        for file in fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()) {
            if file.extension().is_some_and(|extension| extension == "csv") {
                for line in fs::read_to_string(&file).unwrap().lines().skip(1) {
                    let cells: Vec<&str> = line.trim_matches('"').split("\",\"").collect();
                    if let ([term, _, iri, ..], Some(prefix)) = (cells.as_slice(), cells.iter().rev().nth(1))
                    {
                        assert!(iri.ends_with(&format!("#{term}")), "{line}");
                        terms.insert(format!("{prefix}:{term}"));
                    }
                }
            }
        }
        let example = fs::read_to_string(folder.join("27560-record-minimal.repaired.jsonld")).unwrap();
        each_text(&serde_json::from_str(&example).unwrap(), &mut |text| {
            if text.starts_with("dpv:") {
                terms.insert(text.to_owned());
            }
        });
        Self(terms)
    }

    fn check(&self, text: &str) -> Result<(), Unknown> {
        let Some((prefix, name)) = text.split_once(':').filter(|(prefix, _)| PREFIXES.contains(prefix))
        else {
            return Ok(());
        };
        // Countries and unions, by ISO 3166; the module of places is not copied.
        let is_place = prefix == "loc"
            && (2..=5).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_uppercase() || b == b'-');
        let is_known = is_place || self.0.contains(text) || OTHER.contains(&text);
        if is_known { Ok(()) } else { Err(Unknown(text.to_owned())) }
    }

    /// All keys, ids and types of a document.
    fn check_document(&self, document: &Value) -> Vec<Unknown> {
        let mut unknown = Vec::new();
        each_text(document, &mut |text| unknown.extend(self.check(text).err()));
        unknown
    }
}

/// Keys and texts, but for the context and for literals.
fn each_text(value: &Value, look: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => look(text),
        Value::Array(items) => items.iter().for_each(|item| each_text(item, look)),
        Value::Object(fields) => {
            for (key, field) in fields {
                look(key);
                if key != "@context" && key != "@value" {
                    each_text(field, look);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[test]
fn every_term_of_every_document_is_known() {
    let vocabulary = Vocabulary::read();
    assert!(vocabulary.0.len() > 400, "{} terms", vocabulary.0.len());
    for history in histories() {
        for kind in [DocumentKind::Record, DocumentKind::Receipt] {
            let document = json_of(&document_of(&history, kind, Language::English));
            assert_eq!(vocabulary.check_document(&document), [], "{}", history.name);
        }
    }
}

#[test]
fn a_term_that_does_not_exist_is_found() {
    let vocabulary = Vocabulary::read();
    let history = &histories()[0];
    let document = json_of(&document_of(history, DocumentKind::Record, Language::English));
    for pointer in ["/@type", "/dpv:hasDataSubject/@type", "/dpv:hasProcess/0/dpv:hasProcessing/0/@id"] {
        let mut altered = document.clone();
        *altered.pointer_mut(pointer).unwrap() = "dpv:ConsentSold".into();
        assert_eq!(vocabulary.check_document(&altered), [Unknown("dpv:ConsentSold".to_owned())], "{pointer}");
    }
    let mut altered = document.clone();
    altered["dpv:hasTrade"] = 1.into();
    assert_eq!(vocabulary.check_document(&altered), [Unknown("dpv:hasTrade".to_owned())]);
}

#[test]
fn every_term_that_could_be_used_is_known() {
    let known = Vocabulary::read();
    let policies =
        [policy(), wzapi_policy::parse(include_str!("../../../../policies/wzapi.toml"), "policy").unwrap()];
    let mut used: Vec<String> = Vec::new();
    for policy in &policies {
        for (name, declared) in &policy.purposes {
            used.push(vocabulary::purpose(name, declared).to_owned());
            used.extend(vocabulary::processing(declared, true).into_iter().map(str::to_owned));
        }
        used.extend(policy.categories.values().filter_map(|category| category.dpv.clone()));
    }
    let bases = [
        LegalBasis::Consent,
        LegalBasis::Contract,
        LegalBasis::LegalObligation,
        LegalBasis::VitalInterests,
        LegalBasis::PublicTask,
        LegalBasis::LegitimateInterests,
    ];
    used.extend(bases.map(|basis| vocabulary::legal_basis(basis).to_owned()));
    used.extend(ConsentMethod::ALL.map(|method| vocabulary::consent_type(method).to_owned()));
    used.extend(ConsentState::ALL.map(|state| state.dpv_term().to_owned()));
    assert!(used.len() > 40);
    let unknown: Vec<_> = used.iter().filter_map(|term| known.check(term).err()).collect();
    assert_eq!(unknown, []);
}

#[test]
fn the_profiles_exist() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/dpv");
    let profiles = fs::read_to_string(folder.join("dpv-27560.ttl")).unwrap();
    for kind in [DocumentKind::Record, DocumentKind::Receipt] {
        let (_, name) = kind.profile().rsplit_once('#').unwrap();
        assert!(profiles.contains(&format!("\ndpv-27560:{name} a ")), "{name}");
    }
}
