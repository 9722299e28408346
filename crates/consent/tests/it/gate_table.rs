//! The decision against the table of `docs/gate.md`, which is derived from the design and not from the code.

use std::collections::BTreeSet;
use std::time::Duration;

use wzapi_consent::gate::decision::{GateRows, WINDOW};
use wzapi_consent::gate::{Decision, GateRules, Message, PurposeRule, ReasonCode, decide};
use wzapi_model::Timestamp;
use wzapi_model::basis::LegalBasis;
use wzapi_model::consent::{ChannelScope, ConsentAct, ConsentScope, ConsentState, PurposeScope, SenderScope};
use wzapi_model::identifier::IdentifierKind;
use wzapi_model::ids::{EntryId, SubjectId};
use wzapi_model::message::{Channel, MessageCategory};
use wzapi_model::name::PurposeId;
use wzapi_storage::row::{DenialMark, GrantMark, IdentifierRow, Mark, ScopeMarks, Window};

use crate::support::{NOON, OTHER_SENDER, SENDER, codes, time};

const PAGE: &str = include_str!("../../../../docs/gate.md");

const BASES: [LegalBasis; 6] = [
    LegalBasis::Consent,
    LegalBasis::Contract,
    LegalBasis::LegalObligation,
    LegalBasis::VitalInterests,
    LegalBasis::PublicTask,
    LegalBasis::LegitimateInterests,
];

const CODES: [ReasonCode; 17] = [
    ReasonCode::ConsentGiven,
    ReasonCode::OptedIn,
    ReasonCode::WindowOpen,
    ReasonCode::Refused,
    ReasonCode::Withdrawn,
    ReasonCode::PlatformStop,
    ReasonCode::Revoked,
    ReasonCode::Invalidated,
    ReasonCode::Expired,
    ReasonCode::NotAnswered,
    ReasonCode::NoConsent,
    ReasonCode::NoOptIn,
    ReasonCode::OutsideWindow,
    ReasonCode::UndeclaredPurpose,
    ReasonCode::CategoryNotDeclared,
    ReasonCode::UnknownRecipient,
    ReasonCode::UnknownSender,
];

/// The state of a question: one of the vocabulary, or a stop made in WhatsApp itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Of(ConsentState),
    PlatformStop,
}

impl State {
    fn all() -> impl Iterator<Item = Self> {
        ConsentState::ALL.into_iter().map(Self::Of).chain([Self::PlatformStop])
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Of(state) => state.as_str(),
            Self::PlatformStop => "platform_stop",
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
        let asked = PurposeRule { basis: self.basis, categories: [self.category].into() };
        let other =
            PurposeRule { basis: LegalBasis::Contract, categories: [MessageCategory::Utility].into() };
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
    match state {
        State::Of(ConsentState::Unknown) => vec![vec![], vec![resumed(asked, -3)]],
        State::Of(ConsentState::Requested) => vec![vec![requested(asked, -9)]],
        State::Of(ConsentState::Given) => vec![
            vec![granted(asked.clone(), -9)],
            vec![imported(asked.clone(), -9)],
            vec![granted(asked.clone(), -3), denied(everywhere, ConsentAct::Withdrawn, -9)],
            vec![granted(asked.clone(), -3), stopped(asked.clone(), -9)],
            vec![granted(asked.clone(), -9), stopped_and_resumed(ConsentScope::everything(), -8, -3)],
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

/// The cells of the rows under the header that begins so.
fn table(header: &str) -> Vec<Vec<String>> {
    let lines = PAGE.lines().skip_while(|line| !line.starts_with(header)).skip(2);
    let rows = lines.take_while(|line| line.starts_with('|'));
    let cells = |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
    rows.map(cells).collect()
}

fn decision_table() -> Vec<TableRow> {
    let list = |cell: &str| cell.split(',').map(|one| one.trim().to_owned()).collect::<Vec<_>>();
    let rows = table("| category | basis | state |");
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

fn code(name: &str) -> ReasonCode {
    CODES.into_iter().find(|code| code.as_str() == name).unwrap_or_else(|| panic!("no reason {name}"))
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
    assert_eq!((tried, impossible), (816, 48), "4 categories, 6 bases, 9 states, opt-in, window");
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
    let rows = table("| reason | allows |");
    assert_eq!(rows.len(), CODES.len());
    for (row, code) in rows.iter().zip(CODES) {
        let allows = if code.allows() { "yes" } else { "no" };
        assert_eq!(row[..], [format!("`{}`", code.as_str()), allows.to_owned(), code.remedy().to_owned()]);
    }
}

fn message(category: MessageCategory) -> Message {
    Message::new(SENDER, category)
}

/// Nothing about the recipient, and a sender that is registered.
fn by_a_sender_of_ours() -> GateRows {
    GateRows { is_sender_registered: true, ..GateRows::default() }
}

fn rows_with(marks: Vec<ScopeMarks>) -> GateRows {
    GateRows { same: vec![row(marks, vec![])], ..by_a_sender_of_ours() }
}

fn wzapi(category: MessageCategory, rows: &GateRows) -> Decision {
    decide(&GateRules::wzapi(), &message(category), rows, now())
}

#[test]
fn clause_2_c_a_recipient_nobody_knows_is_refused_in_every_category() {
    for category in MessageCategory::ALL {
        let decision = wzapi(category, &by_a_sender_of_ours());
        assert!(!decision.is_allowed);
        assert!(codes(&decision).contains(&ReasonCode::UnknownRecipient));
        assert_eq!(decision.subject, None);
    }
}

#[test]
fn what_the_policy_does_not_declare_is_refused_beside_all_else() {
    let given = rows_with(vec![granted(ConsentScope::whatsapp(PurposeId::marketing()), -9)]);
    let undeclared = Message { purpose: "raffle".parse().unwrap(), ..message(MessageCategory::Utility) };
    let decision = decide(&GateRules::wzapi(), &undeclared, &given, now());
    assert!(!decision.is_allowed);
    assert_eq!(codes(&decision), [ReasonCode::UndeclaredPurpose, ReasonCode::NoConsent]);

    let wrong = Message { purpose: PurposeId::marketing(), ..message(MessageCategory::Utility) };
    let decision = decide(&GateRules::wzapi(), &wrong, &given, now());
    assert!(!decision.is_allowed);
    assert_eq!(codes(&decision), [ReasonCode::CategoryNotDeclared]);
}

#[test]
fn clause_3_b_a_feature_release_is_not_a_security_notification() {
    let rows = rows_with(vec![granted(ConsentScope::whatsapp(PurposeId::security_notifications()), -9)]);
    assert!(wzapi(MessageCategory::Authentication, &rows).is_allowed);
    let release = Message { purpose: PurposeId::feature_releases(), ..message(MessageCategory::Marketing) };
    assert_eq!(codes(&decide(&GateRules::wzapi(), &release, &rows, now())), [ReasonCode::NoConsent]);
    let disguised = Message { category: MessageCategory::Authentication, ..release };
    assert!(!decide(&GateRules::wzapi(), &disguised, &rows, now()).is_allowed);
}

#[test]
fn clause_3_b_security_messages_ignore_every_denial_of_marketing() {
    let marketing = || ConsentScope::whatsapp(PurposeId::marketing());
    let of_marketing = [ConsentAct::Refused, ConsentAct::Withdrawn, ConsentAct::Objected]
        .into_iter()
        .flat_map(|act| {
            [
                denied(ConsentScope::all_marketing(), act, -3),
                denied(ConsentScope::whatsapp_marketing(), act, -3),
                denied(marketing(), act, -3),
            ]
        })
        .chain([stopped(ConsentScope::whatsapp_marketing(), -3)]);
    for denial in of_marketing {
        for opt_in in [granted(marketing(), -9), granted(ConsentScope::everything(), -9)] {
            let rows = rows_with(vec![opt_in, denial.clone()]);
            assert!(wzapi(MessageCategory::Authentication, &rows).is_allowed, "{denial:?}");
            assert!(!wzapi(MessageCategory::Marketing, &rows).is_allowed, "{denial:?}");
        }
        let never_opted_in = rows_with(vec![denial]);
        assert_eq!(codes(&wzapi(MessageCategory::Authentication, &never_opted_in)), [ReasonCode::NoOptIn]);
    }
}

#[test]
fn clause_3_b_a_global_denial_refuses_security_messages_too() {
    for act in [ConsentAct::Withdrawn, ConsentAct::Objected, ConsentAct::Refused] {
        let opt_in = granted(ConsentScope::whatsapp(PurposeId::security_notifications()), -9);
        let rows = rows_with(vec![opt_in, denied(ConsentScope::everything(), act, -3)]);
        for category in MessageCategory::ALL {
            assert!(!wzapi(category, &rows).is_allowed, "{act:?} {category:?}");
        }
    }
}

#[test]
fn a_grant_that_was_found_invalid_shows_no_opt_in() {
    let scope = ConsentScope::whatsapp(PurposeId::marketing());
    for act in [ConsentAct::Revoked, ConsentAct::Invalidated] {
        let rows = rows_with(vec![granted(scope.clone(), -9), denied(scope.clone(), act, -3)]);
        assert_eq!(codes(&wzapi(MessageCategory::Authentication, &rows)), [ReasonCode::NoOptIn], "{act:?}");
    }
}

#[test]
fn clause_3_c_an_open_window_permits_replies_and_no_template() {
    let window = |last_inbound| vec![Window::plain(SENDER, last_inbound)];
    let rows = GateRows { same: vec![row(vec![], window(at(-1)))], ..by_a_sender_of_ours() };
    assert_eq!(codes(&wzapi(MessageCategory::Service, &rows)), [ReasonCode::WindowOpen]);
    for (category, reason) in [
        (MessageCategory::Utility, ReasonCode::NoOptIn),
        (MessageCategory::Authentication, ReasonCode::NoOptIn),
        (MessageCategory::Marketing, ReasonCode::NoConsent),
    ] {
        let decision = wzapi(category, &rows);
        assert!(!decision.is_allowed);
        assert_eq!(codes(&decision), [reason]);
    }
}

#[test]
fn clause_3_c_a_window_lasts_24_hours_and_belongs_to_one_sender() {
    let allowed = |sender, last_inbound| {
        let windows = vec![Window::plain(sender, last_inbound)];
        let rows = GateRows { same: vec![row(vec![], windows)], ..by_a_sender_of_ours() };
        wzapi(MessageCategory::Service, &rows).is_allowed
    };
    assert!(allowed(SENDER, now()));
    assert!(allowed(SENDER, Timestamp::from_millis(before(WINDOW).as_millis() + 1).unwrap()));
    assert!(!allowed(SENDER, before(WINDOW)), "its end is excluded");
    assert!(!allowed(SENDER, at(1)), "a message from the future opens nothing yet");
    assert!(!allowed(OTHER_SENDER, at(-1)));
}

#[test]
fn clause_2_c_a_marketing_purpose_needs_consent_in_every_category() {
    let purpose = PurposeId::marketing();
    let reply = Message { purpose: purpose.clone(), ..message(MessageCategory::Service) };
    let windows = vec![Window::plain(SENDER, at(-1))];
    let decision_on = |marks| {
        let rows = GateRows { same: vec![row(marks, windows.clone())], ..by_a_sender_of_ours() };
        decide(&GateRules::wzapi(), &reply, &rows, now())
    };
    assert_eq!(codes(&decision_on(vec![])), [ReasonCode::NoConsent]);
    let stop = denied(ConsentScope::all_marketing(), ConsentAct::Withdrawn, -3);
    assert_eq!(codes(&decision_on(vec![stop])), [ReasonCode::Withdrawn]);
    let given = granted(ConsentScope::whatsapp(purpose), -9);
    assert_eq!(codes(&decision_on(vec![given])), [ReasonCode::ConsentGiven, ReasonCode::WindowOpen]);
}

#[test]
fn clause_2_c_consent_for_another_sender_or_channel_is_none() {
    let given = ConsentScope::whatsapp(PurposeId::marketing());
    let other_sender = ConsentScope { sender: SenderScope::One(OTHER_SENDER), ..given.clone() };
    let other_channel = ConsentScope { channel: ChannelScope::One(Channel::Email), ..given };
    for scope in [other_sender, other_channel] {
        let rows = rows_with(vec![granted(scope, -9)]);
        assert_eq!(codes(&wzapi(MessageCategory::Marketing, &rows)), [ReasonCode::NoConsent]);
        assert_eq!(codes(&wzapi(MessageCategory::Authentication, &rows)), [ReasonCode::NoOptIn]);
    }
}

#[test]
fn an_inferred_spelling_denies_and_never_permits() {
    let given = granted(ConsentScope::whatsapp(PurposeId::marketing()), -9);
    let stop = denied(ConsentScope::all_marketing(), ConsentAct::Withdrawn, -10);
    let windows = vec![Window::plain(SENDER, at(-1))];
    let only_inferred =
        GateRows { same: vec![], inferred: vec![row(vec![given.clone()], windows)], ..by_a_sender_of_ours() };
    for category in MessageCategory::ALL {
        assert!(!wzapi(category, &only_inferred).is_allowed, "{category:?}");
    }
    let denied_elsewhere = GateRows {
        same: vec![row(vec![given], vec![])],
        inferred: vec![row(vec![stop], vec![])],
        ..by_a_sender_of_ours()
    };
    assert_eq!(codes(&wzapi(MessageCategory::Marketing, &denied_elsewhere)), [ReasonCode::Withdrawn]);
}

#[test]
fn an_identifier_that_changed_hands_keeps_denials_and_permits_nothing() {
    let left = |marks| IdentifierRow {
        left_at: Some(at(-5)),
        former: Vec::new(),
        ..row(marks, vec![Window::plain(SENDER, at(-6))])
    };
    let given = granted(ConsentScope::whatsapp(PurposeId::marketing()), -9);
    let rows = GateRows { same: vec![left(vec![given])], ..by_a_sender_of_ours() };
    for category in MessageCategory::ALL {
        assert!(!wzapi(category, &rows).is_allowed, "{category:?}");
    }
    assert_eq!(wzapi(MessageCategory::Marketing, &rows).subject, None);
    let stop = denied(ConsentScope::all_marketing(), ConsentAct::Withdrawn, -10);
    let rows = GateRows { same: vec![left(vec![stop])], ..by_a_sender_of_ours() };
    assert_eq!(codes(&wzapi(MessageCategory::Marketing, &rows)), [ReasonCode::Withdrawn]);
}

#[test]
fn a_decision_cites_the_act_it_rests_on() {
    let given = granted(ConsentScope::whatsapp(PurposeId::marketing()), -9);
    let stop = denied(ConsentScope::all_marketing(), ConsentAct::Withdrawn, -3);
    let decision = wzapi(MessageCategory::Marketing, &rows_with(vec![given.clone()]));
    assert_eq!(decision.reasons[0].evidence, Some(entry(-9)));
    let decision = wzapi(MessageCategory::Marketing, &rows_with(vec![given, stop]));
    assert_eq!((decision.reasons[0].since, decision.reasons[0].evidence), (Some(at(-3)), Some(entry(-3))));
}

fn now() -> Timestamp {
    time(NOON)
}

/// A moment so many minutes from now.
fn at(minutes: i64) -> Timestamp {
    Timestamp::from_millis(now().as_millis() + minutes * 60_000).unwrap()
}

fn before(duration: Duration) -> Timestamp {
    now().saturating_sub(duration)
}

fn entry(minutes: i64) -> EntryId {
    EntryId::from_bytes([u8::try_from(minutes + 100).unwrap(); 16])
}

fn mark(minutes: i64) -> Mark {
    Mark { at: at(minutes), entry: entry(minutes) }
}

fn opted_in_purpose() -> PurposeId {
    "opted_in_purpose".parse().unwrap()
}

fn granted(scope: ConsentScope, minutes: i64) -> ScopeMarks {
    ScopeMarks { granted: Some(GrantMark::plain(mark(minutes))), ..ScopeMarks::unmarked(scope) }
}

fn imported(scope: ConsentScope, minutes: i64) -> ScopeMarks {
    ScopeMarks { imported: Some(GrantMark::plain(mark(minutes))), ..ScopeMarks::unmarked(scope) }
}

fn expired(marks: ScopeMarks) -> ScopeMarks {
    let over = |grant: Option<GrantMark>| grant.map(|one| GrantMark { expires_at: Some(now()), ..one });
    ScopeMarks { granted: over(marks.granted), imported: over(marks.imported), ..marks }
}

fn denied(scope: ConsentScope, act: ConsentAct, minutes: i64) -> ScopeMarks {
    let denial = Some(DenialMark { mark: mark(minutes), act });
    match act {
        ConsentAct::Revoked | ConsentAct::Invalidated => {
            ScopeMarks { voided: denial, ..ScopeMarks::unmarked(scope) }
        }
        _ => ScopeMarks { denied: denial, ..ScopeMarks::unmarked(scope) },
    }
}

fn requested(scope: ConsentScope, minutes: i64) -> ScopeMarks {
    ScopeMarks { requested: Some(mark(minutes)), ..ScopeMarks::unmarked(scope) }
}

fn stopped(scope: ConsentScope, minutes: i64) -> ScopeMarks {
    ScopeMarks { stopped: Some(mark(minutes)), ..ScopeMarks::unmarked(scope) }
}

fn resumed(scope: ConsentScope, minutes: i64) -> ScopeMarks {
    ScopeMarks { resumed: Some(mark(minutes)), ..ScopeMarks::unmarked(scope) }
}

fn stopped_and_resumed(scope: ConsentScope, stop: i64, resume: i64) -> ScopeMarks {
    ScopeMarks { stopped: Some(mark(stop)), resumed: Some(mark(resume)), ..ScopeMarks::unmarked(scope) }
}

fn row(marks: Vec<ScopeMarks>, windows: Vec<Window>) -> IdentifierRow {
    let subject = SubjectId::from_bytes([7; 16]);
    IdentifierRow { marks, windows, ..IdentifierRow::new(subject, IdentifierKind::Phone, 1) }
}

#[test]
fn a_sender_that_nobody_registered_may_send_nothing() {
    for category in MessageCategory::ALL {
        let rows = GateRows { is_sender_registered: false, ..rows_with(vec![]) };
        let decision = wzapi(category, &rows);
        assert!(!decision.is_allowed);
        assert!(decision.reasons.iter().any(|reason| reason.code == ReasonCode::UnknownSender));
    }
}

#[test]
fn clause_1_the_gate_takes_its_purposes_from_the_policy_file() {
    let policy = wzapi_policy::parse(include_str!("../../../../policies/wzapi.toml"), "wzapi.toml").unwrap();
    let (loaded, built_in) = (GateRules::of(&policy), GateRules::wzapi());
    for purpose in [
        PurposeId::marketing(),
        PurposeId::feature_releases(),
        PurposeId::service_updates(),
        PurposeId::technical_support(),
        PurposeId::security_notifications(),
    ] {
        let (loaded, built_in) = (loaded.purpose(&purpose).unwrap(), built_in.purpose(&purpose).unwrap());
        assert_eq!(loaded.categories, built_in.categories, "{purpose}");
        let rests_on_consent = |rule: &PurposeRule| rule.basis == LegalBasis::Consent;
        assert_eq!(rests_on_consent(loaded), rests_on_consent(built_in), "{purpose}");
    }
    // What the policy does not name is refused.
    let message = Message { purpose: "profiling".parse().unwrap(), ..message(MessageCategory::Marketing) };
    let decision = decide(&loaded, &message, &by_a_sender_of_ours(), now());
    assert!(codes(&decision).contains(&ReasonCode::UndeclaredPurpose));
}

#[test]
fn a_withdrawal_does_not_bring_an_invalidated_consent_back_as_an_opt_in() {
    let everywhere = ConsentScope::all_marketing();
    let mut marks = vec![granted(ConsentScope::whatsapp(PurposeId::marketing()), -9)];
    wzapi_consent::standing::join(&mut marks, &[denied(everywhere.clone(), ConsentAct::Invalidated, -5)]);
    let refused = |marks: &[ScopeMarks]| {
        codes(&wzapi(MessageCategory::Utility, &rows_with(marks.to_vec()))).contains(&ReasonCode::NoOptIn)
    };
    assert!(refused(&marks));
    wzapi_consent::standing::join(&mut marks, &[denied(everywhere, ConsentAct::Withdrawn, -3)]);
    assert!(refused(&marks), "a no never makes more possible");
}
