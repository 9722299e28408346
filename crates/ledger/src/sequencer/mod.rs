//! Gives entries their indexes, and commits them with the changes they account for.
//!
//! Callers hand over a draft and its entries and wait. Whatever waits for one log is merged into one changeset:
//! the head row moves once and the disk is synced once, however many callers there are. A caller whose
//! preconditions failed is told so and dropped; the others are committed without it. Two processes on one log
//! meet at the head row's version: one of them loads it again and goes on, so that a log never forks.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;
use wzapi_ledger_proof::Hash;
use wzapi_ledger_proof::compact_range::CompactRange;
use wzapi_model::ids::{ChangesetId, ControllerId, EntryId, LogId};
use wzapi_model::{Clock, Entropy};
use wzapi_storage::changeset::{Changeset, Durability, MAX_CHANGESET_ROWS, Precondition, Version, Write};
use wzapi_storage::key::Key;
use wzapi_storage::row::{LogHeadRow, LogLeafRow, Record, RowType};
use wzapi_storage::{Draft, Storage, StorageError};

use crate::entry::PreparedEntry;
use crate::error::LedgerError;

/// The shard of a controller's log that is used; a very large controller can have more.
pub const FIRST_SHARD: u16 = 0;
/// How often a batch is tried again when another process moved the head meanwhile.
const MAX_HEAD_RETRIES: usize = 64;
/// How often an unknown outcome is asked about.
const MAX_OUTCOME_QUERIES: usize = 5;
/// The most rows merged into one commit. A single caller may exceed it, up to the bound of a changeset.
const MAX_BATCH_ROWS: usize = MAX_CHANGESET_ROWS / 2;

/// Records changes together with the entries that account for them. Cheap to clone.
#[derive(Clone)]
pub struct Ledger(Arc<Shared>);

struct Shared {
    storage: Arc<dyn Storage>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    queues: Mutex<BTreeMap<ControllerId, VecDeque<Submission>>>,
}

struct Submission {
    changeset: Changeset,
    entries: Vec<PreparedEntry>,
    reply: oneshot::Sender<Result<Appended, LedgerError>>,
}

/// A change was committed, with its entries.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Appended {
    /// The ids and indexes of the entries, in the order in which they were given.
    pub entries: Vec<(EntryId, u64)>,
    /// The version of every row that the change wrote.
    pub version: Version,
}

impl Ledger {
    /// A ledger over `storage`.
    #[must_use]
    pub fn new(storage: Arc<dyn Storage>, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self(Arc::new(Shared { storage, clock, entropy, queues: Mutex::new(BTreeMap::new()) }))
    }

    /// Stages the head of a new, empty log.
    ///
    /// # Errors
    /// [`LedgerError::Storage`] when the store cannot be read; [`LedgerError::Entropy`].
    pub async fn create_log(&self, draft: &mut Draft<'_>) -> Result<(), LedgerError> {
        let key = Key::LogHead(FIRST_SHARD);
        draft.load([key.clone()]).await?;
        let head = LogHeadRow { log: LogId::generate(self.0.entropy.as_ref())?, size: 0, peaks: Vec::new() };
        Ok(draft.put(key, head, None)?)
    }

    /// Commits the draft and its entries: all or nothing, durable when it returns.
    ///
    /// # Errors
    /// [`LedgerError::Conflict`] when a row of the draft changed since it was loaded: nothing was written.
    /// [`LedgerError::UnknownOutcome`] when the store did not tell and could not be asked.
    pub async fn commit(
        &self,
        draft: Draft<'_>,
        entries: Vec<PreparedEntry>,
    ) -> Result<Appended, LedgerError> {
        let id = ChangesetId::generate(self.0.entropy.as_ref())?;
        let changeset = draft.into_changeset(id, self.0.clock.now());
        if entries.is_empty() {
            let committed = self.0.storage.commit(changeset).await?;
            return Ok(Appended { entries: Vec::new(), version: committed.version });
        }
        let runtime = tokio::runtime::Handle::try_current().map_err(|_| LedgerError::NoRuntime)?;
        let controller = changeset.controller;
        let (reply, outcome) = oneshot::channel();
        if self.0.enqueue(Submission { changeset, entries, reply }) {
            // Made before the task, so that it is dropped also when the task never gets a turn.
            let draining = Draining { shared: Arc::clone(&self.0), controller, is_abandoned: true };
            runtime.spawn(draining.run());
        }
        outcome.await.unwrap_or(Err(LedgerError::UnknownOutcome))
    }
}

impl std::fmt::Debug for Ledger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ledger").finish_non_exhaustive()
    }
}

/// The head of a log as it was last seen.
struct Head {
    version: Version,
    log: LogId,
    range: CompactRange,
}

/// Several callers' changes as one.
struct Batch {
    changeset: Changeset,
    members: Vec<(Submission, Vec<(EntryId, u64)>)>,
    head_after: (LogId, CompactRange),
}

impl Shared {
    /// Queues a submission; whether the caller has to start draining.
    fn enqueue(&self, submission: Submission) -> bool {
        let mut queues = self.lock();
        let controller = submission.changeset.controller;
        match queues.get_mut(&controller) {
            Some(queue) => {
                queue.push_back(submission);
                false
            }
            None => {
                queues.insert(controller, VecDeque::from([submission]));
                true
            }
        }
    }

    /// Takes what waits for this log; when nothing does, the queue is removed and draining ends.
    fn take_waiting(&self, controller: ControllerId) -> Option<Vec<Submission>> {
        let mut queues = self.lock();
        let queue = queues.get_mut(&controller)?;
        if queue.is_empty() {
            queues.remove(&controller);
            return None;
        }
        let mut rows = 0;
        let mut taken = Vec::new();
        while let Some(next) = queue.pop_front() {
            rows += rows_of(&next);
            if rows > MAX_BATCH_ROWS && !taken.is_empty() {
                queue.push_front(next);
                break;
            }
            taken.push(next);
        }
        Some(taken)
    }

    fn give_back(&self, controller: ControllerId, deferred: Vec<Submission>) {
        let mut queues = self.lock();
        let queue = queues.entry(controller).or_default();
        for submission in deferred.into_iter().rev() {
            queue.push_front(submission);
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ControllerId, VecDeque<Submission>>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Commits these submissions, dropping those whose preconditions fail, until none is left.
    async fn commit_together(
        &self,
        controller: ControllerId,
        head: &mut Option<Head>,
        mut submissions: Vec<Submission>,
    ) {
        for _ in 0..MAX_HEAD_RETRIES {
            let batch = match self.prepare(controller, head, submissions).await {
                Ok(batch) => batch,
                Err((refused, error)) => return answer_all(refused, error),
            };
            let id = batch.changeset.id;
            match self.commit_settled(batch.changeset).await {
                Ok(version) => {
                    *head = Some(Head { version, log: batch.head_after.0, range: batch.head_after.1 });
                    for (member, entries) in batch.members {
                        let _ = member.reply.send(Ok(Appended { entries, version }));
                    }
                    return;
                }
                Err(StorageError::Conflict { failed }) => {
                    *head = None;
                    let members = batch.members.into_iter().map(|(member, _)| member);
                    submissions = drop_conflicting(members, &failed, id);
                    if submissions.is_empty() {
                        return;
                    }
                }
                Err(error) => {
                    *head = None;
                    let refused = batch.members.into_iter().map(|(member, _)| member).collect();
                    return answer_all(refused, error.into());
                }
            }
        }
        answer_all(submissions, LedgerError::Conflict);
    }

    /// Merges the submissions behind the log's head.
    async fn prepare(
        &self,
        controller: ControllerId,
        head: &mut Option<Head>,
        submissions: Vec<Submission>,
    ) -> Result<Batch, (Vec<Submission>, LedgerError)> {
        let current = match head.take() {
            Some(head) => head,
            None => match self.load_head(controller).await {
                Ok(head) => head,
                Err(error) => return Err((submissions, error)),
            },
        };
        let id = match ChangesetId::generate(self.entropy.as_ref()) {
            Ok(id) => id,
            Err(error) => return Err((submissions, error.into())),
        };
        let mut changeset = Changeset {
            id,
            controller,
            at: self.clock.now(),
            preconditions: vec![(Key::LogHead(FIRST_SHARD), Precondition::Version(current.version))],
            writes: Vec::new(),
            durability: Durability::Durable,
        };
        let mut range = current.range;
        let mut guarded = BTreeSet::new();
        let mut members: Vec<(Submission, Vec<(EntryId, u64)>)> = Vec::with_capacity(submissions.len());
        for submission in submissions {
            for (key, precondition) in &submission.changeset.preconditions {
                if guarded.insert(key.clone()) {
                    changeset.preconditions.push((key.clone(), *precondition));
                }
            }
            changeset.writes.extend(submission.changeset.writes.iter().cloned());
            match append(&submission.entries, &mut range, &mut changeset.writes) {
                Ok(indexes) => members.push((submission, indexes)),
                Err(error) => {
                    let mut refused: Vec<_> = members.into_iter().map(|(member, _)| member).collect();
                    refused.push(submission);
                    return Err((refused, error));
                }
            }
        }
        let peaks = range.peaks().iter().map(|peak| *peak.as_bytes()).collect();
        changeset.writes.push(Write::Put(Record {
            key: Key::LogHead(FIRST_SHARD),
            due_at: None,
            body: LogHeadRow { log: current.log, size: range.size(), peaks }.into(),
        }));
        Ok(Batch { changeset, members, head_after: (current.log, range) })
    }

    async fn load_head(&self, controller: ControllerId) -> Result<Head, LedgerError> {
        let rows = self.storage.get(controller, &[Key::LogHead(FIRST_SHARD)]).await?;
        let stored = rows.into_iter().next().flatten().ok_or(LedgerError::NoLog)?;
        let row = LogHeadRow::of(&stored.body).ok_or(LedgerError::NoLog)?;
        Ok(Head { version: stored.version, log: row.log, range: range_of(row)? })
    }

    /// Commits, and finds out what happened when the store does not tell.
    async fn commit_settled(&self, changeset: Changeset) -> Result<Version, StorageError> {
        let (controller, receipt) = (changeset.controller, Key::Changeset(changeset.id));
        let mut outcome = self.storage.commit(changeset.clone()).await;
        for _ in 0..MAX_OUTCOME_QUERIES {
            let Err(StorageError::UnknownOutcome { .. }) = outcome else { break };
            match self.storage.get(controller, std::slice::from_ref(&receipt)).await {
                Ok(rows) => match rows.into_iter().next().flatten() {
                    Some(stored) => return Ok(stored.version),
                    // Not there yet: the same id again takes effect at most once.
                    None => outcome = self.storage.commit(changeset.clone()).await,
                },
                Err(StorageError::Unavailable { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        match outcome {
            Ok(committed) => Ok(committed.version),
            Err(StorageError::Conflict { failed }) if failed.contains(&receipt) => {
                let rows = self.storage.get(controller, &[receipt]).await?;
                let stored = rows.into_iter().next().flatten();
                stored.map(|row| row.version).ok_or(StorageError::Conflict { failed })
            }
            Err(error) => Err(error),
        }
    }
}

/// The task that drains a queue. When it is dropped in the middle, as when its runtime shuts down, the queue is
/// removed: those who wait learn that the outcome is unknown, and the next caller begins a new queue.
struct Draining {
    shared: Arc<Shared>,
    controller: ControllerId,
    is_abandoned: bool,
}

impl Draining {
    async fn run(mut self) {
        let mut head = None;
        while let Some(waiting) = self.shared.take_waiting(self.controller) {
            let (together, deferred) = compatible(waiting);
            self.shared.give_back(self.controller, deferred);
            self.shared.commit_together(self.controller, &mut head, together).await;
        }
        self.is_abandoned = false;
    }
}

impl Drop for Draining {
    fn drop(&mut self) {
        if self.is_abandoned {
            let abandoned = self.shared.lock().remove(&self.controller);
            drop(abandoned);
        }
    }
}

pub(crate) fn range_of(row: &LogHeadRow) -> Result<CompactRange, LedgerError> {
    let peaks = row.peaks.iter().map(|peak| Hash::from(*peak)).collect();
    CompactRange::from_parts(row.size, peaks).map_err(LedgerError::DamagedHead)
}

fn append(
    entries: &[PreparedEntry],
    range: &mut CompactRange,
    writes: &mut Vec<Write>,
) -> Result<Vec<(EntryId, u64)>, LedgerError> {
    let mut indexes = Vec::with_capacity(entries.len());
    for entry in entries {
        let index = range.size();
        range.append(entry.commitment.leaf_hash()).map_err(LedgerError::Full)?;
        let leaf =
            LogLeafRow { commitment: *entry.commitment.as_bytes(), owner: entry.owner, entry: entry.id };
        let (body_key, body) = entry.body_row(FIRST_SHARD, index);
        let leaf_key = Key::LogLeaf { shard: FIRST_SHARD, index };
        writes.push(Write::Put(Record { key: leaf_key, due_at: None, body: leaf.into() }));
        writes.push(Write::Put(Record { key: body_key, due_at: None, body: body.into() }));
        indexes.push((entry.id, index));
    }
    Ok(indexes)
}

fn rows_of(submission: &Submission) -> usize {
    submission.changeset.writes.len().max(submission.changeset.preconditions.len())
        + 2 * submission.entries.len()
        + 2
}

/// Splits off what cannot share a commit with an earlier submission: a row is written once per changeset, and
/// who guards a row that another one writes must be judged after it. The order of the rest is kept.
fn compatible(waiting: Vec<Submission>) -> (Vec<Submission>, Vec<Submission>) {
    let (mut written, mut guarded) = (BTreeSet::new(), BTreeMap::new());
    let (mut together, mut deferred) = (Vec::new(), Vec::new());
    for submission in waiting {
        let changeset = &submission.changeset;
        let writes_meet = changeset
            .writes
            .iter()
            .any(|write| written.contains(write.key()) || guarded.contains_key(write.key()));
        let guards_meet = changeset.preconditions.iter().any(|(key, precondition)| {
            written.contains(key) || guarded.get(key).is_some_and(|earlier| earlier != precondition)
        });
        if writes_meet || guards_meet {
            deferred.push(submission);
            continue;
        }
        written.extend(changeset.writes.iter().map(|write| write.key().clone()));
        guarded.extend(changeset.preconditions.iter().cloned());
        together.push(submission);
    }
    (together, deferred)
}

/// Tells those whose preconditions failed, and returns the others. When the head alone moved, all go on; when
/// the store names nothing that anybody asked for, nobody may assume anything and all are told to look again.
fn drop_conflicting(
    members: impl Iterator<Item = Submission>,
    failed: &[Key],
    id: ChangesetId,
) -> Vec<Submission> {
    let head_moved = failed.contains(&Key::LogHead(FIRST_SHARD));
    let only_unknown = !head_moved && failed.iter().all(|key| *key == Key::Changeset(id));
    let mut remaining = Vec::new();
    for member in members {
        let is_hit = member.changeset.preconditions.iter().any(|(key, _)| failed.contains(key));
        if is_hit || only_unknown {
            let _ = member.reply.send(Err(LedgerError::Conflict));
        } else {
            remaining.push(member);
        }
    }
    remaining
}

fn answer_all(submissions: Vec<Submission>, error: LedgerError) {
    let shared = match error {
        LedgerError::Storage(cause) => {
            for submission in submissions {
                let _ = submission.reply.send(Err(LedgerError::Storage(Arc::clone(&cause))));
            }
            return;
        }
        other => other,
    };
    let mut rest = submissions.into_iter();
    if let Some(first) = rest.next() {
        let repeated = repeatable(&shared);
        let _ = first.reply.send(Err(shared));
        for submission in rest {
            let _ = submission.reply.send(Err(repeated()));
        }
    }
}

/// Errors that concern the log as a whole can be told to each caller.
fn repeatable(error: &LedgerError) -> fn() -> LedgerError {
    match error {
        LedgerError::UnknownOutcome => || LedgerError::UnknownOutcome,
        LedgerError::NoLog => || LedgerError::NoLog,
        LedgerError::NoRuntime => || LedgerError::NoRuntime,
        LedgerError::Entropy(_) => || LedgerError::Entropy(wzapi_model::entropy::EntropyError),
        // Nothing was written in any of these cases, and trying again meets the same error by itself.
        LedgerError::Conflict
        | LedgerError::Storage(_)
        | LedgerError::Encryption(_)
        | LedgerError::DamagedHead(_)
        | LedgerError::Full(_)
        | LedgerError::NotCanonical
        | LedgerError::NotLoaded(_) => || LedgerError::Conflict,
    }
}
