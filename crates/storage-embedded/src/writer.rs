//! The writer thread: takes everything that waits, checks it in order, writes it as one batch, answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{mpsc, oneshot};
use wzapi_storage::{Committed, StorageError, Version};

use crate::engine::{Engine, Written};
use crate::group::Group;
use crate::prepared::Prepared;
use crate::store::Options;
use crate::versions::Versions;

type Outcome = Result<Committed, StorageError>;

/// A changeset on its way to the writer, and where its caller waits.
pub(crate) struct Request {
    changeset: Prepared,
    answer: oneshot::Sender<Outcome>,
}

/// The writer stopped after the disk failed it; what is stored can still be read.
#[derive(Debug, thiserror::Error)]
#[error("an earlier write failed, so nothing more is written; find out why and open the store again")]
pub(crate) struct Stopped;

/// The disk refused a batch; several callers share the cause.
#[derive(Debug, Clone, thiserror::Error)]
#[error("writing to the disk failed")]
pub(crate) struct WriteFailed(#[source] Arc<fjall::Error>);

/// The writer ended with the changeset in its hands.
#[derive(Debug, thiserror::Error)]
#[error("the writer ended before it answered")]
pub(crate) struct WriterGone;

/// Hands a changeset to the writer, waiting for a slot in the queue, and waits for the outcome.
///
/// Dropped while it waits for a slot, the changeset is not applied; dropped later, it may be.
pub(crate) async fn submit(queue: &mpsc::Sender<Request>, changeset: Prepared) -> Outcome {
    let (answer, outcome) = oneshot::channel();
    let request = Request { changeset, answer };
    queue.send(request).await.map_err(|_| StorageError::unavailable(WriterGone))?;
    outcome.await.map_err(|_| StorageError::UnknownOutcome { cause: Box::new(WriterGone) })?
}

/// What a store has done since it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Changesets that were applied.
    pub committed: u64,
    /// Changesets that were refused: conflicts for the most part.
    pub refused: u64,
    /// Batches that were written, of one changeset or more.
    pub batches: u64,
    /// Batches for which the writer waited for the disk.
    pub syncs: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    committed: AtomicU64,
    refused: AtomicU64,
    batches: AtomicU64,
    syncs: AtomicU64,
}

impl Counters {
    pub(crate) fn stats(&self) -> Stats {
        Stats {
            committed: self.committed.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
            batches: self.batches.load(Ordering::Relaxed),
            syncs: self.syncs.load(Ordering::Relaxed),
        }
    }

    fn count(&self, accepted: usize, refused: usize, written: Option<Written>) {
        let add = |counter: &AtomicU64, number: usize| {
            counter.fetch_add(u64::try_from(number).unwrap_or(u64::MAX), Ordering::Relaxed);
        };
        add(&self.committed, accepted);
        add(&self.refused, refused);
        add(&self.batches, usize::from(written.is_some()));
        add(&self.syncs, usize::from(written == Some(Written::Synced)));
    }
}

pub(crate) struct Writer {
    pub(crate) engine: Engine,
    pub(crate) versions: Versions,
    pub(crate) queue: mpsc::Receiver<Request>,
    pub(crate) options: Options,
    pub(crate) counters: Arc<Counters>,
}

impl Writer {
    /// Works until every handle on the queue is gone and the queue is empty.
    pub(crate) fn run(mut self) {
        let mut healthy = true;
        while let Some(first) = self.queue.blocking_recv() {
            let requests = self.gather(first);
            if healthy {
                healthy = self.write(requests);
            } else {
                for request in requests {
                    respond(request.answer, Err(StorageError::unavailable(Stopped)));
                }
            }
        }
    }

    /// `first` and what waits behind it, as far as it fits into one batch.
    fn gather(&mut self, first: Request) -> Vec<Request> {
        let mut bytes = first.changeset.bytes;
        let mut requests = vec![first];
        while requests.len() < self.options.max_batch && bytes < self.options.max_batch_bytes {
            let Ok(next) = self.queue.try_recv() else { break };
            bytes = bytes.saturating_add(next.changeset.bytes);
            requests.push(next);
        }
        requests
    }

    /// Writes what can be written and answers everybody. `false` when the disk failed.
    fn write(&mut self, requests: Vec<Request>) -> bool {
        let mut group = Group::default();
        let mut accepted = Vec::new();
        // A conflict may be with a changeset of this very batch. Its caller loads the rows again at once, so it is
        // told only after they can be seen.
        let mut refused = Vec::new();
        for Request { changeset, answer } in requests {
            match self.take_in(&mut group, changeset) {
                Ok(version) => accepted.push((answer, version)),
                Err(error) => refused.push((answer, error)),
            }
        }
        let written = if group.is_empty() {
            Ok(None)
        } else {
            self.engine.commit(group, self.versions.reservation()).map(Some)
        };
        let failure = match written {
            Ok(written) => {
                self.counters.count(accepted.len(), refused.len(), written);
                None
            }
            Err(error) => Some(WriteFailed(Arc::new(error))),
        };
        for (answer, version) in accepted {
            respond(
                answer,
                failure.as_ref().map_or(Ok(Committed { version }), |failure| Err(failure.outcome())),
            );
        }
        for (answer, error) in refused {
            respond(answer, Err(error));
        }
        failure.is_none()
    }

    fn take_in(&mut self, group: &mut Group, changeset: Prepared) -> Result<Version, StorageError> {
        let exhausted = || StorageError::unavailable("the store has used up its versions");
        let version = self.versions.take().ok_or_else(exhausted)?;
        group.take_in(&self.engine, changeset, version)?;
        Ok(version)
    }
}

impl WriteFailed {
    fn outcome(&self) -> StorageError {
        match *self.0 {
            // The engine refused before it wrote: something failed earlier, in its background.
            fjall::Error::Poisoned => StorageError::unavailable(self.clone()),
            _ => StorageError::UnknownOutcome { cause: Box::new(self.clone()) },
        }
    }
}

/// A caller who went away does not want the answer.
fn respond(answer: oneshot::Sender<Outcome>, outcome: Outcome) {
    answer.send(outcome).ok();
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::sync::atomic::AtomicBool;
    use std::task::{Context, Waker};

    use wzapi_model::Timestamp;
    use wzapi_model::ids::{ChangesetId, ControllerId};
    use wzapi_storage::key::BlindIndex;
    use wzapi_storage::row::{Record, SourceEventRow};
    use wzapi_storage::{Changeset, Durability, Key, Storage};

    use super::*;
    use crate::store::EmbeddedStorage;

    const CONTROLLER: ControllerId = ControllerId::from_bytes([9; 16]);

    fn key(number: u8) -> Key {
        Key::SourceEvent(BlindIndex([number; 16]))
    }

    fn changeset(number: u8) -> Changeset {
        let body = SourceEventRow { seen_at: Timestamp::EPOCH }.into();
        let put = wzapi_storage::changeset::Write::Put(Record { key: key(number), due_at: None, body });
        Changeset {
            id: ChangesetId::from_bytes([number; 16]),
            controller: CONTROLLER,
            at: Timestamp::EPOCH,
            preconditions: Vec::new(),
            writes: vec![put],
            durability: Durability::Durable,
        }
    }

    fn prepared(number: u8) -> Prepared {
        Prepared::new(&changeset(number)).unwrap()
    }

    #[test]
    fn a_caller_without_a_slot_waits_and_leaves_nothing_behind_when_it_goes() {
        let (queue, mut waiting) = mpsc::channel(1);
        let mut context = Context::from_waker(Waker::noop());
        let mut first = pin!(submit(&queue, prepared(1)));
        assert!(first.as_mut().poll(&mut context).is_pending());
        {
            let mut second = pin!(submit(&queue, prepared(2)));
            assert!(second.as_mut().poll(&mut context).is_pending());
        }
        // Nobody works on the queue: the first changeset waits in it, the second never entered.
        let request = waiting.try_recv().unwrap();
        assert!(waiting.try_recv().is_err());
        respond(request.answer, Ok(Committed { version: Version(5) }));
        let outcome = first.as_mut().poll(&mut context);
        assert!(matches!(outcome, std::task::Poll::Ready(Ok(Committed { version: Version(5) }))));
    }

    #[test]
    fn a_writer_that_ends_leaves_unknown_what_it_held_and_refuses_the_rest() {
        let (queue, waiting) = mpsc::channel(1);
        let mut context = Context::from_waker(Waker::noop());
        let mut held = pin!(submit(&queue, prepared(1)));
        assert!(held.as_mut().poll(&mut context).is_pending());
        drop(waiting);
        let poll = held.as_mut().poll(&mut context);
        assert!(matches!(poll, std::task::Poll::Ready(Err(StorageError::UnknownOutcome { .. }))));
        let mut late = pin!(submit(&queue, prepared(2)));
        let poll = late.as_mut().poll(&mut context);
        assert!(matches!(poll, std::task::Poll::Ready(Err(StorageError::Unavailable { .. }))));
    }

    #[tokio::test]
    async fn after_a_failed_write_nothing_more_is_written_and_reads_go_on() {
        let root = tempfile::tempdir().unwrap();
        let storage = EmbeddedStorage::open(root.path(), Options::default()).unwrap();
        let _ = storage.commit(changeset(1)).await.unwrap();
        let fail: &AtomicBool = &storage.engine().fail_next_commit;
        fail.store(true, Ordering::SeqCst);
        let failed = storage.commit(changeset(2)).await;
        assert!(matches!(failed, Err(StorageError::UnknownOutcome { .. })), "{failed:?}");
        assert!(!fail.load(Ordering::SeqCst), "only one write was tried");
        let after = storage.commit(changeset(3)).await;
        assert!(matches!(after, Err(StorageError::Unavailable { .. })), "{after:?}");
        let rows = storage.get(CONTROLLER, &[key(1), key(2), key(3)]).await.unwrap();
        assert_eq!(rows.iter().map(Option::is_some).collect::<Vec<_>>(), [true, false, false]);
        drop(storage);

        let storage = EmbeddedStorage::open(root.path(), Options::default()).unwrap();
        let _ = storage.commit(changeset(3)).await.unwrap();
    }

    /// A row that the engine returns as it was stored, but that is not what the codec wrote.
    #[tokio::test]
    async fn a_damaged_row_is_an_error_of_its_own_readers_only() {
        let root = tempfile::tempdir().unwrap();
        let storage = EmbeddedStorage::open(root.path(), Options::default()).unwrap();
        for number in 1..=2 {
            let _ = storage.commit(changeset(number)).await.unwrap();
        }
        let bytes = wzapi_storage::codec::encode_key(CONTROLLER, &key(1));
        let whole = storage.engine().rows.get(&bytes).unwrap().unwrap().to_vec();
        for place in 0..whole.len() {
            let mut flipped = whole.clone();
            flipped[place] ^= 0x80;
            storage.engine().rows.insert(&bytes, &flipped).unwrap();
            storage.engine().publish();
            // No panic, whatever byte it is; past the version and the due time it is always noticed.
            let read = storage.get(CONTROLLER, &[key(1)]).await;
            if place >= 16 {
                assert!(
                    matches!(read, Err(StorageError::Corrupt { .. } | StorageError::Format { .. })),
                    "byte {place}: {read:?}"
                );
            }
            assert!(storage.get(CONTROLLER, &[key(2)]).await.unwrap()[0].is_some());
        }
        storage.engine().rows.insert(&bytes, &whole[..10]).unwrap();
        storage.engine().publish();
        assert!(matches!(storage.commit(changeset_again(1)).await, Err(StorageError::Corrupt { .. })));
        let _ = storage.commit(changeset(3)).await.unwrap();
    }

    fn changeset_again(number: u8) -> Changeset {
        Changeset { id: ChangesetId::from_bytes([0xee; 16]), ..changeset(number) }
    }
}
