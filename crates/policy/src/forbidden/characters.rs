//! Digits of every script, characters that are not seen, and characters that stand within a number.

use std::borrow::Cow;

/// The zeros of all decimal digits: of general category Nd in Unicode 17.0, 770 digits. The nine that follow each zero
/// are its digits in order, which the stability policy of Unicode guarantees (UAX #44, Numeric_Type=Decimal).
const ZEROS: [u32; 77] = [
    0x30, 0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xde6, 0xe50,
    0xed0, 0xf20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50, 0x1bb0, 0x1c40,
    0x1c50, 0xa620, 0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0xff10, 0x104a0, 0x10d30, 0x10d40,
    0x11066, 0x110f0, 0x11136, 0x111d0, 0x112f0, 0x11450, 0x114d0, 0x11650, 0x116c0, 0x116d0, 0x116da,
    0x11730, 0x118e0, 0x11950, 0x11bf0, 0x11c50, 0x11d50, 0x11da0, 0x11de0, 0x11f50, 0x16130, 0x16a60,
    0x16ac0, 0x16b50, 0x16d70, 0x1ccf0, 0x1d7ce, 0x1d7d8, 0x1d7e2, 0x1d7ec, 0x1d7f6, 0x1e140, 0x1e2f0,
    0x1e4f0, 0x1e5f1, 0x1e950, 0x1fbf0,
];

/// The value of a decimal digit of any script.
pub(super) fn digit_of(character: char) -> Option<u8> {
    let code = u32::from(character);
    let next = ZEROS.partition_point(|zero| *zero <= code);
    let zero = ZEROS.get(next.checked_sub(1)?)?;
    u8::try_from(code - zero).ok().filter(|digit| *digit < 10)
}

/// Whether a character is drawn as nothing, or over the one before it, so that a number reads the same with it: controls
/// of format (general category Cf) that stand in texts, joiners, fillers, variation selectors, and the marks of the
/// blocks that combine with any character, such as the key cap of an emoji digit.
pub(super) fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{ad}'
            | '\u{300}'..='\u{36f}'
            | '\u{61c}'
            | '\u{115f}' | '\u{1160}'
            | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{1ab0}'..='\u{1aff}'
            | '\u{1dc0}'..='\u{1dff}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{20d0}'..='\u{20ff}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{fe20}'..='\u{fe2f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// Whether people group the digits of one number by it: spaces of one line, dashes (general category Pd, and the minus
/// signs), points, slashes and underscores.
pub(super) fn groups_digits(character: char) -> bool {
    let breaks_line = matches!(character, '\t'..='\r' | '\u{85}' | '\u{2028}' | '\u{2029}');
    (character.is_whitespace() && !breaks_line)
        || matches!(
            character,
            '-' | '.' | '/' | '_'
                | '\u{58a}' | '\u{5be}' | '\u{1400}' | '\u{1806}'
                | '\u{2010}'..='\u{2015}'
                | '\u{2043}' | '\u{2044}' | '\u{207b}' | '\u{208b}' | '\u{2212}' | '\u{2215}'
                | '\u{2e17}' | '\u{2e1a}' | '\u{2e3a}' | '\u{2e3b}' | '\u{2e40}' | '\u{2e5d}'
                | '\u{2800}'
                | '\u{301c}' | '\u{3030}' | '\u{30a0}'
                | '\u{fe31}'..='\u{fe33}' | '\u{fe4d}'..='\u{fe4f}'
                | '\u{fe58}' | '\u{fe63}'
                | '\u{ff0d}'..='\u{ff0f}' | '\u{ff3f}'
                | '\u{10d6e}' | '\u{10ead}'
        )
}

/// The text with the digits of every script in ASCII.
pub(super) fn folded(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let fold = |character| digit_of(character).map_or(character, |digit| char::from(b'0' + digit));
    Cow::Owned(text.chars().map(fold).collect())
}

/// The text without the characters that are not seen.
pub(super) fn visible(text: &str) -> Cow<'_, str> {
    if text.is_ascii() || !text.contains(is_invisible) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().filter(|character| !is_invisible(*character)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The decimal digits that the tables of `regex-syntax` know, in their order.
    fn known_elsewhere() -> Vec<char> {
        let parsed = regex_syntax::parse(r"\p{Nd}");
        let Ok(regex_syntax::hir::HirKind::Class(regex_syntax::hir::Class::Unicode(class))) =
            parsed.map(|pattern| pattern.kind().clone())
        else {
            return Vec::new();
        };
        class.iter().flat_map(|range| range.start()..=range.end()).collect()
    }

    #[test]
    fn every_decimal_digit_of_unicode_has_its_value_and_nothing_else_has_one() {
        let known = known_elsewhere();
        assert!(known.len() >= 760, "Unicode 16.0 has 760 of them, found {}", known.len());
        // What is newer than those tables: Tolong Siki of Unicode 17.0.
        let newer = '\u{11de0}'..='\u{11de9}';
        let ours: Vec<char> = ('\0'..=char::MAX).filter(|character| digit_of(*character).is_some()).collect();
        assert_eq!(ours.len(), 770);
        assert!(known.iter().all(|digit| ours.contains(digit)));
        assert!(ours.iter().all(|digit| known.contains(digit) || newer.contains(digit)));
        // Each range of digits begins with a zero, so that the values of all follow from their order.
        for (index, digit) in ours.iter().enumerate() {
            assert_eq!(digit_of(*digit).map(usize::from), Some(index % 10), "{digit:?}");
            assert!(digit.is_numeric(), "{digit:?}");
        }
    }

    #[test]
    fn folding_leaves_everything_but_digits_as_it_is() {
        assert_eq!(folded("A\u{200b}\u{967}\u{1d7d0}\u{ff13} é"), "A\u{200b}123 é");
        assert_eq!(visible("A\u{200b}1\u{fe0f}\u{20e3}2"), "A12");
        assert!(matches!(folded("plain 123"), Cow::Borrowed(_)));
        assert!(matches!(visible("sí, señor"), Cow::Borrowed(_)));
    }

    #[test]
    fn no_digit_and_no_letter_counts_as_unseen_or_as_a_separator() {
        for character in ('\0'..=char::MAX).filter(|character| digit_of(*character).is_some()) {
            assert!(!is_invisible(character) && !groups_digits(character), "{character:?}");
        }
        for character in ('a'..='z').chain('\u{905}'..='\u{939}') {
            assert!(!is_invisible(character) && !groups_digits(character), "{character:?}");
        }
    }
}
