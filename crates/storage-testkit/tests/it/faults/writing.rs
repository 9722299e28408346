//! Faults of `commit`.

use std::collections::BTreeSet;
use std::time::Duration;

use wzapi_model::ids::ChangesetId;
use wzapi_storage::changeset::{MAX_CHANGESET_ROWS, Write};
use wzapi_storage::key::RowKind;
use wzapi_storage::row::{Body, Record};
use wzapi_storage::{Changeset, Committed, Key, Precondition, Storage, StorageError, Version, codec};

use super::{Fault, Faulty};

/// How long a fault waits for another caller to arrive, in steps of a millisecond.
const PATIENCE: usize = 20;

impl Faulty {
    pub(super) async fn faulty_commit(&self, mut changeset: Changeset) -> Result<Committed, StorageError> {
        if self.is(Fault::RefusesWhenBusy) && std::mem::replace(&mut self.state().is_busy, true) {
            self.arrive();
            return Err(StorageError::unavailable("somebody else is writing"));
        }
        self.spoil_writes(&mut changeset);
        self.spoil_guards(&mut changeset).await?;
        let outcome = match self.fault {
            Fault::WritesInTwoSteps => self.write_in_two_steps(changeset.clone()).await,
            Fault::ChecksBeforeItCommits => self.check_and_commit(changeset.clone()).await,
            _ => self.apply(changeset.clone()).await,
        };
        match outcome {
            Ok(committed) => Ok(self.spoil_version(committed).await),
            Err(StorageError::Conflict { failed }) => self.spoil_conflict(changeset, failed).await,
            Err(other) => Err(other),
        }
    }

    fn spoil_writes(&self, changeset: &mut Changeset) {
        let writes = &mut changeset.writes;
        match self.fault {
            Fault::DropsTheLastWrite if writes.len() > 10 => drop(writes.pop()),
            Fault::DropsDeletes => writes.retain(|write| matches!(write, Write::Put(_))),
            Fault::LastWriteWins => {
                let mut seen = BTreeSet::new();
                writes.reverse();
                writes.retain(|write| seen.insert(write.key().clone()));
            }
            Fault::TakesTwoGuards => {
                let mut seen = BTreeSet::new();
                changeset.preconditions.retain(|(key, _)| seen.insert(key.clone()));
            }
            Fault::SkipsForeignBodies => writes.retain(|write| match write {
                Write::Put(record) => record.key.kind() == record.body.kind(),
                Write::Delete(_) => true,
            }),
            Fault::CutsLongChangesets => {
                writes.truncate(MAX_CHANGESET_ROWS);
                changeset.preconditions.truncate(MAX_CHANGESET_ROWS);
            }
            Fault::CutsLargeRows => writes.retain(|write| match write {
                Write::Put(record) => codec::encode_body(&record.body).is_ok(),
                Write::Delete(_) => true,
            }),
            _ => {}
        }
        for write in writes {
            if let Write::Put(record) = write {
                self.spoil_record(record);
            }
        }
    }

    fn spoil_record(&self, record: &mut Record) {
        match (self.fault, &mut record.body) {
            (Fault::ForgetsDueTimes, _) if record.key.kind() == RowKind::Sender => record.due_at = None,
            (Fault::CutsLists, Body::LogHead(head)) => head.peaks.truncate(40),
            _ => {}
        }
    }

    async fn spoil_guards(&self, changeset: &mut Changeset) -> Result<(), StorageError> {
        let controller = changeset.controller;
        let mut guards = Vec::new();
        let mut failed = Vec::new();
        for (key, precondition) in std::mem::take(&mut changeset.preconditions) {
            let stored = self.inner.get(controller, std::slice::from_ref(&key)).await?.remove(0);
            let is_written = changeset.writes.iter().any(|write| *write.key() == key);
            let was_written = self.state().written.contains(&(controller, key.clone()));
            let precondition = match (self.fault, precondition, &stored) {
                (Fault::AbsentAlwaysHolds, Precondition::Absent, _) => continue,
                (Fault::VersionHoldsForAbsent, Precondition::Version(_), None) => continue,
                (Fault::IgnoresGuardsOfUnwrittenRows, _, _) if !is_written => continue,
                (Fault::DeletedIsNotAbsent, Precondition::Absent, _) if was_written => {
                    failed.push(key.clone());
                    precondition
                }
                (Fault::AnyVersionHolds, Precondition::Version(_), Some(row)) => {
                    Precondition::Version(row.version)
                }
                (Fault::OlderVersionsHold, Precondition::Version(asked), Some(row)) => {
                    Precondition::Version(asked.max(row.version))
                }
                // Back from the version that this store shows to the one that is stored.
                (_, Precondition::Version(asked), Some(row)) => {
                    let is_shown = self.shown(controller, &key, row) == asked;
                    Precondition::Version(if is_shown { row.version } else { Version(u64::MAX) })
                }
                _ => precondition,
            };
            guards.push((key, precondition));
        }
        changeset.preconditions = guards;
        if self.is(Fault::DeleteNeedsARow) {
            for write in changeset.writes.iter().filter(|write| matches!(write, Write::Delete(_))) {
                let stored = self.inner.get(controller, std::slice::from_ref(write.key())).await?.remove(0);
                failed.extend(stored.is_none().then(|| write.key().clone()));
            }
        }
        if failed.is_empty() { Ok(()) } else { Err(StorageError::Conflict { failed }) }
    }

    async fn write_in_two_steps(&self, changeset: Changeset) -> Result<Committed, StorageError> {
        changeset.validate()?;
        let mut first = Changeset { id: self.another_id(), ..changeset.clone() };
        let rest = first.writes.split_off(first.writes.len() / 2);
        let _ = self.apply(first).await?;
        tokio::time::sleep(Duration::from_millis(1)).await;
        self.apply(Changeset { writes: rest, preconditions: Vec::new(), ..changeset }).await
    }

    async fn check_and_commit(&self, changeset: Changeset) -> Result<Committed, StorageError> {
        changeset.validate()?;
        let keys: Vec<Key> = changeset.preconditions.iter().map(|(key, _)| key.clone()).collect();
        let rows = self.inner.get(changeset.controller, &keys).await?;
        let mut failed = Vec::new();
        for ((key, precondition), row) in changeset.preconditions.iter().zip(rows) {
            let holds = match precondition {
                Precondition::Absent => row.is_none(),
                Precondition::Version(version) => row.is_some_and(|row| row.version == *version),
            };
            failed.extend((!holds).then(|| key.clone()));
        }
        if !failed.is_empty() {
            return Err(StorageError::Conflict { failed });
        }
        if !keys.is_empty() {
            self.wait_for_another().await;
        }
        self.apply(Changeset { preconditions: Vec::new(), ..changeset }).await
    }

    async fn spoil_version(&self, committed: Committed) -> Committed {
        match self.fault {
            Fault::ReturnsAnotherVersion => Committed { version: Version(committed.version.0 + 1) },
            Fault::VersionsStartAgainWhenReopened => {
                let before = self.state().versions_at_reopening;
                Committed { version: Version(committed.version.0 - before) }
            }
            Fault::MixesUpOutcomes => {
                self.state().last_version = Some(committed.version);
                self.wait_for_another().await;
                Committed { version: self.state().last_version.unwrap_or(committed.version) }
            }
            Fault::RefusesWhenBusy => {
                self.wait_for_another().await;
                self.state().is_busy = false;
                committed
            }
            _ => committed,
        }
    }

    async fn spoil_conflict(
        &self,
        changeset: Changeset,
        mut failed: Vec<Key>,
    ) -> Result<Committed, StorageError> {
        let receipt = Key::Changeset(changeset.id);
        let is_retry = failed.contains(&receipt);
        let without_guards = Changeset { preconditions: Vec::new(), ..changeset.clone() };
        match self.fault {
            Fault::WritesDespiteConflict => drop(self.apply(without_guards).await),
            Fault::RecordsRefusedChangesets => {
                drop(self.apply(Changeset { writes: Vec::new(), ..without_guards }).await);
            }
            Fault::ConflictTouchesVersions => self.touch(&changeset).await?,
            Fault::NamesTheFirstConflict => failed.truncate(1),
            Fault::NamesEveryGuard => {
                failed = changeset.preconditions.iter().map(|(key, _)| key.clone()).collect();
            }
            Fault::RetriesHaveASecondEffect if is_retry => {
                return self.apply(Changeset { id: self.another_id(), ..changeset }).await;
            }
            Fault::RetriesAreAnsweredOk if is_retry => {
                let row = self.inner.get(changeset.controller, &[receipt]).await?.remove(0).unwrap();
                return Ok(Committed { version: row.version });
            }
            Fault::RetriesNameNothing => failed.retain(|key| *key != receipt),
            _ => {}
        }
        Err(StorageError::Conflict { failed })
    }

    /// Writes the rows of a refused changeset again as they are.
    async fn touch(&self, changeset: &Changeset) -> Result<(), StorageError> {
        let keys: Vec<Key> = changeset.writes.iter().map(|write| write.key().clone()).collect();
        let rows = self.inner.get(changeset.controller, &keys).await?;
        let puts = keys.into_iter().zip(rows).filter_map(|(key, row)| {
            row.map(|row| Write::Put(Record { key, due_at: row.due_at, body: row.body }))
        });
        let writes = puts.collect();
        let touched =
            Changeset { id: self.another_id(), writes, preconditions: Vec::new(), ..changeset.clone() };
        self.apply(touched).await.map(|_| ())
    }

    /// Waits until another caller has come to the same point, so that the fault shows on a busy machine, too.
    async fn wait_for_another(&self) {
        let arrived = self.arrive();
        for _ in 0..PATIENCE {
            tokio::time::sleep(Duration::from_millis(1)).await;
            if self.state().arrivals > arrived {
                return;
            }
        }
    }

    fn arrive(&self) -> u64 {
        let mut state = self.state();
        state.arrivals += 1;
        state.arrivals
    }

    fn another_id(&self) -> ChangesetId {
        let mut state = self.state();
        state.retries += 1;
        ChangesetId::from_bytes((u128::MAX - u128::from(state.retries)).to_be_bytes())
    }
}
