use std::fmt;

use ring::signature::{Ed25519KeyPair, KeyPair as _};

use super::{KeyName, NoteError, NoteSignature, SignatureKind, VerifierKey};

/// A key that signs notes: the one of a log.
///
/// It is made from a seed of 32 bytes that the caller draws from a cryptographic source, stores sealed and
/// keeps in a type that wipes itself. The expanded key inside is not wiped when this is dropped (ring does
/// not), so make a signer when there is something to sign and drop it then, rather than keep it for ever.
///
/// `Debug` prints the public key.
///
/// # Examples
///
/// ```
/// use wzapi_ledger_proof::signed_note::{KeyName, SignedNote, Signer};
///
/// let signer = Signer::from_seed(KeyName::new("example.com/log")?, &[7; 32])?;
/// let note = SignedNote::sign("a text\n", &[&signer])?;
/// assert_eq!(note.verify(&[signer.verifier_key().clone()])?.text(), "a text\n");
/// # Ok::<(), wzapi_ledger_proof::signed_note::NoteError>(())
/// ```
pub struct Signer {
    key: VerifierKey,
    pair: Ed25519KeyPair,
}

impl Signer {
    /// The signer with this name and seed (RFC 8032, section 5.1.5).
    ///
    /// # Errors
    ///
    /// [`NoteError::BadSeed`] if the algorithm refuses the seed, which it has no reason to.
    pub fn from_seed(name: KeyName, seed: &[u8; 32]) -> Result<Self, NoteError> {
        Self::of_kind(name, SignatureKind::Ed25519, seed)
    }

    pub(crate) fn of_kind(name: KeyName, kind: SignatureKind, seed: &[u8; 32]) -> Result<Self, NoteError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| NoteError::BadSeed)?;
        let public_key = pair.public_key().as_ref().try_into().map_err(|_| NoteError::BadSeed)?;
        Ok(Self { key: VerifierKey::new(name, kind, public_key), pair })
    }

    /// The public half, for those who verify.
    #[must_use]
    pub const fn verifier_key(&self) -> &VerifierKey {
        &self.key
    }

    /// `prefix ‖ signature over message`, as a line of this key.
    pub(crate) fn sign(&self, prefix: &[u8], message: &[u8]) -> NoteSignature {
        let signature = [prefix, self.pair.sign(message).as_ref()].concat();
        NoteSignature { name: self.key.name().clone(), id: self.key.id(), signature }
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.key)
    }
}
