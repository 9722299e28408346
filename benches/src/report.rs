//! What is printed, and the JSON.

use serde::Serialize;

use crate::failure::Failure;
use crate::measurement::Measured;
use crate::row::Row;
use crate::statistics::Spread;

/// A row and what was measured of it.
pub(crate) struct Finding<'a> {
    pub(crate) row: &'a Row,
    pub(crate) measured: Measured,
}

impl Finding<'_> {
    /// Whether the median ratio keeps the promise.
    pub(crate) fn is_ok(&self) -> bool {
        self.measured.ratio.median <= self.row.goal
    }

    /// One line for a terminal.
    pub(crate) fn line(&self) -> String {
        let Measured { ratio, ours, theirs, rounds } = self.measured;
        let Row { name, goal, unit, .. } = self.row;
        let verdict = if self.is_ok() { "pass" } else { "SHORT" };
        let (low, median, high) = (number(ratio.low), number(ratio.median), number(ratio.high));
        let (goal, ours, theirs) = (number(*goal), cost(ours, unit), cost(theirs, unit));
        format!(
            "{name:<18}{median:>9} ×  {low:>8} … {high:<8}{goal:>7} ×  {verdict:<6}{ours:>14}{theirs:>14}{rounds:>8}"
        )
    }

    fn entry(&self) -> Entry {
        let Measured { ratio, ours, theirs, .. } = self.measured;
        let Row { name, goal, unit, .. } = *self.row;
        let (Spread { low, median, high }, ok) = (ratio, self.is_ok());
        Entry { name, ratio: median, low, high, goal, ok, unit, ours, theirs }
    }
}

/// What the JSON says of a row; programs read it by these names.
#[derive(Serialize)]
struct Entry {
    name: &'static str,
    /// The median over all rounds.
    ratio: f64,
    /// The 10th percentile.
    low: f64,
    /// The 90th percentile.
    high: f64,
    goal: f64,
    ok: bool,
    unit: &'static str,
    ours: f64,
    theirs: f64,
}

/// The line above the lines of the rows.
pub(crate) fn heading() -> String {
    format!(
        "{:<18}{:>9}    {:>8} … {:<8}{:>7}    {:<6}{:>14}{:>14}{:>8}",
        "row", "ratio", "10th", "90th", "goal", "", "ours", "theirs", "rounds"
    )
}

/// How many rows keep their promise, and which do not.
pub(crate) fn summary(findings: &[Finding<'_>]) -> String {
    let short: Vec<_> =
        findings.iter().filter(|finding| !finding.is_ok()).map(|finding| finding.row.name).collect();
    let passed = findings.len() - short.len();
    if short.is_empty() {
        format!("{passed} pass, none is short")
    } else {
        format!("{passed} pass, {} short: {}", short.len(), short.join(", "))
    }
}

/// An array with one object for each row.
pub(crate) fn json(findings: &[Finding<'_>]) -> Result<String, Failure> {
    let array: Vec<Entry> = findings.iter().map(Finding::entry).collect();
    Ok(serde_json::to_string_pretty(&array)? + "\n")
}

/// A cost with its unit.
pub(crate) fn cost(value: f64, unit: &str) -> String {
    format!("{} {unit}", number(value))
}

/// Three digits that count are more than the noise leaves true; above a hundred, whole numbers.
pub(crate) fn number(value: f64) -> String {
    let decimals = match value.abs() {
        magnitude if magnitude < 1.0 => 3,
        magnitude if magnitude < 10.0 => 2,
        magnitude if magnitude < 100.0 => 1,
        _ => 0,
    };
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::row::NANOSECONDS;

    const ROW: Row = Row {
        name: "seal_64b",
        ours: "",
        theirs: "",
        goal: 6.0,
        unit: NANOSECONDS,
        set_up: |_| Err(Failure::WrongResult { row: "seal_64b", side: "neither" }),
    };

    fn finding(median: f64) -> Finding<'static> {
        let ratio = Spread { low: median - 0.5, median, high: median + 1.25 };
        Finding { row: &ROW, measured: Measured { ratio, ours: 740.0, theirs: 123.4, rounds: 51 } }
    }

    #[test]
    fn a_ratio_up_to_the_goal_passes() {
        assert!(finding(6.0).is_ok());
        assert!(!finding(6.01).is_ok());
        assert!(!finding(f64::NAN).is_ok(), "nothing measured is nothing kept");
    }

    #[test]
    fn the_line_says_pass_or_short() {
        let line = finding(5.0).line();
        let words: Vec<_> = line.split_whitespace().collect();
        let expected = "seal_64b 5.00 × 4.50 … 6.25 6.00 × pass 740 ns 123 ns 51";
        assert_eq!(words.join(" "), expected);
        assert!(finding(7.0).line().contains("SHORT"));
        let columns = |text: &str| text.chars().count();
        assert_eq!(columns(&line), columns(&heading()));
    }

    #[test]
    fn the_summary_names_what_is_short() {
        assert_eq!(summary(&[finding(5.0)]), "1 pass, none is short");
        assert_eq!(summary(&[finding(5.0), finding(7.0)]), "1 pass, 1 short: seal_64b");
    }

    #[test]
    fn the_json_has_the_fields_that_others_read() {
        let text = json(&[finding(5.0)]).unwrap();
        let read: Value = serde_json::from_str(&text).unwrap();
        let expected = json!([{
            "name": "seal_64b", "ratio": 5.0, "low": 4.5, "high": 6.25, "goal": 6.0, "ok": true,
            "unit": "ns", "ours": 740.0, "theirs": 123.4,
        }]);
        assert_eq!(read, expected);
    }

    #[test]
    fn numbers_keep_three_digits_that_count() {
        let shown = [0.1234, 1.234, 12.34, 1234.5].map(number);
        assert_eq!(shown, ["0.123", "1.23", "12.3", "1234"]);
    }
}
