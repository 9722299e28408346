//! Purposes of processing.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use wzapi_model::basis::LegalBasis;
use wzapi_model::message::MessageCategory;
use wzapi_model::name::DataCategory;

use crate::language::Translated;
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
}

impl Purpose {
    /// Whether the purpose rests on consent in any regime.
    #[must_use]
    pub fn needs_consent(&self) -> bool {
        self.basis.values().any(|basis| *basis == LegalBasis::Consent)
    }

    /// What the purpose rests on where only one basis can be asked about, as by a gate that does not know which
    /// regime protects the recipient: consent, if any regime asks for it; otherwise the first in the order of
    /// [`LegalBasis`]. `None` without any basis.
    #[must_use]
    pub fn strictest_basis(&self) -> Option<LegalBasis> {
        self.basis.values().copied().min()
    }
}
