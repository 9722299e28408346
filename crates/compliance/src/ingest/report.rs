//! What became of a delivery.

use std::ops::AddAssign;

use serde::Serialize;

/// How many items of each sort a delivery held, and what they changed. Every item counts once among the first
/// nine; a duplicate counts as nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct IngestReport {
    /// Messages from people.
    pub messages: u64,
    /// What became of messages that were sent.
    pub statuses: u64,
    /// Preferences that people set in WhatsApp.
    pub preferences: u64,
    /// People who changed their number or id.
    pub identity_changes: u64,
    /// Calls.
    pub calls: u64,
    /// Events about a business account.
    pub account_events: u64,
    /// Elements that were not recognised; they are kept, sealed.
    pub unknown: u64,
    /// Items whose WABA and phone number nobody registered; their changes are kept, sealed, until somebody does.
    pub unrouted: u64,
    /// Items that had been taken in before.
    pub duplicates: u64,
    /// Consents that were given.
    pub consents_given: u64,
    /// Refusals, withdrawals and opt-outs.
    pub withdrawals: u64,
    /// Consents that are set aside until somebody clears them.
    pub quarantined: u64,
    /// Records of message content and profiles that were filed, because the policy says where.
    pub filed: u64,
    /// Message content and profiles that the policy does not let be stored, and that were dropped: they hold a forbidden
    /// value, or are so old that nothing keeps them any more.
    pub content_refused: u64,
}

impl AddAssign for IngestReport {
    fn add_assign(&mut self, other: Self) {
        self.messages += other.messages;
        self.statuses += other.statuses;
        self.preferences += other.preferences;
        self.identity_changes += other.identity_changes;
        self.calls += other.calls;
        self.account_events += other.account_events;
        self.unknown += other.unknown;
        self.unrouted += other.unrouted;
        self.duplicates += other.duplicates;
        self.consents_given += other.consents_given;
        self.withdrawals += other.withdrawals;
        self.quarantined += other.quarantined;
        self.filed += other.filed;
        self.content_refused += other.content_refused;
    }
}
