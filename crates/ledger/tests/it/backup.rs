//! A copy of a store, and stores made from it: a backup and its restoration.

use std::sync::Arc;

use wzapi_ledger::proof::EntryCommitment;
use wzapi_ledger::proof::memory_tree::MemoryTree;
use wzapi_model::Entropy;
use wzapi_model::ids::ControllerId;
use wzapi_storage::Storage;
use wzapi_storage::key::{Key, LogRef, RowKind};
use wzapi_storage::query::{MAX_PAGE, Query};
use wzapi_storage::row::{Body, LogLeafRow, RowType};
use wzapi_storage_memory::MemoryStorage;

use crate::world::{CONTROLLER, OTHER, World, write_rows};

/// All rows of a store, but the records of changesets.
#[derive(Clone)]
pub(crate) struct Backup(Vec<(ControllerId, Key, Body)>);

impl Backup {
    pub(crate) async fn of(storage: &dyn Storage) -> Self {
        let mut rows = Vec::new();
        for controller in [ControllerId::SYSTEM, CONTROLLER, OTHER] {
            for kind in RowKind::ALL.iter().filter(|kind| **kind != RowKind::Changeset) {
                let mut query = Query::kind(controller, *kind, MAX_PAGE);
                loop {
                    let page = storage.scan(&query).await.unwrap();
                    rows.extend(page.rows.into_iter().map(|(key, stored)| (controller, key, stored.body)));
                    match page.next {
                        Some(next) => query.after = Some(next),
                        None => break,
                    }
                }
            }
        }
        Self(rows)
    }

    /// A new store with these rows.
    pub(crate) async fn restore(&self, entropy: &dyn Entropy) -> Arc<dyn Storage> {
        let storage = MemoryStorage::new();
        for controller in [ControllerId::SYSTEM, CONTROLLER, OTHER] {
            let rows: Vec<_> = self.0.iter().filter(|(of, _, _)| *of == controller).collect();
            for chunk in rows.chunks(1000) {
                let rows = chunk.iter().map(|(_, key, body)| (key.clone(), Some(body.clone())));
                write_rows(&storage, entropy, controller, rows).await;
            }
        }
        Arc::new(storage)
    }

    pub(crate) fn rows_of(&self, controller: ControllerId) -> impl Iterator<Item = (&Key, &Body)> {
        self.0.iter().filter(move |(of, _, _)| *of == controller).map(|(_, key, body)| (key, body))
    }
}

impl World {
    pub(crate) async fn backup(&self) -> Backup {
        Backup::of(self.storage.as_ref()).await
    }

    /// A process that opens a restored store without any journal.
    pub(crate) async fn backup_of(&self, backup: &Backup) -> Self {
        let storage = backup.restore(self.machine.entropy.as_ref()).await;
        // It forgot that it ever had one.
        write_rows(
            storage.as_ref(),
            self.machine.entropy.as_ref(),
            ControllerId::SYSTEM,
            [(Key::JournalPosition, None)],
        )
        .await;
        Self::process(self.machine.clone(), storage, None)
    }

    /// Another process on this store, with another world's journal.
    pub(crate) fn reopened_with_journal_of(&self, other: &Self) -> Self {
        other.reopened(self.storage.clone())
    }

    /// The tree over the entries of a log, from their rows alone.
    pub(crate) async fn tree(&self, log: LogRef, size: u64) -> MemoryTree {
        let mut tree = MemoryTree::new();
        for index in 0..size {
            let row = self.row(&Key::LogLeaf { log, index }).await.unwrap();
            let commitment = EntryCommitment::from(LogLeafRow::of(&row.body).unwrap().commitment);
            tree.append(commitment.leaf_hash()).unwrap();
        }
        tree
    }

    /// A process that opens a restored store, with this one's journal as it is now. It has not followed it yet.
    pub(crate) async fn restored(&self, backup: &Backup) -> Self {
        self.reopened(backup.restore(self.machine.entropy.as_ref()).await)
    }
}
