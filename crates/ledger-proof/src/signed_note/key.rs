use std::fmt;
use std::str::FromStr;

use ring::signature::{ED25519, UnparsedPublicKey};

use super::{NoteError, VerifiedSignature};
use crate::hash::sha256;
use crate::{base64_text, cosignature, hex};

/// The name of a key: not empty, without white space, plus signs and control characters.
///
/// A schema-less URL such as `example.com/logs/7f3a` is recommended, since it cannot collide with that of
/// anyone else. It need not be reachable. For a log it is the origin of its checkpoints, too; never put the
/// name of a customer in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyName(String);

impl KeyName {
    /// Takes a name.
    ///
    /// # Errors
    ///
    /// [`NoteError::BadKeyName`] if it is empty or holds white space (of Unicode), `+` or a control
    /// character.
    pub fn new(name: impl Into<String>) -> Result<Self, NoteError> {
        let name = name.into();
        let is_allowed = |c: char| !c.is_whitespace() && c != '+' && c >= ' ';
        if !name.is_empty() && name.chars().all(is_allowed) {
            Ok(Self(name))
        } else {
            Err(NoteError::BadKeyName)
        }
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for KeyName {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        Self::new(text)
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Four bytes that, beside its name, tell a key from others. They identify, they do not authenticate:
/// anyone can make another key with the same id.
///
/// Its text form is eight lowercase hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId([u8; 4]);

impl KeyId {
    /// The id that stands at the beginning of a signature.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 4]) -> Self {
        Self(bytes)
    }

    /// The four bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 4] {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex::write(&self.0, f)
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

/// What a key signs, and so in whose name it speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum SignatureKind {
    /// Type 0x01: Ed25519 over the text of the note. Logs sign so.
    Ed25519,
    /// Type 0x04: Ed25519 over a time and the text of a checkpoint. Witnesses sign so, see
    /// [`cosignature`].
    Cosignature,
}

impl SignatureKind {
    /// The byte that stands for this kind in verifier keys and key ids.
    #[must_use]
    pub const fn identifier(self) -> u8 {
        match self {
            Self::Ed25519 => 0x01,
            Self::Cosignature => 0x04,
        }
    }

    const fn of(identifier: u8) -> Option<Self> {
        match identifier {
            0x01 => Some(Self::Ed25519),
            0x04 => Some(Self::Cosignature),
            _ => None,
        }
    }
}

/// A public key with its name: all that is needed to check the signatures of one log or witness.
///
/// Its text form is the *vkey* `name+id+base64(kind ‖ key)` of the signed-note specification. It has to come
/// from a source that the verifier trusts, by a way that whoever hands over the log does not control.
///
/// # Examples
///
/// ```
/// use wzapi_ledger_proof::signed_note::{NoteError, SignatureKind, VerifierKey};
///
/// let text = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
/// let key: VerifierKey = text.parse()?;
/// assert_eq!(key.name().as_str(), "PeterNeumann");
/// assert_eq!(key.kind(), SignatureKind::Ed25519);
/// assert_eq!(key.to_string(), text);
///
/// let mistyped = text.replace("ARpc2", "ARpc3");
/// assert!(matches!(mistyped.parse::<VerifierKey>(), Err(NoteError::WrongKeyId { .. })));
/// # Ok::<(), NoteError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VerifierKey {
    name: KeyName,
    kind: SignatureKind,
    public_key: [u8; 32],
    id: KeyId,
}

impl VerifierKey {
    /// Names a public key. The key is not looked at; an encoding of no point of the curve verifies nothing.
    #[must_use]
    pub fn new(name: KeyName, kind: SignatureKind, public_key: [u8; 32]) -> Self {
        let id = key_id(&name, kind, &public_key);
        Self { name, kind, public_key, id }
    }

    /// The name of the key.
    #[must_use]
    pub const fn name(&self) -> &KeyName {
        &self.name
    }

    /// What the key signs.
    #[must_use]
    pub const fn kind(&self) -> SignatureKind {
        self.kind
    }

    /// The id by which signatures name the key, beside its name: the first bytes of
    /// `SHA-256(name ‖ 0x0A ‖ kind ‖ key)`.
    #[must_use]
    pub const fn id(&self) -> KeyId {
        self.id
    }

    /// The encoded point (RFC 8032, section 5.1.2).
    #[must_use]
    pub const fn public_key(&self) -> &[u8; 32] {
        &self.public_key
    }

    /// Checks one signature over a text. [`SignedNote::verify`](super::SignedNote::verify) does so for all
    /// signatures of a note, and is what one should call.
    ///
    /// # Errors
    ///
    /// [`NoteError::BadSignature`] if this key did not make the signature over this text.
    pub fn verify(&self, text: &[u8], signature: &[u8]) -> Result<VerifiedSignature, NoteError> {
        let bad = || NoteError::BadSignature { name: self.name.0.clone(), id: self.id };
        let timestamp = match self.kind {
            SignatureKind::Ed25519 => self.is_signature(text, signature).then_some(None),
            SignatureKind::Cosignature => {
                let (timestamp, signature) = cosignature::split(signature).ok_or_else(bad)?;
                let message = [cosignature::header(timestamp).as_bytes(), text].concat();
                self.is_signature(&message, signature).then_some(Some(timestamp))
            }
        };
        Ok(VerifiedSignature { key: self.clone(), timestamp: timestamp.ok_or_else(bad)? })
    }

    fn is_signature(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.public_key).verify(message, signature).is_ok()
    }
}

fn key_id(name: &KeyName, kind: SignatureKind, public_key: &[u8; 32]) -> KeyId {
    let hash = sha256([name.0.as_bytes(), b"\n", &[kind.identifier()], public_key]);
    let [a, b, c, d, ..] = *hash.as_bytes();
    KeyId([a, b, c, d])
}

impl FromStr for VerifierKey {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NoteError::BadVerifierKey);
        };
        let name = KeyName::new(name)?;
        let key = base64_text::decode(key).ok_or(NoteError::BadVerifierKey)?;
        let (&identifier, key) = key.split_first().ok_or(NoteError::BadVerifierKey)?;
        let kind =
            SignatureKind::of(identifier).ok_or(NoteError::UnsupportedKey { algorithm: identifier })?;
        let key = Self::new(name, kind, key.try_into().map_err(|_| NoteError::BadVerifierKey)?);
        // As text, so that only lowercase digits are read.
        if key.id.to_string() == id { Ok(key) } else { Err(NoteError::WrongKeyId { name: key.name.0 }) }
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = [&[self.kind.identifier()], self.public_key.as_slice()].concat();
        write!(f, "{}+{}+{}", self.name, self.id, base64_text::encode(&key))
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifierKey({self})")
    }
}
