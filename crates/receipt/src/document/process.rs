//! What is done for the purpose, with which data, how long, and what the person can do about it.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use wzapi_policy::file::{Category, Purpose};
use wzapi_policy::period::Period;
use wzapi_policy::term::Term as _;

use super::words::Words;
use super::{Contents, node, parties};
use crate::vocabulary;

/// The purpose with everything that belongs to it.
pub(super) fn process(
    contents: &Contents<'_>,
    declared: &Purpose,
    words: &Words,
    recipients: Vec<Value>,
) -> Value {
    let bases: BTreeSet<&str> =
        declared.basis.values().map(|basis| vocabulary::legal_basis(*basis)).collect();
    let processing = vocabulary::processing(declared, !recipients.is_empty());
    let mut process = Map::new();
    let mut put = |key: &str, value: Value| {
        if !matches!(&value, Value::Array(items) if items.is_empty()) {
            process.insert(key.to_owned(), value);
        }
    };
    put("@type", "dpv:Process".into());
    put("dpv:hasLegalBasis", bases.into_iter().map(node).collect());
    put("dpv:hasPersonalData", categories(contents, declared).map(|one| data(one, words)).collect());
    put("dpv:hasProcessing", processing.into_iter().map(node).collect());
    put("dpv:hasPurpose", purpose(contents, declared, words));
    put("dpv:hasRecipient", recipients.into());
    put("dpv:hasStorageCondition", categories(contents, declared).flat_map(storage).collect());
    process.into()
}

fn purpose(contents: &Contents<'_>, declared: &Purpose, words: &Words) -> Value {
    let mut purpose = json!({
        "@type": vocabulary::purpose(contents.purpose, declared),
        "dct:identifier": contents.purpose.as_str(),
        "dct:title": words.text(&declared.label),
    });
    if let (Some(fields), Some(description)) = (purpose.as_object_mut(), &declared.description) {
        fields.insert("dct:description".to_owned(), words.text(description));
    }
    purpose
}

fn categories<'a>(
    contents: &Contents<'a>,
    declared: &'a Purpose,
) -> impl Iterator<Item = (&'a str, &'a Category)> {
    let policy = contents.policy;
    declared.categories.iter().filter_map(|name| Some((name.as_str(), policy.category(name)?)))
}

fn data((name, category): (&str, &Category), words: &Words) -> Value {
    json!({
        "@type": category.dpv.as_deref().unwrap_or("dpv:PersonalData"),
        "dct:identifier": name,
        "dct:title": words.text(&category.label),
    })
}

/// How long records of the category are kept, a condition for each ground.
fn storage<'a>((name, category): (&'a str, &'a Category)) -> impl Iterator<Item = Value> + use<'a> {
    // Their order in the file says nothing.
    let grounds: BTreeSet<_> = category.retention.iter().collect();
    grounds.into_iter().map(move |ground| {
        let mut condition = json!({
            "@type": "dpv:StorageDuration",
            "dct:subject": name,
            "dct:type": ground.kind.as_str(),
            "dpv:hasDuration": duration(ground.period),
            "wzapi:from": ground.trigger.as_str(),
        });
        if let (Some(fields), Some(citation)) = (condition.as_object_mut(), &ground.citation) {
            fields.insert("dct:source".to_owned(), citation.as_str().into());
        }
        condition
    })
}

/// ISO 8601, as the calendar counts.
fn duration(period: Period) -> String {
    match period {
        Period::Days(days) => format!("P{days}D"),
        Period::Months(months) => format!("P{months}M"),
        Period::Years(years) => format!("P{years}Y"),
    }
}

/// How consent is given and withdrawn. The contact point always can be asked.
pub(super) fn control(contents: &Contents<'_>, declared: &Purpose, words: &Words) -> Value {
    let ways: Vec<_> = declared.withdrawal.iter().copied().collect();
    let described = ways.iter().flat_map(|way| {
        let Value::Array(texts) =
            words.each(|language| Some(vocabulary::withdrawal(*way, language).to_owned()))
        else {
            return Vec::new();
        };
        texts
    });
    let mut control = json!({
        "@type": ["dpv:ProvideConsent", "dpv:WithdrawConsent"],
        "dpv:isExercisedAt": [node(&contents.policy.contact.website), node(&parties::mailto(contents.policy))],
    });
    let described: Vec<Value> = described.collect();
    if let Some(fields) = control.as_object_mut().filter(|_| !ways.is_empty()) {
        fields.insert("dct:description".to_owned(), described.into());
        let names: Vec<&str> = ways.iter().map(|way| way.as_str()).collect();
        fields.insert("dct:type".to_owned(), names.into());
    }
    control
}

/// What the person can ask for, and where (policy clauses 7 and 9).
pub(super) fn rights(contents: &Contents<'_>, words: &Words) -> Value {
    let each = contents.policy.rights.iter().map(|(kind, right)| {
        let mut node_of = json!({
            "@type": "dpv:DataSubjectRight",
            "dct:identifier": kind.as_str(),
            "dct:title": words.text(&right.label),
            "dct:type": right.ask.iter().map(|way| way.as_str()).collect::<Vec<_>>(),
            "dpv:isExercisedAt": node(&parties::mailto(contents.policy)),
        });
        let mut put = |key: &str, value: Value| {
            if let Some(fields) = node_of.as_object_mut() {
                fields.insert(key.to_owned(), value);
            }
        };
        if let Some(description) = &right.description {
            put("dct:description", words.text(description));
        }
        if !right.citations.is_empty() {
            put("dct:source", right.citations.values().map(String::as_str).collect::<Vec<_>>().into());
        }
        node_of
    });
    each.collect()
}
