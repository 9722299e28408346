//! The end of what is kept only for a time.
//!
//! Some rows are there for a purpose that ends by itself: the receipts of changesets (a day), the marks of source
//! events (30 days; Meta retries for seven), webhook elements that nothing recognised (30 days). They carry the
//! moment at which they are due, and [`crate::Controller::expire`] removes those that are. It reads only what is
//! due, so its cost does not depend on how much is stored.

use wzapi_ledger::LedgerError;
use wzapi_model::ids::ControllerId;
use wzapi_storage::Draft;
use wzapi_storage::key::{Key, RowKind};
use wzapi_storage::query::Query;
use wzapi_storage::row::RouteRow;

use crate::error::Error;
use crate::services::Services;

/// Rows removed in one changeset.
const BATCH: usize = 256;

/// What was removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Expired {
    /// Rows removed.
    pub rows: u64,
}

/// Whether a due row of this kind may go without anybody looking at it.
const fn ends_by_itself(kind: RowKind) -> bool {
    match kind {
        RowKind::Changeset | RowKind::SourceEvent | RowKind::Unrecognised | RowKind::Parked => true,
        RowKind::Directory
        | RowKind::Route
        | RowKind::Controller
        | RowKind::Sender
        | RowKind::HoldSet
        | RowKind::Sweep
        | RowKind::Erasure
        | RowKind::TenantKey
        | RowKind::IndexKey
        | RowKind::DataKey
        | RowKind::Identifier
        | RowKind::Subject
        | RowKind::ConsentEvent
        | RowKind::Permit
        | RowKind::Review
        | RowKind::LogHead
        | RowKind::LogLeaf
        | RowKind::EntryBody
        | RowKind::Epoch
        | RowKind::JournalPosition
        | RowKind::LogKey
        | RowKind::Record
        | RowKind::RecordRevision
        | RowKind::RecordOfCategory
        | RowKind::Checkpoint
        | RowKind::LogTile
        | RowKind::ClosedLog => false,
    }
}

impl Services {
    /// Removes what is due at this controller, in bounded changesets.
    pub(crate) async fn expire(&self, controller: ControllerId) -> Result<Expired, Error> {
        let mut expired = Expired::default();
        let mut failure = None;
        let mut query = Query::due_by(controller, self.clock.now(), BATCH);
        loop {
            let page = self.storage.scan(&query).await?;
            let due: Vec<Key> =
                page.rows.into_iter().map(|(key, _)| key).filter(|key| ends_by_itself(key.kind())).collect();
            let (due, failed) = self.without_claimed(controller, due).await?;
            failure = failure.or(failed);
            expired.rows += self.remove_due(controller, due).await?;
            match page.next {
                Some(next) => query.after = Some(next),
                None => return failure.map_or(Ok(expired), Err),
            }
        }
    }

    /// Takes in what is parked although its route exists by now, because a registration was cut short, and returns the
    /// rest: an opt-out among it must count and not expire. One that cannot be taken in stays, and the first such failure is
    /// returned beside the rest.
    async fn without_claimed(
        &self,
        controller: ControllerId,
        due: Vec<Key>,
    ) -> Result<(Vec<Key>, Option<Error>), Error> {
        let mut draft = Draft::new(self.storage.as_ref(), controller);
        let routes = due.iter().filter_map(|key| match key {
            Key::Parked { route, .. } => Some(Key::Route(*route)),
            _ => None,
        });
        draft.load(routes.collect::<Vec<_>>()).await?;
        let mut rest = Vec::with_capacity(due.len());
        let mut failed = None;
        for key in due {
            match &key {
                Key::Parked { route, .. } if draft.row::<RouteRow>(&Key::Route(*route))?.is_some() => {
                    if let Err(error) = self.take_in_one(key).await {
                        failed = failed.or(Some(error));
                    }
                }
                _ => rest.push(key),
            }
        }
        Ok((rest, failed))
    }

    async fn remove_due(&self, controller: ControllerId, due: Vec<Key>) -> Result<u64, Error> {
        if due.is_empty() {
            return Ok(0);
        }
        let mut draft = Draft::new(self.storage.as_ref(), controller);
        draft.load(due.iter().cloned()).await?;
        for key in due {
            self.delete_if_due(&mut draft, key)?;
        }
        let count = draft.staged_len();
        if count == 0 {
            return Ok(0);
        }
        match self.ledger.commit(draft, Vec::new()).await {
            Ok(_) => Ok(u64::try_from(count).unwrap_or(u64::MAX)),
            // Somebody renewed one of them. The next run looks again.
            Err(LedgerError::Conflict) => Ok(0),
            Err(error) => Err(error.into()),
        }
    }

    fn delete_if_due(&self, draft: &mut Draft<'_>, key: Key) -> Result<(), Error> {
        let is_due = draft.loaded_due_at(&key).is_some_and(|due| due <= self.clock.now());
        if is_due { Ok(draft.delete(key)?) } else { Ok(()) }
    }
}
