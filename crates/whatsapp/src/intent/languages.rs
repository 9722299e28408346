//! The data files.

use std::sync::LazyLock;

use super::lexicon::{File, Lexicon};

macro_rules! languages {
    ($($code:literal),+ $(,)?) => {
        /// Every language with its data file, as text. Another language is another file and its code here.
        pub(crate) const FILES: &[(&str, &str)] =
            &[$(($code, include_str!(concat!("../../data/optout/", $code, ".toml")))),+];
    };
}

languages!(
    "en", "hi", "pt", "es", "fr", "de", "it", "id", "ar", "nl", "ru", "tr", "gu", "he", "zh", "ja", "ko"
);

/// Words that every language borrows.
pub(crate) const SHARED: &str = include_str!("../../data/optout/shared.toml");

/// The words of every language.
pub(crate) static LEXICONS: LazyLock<Vec<Lexicon>> = LazyLock::new(|| {
    // The tests of this crate read every file; one that cannot be read would be an empty one here.
    let read = |text| toml::from_str::<File>(text).unwrap_or_default();
    let shared = read(SHARED);
    FILES.iter().map(|(language, text)| Lexicon::new(language, &[&shared, &read(text)])).collect()
});
