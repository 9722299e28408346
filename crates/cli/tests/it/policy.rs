//! The privacy policy as a file.

use serde_json::json;

use crate::support::{CONTROLLER, Place, SENDER};

const POLICY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../policies/wzapi.toml");
const CUSTOMER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../policies/campaign-customer.toml");

#[test]
fn clause_1_both_policies_are_valid_and_named_by_their_meaning() {
    let place = Place::empty();
    let text = std::fs::read_to_string(POLICY).unwrap();
    place.write("commented.toml", format!("# a comment\n{text}"));
    let hash = |file: &str| {
        let run = place.run(&["policy", "check", file, "--json"]).ended_with(0);
        assert_eq!(run.json()["errors"], 0);
        run.json()["hash"].as_str().unwrap().to_owned()
    };
    assert_eq!(hash(POLICY), hash("commented.toml"));
    assert_ne!(hash(POLICY), hash(CUSTOMER));
}

#[test]
fn a_bad_policy_ends_with_every_finding_its_place_and_a_remedy() {
    let place = Place::empty();
    place.write("bad.toml", "sale_of_data = true\n[controller]\nnaem = \"x\"\n");
    let run = place.run(&["policy", "check", "bad.toml", "--json"]).ended_with(2).json();
    let findings = run["findings"].as_array().unwrap();
    assert!(run["errors"].as_u64().unwrap() as usize == findings.len() && findings.len() > 3, "{run}");
    assert!(findings.iter().all(|finding| finding["remedy"].as_str().is_some_and(|text| !text.is_empty())));
    assert!(findings.iter().any(|finding| finding["code"] == "P0107" && finding["line"] == 1));
    place.write("bytes.toml", "x = \"");
    place.run(&["policy", "render", "bytes.toml"]).ended_with(2);
    place.run(&["policy", "check", "missing.toml"]).ended_with(2);
}

#[test]
fn clause_1_the_notice_is_printed_in_each_language_and_is_the_same_every_time() {
    let place = Place::empty();
    for language in ["en", "hi", "pt", "es"] {
        let render = || {
            place
                .run(&["policy", "render", POLICY, "--format", "html", "--lang", language])
                .ended_with(0)
                .stdout
        };
        let page = render();
        assert!(page.contains(&format!("lang=\"{language}\"")) && page.contains("support@ttmsg.com"));
        assert_eq!(page, render());
    }
    place.run(&["policy", "render", POLICY, "--lang", "xx"]).ended_with(2);
}

#[test]
fn clause_8_b_the_difference_says_what_is_material() {
    let place = Place::empty();
    let text = std::fs::read_to_string(POLICY).unwrap();
    place.write("other.toml", text.replace("support@ttmsg.com", "help@ttmsg.com"));
    let same = place.run(&["policy", "diff", POLICY, POLICY, "--json"]).ended_with(0).json();
    assert_eq!((&same["material"], &same["changes"]), (&json!(false), &json!([])));
    let changed = place.run(&["policy", "diff", POLICY, "other.toml", "--json"]).ended_with(0).json();
    assert_eq!(changed["changes"][0]["path"], "contact.email");
    let replaced = place.run(&["policy", "diff", POLICY, CUSTOMER, "--json"]).ended_with(0).json();
    assert_eq!(replaced["material"], true);
}

#[test]
fn the_tables_of_a_database_are_printed_for_a_dba() {
    let place = Place::empty();
    let plain = place.run(&["schema", "print", "--postgres"]).ended_with(0).stdout;
    assert!(plain.contains("PRIMARY KEY (controller_id") && !plain.contains("create_distributed_table"));
    let citus = place.run(&["schema", "print", "--postgres", "--citus"]).ended_with(0).stdout;
    assert!(citus.contains("create_distributed_table"));
}

#[test]
fn an_address_of_a_database_is_never_repeated() {
    let place = Place::empty();
    let address = "postgres://app:hunter2secret@127.0.0.1:1/compliance";
    let without_keyring = place.run(&["ledger", "verify", "--data", address]).ended_with(2);
    let unreachable =
        place.run(&["ledger", "verify", "--data", address, "--keyring", "keyring.json"]).ended_with(1);
    for run in [without_keyring, unreachable] {
        assert!(!run.prints_anywhere("hunter2secret"), "{run:?}");
    }
}

#[test]
fn clause_1_what_the_policy_does_not_name_is_refused() {
    let place = Place::with_a_sender();
    let check = |policy: &str, purpose: &str| {
        let place_of = ["check", "--json", "--data", "DATA", "--controller", CONTROLLER, "--sender", SENDER];
        let message = ["--to", "15550002222", "--category", "marketing", "--purpose", purpose];
        let run = place.run(&[&place_of[..], &message[..], &["--policy", policy][..]].concat()).ended_with(3);
        run.json()["reasons"]
            .as_array()
            .unwrap()
            .iter()
            .map(|reason| reason["code"].clone())
            .collect::<Vec<_>>()
    };
    assert!(!check(POLICY, "feature_releases").contains(&json!("undeclared_purpose")));
    assert!(check(CUSTOMER, "feature_releases").contains(&json!("undeclared_purpose")));
    place.write("bad.toml", "sale_of_data = true");
    place.run(&["ledger", "verify", "--data", "DATA", "--policy", "bad.toml"]).ended_with(2);
}
