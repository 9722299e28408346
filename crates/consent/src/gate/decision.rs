//! The decision: a pure function of rows, rules, request and time.
//!
//! `docs/gate.md` holds the table that this function must agree with; a test reads the table and tries every
//! combination.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::time::Duration;

use wzapi_model::Timestamp;
use wzapi_model::basis::LegalBasis;
use wzapi_model::consent::{ConsentState, Question};
use wzapi_model::ids::{SenderId, SubjectId};
use wzapi_model::message::{Channel, MessageCategory};
use wzapi_model::name::PurposeId;
use wzapi_policy::regimes::Regime;

use super::age::{self, AgeQuestion};
use super::frequency;
use super::quiet_hours::{self, Quiet};
use super::reason::{Reason, ReasonCode};
use super::recipient::Recipient;
use super::region::Place;
use super::rows::GateRows;
use super::rules::{GateRules, PurposeRule};
use crate::standing::{DenialCause, Standing};

/// How long no marketing is tried after the provider held a message back. Source: Meta, error 131049.
pub const HELD_BACK: Duration = Duration::from_secs(24 * 3600);

/// How long no marketing is tried after a message could not be delivered, unless the person is reached before. Meta
/// does not say; the time is a decision of this project.
pub const UNREACHABLE: Duration = Duration::from_secs(30 * 24 * 3600);

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
    /// Until when messages of this sender are free of charge, since the person came by an advertisement or another free
    /// entry point. It is told for the price alone and permits nothing.
    pub free_entry_until: Option<Timestamp>,
    /// When it was decided.
    pub decided_at: Timestamp,
}

/// Decides. Anything that is not plainly permitted is refused.
pub fn decide(
    rules: &GateRules,
    message: &Message,
    recipient: &Recipient,
    rows: &GateRows,
    now: Timestamp,
) -> Decision {
    let place = rules.depend_on_place().then(|| Place::of(recipient));
    let rule = rules.purpose(&message.purpose);
    let mut case = Case {
        rules,
        message,
        rule,
        is_marketing: message.category == MessageCategory::Marketing
            || rule.is_none_or(PurposeRule::is_marketing),
        regimes: place.as_ref().map(|place| rules.regimes_of(place)).unwrap_or_default(),
        rows: rows.of_senders_portfolio(),
        now,
        in_favour: Vec::new(),
        against: Vec::new(),
    };
    case.weigh_policy();
    if rows.same.is_empty() && rows.inferred.is_empty() {
        case.against.push(Reason::plain(ReasonCode::UnknownRecipient));
        case.weigh_age(None);
    } else {
        case.weigh_person();
    }
    case.weigh_window();
    if rows.is_of_another_portfolio() {
        case.against.push(Reason::plain(ReasonCode::WrongPortfolio));
    }
    if let Some(place) = &place {
        case.weigh_place(place);
    }
    case.weigh_sendings();
    let Case { rows: counting, in_favour, mut against, .. } = case;
    let is_allowed = against.is_empty() && !in_favour.is_empty() && counting.subject().is_some();
    if !is_allowed && against.is_empty() {
        against.push(Reason::plain(ReasonCode::UnknownRecipient));
    }
    Decision {
        is_allowed,
        reasons: if is_allowed { in_favour } else { against },
        subject: rows.subject(),
        free_entry_until: counting.free_entry_until(message.sender, now),
        decided_at: now,
    }
}

/// One message to one person, and what was found for and against it.
struct Case<'a> {
    rules: &'a GateRules,
    message: &'a Message,
    rule: Option<&'a PurposeRule>,
    is_marketing: bool,
    regimes: BTreeSet<Regime>,
    rows: Cow<'a, GateRows>,
    now: Timestamp,
    in_favour: Vec<Reason>,
    against: Vec<Reason>,
}

impl Case<'_> {
    /// What the policy declares, and who may send at all.
    fn weigh_policy(&mut self) {
        match self.rule {
            None => self.against.push(Reason::plain(ReasonCode::UndeclaredPurpose)),
            Some(rule) if !rule.categories.contains(&self.message.category) => {
                self.against.push(Reason::plain(ReasonCode::CategoryNotDeclared));
            }
            Some(_) => {}
        }
        if !self.rows.is_sender_registered {
            self.against.push(Reason::plain(ReasonCode::UnknownSender));
        }
    }

    /// Denials, consent, opt-in and age.
    fn weigh_person(&mut self) {
        let question = Question {
            purpose: &self.message.purpose,
            is_marketing: self.is_marketing,
            channel: Channel::WhatsApp,
            sender: Some(self.message.sender),
        };
        let standing = self.rows.standing(&question, self.now);
        if let Some(reason) = denial(&standing) {
            self.against.push(reason);
            self.weigh_age(None);
            return;
        }
        match self.basis() {
            LegalBasis::Consent => {
                let reason = self.consent(&standing);
                let stands = standing.state == ConsentState::Given;
                let side = if reason.code.allows() { &mut self.in_favour } else { &mut self.against };
                side.push(reason);
                self.weigh_age(Some(&standing).filter(|_| stands));
            }
            LegalBasis::Contract
            | LegalBasis::LegalObligation
            | LegalBasis::VitalInterests
            | LegalBasis::PublicTask
            | LegalBasis::LegitimateInterests => {
                self.weigh_opt_in();
                self.weigh_age(None);
            }
        }
    }

    /// What the message rests on: the strictest of every regime that may protect the person. Marketing rests on consent
    /// whatever the policy names.
    fn basis(&self) -> LegalBasis {
        match self.rule {
            Some(rule) if !self.is_marketing => rule.strictest_of(&self.regimes),
            Some(_) | None => LegalBasis::Consent,
        }
    }

    fn weigh_opt_in(&mut self) {
        let is_reply = self.message.category == MessageCategory::Service;
        match self.rows.opt_in(self.message.sender, self.rules, self.now) {
            Some(mark) => self.in_favour.push(Reason::because(ReasonCode::OptedIn, Some(mark))),
            // A reply in an open window does without: the person wrote first.
            None if is_reply && self.rows.open_window(self.message.sender, self.now).is_some() => {}
            None => self.against.push(Reason::plain(ReasonCode::NoOptIn)),
        }
    }

    fn consent(&self, standing: &Standing) -> Reason {
        let renewal = self.rules.renewal(&self.message.purpose);
        let code = match standing.state {
            ConsentState::Given
                if standing.grant.zip(renewal).is_some_and(|(grant, one)| one.ends(&grant)) =>
            {
                ReasonCode::NoticeChanged
            }
            ConsentState::Given => ReasonCode::ConsentGiven,
            ConsentState::Expired => ReasonCode::Expired,
            ConsentState::Requested => ReasonCode::NotAnswered,
            // A denial was told before; were it not, it would show no consent.
            ConsentState::Unknown
            | ConsentState::Refused
            | ConsentState::Withdrawn
            | ConsentState::Revoked
            | ConsentState::Invalidated => ReasonCode::NoConsent,
        };
        Reason::because(code, standing.because)
    }

    fn weigh_age(&mut self, consent: Option<&Standing>) {
        let rules = self.rules.ages(&self.regimes);
        let question = AgeQuestion {
            known: self.rows.age(),
            unknown: self.rules.sending().unknown_age,
            rules: &rules,
            is_marketing: self.is_marketing,
            consent,
        };
        self.against.extend(age::against(&question));
    }

    /// The window permits free-form replies and nothing else: a template needs an opt-in, in it and outside of it.
    fn weigh_window(&mut self) {
        if self.message.category != MessageCategory::Service {
            return;
        }
        match self.rows.open_window(self.message.sender, self.now) {
            Some(since) => {
                let reason = Reason::plain(ReasonCode::WindowOpen);
                self.in_favour.push(Reason { since: Some(since), ..reason });
            }
            None => self.against.push(Reason::plain(ReasonCode::OutsideWindow)),
        }
    }

    /// Countries and hours. A place that leaves a refused country or a quiet zone open is refused.
    fn weigh_place(&mut self, place: &Place) {
        let (sending, category) = (self.rules.sending(), self.message.category);
        let refused = sending.countries_refused.get(&category).filter(|refused| !refused.is_empty());
        let may_be_there = refused.is_some_and(|refused| {
            place.countries().is_empty() || place.countries().iter().any(|one| refused.contains(one))
        });
        if may_be_there {
            self.against.push(Reason::plain(ReasonCode::CountryRefused));
        }
        let hours = sending.quiet_hours.as_ref().filter(|hours| hours.categories.contains(&category));
        match hours.map(|hours| quiet_hours::at(hours, place, self.now)) {
            None | Some(Quiet::Nowhere) => {}
            Some(Quiet::Until(possible_from)) => {
                self.against.push(Reason { possible_from, ..Reason::plain(ReasonCode::QuietHours) });
            }
        }
    }

    /// What was sent before, and how it fared. The provider's word on delivery stops marketing only: other messages are
    /// owed to the person, and trying them shows whether they are reached again.
    fn weigh_sendings(&mut self) {
        let (category, now) = (self.message.category, self.now);
        let limits = &self.rules.sending().frequency;
        let full_until = frequency::possible_from(limits, category, self.rows.same.iter(), now);
        if full_until.is_some() {
            let reason = Reason::plain(ReasonCode::TooFrequent);
            self.against.push(Reason { possible_from: full_until, ..reason });
        }
        if category != MessageCategory::Marketing {
            return;
        }
        let reach = self.rows.reach();
        let undeliverable =
            reach.undeliverable_at.filter(|since| reach.reached_at.is_none_or(|at| at <= *since));
        for (code, since, length) in [
            (ReasonCode::HeldBack, reach.held_back_at, HELD_BACK),
            (ReasonCode::Unreachable, undeliverable, UNREACHABLE),
        ] {
            let Some(since) = since else { continue };
            let end = since.saturating_add(length);
            if now < end {
                let possible_from = Some(end);
                self.against.push(Reason { since: Some(since), possible_from, ..Reason::plain(code) });
            }
        }
    }
}

fn denial(standing: &Standing) -> Option<Reason> {
    let of_withdrawal = match standing.cause {
        Some(DenialCause::PlatformStop) => ReasonCode::PlatformStop,
        Some(DenialCause::Doubt) => ReasonCode::Ambiguous,
        Some(DenialCause::Act) | None => ReasonCode::Withdrawn,
    };
    let code = match standing.state {
        ConsentState::Refused => ReasonCode::Refused,
        ConsentState::Withdrawn => of_withdrawal,
        ConsentState::Revoked => ReasonCode::Revoked,
        ConsentState::Invalidated => ReasonCode::Invalidated,
        ConsentState::Unknown | ConsentState::Requested | ConsentState::Given | ConsentState::Expired => {
            return None;
        }
    };
    Some(Reason::because(code, standing.because))
}
