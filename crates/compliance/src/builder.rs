//! How a [`Compliance`] is put together.

use std::fmt;
use std::sync::Arc;

use wzapi_access::Permission;
use wzapi_consent::recording::Parts;
use wzapi_consent::{GateRules, GrantRules};
use wzapi_encryption::{Encryption, KeyProvider};
use wzapi_ledger::Ledger;
use wzapi_ledger::journal::Journal;
use wzapi_ledger::notary::Followed;
use wzapi_model::actor::Actor;
use wzapi_model::ids::ControllerId;
use wzapi_model::name::DataCategory;
use wzapi_model::system::{SystemClock, SystemEntropy};
use wzapi_model::{Clock, Entropy};
use wzapi_policy::Policy;
use wzapi_storage::Storage;
use wzapi_vault::Vault;
use wzapi_whatsapp::delivery::Limits;

use crate::controller::Controller;
use crate::error::Error;
use crate::expiry::Expired;
use crate::log::AccountabilityLog;
use crate::services::Services;

/// The parts of a [`Compliance`]. A store and a key provider are needed; the rest has defaults.
#[derive(Default)]
pub struct Builder {
    storage: Option<Arc<dyn Storage>>,
    key_provider: Option<Arc<dyn KeyProvider>>,
    clock: Option<Arc<dyn Clock>>,
    entropy: Option<Arc<dyn Entropy>>,
    rules: Option<GateRules>,
    policy: Option<Arc<Policy>>,
    log_reads: bool,
    limits: Option<Limits>,
    journal: Option<Arc<dyn Journal>>,
    pub(crate) adopt_journal: bool,
}

impl Builder {
    /// Where everything is kept: the embedded store, the memory store, or the host's own backend.
    #[must_use]
    pub fn storage(mut self, storage: Arc<dyn Storage>) -> Self {
        self.storage = Some(storage);
        self
    }

    /// Who keeps the wrapping keys.
    #[must_use]
    pub fn key_provider(mut self, key_provider: Arc<dyn KeyProvider>) -> Self {
        self.key_provider = Some(key_provider);
        self
    }

    /// Where the checkpoints of all logs are also written, before anybody gets them, so that a restored backup cannot
    /// sign a second history. It must not be restored together with the store. Without one that protection is missing.
    #[must_use]
    pub fn journal(mut self, journal: Arc<dyn Journal>) -> Self {
        self.journal = Some(journal);
        self
    }

    /// Takes the journal for the store's own although it is another one, or shorter than it was. Only when the right one
    /// is lost for good.
    #[must_use]
    pub const fn adopt_journal(mut self) -> Self {
        self.adopt_journal = true;
        self
    }

    /// Another clock than the system's.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Another source of randomness than the system's. Keys are drawn from it.
    #[must_use]
    pub fn entropy(mut self, entropy: Arc<dyn Entropy>) -> Self {
        self.entropy = Some(entropy);
        self
    }

    /// The privacy policy that is enforced: what it does not name is refused. Without one, the purposes of wzapi's own
    /// policy hold ([`GateRules::wzapi`]).
    #[must_use]
    pub fn policy(mut self, policy: &Policy) -> Self {
        self.rules = Some(GateRules::of(policy));
        self.policy = Some(Arc::new(policy.clone()));
        self
    }

    /// As [`Builder::policy`], with the policies that were in force before it, the oldest first: consents to a purpose
    /// whose meaning changed materially since have to be given again ([`GateRules::of_latest`]).
    #[must_use]
    pub fn policy_superseding(self, policy: &Policy, older: &[&Policy]) -> Self {
        let rules = GateRules::of_latest(policy, older);
        Self { rules: Some(rules), ..self.policy(policy) }
    }

    /// Records each read of personal data in the ledger, before the value is handed out. Refused reads always are.
    #[must_use]
    pub const fn log_reads(mut self) -> Self {
        self.log_reads = true;
        self
    }

    /// Other bounds on a webhook delivery.
    #[must_use]
    pub const fn delivery_limits(mut self, limits: Limits) -> Self {
        self.limits = Some(limits);
        self
    }

    /// Opens the store: its system rows are made on the first run and read on every later one.
    ///
    /// # Errors
    /// [`Error::Incomplete`] without a store or a key provider; [`Error::UndeclaredCategory`] when the policy does not
    /// name what is stored about people; the failure of a part.
    pub async fn build(self) -> Result<Compliance, Error> {
        let adopt_journal = self.adopt_journal;
        Compliance::open(self.into_services()?, adopt_journal).await
    }

    pub(crate) fn into_services(self) -> Result<Services, Error> {
        if let Some(category) = self.policy.as_deref().and_then(undeclared) {
            return Err(Error::UndeclaredCategory(category));
        }
        let storage = self.storage.ok_or(Error::Incomplete("a storage"))?;
        let key_provider = self.key_provider.ok_or(Error::Incomplete("a key provider"))?;
        let clock = self.clock.unwrap_or_else(|| Arc::new(SystemClock));
        let entropy = self.entropy.unwrap_or_else(|| Arc::new(SystemEntropy::new()));
        let encryption = Arc::new(Encryption::new(
            Arc::clone(&storage),
            key_provider,
            Arc::clone(&clock),
            Arc::clone(&entropy),
        ));
        let ledger = Ledger::new(Arc::clone(&storage), Arc::clone(&clock), Arc::clone(&entropy));
        let parts = Parts { storage, encryption, ledger, clock, entropy };
        let rules = self.rules.unwrap_or_else(GateRules::wzapi);
        let options = wzapi_vault::Options { log_reads: self.log_reads };
        let grants = self.policy.as_deref().map(GrantRules::of).unwrap_or_default();
        let policy = self.policy.clone();
        let vault = self.policy.map(|policy| vault(&parts, policy, options));
        let services =
            Services::new(parts, self.journal, (rules, grants), vault, self.limits.unwrap_or_default());
        Ok(services.with_policy(policy))
    }
}

/// A category under which these libraries store data about people, and which the policy does not declare.
fn undeclared(policy: &Policy) -> Option<DataCategory> {
    let stored = [DataCategory::contact(), DataCategory::consent_evidence()];
    stored.into_iter().find(|category| policy.category(category).is_none())
}

fn vault(parts: &Parts, policy: Arc<Policy>, options: wzapi_vault::Options) -> Vault {
    let parts = wzapi_vault::Parts {
        storage: Arc::clone(&parts.storage),
        encryption: Arc::clone(&parts.encryption),
        ledger: parts.ledger.clone(),
        clock: Arc::clone(&parts.clock),
        entropy: Arc::clone(&parts.entropy),
    };
    Vault::new(parts, policy).with_options(options)
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").finish_non_exhaustive()
    }
}

/// Everything a service needs to keep its privacy policy. Cheap to clone.
#[derive(Clone)]
pub struct Compliance {
    pub(crate) services: Arc<Services>,
    followed: Arc<Followed>,
}

impl Compliance {
    /// Begins to put one together.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    pub(crate) async fn open(services: Services, adopt_journal: bool) -> Result<Self, Error> {
        services.create_tenant_once(ControllerId::SYSTEM).await?;
        // A keyring that does not open this store is found out now, and not at the first message.
        services.encryption.tenant(ControllerId::SYSTEM).await?;
        let followed = services.notary.follow_journal(adopt_journal).await?;
        Ok(Self { services: Arc::new(services), followed: Arc::new(followed) })
    }

    /// Registers a controller: its keys and its log are made. Doing it again changes nothing. Needs
    /// [`Permission::RegisterController`].
    ///
    /// # Errors
    /// [`Error::ReservedController`]; [`Error::Refused`]; the failure of a part.
    pub async fn register_controller(
        &self,
        actor: &Actor,
        controller: ControllerId,
    ) -> Result<Controller, Error> {
        if controller.is_system() {
            return Err(Error::ReservedController);
        }
        self.services.require(actor, Permission::RegisterController, controller).await?;
        self.services.register_controller(actor, controller).await?;
        Ok(Controller::new(Arc::clone(&self.services), controller))
    }

    /// The handle of a registered controller.
    ///
    /// # Errors
    /// [`Error::UnknownController`] when it is not registered; the failure of a part.
    pub async fn controller(&self, controller: ControllerId) -> Result<Controller, Error> {
        if controller.is_system() {
            return Err(Error::ReservedController);
        }
        self.services.encryption.tenant(controller).await?;
        Ok(Controller::new(Arc::clone(&self.services), controller))
    }

    /// Every registered controller. Needs [`Permission::VerifyLedger`] at the system controller.
    ///
    /// # Errors
    /// [`Error::Refused`]; the failure of a part.
    pub async fn controllers(&self, actor: &Actor) -> Result<Vec<ControllerId>, Error> {
        self.services.require(actor, Permission::VerifyLedger, ControllerId::SYSTEM).await?;
        self.services.controllers().await
    }

    /// The log of the system controller, where refusals that concern no customer and the management of keys are
    /// recorded.
    #[must_use]
    pub const fn system_ledger(&self) -> AccountabilityLog<'_> {
        AccountabilityLog::new(&self.services, ControllerId::SYSTEM)
    }

    /// What following the journal did when the store was opened: logs that were closed because the store was behind
    /// them.
    pub fn followed(&self) -> &Followed {
        &self.followed
    }

    /// Removes what is due at the system controller, where deliveries that nobody claimed are kept for a time. Needs
    /// [`Permission::ExpireRows`] there.
    ///
    /// # Errors
    /// [`Error::Refused`]; the failure of a part.
    pub async fn expire_unclaimed(&self, actor: &Actor) -> Result<Expired, Error> {
        self.services.require(actor, Permission::ExpireRows, ControllerId::SYSTEM).await?;
        self.services.expire(ControllerId::SYSTEM).await
    }
}

impl fmt::Debug for Compliance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compliance").finish_non_exhaustive()
    }
}
