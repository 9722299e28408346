//! What several tests need.

use std::path::PathBuf;

use wzapi_policy::finding::Severity;
use wzapi_policy::{Policy, check, parse};

pub(crate) const WZAPI: &str = include_str!("../../../../policies/wzapi.toml");
pub(crate) const CUSTOMER: &str = include_str!("../../../../policies/campaign-customer.toml");

/// A small policy without findings, in one language and one regime.
pub(crate) const SMALL: &str = r##"
[policy]
format = 1
title.en = "Notice"
introduction.en = "What we do."
effective = 2026-12-01
languages = ["en"]

[controller]
name = "Example"

[contact]
team.en = "Support"
email = "support@example.com"
website = "https://example.com/"

[regimes.IN]
laws = ["in-fiscal"]

[categories.contact]
label.en = "Contact"
subjects = ["customer"]
sources = ["registration"]

[[categories.contact.retention]]
kind = "service"
trigger = "account_closed"
period = "30 days"

[purposes.updates]
label.en = "Updates"
basis.IN = "consent"
categories = ["contact"]
messages = ["utility"]
withdrawal = ["reply_stop"]

[recipients.hosting]
label.en = "Hosting"
kind = "hosting"
role = "processor"
countries = ["IN"]

[recipients.hosting.agreement]
reference = "H-1"
confidentiality = true
categories = ["contact"]
purposes = ["updates"]
from = 2026-01-01

[legal_disclosure]
text.en = "If the law asks."

[rights.access]
label.en = "Access"
ask = ["email"]
[rights.correction]
label.en = "Correction"
ask = ["email"]
[rights.deletion]
label.en = "Deletion"
ask = ["email"]
[rights.withdrawal]
label.en = "Withdrawal"
ask = ["email"]
[rights.complaint]
label.en = "Complaint"
ask = ["email"]
[rights.nomination]
label.en = "Nomination"
ask = ["email"]

[security.encryption]
label.en = "Encryption"

[notices]
material_change_notice = "30 days"
channels = ["email"]
continued_use = "accepts_terms"
"##;

/// A pattern for the numbers of passports of India.
pub(crate) const PATTERN: &str = r"\b[A-PR-WY][1-9][0-9]{2} ?[0-9]{3}[1-9]\b";

/// The small policy, whose category forbids `list`, and which declares `passport_number`.
pub(crate) fn forbidding(text: &str, list: &str) -> String {
    let forbids = format!("sources = [\"registration\"]\nforbidden = [{list}]\n");
    let pattern =
        format!("[patterns.passport_number]\nlabel.en = \"passport numbers\"\npattern = '{PATTERN}'\n");
    format!("{}\n{pattern}", edited(text, "sources = [\"registration\"]\n", &forbids))
}

/// The small policy with another category, which a purpose uses and webhooks are filed under.
pub(crate) fn filing(text: &str) -> String {
    let used = "categories = [\"contact\", \"chat\"]\nmessages";
    format!("{}{FILING}", edited(text, "categories = [\"contact\"]\nmessages", used))
}

const FILING: &str = r#"
[categories.chat]
label.en = "Chat"
subjects = ["customer"]
sources = ["messaging_platform"]

[[categories.chat.retention]]
kind = "service"
trigger = "collected"
period = "90 days"

[webhooks.message_content]
category = "chat"
purposes = ["updates"]
"#;

pub(crate) fn policy(text: &str) -> Policy {
    match parse(text, "test.toml") {
        Ok(policy) => policy,
        Err(findings) => panic!("{findings}"),
    }
}

/// The text with one piece replaced, which must be in it.
pub(crate) fn edited(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "the text does not hold {from}");
    text.replacen(from, to, 1)
}

/// The codes of the findings, with their paths and lines.
pub(crate) fn codes(text: &str) -> Vec<(String, String, u32)> {
    check(text, "test.toml")
        .findings
        .findings
        .iter()
        .map(|finding| (finding.code.as_str().to_owned(), finding.path.clone(), finding.place.line))
        .collect()
}

pub(crate) fn errors(text: &str) -> usize {
    let report = check(text, "test.toml");
    let errors =
        report.findings.findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    assert_eq!(report.policy.is_some(), errors == 0);
    errors
}

/// The top of the workspace.
pub(crate) fn workspace() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}
