//! A store that was restored from a backup beside its newer journal.

use serde_json::json;
use wzapi_compliance::ledger::proof::checkpoint::CheckpointPolicy;
use wzapi_compliance::ledger::proof::succession::Succession;

use crate::support::{CONTROLLER, Place, copy_folder, restore_folder};

/// Puts the store back to how it was when it was copied to `copy`.
fn restore(place: &Place) {
    restore_folder(&place.path("copy"), &place.data().join("store"));
}

#[test]
fn a_log_that_was_set_back_is_closed_and_its_successor_names_what_it_had_signed() {
    let place = Place::with_people();
    copy_folder(&place.data().join("store"), &place.path("copy"));
    place.grow("8");
    place.grow("9");
    place.prove(2, "old-proof");
    place.keep_checkpoint("old");
    let old_key = place.log_key();
    let old = std::fs::read_to_string(place.path("old")).unwrap();

    restore(&place);
    let run = place.verify().ended_with(0);
    let notice = "had signed 7 entries, of which at most 5 are stored; it is closed, and log";
    assert!(run.stderr.contains(notice) && run.stderr.contains(CONTROLLER), "{run:?}");
    let logs = &run.json()["logs"];
    assert_eq!(logs.as_array().unwrap().len(), 3, "the system's, the closed one and its successor");
    let (closed, successor) = (&logs[1], &logs[2]);
    let told =
        |log: &serde_json::Value| ["closed", "generation", "size", "verified"].map(|name| log[name].clone());
    assert_eq!(told(closed), [json!(true), json!(0), json!(5), json!(true)]);
    assert_eq!(told(successor), [json!(false), json!(1), json!(1), json!(true)]);
    assert_ne!(closed["origin"], successor["origin"]);
    assert!(place.verify().ended_with(0).stderr.is_empty(), "it is told once");
    let text = place.ledger("verify", &[]).ended_with(0).stdout;
    assert!(
        text.contains("(shard 0, generation 1): 1 entries") && text.contains("closed; another"),
        "{text}"
    );

    // The first entry of the successor holds the last checkpoint of the log that was closed.
    place.prove(0, "first");
    let new_key = place.log_key();
    assert_ne!(new_key, old_key);
    let first = place.check_proof("first", &new_key).ended_with(0).json();
    assert_eq!(first["event"]["type"], "ledger.succeeded");
    assert_eq!(first["event"]["checkpoint"], old.as_str());
    assert_eq!((&first["event"]["signed"], &first["event"]["stored"]), (&json!(7), &json!(5)));
    let policy = CheckpointPolicy::for_log(vec![old_key.parse().unwrap()]).unwrap();
    let (event, origin) = (first["event"].to_string(), first["origin"].as_str().unwrap());
    let succession = Succession::verify(event.as_bytes(), origin, &policy).unwrap();
    succession.check_last(&policy.open(old.as_bytes()).unwrap()).unwrap();

    // What was handed out before still holds, and only with the key of that time.
    place.check_proof("old-proof", &old_key).ended_with(0);
    place.check_proof("old-proof", &new_key).ended_with(4);
    // The checkpoint that was kept says that entries are gone.
    let against = ["--json", "--against", "old", "--key", &old_key];
    let fault = place.ledger("verify", &against).ended_with(4).json()["logs"][0]["fault"].clone();
    assert_eq!(fault, json!({ "index": 5, "kind": "behind_history" }));
    let other = place.ledger("consistency", &["--from", "old", "--key", &old_key]).ended_with(2);
    assert!(other.stderr.contains("it is of the log"), "{other:?}");

    place.grow("10");
    place.ledger("rotate-key", &[]).ended_with(0);
    place.ledger("export", &["--out", "files"]).ended_with(0);
    place.run(&["ledger", "verify", "--tiles", "files", "--key", &new_key]).ended_with(0);
    assert_eq!(place.verify().ended_with(0).json()["logs"][2]["size"], 3);
}

#[test]
fn a_log_that_signed_nothing_since_the_backup_goes_on() {
    let place = Place::with_people();
    place.keep_checkpoint("old");
    copy_folder(&place.data().join("store"), &place.path("copy"));
    place.grow("8");
    restore(&place);
    let run = place.verify().ended_with(0);
    assert!(run.stderr.is_empty(), "{run:?}");
    assert_eq!(run.json()["logs"].as_array().unwrap().len(), 2);
    place.grow("9");
    let key = place.log_key();
    place.ledger("consistency", &["--from", "old", "--key", &key]).ended_with(0);
}

#[test]
fn a_log_is_closed_each_time_it_is_set_back() {
    let place = Place::with_people();
    for generation in 1..=3 {
        copy_folder(&place.data().join("store"), &place.path("copy"));
        place.grow(&format!("{generation}"));
        place.ledger("checkpoint", &[]).ended_with(0);
        restore(&place);
        std::fs::remove_dir_all(place.path("copy")).unwrap();
        let json = place.ledger("verify", &["--json"]).ended_with(0).json();
        let logs = json["logs"].as_array().unwrap();
        assert_eq!(logs.len(), generation + 1);
        assert!(logs.iter().take(generation).all(|log| log["closed"] == json!(true)), "{json}");
        assert_eq!(logs[generation]["generation"], generation);
    }
}
