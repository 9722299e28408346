//! Consent of one controller: recording, confirming, importing, asking, and deciding what waits.

use std::io::{Read, Seek};

use wzapi_access::Permission;
use wzapi_consent::import::{self, ImportOptions, ImportReport, InspectedFile, Observer, import_csv};
use wzapi_consent::person::KnownAs;
use wzapi_consent::recording::confirmation::Confirmation;
use wzapi_consent::recording::{Confirmed, Evidence};
use wzapi_consent::review::{ReviewId, ReviewPage, Verdict, Waiting};
use wzapi_consent::standing::Standing;
use wzapi_consent::{ConsentLedger, NewAct, Recorded};
use wzapi_model::Timestamp;
use wzapi_model::actor::Actor;
use wzapi_model::consent::Question;
use wzapi_model::identifier::Identifier;
use wzapi_model::ids::EntryId;
use wzapi_storage::row::AgeBand;

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

    /// The consent ledger in whose entries the actor's name stands.
    fn ledger_of(&self, actor: &Actor) -> ConsentLedger {
        self.of.services.consent.by(actor)
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
        Ok(self.ledger_of(actor).record(self.of.id, &known_as, act).await?)
    }

    /// Records that the person confirmed a grant that the policy wants confirmed (double opt-in). Whether a message is a
    /// confirmation is for the host to say. Confirming twice changes nothing. Needs [`Permission::RecordConsent`].
    ///
    /// # Errors
    /// [`Error::Refused`]; [`Error::Consent`] when nothing waits to be confirmed, the time for it is over, the
    /// confirmation is malformed, or a part failed.
    pub async fn confirm(
        &self,
        actor: &Actor,
        identifier: &Identifier,
        confirmation: &Confirmation,
    ) -> Result<Confirmed, Error> {
        self.of.services.require(actor, Permission::RecordConsent, self.of.id).await?;
        let known_as = [KnownAs::canonical(identifier.clone())];
        Ok(self.ledger_of(actor).confirm(self.of.id, &known_as, confirmation).await?)
    }

    /// Records whether the person is a child. The latest statement holds; of two at the same moment, that it is a child.
    /// No date of birth is kept. Needs [`Permission::RecordConsent`].
    ///
    /// # Errors
    /// [`Error::Refused`]; [`Error::Consent`] when the evidence is too long or a part failed.
    pub async fn state_age(
        &self,
        actor: &Actor,
        identifier: &Identifier,
        band: AgeBand,
        evidence: &Evidence,
    ) -> Result<EntryId, Error> {
        self.of.services.require(actor, Permission::RecordConsent, self.of.id).await?;
        let known_as = [KnownAs::canonical(identifier.clone())];
        Ok(self.ledger_of(actor).state_age(self.of.id, &known_as, band, evidence).await?)
    }

    /// Grants that were set aside and that an officer can release, with what shows them: `limit` at most, after `after`.
    /// Needs [`Permission::ReviewConsent`].
    ///
    /// # Errors
    /// [`Error::Refused`]; the failure of a part.
    pub async fn quarantined(
        &self,
        actor: &Actor,
        after: Option<ReviewId>,
        limit: usize,
    ) -> Result<ReviewPage, Error> {
        self.waiting(actor, Waiting::Quarantined, after, limit).await
    }

    /// Messages that may have been an opt-out and that nobody decided about, with their words: `limit` at most, after
    /// `after`. One that a later act of the person's overtook is among them until somebody decides. Needs
    /// [`Permission::ReviewConsent`].
    ///
    /// # Errors
    /// [`Error::Refused`]; the failure of a part.
    pub async fn doubts(
        &self,
        actor: &Actor,
        after: Option<ReviewId>,
        limit: usize,
    ) -> Result<ReviewPage, Error> {
        self.waiting(actor, Waiting::Doubts, after, limit).await
    }

    async fn waiting(
        &self,
        actor: &Actor,
        which: Waiting,
        after: Option<ReviewId>,
        limit: usize,
    ) -> Result<ReviewPage, Error> {
        self.of.services.require(actor, Permission::ReviewConsent, self.of.id).await?;
        Ok(self.of.services.consent.waiting(self.of.id, which, after, limit).await?)
    }

    /// Lets a grant count that was set aside, as an imported one: it never outweighs a denial. The evidence says what was
    /// found. Needs [`Permission::ReviewConsent`].
    ///
    /// # Errors
    /// [`Error::Refused`]; [`Error::Consent`] when nothing of that name waits, the evidence says nothing, or a part
    /// failed.
    pub async fn release(&self, actor: &Actor, id: ReviewId, evidence: &Evidence) -> Result<EntryId, Error> {
        self.of.services.require(actor, Permission::ReviewConsent, self.of.id).await?;
        Ok(self.ledger_of(actor).release(self.of.id, id, evidence).await?)
    }

    /// Decides what a message was that may have been an opt-out. The doubts of one person are decided in the order in
    /// which they came. Needs [`Permission::ReviewConsent`].
    ///
    /// # Errors
    /// [`Error::Refused`]; [`Error::Consent`] when no doubt of that name waits, an earlier one comes first, the
    /// evidence says nothing, or a part failed.
    pub async fn resolve_doubt(
        &self,
        actor: &Actor,
        id: ReviewId,
        verdict: Verdict,
        evidence: &Evidence,
    ) -> Result<EntryId, Error> {
        self.of.services.require(actor, Permission::ReviewConsent, self.of.id).await?;
        Ok(self.ledger_of(actor).resolve_doubt(self.of.id, id, verdict, evidence).await?)
    }

    /// Imports consents from a CSV file; see [`wzapi_consent::import`] for its columns. Needs
    /// [`Permission::ImportConsent`].
    ///
    /// # Errors
    /// [`Error::Refused`]; [`Error::Import`] when the header is wrong, or with the line at which it stopped. Rows
    /// that are wrong by themselves are no error: the report lists them.
    pub async fn import_csv(&self, actor: &Actor, file: impl Read + Send) -> Result<ImportReport, Error> {
        self.of.services.require(actor, Permission::ImportConsent, self.of.id).await?;
        let (consent, rules) = (self.ledger_of(actor), &self.of.services.rules);
        Ok(import_csv(&consent, rules, self.of.id, file).await?)
    }

    /// Imports consents from a CSV or JSON Lines file that was inspected, so that nothing about the file as a whole stops
    /// it half-way; see [`wzapi_consent::import`]. `observer` hears of rows and progress. Run again, it goes on where it
    /// stopped. Needs [`Permission::ImportConsent`], for a dry run as well.
    ///
    /// # Errors
    /// As [`Consent::import_csv`].
    pub async fn import<R: Read + Seek + Send>(
        &self,
        actor: &Actor,
        file: InspectedFile<R>,
        options: &ImportOptions,
        observer: &mut dyn Observer,
    ) -> Result<ImportReport, Error> {
        self.of.services.require(actor, Permission::ImportConsent, self.of.id).await?;
        let (consent, rules) = (self.ledger_of(actor), &self.of.services.rules);
        Ok(import::import(&consent, rules, self.of.id, file, options, observer).await?)
    }

    /// Records that whoever went by an identifier no longer does since a moment, because it was given to somebody else:
    /// every consent under it ends, denials stay. Whether anybody went by it. Needs [`Permission::RecordConsent`].
    ///
    /// # Errors
    /// [`Error::Refused`]; the failure of a part.
    pub async fn recycle(
        &self,
        actor: &Actor,
        identifier: &Identifier,
        since: Timestamp,
    ) -> Result<bool, Error> {
        self.of.services.require(actor, Permission::RecordConsent, self.of.id).await?;
        let known = KnownAs::canonical(identifier.clone());
        Ok(self.ledger_of(actor).recycle(self.of.id, &known, since).await?)
    }

    /// Records that two people may be one, by the host's word: what one denies both deny, on record and from now on, and
    /// everybody else who is linked with either. Grants are not shared. Whether that is news. Needs
    /// [`Permission::RecordConsent`].
    ///
    /// # Errors
    /// [`Error::Refused`]; [`Error::Consent`] when too many would be linked with each other, or a part failed.
    pub async fn link(&self, actor: &Actor, one: &Identifier, other: &Identifier) -> Result<bool, Error> {
        self.of.services.require(actor, Permission::RecordConsent, self.of.id).await?;
        let [one, other] = [one, other].map(|identifier| KnownAs::canonical(identifier.clone()));
        Ok(self.ledger_of(actor).link(self.of.id, &one, &other).await?)
    }

    /// Ends a link; denials that went over it stay. Whether there was one. Needs [`Permission::ReviewConsent`].
    ///
    /// # Errors
    /// [`Error::Refused`]; the failure of a part.
    pub async fn unlink(&self, actor: &Actor, one: &Identifier, other: &Identifier) -> Result<bool, Error> {
        self.of.services.require(actor, Permission::ReviewConsent, self.of.id).await?;
        let [one, other] = [one, other].map(|identifier| KnownAs::canonical(identifier.clone()));
        Ok(self.ledger_of(actor).unlink(self.of.id, &one, &other).await?)
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
