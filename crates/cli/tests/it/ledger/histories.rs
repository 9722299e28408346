//! A log against what it stated before.

use serde_json::{Value, json};
use wzapi_compliance::ledger::proof::TreeHead;
use wzapi_compliance::ledger::proof::checkpoint::CheckpointPolicy;
use wzapi_compliance::ledger::proof::consistency::ConsistencyProof;

use crate::support::{Place, SECRET, copy_folder, fields};

fn head(side: &Value) -> TreeHead {
    TreeHead::new(side["size"].as_u64().unwrap(), side["root"].as_str().unwrap().parse().unwrap()).unwrap()
}

/// A copy of a place that goes its own way: the same log with the same keys, and another history.
fn fork(place: &Place) -> Place {
    let fork = Place::empty();
    copy_folder(&place.data(), &fork.data());
    fork.write("secrets", SECRET);
    fork
}

#[test]
fn a_log_begins_with_what_it_stated_before_and_proves_it() {
    let place = Place::with_people();
    let key = place.log_key();
    place.keep_checkpoint("old");
    for id in ["6", "7", "8", "9"] {
        place.grow(id);
    }
    place.ledger("export", &["--out", "files"]).ended_with(0);
    let from = ["--from", "old", "--key", &key, "--json"];
    let in_store = place.ledger("consistency", &from).ended_with(0).json();
    let tiles = ["ledger", "consistency", "--tiles", "files"];
    let in_files = place.run(&[&tiles[..], &from[..]].concat()).ended_with(0).json();
    assert_eq!(in_store, in_files);
    assert_eq!(fields(&in_store), ["consistent", "from", "note", "origin", "proof", "to"]);
    let (older, newer) = (head(&in_store["from"]), head(&in_store["to"]));
    assert_eq!((older.size(), newer.size(), &in_store["consistent"]), (5, 9, &json!(true)));
    let hashes =
        in_store["proof"].as_array().unwrap().iter().map(|hash| hash.as_str().unwrap().parse().unwrap());
    ConsistencyProof::from(hashes.collect::<Vec<_>>()).verify(older, newer).unwrap();
    let policy = CheckpointPolicy::for_log(vec![key.parse().unwrap()]).unwrap();
    assert_eq!(policy.open(in_store["note"].as_str().unwrap().as_bytes()).unwrap().head(), newer);

    let text = place.ledger("consistency", &["--from", "old", "--key", &key]).ended_with(0).stdout;
    assert!(text.contains("has 9 entries and begins with the 5 of the old checkpoint"), "{text}");
    let verified =
        place.ledger("verify", &["--json", "--against", "old", "--key", &key]).ended_with(0).json();
    assert_eq!((&verified["compared"], &verified["logs"][0]["compared"]), (&json!(true), &json!(1)));
    // Whose log it is need not be said.
    let all = ["ledger", "verify", "--json", "--data", "DATA", "--against", "old", "--key", &key];
    let all = place.run(&all).ended_with(0).json();
    assert_eq!((&all["logs"][0]["compared"], &all["logs"][1]["compared"]), (&json!(0), &json!(1)));
}

#[test]
fn another_history_of_the_same_log_is_found() {
    let place = Place::with_people();
    let key = place.log_key();
    let fork = fork(&place);
    place.grow("7");
    fork.grow("8");
    place.keep_checkpoint("one");
    fork.keep_checkpoint("one");
    place.grow("9");
    place.ledger("export", &["--out", "files"]).ended_with(0);
    let of_fork = std::fs::read(fork.path("one")).unwrap();
    place.write("of-fork", &of_fork);

    let from = ["--from", "of-fork", "--key", &key, "--json"];
    let tiles = ["ledger", "consistency", "--tiles", "files"];
    for run in [place.ledger("consistency", &from), place.run(&[&tiles[..], &from[..]].concat())] {
        let json = run.ended_with(4).json();
        assert_eq!(fields(&json), ["consistent", "origin", "problem"]);
        assert_eq!(json["consistent"], false);
    }
    let against = ["--json", "--against", "of-fork", "--key", &key];
    let fault = place.ledger("verify", &against).ended_with(4).json()["logs"][0]["fault"].clone();
    assert_eq!(fault, json!({ "index": 6, "kind": "history_rewritten" }));
    let tiles = ["ledger", "verify", "--tiles", "files"];
    let fault = place.run(&[&tiles[..], &against[..]].concat()).ended_with(4).json()["fault"].clone();
    assert_eq!(fault["kind"], "older_contradicts");

    // A longer one.
    fork.grow("10");
    fork.grow("11");
    fork.keep_checkpoint("two");
    place.write("of-fork", std::fs::read(fork.path("two")).unwrap());
    let fault = place.ledger("verify", &against).ended_with(4).json()["logs"][0]["fault"].clone();
    assert_eq!(fault, json!({ "index": 7, "kind": "behind_history" }));
    let run = place.ledger("consistency", &from).ended_with(4);
    assert!(run.stderr.contains("the older tree has 8 entries, the newer one only 7"), "{run:?}");

    // And an export is not written over one of another history.
    let before = std::fs::read(place.path("files/checkpoint")).unwrap();
    let files = place.path("files");
    fork.ledger("export", &["--out", files.to_str().unwrap()]).ended_with(2);
    assert_eq!(std::fs::read(place.path("files/checkpoint")).unwrap(), before);
}

#[test]
fn an_old_checkpoint_that_says_nothing_about_the_log_is_refused() {
    let place = Place::with_people();
    let key = place.log_key();
    place.keep_checkpoint("old");
    let system = ["--data", "DATA", "--controller", "system"];
    let of_system = place.run(&[&["ledger", "checkpoint"][..], &system[..]].concat()).ended_with(0).stdout;
    let system_key = place.run(&[&["ledger", "keys"][..], &system[..]].concat()).ended_with(0).stdout;
    let system_key = system_key.trim();
    place.write("of-system", of_system);
    let text = std::fs::read_to_string(place.path("old")).unwrap();
    place.write("altered", text.replacen("\n5\n", "\n4\n", 1));
    place.write("letter", "Dear log\n");
    std::fs::File::create(place.path("huge")).unwrap().set_len(1 << 40).unwrap();
    let ended = |file: &str, key: &str, code| {
        place.ledger("consistency", &["--from", file, "--key", key]).ended_with(code);
        place.ledger("verify", &["--against", file, "--key", key]).ended_with(code);
    };
    place.ledger("consistency", &["--from", "of-system", "--key", system_key]).ended_with(2);
    // Another controller's log, or one that was taken away: nobody can tell.
    place.ledger("verify", &["--against", "of-system", "--key", system_key]).ended_with(4);
    ended("of-system", &key, 4);
    ended("old", system_key, 4);
    ended("altered", &key, 4);
    for file in ["letter", "huge", "missing", "data"] {
        ended(file, &key, 2);
    }
    place.ledger("consistency", &["--from", "old"]).ended_with(2);
    place.ledger("verify", &["--against", "old"]).ended_with(2);
    place.run(&["ledger", "consistency", "--data", "DATA", "--from", "old", "--key", &key]).ended_with(2);
    place.run(&["ledger", "consistency", "--from", "old", "--key", &key]).ended_with(2);
}
