//! How one log follows another.
//!
//! When a backup is restored, the store is behind what the log has already signed. To go on from there would
//! be a second history under one name. So the log is closed, and a successor with a new origin begins: its
//! entry 0 is an event of type [`EVENT_TYPE`] that holds, under the key [`CHECKPOINT`], the whole last
//! checkpoint of the old log, as it was journalled.
//!
//! The check has three steps: that the event is entry 0 of the new log
//! ([`TlogProof::verify`](crate::tlog_proof::TlogProof::verify), index 0); that it holds a checkpoint that
//! the old log signed ([`Succession::verify`]); and that this is what the verifier last saw of the old log, or
//! grew out of it ([`Succession::check_known`]). Entries of the old log that are beyond what was restored
//! exist only where they were exported; the succession proves that there were so many, not what they said.

use thiserror::Error;

use crate::ProofError;
use crate::canonical::{self, NotCanonical};
use crate::checkpoint::{CheckpointError, CheckpointPolicy, OpenedCheckpoint};
use crate::consistency::ConsistencyProof;

/// The type of the first event of a successor.
pub const EVENT_TYPE: &str = "ledger.succeeded";

/// The key under which that event holds the last checkpoint of the old log, a whole note.
pub const CHECKPOINT: &str = "checkpoint";

/// Why a succession was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SuccessionError {
    /// The event is not canonical.
    #[error("the first event of the successor is not canonical")]
    NotCanonical(#[from] NotCanonical),
    /// The event is not one of a succession: the log does not say that it follows another.
    #[error("the first event does not name a predecessor")]
    OtherEvent,
    /// The checkpoint in the event is not one that the old log signed.
    #[error("the checkpoint of the predecessor was refused")]
    Checkpoint(#[from] CheckpointError),
    /// The successor has the origin of the log that it follows, which would be a second history.
    #[error("the successor has the origin of its predecessor")]
    SameOrigin,
    /// The checkpoint that the verifier knows is of another log than the successor's predecessor.
    #[error("the known checkpoint is not one of the predecessor")]
    OtherPredecessor,
    /// The successor claims another end of the old log than the verifier knows: entries that were signed are
    /// denied, or replaced.
    #[error("the predecessor ended otherwise than the successor says")]
    OtherEnd(#[source] ProofError),
}

/// A successor's word about the end of the log that it follows.
///
/// # Examples
///
/// ```
/// use wzapi_ledger_proof::TreeHead;
/// use wzapi_ledger_proof::checkpoint::{Checkpoint, CheckpointPolicy};
/// use wzapi_ledger_proof::signed_note::{KeyName, Signer};
/// use wzapi_ledger_proof::succession::Succession;
///
/// let old = Signer::from_seed(KeyName::new("example.com/log/1")?, &[1; 32])?;
/// let last = Checkpoint::new(old.verifier_key().name(), TreeHead::EMPTY).sign(&[&old])?.to_string();
/// let event = format!(
///     r#"{{"checkpoint":"{}","type":"ledger.succeeded"}}"#,
///     last.replace('\n', r"\n"),
/// );
///
/// let policy = CheckpointPolicy::for_log(vec![old.verifier_key().clone()])?;
/// let succession = Succession::verify(event.as_bytes(), "example.com/log/2", &policy)?;
/// succession.check_last(&policy.open(last.as_bytes())?)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Succession {
    last: OpenedCheckpoint,
}

impl Succession {
    /// Opens the checkpoint in the first event of the log of origin `successor`, by the policy for the old
    /// log.
    ///
    /// # Errors
    ///
    /// [`SuccessionError`], all but those of the two checks below.
    pub fn verify(
        first_event: &[u8],
        successor: &str,
        predecessor: &CheckpointPolicy,
    ) -> Result<Self, SuccessionError> {
        if successor == predecessor.origin() {
            return Err(SuccessionError::SameOrigin);
        }
        let event = canonical::parse_object(first_event)?;
        if event.text("type") != Some(EVENT_TYPE) {
            return Err(SuccessionError::OtherEvent);
        }
        let note = event.text(CHECKPOINT).ok_or(SuccessionError::OtherEvent)?;
        Ok(Self { last: predecessor.open(note.as_bytes())? })
    }

    /// The last checkpoint of the old log, as the successor gives it.
    #[must_use]
    pub const fn last(&self) -> &OpenedCheckpoint {
        &self.last
    }

    /// Checks that the successor names the very tree that the verifier knows to be the last, whoever else has
    /// signed it since.
    ///
    /// # Errors
    ///
    /// [`SuccessionError::OtherEnd`], [`SuccessionError::OtherPredecessor`].
    pub fn check_last(&self, known: &OpenedCheckpoint) -> Result<(), SuccessionError> {
        self.check_log(known)?;
        let (known, last) = (known.head(), self.last.head());
        let mismatch = ProofError::RootMismatch { size: known.size() };
        if known == last { Ok(()) } else { Err(SuccessionError::OtherEnd(mismatch)) }
    }

    /// Checks that the tree that the successor names begins with one that the verifier knows.
    ///
    /// # Errors
    ///
    /// [`SuccessionError::OtherEnd`]: with [`ProofError::OlderIsLarger`] if the successor denies entries that
    /// the verifier knows to have been signed, else if they were replaced or the proof is not theirs;
    /// [`SuccessionError::OtherPredecessor`].
    pub fn check_known(
        &self,
        known: &OpenedCheckpoint,
        proof: &ConsistencyProof,
    ) -> Result<(), SuccessionError> {
        self.check_log(known)?;
        proof.verify(known.head(), self.last.head()).map_err(SuccessionError::OtherEnd)
    }

    fn check_log(&self, known: &OpenedCheckpoint) -> Result<(), SuccessionError> {
        let (known, last) = (known.checkpoint().origin(), self.last.checkpoint().origin());
        if known == last { Ok(()) } else { Err(SuccessionError::OtherPredecessor) }
    }
}
