//! Who is concerned: the person, the controller and where to turn to, recipients, and what everybody was told.

use serde_json::{Map, Value, json};
use wzapi_policy::Policy;
use wzapi_policy::file::Recipient;
use wzapi_policy::term::Term as _;

use super::words::Words;
use super::{Contents, Subject, derived_id, node, urn};
use crate::vocabulary;

/// The person, by the random id that the controller uses, and nothing else.
pub(super) fn person(subject: &Subject) -> Value {
    let mut person = json!({"@id": urn(&subject.subject.to_string()), "@type": "dpv:DataSubject"});
    let former: Vec<Value> =
        subject.former.iter().map(|former| json!({"@id": urn(&former.to_string())})).collect();
    if let Some(fields) = person.as_object_mut().filter(|_| !former.is_empty()) {
        fields.insert("dct:replaces".to_owned(), former.into());
    }
    person
}

/// The controller with the contact point (policy clause 9).
pub(super) fn controller(contents: &Contents<'_>, words: &Words) -> Value {
    let (controller, contact) = (&contents.policy.controller, &contents.policy.contact);
    let mut node = Map::new();
    let mut put = |key: &str, value: Value| node.insert(key.to_owned(), value);
    put("@id", urn(&contents.subject.controller.to_string()));
    put("dct:title", words.text(&contact.team));
    put("foaf:homepage", super::node(&contact.website));
    put("foaf:mbox", super::node(&mailto(contents.policy)));
    put("foaf:name", controller.name.as_str().into());
    if let Some(operator) = &controller.operator {
        put("dct:publisher", operator.as_str().into());
    }
    if let Some(phone) = &contact.phone {
        put("foaf:phone", super::node(&format!("tel:{}", phone.replace(' ', ""))));
    }
    node.into()
}

pub(super) fn mailto(policy: &Policy) -> String {
    format!("mailto:{}", policy.contact.email)
}

/// Those who get data for the purpose.
pub(super) fn recipients(contents: &Contents<'_>, words: &Words) -> Vec<Value> {
    let each = for_purpose(contents).map(|(name, recipient)| {
        let countries = recipient.countries.iter().map(|country| node(&format!("loc:{country}")));
        json!({
            "@id": id_of(contents, name),
            "dct:title": words.text(&recipient.label),
            "dct:type": recipient.kind.as_str(),
            "dpv:hasLocation": countries.collect::<Vec<_>>(),
        })
    });
    each.collect()
}

/// Those of them who act on the controller's behalf.
pub(super) fn processors(contents: &Contents<'_>) -> Value {
    let processors =
        for_purpose(contents).filter(|(_, recipient)| vocabulary::role(recipient.role).is_some());
    processors.map(|(name, _)| json!({"@id": id_of(contents, name)})).collect()
}

fn for_purpose<'a>(contents: &Contents<'a>) -> impl Iterator<Item = (&'a String, &'a Recipient)> {
    let purpose = contents.purpose;
    contents.policy.recipients.iter().filter(move |(_, recipient)| {
        recipient.agreement.as_ref().is_some_and(|agreement| agreement.purposes.contains(purpose))
    })
}

fn id_of(contents: &Contents<'_>, recipient: &str) -> Value {
    urn(&derived_id(&["recipient", &contents.subject.controller.to_string(), recipient]))
}

/// The places whose law protects the controller's people.
pub(super) fn jurisdictions(policy: &Policy) -> Value {
    policy.regimes.keys().map(|regime| node(&format!("loc:{}", location(regime.code())))).collect()
}

/// Regimes have the codes of ISO 3166, but for the United Kingdom.
fn location(code: &str) -> &str {
    if code == "UK" { "GB" } else { code }
}

/// The notice in force. What a person was shown when acting stands with the act.
pub(super) fn notice(policy: &Policy, words: &Words) -> Value {
    json!({
        "@type": "dpv:ConsentNotice",
        "dct:date": {"@type": "xsd:date", "@value": policy.effective.to_string()},
        "dct:identifier": policy.content_hash().to_string(),
        "dct:language": words.codes(),
        "dct:title": words.text(&policy.title),
        "foaf:page": node(&policy.contact.website),
    })
}
