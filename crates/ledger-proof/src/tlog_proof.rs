//! A proof in one file that anyone can check offline (C2SP `tlog-proof`): an entry, its place, the hashes up
//! to the root, the signed checkpoint.
//!
//! # What is in `extra`
//!
//! The format has a line `extra` for data that the application needs and nobody signs. A proof of this ledger
//! discloses the event there: the 32 bytes of blinding, and then the canonical bytes of the event up to the
//! end, all in one Base64 string. Both are untrusted until the entry was recomputed from them:
//! [`TlogProof::verify`] computes the commitment, proves that *that* is in the tree, and only then gives the
//! event. A proof without the line shows that an entry is in the log, to whoever has the entry already; see
//! [`TlogProof::verify_entry`].
//!
//! A proof that discloses its event holds personal data. It is the only copy outside of the ledger that can
//! still be matched with its entry after erasure, so hand it out like the data itself.
//!
//! # What a proof says after erasure
//!
//! Once blinding and event are destroyed, nobody can tell what the entry was about, the log's owner
//! included. A proof that was handed out before keeps its force: the entry is where it was, and the event
//! still gives it. What nobody can do is make a new one.

use std::fmt;

use thiserror::Error;

use crate::canonical::{self, NotCanonical, Object};
use crate::checkpoint::{CheckpointError, CheckpointPolicy, OpenedCheckpoint};
use crate::inclusion::InclusionProof;
use crate::signed_note::{MAX_NOTE_BYTES, NoteError, SignedNote};
use crate::{Blinding, EntryCommitment, Hash, ProofError, base64_text, decimal};

/// The longest event that a proof can disclose, in bytes.
pub const MAX_EVENT_BYTES: usize = canonical::MAX_BYTES;

/// The longest proof that is read, in bytes: the longest event in Base64, the hashes, the longest note.
pub const MAX_PROOF_BYTES: usize = MAX_EVENT_BYTES / 3 * 4 + MAX_NOTE_BYTES + 4096;

/// The most hashes that a path can have, see [`TreeHead::MAX_SIZE`](crate::TreeHead::MAX_SIZE).
const MAX_HASHES: usize = 62;

/// The first line.
const HEADER: &str = "c2sp.org/tlog-proof@v1";

/// Why a proof was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TlogProofError {
    /// The file is longer than [`MAX_PROOF_BYTES`]. It was not read.
    #[error("the proof is longer than {limit} bytes")]
    TooLarge {
        /// The most that is read.
        limit: usize,
    },
    /// A line above the checkpoint is not what the format asks for.
    #[error("line {line} of the proof is malformed")]
    Malformed {
        /// The line, the first one being 1.
        line: usize,
    },
    /// There is no blank line with a checkpoint after it, or that is no note.
    #[error("the proof holds no well-formed checkpoint")]
    NoCheckpoint(#[source] Option<NoteError>),
    /// The proof does not disclose its event. It can be checked by those who have the entry.
    #[error("the proof does not disclose its event")]
    NotDisclosed,
    /// What the proof discloses is too short to hold a blinding and an event, or too long.
    #[error("what the proof discloses is no blinding and event")]
    BadDisclosure,
    /// The checkpoint does not satisfy the policy.
    #[error("the checkpoint of the proof was refused")]
    Checkpoint(#[from] CheckpointError),
    /// The entry is not at that index of the tree, or the disclosed event is not what it commits to.
    #[error("the entry is not in the log at this place")]
    NotIncluded(#[source] ProofError),
    /// The event is in the log, but can be read in more than one way.
    #[error("the event of the entry is not canonical")]
    NotCanonical(#[source] NotCanonical),
}

/// What an entry commits to: blinding and event.
///
/// `Debug` prints neither.
#[derive(Clone)]
pub struct Disclosure {
    blinding: Blinding,
    event: Vec<u8>,
}

impl Disclosure {
    /// Brings blinding and event together, as the body of the entry holds them.
    #[must_use]
    pub const fn new(blinding: Blinding, event: Vec<u8>) -> Self {
        Self { blinding, event }
    }

    /// The entry that commits to them.
    #[must_use]
    pub fn commitment(&self) -> EntryCommitment {
        EntryCommitment::compute(&self.blinding, &self.event)
    }

    /// The canonical bytes of the event.
    #[must_use]
    pub fn event(&self) -> &[u8] {
        &self.event
    }

    fn from_extra(extra: &[u8]) -> Option<Self> {
        let (blinding, event) = extra.split_first_chunk()?;
        let fits = !event.is_empty() && event.len() <= MAX_EVENT_BYTES;
        fits.then(|| Self::new(Blinding::from_bytes(*blinding), event.to_vec()))
    }

    fn to_extra(&self) -> Vec<u8> {
        [self.blinding.as_bytes().as_slice(), &self.event].concat()
    }
}

impl fmt::Debug for Disclosure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Disclosure(..)")
    }
}

/// A proof, nothing of it checked yet.
///
/// `Display` writes the file, whose name should end in `.tlog-proof`; `Debug` leaves out what is disclosed.
///
/// # Examples
///
/// ```
/// use wzapi_ledger_proof::checkpoint::{Checkpoint, CheckpointPolicy};
/// use wzapi_ledger_proof::inclusion::InclusionProof;
/// use wzapi_ledger_proof::memory_tree::MemoryTree;
/// use wzapi_ledger_proof::signed_note::{KeyName, Signer};
/// use wzapi_ledger_proof::tlog_proof::{Disclosure, TlogProof};
/// use wzapi_ledger_proof::{Blinding, EntryCommitment};
///
/// let event = br#"{"at":0,"type":"consent.withdrawn"}"#.to_vec();
/// let disclosure = Disclosure::new(Blinding::from_bytes([7; 32]), event.clone());
/// let mut tree = MemoryTree::new();
/// tree.append(EntryCommitment::from([1; 32]).leaf_hash())?;
/// tree.append(disclosure.commitment().leaf_hash())?;
///
/// // The log's side.
/// let log = Signer::from_seed(KeyName::new("example.com/log")?, &[1; 32])?;
/// let checkpoint = Checkpoint::new(log.verifier_key().name(), tree.head()).sign(&[&log])?;
/// let path = InclusionProof::build(&tree, 1, 2)?;
/// let file = TlogProof::new(Some(disclosure), 1, path, checkpoint).to_string();
///
/// // The verifier's side, who knows the log's key.
/// let policy = CheckpointPolicy::for_log(vec![log.verifier_key().clone()])?;
/// let verified = TlogProof::parse(file.as_bytes())?.verify(&policy)?;
/// assert_eq!(verified.event(), event);
/// assert_eq!(verified.fields().text("type"), Some("consent.withdrawn"));
/// assert_eq!((verified.inclusion().index(), verified.inclusion().checkpoint().head().size()), (1, 2));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct TlogProof {
    extra: Option<Vec<u8>>,
    index: u64,
    inclusion: InclusionProof,
    checkpoint: SignedNote,
}

impl TlogProof {
    /// Puts a proof together. Nothing is checked: [`verify`](Self::verify) what you hand out.
    #[must_use]
    pub fn new(
        disclosure: Option<Disclosure>,
        index: u64,
        inclusion: InclusionProof,
        checkpoint: SignedNote,
    ) -> Self {
        Self { extra: disclosure.as_ref().map(Disclosure::to_extra), index, inclusion, checkpoint }
    }

    /// Reads a proof. The checkpoint is read as a note, its signatures are not checked.
    ///
    /// # Errors
    ///
    /// [`TlogProofError::TooLarge`], [`TlogProofError::Malformed`], [`TlogProofError::NoCheckpoint`].
    pub fn parse(proof: &[u8]) -> Result<Self, TlogProofError> {
        if proof.len() > MAX_PROOF_BYTES {
            return Err(TlogProofError::TooLarge { limit: MAX_PROOF_BYTES });
        }
        let malformed = |line| TlogProofError::Malformed { line };
        let text = std::str::from_utf8(proof).map_err(|_| malformed(1))?;
        let (head, checkpoint) = text.split_once("\n\n").ok_or(TlogProofError::NoCheckpoint(None))?;
        let mut lines = head.split('\n').zip(1..).peekable();
        if lines.next().is_none_or(|(header, _)| header != HEADER) {
            return Err(malformed(1));
        }
        let extra = match lines.next_if(|(line, _)| line.starts_with("extra ")) {
            Some((line, place)) => Some(parse_extra(line).ok_or(malformed(place))?),
            None => None,
        };
        let (line, place) = lines.next().ok_or(malformed(2))?;
        let index = line.strip_prefix("index ").and_then(decimal::parse).ok_or(malformed(place))?;
        let mut hashes = Vec::new();
        for (line, place) in lines {
            let hash = base64_text::decode_array(line).filter(|_| hashes.len() < MAX_HASHES);
            hashes.push(Hash::from(hash.ok_or(malformed(place))?));
        }
        let checkpoint = SignedNote::parse(checkpoint.as_bytes())
            .map_err(|error| TlogProofError::NoCheckpoint(Some(error)))?;
        Ok(Self { extra, index, inclusion: hashes.into(), checkpoint })
    }

    /// Checks the whole proof and gives the event that it discloses.
    ///
    /// # Errors
    ///
    /// [`TlogProofError`], all but those of [`parse`](Self::parse).
    pub fn verify(&self, policy: &CheckpointPolicy) -> Result<VerifiedEvent, TlogProofError> {
        let extra = self.extra.as_ref().ok_or(TlogProofError::NotDisclosed)?;
        let disclosure = Disclosure::from_extra(extra).ok_or(TlogProofError::BadDisclosure)?;
        let inclusion = self.verify_entry(policy, &disclosure.commitment())?;
        let fields = canonical::parse_object(&disclosure.event).map_err(TlogProofError::NotCanonical)?;
        Ok(VerifiedEvent { inclusion, event: disclosure.event, fields })
    }

    /// Checks that this entry is in the log, whatever the proof discloses.
    ///
    /// # Errors
    ///
    /// [`TlogProofError::Checkpoint`], [`TlogProofError::NotIncluded`].
    pub fn verify_entry(
        &self,
        policy: &CheckpointPolicy,
        entry: &EntryCommitment,
    ) -> Result<VerifiedInclusion, TlogProofError> {
        self.verify_leaf(policy, entry.leaf_hash())
    }

    /// Checks that a leaf with this hash is in the log: for proofs of other logs, whose entries are no
    /// commitments.
    ///
    /// # Errors
    ///
    /// [`TlogProofError::Checkpoint`], [`TlogProofError::NotIncluded`].
    pub fn verify_leaf(
        &self,
        policy: &CheckpointPolicy,
        leaf: Hash,
    ) -> Result<VerifiedInclusion, TlogProofError> {
        let checkpoint = policy.open_note(self.checkpoint.clone())?;
        self.inclusion.verify(leaf, self.index, checkpoint.head()).map_err(TlogProofError::NotIncluded)?;
        Ok(VerifiedInclusion { index: self.index, checkpoint })
    }

    /// The bytes of the line `extra`, if there is one. Nobody vouches for them.
    #[must_use]
    pub fn extra(&self) -> Option<&[u8]> {
        self.extra.as_deref()
    }

    /// The index that the proof claims.
    #[must_use]
    pub const fn index(&self) -> u64 {
        self.index
    }

    /// The hashes up to the root.
    #[must_use]
    pub const fn inclusion(&self) -> &InclusionProof {
        &self.inclusion
    }

    /// The checkpoint, unopened.
    #[must_use]
    pub const fn checkpoint(&self) -> &SignedNote {
        &self.checkpoint
    }
}

impl fmt::Display for TlogProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}")?;
        if let Some(extra) = &self.extra {
            writeln!(f, "extra {}", base64_text::encode(extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        for hash in self.inclusion.hashes() {
            writeln!(f, "{}", base64_text::encode(hash.as_bytes()))?;
        }
        write!(f, "\n{}", self.checkpoint)
    }
}

impl fmt::Debug for TlogProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlogProof")
            .field("index", &self.index)
            .field("inclusion", &self.inclusion)
            .field("checkpoint", &self.checkpoint)
            .finish_non_exhaustive()
    }
}

/// An entry that is in a log. Only a [`TlogProof`] makes one, when it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedInclusion {
    index: u64,
    checkpoint: OpenedCheckpoint,
}

impl VerifiedInclusion {
    /// Where the entry stands, from 0.
    #[must_use]
    pub const fn index(&self) -> u64 {
        self.index
    }

    /// The checkpoint of the tree that holds it.
    #[must_use]
    pub const fn checkpoint(&self) -> &OpenedCheckpoint {
        &self.checkpoint
    }
}

/// An event that is in a log. Only [`TlogProof::verify`] makes one, when it holds.
///
/// `Debug` does not print the event.
#[derive(Clone)]
pub struct VerifiedEvent {
    inclusion: VerifiedInclusion,
    event: Vec<u8>,
    fields: Object,
}

impl VerifiedEvent {
    /// Where the event stands, and in which log.
    #[must_use]
    pub const fn inclusion(&self) -> &VerifiedInclusion {
        &self.inclusion
    }

    /// The canonical bytes of the event.
    #[must_use]
    pub fn event(&self) -> &[u8] {
        &self.event
    }

    /// The same event, read.
    #[must_use]
    pub const fn fields(&self) -> &Object {
        &self.fields
    }
}

impl fmt::Debug for VerifiedEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifiedEvent").field("inclusion", &self.inclusion).finish_non_exhaustive()
    }
}

/// An empty line of extra data is to be left out.
fn parse_extra(line: &str) -> Option<Vec<u8>> {
    base64_text::decode(line.strip_prefix("extra ")?).filter(|extra| !extra.is_empty())
}
