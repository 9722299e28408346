//! The engines that every handle shares, and the one door through which all operations go.

use std::sync::Arc;

use wzapi_access::{NotAuthorised, Permission, authorise};
use wzapi_consent::recording::Parts;
use wzapi_consent::{ConsentLedger, Gate, GateRules, GrantRules};
use wzapi_encryption::Encryption;
use wzapi_ledger::journal::Journal;
use wzapi_ledger::{Event, Ledger, LedgerError, Notary, PreparedEntry};
use wzapi_model::actor::Actor;
use wzapi_model::ids::ControllerId;
use wzapi_model::name::DataCategory;
use wzapi_model::{Clock, Entropy};
use wzapi_policy::Policy;
use wzapi_storage::key::Owner;
use wzapi_storage::{Draft, Storage};
use wzapi_vault::Vault;
use wzapi_whatsapp::delivery::Limits;

use crate::error::Error;

/// How often a change is tried again when others change the same rows.
pub(crate) const MAX_ATTEMPTS: usize = ConsentLedger::MAX_ATTEMPTS;

pub(crate) struct Services {
    pub(crate) storage: Arc<dyn Storage>,
    pub(crate) encryption: Arc<Encryption>,
    pub(crate) ledger: Ledger,
    pub(crate) notary: Notary,
    pub(crate) consent: ConsentLedger,
    pub(crate) gate: Gate,
    pub(crate) rules: GateRules,
    /// None without a policy.
    pub(crate) vault: Option<Vault>,
    pub(crate) policy: Option<Arc<Policy>>,
    pub(crate) limits: Limits,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
}

impl Services {
    pub(crate) fn new(
        parts: Parts,
        journal: Option<Arc<dyn Journal>>,
        (rules, grants): (GateRules, GrantRules),
        vault: Option<Vault>,
        limits: Limits,
    ) -> Self {
        let notary = Notary::new(
            Arc::clone(&parts.storage),
            Arc::clone(&parts.encryption),
            parts.ledger.clone(),
            journal,
            Arc::clone(&parts.clock),
            Arc::clone(&parts.entropy),
        );
        Self {
            notary,
            storage: Arc::clone(&parts.storage),
            encryption: Arc::clone(&parts.encryption),
            ledger: parts.ledger.clone(),
            clock: Arc::clone(&parts.clock),
            entropy: Arc::clone(&parts.entropy),
            consent: ConsentLedger::new(parts.clone()).with_rules(grants),
            gate: Gate::new(parts, rules.clone()),
            rules,
            vault,
            policy: None,
            limits,
        }
    }

    /// With the policy under which documents are made.
    pub(crate) fn with_policy(self, policy: Option<Arc<Policy>>) -> Self {
        Self { policy, ..self }
    }

    /// Lets the actor through, or refuses and records the refusal in the controller's ledger.
    pub(crate) async fn require(
        &self,
        actor: &Actor,
        permission: Permission,
        controller: ControllerId,
    ) -> Result<(), Error> {
        match authorise(actor, permission, controller) {
            Ok(()) => Ok(()),
            Err(refusal) => Err(self.refuse(actor, refusal, controller).await),
        }
    }

    /// Records a refusal in the controller's ledger; answers the error that tells of it.
    pub(crate) async fn refuse(
        &self,
        actor: &Actor,
        refusal: NotAuthorised,
        controller: ControllerId,
    ) -> Error {
        // The refusal stands whether or not it could be recorded; an unknown controller has no ledger.
        let _ = self.record_refusal(actor, refusal, controller).await;
        refusal.into()
    }

    async fn record_refusal(
        &self,
        actor: &Actor,
        refusal: NotAuthorised,
        controller: ControllerId,
    ) -> Result<(), Error> {
        let event = Event::new("access.refused", controller, self.clock.now())
            .with("actor", actor.name())
            .with("permission", refusal.permission.as_str());
        self.record_event(controller, &event).await
    }

    /// Appends an entry about nobody to a controller's ledger.
    pub(crate) async fn record_event(&self, controller: ControllerId, event: &Event) -> Result<(), Error> {
        for _ in 0..MAX_ATTEMPTS {
            let mut draft = Draft::new(self.storage.as_ref(), controller);
            let entry = match self.prepare_event(&mut draft, event).await {
                Err(error) if error.is_conflict() => continue,
                entry => entry?,
            };
            match self.ledger.commit(draft, vec![entry]).await {
                Err(LedgerError::Conflict) => {}
                outcome => return outcome.map(drop).map_err(Error::from),
            }
        }
        Err(LedgerError::Conflict.into())
    }

    /// An entry about nobody, to be committed with the draft.
    pub(crate) async fn prepare_event(
        &self,
        draft: &mut Draft<'_>,
        event: &Event,
    ) -> Result<PreparedEntry, Error> {
        let keys = self.encryption.tenant(draft.controller()).await?;
        let about = (Owner::Controller, &DataCategory::accountability());
        let (entropy, now) = (self.entropy.as_ref(), self.clock.now());
        Ok(PreparedEntry::seal(draft, &keys, entropy, about, event, now).await?)
    }
}
