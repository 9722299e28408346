//! A log as static files, verified by somebody who has nothing else.

use std::fs;

use serde_json::{Value, json};

use crate::support::{CONTROLLER, Place, THEN, body, fields, files_in};

/// With more entries than a tile holds.
fn place() -> Place {
    let place = Place::with_a_sender();
    let people: Vec<String> = (0..300).map(|number| format!("1555200{number:04}")).collect();
    let texts: Vec<(&str, &str)> = people.iter().map(|who| (who.as_str(), "START")).collect();
    place.write("1", body("1", THEN, &texts));
    place.ingest(&["1"]).ended_with(0);
    place
}

fn export(place: &Place) -> Value {
    place.ledger("export", &["--out", "files", "--json"]).ended_with(0).json()
}

#[test]
fn an_exported_log_is_verified_from_its_entries() {
    let place = place();
    let key = place.log_key();
    place.keep_checkpoint("old");
    let json = export(&place);
    assert_eq!(fields(&json), ["files", "origin", "root", "size", "verifier_keys"]);
    assert_eq!((&json["size"], &json["files"]), (&json!(302), &json!(5)));
    assert_eq!(json["verifier_keys"], json!([key]));
    assert_eq!(fs::read(place.path("files/checkpoint")).unwrap(), fs::read(place.path("old")).unwrap());

    let verify = ["ledger", "verify", "--json", "--tiles", "files", "--key", &key];
    let verified = place.run(&verify).ended_with(0).json();
    let expected = ["compared", "fault", "origin", "root", "size", "tiles", "verified", "witnesses"];
    assert_eq!(fields(&verified), expected);
    assert_eq!((&verified["verified"], &verified["tiles"]), (&json!(true), &json!(3)));
    assert_eq!((&verified["root"], &verified["size"]), (&json["root"], &json["size"]));
    let text = place.run(&["ledger", "verify", "--tiles", "files", "--key", &key]).ended_with(0).stdout;
    assert!(text.contains("  sound") && text.contains("kept elsewhere"), "{text}");

    // It goes on where it stopped.
    place.grow("9");
    assert_eq!(export(&place)["files"], 2, "a bundle and a tile that were not full");
    let against = [&verify[..], &["--against", "old"]].concat();
    let verified = place.run(&against).ended_with(0).json();
    assert_eq!((&verified["compared"], &verified["size"]), (&json!([302]), &json!(303)));
    assert!(
        !String::from_utf8_lossy(&files_in(&place.path("files")).into_values().flatten().collect::<Vec<_>>())
            .contains(CONTROLLER)
    );
}

#[test]
fn whatever_is_altered_or_missing_in_an_export_is_found_and_its_place_is_told() {
    let place = place();
    let key = place.log_key();
    export(&place);
    let verify = || place.run(&["ledger", "verify", "--json", "--tiles", "files", "--key", &key]);
    let sound = files_in(&place.path("files"));
    assert_eq!(sound.len(), 6);
    for (name, bytes) in &sound {
        let file = place.path("files").join(name);
        for position in [0, bytes.len() / 2, bytes.len() - 1] {
            let mut altered = bytes.clone();
            altered[position] ^= 1;
            fs::write(&file, &altered).unwrap();
            let json = verify().ended_with(4).json();
            assert_eq!(fields(&json), ["fault", "origin", "verified"], "{name}");
            assert_eq!(json["verified"], false);
        }
        for other in [&bytes[..bytes.len() - 1], &[], &[&bytes[..], &[0]].concat()] {
            fs::write(&file, other).unwrap();
            verify().ended_with(4);
        }
        fs::remove_file(&file).unwrap();
        let fault = verify().ended_with(4).json()["fault"].clone();
        assert_eq!(fields(&fault), ["kind", "path", "text"]);
        assert_eq!(fault["path"], name.as_str());
        assert!(fault["kind"].as_str().unwrap().ends_with("_missing"), "{fault}");
        fs::write(&file, bytes).unwrap();
    }
    verify().ended_with(0);

    // The entry with index 259.
    let bundle = place.path("files/tile/entries/001.p/46");
    let mut entries = fs::read(&bundle).unwrap();
    entries[3 * 34 + 5] ^= 1;
    fs::write(bundle, entries).unwrap();
    assert_eq!(verify().ended_with(4).json()["fault"]["kind"], "entry_altered");
    let text = place.run(&["ledger", "verify", "--tiles", "files", "--key", &key]).ended_with(4).stdout;
    assert!(text.contains("FAULT: entry 259 is not the one that the checkpoint covers"), "{text}");
}

#[test]
fn an_export_goes_into_no_directory_of_another_log() {
    let place = place();
    export(&place);
    let before = files_in(&place.path("files"));
    place.keys("rotate", &[]).ended_with(0);
    let system = ["ledger", "export", "--data", "DATA", "--controller", "system", "--out", "files"];
    let run = place.run(&system).ended_with(2);
    assert!(run.stderr.contains("the files of another log"), "{run:?}");
    assert_eq!(files_in(&place.path("files")), before);
    fs::write(place.path("files/checkpoint"), "not a checkpoint").unwrap();
    place.ledger("export", &["--out", "files"]).ended_with(2);
    place.write("file", "");
    place.ledger("export", &["--out", "file"]).ended_with(2);
}

#[test]
fn what_an_export_that_was_cut_short_left_behind_is_written_anew() {
    let place = place();
    let key = place.log_key();
    export(&place);
    fs::remove_file(place.path("files/checkpoint")).unwrap();
    fs::write(place.path("files/tile/entries/000"), "of another log").unwrap();
    assert_eq!(export(&place)["files"], 5);
    place.run(&["ledger", "verify", "--tiles", "files", "--key", &key]).ended_with(0);
}

#[test]
fn an_older_export_in_its_place_shows_against_a_newer_checkpoint() {
    let place = Place::with_people();
    let key = place.log_key();
    export(&place);
    place.grow("9");
    place.keep_checkpoint("newer");
    let verify = ["ledger", "verify", "--json", "--tiles", "files", "--key", &key, "--against", "newer"];
    let fault = place.run(&verify).ended_with(4).json()["fault"].clone();
    assert_eq!(fault["kind"], "shorter_than_older", "{fault}");
}

#[cfg(unix)]
#[test]
fn a_hostile_directory_ends_in_bad_input_or_a_fault() {
    let place = Place::with_people();
    let key = place.log_key();
    export(&place);
    let verify = |tiles: &str| place.run(&["ledger", "verify", "--tiles", tiles, "--key", &key]);
    place.write("file", "");
    for tiles in ["nowhere", "file"] {
        let run = verify(tiles).ended_with(2);
        assert!(run.stderr.contains("cannot be read") && run.stdout.is_empty(), "{run:?}");
    }
    for name in ["checkpoint", "tile/0/000.p/5", "tile/entries/000.p/5"] {
        let file = place.path("files").join(name);
        let bytes = fs::read(&file).unwrap();
        fs::remove_file(&file).unwrap();
        fs::create_dir(&file).unwrap();
        verify("files").ended_with(2);
        fs::remove_dir(&file).unwrap();
        // A pipe into which nobody writes.
        assert!(std::process::Command::new("mkfifo").arg(&file).status().unwrap().success());
        verify("files").ended_with(2);
        fs::remove_file(&file).unwrap();
        fs::File::create(&file).unwrap().set_len(1 << 40).unwrap();
        verify("files").ended_with(4);
        fs::remove_file(&file).unwrap();
        fs::write(&file, bytes).unwrap();
    }
    verify("files").ended_with(0);
    // Not without a key, and not with what belongs to a store.
    place.run(&["ledger", "verify", "--tiles", "files"]).ended_with(2);
    for option in [&["--data", "data"][..], &["--controller", CONTROLLER], &["--adopt-journal"]] {
        let tiles = ["ledger", "verify", "--tiles", "files", "--key", &key];
        place.run(&[&tiles[..], option].concat()).ended_with(2);
    }
}
