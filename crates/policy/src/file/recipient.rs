//! Who gets data, and under which agreement. Nothing here can express a sale, a rental or a trade.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde::Serialize;
use wzapi_model::name::{DataCategory, PurposeId};

use crate::file::CountryCode;
use crate::language::Translated;
use crate::regimes::Regime;
use crate::term::terms;

terms! {
    /// What a recipient does for the controller.
    RecipientKind {
        /// Runs the machines.
        Hosting = "hosting",
        /// Takes payments.
        PaymentGateway = "payment_gateway",
        /// Delivers messages: Meta's WhatsApp Business Platform.
        MessagingPlatform = "messaging_platform",
        /// Delivers e-mail.
        EmailDelivery = "email_delivery",
        /// Runs the software for support.
        SupportDesk = "support_desk",
        /// Measures how the service is used.
        Analytics = "analytics",
        /// Lawyers, auditors, tax advisers.
        ProfessionalAdviser = "professional_adviser",
        /// The service through which a customer sends messages.
        MessagingService = "messaging_service",
    }
}

terms! {
    /// In which role a recipient handles the data (GDPR Art. 4(7) and (8)).
    RecipientRole {
        /// On the controller's behalf.
        Processor = "processor",
        /// On its own account, within the agreement.
        Controller = "controller",
    }
}

terms! {
    /// To whom a recipient may hand the data on.
    OnwardSharing {
        /// To nobody.
        Nobody = "nobody",
        /// To those who work for it, bound to the same terms.
        SameTerms = "same_terms",
    }
}

terms! {
    /// What a transfer to another country rests on.
    TransferBasis {
        /// The country protects data adequately (GDPR Art. 45).
        Adequacy = "adequacy",
        /// Standard contractual clauses (GDPR Art. 46(2)(c)).
        StandardContractualClauses = "standard_contractual_clauses",
        /// Binding corporate rules (GDPR Art. 47).
        BindingCorporateRules = "binding_corporate_rules",
        /// A derogation for the case (GDPR Art. 49).
        Derogation = "derogation",
    }
}

/// The agreement with a recipient. A disclosure outside of it is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Agreement {
    /// Where the agreement is found.
    pub reference: String,
    /// Whether it binds the recipient to confidentiality.
    pub confidentiality: bool,
    /// Which data it covers.
    pub categories: BTreeSet<DataCategory>,
    /// For which purposes.
    pub purposes: BTreeSet<PurposeId>,
    /// The first day on which it is in force.
    #[serde(serialize_with = "crate::period::serialize_day")]
    pub from: NaiveDate,
    /// The last day, if it ends.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "crate::period::serialize_day_if_any")]
    pub until: Option<NaiveDate>,
    /// To whom the recipient may hand the data on.
    pub onward: OnwardSharing,
}

impl Agreement {
    /// Whether the agreement is in force on `day`.
    #[must_use]
    pub fn is_in_force(&self, day: NaiveDate) -> bool {
        self.from <= day && self.until.is_none_or(|until| day <= until)
    }
}

/// Somebody who gets data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Recipient {
    /// Its name, or what it does, in the notice.
    pub label: Translated,
    /// What it does for the controller.
    pub kind: RecipientKind,
    /// In which role.
    pub role: RecipientRole,
    /// Where the data goes.
    pub countries: BTreeSet<CountryCode>,
    /// What the transfer rests on, for each regime that asks.
    pub transfer: BTreeMap<Regime, TransferBasis>,
    /// The agreement. Without one the file has an error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agreement: Option<Agreement>,
}
