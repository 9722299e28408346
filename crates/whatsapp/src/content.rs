//! What an item of a delivery can be.

use crate::account::AccountEvent;
use crate::call::InboundCall;
use crate::identity_change::IdentityChange;
use crate::message::InboundMessage;
use crate::preference::MarketingPreference;
use crate::status::MessageStatus;

/// What one item says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// The person sent a message.
    Message(InboundMessage),
    /// Something became of a message that the business sent.
    Status(MessageStatus),
    /// The person stopped or resumed marketing in WhatsApp's own settings.
    Preference(MarketingPreference),
    /// The person has a new number or a new business-scoped id.
    IdentityChange(IdentityChange),
    /// A voice call, from the person or to them.
    Call(InboundCall),
    /// The business account changed.
    Account(AccountEvent),
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
