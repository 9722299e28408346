//! Words of sale, rental and trade (policy clause 4.a).
//!
//! The file has no key that could permit any of the three; this search refuses texts and keys that claim them. A text
//! may deny them: "we do not sell your data". A denial counts only in a plain form, a word of denial directly before
//! the word of sale (in Hindi also close behind it), with nothing in the sentence that takes it back. Whatever is not plain
//! is refused, so that a person writes it more plainly.

mod words;

use words::Words;

use crate::language::Language;
use crate::term::Term;

/// What to do about a claim.
pub(crate) const REMEDY: &str = "a policy cannot permit a sale, a rental or a trade of personal data: remove the words, or \
    deny them plainly, as in \"we do not sell personal data\"";

/// A word that claims a sale.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    word: String,
}

impl Claim {
    pub(crate) fn reason(&self) -> String {
        format!("`{}` speaks of a sale, a rental or a trade", crate::syntax::short(&self.word))
    }
}

/// The language of the text at `path`, by its last part.
pub(crate) fn language_of(path: &str) -> Option<Language> {
    Language::from_name(path.rsplit('.').next().unwrap_or_default())
}

/// Whether a key speaks of a sale. A key cannot deny.
pub(crate) fn in_key(key: &str) -> Option<Claim> {
    let mut spaced = String::with_capacity(key.len());
    let mut before_lower = false;
    for character in key.chars() {
        if character.is_uppercase() && before_lower {
            spaced.push(' ');
        }
        before_lower = character.is_lowercase();
        spaced.push(if character.is_alphanumeric() { character } else { ' ' });
    }
    let lower = spaced.to_lowercase();
    lower
        .split_whitespace()
        .find(|word| words::ALL.iter().any(|language| language.is_sale(word)))
        .map(|word| Claim { word: word.to_owned() })
}

/// Whether a text claims a sale in `language`, or in any language when it is not known. English words are looked for in
/// every text.
pub(crate) fn in_text(text: &str, language: Option<Language>) -> Option<Claim> {
    let lower: String = text.to_lowercase().chars().filter(|c| !is_invisible(*c)).collect();
    let own = language.map(words::of);
    words::ALL
        .iter()
        .filter(|words| {
            own.is_none_or(|own| std::ptr::eq(own, **words) || std::ptr::eq(&words::ENGLISH, **words))
        })
        .find_map(|words| {
            let foreign = own.is_some_and(|own| !std::ptr::eq(own, *words));
            sentences(&lower).find_map(|sentence| in_sentence(sentence, words, foreign))
        })
}

/// Characters that are not seen and could part a word.
fn is_invisible(character: char) -> bool {
    matches!(character, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')
}

fn sentences(text: &str) -> impl Iterator<Item = &str> {
    text.split(['.', '!', '?', ';', ':', '\n', '|', '।', '¡', '¿', '—', '(', ')'])
}

fn in_sentence(sentence: &str, words: &Words, foreign: bool) -> Option<Claim> {
    // Vowel signs of Devanagari are no letters by themselves; here they belong to their word.
    let is_letter =
        |c: char| c.is_alphanumeric() || c == '\'' || c == '’' || ('\u{900}'..='\u{97f}').contains(&c);
    let list: Vec<String> = sentence
        .split(|c: char| !is_letter(c))
        .map(|word| word.trim_matches(['\'', '’']).replace('’', "'"))
        .filter(|word| !word.is_empty())
        .collect();
    let is_sale = |word: &str| words.is_sale(word) && !(foreign && words::SHARED.contains(&word));
    if !list.iter().any(|word| is_sale(word)) {
        return None;
    }
    let claim = |word: &String| Some(Claim { word: word.clone() });
    if let Some(word) = list.iter().find(|word| is_sale(word))
        && list.iter().any(|word| words.takes_back(word))
    {
        return claim(word);
    }
    if let Some(between) = words.denies_within {
        let is_denied = |at: usize| {
            let first = at.saturating_sub(between + 1);
            list.iter().skip(first).take(at - first + between + 2).any(|word| words.denies(word))
        };
        let mut sales = list.iter().enumerate().filter(|(_, word)| is_sale(word));
        return sales.find(|(at, _)| !is_denied(*at)).and_then(|(_, word)| claim(word));
    }
    let mut denial = Denial::None;
    for word in &list {
        denial = if is_sale(word) {
            if denial == Denial::None {
                return claim(word);
            }
            Denial::OverSale
        } else {
            denial.after(word, words)
        };
    }
    None
}

/// How far a word of denial reaches.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Denial {
    /// None stands before.
    None,
    /// One stands before, with nothing but words that leave it in force.
    Open,
    /// It has denied a word of sale, and may deny another one that is joined to it.
    OverSale,
}

impl Denial {
    fn after(self, word: &str, words: &Words) -> Self {
        if words.denies(word) {
            return Self::Open;
        }
        match self {
            Self::None => Self::None,
            Self::Open if words.leaves_open(word) => Self::Open,
            Self::OverSale if words.joins(word) || words.is_auxiliary(word) => Self::OverSale,
            Self::Open | Self::OverSale => Self::None,
        }
    }
}
