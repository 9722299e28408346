//! From the tree to the typed model. Whatever cannot be read is a finding and leaves the most harmless value, so that
//! the checks can go on and show what else is wrong.

mod category;
mod recipient;
mod sections;
mod sending;
mod webhooks;

use std::collections::BTreeMap;
use std::str::FromStr;

use toml::de::DeTable;

use crate::file::{ContinuedUse, NoticeRules, PolicyFile};
use crate::finding::Code;
use crate::language::Language;
use crate::period::Period;
use crate::syntax::{Reader, Section, shape};
use crate::zone::UtcOffset;

/// The version of the file's form.
pub(crate) const FORMAT: u32 = 1;

/// Reads the whole tree.
pub(crate) fn file<'t>(reader: &mut Reader<'_>, root: &'t DeTable<'t>) -> PolicyFile {
    let root = Section::open(reader, root, String::new(), &shape::FILE);
    let policy = root.child(reader, "policy", &shape::POLICY);
    let title = policy.as_ref().and_then(|policy| policy.translated(reader, "title")).unwrap_or_default();
    let introduction =
        policy.as_ref().and_then(|policy| policy.translated(reader, "introduction")).unwrap_or_default();
    if let Some(format) = policy.as_ref().and_then(|policy| policy.whole(reader, "format"))
        && format != FORMAT
    {
        reader.add(
            Code::WrongFormat,
            "policy.format",
            format!("format {format} is not known"),
            format!("write `format = {FORMAT}`, or use a newer program"),
        );
    }
    PolicyFile {
        title,
        introduction,
        effective: policy.as_ref().and_then(|policy| policy.date(reader, "effective")).unwrap_or_default(),
        supersedes: policy.as_ref().and_then(|policy| policy.parsed(reader, "supersedes")),
        languages: policy.as_ref().map(|policy| languages(reader, policy)).unwrap_or_default(),
        utc_offset: policy
            .as_ref()
            .and_then(|policy| policy.parsed(reader, "utc_offset"))
            .unwrap_or(UtcOffset::UTC),
        controller: sections::controller(reader, &root),
        contact: sections::contact(reader, &root),
        regimes: sections::regimes(reader, &root),
        categories: category::categories(reader, &root),
        patterns: sections::patterns(reader, &root),
        webhooks: webhooks::webhooks(reader, &root),
        purposes: sections::purposes(reader, &root),
        sending: sending::sending(reader, &root),
        recipients: recipient::recipients(reader, &root),
        legal_disclosure: root
            .child(reader, "legal_disclosure", &shape::LEGAL_DISCLOSURE)
            .and_then(|section| section.translated(reader, "text"))
            .unwrap_or_default(),
        rights: sections::rights(reader, &root),
        security: sections::security(reader, &root),
        duties: sections::duties(reader, &root),
        notices: notices(reader, &root),
    }
}

fn languages(reader: &mut Reader<'_>, policy: &Section<'_>) -> Vec<Language> {
    let mut languages = Vec::new();
    for (path, name) in policy.texts(reader, "languages") {
        match <Language as crate::term::Term>::from_name(&name) {
            Some(language) if !languages.contains(&language) => languages.push(language),
            Some(_) => {}
            None => reader.add(
                Code::NoTemplate,
                &path,
                format!("there are no templates for the language `{}`", crate::syntax::short(&name)),
                "use en, hi, pt or es, or add the templates of the language to the program",
            ),
        }
    }
    if languages.is_empty() && policy.has("languages") {
        reader.add(
            Code::EmptyText,
            &policy.path_of("languages"),
            "no language is declared",
            "name the languages of the notice, the default first, such as [\"en\"]",
        );
    }
    languages
}

fn notices(reader: &mut Reader<'_>, root: &Section<'_>) -> NoticeRules {
    let harmless = NoticeRules {
        material_change_notice: Period::Days(0),
        channels: Default::default(),
        continued_use: ContinuedUse::MeansNothing,
    };
    let Some(section) = root.child(reader, "notices", &shape::NOTICES) else { return harmless };
    NoticeRules {
        material_change_notice: section
            .parsed(reader, "material_change_notice")
            .unwrap_or(harmless.material_change_notice),
        channels: section.terms(reader, "channels"),
        continued_use: continued_use(reader, &section).unwrap_or(harmless.continued_use),
    }
}

fn continued_use(reader: &mut Reader<'_>, section: &Section<'_>) -> Option<ContinuedUse> {
    let text = section.text(reader, "continued_use")?;
    let path = section.path_of("continued_use");
    if text.to_lowercase().contains("consent") {
        reader.add(
            Code::ContinuedUseAsConsent,
            &path,
            "using the service on is never consent (GDPR Art. 4(11); DPDP Act s. 6(1))",
            "write `accepts_terms` or `means_nothing`, and ask for consent anew where a purpose rests on it",
        );
        return None;
    }
    crate::syntax::term_of(reader, &text, &path)
}

/// The tables under `key`, by names that are read as `N`.
fn named<'t, N: FromStr<Err: std::fmt::Display> + Ord, T>(
    reader: &mut Reader<'_>,
    root: &Section<'t>,
    key: &str,
    shape: &shape::Shape,
    read: impl Fn(&mut Reader<'_>, &Section<'t>) -> T,
) -> BTreeMap<N, T> {
    let children = root.children(reader, key, shape);
    let mut values = BTreeMap::new();
    for (name, section) in children {
        if let Some(name) = crate::syntax::parse(reader, &name, &section.path, Code::WrongName) {
            let value = read(reader, &section);
            values.insert(name, value);
        }
    }
    values
}
