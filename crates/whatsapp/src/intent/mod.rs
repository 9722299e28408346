//! Does this text ask for messages to stop.
//!
//! A text is cut into clauses of words. For each clause the languages whose words it is made of say what its words can
//! be (`data/optout/<language>.toml`), and a few rules that hold for every language look at what stands together: a
//! word for stop and a word for messages, a prohibition and a verb of writing, a removal and the person. What is sure is
//! a withdrawal, what can be read otherwise is ambiguous. `docs/opt-out.md` says what each answer means and lists the
//! rules.

use std::fmt;

use wzapi_model::personal::Personal;

mod class;
mod languages;
mod lexicon;
mod pattern;
mod reading;
mod rules;
mod text;

/// The version of rules and data: a number that changes with the rules, and the beginning of the SHA-256 of the data
/// files in the order in which they are listed. It belongs beside a recorded verdict.
pub const RULES_VERSION: &str = "2-68da88e4";

/// The longest text that is examined as a whole, in bytes, without white space at its ends. Of a longer one the first and
/// the last half of this are, and what is found there is at most ambiguous.
pub const MAX_LENGTH: usize = 4096;

/// What the words mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Intent {
    /// No more messages: a reasonable reader is sure.
    Withdraw,
    /// A wish to stop may be there. No marketing until a person or a clear answer resolves it.
    Ambiguous,
    /// Messages again: only the words that providers define.
    Subscribe,
    /// None of these.
    None,
}

impl Intent {
    /// Which wins when two texts of one message differ: the higher one.
    fn weight(self) -> u8 {
        match self {
            Self::Withdraw => 3,
            Self::Ambiguous => 2,
            Self::Subscribe => 1,
            Self::None => 0,
        }
    }
}

/// What a text means and which rule says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[must_use]
pub struct Verdict {
    /// What the words mean.
    pub intent: Intent,
    /// The rule that decided, as `docs/opt-out.md` lists it.
    pub rule: &'static str,
    /// The language in whose words it was found, by its code of ISO 639-1; empty when none is.
    pub language: &'static str,
}

impl Verdict {
    /// Nothing was found.
    pub const NONE: Self = Self { intent: Intent::None, rule: "no-match", language: "" };

    /// The one that counts more, the first when they are equal.
    fn or(self, other: Self) -> Self {
        if other.intent.weight() > self.intent.weight() { other } else { self }
    }
}

/// The id of the rule: `en/command`.
impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.language.is_empty() {
            formatter.write_str(self.rule)
        } else {
            write!(formatter, "{}/{}", self.language, self.rule)
        }
    }
}

/// What the words of one message mean together: a withdrawal wins over ambiguous words, those over a subscription.
pub fn classify(words: &[Personal<String>]) -> Verdict {
    words.iter().map(|text| classify_text(text.expose(), None)).fold(Verdict::NONE, Verdict::or)
}

/// What one text means. `hint` is the code of the language that the text is expected in; other languages are
/// found all the same.
///
/// ```
/// use wzapi_whatsapp::intent::{Intent, classify_text};
///
/// let intent = |text| classify_text(text, None).intent;
/// assert_eq!(intent("Stop. Thank you"), Intent::Withdraw);
/// assert_eq!(intent("mujhe message mat bhejo"), Intent::Withdraw);
/// assert_eq!(intent("stop it"), Intent::Ambiguous);
/// assert_eq!(intent("STOP this terrible bill"), Intent::None);
/// assert_eq!(intent("START"), Intent::Subscribe);
/// assert_eq!(classify_text("Stop!", None).to_string(), "en/whole-message");
/// ```
pub fn classify_text(text: &str, hint: Option<&str>) -> Verdict {
    let text = text.trim();
    if text.len() <= MAX_LENGTH {
        return reading::read(text, hint);
    }
    let half = MAX_LENGTH / 2;
    let first = (0..=half).rev().find_map(|end| text.get(..end)).unwrap_or_default();
    let last =
        (text.len().saturating_sub(half)..text.len()).find_map(|from| text.get(from..)).unwrap_or_default();
    let verdict = reading::read(first, hint).or(reading::read(last, hint));
    match verdict.intent {
        Intent::Withdraw | Intent::Ambiguous => Verdict { intent: Intent::Ambiguous, ..verdict },
        Intent::Subscribe | Intent::None => Verdict::NONE,
    }
}

#[cfg(test)]
mod tests {
    use super::class::Classes;
    use super::languages::{FILES, SHARED};
    use super::lexicon::{File, entries};
    use super::*;

    fn files() -> impl Iterator<Item = (&'static str, File)> {
        let all = FILES.iter().copied().chain([("shared", SHARED)]);
        all.map(|(language, text)| {
            (language, toml::from_str(text).unwrap_or_else(|error| panic!("{language}: {error}")))
        })
    }

    #[test]
    fn every_data_file_is_read_and_every_entry_of_it_says_something() {
        for (language, file) in files() {
            for (class, list) in &file.words {
                assert!(Classes::named(class).is_some(), "{language}: {class}");
                for entry in entries(list) {
                    assert!(pattern::parse(entry).is_some(), "{language}: {class}: {entry}");
                }
            }
            for list in [&file.patterns.withdraw, &file.patterns.ambiguous, &file.patterns.none] {
                for entry in entries(list) {
                    assert!(pattern::parse(entry).is_some(), "{language}: {entry}");
                }
            }
            for group in file.stop.iter().chain(&file.start) {
                assert!(
                    ["regulator", "provider", "application"].contains(&group.source.as_str()),
                    "{language}"
                );
            }
        }
    }

    #[test]
    fn no_phrase_means_two_things() {
        for (language, file) in files() {
            let parsed = |list: &str| entries(list).filter_map(pattern::parse).collect::<Vec<_>>();
            let lists = [&file.patterns.withdraw, &file.patterns.ambiguous, &file.patterns.none]
                .map(|list| parsed(list));
            let [withdraw, ambiguous, none] = &lists;
            for phrase in withdraw {
                assert!(!ambiguous.contains(phrase) && !none.contains(phrase), "{language}: {phrase:?}");
            }
            for phrase in ambiguous {
                assert!(!none.contains(phrase), "{language}: {phrase:?}");
            }
        }
    }

    #[test]
    fn every_whole_message_means_what_it_says() {
        for (language, file) in files() {
            for phrase in file.stop.iter().flat_map(|group| entries(&group.phrases)) {
                assert_eq!(
                    classify_text(phrase, Some(language)).intent,
                    Intent::Withdraw,
                    "{language}: {phrase}"
                );
                let loud = format!("{}!! 🛑", phrase.to_uppercase());
                assert_eq!(
                    classify_text(&loud, Some(language)).intent,
                    Intent::Withdraw,
                    "{language}: {phrase}"
                );
            }
            for phrase in file.start.iter().flat_map(|group| entries(&group.phrases)) {
                assert_eq!(
                    classify_text(phrase, Some(language)).intent,
                    Intent::Subscribe,
                    "{language}: {phrase}"
                );
            }
        }
    }

    #[test]
    fn the_version_names_the_data() {
        let mut context = ring::digest::Context::new(&ring::digest::SHA256);
        FILES.iter().for_each(|(_, text)| context.update(text.as_bytes()));
        context.update(SHARED.as_bytes());
        let digest = context.finish();
        let hash: String = digest.as_ref().iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        assert!(RULES_VERSION.ends_with(&format!("-{hash}")), "RULES_VERSION ends with {hash}");
    }
}
