//! The languages of notices, and texts that exist in several of them.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::term::terms;

terms! {
    /// A language for which the notice has fixed texts.
    Language {
        /// English.
        English = "en",
        /// Hindi.
        Hindi = "hi",
        /// Portuguese.
        Portuguese = "pt",
        /// Spanish.
        Spanish = "es",
    }
}

/// A text in each language that the policy declares.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Serialize)]
#[serde(transparent)]
pub struct Translated(pub BTreeMap<Language, String>);

impl Translated {
    /// The text in `language`, if there is one.
    #[must_use]
    pub fn get(&self, language: Language) -> Option<&str> {
        self.0.get(&language).map(String::as_str)
    }
}

impl Language {
    /// The code of the `lang` attribute (BCP 47).
    #[must_use]
    pub fn code(self) -> &'static str {
        crate::term::Term::as_str(self)
    }
}
