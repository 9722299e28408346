//! `vectors/checkpoints.json`: checkpoints against policies.

use serde_json::{Value, json};
use wzapi_ledger_proof::checkpoint::CheckpointPolicy;
use wzapi_ledger_proof::signed_note::VerifierKey;

use crate::by_hand::{Key, base64, note};
use crate::vector_file::{self, bytes, contents, list, text, verdict};

const ORIGIN: &str = "example.com/log";

/// The policy of a case, as this file and that of proofs give it.
pub(crate) fn policy_of(case: &Value) -> CheckpointPolicy {
    let keys = |name: &str| -> Vec<VerifierKey> {
        case[name].as_array().unwrap().iter().map(|key| text(key).parse().unwrap()).collect()
    };
    let required = case["required_witnesses"].as_u64().unwrap() as usize;
    CheckpointPolicy::for_log(keys("log_keys")).unwrap().with_witnesses(keys("witnesses"), required).unwrap()
}

#[test]
fn verdicts_are_those_of_the_file() {
    for case in list(&vector_file::read("checkpoints.json", &written()), "checkpoints") {
        let opened = policy_of(case).open(&bytes(&case["checkpoint"]));
        assert_eq!(verdict(&opened), text(&case["expect"]), "{}", case["name"]);
        if let Ok(opened) = opened {
            assert_eq!(opened.head().size(), case["size"].as_u64().unwrap());
            assert_eq!(base64(opened.head().root().as_bytes()), text(&case["root"]));
            assert_eq!(opened.log_signatures().len() as u64, case["log_signatures"].as_u64().unwrap());
            let times: Vec<_> = opened.cosignatures().iter().map(|one| one.timestamp().unwrap()).collect();
            assert_eq!(json!(times), case["cosigned_at"]);
        }
    }
}

fn written() -> Value {
    json!({
        "about": [
            "Checkpoints (C2SP tlog-checkpoint) with cosignatures of type 0x04 (C2SP tlog-cosignature).",
            "A case is accepted if one of log_keys signed it, all signatures of known keys are good, and as many witnesses signed as required.",
            "The seeds of the keys are 32 times one byte: log 1 and 2, witnesses 11 and 12, a stranger 9.",
        ],
        "checkpoints": cases(),
    })
}

fn log() -> Key {
    Key::log(ORIGIN, 1)
}

fn witnesses() -> [Key; 2] {
    [Key::witness("w1.example", 11), Key::witness("w2.example", 12)]
}

fn root() -> String {
    base64(&[0x5a; 32])
}

fn body() -> String {
    format!("{ORIGIN}\n41\n{}\n", root())
}

fn empty() -> String {
    format!("{ORIGIN}\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n")
}

fn case(name: &str, keys: &[&Key], required: u64, file: &[u8], expect: &str) -> Value {
    let vkeys: Vec<_> = keys.iter().map(|key| key.vkey()).collect();
    let known: Vec<_> = witnesses().iter().map(Key::vkey).collect();
    json!({
        "name": name, "log_keys": vkeys, "witnesses": known, "required_witnesses": required,
        "checkpoint": contents(file), "expect": expect,
    })
}

fn cases() -> Vec<Value> {
    let [w1, w2] = witnesses();
    let new = Key::log(ORIGIN, 2);
    let accepted =
        |name: &str, keys: &[&Key], required: u64, text: &str, lines: &[String], logs: u64, times: &[u64]| {
            let mut case = case(name, keys, required, note(text, lines).as_bytes(), "accepted");
            case["size"] = text.lines().nth(1).unwrap().parse::<u64>().unwrap().into();
            case["root"] = text.lines().nth(2).unwrap().into();
            case["log_signatures"] = logs.into();
            case["cosigned_at"] = json!(times);
            case
        };
    let (body, empty) = (body(), empty());
    let largest = format!("{ORIGIN}\n4611686018427387904\n{}\n", root());
    let lines = [
        log().line(&body),
        new.line(&body),
        w1.cosignature(&body, 1000),
        w2.cosignature(&body, 2000),
        Key::log("stranger", 9).line(&body),
    ];
    let twice = [log().line(&body), w1.cosignature(&body, 5), w1.cosignature(&body, 1000)];
    let mut cases = vec![
        accepted("the log alone", &[&log()], 0, &body, &lines[..1], 1, &[]),
        accepted("an empty log", &[&log()], 0, &empty, &[log().line(&empty)], 1, &[]),
        accepted("the largest log", &[&log()], 0, &largest, &[log().line(&largest)], 1, &[]),
        accepted("both keys and both witnesses", &[&log(), &new], 2, &body, &lines, 2, &[1000, 2000]),
        accepted("the new key alone", &[&log(), &new], 0, &body, &lines[1..2], 1, &[]),
        accepted("one witness twice", &[&log()], 1, &body, &twice, 1, &[1000]),
    ];
    cases.extend(refused());
    cases
}

fn refused() -> Vec<Value> {
    let [w1, _] = witnesses();
    let new = Key::log(ORIGIN, 2);
    let (body, empty, root) = (body(), empty(), root());
    let by_log = log().line(&body);
    let by_w1 = w1.cosignature(&body, 1000);
    let mut cases = Vec::new();
    let signed = |text: &str| note(text, &[log().line(text)]);
    let mut refused = |name: &str, required: u64, file: String, expect: &str| {
        cases.push(case(name, &[&log(), &new], required, file.as_bytes(), expect));
    };
    let lines =
        |lines: &[&String]| note(&body, &lines.iter().map(|line| (*line).clone()).collect::<Vec<_>>());
    refused("too few witnesses", 2, lines(&[&by_log, &by_w1]), "too-few-witnesses");
    refused("one witness twice for two", 2, lines(&[&by_log, &by_w1, &by_w1]), "too-few-witnesses");
    refused("a witness and not the log", 0, lines(&[&by_w1]), "not-signed-by-log");
    refused("a stranger", 0, lines(&[&Key::log(ORIGIN, 9).line(&body)]), "note");
    refused("a bad signature of the other key", 0, lines(&[&by_log, &new.line(&empty)]), "note");
    refused("a bad cosignature", 0, lines(&[&by_log, &w1.cosignature(&empty, 1000)]), "note");
    refused("a cosignature without a time", 0, lines(&[&by_log, &w1.line(&body)]), "note");
    refused("a time beyond 2^63 - 1", 0, lines(&[&by_log, &w1.cosignature(&body, 1 << 63)]), "note");
    refused("another log", 0, signed(&body.replace("log", "lag")), "other-log");
    refused("an extension line", 0, signed(&format!("{body}more\n")), "extension-lines");
    refused("an empty extension line", 0, signed(&format!("{body}\n")), "malformed");
    refused("a leading zero", 0, signed(&body.replace("41", "041")), "malformed");
    refused("a sign", 0, signed(&body.replace("41", "+41")), "malformed");
    refused("a size of 65 bits", 0, signed(&body.replace("41", "18446744073709551616")), "malformed");
    refused("a size beyond 2^62", 0, signed(&body.replace("41", "4611686018427387905")), "impossible-tree");
    refused("an empty log with a root", 0, signed(&body.replace("41", "0")), "impossible-tree");
    refused("a short root", 0, signed(&body.replace(&root, &base64(&[0; 31]))), "malformed");
    refused("a root in hexadecimal", 0, signed(&body.replace(&root, &"5a".repeat(32))), "malformed");
    refused("two lines", 0, signed(&format!("{ORIGIN}\n41\n")), "malformed");
    refused("no origin", 0, signed(&format!("\n41\n{root}\n")), "malformed");
    cases
}
