//! A proof of one entry, checked by somebody who has no data at all.

use std::fs::File;
use std::process::Stdio;

use serde_json::{Value, json};
use wzapi_compliance::ledger::proof::checkpoint::Checkpoint;
use wzapi_compliance::ledger::proof::cosignature::Witness;
use wzapi_compliance::ledger::proof::signed_note::{KeyName, SignatureKind, VerifierKey};
use wzapi_compliance::ledger::proof::tlog_proof::TlogProof;

use crate::rows::erase_person_of;
use crate::support::{ANA, BEN, CONTROLLER, Place, fields, start, wzapi};

#[test]
fn a_proof_is_checked_without_any_data_and_gives_the_event() {
    let place = Place::with_people();
    let run = place.ledger("prove", &["--entry", "4", "--out", "proof", "--json"]).ended_with(0);
    let json = run.json();
    assert_eq!(fields(&json), ["controller", "index", "origin", "proof", "shard", "size"]);
    assert_eq!((json["index"].as_u64(), json["size"].as_u64()), (Some(4), Some(5)));
    let key = place.log_key();

    // Elsewhere, with nothing but the file and the key.
    let elsewhere = Place::empty();
    elsewhere.write("proof", std::fs::read(place.path("proof")).unwrap());
    let checked = elsewhere.check_proof("proof", &key).ended_with(0).json();
    let expected = ["event", "index", "origin", "root", "size", "verified", "witnesses"];
    assert_eq!(fields(&checked), expected);
    assert_eq!(checked["event"]["type"], "consent.withdrawn");
    assert_eq!(checked["event"]["controller"], CONTROLLER);
    assert_eq!(
        (&checked["index"], &checked["size"], &checked["verified"]),
        (&json!(4), &json!(5), &json!(true))
    );
    assert_eq!(checked["origin"], json["origin"]);
    assert_eq!(checked["root"], place.verify().ended_with(0).json()["logs"][1]["root"]);

    let text = elsewhere.run(&["ledger", "check-proof", "proof", "--key", &key]).ended_with(0);
    let event: Value = serde_json::from_str(text.stdout.lines().next().unwrap()).unwrap();
    assert_eq!(event, checked["event"]);
    assert!(text.stdout.contains("entry 4 of 5 of log "), "{text:?}");
    for who in [ANA, BEN] {
        assert!(!run.prints_anywhere(who) && !text.prints_anywhere(who));
    }

    place.grow("9");
    elsewhere.check_proof("proof", &key).ended_with(0);
}

#[cfg(unix)]
#[test]
fn clause_5_a_a_proof_is_for_its_owner_to_read_and_replaces_nothing() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::with_people();
    place.prove(2, "proof");
    assert_eq!(std::fs::metadata(place.path("proof")).unwrap().permissions().mode() & 0o777, 0o600);
    let before = std::fs::read(place.path("proof")).unwrap();
    for out in ["proof", "nowhere/proof", "data"] {
        let run = place.ledger("prove", &["--entry", "3", "--out", out]).ended_with(2);
        assert!(run.stderr.contains("cannot be written") && run.stdout.is_empty(), "{run:?}");
    }
    assert_eq!(std::fs::read(place.path("proof")).unwrap(), before);
    let beyond = place.ledger("prove", &["--entry", "5", "--out", "other"]).ended_with(2);
    assert!(beyond.stderr.contains("no such entry"), "{beyond:?}");
    place.ledger("prove", &["--entry", "18446744073709551615", "--out", "other"]).ended_with(2);
    place.ledger("prove", &["--entry", "-1", "--out", "other"]).ended_with(2);
    assert!(!place.path("other").exists());
}

#[test]
fn a_wrong_key_verifies_nothing() {
    let place = Place::with_people();
    place.prove(2, "proof");
    let key: VerifierKey = place.log_key().parse().unwrap();
    let other = |name: &str, kind| VerifierKey::new(KeyName::new(name).unwrap(), kind, [7; 32]).to_string();
    let of_others = other("example.com/log", SignatureKind::Ed25519);
    let of_same_name = other(key.name().as_str(), SignatureKind::Ed25519);
    for wrong in [&of_others, &of_same_name] {
        let run = place.check_proof("proof", wrong).ended_with(4);
        let json = run.json();
        assert_eq!(fields(&json), ["problem", "verified"]);
        assert_eq!(json["verified"], false);
        assert!(run.stderr.contains("none of the known keys signed"), "{run:?}");
        let text = place.run(&["ledger", "check-proof", "proof", "--key", wrong]).ended_with(4);
        assert_eq!(text.stdout, "");
    }
    let key = key.to_string();
    place.run(&["ledger", "check-proof", "proof", "--key", &of_same_name, "--key", &key]).ended_with(0);

    let witness = other("witness.example", SignatureKind::Cosignature);
    for keys in [&[][..], &["--key", &witness], &["--key", &key, "--key", &of_others], &["--key", "x"]] {
        place.run(&[&["ledger", "check-proof", "proof"][..], keys].concat()).ended_with(2);
    }
    let mistyped = key.replacen('+', "+0", 1);
    place.check_proof("proof", &mistyped).ended_with(2);
}

#[test]
fn witnesses_are_counted_when_they_are_asked_for() {
    let place = Place::with_people();
    place.prove(2, "proof");
    let text = std::fs::read_to_string(place.path("proof")).unwrap();
    let proof = TlogProof::parse(text.as_bytes()).unwrap();
    let checkpoint = Checkpoint::parse(proof.checkpoint().unverified_text()).unwrap();
    let [one, other] = [1, 2].map(|seed| {
        Witness::from_seed(KeyName::new(format!("witness.example/{seed}")).unwrap(), &[seed; 32]).unwrap()
    });
    place.write("cosigned", format!("{text}{}\n", one.cosign(&checkpoint, 1_700_000_000).unwrap()));
    let keys = [&one, &other].map(|witness| witness.verifier_key().to_string());
    let log_key = place.log_key();
    let check = |file: &str, options: &[&str]| {
        place.run(&[&["ledger", "check-proof", file, "--json", "--key", &log_key][..], options].concat())
    };
    let witnesses =
        |file: &str, options: &[&str]| check(file, options).ended_with(0).json()["witnesses"].clone();
    assert_eq!(witnesses("cosigned", &["--witness", &keys[0]]), 1);
    assert_eq!(witnesses("cosigned", &["--witness", &keys[0], "--witness", &keys[1], "--witnesses", "1"]), 1);
    assert_eq!(witnesses("proof", &["--witness", &keys[0], "--witnesses", "0"]), 0);
    let too_few = check("cosigned", &["--witness", &keys[0], "--witness", &keys[1]]).ended_with(4);
    assert!(too_few.stderr.contains("1 known witnesses signed"), "{too_few:?}");
    check("proof", &["--witness", &keys[0]]).ended_with(4);
    check("cosigned", &["--witness", &keys[0], "--witnesses", "2"]).ended_with(2);
    check("cosigned", &["--witness", &log_key]).ended_with(2);
    let forged = format!("{text}{}\n", one.cosign(&checkpoint, 1).unwrap()).replacen("index 2", "index 1", 1);
    place.write("forged", forged);
    check("forged", &["--witness", &keys[0]]).ended_with(4);
}

/// How the tool ends with a proof in a file, started as cheaply as can be.
fn check_quickly(place: &Place, key: &str) -> (i32, String) {
    let mut command = wzapi();
    let command = command
        .args(["ledger", "check-proof", "--json", "--key", key])
        .arg(place.path("altered"))
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let output = start(command).wait_with_output().unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn a_proof_that_was_altered_at_any_byte_does_not_hold() {
    let place = Place::with_people();
    place.prove(3, "proof");
    let key = place.log_key();
    let proof = std::fs::read(place.path("proof")).unwrap();
    let refused = |what: &dyn std::fmt::Display, bytes: &[u8]| {
        place.write("altered", bytes);
        let (code, stdout) = check_quickly(&place, &key);
        assert!(matches!(code, 2 | 4), "{what}: ended with {code}");
        assert!(stdout.is_empty() || stdout.starts_with(r#"{"problem":"#), "{what}: {stdout}");
    };
    for position in 0..proof.len() {
        let mut altered = proof.clone();
        altered[position] ^= 1;
        refused(&position, &altered);
        if position % 7 == 0 {
            altered[position] = 0xff;
            refused(&format_args!("{position}, not UTF-8"), &altered);
            refused(&format_args!("cut at {position}"), &proof[..position]);
        }
    }
    refused(&"longer", &[&proof[..], b"x"].concat());
    refused(&"twice", &[&proof[..], &proof[..]].concat());
    place.write("altered", &proof);
    assert_eq!(check_quickly(&place, &key).0, 0);
}

#[test]
fn a_file_that_is_no_proof_is_bad_input() {
    let place = Place::with_people();
    place.prove(3, "proof");
    let key = place.log_key();
    File::create(place.path("huge")).unwrap().set_len(1 << 40).unwrap();
    place.write("empty", "");
    place.write("letter", "Dear auditor, believe me.\n\n");
    place.write("bytes", [0xff; 100]);
    let text = std::fs::read_to_string(place.path("proof")).unwrap();
    let without_event: Vec<&str> =
        text.split_inclusive('\n').filter(|line| !line.starts_with("extra")).collect();
    place.write("without-event", without_event.concat());
    let hashes = format!("c2sp.org/tlog-proof@v1\nindex 0\n{}\n", "AAAA\n".repeat(100_000));
    place.write("hashes", hashes);
    for file in ["huge", "empty", "letter", "bytes", "hashes", "missing", "data", "without-event"] {
        let run = place.check_proof(file, &key).ended_with(2);
        assert!(run.stderr.contains(file) && run.stdout.is_empty(), "{run:?}");
    }
    let undisclosed = place.check_proof("without-event", &key);
    assert!(undisclosed.stderr.contains("does not disclose its event"), "{undisclosed:?}");
}

#[tokio::test]
async fn an_erased_entry_cannot_be_proved_and_what_was_handed_out_still_holds() {
    let place = Place::with_people();
    place.prove(2, "handed-out");
    let key = place.log_key();
    place.keep_checkpoint("before");
    assert_eq!(erase_person_of(&place.data(), 2).await, 1, "what Ana said");
    let run = place.ledger("prove", &["--entry", "2", "--out", "proof"]).ended_with(3);
    assert!(run.stderr.contains("was erased") && !place.path("proof").exists(), "{run:?}");
    place.check_proof("handed-out", &key).ended_with(0);
    place.prove(4, "of-another-person");
    place.check_proof("of-another-person", &key).ended_with(0);

    let against = ["--against", "before", "--key", &key];
    let json = place.ledger("verify", &[&["--json"][..], &against[..]].concat()).ended_with(0).json();
    let log = &json["logs"][0];
    assert_eq!((&log["erased"], &log["size"], &log["compared"]), (&json!(1), &json!(6), &json!(1)));
    let text = place.ledger("verify", &[]).ended_with(0).stdout;
    assert!(text.contains("1 of them erased, each under a certificate"), "{text}");
    place.ledger("export", &["--out", "files"]).ended_with(0);
    place.run(&["ledger", "verify", "--tiles", "files", "--key", &key, "--against", "before"]).ended_with(0);
}
