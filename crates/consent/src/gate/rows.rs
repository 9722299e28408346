//! What is on record about a recipient, as far as the gate reads it.

use std::borrow::Cow;
use std::time::Duration;

use wzapi_model::Timestamp;
use wzapi_model::consent::{ConsentState, PurposeScope, Question};
use wzapi_model::identifier::Relation;
use wzapi_model::ids::{SenderId, SubjectId};
use wzapi_model::message::Channel;
use wzapi_model::name::PurposeId;
use wzapi_storage::row::{AgeMark, IdentifierRow, Mark, PortfolioIndex, Reach};

use super::rules::{GateRules, PurposeRule};
use crate::person;
use crate::standing::{self, Standing};

/// How long an inbound message permits free-form replies. Source: Meta, "Customer service windows".
pub const WINDOW: Duration = Duration::from_secs(24 * 3600);

/// How long messages are free of charge after a free entry point. Source: Meta, "Pricing", free entry points.
pub const FREE_ENTRY: Duration = Duration::from_secs(72 * 3600);

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
    /// The business portfolio of the sender, as far as anybody said.
    pub sender_portfolio: Option<PortfolioIndex>,
}

impl GateRows {
    pub(super) fn push(&mut self, row: IdentifierRow, relation: Relation) {
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
            .unwrap_or(Standing::UNKNOWN)
    }

    /// The rows as they count for this sender: a user id is scoped to one portfolio, so that of what was said to another
    /// one only the denials count.
    pub(super) fn of_senders_portfolio(&self) -> Cow<'_, Self> {
        if !self.is_of_another_portfolio() {
            return Cow::Borrowed(self);
        }
        let (others, same) = self.same.iter().cloned().partition(|row| self.is_elsewhere(row));
        let inferred: Vec<IdentifierRow> = [others, self.inferred.clone()].concat();
        Cow::Owned(Self { same, inferred, ..*self })
    }

    /// Whether the recipient's user id is known to be of another portfolio than the sender.
    pub(super) fn is_of_another_portfolio(&self) -> bool {
        self.same.iter().any(|row| self.is_elsewhere(row))
    }

    fn is_elsewhere(&self, row: &IdentifierRow) -> bool {
        person::are_apart(row.portfolio, self.sender_portfolio)
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
                mark.doubted = None;
            }
            row
        };
        Self {
            same: self.same.iter().map(without).collect(),
            inferred: self.inferred.iter().map(without).collect(),
            ..*self
        }
    }

    pub(super) fn subject(&self) -> Option<SubjectId> {
        self.live().next().map(|row| row.subject)
    }

    /// The rows whose holder has not left the identifier.
    fn live(&self) -> impl Iterator<Item = &IdentifierRow> {
        self.same.iter().filter(|row| row.left_at.is_none())
    }

    /// The last inbound message to this sender within the window.
    pub(super) fn open_window(&self, sender: SenderId, now: Timestamp) -> Option<Timestamp> {
        let windows = self.live().flat_map(|row| &row.windows).filter(|window| window.sender == sender);
        let last = windows.map(|window| window.last_inbound).max()?;
        (last <= now && now < last.saturating_add(WINDOW)).then_some(last)
    }

    /// Until when messages of this sender are free of charge: the person came by a free entry point.
    pub(super) fn free_entry_until(&self, sender: SenderId, now: Timestamp) -> Option<Timestamp> {
        let windows = self.live().flat_map(|row| &row.windows).filter(|window| window.sender == sender);
        let last = windows.filter_map(|window| window.last_free_entry).max()?;
        let until = last.saturating_add(FREE_ENTRY);
        (last <= now && now < until).then_some(until)
    }

    /// A living consent to be messaged by this sender for any purpose: what Meta calls an opt-in. It is read as if the
    /// person had never said no to marketing.
    pub(super) fn opt_in(&self, sender: SenderId, rules: &GateRules, now: Timestamp) -> Option<Mark> {
        let rows = self.without_marketing_denials(rules);
        let marks = rows.same.iter().flat_map(|row| &row.marks);
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
                let standing = rows.standing(&question, now);
                standing.because.filter(|_| standing.state == ConsentState::Given)
            })
            .max()
    }

    /// What was stated last about the age of whoever has the identifier now. Of two statements of one moment, the one
    /// that protects more.
    pub(super) fn age(&self) -> Option<AgeMark> {
        let marks = self
            .same
            .iter()
            .filter_map(|row| row.age.filter(|age| row.left_at.is_none_or(|left| age.mark.at > left)));
        marks.max_by_key(|age| (age.mark.at, age.band, age.mark.entry))
    }

    /// What the provider said last, over all rows.
    pub(super) fn reach(&self) -> Reach {
        self.same.iter().fold(Reach::default(), |all, row| Reach {
            held_back_at: all.held_back_at.max(row.reach.held_back_at),
            undeliverable_at: all.undeliverable_at.max(row.reach.undeliverable_at),
            reached_at: all.reached_at.max(row.reach.reached_at),
        })
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
