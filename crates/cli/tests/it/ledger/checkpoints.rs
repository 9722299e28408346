//! What a log signs, and the keys that verify it.

use wzapi_compliance::ledger::proof::checkpoint::{CheckpointPolicy, OpenedCheckpoint};
use wzapi_compliance::ledger::proof::handover;
use wzapi_compliance::ledger::proof::signed_note::VerifierKey;

use crate::support::{CONTROLLER, Place, fields};

const SYSTEM: &str = "ffffffff-ffff-8fff-bfff-ffffffffffff";

fn key(text: &str) -> VerifierKey {
    text.parse().unwrap()
}

/// Opens a checkpoint as somebody does who has nothing but a key.
fn opened(note: &str, key: &VerifierKey) -> OpenedCheckpoint {
    CheckpointPolicy::for_log(vec![key.clone()]).unwrap().open(note.as_bytes()).unwrap()
}

#[test]
fn a_checkpoint_is_printed_alone_and_verifies_with_the_key_of_the_log() {
    let place = Place::with_people();
    let run = place.ledger("checkpoint", &[]).ended_with(0);
    assert_eq!(run.stderr, "");
    let log_key = key(&place.log_key());
    assert_eq!(opened(&run.stdout, &log_key).head().size(), 5);
    assert_eq!(
        place.ledger("checkpoint", &[]).ended_with(0).stdout,
        run.stdout,
        "nothing was recorded since"
    );

    let json = place.ledger("checkpoint", &["--json"]).ended_with(0).json();
    let expected =
        ["controller", "log", "note", "origin", "root", "shard", "signed_at", "size", "verifier_keys"];
    assert_eq!(fields(&json), expected);
    assert_eq!((json["note"].as_str(), json["size"].as_u64()), (Some(run.stdout.as_str()), Some(5)));
    assert_eq!(json["controller"], CONTROLLER);
    assert_eq!(json["verifier_keys"], serde_json::json!([log_key.to_string()]));
    assert_eq!(json["origin"], log_key.name().as_str());
    let verified = place.verify().ended_with(0).json();
    assert_eq!(
        (&verified["logs"][1]["signed"], &verified["logs"][1]["root"]),
        (&json["size"], &json["root"])
    );

    place.grow("9");
    let grown = place.ledger("checkpoint", &[]).ended_with(0).stdout;
    assert_eq!(opened(&grown, &log_key).head().size(), 6);
    let keys = place.ledger("keys", &["--json"]).ended_with(0).json();
    assert_eq!(fields(&keys), ["origin", "verifier_keys"]);
}

#[test]
fn the_systems_log_is_a_log_like_others() {
    let place = Place::with_a_sender();
    let system = |verb: &str, options: &[&str], id: &str| {
        place.run(&[&["ledger", verb, "--data", "DATA", "--controller", id][..], options].concat())
    };
    let empty = system("checkpoint", &["--json"], "system").ended_with(0).json();
    assert_eq!((empty["size"].as_u64(), &empty["controller"]), (Some(0), &serde_json::json!(SYSTEM)));
    place.keys("rotate", &[]).ended_with(0);
    let one = system("checkpoint", &["--json"], SYSTEM).ended_with(0).json();
    assert_eq!((&one["origin"], one["size"].as_u64()), (&empty["origin"], Some(1)));
    system("prove", &["--entry", "0", "--out", "proof"], "system").ended_with(0);
    let log_key = one["verifier_keys"][0].as_str().unwrap();
    assert_eq!(place.check_proof("proof", log_key).ended_with(0).json()["event"]["type"], "keys.rotated");
    let logs = system("verify", &["--json"], "system").ended_with(0).json()["logs"].clone();
    assert_eq!((logs.as_array().unwrap().len(), &logs[0]["controller"]), (1, &serde_json::json!(SYSTEM)));
}

#[test]
fn a_log_gets_a_new_key_by_a_handover_that_both_keys_sign() {
    let place = Place::with_people();
    place.prove(1, "before");
    let old = key(&place.log_key());
    let rotation = place.ledger("rotate-key", &["--json"]).ended_with(0).json();
    assert_eq!(fields(&rotation), ["entry", "new", "old", "statement"]);
    assert_eq!(rotation["old"], old.to_string());
    let statement = rotation["statement"].as_str().unwrap();
    let new = handover::verify(statement.as_bytes(), &old).unwrap().new_key().clone();
    assert_eq!(rotation["new"], new.to_string());

    let keys = place.ledger("keys", &[]).ended_with(0).stdout;
    assert_eq!(keys.lines().collect::<Vec<_>>(), [new.to_string(), old.to_string()]);
    let note = place.ledger("checkpoint", &[]).ended_with(0).stdout;
    assert_eq!(opened(&note, &old).head(), opened(&note, &new).head());
    place.prove(5, "handover");
    for key in [&old, &new] {
        let event = place.check_proof("handover", &key.to_string()).ended_with(0).json()["event"].clone();
        assert_eq!((&event["type"], &event["statement"]), (&"ledger.key_rotated".into(), &statement.into()));
    }
    place.check_proof("before", &old.to_string()).ended_with(0);
    place.check_proof("before", &new.to_string()).ended_with(4);
    place.verify().ended_with(0);

    let again = place.ledger("rotate-key", &[]).ended_with(0).stdout;
    assert!(again.starts_with(&format!("old key {new}\nnew key ")), "{again}");
    assert_eq!(place.ledger("keys", &[]).ended_with(0).stdout.lines().count(), 3);
}

#[test]
fn what_is_no_log_is_bad_input() {
    let place = Place::with_people();
    let unknown = "0c0c0c0c-0c0c-4c0c-8c0c-0c0c0c0c0c0c";
    place.write("old", "no checkpoint");
    let key = place.log_key();
    let verbs: [(&str, &[&str]); 6] = [
        ("checkpoint", &[]),
        ("keys", &[]),
        ("rotate-key", &[]),
        ("prove", &["--entry", "0", "--out", "proof"]),
        ("export", &["--out", "files"]),
        ("consistency", &["--from", "old", "--key", &key]),
    ];
    place.keep_checkpoint("old");
    for (verb, options) in verbs {
        for id in [unknown, "nobody", "System", ""] {
            let log = ["ledger", verb, "--data", "DATA", "--controller", id];
            let run = place.run(&[&log[..], options].concat()).ended_with(2);
            assert!(run.stdout.is_empty(), "{run:?}");
        }
        place.ledger(verb, &[options, &["--shard", "7"]].concat()).ended_with(2);
        place.run(&[&["ledger", verb, "--data", "DATA"][..], options].concat()).ended_with(2);
        let log = ["ledger", verb, "--data", "elsewhere", "--controller", CONTROLLER];
        let run = place.run(&[&log[..], options].concat()).ended_with(2);
        assert!(run.stderr.contains("no data directory"), "{run:?}");
    }
    assert!(!place.path("proof").exists() && !place.path("elsewhere").exists());
}
