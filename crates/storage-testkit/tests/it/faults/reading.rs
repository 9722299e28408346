//! Faults of `get`.

use wzapi_model::ids::ControllerId;
use wzapi_storage::row::Stored;
use wzapi_storage::{Key, Storage, StorageError};

use super::{Fault, Faulty};

impl Faulty {
    pub(super) async fn faulty_get(
        &self,
        controller: ControllerId,
        keys: &[Key],
    ) -> Result<Vec<Option<Stored>>, StorageError> {
        let mut asked = keys.to_vec();
        match self.fault {
            Fault::AnswersInKeyOrder => asked.sort(),
            Fault::AnswersEachKeyOnce => {
                let mut seen = std::collections::BTreeSet::new();
                asked.retain(|key| seen.insert(key.clone()));
            }
            Fault::ReadsKeyByKey if keys.len() > 1 => return self.read_key_by_key(controller, keys).await,
            Fault::ReadsFromACache => return self.read_from_a_cache(controller, keys).await,
            _ => {}
        }
        let mut rows = self.inner.get(controller, &asked).await?;
        for (key, row) in asked.iter().zip(&mut rows) {
            let is_receipt = matches!(key, Key::Changeset(_));
            if is_receipt && self.is(Fault::RecordsNothing) {
                *row = None;
            }
            if let Some(stored) = row {
                stored.version = self.shown(controller, key, stored);
                if is_receipt && self.is(Fault::RecordsWithoutDueTime) {
                    stored.due_at = None;
                }
            }
        }
        if self.is(Fault::LeavesOutWhatIsMissing) {
            rows.retain(Option::is_some);
        }
        Ok(rows)
    }

    async fn read_key_by_key(
        &self,
        controller: ControllerId,
        keys: &[Key],
    ) -> Result<Vec<Option<Stored>>, StorageError> {
        let mut rows = Vec::new();
        for key in keys {
            rows.extend(self.inner.get(controller, std::slice::from_ref(key)).await?);
            tokio::time::sleep(std::time::Duration::from_micros(200)).await;
        }
        Ok(rows)
    }

    async fn read_from_a_cache(
        &self,
        controller: ControllerId,
        keys: &[Key],
    ) -> Result<Vec<Option<Stored>>, StorageError> {
        let rows = self.inner.get(controller, keys).await?;
        let mut state = self.state();
        let cached = keys
            .iter()
            .zip(rows)
            .map(|(key, row)| state.cache.entry((controller, key.clone())).or_insert(row).clone());
        Ok(cached.collect())
    }
}
