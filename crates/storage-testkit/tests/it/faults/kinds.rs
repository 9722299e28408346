//! Faults of kind scans.

use std::collections::BTreeSet;

use wzapi_model::ids::ControllerId;
use wzapi_storage::key::RowKind;
use wzapi_storage::query::{Cursor, MAX_PAGE, Page, Query, Selection};
use wzapi_storage::row::Stored;
use wzapi_storage::{Key, Owner, Storage, StorageError, codec};

use super::{Fault, Faulty};

type Rows = Vec<(Key, Stored)>;

impl Faulty {
    /// A kind scan with one of the faults that are about nothing else; `None` when the fault is none of them.
    pub(super) async fn faulty_kind_scan(&self, query: &Query) -> Result<Option<Page>, StorageError> {
        let Selection::Kind(kind) = query.selection else { return Ok(None) };
        let mut query = query.clone();
        let mut rows = self.whole_kind(query.controller, kind).await?;
        match self.fault {
            Fault::KindScanMissesPersons => rows.retain(|(key, _)| key.owner() == Owner::Controller),
            Fault::KindScanMissesTheController => rows.retain(|(key, _)| key.owner() != Owner::Controller),
            Fault::KindScanEndsAtAGap => self.end_at_a_gap(query.controller, &mut rows).await?,
            Fault::KindScanAddsTheNextKind => {
                let next = RowKind::ALL.iter().copied().find(|next| next.code() > kind.code());
                rows.extend(self.whole_kind(query.controller, next.unwrap_or(kind)).await?);
                rows.sort_by_key(|(key, _)| place_of(&query, key));
            }
            Fault::KindScanLeavesItsController => {
                let known: BTreeSet<_> = self.state().log.iter().map(|entry| entry.controller).collect();
                for other in known.into_iter().filter(|other| *other > query.controller) {
                    rows.extend(self.whole_kind(other, kind).await?);
                }
            }
            Fault::KindScanSortsWithoutOwners => {
                rows.sort_by_key(|(key, _)| place_of(&query, key).split_off(32));
                return Ok(Some(after_its_row(rows, &query)));
            }
            Fault::KindScanPutsPersonsFirst => {
                rows.sort_by_key(|(key, _)| key.owner() == Owner::Controller);
                return Ok(Some(after_its_row(rows, &query)));
            }
            Fault::KindScanIgnoresTheLimit => query.limit = MAX_PAGE,
            Fault::KindCursorSkipsARow
            | Fault::KindCursorRepeatsARow
            | Fault::KindCursorSkipsTheOwner
            | Fault::KindCursorRepeatsTheOwner
            | Fault::KindCursorNeedsItsOwner => self.spoil_cursor(&mut query, &mut rows),
            _ => return Ok(None),
        }
        Ok(Some(after_its_place(rows, &query)))
    }

    fn spoil_cursor(&self, query: &mut Query, rows: &mut Rows) {
        let Some(after) = query.after.clone() else { return };
        let owner = after.key.owner();
        let before = |wanted: &dyn Fn(&Key) -> bool| {
            let place = rows.iter().position(|(key, _)| wanted(key)).and_then(|place| place.checked_sub(1));
            place.map(|place| Cursor { key: rows[place].0.clone(), due_at: None })
        };
        match self.fault {
            Fault::KindCursorSkipsARow => {
                let next = place_of(query, &after.key);
                let place = rows.iter().position(|(key, _)| place_of(query, key) > next);
                drop(place.map(|place| rows.remove(place)));
            }
            // A page that repeats its only row would not come to an end.
            Fault::KindCursorRepeatsARow if query.limit > 1 => query.after = before(&|key| *key == after.key),
            Fault::KindCursorRepeatsTheOwner => query.after = before(&|key| key.owner() == owner),
            Fault::KindCursorSkipsTheOwner => rows.retain(|(key, _)| key.owner() > owner),
            Fault::KindCursorNeedsItsOwner if !rows.iter().any(|(key, _)| key.owner() == owner) => {
                rows.clear()
            }
            _ => {}
        }
    }

    async fn whole_kind(&self, controller: ControllerId, kind: RowKind) -> Result<Rows, StorageError> {
        Ok(self.inner.scan(&Query::kind(controller, kind, MAX_PAGE)).await?.rows)
    }

    /// Leaves out whatever comes after the first person who has rows, but none of the kind.
    async fn end_at_a_gap(&self, controller: ControllerId, rows: &mut Rows) -> Result<(), StorageError> {
        let owners: BTreeSet<Owner> = rows.iter().map(|(key, _)| key.owner()).collect();
        let persons = self.whole_kind(controller, RowKind::ConsentEvent).await?;
        let gap = persons.iter().map(|(key, _)| key.owner()).find(|owner| !owners.contains(owner));
        rows.retain(|(key, _)| gap.is_none_or(|gap| key.owner() < gap));
        Ok(())
    }
}

fn place_of(query: &Query, key: &Key) -> Vec<u8> {
    codec::encode_key(query.controller, key)
}

/// The page after the place of the cursor's row.
fn after_its_place(mut rows: Rows, query: &Query) -> Page {
    if let Some(after) = &query.after {
        rows.retain(|(key, _)| place_of(query, key) > place_of(query, &after.key));
    }
    cut(rows, query.limit)
}

/// The page after the cursor's row, in an order that is not that of keys.
fn after_its_row(mut rows: Rows, query: &Query) -> Page {
    if let Some(after) = &query.after {
        let place = rows.iter().position(|(key, _)| *key == after.key).map_or(0, |place| place + 1);
        rows.drain(..place);
    }
    cut(rows, query.limit)
}

fn cut(mut rows: Rows, limit: usize) -> Page {
    let more = rows.len() > limit;
    rows.truncate(limit);
    let last = rows.last().filter(|_| more);
    let next = last.map(|(key, stored)| Cursor { key: key.clone(), due_at: stored.due_at });
    Page { rows, next }
}
