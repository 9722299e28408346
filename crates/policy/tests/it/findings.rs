//! Every code of finding: a file that has it, where it points, and that all are found at once.

use wzapi_policy::finding::{Code, Findings, MAX_FINDINGS};
use wzapi_policy::term::Term;
use wzapi_policy::{check, parse};

use crate::support::{SMALL, codes, edited, errors};

/// What to replace in the small policy by what, and the finding that follows: code and path.
const CASES: &[(&str, &str, &str, &str)] = &[
    ("[policy]", "[policy", "P0002", ""),
    ("format = 1", "format = 1\na = [[[[[[[[[]]]]]]]]]", "P0003", "policy.a[0][0][0][0][0][0][0]"),
    ("name = \"Example\"", "nam = \"Example\"", "P0101", "controller.nam"),
    ("name = \"Example\"", "", "P0102", "controller.name"),
    ("name = \"Example\"", "name = 1", "P0103", "controller.name"),
    ("kind = \"hosting\"", "kind = \"host\"", "P0104", "recipients.hosting.kind"),
    ("effective = 2026-12-01", "effective = 1026-12-01", "P0104", "policy.effective"),
    ("period = \"30 days\"", "period = \"a month\"", "P0104", "categories.contact.retention[0].period"),
    ("[purposes.updates]", "[purposes.Updates]", "P0105", "purposes.Updates"),
    ("name = \"Example\"", "name = \" \"", "P0106", "controller.name"),
    ("name = \"Example\"", "name = \"Example, we sell data\"", "P0107", "controller.name"),
    ("format = 1", "format = 2", "P0108", "policy.format"),
    ("email = \"support@example.com\"", "", "P0201", "contact.email"),
    ("email = \"support@example.com\"", "email = \"nobody\"", "P0202", "contact.email"),
    ("https://example.com/", "http://example.com/", "P0202", "contact.website"),
    ("languages = [\"en\"]", "languages = [\"en\", \"tlh\"]", "P0203", "policy.languages[1]"),
    ("languages = [\"en\"]", "languages = [\"en\", \"es\"]", "P0204", "policy.title"),
    ("title.en = \"Notice\"", "title = { en = \"Notice\", es = \"Aviso\" }", "P0205", "policy.title.es"),
    ("[regimes.IN]\nlaws = [\"in-fiscal\"]", "[regimes]", "P0207", "regimes"),
    ("laws = [\"in-fiscal\"]", "laws = [\"in-martian\"]", "P0208", "regimes.IN.laws"),
    ("laws = [\"in-fiscal\"]", "", "P0209", "regimes.IN"),
    ("categories = [\"contact\"]\nmessages", "categories = []\nmessages", "P0301", "categories.contact"),
    (
        "[[categories.contact.retention]]\nkind = \"service\"\ntrigger = \"account_closed\"\nperiod = \"30 days\"",
        "",
        "P0302",
        "categories.contact.retention",
    ),
    ("sources = [\"registration\"]", "", "P0303", "categories.contact.sources"),
    (
        "sources = [\"registration\"]",
        "sources = [\"use\"]\ndpv = \"pd:PaymentCard\"",
        "P0304",
        "categories.contact.forbidden",
    ),
    (
        "sources = [\"registration\"]",
        "sources = [\"use\"]\nrecord_kinds = [\"x\"]",
        "P0305",
        "categories.contact.record_kinds",
    ),
    ("subjects = [\"customer\"]", "", "P0306", "categories.contact.subjects"),
    (
        "sources = [\"registration\"]",
        "sources = [\"use\"]\nforbidden = [\"passport_number\"]",
        "P0307",
        "categories.contact.forbidden",
    ),
    (
        "[purposes.updates]",
        "[patterns.x]\nlabel.en = \"X\"\npattern = 'x'\n[purposes.updates]",
        "P0308",
        "patterns.x",
    ),
    (
        "[purposes.updates]",
        "[patterns.x]\nlabel.en = \"X\"\npattern = '('\n[purposes.updates]",
        "P0309",
        "patterns.x.pattern",
    ),
    (
        "[purposes.updates]",
        "[patterns.card_number]\nlabel.en = \"X\"\npattern = 'x'\n[purposes.updates]",
        "P0105",
        "patterns.card_number",
    ),
    ("basis.IN = \"consent\"", "", "P0401", "purposes.updates.basis.IN"),
    (
        "basis.IN = \"consent\"",
        "basis = { IN = \"consent\", BR = \"consent\" }",
        "P0402",
        "purposes.updates.basis.BR",
    ),
    ("withdrawal = [\"reply_stop\"]", "", "P0403", "purposes.updates.withdrawal"),
    (
        "categories = [\"contact\"]\nmessages",
        "categories = [\"contact\", \"x\"]\nmessages",
        "P0404",
        "purposes.updates.categories",
    ),
    ("basis.IN = \"consent\"", "basis.IN = \"legitimate_interests\"", "P0405", "purposes.updates.interest"),
    ("basis.IN = \"consent\"", "basis.IN = \"legitimate_interests\"", "P0406", "purposes.updates.basis.IN"),
    (
        "basis.IN = \"consent\"\ncategories = [\"contact\"]\nmessages = [\"utility\"]",
        "basis.IN = \"contract\"\ncategories = [\"contact\"]\nmessages = [\"marketing\"]",
        "P0407",
        "purposes.updates.basis.IN",
    ),
    ("categories = [\"contact\"]\nmessages", "messages", "P0408", "purposes.updates.categories"),
    (
        "[recipients.hosting.agreement]",
        "[recipients.hosting.nothing]",
        "P0501",
        "recipients.hosting.agreement",
    ),
    (
        "confidentiality = true",
        "confidentiality = false",
        "P0502",
        "recipients.hosting.agreement.confidentiality",
    ),
    (
        "purposes = [\"updates\"]",
        "purposes = [\"updates\", \"x\"]",
        "P0503",
        "recipients.hosting.agreement.purposes",
    ),
    (
        "from = 2026-01-01",
        "from = 2026-01-01\nuntil = 2026-11-30",
        "P0504",
        "recipients.hosting.agreement.from",
    ),
    (
        "laws = [\"in-fiscal\"]",
        "laws = [\"in-fiscal\"]\n[regimes.EU]",
        "P0505",
        "recipients.hosting.transfer.EU",
    ),
    ("purposes = [\"updates\"]", "purposes = []", "P0506", "recipients.hosting.agreement.categories"),
    ("purposes = [\"updates\"]", "purposes = []", "P0507", "recipients.hosting.agreement.purposes"),
    ("kind = \"service\"", "kind = \"legal\"", "P0601", "categories.contact.retention[0].citation"),
    (
        "sources = [\"registration\"]",
        "sources = [\"use\"]\nrecord_kinds = [\"invoice\"]",
        "P0602",
        "categories.contact.retention",
    ),
    (
        "period = \"30 days\"",
        "period = \"30 days\"\nrule = \"in.cgst\"",
        "P0602",
        "categories.contact.retention[0].period",
    ),
    ("period = \"30 days\"", "period = \"11 years\"", "P0603", "categories.contact.retention[0].period"),
    (
        "period = \"30 days\"",
        "period = \"9 years\"\ncalendar = \"financial_year_end\"\nfinancial_year_starts = 4\nrule = \"in.incometax\"",
        "P0604",
        "categories.contact.retention[0].rule",
    ),
    ("laws = [\"in-fiscal\"]", "laws = [\"in-dpdp\"]", "P0605", "categories.contact.retention"),
    (
        "period = \"30 days\"",
        "period = \"30 days\"\nrule = \"in.nothing\"",
        "P0606",
        "categories.contact.retention[0].rule",
    ),
    (
        "period = \"30 days\"",
        "period = \"30 days\"\nregime = \"EU\"",
        "P0606",
        "categories.contact.retention[0].regime",
    ),
    (
        "period = \"30 days\"",
        "period = \"30 days\"\nreturn_due = \"12-31\"",
        "P0607",
        "categories.contact.retention[0].return_due",
    ),
    ("[rights.nomination]\nlabel.en = \"Nomination\"\nask = [\"email\"]", "", "P0701", "rights"),
    ("laws = [\"in-fiscal\"]", "laws = [\"in-dpdp\"]", "P0702", "rights.complaint.answer_within.IN"),
    ("laws = [\"in-fiscal\"]", "laws = [\"in-spdi\"]", "P0703", "rights.complaint.answer_within.IN"),
    (
        "[rights.access]\nlabel.en = \"Access\"\nask = [\"email\"]",
        "[rights.access]\nlabel.en = \"Access\"",
        "P0704",
        "rights.access.ask",
    ),
    ("continued_use = \"accepts_terms\"", "continued_use = \"consent\"", "P0705", "notices.continued_use"),
    ("channels = [\"email\"]", "channels = []", "P0706", "notices.channels"),
    ("notice = \"30 days\"", "notice = \"0 days\"", "P0706", "notices.material_change_notice"),
    (
        "[notices]",
        "[webhooks.media]\ncategory = \"x\"\npurposes = [\"x\"]\n[notices]",
        "P0104",
        "webhooks.media",
    ),
    (
        "[notices]",
        "[webhooks.profile]\ncategory = \"x\"\npurposes = []\n[notices]",
        "P0106",
        "webhooks.profile.purposes",
    ),
    (
        "[notices]",
        "[webhooks.profile]\ncategory = \"x\"\npurposes = [\"x\"]\n[notices]",
        "P0404",
        "webhooks.profile.category",
    ),
    (
        "[notices]",
        "[webhooks.profile]\ncategory = \"x\"\npurposes = [\"x\"]\n[notices]",
        "P0503",
        "webhooks.profile.purposes",
    ),
    (
        "[notices]",
        "[webhooks.profile]\ncategory = \"x\"\npurposes = [\"updates\"]\n[notices]",
        "P0801",
        "webhooks.profile.purposes",
    ),
    (
        "[notices]",
        "[webhooks.profile]\ncategory = \"contact\"\npurposes = [\"updates\"]\n[notices]",
        "P0802",
        "webhooks.profile.category",
    ),
    (
        "[notices]",
        "[webhooks.profile]\ncategory = \"contact\"\npurposes = [\"updates\"]\n[notices]",
        "P0803",
        "webhooks.profile.category",
    ),
    ("laws = [\"in-fiscal\"]", "laws = [\"in-fiscal\"]\nconsent_age = 0", "P0104", "regimes.IN.consent_age"),
    ("laws = [\"in-fiscal\"]", "laws = [\"in-fiscal\"]\nconsent_age = 22", "P0104", "regimes.IN.consent_age"),
    ("laws = [\"in-fiscal\"]", "laws = [\"in-dpdp\"]\nconsent_age = 17", "P0210", "regimes.IN.consent_age"),
    (
        "laws = [\"in-fiscal\"]",
        "laws = [\"in-fiscal\"]\n[regimes.EU]\nlaws = [\"eu-gdpr\"]",
        "P0211",
        "regimes.EU.consent_age",
    ),
    (
        "basis.IN = \"consent\"",
        "basis.IN = \"contract\"\nconsent.expires_after = \"1 year\"",
        "P0409",
        "purposes.updates.consent",
    ),
    (
        "withdrawal = [\"reply_stop\"]",
        "withdrawal = [\"reply_stop\"]\nconsent = { expires_after = \"0 months\" }",
        "P0104",
        "purposes.updates.consent.expires_after",
    ),
    (
        "withdrawal = [\"reply_stop\"]",
        "withdrawal = [\"reply_stop\"]\nconsent = { expires_after = \"a while\" }",
        "P0104",
        "purposes.updates.consent.expires_after",
    ),
    (
        "withdrawal = [\"reply_stop\"]",
        "withdrawal = [\"reply_stop\"]\nconsent = { confirmation = { methods = [], within = \"7 days\" } }",
        "P0106",
        "purposes.updates.consent.confirmation.methods",
    ),
    (
        "withdrawal = [\"reply_stop\"]",
        "withdrawal = [\"reply_stop\"]\nconsent = { confirmation = { methods = [\"fax\"], within = \"7 days\" } }",
        "P0104",
        "purposes.updates.consent.confirmation.methods[0]",
    ),
    (
        "withdrawal = [\"reply_stop\"]",
        "withdrawal = [\"reply_stop\"]\nconsent = { confirmation = { methods = [\"web_form\", \"platform_error\"], within = \"7 days\" } }",
        "P0410",
        "purposes.updates.consent.confirmation.methods",
    ),
    (
        "withdrawal = [\"reply_stop\"]",
        "withdrawal = [\"reply_stop\"]\nconsent = { confirmation = { methods = [\"web_form\"], within = \"0 days\" } }",
        "P0104",
        "purposes.updates.consent.confirmation.within",
    ),
    (
        "withdrawal = [\"reply_stop\"]",
        "withdrawal = [\"reply_stop\"]\nconsent = { confirmation = { methods = [\"web_form\"], within = \"2 years\" } }",
        "P0104",
        "purposes.updates.consent.confirmation.within",
    ),
    (
        "withdrawal = [\"reply_stop\"]",
        "withdrawal = [\"reply_stop\"]\nconsent = { expires_after = \"7 days\", confirmation = { methods = [\"web_form\"], within = \"7 days\" } }",
        "P0411",
        "purposes.updates.consent.confirmation.within",
    ),
    (
        "[notices]",
        "[sending]\nquiet_hours = { from = \"21:00\", until = \"21:00\", categories = [\"utility\"] }\n[notices]",
        "P0901",
        "sending.quiet_hours.until",
    ),
    (
        "[notices]",
        "[sending]\nquiet_hours = { from = \"24:00\", until = \"09:00\", categories = [\"utility\"] }\n[notices]",
        "P0104",
        "sending.quiet_hours.from",
    ),
    (
        "[notices]",
        "[sending]\nquiet_hours = { from = \"21:00\", until = \"9:00\", categories = [\"utility\"] }\n[notices]",
        "P0104",
        "sending.quiet_hours.until",
    ),
    (
        "[notices]",
        "[sending]\nquiet_hours = { from = \"21:00\", until = \"09:00\", categories = [] }\n[notices]",
        "P0106",
        "sending.quiet_hours.categories",
    ),
    (
        "[notices]",
        "[sending]\nquiet_hours = { from = \"21:00\", until = \"09:00\", categories = [\"authentication\"] }\n[notices]",
        "P0902",
        "sending.quiet_hours.categories",
    ),
    (
        "[notices]",
        "[sending]\nquiet_hours = { from = \"21:00\", until = \"09:00\", categories = [\"marketing\"] }\n[notices]",
        "P0904",
        "sending.quiet_hours.categories",
    ),
    (
        "[notices]",
        "[sending]\nfrequency = [{ category = \"authentication\", at_most = 5, within = \"1 hour\" }]\n[notices]",
        "P0902",
        "sending.frequency[0].category",
    ),
    (
        "[notices]",
        "[sending]\nfrequency = [{ category = \"service\", at_most = 5, within = \"1 hour\" }]\n[notices]",
        "P0904",
        "sending.frequency[0].category",
    ),
    (
        "[notices]",
        "[sending]\nfrequency = [{ category = \"utility\", at_most = 0, within = \"1 hour\" }]\n[notices]",
        "P0104",
        "sending.frequency[0].at_most",
    ),
    (
        "[notices]",
        "[sending]\nfrequency = [{ category = \"utility\", at_most = 33, within = \"1 hour\" }]\n[notices]",
        "P0104",
        "sending.frequency[0].at_most",
    ),
    (
        "[notices]",
        "[sending]\nfrequency = [{ category = \"utility\", at_most = 5, within = \"32 days\" }]\n[notices]",
        "P0104",
        "sending.frequency[0].within",
    ),
    (
        "[notices]",
        "[sending]\nfrequency = [{ category = \"utility\", at_most = 5, within = \"1 month\" }]\n[notices]",
        "P0104",
        "sending.frequency[0].within",
    ),
    (
        "[notices]",
        "[sending]\nfrequency = [{ category = \"utility\", at_most = 3, within = \"1 day\" }, { category = \"utility\", at_most = 2, within = \"2 days\" }]\n[notices]",
        "P0903",
        "sending.frequency[0]",
    ),
    (
        "[notices]",
        "[sending]\nfrequency = [{ category = \"utility\", at_most = 3, within = \"1 day\" }, { category = \"utility\", at_most = 3, within = \"24 hours\" }]\n[notices]",
        "P0903",
        "sending.frequency[1]",
    ),
    (
        "[notices]",
        "[sending]\nfrequency = [{ category = \"utility\", at_most = 1, within = \"1 hours\" }, { category = \"utility\", at_most = 2, within = \"2 hours\" }, { category = \"utility\", at_most = 3, within = \"3 hours\" }, { category = \"utility\", at_most = 4, within = \"4 hours\" }, { category = \"utility\", at_most = 5, within = \"5 hours\" }, { category = \"utility\", at_most = 6, within = \"6 hours\" }, { category = \"utility\", at_most = 7, within = \"7 hours\" }, { category = \"utility\", at_most = 8, within = \"8 hours\" }, { category = \"utility\", at_most = 9, within = \"9 hours\" }]\n[notices]",
        "P0004",
        "sending.frequency",
    ),
    ("[notices]", "[sending]\nunknown_age = \"child\"\n[notices]", "P0104", "sending.unknown_age"),
    ("[notices]", "[sending]\nplatform_stop = \"nobody\"\n[notices]", "P0104", "sending.platform_stop"),
    (
        "[notices]",
        "[sending]\ncountries_refused.utility = []\n[notices]",
        "P0106",
        "sending.countries_refused.utility",
    ),
    (
        "[notices]",
        "[sending]\ncountries_refused.marketing = [\"US\"]\n[notices]",
        "P0904",
        "sending.countries_refused.marketing",
    ),
    (
        "[notices]",
        "[sending]\ncountries_refused.utility = [\"usa\"]\n[notices]",
        "P0105",
        "sending.countries_refused.utility[0]",
    ),
    (
        "[notices]",
        "[sending]\ncountries_refused.utility = [\"UK\"]\n[notices]",
        "P0905",
        "sending.countries_refused.utility",
    ),
    (
        "[notices]",
        "[sending]\ncountries_refused.utilities = [\"US\"]\n[notices]",
        "P0101",
        "sending.countries_refused.utilities",
    ),
    ("countries = [\"IN\"]", "countries = [\"IN\", \"EU\"]", "P0905", "recipients.hosting.countries"),
];

/// What some cases need besides.
fn prepared(code: &str, text: String) -> String {
    match code {
        "P0605" => edited(
            &text,
            "sources = [\"registration\"]",
            "sources = [\"use\"]\nrecord_kinds = [\"security_log\"]",
        ),
        "P0702" => {
            let text = edited(&text, "effective = 2026-12-01", "effective = 2027-06-01");
            let promise = "label.en = \"Complaint\"\nanswer_within.IN = \"4 months\"";
            edited(&text, "label.en = \"Complaint\"", promise)
        }
        _ => text,
    }
}

#[test]
fn every_code_is_found_where_it_belongs() {
    for (from, to, code, path) in CASES {
        let text = prepared(code, edited(SMALL, from, to));
        let found = codes(&text);
        assert!(
            found.iter().any(|(found, at, _)| found == code && at == path),
            "{code} at {path} is missing among {found:?}"
        );
    }
}

#[test]
fn every_code_has_a_case() {
    // A file that is too large, parts that are too many, and findings that are too many have tests of their own; the
    // shipped rules are readable.
    let elsewhere = ["P0001", "P0004", "P0005", "P0006"];
    for code in Code::ALL {
        let code = code.as_str();
        assert!(elsewhere.contains(&code) || CASES.iter().any(|case| case.2 == code), "{code}");
    }
}

#[test]
fn findings_name_line_and_column_reason_and_remedy() {
    let text = edited(SMALL, "name = \"Example\"", "  nam = \"Example\"");
    let findings = check(&text, "policies/x.toml").findings;
    let unknown = findings.findings.iter().find(|finding| finding.code == Code::UnknownKey).unwrap();
    assert_eq!((unknown.place.line, unknown.place.column), (10, 3));
    assert_eq!(unknown.remedy, "did you mean `name`?");
    let printed = findings.to_string();
    assert!(
        printed
            .contains("error[P0101]: `nam` means nothing here\n  --> policies/x.toml:10:3 (controller.nam)"),
        "{printed}"
    );
}

#[test]
fn every_finding_is_reported_at_once_and_none_twice() {
    let mut text = SMALL.to_owned();
    for (from, to) in [
        ("email = \"support@example.com\"", "email = \"x\""),
        ("basis.IN = \"consent\"", ""),
        ("confidentiality = true", ""),
        ("kind = \"service\"", "kind = \"legal\""),
        ("continued_use = \"accepts_terms\"", "continued_use = \"gives_consent\""),
        ("name = \"Example\"", "name = \"Example\"\nresale = true"),
    ] {
        text = edited(&text, from, to);
    }
    let found: Vec<String> = codes(&text).into_iter().map(|(code, _, _)| code).collect();
    let mut expected = ["P0202", "P0401", "P0502", "P0601", "P0705", "P0107", "P0101"].map(str::to_owned);
    let mut sorted = found.clone();
    sorted.sort();
    expected.sort();
    assert_eq!(sorted, expected);
}

#[test]
fn what_follows_from_an_unreadable_part_is_not_reported_besides() {
    let text = edited(SMALL, "basis.IN = \"consent\"", "basis.IN = \"whim\"");
    let found = codes(&text);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].0, "P0104");
}

#[test]
fn an_error_refuses_the_file_and_a_warning_does_not() {
    let warned = edited(SMALL, "sources = [\"registration\"]", "");
    assert_eq!(errors(&warned), 0);
    assert_eq!(check(&warned, "x").findings.warnings(), 1);
    assert!(parse(&warned, "x").is_ok());
    assert!(parse(&edited(SMALL, "withdrawal = [\"reply_stop\"]", ""), "x").is_err());
}

#[test]
fn syntax_errors_are_reported_together_with_what_could_be_read() {
    let text = edited(SMALL, "format = 1", "format = \nunknown_thing = 1\ntitle = = 2");
    let found: Vec<String> = codes(&text).into_iter().map(|(code, _, _)| code).collect();
    assert!(found.iter().filter(|code| *code == "P0002").count() >= 2, "{found:?}");
    assert!(found.contains(&"P0101".to_owned()), "{found:?}");
}

#[test]
fn findings_as_json_have_the_documented_fields() {
    let Err(findings) = parse("[policy]", "x.toml") else { panic!("accepted") };
    let Findings { file, findings } = &findings;
    assert_eq!(file, "x.toml");
    let json = serde_json::to_value(&findings[0]).unwrap();
    for key in ["code", "severity", "path", "line", "column", "reason", "remedy"] {
        assert!(json.get(key).is_some(), "{key}");
    }
    assert_eq!(json["severity"], "error");
}

#[test]
fn the_list_of_findings_is_bounded_and_keeps_the_errors() {
    let many: String = (0..2000).map(|number| format!("unknown_{number} = 1\n")).collect();
    let findings = check(&many, "x").findings;
    assert_eq!(findings.findings.len(), MAX_FINDINGS + 1);
    assert!(findings.findings.iter().any(|finding| finding.code == Code::TooManyFindings));
}
