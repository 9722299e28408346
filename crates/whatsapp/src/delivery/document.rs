//! From bytes to a JSON document, without letting one broken text cost the rest.

use std::borrow::Cow;

use serde_json::Value;

use super::DeliveryError;

/// The deepest nesting of a body. Meta's have about ten levels.
pub const MAX_DEPTH: usize = 100;

/// Reads a document. A text that is not Unicode, such as half of an emoji, is repaired with U+FFFD and not
/// held against the other texts.
pub(super) fn read(raw: &[u8]) -> Result<Value, DeliveryError> {
    if is_too_deep(raw) {
        return Err(DeliveryError::TooDeep);
    }
    serde_json::from_slice(raw).or_else(|error| {
        let not_json = DeliveryError::NotJson { line: error.line(), column: error.column() };
        serde_json::from_str(&repair(raw)).map_err(|_| not_json)
    })
}

fn is_too_deep(raw: &[u8]) -> bool {
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    for byte in raw {
        match (in_text, escaped, byte) {
            (true, true, _) => escaped = false,
            (true, false, b'\\') => escaped = true,
            (_, false, b'"') => in_text = !in_text,
            (false, _, b'[' | b'{') => depth = depth.saturating_add(1),
            (false, _, b']' | b'}') => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return true;
        }
    }
    false
}

/// The same document with `\ufffd` for every escaped half of a surrogate pair, and U+FFFD for every byte that
/// is not UTF-8.
fn repair(raw: &[u8]) -> String {
    let text = String::from_utf8_lossy(raw);
    let mut out = String::with_capacity(text.len());
    let mut rest: &str = &text;
    while let Some((before, after)) = rest.split_once('\\') {
        out.push_str(before);
        let (escape, remaining) = take_escape(after);
        out.push_str(&escape);
        rest = remaining;
    }
    out.push_str(rest);
    out
}

/// The escape that begins behind a backslash, repaired, and what follows it.
fn take_escape(after: &str) -> (Cow<'_, str>, &str) {
    let Some((unit, rest)) = code_unit(after) else {
        let mut characters = after.chars();
        let escaped = characters.next().map(String::from).unwrap_or_default();
        return (Cow::Owned(format!("\\{escaped}")), characters.as_str());
    };
    match unit {
        0xD800..=0xDBFF => match rest.strip_prefix('\\').and_then(code_unit) {
            Some((low @ 0xDC00..=0xDFFF, rest)) => (Cow::Owned(format!("\\u{unit:04x}\\u{low:04x}")), rest),
            _ => (Cow::Borrowed("\\ufffd"), rest),
        },
        0xDC00..=0xDFFF => (Cow::Borrowed("\\ufffd"), rest),
        _ => (Cow::Owned(format!("\\u{unit:04x}")), rest),
    }
}

/// The four digits of `uXXXX` and what follows them.
fn code_unit(text: &str) -> Option<(u32, &str)> {
    let digits = text.strip_prefix('u')?;
    let (digits, rest) = digits.split_at_checked(4)?;
    if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    Some((u32::from_str_radix(digits, 16).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_an_emoji_does_not_cost_the_rest() {
        let table: [(&[u8], &str); 6] = [
            (br#"["\ud83d","ok"]"#, "\u{fffd}"),
            (br#"["\udc00","ok"]"#, "\u{fffd}"),
            (br#"["\ud83d\u0041","ok"]"#, "\u{fffd}A"),
            (br#"["\ud83d\ude00\ud83d","ok"]"#, "\u{1f600}\u{fffd}"),
            (br#"["\\ud83d\ud83d","ok"]"#, "\\ud83d\u{fffd}"),
            (b"[\"\xff\",\"ok\"]", "\u{fffd}"),
        ];
        for (raw, expected) in table {
            let document = read(raw).unwrap();
            assert_eq!(document, serde_json::json!([expected, "ok"]));
        }
        assert!(matches!(read(br#"["\u12","ok"]"#), Err(DeliveryError::NotJson { .. })));
    }

    #[test]
    fn depth_counts_brackets_outside_of_texts() {
        let nested = |depth: usize| [vec![b'['; depth], vec![b']'; depth]].concat();
        assert!(read(&nested(MAX_DEPTH)).is_ok());
        assert_eq!(read(&nested(MAX_DEPTH + 1)), Err(DeliveryError::TooDeep));
        let quoted = format!("[\"\\\"{}\"]", "[".repeat(1000));
        assert!(read(quoted.as_bytes()).is_ok());
    }
}
