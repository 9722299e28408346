//! `wzapi ingest`: good files, bad files, signatures and app secrets.

use std::fs::File;

use serde_json::{Value, json};
use wzapi_compliance::whatsapp::signature::AppSecrets;

use crate::support::{ANA, BEN, CONTROLLER, Place, SECRET, THEN, body};

fn acknowledged(stdout: &str) -> Vec<&str> {
    stdout.lines().filter_map(|line| line.strip_prefix("acknowledged ")).collect()
}

#[test]
fn deliveries_are_acknowledged_one_by_one_and_counted() {
    let place = Place::with_a_sender();
    place.write("1.json", body("1", THEN, &[(ANA, "START"), (BEN, "hello")]));
    place.write("2.json", body("2", THEN, &[(ANA, "STOP"), ("PHONE_NUMBER", "STOP")]));
    let run = place.ingest(&["1.json", "2.json"]).ended_with(0);
    assert_eq!(acknowledged(&run.stdout), ["1.json", "2.json"]);
    let mut counted = run.json();
    counted.as_object_mut().unwrap().retain(|_, count| *count != json!(0));
    let expected =
        json!({ "deliveries": 2, "messages": 3, "unknown": 1, "consents_given": 1, "withdrawals": 1 });
    assert_eq!(counted, expected);

    let ledger = place.verify().ended_with(0).json();
    let again = place.ingest(&["2.json", "1.json"]).ended_with(0).json();
    assert_eq!((&again["duplicates"], &again["messages"]), (&json!(4), &json!(0)));
    assert_eq!(place.verify().ended_with(0).json(), ledger);
    place.check(ANA, "marketing").ended_with(3);

    let place_of_text = ["ingest", "--data", "DATA", "--controller", CONTROLLER];
    let text = place.run(&[&place_of_text[..], &["--app-secret-file", "secrets", "1.json"][..]].concat());
    assert!(text.ended_with(0).stdout.contains("1 deliveries: 0 messages"));
}

#[test]
fn a_bad_file_is_named_and_the_others_are_taken_in() {
    let place = Place::with_a_sender();
    place.write("letter.txt", "Dear shop, my number is 15550002222");
    place.write("deep.json", [vec![b'['; 1000], vec![b']'; 1000]].concat());
    place.write("other.json", "{\"object\":\"page\"}");
    File::create(place.path("huge.json")).unwrap().set_len(100 * 1024 * 1024).unwrap();
    place.write("good.json", body("1", THEN, &[(ANA, "STOP")]));
    let bad = ["letter.txt", "deep.json", "other.json", "huge.json", "missing.json"];
    let files = [&bad[..], &["good.json"][..]].concat();
    let run = place.ingest(&files).ended_with(2);
    assert_eq!(acknowledged(&run.stdout), ["good.json"]);
    let json = run.json();
    assert_eq!((&json["deliveries"], &json["bad"], &json["withdrawals"]), (&json!(1), &json!(5), &json!(1)));
    for file in bad {
        let line = run.stderr.lines().find(|line| line.contains(file));
        assert!(line.is_some_and(|line| line.starts_with("wzapi: ")), "{file}: {run:?}");
    }
    for problem in ["not JSON, at line 1, column", "nested deeper", "not a webhook", "longer than"] {
        assert!(run.stderr.contains(problem), "{problem}: {run:?}");
    }
    assert!(!run.prints_anywhere(ANA), "{run:?}");
    let reason: Value = place.check(ANA, "marketing").ended_with(3).json()["reasons"][0]["code"].clone();
    assert_eq!(reason, "withdrawn");
}

#[test]
fn a_signature_that_was_kept_beside_a_body_is_verified() {
    let place = Place::with_a_sender();
    let secrets = AppSecrets::new(SECRET.as_bytes()).unwrap();
    let delivery = body("1", THEN, &[(ANA, "START")]);
    place.write("good.json", &delivery);
    place.write("good.json.signature", format!("{}\n", secrets.sign(&delivery)));
    place.write("forged.json", body("2", THEN, &[(BEN, "START")]));
    place.write("forged.json.signature", secrets.sign(&delivery));
    place.write("bare.json", body("3", THEN, &[(BEN, "START")]));
    place.write("bare.json.signature", "no signature");
    let run = place.ingest(&["forged.json", "good.json", "bare.json"]).ended_with(2);
    assert_eq!(acknowledged(&run.stdout), ["good.json"]);
    assert!(run.stderr.contains("does not match the body"), "{run:?}");
    assert!(run.stderr.contains("does not begin with `sha256=`"), "{run:?}");
    place.check(ANA, "marketing").ended_with(0);
    place.check(BEN, "marketing").ended_with(3);
}

#[test]
fn two_app_secrets_are_live_while_one_replaces_the_other() {
    let place = Place::with_a_sender();
    place.write("secrets", format!("the-new-one\n{SECRET}\n"));
    let delivery = body("1", THEN, &[(ANA, "START")]);
    place.write("1.json", &delivery);
    place.write("1.json.signature", AppSecrets::new(SECRET.as_bytes()).unwrap().sign(&delivery));
    place.ingest(&["1.json"]).ended_with(0);
}

#[test]
fn clause_5_a_a_bad_file_of_secrets_is_bad_input_and_is_not_repeated() {
    let place = Place::with_a_sender();
    place.write("1.json", body("1", THEN, &[(ANA, "START")]));
    let cases = [
        (String::new(), "no app secret"),
        ("\n \n".to_owned(), "no app secret"),
        ("one-secret\ntwo-secret\nthree-secret\n".to_owned(), "more than two"),
        ("a secret of words".to_owned(), "white space"),
        ("s".repeat(300), "longer than 256"),
        ("s".repeat(5000), "too long"),
    ];
    for (content, problem) in cases {
        place.write("secrets", &content);
        let run = place.ingest(&["1.json"]).ended_with(2);
        assert!(run.stderr.contains("secrets") && run.stderr.contains(problem), "{problem}: {run:?}");
        for word in ["one-secret", "two-secret", "a secret of words", "ssss"] {
            assert!(!run.prints_anywhere(word), "{run:?}");
        }
        assert!(run.stdout.is_empty());
    }
    std::fs::remove_file(place.path("secrets")).unwrap();
    place.ingest(&["1.json"]).ended_with(2);
    place.check(ANA, "marketing").ended_with(3);
}

#[test]
fn a_controller_that_is_not_registered_takes_nothing_in() {
    let place = Place::with_a_sender();
    place.write("1.json", body("1", THEN, &[(ANA, "START")]));
    let unknown = "0c0c0c0c-0c0c-4c0c-8c0c-0c0c0c0c0c0c";
    let files = ["--app-secret-file", "secrets", "1.json"];
    let run = place.run(&[&["ingest", "--data", "DATA", "--controller", unknown][..], &files[..]].concat());
    let run = run.ended_with(2);
    assert!(run.stderr.contains("not registered") && run.stdout.is_empty(), "{run:?}");
    place.check(ANA, "marketing").ended_with(3);
}
