//! What a JSON-LD processor that is not ours reads in the documents.

use std::collections::{BTreeMap, BTreeSet};

use oxjsonld::JsonLdParser;
use oxrdf::{NamedOrBlankNode, Quad, Term};
use wzapi_policy::language::Language;
use wzapi_receipt::DocumentKind;

use crate::synthetic::{CONTROLLER, ORIGIN, PERSON, document_of, histories};

const RDF_TYPE: &str = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type";
const DPV: &str = "https://w3id.org/dpv#";

fn quads(document: &[u8]) -> Vec<Quad> {
    JsonLdParser::new().for_slice(document).collect::<Result<Vec<_>, _>>().unwrap()
}

fn document(name: &str, kind: DocumentKind) -> Vec<u8> {
    let history = histories().into_iter().find(|history| history.name == name).unwrap();
    document_of(&history, kind, Language::English)
}

/// Predicates as paths from the root: what the shape of a graph is, whatever its blank nodes are called.
fn paths(quads: &[Quad], root: &NamedOrBlankNode, deep: usize) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for quad in quads.iter().filter(|quad| quad.subject == *root && deep > 0) {
        let step = quad.predicate.as_str().replace(DPV, "dpv:").replace("http://purl.org/dc/terms/", "dct:");
        found.insert(step.clone());
        let next = match &quad.object {
            Term::NamedNode(node) => Some(NamedOrBlankNode::from(node.clone())),
            Term::BlankNode(node) => Some(node.clone().into()),
            _ => None,
        };
        for path in next.iter().flat_map(|next| paths(quads, next, deep - 1)) {
            found.insert(format!("{step}/{path}"));
        }
    }
    found
}

fn root(quads: &[Quad]) -> NamedOrBlankNode {
    let is_record = |quad: &&Quad| {
        quad.predicate.as_str() == RDF_TYPE && quad.object.to_string() == format!("<{DPV}ConsentRecord>")
    };
    let roots: Vec<_> = quads.iter().filter(is_record).collect();
    assert_eq!(roots.len(), 1);
    roots[0].subject.clone()
}

/// Every statement with a blank node written by its types alone.
fn statements(quads: &[Quad]) -> BTreeSet<String> {
    let mut types: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for quad in quads.iter().filter(|quad| quad.predicate.as_str() == RDF_TYPE) {
        types.entry(quad.subject.to_string()).or_default().insert(short(&quad.object.to_string()));
    }
    let named = |node: String| {
        let known = types.get(&node).map(|types| types.iter().cloned().collect::<Vec<_>>().join("+"));
        if node.starts_with("_:") { format!("[{}]", known.unwrap_or_default()) } else { short(&node) }
    };
    let line = |quad: &Quad| {
        let (subject, object) = (named(quad.subject.to_string()), named(quad.object.to_string()));
        format!("{subject} {} {object}", short(&quad.predicate.to_string()))
    };
    quads.iter().map(line).collect()
}

fn short(term: &str) -> String {
    [
        (DPV, "dpv:"),
        ("http://purl.org/dc/terms/", "dct:"),
        ("https://w3id.org/dpv/pd#", "pd:"),
        ("https://w3id.org/dpv/loc#", "loc:"),
        ("https://wzapi.invalid/ns/consent#", "wzapi:"),
        ("http://www.w3.org/2001/XMLSchema#", "xsd:"),
        ("http://www.w3.org/1999/02/22-rdf-syntax-ns#", "rdf:"),
        ("http://xmlns.com/foaf/0.1/", "foaf:"),
    ]
    .into_iter()
    .fold(term.to_owned(), |text, (long, prefix)| text.replace(long, prefix))
}

#[test]
fn another_processor_reads_the_statements_that_are_meant() {
    let quads = quads(&document("withdrawn", DocumentKind::Receipt));
    let found = statements(&quads);
    let record = short(&root(&quads).to_string());
    let given = "[dpv:ConsentGiven+dpv:ExplicitlyExpressedConsent]";
    let given = given.replace(
        "dpv:ConsentGiven+dpv:ExplicitlyExpressedConsent",
        "<dpv:ConsentGiven>+<dpv:ExplicitlyExpressedConsent>",
    );
    let withdrawn = "[<dpv:ConsentWithdrawn>]";
    for expected in [
        format!("{record} <rdf:type> <dpv:ConsentRecord>"),
        format!("{record} <dct:conformsTo> <https://w3id.org/dpv/schema/dpv-27560#receipt>"),
        format!("{record} <dpv:hasDataSubject> <urn:uuid:{PERSON}>"),
        format!("{record} <dpv:hasDataController> <urn:uuid:{CONTROLLER}>"),
        format!("<urn:uuid:{PERSON}> <rdf:type> <dpv:DataSubject>"),
        format!("<urn:uuid:{CONTROLLER}> <foaf:name> \"Kesar Crafts\""),
        format!("<urn:uuid:{CONTROLLER}> <foaf:mbox> <mailto:privacy@kesar-crafts.example>"),
        format!("{record} <dpv:hasConsentStatus> {given}"),
        format!("{record} <dpv:hasConsentStatus> {withdrawn}"),
        format!("{given} <dpv:isIndicatedBy> <dpv:DataSubject>"),
        format!("{given} <dpv:isIndicatedAtTime> \"2026-11-22T12:00:00.000Z\"^^<xsd:dateTime>"),
        format!("{given} <dpv:hasNotice> [<dpv:ConsentNotice>]"),
        format!("{withdrawn} <dpv:isIndicatedAtTime> \"2027-01-05T09:30:00.250Z\"^^<xsd:dateTime>"),
        format!("{withdrawn} <dpv:hasIndicationMethod> \"keyword\""),
        format!("{withdrawn} <wzapi:purpose> \"*marketing\""),
        format!("{withdrawn} <wzapi:log> \"{ORIGIN}\""),
        format!("{withdrawn} <wzapi:index> \"1\"^^<xsd:integer>"),
        format!("{withdrawn} <wzapi:imported> \"false\"^^<xsd:boolean>"),
        "[<dpv:Process>] <dpv:hasPurpose> [<dpv:DirectMarketing>]".to_owned(),
        "[<dpv:Process>] <dpv:hasLegalBasis> <dpv:Consent>".to_owned(),
        "[<dpv:Process>] <dpv:hasPersonalData> [<pd:TelephoneNumber>]".to_owned(),
        "[<dpv:Process>] <dpv:hasProcessing> <dpv:Transmit>".to_owned(),
        "[<dpv:StorageDuration>] <dpv:hasDuration> \"P24M\"".to_owned(),
        "[<dpv:DirectMarketing>] <dct:title> \"Offers\"@en".to_owned(),
        "[<dpv:ConsentNotice>] <dct:language> \"hi\"".to_owned(),
    ] {
        assert!(
            found.contains(&expected),
            "{expected}\nis not among\n{}",
            found.iter().cloned().collect::<Vec<_>>().join("\n")
        );
    }
}

/// No key is dropped, as processors do with what they cannot expand: each leaf of the JSON is a statement.
#[test]
fn nothing_of_the_document_is_lost_on_the_way() {
    fn leaves(value: &serde_json::Value) -> usize {
        match value {
            serde_json::Value::Array(items) => items.iter().map(leaves).sum(),
            serde_json::Value::Object(fields) => fields
                .iter()
                .filter(|(key, _)| !["@context", "@id", "@value", "@language"].contains(&key.as_str()))
                .map(|(key, field)| {
                    let here = field.as_array().map_or(1, Vec::len);
                    let typed = key == "@type" && fields.contains_key("@value");
                    if typed { 0 } else { here + if key == "@type" { 0 } else { leaves(field) } }
                })
                .sum(),
            _ => 0,
        }
    }
    for history in histories() {
        for kind in [DocumentKind::Record, DocumentKind::Receipt] {
            let document = document_of(&history, kind, Language::English);
            let expected = leaves(&serde_json::from_slice(&document).unwrap());
            assert_eq!(quads(&document).len(), expected, "{}", history.name);
        }
    }
}

/// What the example that DPV publishes says about a consent, our documents say under the same properties. Three of its
/// properties are left out: what is asked of whom under which law is told by the regimes' places, and `skos:broader` and
/// `dct:coverage` say nothing that a policy knows.
#[test]
fn the_shape_is_that_of_the_published_example() {
    let example = include_str!("../../data/dpv/27560-record-minimal.repaired.jsonld");
    let example: serde_json::Value = serde_json::from_str(example).unwrap();
    let properties = |object: &serde_json::Value| -> BTreeSet<String> {
        object.as_object().unwrap().keys().filter(|key| !key.starts_with('@')).cloned().collect()
    };
    let ours: serde_json::Value =
        serde_json::from_slice(&document("withdrawn", DocumentKind::Record)).unwrap();
    let missing = |pointer: &str| -> Vec<String> {
        let (theirs, own) = (example.pointer(pointer).unwrap(), ours.pointer(pointer).unwrap());
        properties(theirs).difference(&properties(own)).cloned().collect()
    };
    assert_eq!(missing(""), ["dpv:hasApplicableLaw"]);
    assert_eq!(missing("/dpv:hasProcess/0"), [""; 0]);
    assert_eq!(missing("/dpv:hasConsentStatus/0"), [""; 0]);
    assert_eq!(missing("/dpv:hasConsentControl"), [""; 0]);
    assert_eq!(missing("/dpv:hasRight/0"), [""; 0]);
    assert_eq!(missing("/dpv:hasNotice"), ["dct:coverage"]);
    assert_eq!(missing("/dpv:hasDataSubject"), ["skos:broader"]);
}

/// The fields that ISO/IEC TS 27560:2023 asks for in every record, under the properties to which DPV maps them.
#[test]
fn each_field_that_the_specification_asks_for_is_there() {
    const MANDATORY: [(&str, &str); 19] = [
        ("schema version", "dct:conformsTo"),
        ("record id", "dct:identifier"),
        ("PII principal id", "dpv:hasDataSubject"),
        ("PII controller", "dpv:hasDataController"),
        ("privacy notice", "dpv:hasNotice"),
        ("notice language", "dpv:hasNotice/dct:language"),
        ("purpose", "dpv:hasProcess/dpv:hasPurpose"),
        ("lawful basis", "dpv:hasProcess/dpv:hasLegalBasis"),
        ("PII information", "dpv:hasProcess/dpv:hasPersonalData"),
        ("processing", "dpv:hasProcess/dpv:hasProcessing"),
        ("recipients", "dpv:hasProcess/dpv:hasRecipient"),
        ("retention period", "dpv:hasProcess/dpv:hasStorageCondition/dpv:hasDuration"),
        ("jurisdiction", "dpv:hasJurisdiction"),
        ("withdrawal method", "dpv:hasConsentControl/dpv:isExercisedAt"),
        ("privacy rights", "dpv:hasRight/dpv:isExercisedAt"),
        ("event time", "dpv:hasConsentStatus/dpv:isIndicatedAtTime"),
        ("event state", "dpv:hasConsentStatus/http://www.w3.org/1999/02/22-rdf-syntax-ns#type"),
        ("entity id", "dpv:hasConsentStatus/dpv:isIndicatedBy"),
        ("event type", "dpv:hasConsentStatus/dpv:hasIndicationMethod"),
    ];
    for history in histories() {
        for kind in [DocumentKind::Record, DocumentKind::Receipt] {
            let quads = quads(&document_of(&history, kind, Language::English));
            let paths = paths(&quads, &root(&quads), 4);
            for (field, path) in MANDATORY {
                assert!(paths.contains(path), "{}: {field} ({path})", history.name);
            }
        }
    }
}
