//! The handle of one controller.

use std::fmt;
use std::sync::Arc;

use wzapi_access::Permission;
use wzapi_model::actor::Actor;
use wzapi_model::ids::{ControllerId, SenderId};

use crate::consenting::Consent;
use crate::error::Error;
use crate::expiry::Expired;
use crate::ingest::Ingest;
use crate::log::AccountabilityLog;
use crate::receipts::Receipts;
use crate::records::Records;
use crate::registration::RouteId;
use crate::sending::SendGate;
use crate::services::Services;

/// One controller: the tenant boundary. No operation of this handle reaches another controller's data, but for
/// deliveries that span several (see [`Ingest`]). Cheap to clone.
#[derive(Clone)]
pub struct Controller {
    pub(crate) services: Arc<Services>,
    pub(crate) id: ControllerId,
}

impl Controller {
    pub(crate) const fn new(services: Arc<Services>, id: ControllerId) -> Self {
        Self { services, id }
    }

    /// Its id.
    #[must_use]
    pub const fn id(&self) -> ControllerId {
        self.id
    }

    /// Recording, importing and asking about consent.
    #[must_use]
    pub const fn consent(&self) -> Consent<'_> {
        Consent::new(self)
    }

    /// The send gate.
    #[must_use]
    pub const fn gate(&self) -> SendGate<'_> {
        SendGate::new(self)
    }

    /// The accountability log.
    #[must_use]
    pub const fn ledger(&self) -> AccountabilityLog<'_> {
        AccountabilityLog::new(&self.services, self.id)
    }

    /// Consent records and receipts.
    #[must_use]
    pub const fn receipts(&self) -> Receipts<'_> {
        Receipts::new(self)
    }

    /// Records of personal data.
    #[must_use]
    pub const fn records(&self) -> Records<'_> {
        Records::new(&self.services, self.id)
    }

    /// Webhook deliveries.
    #[must_use]
    pub const fn ingest(&self) -> Ingest<'_> {
        Ingest::new(&self.services, self.id)
    }

    /// Registers a sender: a phone number id of Meta's, and the WhatsApp Business Account it belongs to. Parts of
    /// earlier deliveries that were kept for want of a route are taken in now. Doing it again changes nothing.
    /// Needs [`Permission::RegisterSender`].
    ///
    /// # Errors
    /// [`Error::RouteTaken`] when an id is registered for another controller or sender; [`Error::InvalidRoute`];
    /// [`Error::Refused`]; the failure of a part.
    pub async fn register_sender(
        &self,
        actor: &Actor,
        sender: SenderId,
        phone_number_id: &str,
        waba_id: &str,
    ) -> Result<(), Error> {
        self.register(actor, sender, phone_number_id, waba_id, None).await
    }

    /// As [`Controller::register_sender`], and says which business portfolio the account belongs to: user ids are scoped
    /// to it (see `docs/identity.md`). A sender that was registered without one is of this one from now on. Needs
    /// [`Permission::RegisterSender`].
    ///
    /// # Errors
    /// As [`Controller::register_sender`]; [`Error::OtherPortfolio`] when it is known to belong to another one.
    pub async fn register_sender_in_portfolio(
        &self,
        actor: &Actor,
        sender: SenderId,
        phone_number_id: &str,
        waba_id: &str,
        portfolio_id: &str,
    ) -> Result<(), Error> {
        self.register(actor, sender, phone_number_id, waba_id, Some(portfolio_id)).await
    }

    async fn register(
        &self,
        actor: &Actor,
        sender: SenderId,
        phone_number_id: &str,
        waba_id: &str,
        portfolio_id: Option<&str>,
    ) -> Result<(), Error> {
        self.services.require(actor, Permission::RegisterSender, self.id).await?;
        let routes = [(RouteId::PhoneNumber(phone_number_id), Some(sender)), (RouteId::Waba(waba_id), None)];
        self.services.register_sender(actor, self.id, sender, &routes, portfolio_id).await
    }

    /// Removes what is only kept for a time and has come to its end: see [`crate::expiry`]. Needs
    /// [`Permission::ExpireRows`].
    ///
    /// # Errors
    /// [`Error::Refused`]; the failure of a part. What was removed before stays removed.
    pub async fn expire(&self, actor: &Actor) -> Result<Expired, Error> {
        self.services.require(actor, Permission::ExpireRows, self.id).await?;
        self.services.expire(self.id).await
    }
}

impl fmt::Debug for Controller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Controller").field("id", &self.id).finish_non_exhaustive()
    }
}
