//! Decimal digits of other scripts.

/// The zero of each script whose digits people type telephone numbers in; nine more follow it.
/// Source: Unicode Character Database 16, `General_Category=Nd`.
const ZEROS: [char; 20] = [
    '\u{0660}', '\u{06f0}', '\u{07c0}', '\u{0966}', '\u{09e6}', '\u{0a66}', '\u{0ae6}', '\u{0b66}',
    '\u{0be6}', '\u{0c66}', '\u{0ce6}', '\u{0d66}', '\u{0de6}', '\u{0e50}', '\u{0ed0}', '\u{0f20}',
    '\u{1040}', '\u{17e0}', '\u{1810}', '\u{ff10}',
];

/// The same text with every such digit written in ASCII.
pub(super) fn with_ascii_digits(text: &str) -> String {
    text.chars().map(ascii_digit).collect()
}

fn ascii_digit(character: char) -> char {
    let value = ZEROS.iter().find_map(|zero| {
        let value = u32::from(character).checked_sub(u32::from(*zero))?;
        (value < 10).then_some(value)
    });
    value.and_then(|value| char::from_digit(value, 10)).unwrap_or(character)
}
