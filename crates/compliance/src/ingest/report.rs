//! What became of a delivery.

use std::ops::AddAssign;

use serde::Serialize;

/// How many items of each sort a delivery held, and what they changed. Every item counts once among those up to
/// `duplicates`; a duplicate counts as nothing else.
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
    /// People whose identity key changed.
    pub identity_keys: u64,
    /// Calls.
    pub calls: u64,
    /// Messages that the business sent from its own app, past the gate.
    pub sent_elsewhere: u64,
    /// Events about groups.
    pub groups: u64,
    /// Contacts in the address book of the business's own app. Nothing of them is kept.
    pub address_book: u64,
    /// Reports on the handing over of the history of the business's own app.
    pub histories: u64,
    /// Leads and purchases that Meta saw.
    pub conversions: u64,
    /// Events about a business account.
    pub account_events: u64,
    /// Events about templates, numbers, flows, payments and security.
    pub business_events: u64,
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
    /// Messages that may have been an opt-out: no marketing until somebody looked at them.
    pub doubts: u64,
    /// Consents that are set aside until somebody clears them.
    pub quarantined: u64,
    /// Statuses that were bound to the permit of their message.
    pub bound: u64,
    /// Messages that were bound to their permit by a status, since nobody had done it before.
    pub healed: u64,
    /// Statuses that brought back what this controller did not make. Nothing follows from it.
    pub foreign_callbacks: u64,
    /// Records of message content and profiles that were filed, because the policy says where.
    pub filed: u64,
    /// Records of messages that people took back or wrote anew: disposed of, or given the new value.
    pub revised: u64,
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
        self.identity_keys += other.identity_keys;
        self.calls += other.calls;
        self.sent_elsewhere += other.sent_elsewhere;
        self.groups += other.groups;
        self.address_book += other.address_book;
        self.histories += other.histories;
        self.conversions += other.conversions;
        self.account_events += other.account_events;
        self.business_events += other.business_events;
        self.unknown += other.unknown;
        self.unrouted += other.unrouted;
        self.duplicates += other.duplicates;
        self.consents_given += other.consents_given;
        self.withdrawals += other.withdrawals;
        self.doubts += other.doubts;
        self.quarantined += other.quarantined;
        self.bound += other.bound;
        self.healed += other.healed;
        self.foreign_callbacks += other.foreign_callbacks;
        self.filed += other.filed;
        self.revised += other.revised;
        self.content_refused += other.content_refused;
    }
}
