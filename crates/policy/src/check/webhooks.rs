//! Content of webhooks is filed where the policy provides for it.

use wzapi_model::name::DataCategory;

use crate::file::{DataSource, Filing, PolicyFile};
use crate::finding::Code;
use crate::syntax::Reader;
use crate::term::Term;

pub(super) fn check(reader: &mut Reader<'_>, file: &PolicyFile) {
    for (content, filing) in &file.webhooks {
        let path = format!("webhooks.{}", content.as_str());
        category(reader, file, &filing.category, &format!("{path}.category"));
        purposes(reader, file, filing, &format!("{path}.purposes"));
    }
}

fn category(reader: &mut Reader<'_>, file: &PolicyFile, name: &DataCategory, path: &str) {
    if is_kept_by_engines(name) {
        reader.add(
            Code::FilingUnderKept,
            path,
            format!("`{name}` holds what the engines keep by themselves, in a form of their own"),
            "file it under a category of its own",
        );
    }
    match file.categories.get(name) {
        None => reader.add(
            Code::UnknownCategory,
            path,
            format!("`{name}` is not declared"),
            format!("add `[categories.{name}]`, or correct the name"),
        ),
        Some(declared) if !declared.comes_from(DataSource::MessagingPlatform) => reader.add(
            Code::FilingWithoutSource,
            path,
            format!("`{name}` does not come from the messaging platform, as all webhooks do"),
            format!("add messaging_platform to the `sources` of `[categories.{name}]`, or file it elsewhere"),
        ),
        Some(_) => {}
    }
}

/// Contact points, evidence of consent, what nothing understands yet, and the records of accountability have engines
/// that write and erase them, which would not know of other records there.
fn is_kept_by_engines(name: &DataCategory) -> bool {
    [
        DataCategory::contact(),
        DataCategory::consent_evidence(),
        DataCategory::unrecognised(),
        DataCategory::accountability(),
    ]
    .contains(name)
}

fn purposes(reader: &mut Reader<'_>, file: &PolicyFile, filing: &Filing, path: &str) {
    if filing.purposes.is_empty() {
        reader.add(
            Code::EmptyText,
            path,
            "it is filed for no purpose",
            "name the purposes for which it is stored, or remove the section, so that it is dropped",
        );
    }
    for purpose in &filing.purposes {
        match file.purposes.get(purpose) {
            None => reader.add(
                Code::UnknownPurpose,
                path,
                format!("`{purpose}` is not declared"),
                format!("add `[purposes.{purpose}]`, or correct the name"),
            ),
            Some(declared) if !declared.categories.contains(&filing.category) => reader.add(
                Code::FilingOutsidePurpose,
                path,
                format!("`{purpose}` does not use `{}`", filing.category),
                format!(
                    "add it to the `categories` of `[purposes.{purpose}]`, or name a purpose that uses it"
                ),
            ),
            Some(_) => {}
        }
    }
}
