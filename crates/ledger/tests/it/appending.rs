//! Entries get their indexes, once each, in one history.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use tokio::sync::Semaphore;
use wzapi_ledger::LedgerError;
use wzapi_model::ids::ControllerId;
use wzapi_storage::key::{Key, Owner};
use wzapi_storage::query::{Page, Query};
use wzapi_storage::row::{LogHeadRow, LogLeafRow, RowType, SourceEventRow, Stored};
use wzapi_storage::{Changeset, Committed, Draft, Durability, Storage, StorageError};

use crate::world::{CONTROLLER, LOG, World, person};

#[tokio::test]
async fn an_empty_log_verifies() {
    let verification = World::new().await.verify().await;
    assert!(verification.is_sound());
    assert_eq!(verification.size, 0);
    assert_eq!(verification.root, wzapi_ledger_proof::Hash::EMPTY_ROOT);
}

#[tokio::test]
async fn entries_are_numbered_in_the_order_of_their_commits() {
    let world = World::new().await;
    let mut draft = Draft::new(world.storage.as_ref(), CONTROLLER);
    let first = world.prepare(&mut draft, Owner::Subject(person(1)), "first").await;
    let second = world.prepare(&mut draft, Owner::Controller, "second").await;
    let ids = [first.id(), second.id()];
    let appended = world.ledger.commit(draft, vec![first, second]).await.unwrap();
    assert_eq!(appended.entries, [(ids[0], 0), (ids[1], 1)]);
    assert_eq!(world.append(1, "third").await.entries[0].1, 2);
    let verification = world.verify().await;
    assert!(verification.is_sound(), "{verification:?}");
    assert_eq!(verification.size, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixty_four_tasks_write_one_history() {
    let world = Arc::new(World::new().await);
    let tasks: Vec<_> = (0..64_u8)
        .map(|task| {
            let world = Arc::clone(&world);
            tokio::spawn(async move {
                let mut indexes = Vec::new();
                for round in 0..4 {
                    indexes.push(world.append(task + 1, &format!("{task}/{round}")).await.entries[0].1);
                }
                indexes
            })
        })
        .collect();
    let mut all = BTreeSet::new();
    for task in tasks {
        let indexes = task.await.unwrap();
        assert!(indexes.is_sorted(), "a caller's own entries keep their order");
        assert!(indexes.into_iter().all(|index| all.insert(index)), "an index was given twice");
    }
    assert_eq!(all, (0..256).collect());
    let verification = world.verify().await;
    assert!(verification.is_sound(), "{verification:?}");
    assert_eq!(verification.size, 256);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_processes_on_one_log_never_fork_it() {
    let world = Arc::new(World::new().await);
    let second = world.beside().await;
    let other = tokio::spawn({
        let world = Arc::clone(&world);
        async move {
            for number in 0..100 {
                loop {
                    let mut draft = Draft::new(world.storage.as_ref(), CONTROLLER);
                    let entry =
                        world.prepare(&mut draft, Owner::Subject(person(9)), &format!("{number}")).await;
                    match second.ledger.commit(draft, vec![entry]).await {
                        Err(LedgerError::Conflict) => {}
                        outcome => break outcome.map(drop).unwrap(),
                    }
                }
            }
        }
    });
    for number in 0..100 {
        let _ = world.append(8, &format!("{number}")).await;
    }
    other.await.unwrap();
    let verification = world.verify().await;
    assert!(verification.is_sound(), "{verification:?}");
    assert_eq!(verification.size, 200);
}

#[tokio::test]
async fn a_caller_that_was_overtaken_is_told_and_the_others_go_on() {
    let world = World::new().await;
    let contested = Key::SourceEvent(wzapi_storage::key::BlindIndex([5; 16]));
    let row = || SourceEventRow { seen_at: wzapi_model::Timestamp::EPOCH };

    // Both loaded the row before either wrote it, and both wait in the same queue.
    let mut drafts = Vec::new();
    for number in 1..=2 {
        let mut draft = Draft::new(world.storage.as_ref(), CONTROLLER);
        draft.load([contested.clone()]).await.unwrap();
        draft.put(contested.clone(), row(), None).unwrap();
        let entry = world.prepare(&mut draft, Owner::Subject(person(number)), "contested").await;
        drafts.push((draft, entry));
    }
    let mut bystander = Draft::new(world.storage.as_ref(), CONTROLLER);
    let bystanders_entry = world.prepare(&mut bystander, Owner::Subject(person(3)), "bystander").await;

    let [(first, first_entry), (second, second_entry)] = <[_; 2]>::try_from(drafts).unwrap();
    let (first, second, third) = {
        let ledger = &world.ledger;
        let a = ledger.commit(first, vec![first_entry]);
        let b = ledger.commit(second, vec![second_entry]);
        let c = ledger.commit(bystander, vec![bystanders_entry]);
        let joined = tokio::join!(a, b, c);
        (joined.0, joined.1, joined.2)
    };
    assert!(third.is_ok());
    assert!(first.is_ok() != second.is_ok(), "exactly one of the two is committed");
    assert!(matches!(first.and(second), Err(LedgerError::Conflict)));
    let verification = world.verify().await;
    assert!(verification.is_sound());
    assert_eq!(verification.size, 2, "the refused caller left no entry");
}

#[tokio::test]
async fn a_commit_reads_the_head_once_and_writes_three_rows_and_the_keys() {
    let world = World::new().await;
    let _ = world.append(1, "first").await;
    let head = world.row(&Key::LogHead(0)).await.unwrap();
    let head = LogHeadRow::of(&head.body).unwrap().clone();
    assert_eq!((head.size, head.peaks.len()), (1, 1));
    for text in 0..300 {
        let _ = world.append(1, &text.to_string()).await;
    }
    let head = world.row(&Key::LogHead(0)).await.unwrap();
    let head = LogHeadRow::of(&head.body).unwrap();
    assert_eq!(head.size, 301);
    assert_eq!(head.peaks.len(), head.size.count_ones() as usize, "the head grows with the logarithm only");
}

#[tokio::test]
async fn an_entry_shows_neither_its_text_nor_its_length() {
    let world = World::new().await;
    let short = world.append(1, "x").await.entries[0];
    let long = world.append(1, "a secret word of some length").await.entries[0];
    let mut lengths = Vec::new();
    for (entry, index) in [short, long] {
        let leaf = world.row(&Key::LogLeaf { log: LOG, index }).await.unwrap();
        assert_eq!(LogLeafRow::of(&leaf.body).unwrap().entry, entry);
        let body = world.row(&Key::EntryBody { owner: Owner::Subject(person(1)), entry }).await.unwrap();
        let bytes = wzapi_storage::codec::encode_body(&body.body).unwrap();
        assert!(!bytes.windows(6).any(|window| window == b"secret"));
        lengths.push(bytes.len());
    }
    assert_eq!(lengths[0], lengths[1], "bodies are padded");
}

#[test]
fn a_runtime_that_shuts_down_in_the_middle_leaves_the_log_usable() {
    let runtime = || tokio::runtime::Builder::new_current_thread().build().unwrap();
    let first = runtime();
    let world = first.block_on(World::new());
    first.block_on(async {
        let mut draft = Draft::new(world.storage.as_ref(), CONTROLLER);
        let entry = world.prepare(&mut draft, Owner::Subject(person(1)), "abandoned").await;
        let commit = world.ledger.commit(draft, vec![entry]);
        // The task that drains the queue was spawned and never gets a turn.
        let mut commit = std::pin::pin!(commit);
        let polled =
            std::future::poll_fn(|context| std::task::Poll::Ready(commit.as_mut().poll(context))).await;
        assert!(polled.is_pending());
    });
    drop(first);
    let second = runtime();
    let appended = second.block_on(world.append(2, "afterwards"));
    assert_eq!(appended.entries[0].1, 0);
    assert!(second.block_on(world.verify()).is_sound());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_log_that_grows_while_it_is_verified_is_sound() {
    let world = Arc::new(World::new().await);
    let writer = tokio::spawn({
        let world = Arc::clone(&world);
        async move {
            for number in 0..200 {
                let _ = world.append(1, &format!("{number}")).await;
            }
        }
    });
    while !writer.is_finished() {
        let verification = world.verify().await;
        assert!(verification.is_sound(), "{verification:?}");
    }
    writer.await.unwrap();
}

/// A store that keeps commits waiting.
struct Slow {
    inner: Arc<dyn Storage>,
    may_commit: Semaphore,
    durabilities: Mutex<Vec<Durability>>,
}

#[async_trait]
impl Storage for Slow {
    async fn get(&self, controller: ControllerId, keys: &[Key]) -> Result<Vec<Option<Stored>>, StorageError> {
        self.inner.get(controller, keys).await
    }

    async fn scan(&self, query: &Query) -> Result<Page, StorageError> {
        self.inner.scan(query).await
    }

    async fn commit(&self, changeset: Changeset) -> Result<Committed, StorageError> {
        self.durabilities.lock().unwrap().push(changeset.durability);
        self.may_commit.acquire().await.unwrap().forget();
        self.inner.commit(changeset).await
    }
}

async fn slow_world() -> (Arc<World>, Arc<Slow>) {
    let world = World::new().await;
    let slow = Arc::new(Slow {
        inner: world.storage.clone(),
        may_commit: Semaphore::new(0),
        durabilities: Mutex::default(),
    });
    (Arc::new(World::process(world.machine.clone(), slow.clone(), None)), slow)
}

async fn some_time() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn nobody_is_told_an_index_before_the_store_says_that_it_is_durable() {
    let (world, slow) = slow_world().await;
    let tasks: Vec<_> = (1..=5)
        .map(|number| {
            let world = Arc::clone(&world);
            tokio::spawn(async move { world.append(number, "text").await.entries[0].1 })
        })
        .collect();
    some_time().await;
    assert!(tasks.iter().all(|task| !task.is_finished()));
    slow.may_commit.add_permits(1);
    some_time().await;
    // Whoever came first went alone; those who came while the store was busy go together.
    let told = tasks.iter().filter(|task| task.is_finished()).count();
    assert_eq!(told as u64, world.head().await.size);
    slow.may_commit.add_permits(9);
    for task in tasks {
        let index = task.await.unwrap();
        assert!(world.row(&Key::LogLeaf { log: LOG, index }).await.is_some());
    }
    let durabilities = slow.durabilities.lock().unwrap();
    assert!(durabilities.len() <= 2, "five callers, {} commits", durabilities.len());
    assert!(durabilities.iter().all(|durability| *durability == Durability::Durable));
}

#[tokio::test]
async fn a_caller_that_goes_away_disturbs_nobody() {
    let (world, slow) = slow_world().await;
    let tasks: Vec<_> = (1..=20)
        .map(|number| {
            let world = Arc::clone(&world);
            tokio::spawn(async move { world.append(number, "text").await.entries[0].1 })
        })
        .collect();
    some_time().await;
    let mut staying = Vec::new();
    for (number, task) in tasks.into_iter().enumerate() {
        if number % 2 == 0 {
            task.abort();
        } else {
            staying.push(task);
        }
    }
    slow.may_commit.add_permits(100);
    let mut indexes = BTreeSet::new();
    for task in staying {
        assert!(indexes.insert(task.await.unwrap()));
    }
    assert_eq!(indexes.len(), 10);
    let verification = world.verify().await;
    assert!(verification.is_sound(), "{verification:?}");
    assert_eq!(verification.size, 20, "what waited already is committed all the same");
}
