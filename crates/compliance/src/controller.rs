//! The handle of one controller.

use std::fmt;
use std::io::Read;
use std::sync::Arc;

use wzapi_access::{NotAuthorised, Permission};
use wzapi_consent::gate::{Checked, Message, Preflight, Redeemed, RedeemedPermit, SendPermit, SendRequest};
use wzapi_consent::import::{ImportReport, import_csv};
use wzapi_consent::person::KnownAs;
use wzapi_consent::standing::Standing;
use wzapi_consent::{NewAct, Recorded};
use wzapi_model::actor::Actor;
use wzapi_model::consent::Question;
use wzapi_model::identifier::Identifier;
use wzapi_model::ids::{ControllerId, EntryId, SenderId};

use crate::error::Error;
use crate::expiry::Expired;
use crate::ingest::Ingest;
use crate::log::AccountabilityLog;
use crate::records::Records;
use crate::registration::RouteId;
use crate::services::Services;

/// One controller: the tenant boundary. No operation of this handle reaches another controller's data, but for
/// deliveries that span several (see [`Ingest`]). Cheap to clone.
#[derive(Clone)]
pub struct Controller {
    services: Arc<Services>,
    id: ControllerId,
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
        Consent { of: self }
    }

    /// The send gate.
    #[must_use]
    pub const fn gate(&self) -> SendGate<'_> {
        SendGate { of: self }
    }

    /// The accountability log.
    #[must_use]
    pub const fn ledger(&self) -> AccountabilityLog<'_> {
        AccountabilityLog::new(&self.services, self.id)
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
        self.services.require(actor, Permission::RegisterSender, self.id).await?;
        let routes = [(RouteId::PhoneNumber(phone_number_id), Some(sender)), (RouteId::Waba(waba_id), None)];
        self.services.register_sender(actor, self.id, sender, &routes).await
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

/// Consent of one controller.
#[derive(Debug, Clone, Copy)]
pub struct Consent<'a> {
    of: &'a Controller,
}

impl Consent<'_> {
    /// Records an act of the person who goes by `identifier`. Durable when it returns. Needs
    /// [`Permission::RecordConsent`].
    ///
    /// # Errors
    /// [`Error::Refused`]; [`Error::Consent`] when the act is malformed or a part failed.
    pub async fn record(
        &self,
        actor: &Actor,
        identifier: &Identifier,
        act: &NewAct,
    ) -> Result<Recorded, Error> {
        self.of.services.require(actor, Permission::RecordConsent, self.of.id).await?;
        let known_as = [KnownAs::canonical(identifier.clone())];
        Ok(self.of.services.consent.record(self.of.id, &known_as, act).await?)
    }

    /// Imports consents from a CSV file; see [`wzapi_consent::import`] for its columns. Needs
    /// [`Permission::ImportConsent`].
    ///
    /// # Errors
    /// [`Error::Refused`]; [`Error::Import`] when the header is wrong, or with the line at which it stopped. Rows
    /// that are wrong by themselves are no error: the report lists them.
    pub async fn import_csv(&self, actor: &Actor, file: impl Read + Send) -> Result<ImportReport, Error> {
        self.of.services.require(actor, Permission::ImportConsent, self.of.id).await?;
        let services = &self.of.services;
        Ok(import_csv(&services.consent, &services.rules, self.of.id, file).await?)
    }

    /// Where the person stands on one question. Needs [`Permission::ReadConsent`].
    ///
    /// # Errors
    /// [`Error::Refused`]; the failure of a part.
    pub async fn standing(
        &self,
        actor: &Actor,
        identifier: &Identifier,
        question: &Question<'_>,
    ) -> Result<Standing, Error> {
        self.of.services.require(actor, Permission::ReadConsent, self.of.id).await?;
        Ok(self.of.services.consent.standing(self.of.id, identifier, question).await?)
    }
}

/// The send gate of one controller.
#[derive(Debug, Clone, Copy)]
pub struct SendGate<'a> {
    of: &'a Controller,
}

impl SendGate<'_> {
    /// Whether a message may be sent now: one `get` of the store. Needs [`Permission::CheckSend`].
    ///
    /// # Errors
    /// [`Error::Refused`]; the failure of a part. Nothing may be sent then.
    pub async fn check(&self, actor: &Actor, request: &SendRequest) -> Result<Checked, Error> {
        self.of.services.require(actor, Permission::CheckSend, self.of.id).await?;
        Ok(self.of.services.gate.check(self.of.id, request).await?)
    }

    /// Counts how the recipients of a campaign would fare, in bounded memory. Needs [`Permission::CheckSend`].
    ///
    /// # Errors
    /// [`Error::Refused`]; the failure of a part.
    pub async fn preflight(
        &self,
        actor: &Actor,
        message: &Message,
        recipients: impl IntoIterator<Item = Identifier, IntoIter: Send>,
    ) -> Result<Preflight, Error> {
        self.of.services.require(actor, Permission::CheckSend, self.of.id).await?;
        Ok(self.of.services.gate.preflight(self.of.id, message, recipients).await?)
    }

    /// Spends a permit right before transmission. Needs [`Permission::RedeemPermit`].
    ///
    /// # Errors
    /// [`Error::Refused`], also for a permit of another controller; the failure of a part. The permit is spent.
    pub async fn redeem(&self, actor: &Actor, permit: SendPermit) -> Result<Redeemed, Error> {
        self.require_for_permit_of(actor, permit.controller()).await?;
        Ok(self.of.services.gate.redeem(permit).await?)
    }

    /// Records the provider's message id. Needs [`Permission::RedeemPermit`].
    ///
    /// # Errors
    /// [`Error::Refused`], also for a permit of another controller; the failure of a part.
    pub async fn bind(
        &self,
        actor: &Actor,
        permit: &RedeemedPermit,
        message_id: &str,
    ) -> Result<EntryId, Error> {
        self.require_for_permit_of(actor, permit.controller()).await?;
        Ok(self.of.services.gate.bind(permit, message_id).await?)
    }

    /// A permit is spent through the handle of its own controller. A stray one is refused whoever brings it.
    async fn require_for_permit_of(&self, actor: &Actor, controller: ControllerId) -> Result<(), Error> {
        let (services, permission) = (&self.of.services, Permission::RedeemPermit);
        if controller == self.of.id {
            services.require(actor, permission, controller).await
        } else {
            Err(services.refuse(actor, NotAuthorised { permission }, self.of.id).await)
        }
    }
}
