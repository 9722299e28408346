//! Which law of the world protects a person.

use wzapi_model::basis::LegalBasis;

use crate::file::{CountryCode, RightKind};
use crate::term::{Term, terms};

terms! {
    /// A legal regime of data protection, by the place whose law it is.
    Regime {
        /// The European Union: GDPR.
        Eu = "EU",
        /// The United Kingdom: UK GDPR and the Data (Use and Access) Act.
        Uk = "UK",
        /// India: the Digital Personal Data Protection Act, and what it replaces step by step.
        India = "IN",
        /// California: CCPA.
        California = "US-CA",
        /// Brazil: LGPD.
        Brazil = "BR",
        /// The United States: the rules on messages of the TCPA.
        UnitedStates = "US",
    }
}

/// The member states of the European Economic Area, where the GDPR applies and no transfer takes place.
const EEA: [&str; 30] = [
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IS", "IT",
    "LI", "LT", "LU", "LV", "MT", "NL", "NO", "PL", "PT", "RO", "SE", "SI", "SK",
];

/// Parts of member states with codes of their own in which the law of the Union applies (TFEU Arts. 349 and 355): Åland and
/// the outermost regions.
const EU_OUTSIDE_EUROPE: [&str; 7] = ["AX", "GF", "GP", "MF", "MQ", "RE", "YT"];

/// The inhabited territories of the United States, whose numbers also begin with +1.
const US_TERRITORIES: [&str; 5] = ["AS", "GU", "MP", "PR", "VI"];

impl Regime {
    /// Whether the regime protects people of `country`, as far as a country alone shows it. Of the United States it does
    /// not show the state, so that California may protect anyone there.
    #[must_use]
    pub fn protects(self, country: CountryCode) -> bool {
        let country = country.as_str();
        match self {
            Self::Eu => EEA.contains(&country) || EU_OUTSIDE_EUROPE.contains(&country),
            Self::Uk => country == "GB",
            Self::India => country == "IN",
            Self::Brazil => country == "BR",
            Self::California => country == "US",
            Self::UnitedStates => country == "US" || US_TERRITORIES.contains(&country),
        }
    }

    /// Whether processing always needs one of the bases that the law lists. The laws of the United States ask for
    /// notice and a right to object instead; the file names a basis for them all the same.
    #[must_use]
    pub const fn knows(self, basis: LegalBasis) -> bool {
        match self {
            Self::Eu | Self::Uk | Self::Brazil | Self::California | Self::UnitedStates => true,
            // DPDP Act s. 6 (consent) and s. 7 (legitimate uses): data that the person gave of their own will for
            // the purpose (a), duties of law (d, e), emergencies (f to h). A balance of interests is not among them.
            Self::India => match basis {
                LegalBasis::Consent
                | LegalBasis::Contract
                | LegalBasis::LegalObligation
                | LegalBasis::VitalInterests
                | LegalBasis::PublicTask => true,
                LegalBasis::LegitimateInterests => false,
            },
        }
    }

    /// The rights that the regime gives and a notice has to name.
    #[must_use]
    pub const fn rights(self) -> &'static [RightKind] {
        use RightKind::{
            Access, Complaint, Correction, Deletion, Nomination, Objection, Portability, Restriction,
            Withdrawal,
        };
        match self {
            // GDPR Art. 13(2)(b) to (d); the same in UK law.
            Self::Eu | Self::Uk => {
                &[Access, Correction, Deletion, Restriction, Objection, Portability, Withdrawal, Complaint]
            }
            // DPDP Act ss. 6(4), 11 to 14.
            Self::India => &[Access, Correction, Deletion, Withdrawal, Complaint, Nomination],
            Self::California => &[Access, Correction, Deletion],
            // LGPD Arts. 8 and 18.
            Self::Brazil => &[Access, Correction, Deletion, Portability, Objection, Withdrawal, Complaint],
            Self::UnitedStates => &[Withdrawal],
        }
    }

    /// Whether sending data from the regime's people to `country` is a transfer that needs a ground in the
    /// agreement. India permits transfers unless the government restricts a country (DPDP Act s. 16).
    #[must_use]
    pub fn is_transfer(self, country: &str) -> bool {
        match self {
            Self::Eu => !EEA.contains(&country),
            // The United Kingdom regards the member states of the EEA as adequate.
            Self::Uk => country != "GB" && !EEA.contains(&country),
            Self::Brazil => country != "BR",
            Self::India | Self::California | Self::UnitedStates => false,
        }
    }

    /// The code of the policy file, such as `EU`.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.as_str()
    }
}
