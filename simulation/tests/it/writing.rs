//! Four processes write the consent of the same few people into one log.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use wzapi_compliance::consent::{NewAct, Recorded};
use wzapi_compliance::encryption::LocalKeyring;
use wzapi_compliance::model::Timestamp;
use wzapi_compliance::model::consent::{ConsentAct, ConsentMethod, ConsentScope, ConsentState, Question};
use wzapi_compliance::model::identifier::Identifier;
use wzapi_compliance::model::message::Channel;
use wzapi_compliance::model::name::PurposeId;
use wzapi_compliance::model::personal::Personal;
use wzapi_compliance::model::system::SystemEntropy;
use wzapi_compliance::storage_memory::MemoryStorage;
use wzapi_compliance::{Compliance, Controller};
use wzapi_storage_testkit::sample::Sequence;
use xtask::postgres::Shutdown;

use crate::place::{Place, SENDER, SHOP, everybody, is_passing, own_server, record};
use crate::process::{Process, Role, say};

const WRITERS: usize = 4;
const VICTIM: usize = 2;
const TASKS: u64 = 2;
/// Acts of each writer.
const ACTS: u64 = 150;
/// One act in so many arrives at every writer, as a redelivery does.
const SHARED: u64 = 5;
const PEOPLE: u64 = 12;
/// A moment before any clock on which this runs: 2024-10-01, in seconds.
const THEN: i64 = 1_727_740_800;

fn person(number: u64) -> Identifier {
    Identifier::parse_recipient(&format!("+1555200{number:04}")).unwrap()
}

/// The number of an act among all: an act that arrives at every writer has one number.
const fn number_of(writer: usize, number: u64) -> u64 {
    number * WRITERS as u64 + if number.is_multiple_of(SHARED) { 0 } else { writer as u64 }
}

fn act(number: u64) -> (Identifier, NewAct) {
    let mut sequence = Sequence::new(number);
    let who = person(sequence.below(PEOPLE));
    let act = if sequence.below(3) == 0 {
        NewAct::direct(ConsentAct::Withdrawn, ConsentScope::all_marketing(), ConsentMethod::Keyword)
    } else {
        let scope = ConsentScope::whatsapp(PurposeId::marketing());
        NewAct::direct(ConsentAct::Given, scope, ConsentMethod::WebForm)
    };
    let acted_at = Timestamp::from_seconds(THEN + 60 * i64::try_from(number).unwrap()).unwrap();
    let source = Some(Personal::new(format!("act {number}").into_bytes()));
    (who, NewAct { acted_at: Some(acted_at), source, ..act })
}

/// What a writer does.
pub(crate) async fn write(place: &Place, writer: usize, from: u64) {
    let shop = place.shop().await;
    tokio::join!(write_some(&shop, writer, from), write_some(&shop, writer, from + 1));
}

async fn write_some(shop: &Controller, writer: usize, from: u64) {
    for number in (from..ACTS).step_by(TASKS as usize) {
        let (who, act) = act(number_of(writer, number));
        let recorded = loop {
            match shop.consent().record(&everybody(), &who, &act).await {
                Ok(recorded) => break recorded,
                Err(error) => assert!(is_passing(&error), "{error:?}"),
            }
            say("again");
            tokio::time::sleep(Duration::from_millis(10)).await;
        };
        match recorded {
            Recorded::New { .. } => say(&format!("new {number}")),
            Recorded::Duplicate => say(&format!("known {number}")),
            Recorded::Quarantined { .. } => panic!("{recorded:?}"),
        }
    }
}

/// The writers, as their parent sees them.
struct Writers {
    place: Place,
    processes: Vec<Process>,
    sender: Sender<(usize, Option<String>)>,
    lines: Receiver<(usize, Option<String>)>,
    acknowledged: [BTreeSet<u64>; WRITERS],
    has_ended: [bool; WRITERS],
    /// How often something was recorded as new.
    news: BTreeMap<u64, usize>,
    repetitions: usize,
}

impl Writers {
    fn start(place: &Place) -> Self {
        let (sender, lines) = channel();
        let start = |writer| Process::start(place, Role::Write { writer, from: 0 }, writer, sender.clone());
        Self {
            place: place.clone(),
            processes: (0..WRITERS).map(start).collect(),
            sender,
            lines,
            acknowledged: Default::default(),
            has_ended: [false; WRITERS],
            news: BTreeMap::new(),
            repetitions: 0,
        }
    }

    fn count(&self) -> usize {
        self.acknowledged.iter().map(BTreeSet::len).sum()
    }

    /// Listens until enough was said. Nobody may end before all of its acts are acknowledged.
    fn listen_until(&mut self, is_enough: impl Fn(&Self) -> bool) {
        while !is_enough(self) {
            assert!(self.has_ended != [true; WRITERS], "all acts were written before anything happened");
            let (writer, line) = self.lines.recv().unwrap();
            self.hear(writer, line);
            let is_done = self.acknowledged[writer].len() as u64 == ACTS;
            assert!(is_done || !self.has_ended[writer], "writer {writer} ended by itself");
        }
    }

    fn hear(&mut self, writer: usize, line: Option<String>) {
        let Some(line) = line else {
            self.has_ended[writer] = true;
            return;
        };
        let Some((outcome, number)) = line.split_once(' ') else {
            self.repetitions += 1;
            return;
        };
        let number = number.parse().unwrap();
        self.acknowledged[writer].insert(number);
        if outcome == "new" {
            *self.news.entry(number_of(writer, number)).or_default() += 1;
        }
    }

    /// Kills one; it goes on later at the first act that it did not acknowledge.
    fn kill(&mut self, writer: usize) {
        self.processes[writer].kill();
        while let Ok((writer, line)) = self.lines.try_recv() {
            self.hear(writer, line);
        }
        self.has_ended[writer] = false;
    }

    fn start_again(&mut self, writer: usize) {
        let from = (0..ACTS).find(|number| !self.acknowledged[writer].contains(number)).unwrap();
        let role = Role::Write { writer, from };
        self.processes[writer] = Process::start(&self.place, role, writer, self.sender.clone());
    }

    /// Every act that anybody acknowledged so far is on record: nothing is lost.
    async fn check(&self, shop: &Controller) {
        for (writer, acknowledged) in self.acknowledged.iter().enumerate() {
            for number in acknowledged {
                let (who, act) = act(number_of(writer, *number));
                let recorded = record(shop, &who, &act).await;
                assert_eq!(recorded, Recorded::Duplicate, "act {number} of writer {writer} was acknowledged");
            }
        }
    }
}

async fn states(shop: &Controller) -> Vec<ConsentState> {
    let mut states = Vec::new();
    for number in 0..PEOPLE {
        let purpose = PurposeId::marketing();
        let question = Question {
            purpose: &purpose,
            is_marketing: true,
            channel: Channel::WhatsApp,
            sender: Some(SENDER),
        };
        let standing = shop.consent().standing(&everybody(), &person(number), &question).await.unwrap();
        states.push(standing.state);
    }
    states
}

/// One process that does everything in turn, in memory.
async fn undisturbed(place: &Place, acts: &BTreeSet<u64>) -> Controller {
    let keyring = LocalKeyring::open_or_create(&place.keyring, Arc::new(SystemEntropy::new())).unwrap();
    let compliance = Compliance::builder()
        .storage(Arc::new(MemoryStorage::new()))
        .key_provider(Arc::new(keyring))
        .build()
        .await
        .unwrap();
    let shop = compliance.register_controller(&everybody(), SHOP).await.unwrap();
    for number in acts {
        let (who, act) = act(*number);
        assert!(matches!(record(&shop, &who, &act).await, Recorded::New { .. }));
    }
    shop
}

#[tokio::test(flavor = "multi_thread")]
async fn four_writers_through_a_kill_and_a_crash_of_the_server_leave_every_act_in_one_log_once() {
    let mut server = own_server();
    let folder = tempfile::tempdir().unwrap();
    let place = Place::new(&server, &folder);
    let shop = place.set_up().await;
    let before = shop.ledger().verify(&everybody()).await.unwrap().size();

    let mut sequence = Sequence::new(2026);
    let mut writers = Writers::start(&place);
    let enough = 20 + sequence.below(20) as usize;
    writers.listen_until(|writers| writers.acknowledged[VICTIM].len() >= enough);
    writers.kill(VICTIM);
    assert!((writers.acknowledged[VICTIM].len() as u64) < ACTS, "it was killed in the middle");
    writers.check(&shop).await;
    writers.start_again(VICTIM);

    let enough = writers.count() + 50 + sequence.below(50) as usize;
    writers.listen_until(|writers| writers.count() >= enough);
    let repetitions = writers.repetitions;
    server.stop(Shutdown::Immediate).unwrap();
    // Somebody finds out before it is back.
    writers.listen_until(|writers| writers.repetitions > repetitions);
    server.start_again().unwrap();
    writers.check(&shop).await;

    writers.listen_until(|writers| writers.has_ended == [true; WRITERS]);
    assert!(writers.processes.iter_mut().all(Process::ended_well));
    drop(shop);

    let shop = place.shop().await;
    let log = shop.ledger().verify(&everybody()).await.unwrap();
    let all: BTreeSet<u64> =
        (0..WRITERS).flat_map(|writer| (0..ACTS).map(move |number| number_of(writer, number))).collect();
    assert!(log.is_sound(), "{log:?}");
    assert_eq!(log.size() - before, all.len() as u64, "every act has one entry");
    assert!(writers.news.values().all(|count| *count == 1), "an act is new once: {:?}", writers.news);
    writers.check(&shop).await;
    assert_eq!(shop.ledger().verify(&everybody()).await.unwrap(), log, "looking changed something");
    assert_eq!(states(&shop).await, states(&undisturbed(&place, &all).await).await);
}
