//! `wzapi preflight`: counts by reason, and the file of the refused.

use crate::support::{ANA, BEN, CONTROLLER, Place, Run, SENDER};

fn preflight(place: &Place, options: &[&str]) -> Run {
    let message = ["--controller", CONTROLLER, "--sender", SENDER, "--category", "marketing"];
    place.run(&[&["preflight", "--data", "DATA"][..], &message[..], options].concat())
}

#[test]
fn a_list_is_counted_by_reason_and_the_refused_are_written_down() {
    let place = Place::with_people();
    place.write("list", format!("\u{feff}{ANA}\n\n+{BEN}\r\n  US.1\nnobody\n{}\n{ANA}", "9".repeat(5000)));
    let run = preflight(&place, &["--json", "--refused", "refused.csv", "list"]).ended_with(2);
    assert_eq!(
        run.json(),
        serde_json::json!({ "recipients": 4, "allowed": 2, "refused": 2, "unreadable": 2,
            "reasons": { "consent_given": 2, "withdrawn": 1, "unknown_recipient": 1 } })
    );
    let file = std::fs::read_to_string(place.path("refused.csv")).unwrap();
    let mut lines: Vec<&str> = file.lines().collect();
    assert_eq!(lines.remove(0), "line,reasons,remedies,possible_from");
    // Lines that cannot be read are known at once, the others once their batch was looked at.
    lines.sort_unstable();
    let told: Vec<_> = lines.iter().map(|line| line.split(',').take(2).collect::<Vec<_>>()).collect();
    assert_eq!(
        told,
        [["3", "withdrawn"], ["4", "unknown_recipient"], ["5", "unreadable"], ["6", "unreadable"]]
    );
    for number in [ANA, BEN] {
        assert!(!file.contains(number) && !run.prints_anywhere(number));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(place.path("refused.csv")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[test]
fn recipients_are_named_in_the_file_when_that_is_asked_for_and_no_file_is_written_over() {
    let place = Place::with_people();
    place.write("list", format!("{ANA}\n{BEN}\n"));
    let run = preflight(&place, &["--refused", "refused.csv", "--with-recipients", "list"]).ended_with(0);
    assert!(run.stdout.starts_with("2 recipients: 1 allowed, 1 refused\n"), "{run:?}");
    assert!(!run.prints_anywhere(BEN));
    let file = std::fs::read_to_string(place.path("refused.csv")).unwrap();
    assert!(
        file.starts_with("recipient,line,reasons") && file.contains(&format!("\n{BEN},2,withdrawn,")),
        "{file}"
    );
    preflight(&place, &["--refused", "refused.csv", "list"]).ended_with(2);
    assert_eq!(std::fs::read_to_string(place.path("refused.csv")).unwrap(), file);
    preflight(&place, &["no such list"]).ended_with(2);
    preflight(&place, &["--with-recipients", "list"]).ended_with(2);
}

#[test]
fn without_a_file_the_list_is_standard_input() {
    let place = Place::with_people();
    // The tool is started with nothing there.
    for options in [&["--json"][..], &["--json", "-"]] {
        assert_eq!(preflight(&place, options).ended_with(0).json()["recipients"], 0);
    }
}
