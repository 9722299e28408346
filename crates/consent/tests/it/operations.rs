//! Random sequences of the public operations, against an oracle that keeps lists of raw acts.
//!
//! The oracle knows persons, who goes by which identifier, and the acts that bear on each. It never folds: it asks the
//! naive reference. It must agree with the gate exactly, on what is allowed as well as on what is refused. Identifiers
//! that change hands are in `identity_histories`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;
use wzapi_consent::gate::rows::WINDOW;
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

const RECIPIENTS: [&str; 5] =
    ["+919876543210", "+919876543211", "+919876543212", "+447400123456", "IN.13491208655302741918"];
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
    let pass = (0_u64..60).prop_map(|minutes| Operation::Pass { minutes });
    let one = prop_oneof![6 => record, 1 => import, 1 => inbound, 3 => pass];
    proptest::collection::vec(one, 1..25)
}

/// An identifier that was ever heard of.
#[derive(Debug, Clone, Default)]
struct Line {
    person: u32,
    acts: Vec<EffectiveAct>,
    last_inbound: Option<Timestamp>,
}

#[derive(Debug, Default)]
struct Oracle {
    lines: BTreeMap<Who, Line>,
    sources: BTreeSet<String>,
    persons: u32,
    entries: u64,
}

impl Oracle {
    fn holder(&self, who: Who) -> Option<u32> {
        self.lines.get(&who).map(|line| line.person)
    }

    fn held_by(&mut self, person: u32) -> impl Iterator<Item = &mut Line> {
        self.lines.values_mut().filter(move |line| line.person == person)
    }

    fn everything_of(&mut self, person: u32) -> Vec<EffectiveAct> {
        let acts = self.held_by(person).flat_map(|line| line.acts.clone());
        // Each act once, by its entry.
        acts.map(|act| (act.entry, act)).collect::<BTreeMap<_, _>>().into_values().collect()
    }

    /// The one person who goes by these, merged of all who did, or made known.
    fn find_or_create(&mut self, by: &[Who]) -> u32 {
        let persons: BTreeSet<u32> = by.iter().filter_map(|who| self.holder(*who)).collect();
        let person = persons.first().copied().unwrap_or_else(|| {
            self.persons += 1;
            self.persons
        });
        let merged = self.lines.values_mut().filter(|line| persons.contains(&line.person));
        merged.for_each(|line| line.person = person);
        let acts = self.everything_of(person);
        let last_inbound = self.held_by(person).filter_map(|line| line.last_inbound).max();
        let shared = Line { person, acts, last_inbound };
        self.held_by(person).for_each(|line| line.clone_from(&shared));
        for who in by {
            self.lines.entry(*who).or_insert_with(|| shared.clone());
        }
        person
    }

    fn record(&mut self, by: &[Who], new: &NewAct, source: Option<String>, now: Timestamp) {
        if let Some(source) = source
            && !self.sources.insert(source)
        {
            return;
        }
        let person = self.find_or_create(by);
        self.entries += 1;
        let is_future = new.acted_at.is_some_and(|acted| acted > now.saturating_add(ALLOWED_SKEW));
        let is_unproven = new.provenance == Provenance::Imported && new.evidence.is_none();
        let may_be_set_aside =
            matches!(new.act, ConsentAct::Given | ConsentAct::PlatformResumed | ConsentAct::DoubtCleared);
        if (may_be_set_aside && is_future) || (new.act == ConsentAct::Given && is_unproven) {
            return;
        }
        let mut effective_at = new.acted_at.map_or(now, |acted| dated(new.act, acted).min(now));
        if new.act == ConsentAct::Doubted {
            effective_at = self.unread(person, effective_at);
        }
        let act = EffectiveAct {
            notice: None,
            by_guardian: false,
            act: new.act,
            scope: new.scope.clone(),
            provenance: new.provenance,
            effective_at,
            expires_at: new.expires_at,
            entry: EntryId::from_bytes(u128::from(self.entries).to_be_bytes()),
        };
        self.held_by(person).for_each(|line| line.acts.push(act.clone()));
    }

    /// A doubt is not lifted by what was decided before anybody read it.
    fn unread(&self, person: u32, doubted_at: Timestamp) -> Timestamp {
        let latest = |kind: ConsentAct| {
            let lines = self.lines.values().filter(|line| line.person == person);
            let acts = lines.flat_map(|line| &line.acts).filter(|act| act.act == kind);
            acts.map(|act| act.effective_at.as_millis()).max().unwrap_or(0)
        };
        let from = doubted_at.as_millis().max(latest(ConsentAct::DoubtCleared));
        let doubt = latest(ConsentAct::Doubted);
        let is_near = (from..from + 1000).contains(&doubt);
        Timestamp::from_millis(if is_near { doubt + 1 } else { from }).unwrap()
    }

    fn inbound(&mut self, by: &[Who], at: Option<Timestamp>, now: Timestamp) {
        if at.is_some_and(|at| at > now.saturating_add(ALLOWED_SKEW)) {
            return;
        }
        let person = self.find_or_create(by);
        let at = at.map_or(now, |at| at.min(now));
        self.held_by(person).for_each(|line| line.last_inbound = line.last_inbound.max(Some(at)));
    }

    fn state(&self, who: Who, purpose: &PurposeId, is_marketing: bool, now: Timestamp) -> ConsentState {
        let question = Question { purpose, is_marketing, channel: Channel::WhatsApp, sender: Some(SENDER) };
        match self.lines.get(&who) {
            Some(line) => naive_answer(&line.acts, &question, None, now).0,
            None => ConsentState::Unknown,
        }
    }

    fn may_market(&self, who: Who, now: Timestamp) -> bool {
        self.state(who, &PurposeId::marketing(), true, now) == ConsentState::Given
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
        !is_denied && is_open
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
