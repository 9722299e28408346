//! Recomputes a log from storage and says where it was altered.

use std::collections::BTreeMap;

use wzapi_encryption::{EncryptionError, TenantKeys};
use wzapi_ledger_proof::compact_range::CompactRange;
use wzapi_ledger_proof::{EntryCommitment, Hash};
use wzapi_model::ids::ControllerId;
use wzapi_storage::key::Key;
use wzapi_storage::row::{DataKeyRow, EntryBodyRow, LogHeadRow, LogLeafRow, RowType, Stored};
use wzapi_storage::{Storage, StorageError};

use crate::entry::SealedBody;
use crate::error::LedgerError;
use crate::sequencer::{FIRST_SHARD, range_of};

/// Entries read at a time.
const PAGE: u64 = 256;

/// What is wrong with an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// The log has no head row.
    HeadMissing,
    /// The head row contradicts itself: its size and its peaks do not fit.
    HeadDamaged,
    /// The entry is not there.
    EntryMissing,
    /// The stored row of the entry, its body or its key cannot be read.
    Unreadable,
    /// The body of the entry is not there, and no certificate says that it was erased.
    BodyMissing,
    /// The body was altered, or is not the one that the entry commits to.
    BodyAltered,
    /// The key that opens the body is not there, and no certificate says that it was destroyed.
    KeyMissing,
    /// The body says that it belongs to another place of the log.
    Misplaced,
    /// The entries do not give the root of the head: an entry up to here was altered or exchanged.
    RootMismatch,
    /// There is an entry beyond the size of the head: the log was cut.
    Truncated,
}

impl FaultKind {
    /// A word for it in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::HeadMissing => "head_missing",
            Self::HeadDamaged => "head_damaged",
            Self::EntryMissing => "entry_missing",
            Self::Unreadable => "unreadable",
            Self::BodyMissing => "body_missing",
            Self::BodyAltered => "body_altered",
            Self::KeyMissing => "key_missing",
            Self::Misplaced => "misplaced",
            Self::RootMismatch => "root_mismatch",
            Self::Truncated => "truncated",
        }
    }
}

/// The first fault of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// The index of the entry; for the head and the root, the size of the log.
    pub index: u64,
    /// What is wrong.
    pub kind: FaultKind,
}

/// The outcome of a full verification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct Verification {
    /// Entries that the head counts.
    pub size: u64,
    /// The root that the head states.
    pub root: Hash,
    /// The first fault, if there is one.
    pub fault: Option<Fault>,
}

impl Verification {
    /// Whether no fault was found.
    #[must_use]
    pub const fn is_sound(&self) -> bool {
        self.fault.is_none()
    }
}

/// Reads every entry and every body of a controller's log, recomputes commitments and root, and reports the first
/// fault. It reads through `storage` and trusts nothing else that was stored. An older state of the whole store
/// can be told from the present one only by a root that was kept elsewhere; compare [`Verification::root`] with it.
///
/// # Errors
/// Only when the store or the keys could not be asked: a fault in what is stored is an answer, not an error.
pub async fn verify(
    storage: &dyn Storage,
    keys: &TenantKeys,
    controller: ControllerId,
) -> Result<Verification, LedgerError> {
    let head = match read(storage, controller, &[Key::LogHead(FIRST_SHARD)]).await? {
        Ok(rows) => rows.into_iter().next().flatten(),
        Err(kind) => return Ok(faulty(0, Hash::EMPTY_ROOT, kind)),
    };
    let Some(row) = head.as_ref().and_then(|stored| LogHeadRow::of(&stored.body)) else {
        return Ok(faulty(0, Hash::EMPTY_ROOT, FaultKind::HeadMissing));
    };
    let Ok(stated) = range_of(row) else {
        return Ok(faulty(row.size, Hash::EMPTY_ROOT, FaultKind::HeadDamaged));
    };
    let mut recomputed = CompactRange::new();
    let fault = loop {
        let next = recomputed.size();
        if next == stated.size() {
            break end_fault(storage, controller, &stated, &recomputed).await?;
        }
        let until = stated.size().min(next.saturating_add(PAGE));
        if let Some(fault) = verify_page(storage, keys, controller, next..until, &mut recomputed).await? {
            break Some(fault);
        }
    };
    Ok(Verification { size: stated.size(), root: stated.root(), fault })
}

async fn end_fault(
    storage: &dyn Storage,
    controller: ControllerId,
    stated: &CompactRange,
    recomputed: &CompactRange,
) -> Result<Option<Fault>, LedgerError> {
    let index = stated.size();
    if stated.root() != recomputed.root() {
        return Ok(Some(Fault { index, kind: FaultKind::RootMismatch }));
    }
    let keys = [Key::LogHead(FIRST_SHARD), Key::LogLeaf { shard: FIRST_SHARD, index }];
    let end = read(storage, controller, &keys).await?.map(<[_; 2]>::try_from);
    Ok(match end {
        Ok(Ok([_, None])) => None,
        // The log grew while it was read: the head says so in the same snapshot.
        Ok(Ok([Some(head), Some(_)])) if LogHeadRow::of(&head.body).is_some_and(|row| row.size > index) => {
            None
        }
        _ => Some(Fault { index, kind: FaultKind::Truncated }),
    })
}

/// Verifies the entries of a range, which are read together.
async fn verify_page(
    storage: &dyn Storage,
    keys: &TenantKeys,
    controller: ControllerId,
    range: std::ops::Range<u64>,
    recomputed: &mut CompactRange,
) -> Result<Option<Fault>, LedgerError> {
    let leaf_keys: Vec<Key> = range.clone().map(|index| Key::LogLeaf { shard: FIRST_SHARD, index }).collect();
    let leaves = match read_each(storage, controller, &leaf_keys).await? {
        Ok(leaves) => leaves,
        Err((position, kind)) => return Ok(Some(Fault { index: range.start + position, kind })),
    };
    let mut found = Vec::with_capacity(leaves.len());
    for (index, leaf) in range.clone().zip(&leaves) {
        match leaf.as_ref().and_then(|stored| LogLeafRow::of(&stored.body)) {
            Some(leaf) => found.push((index, leaf, Key::EntryBody { owner: leaf.owner, entry: leaf.entry })),
            None => return Ok(Some(Fault { index, kind: FaultKind::EntryMissing })),
        }
    }
    let body_keys: Vec<Key> = found.iter().map(|(_, _, key)| key.clone()).collect();
    let bodies = match read_each(storage, controller, &body_keys).await? {
        Ok(bodies) => bodies,
        Err((position, kind)) => return Ok(Some(Fault { index: range.start + position, kind })),
    };
    let data_keys = match data_keys_of(storage, controller, &body_keys, &bodies).await? {
        Ok(data_keys) => data_keys,
        Err(kind) => return Ok(Some(Fault { index: range.start, kind })),
    };
    for ((index, leaf, key), body) in found.into_iter().zip(&bodies) {
        let row = body.as_ref().and_then(|stored| EntryBodyRow::of(&stored.body));
        let commitment = EntryCommitment::from(leaf.commitment);
        if let Err(kind) = verify_body(controller, keys, index, &key, row, &data_keys, &commitment) {
            return Ok(Some(Fault { index, kind }));
        }
        recomputed.append(commitment.leaf_hash()).map_err(LedgerError::Full)?;
    }
    Ok(None)
}

fn verify_body(
    controller: ControllerId,
    keys: &TenantKeys,
    index: u64,
    key: &Key,
    row: Option<&EntryBodyRow>,
    data_keys: &BTreeMap<Key, Stored>,
    commitment: &EntryCommitment,
) -> Result<(), FaultKind> {
    let row = row.ok_or(FaultKind::BodyMissing)?;
    if row.shard != FIRST_SHARD || row.index != index {
        return Err(FaultKind::Misplaced);
    }
    let body = SealedBody { controller, key, row };
    let data_key = data_keys.get(&body.data_key()).and_then(|stored| DataKeyRow::of(&stored.body));
    match body.open(keys, data_key, commitment) {
        Ok(_) => Ok(()),
        Err(EncryptionError::KeyMissing) => Err(FaultKind::KeyMissing),
        Err(_) => Err(FaultKind::BodyAltered),
    }
}

async fn data_keys_of(
    storage: &dyn Storage,
    controller: ControllerId,
    body_keys: &[Key],
    bodies: &[Option<Stored>],
) -> Result<Result<BTreeMap<Key, Stored>, FaultKind>, LedgerError> {
    let mut wanted: Vec<Key> = body_keys
        .iter()
        .zip(bodies)
        .filter_map(|(key, body)| {
            let row = EntryBodyRow::of(&body.as_ref()?.body)?;
            Some(SealedBody { controller, key, row }.data_key())
        })
        .collect();
    wanted.sort_unstable();
    wanted.dedup();
    let rows = read(storage, controller, &wanted).await?;
    Ok(rows.map(|rows| wanted.into_iter().zip(rows).filter_map(|(key, row)| Some((key, row?))).collect()))
}

/// Reads rows; a row that is stored but cannot be read is a fault, a store that does not answer is an error.
async fn read(
    storage: &dyn Storage,
    controller: ControllerId,
    keys: &[Key],
) -> Result<Result<Vec<Option<Stored>>, FaultKind>, LedgerError> {
    match storage.get(controller, keys).await {
        Ok(rows) => Ok(Ok(rows)),
        Err(StorageError::Corrupt { .. }) => Ok(Err(FaultKind::Unreadable)),
        Err(error) => Err(error.into()),
    }
}

/// As [`read`], and finds the position of the row that cannot be read.
async fn read_each(
    storage: &dyn Storage,
    controller: ControllerId,
    keys: &[Key],
) -> Result<Result<Vec<Option<Stored>>, (u64, FaultKind)>, LedgerError> {
    let together = read(storage, controller, keys).await?;
    let Err(kind) = together else { return Ok(together.map_err(|kind| (0, kind))) };
    for (position, key) in (0..).zip(keys) {
        if read(storage, controller, std::slice::from_ref(key)).await?.is_err() {
            return Ok(Err((position, kind)));
        }
    }
    Ok(Err((0, kind)))
}

const fn faulty(size: u64, root: Hash, kind: FaultKind) -> Verification {
    Verification { size, root, fault: Some(Fault { index: size, kind }) }
}
