//! Which keys there are, and new ones.

use serde_json::{Value, json};

use crate::support::{ANA, BEN, CONTROLLER, Place, fields};

/// The controller's tenant key and how many data keys it wraps.
fn tenant(place: &Place) -> Value {
    let status = place.keys("status", &[]).ended_with(0).json();
    let tenants = status["tenants"].as_array().unwrap();
    tenants.iter().find(|tenant| tenant["controller"] == CONTROLLER).unwrap().clone()
}

fn still_answers(place: &Place) {
    assert_eq!(place.check(ANA, "marketing").ended_with(0).json()["reasons"][0]["code"], "consent_given");
    assert_eq!(place.check(BEN, "marketing").ended_with(3).json()["reasons"][0]["code"], "withdrawn");
    place.verify().ended_with(0);
}

#[test]
fn the_status_tells_the_epoch_and_the_keys_of_each_controller_and_never_key_bytes() {
    let place = Place::with_people();
    let run = place.keys("status", &[]).ended_with(0);
    let status = run.json();
    assert_eq!(fields(&status), ["epoch", "tenants"]);
    assert_eq!(fields(&status["epoch"]), ["began_at", "epoch", "former", "stage", "wrapping_key"]);
    let epoch = &status["epoch"];
    assert_eq!(
        (&epoch["epoch"], &epoch["stage"], &epoch["former"]),
        (&json!(1), &json!("complete"), &json!([]))
    );
    assert_eq!(status["tenants"].as_array().unwrap().len(), 2, "the system's and the controller's");
    let tenant = tenant(&place);
    assert_eq!(fields(&tenant), ["controller", "data_keys", "index_keys", "outdated", "tenant_keys"]);
    assert_eq!(fields(&tenant["tenant_keys"][0]), ["created_at", "version", "wrapped_by"]);
    assert_eq!(tenant["tenant_keys"][0]["wrapped_by"], epoch["wrapping_key"]);
    assert_eq!((&tenant["outdated"], &tenant["index_keys"]), (&json!(0), &json!([1])));
    // The controller's own data key, Ana's and Ben's.
    assert!(tenant["data_keys"].as_u64().unwrap() >= 3, "{tenant}");

    let text = place.run(&["keys", "status", "--data", "DATA"]).ended_with(0);
    assert!(text.stdout.starts_with("epoch 1 since ") && text.stdout.contains(CONTROLLER), "{text:?}");
    let keyring: Value =
        serde_json::from_slice(&std::fs::read(place.data().join("keyring.json")).unwrap()).unwrap();
    let secret = keyring.to_string();
    let hex =
        secret.split('"').find(|text| text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let hex = hex.expect("the keyring holds a key in clear");
    for run in [run, text] {
        assert!(!run.prints_anywhere(hex));
    }
}

#[test]
fn a_rotation_gives_a_new_tenant_key_and_everything_reads_as_before() {
    let place = Place::with_people();
    let before = tenant(&place);
    let rotated = place.keys("rotate", &[]).ended_with(0).json();
    assert_eq!(fields(&rotated), ["controllers", "rewrapped"]);
    assert_eq!((&rotated["controllers"], &rotated["rewrapped"]), (&json!(2), &before["data_keys"]));
    let after = tenant(&place);
    assert_eq!(after["tenant_keys"].as_array().unwrap().len(), 1);
    assert_eq!((&after["tenant_keys"][0]["version"], &after["outdated"]), (&json!(2), &json!(0)));
    assert_eq!(after["data_keys"], before["data_keys"]);
    still_answers(&place);
    place.grow("9");
    let text = place.run(&["keys", "rotate", "--data", "DATA"]).ended_with(0).stdout;
    assert!(text.contains("2 controllers, "), "{text}");
    still_answers(&place);
    place.prove(2, "proof");
    place.check_proof("proof", &place.log_key()).ended_with(0);
}

#[test]
fn a_new_epoch_destroys_the_former_wrapping_key_and_leaves_an_export() {
    let place = Place::with_people();
    let first = place.keys("status", &[]).ended_with(0).json()["epoch"]["wrapping_key"].clone();
    let json = place.keys("rotate-epoch", &[]).ended_with(0).json();
    assert_eq!(fields(&json), ["epoch", "export", "final", "rewrapped"]);
    assert_eq!((&json["epoch"]["epoch"], &json["final"]), (&json!(2), &json!(true)));
    let former = &json["epoch"]["former"][0];
    assert_eq!((&former["name"], &former["fate"]), (&first, &json!("destroyed")));
    let export = place.data().join("key-exports/epoch-2-1.keys");
    assert_eq!(json["export"], export.to_str().unwrap());
    let exported = std::fs::read(&export).unwrap();
    still_answers(&place);

    let text = place.run(&["keys", "rotate-epoch", "--data", "DATA", "--export", "named.keys"]).ended_with(0);
    assert!(
        text.stdout.contains("epoch 3 since") && text.stdout.contains("keys written to named.keys"),
        "{text:?}"
    );
    assert!(place.path("named.keys").exists());
    assert_eq!(std::fs::read(&export).unwrap(), exported, "the former export is as it was");
    still_answers(&place);

    // Nothing begins where the export cannot go.
    for file in ["named.keys", "data"] {
        let run = place.keys("rotate-epoch", &["--export", file]).ended_with(2);
        assert!(run.stderr.contains("cannot be written"), "{run:?}");
    }
    assert_eq!(place.keys("status", &[]).ended_with(0).json()["epoch"]["epoch"], 3);
    let leftovers = std::fs::read_dir(place.path("")).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(!leftovers.into_iter().any(|name| name.to_str().unwrap().contains("partial")));
}

#[cfg(unix)]
#[test]
fn an_export_is_a_whole_file_for_its_owner_and_replaces_nothing() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::with_people();
    let json = place.keys("export", &["--out", "all.keys"]).ended_with(0).json();
    assert_eq!(fields(&json), ["controllers", "epoch", "rows"]);
    assert_eq!((&json["controllers"], &json["epoch"]), (&json!(2), &json!(1)));
    let file = place.path("all.keys");
    let text = std::fs::read_to_string(&file).unwrap();
    assert_eq!(text.lines().count() as u64, json["rows"].as_u64().unwrap() + 2, "a header, rows, a footer");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    place.keys("export", &["--out", "all.keys"]).ended_with(2);
    place.keys("export", &["--out", "data"]).ended_with(2);
    place.write("file", "");
    place.keys("export", &["--out", "file/all.keys"]).ended_with(2);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
    let text = place.run(&["keys", "export", "--data", "DATA", "--out", "again.keys"]).ended_with(0).stdout;
    assert!(text.contains(" keys of 2 controllers, epoch 1"), "{text}");
}

#[test]
fn the_management_of_keys_is_recorded_in_the_systems_log() {
    let place = Place::with_people();
    place.keys("rotate", &[]).ended_with(0);
    place.keys("export", &["--out", "all.keys"]).ended_with(0);
    place.keys("rotate-epoch", &[]).ended_with(0);
    place.keys("import", &["data/key-exports/epoch-2-1.keys"]).ended_with(0);
    let system = ["--data", "DATA", "--controller", "system"];
    let key = place.run(&[&["ledger", "keys"][..], &system[..]].concat()).ended_with(0).stdout;
    for (entry, kind) in
        ["keys.rotated", "keys.exported", "keys.epoch_began", "keys.imported"].iter().enumerate()
    {
        let (index, file) = (entry.to_string(), format!("proof-{entry}"));
        let prove = ["ledger", "prove", "--entry", &index, "--out", &file];
        place.run(&[&prove[..], &system[..]].concat()).ended_with(0);
        assert_eq!(place.check_proof(&file, key.trim()).ended_with(0).json()["event"]["type"], *kind);
    }
}

#[test]
fn without_a_store_there_are_no_keys() {
    let place = Place::empty();
    place.write("all.keys", "");
    let verbs: [&[&str]; 5] = [
        &["status"],
        &["rotate"],
        &["rotate-epoch"],
        &["export", "--out", "new.keys"],
        &["import", "all.keys"],
    ];
    for verb in verbs {
        let run = place.keys(verb[0], &verb[1..]).ended_with(2);
        assert!(run.stderr.contains("no data directory") && !place.data().exists(), "{run:?}");
    }
    let address = ["--data", "postgres://app:hunter2secret@127.0.0.1:1/compliance"];
    let run = place.run(&[&["keys", "rotate-epoch"][..], &address[..]].concat()).ended_with(2);
    assert!(!run.prints_anywhere("hunter2secret"), "{run:?}");
    place.run(&[&["compact"][..], &address[..]].concat()).ended_with(1);
}
