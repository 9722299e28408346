//! Card verification values: three or four digits on their own, or behind their name.

use crate::forbidden::characters::{digit_of, visible};

const NAMES: [&str; 8] = ["cvv", "cvv2", "cvc", "cvc2", "cid", "csc", "cav2", "cve"];

/// Whether `value` is a card verification value or holds one behind its name.
pub(crate) fn holds_verification_value(value: &str) -> bool {
    let scanned = visible(value).to_lowercase();
    if is_value(scanned.trim()) {
        return true;
    }
    let mut named = false;
    for word in scanned.split(|character: char| !character.is_alphanumeric()).filter(|word| !word.is_empty())
    {
        if named && is_value(word) {
            return true;
        }
        let joined = NAMES.iter().filter_map(|name| word.strip_prefix(name)).any(is_value);
        if joined {
            return true;
        }
        // "cvv is 123" names it too; other words in between end the name.
        named = NAMES.contains(&word) || (named && matches!(word, "is" | "no" | "number" | "code"));
    }
    false
}

fn is_value(word: &str) -> bool {
    let digits = word.chars().filter(|character| digit_of(*character).is_some()).count();
    digits == word.chars().count() && (digits == 3 || digits == 4)
}
