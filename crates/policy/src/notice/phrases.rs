//! The fixed texts of the notice, by language.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::file::Within;
use crate::language::Language;
use crate::notice::NoticeError;
use crate::period::Period;
use crate::term::Term;

/// The fixed texts of one language. A file that lacks one, or has one more, cannot be read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Phrases {
    pub(super) contents: String,
    pub(super) skip: String,
    pub(super) in_short: String,
    pub(super) who: String,
    pub(super) what: String,
    pub(super) why: String,
    pub(super) whom: String,
    pub(super) nobody: String,
    pub(super) your_rights: String,
    pub(super) introduction: String,
    pub(super) collection: String,
    pub(super) usage: String,
    pub(super) sharing: String,
    pub(super) security: String,
    pub(super) retention: String,
    pub(super) rights: String,
    pub(super) updates: String,
    pub(super) contact: String,
    pub(super) controller: String,
    pub(super) operator: String,
    pub(super) team: String,
    pub(super) email: String,
    pub(super) website: String,
    pub(super) phone: String,
    pub(super) effective: String,
    pub(super) version: String,
    pub(super) supersedes: String,
    pub(super) regimes: String,
    pub(super) subjects: String,
    pub(super) sources: String,
    pub(super) purposes: String,
    pub(super) never_stored: String,
    pub(super) filed: String,
    pub(super) filed_text: String,
    pub(super) history: String,
    pub(super) history_text: String,
    pub(super) ip_truncation: String,
    pub(super) ip_truncation_text: String,
    pub(super) basis: String,
    pub(super) interest: String,
    pub(super) data_used: String,
    pub(super) messages: String,
    pub(super) withdrawal: String,
    pub(super) consent_ends: String,
    pub(super) consent_ends_text: String,
    pub(super) confirmation: String,
    pub(super) confirmation_text: String,
    pub(super) sending: String,
    pub(super) quiet_hours: String,
    pub(super) quiet_hours_text: String,
    pub(super) frequency: String,
    pub(super) frequency_text: String,
    pub(super) countries_refused: String,
    pub(super) countries_refused_text: String,
    pub(super) unknown_age: String,
    pub(super) unknown_age_text: String,
    pub(super) platform_stop: String,
    pub(super) platform_stop_text: String,
    pub(super) consent_age: String,
    pub(super) consent_age_text: String,
    pub(super) no_sale: String,
    pub(super) shared_under_agreement: String,
    pub(super) kind: String,
    pub(super) role: String,
    pub(super) countries: String,
    pub(super) transfer: String,
    pub(super) onward: String,
    pub(super) legal_disclosure: String,
    pub(super) duties: String,
    pub(super) retention_intro: String,
    pub(super) restricted: String,
    pub(super) ground: String,
    pub(super) from_calendar_year_end: String,
    pub(super) from_financial_year_end: String,
    pub(super) from_return_due_date: String,
    pub(super) after_proceedings: String,
    pub(super) rights_intro: String,
    pub(super) ask: String,
    pub(super) answer_within: String,
    pub(super) provision: String,
    pub(super) announced: String,
    pub(super) continued_accepts: String,
    pub(super) never_consent: String,
    pub(super) hour_one: String,
    pub(super) hour_many: String,
    pub(super) day_one: String,
    pub(super) day_many: String,
    pub(super) month_one: String,
    pub(super) month_many: String,
    pub(super) year_one: String,
    pub(super) year_many: String,
    pub(super) subject: BTreeMap<String, String>,
    pub(super) source: BTreeMap<String, String>,
    pub(super) basis_words: BTreeMap<String, String>,
    pub(super) message: BTreeMap<String, String>,
    pub(super) withdrawal_method: BTreeMap<String, String>,
    pub(super) consent_method: BTreeMap<String, String>,
    pub(super) recipient_kind: BTreeMap<String, String>,
    pub(super) role_words: BTreeMap<String, String>,
    pub(super) onward_words: BTreeMap<String, String>,
    pub(super) transfer_basis: BTreeMap<String, String>,
    pub(super) ground_kind: BTreeMap<String, String>,
    pub(super) trigger: BTreeMap<String, String>,
    pub(super) ask_via: BTreeMap<String, String>,
    pub(super) channel: BTreeMap<String, String>,
    pub(super) regime: BTreeMap<String, String>,
    pub(super) forbidden: BTreeMap<String, String>,
    pub(super) webhook_content: BTreeMap<String, String>,
}

impl Phrases {
    pub(super) fn of(language: Language) -> Result<Self, NoticeError> {
        let text = match language {
            Language::English => include_str!("../../data/notice/en.toml"),
            Language::Hindi => include_str!("../../data/notice/hi.toml"),
            Language::Portuguese => include_str!("../../data/notice/pt.toml"),
            Language::Spanish => include_str!("../../data/notice/es.toml"),
        };
        toml::from_str(text).map_err(|_| NoticeError::Template(language))
    }

    /// A period in words.
    pub(super) fn period(&self, period: Period) -> String {
        let (number, one, many) = match period {
            Period::Days(number) => (number, &self.day_one, &self.day_many),
            Period::Months(number) => (number, &self.month_one, &self.month_many),
            Period::Years(number) => (number, &self.year_one, &self.year_many),
        };
        counted(number, one, many)
    }

    /// The time over which a limit counts, in words.
    pub(super) fn within(&self, within: Within) -> String {
        match within.whole_days() {
            Some(days) => counted(days, &self.day_one, &self.day_many),
            None => counted(within.hours(), &self.hour_one, &self.hour_many),
        }
    }
}

fn counted(number: u32, one: &str, many: &str) -> String {
    let template = if number == 1 { one } else { many };
    fill(template, &[("n", &number.to_string())])
}

/// The words for a value of a closed list; its name where the language has none, which a test excludes.
pub(super) fn word<T: Term>(words: &BTreeMap<String, String>, value: T) -> String {
    words.get(value.as_str()).map_or_else(|| value.as_str().to_owned(), Clone::clone)
}

/// Puts values into the places `{name}` of a template, in one pass: what is put in is not looked at again.
pub(super) fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let mut out = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        match after.split_once('}') {
            Some((name, tail)) => {
                match values.iter().find(|(known, _)| *known == name) {
                    Some((_, value)) => out.push_str(value),
                    None => out.push_str(name),
                }
                rest = tail;
            }
            None => rest = after,
        }
    }
    out.push_str(rest);
    out
}
