//! How changes of the policy are announced, and what using the service on means.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::period::Period;
use crate::term::terms;

terms! {
    /// A way to tell people about a change (policy clause 8.b).
    NoticeChannel {
        /// E-mail.
        Email = "email",
        /// A notification in the service.
        Platform = "platform",
    }
}

terms! {
    /// What using the service on after a change means (policy clause 8.c). It can accept terms; there is no value for
    /// consent, which needs an act of its own (GDPR Art. 4(11); DPDP Act s. 6(1)).
    ContinuedUse {
        /// The changed terms are accepted, after a delivered notice and the effective date.
        AcceptsTerms = "accepts_terms",
        /// Nothing.
        MeansNothing = "means_nothing",
    }
}

/// How changes are announced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NoticeRules {
    /// How long before its effective date a material change is announced.
    pub material_change_notice: Period,
    /// How it is announced.
    pub channels: BTreeSet<NoticeChannel>,
    /// What using the service on means.
    pub continued_use: ContinuedUse,
}
