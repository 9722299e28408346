//! Rotations that are killed, again and again, and go on when they are asked for again.

use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;

use crate::support::{Place, Sequence, THEN, answers, body, start, wzapi};

const PEOPLE: u64 = 600;
/// How often a rotation is found unfinished before the test goes on.
const UNFINISHED: usize = 6;
const MAX_ROUNDS: usize = 80;

fn person(number: u64) -> String {
    format!("1555200{number:04}")
}

/// Everybody has said something, and every fourth has said stop.
fn place() -> (Place, Vec<String>) {
    let place = Place::with_a_sender();
    let people: Vec<String> = (0..PEOPLE).map(person).collect();
    let mut files = Vec::new();
    for (part, people) in people.chunks(100).enumerate() {
        let texts: Vec<(&str, &str)> = people
            .iter()
            .enumerate()
            .map(|(number, who)| (who.as_str(), if number % 4 == 0 { "STOP" } else { "START" }))
            .collect();
        let name = format!("part-{part}");
        place.write(&name, body(&name, THEN, &texts));
        files.push(name);
    }
    place.ingest(&files.iter().map(String::as_str).collect::<Vec<_>>()).ended_with(0);
    (place, people)
}

/// Begins a command on the keys and kills it after a while; whether it came to its end before.
fn begin_and_kill(place: &Place, verb: &str, after: Duration) -> bool {
    let mut command = wzapi();
    let command =
        command.args(["keys", verb, "--data"]).arg(place.data()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = start(command);
    std::thread::sleep(after);
    let has_ended = child.try_wait().unwrap().is_some();
    child.kill().unwrap();
    child.wait().unwrap();
    has_ended
}

/// Whether a rotation is under way in what is stored.
fn is_unfinished(status: &Value) -> bool {
    let tenants = status["tenants"].as_array().unwrap();
    status["epoch"]["stage"] != "complete"
        || tenants.iter().any(|tenant| tenant["tenant_keys"].as_array().unwrap().len() > 1)
}

/// Kills a rotation in many places, and finishes it in the end.
async fn survive(verb: &str, seed: u64) -> (Place, Value) {
    let (place, people) = place();
    let before = answers(&place, &people).await;
    let mut sequence = Sequence(seed);
    // Later and later, until one comes to its end: whatever the speed of the machine, some are killed in the middle.
    let (mut unfinished, mut rounds, mut millis) = (0, 0, 4);
    while unfinished < UNFINISHED && rounds < MAX_ROUNDS {
        rounds += 1;
        if begin_and_kill(&place, verb, Duration::from_millis(millis)) {
            millis /= 3;
        }
        millis += 4 + sequence.below(12);
        let status = place.keys("status", &[]).ended_with(0).json();
        unfinished += usize::from(is_unfinished(&status));
    }
    assert!(unfinished > 0, "no child was killed in the middle");
    assert_eq!(answers(&place, &people).await, before, "everybody is readable while it is unfinished");
    place.verify().ended_with(0);

    let finished = place.keys(verb, &[]).ended_with(0).json();
    let status = place.keys("status", &[]).ended_with(0).json();
    assert!(!is_unfinished(&status), "{status}");
    assert!(status["tenants"].as_array().unwrap().iter().all(|tenant| tenant["outdated"] == 0), "{status}");
    assert_eq!(answers(&place, &people).await, before);
    assert_eq!(place.verify().ended_with(0).json()["logs"][1]["size"], 2 + PEOPLE);
    (place, finished)
}

#[tokio::test]
async fn a_rotation_that_is_killed_again_and_again_leaves_everybody_readable_and_comes_to_its_end() {
    let _survived = survive("rotate", 1).await;
}

#[tokio::test]
async fn a_new_epoch_that_is_killed_again_and_again_leaves_everybody_readable_and_comes_to_its_end() {
    let (place, finished) = survive("rotate-epoch", 2).await;
    assert_eq!(finished["final"], true);
    // The export of the last one opens what is there, and no other wrapping key is left.
    let export = finished["export"].as_str().unwrap();
    let imported = place.keys("import", &[export]).ended_with(0).json();
    assert_eq!(imported["destroyed"], 0);
    let status = place.keys("status", &[]).ended_with(0).json();
    let former = status["epoch"]["former"].as_array().unwrap();
    assert!(!former.is_empty() && former.iter().all(|former| former["fate"] == "destroyed"), "{status}");
    place.verify().ended_with(0);
}
