//! A policy that was found to be right.

mod sending;
mod storing;

use std::collections::BTreeMap;
use std::ops::Deref;

use toml::de::DeTable;

use crate::canonical::ContentHash;
use crate::check::{self, sale};
use crate::file::PolicyFile;
use crate::finding::{Code, Finding, Findings, Place, Severity};
use crate::forbidden::Recognisers;
use crate::regimes::{AgeRule, Regime, RegimeRules, age};
use crate::syntax::{Lines, Part, Places, Reader, walk};

/// The longest policy file, in bytes.
pub const MAX_FILE: usize = 1 << 20;

/// Up to this length every syntax error is reported; in a longer file only the first, so that a file of nothing but
/// errors does not cost a hundred times its size in memory.
const MAX_RECOVERED: usize = 256 * 1024;

/// A policy without errors: what engines enforce and notices are rendered from. It can be had only from [`parse`] or
/// [`check()`], and cannot be changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    file: PolicyFile,
    hash: ContentHash,
    recognisers: Recognisers,
    ages: BTreeMap<Regime, AgeRule>,
}

impl Policy {
    /// The hash of what the policy means: its version.
    #[must_use]
    pub const fn content_hash(&self) -> ContentHash {
        self.hash
    }
}

impl Deref for Policy {
    type Target = PolicyFile;

    fn deref(&self) -> &PolicyFile {
        &self.file
    }
}

/// Everything that checking a file gives.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Report {
    /// The policy, unless there are errors.
    pub policy: Option<Policy>,
    /// Every error and warning.
    pub findings: Findings,
}

/// Reads a policy file; warnings do not stand in its way.
///
/// `file_name` is how findings name the file; nothing is opened.
///
/// ```
/// let text = include_str!("../../../policies/wzapi.toml");
/// let policy = wzapi_policy::parse(text, "wzapi.toml")?;
/// assert_eq!(policy.contact.email, "support@ttmsg.com");
///
/// let findings = wzapi_policy::parse("sale_of_data = true", "bad.toml").unwrap_err();
/// assert!(findings.findings.iter().any(|finding| finding.code.as_str() == "P0107"));
/// # Ok::<(), wzapi_policy::finding::Findings>(())
/// ```
///
/// # Errors
/// [`Findings`], errors and warnings, when there is at least one error.
pub fn parse(text: &str, file_name: &str) -> Result<Policy, Findings> {
    let report = check(text, file_name);
    report.policy.ok_or(report.findings)
}

/// Checks a policy file and gives every finding, with the policy when none of them is an error.
///
/// Takes time and memory in proportion to the text, whatever it holds, and never panics.
pub fn check(text: &str, file_name: &str) -> Report {
    match RegimeRules::shipped() {
        Ok(rules) => check_with(text, file_name, rules),
        Err(error) => {
            let remedy = "this is a fault of the program: rebuild it with its own data file";
            refused(file_name, vec![at_start(Code::RulesUnreadable, error.to_string(), remedy)])
        }
    }
}

/// Like [`check()`], against regime rules that the embedding service completed or corrected.
pub fn check_with(text: &str, file_name: &str, rules: &RegimeRules) -> Report {
    if text.len() > MAX_FILE {
        let reason = format!("the file has {} bytes, and at most {MAX_FILE} are read", text.len());
        return refused(
            file_name,
            vec![at_start(Code::FileTooLarge, reason, "a notice of that length informs nobody")],
        );
    }
    let lines = Lines::of(text);
    let (tree, syntax) = parse_tree(text, &lines);
    let mut sale_findings: Vec<(String, sale::Claim)> = Vec::new();
    let walked = walk(&tree, &lines, &mut |path, part| {
        let claim = match part {
            Part::Key(key) => sale::in_key(key),
            Part::Text(text) => sale::in_text(text, sale::language_of(path)),
        };
        sale_findings.extend(claim.map(|claim| (path.to_owned(), claim)));
    });
    let places = match walked {
        Ok(places) => places,
        Err(finding) => {
            let mut findings = syntax;
            findings.push(*finding);
            return refused(file_name, findings);
        }
    };
    let mut reader = Reader { places: &places, findings: Vec::new() };
    for (path, claim) in sale_findings {
        reader.add(Code::SaleWording, &path, claim.reason(), sale::REMEDY);
    }
    let file = crate::read::file(&mut reader, &tree);
    let broken = !syntax.is_empty();
    let read = std::mem::take(&mut reader.findings);
    let mut findings = syntax;
    if broken {
        // What is missing from a tree that could not be read whole may stand in the part that was not.
        findings.extend(read.into_iter().filter(|finding| says_something_present(finding.code)));
        return refused(file_name, findings);
    }
    findings.extend(judged(&file, &places, rules, &read));
    findings.extend(read);
    let findings = Findings::new(file_name, findings);
    let is_right = findings.findings.iter().all(|finding| finding.severity == Severity::Warning);
    let policy = is_right.then(|| Policy {
        hash: ContentHash::of(&file),
        recognisers: Recognisers::of(&file.patterns),
        ages: age::age_rules(&file, rules),
        file,
    });
    Report { policy, findings }
}

/// The findings about meaning, without those that only follow from something that could not be read.
fn judged(file: &PolicyFile, places: &Places, rules: &RegimeRules, read: &[Finding]) -> Vec<Finding> {
    let mut reader = Reader { places, findings: Vec::new() };
    check::all(&mut reader, file, rules);
    let unread: std::collections::BTreeSet<&str> = read
        .iter()
        .filter(|finding| finding.code != Code::SaleWording)
        .map(|finding| finding.path.as_str())
        .collect();
    reader.findings.retain(|finding| !follows_from_unread(&finding.path, &unread));
    reader.findings
}

fn follows_from_unread(path: &str, unread: &std::collections::BTreeSet<&str>) -> bool {
    let mut around = path;
    loop {
        if unread.contains(around) {
            return true;
        }
        match around.rfind(['.', '[']) {
            Some(end) => around = around.get(..end).unwrap_or_default(),
            None => break,
        }
    }
    // A list or a table of values that lacks something, of which a part could not be read.
    let is_list = path.matches('.').count() >= 2;
    is_list
        && unread
            .range(path..)
            .take_while(|other| other.starts_with(path))
            .any(|other| other.get(path.len()..).is_some_and(|rest| rest.starts_with(['.', '['])))
}

fn says_something_present(code: Code) -> bool {
    matches!(
        code,
        Code::UnknownKey | Code::WrongType | Code::WrongValue | Code::WrongName | Code::SaleWording
    )
}

fn parse_tree<'t>(text: &'t str, lines: &Lines<'_>) -> (DeTable<'t>, Vec<Finding>) {
    let (tree, errors) = if text.len() <= MAX_RECOVERED {
        let (tree, errors) = DeTable::parse_recoverable(text);
        (tree.into_inner(), errors)
    } else {
        match DeTable::parse(text) {
            Ok(tree) => (tree.into_inner(), Vec::new()),
            Err(error) => (DeTable::new(), vec![error]),
        }
    };
    let findings = errors.iter().take(MAX_SYNTAX_ERRORS).map(|error| Finding {
        code: Code::Syntax,
        severity: Severity::Error,
        path: String::new(),
        place: error.span().map_or(Place::START, |span| lines.place(span.start)),
        reason: error.message().to_owned(),
        remedy: "write TOML 1.1, see https://toml.io".to_owned(),
    });
    (tree, findings.collect())
}

/// The most syntax errors that are looked at.
const MAX_SYNTAX_ERRORS: usize = 1000;

fn at_start(code: Code, reason: String, remedy: &str) -> Finding {
    Finding {
        code,
        severity: code.severity(),
        path: String::new(),
        place: Place::START,
        reason,
        remedy: remedy.to_owned(),
    }
}

fn refused(file_name: &str, findings: Vec<Finding>) -> Report {
    Report { policy: None, findings: Findings::new(file_name, findings) }
}
