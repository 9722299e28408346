//! Consent records and receipts of one controller.
//!
//! A record is the controller's own document about a person and a purpose, a receipt the person's copy; both are made
//! under the policy that the [`Builder`](crate::Builder) was given. What leaves here is checked without these libraries,
//! by `wzapi-verify receipt`. See [`wzapi_receipt`].

use std::fmt;

use wzapi_access::Permission;
use wzapi_consent::person::KnownAs;
use wzapi_model::actor::Actor;
use wzapi_model::identifier::Identifier;
use wzapi_model::ids::SubjectId;
use wzapi_receipt::{Issued, Issuer, Order, Purposes};

use crate::controller::Controller;
use crate::error::Error;

/// Consent records and receipts of one controller. Every operation needs [`Permission::IssueReceipt`] and a policy.
#[derive(Clone, Copy)]
pub struct Receipts<'a> {
    of: &'a Controller,
}

impl<'a> Receipts<'a> {
    pub(crate) const fn new(of: &'a Controller) -> Self {
        Self { of }
    }

    /// The person who goes by an identifier; `None` when nothing is known about it.
    ///
    /// # Errors
    /// [`Error::Refused`]; [`Error::NoPolicy`]; the failure of a part.
    pub async fn person(&self, actor: &Actor, identifier: &Identifier) -> Result<Option<SubjectId>, Error> {
        self.allowed(actor).await?;
        let known_as = [KnownAs::canonical(identifier.clone())];
        Ok(self.of.services.consent.subject(self.of.id, &known_as).await?)
    }

    /// The purposes about which a document can be issued, and those that the policy does not declare (any more).
    ///
    /// # Errors
    /// [`Error::Receipt`]; [`Error::Refused`]; [`Error::NoPolicy`]; the failure of a part.
    pub async fn purposes(&self, actor: &Actor, subject: SubjectId) -> Result<Purposes, Error> {
        Ok(self.allowed(actor).await?.purposes(self.of.id, subject).await?)
    }

    /// Issues a document, after entering in the ledger that it is handed out (`receipt.issued`). It discloses the acts
    /// with their evidence, and cannot be called back.
    ///
    /// # Errors
    /// [`Error::Receipt`] when nothing is on record, the policy does not declare purpose or language, or the person was
    /// erased; [`Error::Refused`]; [`Error::NoPolicy`]; the failure of a part.
    pub async fn issue(&self, actor: &Actor, order: &Order) -> Result<Issued, Error> {
        Ok(self.allowed(actor).await?.issue(actor, self.of.id, order).await?)
    }

    async fn allowed(&self, actor: &Actor) -> Result<Issuer, Error> {
        let services = &self.of.services;
        services.require(actor, Permission::IssueReceipt, self.of.id).await?;
        let policy = services.policy.clone().ok_or(Error::NoPolicy)?;
        Ok(Issuer::new(services.consent.clone(), services.notary.clone(), policy, services.clock.clone()))
    }
}

impl fmt::Debug for Receipts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receipts").field("controller", &self.of.id).finish_non_exhaustive()
    }
}
