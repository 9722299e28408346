//! Recipients and their agreements.

use std::collections::BTreeMap;

use crate::file::{Agreement, OnwardSharing, Recipient, RecipientKind, RecipientRole};
use crate::read::named;
use crate::read::sections::unwrap_names;
use crate::syntax::{Reader, Section, shape, term_of};

pub(super) fn recipients(reader: &mut Reader<'_>, root: &Section<'_>) -> BTreeMap<String, Recipient> {
    unwrap_names(named(reader, root, "recipients", &shape::RECIPIENT, |reader, section| Recipient {
        label: section.translated(reader, "label").unwrap_or_default(),
        // What stands for an unreadable kind and role is never seen: the file has an error then.
        kind: section.term(reader, "kind").unwrap_or(RecipientKind::Hosting),
        role: section.term(reader, "role").unwrap_or(RecipientRole::Controller),
        countries: section.names(reader, "countries"),
        transfer: section.by_regime(reader, "transfer", term_of),
        agreement: agreement(reader, section),
    }))
}

fn agreement(reader: &mut Reader<'_>, recipient: &Section<'_>) -> Option<Agreement> {
    let section = recipient.child(reader, "agreement", &shape::AGREEMENT)?;
    Some(Agreement {
        reference: section.text(reader, "reference").unwrap_or_default(),
        confidentiality: section.flag(reader, "confidentiality").unwrap_or(false),
        categories: section.names(reader, "categories"),
        purposes: section.names(reader, "purposes"),
        from: section.date(reader, "from").unwrap_or_default(),
        until: section.date(reader, "until"),
        onward: section.term(reader, "onward").unwrap_or(OnwardSharing::Nobody),
    })
}
