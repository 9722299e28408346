//! The log of a store in which somebody changed a row behind the library's back.

use serde_json::json;
use wzapi_compliance::storage::changeset::Write;
use wzapi_compliance::storage::key::Key;
use wzapi_compliance::storage::row::{EntryBody, EntryBodyRow, LogHeadRow};

use crate::rows::{HEAD, LOG, Log, put, write};
use crate::support::{ANA, BEN, CONTROLLER, Place, THEN, body};

#[tokio::test]
async fn a_row_that_was_tampered_with_is_found_and_its_place_is_told() {
    let place = Place::with_a_sender();
    let data = place.data();
    for (name, seconds, who, words) in
        [("1", 0, ANA, "START"), ("2", 60, BEN, "START"), ("3", 120, ANA, "STOP"), ("4", 180, BEN, "STOP")]
    {
        place.write(name, body(name, THEN + seconds, &[(who, words)]));
    }
    place.ingest(&["1", "2", "3"]).ended_with(0);
    let earlier_head = Log::read(&data).await.head();
    place.ingest(&["4"]).ended_with(0);
    let sound = place.verify().ended_with(0).json();
    assert_eq!((&sound["verified"], &sound["logs"][1]["size"]), (&json!(true), &json!(6)));
    assert_eq!(sound["logs"][1]["fault"], json!(null));

    let log = Log::read(&data).await;
    let altered_leaf = |index: u64| {
        let (key, mut leaf) = log.leaf(index);
        leaf.commitment[7] ^= 1;
        put(key, leaf)
    };
    let altered_body = |index: u64| {
        let (key, mut body) = log.body(index);
        let EntryBody::Kept(sealed) = &mut body.body else { panic!("erased") };
        *sealed.envelope.last_mut().unwrap() ^= 1;
        put(key, body)
    };
    let exchanged = |one: u64, other: u64| {
        vec![put(log.leaf(one).0, log.leaf(other).1), put(log.leaf(other).0, log.leaf(one).1)]
    };
    let foreign_body = put(log.body(2).0, EntryBodyRow { index: 2, ..log.body(4).1 });
    let altered_head = {
        let mut head = log.head();
        head.peaks[0][0] ^= 1;
        put(HEAD, head)
    };
    let grown_head = put(HEAD, LogHeadRow { size: 7, ..log.head() });
    let cases: Vec<(&str, Vec<Write>, u64, &str)> = vec![
        ("an entry altered", vec![altered_leaf(2)], 2, "body_altered"),
        ("a body altered", vec![altered_body(3)], 3, "body_altered"),
        ("two faults, the first is told", vec![altered_body(4), altered_leaf(1)], 1, "body_altered"),
        ("a body exchanged for another person's", vec![foreign_body], 2, "body_altered"),
        ("an entry removed", vec![Write::Delete(log.leaf(1).0)], 1, "entry_missing"),
        ("the last entry removed", vec![Write::Delete(log.leaf(5).0)], 5, "entry_missing"),
        ("a body removed", vec![Write::Delete(log.body(4).0)], 4, "body_missing"),
        ("a key removed", vec![Write::Delete(log.data_key(2))], 2, "key_missing"),
        ("two entries exchanged", exchanged(1, 3), 1, "misplaced"),
        ("an entry told twice", vec![put(log.leaf(3).0, log.leaf(2).1)], 3, "misplaced"),
        ("the head removed", vec![Write::Delete(HEAD)], 0, "head_missing"),
        ("the head cut", vec![put(HEAD, earlier_head)], 5, "truncated"),
        ("the head altered", vec![altered_head], 6, "root_mismatch"),
        ("the head grown", vec![grown_head], 7, "head_damaged"),
    ];
    for (what, writes, index, kind) in cases {
        let touched: Vec<Key> = writes.iter().map(|write| write.key().clone()).collect();
        write(&data, writes).await;
        let found = place.verify().ended_with(4).json();
        assert_eq!(found["verified"], json!(false), "{what}");
        assert_eq!(found["logs"][1]["fault"], json!({ "index": index, "kind": kind }), "{what}: {found}");
        assert_eq!(found["logs"][0]["verified"], json!(true), "{what}: the system's log is as it was");
        let text = place.run(&["ledger", "verify", "--data", "DATA", "--controller", CONTROLLER]);
        let line = format!("FAULT at entry {index}: {kind}");
        assert!(text.ended_with(4).stdout.contains(&line), "{what}");
        // And back as it was.
        let restored = touched.into_iter().map(|key| put(key.clone(), log.0[&key].clone()));
        write(&data, restored.collect()).await;
    }
    assert_eq!(place.verify().ended_with(0).json(), sound);
}

#[test]
fn a_log_that_does_not_exist_is_bad_input() {
    let place = Place::with_a_sender();
    let unknown = "0c0c0c0c-0c0c-4c0c-8c0c-0c0c0c0c0c0c";
    let run = place.run(&["ledger", "verify", "--data", "DATA", "--controller", unknown]).ended_with(2);
    assert!(run.stderr.contains("not registered"), "{run:?}");
    let one = place.run(&["ledger", "verify", "--json", "--data", "DATA", "--controller", CONTROLLER]);
    let logs = one.ended_with(0).json()["logs"].clone();
    assert_eq!(logs.as_array().unwrap().len(), 1);
    assert_eq!(logs[0]["controller"], CONTROLLER);
}

/// The rows of a log of 6 entries whose last 2 entries are the newest.
async fn signed_place() -> (Place, LogHeadRow) {
    let place = Place::with_people();
    let earlier = Log::read(&place.data()).await.head();
    place.grow("8");
    place.grow("9");
    place.keep_checkpoint("signed");
    (place, earlier)
}

#[tokio::test]
async fn a_log_that_was_cut_behind_what_it_signed_is_found_and_signs_nothing() {
    let (place, earlier) = signed_place().await;
    let (data, key) = (place.data(), place.log_key());
    let log = Log::read(&data).await;
    let cut = [5, 6].iter().flat_map(|index| [log.leaf(*index).0, log.body(*index).0]).map(Write::Delete);
    write(&data, cut.chain([put(HEAD, earlier)]).collect()).await;
    let fault = |options: &[&str]| {
        let json = place.ledger("verify", &[&["--json"][..], options].concat()).ended_with(4).json();
        json["logs"][0]["fault"].clone()
    };
    let against = ["--against", "signed", "--key", &key];
    assert_eq!(fault(&[]), json!({ "index": 5, "kind": "behind_checkpoint" }));
    for verb in [&["checkpoint"][..], &["export", "--out", "files"]] {
        let run = place.ledger(verb[0], &verb[1..]).ended_with(4);
        assert!(run.stderr.contains("verify it"), "{run:?}");
    }
    let gone = place.ledger("prove", &["--entry", "6", "--out", "proof"]);
    assert!(gone.code != 0 && !place.path("proof").exists(), "{gone:?}");
    assert!(!place.path("files/checkpoint").exists());
    place.ledger("consistency", &["--from", "signed", "--key", &key]).ended_with(4);

    // Whoever takes the checkpoint and the tiles away as well is found by the checkpoint that was kept.
    write(&data, vec![Write::Delete(Key::Checkpoint(LOG))]).await;
    place.ledger("verify", &[]).ended_with(0);
    assert_eq!(fault(&against), json!({ "index": 5, "kind": "behind_history" }));
}

#[tokio::test]
async fn an_entry_that_was_altered_after_it_was_signed_is_found_and_nothing_is_proved() {
    let (place, _) = signed_place().await;
    let (data, key) = (place.data(), place.log_key());
    let log = Log::read(&data).await;
    let (place_of, mut leaf) = log.leaf(3);
    leaf.commitment[0] ^= 1;
    write(&data, vec![put(place_of, leaf)]).await;
    let json = place.ledger("verify", &["--json"]).ended_with(4).json();
    assert_eq!(json["logs"][0]["fault"], json!({ "index": 3, "kind": "body_altered" }));
    assert_eq!(json["logs"][0]["signed"], 7);
    place.ledger("prove", &["--entry", "3", "--out", "proof"]).ended_with(4);
    assert!(!place.path("proof").exists());
    // An export of it does not verify.
    let export = place.ledger("export", &["--out", "files"]);
    if export.code == 0 {
        let tiles = ["ledger", "verify", "--json", "--tiles", "files", "--key", &key];
        let fault = place.run(&tiles).ended_with(4).json()["fault"].clone();
        assert_eq!(fault["kind"], "entry_altered", "{fault}");
    }
}
