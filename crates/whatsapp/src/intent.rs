//! Do these words mean stop.
//!
//! A message counts when the whole of it is an opt-out, after case, accents, width, stretched letters,
//! punctuation, emoji and politeness are taken away. A word inside a longer sentence does not: "stop" in "don't
//! stop" and "cancel" in "cancel my order" are ordinary words. When in doubt between a stop and a start, it is a
//! stop; a false stop can be taken back, a missed one is a message that the person forbade.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use unicode_normalization::char::is_combining_mark;
use wzapi_model::personal::Personal;

use crate::normalise::{normalise, spellings};
use crate::words::{self, Phrases};

/// The longest message that can be an opt-out, in characters, without white space and symbols at its ends.
pub const MAX_LENGTH: usize = 256;

/// The most polite phrases that are taken away.
const MAX_POLITE: usize = 4;

/// What the words mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Intent {
    /// No more messages.
    OptOut,
    /// Messages again.
    OptIn,
    /// Neither.
    None,
}

/// What the words of one message mean: an opt-out anywhere wins over an opt-in.
#[must_use]
pub fn classify(words: &[Personal<String>]) -> Intent {
    let intents = words.iter().map(|text| classify_text(text.expose()));
    intents.fold(Intent::None, |so_far, intent| match (so_far, intent) {
        (Intent::OptOut, _) | (_, Intent::OptOut) => Intent::OptOut,
        (Intent::OptIn, _) | (_, Intent::OptIn) => Intent::OptIn,
        (Intent::None, Intent::None) => Intent::None,
    })
}

/// What one text means.
///
/// ```
/// use wzapi_whatsapp::intent::{Intent, classify_text};
///
/// assert_eq!(classify_text("Stooop!!! 🛑"), Intent::OptOut);
/// assert_eq!(classify_text("don't stop"), Intent::None);
/// assert_eq!(classify_text("START"), Intent::OptIn);
/// ```
#[must_use]
pub fn classify_text(text: &str) -> Intent {
    // Symbols at the ends go first, so that the bound counts what the message says.
    let text =
        text.trim_matches(|character: char| !character.is_alphanumeric() && !is_combining_mark(character));
    if text.chars().nth(MAX_LENGTH).is_some() {
        return Intent::None;
    }
    let normalised = normalise(text);
    if spellings(&normalised).iter().any(|spelling| is_opt_out(spelling)) {
        Intent::OptOut
    } else if TABLE.opt_in.contains(&normalised) {
        Intent::OptIn
    } else {
        Intent::None
    }
}

/// The table of words in the form that messages are brought into.
struct Table {
    opt_out: BTreeSet<String>,
    opt_in: BTreeSet<String>,
    polite: Vec<String>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let normal_forms = |table: &[Phrases]| {
        table.iter().flat_map(|group| group.phrases).map(|phrase| normalise(phrase)).collect::<BTreeSet<_>>()
    };
    Table {
        opt_out: normal_forms(words::OPT_OUT),
        opt_in: normal_forms(words::OPT_IN),
        polite: words::POLITE.iter().map(|phrase| normalise(phrase)).collect(),
    }
});

/// Whether the normalised text is an opt-out, as it stands or with polite words taken from its ends.
fn is_opt_out(text: &str) -> bool {
    let mut rest = text;
    for _ in 0..=MAX_POLITE {
        if TABLE.opt_out.contains(rest) {
            return true;
        }
        match TABLE.polite.iter().find_map(|polite| without(rest, polite)) {
            Some(shorter) => rest = shorter,
            None => return false,
        }
    }
    false
}

fn without<'a>(text: &'a str, polite: &str) -> Option<&'a str> {
    let after = text.strip_prefix(polite).and_then(|rest| rest.strip_prefix(' '));
    after.or_else(|| text.strip_suffix(polite).and_then(|rest| rest.strip_suffix(' ')))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_means_stop() {
        for text in [
            "STOP",
            "Stop.",
            "stop!!!",
            "stop?",
            "\"STOP\"",
            "S T O P",
            "s.t.o.p",
            "stooop",
            "STOPPPP",
            "please stop",
            "Stop please",
            "pls stop, thanks",
            "stop messages",
            "stop sending me messages",
            "STOP 🛑",
            "🛑 STOP",
            "Sto\u{200c}p",
            "ＳＴＯＰ",
            "stop\n",
            "arrêt",
            "ARRET",
            "arre\u{302}t",
            "बंद",
            "बंद करो 🙏",
            "unsubscribe me",
            "Unsubscribe",
            "opt-out",
            "OPT OUT",
            "OPTOUT",
            "Stop promotions",
            "STOP_PROMOTIONS",
            "Stop marketing",
            "StopAll",
            "td",
            "don't contact me",
            "por favor darme de baja",
            "NO MÁS",
            "no mas",
            "s'il vous plaît arrêter",
            "mat bhejo please",
            "બંધ કરો",
            "إلغاء الاشتراك",
            "退订。",
            "配信停止",
            "수신거부",
            "Не пишите!",
            "הסרה",
        ] {
            assert_eq!(classify_text(text), Intent::OptOut, "{text}");
        }
    }

    #[test]
    fn what_does_not() {
        for text in [
            "",
            " ",
            "🛑",
            "don't stop",
            "Don’t stop!",
            "dont stop",
            "Reply STOP",
            "Reply STOP to unsubscribe",
            "> Reply STOP\nok",
            "no calls, only WhatsApp",
            "cancel my order please",
            "the end",
            "para",
            "I can't stop laughing",
            "please",
            "please please",
            "stop by tomorrow",
            "non stop",
            "bus stop",
            "stoop",
            "end of the month?",
            "sair de casa",
            "vou parar aqui",
            "não quero parar",
            "unsubscribed",
            "stop start",
            "don't unsubscribe me",
            "never stop",
            "mat bhejo kal",
            "weekend",
            "is the shop at the stop",
            "NAME",
        ] {
            assert_eq!(classify_text(text), Intent::None, "{text}");
        }
    }

    #[test]
    fn what_means_start_is_only_the_exact_word() {
        for text in ["START", "start.", "Subscribe", "unstop", "VOLVER", "recibir", "voltar", "receber"] {
            assert_eq!(classify_text(text), Intent::OptIn, "{text}");
        }
        for text in ["please start", "staaart", "s t a r t", "start the car", "don't start"] {
            assert_eq!(classify_text(text), Intent::None, "{text}");
        }
    }

    #[test]
    fn an_opt_out_wins_over_an_opt_in_in_either_order() {
        let words = |texts: [&str; 2]| texts.map(Personal::from);
        assert_eq!(classify(&words(["START", "STOP_PROMOTIONS"])), Intent::OptOut);
        assert_eq!(classify(&words(["Stop", "start"])), Intent::OptOut);
        assert_eq!(classify(&words(["start", "hello"])), Intent::OptIn);
        assert_eq!(classify(&[]), Intent::None);
    }

    #[test]
    fn every_phrase_of_the_table_means_what_it_says_and_none_means_both() {
        for group in words::OPT_OUT {
            for phrase in group.phrases {
                assert_eq!(classify_text(phrase), Intent::OptOut, "{phrase}");
                assert_eq!(
                    classify_text(&format!("¡{}!! 🛑", phrase.to_uppercase())),
                    Intent::OptOut,
                    "{phrase}"
                );
            }
        }
        for phrase in words::OPT_IN.iter().flat_map(|group| group.phrases) {
            assert_eq!(classify_text(phrase), Intent::OptIn, "{phrase}");
        }
    }

    #[test]
    fn long_texts_are_not_read_and_long_ends_do_not_hide_the_word() {
        assert_eq!(classify_text(&format!("stop{}", " ".repeat(1_000_000))), Intent::OptOut);
        assert_eq!(classify_text(&format!("{}stop", "🛑".repeat(100_000))), Intent::OptOut);
        assert_eq!(classify_text(&"stop ".repeat(100_000)), Intent::None);
        assert_eq!(classify_text(&format!("st{}p", "o".repeat(300))), Intent::None);
    }

    proptest! {
        #[test]
        fn any_text_is_classified_without_a_panic(text in any::<String>()) {
            let _ = classify_text(&text);
        }

        #[test]
        fn a_word_more_in_front_makes_it_another_sentence(text in "[a-z]{1,8}") {
            prop_assume!(!words::POLITE.contains(&text.as_str()));
            let sentence = format!("{text} xyzzy stop");
            prop_assert_eq!(classify_text(&sentence), Intent::None);
        }

        #[test]
        fn decoration_does_not_change_a_stop(
            before in "[ .!?*~🛑🙏]{0,8}", after in "[ .!?*~🛑🙏]{0,8}", upper in any::<[bool; 4]>(),
        ) {
            let word: String = "stop".chars().zip(upper)
                .map(|(letter, upper)| if upper { letter.to_ascii_uppercase() } else { letter }).collect();
            let text = format!("{before}{word}{after}");
            prop_assert_eq!(classify_text(&text), Intent::OptOut);
        }
    }
}
