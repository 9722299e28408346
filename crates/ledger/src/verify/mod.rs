//! Recomputes a controller's logs from storage and says where they were altered.
//!
//! Everything is read once, in pages, so memory does not grow with the log: entries, bodies, keys, tiles, certificates.
//! Nothing stored is trusted but the entries themselves, which are what is being hashed. An older state of the whole
//! store can be told from the present one only by a checkpoint that was kept elsewhere: hand it over
//! ([`Verifier::against`]).

mod bodies;
mod certificates;
mod fault;
mod log;
mod rows;
mod tree;

use wzapi_encryption::Encryption;
use wzapi_ledger_proof::Hash;
use wzapi_ledger_proof::checkpoint::OpenedCheckpoint;
use wzapi_model::ids::{ControllerId, LogId};
use wzapi_storage::Storage;
use wzapi_storage::key::{Key, LogRef};
use wzapi_storage::row::{ClosedLogRow, LogHeadRow};

pub use fault::{Fault, FaultKind};

use crate::error::LedgerError;
use crate::sequencer::{FIRST_SHARD, MAX_SHARDS};
use rows::{Found, read, row};

/// How often something is read again because it changed meanwhile.
const MAX_ATTEMPTS: usize = 16;

/// What verification found in one log.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Verification {
    /// The log.
    pub log: LogRef,
    /// Its random id and its origin; `None` when its head could not be read.
    pub name: Option<(LogId, String)>,
    /// Whether it was closed and another one follows it.
    pub is_closed: bool,
    /// Entries that the head counts.
    pub size: u64,
    /// The root that the head states.
    pub root: Hash,
    /// Entries whose body was erased, each covered by a certificate.
    pub erased: u64,
    /// Certificates in this log, each of which covers nothing but erased bodies.
    pub certificates: u64,
    /// The size of the last checkpoint that was signed, if there is one.
    pub signed: Option<u64>,
    /// How many checkpoints kept elsewhere it was compared with.
    pub compared: usize,
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

/// How far verification is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerifyProgress {
    /// The log.
    pub log: LogRef,
    /// Entries verified.
    pub entries: u64,
    /// Entries of the log.
    pub size: u64,
}

/// Is told how far verification is, after every page.
pub type OnProgress<'a> = &'a mut (dyn FnMut(VerifyProgress) + Send);

/// Verifies the logs of one controller.
pub struct Verifier<'a> {
    storage: &'a dyn Storage,
    encryption: &'a Encryption,
    controller: ControllerId,
    older: Vec<OpenedCheckpoint>,
}

impl<'a> Verifier<'a> {
    /// A verifier of the logs of `controller`.
    #[must_use]
    pub const fn new(storage: &'a dyn Storage, encryption: &'a Encryption, controller: ControllerId) -> Self {
        Self { storage, encryption, controller, older: Vec::new() }
    }

    /// Also compares with a checkpoint that was kept elsewhere, opened by keys that the caller believes.
    #[must_use]
    pub fn against(mut self, older: OpenedCheckpoint) -> Self {
        self.older.push(older);
        self
    }

    /// Verifies every log of the controller: all shards, and those that were closed.
    ///
    /// # Errors
    /// Only when the store or the keys could not be asked: a fault in what is stored is an answer, not an error.
    /// [`LedgerError::UnknownLog`] when a checkpoint to compare with is of none of these logs and no fault explains it: it
    /// is another controller's, or the log that signed it was taken away.
    pub async fn run(&self, on_progress: OnProgress<'_>) -> Result<Vec<Verification>, LedgerError> {
        let places: Vec<Key> = (FIRST_SHARD..MAX_SHARDS).map(Key::LogHead).collect();
        let heads = read(self.storage, self.controller, &places).await?;
        let first = heads.first().and_then(|found| row::<LogHeadRow>(found).ok().flatten());
        let counted = first.map_or(1, |head| head.shards).clamp(1, MAX_SHARDS);
        let mut verified = Vec::new();
        for (shard, head) in (FIRST_SHARD..).zip(&heads) {
            let log = LogRef { shard, generation: 0 };
            match row::<LogHeadRow>(head) {
                Ok(None) if shard >= counted => continue,
                Ok(None) => verified.push(headless(log, FaultKind::HeadMissing)),
                Err(_) => verified.push(headless(log, FaultKind::HeadDamaged)),
                Ok(Some(_)) => self.verify_shard(shard, &mut verified, on_progress).await?,
            }
            if shard >= counted
                && let Some(last) = verified.last_mut()
            {
                let kind = FaultKind::ShardNotCounted;
                last.fault.get_or_insert(Fault { index: last.size, kind });
            }
        }
        verified.extend(self.without_head(&verified).await?);
        let origins: Vec<&str> =
            verified.iter().filter_map(|log| log.name.as_ref()).map(|(_, origin)| origin.as_str()).collect();
        let is_known = |older: &OpenedCheckpoint| origins.contains(&older.checkpoint().origin());
        // A fault may be why a log is not found under its origin, so it is told before that.
        let is_faulty = verified.iter().any(|log| !log.is_sound());
        if is_faulty || self.older.iter().all(is_known) { Ok(verified) } else { Err(LedgerError::UnknownLog) }
    }

    /// A log behind all those that were verified, of which there are entries and not even a head.
    async fn without_head(&self, verified: &[Verification]) -> Result<Option<Verification>, LedgerError> {
        let Some(last) = verified.last() else { return Ok(None) };
        let end = LogRef { shard: last.log.shard, generation: u16::MAX };
        let Ok(Some((log, _))) = self.leaf_after(Key::LogLeaf { log: end, index: u64::MAX }).await? else {
            return Ok(None);
        };
        // It may have been added meanwhile.
        let [head] = self.read([Key::LogHead(log.shard)]).await?;
        Ok(matches!(head, Ok(None)).then(|| headless(log, FaultKind::HeadMissing)))
    }

    /// Verifies the logs of a shard, those that were closed first.
    async fn verify_shard(
        &self,
        shard: u16,
        verified: &mut Vec<Verification>,
        on_progress: OnProgress<'_>,
    ) -> Result<(), LedgerError> {
        let mut log = LogRef { shard, generation: 0 };
        let mut predecessor = None;
        // Once more whenever the log is closed while this looks at it.
        for _ in 0..MAX_ATTEMPTS {
            let [head] = self.read([Key::LogHead(shard)]).await?;
            let Ok(Some(head)) = row::<LogHeadRow>(&head) else {
                verified.push(headless(log, FaultKind::HeadMissing));
                return Ok(());
            };
            while log.generation < head.generation {
                let [closed, checkpoint] = self.read([Key::ClosedLog(log), Key::Checkpoint(log)]).await?;
                let Ok(Some(ClosedLogRow { head: closed, .. })) = row(&closed) else {
                    verified.push(headless(log, FaultKind::HeadMissing));
                    predecessor = None;
                    log.generation = head.generation;
                    break;
                };
                let seen = log::Seen {
                    log,
                    head: closed,
                    checkpoint: &checkpoint,
                    predecessor,
                    is_closed: true,
                    is_left_behind: false,
                };
                verified.push(self.verify_log(&seen, on_progress).await?);
                predecessor = Some(closed.log);
                log.generation += 1;
            }
            let places = [Key::LogHead(shard), Key::Checkpoint(log), Key::ClosedLog(log)];
            let [head, checkpoint, closed] = self.read(places).await?;
            if let Ok(Some(head)) = row::<LogHeadRow>(&head)
                && head.generation == log.generation
            {
                let seen = log::Seen {
                    log,
                    head,
                    checkpoint: &checkpoint,
                    predecessor,
                    is_closed: false,
                    is_left_behind: !matches!(closed, Ok(None)),
                };
                verified.push(self.verify_log(&seen, on_progress).await?);
                return Ok(());
            }
        }
        Err(LedgerError::Conflict)
    }

    /// Reads rows from one snapshot.
    async fn read<const N: usize>(&self, keys: [Key; N]) -> Result<[Found; N], LedgerError> {
        let found = read(self.storage, self.controller, &keys).await?;
        // A store answers every key, or breaks its contract.
        <[Found; N]>::try_from(found).map_err(|_| LedgerError::Contradiction)
    }
}

impl std::fmt::Debug for Verifier<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verifier").field("controller", &self.controller).finish_non_exhaustive()
    }
}

const fn headless(log: LogRef, kind: FaultKind) -> Verification {
    Verification {
        log,
        name: None,
        is_closed: false,
        size: 0,
        root: Hash::EMPTY_ROOT,
        erased: 0,
        certificates: 0,
        signed: None,
        compared: 0,
        fault: Some(Fault { index: 0, kind }),
    }
}
