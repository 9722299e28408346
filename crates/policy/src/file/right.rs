//! The rights of people, and how they are asked for.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::language::Translated;
use crate::period::Period;
use crate::regimes::Regime;
use crate::term::terms;

terms! {
    /// A right of the person.
    RightKind {
        /// To know what is held (policy clause 7.a).
        Access = "access",
        /// To have it corrected (policy clause 7.b).
        Correction = "correction",
        /// To have it deleted, subject to legal requirements (policy clause 7.c).
        Deletion = "deletion",
        /// To take it along.
        Portability = "portability",
        /// To have its use limited.
        Restriction = "restriction",
        /// To object.
        Objection = "objection",
        /// To withdraw consent.
        Withdrawal = "withdrawal",
        /// To complain, also to an authority.
        Complaint = "complaint",
        /// To name a person who acts after death or incapacity (DPDP Act s. 14).
        Nomination = "nomination",
    }
}

terms! {
    /// A way to ask for a right.
    AskVia {
        /// An e-mail to the contact point.
        Email = "email",
        /// A form on the web site.
        WebForm = "web_form",
        /// The settings of the account.
        AccountSettings = "account_settings",
        /// A WhatsApp message to the controller.
        WhatsApp = "whatsapp",
        /// A call to the contact point.
        Phone = "phone",
    }
}

/// A right and how it is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Right {
    /// Its name in the notice.
    pub label: Translated,
    /// What it gives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<Translated>,
    /// How it is asked for.
    pub ask: BTreeSet<AskVia>,
    /// Within which time the controller promises to answer; where it promises nothing, the law decides.
    pub answer_within: BTreeMap<Regime, Period>,
    /// The provision that gives the right.
    pub citations: BTreeMap<Regime, String>,
}
