//! The send gate of one controller.

use wzapi_access::{NotAuthorised, Permission};
use wzapi_consent::gate::sent::{SentCursor, SentPage};
use wzapi_consent::gate::{
    Checked, Message, OnRefused, Preflight, PreflightRun, Recipient, Redeemed, RedeemedPermit, SendPermit,
    SendRequest,
};
use wzapi_consent::person::KnownAs;
use wzapi_model::actor::Actor;
use wzapi_model::identifier::Identifier;
use wzapi_model::ids::{ControllerId, EntryId};

use crate::controller::Controller;
use crate::error::Error;

/// The send gate of one controller.
#[derive(Debug, Clone, Copy)]
pub struct SendGate<'a> {
    of: &'a Controller,
}

impl<'a> SendGate<'a> {
    pub(crate) const fn new(of: &'a Controller) -> Self {
        Self { of }
    }

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
        recipients: impl IntoIterator<Item: Into<Recipient>, IntoIter: Send>,
    ) -> Result<Preflight, Error> {
        self.preflight_with(actor, message, recipients, &mut |_| {}).await
    }

    /// As [`SendGate::preflight`], and tells of each recipient that is refused, as for a file of them
    /// ([`wzapi_consent::gate::RefusedCsv`]). Lines are counted from 1. Needs [`Permission::CheckSend`].
    ///
    /// # Errors
    /// [`Error::Refused`]; the failure of a part.
    pub async fn preflight_with(
        &self,
        actor: &Actor,
        message: &Message,
        recipients: impl IntoIterator<Item: Into<Recipient>, IntoIter: Send>,
        on_refused: OnRefused<'_>,
    ) -> Result<Preflight, Error> {
        self.of.services.require(actor, Permission::CheckSend, self.of.id).await?;
        Ok(self.of.services.gate.preflight_with(self.of.id, message, recipients, on_refused).await?)
    }

    /// A preflight to which recipients are given one by one, as from an asynchronous stream or a file. Needs
    /// [`Permission::CheckSend`].
    ///
    /// # Errors
    /// [`Error::Refused`]; the failure of a part.
    pub async fn start_preflight(&self, actor: &Actor, message: Message) -> Result<PreflightRun, Error> {
        self.of.services.require(actor, Permission::CheckSend, self.of.id).await?;
        Ok(self.of.services.gate.start_preflight(self.of.id, message))
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

    /// What was sent to a person: under which permit, how far it came, and the ledger entries that the decision to send
    /// rested on. `limit` messages at most, after `after`; an empty page with nothing to go on from when nobody is known
    /// under the identifier. Needs [`Permission::ReadConsent`].
    ///
    /// # Errors
    /// [`Error::Refused`]; the failure of a part.
    pub async fn sent(
        &self,
        actor: &Actor,
        identifier: &Identifier,
        after: Option<&SentCursor>,
        limit: usize,
    ) -> Result<SentPage, Error> {
        let (services, controller) = (&self.of.services, self.of.id);
        services.require(actor, Permission::ReadConsent, controller).await?;
        let known_as = [KnownAs::canonical(identifier.clone())];
        let person = match services.consent.subject(controller, &known_as).await? {
            Some(subject) => services.consent.person(controller, subject).await?,
            None => None,
        };
        match person {
            Some(person) => Ok(services.gate.sent(controller, &person, after, limit).await?),
            None => Ok(SentPage { messages: Vec::new(), next: None }),
        }
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
