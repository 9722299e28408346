//! The first layer: what a person wants to know at a glance.

use crate::notice::compose::{Composer, section as plain};
use crate::notice::document::{Block, Part, Section};

pub(super) fn section(composer: &Composer<'_>) -> Section {
    let (policy, phrases) = (composer.policy, composer.phrases);
    let labels = |texts: Vec<String>| vec![Block::List(texts)];
    let mut who = composer.identity();
    who.extend(composer.contact());
    let recipients: Vec<String> =
        policy.recipients.values().map(|recipient| composer.text(&recipient.label)).collect();
    let shared = if recipients.is_empty() {
        Block::Paragraph(phrases.nobody.clone())
    } else {
        Block::List(recipients)
    };
    let part = |heading: &str, blocks| Part { heading: heading.to_owned(), blocks };
    let categories = policy.categories.values().map(|category| composer.text(&category.label));
    let purposes = policy.purposes.values().map(|purpose| composer.text(&purpose.label));
    let rights = policy.rights.values().map(|right| composer.text(&right.label));
    Section {
        parts: vec![
            part(&phrases.who, vec![Block::Facts(who)]),
            part(&phrases.what, labels(categories.collect())),
            part(&phrases.why, labels(purposes.collect())),
            part(&phrases.whom, vec![shared, Block::Paragraph(phrases.no_sale.clone())]),
            part(&phrases.your_rights, labels(rights.collect())),
        ],
        ..plain("short", &phrases.in_short, Vec::new())
    }
}
