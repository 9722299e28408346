//! Text with signatures below it (C2SP `signed-note`), the shape of checkpoints and of key rotations.
//!
//! A note is a text that ends in a newline, a blank line, and lines of the form `— name base64`, each a
//! signature by a key of that name. Anyone can read it, and add a signature.
//!
//! # What is stricter than the specification
//!
//! - Of two signatures by one known key both must verify, and they count once. A note that carries a good
//!   and a bad signature of a known key is refused, in whatever order they stand.
//! - Base64 has one spelling: padded, no spare bits, no line breaks. A parsed note is written back byte for
//!   byte.
//! - A note has at most [`MAX_NOTE_BYTES`] and [`MAX_SIGNATURES`]. The specification asks for 16 at least.
//!
//! Only Ed25519 is known: type 0x01 over the text, and type 0x04, the [cosignature](crate::cosignature) of
//! a witness. Signatures of other types are those of unknown keys, which are ignored.

mod error;
mod key;
mod signer;

use std::fmt;

use crate::base64_text;

pub use error::NoteError;
pub use key::{KeyId, KeyName, SignatureKind, VerifierKey};
pub use signer::Signer;

/// The longest note that is read, in bytes: a hundred post-quantum signatures fit.
pub const MAX_NOTE_BYTES: usize = 1 << 20;

/// The most signatures that a note may have.
pub const MAX_SIGNATURES: usize = 100;

/// What a signature line begins with: an em dash and a space.
const LINE_PREFIX: &str = "\u{2014} ";

/// A text with the signatures under it, none of them checked yet.
///
/// `Display` writes the note. [`verify`](Self::verify) gives the text to those who hold a key of a signer.
///
/// # Examples
///
/// ```
/// use wzapi_ledger_proof::signed_note::{KeyName, NoteError, SignedNote, Signer};
///
/// let [log, other] = ["example.com/log", "example.com/other"].map(|name| {
///     Signer::from_seed(KeyName::new(name).unwrap(), &[7; 32]).unwrap()
/// });
/// let written = SignedNote::sign("a text\n", &[&log])?.to_string();
///
/// let note = SignedNote::parse(written.as_bytes())?;
/// let verified = note.verify(&[log.verifier_key().clone()])?;
/// assert_eq!(verified.text(), "a text\n");
///
/// // Somebody who knows other keys only learns nothing, and an altered text is refused.
/// assert_eq!(note.verify(&[other.verifier_key().clone()]), Err(NoteError::NoKnownSignature));
/// let altered = SignedNote::parse(written.replace("a text", "another text").as_bytes())?;
/// assert!(matches!(altered.verify(&[log.verifier_key().clone()]), Err(NoteError::BadSignature { .. })));
/// # Ok::<(), NoteError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedNote {
    /// Ends in a newline.
    text: String,
    /// In the order of the note; lines that stand twice stand here twice.
    signatures: Vec<NoteSignature>,
}

/// One signature line: who says to have signed, and the signature. It proves nothing until it is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteSignature {
    name: KeyName,
    id: KeyId,
    signature: Vec<u8>,
}

/// A note that at least one known key signed, and that no known key contradicts.
///
/// Only [`SignedNote::verify`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedNote<'a> {
    text: &'a str,
    signatures: Vec<VerifiedSignature>,
}

/// A signature that was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedSignature {
    key: VerifierKey,
    timestamp: Option<u64>,
}

impl SignedNote {
    /// Reads a note. Nothing is verified: the text must not be believed, nor even shown, before
    /// [`verify`](Self::verify).
    ///
    /// # Errors
    ///
    /// [`NoteError::TooLarge`], [`NoteError::TooManySignatures`], [`NoteError::NotText`],
    /// [`NoteError::NoSignatureLines`], [`NoteError::BadSignatureLine`].
    pub fn parse(note: &[u8]) -> Result<Self, NoteError> {
        if note.len() > MAX_NOTE_BYTES {
            return Err(NoteError::TooLarge { limit: MAX_NOTE_BYTES });
        }
        let note = std::str::from_utf8(note).ok().filter(|note| is_text(note)).ok_or(NoteError::NotText)?;
        // The last blank line is the border: the text may hold others.
        let (text, lines) = note.rsplit_once("\n\n").ok_or(NoteError::NoSignatureLines)?;
        let lines = lines.strip_suffix('\n').ok_or(NoteError::NoSignatureLines)?;
        let mut signatures = Vec::new();
        for (line, place) in lines.split('\n').zip(1..) {
            if place > MAX_SIGNATURES {
                return Err(NoteError::TooManySignatures { limit: MAX_SIGNATURES });
            }
            signatures.push(parse_line(line).ok_or(NoteError::BadSignatureLine { line: place })?);
        }
        Ok(Self { text: format!("{text}\n"), signatures })
    }

    /// Signs a text with each of the signers.
    ///
    /// # Errors
    ///
    /// [`NoteError::UnsignableText`] for a text that no note can hold, [`NoteError::NoSignatureLines`] if
    /// there is no signer, [`NoteError::TooManySignatures`].
    pub fn sign(text: &str, signers: &[&Signer]) -> Result<Self, NoteError> {
        if !text.ends_with('\n') || !is_text(text) {
            return Err(NoteError::UnsignableText);
        }
        let unsigned = Self { text: text.to_owned(), signatures: Vec::new() };
        let note = signers
            .iter()
            .try_fold(unsigned, |note, signer| note.with_signature(signer.sign(&[], text.as_bytes())))?;
        if note.signatures.is_empty() { Err(NoteError::NoSignatureLines) } else { Ok(note) }
    }

    /// The same note with one more signature: that of a second key, or of a witness.
    ///
    /// It is not verified, as none of the others is.
    ///
    /// # Errors
    ///
    /// [`NoteError::TooManySignatures`].
    pub fn with_signature(mut self, signature: NoteSignature) -> Result<Self, NoteError> {
        if self.signatures.len() >= MAX_SIGNATURES {
            return Err(NoteError::TooManySignatures { limit: MAX_SIGNATURES });
        }
        self.signatures.push(signature);
        Ok(self)
    }

    /// Checks the signatures of all known keys, and ignores those of others.
    ///
    /// Costs one signature check for each line of a known key.
    ///
    /// # Errors
    ///
    /// - [`NoteError::BadSignature`] if one line of a known key does not verify.
    /// - [`NoteError::NoKnownSignature`] if there is no line of a known key.
    /// - [`NoteError::AmbiguousKeys`] if a line can be of two known keys.
    pub fn verify(&self, known: &[VerifierKey]) -> Result<VerifiedNote<'_>, NoteError> {
        let mut verified: Vec<VerifiedSignature> = Vec::new();
        for line in &self.signatures {
            let Some(key) = line.key_among(known)? else { continue };
            let new = key.verify(self.text.as_bytes(), &line.signature)?;
            match verified.iter_mut().find(|earlier| earlier.key == new.key) {
                // A witness may have signed twice; its later word counts.
                Some(earlier) => earlier.timestamp = earlier.timestamp.max(new.timestamp),
                None => verified.push(new),
            }
        }
        if verified.is_empty() {
            return Err(NoteError::NoKnownSignature);
        }
        Ok(VerifiedNote { text: &self.text, signatures: verified })
    }

    /// The signature lines, in their order.
    #[must_use]
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// The text, though nobody has vouched for it.
    #[must_use]
    pub fn unverified_text(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for SignedNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|signature| writeln!(f, "{signature}"))
    }
}

impl NoteSignature {
    /// The name that the line gives.
    #[must_use]
    pub const fn name(&self) -> &KeyName {
        &self.name
    }

    /// The key id that the line gives.
    #[must_use]
    pub const fn id(&self) -> KeyId {
        self.id
    }

    /// What follows the key id: for an Ed25519 signature 64 bytes, for a cosignature 8 of time before them.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.signature
    }

    fn key_among<'k>(&self, known: &'k [VerifierKey]) -> Result<Option<&'k VerifierKey>, NoteError> {
        let mut matching = known.iter().filter(|key| *key.name() == self.name && key.id() == self.id);
        let Some(key) = matching.next() else { return Ok(None) };
        if matching.any(|other| other != key) {
            return Err(NoteError::AmbiguousKeys { name: self.name.to_string(), id: self.id });
        }
        Ok(Some(key))
    }
}

/// The line without its newline.
impl fmt::Display for NoteSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [self.id.as_bytes().as_slice(), &self.signature].concat();
        write!(f, "{LINE_PREFIX}{} {}", self.name, base64_text::encode(&bytes))
    }
}

impl<'a> VerifiedNote<'a> {
    /// The text that was signed, with its final newline.
    #[must_use]
    pub const fn text(&self) -> &'a str {
        self.text
    }

    /// The known keys that signed, each once, in the order of the note.
    #[must_use]
    pub fn signatures(&self) -> &[VerifiedSignature] {
        &self.signatures
    }
}

impl VerifiedSignature {
    /// The key that signed.
    #[must_use]
    pub const fn key(&self) -> &VerifierKey {
        &self.key
    }

    /// When a witness says to have signed, in seconds since 1970-01-01T00:00:00Z. Signatures of logs have
    /// no time.
    #[must_use]
    pub const fn timestamp(&self) -> Option<u64> {
        self.timestamp
    }
}

fn parse_line(line: &str) -> Option<NoteSignature> {
    let (name, signature) = line.strip_prefix(LINE_PREFIX)?.split_once(' ')?;
    let bytes = base64_text::decode(signature)?;
    let (&id, signature) = bytes.split_first_chunk()?;
    if signature.is_empty() {
        return None;
    }
    let name = KeyName::new(name).ok()?;
    Some(NoteSignature { name, id: KeyId::from_bytes(id), signature: signature.to_vec() })
}

/// Whether a note may hold these characters: no ASCII control character but the newline.
pub(crate) fn is_text(text: &str) -> bool {
    text.chars().all(|c| c >= ' ' || c == '\n')
}
