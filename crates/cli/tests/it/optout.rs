//! What `wzapi optout classify` prints.

use std::io::Write as _;
use std::process::Stdio;

use crate::support::{start, wzapi};

#[test]
fn every_line_has_its_answer_in_order() {
    let lines: &[(&[u8], &str)] = &[
        (b"en\tStop. Thank you\n", "withdraw"),
        (b"en\tSTOP this terrible bill\n", "none"),
        (b"\tmujhe message mat bhejo\n", "withdraw"),
        (b"de\tplease stop sending me messages\r\n", "withdraw"),
        (b"stop it\n", "ambiguous"),
        (b"\n", "none"),
        (b"en\t\n", "none"),
        (b"\xff\xfe\n", "none"),
        (b"en\tstart\n", "none"),
        (b"zz\tSTOP", "withdraw"),
    ];
    let mut command = wzapi();
    command.args(["optout", "classify"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = start(&mut command);
    let input: Vec<u8> = lines.iter().flat_map(|(line, _)| line.to_vec()).collect();
    child.stdin.take().unwrap().write_all(&input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let printed = String::from_utf8(output.stdout).unwrap();
    let answers: Vec<(&str, &str)> = printed.lines().map(|line| line.split_once('\t').unwrap()).collect();
    assert_eq!(answers.len(), lines.len());
    for ((line, expected), (answer, rule)) in lines.iter().zip(answers) {
        assert_eq!(answer, *expected, "{line:?}");
        assert!(!rule.is_empty());
    }
}
