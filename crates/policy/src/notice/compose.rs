//! From a policy to a document.

use std::collections::BTreeSet;

use crate::language::{Language, Translated};
use crate::notice::document::{Block, Document, Fact, Section};
use crate::notice::phrases::{Phrases, word};
use crate::notice::{Layer, full, short};
use crate::policy::Policy;
use crate::term::Term;

/// What every part of the composition needs.
pub(super) struct Composer<'a> {
    pub(super) policy: &'a Policy,
    pub(super) language: Language,
    pub(super) phrases: &'a Phrases,
}

pub(super) fn document(policy: &Policy, language: Language, phrases: &Phrases, layer: Layer) -> Document {
    let composer = Composer { policy, language, phrases };
    let mut sections = Vec::new();
    if layer != Layer::Full {
        sections.push(short::section(&composer));
    }
    if layer != Layer::Short {
        sections.extend(full::sections(&composer));
    }
    Document { language, title: composer.text(&policy.title), sections, foot: composer.foot() }
}

impl Composer<'_> {
    /// A text in the language of the notice. The check saw to it that there is one.
    pub(super) fn text(&self, text: &Translated) -> String {
        text.get(self.language).unwrap_or_default().to_owned()
    }

    pub(super) fn paragraph(&self, text: &Option<Translated>) -> Option<Block> {
        text.as_ref().map(|text| Block::Paragraph(self.text(text)))
    }

    /// The words for a set of values, as one line.
    pub(super) fn words<'v, T: Term>(
        &self,
        words: &std::collections::BTreeMap<String, String>,
        values: impl IntoIterator<Item = &'v T>,
    ) -> String {
        let list: Vec<String> = values.into_iter().map(|value| word(words, *value)).collect();
        list.join(", ")
    }

    pub(super) fn category_labels(&self, names: &BTreeSet<wzapi_model::name::DataCategory>) -> String {
        let labels: Vec<String> = names
            .iter()
            .filter_map(|name| self.policy.categories.get(name))
            .map(|category| self.text(&category.label))
            .collect();
        labels.join(", ")
    }

    pub(super) fn purpose_labels(&self, names: &BTreeSet<wzapi_model::name::PurposeId>) -> String {
        let labels: Vec<String> = names
            .iter()
            .filter_map(|name| self.policy.purposes.get(name))
            .map(|purpose| self.text(&purpose.label))
            .collect();
        labels.join(", ")
    }

    pub(super) fn regime(&self, regime: crate::regimes::Regime) -> String {
        word(&self.phrases.regime, regime)
    }

    pub(super) fn identity(&self) -> Vec<Fact> {
        let controller = &self.policy.controller;
        let mut facts = vec![Fact::text(&self.phrases.controller, &controller.name)];
        facts.extend(controller.operator.iter().map(|name| Fact::text(&self.phrases.operator, name)));
        facts
    }

    pub(super) fn contact(&self) -> Vec<Fact> {
        let contact = &self.policy.contact;
        let mut facts = vec![
            Fact::text(&self.phrases.team, self.text(&contact.team)),
            Fact::link(&self.phrases.email, format!("mailto:{}", contact.email), &contact.email),
            Fact::link(&self.phrases.website, contact.website.clone(), &contact.website),
        ];
        facts.extend(contact.phone.iter().map(|phone| {
            let digits: String = phone.chars().filter(|c| c.is_ascii_digit() || *c == '+').collect();
            Fact::link(&self.phrases.phone, format!("tel:{digits}"), phone)
        }));
        facts
    }

    fn foot(&self) -> Vec<Fact> {
        let policy = self.policy;
        let regimes: Vec<String> = policy.regimes.keys().map(|regime| self.regime(*regime)).collect();
        let mut facts = vec![
            Fact::text(&self.phrases.effective, policy.effective.to_string()),
            Fact::text(&self.phrases.regimes, regimes.join(", ")),
            Fact::text(&self.phrases.version, policy.content_hash().to_string()),
        ];
        facts.extend(
            policy.supersedes.iter().map(|hash| Fact::text(&self.phrases.supersedes, hash.to_string())),
        );
        facts
    }
}

pub(super) fn section(id: &str, heading: &str, blocks: Vec<Block>) -> Section {
    Section { id: id.to_owned(), heading: heading.to_owned(), blocks, parts: Vec::new() }
}
