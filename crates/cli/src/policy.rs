//! `wzapi policy`: check, render and compare policy files.

use std::path::Path;

use serde_json::json;
use wzapi_compliance::policy::difference::diff as difference;
use wzapi_compliance::policy::language::Language;
use wzapi_compliance::policy::notice::{self, Format, Layer};
use wzapi_compliance::policy::policy::{MAX_FILE, Report};
use wzapi_compliance::policy::term::Term;
use wzapi_compliance::policy::{self, Policy};

use crate::arguments::{CheckPolicyOptions, DiffPolicyOptions, NoticeFormat, RenderPolicyOptions};
use crate::failure::{Failure, Outcome};
use crate::files;

pub(crate) fn check(options: &CheckPolicyOptions) -> Result<Outcome, Failure> {
    let report = report_on(&options.file)?;
    let findings = &report.findings;
    let hash = report.policy.as_ref().map(|policy| policy.content_hash().to_string());
    if options.json {
        let (errors, warnings) = (findings.errors(), findings.warnings());
        let findings = &findings.findings;
        say!("{}", json!({ "errors": errors, "warnings": warnings, "hash": hash, "findings": findings }));
    } else {
        say_on!("{findings}");
        match hash {
            Some(hash) => say!("{}: valid, {hash}", options.file.display()),
            None => say!("{}: {} errors", options.file.display(), findings.errors()),
        }
    }
    Ok(if report.policy.is_some() { Outcome::Done } else { Outcome::BadInput })
}

pub(crate) fn render(options: &RenderPolicyOptions) -> Result<Outcome, Failure> {
    let language = Language::ALL.iter().copied().find(|language| language.code() == options.lang);
    let language = language.ok_or(Failure::Notice("--lang: use en, hi, pt or es".to_owned()))?;
    let format = match options.format {
        NoticeFormat::Md => Format::Markdown,
        NoticeFormat::Html => Format::Html,
    };
    let policy = valid(&options.file)?;
    let text = notice::render(&policy, language, format, Layer::Both)
        .map_err(|error| Failure::Notice(error.to_string()))?;
    say_on!("{text}");
    Ok(Outcome::Done)
}

pub(crate) fn diff(options: &DiffPolicyOptions) -> Result<Outcome, Failure> {
    let (old, new) = (valid(&options.old)?, valid(&options.new)?);
    let difference = difference(&old, &new);
    if options.json {
        say!("{}", json!(difference));
        return Ok(Outcome::Done);
    }
    for change in &difference.changes {
        let mark = if change.is_material { "material" } else { "        " };
        say!("{mark}  {}", change.summary);
    }
    say!(
        "{} changes, {}",
        difference.changes.len(),
        if difference.material { "material" } else { "not material" }
    );
    Ok(Outcome::Done)
}

/// The policy, or its findings as the failure.
pub(crate) fn valid(file: &Path) -> Result<Policy, Failure> {
    let report = report_on(file)?;
    report.policy.ok_or_else(|| Failure::Policy(report.findings))
}

fn report_on(file: &Path) -> Result<Report, Failure> {
    // That a longer file is too long is for the check to say, among its findings.
    let text = files::text(file, files::read_beginning(file, MAX_FILE)?)?;
    Ok(policy::check(&text, &file.display().to_string()))
}
