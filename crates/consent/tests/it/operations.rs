//! Random sequences of the public operations, against an oracle that keeps lists of raw acts.
//!
//! The oracle knows persons, who holds which identifier, since when an identifier is nobody's, and the acts that
//! bear on each identifier. It never folds: it asks the naive reference. It must agree with the gate exactly, on
//! what is allowed as well as on what is refused.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;
use wzapi_consent::gate::decision::WINDOW;
use wzapi_consent::import::import_csv;
use wzapi_consent::person::KnownAs;
use wzapi_consent::recording::ALLOWED_SKEW;
use wzapi_consent::standing::EffectiveAct;
use wzapi_consent::{GateRules, NewAct, Recorded};
use wzapi_model::Timestamp;
use wzapi_model::consent::{
    ConsentAct, ConsentScope, ConsentState, Provenance, PurposeScope, Question, SenderScope,
};
use wzapi_model::ids::EntryId;
use wzapi_model::message::{Channel, MessageCategory};
use wzapi_model::name::PurposeId;

use crate::fold::naive_answer;
use crate::support::{CONTROLLER, OTHER_SENDER, SENDER, World, act, known, with_source};

const RECIPIENTS: [&str; 6] = [
    "+919876543210",
    "+919876543211",
    "+919876543212",
    "+447400123456",
    "IN.13491208655302741918",
    "IN.13491208655302741919",
];
const PHONES: usize = 4;

/// Who is meant: the position of a recipient.
type Who = usize;

#[derive(Debug, Clone)]
enum When {
    Unsaid,
    /// Minutes from now.
    Said(i64),
}

#[derive(Debug, Clone)]
enum Operation {
    Record { by: Vec<Who>, act: ConsentAct, scope: usize, when: When, is_imported: bool, source: Option<u8> },
    Import { rows: Vec<(Who, &'static str, i64, bool)> },
    Inbound { by: Vec<Who>, when: When },
    Change { from: Who, to: Who, minutes_ago: i64 },
    Pass { minutes: u64 },
}

fn scopes() -> Vec<ConsentScope> {
    let marketing = ConsentScope::whatsapp(PurposeId::marketing());
    let sender = |sender| ConsentScope { sender: SenderScope::One(sender), ..marketing.clone() };
    vec![
        marketing.clone(),
        ConsentScope::all_marketing(),
        ConsentScope::whatsapp_marketing(),
        ConsentScope::everything(),
        sender(SENDER),
        sender(OTHER_SENDER),
        ConsentScope::whatsapp(PurposeId::technical_support()),
    ]
}

fn operations() -> impl Strategy<Value = Vec<Operation>> {
    let who = || 0..RECIPIENTS.len();
    let several = move || proptest::collection::btree_set(who(), 1..3).prop_map(Vec::from_iter);
    let when = || prop_oneof![2 => Just(When::Unsaid), 3 => (-40_i64..4).prop_map(When::Said), 1 => Just(When::Said(9))];
    let acts = prop_oneof![
        4 => Just(ConsentAct::Given),
        3 => proptest::sample::select(ConsentAct::ALL.to_vec()),
    ];
    let scope = prop_oneof![3 => Just(0_usize), 3 => 0..scopes().len()];
    let record = (several(), acts, scope, when(), any::<bool>(), proptest::option::of(0_u8..6)).prop_map(
        |(by, act, scope, when, is_imported, source)| Operation::Record {
            by,
            act,
            scope,
            when,
            is_imported,
            source,
        },
    );
    let status = proptest::sample::select(vec!["given", "given", "refused", "withdrawn"]);
    let import = proptest::collection::vec((0..PHONES, status, 0_i64..40, any::<bool>()), 1..4)
        .prop_map(|rows| Operation::Import { rows });
    let inbound = (several(), when()).prop_map(|(by, when)| Operation::Inbound { by, when });
    let change = (who(), who(), -1_i64..20).prop_map(|(from, to, minutes_ago)| Operation::Change {
        from,
        to,
        minutes_ago,
    });
    let pass = (0_u64..60).prop_map(|minutes| Operation::Pass { minutes });
    let one = prop_oneof![6 => record, 1 => import, 1 => inbound, 3 => change, 3 => pass];
    proptest::collection::vec(one, 1..25)
}

/// An identifier that was ever heard of.
#[derive(Debug, Clone, Default)]
struct Line {
    person: u32,
    acts: Vec<EffectiveAct>,
    last_inbound: Option<Timestamp>,
    left_at: Option<Timestamp>,
    former: Vec<(u32, Timestamp)>,
}

#[derive(Debug, Default)]
struct Oracle {
    lines: BTreeMap<Who, Line>,
    sources: BTreeSet<String>,
    persons: u32,
    entries: u64,
}

impl Oracle {
    fn belonged_to(&self, who: Who, acted_at: Option<Timestamp>) -> Option<u32> {
        let line = self.lines.get(&who)?;
        let ended = line.former.iter().copied().chain(line.left_at.map(|left| (line.person, left)));
        let then = acted_at.and_then(|acted| ended.into_iter().find(|(_, until)| acted <= *until));
        then.map(|(person, _)| person).or_else(|| self.holder(who))
    }

    fn holder(&self, who: Who) -> Option<u32> {
        self.lines.get(&who).filter(|line| line.left_at.is_none()).map(|line| line.person)
    }

    fn held_by(&mut self, person: u32) -> impl Iterator<Item = &mut Line> {
        self.lines.values_mut().filter(move |line| line.person == person && line.left_at.is_none())
    }

    fn everything_of(&mut self, person: u32) -> Vec<EffectiveAct> {
        self.held_by(person).flat_map(|line| line.acts.clone()).collect()
    }

    /// The one person who goes by these, merged of all to whom they belonged.
    fn find(&mut self, by: &[Who], acted_at: Option<Timestamp>) -> Option<u32> {
        let persons: BTreeSet<u32> = by.iter().filter_map(|who| self.belonged_to(*who, acted_at)).collect();
        let person = *persons.first()?;
        if persons.len() > 1 {
            for line in self.lines.values_mut() {
                let merged = line.former.iter_mut().map(|(former, _)| former).chain([&mut line.person]);
                merged.filter(|one| persons.contains(one)).for_each(|one| *one = person);
            }
            let all = self.everything_of(person);
            self.held_by(person).for_each(|line| line.acts.clone_from(&all));
        }
        Some(person)
    }

    fn find_or_create(&mut self, by: &[Who], acted_at: Option<Timestamp>) -> u32 {
        let person = self.find(by, acted_at).unwrap_or_else(|| {
            self.persons += 1;
            self.persons
        });
        for who in by {
            if self.belonged_to(*who, acted_at).is_none() {
                self.add_alias(*who, person, None);
            }
        }
        person
    }

    fn add_alias(&mut self, who: Who, person: u32, moved_at: Option<Timestamp>) {
        let mut acts = self.everything_of(person);
        if let Some(moved_at) = moved_at {
            // Marks keep the latest grant of a scope only: when that came after the move, an earlier one is not known
            // any more, and is not taken along either.
            let is_grant = |act: &EffectiveAct| act.act == ConsentAct::Given;
            let late: Vec<_> =
                acts.iter().filter(|act| is_grant(act) && act.effective_at > moved_at).cloned().collect();
            let same_sort =
                |a: &EffectiveAct, b: &EffectiveAct| (&a.scope, a.provenance) == (&b.scope, b.provenance);
            acts.retain(|act| !is_grant(act) || !late.iter().any(|other| same_sort(act, other)));
        }
        let mut line = Line { person, acts, ..Line::default() };
        if let Some(before) = self.lines.get(&who) {
            let left = before.left_at.unwrap();
            let stays = |act: &&EffectiveAct| {
                act.act != ConsentAct::Given || (moved_at.is_none() && act.effective_at > left)
            };
            line.acts.extend(before.acts.iter().filter(stays).cloned());
            line.former.clone_from(&before.former);
            line.former.push((before.person, left));
            line.former.sort_by_key(|(_, until)| *until);
        }
        self.lines.insert(who, line);
    }

    fn record(&mut self, by: &[Who], new: &NewAct, source: Option<String>, now: Timestamp) {
        if let Some(source) = source
            && !self.sources.insert(source)
        {
            return;
        }
        let person = self.find_or_create(by, new.acted_at);
        self.entries += 1;
        let is_future = new.acted_at.is_some_and(|acted| acted > now.saturating_add(ALLOWED_SKEW));
        let is_unproven = new.provenance == Provenance::Imported && new.evidence.is_none();
        let may_be_set_aside = matches!(new.act, ConsentAct::Given | ConsentAct::PlatformResumed);
        if (may_be_set_aside && is_future) || (new.act == ConsentAct::Given && is_unproven) {
            return;
        }
        let act = EffectiveAct {
            notice: None,
            by_guardian: false,
            act: new.act,
            scope: new.scope.clone(),
            provenance: new.provenance,
            effective_at: new.acted_at.map_or(now, |acted| dated(new.act, acted).min(now)),
            expires_at: new.expires_at,
            entry: EntryId::from_bytes(u128::from(self.entries).to_be_bytes()),
        };
        for who in by {
            let line = self.lines.get_mut(who).unwrap();
            if line.person != person && act.act.is_denial() {
                line.acts.push(act.clone());
            }
        }
        for line in self.lines.values_mut().filter(|line| line.person == person) {
            if line.left_at.is_none_or(|left| act.effective_at <= left) {
                line.acts.push(act.clone());
            }
        }
    }

    fn inbound(&mut self, by: &[Who], at: Option<Timestamp>, now: Timestamp) {
        if at.is_some_and(|at| at > now.saturating_add(ALLOWED_SKEW)) {
            return;
        }
        let person = self.find_or_create(by, at);
        let at = at.map_or(now, |at| at.min(now));
        self.held_by(person).for_each(|line| line.last_inbound = line.last_inbound.max(Some(at)));
    }

    fn change(&mut self, from: Who, to: Who, at: Timestamp) {
        let person = self.find_or_create(&[from], Some(at));
        self.entries += 1;
        if self.holder(to).is_some_and(|holder| holder != person) {
            self.leave(to, at);
        }
        if self.holder(to).is_none() {
            self.add_alias(to, person, Some(at));
        }
        if from != to && self.holder(from) == Some(person) {
            self.leave(from, at);
        }
    }

    fn leave(&mut self, who: Who, at: Timestamp) {
        let line = self.lines.get_mut(&who).unwrap();
        line.left_at = Some(at);
        line.last_inbound = None;
    }

    fn state(&self, who: Who, purpose: &PurposeId, is_marketing: bool, now: Timestamp) -> ConsentState {
        let question = Question { purpose, is_marketing, channel: Channel::WhatsApp, sender: Some(SENDER) };
        match self.lines.get(&who) {
            Some(line) => naive_answer(&line.acts, &question, line.left_at, now).0,
            None => ConsentState::Unknown,
        }
    }

    fn is_held(&self, who: Who) -> bool {
        self.lines.get(&who).is_some_and(|line| line.left_at.is_none())
    }

    fn may_market(&self, who: Who, now: Timestamp) -> bool {
        self.is_held(who) && self.state(who, &PurposeId::marketing(), true, now) == ConsentState::Given
    }

    fn may_reply(&self, who: Who, now: Timestamp) -> bool {
        let state = self.state(who, &PurposeId::technical_support(), false, now);
        let is_denied = matches!(
            state,
            ConsentState::Refused
                | ConsentState::Withdrawn
                | ConsentState::Revoked
                | ConsentState::Invalidated
        );
        let last = self.lines.get(&who).and_then(|line| line.last_inbound);
        let is_open = last.is_some_and(|last| last <= now && now < last.saturating_add(WINDOW));
        self.is_held(who) && !is_denied && is_open
    }
}

/// A denial dated in whole seconds may have come at the end of its second.
fn dated(act: ConsentAct, acted: Timestamp) -> Timestamp {
    let is_coarse = act.is_denial() && acted.as_millis() % 1000 == 0;
    if is_coarse { acted.saturating_add(Duration::from_millis(999)) } else { acted }
}

fn people(by: &[Who]) -> Vec<KnownAs> {
    by.iter().map(|who| known(RECIPIENTS[*who])).collect()
}

fn moment(when: &When, now: Timestamp) -> Option<Timestamp> {
    match when {
        When::Unsaid => None,
        When::Said(minutes) => Some(Timestamp::from_millis(now.as_millis() + minutes * 60_000).unwrap()),
    }
}

async fn perform(world: &World, oracle: &mut Oracle, operation: &Operation) {
    let now = world.now();
    match operation {
        Operation::Record { by, act: kind, scope, when, is_imported, source } => {
            let mut new = NewAct { acted_at: moment(when, now), ..act(*kind, scopes()[*scope].clone()) };
            if *is_imported {
                new.provenance = Provenance::Imported;
                new.evidence = Some("a form".into());
            }
            if let Some(source) = source {
                new = with_source(new, &format!("source {source}"));
            }
            let known_before =
                source.is_some_and(|source| oracle.sources.contains(&format!("source {source}")));
            let recorded = world.record(&people(by), &new).await;
            assert_eq!(matches!(recorded, Recorded::Duplicate), known_before);
            oracle.record(by, &new, source.map(|source| format!("source {source}")), now);
        }
        Operation::Import { rows } => {
            let mut file = "phone,purpose,status,obtained_at,method,evidence\n".to_owned();
            for (who, status, minutes_ago, has_evidence) in rows {
                let acted_at = now.saturating_sub(Duration::from_secs(minutes_ago.unsigned_abs() * 60));
                let evidence = if *has_evidence { "paper form" } else { "" };
                file += &format!("{},marketing,{status},{acted_at},paper,{evidence}\n", RECIPIENTS[*who]);
                let purpose = PurposeScope::One(PurposeId::marketing());
                let on_every_channel = ConsentScope { purpose, ..ConsentScope::everything() };
                let (act, scope) = match *status {
                    "given" => (ConsentAct::Given, ConsentScope::whatsapp(PurposeId::marketing())),
                    "refused" => (ConsentAct::Refused, on_every_channel),
                    _ => (ConsentAct::Withdrawn, on_every_channel),
                };
                let new = NewAct {
                    provenance: Provenance::Imported,
                    acted_at: Some(acted_at),
                    evidence: has_evidence.then(|| evidence.into()),
                    ..crate::support::act(act, scope)
                };
                let is_unproven = act == ConsentAct::Given && !has_evidence;
                let source = format!("{who} {status} {acted_at} {is_unproven}");
                oracle.record(&[*who], &new, Some(source), now);
            }
            let report =
                import_csv(&world.consent, &GateRules::wzapi(), CONTROLLER, file.as_bytes()).await.unwrap();
            assert_eq!(report.bad, 0);
        }
        Operation::Inbound { by, when } => {
            world.inbound(&people(by), moment(when, now)).await;
            oracle.inbound(by, moment(when, now), now);
        }
        Operation::Change { from, to, minutes_ago } => {
            let at = Timestamp::from_millis(now.as_millis() - minutes_ago * 60_000).unwrap();
            world.change_at(&people(&[*from]), &people(&[*to]), at).await;
            oracle.change(*from, *to, at.min(now));
        }
        Operation::Pass { minutes } => world.pass(minutes * 60),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(160))]
    #[test]
    fn clause_2_c_the_gate_allows_just_what_the_oracle_allows(operations in operations()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (world, mut oracle) = (World::new().await, Oracle::default());
            for (step, operation) in operations.iter().enumerate() {
                perform(&world, &mut oracle, operation).await;
                for (who, recipient) in RECIPIENTS.iter().enumerate() {
                    let (one, now) = (known(recipient), world.now());
                    let marketing = world.reasons(&one, MessageCategory::Marketing).await;
                    let reply = world.reasons(&one, MessageCategory::Service).await;
                    prop_assert_eq!(marketing.is_ok(), oracle.may_market(who, now), "{} {} {:?}", step, who, marketing);
                    prop_assert_eq!(reply.is_ok(), oracle.may_reply(who, now), "{} {} {:?}", step, who, reply);
                }
            }
            prop_assert_eq!(world.verified_entries().await, oracle.entries);
            Ok(())
        })?;
    }
}
