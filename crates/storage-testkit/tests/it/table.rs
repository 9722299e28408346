//! The table of cases and the contract are one.

use std::collections::BTreeMap;

use wzapi_storage::contract;
use wzapi_storage_testkit::suite::CASES;

/// The named sentences of the contract page: lines such as ``- `name`: sentence``.
fn sentences() -> BTreeMap<&'static str, &'static str> {
    let lines = contract::TEXT.lines().filter_map(|line| line.strip_prefix("- `"));
    lines.map(|line| line.split_once("`: ").unwrap()).collect()
}

#[test]
fn every_sentence_of_the_contract_has_a_case_and_every_case_a_sentence() {
    let cases: BTreeMap<_, _> = CASES.iter().map(|case| (case.name, case.sentence)).collect();
    assert_eq!(cases.len(), CASES.len(), "a case occurs twice");
    assert!(cases.len() > 20);
    assert_eq!(cases, sentences());
}

#[test]
fn the_cases_stand_in_the_order_of_the_contract() {
    let places = CASES.iter().map(|case| contract::TEXT.find(&format!("- `{}`: ", case.name)).unwrap());
    assert!(places.is_sorted_by(|a, b| a < b));
}

#[test]
fn a_backend_gets_one_test_for_every_case() {
    let listed = wzapi_storage_testkit::conformance_suite!(@each names).map(|name| name.replace('_', "-"));
    let cases: Vec<_> = CASES.iter().map(|case| case.name.to_owned()).collect();
    assert_eq!(listed.to_vec(), cases);
}
