//! Texts in the languages of the document.

use serde_json::{Value, json};
use wzapi_policy::language::{Language, Translated};

use super::{Contents, DocumentKind};

/// The languages of a document: all of the policy for a record, one for a receipt.
pub(super) struct Words(Vec<Language>);

impl Words {
    pub(super) fn of(contents: &Contents<'_>) -> Self {
        let chosen = contents.language;
        match contents.kind {
            DocumentKind::Receipt => Self(vec![chosen]),
            DocumentKind::Record => {
                let others = contents.policy.languages.iter().copied().filter(|other| *other != chosen);
                Self(std::iter::once(chosen).chain(others).collect())
            }
        }
    }

    pub(super) fn codes(&self) -> Value {
        self.0.iter().map(|language| language.code()).collect::<Vec<_>>().into()
    }

    /// A text that the policy has.
    pub(super) fn text(&self, text: &Translated) -> Value {
        self.each(|language| text.get(language).map(str::to_owned))
    }

    /// A text that may exist in each of the languages.
    pub(super) fn each(&self, text: impl Fn(Language) -> Option<String>) -> Value {
        let literal = |language: Language| {
            text(language).map(|text| json!({"@language": language.code(), "@value": text}))
        };
        self.0.iter().copied().filter_map(literal).collect()
    }
}
