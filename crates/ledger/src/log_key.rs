//! The keys with which a log signs its checkpoints.
//!
//! The name of each is the log's origin. A rotation makes a new one, records a statement that both signed
//! ([`wzapi_ledger_proof::handover`]) as an entry, and has both sign for a while, so that whoever knows the old key
//! learns of the new one.

use std::time::Duration;

use wzapi_encryption::TenantKeys;
use wzapi_encryption::secret::SecretKey;
use wzapi_ledger_proof::signed_note::{KeyName, Signer, VerifierKey};
use wzapi_model::ids::ControllerId;
use wzapi_model::{Entropy, Timestamp};
use wzapi_storage::key::{Key, KeyPrefix, Owner, RowKind};
use wzapi_storage::query::{Cursor, Query};
use wzapi_storage::row::{ControllerRow, LogKeyRow};
use wzapi_storage::{Draft, Storage, StorageError};

use crate::error::LedgerError;

/// How long a key that was handed over signs beside its successor.
pub const SIGNS_AFTER_HANDOVER: Duration = Duration::from_secs(90 * 24 * 3600);
/// Rows read at a time. A log has few keys.
const PAGE: usize = 64;

/// A key of a log, as it is stored.
#[derive(Debug, Clone)]
pub(crate) struct StoredLogKey {
    pub(crate) place: Key,
    pub(crate) version: u32,
    pub(crate) row: LogKeyRow,
    pub(crate) verifier_key: VerifierKey,
}

/// Draws a key for the log of this origin and stages its row.
pub(crate) async fn stage_new(
    draft: &mut Draft<'_>,
    keys: &TenantKeys,
    entropy: &dyn Entropy,
    (shard, version): (u16, u32),
    origin: &str,
    now: Timestamp,
) -> Result<Signer, LedgerError> {
    let place = Key::LogKey { shard, version };
    let seed = SecretKey::generate(entropy)?;
    let signer = Signer::from_seed(name_of(origin)?, seed.expose())?;
    let key = keys.wrap_log_key(&place, &seed)?;

    // A process that has not heard of a rotation would wrap the key by a tenant key that is about to be destroyed.
    draft.load([Key::Controller]).await?;
    let settings: Option<&ControllerRow> = draft.row(&Key::Controller)?;
    let newest = settings.and_then(|row| row.tenant_keys.first()).map(u32::to_string);
    if newest.as_ref() != Some(&key.wrapped_by) {
        return Err(LedgerError::Conflict);
    }
    draft.guard(&Key::Controller)?;
    let verifier_key = signer.verifier_key().to_string();
    draft.put(place, LogKeyRow { created_at: now, verifier_key, key, retired_at: None }, None)?;
    Ok(signer)
}

/// The keys of the log of this origin, oldest first.
pub(crate) async fn stored(
    storage: &dyn Storage,
    controller: ControllerId,
    shard: u16,
    origin: &str,
) -> Result<Vec<StoredLogKey>, LedgerError> {
    let mut found = Vec::new();
    for (place, version, row) in of_shard(storage, controller, shard).await? {
        // A log that was closed keeps its keys under the shard, by another name.
        let is_ours = row.verifier_key.strip_prefix(origin).is_some_and(|rest| rest.starts_with('+'));
        if is_ours {
            let verifier_key = row.verifier_key.parse().map_err(|_| LedgerError::DamagedKey)?;
            found.push(StoredLogKey { place, version, row, verifier_key });
        }
    }
    Ok(found)
}

/// A version that no key of the shard had, of whichever of its logs.
pub(crate) async fn unused_version(
    storage: &dyn Storage,
    controller: ControllerId,
    shard: u16,
) -> Result<u32, LedgerError> {
    let stored = of_shard(storage, controller, shard).await?;
    let newest = stored.last().map_or(0, |(_, version, _)| *version);
    newest.checked_add(1).ok_or(LedgerError::DamagedKey)
}

/// The keys of all logs that a shard ever had, oldest first.
async fn of_shard(
    storage: &dyn Storage,
    controller: ControllerId,
    shard: u16,
) -> Result<Vec<(Key, u32, LogKeyRow)>, StorageError> {
    let mut query = Query::prefix(controller, KeyPrefix::Kind(Owner::Controller, RowKind::LogKey), PAGE);
    let before = shard.checked_sub(1).map(|shard| Key::LogKey { shard, version: u32::MAX });
    query.after = before.map(|key| Cursor { key, due_at: None });
    let mut found = Vec::new();
    loop {
        let page = storage.scan(&query).await?;
        for (place, stored) in page.rows {
            let Key::LogKey { shard: of, version } = place else { continue };
            if of != shard {
                return Ok(found);
            }
            if let wzapi_storage::row::Body::LogKey(row) = stored.body {
                found.push((place, version, row));
            }
        }
        match page.next {
            Some(next) => query.after = Some(next),
            None => return Ok(found),
        }
    }
}

/// Unwraps a key. Whoever has it drops it when it has signed.
pub(crate) fn signer(keys: &TenantKeys, key: &StoredLogKey) -> Result<Signer, LedgerError> {
    let seed = keys.unwrap_log_key(&key.place, &key.row.key)?;
    let signer = Signer::from_seed(key.verifier_key.name().clone(), seed.expose())?;
    // The public half stands in clear: it must be the one that belongs to the seed.
    if *signer.verifier_key() == key.verifier_key { Ok(signer) } else { Err(LedgerError::DamagedKey) }
}

/// Whether the key signs checkpoints at this moment.
pub(crate) fn is_signing(row: &LogKeyRow, now: Timestamp) -> bool {
    row.retired_at.is_none_or(|retired| now < retired.saturating_add(SIGNS_AFTER_HANDOVER))
}

pub(crate) fn name_of(origin: &str) -> Result<KeyName, LedgerError> {
    Ok(KeyName::new(origin)?)
}
