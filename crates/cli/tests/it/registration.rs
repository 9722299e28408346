//! Controllers and senders, and directories that are not as they should be.

use crate::support::{CONTROLLER, PHONE_NUMBER, Place, SECRET, SENDER, WABA, close, open};

#[test]
fn registration_can_be_done_again_and_is_listed() {
    let place = Place::empty();
    let register = ["controller", "register", "--json", "--data", "DATA", CONTROLLER];
    for _ in 0..2 {
        assert_eq!(place.run(&register).ended_with(0).json()["controller"], CONTROLLER);
    }
    let list = place.run(&["controller", "list", "--json", "--data", "DATA"]).ended_with(0);
    assert_eq!(list.json(), serde_json::json!({ "controllers": [CONTROLLER] }));
    let list = place.run(&["controller", "list", "--data", "DATA"]).ended_with(0);
    assert_eq!(list.stdout.trim(), CONTROLLER);
    for _ in 0..2 {
        let sender = place.register_sender(SENDER, PHONE_NUMBER).ended_with(0).json();
        assert_eq!(sender, serde_json::json!({ "controller": CONTROLLER, "sender": SENDER }));
    }
    let size = |place: &Place| place.verify().ended_with(0).json()["logs"][1]["size"].clone();
    assert_eq!(size(&place), 2, "once each");
}

#[test]
fn what_cannot_be_registered_is_bad_input() {
    let place = Place::with_a_sender();
    let before = place.verify().ended_with(0).json();
    let another = "02020202-0202-4202-8202-020202020202";
    let taken = place.register_sender(another, PHONE_NUMBER).ended_with(2);
    assert!(taken.stderr.contains("another controller or sender"), "{taken:?}");
    place.register_sender(another, "+1 555").ended_with(2);
    place.register_sender("not-a-uuid", "200000000000002").ended_with(2);
    let system = "ffffffff-ffff-8fff-bfff-ffffffffffff";
    for id in [system, "nobody", "00000000-0000-0000-0000-000000000000"] {
        place.run(&["controller", "register", "--data", "DATA", id]).ended_with(2);
    }
    let unknown = [
        &["sender", "register", "--data", "DATA", "--controller", another][..],
        &["--waba-id", WABA, "--phone-number-id", "3", another][..],
    ];
    let unknown = place.run(&unknown.concat()).ended_with(2);
    assert!(unknown.stderr.contains("not registered"), "{unknown:?}");
    assert_eq!(place.verify().ended_with(0).json(), before);
}

#[test]
fn a_missing_data_directory_is_bad_input_and_is_not_made() {
    let place = Place::empty();
    let runs = [
        place.check("15550002222", "marketing"),
        place.verify(),
        place.register_sender(SENDER, PHONE_NUMBER),
        place.run(&["controller", "list", "--data", "DATA"]),
    ];
    for run in runs {
        let run = run.ended_with(2);
        assert!(run.stderr.contains("no data directory") && run.stdout.is_empty(), "{run:?}");
        assert!(!place.data().exists());
    }
}

#[test]
fn ingest_makes_a_missing_data_directory_with_the_controller_that_was_named() {
    let place = Place::empty();
    place.write("secrets", SECRET);
    place.write("delivery.json", r#"{"object":"whatsapp_business_account","entry":[]}"#);
    place.ingest(&["delivery.json"]).ended_with(0);
    let listed = place.run(&["controller", "list", "--data", "DATA", "--json"]).ended_with(0);
    assert_eq!(listed.json()["controllers"], serde_json::json!([CONTROLLER]));
}

#[tokio::test]
async fn a_directory_that_another_process_has_open_is_an_error_that_says_so() {
    let place = Place::with_a_sender();
    let held = open(&place.data()).await;
    let run = place.verify().ended_with(1);
    assert!(run.stderr.contains("in use"), "{run:?}");
    close(held);
    place.verify().ended_with(0);
}

#[test]
fn a_directory_of_a_newer_format_or_without_its_keyring_is_an_error_that_says_so() {
    let place = Place::with_a_sender();
    let format = place.data().join("store/FORMAT");
    let text = std::fs::read_to_string(&format).unwrap();
    std::fs::write(&format, text.replace(|digit: char| digit.is_ascii_digit(), "9")).unwrap();
    let run = place.verify().ended_with(1);
    assert!(run.stderr.contains("format 9"), "{run:?}");
    std::fs::write(&format, text).unwrap();

    let keyring = place.data().join("keyring.json");
    std::fs::rename(&keyring, place.path("elsewhere")).unwrap();
    let run = place.verify().ended_with(1);
    assert!(run.stderr.contains("missing"), "{run:?}");
    assert!(!keyring.exists());
    std::fs::rename(place.path("elsewhere"), &keyring).unwrap();
    place.verify().ended_with(0);
}

#[test]
fn a_command_line_that_cannot_be_read_is_bad_input_and_help_is_not() {
    let place = Place::empty();
    for arguments in [&[][..], &["frobnicate"], &["check", "--data", "DATA"], &["ledger", "verify"]] {
        place.run(arguments).ended_with(2);
    }
    let help = place.run(&["--help"]).ended_with(0);
    assert!(help.stdout.contains("Exit codes"), "{help:?}");
}

#[test]
fn a_portfolio_can_be_said_later_and_is_not_changed() {
    let place = Place::with_a_sender();
    let register = |portfolio: &str| {
        let place_of = ["sender", "register", "--data", "DATA", "--controller", CONTROLLER];
        let ids = ["--waba-id", WABA, "--phone-number-id", PHONE_NUMBER, "--portfolio", portfolio, SENDER];
        place.run(&[&place_of[..], &ids[..]].concat())
    };
    register("300000000000001").ended_with(0);
    let before = place.verify().ended_with(0).json();
    register("300000000000001").ended_with(0);
    let refused = register("300000000000002").ended_with(2);
    assert!(refused.stderr.contains("another business portfolio"), "{refused:?}");
    register("+1 555").ended_with(2);
    assert_eq!(place.verify().ended_with(0).json(), before);
}
