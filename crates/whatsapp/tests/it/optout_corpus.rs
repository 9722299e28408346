//! The published corpus: precision and recall per language, with floors.

use std::collections::BTreeMap;
use std::fs;

use wzapi_whatsapp::intent::{Intent, classify_text};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/optout");

/// What was found and what was there, counted.
#[derive(Default, Clone, Copy)]
struct Count {
    right: usize,
    found: usize,
    there: usize,
}

impl Count {
    fn add(&mut self, is_found: bool, is_there: bool) {
        self.right += usize::from(is_found && is_there);
        self.found += usize::from(is_found);
        self.there += usize::from(is_there);
    }

    fn join(&mut self, other: Self) {
        self.right += other.right;
        self.found += other.found;
        self.there += other.there;
    }

    fn precision(self) -> f64 {
        self.right as f64 / self.found.max(1) as f64
    }

    fn recall(self) -> f64 {
        self.right as f64 / self.there.max(1) as f64
    }
}

/// Of one language in one split: withdrawals, and whatever stops marketing.
#[derive(Default, Clone, Copy)]
struct Score {
    lines: usize,
    withdraw: Count,
    blocked: Count,
}

fn label(intent: Intent) -> &'static str {
    match intent {
        Intent::Withdraw => "withdraw",
        Intent::Ambiguous => "ambiguous",
        Intent::Subscribe | Intent::None => "none",
    }
}

/// The scores by split and language. With `OPTOUT_MISSES=1` the wrong lines of `dev` are printed, never those of `test`.
fn scores() -> BTreeMap<(String, String), Score> {
    let print_misses = std::env::var_os("OPTOUT_MISSES").is_some();
    let mut scores: BTreeMap<(String, String), Score> = BTreeMap::new();
    for file in fs::read_dir(FOLDER).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "tsv") {
            continue;
        }
        let language = path.file_stem().unwrap().to_str().unwrap().to_owned();
        for line in fs::read_to_string(&path).unwrap().lines() {
            let [split, expected, text] = line.splitn(3, '\t').collect::<Vec<_>>()[..] else {
                panic!("{line}")
            };
            assert!(["withdraw", "ambiguous", "none"].contains(&expected), "{line}");
            let verdict = classify_text(text, None);
            let answer = label(verdict.intent);
            if print_misses && split == "dev" && answer != expected {
                println!("MISS {language}\t{expected}\t{answer}\t{verdict}\t{text}");
            }
            let score = scores.entry((split.to_owned(), language.clone())).or_default();
            score.lines += 1;
            score.withdraw.add(answer == "withdraw", expected == "withdraw");
            score.blocked.add(answer != "none", expected != "none");
        }
    }
    scores
}

#[test]
fn precision_and_recall_hold_in_every_language() {
    let scores = scores();
    assert!(scores.len() >= 18, "at least nine languages in two splits");
    let mut totals: BTreeMap<&str, Score> = BTreeMap::new();
    println!("split lang lines | withdraw: precision recall | blocked: precision recall");
    let row = |split: &str, language: &str, score: &Score| {
        let (withdraw, blocked) = (score.withdraw, score.blocked);
        println!(
            "{split:5} {language:4} {:5} | {:19.3} {:6.3} | {:18.3} {:6.3}",
            score.lines,
            withdraw.precision(),
            withdraw.recall(),
            blocked.precision(),
            blocked.recall()
        );
    };
    for ((split, language), score) in &scores {
        row(split, language, score);
        let total = totals.entry(split.as_str()).or_default();
        total.lines += score.lines;
        total.withdraw.join(score.withdraw);
        total.blocked.join(score.blocked);
    }
    totals.iter().for_each(|(split, total)| row(split, "all", total));

    // Floors under what was measured; docs/opt-out.md has the table.
    for ((split, language), score) in &scores {
        let lowest = [
            score.withdraw.precision(),
            score.withdraw.recall(),
            score.blocked.precision(),
            score.blocked.recall(),
        ];
        assert!(lowest.into_iter().all(|rate| rate >= 0.5), "{split} {language}: {lowest:?}");
    }
    for (split, total) in totals {
        assert!(total.withdraw.precision() >= 0.92 && total.withdraw.recall() >= 0.84, "{split}");
        assert!(total.blocked.precision() >= 0.96 && total.blocked.recall() >= 0.79, "{split}");
    }
}
