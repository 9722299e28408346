use std::fmt;
use std::str::FromStr;

use crate::hash::sha256;
use crate::{Hash, ProofError, hex};

/// Keeps a hash made for a ledger entry from meaning anything elsewhere. The final zero byte ends the
/// label, so that no later label can begin with this one.
const DOMAIN_LABEL: &[u8] = b"wzapi/ledger-entry/v1\0";

/// The random 32 bytes that hide an event behind its [`EntryCommitment`].
///
/// Events are easy to guess: few kinds, known times, phone numbers. Without the blinding nobody can test
/// a guess against the log, which is why erasing an event means destroying its blinding too. Draw one
/// afresh for every entry; a reused one shows which entries hold equal events.
///
/// `Debug` prints no bytes, and there is no text form.
#[derive(Clone)]
pub struct Blinding([u8; 32]);

impl Blinding {
    /// Takes 32 bytes that came from a cryptographic source of randomness, or from an entry's body.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, to be stored in the sealed body of the entry or shown to someone entitled to the event.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Blinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Blinding(..)")
    }
}

/// What the log holds of an event: 32 bytes that bind to it without telling it.
///
/// `SHA-256("wzapi/ledger-entry/v1\0" ‖ blinding ‖ event)`. Label and blinding have fixed lengths, so no
/// two pairs of blinding and event are hashed as the same bytes.
///
/// # Examples
///
/// To check a disclosed event, recompute the commitment and compare:
///
/// ```
/// use wzapi_ledger_proof::{Blinding, EntryCommitment};
///
/// let entry: EntryCommitment = "d8f295bf8554cfe15045ad0e0d99ff54bc8f4652aa7c80f67eef8f481908de6e".parse()?;
/// let blinding = Blinding::from_bytes([0; 32]);
///
/// assert_eq!(EntryCommitment::compute(&blinding, br#"{"n":0}"#), entry);
/// assert_ne!(EntryCommitment::compute(&blinding, br#"{"n":1}"#), entry);
/// # Ok::<(), wzapi_ledger_proof::ProofError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryCommitment([u8; 32]);

impl EntryCommitment {
    /// Commits to the canonical bytes of an event (RFC 8785 JSON, integers below 2^53, no floats).
    ///
    /// The bytes are hashed as they are. Whether they are canonical is for the caller to see to: two
    /// spellings of one event are two commitments.
    #[must_use]
    pub fn compute(blinding: &Blinding, canonical_event: &[u8]) -> Self {
        Self(*sha256([DOMAIN_LABEL, &blinding.0, canonical_event]).as_bytes())
    }

    /// The hash of the leaf that this entry becomes in the tree, see [`Hash::leaf`].
    #[must_use]
    pub fn leaf_hash(&self) -> Hash {
        Hash::leaf(&self.0)
    }

    /// The 32 bytes, as they stand in an entry bundle.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<[u8; 32]> for EntryCommitment {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl AsRef<[u8]> for EntryCommitment {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl FromStr for EntryCommitment {
    type Err = ProofError;

    fn from_str(text: &str) -> Result<Self, ProofError> {
        hex::parse(text).map(Self)
    }
}

impl fmt::Display for EntryCommitment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex::write(&self.0, f)
    }
}

impl fmt::Debug for EntryCommitment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EntryCommitment({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_changes_the_commitment() {
        let entry = EntryCommitment::compute(&Blinding::from_bytes([1; 32]), b"event");
        assert_ne!(entry, EntryCommitment::compute(&Blinding::from_bytes([2; 32]), b"event"));
        assert_ne!(entry, EntryCommitment::compute(&Blinding::from_bytes([1; 32]), b"events"));
        assert_ne!(entry, EntryCommitment::compute(&Blinding::from_bytes([1; 32]), b""));
    }

    #[test]
    fn commitment_is_the_hash_of_label_blinding_and_event() {
        let mut bytes = b"wzapi/ledger-entry/v1\0".to_vec();
        bytes.extend([9; 32]);
        bytes.extend(b"event");
        let entry = EntryCommitment::compute(&Blinding::from_bytes([9; 32]), b"event");
        assert_eq!(entry.as_bytes(), sha256([&bytes]).as_bytes());
    }

    #[test]
    fn blinding_is_not_shown_by_debug() {
        assert_eq!(format!("{:?}", Blinding::from_bytes([0xab; 32])), "Blinding(..)");
    }
}
