//! Faults of `scan`.

use std::collections::BTreeSet;

use wzapi_model::Timestamp;
use wzapi_model::ids::ControllerId;
use wzapi_storage::key::{KeyPrefix, RowKind};
use wzapi_storage::query::{Cursor, MAX_PAGE, Page, Query, Selection};
use wzapi_storage::row::Stored;
use wzapi_storage::{Key, Owner, Storage, StorageError, codec};

use super::{Fault, Faulty, a_moment_before};

impl Faulty {
    pub(super) async fn faulty_scan(&self, mut query: Query) -> Result<Page, StorageError> {
        query.validate()?;
        match (self.fault, query.selection.clone()) {
            (Fault::ScansTheWholeOwner, Selection::Prefix(KeyPrefix::Kind(owner, _))) => {
                query.selection = Selection::Prefix(KeyPrefix::Owner(owner));
            }
            (Fault::IgnoresTheMonth, Selection::Prefix(KeyPrefix::RecordsIn(subject, category, _))) => {
                query.selection = Selection::Prefix(KeyPrefix::Records(subject, category));
            }
            (Fault::TakesNamesForPrefixes, Selection::Prefix(KeyPrefix::Records(subject, name))) => {
                let records = KeyPrefix::Kind(Owner::Subject(subject), RowKind::Record);
                let mut page =
                    self.inner.scan(&Query { selection: Selection::Prefix(records), ..query }).await?;
                page.rows.retain(|(key, _)| match key {
                    Key::Record { category, .. } => category.as_str().starts_with(name.as_str()),
                    _ => false,
                });
                return Ok(page);
            }
            (Fault::MissesTheIndexByCategory, Selection::Prefix(KeyPrefix::RecordsOfCategory(_))) => {
                return Ok(Page::default());
            }
            (Fault::ScansInSteps, _) if query.limit > 1 => return self.scan_in_steps(&query).await,
            (Fault::DueIsExclusive, Selection::DueBy(moment)) => {
                query.selection = Selection::DueBy(a_moment_before(moment));
            }
            (Fault::DueIncludesTheUndue, Selection::DueBy(_)) => {
                query.selection = Selection::DueBy(Timestamp::MAX);
            }
            (Fault::IgnoresTheLimit, _) => query.limit = MAX_PAGE,
            (Fault::SortsByText, _) => return self.sorted(&query, |key, _| format!("{key:?}")).await,
            (Fault::DueIsInKeyOrder, Selection::DueBy(_)) => {
                return self.sorted(&query, |key, _| codec::encode_key(query.controller, key)).await;
            }
            _ => {}
        }
        if let Some(page) = self.faulty_kind_scan(&query).await? {
            return Ok(page);
        }
        if self.is(Fault::CursorNeedsItsRow)
            && let Some(after) = &query.after
            && self.inner.get(query.controller, std::slice::from_ref(&after.key)).await?[0].is_none()
        {
            return Ok(Page::default());
        }
        let mut page = self.inner.scan(&query).await?;
        self.spoil(&query, &mut page).await?;
        for (key, stored) in &mut page.rows {
            stored.version = self.shown(query.controller, key, stored);
        }
        Ok(page)
    }

    async fn spoil(&self, query: &Query, page: &mut Page) -> Result<(), StorageError> {
        match self.fault {
            Fault::ScanMissesAKind => page.rows.retain(|(key, _)| key.kind() != RowKind::Permit),
            Fault::ScanMissesTheLastRow if page.next.is_none() => drop(page.rows.pop()),
            Fault::PagesAreReversed => page.rows.reverse(),
            Fault::CursorSkipsARow => {
                if let Some(next) = &mut page.next {
                    let query = Query { after: Some(next.clone()), limit: 1, ..query.clone() };
                    let skipped = self.inner.scan(&query).await?.rows;
                    *next = Cursor { key: skipped[0].0.clone(), due_at: skipped[0].1.due_at };
                }
            }
            Fault::CursorRepeatsARow => {
                if let (Some(next), [.., (key, stored), _]) = (&mut page.next, page.rows.as_slice()) {
                    *next = Cursor { key: key.clone(), due_at: stored.due_at };
                }
            }
            Fault::CursorForgetsTies if matches!(query.selection, Selection::DueBy(_)) => {
                let after = query.after.as_ref().and_then(|after| after.due_at);
                page.rows.retain(|(_, stored)| stored.due_at > after);
            }
            Fault::ScansTheNeighbour => self.add_a_neighbour(query, page).await?,
            Fault::KeepsFormerDueTimes | Fault::KeepsDueTimesOfDeleted => self.add_former(query, page),
            _ => {}
        }
        Ok(())
    }

    /// Fills up the page with a row of another controller.
    async fn add_a_neighbour(&self, query: &Query, page: &mut Page) -> Result<(), StorageError> {
        let known: BTreeSet<ControllerId> = self.state().log.iter().map(|entry| entry.controller).collect();
        for controller in known.into_iter().filter(|known| *known != query.controller) {
            if page.rows.len() < query.limit && page.next.is_none() {
                let other = Query { controller, after: None, limit: 1, ..query.clone() };
                page.rows.extend(self.inner.scan(&other).await?.rows);
            }
        }
        Ok(())
    }

    /// Lists rows under due times that they no longer have.
    fn add_former(&self, query: &Query, page: &mut Page) {
        let Selection::DueBy(moment) = query.selection else { return };
        if query.after.is_some() {
            return;
        }
        let former = self.state().former.clone();
        let listed = former.into_iter().filter(|(controller, _, row)| {
            *controller == query.controller && row.due_at.is_some_and(|due_at| due_at <= moment)
        });
        page.rows.extend(listed.map(|(_, key, row)| (key, row)));
        page.rows.truncate(query.limit);
    }

    /// One page, read row by row.
    async fn scan_in_steps(&self, query: &Query) -> Result<Page, StorageError> {
        let mut page = Page { next: query.after.clone(), ..Page::default() };
        while page.rows.len() < query.limit {
            let step = Query { after: page.next.take(), limit: 1, ..query.clone() };
            let step = self.inner.scan(&step).await?;
            page.rows.extend(step.rows);
            page.next = step.next;
            if page.next.is_none() {
                break;
            }
            tokio::task::yield_now().await;
        }
        Ok(page)
    }

    /// A scan in an order of its own.
    async fn sorted<T: Ord>(
        &self,
        query: &Query,
        order: impl Fn(&Key, &Stored) -> T,
    ) -> Result<Page, StorageError> {
        let all = Query { after: None, limit: MAX_PAGE, ..query.clone() };
        let mut rows = self.inner.scan(&all).await?.rows;
        rows.sort_by_key(|(key, stored)| order(key, stored));
        let begin = match &query.after {
            Some(after) => rows.iter().position(|(key, _)| *key == after.key).map_or(0, |place| place + 1),
            None => 0,
        };
        let page: Vec<_> = rows.iter().skip(begin).take(query.limit).cloned().collect();
        let more = begin + page.len() < rows.len();
        let last = page.last().filter(|_| more);
        let next = last.map(|(key, stored)| Cursor { key: key.clone(), due_at: stored.due_at });
        Ok(Page { rows: page, next })
    }
}
