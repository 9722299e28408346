//! `vectors/notes.json`: signed notes, verifier keys and handovers.

use serde_json::{Value, json};
use wzapi_ledger_proof::handover;
use wzapi_ledger_proof::signed_note::{SignedNote, VerifierKey};

use crate::by_hand::{Key, note};
use crate::vector_file::{self, bytes, contents, list, text, verdict};

const TEXT: &str = "a text\n\nin two parts\n";

fn file() -> Value {
    vector_file::read("notes.json", &written())
}

#[test]
fn verdicts_on_verifier_keys_are_those_of_the_file() {
    for case in list(&file(), "verifier_keys") {
        let key = text(&case["key"]).parse::<VerifierKey>();
        assert_eq!(verdict(&key), text(&case["expect"]), "{}", case["name"]);
        if let Ok(key) = key {
            assert_eq!(
                (key.name().as_str(), key.id().to_string().as_str()),
                (text(&case["key_name"]), text(&case["id"]))
            );
        }
    }
}

#[test]
fn verdicts_on_notes_are_those_of_the_file() {
    for case in list(&file(), "notes") {
        let known: Vec<VerifierKey> =
            list(case, "known").iter().map(|key| text(key).parse().unwrap()).collect();
        let note = SignedNote::parse(&bytes(&case["note"]));
        let verified = note.as_ref().map_err(Clone::clone).and_then(|note| note.verify(&known));
        assert_eq!(verdict(&verified), text(&case["expect"]), "{}", case["name"]);
        if let Ok(verified) = verified {
            assert_eq!(verified.text(), text(&case["text"]));
            let by: Vec<_> = verified.signatures().iter().map(|one| one.key().to_string()).collect();
            assert_eq!(json!(by), case["signed_by"]);
        }
    }
}

#[test]
fn verdicts_on_handovers_are_those_of_the_file() {
    for case in list(&file(), "handovers") {
        let trusted: VerifierKey = text(&case["trusted"]).parse().unwrap();
        let handover = handover::verify(&bytes(&case["statement"]), &trusted);
        assert_eq!(verdict(&handover), text(&case["expect"]), "{}", case["name"]);
        if let Ok(handover) = handover {
            assert_eq!(json!(handover.new_key().to_string()), case["new_key"]);
            assert_eq!(json!(handover.size()), case["size"]);
        }
    }
}

fn written() -> Value {
    json!({
        "about": [
            "Signed notes (C2SP signed-note), verifier keys, and handovers of a log from one key to another.",
            "A note is read and verified with the known keys; signed_by lists those of them that signed it.",
            "Contents that are not UTF-8 are in Base64. expect is accepted or why not.",
            "The seeds of the keys are 32 times one byte: log 1, other 2, witness (type 0x04) 3, heir 4.",
        ],
        "verifier_keys": verifier_keys(),
        "notes": notes(),
        "handovers": handovers(),
    })
}

fn log() -> Key {
    Key::log("example.com/log", 1)
}

fn verifier_keys() -> Vec<Value> {
    let mut cases = Vec::new();
    for key in [log(), Key::log("other", 2), Key::witness("witness.example", 3)] {
        let id: String = key.id().iter().map(|byte| format!("{byte:02x}")).collect();
        let name = format!("a key of type {}", key.kind);
        cases.push(json!({
            "name": name, "key": key.vkey(), "key_name": key.name, "id": id, "expect": "accepted",
        }));
    }
    let good = log().vkey();
    let (name_and_id, key) = good.rsplit_once('+').unwrap();
    let (name, id) = name_and_id.rsplit_once('+').unwrap();
    for (case, key, expect) in [
        ("empty", String::new(), "bad-verifier-key"),
        ("only a name", name.to_owned(), "bad-verifier-key"),
        ("no key", name_and_id.to_owned(), "bad-verifier-key"),
        ("another name", good.replacen("log", "lag", 1), "wrong-key-id"),
        ("another id", good.replacen(id, "00000000", 1), "wrong-key-id"),
        ("uppercase id", format!("{name}+{}+{key}", id.to_uppercase()), "wrong-key-id"),
        ("no name", format!("+{id}+{key}"), "bad-key-name"),
        ("a space in the name", format!("a b+{id}+{key}"), "bad-key-name"),
        ("padding lost", format!("{name_and_id}+AQ"), "bad-verifier-key"),
        ("a short key", format!("{name_and_id}+AQAA"), "bad-verifier-key"),
        ("a type that is not known", Key { kind: 6, ..log() }.vkey(), "unsupported-key"),
    ] {
        cases.push(json!({ "name": case, "key": key, "expect": expect }));
    }
    cases
}

fn notes() -> Vec<Value> {
    let other = Key::log("other", 2);
    let by_log = log().line(TEXT);
    let good = note(TEXT, std::slice::from_ref(&by_log));
    let accepted = |name: &str, text: &str, note: String, known: &[&Key], signed_by: &[&Key]| {
        let vkeys = |keys: &[&Key]| keys.iter().map(|key| key.vkey()).collect::<Vec<_>>();
        json!({
            "name": name, "note": note, "known": vkeys(known), "expect": "accepted", "text": text,
            "signed_by": vkeys(signed_by),
        })
    };
    let both = note(TEXT, &[by_log.clone(), other.line(TEXT)]);
    let blank = "\n";
    let mut cases = vec![
        accepted("one signature", TEXT, good.clone(), &[&log()], &[&log()]),
        accepted("two known signatures", TEXT, both.clone(), &[&log(), &other], &[&log(), &other]),
        accepted("an unknown signature after", TEXT, both.clone(), &[&log()], &[&log()]),
        accepted("an unknown signature before", TEXT, both, &[&other], &[&other]),
        accepted(
            "a signature twice",
            TEXT,
            note(TEXT, &[by_log.clone(), by_log.clone()]),
            &[&log()],
            &[&log()],
        ),
        accepted("a text of a blank line", blank, note(blank, &[log().line(blank)]), &[&log()], &[&log()]),
        accepted(
            "a type that is not known, of some length",
            TEXT,
            note(TEXT, &[Key { kind: 6, ..log() }.raw_line(&[7; 2428]), by_log.clone()]),
            &[&log()],
            &[&log()],
        ),
    ];
    let mut refused = |name: &str, note: Vec<u8>, expect: &str| {
        cases.push(
            json!({ "name": name, "note": contents(&note), "known": [log().vkey()], "expect": expect }),
        );
    };
    let bad = log().line("another text\n");
    let lines = |lines: &[String]| note(TEXT, lines).into_bytes();
    refused("nobody that is known", lines(&[other.line(TEXT)]), "no-known-signature");
    refused(
        "another key of the name",
        lines(&[Key::log("example.com/log", 2).line(TEXT)]),
        "no-known-signature",
    );
    refused("an altered text", good.replacen("two", "ten", 1).into_bytes(), "bad-signature");
    refused("a bad signature after a good one", lines(&[by_log.clone(), bad.clone()]), "bad-signature");
    refused("a bad signature before a good one", lines(&[bad, by_log.clone()]), "bad-signature");
    refused("a short signature", lines(&[log().raw_line(&[0; 63])]), "bad-signature");
    refused("no signature lines", TEXT.as_bytes().to_vec(), "bad-signature-line");
    refused("no blank line", format!("text\n{by_log}").into_bytes(), "no-signature-lines");
    refused("no newline at the end", good.trim_end().as_bytes().to_vec(), "no-signature-lines");
    refused("a line that is no signature", format!("{good}more\n").into_bytes(), "bad-signature-line");
    refused("a hyphen for the dash", good.replace('—', "-").into_bytes(), "bad-signature-line");
    refused("a signature that is only an id", lines(&["— a AAAAAA==\n".to_owned()]), "bad-signature-line");
    refused("padding lost", good.replace('=', "").into_bytes(), "bad-signature-line");
    refused("a tab in the text", good.replacen(' ', "\t", 1).into_bytes(), "not-text");
    refused("bytes that are not UTF-8", [&[0xff], good.as_bytes()].concat(), "not-text");
    refused("101 signatures", lines(&vec![by_log; 101]), "too-many-signatures");
    cases
}

fn handovers() -> Vec<Value> {
    let heir = Key::log("example.com/log", 4);
    let statement = |old: &Key, new: &Key| {
        let (old, new) = (old.vkey(), new.vkey());
        format!("wzapi/ledger-key-rotation/v1\nlog example.com/log\nsize 41\nold {old}\nnew {new}\n")
    };
    let good = statement(&log(), &heir);
    let signed = |text: &str| note(text, &[log().line(text), heir.line(text)]);
    let mut cases = vec![json!({
        "name": "signed by both", "statement": signed(&good), "trusted": log().vkey(), "expect": "accepted",
        "new_key": heir.vkey(), "size": 41,
    })];
    let mut refused = |name: &str, statement: String, expect: &str| {
        cases
            .push(json!({ "name": name, "statement": statement, "trusted": log().vkey(), "expect": expect }));
    };
    refused("not signed by the new key", note(&good, &[log().line(&good)]), "not-agreed");
    refused("not signed by the old key", note(&good, &[heir.line(&good)]), "note");
    refused("from the key that is trusted to another", signed(&statement(&heir, &log())), "not-trusted");
    refused("to itself", signed(&statement(&log(), &log())), "not-two-keys-of-one-log");
    refused(
        "to a witness",
        signed(&statement(&log(), &Key { kind: 4, ..heir.clone() })),
        "not-two-keys-of-one-log",
    );
    refused("another label", signed(&good.replace("/v1", "/v2")), "malformed");
    refused(
        "another log",
        signed(&good.replacen("log example.com/log", "log example.com/lag", 1)),
        "malformed",
    );
    refused("a line too many", signed(&format!("{good}more\n")), "malformed");
    let checkpoint = "example.com/log\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n";
    refused("a checkpoint", signed(checkpoint), "malformed");
    cases
}
