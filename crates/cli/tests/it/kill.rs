//! A process that is killed in the middle of taking deliveries in, fifty times, on one directory: whatever it
//! acknowledged is there, no half of anything is, and in the end nothing tells that anything happened.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Stdio};
use std::time::Duration;

use wzapi_compliance::consent::gate::{Checked, Message, ReasonCode, SendRequest};
use wzapi_compliance::model::identifier::Identifier;
use wzapi_compliance::model::message::MessageCategory;
use wzapi_compliance::whatsapp::signature::AppSecrets;

use crate::support::{
    CONTROLLER, Place, SECRET, SENDER, Sequence, THEN, answers, body, close, everybody, open, start, wzapi,
};

const ROUNDS: usize = 50;
const DELIVERIES: usize = 400;
const PEOPLE: u64 = 160;
const PER_DELIVERY: usize = 5;
/// Deliveries that a child is given; more than it gets to.
const PER_ROUND: usize = 24;

/// A delivery, and who says stop in it.
struct Delivery {
    file: String,
    body: Vec<u8>,
    stops: Vec<String>,
}

fn person(number: u64) -> String {
    format!("1555200{number:04}")
}

fn people() -> Vec<String> {
    (0..PEOPLE).map(person).collect()
}

/// Who has said stop never says start again, so that a stop that was acknowledged stands for good.
fn deliveries(sequence: &mut Sequence) -> Vec<Delivery> {
    let mut stopped = BTreeSet::new();
    let mut deliveries = Vec::new();
    for number in 0..DELIVERIES {
        let mut texts = Vec::new();
        let mut stops = Vec::new();
        for _ in 0..PER_DELIVERY {
            let who = sequence.below(PEOPLE);
            let may_stop = !who.is_multiple_of(4);
            let words = match sequence.below(8) {
                0 if may_stop => "STOP",
                1..=5 if !stopped.contains(&who) => "START",
                _ => "hello",
            };
            if words == "STOP" {
                stopped.insert(who);
                stops.push(person(who));
            }
            texts.push((person(who), words));
        }
        let texts: Vec<_> = texts.iter().map(|(who, words)| (who.as_str(), *words)).collect();
        let seconds = THEN + 60 * i64::try_from(number).unwrap();
        let file = format!("{number:04}.json");
        deliveries.push(Delivery { file, body: body(&format!("{number}"), seconds, &texts), stops });
    }
    deliveries
}

fn place_with(deliveries: &[Delivery]) -> Place {
    let place = Place::with_a_sender();
    for delivery in deliveries {
        place.write(&delivery.file, &delivery.body);
    }
    place
}

fn spawn(place: &Place, files: &[&str]) -> (Child, BufReader<ChildStdout>) {
    let mut command = wzapi();
    let command = command
        .current_dir(place.path(""))
        .args(["ingest", "--data", "data", "--controller", CONTROLLER, "--app-secret-file", "secrets"])
        .args(files)
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut child = start(command);
    let output = BufReader::new(child.stdout.take().unwrap());
    (child, output)
}

/// The next whole line; the file in it when it is an acknowledgement. `None` at the end.
fn next_line(output: &mut BufReader<ChildStdout>) -> Option<Option<String>> {
    let mut line = String::new();
    if output.read_line(&mut line).unwrap() == 0 {
        return None;
    }
    let file = line.strip_suffix('\n').and_then(|line| line.strip_prefix("acknowledged "));
    Some(file.map(str::to_owned))
}

/// Lets a child work for a while and kills it; answers what it acknowledged.
fn run_and_kill(place: &Place, files: &[&str], sequence: &mut Sequence) -> Vec<String> {
    let (mut child, mut output) = spawn(place, files);
    let mut acknowledged = Vec::new();
    let enough = sequence.below(9);
    if enough == 0 {
        // Maybe before it has opened the store.
        std::thread::sleep(Duration::from_millis(sequence.below(80)));
    }
    while (acknowledged.len() as u64) < enough {
        acknowledged.extend(next_line(&mut output).expect("the child ended by itself"));
    }
    std::thread::sleep(Duration::from_micros(sequence.below(8_000)));
    child.kill().unwrap();
    child.wait().unwrap();
    while let Some(line) = next_line(&mut output) {
        acknowledged.extend(line);
    }
    acknowledged
}

/// Every acknowledged delivery is there, whole; every acknowledged stop refuses; the ledger verifies.
async fn look(place: &Place, acknowledged: &[&Delivery], stopped: &BTreeSet<String>) -> u64 {
    let secrets = AppSecrets::new(SECRET.as_bytes()).unwrap();
    let (compliance, controller) = open(&place.data()).await;
    for Delivery { file, body, .. } in acknowledged {
        let signature = secrets.sign(body);
        let report = controller.ingest().deliver(&everybody(), &secrets, &signature, body).await.unwrap();
        assert_eq!(report.duplicates, PER_DELIVERY as u64, "{file} was acknowledged: {report:?}");
        assert_eq!(report.messages + report.unrouted + report.unknown, 0, "{file}: {report:?}");
    }
    for who in stopped {
        let request = SendRequest::new(
            Identifier::parse_recipient(who).unwrap(),
            Message::new(SENDER.parse().unwrap(), MessageCategory::Marketing),
        );
        match controller.gate().check(&everybody(), &request).await.unwrap() {
            Checked::Refused(decision) => assert_eq!(decision.reasons[0].code, ReasonCode::Withdrawn),
            Checked::Allowed(_) => panic!("an acknowledged stop was lost"),
        }
    }
    let verification = controller.ledger().verify(&everybody()).await.unwrap();
    assert!(verification.is_sound(), "{verification:?}");
    close((compliance, controller));
    verification.size()
}

#[tokio::test]
async fn clause_2_c_killed_anywhere_fifty_times_no_acknowledged_stop_is_lost_and_the_ledger_verifies() {
    let mut sequence = Sequence(2026);
    let deliveries = deliveries(&mut sequence);
    let by_file: BTreeMap<&str, &Delivery> =
        deliveries.iter().map(|delivery| (delivery.file.as_str(), delivery)).collect();
    let place = place_with(&deliveries);

    let (mut acknowledged, mut unseen) = (BTreeSet::new(), Vec::new());
    let mut stopped = BTreeSet::new();
    for round in 1..=ROUNDS {
        let rest = deliveries.iter().filter(|delivery| !acknowledged.contains(&delivery.file));
        let files: Vec<&str> = rest.map(|delivery| delivery.file.as_str()).take(PER_ROUND).collect();
        assert_eq!(files.len(), PER_ROUND, "there are deliveries for every round");
        for file in run_and_kill(&place, &files, &mut sequence) {
            let delivery = by_file[file.as_str()];
            stopped.extend(delivery.stops.iter().cloned());
            unseen.push(delivery);
            acknowledged.insert(file);
        }
        if round % 5 == 0 {
            look(&place, &unseen, &stopped).await;
            unseen.clear();
        }
    }
    assert!(acknowledged.len() > ROUNDS && stopped.len() > 20, "the children were killed too early");

    let all: Vec<&str> = deliveries.iter().map(|delivery| delivery.file.as_str()).collect();
    let rest = place.ingest(&all).ended_with(0).json();
    assert_eq!(rest["deliveries"], DELIVERIES);
    let everything: Vec<&Delivery> = deliveries.iter().collect();
    let size = look(&place, &everything, &stopped).await;

    let undisturbed = place_with(&deliveries);
    undisturbed.ingest(&all).ended_with(0);
    assert_eq!(look(&undisturbed, &[], &stopped).await, size, "every act is in the ledger once");
    assert_eq!(answers(&place, &people()).await, answers(&undisturbed, &people()).await);
}
