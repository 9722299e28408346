//! Where the content of webhooks is filed (policy clause 2.c).

use std::collections::BTreeSet;

use serde::Serialize;
use wzapi_model::name::{DataCategory, PurposeId};

use crate::term::terms;

terms! {
    /// A kind of content that webhooks bring. A kind that the policy files nowhere is dropped.
    WebhookContent {
        /// What messages say.
        MessageContent = "message_content",
        /// What people show of themselves, such as the name in `contacts[].profile`.
        Profile = "profile",
    }
}

/// Under which category, and for which of its purposes, a kind of content is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Filing {
    /// The category.
    pub category: DataCategory,
    /// The purposes, each of which uses the category.
    pub purposes: BTreeSet<PurposeId>,
}
