//! How a log passes from one key to the next.
//!
//! Both keys sign one statement: the old one says which key is to follow, the new one that it is held by
//! somebody who agrees. A verifier that trusts the old key learns of the new one from it, and needs nothing
//! else. The log records the statement in an entry of type [`EVENT_TYPE`], under the key [`STATEMENT`], and
//! for a while signs its checkpoints with both keys.
//!
//! The statement is a note with these lines, signed by both:
//!
//! ```text
//! wzapi/ledger-key-rotation/v1
//! log <origin>
//! size <entries>
//! old <vkey>
//! new <vkey>
//! ```
//!
//! Its first line says what it is. No checkpoint can be mistaken for it, nor the other way round: the second
//! line of a checkpoint is a number.
//!
//! The size is that of the log when the statement was made. The new key speaks for trees of that size and
//! larger ones: what it alone signs about a smaller tree is [refused](Handover::check), since the old key
//! was the one to sign that.
//!
//! # Limits
//!
//! A handover does not end the old key. Somebody who stole it can sign as before, and can hand the log over to
//! a key of his own; a verifier that saw two handovers of one key knows that something is wrong. Drop the old
//! key from your policy once you have the new one and have seen a checkpoint that both signed.

use thiserror::Error;

use crate::canonical::{self, NotCanonical};
use crate::checkpoint::OpenedCheckpoint;
use crate::signed_note::{KeyName, NoteError, SignatureKind, SignedNote, Signer, VerifierKey};
use crate::{TreeHead, decimal};

/// The type of the event that records a handover.
pub const EVENT_TYPE: &str = "ledger.key_rotated";

/// The key under which that event holds the signed statement.
pub const STATEMENT: &str = "statement";

/// The first line of a statement.
const LABEL: &str = "wzapi/ledger-key-rotation/v1";

/// Why a handover was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum HandoverError {
    /// The statement is no note, or the trusted key did not sign it, or one of the two signatures is bad.
    #[error("the handover is not signed as it must be")]
    Note(#[from] NoteError),
    /// The signed text is not a statement of a handover.
    #[error("line {line} of the handover is malformed")]
    Malformed {
        /// The line, the first one being 1.
        line: usize,
    },
    /// The trusted key signed, but as the one that follows: it cannot vouch for what came before it.
    #[error("the handover is from another key of {name} than the trusted one")]
    NotTrusted {
        /// The name of the keys.
        name: String,
    },
    /// The two keys are not two keys of one log: their names differ, one is a witness's, or both are one.
    #[error("a log hands over from one of its keys to another one of the same name")]
    NotTwoKeysOfOneLog,
    /// The new key did not sign, so nobody can be held to it.
    #[error("the new key did not sign the handover")]
    NotAgreed,
    /// The size is larger than any tree.
    #[error("the handover states an impossible size")]
    ImpossibleSize,
    /// The event is not canonical.
    #[error("the event of the handover is not canonical")]
    NotCanonical(#[from] NotCanonical),
    /// The event is not one of a handover.
    #[error("the event is none of a handover")]
    OtherEvent,
    /// The new key alone signed a tree from before the handover.
    #[error("the new key does not speak for a tree of {size} entries; it does from {from} on")]
    NotYet {
        /// The size of the tree that the new key signed.
        size: u64,
        /// The size from which on it may.
        from: u64,
    },
}

/// A log's word that another key follows, signed by both.
///
/// Only [`verify`] and [`verify_event`] make one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handover {
    old: VerifierKey,
    new: VerifierKey,
    size: u64,
}

/// Writes and signs the statement that the log of both keys, now of this size, passes from one to the other.
///
/// The name of both keys is the origin of the log.
///
/// # Examples
///
/// ```
/// use wzapi_ledger_proof::handover;
/// use wzapi_ledger_proof::signed_note::{KeyName, Signer};
///
/// let name = KeyName::new("example.com/log")?;
/// let [old, new] = [1, 2].map(|seed| Signer::from_seed(name.clone(), &[seed; 32]).unwrap());
///
/// let statement = handover::sign(&old, &new, 41)?.to_string();
/// let handover = handover::verify(statement.as_bytes(), old.verifier_key())?;
/// assert_eq!(handover.new_key(), new.verifier_key());
/// assert_eq!(handover.size(), 41);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`HandoverError::NotTwoKeysOfOneLog`], [`HandoverError::ImpossibleSize`].
pub fn sign(old: &Signer, new: &Signer, size: u64) -> Result<SignedNote, HandoverError> {
    let handover = Handover { old: old.verifier_key().clone(), new: new.verifier_key().clone(), size };
    handover.check_sense()?;
    Ok(SignedNote::sign(&handover.text(), &[old, new])?)
}

/// Checks a statement by which a trusted key hands over.
///
/// # Errors
///
/// [`HandoverError`], all but those of events and of [`Handover::check`].
pub fn verify(statement: &[u8], trusted: &VerifierKey) -> Result<Handover, HandoverError> {
    let note = SignedNote::parse(statement)?;
    // The text is believed since the trusted key signed it; it tells which other key must have.
    let signed = note.verify(std::slice::from_ref(trusted))?;
    let handover = Handover::parse(signed.text())?;
    if handover.old != *trusted {
        return Err(HandoverError::NotTrusted { name: handover.old.name().to_string() });
    }
    match note.verify(std::slice::from_ref(&handover.new)) {
        Err(NoteError::NoKnownSignature) => Err(HandoverError::NotAgreed),
        Err(error) => Err(error.into()),
        Ok(_) => Ok(handover),
    }
}

/// Checks the event that records a handover. That the event is in the log is for a
/// [proof](crate::tlog_proof) to show.
///
/// # Errors
///
/// [`HandoverError`], all but that of [`Handover::check`].
pub fn verify_event(event: &[u8], trusted: &VerifierKey) -> Result<Handover, HandoverError> {
    let event = canonical::parse_object(event)?;
    if event.text("type") != Some(EVENT_TYPE) {
        return Err(HandoverError::OtherEvent);
    }
    let statement = event.text(STATEMENT).ok_or(HandoverError::OtherEvent)?;
    verify(statement.as_bytes(), trusted)
}

impl Handover {
    /// The origin of the log.
    #[must_use]
    pub const fn origin(&self) -> &KeyName {
        self.old.name()
    }

    /// The key that handed over.
    #[must_use]
    pub const fn old_key(&self) -> &VerifierKey {
        &self.old
    }

    /// The key that follows.
    #[must_use]
    pub const fn new_key(&self) -> &VerifierKey {
        &self.new
    }

    /// The size of the log at the handover. The new key speaks for no smaller tree.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Refuses a checkpoint that the new key alone signed though its tree is smaller than the log was at the
    /// handover.
    ///
    /// # Errors
    ///
    /// [`HandoverError::NotYet`].
    pub fn check(&self, checkpoint: &OpenedCheckpoint) -> Result<(), HandoverError> {
        let size = checkpoint.head().size();
        let only_new = checkpoint.log_signatures().iter().all(|signature| *signature.key() == self.new);
        if only_new && size < self.size {
            return Err(HandoverError::NotYet { size, from: self.size });
        }
        Ok(())
    }

    fn text(&self) -> String {
        let Self { old, new, size } = self;
        format!("{LABEL}\nlog {}\nsize {size}\nold {old}\nnew {new}\n", self.origin())
    }

    fn parse(text: &str) -> Result<Self, HandoverError> {
        let malformed = |line| HandoverError::Malformed { line };
        let mut lines = text.split('\n');
        let mut next =
            |line, label| lines.next().and_then(|text| text.strip_prefix(label)).ok_or(malformed(line));
        if !next(1, LABEL)?.is_empty() {
            return Err(malformed(1));
        }
        let origin = next(2, "log ")?;
        let size = decimal::parse(next(3, "size ")?).ok_or(malformed(3))?;
        let old: VerifierKey = next(4, "old ")?.parse().map_err(|_| malformed(4))?;
        let new: VerifierKey = next(5, "new ")?.parse().map_err(|_| malformed(5))?;
        let handover = Self { old, new, size };
        if handover.origin().as_str() != origin {
            return Err(malformed(2));
        }
        // Each line was read in its one spelling; this refuses what follows them.
        if handover.text() != text {
            return Err(malformed(6));
        }
        handover.check_sense()?;
        Ok(handover)
    }

    fn check_sense(&self) -> Result<(), HandoverError> {
        let Self { old, new, size } = self;
        let are_log_keys = [old, new].iter().all(|key| key.kind() == SignatureKind::Ed25519);
        if !are_log_keys || old.name() != new.name() || old.public_key() == new.public_key() {
            return Err(HandoverError::NotTwoKeysOfOneLog);
        }
        if *size > TreeHead::MAX_SIZE { Err(HandoverError::ImpossibleSize) } else { Ok(()) }
    }
}
