//! One spelling for what people write in many.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// The words of `text` in lower case, separated by single spaces: compatibility forms, accents of Latin letters,
/// invisible characters and apostrophes are gone; punctuation and symbols are spaces. Vowel signs and other
/// marks of scripts that spell with them stay.
pub(crate) fn normalise(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut mark_may_follow = Follow::Nothing;
    let lower = text.nfkc().flat_map(char::to_lowercase).filter(|character| !is_invisible(*character));
    for character in lower.nfd() {
        if is_combining_mark(character) {
            if mark_may_follow == Follow::Mark && !is_symbol_mark(character) {
                out.push(character);
            }
        } else if character.is_alphanumeric() {
            mark_may_follow = if is_latin(character) { Follow::Nothing } else { Follow::Mark };
            out.push(character);
        } else if !is_apostrophe(character) {
            mark_may_follow = Follow::Nothing;
            if !out.ends_with(' ') {
                out.push(' ');
            }
        }
    }
    out.trim_matches(' ').nfc().collect()
}

/// `text`, already normalised, and what it may be a playful spelling of: letters stretched to three or more stand
/// for one or two, and Latin letters with spaces between them are one word.
pub(crate) fn spellings(normalised: &str) -> Vec<String> {
    let mut all = vec![normalised.to_owned(), shorten_runs(normalised, 1), shorten_runs(normalised, 2)];
    let letters: Vec<&str> = normalised.split(' ').collect();
    if letters.len() >= 3
        && letters.iter().all(|letter| letter.len() == 1 && !letter.contains(char::is_numeric))
    {
        all.push(letters.concat());
    }
    all.dedup();
    all
}

#[derive(PartialEq)]
enum Follow {
    Mark,
    Nothing,
}

fn is_latin(character: char) -> bool {
    character.is_ascii_alphabetic() || matches!(character, '\u{c0}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}')
}

/// Characters that show nothing and can stand inside a word: soft hyphen, joiners, directions, fillers,
/// variation selectors, tags.
fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}'
    )
}

/// Marks that turn a character into a symbol, such as the keycap.
fn is_symbol_mark(character: char) -> bool {
    matches!(character, '\u{20d0}'..='\u{20ff}')
}

fn is_apostrophe(character: char) -> bool {
    matches!(character, '\'' | '\u{2019}' | '\u{2018}' | '\u{02bc}' | '`' | '\u{b4}' | '\u{5f3}')
}

fn shorten_runs(text: &str, to: usize) -> String {
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let mut length = 1_usize;
        while characters.next_if_eq(&character).is_some() {
            length = length.saturating_add(1);
        }
        let length = if length >= 3 { to } else { length };
        out.extend(std::iter::repeat_n(character, length));
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_spelling_for_many() {
        let table = [
            ("  ＳＴＯＰ ", "stop"),
            ("Sto\u{200c}p", "stop"),
            ("st\u{ad}op", "stop"),
            ("ARRÊT", "arret"),
            ("arre\u{302}t", "arret"),
            ("STOP_PROMOTIONS", "stop promotions"),
            ("opt-out", "opt out"),
            ("Don’t stop", "dont stop"),
            ("🛑\u{fe0f} stop 🙏🏽", "stop"),
            ("बंद।", "बंद"),
            ("नहीं", "नहीं"),
            ("बन्द् करो", "बन्द् करो"),
            ("é🛑\u{301}", "e"),
            ("", ""),
            ("🛑", ""),
        ];
        for (text, expected) in table {
            assert_eq!(normalise(text), expected, "{text}");
        }
    }

    #[test]
    fn stretched_and_spaced_letters_are_one_word() {
        assert!(spellings("stooop").contains(&"stop".to_owned()));
        assert!(spellings("abbbestellen").contains(&"abbestellen".to_owned()));
        assert!(spellings("s t o p").contains(&"stop".to_owned()));
        assert_eq!(spellings("stoop"), ["stoop"]);
    }

    proptest! {
        #[test]
        fn a_normal_form_is_its_own_normal_form(text in "\\PC{0,64}") {
            let once = normalise(&text);
            prop_assert_eq!(normalise(&once), once.clone());
            prop_assert!(spellings(&once).len() <= 4);
        }
    }
}
