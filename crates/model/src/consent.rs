//! Consent: what a person can do about it, how far an act reaches, and the states that follow.

use serde::{Deserialize, Serialize};

use crate::ids::SenderId;
use crate::message::Channel;
use crate::name::PurposeId;

/// The state of a consent, after the W3C Data Privacy Vocabulary 2.3, module `consent_status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsentState {
    /// `dpv:ConsentUnknown`: nothing is on record.
    Unknown,
    /// `dpv:ConsentRequested`: asked, not answered.
    Requested,
    /// `dpv:ConsentGiven`: the only state here that permits anything.
    Given,
    /// `dpv:ConsentRefused`: asked and declined.
    Refused,
    /// `dpv:ConsentWithdrawn`: ended by the person, also by an objection or an opt-out.
    Withdrawn,
    /// `dpv:ConsentExpired`: its time ran out.
    Expired,
    /// `dpv:ConsentRevoked`: ended by someone other than the person.
    Revoked,
    /// `dpv:ConsentInvalidated`: found never to have been valid.
    Invalidated,
}

impl ConsentState {
    /// Every state.
    pub const ALL: [Self; 8] = [
        Self::Unknown,
        Self::Requested,
        Self::Given,
        Self::Refused,
        Self::Withdrawn,
        Self::Expired,
        Self::Revoked,
        Self::Invalidated,
    ];

    /// The name used in files, JSON and SQL.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Requested => "requested",
            Self::Given => "given",
            Self::Refused => "refused",
            Self::Withdrawn => "withdrawn",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::Invalidated => "invalidated",
        }
    }

    /// The term of the Data Privacy Vocabulary.
    #[must_use]
    pub const fn dpv_term(self) -> &'static str {
        match self {
            Self::Unknown => "dpv:ConsentUnknown",
            Self::Requested => "dpv:ConsentRequested",
            Self::Given => "dpv:ConsentGiven",
            Self::Refused => "dpv:ConsentRefused",
            Self::Withdrawn => "dpv:ConsentWithdrawn",
            Self::Expired => "dpv:ConsentExpired",
            Self::Revoked => "dpv:ConsentRevoked",
            Self::Invalidated => "dpv:ConsentInvalidated",
        }
    }
}

/// Which purposes an act covers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PurposeScope {
    /// Every purpose: for a denial, a global opt-out.
    All,
    /// Every purpose that is served by marketing messages: what a bare STOP denies.
    Marketing,
    /// One purpose.
    One(PurposeId),
}

/// Which channels an act covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChannelScope {
    /// Every channel.
    All,
    /// One channel.
    One(Channel),
}

/// Which of the controller's senders an act covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SenderScope {
    /// Every sender.
    All,
    /// One sender.
    One(SenderId),
}

/// How far an act reaches.
///
/// ```
/// use wzapi_model::consent::{ConsentScope, Question};
/// use wzapi_model::message::Channel;
/// use wzapi_model::name::PurposeId;
///
/// let stop = ConsentScope::all_marketing();
/// let marketing = PurposeId::marketing();
/// let question = Question { purpose: &marketing, is_marketing: true, channel: Channel::WhatsApp, sender: None };
/// assert!(stop.covers(&question));
/// let security = PurposeId::security_notifications();
/// assert!(!stop.covers(&Question { purpose: &security, is_marketing: false, ..question }));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ConsentScope {
    /// Purposes covered.
    pub purpose: PurposeScope,
    /// Channels covered.
    pub channel: ChannelScope,
    /// Senders covered.
    pub sender: SenderScope,
}

/// What the gate asks of a scope: one purpose, one channel, one sender.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The purpose of the message.
    pub purpose: &'a PurposeId,
    /// Whether the message or its purpose is marketing.
    pub is_marketing: bool,
    /// The channel it would go over.
    pub channel: Channel,
    /// Who would send it; `None` asks about an act for every sender.
    pub sender: Option<SenderId>,
}

impl ConsentScope {
    /// One purpose, over WhatsApp, by every sender of the controller.
    #[must_use]
    pub const fn whatsapp(purpose: PurposeId) -> Self {
        Self {
            purpose: PurposeScope::One(purpose),
            channel: ChannelScope::One(Channel::WhatsApp),
            sender: SenderScope::All,
        }
    }

    /// Everything that is marketing, on every channel, by every sender: the reach of a bare STOP.
    #[must_use]
    pub const fn all_marketing() -> Self {
        Self { purpose: PurposeScope::Marketing, channel: ChannelScope::All, sender: SenderScope::All }
    }

    /// Marketing over WhatsApp by every sender: the reach of Meta's `user_preferences`.
    #[must_use]
    pub const fn whatsapp_marketing() -> Self {
        Self {
            purpose: PurposeScope::Marketing,
            channel: ChannelScope::One(Channel::WhatsApp),
            sender: SenderScope::All,
        }
    }

    /// One purpose, on every channel, by every sender: the reach of a refusal or a withdrawal of that purpose.
    #[must_use]
    pub const fn everywhere(purpose: PurposeId) -> Self {
        Self { purpose: PurposeScope::One(purpose), channel: ChannelScope::All, sender: SenderScope::All }
    }

    /// Everything that is marketing, on every channel, by one sender.
    #[must_use]
    pub const fn marketing_by(sender: SenderId) -> Self {
        Self {
            purpose: PurposeScope::Marketing,
            channel: ChannelScope::All,
            sender: SenderScope::One(sender),
        }
    }

    /// Everything that one sender sends.
    #[must_use]
    pub const fn everything_by(sender: SenderId) -> Self {
        Self { purpose: PurposeScope::All, channel: ChannelScope::All, sender: SenderScope::One(sender) }
    }

    /// Everything: a global opt-out.
    #[must_use]
    pub const fn everything() -> Self {
        Self { purpose: PurposeScope::All, channel: ChannelScope::All, sender: SenderScope::All }
    }

    /// Whether an act of this scope speaks to the question.
    #[must_use]
    pub fn covers(&self, question: &Question<'_>) -> bool {
        let purpose = match &self.purpose {
            PurposeScope::All => true,
            PurposeScope::Marketing => question.is_marketing,
            PurposeScope::One(purpose) => purpose == question.purpose,
        };
        let channel = match self.channel {
            ChannelScope::All => true,
            ChannelScope::One(channel) => channel == question.channel,
        };
        let sender = match self.sender {
            SenderScope::All => true,
            SenderScope::One(sender) => question.sender == Some(sender),
        };
        purpose && channel && sender
    }
}

/// What happened to a consent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsentAct {
    /// The person was asked.
    Requested,
    /// The person agreed.
    Given,
    /// The person declined.
    Refused,
    /// The person withdrew or opted out.
    Withdrawn,
    /// The person objected to processing that does not rest on consent (GDPR Art. 21).
    Objected,
    /// The controller or an authority ended it.
    Revoked,
    /// It was found never to have been valid.
    Invalidated,
    /// The person stopped marketing messages in WhatsApp itself (`user_preferences` `stop`, error 131050).
    PlatformStopped,
    /// The person resumed marketing messages in WhatsApp itself. Ends a platform stop and nothing else.
    PlatformResumed,
    /// The person wrote what may have been an opt-out. It denies until a clear answer, or
    /// [`ConsentAct::DoubtCleared`], ends it.
    Doubted,
    /// A person of the controller read such a message and found that it was no opt-out. Ends a doubt and nothing
    /// else.
    DoubtCleared,
    /// The person was erased. What is left of them is this denial of everything, which no import overrides; only a later
    /// act of the person's own ends it.
    Erased,
}

impl ConsentAct {
    /// Every act.
    pub const ALL: [Self; 12] = [
        Self::Requested,
        Self::Given,
        Self::Refused,
        Self::Withdrawn,
        Self::Objected,
        Self::Revoked,
        Self::Invalidated,
        Self::PlatformStopped,
        Self::PlatformResumed,
        Self::Doubted,
        Self::DoubtCleared,
        Self::Erased,
    ];

    /// The name used in files, JSON and SQL.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Given => "given",
            Self::Refused => "refused",
            Self::Withdrawn => "withdrawn",
            Self::Objected => "objected",
            Self::Revoked => "revoked",
            Self::Invalidated => "invalidated",
            Self::PlatformStopped => "platform_stopped",
            Self::PlatformResumed => "platform_resumed",
            Self::Doubted => "doubted",
            Self::DoubtCleared => "doubt_cleared",
            Self::Erased => "erased",
        }
    }

    /// Whether the act denies. A denial wins a tie, covers everything narrower, and is never refused for its
    /// date.
    #[must_use]
    pub const fn is_denial(self) -> bool {
        match self {
            Self::Refused
            | Self::Withdrawn
            | Self::Objected
            | Self::Revoked
            | Self::Invalidated
            | Self::PlatformStopped
            | Self::Doubted
            | Self::Erased => true,
            Self::Requested | Self::Given | Self::PlatformResumed | Self::DoubtCleared => false,
        }
    }
}

/// How an act reached the controller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsentMethod {
    /// A form on a web site or in an app.
    WebForm,
    /// A click-to-WhatsApp advertisement or link.
    ClickToChat,
    /// A message from the person, in their own words.
    InboundMessage,
    /// A keyword such as STOP or START.
    Keyword,
    /// A signed paper.
    Paper,
    /// Spoken.
    Verbal,
    /// Taken over from another system.
    Import,
    /// Recorded by the host's own program.
    Api,
    /// Set by the person in WhatsApp and told by Meta (`user_preferences`).
    PlatformPreference,
    /// Learned from an error that Meta answered a message with.
    PlatformError,
    /// The business blocked the person, or was told that the person blocked it.
    Block,
    /// An officer of the controller, after reading what the person wrote.
    Review,
}

impl ConsentMethod {
    /// Every method.
    pub const ALL: [Self; 12] = [
        Self::WebForm,
        Self::ClickToChat,
        Self::InboundMessage,
        Self::Keyword,
        Self::Paper,
        Self::Verbal,
        Self::Import,
        Self::Api,
        Self::PlatformPreference,
        Self::PlatformError,
        Self::Block,
        Self::Review,
    ];

    /// The name used in files, JSON and SQL.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WebForm => "web_form",
            Self::ClickToChat => "click_to_chat",
            Self::InboundMessage => "inbound_message",
            Self::Keyword => "keyword",
            Self::Paper => "paper",
            Self::Verbal => "verbal",
            Self::Import => "import",
            Self::Api => "api",
            Self::PlatformPreference => "platform_preference",
            Self::PlatformError => "platform_error",
            Self::Block => "block",
            Self::Review => "review",
        }
    }
}

/// Where a record of an act comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Provenance {
    /// Recorded when the person acted.
    Direct,
    /// Taken over from another system's records. An imported grant never outweighs a denial.
    Imported,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_scope_covers_that_sender_only() {
        let purpose = PurposeId::marketing();
        let (a, b) = (SenderId::from_bytes([1; 16]), SenderId::from_bytes([2; 16]));
        let scope = ConsentScope { sender: SenderScope::One(a), ..ConsentScope::whatsapp_marketing() };
        let question =
            Question { purpose: &purpose, is_marketing: true, channel: Channel::WhatsApp, sender: Some(a) };
        assert!(scope.covers(&question));
        assert!(!scope.covers(&Question { sender: Some(b), ..question }));
        assert!(!scope.covers(&Question { sender: None, ..question }));
        assert!(!scope.covers(&Question { channel: Channel::Email, ..question }));
    }
}
