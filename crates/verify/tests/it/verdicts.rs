use std::fs;

use serde_json::json;
use wzapi_ledger_proof::EntryCommitment;
use wzapi_ledger_proof::signed_note::{KeyName, SignedNote, Signer};

use crate::export::{Export, ORIGIN, event, key, signer, verify, witness};

fn code_and_kind(arguments: &[&str]) -> (i32, String) {
    let said = verify(&[arguments, &["--json"]].concat());
    let json = said.json();
    assert_eq!(json["ok"], json!(said.code == 0));
    (said.code, json["kind"].as_str().unwrap_or_default().to_owned())
}

fn expect(arguments: &[&str], code: i32, kind: &str) {
    assert_eq!(code_and_kind(arguments), (code, kind.to_owned()), "{arguments:?}");
}

#[test]
fn a_log_in_order_is_found_so() {
    let export = Export::of(700);
    let old = export.kept(300);
    let said = verify(&["tiles", export.dir(), "--key", &key(1), "--against", &old]);
    assert_eq!(said.code, 0, "{said:?}");
    let root = export.checkpoint(700, &[1], &[]);
    assert!(said.out.contains("the log is in order\nlog: example.com/logs/7f3a\nentries: 700\nroot: "));
    assert!(said.out.contains("tiles compared: 4\n") && said.out.ends_with("older tree of 300 entries\n"));
    assert!(said.err.contains("checked 700 of 700 entries"));
    assert!(root.to_string().starts_with(ORIGIN));

    let json = verify(&["tiles", export.dir(), "--key", &key(1), "--against", &old, "--json"]).json();
    assert_eq!((&json["ok"], &json["size"], &json["tiles"]), (&json!(true), &json!(700), &json!(4)));
    assert_eq!((&json["older"], &json["origin"]), (&json!([300]), &json!(ORIGIN)));
    assert_eq!(json["log_keys"], json!([signer(1).verifier_key().id().to_string()]));
}

#[test]
fn an_empty_log_is_in_order() {
    let export = Export::of(0);
    expect(&["tiles", export.dir(), "--key", &key(1)], 0, "");
}

#[test]
fn tampering_fails_verification_and_is_located() {
    for (file, place, kind, message) in [
        ("tile/entries/001", 34 * 9 + 20, "entry_altered", "entry 265 is not"),
        ("tile/0/001", 32 * 3, "tile_altered", "tile/0/001 is altered at hash 3"),
        ("tile/1/000.p/2", 33, "tile_altered", "tile/1/000.p/2 is altered at hash 1"),
        ("tile/entries/000", 1, "bundle_malformed", "said to be 33 bytes long"),
        ("checkpoint", 24, "checkpoint_refused", "does not verify"),
    ] {
        let export = Export::of(700);
        export.flip(file, place);
        let said = verify(&["tiles", export.dir(), "--key", &key(1)]);
        assert_eq!(said.code, 4, "{said:?}");
        assert!(said.err.contains("VERIFICATION FAILED: ") && said.err.contains(message), "{said:?}");
        assert!(said.out.is_empty());
        expect(&["tiles", export.dir(), "--key", &key(1)], 4, kind);
    }
    let export = Export::of(700);
    fs::remove_file(export.path("tile/0/002.p/188")).unwrap();
    let said = verify(&["tiles", export.dir(), "--key", &key(1), "--json"]);
    assert_eq!((said.code, &said.json()["path"]), (4, &json!("tile/0/002.p/188")));
    expect(&["tiles", export.dir(), "--key", &key(1)], 4, "tile_missing");
}

#[test]
fn a_rewritten_log_fails_against_what_was_kept() {
    let export = Export::of(600);
    let old = export.kept(500);
    let mut entries: Vec<_> = (0..600u64).map(|n| EntryCommitment::from([n as u8; 32])).collect();
    entries[3] = EntryCommitment::from([0xee; 32]);
    let rewritten = Export::with(entries);
    let key = key(1);
    expect(&["tiles", rewritten.dir(), "--key", &key], 0, "");
    expect(&["tiles", rewritten.dir(), "--key", &key, "--against", &old], 4, "older_contradicts");
    let shorter = Export::of(400);
    expect(&["tiles", shorter.dir(), "--key", &key, "--against", &old], 4, "shorter_than_older");

    let new = rewritten.kept(600);
    let tiles = ["--tiles", rewritten.dir(), "--key", &key];
    expect(&[["consistency", &old, &new].as_slice(), &tiles].concat(), 4, "inconsistent");
}

#[test]
fn an_old_checkpoint_put_back_fails_unless_the_log_is_growing() {
    let export = Export::of(600);
    export.write("checkpoint", export.checkpoint(590, &[1], &[]).to_string().as_bytes());
    let key = key(1);
    expect(&["tiles", export.dir(), "--key", &key], 4, "longer_than_checkpoint");
    expect(&["tiles", export.dir(), "--key", &key, "--growing"], 0, "");
}

#[test]
fn consistency_is_proved_from_few_tiles() {
    let export = Export::of(700);
    let key = key(1);
    for (old, new) in [(0, 700), (1, 700), (256, 700), (300, 699), (513, 600), (700, 700)] {
        let (old, new) = (export.kept(old), export.kept(new));
        let said = verify(&["consistency", &old, &new, "--tiles", export.dir(), "--key", &key]);
        assert_eq!(said.code, 0, "{said:?}");
        assert!(said.out.starts_with("the new log begins with all of the old one\n"));
    }
    let arguments =
        ["consistency", &export.kept(700), &export.kept(300), "--tiles", export.dir(), "--key", &key];
    expect(&arguments, 4, "shorter_than_older");
    fs::remove_file(export.path("tile/0/001")).unwrap();
    let arguments =
        ["consistency", &export.kept(300), &export.kept(700), "--tiles", export.dir(), "--key", &key];
    expect(&arguments, 4, "tiles_unfit");
}

#[test]
fn a_proof_shows_its_event_and_nothing_that_moves_the_cursor() {
    let export = Export::of(9);
    let file = export.write("one.tlog-proof", export.proof(4, 9).to_string().as_bytes());
    let said = verify(&["proof", &file, "--key", &key(1)]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.starts_with("the event is in the log\n") && said.out.contains("\nindex: 4\n"));
    let shown = said.out.lines().find_map(|line| line.strip_prefix("event: ")).unwrap();
    assert_eq!(shown, r#"{"at":4,"text":"4 \u0007\u202e\u009bé","type":"example"}"#);
    let json = verify(&["proof", &file, "--key", &key(1), "--json"]).json();
    assert_eq!(json["event"], serde_json::from_str::<serde_json::Value>(&event(4)).unwrap());
    assert_eq!((&json["index"], &json["size"]), (&json!(4), &json!(9)));
}

#[test]
fn a_bad_proof_is_told_from_a_malformed_and_a_foreign_one() {
    let export = Export::of(9);
    let good = export.proof(4, 9).to_string();
    let key = key(1);
    let check = |text: &str, code, kind| {
        let file = export.write("one.tlog-proof", text.as_bytes());
        expect(&["proof", &file, "--key", &key], code, kind);
    };
    check(&good, 0, "");
    check(&good.replace("index 4", "index 5"), 4, "not_included");
    check(&good.replace("\n9\n", "\n8\n"), 4, "checkpoint_refused");
    check(&good.replace("index 4", "index four"), 2, "malformed_proof");
    check("", 2, "malformed_proof");
    let extra = good.lines().nth(1).unwrap();
    check(&good.replace(&format!("{extra}\n"), ""), 3, "not_disclosed");
    let file = export.write("one.tlog-proof", good.as_bytes());
    expect(&["proof", &file, "--key", &signer(9).verifier_key().to_string()], 3, "checkpoint_refused");
    expect(&["proof", export.path("none").to_str().unwrap(), "--key", &key], 1, "unreadable");
    expect(&["proof", export.dir(), "--key", &key], 1, "unreadable");
}

#[test]
fn witnesses_are_demanded_as_many_as_were_asked_for() {
    let export = Export::of(3);
    export.write("checkpoint", export.checkpoint(3, &[1], &[11, 12]).to_string().as_bytes());
    let (key, [w1, w2, w3]) = (key(1), [11, 12, 13].map(|seed| witness(seed).verifier_key().to_string()));
    let base = ["tiles", export.dir(), "--key", &key];
    let with = |more: &[&str]| code_and_kind(&[&base, more].concat());
    assert_eq!(with(&["--witness", &w1, "--witness", &w2]).0, 0);
    assert_eq!(with(&["--witness", &w1, "--witness", &w3]), (3, "checkpoint_refused".to_owned()));
    assert_eq!(with(&["--witness", &w1, "--witness", &w3, "--witnesses", "1"]).0, 0);
    assert_eq!(with(&["--witness", &w1, "--witnesses", "2"]), (2, "arguments".to_owned()));
    let json = verify(&[&base, ["--witness", &w1, "--json"].as_slice()].concat()).json();
    assert_eq!(json["witnesses"], json!([{ "name": "w11.example", "time": 1_700_000_000 }]));
    // What was kept from earlier may have been signed by fewer of them.
    assert_eq!(with(&["--witness", &w1, "--witness", &w2, "--against", &export.kept(2)]).0, 0);
}

#[test]
fn either_key_serves_during_a_rotation() {
    let export = Export::of(3);
    let (old, new) = (key(1), key(2));
    for (signed_by, known, code) in [
        ([1, 2].as_slice(), [&old, &new].as_slice(), 0),
        (&[1, 2], &[&old], 0),
        (&[1, 2], &[&new], 0),
        (&[2], &[&old, &new], 0),
        (&[2], &[&old], 3),
    ] {
        export.write("checkpoint", export.checkpoint(3, signed_by, &[]).to_string().as_bytes());
        let mut arguments = vec!["tiles", export.dir()];
        known.iter().for_each(|key| arguments.extend(["--key", key]));
        assert_eq!(code_and_kind(&arguments).0, code, "{signed_by:?} {known:?}");
    }
}

#[test]
fn a_log_of_another_origin_is_refused() {
    let export = Export::of(3);
    let key = key(1);
    expect(&["tiles", export.dir(), "--key", &key, "--origin", ORIGIN], 0, "");
    expect(&["tiles", export.dir(), "--key", &key, "--origin", "another"], 3, "checkpoint_refused");
    // A checkpoint from earlier of which only the key is that of the log.
    let other = Signer::from_seed(KeyName::new(ORIGIN).unwrap(), &[1; 32]).unwrap();
    let elsewhere =
        SignedNote::sign("elsewhere\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n", &[&other]);
    let old = export.write("old", elsewhere.unwrap().to_string().as_bytes());
    expect(&["tiles", export.dir(), "--key", &key, "--against", &old], 3, "checkpoint_refused");
}

#[test]
fn bad_arguments_are_bad_input() {
    let export = Export::of(3);
    let (dir, key) = (export.dir(), key(1));
    for arguments in [
        [].as_slice(),
        &["tiles"],
        &["tiles", dir],
        &["tiles", dir, "--key"],
        &["tiles", dir, "--key", "nonsense"],
        &["tiles", dir, dir, "--key", &key],
        &["tiles", dir, "--key", &key, "--key", &key],
        &["tiles", dir, "--key", &key, "--witnesses", "many"],
        &["tiles", dir, "--key", &key, "--witnesses", "0", "--witnesses", "0"],
        &["tiles", dir, "--key", &key, "--tiles", dir],
        &["tiles", dir, "--key", &key, "--verbose"],
        &["tiles", dir, "--key", &key, "--witness", &key],
        &["tiles", dir, "--key", &witness(11).verifier_key().to_string()],
        &["proof", dir, "--key", &key, "--growing"],
        &["proof", dir, "--key", &key, "--against", dir],
        &["consistency", dir, dir, "--key", &key],
        &["consistency", dir, "--tiles", dir, "--key", &key],
        &["erase", dir, "--key", &key],
    ] {
        expect(arguments, 2, "arguments");
        let said = verify(arguments);
        assert!(said.out.is_empty() && said.err.starts_with("wzapi-verify: "), "{said:?}");
    }
    let help = verify(&["--help"]);
    assert!(help.code == 0 && help.out.contains("wzapi-verify tiles DIR"));
}

#[test]
fn hostile_files_are_bounded() {
    let export = Export::of(3);
    let key = key(1);
    expect(&["tiles", export.path("none").to_str().unwrap(), "--key", &key], 1, "unreadable");
    expect(&["tiles", &export.kept(3), "--key", &key], 1, "unreadable");
    let long = vec![b'x'; 9 << 20];
    export.write("tile/0/000.p/3", &long);
    expect(&["tiles", export.dir(), "--key", &key], 4, "tile_malformed");
    let file = export.write("one.tlog-proof", &long);
    expect(&["proof", &file, "--key", &key], 2, "too_large");
    let old = export.write("old", &long);
    expect(&["tiles", export.dir(), "--key", &key, "--against", &old], 2, "too_large");
    export.write("checkpoint", &long);
    expect(&["tiles", export.dir(), "--key", &key], 4, "checkpoint_refused");
    // A directory where a file should be.
    fs::remove_file(export.path("checkpoint")).unwrap();
    fs::create_dir(export.path("checkpoint")).unwrap();
    expect(&["tiles", export.dir(), "--key", &key], 1, "unreadable");
}
