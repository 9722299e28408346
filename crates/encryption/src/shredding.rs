//! Destroying keys, and with them what they sealed.
//!
//! The rows of data keys are removed like any other row, in one changeset with whatever else has to change. From then
//! on nothing here opens what they sealed. Old files of the engine and earlier copies of them still hold the wrapped
//! keys, and are worth nothing once the epoch was rotated (see [`crate::epoch`]): then no tenant key that wrapped them
//! can be had.

use wzapi_model::ids::ControllerId;
use wzapi_storage::key::{Key, KeyPrefix, Owner, RowKind};
use wzapi_storage::query::{MAX_PAGE, Query};
use wzapi_storage::row::{DataKeyRow, Sealed};
use wzapi_storage::{Draft, Storage, StorageError};

use crate::envelope;

/// What the newest version of a retired key is said to have sealed: more than any key may.
const RETIRED: u64 = u64::MAX;

/// The places of every data key of an owner, whatever its category and month.
///
/// # Errors
/// The failure of the store.
pub async fn data_keys_of(
    storage: &dyn Storage,
    controller: ControllerId,
    owner: Owner,
) -> Result<Vec<Key>, StorageError> {
    let mut query = Query::prefix(controller, KeyPrefix::Kind(owner, RowKind::DataKey), MAX_PAGE);
    let mut places = Vec::new();
    loop {
        let page = storage.scan(&query).await?;
        places.extend(page.rows.into_iter().map(|(place, _)| place));
        match page.next {
            Some(next) => query.after = Some(next),
            None => return Ok(places),
        }
    }
}

/// Stages the destruction of data keys; they are gone when the draft is committed. One that changes meanwhile makes the
/// commit fail, and one that is not there is left alone. Places of other kinds of rows are passed over.
///
/// At most [`MAX_CHANGESET_ROWS`](wzapi_storage::changeset::MAX_CHANGESET_ROWS) rows fit into one draft.
///
/// # Errors
/// The failure of the store; nothing was staged then.
pub async fn stage_destruction(
    draft: &mut Draft<'_>,
    places: impl IntoIterator<Item = Key>,
) -> Result<(), crate::EncryptionError> {
    let places: Vec<Key> = places.into_iter().filter(|place| matches!(place, Key::DataKey { .. })).collect();
    draft.load(places.iter().cloned()).await?;
    for place in places {
        draft.delete(place)?;
    }
    Ok(())
}

/// Stages the retirement of a data key: whoever seals next makes a new version of it, and so changes its row. What the
/// key sealed stays readable.
///
/// Sealing only guards the row of a key, so that nobody who destroys the key would notice a value that was sealed since
/// it was read. Therefore a key that seemed to have nothing left is retired first, in a commit of its own; then whoever
/// looks once more and finds nothing can destroy it under the version that it has since: a value sealed meanwhile
/// changed that. Retiring a key that is not there, or is retired, changes nothing. It is safe to lose in a crash.
///
/// # Errors
/// The failure of the store; nothing was staged then.
pub async fn stage_retirement(draft: &mut Draft<'_>, place: &Key) -> Result<(), crate::EncryptionError> {
    draft.load([place.clone()]).await?;
    let Some(mut row) = draft.row::<DataKeyRow>(place)?.cloned() else { return Ok(()) };
    if let Some(newest) = row.versions.first_mut()
        && newest.seals != RETIRED
    {
        newest.seals = RETIRED;
        draft.put_relaxed(place.clone(), row, None)?;
    }
    Ok(())
}

/// Whether a data key was retired and nothing was sealed under it since.
#[must_use]
pub fn is_retired(row: &DataKeyRow) -> bool {
    row.versions.first().is_none_or(|newest| newest.seals == RETIRED)
}

/// Stages the destruction of every version of a data key but the newest, and with them of what they sealed.
///
/// # Errors
/// The failure of the store; nothing was staged then.
pub async fn stage_destruction_of_former(
    draft: &mut Draft<'_>,
    place: &Key,
) -> Result<(), crate::EncryptionError> {
    draft.load([place.clone()]).await?;
    let Some(mut row) = draft.row::<DataKeyRow>(place)?.cloned() else { return Ok(()) };
    if row.versions.len() > 1 {
        row.versions.truncate(1);
        draft.put(place.clone(), row, None)?;
    }
    Ok(())
}

/// Whether a value was sealed by the newest version of its data key, as its envelope states.
#[must_use]
pub fn is_sealed_by_newest(row: &DataKeyRow, sealed: &Sealed) -> bool {
    let newest = row.versions.first().map(|version| version.version);
    envelope::key_version(&sealed.envelope).ok() == newest
}
