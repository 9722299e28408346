//! From acts and policy to the document.

mod acts;
mod parties;
mod process;
mod words;

use serde_json::{Map, Value, json};
use wzapi_consent::history::PastAct;
use wzapi_ledger::event::canonical_bytes;
use wzapi_ledger::proof::receipt::document_hash;
use wzapi_model::Timestamp;
use wzapi_model::ids::{ControllerId, SubjectId};
use wzapi_model::name::PurposeId;
use wzapi_policy::Policy;
use wzapi_policy::file::Purpose;
use wzapi_policy::language::Language;

use crate::error::IssueError;

use words::Words;

/// The schema of the document, with its version.
pub const SCHEMA: &str = "https://wzapi.invalid/schemas/consent-receipt/1";

/// Where the terms that the vocabulary lacks are.
pub const NAMESPACE: &str = "https://wzapi.invalid/ns/consent#";

/// Whose document it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DocumentKind {
    /// The controller's own, in every language of the policy.
    Record,
    /// The person's copy, in one language.
    Receipt,
}

impl DocumentKind {
    /// The name that files and the ledger use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Record => "record",
            Self::Receipt => "receipt",
        }
    }

    /// The profile of DPV that the document follows.
    #[must_use]
    pub const fn profile(self) -> &'static str {
        match self {
            Self::Record => "https://w3id.org/dpv/schema/dpv-27560#record",
            Self::Receipt => "https://w3id.org/dpv/schema/dpv-27560#receipt",
        }
    }
}

/// An act, and where its entry stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CitedAct {
    /// The act.
    pub act: PastAct,
    /// The origin of the log.
    pub log: String,
    /// The index of the entry.
    pub index: u64,
    /// The entry of the act that this one answers, and how: it `confirms` a grant (double opt-in), or `resolves` a
    /// doubt. Only the entry tells.
    pub answers: Option<(&'static str, String)>,
}

/// Whom the document is about, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// The controller.
    pub controller: ControllerId,
    /// The person.
    pub subject: SubjectId,
    /// Other ids under which the same person was recorded, sorted.
    pub former: Vec<SubjectId>,
}

/// Everything that a document is made of.
#[derive(Debug, Clone, Copy)]
pub struct Contents<'a> {
    /// Whose it is.
    pub kind: DocumentKind,
    /// Whom it is about.
    pub subject: &'a Subject,
    /// The purpose.
    pub purpose: &'a PurposeId,
    /// The policy in force.
    pub policy: &'a Policy,
    /// The language of a receipt, and the first one of a record.
    pub language: Language,
    /// The acts, in any order.
    pub acts: &'a [CitedAct],
    /// Which grants have run out by now.
    pub now: Timestamp,
}

/// The document, in canonical bytes. The same contents give the same bytes: it says nothing about when it was made.
///
/// # Errors
/// [`IssueError::UndeclaredPurpose`], [`IssueError::UndeclaredLanguage`]; [`IssueError::NothingOnRecord`] without
/// acts; [`IssueError::Ledger`] for a text that cannot be written canonically.
pub fn build(contents: &Contents<'_>) -> Result<Vec<u8>, IssueError> {
    let declared = contents.policy.purposes.get(contents.purpose).ok_or(IssueError::UndeclaredPurpose)?;
    if !contents.policy.languages.contains(&contents.language) {
        return Err(IssueError::UndeclaredLanguage);
    }
    if contents.acts.is_empty() {
        return Err(IssueError::NothingOnRecord);
    }
    Ok(canonical_bytes(&object(contents, declared))?)
}

fn object(contents: &Contents<'_>, declared: &Purpose) -> Map<String, Value> {
    let Contents { kind, subject, policy, purpose, .. } = *contents;
    let words = Words::of(contents);
    let record = id_of(DocumentKind::Record, subject, purpose);
    let own = id_of(kind, subject, purpose);
    let recipients = parties::recipients(contents, &words);
    let mut document = Map::new();
    let mut put = |key: &str, value: Value| {
        if !matches!(&value, Value::Array(items) if items.is_empty()) {
            document.insert(key.to_owned(), value);
        }
    };
    put("@context", context());
    put("@id", urn(&own));
    put("@type", "dpv:ConsentRecord".into());
    put("dct:conformsTo", json!([{"@id": kind.profile()}, {"@id": SCHEMA}]));
    put("dct:identifier", own.clone().into());
    if kind == DocumentKind::Receipt {
        put("dct:isFormatOf", json!({"@id": urn(&record)}));
    }
    put("dct:language", words.codes());
    put("dpv:hasDataSubject", parties::person(subject));
    put("dpv:hasDataController", parties::controller(contents, &words));
    put("dpv:hasDataProcessor", parties::processors(contents));
    put("dpv:hasJurisdiction", parties::jurisdictions(policy));
    put("dpv:hasNotice", parties::notice(policy, &words));
    put("dpv:hasProcess", json!([process::process(contents, declared, &words, recipients)]));
    put("dpv:hasConsentControl", process::control(contents, declared, &words));
    put("dpv:hasRight", process::rights(contents, &words));
    put("dpv:hasConsentStatus", acts::acts(contents));
    document
}

/// The prefixes, in the document itself: nobody has to fetch a context from anywhere.
fn context() -> Value {
    json!({
        "dct": "http://purl.org/dc/terms/",
        "dpv": "https://w3id.org/dpv#",
        "foaf": "http://xmlns.com/foaf/0.1/",
        "loc": "https://w3id.org/dpv/loc#",
        "pd": "https://w3id.org/dpv/pd#",
        "wzapi": NAMESPACE,
        "xsd": "http://www.w3.org/2001/XMLSchema#",
    })
}

/// The id of a document: the same for the same person and purpose, and for nobody else at another controller. A UUID of
/// version 8 (RFC 9562, section 5.8).
fn id_of(kind: DocumentKind, subject: &Subject, purpose: &PurposeId) -> String {
    derived_id(&[
        kind.as_str(),
        &subject.controller.to_string(),
        &subject.subject.to_string(),
        purpose.as_str(),
    ])
}

fn derived_id(parts: &[&str]) -> String {
    let hash = document_hash(parts.join("\n").as_bytes());
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(hash.as_bytes()).for_each(|(to, from)| *to = *from);
    let mut number = u128::from_be_bytes(bytes);
    // Version and variant have their places in the 128 bits.
    number = number & !(0xf << 76) | 0x8 << 76;
    number = number & !(0x3 << 62) | 0x2 << 62;
    let hex = format!("{number:032x}");
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
}

fn urn(id: &str) -> Value {
    format!("urn:uuid:{id}").into()
}

fn node(iri: &str) -> Value {
    json!({"@id": iri})
}

fn moment(at: Timestamp) -> Value {
    json!({"@type": "xsd:dateTime", "@value": at.to_string()})
}
