//! The notice that people read, from the policy file: Markdown and accessible HTML, in layers.

mod compose;
mod document;
mod full;
mod html;
mod markdown;
mod phrases;
mod sending;
mod short;

use std::collections::BTreeMap;

use ring::digest;

use crate::language::Language;
use crate::policy::Policy;

/// The form of a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Markdown (CommonMark).
    Markdown,
    /// One HTML page without scripts and without anything loaded from elsewhere.
    Html,
}

/// How much of the notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    /// The essentials, for a first look.
    Short,
    /// Everything.
    Full,
    /// The essentials and, below them, everything.
    Both,
}

/// A notice cannot be rendered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoticeError {
    /// The policy does not declare the language.
    #[error("the policy does not declare the language {}", .0.code())]
    LanguageNotDeclared(Language),
    /// The fixed texts of the language cannot be read: a fault of the program.
    #[error("the templates of the language {} cannot be read", .0.code())]
    Template(Language),
}

/// The notice of a policy in one language. The same policy gives the same bytes every time and everywhere; the hash
/// of the policy stands at the foot.
///
/// ```
/// use wzapi_policy::language::Language;
/// use wzapi_policy::notice::{Format, Layer, render};
///
/// let policy = wzapi_policy::parse(include_str!("../../../../policies/wzapi.toml"), "wzapi.toml")?;
/// let page = render(&policy, Language::Hindi, Format::Html, Layer::Both)?;
/// assert!(page.contains("<html lang=\"hi\">"));
/// assert!(page.contains(&policy.content_hash().to_string()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`NoticeError`] when the policy does not declare the language.
pub fn render(
    policy: &Policy,
    language: Language,
    format: Format,
    layer: Layer,
) -> Result<String, NoticeError> {
    if !policy.languages.contains(&language) {
        return Err(NoticeError::LanguageNotDeclared(language));
    }
    let phrases = phrases::Phrases::of(language)?;
    let document = compose::document(policy, language, &phrases, layer);
    Ok(match format {
        Format::Markdown => markdown::write(&document),
        Format::Html => html::write(&document, &phrases),
    })
}

/// What a record of consent keeps about the text that the person was shown, beside the version of the policy
/// ([`Policy::content_hash`]): for each language of the policy the SHA-256 of the notice in Markdown, both layers, in UTF-8
/// ([`render`] with [`Format::Markdown`] and [`Layer::Both`]). The page in HTML and either layer alone are made from the
/// same text.
///
/// Two texts with the same fingerprint are the same. The version does not replace it: a later version of this library may
/// word the same policy otherwise, and the fingerprint of what was shown then remains.
///
/// A language whose fixed texts cannot be read, which a test of this crate excludes, is left out.
///
/// ```
/// use wzapi_policy::language::Language;
/// use wzapi_policy::notice::fingerprints;
///
/// let policy = wzapi_policy::parse(include_str!("../../../../policies/wzapi.toml"), "wzapi.toml")?;
/// let fingerprints = fingerprints(&policy);
/// assert_eq!(fingerprints.len(), policy.languages.len());
/// assert_ne!(fingerprints[&Language::English], fingerprints[&Language::Hindi]);
/// # Ok::<(), wzapi_policy::finding::Findings>(())
/// ```
#[must_use]
pub fn fingerprints(policy: &Policy) -> BTreeMap<Language, [u8; 32]> {
    policy
        .languages
        .iter()
        .filter_map(|language| {
            let text = render(policy, *language, Format::Markdown, Layer::Both).ok()?;
            let hash = digest::digest(&digest::SHA256, text.as_bytes());
            hash.as_ref().try_into().ok().map(|bytes| (*language, bytes))
        })
        .collect()
}
