//! The word of a witness under a checkpoint (C2SP `tlog-cosignature`, the Ed25519 type).
//!
//! A witness watches logs. Before it signs a checkpoint it has checked that the log only grew since the
//! last one that it saw. A log that shows two histories to two parties needs every witness that they rely on
//! to lie with it, so a verifier that demands witnesses is protected from what no proof can show.
//!
//! A cosignature is a [signature line](NoteSignature) of a key of type 0x04: 8 bytes of time and an Ed25519
//! signature over the lines `cosignature/v1` and `time <seconds>` and the text of the checkpoint. It is
//! verified with the checkpoint, by [`CheckpointPolicy`](crate::checkpoint::CheckpointPolicy). The newer
//! type of the specification, ML-DSA-44 (0x06), is ignored like any unknown key.

use crate::checkpoint::Checkpoint;
use crate::signed_note::{KeyName, NoteError, NoteSignature, SignatureKind, Signer, VerifierKey};

/// The key of a witness.
///
/// Here to let tests and a host's own witness sign; a log never holds one.
///
/// # Examples
///
/// ```
/// use wzapi_ledger_proof::checkpoint::{Checkpoint, CheckpointPolicy};
/// use wzapi_ledger_proof::cosignature::Witness;
/// use wzapi_ledger_proof::signed_note::{KeyName, Signer};
/// use wzapi_ledger_proof::TreeHead;
///
/// let log = Signer::from_seed(KeyName::new("example.com/log")?, &[1; 32])?;
/// let witness = Witness::from_seed(KeyName::new("witness.example")?, &[2; 32])?;
/// let checkpoint = Checkpoint::new(log.verifier_key().name(), TreeHead::EMPTY);
/// let note = checkpoint.sign(&[&log])?.with_signature(witness.cosign(&checkpoint, 1_700_000_000)?)?;
///
/// let policy = CheckpointPolicy::for_log(vec![log.verifier_key().clone()])?
///     .with_witnesses(vec![witness.verifier_key().clone()], 1)?;
/// let opened = policy.open(note.to_string().as_bytes())?;
/// assert_eq!(opened.cosignatures().first().map(|one| one.timestamp()), Some(Some(1_700_000_000)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Witness(Signer);

impl Witness {
    /// The witness with this name and seed. The seed is treated as that of a [`Signer`].
    ///
    /// # Errors
    ///
    /// [`NoteError::BadSeed`] if the algorithm refuses the seed, which it has no reason to.
    pub fn from_seed(name: KeyName, seed: &[u8; 32]) -> Result<Self, NoteError> {
        Signer::of_kind(name, SignatureKind::Cosignature, seed).map(Self)
    }

    /// The public half, for those who rely on the witness.
    #[must_use]
    pub const fn verifier_key(&self) -> &VerifierKey {
        self.0.verifier_key()
    }

    /// States that, at this time (seconds since 1970-01-01T00:00:00Z), the checkpoint was the largest
    /// that the witness saw of the log and agreed with all it had seen. To check that first, by the log's
    /// signature and a [consistency proof](crate::consistency), is for the caller.
    ///
    /// # Errors
    ///
    /// [`NoteError::BadTime`] for a time beyond 2^63 - 1.
    pub fn cosign(&self, checkpoint: &Checkpoint, timestamp: u64) -> Result<NoteSignature, NoteError> {
        if i64::try_from(timestamp).is_err() {
            return Err(NoteError::BadTime);
        }
        let message = format!("{}{checkpoint}", header(timestamp));
        Ok(self.0.sign(&timestamp.to_be_bytes(), message.as_bytes()))
    }
}

/// What precedes the text of the checkpoint in the message that a witness signs.
pub(crate) fn header(timestamp: u64) -> String {
    format!("cosignature/v1\ntime {timestamp}\n")
}

/// Takes time and signature apart. A time beyond 2^63 - 1 must not be stated.
pub(crate) fn split(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (time, signature) = bytes.split_first_chunk()?;
    let timestamp = u64::from_be_bytes(*time);
    i64::try_from(timestamp).ok()?;
    Some((timestamp, signature))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_written_without_leading_zeros() {
        assert_eq!(header(7), "cosignature/v1\ntime 7\n");
    }

    #[test]
    fn time_beyond_the_signed_range_is_refused() {
        let mut bytes = vec![0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1];
        assert_eq!(split(&bytes), Some((i64::MAX as u64, [1].as_slice())));
        bytes[0] = 0x80;
        assert_eq!(split(&bytes), None);
        assert_eq!(split(&bytes[..7]), None);
    }
}
