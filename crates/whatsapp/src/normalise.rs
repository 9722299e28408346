//! One spelling for what people write in many.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// The characters of `text` in lower case: compatibility forms, accents of Latin letters, vowel points of Arabic and
/// Hebrew, and invisible characters are gone; letters that people use for one another are one letter. Punctuation
/// and symbols stay, since they tell sentences apart. Vowel signs and other marks of scripts that spell with them
/// stay.
pub(crate) fn fold(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut mark_may_follow = false;
    let lower = text.nfkc().flat_map(char::to_lowercase).filter(|character| !is_invisible(*character));
    for character in lower.nfd() {
        if is_combining_mark(character) {
            if mark_may_follow && !is_dropped_mark(character) {
                out.push(if character == '\u{901}' { '\u{902}' } else { character });
            }
        } else if character == 'ß' {
            mark_may_follow = false;
            out.push_str("ss");
        } else if character != '\u{640}' {
            mark_may_follow = character.is_alphanumeric() && !is_latin(character);
            out.push(same_letter(character));
        }
    }
    out.nfc().collect()
}

/// The words of `text`, folded, with single spaces between them and without apostrophes.
pub(crate) fn normalise(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in fold(text).chars() {
        if character.is_alphanumeric() || is_combining_mark(character) {
            out.push(character);
        } else if !is_apostrophe(character) && !out.ends_with(' ') {
            out.push(' ');
        }
    }
    out.trim_matches(' ').to_owned()
}

/// Marks over which people and keyboards differ: points of Arabic and Hebrew, the nukta of Indian scripts, and marks that
/// turn a character into a symbol, such as the keycap.
fn is_dropped_mark(character: char) -> bool {
    matches!(
        character,
        '\u{20d0}'..='\u{20ff}' | '\u{591}'..='\u{5c7}' | '\u{610}'..='\u{61a}' | '\u{64b}'..='\u{65f}' | '\u{670}'
        | '\u{93c}' | '\u{9bc}' | '\u{a3c}' | '\u{abc}'
    )
}

/// Letters that people write for one another.
fn same_letter(character: char) -> char {
    match character {
        'ı' => 'i',
        'ø' => 'o',
        'đ' => 'd',
        'ł' => 'l',
        'آ' | 'أ' | 'إ' | 'ٱ' => 'ا',
        'ى' | 'ی' | 'ئ' => 'ي',
        'ک' => 'ك',
        'ة' => 'ه',
        'ؤ' => 'و',
        other => other,
    }
}

pub(crate) fn is_latin(character: char) -> bool {
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

pub(crate) fn is_apostrophe(character: char) -> bool {
    matches!(character, '\'' | '\u{2019}' | '\u{2018}' | '\u{02bc}' | '`' | '\u{b4}' | '\u{5f3}')
}

/// `word` with every letter that stands three times or more in a row written `to` times.
pub(crate) fn shorten_runs(word: &str, to: usize) -> String {
    let mut out = String::with_capacity(word.len());
    let mut characters = word.chars().peekable();
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
            ("إِلغَـاء", "الغاء"),
            ("Straße", "strasse"),
            ("", ""),
            ("🛑", ""),
        ];
        for (text, expected) in table {
            assert_eq!(normalise(text), expected, "{text}");
        }
    }

    #[test]
    fn stretched_letters_are_shortened() {
        assert_eq!(shorten_runs("stooop", 1), "stop");
        assert_eq!(shorten_runs("stoop", 1), "stoop");
        assert_eq!(shorten_runs("abbbestellen", 2), "abbestellen");
    }

    proptest! {
        #[test]
        fn a_normal_form_is_its_own_normal_form(text in "\\PC{0,64}") {
            let once = normalise(&text);
            prop_assert_eq!(normalise(&once), once);
        }
    }
}
