//! Generated histories, and the rows that they leave.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::NaiveTime;
use wzapi_consent::gate::frequency::note_sent;
use wzapi_consent::gate::renewal::Renewal;
use wzapi_consent::gate::{Message, PurposeRule};
use wzapi_consent::standing::{EffectiveAct, apply};
use wzapi_model::Timestamp;
use wzapi_model::basis::LegalBasis;
use wzapi_model::consent::{ChannelScope, ConsentAct, ConsentScope, Provenance, PurposeScope, SenderScope};
use wzapi_model::identifier::IdentifierKind;
use wzapi_model::ids::{EntryId, SenderId, SubjectId};
use wzapi_model::message::{Channel, MessageCategory};
use wzapi_model::name::PurposeId;
use wzapi_policy::file::{CountryCode, FrequencyLimit, QuietHours, SendingRules, UnknownAge};
use wzapi_policy::regimes::{AgeRule, Regime};
use wzapi_storage::key::BlindIndex;
use wzapi_storage::row::{AgeBand, AgeMark, IdentifierRow, Mark, NoticeMark, SentMark, Window};

use crate::gate::now;
use crate::support::{OTHER_SENDER, SENDER};

pub(super) const HOUR: i64 = 3_600_000;
pub(super) const PURPOSES: [&str; 4] = ["marketing", "surveys", "support", "security"];

/// Numbers that look random and are the same for the same seed.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    fn next(&mut self) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn one_in(&mut self, bound: u64) -> bool {
        self.below(bound) == 0
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[usize::try_from(self.below(from.len() as u64)).unwrap()].clone()
    }

    /// A moment around now, on the hour, so that many things happen at once and windows end to the millisecond.
    fn moment(&mut self) -> Timestamp {
        let hours = self.pick(&[
            -800_i64, -721, -720, -719, -200, -168, -73, -72, -71, -48, -25, -24, -23, -3, -2, -1, 0, 1,
        ]);
        Timestamp::from_millis(now().as_millis() + hours * HOUR).unwrap()
    }
}

/// Something that is on record about one identifier.
#[derive(Debug, Clone)]
pub(super) enum Happened {
    Act(EffectiveAct),
    Inbound { sender: SenderId, at: Timestamp, is_free_entry: bool },
    Sent { at: Timestamp, category: MessageCategory },
    HeldBack(Timestamp),
    Undeliverable(Timestamp),
    Reached(Timestamp),
    Age { at: Timestamp, entry: EntryId, band: AgeBand },
}

#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) happened: Vec<Happened>,
    pub(super) left_at: Option<Timestamp>,
    pub(super) portfolio: Option<u8>,
    pub(super) is_inferred: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Law {
    pub(super) age: Option<AgeRule>,
}

#[derive(Debug, Clone)]
pub(super) struct Case {
    pub(super) lines: Vec<Line>,
    pub(super) message: Message,
    pub(super) is_registered: bool,
    pub(super) sender_portfolio: Option<u8>,
    pub(super) sending: SendingRules,
    pub(super) laws: BTreeMap<Regime, Law>,
    pub(super) security_in_india: LegalBasis,
    pub(super) renewal: Option<Renewal>,
    pub(super) number: &'static str,
    pub(super) stated_country: Option<&'static str>,
    pub(super) stated_zone: Option<&'static str>,
}

pub(super) fn purpose(name: &str) -> PurposeId {
    name.parse().unwrap()
}

pub(super) fn act(dice: &mut Dice, entry: EntryId) -> EffectiveAct {
    let act = if dice.one_in(2) { ConsentAct::Given } else { dice.pick(&ConsentAct::ALL) };
    let scope = ConsentScope {
        purpose: match dice.below(6) {
            0 => PurposeScope::All,
            1 => PurposeScope::Marketing,
            _ => PurposeScope::One(purpose(dice.pick(&PURPOSES))),
        },
        channel: dice.pick(&[
            ChannelScope::All,
            ChannelScope::One(Channel::WhatsApp),
            ChannelScope::One(Channel::WhatsApp),
            ChannelScope::One(Channel::Email),
        ]),
        sender: dice.pick(&[
            SenderScope::All,
            SenderScope::All,
            SenderScope::One(SENDER),
            SenderScope::One(OTHER_SENDER),
        ]),
    };
    let effective_at = dice.moment();
    EffectiveAct {
        act,
        scope,
        provenance: dice.pick(&[Provenance::Direct, Provenance::Direct, Provenance::Imported]),
        effective_at,
        expires_at: dice.one_in(4).then(|| effective_at.saturating_add(Duration::from_secs(24 * 3600))),
        notice: dice.pick(&[
            None,
            Some(NoticeMark([1; 16])),
            Some(NoticeMark([2; 16])),
            Some(NoticeMark([3; 16])),
        ]),
        by_guardian: dice.one_in(3),
        entry,
    }
}

pub(super) fn happened(dice: &mut Dice, entry: EntryId) -> Happened {
    match dice.below(14) {
        0 | 1 => {
            let (sender, at) = (dice.pick(&[SENDER, SENDER, OTHER_SENDER]), dice.moment());
            Happened::Inbound { sender, at, is_free_entry: dice.one_in(2) }
        }
        2 | 3 => Happened::Sent { at: dice.moment(), category: dice.pick(&MessageCategory::ALL) },
        4 if dice.one_in(3) => Happened::HeldBack(dice.moment()),
        5 if dice.one_in(3) => Happened::Undeliverable(dice.moment()),
        6 => Happened::Reached(dice.moment()),
        7 if dice.one_in(2) => {
            Happened::Age { at: dice.moment(), entry, band: dice.pick(&[AgeBand::Adult, AgeBand::Child]) }
        }
        _ => Happened::Act(act(dice, entry)),
    }
}

pub(super) fn sending(dice: &mut Dice) -> SendingRules {
    let categories = |dice: &mut Dice| {
        MessageCategory::ALL.into_iter().filter(|_| dice.one_in(2)).collect::<BTreeSet<_>>()
    };
    let time =
        |dice: &mut Dice| NaiveTime::from_hms_opt(u32::try_from(dice.below(24)).unwrap(), 30, 0).unwrap();
    let quiet = QuietHours { from: time(dice), until: time(dice), categories: categories(dice) };
    let limit = |dice: &mut Dice| FrequencyLimit {
        category: dice.pick(&MessageCategory::ALL),
        at_most: u32::try_from(1 + dice.below(3)).unwrap(),
        within: dice.pick(&["24 hours", "72 hours", "7 days", "1 hour"]).parse().unwrap(),
    };
    let limits = dice.below(4);
    let refused = |dice: &mut Dice| dice.pick(&["IN", "DE", "US"]).parse::<CountryCode>().unwrap();
    let countries = if dice.one_in(5) {
        categories(dice).into_iter().map(|category| (category, [refused(dice)].into())).collect()
    } else {
        BTreeMap::new()
    };
    SendingRules {
        quiet_hours: dice.one_in(4).then_some(quiet),
        frequency: (0..limits).map(|_| limit(dice)).collect(),
        unknown_age: if dice.one_in(4) { UnknownAge::Refuse } else { UnknownAge::Adult },
        countries_refused: countries,
        ..SendingRules::default()
    }
}

pub(super) fn case(dice: &mut Dice) -> Case {
    let mut entry = 0_u8;
    let mut line = |dice: &mut Dice, is_inferred| {
        let count = dice.below(7);
        let mut one = |dice: &mut Dice| {
            entry += 1;
            happened(dice, EntryId::from_bytes([entry; 16]))
        };
        Line {
            happened: (0..count).map(|_| one(dice)).collect(),
            left_at: dice.one_in(8).then(|| dice.moment()),
            portfolio: dice.one_in(6).then(|| u8::try_from(1 + dice.below(2)).unwrap()),
            is_inferred,
        }
    };
    let mut lines = vec![];
    for is_inferred in [false, false, true] {
        if (!is_inferred && lines.is_empty() && !dice.one_in(20)) || dice.one_in(4) {
            lines.push(line(dice, is_inferred));
        }
    }
    let rule = |dice: &mut Dice| AgeRule {
        age: 18,
        guardian_consents: !dice.one_in(4),
        marketing_to_children_forbidden: dice.one_in(3),
        citation: String::new(),
    };
    let mut laws = BTreeMap::new();
    for regime in [Regime::Eu, Regime::India] {
        if dice.one_in(2) {
            laws.insert(regime, Law { age: dice.one_in(2).then(|| rule(dice)) });
        }
    }
    let is_zone_stated = dice.one_in(3);
    let number = dice.pick(&["919876543210", "4915123456789", "77012345678", "IN.1", "ZZ.1"]);
    let is_named = !dice.one_in(12);
    Case {
        lines,
        message: Message {
            sender: SENDER,
            category: dice.pick(&MessageCategory::ALL),
            purpose: if is_named { purpose(dice.pick(&PURPOSES)) } else { purpose("raffle") },
        },
        is_registered: !dice.one_in(20),
        sender_portfolio: dice.one_in(2).then_some(1),
        sending: sending(dice),
        laws,
        security_in_india: dice.pick(&[LegalBasis::Consent, LegalBasis::LegitimateInterests]),
        renewal: dice.one_in(3).then(|| Renewal {
            effective: dice.moment(),
            superseded: [NoticeMark([1; 16])].into(),
            current: [NoticeMark([2; 16])].into(),
        }),
        number,
        stated_country: dice.pick(&[None, None, Some("IN"), Some("DE")]),
        stated_zone: (is_zone_stated || number == "ZZ.1")
            .then(|| dice.pick(&["Asia/Tokyo", "America/New_York"])),
    }
}

pub(super) fn purposes(case: &Case) -> Vec<(PurposeId, PurposeRule)> {
    use MessageCategory::{Authentication, Marketing, Service, Utility};
    let security = PurposeRule {
        by_regime: [(Regime::India, case.security_in_india)].into(),
        ..PurposeRule::new(case.security_in_india, [Utility, Authentication])
    };
    vec![
        (purpose("marketing"), PurposeRule::new(LegalBasis::Consent, [Marketing, Service])),
        (purpose("surveys"), PurposeRule::new(LegalBasis::Consent, [Utility, Service])),
        (purpose("support"), PurposeRule::new(LegalBasis::Contract, [Utility, Service])),
        (purpose("security"), PurposeRule { basis: LegalBasis::Consent, ..security }),
    ]
}

pub(super) fn row_of(line: &Line, limits: &[FrequencyLimit]) -> IdentifierRow {
    let mut row = IdentifierRow::new(SubjectId::from_bytes([7; 16]), IdentifierKind::Phone, 1);
    row.left_at = line.left_at;
    row.portfolio = line.portfolio.map(|byte| BlindIndex([byte; 16]));
    let mut windows: BTreeMap<SenderId, Window> = BTreeMap::new();
    for one in &line.happened {
        match one {
            Happened::Act(act) => apply(&mut row.marks, act),
            Happened::Inbound { sender, at, is_free_entry } => {
                let window = windows.entry(*sender).or_insert(Window::plain(*sender, *at));
                window.last_inbound = window.last_inbound.max(*at);
                window.last_free_entry = window.last_free_entry.max(is_free_entry.then_some(*at));
            }
            Happened::Sent { at, category } => {
                note_sent(&mut row, limits, SentMark { at: *at, category: *category });
            }
            Happened::HeldBack(at) => row.reach.held_back_at = row.reach.held_back_at.max(Some(*at)),
            Happened::Undeliverable(at) => {
                row.reach.undeliverable_at = row.reach.undeliverable_at.max(Some(*at));
            }
            Happened::Reached(at) => row.reach.reached_at = row.reach.reached_at.max(Some(*at)),
            Happened::Age { at, entry, band } => {
                let stated = AgeMark { mark: Mark { at: *at, entry: *entry }, band: *band };
                let order = |age: &AgeMark| (age.mark.at, age.band, age.mark.entry);
                row.age = row.age.into_iter().chain([stated]).max_by_key(order);
            }
        }
    }
    row.windows = windows.into_values().collect();
    row
}
