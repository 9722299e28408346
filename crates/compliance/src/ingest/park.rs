//! What nobody has claimed yet: kept sealed, counted, and taken in when its route is registered.

use std::collections::BTreeMap;

use wzapi_encryption::blind_index::IndexLabel;
use wzapi_encryption::{EncryptionError, Place, TenantKeys};
use wzapi_ledger::LedgerError;
use wzapi_model::ids::ControllerId;
use wzapi_model::name::DataCategory;
use wzapi_storage::Draft;
use wzapi_storage::key::{BlindIndex, Key, KeyPrefix, Owner};
use wzapi_storage::query::Query;
use wzapi_storage::row::{DataKeyRow, ParkedRow, RouteRow};
use wzapi_whatsapp::delivery::{Item, Part, Position, parts};

use super::{IngestReport, KEPT_FOR};
use crate::error::Error;
use crate::services::{MAX_ATTEMPTS, Services};

const SYSTEM: ControllerId = ControllerId::SYSTEM;
const FIELD: &str = "change";
/// Parked changes taken in at a time: they can be large.
const PAGE: usize = 16;
/// Changes parked with one changeset. Each is up to two rows and guards as many routes.
const BATCH: usize = 512;

/// Changes to be parked: the routes that would claim each, and how many items it holds.
type Changes<'a> = BTreeMap<Position, (&'a [BlindIndex], u64)>;

impl Services {
    /// Parks the changes of these items, durably. `None` when a route was registered meanwhile: route again.
    ///
    /// The rows of the routes are guarded as absent, so that a change is either parked before its route exists,
    /// and then found by the registration, or never parked at all.
    pub(super) async fn park(
        &self,
        body: &[u8],
        unclaimed: &[(Vec<BlindIndex>, &Item)],
    ) -> Result<Option<IngestReport>, Error> {
        let mut report = IngestReport::default();
        if unclaimed.is_empty() {
            return Ok(Some(report));
        }
        let mut changes = Changes::new();
        for (routes, item) in unclaimed {
            let position = Position { element: None, ..item.position };
            changes.entry(position).or_insert((routes, 0)).1 += 1;
        }
        for batch in parts(body, changes.keys().copied())?.chunks(BATCH) {
            match self.park_together(batch, &changes).await? {
                Some(parked) => report += parked,
                None => return Ok(None),
            }
        }
        Ok(Some(report))
    }

    /// Parks these changes as one changeset. `None` when a route was registered meanwhile.
    async fn park_together(
        &self,
        batch: &[Part],
        changes: &Changes<'_>,
    ) -> Result<Option<IngestReport>, Error> {
        let mut report = IngestReport::default();
        let keys = self.encryption.tenant(SYSTEM).await?;
        let mut draft = Draft::new(self.storage.as_ref(), SYSTEM);
        for part in batch {
            let Some((routes, items)) = changes.get(&part.position) else { continue };
            let is_new = match self.park_change(&mut draft, &keys, routes, part.body.expose()).await {
                Ok(Some(is_new)) => is_new,
                Ok(None) | Err(Error::Encryption(EncryptionError::KeysChanged)) => return Ok(None),
                Err(error) => return Err(error),
            };
            *if is_new { &mut report.unrouted } else { &mut report.duplicates } += items;
        }
        if draft.is_unchanged() {
            return Ok(Some(report));
        }
        match self.ledger.commit(draft, Vec::new()).await {
            Ok(_) => Ok(Some(report)),
            Err(LedgerError::Conflict) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Stages a change under every route that would claim it. Whether it was not there yet; `None` when one of
    /// the routes exists by now.
    async fn park_change(
        &self,
        draft: &mut Draft<'_>,
        keys: &TenantKeys,
        routes: &[BlindIndex],
        change: &[u8],
    ) -> Result<Option<bool>, Error> {
        let indexes = keys.indexes(IndexLabel::SourceEvent, "parked", change);
        let source = indexes.last().copied().ok_or(EncryptionError::Corrupt)?;
        let (now, category) = (self.clock.now(), DataCategory::unrecognised());
        let mut is_new = false;
        for route in routes {
            let (place, claim) = (Key::Parked { route: *route, source }, Key::Route(*route));
            draft.load([place.clone(), claim.clone()]).await?;
            // A guard holds what was loaded: for a route that came since the items were routed, its presence.
            if draft.row::<RouteRow>(&claim)?.is_some() {
                return Ok(None);
            }
            draft.guard(&claim)?;
            if draft.row::<ParkedRow>(&place)?.is_some() {
                continue;
            }
            is_new = true;
            let data_key = keys.data_key_for_writing(draft, Owner::Controller, &category, now).await?;
            let sealed = data_key.seal(&Place { controller: SYSTEM, row: &place, field: FIELD }, change)?;
            draft.put(place, ParkedRow { received_at: now, sealed }, Some(now.saturating_add(KEPT_FOR)))?;
        }
        Ok(Some(is_new))
    }

    /// Takes in everything parked under these routes, and removes it from there. One that cannot be taken in stays and
    /// is answered at the end: it stands in the way of no other.
    pub(crate) async fn take_in_parked(&self, routes: &[BlindIndex]) -> Result<(), Error> {
        let mut failure = None;
        for route in routes {
            let mut query = Query::prefix(SYSTEM, KeyPrefix::ParkedUnder(*route), PAGE);
            loop {
                let page = self.storage.scan(&query).await?;
                for (place, _) in page.rows {
                    if let Err(error) = self.take_in_one(place).await {
                        failure = failure.or(Some(error));
                    }
                }
                match page.next {
                    Some(next) => query.after = Some(next),
                    None => break,
                }
            }
        }
        failure.map_or(Ok(()), Err)
    }

    /// Takes in one parked change, and removes it from there.
    pub(crate) async fn take_in_one(&self, place: Key) -> Result<(), Error> {
        for _ in 0..MAX_ATTEMPTS {
            let keys = self.encryption.tenant(SYSTEM).await?;
            let mut draft = Draft::new(self.storage.as_ref(), SYSTEM);
            draft.load([place.clone()]).await?;
            let Some(row) = draft.row::<ParkedRow>(&place)?.cloned() else { return Ok(()) };
            let category = DataCategory::unrecognised();
            let key_place = TenantKeys::data_key_of(Owner::Controller, &category, &row.sealed);
            draft.load([key_place.clone()]).await?;
            let in_row = Place { controller: SYSTEM, row: &place, field: FIELD };
            let opened = keys.open(&key_place, draft.row::<DataKeyRow>(&key_place)?, &in_row, &row.sealed);
            let body = match opened {
                Err(EncryptionError::KeysChanged) => continue,
                opened => opened?,
            };
            // Taken in first and removed afterwards: a crash in between takes it in twice, which changes nothing.
            self.take_in(None, &body, None).await?;
            draft.delete(place.clone())?;
            match self.ledger.commit(draft, Vec::new()).await {
                Err(LedgerError::Conflict) => {}
                outcome => return outcome.map(drop).map_err(Error::from),
            }
        }
        Err(LedgerError::Conflict.into())
    }
}
