//! What the log signs about a document.

use std::fmt;

use super::{FORMAT, ReceiptError};
use crate::Hash;
use crate::checkpoint::CheckpointPolicy;
use crate::signed_note::{NoteError, SignedNote, Signer};

/// The text of the note. Its first line keeps it from being taken for anything else; a checkpoint it cannot be, whose
/// second line is a number, nor a handover, which begins with another line.
///
/// ```
/// use wzapi_ledger_proof::receipt::{Statement, document_hash};
///
/// let statement = Statement::new("example.com/log", document_hash(b"{}"));
/// assert_eq!(
///     statement.to_string(),
///     "wzapi/consent-receipt/v1\nlog example.com/log\n\
///      document 44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a\n"
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    origin: String,
    document: Hash,
}

impl Statement {
    /// The statement that the log of this origin makes about a document of this hash.
    #[must_use]
    pub fn new(origin: &str, document: Hash) -> Self {
        Self { origin: origin.to_owned(), document }
    }

    /// The origin of the log that makes it.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The hash of the document.
    #[must_use]
    pub const fn document(&self) -> Hash {
        self.document
    }

    /// Signs it with the keys of the log.
    ///
    /// # Errors
    ///
    /// As [`SignedNote::sign`].
    pub fn sign(&self, signers: &[&Signer]) -> Result<SignedNote, NoteError> {
        SignedNote::sign(&self.to_string(), signers)
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        let (first, log, document) = (lines.next()?, lines.next()?, lines.next()?);
        let parsed = Self {
            origin: log.strip_prefix("log ")?.to_owned(),
            document: document.strip_prefix("document ")?.parse().ok()?,
        };
        (first == FORMAT && lines.next().is_none()).then_some(parsed)
    }
}

impl fmt::Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{FORMAT}\nlog {}\ndocument {}", self.origin, self.document)
    }
}

/// The statement that one of these logs signed.
pub(super) fn open(note: &SignedNote, logs: &[CheckpointPolicy]) -> Result<Statement, ReceiptError> {
    for log in logs {
        match note.verify(log.log_keys()) {
            Ok(verified) => {
                let statement = Statement::parse(verified.text());
                return statement
                    .filter(|statement| statement.origin == log.origin())
                    .ok_or(ReceiptError::OtherStatement);
            }
            Err(NoteError::NoKnownSignature) => {}
            Err(error) => return Err(ReceiptError::Signature(error)),
        }
    }
    Err(ReceiptError::UnknownSigner)
}
