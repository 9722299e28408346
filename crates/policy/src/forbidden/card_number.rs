//! Full numbers of payment cards.
//!
//! A number is found in the digits of any script, in one piece or in groups, alone or beside other numbers. What may
//! stand within a number depends on how likely it is that people write one so:
//!
//! - characters that are not seen never part a number;
//! - up to three spaces, dashes, points, slashes or underscores part its groups, of any sizes while there are few;
//! - up to eight of any other characters but letters and digits (commas, colons, quotation marks, tabs, line feeds) part
//!   groups of a size that cards have, which stand for themselves.
//!
//! The last keeps dates, times, prices and phone numbers in a sentence from running together into "a card number".
//! Nothing keeps another number apart that looks like a card: of arbitrary numbers of sixteen digits that begin
//! like a card, about one in ten has a right check digit and is found; every IMEI has one. Not found are digits in words or
//! pictures, parted by letters, and those that are no decimal digits of Unicode, such as circled ones.

use crate::forbidden::characters::{digit_of, groups_digits, visible};

/// The most characters between two groups, if all of them are such as people group digits by.
const MAX_NARROW: usize = 3;
/// The most characters between two groups.
const MAX_WIDE: usize = 8;
/// How many groups of any sizes a number may have; cards are printed in at most five, of known sizes.
const MAX_IRREGULAR_GROUPS: usize = 4;
/// How card numbers are printed where the groups are not of one size: American Express and Maestro, Diners Club, UATP,
/// Maestro of 13 digits, UnionPay.
const PRINTED: [&[usize]; 5] = [&[4, 6, 5], &[4, 6, 4], &[4, 5, 6], &[4, 4, 5], &[6, 13]];

/// What stands between a digit and the one before it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Gap {
    /// Nothing.
    None,
    /// A few characters by which people group digits.
    Narrow,
    /// A few other characters, none of them a letter.
    Wide,
    /// So much, or a letter, that the two belong to different numbers.
    Apart,
}

impl Gap {
    fn of(between: &str) -> Self {
        if between.is_empty() {
            return Self::None;
        }
        let is_bounded = between.chars().nth(MAX_WIDE).is_none();
        if !is_bounded || between.chars().any(char::is_alphanumeric) {
            Self::Apart
        } else if between.chars().all(groups_digits) && between.chars().nth(MAX_NARROW).is_none() {
            Self::Narrow
        } else {
            Self::Wide
        }
    }
}

struct Digit<'v> {
    value: u8,
    gap: Gap,
    between: &'v str,
}

/// Whether a full card number is in `value`.
pub(crate) fn holds_card_number(value: &str) -> bool {
    let text = visible(value);
    let mut run: Vec<Digit<'_>> = Vec::new();
    let mut end_of_last = 0;
    for (at, character) in text.char_indices() {
        let Some(value) = digit_of(character) else { continue };
        let between = text.get(end_of_last..at).unwrap_or_default();
        let gap = if run.is_empty() { Gap::Apart } else { Gap::of(between) };
        if gap == Gap::Apart && run_holds_card(&std::mem::take(&mut run)) {
            return true;
        }
        run.push(Digit { value, gap, between });
        end_of_last = at + character.len_utf8();
    }
    run_holds_card(&run)
}

/// Whether any part of a run of digits is a card number, of any length that they have (ISO/IEC 7812-1).
fn run_holds_card(run: &[Digit<'_>]) -> bool {
    (0..run.len()).any(|start| {
        (13..=19).any(|length| {
            let end = start + length;
            let after = run.get(end).map_or(Gap::Apart, |next| next.gap);
            run.get(start..end).is_some_and(|digits| Part { digits, after }.is_card())
        })
    })
}

/// Some digits of a run, and what comes after the last.
struct Part<'r, 'v> {
    digits: &'r [Digit<'v>],
    after: Gap,
}

impl<'r, 'v> Part<'r, 'v> {
    fn is_card(&self) -> bool {
        let is_large = self.is_of_a_large_scheme();
        let is_long = self.digits.len() > 16 && matches!(self.value(0), 4..=6);
        let is_whole = self.stands_apart(Gap::Narrow);
        // No issuer of cards begins with 0.
        if self.value(0) == 0 || !(is_large || is_whole) || !self.has_check_digit() {
            return false;
        }
        match self.widest_gap() {
            Gap::None => true,
            Gap::Narrow => {
                (is_large && self.groups().count() <= MAX_IRREGULAR_GROUPS)
                    || ((is_large || (is_long && is_whole) || self.stands_apart(Gap::Wide))
                        && self.is_grouped_like_a_card())
            }
            Gap::Wide => (is_large || is_long) && is_whole && self.is_grouped_like_a_card(),
            Gap::Apart => false,
        }
    }

    fn value(&self, at: usize) -> u8 {
        self.digits.get(at).map_or(0, |digit| digit.value)
    }

    /// Whether at least `gap` stands before the first digit and after the last.
    fn stands_apart(&self, gap: Gap) -> bool {
        self.digits.first().is_some_and(|first| first.gap >= gap) && self.after >= gap
    }

    fn widest_gap(&self) -> Gap {
        self.digits.iter().skip(1).map(|digit| digit.gap).max().unwrap_or(Gap::None)
    }

    /// The lengths and first digits that the large schemes use: Visa, Mastercard, Maestro, RuPay, Elo, Discover, JCB,
    /// UnionPay, Mir, Troy, Uzcard and Humo with 16 digits, American Express with 15, Diners Club with 14.
    fn is_of_a_large_scheme(&self) -> bool {
        let first = [self.value(0), self.value(1), self.value(2), self.value(3)];
        matches!(
            (self.digits.len(), first),
            (16, [4 | 6, ..] | [5, 0..=8, ..] | [2, 2..=7, ..] | [3, 5, ..] | [8, 1 | 2, ..])
                | (16, [9, 7, 9, 2] | [8, 6, 0, 0] | [9, 8, 6, 0])
                | (15, [3, 4 | 7, ..])
                | (14, [3, 0 | 6 | 8 | 9, ..])
        )
    }

    /// Luhn's check digit (ISO/IEC 7812-1, annex B).
    fn has_check_digit(&self) -> bool {
        let doubled = |digit: u32| if digit > 4 { digit * 2 - 9 } else { digit * 2 };
        let sum: u32 = self
            .digits
            .iter()
            .rev()
            .enumerate()
            .map(|(place, digit)| (place, u32::from(digit.value)))
            .map(|(place, digit)| if place % 2 == 1 { doubled(digit) } else { digit })
            .sum();
        sum.is_multiple_of(10)
    }

    fn groups(&self) -> impl Iterator<Item = &'r [Digit<'v>]> {
        self.digits.chunk_by(|_, next| next.gap == Gap::None)
    }

    /// Whether the groups are as on a card, or all of one size with a rest at the end. Pairs and single digits must be
    /// parted in the same way throughout: hours, minutes and days are pairs too.
    fn is_grouped_like_a_card(&self) -> bool {
        let sizes: Vec<usize> = self.groups().map(<[_]>::len).collect();
        let Some((last, others)) = sizes.split_last() else { return false };
        let size = others.first().copied().unwrap_or(*last);
        let is_even = others.iter().all(|other| *other == size) && *last <= size;
        PRINTED.contains(&sizes.as_slice()) || (is_even && (size > 2 || self.is_parted_alike()))
    }

    fn is_parted_alike(&self) -> bool {
        let mut parted = self.groups().skip(1).filter_map(|group| group.first()).map(|digit| digit.between);
        let first = parted.next();
        parted.all(|between| Some(between) == first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_times_prices_and_phone_numbers_do_not_run_together() {
        for text in [
            "2026-12-01 10:30:00, 2026-12-02 11:45:00, 2026-12-03 09:15:00",
            "22/01/2026 - 26/01/2026, 25/02/2026 - 27/02/2026",
            "Open 09:00-18:00, Saturday 10:40-13:20, 14:10-16:50, 17:00-22:30",
            "10:40 11:00 12:20 13:15 14:30 15:45 16:05 17:25",
            "+91 98765 43210, +91 98765 43211, +49 1512 3456789",
            "Total: 1,299.00 + 499.00 + 4,500.00 = 6,298.00",
            "Pin 560001, order 4711, 2 pieces, arrives 30/06/2026 16:45:10",
            "10.0.0.1, 192.168.10.12, 255.255.255.0",
        ] {
            assert!(!holds_card_number(text), "{text}");
        }
    }

    #[test]
    fn about_one_in_ten_numbers_that_begin_like_a_card_is_taken_for_one() {
        let mut state = 7u64;
        let mut digit = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            char::from(b'0' + u8::try_from((state >> 33) % 10).unwrap_or_default())
        };
        let found = (0..20_000)
            .filter(|_| {
                holds_card_number(&std::iter::once('4').chain((0..15).map(|_| digit())).collect::<String>())
            })
            .count();
        // 1 in 10 has a right check digit, and 1 in 100 more holds a shorter number that has.
        assert!((2_000..2_400).contains(&found), "{found} of 20000");
    }
}
