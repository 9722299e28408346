//! Consent of one controller: recording, importing, asking.

use std::io::Read;

use wzapi_access::Permission;
use wzapi_consent::import::{ImportReport, import_csv};
use wzapi_consent::person::KnownAs;
use wzapi_consent::standing::Standing;
use wzapi_consent::{NewAct, Recorded};
use wzapi_model::actor::Actor;
use wzapi_model::consent::Question;
use wzapi_model::identifier::Identifier;

use crate::controller::Controller;
use crate::error::Error;

/// Consent of one controller.
#[derive(Debug, Clone, Copy)]
pub struct Consent<'a> {
    of: &'a Controller,
}

impl<'a> Consent<'a> {
    pub(crate) const fn new(of: &'a Controller) -> Self {
        Self { of }
    }

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
