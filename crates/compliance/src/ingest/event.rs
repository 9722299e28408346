//! What a delivery says, typed and without anything that names a person, so that a host can act on it without parsing
//! the body again.

use wzapi_consent::person::KnownAs;
use wzapi_model::Timestamp;
use wzapi_model::ids::{ControllerId, PermitId, SenderId, SubjectId};
use wzapi_model::message::MessageCategory;
use wzapi_vault::RecordRef;
use wzapi_whatsapp::account::AccountEvent;
use wzapi_whatsapp::address_book::AddressBookAction;
use wzapi_whatsapp::business::BusinessEvent;
use wzapi_whatsapp::call::{CallDirection, CallEvent};
use wzapi_whatsapp::content::Content;
use wzapi_whatsapp::conversion::Conversion;
use wzapi_whatsapp::group::GroupEvent;
use wzapi_whatsapp::history::HistorySync;
use wzapi_whatsapp::identity_change::IdentityChangeKind;
use wzapi_whatsapp::intent::Verdict;
use wzapi_whatsapp::message::{CallPermission, InboundMessage, MessageKind, MessageOrigin};
use wzapi_whatsapp::preference::PreferenceAction;
use wzapi_whatsapp::status::{DeliveryStatus, MessageStatus};

use super::Routed;

/// Told of every item once it is durable. It is called between commits: let it put the event into a queue.
pub type OnEvent<'e> = &'e mut (dyn FnMut(IngestEvent) + Send);

/// One item of a delivery that was taken in.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct IngestEvent {
    /// The controller.
    pub controller: ControllerId,
    /// The sender it arrived at, where the item names one.
    pub sender: Option<SenderId>,
    /// Whom it is about, where somebody is known. A status or a reaction makes nobody known.
    pub subject: Option<SubjectId>,
    /// When it happened, as far as Meta says.
    pub at: Option<Timestamp>,
    /// Whether it had been taken in before: what it says is told again, since nobody knows whether the host heard it.
    pub is_repeated: bool,
    /// What it says.
    pub happening: Happening,
}

/// What an item says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Happening {
    /// The person wrote.
    Message(Box<MessageFacts>),
    /// The business wrote from its own app, past the gate.
    SentElsewhere {
        /// What kind of message.
        kind: MessageKind,
        /// Whether just now or long ago.
        origin: MessageOrigin,
    },
    /// Something became of a message.
    Status(Box<StatusFacts>),
    /// The person chose about marketing in WhatsApp itself.
    Preference(PreferenceAction),
    /// The person has another number or user id.
    IdentityChanged(IdentityChangeKind),
    /// The person's identity key changed: confirm that the number still is theirs before anything confidential is sent.
    IdentityKeyChanged,
    /// A voice call.
    Call {
        /// Who called.
        direction: CallDirection,
        /// What happened.
        event: CallEvent,
        /// Meta's error codes.
        error_codes: Vec<u32>,
    },
    /// A contact in the address book of the business's own app.
    AddressBook(AddressBookAction),
    /// A group of the business's.
    Group(GroupEvent),
    /// How far the history of the business's own app was handed over, or that it was declined.
    History(HistorySync),
    /// A lead or a purchase that Meta saw.
    Conversion(Conversion),
    /// The business account changed.
    Account(AccountEvent),
    /// A template, a number, a flow, payments, security.
    Business(BusinessEvent),
    /// It was not understood, or could not be applied, and is kept sealed for 30 days.
    Kept {
        /// The webhook field.
        field: String,
        /// Why.
        reason: &'static str,
    },
}

/// What is told of a message from a person.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MessageFacts {
    /// What kind of message.
    pub kind: MessageKind,
    /// What the words mean for consent, and by which rule. In a group nothing followed from it.
    pub verdict: Verdict,
    /// Whether just now or long ago.
    pub origin: MessageOrigin,
    /// Whether it was sent to a group.
    pub is_group: bool,
    /// Whether it answers a message.
    pub is_answer: bool,
    /// Whether the person came by an advertisement.
    pub has_referral: bool,
    /// What the person answered to a request to be called.
    pub call_permission: Option<CallPermission>,
    /// The record of what was written, where the policy files it. It is read for a purpose, as every record.
    pub content: Option<RecordRef>,
    /// Meta's error codes.
    pub error_codes: Vec<u32>,
}

/// What is told of a status.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StatusFacts {
    /// How far the message came.
    pub status: DeliveryStatus,
    /// The permit it was sent under, where the status brought it back.
    pub permit: Option<PermitId>,
    /// Whether the message was bound to its permit by this status.
    pub is_healed: bool,
    /// Whether it was sent to a group.
    pub is_group: bool,
    /// The category that Meta charged for.
    pub charged_as: Option<MessageCategory>,
    /// Meta's error codes; [`wzapi_whatsapp::error_code::ErrorCode::response`] says what to do.
    pub error_codes: Vec<u32>,
}

impl MessageFacts {
    pub(super) fn of(message: &InboundMessage, verdict: Verdict) -> Self {
        Self {
            kind: message.kind.clone(),
            verdict,
            origin: message.origin,
            is_group: message.is_group,
            is_answer: message.context_id.is_some(),
            has_referral: message.has_referral,
            call_permission: message.call_permission,
            content: None,
            error_codes: message.error_codes.clone(),
        }
    }
}

impl StatusFacts {
    pub(super) fn of(status: &MessageStatus) -> Self {
        Self {
            status: status.status.clone(),
            permit: None,
            is_healed: false,
            is_group: status.is_group,
            charged_as: status.category,
            error_codes: status.error_codes.clone(),
        }
    }
}

/// What came of one item.
pub(super) struct Heard {
    pub(super) happening: Happening,
    /// Everybody whom it is about, for one of whom nobody is known yet.
    pub(super) about: Vec<KnownAs>,
}

impl Heard {
    /// What an item says by itself.
    pub(super) fn of(routed: &Routed<'_>) -> Self {
        let happening = match &routed.item.content {
            Content::Message(message) => {
                Happening::Message(Box::new(MessageFacts::of(message, message.intent())))
            }
            Content::SentElsewhere(sent) => {
                Happening::SentElsewhere { kind: sent.kind.clone(), origin: sent.origin }
            }
            Content::Status(status) => Happening::Status(Box::new(StatusFacts::of(status))),
            Content::Preference(preference) => Happening::Preference(preference.action.clone()),
            Content::IdentityChange(change) => Happening::IdentityChanged(change.kind),
            Content::IdentityKey(_) => Happening::IdentityKeyChanged,
            Content::Call(call) => Happening::Call {
                direction: call.direction,
                event: call.event.clone(),
                error_codes: call.error_codes.clone(),
            },
            Content::Group(event) => Happening::Group(event.clone()),
            Content::AddressBook(entry) => Happening::AddressBook(entry.action),
            Content::History(sync) => Happening::History(sync.clone()),
            Content::Conversion(conversion) => Happening::Conversion(conversion.clone()),
            Content::Account(event) => Happening::Account(event.clone()),
            Content::Business(event) => Happening::Business(event.clone()),
            Content::Unknown(reason) => kept(routed, super::apply::unknown_text(*reason)),
        };
        Self { happening, about: super::people::whom(routed) }
    }

    /// As an item that is kept.
    pub(super) fn kept(routed: &Routed<'_>, reason: &'static str) -> Self {
        Self { happening: kept(routed, reason), about: super::people::whom(routed) }
    }
}

fn kept(routed: &Routed<'_>, reason: &'static str) -> Happening {
    Happening::Kept { field: routed.item.field.clone(), reason }
}

/// When an item says that it happened.
pub(super) const fn time_of(content: &Content) -> Option<Timestamp> {
    match content {
        Content::Message(message) => message.timestamp,
        Content::SentElsewhere(sent) => sent.timestamp,
        Content::Status(status) => status.timestamp,
        Content::Preference(preference) => preference.timestamp,
        Content::IdentityChange(change) => change.timestamp,
        Content::IdentityKey(change) => change.timestamp,
        Content::Call(call) => call.timestamp,
        Content::Group(event) => event.timestamp,
        Content::AddressBook(entry) => entry.timestamp,
        Content::Conversion(conversion) => conversion.timestamp,
        Content::History(_) | Content::Account(_) | Content::Business(_) | Content::Unknown(_) => None,
    }
}
