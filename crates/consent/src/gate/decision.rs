//! The decision: a pure function of rows, rules, request and time.
//!
//! `docs/gate.md` holds the table that this function must agree with; a test reads the table and tries every
//! combination.

use std::time::Duration;

use serde::Serialize;
use wzapi_model::Timestamp;
use wzapi_model::basis::LegalBasis;
use wzapi_model::consent::{ConsentState, PurposeScope, Question};
use wzapi_model::identifier::Relation;
use wzapi_model::ids::{EntryId, SenderId, SubjectId};
use wzapi_model::message::{Channel, MessageCategory};
use wzapi_model::name::PurposeId;
use wzapi_storage::row::{IdentifierRow, Mark};

use super::rules::{GateRules, PurposeRule};
use crate::standing::{self, Standing};

/// How long an inbound message permits free-form replies. Source: Meta, "Customer service windows".
pub const WINDOW: Duration = Duration::from_secs(24 * 3600);

/// What is to be sent, by whom and why; to whom is named apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The sender.
    pub sender: SenderId,
    /// The category of the message.
    pub category: MessageCategory,
    /// The purpose it serves.
    pub purpose: PurposeId,
}

impl Message {
    /// A message that serves the usual purpose of its category.
    #[must_use]
    pub fn new(sender: SenderId, category: MessageCategory) -> Self {
        Self { sender, category, purpose: GateRules::default_purpose(category) }
    }
}

/// Everything on record under the spellings of one recipient, and about the sender.
#[derive(Debug, Clone, Default)]
pub struct GateRows {
    /// Rows of the very identifier.
    pub same: Vec<IdentifierRow>,
    /// Rows of identifiers that may be the same line: only their denials count.
    pub inferred: Vec<IdentifierRow>,
    /// Whether the sender is one of the controller's. Denials for one sender are found under its id only, so an id
    /// that nobody registered must not get past them.
    pub is_sender_registered: bool,
}

impl GateRows {
    pub(crate) fn push(&mut self, row: IdentifierRow, relation: Relation) {
        match relation {
            Relation::Same => self.same.push(row),
            Relation::Inferred => self.inferred.push(row),
        }
    }

    /// The standing on one question over all rows: any denial wins, then any grant.
    pub fn standing(&self, question: &Question<'_>, now: Timestamp) -> Standing {
        let of = |row: &IdentifierRow| standing::answer(&row.marks, question, row.left_at, now);
        let inferred = self.inferred.iter().map(of).filter(Standing::is_denied);
        let all = self.same.iter().map(of).chain(inferred);
        all.max_by_key(|standing| (standing.is_denied(), weight(standing.state), standing.because))
            .unwrap_or(Standing { state: ConsentState::Unknown, because: None, is_platform_stop: false })
    }

    /// The rows as they would be had the person never said no to marketing: that is no answer to other messages,
    /// and must not take the opt-in to them away. A grant that was revoked or found invalid shows no opt-in.
    fn without_marketing_denials(&self, rules: &GateRules) -> Self {
        let is_marketing = |scope: &PurposeScope| match scope {
            PurposeScope::All => false,
            PurposeScope::Marketing => true,
            PurposeScope::One(purpose) => rules.purpose(purpose).is_some_and(PurposeRule::is_marketing),
        };
        let without = |row: &IdentifierRow| {
            let mut row = row.clone();
            for mark in row.marks.iter_mut().filter(|mark| is_marketing(&mark.scope.purpose)) {
                mark.denied = None;
                mark.stopped = None;
            }
            row
        };
        Self {
            same: self.same.iter().map(without).collect(),
            inferred: self.inferred.iter().map(without).collect(),
            is_sender_registered: self.is_sender_registered,
        }
    }

    fn subject(&self) -> Option<SubjectId> {
        let live = self.same.iter().find(|row| row.left_at.is_none());
        live.map(|row| row.subject)
    }

    /// The last inbound message to this sender within the window.
    fn open_window(&self, sender: SenderId, now: Timestamp) -> Option<Timestamp> {
        let live = self.same.iter().filter(|row| row.left_at.is_none());
        let last = live.flat_map(|row| &row.windows).filter(|window| window.sender == sender);
        let last = last.map(|window| window.last_inbound).max()?;
        (last <= now && now < last.saturating_add(WINDOW)).then_some(last)
    }

    /// A living consent to be messaged by this sender for any purpose: what Meta calls an opt-in.
    fn opt_in(&self, sender: SenderId, rules: &GateRules, now: Timestamp) -> Option<Mark> {
        let marks = self.same.iter().flat_map(|row| &row.marks);
        let granted = marks.filter(|mark| mark.granted.is_some() || mark.imported.is_some());
        let purposes = granted.map(|mark| match &mark.scope.purpose {
            PurposeScope::One(purpose) => purpose.clone(),
            PurposeScope::Marketing | PurposeScope::All => PurposeId::marketing(),
        });
        purposes
            .filter_map(|purpose| {
                let question = Question {
                    is_marketing: rules.purpose(&purpose).is_none_or(PurposeRule::is_marketing),
                    purpose: &purpose,
                    channel: Channel::WhatsApp,
                    sender: Some(sender),
                };
                let standing = self.standing(&question, now);
                standing.because.filter(|_| standing.state == ConsentState::Given)
            })
            .max()
    }
}

/// Between rows of one identifier the more cautious state is told; it matters only among states that do not deny.
const fn weight(state: ConsentState) -> u8 {
    match state {
        ConsentState::Unknown => 0,
        ConsentState::Requested => 1,
        ConsentState::Expired => 2,
        ConsentState::Given => 3,
        ConsentState::Refused
        | ConsentState::Withdrawn
        | ConsentState::Revoked
        | ConsentState::Invalidated => 4,
    }
}

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
}

impl ReasonCode {
    /// Whether it allows.
    #[must_use]
    pub const fn allows(self) -> bool {
        match self {
            Self::ConsentGiven | Self::OptedIn | Self::WindowOpen => true,
            Self::Refused
            | Self::Withdrawn
            | Self::PlatformStop
            | Self::Revoked
            | Self::Invalidated
            | Self::Expired
            | Self::NotAnswered
            | Self::NoConsent
            | Self::NoOptIn
            | Self::OutsideWindow
            | Self::UndeclaredPurpose
            | Self::CategoryNotDeclared
            | Self::UnknownRecipient
            | Self::UnknownSender => false,
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
            Self::Revoked => "revoked",
            Self::Invalidated => "invalidated",
            Self::Expired => "expired",
            Self::NotAnswered => "not_answered",
            Self::NoConsent => "no_consent",
            Self::NoOptIn => "no_opt_in",
            Self::OutsideWindow => "outside_window",
            Self::UndeclaredPurpose => "undeclared_purpose",
            Self::CategoryNotDeclared => "category_not_declared",
            Self::UnknownRecipient => "unknown_recipient",
            Self::UnknownSender => "unknown_sender",
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
            Self::Expired => "ask the person to renew the consent",
            Self::NotAnswered => "wait for the person's answer",
            Self::NoConsent => "ask the person for consent to this purpose and record the answer",
            Self::NoOptIn => "record the person's opt-in to messages from this business",
            Self::OutsideWindow => "use an approved template, or wait until the person writes",
            Self::UndeclaredPurpose => "declare the purpose in the policy, or name one that it declares",
            Self::CategoryNotDeclared => "use a category that the policy declares for the purpose",
            Self::UnknownRecipient => "record how the person was met and what they agreed to",
            Self::UnknownSender => "register the sender at the controller, or name one that is registered",
        }
    }
}

/// One reason of a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reason {
    /// Which.
    pub code: ReasonCode,
    /// Since when.
    pub since: Option<Timestamp>,
    /// The ledger entry that shows it.
    pub evidence: Option<EntryId>,
}

impl Reason {
    const fn plain(code: ReasonCode) -> Self {
        Self { code, since: None, evidence: None }
    }

    fn because(code: ReasonCode, mark: Option<Mark>) -> Self {
        Self { code, since: mark.map(|mark| mark.at), evidence: mark.map(|mark| mark.entry) }
    }
}

/// Whether a message may be sent, with every reason.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Decision {
    /// Whether it may.
    pub is_allowed: bool,
    /// On an allowed message, what it rests on; on a refused one, everything that stands against it.
    pub reasons: Vec<Reason>,
    /// The person, when the recipient is known.
    pub subject: Option<SubjectId>,
    /// When it was decided.
    pub decided_at: Timestamp,
}

/// Decides. Anything that is not plainly permitted is refused.
pub fn decide(rules: &GateRules, message: &Message, rows: &GateRows, now: Timestamp) -> Decision {
    let mut against = Vec::new();
    let mut in_favour = Vec::new();
    let rule = rules.purpose(&message.purpose);
    match rule {
        None => against.push(Reason::plain(ReasonCode::UndeclaredPurpose)),
        Some(rule) if !rule.categories.contains(&message.category) => {
            against.push(Reason::plain(ReasonCode::CategoryNotDeclared));
        }
        Some(_) => {}
    }
    if !rows.is_sender_registered {
        against.push(Reason::plain(ReasonCode::UnknownSender));
    }
    let is_marketing =
        message.category == MessageCategory::Marketing || rule.is_none_or(PurposeRule::is_marketing);
    let question = Question {
        purpose: &message.purpose,
        is_marketing,
        channel: Channel::WhatsApp,
        sender: Some(message.sender),
    };
    let standing = rows.standing(&question, now);
    let window = rows.open_window(message.sender, now);
    // The window permits free-form replies and nothing else: a template needs an opt-in, in it and outside of it.
    let is_reply = message.category == MessageCategory::Service;
    let basis =
        if is_marketing { LegalBasis::Consent } else { rule.map_or(LegalBasis::Consent, |rule| rule.basis) };

    if rows.same.is_empty() && rows.inferred.is_empty() {
        against.push(Reason::plain(ReasonCode::UnknownRecipient));
    } else if let Some(reason) = denial(&standing) {
        against.push(reason);
    } else {
        match basis {
            LegalBasis::Consent => match consent(&standing) {
                reason if reason.code.allows() => in_favour.push(reason),
                reason => against.push(reason),
            },
            LegalBasis::Contract
            | LegalBasis::LegalObligation
            | LegalBasis::VitalInterests
            | LegalBasis::PublicTask
            | LegalBasis::LegitimateInterests => {
                match rows.without_marketing_denials(rules).opt_in(message.sender, rules, now) {
                    Some(mark) => in_favour.push(Reason::because(ReasonCode::OptedIn, Some(mark))),
                    None if is_reply && window.is_some() => {}
                    None => against.push(Reason::plain(ReasonCode::NoOptIn)),
                }
            }
        }
    }
    match window {
        Some(since) if is_reply => {
            in_favour.push(Reason { code: ReasonCode::WindowOpen, since: Some(since), evidence: None });
        }
        None if is_reply => against.push(Reason::plain(ReasonCode::OutsideWindow)),
        Some(_) | None => {}
    }
    let is_allowed = against.is_empty() && !in_favour.is_empty() && rows.subject().is_some();
    if !is_allowed && against.is_empty() {
        against.push(Reason::plain(ReasonCode::UnknownRecipient));
    }
    let reasons = if is_allowed { in_favour } else { against };
    Decision { is_allowed, reasons, subject: rows.subject(), decided_at: now }
}

fn denial(standing: &Standing) -> Option<Reason> {
    let code = match standing.state {
        ConsentState::Refused => ReasonCode::Refused,
        ConsentState::Withdrawn if standing.is_platform_stop => ReasonCode::PlatformStop,
        ConsentState::Withdrawn => ReasonCode::Withdrawn,
        ConsentState::Revoked => ReasonCode::Revoked,
        ConsentState::Invalidated => ReasonCode::Invalidated,
        ConsentState::Unknown | ConsentState::Requested | ConsentState::Given | ConsentState::Expired => {
            return None;
        }
    };
    Some(Reason::because(code, standing.because))
}

fn consent(standing: &Standing) -> Reason {
    let code = match standing.state {
        ConsentState::Given => ReasonCode::ConsentGiven,
        ConsentState::Expired => ReasonCode::Expired,
        ConsentState::Requested => ReasonCode::NotAnswered,
        ConsentState::Unknown
        | ConsentState::Refused
        | ConsentState::Withdrawn
        | ConsentState::Revoked
        | ConsentState::Invalidated => ReasonCode::NoConsent,
    };
    Reason::because(code, standing.because)
}
