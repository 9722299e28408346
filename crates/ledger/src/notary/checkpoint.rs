//! Signing a checkpoint.

use std::sync::atomic::Ordering;

use wzapi_ledger_proof::TreeHead;
use wzapi_ledger_proof::checkpoint::{Checkpoint, CheckpointPolicy, OpenedCheckpoint};
use wzapi_ledger_proof::consistency::ConsistencyProof;
use wzapi_ledger_proof::signed_note::{Signer, VerifierKey};
use wzapi_model::Timestamp;
use wzapi_model::ids::{ControllerId, LogId};
use wzapi_storage::key::{Key, LogRef};
use wzapi_storage::row::{CheckpointRow, ClosedLogRow, JournalPositionRow, LogEdge, LogHeadRow, SignedHead};

use super::tiles::{Tiled, edge_range};
use super::{MAX_ATTEMPTS, Notary};
use crate::error::LedgerError;
use crate::journal::{JournalFact, JournalRecord};
use crate::log_key::{self, StoredLogKey};

/// The most keys that sign a checkpoint. A note has room for a hundred signatures, witnesses' included.
const MAX_SIGNING_KEYS: usize = 8;

/// A checkpoint of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedCheckpoint {
    /// The log.
    pub log: LogId,
    /// Its origin.
    pub origin: String,
    /// The tree.
    pub head: TreeHead,
    /// When it was signed.
    pub signed_at: Timestamp,
    /// The signed note (C2SP `tlog-checkpoint`).
    pub note: String,
    /// The keys that verify it: the current one first.
    pub verifier_keys: Vec<VerifierKey>,
}

/// A checkpoint with what is needed to prove something by it.
pub(super) struct Signed {
    pub(super) checkpoint: SignedCheckpoint,
    pub(super) log: LogRef,
    /// The edge of the tiles: that of the checkpoint's tree, or of a larger one.
    pub(super) edge: LogEdge,
}

impl Notary {
    /// The log's checkpoint over everything that was appended when this was called: the one on record when nothing was
    /// appended since, and else a new one.
    ///
    /// # Errors
    /// [`LedgerError::Contradiction`] when what is stored does not continue the tree that was signed before: nothing is
    /// signed then, see [`crate::verify`]. [`LedgerError::Journal`] when the journal does not take it;
    /// [`LedgerError::NotFollowed`], [`LedgerError::OtherJournal`]; [`LedgerError::NoLog`]; the failure of a part.
    pub async fn checkpoint(
        &self,
        controller: ControllerId,
        shard: u16,
    ) -> Result<SignedCheckpoint, LedgerError> {
        Ok(self.sign(controller, shard).await?.checkpoint)
    }

    pub(super) async fn sign(&self, controller: ControllerId, shard: u16) -> Result<Signed, LedgerError> {
        for _ in 0..MAX_ATTEMPTS {
            match self.try_sign(controller, shard).await {
                Err(LedgerError::Conflict) => {}
                outcome => return outcome,
            }
        }
        Err(LedgerError::Conflict)
    }

    async fn try_sign(&self, controller: ControllerId, shard: u16) -> Result<Signed, LedgerError> {
        let tiled = self.extend_tiles(controller, shard).await?;
        let stored_keys =
            log_key::stored(self.storage.as_ref(), controller, shard, &tiled.head.origin).await?;
        let now = self.clock.now();
        let signing = signing_keys(&stored_keys, now);
        let tree = tiled.tree()?;
        if let Some(last) = &tiled.row.signed {
            let opened = open(&last.note, &stored_keys)?;
            if !self.begins_with(controller, tiled.log, &tiled.row.edge, opened.head()).await? {
                return Err(LedgerError::Contradiction);
            }
            if is_current(&opened, tree, &signing) {
                return Ok(signed(&tiled, tree, last.clone(), &signing));
            }
        }
        self.check_journal().await?;
        self.check_journalled(&tiled, &stored_keys, controller).await?;
        let note = self.sign_note(controller, &tiled.head, tree, &signing).await?;
        let row = SignedHead { size: tree.size(), signed_at: now, note };
        self.record(controller, shard, &tiled.head, &row).await?;
        self.store(controller, &tiled, row.clone()).await?;
        Ok(signed(&tiled, tree, row, &signing))
    }

    /// The checkpoint on record, if the keys that sign now signed it.
    pub(super) async fn on_record(
        &self,
        controller: ControllerId,
        shard: u16,
    ) -> Result<Option<Signed>, LedgerError> {
        let tiled = self.tiled(controller, shard).await?;
        let Some(last) = tiled.row.signed.clone() else { return Ok(None) };
        let stored_keys =
            log_key::stored(self.storage.as_ref(), controller, shard, &tiled.head.origin).await?;
        let signing = signing_keys(&stored_keys, self.clock.now());
        let opened = open(&last.note, &stored_keys)?;
        let is_current = is_current(&opened, opened.head(), &signing);
        Ok(is_current.then(|| signed(&tiled, opened.head(), last, &signing)))
    }

    /// The last checkpoint of a log that was closed, if it signed any.
    pub(super) async fn last_of_closed(
        &self,
        controller: ControllerId,
        log: LogRef,
    ) -> Result<Option<Signed>, LedgerError> {
        let (closed_at, row_at) = (Key::ClosedLog(log), Key::Checkpoint(log));
        let mut draft = self.draft(controller);
        draft.load([closed_at.clone(), row_at.clone()]).await?;
        let closed: &ClosedLogRow = draft.row(&closed_at)?.ok_or(LedgerError::NoLog)?;
        let head = closed.head.clone();
        let Some(row) = draft.row::<CheckpointRow>(&row_at)?.cloned() else { return Ok(None) };
        let Some(last) = row.signed.clone() else { return Ok(None) };
        let keys = log_key::stored(self.storage.as_ref(), controller, log.shard, &head.origin).await?;
        let tree = open(&last.note, &keys)?.head();
        let verifying: Vec<_> = keys.iter().rev().collect();
        Ok(Some(signed(&Tiled { log, head, row }, tree, last, &verifying)))
    }

    /// Opens a checkpoint that was given away earlier; `None` when it is none of this log.
    pub(super) async fn reopen(
        &self,
        controller: ControllerId,
        signed: &Signed,
        note: &str,
    ) -> Result<Option<OpenedCheckpoint>, LedgerError> {
        let (shard, origin) = (signed.log.shard, &signed.checkpoint.origin);
        let keys = log_key::stored(self.storage.as_ref(), controller, shard, origin).await?;
        Ok(open(note, &keys).ok())
    }

    async fn sign_note(
        &self,
        controller: ControllerId,
        head: &LogHeadRow,
        tree: TreeHead,
        signing: &[&StoredLogKey],
    ) -> Result<String, LedgerError> {
        if signing.is_empty() {
            return Err(LedgerError::DamagedKey);
        }
        let keys = self.encryption.tenant(controller).await?;
        let signers = signing.iter().map(|key| log_key::signer(&keys, key)).collect::<Result<Vec<_>, _>>()?;
        let borrowed: Vec<&Signer> = signers.iter().collect();
        Ok(Checkpoint::new(&log_key::name_of(&head.origin)?, tree).sign(&borrowed)?.to_string())
    }

    /// Checks that the journal is the one that this store follows, and that this process has followed it, or that there is
    /// none and never was.
    pub(super) async fn check_journal(&self) -> Result<(), LedgerError> {
        let mut draft = self.draft(ControllerId::SYSTEM);
        draft.load([Key::JournalPosition]).await?;
        let known = draft.row::<JournalPositionRow>(&Key::JournalPosition)?;
        let Some(journal) = &self.journal else {
            return if known.is_none() { Ok(()) } else { Err(LedgerError::OtherJournal) };
        };
        // A store that knows less than this process does is an older one in its place.
        let followed = self.followed.load(Ordering::SeqCst);
        let known = known.filter(|known| followed <= known.position).ok_or(LedgerError::NotFollowed)?;
        let is_the_same = known.journal == journal.id().await? && known.position <= journal.len().await?;
        if is_the_same { Ok(()) } else { Err(LedgerError::OtherJournal) }
    }

    /// Checks that the tree continues the largest checkpoint of the log that stands in the journal, whatever the rows of
    /// the store say was signed last: those may be older ones, or altered.
    async fn check_journalled(
        &self,
        tiled: &Tiled,
        keys: &[StoredLogKey],
        controller: ControllerId,
    ) -> Result<(), LedgerError> {
        let Some(journal) = &self.journal else { return Ok(()) };
        let Some(last) = journal.last_checkpoint(tiled.head.log).await? else { return Ok(()) };
        let signed = open(&last.note, keys)?.head();
        if self.begins_with(controller, tiled.log, &tiled.row.edge, signed).await? {
            return Ok(());
        }
        if signed.size() <= tiled.tree()?.size() {
            return Err(LedgerError::Contradiction);
        }
        // Another process signed a larger tree meanwhile; then the head has grown as well.
        let (log, head) = self.load_head(&mut self.draft(controller), tiled.log.shard).await?;
        let is_overtaken = log != tiled.log || head.size >= signed.size();
        Err(if is_overtaken { LedgerError::Conflict } else { LedgerError::NotFollowed })
    }

    /// Writes the checkpoint to the journal, before anybody gets it.
    async fn record(
        &self,
        controller: ControllerId,
        shard: u16,
        head: &LogHeadRow,
        signed: &SignedHead,
    ) -> Result<(), LedgerError> {
        let Some(journal) = &self.journal else { return Ok(()) };
        let fact =
            JournalFact::Checkpoint { shard, log: head.log, size: signed.size, note: signed.note.clone() };
        Ok(journal.append(&JournalRecord { controller, at: signed.signed_at, fact }).await?)
    }

    /// Stores the checkpoint beside the edge that it is about, unless the log was closed meanwhile: then it signs nothing
    /// any more, and what was signed just now is given to nobody.
    async fn store(
        &self,
        controller: ControllerId,
        tiled: &Tiled,
        signed: SignedHead,
    ) -> Result<(), LedgerError> {
        let (place, closed) = (Key::Checkpoint(tiled.log), Key::ClosedLog(tiled.log));
        let mut draft = self.draft(controller);
        draft.load([place.clone(), closed.clone()]).await?;
        let is_closed = draft.row::<ClosedLogRow>(&closed)?.is_some();
        // There is no row of an empty log yet.
        let is_same =
            draft.row::<CheckpointRow>(&place)?.map_or(tiled.row.edge.size == 0, |row| *row == tiled.row);
        if is_closed || !is_same {
            return Err(LedgerError::Conflict);
        }
        draft.guard(&closed)?;
        draft.put(place, CheckpointRow { edge: tiled.row.edge.clone(), signed: Some(signed) }, None)?;
        if self.commit(draft).await? { Ok(()) } else { Err(LedgerError::Conflict) }
    }

    /// Whether the tree of the edge begins with an older one.
    ///
    /// # Errors
    /// [`LedgerError::Contradiction`] when the tiles contradict each other.
    pub(super) async fn begins_with(
        &self,
        controller: ControllerId,
        log: LogRef,
        edge: &LogEdge,
        older: TreeHead,
    ) -> Result<bool, LedgerError> {
        let tree = edge_range(edge)?.head();
        if older.size() > tree.size() {
            return Ok(false);
        }
        let nodes = ConsistencyProof::nodes(older.size(), tree.size()).map_err(LedgerError::Proof)?;
        let tiles = self.tiles(controller, log, edge, tree, &nodes).await?;
        let proof = ConsistencyProof::build(&tiles, older.size(), tree.size())?;
        Ok(proof.verify(older, tree).is_ok())
    }
}

/// The keys that sign now, the newest first.
pub(super) fn signing_keys(stored: &[StoredLogKey], now: Timestamp) -> Vec<&StoredLogKey> {
    let mut signing: Vec<_> = stored.iter().filter(|key| log_key::is_signing(&key.row, now)).collect();
    signing.sort_by_key(|key| std::cmp::Reverse(key.version));
    signing.truncate(MAX_SIGNING_KEYS);
    signing
}

/// Whether the checkpoint is of this tree, and signed by these keys and no others of the log.
fn is_current(opened: &OpenedCheckpoint, tree: TreeHead, signing: &[&StoredLogKey]) -> bool {
    let signed_by = opened.log_signatures();
    opened.head() == tree
        && signed_by.len() == signing.len()
        && signing.iter().all(|key| signed_by.iter().any(|one| *one.key() == key.verifier_key))
}

fn signed(tiled: &Tiled, head: TreeHead, row: SignedHead, signing: &[&StoredLogKey]) -> Signed {
    let checkpoint = SignedCheckpoint {
        log: tiled.head.log,
        origin: tiled.head.origin.clone(),
        head,
        signed_at: row.signed_at,
        note: row.note,
        verifier_keys: signing.iter().map(|key| key.verifier_key.clone()).collect(),
    };
    Signed { checkpoint, log: tiled.log, edge: tiled.row.edge.clone() }
}

/// Opens a checkpoint of our own by any key that the log ever had.
pub(super) fn open(note: &str, keys: &[StoredLogKey]) -> Result<OpenedCheckpoint, LedgerError> {
    let keys = keys.iter().map(|key| key.verifier_key.clone()).collect();
    let policy = CheckpointPolicy::for_log(keys).map_err(|_| LedgerError::DamagedKey)?;
    policy.open(note.as_bytes()).map_err(|_| LedgerError::Contradiction)
}
