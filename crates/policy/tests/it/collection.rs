//! What is refused or cut when data is collected (policy clauses 2.a and 2.b).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;
use wzapi_policy::file::{ForbiddenPattern, IpTruncation};

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
        assert!(ForbiddenPattern::CardNumber.is_in(value), "{value}");
    }
    for value in
        ["", "**** 1111", "tok_1a2b3c", "4111111111111112", "+91 90123 45678", "0000 0000 0000 0000", "1111"]
    {
        assert!(!ForbiddenPattern::CardNumber.is_in(value), "{value}");
    }
}

#[test]
fn clause_2_a_card_verification_values_are_found() {
    for value in ["123", " 1234 ", "cvv 123", "CVC2: 999", "cvv123", "My CVV is 123", "cid=1234"] {
        assert!(ForbiddenPattern::CardVerification.is_in(value), "{value}");
    }
    for value in ["", "12", "12345", "card ending in 1111", "cvv was not asked", "INV-2026-123 of 4 items"] {
        assert!(!ForbiddenPattern::CardVerification.is_in(value), "{value}");
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

proptest! {
    #[test]
    fn clause_2_a_every_card_number_is_found_however_it_is_grouped(
        first in 1u8..10,
        rest in proptest::collection::vec(0u8..10, 11..18),
        group in 1usize..6,
        separator in prop::sample::select(vec!["", " ", "-", ".", "  "]),
        before in "[a-z ]{0,8}",
    ) {
        let mut digits = vec![first];
        digits.extend(rest);
        let card = with_check_digit(digits);
        let grouped: Vec<&str> = card.as_bytes().chunks(group).map(|part| std::str::from_utf8(part).unwrap()).collect();
        let value = format!("{before}{}", grouped.join(separator));
        prop_assert!(ForbiddenPattern::CardNumber.is_in(&value), "{}", value);
    }

    #[test]
    fn clause_2_b_truncation_keeps_the_leading_bits_and_nothing_else(v4 in any::<u32>(), v6 in any::<u128>(), keep4 in 0u8..=32, keep6 in 0u8..=128) {
        let rule = IpTruncation::new(keep4, keep6).unwrap();
        let address = IpAddr::V4(Ipv4Addr::from_bits(v4));
        let IpAddr::V4(cut) = rule.apply(address) else { panic!("another family") };
        for bit in 0..32u32 {
            let mask = 1u32 << (31 - bit);
            prop_assert_eq!(cut.to_bits() & mask, if bit < u32::from(keep4) { v4 & mask } else { 0 });
        }
        let source = Ipv6Addr::from_bits(v6 | 1 << 127);
        let IpAddr::V6(cut) = rule.apply(IpAddr::V6(source)) else { panic!("another family") };
        for bit in 0..128u32 {
            let mask = 1u128 << (127 - bit);
            prop_assert_eq!(cut.to_bits() & mask, if bit < u32::from(keep6) { source.to_bits() & mask } else { 0 });
        }
    }
}

#[test]
fn clause_2_b_an_ipv4_address_in_ipv6_form_is_cut_as_ipv4() {
    let rule = IpTruncation::new(24, 48).unwrap();
    assert_eq!(rule.apply("::ffff:203.0.113.77".parse().unwrap()).to_string(), "203.0.113.0");
    assert!(IpTruncation::new(33, 0).is_err() && IpTruncation::new(0, 129).is_err());
}
