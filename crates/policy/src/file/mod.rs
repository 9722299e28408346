//! The typed model of a policy file: what it says, before or after anyone has judged it.

mod category;
mod controller;
mod country;
mod forbidden;
mod ip_truncation;
mod notice_rules;
mod purpose;
mod recipient;
mod right;
mod sending;
mod webhooks;

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::Serialize;
use wzapi_model::name::{DataCategory, PurposeId};

pub use category::{Category, DataSource, Disposal, SubjectKind};
pub use controller::{Contact, Controller, SecurityMeasure};
pub use country::{CountryCode, CountryCodeError};
pub use forbidden::{BuiltInPattern, ForbiddenPattern, NamedPattern, PatternName, PatternNameError};
pub use ip_truncation::{IpTruncation, IpTruncationError, NotAnAddress};
pub use notice_rules::{ContinuedUse, NoticeChannel, NoticeRules};
pub use purpose::{Confirmation, ConsentRules, Purpose, WithdrawalMethod};
pub use recipient::{Agreement, OnwardSharing, Recipient, RecipientKind, RecipientRole, TransferBasis};
pub use right::{AskVia, Right, RightKind};
pub use sending::{
    FrequencyLimit, MAX_FREQUENCY_LIMITS, MAX_MESSAGES_WITHIN, MAX_WITHIN_HOURS, PlatformStopScope,
    QuietHours, SendingRules, UnknownAge, Within, WithinError,
};
pub use webhooks::{Filing, WebhookContent};

use crate::canonical::ContentHash;
use crate::language::{Language, Translated};
use crate::regimes::{Regime, RegimeInForce};
use crate::zone::UtcOffset;

/// Everything that a policy file says. It may be wrong in every way that types allow;
/// [`Policy`](crate::Policy) is one that was found to be right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PolicyFile {
    /// The title of the notice.
    pub title: Translated,
    /// What the notice says first (policy clause 1).
    pub introduction: Translated,
    /// The day from which this version is in force.
    #[serde(serialize_with = "crate::period::serialize_day")]
    pub effective: NaiveDate,
    /// The version before this one, by its content hash.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub supersedes: Option<ContentHash>,
    /// The languages of the notice, the first being the default.
    pub languages: Vec<Language>,
    /// The offset in which days are counted.
    pub utc_offset: UtcOffset,
    /// Who decides about the data.
    pub controller: Controller,
    /// Where people turn to (policy clause 9).
    pub contact: Contact,
    /// The legal regimes whose people the controller has.
    pub regimes: BTreeMap<Regime, RegimeInForce>,
    /// What is collected (policy clauses 2.a to 2.c).
    pub categories: BTreeMap<DataCategory, Category>,
    /// What else than the built-in patterns categories may forbid (policy clause 2.a).
    pub patterns: BTreeMap<PatternName, NamedPattern>,
    /// Where the content of webhooks is filed (policy clause 2.c). What is not named here is dropped.
    pub webhooks: BTreeMap<WebhookContent, Filing>,
    /// What for (policy clauses 3.a to 3.c).
    pub purposes: BTreeMap<PurposeId, Purpose>,
    /// What the send gate observes beyond consent (policy clauses 2.c and 3.b).
    #[serde(skip_serializing_if = "SendingRules::is_default")]
    pub sending: SendingRules,
    /// Who gets it (policy clauses 4.a and 4.b).
    pub recipients: BTreeMap<String, Recipient>,
    /// When it is disclosed because the law asks or to protect rights (policy clause 4.c).
    pub legal_disclosure: Translated,
    /// What people can ask for (policy clauses 7.a to 7.d).
    pub rights: BTreeMap<RightKind, Right>,
    /// How the data is protected (policy clauses 5.a and 5.b).
    pub security: BTreeMap<String, SecurityMeasure>,
    /// What the customers themselves answer for (policy clauses 2.c and 5.c).
    pub duties: BTreeMap<String, Translated>,
    /// How changes are announced (policy clauses 8.a to 8.c).
    pub notices: NoticeRules,
}
