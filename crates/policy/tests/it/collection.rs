//! What is cut when data is collected (policy clause 2.b).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;
use wzapi_policy::file::{IpTruncation, NotAnAddress};

fn cut(v4: u8, v6: u8, text: &str) -> Result<String, NotAnAddress> {
    IpTruncation::new(v4, v6).unwrap().truncate_text(text)
}

proptest! {
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
        for address in [address, IpAddr::V6(source)] {
            prop_assert_eq!(rule.truncate_text(&address.to_string()), Ok(rule.apply(address).to_string()));
        }
    }

    #[test]
    fn clause_2_b_a_text_is_an_address_or_refused(text in "[0-9a-fA-F:.%\\[\\]/ x]{0,48}") {
        match cut(24, 48, &text) {
            Ok(kept) => {
                let address: IpAddr = kept.parse().unwrap();
                prop_assert_eq!(IpTruncation::new(24, 48).unwrap().apply(address), address, "cut once for all");
            }
            Err(NotAnAddress) => prop_assert!(text.trim().parse::<IpAddr>().is_err(), "{}", text),
        }
    }
}

#[test]
fn clause_2_b_the_cut_bits_are_zero_for_every_length_that_is_kept() {
    let (all4, all6) = (Ipv4Addr::from_bits(u32::MAX), Ipv6Addr::from_bits(u128::MAX));
    for kept in 0u8..=32 {
        let ones = u32::MAX.checked_shl(32 - u32::from(kept)).unwrap_or(0);
        let expected = Ok(Ipv4Addr::from_bits(ones).to_string());
        assert_eq!(cut(kept, 128, &all4.to_string()), expected);
        assert_eq!(cut(kept, 128, &format!("::ffff:{all4}")), expected);
    }
    for kept in 0u8..=128 {
        let ones = u128::MAX.checked_shl(128 - u32::from(kept)).unwrap_or(0);
        assert_eq!(cut(32, kept, &all6.to_string()), Ok(Ipv6Addr::from_bits(ones).to_string()));
    }
}

#[test]
fn clause_2_b_an_ipv4_address_in_ipv6_form_is_cut_as_ipv4() {
    let rule = IpTruncation::new(24, 48).unwrap();
    assert_eq!(rule.apply("::ffff:203.0.113.77".parse().unwrap()).to_string(), "203.0.113.0");
    assert_eq!(cut(24, 48, "[::FFFF:cb00:714d]:443").as_deref(), Ok("203.0.113.0"));
    assert!(IpTruncation::new(33, 0).is_err() && IpTruncation::new(0, 129).is_err());
}

#[test]
fn clause_2_b_no_more_is_kept_of_an_ipv4_address_within_an_ipv6_address() {
    // 203.0.113.77 is cb00:714d, inverted 34ff:8eb2.
    for (written, kept) in [
        ("2002:cb00:714d:1::1", "2002:cb00:7100::"),
        ("64:ff9b::203.0.113.77", "64:ff9b::cb00:7100"),
        ("2001:0:1:2:3:4:34ff:8eb2", "2001:0:1:2:3:4:34ff:8e00"),
        ("::203.0.113.77", "::203.0.113.0"),
        ("::ffff:0:cb00:714d", "::ffff:0:cb00:7100"),
        ("2001:db8::cb00:714d", "2001:db8::cb00:714d"),
    ] {
        let parsed = |text: &str| text.parse::<Ipv6Addr>().unwrap();
        assert_eq!(cut(24, 128, written).map(|text| parsed(&text)), Ok(parsed(kept)), "{written}");
    }
    assert_eq!(cut(24, 48, "2002:cb00:714d:1::1").as_deref(), Ok("2002:cb00:7100::"));
    assert_eq!(cut(24, 48, "64:ff9b::203.0.113.77").as_deref(), Ok("64:ff9b::"));
    assert_eq!(cut(24, 32, "2002:cb00:714d:1::1").as_deref(), Ok("2002:cb00::"));
}

#[test]
fn clause_2_b_a_port_brackets_and_a_zone_are_not_kept() {
    for (text, kept) in [
        (" 203.0.113.77\n", "203.0.113.0"),
        ("203.0.113.77:65535", "203.0.113.0"),
        ("2001:db8:1:2::3", "2001:db8:1::"),
        ("[2001:db8:1:2::3]", "2001:db8:1::"),
        ("[2001:db8:1:2::3]:8080", "2001:db8:1::"),
        ("[fe80::1%25eth0.1]:80", "fe80::"),
        ("fe80::1%eth0.1", "fe80::"),
        ("[fe80::1%3]:80", "fe80::"),
        ("2001:DB8:1:2:3:4:5:6", "2001:db8:1::"),
    ] {
        assert_eq!(cut(24, 48, text).as_deref(), Ok(kept), "{text}");
    }
}

#[test]
fn clause_2_b_what_is_no_address_is_refused() {
    for text in [
        "",
        "localhost",
        "203.0.113",
        "203.0.113.77.1",
        "203.0.113.077",
        "0xcb.0.113.77",
        "3405803853",
        "203.0.113.0/24",
        "203.0.113.77:",
        "203.0.113.77:65536",
        "203.0.113.77:+80",
        "203.0.113.77:000080",
        "203.0.113.77, 198.51.100.2",
        "203.0.113.77%eth0",
        "[203.0.113.77]",
        "[2001:db8::1",
        "2001:db8::1]",
        "[2001:db8::1]80",
        "[2001:db8::1]:",
        "fe80::1%",
        "fe80::1%e th0",
        "1::2::3",
        "٢٠٣.0.113.77",
    ] {
        assert_eq!(cut(24, 48, text), Err(NotAnAddress), "{text}");
    }
}
