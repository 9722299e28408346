use std::fmt;
use std::str::FromStr;

use ring::digest;

use crate::{ProofError, hex};

/// A SHA-256 hash in the tree: of a leaf, of a node, or a root.
///
/// Its text form is 64 lowercase hexadecimal digits. Hashes are public, so `Debug` prints them and
/// comparison takes no care to be constant in time.
///
/// # Examples
///
/// ```
/// use wzapi_ledger_proof::Hash;
///
/// let leaf = Hash::leaf(b"");
/// assert_eq!(leaf.to_string(), "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
/// assert_eq!(leaf.to_string().parse(), Ok(leaf));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash([u8; 32]);

impl Hash {
    /// The root of the tree without entries: SHA-256 of nothing (RFC 9162, section 2.1.1).
    pub const EMPTY_ROOT: Self = Self([
        0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27,
        0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
    ]);

    /// The hash of a leaf: SHA-256 of `0x00 ‖ entry` (RFC 9162, section 2.1.1).
    ///
    /// Entries of the ledger are 32 bytes long, see [`EntryCommitment::leaf_hash`]; trees of other logs
    /// may hold entries of any length.
    ///
    /// [`EntryCommitment::leaf_hash`]: crate::EntryCommitment::leaf_hash
    #[must_use]
    pub fn leaf(entry: &[u8]) -> Self {
        sha256([&[0x00], entry])
    }

    /// The hash of a node over its two children: SHA-256 of `0x01 ‖ left ‖ right` (RFC 9162,
    /// section 2.1.1). The first byte keeps a node from being passed off as a leaf.
    #[must_use]
    pub fn node(left: &Self, right: &Self) -> Self {
        sha256([&[0x01], &left.0, &right.0])
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<[u8; 32]> for Hash {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl AsRef<[u8]> for Hash {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl FromStr for Hash {
    type Err = ProofError;

    fn from_str(text: &str) -> Result<Self, ProofError> {
        hex::parse(text).map(Self)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex::write(&self.0, f)
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash({self})")
    }
}

/// SHA-256 of the parts in order, as if they were one string of bytes.
pub(crate) fn sha256<const N: usize>(parts: [&[u8]; N]) -> Hash {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(part);
    }
    let mut bytes = [0; 32];
    bytes.copy_from_slice(context.finish().as_ref());
    Hash(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_root_is_the_hash_of_nothing() {
        assert_eq!(Hash::EMPTY_ROOT, sha256([]));
    }

    #[test]
    fn text_other_than_64_lowercase_digits_is_refused() {
        let good = Hash::EMPTY_ROOT.to_string();
        let wrong_case = good.to_uppercase();
        let wrong_digit = good.replace('e', "g");
        let not_ascii = good.replacen("e3", "é", 1);
        for bad in ["", &good[..63], &good[..62], &format!("{good}0"), &wrong_case, &wrong_digit, &not_ascii]
        {
            assert_eq!(bad.parse::<Hash>(), Err(ProofError::BadHex), "{bad:?}");
        }
    }

    #[test]
    fn debug_and_display_show_the_digits() {
        let digits = "00".repeat(31) + "0f";
        let hash: Hash = digits.parse().unwrap();
        assert_eq!(hash.to_string(), digits);
        assert_eq!(format!("{hash:?}"), format!("Hash({digits})"));
    }
}
