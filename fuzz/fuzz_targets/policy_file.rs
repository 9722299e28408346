//! Any text is a policy or findings: never a panic, and a policy has no errors.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let report = wzapi_policy::check(text, "fuzz.toml");
    assert_eq!(report.policy.is_some(), report.findings.errors() == 0);
});
