//! The decision against the tables of `docs/gate.md`, which are derived from the design and not from the code.

use std::collections::BTreeSet;

use wzapi_consent::gate::rows::WINDOW;
use wzapi_consent::gate::{Decision, GateRows, GateRules, Message, PurposeRule, ReasonCode};
use wzapi_model::basis::LegalBasis;
use wzapi_model::consent::{ConsentAct, ConsentScope, ConsentState, PurposeScope};
use wzapi_model::message::MessageCategory;
use wzapi_model::name::PurposeId;
use wzapi_storage::row::{ScopeMarks, Window};

use super::{
    at, before, by_a_sender_of_ours, cleared, decide, denied, doubted, doubted_and_cleared, expired, granted,
    imported, list, now, opted_in_purpose, requested, resumed, row, stopped, stopped_and_resumed, table_of,
};
use crate::support::{SENDER, codes};

const BASES: [LegalBasis; 6] = [
    LegalBasis::Consent,
    LegalBasis::Contract,
    LegalBasis::LegalObligation,
    LegalBasis::VitalInterests,
    LegalBasis::PublicTask,
    LegalBasis::LegitimateInterests,
];

/// The state of a question: one of the vocabulary, a stop made in WhatsApp itself, or a message that may be an opt-out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Of(ConsentState),
    PlatformStop,
    Ambiguous,
}

impl State {
    fn all() -> impl Iterator<Item = Self> {
        ConsentState::ALL.into_iter().map(Self::Of).chain([Self::PlatformStop, Self::Ambiguous])
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Of(state) => state.as_str(),
            Self::PlatformStop => "platform_stop",
            Self::Ambiguous => "ambiguous",
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Case {
    category: MessageCategory,
    basis: LegalBasis,
    state: State,
    is_opted_in: bool,
    is_window_open: bool,
}

impl Case {
    fn all() -> Vec<Self> {
        let mut cases = Vec::new();
        for category in MessageCategory::ALL {
            for basis in BASES {
                for state in State::all() {
                    for (is_opted_in, is_window_open) in
                        [(false, false), (false, true), (true, false), (true, true)]
                    {
                        cases.push(Self { category, basis, state, is_opted_in, is_window_open });
                    }
                }
            }
        }
        cases
    }

    fn cells(self) -> [&'static str; 5] {
        [
            self.category.as_str(),
            self.basis.as_str(),
            self.state.as_str(),
            if self.is_opted_in { "yes" } else { "no" },
            if self.is_window_open { "open" } else { "closed" },
        ]
    }

    /// Why no rows can show this case.
    fn impossible(self) -> Option<&'static str> {
        (self.state == State::Of(ConsentState::Given) && !self.is_opted_in)
            .then_some("a consent that is given is itself an opt-in to messages")
    }

    fn purpose(self) -> PurposeId {
        match self.category {
            MessageCategory::Marketing => PurposeId::marketing(),
            MessageCategory::Utility | MessageCategory::Authentication | MessageCategory::Service => {
                "asked_purpose".parse().unwrap()
            }
        }
    }

    fn rules(self) -> GateRules {
        let asked = PurposeRule::new(self.basis, [self.category]);
        let other = PurposeRule::new(LegalBasis::Contract, [MessageCategory::Utility]);
        GateRules::new([(self.purpose(), asked), (opted_in_purpose(), other)])
    }

    fn decide(self, of_state: Vec<ScopeMarks>) -> Decision {
        let mut marks = of_state;
        if self.is_opted_in {
            marks.push(granted(ConsentScope::whatsapp(opted_in_purpose()), -50));
        }
        let last_inbound = if self.is_window_open { at(-1) } else { before(WINDOW) };
        let windows = vec![Window::plain(SENDER, last_inbound)];
        let rows = GateRows { same: vec![row(marks, windows)], ..by_a_sender_of_ours() };
        let message = Message { sender: SENDER, category: self.category, purpose: self.purpose() };
        decide(&self.rules(), &message, &rows, now())
    }
}

/// Marks that amount to a state of the question, in every way that is worth trying.
fn witnesses(state: State, purpose: &PurposeId) -> Vec<Vec<ScopeMarks>> {
    let asked = ConsentScope::whatsapp(purpose.clone());
    let everywhere =
        ConsentScope { purpose: PurposeScope::One(purpose.clone()), ..ConsentScope::everything() };
    let denials = |act: ConsentAct| {
        vec![
            vec![denied(asked.clone(), act, -9)],
            vec![denied(everywhere.clone(), act, -9)],
            vec![denied(ConsentScope::everything(), act, -9)],
            // It wins a tie, and an import of a later date does not lift it.
            vec![granted(asked.clone(), -9), denied(everywhere.clone(), act, -9)],
            vec![imported(asked.clone(), -3), denied(everywhere.clone(), act, -9)],
            // A resumption ends a platform stop and nothing else.
            vec![resumed(asked.clone(), -3), denied(everywhere.clone(), act, -9)],
        ]
    };
    let everywhere_again = everywhere.clone();
    match state {
        State::Of(ConsentState::Unknown) => {
            vec![vec![], vec![resumed(asked.clone(), -3)], vec![cleared(asked, -3)]]
        }
        State::Of(ConsentState::Requested) => vec![vec![requested(asked, -9)]],
        State::Of(ConsentState::Given) => vec![
            vec![granted(asked.clone(), -9)],
            vec![imported(asked.clone(), -9)],
            vec![granted(asked.clone(), -3), denied(everywhere, ConsentAct::Withdrawn, -9)],
            vec![granted(asked.clone(), -3), stopped(asked.clone(), -9)],
            vec![granted(asked.clone(), -9), stopped_and_resumed(ConsentScope::everything(), -8, -3)],
            vec![granted(asked.clone(), -3), doubted(asked.clone(), -9)],
            vec![granted(asked.clone(), -9), doubted_and_cleared(everywhere_again, -8, -3)],
        ],
        State::Of(ConsentState::Expired) => {
            vec![vec![expired(granted(asked.clone(), -9))], vec![expired(imported(asked, -9))]]
        }
        State::Of(ConsentState::Refused) => denials(ConsentAct::Refused),
        State::Of(ConsentState::Withdrawn) => {
            [denials(ConsentAct::Withdrawn), denials(ConsentAct::Objected)].concat()
        }
        State::Of(ConsentState::Revoked) => denials(ConsentAct::Revoked),
        State::Of(ConsentState::Invalidated) => denials(ConsentAct::Invalidated),
        State::PlatformStop => vec![
            vec![stopped(asked.clone(), -9)],
            vec![stopped_and_resumed(asked.clone(), -3, -9)],
            vec![stopped_and_resumed(asked.clone(), -9, -9)],
            vec![granted(asked.clone(), -9), stopped(everywhere, -9)],
        ],
        State::Ambiguous => vec![
            vec![doubted(asked.clone(), -9)],
            vec![doubted_and_cleared(asked.clone(), -9, -9)],
            vec![granted(asked.clone(), -9), doubted(everywhere, -9)],
            vec![imported(asked.clone(), -3), doubted(asked, -9)],
        ],
    }
}

/// A row of the table.
#[derive(Debug)]
struct TableRow {
    cells: [Vec<String>; 5],
    is_allowed: bool,
    reasons: BTreeSet<ReasonCode>,
}

impl TableRow {
    fn matches(&self, case: Case) -> bool {
        let fits = |(cell, value): (&Vec<String>, &str)| cell.iter().any(|one| one == "any" || one == value);
        self.cells.iter().zip(case.cells()).all(fits)
    }
}

fn decision_table() -> Vec<TableRow> {
    let rows = table_of("| category | basis | state |");
    rows.iter()
        .map(|cells| {
            assert_eq!(cells.len(), 7, "{cells:?}");
            TableRow {
                cells: std::array::from_fn(|column| list(&cells[column])),
                is_allowed: match cells[5].as_str() {
                    "allow" => true,
                    "refuse" => false,
                    other => panic!("neither allow nor refuse: {other}"),
                },
                reasons: list(&cells[6]).iter().map(|name| code(name)).collect(),
            }
        })
        .collect()
}

pub(super) fn code(name: &str) -> ReasonCode {
    ReasonCode::ALL
        .into_iter()
        .find(|code| code.as_str() == name)
        .unwrap_or_else(|| panic!("no reason {name}"))
}

#[test]
fn clauses_2_c_3_b_3_c_the_gate_decides_as_its_table_says() {
    let rows = decision_table();
    let mut used = BTreeSet::new();
    let (mut tried, mut impossible) = (0, 0);
    for case in Case::all() {
        let matching = rows.iter().position(|row| row.matches(case));
        let position = matching.unwrap_or_else(|| panic!("the table does not cover {case:?}"));
        used.insert(position);
        if case.impossible().is_some() {
            impossible += 1;
            continue;
        }
        tried += 1;
        let expected = &rows[position];
        for marks in witnesses(case.state, &case.purpose()) {
            let decision = case.decide(marks.clone());
            assert_eq!(decision.is_allowed, expected.is_allowed, "{case:?} {marks:?} {decision:?}");
            let reasons: BTreeSet<_> = codes(&decision).into_iter().collect();
            assert_eq!(reasons, expected.reasons, "{case:?} {marks:?}");
        }
    }
    assert_eq!(used.len(), rows.len(), "a row that decides nothing is a mistake in the table");
    assert_eq!((tried, impossible), (912, 48), "4 categories, 6 bases, 10 states, opt-in, window");
}

#[test]
fn a_consent_that_is_given_is_always_an_opt_in() {
    for case in Case::all() {
        if case.impossible().is_none() {
            continue;
        }
        let is_template = matches!(case.category, MessageCategory::Utility | MessageCategory::Authentication);
        if is_template && case.basis != LegalBasis::Consent {
            for marks in witnesses(case.state, &case.purpose()) {
                assert_eq!(codes(&case.decide(marks)), [ReasonCode::OptedIn], "{case:?}");
            }
        }
    }
}

#[test]
fn a_decision_reports_only_reasons_of_its_own_side() {
    for case in Case::all().into_iter().filter(|case| case.impossible().is_none()) {
        for marks in witnesses(case.state, &case.purpose()) {
            let decision = case.decide(marks);
            assert!(!decision.reasons.is_empty());
            assert!(decision.reasons.iter().all(|reason| reason.code.allows() == decision.is_allowed));
        }
    }
}

#[test]
fn the_page_lists_every_reason_with_its_remedy() {
    let rows = table_of("| reason | allows |");
    assert_eq!(rows.len(), ReasonCode::ALL.len());
    for (row, code) in rows.iter().zip(ReasonCode::ALL) {
        let allows = if code.allows() { "yes" } else { "no" };
        let cells = [&format!("`{}`", code.as_str()), allows, code.remedy(), code.rule()];
        assert_eq!(row[..], cells);
    }
}
