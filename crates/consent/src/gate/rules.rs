//! What each purpose rests on, and which messages may serve it.

use std::collections::{BTreeMap, BTreeSet};

use wzapi_model::basis::LegalBasis;
use wzapi_model::message::MessageCategory;
use wzapi_model::name::PurposeId;
use wzapi_policy::Policy;

/// One purpose of communication.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PurposeRule {
    /// What it rests on.
    pub basis: LegalBasis,
    /// The message categories that may serve it. A purpose that marketing messages serve is marketing, whatever
    /// the message.
    pub categories: BTreeSet<MessageCategory>,
}

impl PurposeRule {
    /// Whether the purpose is marketing.
    #[must_use]
    pub fn is_marketing(&self) -> bool {
        self.categories.contains(&MessageCategory::Marketing)
    }
}

/// The purposes that a controller's policy declares. What it does not name is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GateRules {
    purposes: BTreeMap<PurposeId, PurposeRule>,
}

impl GateRules {
    /// Rules with these purposes and no others.
    #[must_use]
    pub fn new(purposes: impl IntoIterator<Item = (PurposeId, PurposeRule)>) -> Self {
        Self { purposes: purposes.into_iter().collect() }
    }

    /// The purposes that a loaded policy declares. The gate does not know which regime protects a recipient, so a
    /// purpose that rests on consent under one of them rests on consent ([`Purpose::strictest_basis`]). A purpose
    /// without a basis, which a valid policy does not have, rests on consent too.
    ///
    /// [`Purpose::strictest_basis`]: wzapi_policy::file::Purpose::strictest_basis
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
        Self::new(policy.purposes.iter().map(|(purpose, declared)| {
            let basis = declared.strictest_basis().unwrap_or(LegalBasis::Consent);
            (purpose.clone(), PurposeRule { basis, categories: declared.messages.clone() })
        }))
    }

    /// The purposes of wzapi's own privacy policy (clauses 2.c and 3.b), each with its own basis: campaigns and
    /// feature releases rest on consent, service updates and technical support on the contract, security
    /// notifications on the legitimate interest in security (GDPR recital 49).
    #[must_use]
    pub fn wzapi() -> Self {
        use MessageCategory::{Authentication, Marketing, Service, Utility};
        let rule = |basis, categories: &[MessageCategory]| PurposeRule {
            basis,
            categories: categories.iter().copied().collect(),
        };
        Self::new([
            (PurposeId::marketing(), rule(LegalBasis::Consent, &[Marketing, Service])),
            (PurposeId::feature_releases(), rule(LegalBasis::Consent, &[Marketing, Service])),
            (PurposeId::service_updates(), rule(LegalBasis::Contract, &[Utility, Service])),
            (PurposeId::technical_support(), rule(LegalBasis::Contract, &[Utility, Service])),
            (
                PurposeId::security_notifications(),
                rule(LegalBasis::LegitimateInterests, &[Utility, Authentication]),
            ),
        ])
    }

    /// The rule of a purpose, if it is declared.
    #[must_use]
    pub fn purpose(&self, purpose: &PurposeId) -> Option<&PurposeRule> {
        self.purposes.get(purpose)
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
}
