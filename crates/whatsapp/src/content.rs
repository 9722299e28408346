//! What an item of a delivery can be.

use crate::account::AccountEvent;
use crate::address_book::AddressBookEntry;
use crate::business::BusinessEvent;
use crate::call::InboundCall;
use crate::conversion::Conversion;
use crate::echo::SentElsewhere;
use crate::group::GroupEvent;
use crate::history::HistorySync;
use crate::identity_change::IdentityChange;
use crate::identity_key::IdentityKeyChange;
use crate::message::InboundMessage;
use crate::preference::MarketingPreference;
use crate::status::MessageStatus;

/// What one item says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// The person sent a message.
    Message(InboundMessage),
    /// The business wrote to a person from its own WhatsApp app, past this service.
    SentElsewhere(SentElsewhere),
    /// Something became of a message that the business sent.
    Status(MessageStatus),
    /// The person stopped or resumed marketing in WhatsApp's own settings.
    Preference(MarketingPreference),
    /// The person has a new number or a new business-scoped id.
    IdentityChange(IdentityChange),
    /// The person's identity key changed: perhaps another device, perhaps another owner of the number.
    IdentityKey(IdentityKeyChange),
    /// A voice call, from the person or to them.
    Call(InboundCall),
    /// Something happened to a group that the business runs.
    Group(GroupEvent),
    /// A contact in the address book of the business's WhatsApp app.
    AddressBook(AddressBookEntry),
    /// How far the history of the business's WhatsApp app was handed over.
    History(HistorySync),
    /// Meta took a chat for a lead or a purchase.
    Conversion(Conversion),
    /// The business account changed.
    Account(AccountEvent),
    /// Something of the business's changed: a template, a number, a flow, its security.
    Business(BusinessEvent),
    /// Nothing above. The item's `raw` holds all there is: keep it sealed, and never guess.
    Unknown(UnknownReason),
}

/// Why an item was not understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UnknownReason {
    /// The webhook field is not one that this crate reads.
    Field,
    /// The field is known, the type of the element is not, such as a system notice about anything else than
    /// a changed number or id.
    ElementType,
    /// The element is about a person and names nobody: no readable number, no readable business-scoped id.
    UnreadablePerson,
    /// The element, or the envelope around it, is not shaped as documented.
    UnreadableShape,
    /// A preference that is not about marketing and does not stop anything.
    PreferenceCategory,
}
