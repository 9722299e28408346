//! `wzapi check`: allowed, refused, and what cannot be asked.

use crate::support::{ANA, BEN, CONTROLLER, Place, SENDER, THEN, body};

const BSUID: &str = "US.13491208655302741918";

fn place() -> Place {
    let place = Place::with_a_sender();
    place.write("1.json", body("1", THEN, &[(ANA, "START"), (BEN, "START")]));
    place.write("2.json", body("2", THEN + 3600, &[(BEN, "STOP")]));
    place.ingest(&["1.json", "2.json"]).ended_with(0);
    place
}

#[test]
fn a_message_that_may_be_sent_is_told_with_what_it_rests_on() {
    let place = place();
    for to in ["+1 555 000 2222", ANA, "0015550002222"] {
        let json = place.check(to, "marketing").ended_with(0).json();
        assert_eq!(json["decision"], "allowed");
        assert_eq!(json["reasons"][0]["code"], "consent_given");
        assert_eq!(json["reasons"][0]["since"], "2024-10-01T00:00:00.000Z");
        assert_eq!(json["evidence"].as_array().unwrap().len(), 1);
        assert_eq!(json["evidence"][0], json["reasons"][0]["evidence"]);
    }
    assert_eq!(place.check(ANA, "utility").ended_with(0).json()["reasons"][0]["code"], "opted_in");
}

#[test]
fn clause_2_c_a_message_after_a_stop_is_refused_with_all_that_stands_against_it() {
    let place = place();
    let run = place.check(BEN, "marketing").ended_with(3);
    let json = run.json();
    assert_eq!(json["decision"], "refused");
    assert_eq!(json["reasons"][0]["code"], "withdrawn");
    assert_eq!(json["reasons"][0]["since"], "2024-10-01T01:00:00.999Z");
    assert!(json["reasons"][0]["remedy"].as_str().unwrap().contains("only a later act"));
    assert_eq!(json["evidence"].as_array().unwrap().len(), 1);

    let place_and_sender = ["check", "--data", "DATA", "--controller", CONTROLLER, "--sender", SENDER];
    let text = place.run(&[&place_and_sender[..], &["--to", BEN, "--category", "marketing"][..]].concat());
    let text = text.ended_with(3);
    assert!(text.stdout.starts_with("refused\n") && text.stdout.contains("withdrawn since 2024"), "{text:?}");
    assert!(!text.prints_anywhere(BEN));

    for (to, category, code) in [
        ("15550009876", "marketing", "unknown_recipient"),
        (BSUID, "marketing", "unknown_recipient"),
        (ANA, "service", "outside_window"),
    ] {
        let json = place.check(to, category).ended_with(3).json();
        assert_eq!(json["reasons"][0]["code"], code, "{json}");
        assert!(json["evidence"].as_array().unwrap().is_empty());
    }
    let undeclared = [&place_and_sender[..], &["--to", ANA, "--category", "marketing"][..]].concat();
    let undeclared = [&undeclared[..], &["--json", "--purpose", "selling_your_data"][..]].concat();
    let json = place.run(&undeclared).ended_with(3).json();
    assert_eq!(json["reasons"][0]["code"], "undeclared_purpose");
}

#[test]
fn clause_5_a_a_recipient_that_cannot_be_read_is_bad_input_and_is_not_repeated() {
    let place = place();
    for to in ["+1 555 CALL ANA", "PHONE_NUMBER", "12", "+1555000222255555", ""] {
        let run = place.check(to, "marketing").ended_with(2);
        assert!(run.stderr.contains("--to: neither a telephone number"), "{run:?}");
        assert!(to.is_empty() || !run.prints_anywhere(to), "{run:?}");
        assert!(run.stdout.is_empty());
    }
}

#[test]
fn what_cannot_be_asked_is_bad_input() {
    let place = place();
    place.check(ANA, "gossip").ended_with(2);
    let unknown = "0c0c0c0c-0c0c-4c0c-8c0c-0c0c0c0c0c0c";
    let question = ["--sender", SENDER, "--to", ANA, "--category", "marketing"];
    for id in [unknown, "not-an-id", "ffffffff-ffff-8fff-bfff-ffffffffffff"] {
        let run = place.run(&[&["check", "--data", "DATA", "--controller", id][..], &question[..]].concat());
        let run = run.ended_with(2);
        assert!(!run.prints_anywhere(ANA), "{run:?}");
    }
}
