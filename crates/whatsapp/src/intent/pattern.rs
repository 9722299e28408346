//! Phrases of words, classes and gaps.

use super::class::Classes;
use crate::normalise::normalise;

/// The most words that a gap stands for.
const MAX_GAP: usize = 3;

/// One place of a phrase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Element {
    /// This word.
    Word(String),
    /// A word that begins like this.
    Prefix(String),
    /// A word that ends like this.
    Suffix(String),
    /// A word or phrase of one of these classes.
    Class(Classes),
    /// Up to [`MAX_GAP`] words.
    Gap,
    /// Where the clause begins or ends.
    Edge,
}

impl Element {
    pub(crate) fn matches(&self, word: &str, classes: Classes) -> bool {
        match self {
            Self::Word(own) => own == word,
            Self::Prefix(own) => word.starts_with(own.as_str()),
            Self::Suffix(own) => word.ends_with(own.as_str()),
            Self::Class(own) => classes.has(*own),
            Self::Gap | Self::Edge => false,
        }
    }
}

/// The elements of one entry of a data file: `take <me> .. off`, `nachricht*`, `*werbung`, `^ enough $`. `None` when it
/// names a class that does not exist or says nothing.
pub(crate) fn parse(entry: &str) -> Option<Vec<Element>> {
    let mut elements = Vec::new();
    for part in entry.split_whitespace() {
        if let Some(names) = part.strip_prefix('<').and_then(|part| part.strip_suffix('>')) {
            let classes = names.split('|').map(Classes::named);
            elements.push(Element::Class(classes.reduce(|all, next| Some(all?.or(next?)))??));
        } else if part == ".." {
            elements.push(Element::Gap);
        } else if matches!(part, "^" | "$") {
            elements.push(Element::Edge);
        } else {
            words_of(part, &mut elements);
        }
    }
    (!elements.is_empty()).then_some(elements)
}

/// The words of an entry, with single spaces between them.
pub(crate) fn words(entry: &str) -> String {
    let spread: String = normalise(entry).chars().map(spaced).collect();
    spread.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn words_of(part: &str, elements: &mut Vec<Element>) {
    let spread = words(part);
    let words: Vec<&str> = spread.split_whitespace().collect();
    let last = words.len().saturating_sub(1);
    for (index, word) in words.into_iter().enumerate() {
        elements.push(if index == last && part.ends_with('*') {
            Element::Prefix(word.to_owned())
        } else if index == 0 && part.starts_with('*') {
            Element::Suffix(word.to_owned())
        } else {
            Element::Word(word.to_owned())
        });
    }
}

/// The sign with spaces around it if its script is read sign by sign.
fn spaced(character: char) -> String {
    if super::text::stands_alone(character) { format!(" {character} ") } else { character.to_string() }
}

/// Where the phrase that begins at word `at` ends, if it stands there.
pub(crate) fn end_of(
    elements: &[Element],
    words: &[String],
    classes: &[Classes],
    at: usize,
) -> Option<usize> {
    let Some((first, rest)) = elements.split_first() else { return Some(at) };
    match first {
        Element::Gap => {
            (0..=MAX_GAP).find_map(|skipped| end_of(rest, words, classes, at.saturating_add(skipped)))
        }
        Element::Edge => {
            if at == 0 || at == words.len() {
                end_of(rest, words, classes, at)
            } else {
                None
            }
        }
        element => {
            let known = classes.get(at).copied().unwrap_or_default();
            if !element.matches(words.get(at)?, known) {
                return None;
            }
            let mut next = at.saturating_add(1);
            if matches!(element, Element::Class(_)) {
                while classes.get(next).is_some_and(|classes| classes.has(Classes::CONTINUED)) {
                    next = next.saturating_add(1);
                }
            }
            end_of(rest, words, classes, next)
        }
    }
}
