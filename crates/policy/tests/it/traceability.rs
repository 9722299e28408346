//! The table that leads from the clauses of the policy to code and tests.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::support::workspace;

const CLAUSES: [&str; 24] = [
    "1", "2.a", "2.b", "2.c", "3.a", "3.b", "3.c", "4.a", "4.b", "4.c", "5.a", "5.b", "5.c", "6.a", "6.b",
    "6.c", "7.a", "7.b", "7.c", "7.d", "8.a", "8.b", "8.c", "9",
];

struct Row {
    clause: String,
    paths: Vec<String>,
    tests: Vec<String>,
    state: String,
}

fn rows() -> Vec<Row> {
    let text = fs::read_to_string(workspace().join("docs/policy-traceability.md")).unwrap();
    let quoted = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    text.lines()
        .filter_map(|line| {
            let cells: Vec<&str> =
                line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ").map(str::trim).collect();
            match cells.as_slice() {
                [clause, _, paths, tests, state] if *clause != "clause" => Some(Row {
                    clause: (*clause).to_owned(),
                    paths: quoted(paths),
                    tests: quoted(tests),
                    state: (*state).to_owned(),
                }),
                _ => None,
            }
        })
        .collect()
}

/// The names of all functions in the Rust files of the workspace.
fn functions() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut folders = vec![workspace().join("crates"), workspace().join("simulation")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                names_in(&path, &mut found);
            }
        }
    }
    found
}

fn names_in(path: &Path, found: &mut BTreeSet<String>) {
    let text = fs::read_to_string(path).unwrap_or_default();
    for rest in text.split("fn ").skip(1) {
        let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        found.insert(name);
    }
}

#[test]
fn every_clause_has_one_row() {
    let found: Vec<String> = rows().into_iter().map(|row| row.clause).collect();
    assert_eq!(found, CLAUSES);
}

#[test]
fn every_named_path_exists() {
    for row in rows() {
        assert!(!row.paths.is_empty(), "{}", row.clause);
        for path in row.paths {
            assert!(workspace().join(&path).is_file(), "{}: {path}", row.clause);
        }
    }
}

#[test]
fn every_named_test_exists() {
    let functions = functions();
    for row in rows() {
        for test in &row.tests {
            assert!(functions.contains(test), "{}: {test}", row.clause);
        }
    }
}

#[test]
fn every_row_is_done_with_tests_or_says_what_is_open() {
    for row in rows() {
        let is_done = row.state == "done" && !row.tests.is_empty();
        let is_open = row.state.strip_prefix("open: ").is_some_and(|rest| !rest.is_empty());
        assert!(is_done || is_open, "{}: {}", row.clause, row.state);
    }
}
