//! Values that are refused when data is stored (policy clause 2.a).

use std::sync::LazyLock;

use proptest::prelude::*;
use wzapi_policy::file::{BuiltInPattern, ForbiddenPattern, PatternName, PatternNameError};
use wzapi_policy::{Policy, check};

use crate::support::{PATTERN, SMALL, WZAPI, edited, forbidding, policy};

fn holds_card(value: &str) -> bool {
    BuiltInPattern::CardNumber.is_in(value)
}

#[test]
fn clause_2_a_full_card_numbers_are_found() {
    for value in [
        "4111111111111111",
        "4111 1111 1111 1111",
        "4111-1111-1111-1111",
        "card 378282246310005 exp 12/30",
        "30569309025904",
        "6304000000000000",
        "qty 1 5555555555554444",
        "४१११ ११११ ११११ ११११",
        "４１１１１１１１１１１１１１１１",
    ] {
        assert!(holds_card(value), "{value}");
    }
    for value in
        ["", "**** 1111", "tok_1a2b3c", "4111111111111112", "+91 90123 45678", "0000 0000 0000 0000", "1111"]
    {
        assert!(!holds_card(value), "{value}");
    }
}

#[test]
fn clause_2_a_a_card_number_is_found_whatever_stands_within_it() {
    for value in [
        "4111\u{200b}1111\u{200c}1111\u{200d}1111",
        "4\u{2060}1\u{feff}1\u{ad}1 1111 1111 1111",
        "4\u{fe0f}\u{20e3}1\u{fe0f}\u{20e3}1\u{fe0f}\u{20e3}1\u{fe0f}\u{20e3}1111 1111 1111",
        "\u{202e}4111\u{2066}1111\u{2069}11111111",
        "4111\u{2014}1111\u{2212}1111\u{ff0d}1111",
        "4111\u{3000}1111\u{2003}1111\u{1680}1111",
        "4111_1111__1111_1111",
        "4111\t1111\t1111\t1111",
        "4111 1111\n1111 1111",
        "4111\r\n1111\r\n1111\r\n1111",
        "4111,1111,1111,1111",
        "4111, 1111, 1111, 1111",
        "4111:1111:1111:1111",
        "4111|1111|1111|1111",
        "4111*1111*1111*1111",
        "(4111)(1111)(1111)(1111)",
        "[\"4111\", \"1111\", \"1111\", \"1111\"]",
        "{\n  \"4111\",\n    \"1111\",\n    \"1111\",\n    \"1111\"\n}",
        "4,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1",
        "41:11:11:11:11:11:11:11",
        "3782 822463 10005",
        "3782, 822463, 10005",
        "411111111111 1111",
        "41 1111 1111 111111",
        "12;4111111111111111;7",
        "4111111111111111=30121011000012300000",
        "00004111111111111111",
        "no. 7, 4111 1111 1111 1111, 12/30",
        "1 6212341111111111111 2",
        "508227 8000 000002",
        "8171 9999 0000 0018",
    ] {
        assert!(holds_card(value), "{value:?}");
    }
}

#[test]
fn clause_2_a_ordinary_texts_are_not_taken_for_card_numbers() {
    for value in [
        "Your order 12345 of 2026-12-01 10:30:00 arrives on 2026-12-03 between 09:00 and 11:30.",
        "Call +91 90123 45678 or +91 90123 45679 (Mon-Fri, 09:00-18:00).",
        "Prices: 499, 599, 1299 and 2499.",
        "2021, 2022, 2023, 2024, 2025",
        "Invoice INV-2026-00042, GSTIN 27AAPFU0939F1ZV, total 1,18,000.00",
        "OTP 482913 expires in 10 minutes",
        "550e8400-e29b-41d4-a716-446655440000",
        "GPS 28.613939, 77.209023",
        "Flight AI 101, 22.01.2026 10.40 - 22.01.2026 13.15",
        "00919012345678",
        "4111 1111, 1111 and then 1111",
        "4111a1111b1111c1111",
    ] {
        assert!(!holds_card(value), "{value}");
    }
}

/// The zeros of every script of Unicode 17.0; that there are no others is tested beside the table of the library.
#[test]
fn clause_2_a_a_card_number_in_the_digits_of_any_script_is_found() {
    let scripts = [
        '0',
        '\u{660}',
        '\u{6f0}',
        '\u{7c0}',
        '\u{966}',
        '\u{9e6}',
        '\u{a66}',
        '\u{ae6}',
        '\u{b66}',
        '\u{be6}',
        '\u{c66}',
        '\u{ce6}',
        '\u{d66}',
        '\u{de6}',
        '\u{e50}',
        '\u{ed0}',
        '\u{f20}',
        '\u{1040}',
        '\u{1090}',
        '\u{17e0}',
        '\u{1810}',
        '\u{1946}',
        '\u{19d0}',
        '\u{1a80}',
        '\u{1a90}',
        '\u{1b50}',
        '\u{1bb0}',
        '\u{1c40}',
        '\u{1c50}',
        '\u{a620}',
        '\u{a8d0}',
        '\u{a900}',
        '\u{a9d0}',
        '\u{a9f0}',
        '\u{aa50}',
        '\u{abf0}',
        '\u{ff10}',
        '\u{104a0}',
        '\u{10d30}',
        '\u{10d40}',
        '\u{11066}',
        '\u{110f0}',
        '\u{11136}',
        '\u{111d0}',
        '\u{112f0}',
        '\u{11450}',
        '\u{114d0}',
        '\u{11650}',
        '\u{116c0}',
        '\u{116d0}',
        '\u{116da}',
        '\u{11730}',
        '\u{118e0}',
        '\u{11950}',
        '\u{11bf0}',
        '\u{11c50}',
        '\u{11d50}',
        '\u{11da0}',
        '\u{11de0}',
        '\u{11f50}',
        '\u{16130}',
        '\u{16a60}',
        '\u{16ac0}',
        '\u{16b50}',
        '\u{16d70}',
        '\u{1ccf0}',
        '\u{1d7ce}',
        '\u{1d7d8}',
        '\u{1d7e2}',
        '\u{1d7ec}',
        '\u{1d7f6}',
        '\u{1e140}',
        '\u{1e2f0}',
        '\u{1e4f0}',
        '\u{1e5f1}',
        '\u{1e950}',
        '\u{1fbf0}',
    ];
    assert_eq!(scripts.len(), 77);
    for zero in scripts {
        let written: String = "5105105105105100 / 4012888888881881 / 3530111333300000"
            .chars()
            .map(|c| c.to_digit(10).map_or(c, |digit| char::from_u32(u32::from(zero) + digit).unwrap()))
            .collect();
        assert!(written.split(" / ").all(holds_card), "{written}");
    }
}

#[test]
fn clause_2_a_card_verification_values_are_found() {
    for value in [
        "123",
        " 1234 ",
        "cvv 123",
        "CVC2: 999",
        "cvv123",
        "My CVV is 123",
        "cid=1234",
        "cvv १२३",
        "c\u{200b}vv 1\u{200b}23",
    ] {
        assert!(BuiltInPattern::CardVerification.is_in(value), "{value}");
    }
    for value in ["", "12", "12345", "card ending in 1111", "cvv was not asked", "INV-2026-123 of 4 items"] {
        assert!(!BuiltInPattern::CardVerification.is_in(value), "{value}");
    }
}

/// Luhn's digit, computed from the left with a table, unlike the library.
fn with_check_digit(mut digits: Vec<u8>) -> String {
    const DOUBLED: [u32; 10] = [0, 2, 4, 6, 8, 1, 3, 5, 7, 9];
    let length = digits.len() + 1;
    let sum: u32 = digits
        .iter()
        .enumerate()
        .map(|(index, digit)| {
            if (length - index).is_multiple_of(2) { DOUBLED[usize::from(*digit)] } else { u32::from(*digit) }
        })
        .sum();
    digits.push(u8::try_from((10 - sum % 10) % 10).unwrap());
    digits.iter().map(|digit| char::from(b'0' + digit)).collect()
}

fn grouped(card: &str, size: usize, separator: &str) -> String {
    let groups: Vec<&str> =
        card.as_bytes().chunks(size).map(|part| std::str::from_utf8(part).unwrap()).collect();
    groups.join(separator)
}

proptest! {
    #[test]
    fn clause_2_a_every_card_number_is_found_however_it_is_grouped(
        first in 1u8..10,
        rest in proptest::collection::vec(0u8..10, 11..18),
        group in 1usize..6,
        separator in prop::sample::select(vec!["", " ", "-", ".", "  ", "_", "\u{2009}", "\u{2013}", "\u{200b}", " / "]),
        before in "[a-z ]{0,8}",
    ) {
        let mut digits = vec![first];
        digits.extend(rest);
        let value = format!("{before}{}", grouped(&with_check_digit(digits), group, separator));
        prop_assert!(holds_card(&value), "{}", value);
    }

    #[test]
    fn clause_2_a_a_card_of_a_large_scheme_is_found_with_any_separators_and_neighbours(
        first in prop::sample::select(vec!["4", "51", "55", "508", "6", "22", "27", "35", "81", "82"]),
        rest in proptest::collection::vec(0u8..10, 14),
        group in 1usize..7,
        separator in "[ ,:;|\t\n_.*'\"()-]{1,3}",
        before in "([0-9]{1,4}, |id |\\()?",
        after in "(, [0-9]{1,4}| ok|\\))?",
    ) {
        let mut digits: Vec<u8> = first.bytes().map(|byte| byte - b'0').collect();
        digits.extend(rest);
        digits.truncate(15);
        let value = format!("{before}{}{after}", grouped(&with_check_digit(digits), group, &separator));
        prop_assert!(holds_card(&value), "{:?}", value);
    }

    /// Whatever is written as a pattern is refused or looked for.
    #[test]
    fn any_pattern_is_refused_or_looked_for(
        pattern in "([a-z0-9.*+?|^$()\\[\\]{}\\\\-]|\\\\[dwsbB]|\\{[0-9]{1,4}(,[0-9]{0,4})?\\}|\\(\\?:|\\(\\?i\\)){1,40}",
        value in "\\PC{0,40}",
    ) {
        let quoted = serde_json::to_string(&pattern).unwrap();
        let text = edited(&forbidding(SMALL, "\"passport_number\""), &format!("'{PATTERN}'"), &quoted);
        let report = check(&text, "x");
        prop_assert_eq!(report.policy.is_none(), report.findings.errors() > 0);
        if let Some(policy) = report.policy {
            prop_assert_eq!(found(&policy, "contact", ""), None, "{}", pattern);
            let _ = found(&policy, "contact", &value);
        }
    }

    #[test]
    fn a_value_of_any_form_comes_back(value in "(\\PC|[0-9]{1,8}|[ ,.:\n-]{1,4}){0,60}") {
        let _ = found(&STRICT, "contact", &value);
    }
}

#[test]
fn a_long_value_of_any_sort_comes_back() {
    for piece in ["7", "1 ", "1,", "\u{200b}", "7777 7777, ", "\u{1d7d5}", "(", "cvv "] {
        let value = piece.repeat((1 << 16) / piece.len());
        assert_eq!(found(&STRICT, "contact", &value), None, "{piece}");
    }
}

/// Its category forbids everything that is known.
static STRICT: LazyLock<Policy> = LazyLock::new(|| {
    policy(&forbidding(SMALL, "\"card_number\", \"card_verification\", \"passport_number\""))
});

fn found<'a>(policy: &'a Policy, category: &str, value: &str) -> Option<&'a str> {
    policy.forbidden_in(&category.parse().unwrap(), value).map(ForbiddenPattern::as_str)
}

#[test]
fn clause_2_a_a_pattern_that_the_policy_names_is_found_in_the_digits_of_any_script() {
    for value in ["passport K1234567", "(K123 4567)", "K१२३४५६७", "K\u{1d7cf}234567", "K12\u{200b}34567"]
    {
        assert_eq!(found(&STRICT, "contact", value), Some("passport_number"), "{value}");
    }
    assert_eq!(found(&STRICT, "contact", "K1234567 and 4111 1111 1111 1111"), Some("card_number"));
    assert_eq!(found(&STRICT, "contact", "CVV 123"), Some("card_verification"));
    for value in ["", "BK1234567", "K12345678", "k1234567"] {
        assert_eq!(found(&STRICT, "contact", value), None, "{value}");
    }
}

#[test]
fn clause_2_a_only_what_the_category_forbids_is_looked_for() {
    let policy = policy(WZAPI);
    assert_eq!(found(&policy, "payment_details", "4111111111111111"), Some("card_number"));
    assert_eq!(found(&policy, "payment_details", "123"), Some("card_verification"));
    assert_eq!(found(&policy, "end_user_messages", "my card is 4111 1111 1111 1111"), Some("card_number"));
    assert_eq!(found(&policy, "end_user_messages", "123"), None);
    assert_eq!(found(&policy, "name", "4111111111111111"), None);
    assert_eq!(found(&policy, "fingerprint", "4111111111111111"), None);
}

#[test]
fn the_name_of_a_pattern_is_never_that_of_a_built_in_one() {
    for name in ["card_number", "card_verification"] {
        assert_eq!(name.parse::<PatternName>(), Err(PatternNameError::BuiltIn));
        assert!(matches!(name.parse(), Ok(ForbiddenPattern::BuiltIn(_))));
    }
    assert_eq!("Card".parse::<PatternName>(), Err(PatternNameError::Form));
    assert_eq!("iban".parse().map(ForbiddenPattern::Named), "iban".parse());
}

#[test]
fn a_pattern_loses_the_white_space_around_it_and_nothing_else() {
    let text = forbidding(SMALL, "\"passport_number\"");
    let spaced = edited(&text, &format!("'{PATTERN}'"), &format!("'  {PATTERN} '"));
    assert_eq!(policy(&spaced).content_hash(), policy(&text).content_hash());
    let bracketed = policy(&edited(&text, &format!("'{PATTERN}'"), "'[ ]7[ ]'"));
    assert_eq!(found(&bracketed, "contact", "a 7 b"), Some("passport_number"));
    assert_eq!(found(&bracketed, "contact", "a7b"), None);
}
