//! Controllers, senders and routes.

use wzapi_consent::person::portfolio_index;
use wzapi_encryption::TenantKeys;
use wzapi_encryption::blind_index::IndexLabel;
use wzapi_ledger::sequencer::FIRST_SHARD;
use wzapi_ledger::{Event, LedgerError};
use wzapi_model::actor::Actor;
use wzapi_model::ids::{ChangesetId, ControllerId, SenderId};
use wzapi_storage::key::{BlindIndex, Key, KeyPrefix, Owner, RowKind};
use wzapi_storage::query::{MAX_PAGE, Query};
use wzapi_storage::row::{ControllerRow, DirectoryRow, LogHeadRow, PortfolioIndex, RouteRow, SenderRow};
use wzapi_storage::{Draft, StorageError};

use crate::error::Error;
use crate::services::{MAX_ATTEMPTS, Services};

/// The longest WABA, phone number or portfolio id, in bytes.
const MAX_ROUTE_ID: usize = 64;

/// A WABA or phone number id: what tells whose delivery it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum RouteId<'a> {
    PhoneNumber(&'a str),
    Waba(&'a str),
}

impl RouteId<'_> {
    /// Where its route is; routes never change index keys while any of them is live.
    pub(crate) fn index(self, system_keys: &TenantKeys) -> Option<BlindIndex> {
        let (kind, id) = match self {
            Self::PhoneNumber(id) => ("phone_number", id),
            Self::Waba(id) => ("waba", id),
        };
        system_keys.indexes(IndexLabel::Route, kind, id.as_bytes()).last().copied()
    }

    const fn text(self) -> &'static str {
        match self {
            Self::PhoneNumber(_) => "phone number id",
            Self::Waba(_) => "WABA id",
        }
    }

    fn validate(self) -> Result<(), Error> {
        let (Self::PhoneNumber(id) | Self::Waba(id)) = self;
        validate_id(id)
    }
}

/// Whether an id of Meta's can be one.
fn validate_id(id: &str) -> Result<(), Error> {
    let is_valid = (1..=MAX_ROUTE_ID).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if is_valid { Ok(()) } else { Err(Error::InvalidRoute) }
}

/// Whether a registration says anything that the sender's row does not. A sender stays in the portfolio it was first said
/// to be in: the user ids that were stated to it are of that one.
fn is_news(known: Option<&SenderRow>, portfolio: Option<PortfolioIndex>) -> Result<bool, Error> {
    let Some(known) = known else { return Ok(true) };
    match (known.portfolio, portfolio) {
        (Some(known), Some(stated)) if known != stated => Err(Error::OtherPortfolio),
        (None, Some(_)) => Ok(true),
        (Some(_), Some(_)) | (Some(_) | None, None) => Ok(false),
    }
}

impl Services {
    /// Makes the keys and the log of a controller, unless they are there.
    pub(crate) async fn create_tenant_once(&self, controller: ControllerId) -> Result<(), Error> {
        for _ in 0..MAX_ATTEMPTS {
            let mut draft = Draft::new(self.storage.as_ref(), controller);
            draft.load([Key::Controller]).await?;
            if draft.row::<ControllerRow>(&Key::Controller)?.is_some() {
                return Ok(());
            }
            let keys = self.encryption.create_tenant(&mut draft).await?;
            self.ledger.create_log(&mut draft, &keys).await?;
            let id = ChangesetId::generate(self.entropy.as_ref())?;
            match self.storage.commit(draft.into_changeset(id, self.clock.now())).await {
                Ok(_) => return Ok(()),
                // Another process was faster, or a new epoch began meanwhile: look again.
                Err(StorageError::Conflict { .. } | StorageError::UnknownOutcome { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(LedgerError::Conflict.into())
    }

    /// The directory comes first: a rotation of the epoch finds every controller there, and sees to it that keys which
    /// are being made at that moment are made under the new wrapping key. After a crash in between, registering again
    /// goes on.
    pub(crate) async fn register_controller(
        &self,
        actor: &Actor,
        controller: ControllerId,
    ) -> Result<(), Error> {
        self.list_controller(controller).await?;
        self.create_tenant_once(controller).await?;
        let mut draft = Draft::new(self.storage.as_ref(), controller);
        let head = Key::LogHead(FIRST_SHARD);
        draft.load([head.clone()]).await?;
        if draft.row::<LogHeadRow>(&head)?.is_some_and(|row| row.size == 0 && row.generation == 0) {
            let event =
                Event::new("controller.registered", controller, self.clock.now()).with("actor", actor.name());
            self.record_event(controller, &event).await?;
        }
        Ok(())
    }

    async fn list_controller(&self, controller: ControllerId) -> Result<(), Error> {
        let place = Key::Directory(controller);
        for _ in 0..MAX_ATTEMPTS {
            let mut draft = Draft::new(self.storage.as_ref(), ControllerId::SYSTEM);
            draft.load([place.clone()]).await?;
            if draft.row::<DirectoryRow>(&place)?.is_some() {
                return Ok(());
            }
            draft.put(place.clone(), DirectoryRow { registered_at: self.clock.now() }, None)?;
            match self.ledger.commit(draft, Vec::new()).await {
                Err(LedgerError::Conflict) => {}
                outcome => return outcome.map(drop).map_err(Error::from),
            }
        }
        Err(LedgerError::Conflict.into())
    }

    pub(crate) async fn controllers(&self) -> Result<Vec<ControllerId>, Error> {
        let prefix = KeyPrefix::Kind(Owner::Controller, RowKind::Directory);
        let mut query = Query::prefix(ControllerId::SYSTEM, prefix, MAX_PAGE);
        let mut controllers = Vec::new();
        loop {
            let page = self.storage.scan(&query).await?;
            controllers.extend(page.rows.iter().filter_map(|(key, _)| match key {
                Key::Directory(controller) => Some(*controller),
                _ => None,
            }));
            match page.next {
                Some(next) => query.after = Some(next),
                None => return Ok(controllers),
            }
        }
    }

    /// Registers a sender. Its routes come first, then what waited for them is taken in, and only then the sender
    /// itself: until all opt-outs that were parked count, the gate knows no such sender.
    pub(crate) async fn register_sender(
        &self,
        actor: &Actor,
        controller: ControllerId,
        sender: SenderId,
        routes: &[(RouteId<'_>, Option<SenderId>)],
        portfolio: Option<&str>,
    ) -> Result<(), Error> {
        routes.iter().try_for_each(|(route, _)| route.validate())?;
        let portfolio = self.index_portfolio(controller, portfolio).await?;
        self.check_portfolio(controller, sender, portfolio).await?;
        let places = self.record_routes(controller, routes).await?;
        self.take_in_parked(&places).await?;
        self.record_sender(actor, controller, sender, portfolio).await
    }

    async fn index_portfolio(
        &self,
        controller: ControllerId,
        portfolio: Option<&str>,
    ) -> Result<Option<PortfolioIndex>, Error> {
        let Some(portfolio) = portfolio else { return Ok(None) };
        validate_id(portfolio)?;
        let keys = self.encryption.tenant(controller).await?;
        Ok(portfolio_index(&keys, portfolio))
    }

    /// Refuses before anything is written when the sender is known to be of another portfolio.
    async fn check_portfolio(
        &self,
        controller: ControllerId,
        sender: SenderId,
        portfolio: Option<PortfolioIndex>,
    ) -> Result<(), Error> {
        let mut draft = Draft::new(self.storage.as_ref(), controller);
        draft.load([Key::Sender(sender)]).await?;
        is_news(draft.row::<SenderRow>(&Key::Sender(sender))?, portfolio).map(drop)
    }

    async fn record_sender(
        &self,
        actor: &Actor,
        controller: ControllerId,
        sender: SenderId,
        portfolio: Option<PortfolioIndex>,
    ) -> Result<(), Error> {
        let place = Key::Sender(sender);
        for _ in 0..MAX_ATTEMPTS {
            let mut draft = Draft::new(self.storage.as_ref(), controller);
            draft.load([place.clone()]).await?;
            let known = draft.row::<SenderRow>(&place)?.cloned();
            if !is_news(known.as_ref(), portfolio)? {
                return Ok(());
            }
            let now = self.clock.now();
            let event_type = if known.is_some() { "sender.portfolio_stated" } else { "sender.registered" };
            let event = Event::new(event_type, controller, now)
                .with("actor", actor.name())
                .with("sender", sender.to_string());
            let entry = match self.prepare_event(&mut draft, &event).await {
                Err(error) if error.is_conflict() => continue,
                entry => entry?,
            };
            let row = match known {
                Some(known) => SenderRow { portfolio, ..known },
                None => SenderRow { registered_at: now, entry: entry.id(), portfolio },
            };
            draft.put(place.clone(), row, None)?;
            match self.ledger.commit(draft, vec![entry]).await {
                Err(LedgerError::Conflict) => {}
                outcome => return outcome.map(drop).map_err(Error::from),
            }
        }
        Err(LedgerError::Conflict.into())
    }

    async fn record_routes(
        &self,
        controller: ControllerId,
        routes: &[(RouteId<'_>, Option<SenderId>)],
    ) -> Result<Vec<BlindIndex>, Error> {
        for _ in 0..MAX_ATTEMPTS {
            let (mut draft, places) = self.check_routes(controller, routes).await?;
            for (place, (_, sender)) in places.iter().zip(routes) {
                let key = Key::Route(*place);
                if draft.row::<RouteRow>(&key)?.is_none() {
                    let row = RouteRow { controller, sender: *sender, registered_at: self.clock.now() };
                    draft.put(key, row, None)?;
                }
            }
            if draft.is_unchanged() {
                return Ok(places);
            }
            match self.ledger.commit(draft, Vec::new()).await {
                Ok(_) => return Ok(places),
                Err(LedgerError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(LedgerError::Conflict.into())
    }

    /// Loads the routes and refuses when one of them is somebody else's.
    async fn check_routes(
        &self,
        controller: ControllerId,
        routes: &[(RouteId<'_>, Option<SenderId>)],
    ) -> Result<(Draft<'_>, Vec<BlindIndex>), Error> {
        let keys = self.encryption.tenant(ControllerId::SYSTEM).await?;
        let places: Vec<BlindIndex> = routes.iter().filter_map(|(route, _)| route.index(&keys)).collect();
        if places.len() != routes.len() {
            return Err(Error::InvalidRoute);
        }
        let mut draft = Draft::new(self.storage.as_ref(), ControllerId::SYSTEM);
        draft.load(places.iter().map(|place| Key::Route(*place))).await?;
        for (place, (route, sender)) in places.iter().zip(routes) {
            if let Some(row) = draft.row::<RouteRow>(&Key::Route(*place))?
                && (row.controller != controller || row.sender != *sender)
            {
                return Err(Error::RouteTaken(route.text()));
            }
        }
        Ok((draft, places))
    }
}
