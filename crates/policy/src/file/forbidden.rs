//! Values that are never stored (policy clause 2.a).

use crate::term::terms;

terms! {
    /// A kind of value that a category may forbid.
    ForbiddenPattern {
        /// A full number of a payment card: 13 to 19 digits whose check digit is right.
        CardNumber = "card_number",
        /// A card verification value: three or four digits on their own, or behind their name.
        CardVerification = "card_verification",
    }
}

impl ForbiddenPattern {
    /// Whether `value` holds such a value. It errs on the side of finding one: a number that merely looks like a card
    /// is refused too. Takes time in proportion to the value.
    ///
    /// ```
    /// use wzapi_policy::file::ForbiddenPattern;
    ///
    /// assert!(ForbiddenPattern::CardNumber.is_in("paid with 4111 1111-1111 1111"));
    /// assert!(!ForbiddenPattern::CardNumber.is_in("ends in 1111, token tok_9f2"));
    /// assert!(ForbiddenPattern::CardVerification.is_in("CVV: 123"));
    /// ```
    #[must_use]
    pub fn is_in(self, value: &str) -> bool {
        match self {
            Self::CardNumber => holds_card_number(value),
            Self::CardVerification => holds_verification_value(value),
        }
    }
}

fn holds_card_number(value: &str) -> bool {
    let mut run: Vec<u32> = Vec::new();
    let mut gap = 0usize;
    for character in value.chars() {
        if let Some(digit) = digit_of(character) {
            run.push(digit);
            gap = 0;
        } else if is_separator(character) && !run.is_empty() && gap < 3 {
            gap += 1;
        } else {
            if run_holds_card(&run) {
                return true;
            }
            run.clear();
            gap = 0;
        }
    }
    run_holds_card(&run)
}

/// Whether these digits are a card number of any length (ISO/IEC 7812-1), or hold one of the lengths and first digits
/// that the large schemes use: in a row of cells a card stands beside other numbers.
fn run_holds_card(run: &[u32]) -> bool {
    ((13..=19).contains(&run.len()) && is_card(run))
        || (0..run.len()).any(|start| {
            [14, 15, 16].into_iter().any(|length| {
                run.get(start..start.saturating_add(length))
                    .is_some_and(|digits| is_of_a_large_scheme(digits) && is_card(digits))
            })
        })
}

fn is_of_a_large_scheme(digits: &[u32]) -> bool {
    matches!(
        (digits.len(), digits),
        (16, [4 | 6, ..] | [5, 1..=5, ..] | [2, 2..=7, ..] | [3, 5, ..])
            | (15, [3, 4 | 7, ..])
            | (14, [3, 0 | 6 | 8 | 9, ..])
    )
}

/// Luhn's check digit (ISO/IEC 7812-1, annex B). A row of zeros is no card.
fn is_card(digits: &[u32]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let doubled = if place % 2 == 1 { digit * 2 } else { *digit };
            if doubled > 9 { doubled - 9 } else { doubled }
        })
        .sum();
    sum.is_multiple_of(10) && digits.iter().any(|digit| *digit != 0)
}

fn is_separator(character: char) -> bool {
    matches!(character, ' ' | '-' | '.' | '/' | '\u{a0}' | '\u{2010}'..='\u{2015}' | '\u{2009}' | '\u{202f}')
}

/// The value of a digit in ASCII, full width, Arabic, Persian or Devanagari.
fn digit_of(character: char) -> Option<u32> {
    let code = u32::from(character);
    [0x30u32, 0xff10, 0x660, 0x6f0, 0x966]
        .into_iter()
        .find_map(|zero| code.checked_sub(zero).filter(|digit| *digit < 10))
}

const VERIFICATION_NAMES: [&str; 8] = ["cvv", "cvv2", "cvc", "cvc2", "cid", "csc", "cav2", "cve"];

fn holds_verification_value(value: &str) -> bool {
    let scanned: String = value.to_lowercase();
    let is_value = |word: &str| {
        let digits = word.chars().filter(|character| digit_of(*character).is_some()).count();
        digits == word.chars().count() && (digits == 3 || digits == 4)
    };
    if is_value(scanned.trim()) {
        return true;
    }
    let mut named = false;
    for word in scanned.split(|character: char| !character.is_alphanumeric()).filter(|word| !word.is_empty())
    {
        if named && is_value(word) {
            return true;
        }
        let joined = VERIFICATION_NAMES.iter().filter_map(|name| word.strip_prefix(name)).any(is_value);
        if joined {
            return true;
        }
        // "cvv is 123" names it too; other words in between end the name.
        named =
            VERIFICATION_NAMES.contains(&word) || (named && matches!(word, "is" | "no" | "number" | "code"));
    }
    false
}
