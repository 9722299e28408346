//! Random histories against a naive reading of the rules: after a withdrawal no later check allows marketing until a
//! later grant by the person, or, for a stop in WhatsApp, a later resumption there.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};
use wzapi_compliance::consent::NewAct;
use wzapi_compliance::consent::gate::{Checked, ReasonCode};
use wzapi_compliance::model::Clock;
use wzapi_compliance::model::consent::{ConsentAct, ConsentMethod, ConsentScope};
use wzapi_compliance::model::message::MessageCategory;
use wzapi_compliance::model::name::PurposeId;

use crate::support::{
    ANA, BEN, CLEO, FIRST, Line, SECOND, SHOP, World, at, delivery, everybody, person, start, stopped_status,
    text,
};

const PEOPLE: [&str; 3] = [ANA, BEN, CLEO];
const BSUIDS: [&str; 3] = ["US.1000000001", "US.1000000002", "US.1000000003"];
/// Grants dated further in the future are set aside.
const SKEW: i64 = 300;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    StopText,
    StartText,
    Hello,
    PlatformStop,
    PlatformResume,
    PlatformSignup,
    StoppedStatus,
    ImportedGrant,
    ImportedWithdrawal,
    HostGrant,
    HostWithdrawal,
}

const WHATS: [What; 11] = [
    What::StopText,
    What::StartText,
    What::Hello,
    What::PlatformStop,
    What::PlatformResume,
    What::PlatformSignup,
    What::StoppedStatus,
    What::ImportedGrant,
    What::ImportedWithdrawal,
    What::HostGrant,
    What::HostWithdrawal,
];

/// Something that happened to one person, some minutes from the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Act {
    who: usize,
    what: What,
    on_second_line: bool,
    minute: i64,
}

impl Act {
    fn seconds(self) -> i64 {
        start().as_millis() / 1000 + self.minute * 60
    }

    const fn line(self) -> Line {
        if self.on_second_line { SECOND } else { FIRST }
    }

    /// The webhook that tells of it; the number and the id of a person are always named together.
    fn webhook(self, id: usize) -> Option<Vec<u8>> {
        let (who, id, seconds) = (PEOPLE[self.who], format!("{id}"), self.seconds());
        let contacts = json!([{ "wa_id": who, "user_id": BSUIDS[self.who] }]);
        let preference = |value: &str| {
            json!({ "contacts": contacts, "user_preferences": [{ "wa_id": who, "value": value,
                "user_id": BSUIDS[self.who], "category": "marketing_messages", "timestamp": seconds }] })
        };
        let message = |words| json!({ "contacts": contacts, "messages": [text(who, &id, seconds, words)] });
        let (field, value): (&str, Value) = match self.what {
            What::StopText => ("messages", message("stop")),
            What::StartText => ("messages", message("start")),
            What::Hello => ("messages", message("hello")),
            What::PlatformStop => ("user_preferences", preference("stop")),
            What::PlatformResume => ("user_preferences", preference("resume")),
            What::PlatformSignup => ("user_preferences", preference("signup")),
            What::StoppedStatus => {
                let status = stopped_status(who, &id, seconds);
                ("messages", json!({ "contacts": contacts, "statuses": [status] }))
            }
            What::ImportedGrant | What::ImportedWithdrawal | What::HostGrant | What::HostWithdrawal => {
                return None;
            }
        };
        Some(delivery(&[at(self.line(), field, &value)]))
    }

    fn csv(self, status: &str) -> String {
        let at = start().saturating_sub(Duration::from_secs(10_000_000));
        let minutes = u64::try_from(self.minute + 10_000_000 / 60).unwrap();
        let at = at.saturating_add(Duration::from_secs(minutes * 60));
        format!(
            "phone,purpose,status,obtained_at,method,evidence\n+{},marketing,{status},{at},paper,card\n",
            PEOPLE[self.who]
        )
    }
}

/// A step of a history: an act arrives, perhaps for the second time, and then time passes.
#[derive(Debug, Clone, Copy)]
struct Step {
    act: usize,
    minutes_after: i64,
}

/// What the oracle knows about one person: plain lists of moments, in seconds.
#[derive(Debug, Default)]
struct Known {
    denials: Vec<i64>,
    stops: Vec<i64>,
    resumptions: Vec<i64>,
    grants: Vec<i64>,
    imported: Vec<i64>,
    was_linked: bool,
}

impl Known {
    fn learn(&mut self, act: Act, now: i64) {
        let at = act.seconds().min(now);
        let is_from_the_future = act.seconds() > now + SKEW;
        match act.what {
            What::StopText | What::ImportedWithdrawal => self.denials.push(at),
            What::HostWithdrawal => self.denials.push(now),
            What::PlatformStop | What::StoppedStatus => self.stops.push(at),
            What::PlatformResume if !is_from_the_future => self.resumptions.push(at),
            What::StartText | What::PlatformSignup if !is_from_the_future => self.grants.push(at),
            What::HostGrant => self.grants.push(now),
            What::ImportedGrant if !is_from_the_future => self.imported.push(at),
            What::StartText
            | What::PlatformSignup
            | What::PlatformResume
            | What::ImportedGrant
            | What::Hello => {}
        }
        // A greeting from the future says nothing, not even that somebody is there.
        let says_nothing = act.what == What::Hello && is_from_the_future;
        self.was_linked |= act.webhook(0).is_some() && !says_nothing;
    }

    /// Whether marketing is allowed: read off the rules, act by act.
    fn allows(&self) -> bool {
        let ended_by = |denial: &i64, acts: &[i64]| acts.iter().any(|act| act > denial);
        let denied = self.denials.iter().any(|denial| !ended_by(denial, &self.grants));
        let live_stops: Vec<_> =
            self.stops.iter().filter(|stop| !ended_by(stop, &self.resumptions)).collect();
        let stopped = live_stops.iter().any(|stop| !ended_by(stop, &self.grants));
        let imported_counts = self.denials.is_empty() && live_stops.is_empty() && !self.imported.is_empty();
        !denied && !stopped && (!self.grants.is_empty() || imported_counts)
    }
}

async fn arrive(world: &World, act: Act, id: usize) {
    let shop = world.shop().await;
    let scope = ConsentScope::whatsapp(PurposeId::marketing());
    match act.what {
        What::ImportedGrant | What::ImportedWithdrawal => {
            let status = if act.what == What::ImportedGrant { "given" } else { "withdrawn" };
            let report = shop.consent().import_csv(&everybody(), act.csv(status).as_bytes()).await.unwrap();
            assert_eq!((report.rows, report.bad), (1, 0));
        }
        What::HostGrant | What::HostWithdrawal => {
            let what = if act.what == What::HostGrant { ConsentAct::Given } else { ConsentAct::Withdrawn };
            let act_of_host = NewAct::direct(what, scope, ConsentMethod::WebForm);
            let _recorded =
                shop.consent().record(&everybody(), &person(PEOPLE[act.who]), &act_of_host).await.unwrap();
        }
        _ => {
            let _report = world.deliver(&act.webhook(id).unwrap()).await.unwrap();
        }
    }
}

async fn run(acts: &[Act], steps: &[Step]) {
    let world = World::in_memory().await.with_shops().await;
    let mut known: [Known; 3] = Default::default();
    let mut seen = BTreeSet::new();
    for step in steps {
        let act = acts[step.act % acts.len()];
        let now = world.clock.now().as_millis() / 1000;
        arrive(&world, act, step.act % acts.len()).await;
        // An act of the host has no source: each call is a new one. The others are known again by what they say.
        let by_message =
            matches!(act.what, What::StopText | What::StartText | What::Hello | What::StoppedStatus);
        let by_row = matches!(act.what, What::ImportedGrant | What::ImportedWithdrawal);
        let number = if by_message { step.act % acts.len() } else { usize::MAX };
        let source = (number, Act { on_second_line: act.on_second_line && !by_row, ..act });
        let is_new = seen.insert(source) || matches!(act.what, What::HostGrant | What::HostWithdrawal);
        if is_new {
            known[act.who].learn(act, now);
        }
        for (who, known) in known.iter().enumerate() {
            for line in [FIRST, SECOND] {
                let answer = world.check(PEOPLE[who], line.sender, MessageCategory::Marketing).await;
                let allowed = matches!(answer, Checked::Allowed(_));
                assert_eq!(allowed, known.allows(), "{} after {act:?}: {known:?}, {answer:?}", PEOPLE[who]);
            }
            let by_id = world.marketing(BSUIDS[who]).await;
            let by_id_allowed = by_id.iter().all(|reason| reason.allows());
            assert_eq!(by_id_allowed, known.was_linked && known.allows(), "{by_id:?}");
            assert!(known.was_linked || by_id == [ReasonCode::UnknownRecipient]);
        }
        world.clock.advance(Duration::from_secs(u64::try_from(step.minutes_after).unwrap() * 60));
    }
    let _sound = world.verified(SHOP).await;
}

fn an_act() -> impl Strategy<Value = Act> {
    // Few moments, so that ties happen; some of them are still to come when the act arrives.
    (0..PEOPLE.len(), proptest::sample::select(&WHATS[..]), any::<bool>(), -20_i64..30)
        .prop_map(|(who, what, on_second_line, minute)| Act { who, what, on_second_line, minute })
}

fn a_step() -> impl Strategy<Value = Step> {
    (0_usize..12, 0_i64..4).prop_map(|(act, minutes_after)| Step { act, minutes_after })
}

#[test]
fn clause_2_c_after_a_withdrawal_no_check_allows_until_a_later_act_of_the_person() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let config = Config { cases: 60, failure_persistence: None, ..Config::default() };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let histories = (proptest::collection::vec(an_act(), 4..12), proptest::collection::vec(a_step(), 8..24));
    runner
        .run(&histories, |(acts, steps)| {
            runtime.block_on(run(&acts, &steps));
            Ok(())
        })
        .unwrap();
}
