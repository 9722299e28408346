//! Commits whose outcome is found out.

use wzapi_storage::changeset::{Changeset, Precondition, Version};
use wzapi_storage::key::Key;
use wzapi_storage::{Storage, StorageError};

/// How often an unknown outcome is asked about.
const MAX_QUERIES: usize = 8;

/// Commits, and finds out what happened when the store does not tell.
///
/// # Errors
/// As [`Storage::commit`]. After [`StorageError::UnknownOutcome`] the store could not be asked either; every other error
/// means that nothing was written.
pub(crate) async fn commit_settled(
    storage: &dyn Storage,
    changeset: Changeset,
) -> Result<Version, StorageError> {
    let receipt = Key::Changeset(changeset.id);
    let mut in_doubt = false;
    let mut outcome = storage.commit(changeset.clone()).await;
    for _ in 0..MAX_QUERIES {
        match outcome {
            Ok(committed) => return Ok(committed.version),
            // It was recorded: an attempt before this one took effect.
            Err(StorageError::Conflict { ref failed }) if failed.contains(&receipt) => in_doubt = true,
            Err(StorageError::Conflict { failed }) if !in_doubt || fails_for_good(&changeset, &failed) => {
                return Err(StorageError::Conflict { failed });
            }
            Err(StorageError::UnknownOutcome { .. }) => in_doubt = true,
            Err(error) if !in_doubt => return Err(error),
            // This attempt had no effect. The one before it may have had one, or will.
            Err(_) => {}
        }
        outcome = match storage.get(changeset.controller, std::slice::from_ref(&receipt)).await {
            Ok(rows) => match rows.into_iter().next().flatten() {
                Some(stored) => return Ok(stored.version),
                // Not there yet: the same id again takes effect at most once.
                None => storage.commit(changeset.clone()).await,
            },
            Err(error) => Err(error),
        };
    }
    match outcome {
        Ok(committed) => Ok(committed.version),
        Err(error) => Err(StorageError::UnknownOutcome { cause: error.into() }),
    }
}

/// Whether an attempt that is still on its way can have no effect any more: a version never comes back, whereas a row
/// that is in the way may go.
fn fails_for_good(changeset: &Changeset, failed: &[Key]) -> bool {
    changeset
        .preconditions
        .iter()
        .any(|(key, precondition)| matches!(precondition, Precondition::Version(_)) && failed.contains(key))
}
