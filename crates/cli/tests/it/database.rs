//! The tool on a database: files beside it have to be named.

use serde_json::json;
use xtask::postgres::{Installation, Server};

use crate::support::{CONTROLLER, Place, Run};

#[test]
fn a_database_is_managed_as_a_directory_is() {
    let server = Server::start(&Installation::find_or_install().unwrap(), &[]).unwrap();
    let (place, url) = (Place::empty(), server.url());
    let bare = |arguments: &[&str]| -> Run {
        let run = place.run(&[arguments, &["--data", &url][..]].concat());
        assert!(!run.prints_anywhere(server.password()), "{run:?}");
        run
    };
    let files = ["--keyring", "keyring", "--journal", "journal"];
    let with = |arguments: &[&str]| bare(&[arguments, &files[..]].concat());
    let of = |verb: &str, options: &[&str]| {
        with(&[&["ledger", verb, "--controller", CONTROLLER][..], options].concat())
    };
    bare(&["controller", "register", CONTROLLER]).ended_with(2);
    with(&["controller", "register", CONTROLLER]).ended_with(0);

    let note = of("checkpoint", &[]).ended_with(0).stdout;
    place.write("old", note);
    let key = of("keys", &[]).ended_with(0).stdout.trim().to_owned();
    of("prove", &["--entry", "0", "--out", "proof"]).ended_with(0);
    assert_eq!(
        place.check_proof("proof", &key).ended_with(0).json()["event"]["type"],
        "controller.registered"
    );
    with(&["keys", "rotate"]).ended_with(0);
    let unnamed = with(&["keys", "rotate-epoch"]).ended_with(2);
    assert!(unnamed.stderr.contains("--export"), "{unnamed:?}");
    let epoch = with(&["keys", "rotate-epoch", "--export", "new.keys", "--json"]).ended_with(0).json();
    assert_eq!((&epoch["epoch"]["epoch"], &epoch["final"]), (&json!(2), &json!(true)));
    of("rotate-key", &[]).ended_with(0);
    of("export", &["--out", "files"]).ended_with(0);
    place.run(&["ledger", "verify", "--tiles", "files", "--key", &key, "--against", "old"]).ended_with(0);
    of("consistency", &["--from", "old", "--key", &key]).ended_with(0);
    let json = with(&["ledger", "verify", "--json", "--against", "old", "--key", &key]).ended_with(0).json();
    assert_eq!((&json["verified"], &json["logs"][1]["compared"]), (&json!(true), &json!(1)));
    // The signing key was made after the export. It stays, and so does what is known of the handover.
    let signing = of("keys", &[]).ended_with(0).stdout;
    with(&["keys", "import", "new.keys"]).ended_with(0);
    assert_eq!(of("keys", &[]).ended_with(0).stdout, signing);
    of("checkpoint", &[]).ended_with(0);
    let compacted = with(&["compact", "--json"]).ended_with(0).json();
    assert!(compacted["bytes_after"].as_u64().is_some_and(|bytes| bytes > 0), "{compacted}");

    // Beside a database in use no file is made that could not be the right one.
    let keyring = bare(&["ledger", "verify", "--keyring", "nowhere"]).ended_with(1);
    let journal = bare(&["ledger", "verify", "--keyring", "keyring", "--journal", "nowhere"]).ended_with(1);
    for run in [keyring, journal] {
        assert!(run.stderr.contains("missing") && !place.path("nowhere").exists(), "{run:?}");
    }
    // Without the journal that it has, nothing is signed.
    let unjournalled = ["ledger", "checkpoint", "--controller", "system", "--keyring", "keyring"];
    let run = bare(&unjournalled).ended_with(2);
    assert!(run.stderr.contains("the journal is not the one"), "{run:?}");
    bare(&["ledger", "verify", "--keyring", "keyring"]).ended_with(0);
}
