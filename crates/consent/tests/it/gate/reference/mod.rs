//! A second gate, written from `docs/gate.md` over plain lists of what happened, against the real one over generated
//! histories.
//!
//! `WZAPI_CASES` sets how many histories the long run tries, and `WZAPI_SEED` where it begins:
//! `WZAPI_CASES=1000000 cargo nextest run --release -p wzapi-consent --run-ignored only a_second_gate`.

mod history;
mod naive;

use std::collections::{BTreeMap, BTreeSet};

use wzapi_consent::gate::{GateRows, GateRules, ReasonCode, decide};
use wzapi_model::Timestamp;
use wzapi_model::ids::EntryId;
use wzapi_storage::key::BlindIndex;

use self::history::{Case, Dice, case, purpose, purposes, row_of};
use self::naive::Reference;
use super::{now, number};

type Told = BTreeSet<(ReasonCode, Option<Timestamp>, Option<EntryId>, Option<Timestamp>)>;

fn real(case: &Case) -> (bool, Told, Option<Timestamp>) {
    let mut rules = GateRules::new(purposes(case)).with_sending(case.sending.clone());
    for (regime, law) in &case.laws {
        rules = rules.with_regime(*regime, law.age.clone());
    }
    if let Some(renewal) = &case.renewal {
        rules = rules.with_renewal(purpose("marketing"), renewal.clone());
    }
    let mut recipient = number(case.number);
    if let Some(country) = case.stated_country {
        recipient = recipient.in_country(country.parse().unwrap());
    }
    if let Some(zone) = case.stated_zone {
        recipient = recipient.in_time_zone(zone.parse().unwrap());
    }
    let rows = |is_inferred| {
        let lines = case.lines.iter().filter(|line| line.is_inferred == is_inferred);
        lines.map(|line| row_of(line, &case.sending.frequency)).collect()
    };
    let rows = GateRows {
        same: rows(false),
        inferred: rows(true),
        is_sender_registered: case.is_registered,
        sender_portfolio: case.sender_portfolio.map(|byte| BlindIndex([byte; 16])),
    };
    let decision = decide(&rules, &case.message, &recipient, &rows, now());
    let told =
        decision.reasons.iter().map(|one| (one.code, one.since, one.evidence, one.possible_from)).collect();
    (decision.is_allowed, told, decision.free_entry_until)
}

/// Compares so many histories, and tells what they met.
fn compare(cases: u64, seed: u64) -> String {
    let mut allowed = 0_u64;
    let mut met: BTreeMap<ReasonCode, u64> = BTreeMap::new();
    for one in 0..cases {
        let seed = seed.wrapping_add(one);
        let case = case(&mut Dice(seed));
        let (real, reference) = (real(&case), Reference::new(&case).decide());
        assert_eq!(real, reference, "history {seed}: {case:#?}");
        allowed += u64::from(real.0);
        for (code, ..) in real.1 {
            *met.entry(code).or_default() += 1;
        }
    }
    // Agreement about nothing would be worth nothing.
    assert!(allowed * 50 > cases && met.len() == ReasonCode::ALL.len(), "{allowed} of {cases}: {met:?}");
    format!("{cases} histories from {seed}, {allowed} allowed, reasons {met:?}")
}

#[test]
fn a_second_gate_agrees_on_generated_histories() {
    println!("{}", compare(5_000, 0x5eed));
}

#[test]
#[ignore = "a million histories take a minute in a release build: see the head of this file"]
fn a_second_gate_agrees_on_a_million_histories() {
    let from_env = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    println!(
        "{}",
        compare(from_env("WZAPI_CASES").unwrap_or(1_000_000), from_env("WZAPI_SEED").unwrap_or(0))
    );
}
