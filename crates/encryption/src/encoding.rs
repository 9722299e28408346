//! One unambiguous way to put several values into one message to authenticate.

/// Concatenates the parts, each behind its length as four big-endian bytes, so that no two different lists of
/// parts give the same bytes.
pub(crate) fn length_prefixed(parts: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::with_capacity(parts.iter().map(|part| part.len() + 4).sum());
    for part in parts {
        let length = u32::try_from(part.len()).unwrap_or(u32::MAX);
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(part);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moving_a_boundary_changes_the_bytes() {
        assert_ne!(length_prefixed(&[b"ab", b"c"]), length_prefixed(&[b"a", b"bc"]));
        assert_ne!(length_prefixed(&[b"abc"]), length_prefixed(&[b"abc", b""]));
        assert_eq!(length_prefixed(&[b"a"]), [0, 0, 0, 1, b'a']);
    }
}
