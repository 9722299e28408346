//! Whom a check believes, and the checkpoints that it compares with.

use std::path::Path;

use wzapi_compliance::ledger::proof::checkpoint::{CheckpointError, CheckpointPolicy, OpenedCheckpoint};
use wzapi_compliance::ledger::proof::signed_note::{MAX_NOTE_BYTES, NoteError};

use crate::arguments::TrustOptions;
use crate::failure::Failure;
use crate::files;

impl TrustOptions {
    pub(super) fn policy(&self) -> Result<CheckpointPolicy, Failure> {
        let required = self.required_witnesses.unwrap_or(self.witness_keys.len());
        CheckpointPolicy::for_log(self.keys.clone())
            .and_then(|policy| policy.with_witnesses(self.witness_keys.clone(), required))
            .map_err(Failure::Trust)
    }
}

/// Opens a checkpoint that was kept in a file.
pub(super) fn open_checkpoint(path: &Path, policy: &CheckpointPolicy) -> Result<OpenedCheckpoint, Failure> {
    let note = files::read(path, MAX_NOTE_BYTES)?;
    policy.open(&note).map_err(|error| {
        if is_refusal(&error) {
            return Failure::not_verified(path, error);
        }
        Failure::bad_file(path, &error)
    })
}

/// Whether a checkpoint can be read, and is not signed by those who must have. Otherwise it is none.
pub(super) const fn is_refusal(error: &CheckpointError) -> bool {
    match error {
        CheckpointError::Note(note) => matches!(
            note,
            NoteError::BadSignature { .. } | NoteError::NoKnownSignature | NoteError::AmbiguousKeys { .. }
        ),
        CheckpointError::OtherLog { .. }
        | CheckpointError::NotSignedByLog { .. }
        | CheckpointError::TooFewWitnesses { .. } => true,
        _ => false,
    }
}
