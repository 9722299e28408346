//! Bytes as text of notes: standard Base64 (RFC 4648, section 4), padded, with no bit to spare.
//!
//! Only the one spelling that an encoder writes is read, so that two texts never stand for the same bytes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

pub(crate) fn encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

pub(crate) fn decode_array<const N: usize>(text: &str) -> Option<[u8; N]> {
    decode(text)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_spelling_that_is_written_is_read() {
        assert_eq!(decode(&encode(b"ab")), Some(b"ab".to_vec()));
        for other in ["YWI", "YWJ=", "YWI==", "YW I=", "YWI=\n", "YW-_", "\u{e9}"] {
            assert_eq!(decode(other), None, "{other:?}");
        }
        assert_eq!(decode_array::<2>("YWI="), Some(*b"ab"));
        assert_eq!(decode_array::<3>("YWI="), None);
    }
}
