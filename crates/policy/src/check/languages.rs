//! Every text exists in every declared language.

use crate::file::PolicyFile;
use crate::finding::Code;
use crate::language::Translated;
use crate::syntax::Reader;
use crate::term::Term;

pub(super) fn check(reader: &mut Reader<'_>, file: &PolicyFile) {
    for (path, text) in texts(file) {
        let missing: Vec<&str> = file
            .languages
            .iter()
            .filter(|language| text.get(**language).is_none())
            .map(|language| language.as_str())
            .collect();
        if !missing.is_empty() {
            reader.add(
                Code::MissingTranslation,
                &path,
                format!("the text is missing in: {}", missing.join(", ")),
                "add the translations, or take the languages out of `policy.languages`",
            );
        }
        for language in text.0.keys().filter(|language| !file.languages.contains(language)) {
            reader.add(
                Code::UndeclaredLanguage,
                &format!("{path}.{}", language.as_str()),
                "the language is not declared, so that nobody sees this text",
                "add it to `policy.languages`, or remove the text",
            );
        }
    }
}

/// Every translated text of the file, with its path.
fn texts(file: &PolicyFile) -> Vec<(String, &Translated)> {
    let mut texts = vec![
        ("policy.title".to_owned(), &file.title),
        ("policy.introduction".to_owned(), &file.introduction),
        ("contact.team".to_owned(), &file.contact.team),
        ("legal_disclosure.text".to_owned(), &file.legal_disclosure),
    ];
    for (name, category) in &file.categories {
        texts.push((format!("categories.{name}.label"), &category.label));
        texts
            .extend(category.description.iter().map(|text| (format!("categories.{name}.description"), text)));
    }
    for (name, pattern) in &file.patterns {
        texts.push((format!("patterns.{name}.label"), &pattern.label));
        texts.extend(pattern.description.iter().map(|text| (format!("patterns.{name}.description"), text)));
    }
    for (name, purpose) in &file.purposes {
        texts.push((format!("purposes.{name}.label"), &purpose.label));
        texts.extend(purpose.description.iter().map(|text| (format!("purposes.{name}.description"), text)));
        texts.extend(purpose.interest.iter().map(|text| (format!("purposes.{name}.interest"), text)));
    }
    for (name, recipient) in &file.recipients {
        texts.push((format!("recipients.{name}.label"), &recipient.label));
    }
    for (kind, right) in &file.rights {
        let name = kind.as_str();
        texts.push((format!("rights.{name}.label"), &right.label));
        texts.extend(right.description.iter().map(|text| (format!("rights.{name}.description"), text)));
    }
    for (name, measure) in &file.security {
        texts.push((format!("security.{name}.label"), &measure.label));
        texts.extend(measure.description.iter().map(|text| (format!("security.{name}.description"), text)));
    }
    texts.extend(file.duties.iter().map(|(name, text)| (format!("duties.{name}.text"), text)));
    texts
}
