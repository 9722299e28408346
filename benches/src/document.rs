//! `docs/benchmarks.md`.

use std::fmt::Write as _;

use crate::machine::Machine;
use crate::measurement::Measured;
use crate::report::{Finding, cost, number};

const BEFORE: &str = "\
<!-- Written by `cargo xtask bench --write-docs`; edit benches/src/document.rs instead. -->

# What it costs

Every promise about cost is a ratio against a named peer or limit, measured beside it. These are the rows that are
measured so far; the promises themselves stand in the table of the design, and a row is short when its median ratio is
above the goal.

```sh
cargo xtask bench                  # every row in full, a minute or more
cargo xtask bench --quick          # every row, a few seconds: does it run, is the order of magnitude right?
cargo xtask bench --only seal_64b  # one row
cargo xtask bench --json out.json  # also as JSON
cargo xtask bench --write-docs     # also this page
```

The exit code is 0 also when a row is short: a noisy neighbour is no reason to refuse a change.
";

const AFTER: &str = "\
## How it is measured

Both sides run in one process, on one thread, by turns of a quarter of a millisecond. A turn of each side makes a
round, and a round yields one ratio; which side begins changes from round to round. The ratio in the table is the
median over all rounds, and the spread is from the 10th to the 90th percentile of the rounds. The costs are the
medians of each side for itself. A twentieth of the rounds goes before as warm-up and is not counted. Both sides are
checked to do what they say before they are measured.

Both sides of a row find their data in the caches of the processor, since they do the same again and again. In a service
that does other things in between, both are slower, and a store is read as well. Heap allocations are by the system's
allocator. The build is Cargo's release profile as it is, without link-time optimisation and for any processor of the
architecture.

## How far to trust it

- Only ratios compare. The nanoseconds are of this machine on this day.
- `control` measures the same work on both sides. It would be 1.00 on a silent machine; its spread is the noise that every
  other row has too.
- The machine is shared. A neighbour that takes the core for a slice spoils single rounds, which shows in the spread and
  hardly in the median. A neighbour that takes memory bandwidth or caches slows a side that touches more memory more than
  the other: of two runs the one with the lower load is nearer to the truth.
- A median above the goal by less than the control's spread is as good as at the goal, and one below it by less than that
  is no proof.
";

/// The page.
pub(crate) fn text(findings: &[Finding<'_>], machine: &Machine) -> String {
    let Machine { processor, cores, load, date, commit, compiler } = machine;
    let load = load.map_or_else(|| "unknown".to_owned(), |load| format!("{load:.1}"));
    let mut page = format!(
        "{BEFORE}
## Measured

| | |
|---|---|
| processor | {processor}, {cores} cores |
| load in the last minute | {load}, of which this measurement is 1 |
| date | {date} |
| commit | {commit} |
| compiler | {compiler} |

| row | ratio | 10th to 90th percentile | goal | | ours | theirs | rounds |
|---|---:|---:|---:|---|---:|---:|---:|
"
    );
    for finding in findings {
        let Measured { ratio, ours, theirs, rounds } = finding.measured;
        let (name, unit) = (finding.row.name, finding.row.unit);
        let verdict = if finding.is_ok() { "pass" } else { "**short**" };
        // Writing to a string does not fail.
        let _ = writeln!(
            page,
            "| `{name}` | {} | {} to {} | {} | {verdict} | {} | {} | {rounds} |",
            number(ratio.median),
            number(ratio.low),
            number(ratio.high),
            number(finding.row.goal),
            cost(ours, unit),
            cost(theirs, unit),
        );
    }
    page.push_str("\n| row | our side | the other side |\n|---|---|---|\n");
    for finding in findings {
        let row = finding.row;
        let _ = writeln!(page, "| `{}` | {} | {} |", row.name, row.ours, row.theirs);
    }
    page.push('\n');
    page.push_str(AFTER);
    page
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows;
    use crate::statistics::Spread;

    #[test]
    fn the_page_names_the_machine_and_every_row() {
        let machine = Machine {
            processor: "AMD EPYC".to_owned(),
            cores: 2,
            load: Some(1.25),
            date: "2026-11-22".to_owned(),
            commit: "0123456789ab".to_owned(),
            compiler: "rustc 1.95.0".to_owned(),
        };
        let ratio = Spread { low: 4.5, median: 5.0, high: 1_000.0 };
        let measured = Measured { ratio, ours: 740.0, theirs: 123.4, rounds: 51 };
        let findings: Vec<_> = rows::ALL.iter().map(|row| Finding { row, measured }).collect();
        let page = text(&findings, &machine);
        assert!(page.contains("| processor | AMD EPYC, 2 cores |\n"));
        assert!(page.contains("| `seal_64b` | 5.00 | 4.50 to 1000 | 6.00 | pass | 740 ns | 123 ns | 51 |\n"));
        assert!(page.contains("| `seal_64b_tink` | 5.00 | 4.50 to 1000 | 0.200 | **short** |"));
        assert!(rows::ALL.iter().all(|row| page.contains(row.ours) && page.contains(row.theirs)));
    }
}
