//! The send gate of one controller.

use wzapi_access::{NotAuthorised, Permission};
use wzapi_consent::gate::{Checked, Message, Preflight, Redeemed, RedeemedPermit, SendPermit, SendRequest};
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
