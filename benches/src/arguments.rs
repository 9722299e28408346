//! The command line.

use std::path::PathBuf;

use crate::measurement::Effort;
use crate::rows;

pub(crate) const HELP: &str = "\
Usage: cargo xtask bench [options]

  --quick        a few seconds for all rows: do they run, and is the order of magnitude right?
  --only NAME    only this row; may be given more than once
  --json FILE    also writes the measurements there
  --write-docs   also writes docs/benchmarks.md; only with all rows in full

Exit codes: 0 measured, whatever the ratios are; 1 failed; 2 not an option.";

/// What the person asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Request {
    Help,
    Measure(Arguments),
}

/// Which rows are measured, how well, and where the result goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Arguments {
    pub(crate) effort: Effort,
    /// Empty for all rows.
    pub(crate) only: Vec<String>,
    pub(crate) json: Option<PathBuf>,
    /// Where the page of the documentation stands.
    pub(crate) document: Option<PathBuf>,
}

impl Arguments {
    /// Whether a row of this name was asked for.
    pub(crate) fn includes(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == name)
    }
}

pub(crate) fn parse(words: &[String]) -> Result<Request, String> {
    let mut arguments = Arguments { effort: Effort::Full, only: Vec::new(), json: None, document: None };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--quick" => arguments.effort = Effort::Quick,
            "--only" => arguments.only.push(row_name(words.next())?),
            "--json" => {
                let file = words.next().ok_or("`--json` needs the name of a file")?;
                arguments.json = Some(PathBuf::from(file));
            }
            "--write-docs" => arguments.document = Some(document()),
            "--help" | "-h" => return Ok(Request::Help),
            unknown => return Err(format!("`{unknown}` is not an option")),
        }
    }
    let is_whole = arguments.effort == Effort::Full && arguments.only.is_empty();
    if arguments.document.is_some() && !is_whole {
        return Err("`--write-docs` goes with all rows in full, without `--quick` and `--only`".to_owned());
    }
    Ok(Request::Measure(arguments))
}

fn row_name(word: Option<&String>) -> Result<String, String> {
    let names = || rows::ALL.iter().map(|row| row.name).collect::<Vec<_>>().join(", ");
    match word {
        Some(name) if rows::ALL.iter().any(|row| row.name == name) => Ok(name.clone()),
        Some(name) => Err(format!("there is no row `{name}`; there are {}", names())),
        None => Err(format!("`--only` needs the name of a row: {}", names())),
    }
}

fn document() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/benchmarks.md"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_words(line: &str) -> Result<Request, String> {
        parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    fn measured(line: &str) -> Arguments {
        match parse_words(line) {
            Ok(Request::Measure(arguments)) => arguments,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn without_options_every_row_is_measured_in_full() {
        let arguments = measured("");
        assert_eq!(arguments.effort, Effort::Full);
        assert!(rows::ALL.iter().all(|row| arguments.includes(row.name)));
        assert_eq!((arguments.json, arguments.document), (None, None));
    }

    #[test]
    fn options_are_read_in_any_order() {
        let arguments = measured("--json out.json --only seal_64b --quick --only open_64b");
        assert_eq!(arguments.effort, Effort::Quick);
        assert_eq!(arguments.json, Some(PathBuf::from("out.json")));
        assert!(arguments.includes("seal_64b") && arguments.includes("open_64b"));
        assert!(!arguments.includes("seal_64b_tink"));
        assert_eq!(parse_words("--quick --help"), Ok(Request::Help));
    }

    #[test]
    fn mistakes_are_named() {
        assert_eq!(parse_words("--quik"), Err("`--quik` is not an option".to_owned()));
        assert_eq!(parse_words("--json"), Err("`--json` needs the name of a file".to_owned()));
        assert!(
            parse_words("--only seal_65b").unwrap_err().starts_with("there is no row `seal_65b`; there are ")
        );
    }

    #[test]
    fn the_page_is_written_only_from_all_rows_in_full() {
        assert!(measured("--write-docs").document.is_some());
        assert!(parse_words("--write-docs --quick").is_err());
        assert!(parse_words("--only seal_64b --write-docs").is_err());
    }
}
