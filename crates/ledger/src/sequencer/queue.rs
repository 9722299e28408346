//! What waits for a log, and the task that commits it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;
use wzapi_ledger_proof::compact_range::CompactRange;
use wzapi_model::ids::ControllerId;
use wzapi_model::{Clock, Entropy};
use wzapi_storage::changeset::{Changeset, MAX_CHANGESET_ROWS, Version};
use wzapi_storage::key::Key;
use wzapi_storage::row::{LogHeadRow, RowType};
use wzapi_storage::{Storage, StorageError};

use super::batch::{Batch, answer_all, compatible, drop_conflicting};
use super::shards::Remembered;
use super::{Appended, FIRST_SHARD, range_of};
use crate::entry::PreparedEntry;
use crate::error::LedgerError;
use crate::outcome::commit_settled;

/// How often a batch is tried again when another process moved the head meanwhile.
const MAX_HEAD_RETRIES: usize = 64;
/// The most rows merged into one commit. A single caller may exceed it, up to the bound of a changeset.
const MAX_BATCH_ROWS: usize = MAX_CHANGESET_ROWS / 2;

/// A log: whose, and which shard.
pub(super) type LogOf = (ControllerId, u16);

pub(super) type Outcome = Result<Appended, LedgerError>;

pub(super) struct Shared {
    pub(super) storage: Arc<dyn Storage>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Arc<dyn Entropy>,
    queues: Mutex<BTreeMap<LogOf, VecDeque<Submission>>>,
    pub(super) remembered: Mutex<Remembered>,
}

/// A caller's change, waiting.
pub(super) struct Submission {
    pub(super) changeset: Changeset,
    pub(super) entries: Vec<PreparedEntry>,
    /// How many shards the head is to count from now on, if that is more than before.
    pub(super) shards: u16,
    reply: Option<oneshot::Sender<Outcome>>,
}

/// The head of a log as it was last seen.
pub(super) struct Head {
    pub(super) version: Version,
    pub(super) row: LogHeadRow,
    pub(super) range: CompactRange,
}

impl Submission {
    pub(super) const fn new(changeset: Changeset, entries: Vec<PreparedEntry>) -> Self {
        Self { changeset, entries, shards: 0, reply: None }
    }

    /// The same, which makes the head count so many shards.
    pub(super) const fn counting(mut self, shards: u16) -> Self {
        self.shards = shards;
        self
    }

    /// Tells the caller, if it still waits.
    pub(super) fn answer(self, outcome: Outcome) {
        if let Some(reply) = self.reply {
            let _ = reply.send(outcome);
        }
    }

    fn rows(&self) -> usize {
        self.changeset.writes.len().max(self.changeset.preconditions.len()) + 2 * self.entries.len() + 2
    }
}

impl Shared {
    pub(super) fn new(storage: Arc<dyn Storage>, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self { storage, clock, entropy, queues: Mutex::default(), remembered: Mutex::default() }
    }

    /// Queues a submission for the log of a shard, and waits for what becomes of it.
    pub(super) async fn submit(self: &Arc<Self>, shard: u16, mut submission: Submission) -> Outcome {
        let runtime = tokio::runtime::Handle::try_current().map_err(|_| LedgerError::NoRuntime)?;
        let log = (submission.changeset.controller, shard);
        let (reply, outcome) = oneshot::channel();
        submission.reply = Some(reply);
        if self.enqueue(log, submission) {
            // Made before the task, so that it is dropped also when the task never gets a turn.
            let draining = Draining { shared: Arc::clone(self), log, is_abandoned: true };
            runtime.spawn(draining.run());
        }
        outcome.await.unwrap_or(Err(LedgerError::UnknownOutcome))
    }

    /// Queues a submission; whether the caller has to start draining.
    fn enqueue(&self, log: LogOf, submission: Submission) -> bool {
        let mut queues = self.lock();
        match queues.get_mut(&log) {
            Some(queue) => {
                queue.push_back(submission);
                false
            }
            None => {
                queues.insert(log, VecDeque::from([submission]));
                true
            }
        }
    }

    /// Takes what waits for this log; when nothing does, the queue is removed and draining ends.
    fn take_waiting(&self, log: LogOf) -> Option<Vec<Submission>> {
        let mut queues = self.lock();
        let queue = queues.get_mut(&log)?;
        if queue.is_empty() {
            queues.remove(&log);
            return None;
        }
        let mut rows = 0;
        let mut taken = Vec::new();
        while let Some(next) = queue.pop_front() {
            rows += next.rows();
            if rows > MAX_BATCH_ROWS && !taken.is_empty() {
                queue.push_front(next);
                break;
            }
            taken.push(next);
        }
        Some(taken)
    }

    fn give_back(&self, log: LogOf, deferred: Vec<Submission>) {
        let mut queues = self.lock();
        let queue = queues.entry(log).or_default();
        for submission in deferred.into_iter().rev() {
            queue.push_front(submission);
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<LogOf, VecDeque<Submission>>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Commits these submissions together; those of a batch that the store refuses as malformed one by one, so that
    /// nobody suffers for another one's mistake.
    async fn commit_all(&self, log: LogOf, head: &mut Option<Head>, submissions: Vec<Submission>) {
        for apart in self.commit_together(log, head, submissions).await {
            let rest = self.commit_together(log, head, vec![apart]).await;
            debug_assert!(rest.is_empty(), "one submission is never taken apart");
        }
    }

    /// Commits these submissions, dropping those whose preconditions fail, until none is left. Returns those that have to
    /// be committed one by one.
    async fn commit_together(
        &self,
        log: LogOf,
        head: &mut Option<Head>,
        mut submissions: Vec<Submission>,
    ) -> Vec<Submission> {
        for _ in 0..MAX_HEAD_RETRIES {
            let batch = match self.prepare(log, head, submissions).await {
                Ok(batch) => batch,
                Err((refused, error)) => {
                    answer_all(refused, error);
                    return Vec::new();
                }
            };
            let Batch { log: of, changeset, members, head_after } = batch;
            let id = changeset.id;
            match commit_settled(self.storage.as_ref(), changeset).await {
                Ok(version) => {
                    *head = Some(Head { version, ..head_after });
                    for (member, entries) in members {
                        member.answer(Ok(Appended { log: Some(of), entries, version }));
                    }
                    return Vec::new();
                }
                Err(StorageError::Conflict { failed }) => {
                    let members = members.into_iter().map(|(member, _)| member);
                    submissions = drop_conflicting(members, &failed, log.1, id);
                    if submissions.is_empty() {
                        return Vec::new();
                    }
                }
                Err(StorageError::Invalid(_)) if members.len() > 1 => {
                    return members.into_iter().map(|(member, _)| member).collect();
                }
                Err(error) => {
                    answer_all(members.into_iter().map(|(member, _)| member).collect(), error.into());
                    return Vec::new();
                }
            }
        }
        answer_all(submissions, LedgerError::Conflict);
        Vec::new()
    }

    /// Merges the submissions behind the log's head, which is taken, or else loaded.
    async fn prepare(
        &self,
        (controller, shard): LogOf,
        head: &mut Option<Head>,
        submissions: Vec<Submission>,
    ) -> Result<Batch, (Vec<Submission>, LedgerError)> {
        let current = match head.take() {
            Some(head) => head,
            None => match self.load_head(controller, shard).await {
                Ok(head) => head,
                Err(error) => return Err((submissions, error)),
            },
        };
        Batch::merge((controller, shard), current, submissions, self.clock.now(), self.entropy.as_ref())
    }

    pub(super) async fn load_head(&self, controller: ControllerId, shard: u16) -> Result<Head, LedgerError> {
        let rows = self.storage.get(controller, &[Key::LogHead(shard)]).await?;
        let stored = rows.into_iter().next().flatten().ok_or(LedgerError::NoLog)?;
        let row = LogHeadRow::of(&stored.body).ok_or(LedgerError::NoLog)?;
        if shard == FIRST_SHARD {
            self.remember_shards(controller, row.shards);
        }
        Ok(Head { version: stored.version, range: range_of(row)?, row: row.clone() })
    }
}

/// The task that drains a queue. When it is dropped in the middle, as when its runtime shuts down, the queue is
/// removed: those who wait learn that the outcome is unknown, and the next caller begins a new queue.
struct Draining {
    shared: Arc<Shared>,
    log: LogOf,
    is_abandoned: bool,
}

impl Draining {
    async fn run(mut self) {
        let mut head = None;
        while let Some(waiting) = self.shared.take_waiting(self.log) {
            let (together, deferred) = compatible(waiting);
            self.shared.give_back(self.log, deferred);
            self.shared.commit_all(self.log, &mut head, together).await;
        }
        self.is_abandoned = false;
    }
}

impl Drop for Draining {
    fn drop(&mut self) {
        if self.is_abandoned {
            let abandoned = self.shared.lock().remove(&self.log);
            drop(abandoned);
        }
    }
}
