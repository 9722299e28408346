//! One log, from its head to its last entry.

use wzapi_encryption::EncryptionError;
use wzapi_ledger_proof::Hash;
use wzapi_ledger_proof::checkpoint::OpenedCheckpoint;
use wzapi_ledger_proof::signed_note::VerifierKey;
use wzapi_model::ids::LogId;
use wzapi_storage::key::{Key, KeyPrefix, LogRef, Owner, RowKind};
use wzapi_storage::query::{Cursor, Query};
use wzapi_storage::row::{ClosedLogRow, LogHeadRow};

use super::bodies::Bodies;
use super::rows::{Found, Unreadable, is_unreadable, row};
use super::tree::Tree;
use super::{Fault, FaultKind, MAX_ATTEMPTS, OnProgress, Verification, Verifier, VerifyProgress};
use crate::error::LedgerError;
use crate::log_key;
use crate::sequencer::{origin_of, range_of};

/// Entries read at a time: those under one tile.
const PAGE: u64 = 256;

/// A log as it was seen at one moment.
pub(super) struct Seen<'a> {
    pub(super) log: LogRef,
    pub(super) head: &'a LogHeadRow,
    /// What stands where its checkpoint should, in the same snapshot.
    pub(super) checkpoint: &'a Found,
    /// The log that was closed before it, if there was one and it is known.
    pub(super) predecessor: Option<LogId>,
    pub(super) is_closed: bool,
    /// Whether something in the same snapshot says that the log was closed, although its head is the shard's.
    pub(super) is_left_behind: bool,
}

impl Verifier<'_> {
    pub(super) async fn verify_log(
        &self,
        seen: &Seen<'_>,
        on_progress: OnProgress<'_>,
    ) -> Result<Verification, LedgerError> {
        let head = seen.head;
        let older: Vec<&OpenedCheckpoint> =
            self.older.iter().filter(|older| older.checkpoint().origin() == head.origin).collect();
        let mut answer = Verification {
            log: seen.log,
            name: Some((head.log, head.origin.clone())),
            is_closed: seen.is_closed,
            size: head.size,
            root: Hash::EMPTY_ROOT,
            erased: 0,
            certificates: 0,
            signed: None,
            compared: older.len(),
            fault: None,
        };
        answer.fault = self.find_fault(seen, &older, &mut answer, on_progress).await?.err();
        Ok(answer)
    }

    /// The first fault, if there is one. What was found out until then stands in the answer.
    async fn find_fault(
        &self,
        seen: &Seen<'_>,
        older: &[&OpenedCheckpoint],
        answer: &mut Verification,
        on_progress: OnProgress<'_>,
    ) -> Result<Result<(), Fault>, LedgerError> {
        let (log, size) = (seen.log, seen.head.size);
        let at_the_end = |kind| Fault { index: size, kind };
        let (Ok(stated), true) = (range_of(seen.head), is_sensible(seen)) else {
            return Ok(Err(at_the_end(FaultKind::HeadDamaged)));
        };
        answer.root = stated.root();
        let keys = match self.signing_keys(seen).await? {
            Ok(keys) => keys,
            Err(kind) => return Ok(Err(at_the_end(kind))),
        };
        let mut tree = match Tree::begin(log, size, keys, seen.checkpoint, older) {
            Ok(tree) => tree,
            Err(kind) => return Ok(Err(at_the_end(kind))),
        };
        answer.signed = tree.signed();
        if log.generation > 0 && size == 0 {
            return Ok(Err(at_the_end(FaultKind::SuccessionBroken)));
        }
        let mut bodies = Bodies::new(self, log, seen.predecessor);
        let outcome = self.verify_entries(size, &mut tree, &mut bodies, on_progress, log).await?;
        (answer.erased, answer.certificates) = (bodies.erased(), bodies.certificates());
        Ok(match outcome {
            Err(fault) => Err(fault),
            Ok(()) if *tree.range() != stated => Err(at_the_end(FaultKind::RootMismatch)),
            Ok(()) if seen.is_left_behind || self.has_entries_beyond(seen).await? => {
                Err(at_the_end(FaultKind::Truncated))
            }
            Ok(()) => Ok(()),
        })
    }

    /// The keys of the log, each of which is what it says it is.
    async fn signing_keys(
        &self,
        seen: &Seen<'_>,
    ) -> Result<Result<Vec<VerifierKey>, FaultKind>, LedgerError> {
        for _ in 0..MAX_ATTEMPTS {
            match self.try_signing_keys(seen).await {
                Ok(keys) => return Ok(Ok(keys)),
                Err(LedgerError::Conflict) => {}
                Err(LedgerError::DamagedKey | LedgerError::Note(_)) => {
                    return Ok(Err(FaultKind::LogKeyDamaged));
                }
                Err(LedgerError::Encryption(
                    EncryptionError::Authentication | EncryptionError::KeyMissing | EncryptionError::Corrupt,
                )) => return Ok(Err(FaultKind::LogKeyDamaged)),
                Err(LedgerError::Storage(error)) if is_unreadable(&error) => {
                    return Ok(Err(FaultKind::LogKeyDamaged));
                }
                Err(error) => return Err(error),
            }
        }
        // Nobody rotates keys so often: no key that wraps it exists.
        Ok(Err(FaultKind::LogKeyDamaged))
    }

    async fn try_signing_keys(&self, seen: &Seen<'_>) -> Result<Vec<VerifierKey>, LedgerError> {
        let tenant_keys = self.encryption.tenant(self.controller).await?;
        let (shard, origin) = (seen.log.shard, &seen.head.origin);
        let stored = log_key::stored(self.storage, self.controller, shard, origin).await?;
        if stored.is_empty() {
            return Err(LedgerError::DamagedKey);
        }
        stored.into_iter().map(|key| log_key::signer(&tenant_keys, &key).map(|_| key.verifier_key)).collect()
    }

    async fn verify_entries(
        &self,
        size: u64,
        tree: &mut Tree,
        bodies: &mut Bodies<'_>,
        on_progress: OnProgress<'_>,
        log: LogRef,
    ) -> Result<Result<(), Fault>, LedgerError> {
        let mut next = 0;
        loop {
            if let Some(fault) = tree.check_here() {
                return Ok(Err(fault));
            }
            if next == size {
                return Ok(Ok(()));
            }
            let until = size.min(next.saturating_add(PAGE));
            let entries = match bodies.verify_page(next..until).await? {
                Ok(entries) => entries,
                Err(fault) => return Ok(Err(fault)),
            };
            if let Err(fault) = tree.append(self.storage, self.controller, &entries).await? {
                return Ok(Err(fault));
            }
            next = until;
            on_progress(VerifyProgress { log, entries: next, size });
        }
    }

    /// Whether there is an entry that the head does not count, be it with a gap before it or in a later log of the shard.
    async fn has_entries_beyond(&self, seen: &Seen<'_>) -> Result<bool, LedgerError> {
        let (log, size) = (seen.log, seen.head.size);
        let last = match size.checked_sub(1) {
            Some(index) => Key::LogLeaf { log, index },
            None => before_leaves_of(log),
        };
        let (of, index) = match self.leaf_after(last).await? {
            Ok(Some((of, index))) if of.shard == log.shard => (of, index),
            Ok(_) => return Ok(false),
            Err(_) => return Ok(true),
        };
        // The log may have grown while it was read, or have been closed. Then the rows say so by now.
        let [head, closed] = self.read([Key::LogHead(log.shard), Key::ClosedLog(log)]).await?;
        let Ok(Some(head)) = row::<LogHeadRow>(&head) else { return Ok(true) };
        let closed = row::<ClosedLogRow>(&closed).ok().flatten().filter(|_| head.generation > log.generation);
        let is_known = match closed {
            _ if of.generation > log.generation => of.generation <= head.generation,
            Some(closed) => index < closed.head.size,
            None => head.generation == log.generation && index < head.size,
        };
        Ok(!is_known)
    }

    /// The first entry that is stored behind this place, of whichever log.
    pub(super) async fn leaf_after(
        &self,
        place: Key,
    ) -> Result<Result<Option<(LogRef, u64)>, Unreadable>, LedgerError> {
        let prefix = KeyPrefix::Kind(Owner::Controller, RowKind::LogLeaf);
        let mut query = Query::prefix(self.controller, prefix, 1);
        query.after = Some(Cursor { key: place, due_at: None });
        match self.storage.scan(&query).await {
            Ok(page) => Ok(Ok(page.rows.first().and_then(|(key, _)| match key {
                Key::LogLeaf { log, index } => Some((*log, *index)),
                _ => None,
            }))),
            Err(error) if is_unreadable(&error) => Ok(Err(Unreadable)),
            Err(error) => Err(error.into()),
        }
    }
}

/// The last place before the entries of a log.
fn before_leaves_of(log: LogRef) -> Key {
    let end = |shard, generation| Key::LogLeaf { log: LogRef { shard, generation }, index: u64::MAX };
    match (log.shard.checked_sub(1), log.generation.checked_sub(1)) {
        (_, Some(generation)) => end(log.shard, generation),
        (Some(shard), None) => end(shard, u16::MAX),
        (None, None) => Key::LogHead(u16::MAX),
    }
}

/// Whether the parts of a head that no root covers fit together.
fn is_sensible(seen: &Seen<'_>) -> bool {
    seen.head.generation == seen.log.generation && seen.head.origin == origin_of(seen.head.log)
}
