//! Purposes of processing.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use wzapi_model::basis::LegalBasis;
use wzapi_model::consent::ConsentMethod;
use wzapi_model::message::MessageCategory;
use wzapi_model::name::DataCategory;

use crate::language::Translated;
use crate::period::Period;
use crate::regimes::Regime;
use crate::term::terms;

terms! {
    /// A way to withdraw a consent. It must be as easy as giving it (GDPR Art. 7(3); DPDP Act s. 6(4)).
    WithdrawalMethod {
        /// Answering STOP, or the same in another language, to any message.
        ReplyStop = "reply_stop",
        /// The controls of WhatsApp itself.
        PlatformControl = "platform_control",
        /// The settings of the account.
        AccountSettings = "account_settings",
        /// A link in every message.
        Link = "link",
        /// Asking the contact point.
        Contact = "contact",
    }
}

/// What data is used for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Purpose {
    /// Its name in the notice.
    pub label: Translated,
    /// What is done for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<Translated>,
    /// What it rests on, for each regime in force.
    pub basis: BTreeMap<Regime, LegalBasis>,
    /// The interest pursued, where a basis is legitimate interests (GDPR Art. 13(1)(d)).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interest: Option<Translated>,
    /// The categories of data that it uses.
    pub categories: BTreeSet<DataCategory>,
    /// The categories of message that may serve it. A purpose that sends no messages has none.
    pub messages: BTreeSet<MessageCategory>,
    /// How consent to it is withdrawn.
    pub withdrawal: BTreeSet<WithdrawalMethod>,
    /// What a consent to it needs, and how long it lasts.
    #[serde(skip_serializing_if = "ConsentRules::is_default")]
    pub consent: ConsentRules,
}

/// What a consent to a purpose needs, and how long it lasts. Nothing is set by default.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct ConsentRules {
    /// How long after it was given a consent ends by itself. Where nothing is said, it lasts until it is withdrawn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_after: Option<Period>,
    /// Whether a second act of the person must confirm it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirmation: Option<Confirmation>,
    /// Whether a grant counts only when it is on record which notice the person was shown (GDPR Art. 7(1) with Art. 4(11):
    /// consent is informed; DPDP Act s. 5).
    #[serde(skip_serializing_if = "is_false")]
    pub notice_required: bool,
}

impl ConsentRules {
    /// Whether nothing is set, as for a purpose without them.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a grant that came by `method` counts only once it was confirmed.
    #[must_use]
    pub fn must_confirm(&self, method: ConsentMethod) -> bool {
        self.confirmation.as_ref().is_some_and(|confirmation| confirmation.methods.contains(&method))
    }
}

/// A second act by which the person confirms a consent (double opt-in): it shows that who typed the number has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Confirmation {
    /// The methods of grants that must be confirmed.
    pub methods: BTreeSet<ConsentMethod>,
    /// How long after the grant the confirmation counts.
    pub within: Period,
}

fn is_false(flag: &bool) -> bool {
    !flag
}

impl Purpose {
    /// Whether the purpose rests on consent in any regime.
    #[must_use]
    pub fn needs_consent(&self) -> bool {
        self.basis.values().any(|basis| *basis == LegalBasis::Consent)
    }

    /// Whether a message for the purpose may need a consent: it rests on consent in a regime, or marketing messages may
    /// serve it, which the gate never sends without.
    #[must_use]
    pub fn asks_for_consent(&self) -> bool {
        self.needs_consent() || self.messages.contains(&MessageCategory::Marketing)
    }

    /// What the purpose rests on where only one basis can be asked about, as by a gate that does not know which
    /// regime protects the recipient: consent, if any regime asks for it; otherwise the first in the order of
    /// [`LegalBasis`]. `None` without any basis.
    #[must_use]
    pub fn strictest_basis(&self) -> Option<LegalBasis> {
        self.basis.values().copied().min()
    }
}
