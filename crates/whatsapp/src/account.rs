//! The business account changed; some changes end the processing (webhook field `account_update`).

use serde_json::Value;

use crate::content::{Content, UnknownReason};
use crate::delivery::{ElementKey, Reading};
use crate::node;

/// What happened to the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountEventKind {
    /// `ACCOUNT_DELETED`: the WhatsApp Business Account is gone.
    AccountDeleted,
    /// `PARTNER_REMOVED`: the business ended the sharing of its account.
    PartnerRemoved,
    /// `PARTNER_APP_UNINSTALLED`: the business removed the app.
    PartnerAppUninstalled,
    /// `ACCOUNT_OFFBOARDED`: the account left the platform.
    AccountOffboarded,
    /// Any other event.
    Other(String),
}

/// An event about an account. It is about no person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountEvent {
    /// What happened.
    pub kind: AccountEventKind,
    /// The account that it happened to. In partner events the entry names the partner, and this the client.
    pub waba_id: Option<String>,
}

impl AccountEvent {
    /// Whether the processing for this account has ended, so that what is kept for it has to be disposed of.
    #[must_use]
    pub fn is_offboarding(&self) -> bool {
        match self.kind {
            AccountEventKind::AccountDeleted
            | AccountEventKind::PartnerRemoved
            | AccountEventKind::PartnerAppUninstalled
            | AccountEventKind::AccountOffboarded => true,
            AccountEventKind::Other(_) => false,
        }
    }
}

/// Reads the value of a change, which holds one event.
pub(crate) fn read<'a>(value: &'a Value, entry_id: Option<&str>) -> Reading<'a> {
    let content = match node::label(value.get("event")) {
        None => Content::Unknown(UnknownReason::UnreadableShape),
        Some(event) => Content::Account(AccountEvent {
            kind: kind(event),
            waba_id: node::business_id(value.get("waba_info").and_then(|info| info.get("waba_id")))
                .or_else(|| entry_id.map(str::to_owned)),
        }),
    };
    Reading { content, key: ElementKey::default() }
}

fn kind(event: &str) -> AccountEventKind {
    match event {
        "ACCOUNT_DELETED" => AccountEventKind::AccountDeleted,
        "PARTNER_REMOVED" => AccountEventKind::PartnerRemoved,
        "PARTNER_APP_UNINSTALLED" => AccountEventKind::PartnerAppUninstalled,
        "ACCOUNT_OFFBOARDED" => AccountEventKind::AccountOffboarded,
        other => AccountEventKind::Other(other.to_owned()),
    }
}
