//! Where the earlier values of a record are.

use wzapi_model::ids::ControllerId;
use wzapi_storage::key::{Key, KeyPrefix};
use wzapi_storage::query::Query;

use crate::error::VaultError;
use crate::record::RecordRef;
use crate::vault::Vault;

/// How many earlier values are looked at together.
pub(super) const AT_A_TIME: usize = 64;

/// The first earlier values of a record.
pub(super) fn query(controller: ControllerId, record: &RecordRef) -> Query {
    let RecordRef { subject, category, cohort, record } = record.clone();
    Query::prefix(controller, KeyPrefix::Revisions(subject, category, cohort, record), AT_A_TIME)
}

impl Vault {
    /// The keys of all of them.
    pub(super) async fn revision_keys(
        &self,
        controller: ControllerId,
        record: &RecordRef,
    ) -> Result<Vec<Key>, VaultError> {
        let mut keys = Vec::new();
        let mut query = query(controller, record);
        loop {
            let page = self.parts.storage.scan(&query).await?;
            keys.extend(page.rows.into_iter().map(|(key, _)| key));
            match page.next {
                Some(next) => query.after = Some(next),
                None => return Ok(keys),
            }
        }
    }
}
