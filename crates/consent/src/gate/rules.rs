//! What each purpose rests on, which messages may serve it, and what the policy says on sending.

use std::collections::{BTreeMap, BTreeSet};

use wzapi_model::basis::LegalBasis;
use wzapi_model::message::MessageCategory;
use wzapi_model::name::PurposeId;
use wzapi_policy::Policy;
use wzapi_policy::file::SendingRules;
use wzapi_policy::regimes::{AgeRule, Regime};

use super::region::Place;
use super::renewal::{self, Renewal};

/// One purpose of communication.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PurposeRule {
    /// What it rests on where no regime with a basis of its own protects the recipient: the strictest.
    pub basis: LegalBasis,
    /// The message categories that may serve it. A purpose that marketing messages serve is marketing, whatever
    /// the message.
    pub categories: BTreeSet<MessageCategory>,
    /// What it rests on for people of single regimes.
    pub by_regime: BTreeMap<Regime, LegalBasis>,
}

impl PurposeRule {
    /// A purpose with one basis everywhere.
    #[must_use]
    pub fn new(basis: LegalBasis, categories: impl IntoIterator<Item = MessageCategory>) -> Self {
        Self { basis, categories: categories.into_iter().collect(), by_regime: BTreeMap::new() }
    }

    /// Whether the purpose is marketing.
    #[must_use]
    pub fn is_marketing(&self) -> bool {
        self.categories.contains(&MessageCategory::Marketing)
    }

    /// The strictest basis of these regimes.
    pub(super) fn strictest_of(&self, regimes: &BTreeSet<Regime>) -> LegalBasis {
        let bases = regimes.iter().map(|regime| self.by_regime.get(regime).copied().unwrap_or(self.basis));
        bases.min().unwrap_or(self.basis)
    }
}

/// What a controller's policy says to the gate. A purpose that it does not name is refused.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GateRules {
    purposes: BTreeMap<PurposeId, PurposeRule>,
    regimes: BTreeMap<Regime, Option<AgeRule>>,
    sending: SendingRules,
    renewals: BTreeMap<PurposeId, Renewal>,
}

impl GateRules {
    /// Rules with these purposes and no others, and none on sending.
    #[must_use]
    pub fn new(purposes: impl IntoIterator<Item = (PurposeId, PurposeRule)>) -> Self {
        Self { purposes: purposes.into_iter().collect(), ..Self::default() }
    }

    /// What a loaded policy says: its purposes with the basis of each regime, its rules on sending, and the age of
    /// consent in each regime in force. Of a recipient, every regime counts that protects a country in which they may be
    /// ([`Place`]); where one of these countries is protected by none, or no country is known, all regimes in force do.
    /// The strictest decides. A purpose without a basis, which a valid policy does not have, rests on consent.
    ///
    /// ```
    /// use wzapi_consent::GateRules;
    /// use wzapi_model::name::PurposeId;
    ///
    /// let policy = wzapi_policy::parse(include_str!("../../../../policies/wzapi.toml"), "wzapi.toml")?;
    /// let rules = GateRules::of(&policy);
    /// assert!(rules.purpose(&PurposeId::marketing()).is_some_and(|rule| rule.is_marketing()));
    /// # Ok::<(), wzapi_policy::finding::Findings>(())
    /// ```
    #[must_use]
    pub fn of(policy: &Policy) -> Self {
        let purposes = policy.purposes.iter().map(|(purpose, declared)| {
            let basis = declared.strictest_basis().unwrap_or(LegalBasis::Consent);
            let rule = PurposeRule::new(basis, declared.messages.iter().copied());
            let by_regime = declared.basis.clone();
            (purpose.clone(), PurposeRule { by_regime, ..rule })
        });
        let regimes = policy.regimes.keys().map(|regime| (*regime, policy.consent_age(*regime)));
        Self {
            purposes: purposes.collect(),
            regimes: regimes.collect(),
            sending: policy.sending.clone(),
            renewals: BTreeMap::new(),
        }
    }

    /// As [`GateRules::of`], with the policies that were in force before `policy`, the oldest first. A consent to a purpose
    /// whose meaning changed materially since counts only when it rests on a notice from the change on, or, where no
    /// notice is on record that one of the policies has, was given since the change took effect.
    #[must_use]
    pub fn of_latest(policy: &Policy, older: &[&Policy]) -> Self {
        let policies: Vec<&Policy> = older.iter().copied().chain([policy]).collect();
        Self { renewals: renewal::renewals(&policies), ..Self::of(policy) }
    }

    /// The same rules, where consents to `purpose` need a renewal.
    #[must_use]
    pub fn with_renewal(mut self, purpose: PurposeId, renewal: Renewal) -> Self {
        self.renewals.insert(purpose, renewal);
        self
    }

    /// The same rules, where consents to `purpose` need no renewal: a person read what changed and found that it means
    /// the same ([`wzapi_policy::difference::reworded_purposes`]).
    #[must_use]
    pub fn without_renewal(mut self, purpose: &PurposeId) -> Self {
        self.renewals.remove(purpose);
        self
    }

    /// The same rules with these on sending.
    #[must_use]
    pub fn with_sending(self, sending: SendingRules) -> Self {
        Self { sending, ..self }
    }

    /// The same rules where a regime is in force, with its age of consent if it has one.
    #[must_use]
    pub fn with_regime(mut self, regime: Regime, age: Option<AgeRule>) -> Self {
        self.regimes.insert(regime, age);
        self
    }

    /// The purposes of wzapi's own privacy policy (clauses 2.c and 3.b), each with its own basis: campaigns and
    /// feature releases rest on consent, service updates and technical support on the contract, security
    /// notifications on the legitimate interest in security (GDPR recital 49).
    #[must_use]
    pub fn wzapi() -> Self {
        use MessageCategory::{Authentication, Marketing, Service, Utility};
        let security = PurposeRule::new(LegalBasis::LegitimateInterests, [Utility, Authentication]);
        Self::new([
            (PurposeId::marketing(), PurposeRule::new(LegalBasis::Consent, [Marketing, Service])),
            (PurposeId::feature_releases(), PurposeRule::new(LegalBasis::Consent, [Marketing, Service])),
            (PurposeId::service_updates(), PurposeRule::new(LegalBasis::Contract, [Utility, Service])),
            (PurposeId::technical_support(), PurposeRule::new(LegalBasis::Contract, [Utility, Service])),
            (PurposeId::security_notifications(), security),
        ])
    }

    /// The rule of a purpose, if it is declared.
    #[must_use]
    pub fn purpose(&self, purpose: &PurposeId) -> Option<&PurposeRule> {
        self.purposes.get(purpose)
    }

    /// The rules on sending.
    #[must_use]
    pub const fn sending(&self) -> &SendingRules {
        &self.sending
    }

    /// Since when consents to a purpose are to something else than before.
    #[must_use]
    pub fn renewal(&self, purpose: &PurposeId) -> Option<&Renewal> {
        self.renewals.get(purpose)
    }

    /// The purpose that a message of this category serves when the sender names none.
    #[must_use]
    pub fn default_purpose(category: MessageCategory) -> PurposeId {
        match category {
            MessageCategory::Marketing => PurposeId::marketing(),
            MessageCategory::Utility => PurposeId::service_updates(),
            MessageCategory::Authentication => PurposeId::security_notifications(),
            MessageCategory::Service => PurposeId::technical_support(),
        }
    }

    /// Whether any rule depends on where the recipient is.
    pub(super) fn depend_on_place(&self) -> bool {
        !self.regimes.is_empty()
            || self.sending.quiet_hours.is_some()
            || !self.sending.countries_refused.is_empty()
    }

    /// The regimes in force that may protect somebody in this place. A country that none of them protects leaves all of
    /// them: the policy promised what it promised, and the strictest of it is kept.
    pub(super) fn regimes_of(&self, place: &Place) -> BTreeSet<Regime> {
        let all = || self.regimes.keys().copied().collect::<BTreeSet<_>>();
        let mut found = BTreeSet::new();
        for country in place.countries() {
            let mut protecting = self.regimes.keys().copied().filter(|one| one.protects(*country)).peekable();
            if protecting.peek().is_none() {
                return all();
            }
            found.extend(protecting);
        }
        if found.is_empty() { all() } else { found }
    }

    /// The rules on the age of consent of these regimes.
    pub(super) fn ages(&self, regimes: &BTreeSet<Regime>) -> Vec<&AgeRule> {
        regimes.iter().filter_map(|regime| self.regimes.get(regime)?.as_ref()).collect()
    }
}
