//! A store that does not tell what happened.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use wzapi_ledger::LedgerError;
use wzapi_model::ids::ControllerId;
use wzapi_storage::key::Owner;
use wzapi_storage::query::{Page, Query};
use wzapi_storage::row::Stored;
use wzapi_storage::{Changeset, Committed, Draft, Key, Storage, StorageError};
use wzapi_storage_memory::MemoryStorage;

use crate::world::{CONTROLLER, World, person};

/// What goes wrong at one commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    /// Committed, but the answer is lost.
    AnswerLost,
    /// Not committed, and the answer is lost too.
    RequestLost,
    /// Refused before anything happened.
    Unavailable,
}

struct Unreliable {
    inner: MemoryStorage,
    commits: AtomicUsize,
    trouble_at: usize,
    trouble: Trouble,
}

#[async_trait]
impl Storage for Unreliable {
    async fn get(&self, controller: ControllerId, keys: &[Key]) -> Result<Vec<Option<Stored>>, StorageError> {
        self.inner.get(controller, keys).await
    }

    async fn scan(&self, query: &Query) -> Result<Page, StorageError> {
        self.inner.scan(query).await
    }

    async fn commit(&self, changeset: Changeset) -> Result<Committed, StorageError> {
        if self.commits.fetch_add(1, Ordering::SeqCst) != self.trouble_at {
            return self.inner.commit(changeset).await;
        }
        let cause = || "the connection was cut".into();
        match self.trouble {
            Trouble::AnswerLost => {
                let _ = self.inner.commit(changeset).await?;
                Err(StorageError::UnknownOutcome { cause: cause() })
            }
            Trouble::RequestLost => Err(StorageError::UnknownOutcome { cause: cause() }),
            Trouble::Unavailable => Err(StorageError::Unavailable { cause: cause() }),
        }
    }
}

async fn world_with(trouble: Trouble) -> World {
    // The first two commits register the controllers, the third writes the first entry.
    let storage =
        Unreliable { inner: MemoryStorage::new(), commits: AtomicUsize::new(0), trouble_at: 3, trouble };
    let world = World::over(Arc::new(storage)).await;
    let _ = world.append(1, "before").await;
    world
}

async fn try_append(world: &World) -> Result<u64, LedgerError> {
    let mut draft = Draft::new(world.storage.as_ref(), CONTROLLER);
    let entry = world.prepare(&mut draft, Owner::Subject(person(2)), "in trouble").await;
    world.ledger.commit(draft, vec![entry]).await.map(|appended| appended.entries[0].1)
}

#[tokio::test]
async fn a_lost_answer_is_settled_and_the_entry_is_there_once() {
    for trouble in [Trouble::AnswerLost, Trouble::RequestLost] {
        let world = world_with(trouble).await;
        assert_eq!(try_append(&world).await.unwrap(), 1, "{trouble:?}");
        assert_eq!(world.append(3, "after").await.entries[0].1, 2);
        let verification = world.verify().await;
        assert!(verification.is_sound(), "{trouble:?}");
        assert_eq!(verification.size, 3, "{trouble:?}");
    }
}

#[tokio::test]
async fn an_unavailable_store_is_an_error_and_leaves_nothing() {
    let world = world_with(Trouble::Unavailable).await;
    assert!(matches!(try_append(&world).await, Err(LedgerError::Storage(_))));
    assert_eq!(world.append(3, "after").await.entries[0].1, 1);
    assert_eq!(world.verify().await.size, 2);
}
