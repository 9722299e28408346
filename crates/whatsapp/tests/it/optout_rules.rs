//! What holds for every text.

use proptest::prelude::*;
use wzapi_whatsapp::intent::{Intent, MAX_LENGTH, RULES_VERSION, classify_text};

#[test]
fn a_long_text_is_at_most_ambiguous_and_long_ends_do_not_hide_the_word() {
    let intent = |text: &str| classify_text(text, None).intent;
    assert_eq!(intent(&format!("stop{}", " ".repeat(1_000_000))), Intent::Withdraw);
    let filling = "lorem ipsum, ".repeat(MAX_LENGTH);
    assert_eq!(intent(&format!("Stop sending me messages. {filling}")), Intent::Ambiguous);
    assert_eq!(intent(&format!("{filling}. Stop sending me messages")), Intent::Ambiguous);
    assert_eq!(intent(&filling), Intent::None);
}

#[test]
fn the_rules_have_a_version() {
    assert!(
        RULES_VERSION.split_once('-').is_some_and(|(number, hash)| !number.is_empty() && hash.len() == 8)
    );
}

proptest! {
    #[test]
    fn any_text_is_classified_without_a_panic(text in any::<String>(), hint in proptest::option::of("[a-zé]{0,3}")) {
        let _ = classify_text(&text, hint.as_deref());
    }

    #[test]
    fn decoration_does_not_change_a_withdrawal(
        before in "[ .!*~🛑🙏\u{200f}\u{202b}\u{200b}]{0,8}", after in "[ .!*~🛑🙏\u{200e}\u{200d}]{0,8}",
        upper in any::<[bool; 4]>(), wide: bool,
    ) {
        let word: String = "stop".chars().zip(upper)
            .map(|(letter, upper)| if upper { letter.to_ascii_uppercase() } else { letter })
            .map(|letter| if wide { char::from_u32(u32::from(letter) + 0xfee0).unwrap() } else { letter })
            .collect();
        let text = format!("{before}{word}{after}");
        prop_assert_eq!(classify_text(&text, None).intent, Intent::Withdraw);
    }
}
