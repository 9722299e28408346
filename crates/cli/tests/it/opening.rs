//! What stands beside a store: its keyring, the passphrase of that, its journal.

use crate::support::{ANA, CONTROLLER, Place};

fn verify_with(place: &Place, options: &[&str]) -> crate::support::Run {
    place.run(&[&["ledger", "verify", "--data", "DATA"][..], options].concat())
}

#[test]
fn another_keyring_opens_nothing_and_the_right_one_may_stand_elsewhere() {
    let place = Place::with_people();
    let other = Place::with_people();
    let keyring = place.data().join("keyring.json");
    std::fs::rename(&keyring, place.path("mine")).unwrap();
    std::fs::copy(other.data().join("keyring.json"), &keyring).unwrap();
    for run in [
        place.verify(),
        place.keys("status", &[]),
        place.keys("rotate-epoch", &[]),
        place.ledger("checkpoint", &[]),
    ] {
        let run = run.ended_with(1);
        assert!(run.stderr.contains("does not exist or was destroyed") && run.stdout.is_empty(), "{run:?}");
    }
    verify_with(&place, &["--keyring", "mine"]).ended_with(0);
    place.write("letter", "Dear keyring");
    verify_with(&place, &["--keyring", "letter"]).ended_with(1);
    verify_with(&place, &["--keyring", "nowhere"]).ended_with(1);
    assert!(!place.path("nowhere").exists());
    std::fs::rename(place.path("mine"), keyring).unwrap();
    place.verify().ended_with(0);
}

#[test]
fn clause_5_a_a_keyring_is_protected_by_a_passphrase_that_is_never_repeated() {
    let place = Place::empty();
    place.write("right", "correct horse battery staple\n");
    place.write("wrong", "incorrect horse battery staple\n");
    let with = |arguments: &[&str], file: &str| {
        place.run(&[arguments, &["--data", "DATA", "--keyring-passphrase-file", file][..]].concat())
    };
    with(&["controller", "register", CONTROLLER], "right").ended_with(0);
    let keyring = std::fs::read_to_string(place.data().join("keyring.json")).unwrap();
    assert!(!keyring.contains("key_hex"), "{keyring}");
    with(&["ledger", "verify"], "right").ended_with(0);
    place.write("right", "correct horse battery staple\r\n");
    with(&["ledger", "verify"], "right").ended_with(0);
    let wrong = with(&["ledger", "verify"], "wrong").ended_with(1);
    assert!(wrong.stderr.contains("the passphrase does not open it"), "{wrong:?}");
    let none = place.verify().ended_with(1);
    assert!(none.stderr.contains("protected by a passphrase, and none was given"), "{none:?}");
    place.write("empty", "\n");
    place.write("long", "horse".repeat(1000));
    place.write("bytes", [0xff, 0xfe]);
    let bad =
        ["empty", "long", "bytes", "nowhere"].map(|file| with(&["ledger", "verify"], file).ended_with(2));
    for run in [wrong, none].iter().chain(&bad) {
        assert!(!run.prints_anywhere("horse") && run.stdout.is_empty(), "{run:?}");
    }
    with(&["keys", "rotate-epoch"], "right").ended_with(0);
    with(&["keys", "rotate-epoch"], "wrong").ended_with(1);
    with(&["ledger", "verify"], "right").ended_with(0);

    let unprotected = Place::with_people();
    unprotected.write("right", "correct horse battery staple");
    let run = verify_with(&unprotected, &["--keyring-passphrase-file", "right"]).ended_with(1);
    assert!(run.stderr.contains("not protected by a passphrase"), "{run:?}");
    unprotected.check(ANA, "marketing").ended_with(0);
}

#[test]
fn without_its_journal_a_store_is_not_opened_unless_the_journal_is_said_to_be_lost() {
    let place = Place::with_people();
    let journal = place.data().join("journal");
    std::fs::rename(&journal, place.path("kept")).unwrap();
    let run = place.verify().ended_with(1);
    assert!(run.stderr.contains("it is missing; put it back, or adopt") && !journal.exists(), "{run:?}");
    // Elsewhere will do.
    let with = |options: &[&str]| verify_with(&place, options);
    with(&["--journal", "kept"]).ended_with(0);

    // Another journal is not taken for it, nor a file that is none.
    let other = Place::with_people();
    std::fs::copy(other.data().join("journal"), &journal).unwrap();
    let run = place.verify().ended_with(2);
    assert!(run.stderr.contains("not the one of this store"), "{run:?}");
    place.write("letter", "Dear journal\n");
    with(&["--journal", "letter"]).ended_with(2);
    with(&["--journal", "nowhere"]).ended_with(1);
    with(&["--journal", "data"]).ended_with(1);
    assert!(!place.path("nowhere").exists());

    // Said to be lost, whatever is there is its journal from now on; so is a new one.
    with(&["--adopt-journal"]).ended_with(0);
    place.verify().ended_with(0);
    with(&["--journal", "kept"]).ended_with(2);
    std::fs::remove_file(&journal).unwrap();
    with(&["--adopt-journal"]).ended_with(0);
    assert!(journal.exists());
    place.verify().ended_with(0);
}

#[test]
fn a_journal_that_was_altered_in_the_middle_is_not_used() {
    let place = Place::with_people();
    place.keep_checkpoint("one");
    place.grow("8");
    place.keep_checkpoint("two");
    let journal = place.data().join("journal");
    let text = std::fs::read_to_string(&journal).unwrap();
    std::fs::write(&journal, text.replacen("\"size\":5", "\"size\":4", 1)).unwrap();
    let run = place.verify().ended_with(1);
    assert!(run.stderr.contains("of the journal is damaged"), "{run:?}");
    // What a crash left at its end is no harm.
    std::fs::write(&journal, format!("{text}{{\"chain\":\"")).unwrap();
    place.verify().ended_with(0);
    // Cut, it is shorter than the store knows.
    let cut: Vec<&str> = text.split_inclusive('\n').take(2).collect();
    std::fs::write(&journal, cut.concat()).unwrap();
    place.ledger("checkpoint", &[]).ended_with(2);
    std::fs::write(&journal, text).unwrap();
    place.verify().ended_with(0);
}
