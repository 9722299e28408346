//! Why a message may or may not be sent.

use std::sync::Arc;

use serde::Serialize;
use wzapi_model::Timestamp;
use wzapi_model::ids::EntryId;
use wzapi_storage::row::Mark;

/// Why a message may or may not be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReasonCode {
    /// Allows: the person's consent to this purpose stands.
    ConsentGiven,
    /// Allows: the person opted in to messages and the purpose does not rest on consent.
    OptedIn,
    /// Allows: the person wrote within the last 24 hours.
    WindowOpen,
    /// Refuses: the person declined.
    Refused,
    /// Refuses: the person withdrew, objected or opted out.
    Withdrawn,
    /// Refuses: the person stopped marketing messages in WhatsApp itself.
    PlatformStop,
    /// Refuses: the person wrote what may have been an opt-out.
    Ambiguous,
    /// Refuses: the consent was ended by someone other than the person.
    Revoked,
    /// Refuses: the consent was found never to have been valid.
    Invalidated,
    /// Refuses: the consent ran out.
    Expired,
    /// Refuses: the person was asked and has not answered.
    NotAnswered,
    /// Refuses: no consent to this purpose is on record.
    NoConsent,
    /// Refuses: what the person agreed to has changed since.
    NoticeChanged,
    /// Refuses: a child's own consent does not suffice.
    GuardianRequired,
    /// Refuses: the law forbids it toward children, or lets nobody consent for them.
    Child,
    /// Refuses: the policy takes a person of unknown age for a child.
    AgeUnknown,
    /// Refuses: nothing shows that the person opted in to messages from this business.
    NoOptIn,
    /// Refuses: free-form messages need an inbound message within the last 24 hours.
    OutsideWindow,
    /// Refuses: the policy does not declare the purpose.
    UndeclaredPurpose,
    /// Refuses: the policy does not let messages of this category serve the purpose.
    CategoryNotDeclared,
    /// Refuses: nothing is on record about the recipient.
    UnknownRecipient,
    /// Refuses: the sender is not registered at the controller.
    UnknownSender,
    /// Refuses: the user id is of another business portfolio than the sender.
    WrongPortfolio,
    /// Refuses: the policy sends no messages of this category to a country in which the recipient may be.
    CountryRefused,
    /// Refuses: it is quiet where the recipient may be.
    QuietHours,
    /// Refuses: the person was written to as often as the policy permits.
    TooFrequent,
    /// Refuses: the provider held a message back within the last 24 hours.
    HeldBack,
    /// Refuses: the last message could not be delivered.
    Unreachable,
}

impl ReasonCode {
    /// Every code, in the order of `docs/gate.md`.
    pub const ALL: [Self; 28] = [
        Self::ConsentGiven,
        Self::OptedIn,
        Self::WindowOpen,
        Self::Refused,
        Self::Withdrawn,
        Self::PlatformStop,
        Self::Ambiguous,
        Self::Revoked,
        Self::Invalidated,
        Self::Expired,
        Self::NotAnswered,
        Self::NoConsent,
        Self::NoticeChanged,
        Self::GuardianRequired,
        Self::Child,
        Self::AgeUnknown,
        Self::NoOptIn,
        Self::OutsideWindow,
        Self::UndeclaredPurpose,
        Self::CategoryNotDeclared,
        Self::UnknownRecipient,
        Self::UnknownSender,
        Self::WrongPortfolio,
        Self::CountryRefused,
        Self::QuietHours,
        Self::TooFrequent,
        Self::HeldBack,
        Self::Unreachable,
    ];

    /// Whether it allows.
    #[must_use]
    pub const fn allows(self) -> bool {
        match self {
            Self::ConsentGiven | Self::OptedIn | Self::WindowOpen => true,
            Self::Refused
            | Self::Withdrawn
            | Self::PlatformStop
            | Self::Ambiguous
            | Self::Revoked
            | Self::Invalidated
            | Self::Expired
            | Self::NotAnswered
            | Self::NoConsent
            | Self::NoticeChanged
            | Self::GuardianRequired
            | Self::Child
            | Self::AgeUnknown
            | Self::NoOptIn
            | Self::OutsideWindow
            | Self::UndeclaredPurpose
            | Self::CategoryNotDeclared
            | Self::UnknownRecipient
            | Self::UnknownSender
            | Self::WrongPortfolio
            | Self::CountryRefused
            | Self::QuietHours
            | Self::TooFrequent
            | Self::HeldBack
            | Self::Unreachable => false,
        }
    }

    /// The name used in JSON, reports and `docs/gate.md`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ConsentGiven => "consent_given",
            Self::OptedIn => "opted_in",
            Self::WindowOpen => "window_open",
            Self::Refused => "refused",
            Self::Withdrawn => "withdrawn",
            Self::PlatformStop => "platform_stop",
            Self::Ambiguous => "ambiguous",
            Self::Revoked => "revoked",
            Self::Invalidated => "invalidated",
            Self::Expired => "expired",
            Self::NotAnswered => "not_answered",
            Self::NoConsent => "no_consent",
            Self::NoticeChanged => "notice_changed",
            Self::GuardianRequired => "guardian_required",
            Self::Child => "child",
            Self::AgeUnknown => "age_unknown",
            Self::NoOptIn => "no_opt_in",
            Self::OutsideWindow => "outside_window",
            Self::UndeclaredPurpose => "undeclared_purpose",
            Self::CategoryNotDeclared => "category_not_declared",
            Self::UnknownRecipient => "unknown_recipient",
            Self::UnknownSender => "unknown_sender",
            Self::WrongPortfolio => "wrong_portfolio",
            Self::CountryRefused => "country_refused",
            Self::QuietHours => "quiet_hours",
            Self::TooFrequent => "too_frequent",
            Self::HeldBack => "held_back",
            Self::Unreachable => "unreachable",
        }
    }

    /// What would make the message possible; for a reason that allows, what it rests on.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::ConsentGiven => "rests on the person's consent to this purpose",
            Self::OptedIn => "rests on the person's opt-in to messages from this business",
            Self::WindowOpen => "rests on the person's own message within the last 24 hours",
            Self::Refused | Self::Withdrawn | Self::Revoked | Self::Invalidated => {
                "only a later act of the person's own, recorded as given, ends this"
            }
            Self::PlatformStop => {
                "the person can resume marketing messages in WhatsApp, or agree again by an act of their own"
            }
            Self::Ambiguous => {
                "have an officer read what the person wrote, or wait for a clear answer of the person's own"
            }
            Self::Expired => "ask the person to renew the consent",
            Self::NotAnswered => "wait for the person's answer",
            Self::NoConsent => "ask the person for consent to this purpose and record the answer",
            Self::NoticeChanged => "show the person the present notice and ask for consent again",
            Self::GuardianRequired => "ask a parent or guardian for consent and record it as theirs",
            Self::Child => "leave the person out, or record that they are of age if they are",
            Self::AgeUnknown => "record whether the person is of age, or a guardian's consent",
            Self::NoOptIn => "record the person's opt-in to messages from this business",
            Self::OutsideWindow => "use an approved template, or wait until the person writes",
            Self::UndeclaredPurpose => "declare the purpose in the policy, or name one that it declares",
            Self::CategoryNotDeclared => "use a category that the policy declares for the purpose",
            Self::UnknownRecipient => "record how the person was met and what they agreed to",
            Self::UnknownSender => "register the sender at the controller, or name one that is registered",
            Self::WrongPortfolio => {
                "send from the portfolio that the user id belongs to, or to another identifier"
            }
            Self::CountryRefused => {
                "state the recipient's country if it is another one, or leave the person out"
            }
            Self::QuietHours => "wait for the end of the quiet hours, or state the recipient's time zone",
            Self::TooFrequent => "wait until an earlier message no longer counts",
            Self::HeldBack => "wait 24 hours from when the provider held a message back",
            Self::Unreachable => "wait until the person is reached by another message or writes, or 30 days",
        }
    }

    /// The rule behind it, by the name of its source.
    #[must_use]
    pub const fn rule(self) -> &'static str {
        match self {
            Self::ConsentGiven | Self::NoConsent | Self::NotAnswered | Self::Expired => {
                "consent before marketing, and wherever the policy rests on it"
            }
            Self::OptedIn | Self::NoOptIn => "Meta: get opt-in for WhatsApp",
            Self::WindowOpen | Self::OutsideWindow => "Meta: customer service windows",
            Self::Refused | Self::Withdrawn | Self::Revoked | Self::Invalidated => {
                "a denial stands until lifted"
            }
            Self::PlatformStop => "Meta: user_preferences",
            Self::Ambiguous => "what may be an opt-out is one until it is cleared",
            Self::NoticeChanged => "consent is to what the notice said",
            Self::GuardianRequired | Self::Child => "age of consent of the recipient's regime",
            Self::AgeUnknown => "policy: sending.unknown_age",
            Self::UndeclaredPurpose | Self::CategoryNotDeclared => "policy: purposes",
            Self::UnknownRecipient => "nothing on record is no permission",
            Self::UnknownSender => "only registered senders",
            Self::WrongPortfolio => "Meta: business-scoped user IDs",
            Self::CountryRefused => "policy: sending.countries_refused",
            Self::QuietHours => "policy: sending.quiet_hours",
            Self::TooFrequent => "policy: sending.frequency",
            Self::HeldBack => "Meta: error 131049",
            Self::Unreachable => "Meta: error 131026",
        }
    }
}

/// One reason of a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// Which.
    pub code: ReasonCode,
    /// Since when.
    pub since: Option<Timestamp>,
    /// The ledger entry that shows it.
    pub evidence: Option<EntryId>,
    /// From when on this reason no longer stands, where time alone ends it.
    pub possible_from: Option<Timestamp>,
    /// The provision of law behind it, where the policy's regime rules name one.
    pub citation: Option<Arc<str>>,
}

impl Reason {
    /// The rule behind it: the provision of law where one is known, otherwise the rule of its code.
    #[must_use]
    pub fn rule(&self) -> &str {
        self.citation.as_deref().unwrap_or(self.code.rule())
    }

    pub(super) const fn plain(code: ReasonCode) -> Self {
        Self { code, since: None, evidence: None, possible_from: None, citation: None }
    }

    pub(super) fn because(code: ReasonCode, mark: Option<Mark>) -> Self {
        match mark {
            Some(mark) => Self { since: Some(mark.at), evidence: Some(mark.entry), ..Self::plain(code) },
            None => Self::plain(code),
        }
    }
}
