//! `wzapi consent import`: reports, errors, dry runs, refused files, and a process that is killed until it is done.

use std::process::{Child, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{ANA, BEN, CONTROLLER, Place, Run, Sequence, answers, start, wzapi};

const HEADER: &str = "phone,purpose,status,obtained_at,method,evidence\n";
const ARGUMENTS: [&str; 6] = ["consent", "import", "--data", "DATA", "--controller", CONTROLLER];

fn import(place: &Place, options: &[&str]) -> Run {
    place.run(&[&ARGUMENTS[..], &["--json"][..], options].concat())
}

fn first(run: &Run) -> Value {
    run.json()["files"][0].clone()
}

#[test]
fn consents_are_imported_and_counted_and_again_changes_nothing() {
    let place = Place::with_a_sender();
    place.write(
        "contacts.csv",
        format!(
            "{HEADER}+{ANA},marketing,given,2024-01-01,paper,card 7\n+{BEN},marketing,given,2024-01-01,paper,\n\
             9.1E+11,marketing,given,2024-01-01,paper,card\n+{BEN},marketing,withdrawn,,verbal,\n"
        ),
    );
    let dry = import(&place, &["--dry-run", "contacts.csv"]).ended_with(2);
    assert_eq!(dry.json()["dry_run"], true);
    place.check(ANA, "marketing").ended_with(3);
    let before = place.verify().ended_with(0).json();

    let run = import(&place, &["--errors", "errors.csv", "contacts.csv"]).ended_with(2);
    let mut expected = json!({ "file": "contacts.csv", "rows": 4, "given": 1, "denied": 1, "quarantined": 1,
        "denied_on_record": 0, "duplicates": 0, "bad": 1 });
    expected["reasons"] = json!([
        { "outcome": "bad", "reason": "spreadsheet_number", "count": 1, "lines": [4] },
        { "outcome": "set_aside", "reason": "no_evidence", "count": 1, "lines": [3] },
    ]);
    assert_eq!(first(&run), expected);
    assert_eq!(first(&dry), expected);
    let errors = std::fs::read_to_string(place.path("errors.csv")).unwrap();
    let lines: Vec<&str> = errors.lines().collect();
    assert_eq!(lines.len(), 3, "{errors}");
    assert_eq!(lines[0], "file,line,outcome,reason,advice");
    assert!(lines[1].starts_with("\"contacts.csv\",4,bad,spreadsheet_number,\"phone: "), "{errors}");
    assert!(lines[2].starts_with("\"contacts.csv\",3,set_aside,no_evidence,"), "{errors}");
    for secret in [ANA, BEN, "card 7", "9.1E+11"] {
        assert!(!run.prints_anywhere(secret) && !errors.contains(secret), "{run:?} {errors}");
    }
    place.check(ANA, "marketing").ended_with(0);
    place.check(BEN, "marketing").ended_with(3);
    let after = place.verify().ended_with(0).json();
    assert_ne!(after, before);

    let again = import(&place, &["contacts.csv"]).ended_with(2);
    assert_eq!((first(&again)["duplicates"].clone(), first(&again)["given"].clone()), (json!(3), json!(0)));
    assert_eq!(place.verify().ended_with(0).json(), after);
    import(&place, &["--errors", "errors.csv", "contacts.csv"]).ended_with(2);
    assert_eq!(std::fs::read_to_string(place.path("errors.csv")).unwrap(), errors, "no file is written over");
}

#[test]
fn the_report_is_for_people_too() {
    let place = Place::with_a_sender();
    let row = json!({ "phone": ANA, "purpose": "marketing", "status": "given", "obtained_at": "2024-01-01",
        "method": "paper", "evidence": "card" });
    place.write("contacts.jsonl", format!("{row}\n{{\"phone\":\"x\"}}\n"));
    let run = place.run(&[&ARGUMENTS[..], &["contacts.jsonl"][..]].concat()).ended_with(2);
    assert!(
        run.stdout.starts_with(
            "contacts.jsonl: 2 rows: 1 given, 0 denied, 0 set aside, 0 recorded before, 1 bad\n"
        )
    );
    assert!(run.stdout.contains("  1 bad phone: lines 2\n"), "{run:?}");
    place.check(ANA, "marketing").ended_with(0);
}

#[test]
fn one_wrong_file_among_several_writes_nothing() {
    let place = Place::with_a_sender();
    let good = format!("{HEADER}+{ANA},marketing,given,2024-01-01,paper,card 7\n");
    place.write("good.csv", &good);
    place.write("good.txt", &good);
    place.write("latin1.csv", [good.as_bytes(), b"+1,marketing,given,2024-01-01,paper,\xe9\n"].concat());
    place.write("columns.csv", "phone;status\n");
    place.write("list.jsonl", "[]");
    let before = place.verify().ended_with(0).json();
    for (file, problem) in [
        ("latin1.csv", "line 3: the file is not UTF-8"),
        ("columns.csv", "line 1: the header lacks the column"),
        ("list.jsonl", "not JSON Lines"),
        ("good.txt", "add --format"),
        ("missing.csv", "cannot be read"),
    ] {
        let run = import(&place, &["good.csv", file]).ended_with(2);
        assert!(run.stderr.contains(file) && run.stderr.contains(problem), "{run:?}");
        assert!(run.stdout.is_empty(), "{run:?}");
    }
    assert_eq!(place.verify().ended_with(0).json(), before);
    place.check(ANA, "marketing").ended_with(3);
    import(&place, &["--format", "csv", "good.txt", "good.csv"]).ended_with(0);
    place.check(ANA, "marketing").ended_with(0);
}

const ROWS: u64 = 600;

fn person(number: u64) -> String {
    format!("1555300{number:04}")
}

/// Grants, and for every fifth person a withdrawal somewhere after or before the grant.
fn contacts() -> String {
    let mut file = HEADER.to_owned();
    for row in 0..ROWS {
        let who = person(row * 7 % 500);
        file += &match row % 5 {
            4 => format!("+{who},marketing,withdrawn,2024-01-{:02},keyword,\n", row % 28 + 1),
            _ => format!("+{who},marketing,given,2024-01-01,web_form,form {row}\n"),
        };
    }
    file
}

/// How many entries the logs have; all of them verify.
fn size_of(place: &Place) -> u64 {
    let verified = place.verify().ended_with(0).json();
    verified["logs"].as_array().unwrap().iter().map(|log| log["size"].as_u64().unwrap()).sum()
}

fn spawn(place: &Place) -> Child {
    let mut command = wzapi();
    let command = command
        .current_dir(place.path(""))
        .args(["consent", "import", "--data", "data", "--controller", CONTROLLER, "contacts.csv"])
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    start(command)
}

#[tokio::test]
async fn killed_again_and_again_an_import_goes_on_to_the_same_end() {
    let (place, undisturbed) = (Place::with_a_sender(), Place::with_a_sender());
    place.write("contacts.csv", contacts());
    undisturbed.write("contacts.csv", contacts());
    let expected = first(&import(&undisturbed, &["contacts.csv"]).ended_with(0));
    let size = size_of(&undisturbed);

    let mut sequence = Sequence(7);
    let mut kills: u32 = 0;
    // Each child gets a little longer than the one before, so that one of them comes to its end.
    let mut patience = 40;
    loop {
        let mut child = spawn(&place);
        std::thread::sleep(Duration::from_millis(patience + sequence.below(60)));
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success());
            break;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;
        patience += patience / 4;
        if kills.is_multiple_of(4) {
            place.verify().ended_with(0);
        }
    }
    assert!(kills > 4, "it was done before it could be killed");
    let last = first(&import(&place, &["contacts.csv"]).ended_with(0));
    assert_eq!((&last["duplicates"], &last["rows"]), (&json!(ROWS), &json!(ROWS)));
    assert_eq!(size_of(&place), size, "every act is in the ledger once");
    assert!(expected["given"].as_u64().unwrap() > 300 && expected["denied"].as_u64().unwrap() > 80);
    let people: Vec<String> = (0..500).step_by(13).map(person).collect();
    assert_eq!(answers(&place, &people).await, answers(&undisturbed, &people).await);
}
