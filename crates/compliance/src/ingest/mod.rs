//! Webhook deliveries become consent, withdrawals and customer service windows.
//!
//! ```text
//! body ─ signature ─ items ─ routes ─┬─ per controller: one changeset of up to 32 items and their ledger entries
//!                                    └─ no route: the change is parked, sealed under the system's key
//! ```
//!
//! [`Ingest::deliver`] returns only when all of a delivery is durable; until then the host must not acknowledge
//! it, and Meta delivers it again, for seven days. A redelivery changes nothing: each item leaves a mark under a
//! keyed hash of what makes it itself. What nobody understands is kept, sealed, for 30 days, and counted.

mod apply;
mod event;
mod filing;
mod message;
mod park;
mod people;
mod report;
mod revise;
mod status;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use wzapi_access::Permission;
use wzapi_encryption::TenantKeys;
use wzapi_model::actor::Actor;
use wzapi_model::ids::{ControllerId, SenderId};
use wzapi_storage::Draft;
use wzapi_storage::contract::MAX_GET_KEYS;
use wzapi_storage::key::{BlindIndex, Key};
use wzapi_storage::row::{PortfolioIndex, RouteRow};
use wzapi_whatsapp::content::Content;
use wzapi_whatsapp::delivery::{Delivery, DeliveryError, Item};
use wzapi_whatsapp::signature::AppSecrets;

pub use event::{Happening, IngestEvent, MessageFacts, OnEvent, StatusFacts};
pub use report::IngestReport;

use crate::error::Error;
use crate::registration::RouteId;
use crate::services::{MAX_ATTEMPTS, Services};

/// Items taken in with one changeset.
const BATCH: usize = 32;
/// How long a mark of a source event, an unrecognised element or a parked change is kept.
const KEPT_FOR: Duration = Duration::from_secs(30 * 24 * 3600);

/// Takes webhook deliveries in.
#[derive(Clone, Copy)]
pub struct Ingest<'a> {
    services: &'a Arc<Services>,
    controller: ControllerId,
}

/// An item and the sender it arrived at; no sender when only its WABA is registered.
struct Routed<'d> {
    item: &'d Item,
    sender: Option<SenderId>,
    /// The business portfolio of the sender, in which user ids are stated; `None` until the controller's rows are read.
    portfolio: Option<PortfolioIndex>,
    /// Whether somebody wants to hear of it.
    is_told: bool,
}

/// Where the items of a delivery go.
struct Routes<'d> {
    known: BTreeMap<ControllerId, Vec<Routed<'d>>>,
    /// Items without a route, with the routes any of which would claim them.
    unknown: Vec<(Vec<BlindIndex>, &'d Item)>,
}

impl<'a> Ingest<'a> {
    pub(crate) const fn new(services: &'a Arc<Services>, controller: ControllerId) -> Self {
        Self { services, controller }
    }

    /// Takes in one delivery: the raw body and the value of its `X-Hub-Signature-256` header. When it returns
    /// `Ok`, all of it is durable: acknowledge it. On an error nothing may be acknowledged; parts of a large
    /// delivery may have been taken in, and the redelivery takes in the rest.
    ///
    /// A delivery may span controllers. Needs [`Permission::IngestDelivery`] at each of them; otherwise nothing
    /// of it is taken in.
    ///
    /// # Errors
    /// [`Error::Signature`] when it is not signed with a live secret; [`Error::Delivery`] when the body is too
    /// large, not JSON or no webhook; [`Error::Refused`]; the failure of a part.
    pub async fn deliver(
        &self,
        actor: &Actor,
        secrets: &AppSecrets,
        signature: &str,
        body: &[u8],
    ) -> Result<IngestReport, Error> {
        self.deliver_to(actor, secrets, signature, body, None).await
    }

    /// As [`Ingest::deliver`], and tells of every item, typed and without anything that names a person, so that the host
    /// can answer, count and act without parsing the body again. An item is told once it is durable. One that had been
    /// taken in before is told again and says so: nobody knows whether the host heard it the first time. What is parked
    /// until its sender is registered is not told.
    ///
    /// # Errors
    /// As [`Ingest::deliver`]. What was told before stands.
    pub async fn deliver_and_tell(
        &self,
        actor: &Actor,
        secrets: &AppSecrets,
        signature: &str,
        body: &[u8],
        on_event: OnEvent<'_>,
    ) -> Result<IngestReport, Error> {
        self.deliver_to(actor, secrets, signature, body, Some(on_event)).await
    }

    async fn deliver_to(
        &self,
        actor: &Actor,
        secrets: &AppSecrets,
        signature: &str,
        body: &[u8],
        on_event: Option<OnEvent<'_>>,
    ) -> Result<IngestReport, Error> {
        let services = self.services;
        services.require(actor, Permission::IngestDelivery, self.controller).await?;
        let limit = services.limits.max_bytes;
        if body.len() > limit {
            return Err(DeliveryError::TooLarge { limit }.into());
        }
        secrets.verify(body, signature)?;
        services.take_in(Some(actor), body, on_event).await
    }
}

impl std::fmt::Debug for Ingest<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ingest").field("controller", &self.controller).finish_non_exhaustive()
    }
}

impl Services {
    /// Takes in a body whose origin is known: just verified, or parked when it was. `actor` is `None` for what
    /// was parked: its actor was let through then, and the registration of a route is what brings it here.
    async fn take_in(
        &self,
        actor: Option<&Actor>,
        body: &[u8],
        mut on_event: Option<OnEvent<'_>>,
    ) -> Result<IngestReport, Error> {
        let delivery = Delivery::parse(body, &self.limits)?;
        for _ in 0..MAX_ATTEMPTS {
            let routes = self.route(&delivery.items, on_event.is_some()).await?;
            for controller in routes.known.keys() {
                if let Some(actor) = actor {
                    self.require(actor, Permission::IngestDelivery, *controller).await?;
                }
            }
            // Parking first: a route that was registered meanwhile is then found here and now.
            let mut failure = None;
            let mut report = match self.park(body, &routes.unknown).await {
                Ok(Some(report)) => report,
                Ok(None) => continue,
                Err(error) => {
                    failure = Some(error);
                    IngestReport::default()
                }
            };
            // Every batch of every controller is tried: a row that cannot be read, or a controller whose keys are not to
            // be had, must not keep an opt-out beside it from being taken in. Nothing is acknowledged then.
            for (controller, items) in routes.known {
                for batch in items.chunks(BATCH) {
                    let tell = on_event.as_mut().map(|tell| &mut **tell as OnEvent<'_>);
                    match self.apply_or_split(controller, batch, actor, tell).await {
                        Ok(applied) => report += applied,
                        Err(error) => failure = failure.or(Some(error)),
                    }
                }
            }
            return failure.map_or(Ok(report), Err);
        }
        Err(wzapi_consent::ConsentError::Busy.into())
    }

    /// Takes in a batch, and when that fails each item by itself. The first failure is answered, after all were tried.
    async fn apply_or_split(
        &self,
        controller: ControllerId,
        batch: &[Routed<'_>],
        actor: Option<&Actor>,
        mut on_event: Option<OnEvent<'_>>,
    ) -> Result<IngestReport, Error> {
        let mut tell = |events: Vec<IngestEvent>| {
            if let Some(on_event) = on_event.as_mut() {
                events.into_iter().for_each(&mut **on_event);
            }
        };
        // What was parked was delivered by an actor who was let through then; the service itself takes it in now.
        let service = Actor::wzapi();
        let actor = actor.unwrap_or(&service);
        let mut failure = match self.apply(controller, batch, actor).await {
            Ok((report, events)) => {
                tell(events);
                return Ok(report);
            }
            Err(error) if batch.len() == 1 => return Err(error),
            Err(error) => Some(error),
        };
        let mut report = IngestReport::default();
        let mut is_whole = true;
        for item in batch.chunks(1) {
            match self.apply(controller, item, actor).await {
                Ok((applied, events)) => {
                    tell(events);
                    report += applied;
                }
                Err(error) => {
                    is_whole = false;
                    failure = failure.or(Some(error));
                }
            }
        }
        match failure {
            Some(error) if !is_whole => Err(error),
            _ => Ok(report),
        }
    }

    /// Finds the route of each item: by its phone number id, else by its WABA id. Nothing is guessed.
    async fn route<'d>(&self, items: &'d [Item], is_told: bool) -> Result<Routes<'d>, Error> {
        let keys = self.encryption.tenant(ControllerId::SYSTEM).await?;
        let mut draft = Draft::new(self.storage.as_ref(), ControllerId::SYSTEM);
        let claims: Vec<Vec<BlindIndex>> = items.iter().map(|item| claims_of(item, &keys)).collect();
        let places: BTreeSet<Key> = claims.iter().flatten().copied().map(Key::Route).collect();
        for places in Vec::from_iter(places).chunks(MAX_GET_KEYS) {
            draft.load(places.to_vec()).await?;
        }

        let mut routes = Routes { known: BTreeMap::new(), unknown: Vec::new() };
        for (item, claims) in items.iter().zip(claims) {
            let mut found = None;
            for place in &claims {
                found = draft.row::<RouteRow>(&Key::Route(*place))?;
                if found.is_some() {
                    break;
                }
            }
            match found {
                Some(row) => {
                    let routed = Routed { item, sender: row.sender, portfolio: None, is_told };
                    routes.known.entry(row.controller).or_default().push(routed);
                }
                None => routes.unknown.push((claims, item)),
            }
        }
        Ok(routes)
    }
}

/// The routes that claim an item, the strongest first. One that names no business is claimed by the empty WABA id,
/// which stands for nobody and can never be registered.
fn claims_of(item: &Item, keys: &TenantKeys) -> Vec<BlindIndex> {
    let account = match &item.content {
        Content::Account(event) => event.waba_id.as_deref(),
        _ => None,
    };
    let phone_number = item.phone_number_id.as_deref().map(RouteId::PhoneNumber);
    let waba = account.or(item.waba_id.as_deref()).map(RouteId::Waba);
    let nobody = [phone_number, waba].iter().all(Option::is_none).then_some(RouteId::Waba(""));
    [phone_number, waba, nobody].into_iter().flatten().filter_map(|route| route.index(keys)).collect()
}
