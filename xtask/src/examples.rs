//! Running the examples and checking what they print.
//!
//! Each example runs with `--json --data <folder>` and prints one JSON object as its last line.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::cargo::Cargo;
use crate::failure::Failure;

/// An example and what must hold after each of its runs over the same data.
struct Example {
    name: &'static str,
    /// One checker per run.
    runs: &'static [Checker],
}

/// Looks at the object that a run printed; says what is wrong with it.
type Checker = fn(&Value) -> Result<(), String>;

const EXAMPLES: &[Example] = &[
    Example { name: "quickstart", runs: &[quickstart_first_run, quickstart_second_run] },
    Example { name: "gated_sender", runs: &[gated_sender_run] },
];

const QUICKSTART_COUNTS: &[&str] = &[
    "deliveries",
    "messages",
    "statuses",
    "unknown",
    "duplicates",
    "consents_given",
    "withdrawals",
    "permits",
    "refused",
    "ledger_size",
];

/// Runs every example. The data of a run that failed is kept and named.
pub(crate) fn check() -> Result<(), Failure> {
    let home = make_folder(&std::env::temp_dir())?;
    for example in EXAMPLES {
        check_one(example, &home)?;
    }
    fs::remove_dir_all(&home).map_err(|source| Failure::File { path: home, source })
}

fn make_folder(parent: &Path) -> Result<PathBuf, Failure> {
    let process = std::process::id();
    for attempt in 0..100 {
        let path = parent.join(format!("wzapi-examples-{process}-{attempt}"));
        match fs::create_dir(&path) {
            Ok(()) => return Ok(path),
            // Left behind by a failed run whose process had the same number.
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(source) => return Err(Failure::File { path, source }),
        }
    }
    let source = std::io::Error::from(std::io::ErrorKind::AlreadyExists);
    Err(Failure::File { path: parent.to_owned(), source })
}

fn check_one(example: &Example, home: &Path) -> Result<(), Failure> {
    let data = home.join(example.name);
    // The dev profile, so that the tests share its build.
    let call = Cargo::new("run --locked -p wzapi-examples --example")
        .argument(example.name)
        .argument("--")
        .argument("--json")
        .argument("--data")
        .argument(&data);
    for (run, checker) in (1..).zip(example.runs) {
        let failed =
            |problem| Failure::Example { example: example.name, run, problem, kept: home.to_owned() };
        let output = call.output().map_err(|failure| failed(failure.to_string()))?;
        let printed = String::from_utf8_lossy(&output);
        let last = last_line(&printed);
        let object = serde_json::from_str(last)
            .map_err(|error| failed(format!("its last line is not JSON ({error}): {last}")))?;
        checker(&object).map_err(|problem| failed(format!("{problem}: {last}")))?;
        println!("example {}, run {run}: {last}", example.name);
    }
    Ok(())
}

fn last_line(printed: &str) -> &str {
    printed.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default()
}

/// The first run records consents; without one, their absence in the second run would prove nothing.
fn quickstart_first_run(printed: &Value) -> Result<(), String> {
    quickstart_any_run(printed)?;
    above_zero(printed, &["deliveries", "messages", "consents_given"])
}

/// The second run meets deliveries it has already read: nothing counts twice.
fn quickstart_second_run(printed: &Value) -> Result<(), String> {
    quickstart_any_run(printed)?;
    above_zero(printed, &["duplicates"])?;
    match count(printed, "consents_given")? {
        0 => Ok(()),
        given => Err(format!("`consents_given` is {given}, but every consent had been read before")),
    }
}

fn quickstart_any_run(printed: &Value) -> Result<(), String> {
    for key in QUICKSTART_COUNTS {
        count(printed, key)?;
    }
    above_zero(printed, &["ledger_size"])?;
    if printed.get("ledger_root").and_then(Value::as_str).is_none_or(str::is_empty) {
        return Err("`ledger_root` is not a text".to_owned());
    }
    match printed.get("ledger_verified").and_then(Value::as_bool) {
        Some(true) => Ok(()),
        Some(false) => Err("the ledger does not verify".to_owned()),
        None => Err("`ledger_verified` is not a truth value".to_owned()),
    }
}

/// Every message arrived once, under a permit of its own, and was bound to it; the withdrawal let none through. The gaps are
/// printed and held to no limit.
fn gated_sender_run(printed: &Value) -> Result<(), String> {
    above_zero(printed, &["messages", "refused"])?;
    let messages = count(printed, "messages")?;
    for key in ["arrived", "arrived_with_permit", "bound"] {
        let met = count(printed, key)?;
        if met != messages {
            return Err(format!("`{key}` is {met}, but `messages` is {messages}"));
        }
    }
    match count(printed, "sent_after_withdrawal")? {
        0 => {}
        sent => return Err(format!("`sent_after_withdrawal` is {sent}")),
    }
    for gap in ["redeem_answered_to_socket_us", "redeem_called_to_socket_us"] {
        let figures = printed.get("gap").and_then(|gaps| gaps.get(gap)).unwrap_or(&Value::Null);
        for figure in ["p50", "p99", "max"] {
            count(figures, figure).map_err(|problem| format!("`{gap}`: {problem}"))?;
        }
    }
    Ok(())
}

fn above_zero(printed: &Value, keys: &[&str]) -> Result<(), String> {
    for key in keys {
        if count(printed, key)? == 0 {
            return Err(format!("`{key}` is 0"));
        }
    }
    Ok(())
}

fn count(printed: &Value, key: &str) -> Result<u64, String> {
    printed.get(key).and_then(Value::as_u64).ok_or_else(|| format!("`{key}` is not a count"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn printed() -> Value {
        json!({
            "deliveries": 9, "messages": 7, "statuses": 2, "unknown": 1, "duplicates": 0,
            "consents_given": 3, "withdrawals": 1, "permits": 2, "refused": 4,
            "ledger_size": 12, "ledger_root": "aGk=", "ledger_verified": true,
        })
    }

    fn with(key: &str, value: Value) -> Value {
        let mut printed = printed();
        printed.as_object_mut().expect("an object").insert(key.to_owned(), value);
        printed
    }

    #[test]
    fn a_good_first_run_passes() {
        assert_eq!(quickstart_first_run(&printed()), Ok(()));
    }

    #[test]
    fn a_ledger_that_does_not_verify_fails_either_run() {
        let bad = with("ledger_verified", json!(false));
        assert_eq!(quickstart_first_run(&bad), Err("the ledger does not verify".to_owned()));
        assert_eq!(quickstart_second_run(&bad), Err("the ledger does not verify".to_owned()));
    }

    #[test]
    fn a_missing_count_is_named() {
        let bad = with("statuses", Value::Null);
        assert_eq!(quickstart_first_run(&bad), Err("`statuses` is not a count".to_owned()));
    }

    #[test]
    fn a_first_run_that_recorded_no_consent_fails() {
        let bad = with("consents_given", json!(0));
        assert_eq!(quickstart_first_run(&bad), Err("`consents_given` is 0".to_owned()));
    }

    #[test]
    fn a_second_run_must_see_duplicates_and_no_new_consent() {
        assert_eq!(quickstart_second_run(&printed()), Err("`duplicates` is 0".to_owned()));
        let mut second = with("duplicates", json!(9));
        assert!(quickstart_second_run(&second).unwrap_err().starts_with("`consents_given` is 3"));
        second.as_object_mut().expect("an object").insert("consents_given".to_owned(), json!(0));
        assert_eq!(quickstart_second_run(&second), Ok(()));
    }

    #[test]
    fn a_gated_sender_that_lost_a_message_or_sent_one_too_many_fails() {
        let gap = json!({ "p50": 1, "p99": 2, "max": 3 });
        let good = json!({
            "messages": 5, "arrived": 5, "arrived_with_permit": 5, "bound": 5, "refused": 1,
            "sent_after_withdrawal": 0,
            "gap": { "redeem_answered_to_socket_us": gap, "redeem_called_to_socket_us": gap },
        });
        assert_eq!(gated_sender_run(&good), Ok(()));
        for (key, bad) in [
            ("messages", json!(0)),
            ("arrived", json!(6)),
            ("arrived_with_permit", json!(4)),
            ("bound", json!(4)),
            ("refused", json!(0)),
            ("sent_after_withdrawal", json!(1)),
            ("gap", json!({})),
        ] {
            let mut printed = good.clone();
            printed.as_object_mut().expect("an object").insert(key.to_owned(), bad);
            assert!(gated_sender_run(&printed).is_err(), "{key}");
        }
    }

    #[test]
    fn the_last_line_is_the_last_that_holds_something() {
        assert_eq!(last_line("a\n{\"b\":1}\n\n"), "{\"b\":1}");
        assert_eq!(last_line(""), "");
    }
}
