//! What a send gate and a ledger of consent ask a policy.

use std::collections::BTreeSet;

use wzapi_model::basis::LegalBasis;
use wzapi_model::name::PurposeId;

use crate::file::CountryCode;
use crate::policy::Policy;
use crate::regimes::{AgeRule, Regime};

impl Policy {
    /// From which age people of a regime consent alone, and what holds for those who are younger: the strictest of the
    /// regime rules of the laws in force, with the age of `consent_age` where the policy names one (down to the lowest
    /// that the rules permit). `None` for a regime that is not in force, and where neither a rule nor the policy has
    /// an age.
    ///
    /// A rule that begins later counts already: the consent of a child that was taken before would not outlast that day.
    ///
    /// ```
    /// use wzapi_policy::regimes::Regime;
    ///
    /// let policy = wzapi_policy::parse(include_str!("../../../../policies/wzapi.toml"), "wzapi.toml")?;
    /// let india = policy.consent_age(Regime::India).ok_or("no rule")?;
    /// assert_eq!(india.age, 18);
    /// assert!(india.guardian_consents && india.marketing_to_children_forbidden);
    /// assert_eq!(policy.consent_age(Regime::Brazil), None, "not in force in this policy");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn consent_age(&self, regime: Regime) -> Option<AgeRule> {
        self.ages.get(&regime).cloned()
    }

    /// The regimes in force that may protect people of `country`, in the order of [`Regime`]. A country is less than it
    /// takes: of the United States it does not show the state, so that both the federal regime and California's may
    /// apply.
    #[must_use]
    pub fn regimes_of_country(&self, country: CountryCode) -> BTreeSet<Regime> {
        self.regimes.keys().copied().filter(|regime| regime.protects(country)).collect()
    }

    /// The regime in force that protects people of `country`; `None` when none does, or none is declared. Where both
    /// California and the United States may, it is California, whose law asks for more.
    ///
    /// ```
    /// use wzapi_policy::regimes::Regime;
    ///
    /// let policy = wzapi_policy::parse(include_str!("../../../../policies/wzapi.toml"), "wzapi.toml")?;
    /// assert_eq!(policy.regime_of_country("NO".parse()?), Some(Regime::Eu), "of the European Economic Area");
    /// assert_eq!(policy.regime_of_country("IN".parse()?), Some(Regime::India));
    /// assert_eq!(policy.regime_of_country("GB".parse()?), None, "not declared");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn regime_of_country(&self, country: CountryCode) -> Option<Regime> {
        self.regimes_of_country(country).first().copied()
    }

    /// What a purpose rests on for a person of `country`: the basis of the regime that protects it, the strictest of
    /// them where several may. Where the country is not known, or no declared regime protects it, the strictest basis
    /// of the purpose. `None` for a purpose that is not declared.
    ///
    /// ```
    /// use wzapi_model::basis::LegalBasis;
    ///
    /// let policy = wzapi_policy::parse(include_str!("../../../../policies/wzapi.toml"), "wzapi.toml")?;
    /// let improvement = "service_improvement".parse()?;
    /// let basis = |country: &str| policy.basis_for(&improvement, country.parse().ok());
    /// assert_eq!(basis("DE"), Some(LegalBasis::LegitimateInterests));
    /// assert_eq!(basis("IN"), Some(LegalBasis::Consent));
    /// assert_eq!(basis("US"), Some(LegalBasis::Consent), "no declared regime: the strictest");
    /// assert_eq!(policy.basis_for(&improvement, None), Some(LegalBasis::Consent));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn basis_for(&self, purpose: &PurposeId, country: Option<CountryCode>) -> Option<LegalBasis> {
        let purpose = self.purposes.get(purpose)?;
        let regimes = country.map(|country| self.regimes_of_country(country)).unwrap_or_default();
        let bases: Option<Vec<LegalBasis>> =
            regimes.iter().map(|regime| purpose.basis.get(regime).copied()).collect();
        match bases {
            Some(bases) if !bases.is_empty() => bases.into_iter().min(),
            // The check saw to it that there is a basis for every regime in force.
            Some(_) | None => purpose.strictest_basis(),
        }
    }
}
