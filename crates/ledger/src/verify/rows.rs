//! Reading rows that may be damaged.

use wzapi_model::ids::ControllerId;
use wzapi_storage::key::Key;
use wzapi_storage::row::{RowType, Stored};
use wzapi_storage::{Storage, StorageError};

use crate::error::LedgerError;

/// A row is stored, but cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unreadable;

/// What was found under a key.
pub(super) type Found = Result<Option<Stored>, Unreadable>;

/// Reads rows, from one snapshot unless one of them cannot be read. A store that does not answer is an error; a row that
/// cannot be read is a fault, which is for the caller to name.
pub(super) async fn read(
    storage: &dyn Storage,
    controller: ControllerId,
    keys: &[Key],
) -> Result<Vec<Found>, LedgerError> {
    match storage.get(controller, keys).await {
        Ok(rows) => return Ok(rows.into_iter().map(Ok).collect()),
        Err(error) if is_unreadable(&error) => {}
        Err(error) => return Err(error.into()),
    }
    let mut found = Vec::with_capacity(keys.len());
    for key in keys {
        found.push(match storage.get(controller, std::slice::from_ref(key)).await {
            Ok(rows) => Ok(rows.into_iter().next().flatten()),
            Err(error) if is_unreadable(&error) => Err(Unreadable),
            Err(error) => return Err(error.into()),
        });
    }
    Ok(found)
}

/// The row of this type that was found, if one was.
pub(super) fn row<T: RowType>(found: &Found) -> Result<Option<&T>, Unreadable> {
    match found {
        Ok(None) => Ok(None),
        Ok(Some(stored)) => T::of(&stored.body).map(Some).ok_or(Unreadable),
        Err(unreadable) => Err(*unreadable),
    }
}

/// Whether the store answered, but with a row that is damaged or was written by a newer version.
pub(super) const fn is_unreadable(error: &StorageError) -> bool {
    matches!(error, StorageError::Corrupt { .. } | StorageError::Format { .. })
}
