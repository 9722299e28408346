use thiserror::Error;

use crate::ProofError;
use crate::signed_note::NoteError;

/// Why a checkpoint was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The note is malformed, or its signatures do not vouch for it.
    #[error("the checkpoint is not signed as it must be")]
    Note(#[from] NoteError),
    /// The signed text is not origin, size and root, each on a line of its own.
    #[error("line {line} of the checkpoint is malformed")]
    Malformed {
        /// The line, the first one being 1.
        line: usize,
    },
    /// The size is larger than any tree here, or the root is none of an empty tree.
    #[error("the checkpoint states an impossible tree")]
    ImpossibleTree(#[source] ProofError),
    /// The checkpoint is one of another log. Its signature is good; it was put in the wrong place.
    #[error("the checkpoint is of the log {found}, not of {expected}")]
    OtherLog {
        /// The origin that the policy is for.
        expected: String,
        /// The origin in the checkpoint.
        found: String,
    },
    /// Witnesses signed, but none of the log's keys did.
    #[error("none of the known keys of the log {origin} signed the checkpoint")]
    NotSignedByLog {
        /// The origin that the policy is for.
        origin: String,
    },
    /// Fewer witnesses signed than the policy demands. Ask the log for a checkpoint with more of them.
    #[error("{found} known witnesses signed the checkpoint, {required} are required")]
    TooFewWitnesses {
        /// How many the policy demands.
        required: usize,
        /// How many of the known ones signed.
        found: usize,
    },
    /// The checkpoint has lines after its root, which no log of this ledger writes.
    #[error("the checkpoint has extension lines, which nobody can audit")]
    ExtensionLines,
    /// A signer was to sign a checkpoint of a log that it is not a key of.
    #[error("the key {name} cannot sign for the log {origin}")]
    OtherSigner {
        /// The origin of the checkpoint.
        origin: String,
        /// The name of the signer's key.
        name: String,
    },
}

/// Why keys cannot be made into a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// There is no key of the log: name one.
    #[error("a log needs at least one key")]
    NoLogKey,
    /// The keys have different names, so they are not those of one log. Name the origin if they are.
    #[error("the keys of one log have one name")]
    DifferentLogs,
    /// A key given as the log's is one for cosignatures.
    #[error("the key of a witness was given as that of the log")]
    NotALogKey,
    /// A key given as a witness's is not one for cosignatures. Ask the witness for its key of type 0x04.
    #[error("a key of type 0x01 was given as that of a witness, whose keys are of type 0x04")]
    NotAWitnessKey,
    /// One public key was given twice, under whatever names. It could not count twice.
    #[error("one public key was given twice")]
    RepeatedKey,
    /// More witnesses are demanded than are known.
    #[error("{required} witnesses are required of {known} known ones")]
    OutOfReach {
        /// How many are demanded.
        required: usize,
        /// How many are known.
        known: usize,
    },
}
