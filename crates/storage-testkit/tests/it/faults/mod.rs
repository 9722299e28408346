//! Stores that are wrong on purpose: the store in memory, with one fault.

mod kinds;
mod reading;
mod scanning;
mod writing;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard};

use wzapi_model::Timestamp;
use wzapi_model::ids::ControllerId;
use wzapi_storage::changeset::Write;
use wzapi_storage::query::{Page, Query};
use wzapi_storage::row::Stored;
use wzapi_storage::{Changeset, Committed, Durability, Key, Storage, StorageError, Version};
use wzapi_storage_memory::MemoryStorage;
use wzapi_storage_testkit::async_trait;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    // Reading.
    AnswersInKeyOrder,
    LeavesOutWhatIsMissing,
    ReadsKeyByKey,
    ReadsFromACache,
    AnswersEachKeyOnce,
    // Scanning.
    ScansTheWholeOwner,
    ScanMissesAKind,
    ScanMissesTheLastRow,
    PagesAreReversed,
    SortsByText,
    DueIsExclusive,
    DueIsInKeyOrder,
    DueIncludesTheUndue,
    IgnoresTheLimit,
    CursorSkipsARow,
    CursorRepeatsARow,
    CursorNeedsItsRow,
    CursorForgetsTies,
    ScansTheNeighbour,
    ScansInSteps,
    IgnoresTheMonth,
    TakesNamesForPrefixes,
    MissesTheIndexByCategory,
    // Scanning by kind.
    KindScanMissesPersons,
    KindScanMissesTheController,
    KindScanEndsAtAGap,
    KindScanAddsTheNextKind,
    KindScanSortsWithoutOwners,
    KindScanPutsPersonsFirst,
    KindScanLeavesItsController,
    KindScanIgnoresTheLimit,
    KindCursorSkipsARow,
    KindCursorRepeatsARow,
    KindCursorSkipsTheOwner,
    KindCursorRepeatsTheOwner,
    KindCursorNeedsItsOwner,
    KeepsFormerDueTimes,
    KeepsDueTimesOfDeleted,
    // Writing.
    WritesInTwoSteps,
    DropsTheLastWrite,
    DropsDeletes,
    WritesDespiteConflict,
    ReturnsAnotherVersion,
    VersionsStartAgainAfterDelete,
    VersionsAreOfContents,
    LastWriteWins,
    TakesTwoGuards,
    SkipsForeignBodies,
    CutsLongChangesets,
    CutsLargeRows,
    DeleteNeedsARow,
    OneTenant,
    ForgetsDueTimes,
    CutsLists,
    // Preconditions.
    AbsentAlwaysHolds,
    DeletedIsNotAbsent,
    AnyVersionHolds,
    OlderVersionsHold,
    VersionHoldsForAbsent,
    IgnoresGuardsOfUnwrittenRows,
    ChecksBeforeItCommits,
    RecordsRefusedChangesets,
    ConflictTouchesVersions,
    NamesTheFirstConflict,
    NamesEveryGuard,
    // Changeset ids.
    RecordsNothing,
    RecordsWithoutDueTime,
    RetriesHaveASecondEffect,
    RetriesAreAnsweredOk,
    RetriesNameNothing,
    // Concurrency.
    RefusesWhenBusy,
    MixesUpOutcomes,
    // Durability.
    LosesTheLastCommit,
    LosesRelaxedCommits,
    NewVersionsWhenReopened,
    VersionsStartAgainWhenReopened,
}

pub(crate) struct Faulty {
    fault: Fault,
    inner: MemoryStorage,
    state: Mutex<State>,
}

/// What some of the faults remember.
#[derive(Default)]
struct State {
    /// Every changeset that was applied, without its preconditions.
    log: Vec<Changeset>,
    cache: BTreeMap<(ControllerId, Key), Option<Stored>>,
    /// Every key that was ever written.
    written: BTreeSet<(ControllerId, Key)>,
    /// How often a row was written since it came to life.
    lives: BTreeMap<(ControllerId, Key), u64>,
    /// Due times that a right store has forgotten.
    former: Vec<(ControllerId, Key, Stored)>,
    last_version: Option<Version>,
    versions_at_reopening: u64,
    is_busy: bool,
    retries: u64,
    arrivals: u64,
}

impl Faulty {
    pub(crate) fn new(fault: Fault) -> Self {
        Self { fault, inner: MemoryStorage::new(), state: Mutex::default() }
    }

    /// The store after it was closed: its log, applied to an empty one.
    pub(crate) async fn reopened(&self) -> Self {
        let mut log = std::mem::take(&mut self.state().log);
        let reopened = Self::new(self.fault);
        match self.fault {
            Fault::LosesTheLastCommit => drop(log.pop()),
            Fault::LosesRelaxedCommits => {
                let relaxed = log.iter_mut().filter(|entry| entry.durability == Durability::Relaxed);
                relaxed.for_each(|entry| entry.writes.clear());
            }
            Fault::NewVersionsWhenReopened => {
                let id = wzapi_model::ids::ChangesetId::from_bytes([0xab; 16]);
                log.insert(0, Changeset { id, writes: Vec::new(), ..log[0].clone() });
            }
            _ => {}
        }
        for entry in log {
            let version = reopened.apply(entry).await.unwrap().version;
            reopened.state().versions_at_reopening = version.0;
        }
        reopened
    }

    fn is(&self, fault: Fault) -> bool {
        self.fault == fault
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn tenant(&self, controller: ControllerId) -> ControllerId {
        if self.is(Fault::OneTenant) { ControllerId::from_bytes([1; 16]) } else { controller }
    }

    /// The version that this store shows for a row.
    fn shown(&self, controller: ControllerId, key: &Key, stored: &Stored) -> Version {
        match self.fault {
            Fault::VersionsStartAgainAfterDelete => {
                let lives = self.state().lives.get(&(controller, key.clone())).copied();
                Version(lives.unwrap_or(1))
            }
            Fault::VersionsAreOfContents => {
                let bytes = wzapi_storage::codec::encode_body(&stored.body).unwrap();
                Version(bytes.iter().fold(7, |sum, byte| sum.wrapping_mul(31) ^ u64::from(*byte)))
            }
            Fault::VersionsStartAgainWhenReopened => {
                let before = self.state().versions_at_reopening;
                Version(if stored.version.0 > before { stored.version.0 - before } else { stored.version.0 })
            }
            _ => stored.version,
        }
    }

    /// Applies a changeset for good, and remembers it.
    async fn apply(&self, changeset: Changeset) -> Result<Committed, StorageError> {
        let keys: Vec<Key> = changeset.writes.iter().map(|write| write.key().clone()).collect();
        let before = self.inner.get(changeset.controller, &keys).await.unwrap_or_default();
        let committed = self.inner.commit(changeset.clone()).await?;
        let mut state = self.state();
        for (write, before) in changeset.writes.iter().zip(before) {
            let place = (changeset.controller, write.key().clone());
            let is_put = matches!(write, Write::Put(_));
            if is_put {
                *state.lives.entry(place.clone()).or_default() += 1;
            } else {
                state.lives.remove(&place);
            }
            let forgets = match self.fault {
                Fault::KeepsFormerDueTimes => is_put,
                Fault::KeepsDueTimesOfDeleted => !is_put,
                _ => false,
            };
            let due = before.filter(|row| forgets && row.due_at.is_some());
            state.former.extend(due.map(|row| (place.0, place.1.clone(), row)));
            state.written.insert(place);
        }
        state.log.push(Changeset { preconditions: Vec::new(), ..changeset });
        Ok(committed)
    }
}

#[async_trait]
impl Storage for Faulty {
    async fn get(&self, controller: ControllerId, keys: &[Key]) -> Result<Vec<Option<Stored>>, StorageError> {
        self.faulty_get(self.tenant(controller), keys).await
    }

    async fn scan(&self, query: &Query) -> Result<Page, StorageError> {
        self.faulty_scan(Query { controller: self.tenant(query.controller), ..query.clone() }).await
    }

    async fn commit(&self, changeset: Changeset) -> Result<Committed, StorageError> {
        let controller = self.tenant(changeset.controller);
        self.faulty_commit(Changeset { controller, ..changeset }).await
    }
}

fn a_moment_before(moment: Timestamp) -> Timestamp {
    moment.saturating_sub(std::time::Duration::from_millis(1))
}
