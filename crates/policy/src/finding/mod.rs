//! What is wrong with a policy file, in the manner of a compiler.

mod code;

use std::fmt;

pub use code::{Code, Severity};
use serde::Serialize;

/// The most findings that are listed; a last one says that there are more.
pub const MAX_FINDINGS: usize = 500;

/// Where something stands in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
}

impl Place {
    /// The beginning of the file.
    pub const START: Self = Self { line: 1, column: 1 };
}

/// One thing that is wrong, or doubtful.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What sort of thing.
    pub code: Code,
    /// How grave it is.
    pub severity: Severity,
    /// What it is about, such as `purposes.marketing.basis`; empty for the whole file.
    pub path: String,
    /// Where it stands.
    #[serde(flatten)]
    pub place: Place,
    /// What is wrong.
    pub reason: String,
    /// What to do about it.
    pub remedy: String,
}

/// Every finding about one file, in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Findings {
    /// The name of the file, as the caller gave it.
    pub file: String,
    /// The findings.
    pub findings: Vec<Finding>,
}

impl Findings {
    /// Puts findings in the order of the file, drops repetitions and cuts the list at [`MAX_FINDINGS`].
    pub(crate) fn new(file: &str, mut findings: Vec<Finding>) -> Self {
        findings.sort_by(|left, right| {
            (left.place, left.code, &left.path, &left.reason).cmp(&(
                right.place,
                right.code,
                &right.path,
                &right.reason,
            ))
        });
        findings.dedup();
        if findings.len() > MAX_FINDINGS {
            // Errors before warnings: what is left out must not hide that the file is wrong.
            findings.sort_by_key(|finding| finding.severity == Severity::Warning);
            let left_out = findings.len() - MAX_FINDINGS;
            findings.truncate(MAX_FINDINGS);
            findings.sort_by_key(|finding| finding.place);
            let last = findings.last().map_or(Place::START, |finding| finding.place);
            findings.push(Finding {
                code: Code::TooManyFindings,
                severity: Code::TooManyFindings.severity(),
                path: String::new(),
                place: last,
                reason: format!("{left_out} more findings are left out"),
                remedy: "correct the ones above and check again".to_owned(),
            });
        }
        Self { file: file.to_owned(), findings }
    }

    /// How many of them are errors.
    #[must_use]
    pub fn errors(&self) -> usize {
        self.findings.iter().filter(|finding| finding.severity == Severity::Error).count()
    }

    /// How many of them are warnings.
    #[must_use]
    pub fn warnings(&self) -> usize {
        self.findings.len() - self.errors()
    }

    /// Whether there is no finding at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.findings.is_empty()
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            let severity = finding.severity.as_str();
            writeln!(f, "{severity}[{}]: {}", finding.code.as_str(), finding.reason)?;
            write!(f, "  --> {}:{}:{}", self.file, finding.place.line, finding.place.column)?;
            if finding.path.is_empty() {
                writeln!(f)?
            } else {
                writeln!(f, " ({})", finding.path)?
            }
            writeln!(f, "  remedy: {}", finding.remedy)?;
        }
        writeln!(f, "{}: {} errors, {} warnings", self.file, self.errors(), self.warnings())
    }
}

impl std::error::Error for Findings {}
