//! Several callers' changes as one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use wzapi_ledger_proof::compact_range::CompactRange;
use wzapi_model::ids::{ChangesetId, EntryId};
use wzapi_model::{Entropy, Timestamp};
use wzapi_storage::changeset::{Changeset, Durability, Precondition, Write};
use wzapi_storage::key::{Key, LogRef};
use wzapi_storage::row::{LogHeadRow, LogLeafRow, Record};

use super::queue::{Head, LogOf, Submission};
use crate::entry::PreparedEntry;
use crate::error::LedgerError;

/// Several callers' changes, behind the head of one log.
pub(super) struct Batch {
    pub(super) log: LogRef,
    pub(super) changeset: Changeset,
    pub(super) members: Vec<(Submission, Vec<(EntryId, u64)>)>,
    /// The head as it is once this is committed, with the version of the one before.
    pub(super) head_after: Head,
}

impl Batch {
    /// Merges the submissions, which are [`compatible`], behind a head.
    pub(super) fn merge(
        (controller, shard): LogOf,
        head: Head,
        submissions: Vec<Submission>,
        at: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<Self, (Vec<Submission>, LedgerError)> {
        let id = match ChangesetId::generate(entropy) {
            Ok(id) => id,
            Err(error) => return Err((submissions, error.into())),
        };
        let place = Key::LogHead(shard);
        let mut changeset = Changeset {
            id,
            controller,
            at,
            preconditions: vec![(place.clone(), Precondition::Version(head.version))],
            writes: Vec::new(),
            durability: Durability::Durable,
        };
        let log = LogRef { shard, generation: head.row.generation };
        let (mut range, mut shards) = (head.range, head.row.shards);
        let mut guarded = BTreeSet::new();
        let mut members: Vec<(Submission, Vec<(EntryId, u64)>)> = Vec::with_capacity(submissions.len());
        for submission in submissions {
            for (key, precondition) in &submission.changeset.preconditions {
                if guarded.insert(key.clone()) {
                    changeset.preconditions.push((key.clone(), *precondition));
                }
            }
            changeset.writes.extend(submission.changeset.writes.iter().cloned());
            shards = shards.max(submission.shards);
            match append(log, &submission.entries, &mut range, &mut changeset.writes) {
                Ok(indexes) => members.push((submission, indexes)),
                Err(error) => {
                    let mut refused: Vec<_> = members.into_iter().map(|(member, _)| member).collect();
                    refused.push(submission);
                    return Err((refused, error));
                }
            }
        }
        let peaks = range.peaks().iter().map(|peak| *peak.as_bytes()).collect();
        let row = LogHeadRow { size: range.size(), peaks, shards, ..head.row };
        changeset.writes.push(Write::Put(Record { key: place, due_at: None, body: row.clone().into() }));
        Ok(Self { log, changeset, members, head_after: Head { version: head.version, row, range } })
    }
}

fn append(
    log: LogRef,
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
        let (body_key, body) = entry.body_row(log, index);
        let leaf_key = Key::LogLeaf { log, index };
        writes.push(Write::Put(Record { key: leaf_key, due_at: None, body: leaf.into() }));
        writes.push(Write::Put(Record { key: body_key, due_at: None, body: body.into() }));
        indexes.push((entry.id, index));
    }
    Ok(indexes)
}

/// Splits off what cannot share a commit with an earlier submission: a row is written once per changeset, and
/// who guards a row that another one writes must be judged after it. The order of the rest is kept.
pub(super) fn compatible(waiting: Vec<Submission>) -> (Vec<Submission>, Vec<Submission>) {
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
pub(super) fn drop_conflicting(
    members: impl Iterator<Item = Submission>,
    failed: &[Key],
    shard: u16,
    id: ChangesetId,
) -> Vec<Submission> {
    let head_moved = failed.contains(&Key::LogHead(shard));
    let only_unknown = !head_moved && failed.iter().all(|key| *key == Key::Changeset(id));
    let mut remaining = Vec::new();
    for member in members {
        let is_hit = member.changeset.preconditions.iter().any(|(key, _)| failed.contains(key));
        if is_hit || only_unknown {
            member.answer(Err(LedgerError::Conflict));
        } else {
            remaining.push(member);
        }
    }
    remaining
}

/// Tells all of them the same.
pub(super) fn answer_all(submissions: Vec<Submission>, error: LedgerError) {
    let mut error = Some(error);
    for submission in submissions {
        let told = match &error {
            Some(LedgerError::Storage(cause)) => LedgerError::Storage(Arc::clone(cause)),
            Some(LedgerError::UnknownOutcome) => LedgerError::UnknownOutcome,
            Some(LedgerError::NoLog) => LedgerError::NoLog,
            // The first one is told what it is. To the others it is the same as if they had come too late: nothing was
            // written, and whoever tries again meets the error by itself.
            _ => error.take().unwrap_or(LedgerError::Conflict),
        };
        submission.answer(Err(told));
    }
}
