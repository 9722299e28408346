use thiserror::Error;

use super::KeyId;

/// What is wrong with a note, a key or a signature.
///
/// None of these is worth a retry with the same input. Names and ids of keys are kept, never a text.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NoteError {
    /// The note is longer than [`MAX_NOTE_BYTES`](super::MAX_NOTE_BYTES). It was not read.
    #[error("the note is longer than {limit} bytes")]
    TooLarge {
        /// The most that is read.
        limit: usize,
    },
    /// The note has more signature lines than [`MAX_SIGNATURES`](super::MAX_SIGNATURES).
    #[error("the note has more than {limit} signatures")]
    TooManySignatures {
        /// The most that are read.
        limit: usize,
    },
    /// The note is not UTF-8, or holds a control character other than the newline.
    #[error("the note is not text: it is not UTF-8 or holds a control character")]
    NotText,
    /// There is no blank line followed by signature lines at the end.
    #[error("the note does not end in a blank line and signature lines")]
    NoSignatureLines,
    /// A signature line is not `— name base64`.
    #[error("signature line {line} is malformed")]
    BadSignatureLine {
        /// Its place among the signature lines, the first one being 1.
        line: usize,
    },
    /// A text that is to be signed is empty, does not end in a newline, or holds a control character.
    #[error("a text to be signed must end in a newline and hold no control characters")]
    UnsignableText,
    /// The name of a key is empty, or holds white space, a plus sign or a control character.
    #[error("the name of a key must be non-empty, without spaces, plus signs and control characters")]
    BadKeyName,
    /// Text that should be a verifier key is not `name+id+base64`, or its key is not 32 bytes long.
    #[error("a verifier key is written as name+id+base64 and holds a key of 32 bytes")]
    BadVerifierKey,
    /// The id in a verifier key is not the one that its name and key give: it was mistyped or altered.
    #[error("the id in the verifier key of {name} does not belong to its name and key")]
    WrongKeyId {
        /// The name in the verifier key.
        name: String,
    },
    /// The key is for another kind of signature than those understood here.
    #[error("signatures of type {algorithm:#04x} are not supported; Ed25519 is 0x01, its cosignatures 0x04")]
    UnsupportedKey {
        /// The byte that tells the type of signature.
        algorithm: u8,
    },
    /// The seed was refused by the signature algorithm.
    #[error("the seed cannot be used as an Ed25519 key")]
    BadSeed,
    /// Two of the known keys have one name and one id, so a signature cannot be told to be of either.
    #[error("two known keys are both {name}+{id}; take one of them out")]
    AmbiguousKeys {
        /// The name that both have.
        name: String,
        /// The id that both have.
        id: KeyId,
    },
    /// A signature by a known key does not verify: the text or the signature was altered. The whole note
    /// is refused, whatever the other signatures say.
    #[error("the signature by {name}+{id} does not verify")]
    BadSignature {
        /// The name of the key.
        name: String,
        /// The id of the key.
        id: KeyId,
    },
    /// None of the known keys signed the note. It may be genuine, but says nothing to whoever holds only
    /// these keys.
    #[error("none of the known keys signed the note")]
    NoKnownSignature,
    /// A time beyond 2^63 - 1 seconds, which a cosignature must not state.
    #[error("a cosignature cannot state a time beyond 2^63 - 1 seconds")]
    BadTime,
}
