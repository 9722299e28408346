//! Every recipient is bound by an agreement, and gets no more than it covers.

use crate::file::{Agreement, PolicyFile, Recipient};
use crate::finding::Code;
use crate::syntax::Reader;

pub(super) fn check(reader: &mut Reader<'_>, file: &PolicyFile) {
    for (name, recipient) in &file.recipients {
        let path = format!("recipients.{name}");
        match &recipient.agreement {
            Some(terms) => agreement(reader, file, terms, &format!("{path}.agreement")),
            None => reader.add(
                Code::RecipientWithoutAgreement,
                &format!("{path}.agreement"),
                "the recipient is bound by no agreement",
                format!("add `[recipients.{name}.agreement]` (GDPR Art. 28(3))"),
            ),
        }
        super::countries(reader, &recipient.countries, &format!("{path}.countries"));
        transfers(reader, file, recipient, &path);
    }
}

fn agreement(reader: &mut Reader<'_>, file: &PolicyFile, agreement: &Agreement, path: &str) {
    if !agreement.confidentiality {
        reader.add(
            Code::NoConfidentiality,
            &format!("{path}.confidentiality"),
            "the agreement does not bind the recipient to confidentiality",
            "agree on it and write `confidentiality = true`",
        );
    }
    if !agreement.is_in_force(file.effective) {
        reader.add(
            Code::AgreementNotInForce,
            &format!("{path}.from"),
            format!("the agreement is not in force on {}, when the policy takes effect", file.effective),
            "renew it, or take the recipient out",
        );
    }
    for (key, is_empty) in
        [("categories", agreement.categories.is_empty()), ("purposes", agreement.purposes.is_empty())]
    {
        if is_empty {
            reader.add(
                Code::EmptyAgreement,
                &format!("{path}.{key}"),
                format!("the agreement covers no {key}"),
                format!("add `{key}`, or take the recipient out"),
            );
        }
    }
    for purpose in agreement.purposes.iter().filter(|purpose| !file.purposes.contains_key(purpose)) {
        reader.add(
            Code::UnknownPurpose,
            &format!("{path}.purposes"),
            format!("`{purpose}` is not declared"),
            format!("add `[purposes.{purpose}]`, or correct the name"),
        );
    }
    for category in &agreement.categories {
        let path = format!("{path}.categories");
        if !file.categories.contains_key(category) {
            reader.add(
                Code::UnknownCategory,
                &path,
                format!("`{category}` is not declared"),
                format!("add `[categories.{category}]`, or correct the name"),
            );
        } else if !uses(file, agreement, category) {
            reader.add(
                Code::AgreementTooWide,
                &path,
                format!("none of the purposes of the agreement uses `{category}`"),
                "take it out of the agreement, or name the purpose that uses it",
            );
        }
    }
}

fn uses(file: &PolicyFile, agreement: &Agreement, category: &wzapi_model::name::DataCategory) -> bool {
    agreement
        .purposes
        .iter()
        .filter_map(|purpose| file.purposes.get(purpose))
        .any(|purpose| purpose.categories.contains(category))
}

fn transfers(reader: &mut Reader<'_>, file: &PolicyFile, recipient: &Recipient, path: &str) {
    for regime in file.regimes.keys().filter(|regime| !recipient.transfer.contains_key(regime)) {
        let abroad: Vec<&str> = recipient
            .countries
            .iter()
            .map(|country| country.as_str())
            .filter(|country| regime.is_transfer(country))
            .collect();
        if !abroad.is_empty() {
            reader.add(
                Code::TransferWithoutBasis,
                &format!("{path}.transfer.{}", regime.code()),
                format!("for {} the data is transferred to {}", regime.code(), abroad.join(", ")),
                format!("add `transfer.{}`, such as \"standard_contractual_clauses\"", regime.code()),
            );
        }
    }
}
