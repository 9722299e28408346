//! The smaller sections of the file.

use std::collections::BTreeMap;
use std::str::FromStr;

use wzapi_model::basis::LegalBasis;
use wzapi_model::name::PurposeId;

use crate::file::{
    Confirmation, ConsentRules, Contact, Controller, NamedPattern, PatternName, Purpose, Right, RightKind,
    SecurityMeasure,
};
use crate::finding::Code;
use crate::language::Translated;
use crate::period::{Month, Period};
use crate::read::named;
use crate::regimes::{AGES_OF_CONSENT, Regime, RegimeInForce};
use crate::syntax::{Reader, Section, parse, shape, term_of};
use crate::term::Term;

/// The name of a recipient, a measure or a duty: of the same form as a purpose.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct EntryName(pub(super) String);

impl FromStr for EntryName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse::<PurposeId>() {
            Ok(_) => Ok(Self(text.to_owned())),
            Err(_) => Err("use 1 to 64 of a-z, 0-9 and _, beginning with a letter".to_owned()),
        }
    }
}

pub(super) fn unwrap_names<T>(map: BTreeMap<EntryName, T>) -> BTreeMap<String, T> {
    map.into_iter().map(|(name, value)| (name.0, value)).collect()
}

pub(super) fn controller(reader: &mut Reader<'_>, root: &Section<'_>) -> Controller {
    let section = root.child(reader, "controller", &shape::CONTROLLER);
    Controller {
        name: section.as_ref().and_then(|section| section.text(reader, "name")).unwrap_or_default(),
        operator: section.as_ref().and_then(|section| section.text(reader, "operator")),
    }
}

pub(super) fn contact(reader: &mut Reader<'_>, root: &Section<'_>) -> Contact {
    let section = root.child(reader, "contact", &shape::CONTACT);
    let text = |reader: &mut Reader<'_>, key| section.as_ref().and_then(|section| section.text(reader, key));
    Contact {
        team: section.as_ref().and_then(|section| section.translated(reader, "team")).unwrap_or_default(),
        email: text(reader, "email").unwrap_or_default(),
        website: text(reader, "website").unwrap_or_default(),
        phone: text(reader, "phone"),
    }
}

pub(super) fn month(reader: &mut Reader<'_>, section: &Section<'_>, key: &str) -> Option<Month> {
    let number = section.whole(reader, key)?;
    let month = u8::try_from(number).ok().and_then(Month::new);
    if month.is_none() {
        let path = section.path_of(key);
        reader.add(
            Code::WrongValue,
            &path,
            format!("there is no month {number}"),
            "write a number from 1 to 12",
        );
    }
    month
}

pub(super) fn regimes(reader: &mut Reader<'_>, root: &Section<'_>) -> BTreeMap<Regime, RegimeInForce> {
    let children = root.children(reader, "regimes", &shape::REGIME);
    let mut regimes = BTreeMap::new();
    for (name, section) in children {
        let Some(regime) = term_of::<Regime>(reader, &name, &section.path) else { continue };
        let laws = section.texts(reader, "laws").into_iter().map(|(_, law)| law).collect();
        let financial_year_starts = month(reader, &section, "financial_year_starts");
        let consent_age = age(reader, &section);
        regimes.insert(regime, RegimeInForce { laws, financial_year_starts, consent_age });
    }
    regimes
}

pub(super) fn purposes(reader: &mut Reader<'_>, root: &Section<'_>) -> BTreeMap<PurposeId, Purpose> {
    named(reader, root, "purposes", &shape::PURPOSE, |reader, section| Purpose {
        label: section.translated(reader, "label").unwrap_or_default(),
        description: section.translated(reader, "description"),
        basis: section.by_regime(reader, "basis", term_of::<LegalBasis>),
        interest: section.translated(reader, "interest"),
        categories: section.names(reader, "categories"),
        messages: section.terms(reader, "messages"),
        withdrawal: section.terms(reader, "withdrawal"),
        consent: consent(reader, section),
    })
}

fn age(reader: &mut Reader<'_>, regime: &Section<'_>) -> Option<u8> {
    let number = regime.whole(reader, "consent_age")?;
    let age = u8::try_from(number).ok().filter(|age| AGES_OF_CONSENT.contains(age));
    if age.is_none() {
        reader.add(
            Code::WrongValue,
            &regime.path_of("consent_age"),
            format!("{number} is no age from which people consent alone"),
            "write a number of years from 1 to 21",
        );
    }
    age
}

fn consent(reader: &mut Reader<'_>, purpose: &Section<'_>) -> ConsentRules {
    let Some(section) = purpose.child(reader, "consent", &shape::CONSENT) else {
        return ConsentRules::default();
    };
    let confirmation = section.child(reader, "confirmation", &shape::CONFIRMATION).and_then(|section| {
        let methods = section.terms(reader, "methods");
        Some(Confirmation { methods, within: section.parsed(reader, "within")? })
    });
    ConsentRules {
        expires_after: section.parsed(reader, "expires_after"),
        confirmation,
        notice_required: section.flag(reader, "notice_required").unwrap_or(false),
    }
}

pub(super) fn patterns(reader: &mut Reader<'_>, root: &Section<'_>) -> BTreeMap<PatternName, NamedPattern> {
    named(reader, root, "patterns", &shape::PATTERN, |reader, section| NamedPattern {
        label: section.translated(reader, "label").unwrap_or_default(),
        description: section.translated(reader, "description"),
        pattern: section.text(reader, "pattern").unwrap_or_default(),
    })
}

pub(super) fn rights(reader: &mut Reader<'_>, root: &Section<'_>) -> BTreeMap<RightKind, Right> {
    let children = root.children(reader, "rights", &shape::RIGHT);
    let mut rights = BTreeMap::new();
    for (name, section) in children {
        let Some(kind) = RightKind::from_name(&name) else {
            let _: Option<RightKind> = term_of(reader, &name, &section.path);
            continue;
        };
        let right = Right {
            label: section.translated(reader, "label").unwrap_or_default(),
            description: section.translated(reader, "description"),
            ask: section.terms(reader, "ask"),
            answer_within: section.by_regime(reader, "answer_within", |reader, text, path| {
                parse::<Period>(reader, text, path, Code::WrongValue)
            }),
            citations: section.by_regime(reader, "citations", |_, text, _| Some(text.to_owned())),
        };
        rights.insert(kind, right);
    }
    rights
}

pub(super) fn security(reader: &mut Reader<'_>, root: &Section<'_>) -> BTreeMap<String, SecurityMeasure> {
    unwrap_names(named(reader, root, "security", &shape::SECURITY, |reader, section| SecurityMeasure {
        label: section.translated(reader, "label").unwrap_or_default(),
        description: section.translated(reader, "description"),
    }))
}

pub(super) fn duties(reader: &mut Reader<'_>, root: &Section<'_>) -> BTreeMap<String, Translated> {
    unwrap_names(named(reader, root, "duties", &shape::DUTY, |reader, section| {
        section.translated(reader, "text").unwrap_or_default()
    }))
}
