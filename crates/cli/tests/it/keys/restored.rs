//! A restored copy of the store gets the keys that live now.

use std::path::Path;

use serde_json::json;

use crate::support::{ANA, BEN, Place, Run, copy_folder, fields, files_in, restore_folder};

fn store(place: &Place) -> std::path::PathBuf {
    place.data().join("store")
}

/// A place whose store was copied to `copy` before a new epoch began, whose export is `new.keys`.
fn place() -> Place {
    let place = Place::with_people();
    copy_folder(&store(&place), &place.path("copy"));
    place.grow("9");
    place.keys("rotate-epoch", &["--export", "new.keys"]).ended_with(0);
    place
}

fn restore(place: &Place) {
    restore_folder(&place.path("copy"), &store(place));
}

fn import(place: &Place, file: &str) -> Run {
    place.keys("import", &[file])
}

#[test]
fn a_restored_copy_is_opened_by_the_newest_export_and_the_living_come_back() {
    let place = place();
    let checked = |place: &Place| {
        let answers =
            [(ANA, 0), (BEN, 3)].map(|(who, code)| place.check(who, "marketing").ended_with(code).json());
        answers.map(|json| json["reasons"].clone())
    };
    let before = checked(&place);
    restore(&place);
    // Its wrapping key was destroyed.
    let closed = place.verify().ended_with(1);
    assert!(closed.stderr.contains("does not exist or was destroyed"), "{closed:?}");

    let json = import(&place, "new.keys").ended_with(0).json();
    assert_eq!(fields(&json), ["controllers", "destroyed", "living", "unknown_controllers"]);
    assert_eq!((&json["controllers"], &json["destroyed"]), (&json!(2), &json!(0)));
    assert_eq!(checked(&place), before);
    assert_eq!(place.verify().ended_with(0).json()["logs"][1]["size"], 5, "as when it was copied");
    let epoch = place.keys("status", &[]).ended_with(0).json()["epoch"].clone();
    assert_eq!((&epoch["epoch"], &epoch["stage"]), (&json!(2), &json!("complete")));

    // Again, it changes nothing; and everything goes on from there.
    let again = place.run(&["keys", "import", "new.keys", "--data", "DATA"]).ended_with(0).stdout;
    assert!(again.contains("2 controllers: ") && again.contains("0 were destroyed since"), "{again}");
    place.grow("10");
    place.keys("rotate-epoch", &[]).ended_with(0);
    assert_eq!(checked(&place), before);
    place.verify().ended_with(0);
}

#[test]
fn a_log_that_had_signed_more_is_closed_when_the_keys_come_back() {
    let place = Place::with_people();
    copy_folder(&store(&place), &place.path("copy"));
    place.grow("9");
    place.keep_checkpoint("old");
    place.keys("rotate-epoch", &["--export", "new.keys"]).ended_with(0);
    restore(&place);
    let run = import(&place, "new.keys").ended_with(0);
    assert!(run.stderr.contains("it is closed, and log"), "{run:?}");
    let logs = place.verify().ended_with(0).json()["logs"].clone();
    assert_eq!((&logs[1]["closed"], &logs[2]["closed"]), (&json!(true), &json!(false)));
}

#[test]
fn an_older_export_than_the_newest_opens_nothing() {
    let place = place();
    place.keys("rotate-epoch", &["--export", "newer.keys"]).ended_with(0);
    let sound = place.verify().ended_with(0).json();
    let older = import(&place, "new.keys").ended_with(2);
    assert!(older.stderr.contains("import the newest export"), "{older:?}");
    assert_eq!(place.verify().ended_with(0).json(), sound, "nothing was changed");
    restore(&place);
    import(&place, "new.keys").ended_with(2);
    import(&place, "newer.keys").ended_with(0);
    place.verify().ended_with(0);
}

/// How imports of this file end, with nothing changed.
fn refused(place: &Place, what: &dyn std::fmt::Display, bytes: &[u8]) {
    place.write("altered.keys", bytes);
    let run = import(place, "altered.keys");
    assert_eq!(run.code, 2, "{what}: {run:?}");
    assert!(run.stdout.is_empty(), "{what}: {run:?}");
}

#[test]
fn an_export_that_was_altered_is_bad_input_and_changes_nothing() {
    let place = place();
    restore(&place);
    let export = std::fs::read(place.path("new.keys")).unwrap();
    let keyring = std::fs::read(place.data().join("keyring.json")).unwrap();
    // A prime distance, so that every field of every line is met.
    for position in (0..export.len()).step_by(61) {
        let mut altered = export.clone();
        altered[position] ^= 1;
        refused(&place, &position, &altered);
    }
    let lines: Vec<&[u8]> = export.split_inclusive(|byte| *byte == b'\n').collect();
    for (number, _) in lines.iter().enumerate() {
        let without: Vec<&[u8]> =
            lines.iter().enumerate().filter(|(other, _)| *other != number).map(|(_, line)| *line).collect();
        refused(&place, &format_args!("without line {number}"), &without.concat());
    }
    refused(&place, &"cut", &export[..export.len() / 2]);
    refused(&place, &"without its last line feed", &export[..export.len() - 1]);
    refused(&place, &"longer", &[&export[..], b"{}\n"].concat());
    refused(&place, &"empty", b"");
    refused(&place, &"one endless line", &vec![b'['; 1 << 20]);
    let others = Place::with_people();
    others.keys("export", &["--out", "all.keys"]).ended_with(0);
    refused(&place, &"another store's", &std::fs::read(others.path("all.keys")).unwrap());
    import(&place, "missing.keys").ended_with(2);
    import(&place, "data").ended_with(2);

    assert_eq!(std::fs::read(place.data().join("keyring.json")).unwrap(), keyring);
    assert!(is_still_closed(&place));
    import(&place, "new.keys").ended_with(0);
    place.check(ANA, "marketing").ended_with(0);
    place.verify().ended_with(0);
}

/// Whether the restored store still has the keys that it came with: nothing opens them.
fn is_still_closed(place: &Place) -> bool {
    place.verify().ended_with(1).stderr.contains("does not exist or was destroyed")
}

#[test]
fn an_import_into_a_store_in_use_or_with_another_keyring_is_an_error() {
    let place = place();
    let other = Place::with_people();
    let keyring = other.data().join("keyring.json");
    let run = place.keys("import", &["new.keys", "--keyring", keyring.to_str().unwrap()]);
    assert!(run.code == 2 && run.stderr.contains("import the newest export"), "{run:?}");
    place.verify().ended_with(0);
    assert!(files_in(Path::new(&place.data())).contains_key("keyring.json"));
}
