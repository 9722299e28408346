//! A document about the consent of a person, signed by the log, with the proofs of everything that it says happened.
//!
//! One file holds three things: the document (plain JSON-LD, readable by anyone), a [signed note](crate::signed_note)
//! over its hash, and for each act that it cites a [proof](crate::tlog_proof) that discloses the entry. Whoever has the
//! keys of the logs can check all of it offline: that the log signed this very document, that each entry is in its
//! log, and that the document says of each act what the entry says. `docs/formats/consent-receipt.md` describes the
//! file and the document.
//!
//! # What a receipt does not show
//!
//! That nothing else happened: an entry that is not cited is not missed. And what only the document says (names,
//! purposes, rights) rests on the signature alone.
//!
//! A receipt discloses its entries and so is personal data itself. What was handed out keeps its force when the person
//! is erased; it can only not be made again.

mod agreement;
mod statement;

use std::fmt;

use thiserror::Error;

use crate::Hash;
use crate::canonical::{self, NotCanonical, Object, Value};
use crate::checkpoint::CheckpointPolicy;
use crate::hash::sha256;
use crate::signed_note::{NoteError, SignedNote};
use crate::tlog_proof::{TlogProof, TlogProofError, VerifiedEvent};

pub use statement::Statement;

/// What the file says it is, and the first line of the note.
pub const FORMAT: &str = "wzapi/consent-receipt/v1";

/// The longest receipt that is read, in bytes.
pub const MAX_RECEIPT_BYTES: usize = 16 << 20;

/// The most acts that a receipt can cite.
pub const MAX_CITED: usize = 256;

/// Why a receipt was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ReceiptError {
    /// The file is longer than [`MAX_RECEIPT_BYTES`]. It was not read.
    #[error("the receipt is longer than {limit} bytes")]
    TooLarge {
        /// The most that is read.
        limit: usize,
    },
    /// The file, or the document in it, can be read in more than one way.
    #[error("the receipt is not canonical")]
    NotCanonical(#[source] NotCanonical),
    /// The file is canonical JSON, and no receipt of this version.
    #[error("the receipt is malformed: {0}")]
    Malformed(&'static str),
    /// The note in it is malformed, or a known key contradicts it.
    #[error("the signature of the receipt was refused")]
    Signature(#[source] NoteError),
    /// None of the keys signed it.
    #[error("none of the logs whose keys are known signed the receipt")]
    UnknownSigner,
    /// The log signed something else than a receipt, or another log than the one it names.
    #[error("what was signed is no statement about a receipt of this log")]
    OtherStatement,
    /// The document is not the one that was signed.
    #[error("the document is not the one that the log signed")]
    DocumentAltered,
    /// A proof is about a log whose keys are not known.
    #[error("proof {place} is about a log whose keys are not known")]
    UnknownLog {
        /// Which proof, the first one being 1.
        place: usize,
    },
    /// A proof does not hold.
    #[error("proof {place} was refused")]
    Proof {
        /// Which proof, the first one being 1.
        place: usize,
        /// Why.
        #[source]
        error: TlogProofError,
    },
    /// The document cites an act that nothing proves.
    #[error("act {place} of the document has no proof")]
    NotProved {
        /// Which act, the first one being 1.
        place: usize,
    },
    /// A proof is about an entry that the document does not cite, or cites twice.
    #[error("entry {index} is proved, and the document does not cite it once")]
    NotCited {
        /// The index of the entry.
        index: u64,
    },
    /// The document says something else about an act than the entry does.
    #[error("act {place} of the document and its entry disagree about {field}")]
    Disagrees {
        /// Which act, the first one being 1.
        place: usize,
        /// About what, as the document names it.
        field: &'static str,
    },
}

impl ReceiptError {
    /// One word for programs.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "too_large",
            Self::NotCanonical(_) => "not_canonical",
            Self::Malformed(_) => "malformed_receipt",
            Self::Signature(_) => "signature_refused",
            Self::UnknownSigner => "unknown_signer",
            Self::OtherStatement => "other_statement",
            Self::DocumentAltered => "document_altered",
            Self::UnknownLog { .. } => "unknown_log",
            Self::Proof { .. } => "proof_refused",
            Self::NotProved { .. } => "not_proved",
            Self::NotCited { .. } => "not_cited",
            Self::Disagrees { .. } => "disagrees",
        }
    }
}

/// A receipt, nothing of it checked yet.
///
/// `Display` writes the file; `Debug` leaves out what is in it.
///
/// # Examples
///
/// ```
/// use wzapi_ledger_proof::checkpoint::CheckpointPolicy;
/// use wzapi_ledger_proof::receipt::{Receipt, ReceiptError};
/// use wzapi_ledger_proof::signed_note::{KeyName, Signer};
///
/// let log = Signer::from_seed(KeyName::new("example.com/log")?, &[1; 32])?;
/// let policy = CheckpointPolicy::for_log(vec![log.verifier_key().clone()])?;
/// let file = include_bytes!("../../../receipt/vectors/withdrawn.receipt.json");
///
/// // The file of another log is well-formed, and refused.
/// let receipt = Receipt::parse(file)?;
/// assert_eq!(receipt.verify(&[policy]).err(), Some(ReceiptError::UnknownSigner));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Receipt {
    /// Canonical.
    document: String,
    signature: SignedNote,
    proofs: Vec<TlogProof>,
}

impl Receipt {
    /// Puts a receipt together. Nothing but the form is checked: [`verify`](Self::verify) what you hand out.
    ///
    /// # Errors
    ///
    /// [`ReceiptError::NotCanonical`] for a document that is no canonical object; [`ReceiptError::Malformed`] when
    /// there are more than [`MAX_CITED`] proofs.
    pub fn new(document: &[u8], signature: SignedNote, proofs: Vec<TlogProof>) -> Result<Self, ReceiptError> {
        canonical::parse_object(document).map_err(ReceiptError::NotCanonical)?;
        check_count(proofs.len())?;
        // Canonical text is UTF-8.
        Ok(Self { document: String::from_utf8_lossy(document).into_owned(), signature, proofs })
    }

    /// Reads a receipt. Neither signatures nor proofs are checked.
    ///
    /// # Errors
    ///
    /// [`ReceiptError::TooLarge`], [`ReceiptError::NotCanonical`], [`ReceiptError::Malformed`],
    /// [`ReceiptError::Signature`] and [`ReceiptError::Proof`] for parts that are malformed.
    pub fn parse(file: &[u8]) -> Result<Self, ReceiptError> {
        if file.len() > MAX_RECEIPT_BYTES {
            return Err(ReceiptError::TooLarge { limit: MAX_RECEIPT_BYTES });
        }
        let malformed = ReceiptError::Malformed;
        let parsed = canonical::parse_within(file, MAX_RECEIPT_BYTES).map_err(ReceiptError::NotCanonical)?;
        let Value::Object(fields) = parsed else { return Err(malformed("it is no object")) };
        let keys: Vec<&str> = fields.fields().iter().map(|(key, _)| key.as_str()).collect();
        if keys != ["document", "format", "proofs", "signature"] || fields.text("format") != Some(FORMAT) {
            return Err(malformed("it is no receipt of this version"));
        }
        let Some(document @ Value::Object(_)) = fields.get("document") else {
            return Err(malformed("its document is no object"));
        };
        let signature = fields.text("signature").ok_or(malformed("its signature is no text"))?;
        let signature = SignedNote::parse(signature.as_bytes()).map_err(ReceiptError::Signature)?;
        let Some(Value::Array(proofs)) = fields.get("proofs") else {
            return Err(malformed("its proofs are no list"));
        };
        check_count(proofs.len())?;
        let proofs = (1..).zip(proofs).map(|(place, proof)| match proof {
            Value::Text(proof) => {
                TlogProof::parse(proof.as_bytes()).map_err(|error| ReceiptError::Proof { place, error })
            }
            _ => Err(malformed("a proof is no text")),
        });
        let proofs = proofs.collect::<Result<_, _>>()?;
        let mut text = String::new();
        canonical::write(document, &mut text);
        Ok(Self { document: text, signature, proofs })
    }

    /// Checks everything: that a known log signed the document, that each proof holds, and that document and entries
    /// say the same. A person's acts may stand in several logs; name the keys of all of them, one policy for each.
    ///
    /// # Errors
    ///
    /// [`ReceiptError`], all but [`ReceiptError::TooLarge`].
    pub fn verify(&self, logs: &[CheckpointPolicy]) -> Result<VerifiedReceipt, ReceiptError> {
        let statement = statement::open(&self.signature, logs)?;
        if statement.document() != self.document_hash() {
            return Err(ReceiptError::DocumentAltered);
        }
        let document =
            canonical::parse_object(self.document.as_bytes()).map_err(ReceiptError::NotCanonical)?;
        let proved = (1..).zip(&self.proofs).map(|(place, proof)| proved(place, proof, logs));
        let events = proved.collect::<Result<Vec<_>, _>>()?;
        agreement::check(&document, &events)?;
        Ok(VerifiedReceipt { statement, document, events })
    }

    /// The canonical bytes of the document. Nobody vouches for them before [`verify`](Self::verify).
    #[must_use]
    pub fn document(&self) -> &[u8] {
        self.document.as_bytes()
    }

    /// The SHA-256 of the document.
    #[must_use]
    pub fn document_hash(&self) -> Hash {
        document_hash(self.document.as_bytes())
    }

    /// The proofs.
    #[must_use]
    pub fn proofs(&self) -> &[TlogProof] {
        &self.proofs
    }
}

/// The hash by which a statement names a document: the plain SHA-256 of its canonical bytes.
#[must_use]
pub fn document_hash(document: &[u8]) -> Hash {
    sha256([document])
}

impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = String::new();
        for (place, proof) in self.proofs.iter().enumerate() {
            if place > 0 {
                rest.push(',');
            }
            canonical::write_text(&proof.to_string(), &mut rest);
        }
        rest.push_str("],\"signature\":");
        canonical::write_text(&self.signature.to_string(), &mut rest);
        write!(f, "{{\"document\":{},\"format\":\"{FORMAT}\",\"proofs\":[{rest}}}", self.document)
    }
}

impl fmt::Debug for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receipt").field("proofs", &self.proofs.len()).finish_non_exhaustive()
    }
}

/// A receipt that holds. Only [`Receipt::verify`] makes one.
///
/// `Debug` prints neither document nor events.
#[derive(Clone)]
pub struct VerifiedReceipt {
    statement: Statement,
    document: Object,
    events: Vec<VerifiedEvent>,
}

impl VerifiedReceipt {
    /// What the log signed.
    #[must_use]
    pub const fn statement(&self) -> &Statement {
        &self.statement
    }

    /// The document.
    #[must_use]
    pub const fn document(&self) -> &Object {
        &self.document
    }

    /// The entries that it cites, at least one, in the order of their proofs.
    #[must_use]
    pub fn events(&self) -> &[VerifiedEvent] {
        &self.events
    }
}

impl fmt::Debug for VerifiedReceipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifiedReceipt").field("statement", &self.statement).finish_non_exhaustive()
    }
}

fn check_count(proofs: usize) -> Result<(), ReceiptError> {
    match proofs {
        0 => Err(ReceiptError::Malformed("it proves nothing")),
        1..=MAX_CITED => Ok(()),
        _ => Err(ReceiptError::Malformed("it has too many proofs")),
    }
}

fn proved(place: usize, proof: &TlogProof, logs: &[CheckpointPolicy]) -> Result<VerifiedEvent, ReceiptError> {
    // Which log it says to be of only chooses the keys: the policy checks the origin.
    let origin = proof.checkpoint().unverified_text().split('\n').next().unwrap_or_default();
    let policy = logs.iter().find(|policy| policy.origin() == origin);
    let policy = policy.ok_or(ReceiptError::UnknownLog { place })?;
    proof.verify(policy).map_err(|error| ReceiptError::Proof { place, error })
}
