//! Every category has a purpose, an end, and somebody it is about.

use wzapi_model::name::DataCategory;

use crate::file::{BuiltInPattern, Category, ForbiddenPattern, PolicyFile};
use crate::finding::Code;
use crate::retention::GroundKind;
use crate::syntax::Reader;
use crate::term::Term;

/// The longest period that is not remarked upon, in days: ten years.
const LONG: u32 = 10 * 366;

pub(super) fn check(reader: &mut Reader<'_>, file: &PolicyFile) {
    for (name, category) in &file.categories {
        let path = format!("categories.{name}");
        if !file.purposes.values().any(|purpose| purpose.categories.contains(name)) {
            reader.add(
                Code::CategoryWithoutPurpose,
                &path,
                format!("no purpose uses `{name}`"),
                "name it in the `categories` of a purpose, or do not collect it (GDPR Art. 5(1)(b))",
            );
        }
        if category.subjects.is_empty() {
            reader.add(
                Code::NoSubject,
                &format!("{path}.subjects"),
                "it is not said whose data this is",
                "add `subjects`, with customer, end_user or both",
            );
        }
        if category.sources.is_empty() {
            reader.add(
                Code::UnusedCategory,
                &format!("{path}.sources"),
                "nothing collects this category",
                "add `sources`, or remove the category",
            );
        }
        forbidden(reader, name, category, &path);
        retention(reader, file, category, &path);
    }
}

fn forbidden(reader: &mut Reader<'_>, name: &DataCategory, category: &Category, path: &str) {
    let is_about_payment =
        category.holds_payment_cards() || ["payment", "card"].iter().any(|word| name.as_str().contains(word));
    let missing: Vec<&str> = BuiltInPattern::ALL
        .iter()
        .filter(|pattern| {
            is_about_payment && !category.forbidden.contains(&ForbiddenPattern::BuiltIn(**pattern))
        })
        .map(|pattern| pattern.as_str())
        .collect();
    if !missing.is_empty() {
        reader.add(
            Code::CardsNotForbidden,
            &format!("{path}.forbidden"),
            "full card numbers and verification values could be stored here",
            format!("add to `forbidden`: {}", missing.join(", ")),
        );
    }
}

fn retention(reader: &mut Reader<'_>, file: &PolicyFile, category: &Category, path: &str) {
    if category.retention.is_empty() {
        reader.add(
            Code::CategoryWithoutEnd,
            &format!("{path}.retention"),
            "it is not said when these records go",
            "add a `[[….retention]]` with kind, trigger and period (GDPR Art. 5(1)(e))",
        );
    }
    for (index, ground) in category.retention.iter().enumerate() {
        let path = format!("{path}.retention[{index}]");
        if ground.kind == GroundKind::Legal && ground.citation.is_none() {
            reader.add(
                Code::FloorWithoutCitation,
                &format!("{path}.citation"),
                "a legal ground names no provision",
                "add `citation`, or make it a service ground",
            );
        }
        if ground.period.most_days() > LONG {
            reader.add(
                Code::VeryLongPeriod,
                &format!("{path}.period"),
                format!("{} is a very long time", ground.period),
                "make sure that the law or the purpose needs it",
            );
        }
        if let Some(regime) = ground.regime.filter(|regime| !file.regimes.contains_key(regime)) {
            reader.add(
                Code::UnknownRule,
                &format!("{path}.regime"),
                format!("the regime {} is not in force", regime.code()),
                format!("add `[regimes.{}]`, or remove the ground", regime.code()),
            );
        }
    }
}
