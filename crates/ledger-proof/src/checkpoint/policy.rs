use super::{Checkpoint, CheckpointError, PolicyError};
use crate::TreeHead;
use crate::signed_note::{SignatureKind, SignedNote, VerifiedSignature, VerifierKey};

/// Whom a verifier believes about one log: its keys, the witnesses, and how many of them must have signed.
///
/// During a rotation a log has two keys. One of them suffices, but if both signed, both signatures must be
/// good. [`handover`](crate::handover) tells whether the second key is the log's at all.
///
/// # Examples
///
/// ```
/// use wzapi_ledger_proof::TreeHead;
/// use wzapi_ledger_proof::checkpoint::{Checkpoint, CheckpointError, CheckpointPolicy};
/// use wzapi_ledger_proof::signed_note::{KeyName, Signer};
///
/// let log = Signer::from_seed(KeyName::new("example.com/log")?, &[1; 32])?;
/// let note = Checkpoint::new(log.verifier_key().name(), TreeHead::EMPTY).sign(&[&log])?.to_string();
///
/// let policy = CheckpointPolicy::for_log(vec![log.verifier_key().clone()])?;
/// assert_eq!(policy.open(note.as_bytes())?.head(), TreeHead::EMPTY);
///
/// let another = Signer::from_seed(KeyName::new("example.com/another")?, &[1; 32])?;
/// let other_policy = CheckpointPolicy::for_log(vec![another.verifier_key().clone()])?;
/// assert!(matches!(other_policy.open(note.as_bytes()), Err(CheckpointError::Note(_))));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckpointPolicy {
    origin: String,
    log_keys: Vec<VerifierKey>,
    witnesses: Vec<VerifierKey>,
    required_witnesses: usize,
    accepts_extensions: bool,
}

impl CheckpointPolicy {
    /// Believes these keys about the log whose origin is their name, as it is for every log of this ledger.
    ///
    /// # Errors
    ///
    /// [`PolicyError::NoLogKey`], [`PolicyError::DifferentLogs`], [`PolicyError::NotALogKey`],
    /// [`PolicyError::RepeatedKey`].
    pub fn for_log(keys: Vec<VerifierKey>) -> Result<Self, PolicyError> {
        let first = keys.first().ok_or(PolicyError::NoLogKey)?;
        if keys.iter().any(|key| key.name() != first.name()) {
            return Err(PolicyError::DifferentLogs);
        }
        Self::for_origin(first.name().to_string(), keys)
    }

    /// Believes these keys about the log of this origin. For logs of others, whose keys can have a name that
    /// is not the origin.
    ///
    /// # Errors
    ///
    /// [`PolicyError::NoLogKey`], [`PolicyError::NotALogKey`], [`PolicyError::RepeatedKey`].
    pub fn for_origin(origin: impl Into<String>, keys: Vec<VerifierKey>) -> Result<Self, PolicyError> {
        if keys.is_empty() {
            return Err(PolicyError::NoLogKey);
        }
        if keys.iter().any(|key| key.kind() != SignatureKind::Ed25519) {
            return Err(PolicyError::NotALogKey);
        }
        check_distinct(&keys)?;
        Ok(Self {
            origin: origin.into(),
            log_keys: keys,
            witnesses: Vec::new(),
            required_witnesses: 0,
            accepts_extensions: false,
        })
    }

    /// Knows these witnesses instead of any named before, and demands that this many of them signed.
    ///
    /// With 0 demanded a witness may be absent, but its signature must be good if it is there.
    ///
    /// # Errors
    ///
    /// [`PolicyError::NotAWitnessKey`], [`PolicyError::RepeatedKey`] (a key of the log included, which is no
    /// witness of itself), [`PolicyError::OutOfReach`].
    pub fn with_witnesses(
        mut self,
        witnesses: Vec<VerifierKey>,
        required: usize,
    ) -> Result<Self, PolicyError> {
        if witnesses.iter().any(|key| key.kind() != SignatureKind::Cosignature) {
            return Err(PolicyError::NotAWitnessKey);
        }
        if required > witnesses.len() {
            return Err(PolicyError::OutOfReach { required, known: witnesses.len() });
        }
        check_distinct(&[self.log_keys.as_slice(), &witnesses].concat())?;
        self.witnesses = witnesses;
        self.required_witnesses = required;
        Ok(self)
    }

    /// Accepts checkpoints with extension lines, as other logs may write them.
    #[must_use]
    pub fn accepting_extensions(mut self) -> Self {
        self.accepts_extensions = true;
        self
    }

    /// The origin of the log that this policy is for.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The log's keys, for what a log signs beside checkpoints.
    #[must_use]
    pub fn log_keys(&self) -> &[VerifierKey] {
        &self.log_keys
    }

    /// Reads a checkpoint and checks everything about it but the tree itself.
    ///
    /// # Errors
    ///
    /// [`CheckpointError`], all but [`CheckpointError::OtherSigner`].
    pub fn open(&self, note: &[u8]) -> Result<OpenedCheckpoint, CheckpointError> {
        self.open_note(SignedNote::parse(note)?)
    }

    /// As [`open`](Self::open), for a note that was read already.
    ///
    /// # Errors
    ///
    /// [`CheckpointError`], all but [`CheckpointError::OtherSigner`].
    pub fn open_note(&self, note: SignedNote) -> Result<OpenedCheckpoint, CheckpointError> {
        let known = [self.log_keys.as_slice(), &self.witnesses].concat();
        let verified = note.verify(&known)?;
        let checkpoint = Checkpoint::parse(verified.text())?;
        let (log_signatures, cosignatures): (Vec<_>, Vec<_>) = verified
            .signatures()
            .iter()
            .cloned()
            .partition(|signature| signature.key().kind() == SignatureKind::Ed25519);

        if checkpoint.origin() != self.origin {
            let (expected, found) = (self.origin.clone(), checkpoint.origin().to_owned());
            return Err(CheckpointError::OtherLog { expected, found });
        }
        if log_signatures.is_empty() {
            return Err(CheckpointError::NotSignedByLog { origin: self.origin.clone() });
        }
        if cosignatures.len() < self.required_witnesses {
            let (required, found) = (self.required_witnesses, cosignatures.len());
            return Err(CheckpointError::TooFewWitnesses { required, found });
        }
        if !checkpoint.extensions().is_empty() && !self.accepts_extensions {
            return Err(CheckpointError::ExtensionLines);
        }
        Ok(OpenedCheckpoint { checkpoint, note, log_signatures, cosignatures })
    }
}

/// A checkpoint that satisfied a [`CheckpointPolicy`], the only maker of these.
///
/// Its [`head`](Self::head) is what proofs are checked against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenedCheckpoint {
    checkpoint: Checkpoint,
    note: SignedNote,
    log_signatures: Vec<VerifiedSignature>,
    cosignatures: Vec<VerifiedSignature>,
}

impl OpenedCheckpoint {
    /// Size and root of the tree.
    #[must_use]
    pub const fn head(&self) -> TreeHead {
        self.checkpoint.head()
    }

    /// Origin, size and root.
    #[must_use]
    pub const fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The whole note, unknown signatures included, to be kept and shown to others.
    #[must_use]
    pub const fn note(&self) -> &SignedNote {
        &self.note
    }

    /// The signatures of the log's known keys: at least one, two during a rotation.
    #[must_use]
    pub fn log_signatures(&self) -> &[VerifiedSignature] {
        &self.log_signatures
    }

    /// The signatures of known witnesses, each witness once.
    #[must_use]
    pub fn cosignatures(&self) -> &[VerifiedSignature] {
        &self.cosignatures
    }
}

/// Two names for one public key are one key: it must not count twice among witnesses.
fn check_distinct(keys: &[VerifierKey]) -> Result<(), PolicyError> {
    let mut public: Vec<_> = keys.iter().map(VerifierKey::public_key).collect();
    public.sort_unstable();
    if public.is_sorted_by(|one, next| one < next) { Ok(()) } else { Err(PolicyError::RepeatedKey) }
}
