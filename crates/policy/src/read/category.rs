//! Categories and their grounds of retention.

use std::collections::BTreeMap;

use wzapi_model::name::DataCategory;

use crate::file::{Category, Disposal, IpTruncation};
use crate::finding::Code;
use crate::read::named;
use crate::read::sections::month;
use crate::retention::{Ground, RetentionCalendar};
use crate::syntax::{Reader, Section, shape};
use crate::term::Term;

/// The names of calendars in the file.
#[derive(Clone, Copy)]
enum CalendarName {
    Anniversary,
    CalendarYearEnd,
    FinancialYearEnd,
    ReturnDueDate,
}

impl Term for CalendarName {
    const ALL: &'static [Self] =
        &[Self::Anniversary, Self::CalendarYearEnd, Self::FinancialYearEnd, Self::ReturnDueDate];

    fn as_str(self) -> &'static str {
        match self {
            Self::Anniversary => "anniversary",
            Self::CalendarYearEnd => "calendar_year_end",
            Self::FinancialYearEnd => "financial_year_end",
            Self::ReturnDueDate => "return_due_date",
        }
    }
}

pub(super) fn categories(reader: &mut Reader<'_>, root: &Section<'_>) -> BTreeMap<DataCategory, Category> {
    named(reader, root, "categories", &shape::CATEGORY, |reader, section| Category {
        label: section.translated(reader, "label").unwrap_or_default(),
        description: section.translated(reader, "description"),
        subjects: section.terms(reader, "subjects"),
        sources: section.terms(reader, "sources"),
        dpv: section.text(reader, "dpv"),
        forbidden: section.names(reader, "forbidden"),
        ip_truncation: ip_truncation(reader, section),
        keep_history: section.flag(reader, "keep_history").unwrap_or(false),
        disposal: if section.has("disposal") {
            section.term(reader, "disposal").unwrap_or(Disposal::Review)
        } else {
            Disposal::Erase
        },
        record_kinds: section.texts(reader, "record_kinds").into_iter().map(|(_, kind)| kind).collect(),
        retention: retention(reader, section),
    })
}

fn ip_truncation(reader: &mut Reader<'_>, category: &Section<'_>) -> Option<IpTruncation> {
    let section = category.child(reader, "ip_truncation", &shape::IP_TRUNCATION)?;
    let bits = |number: u32| u8::try_from(number).unwrap_or(u8::MAX);
    let (v4, v6) = (section.whole(reader, "v4"), section.whole(reader, "v6"));
    let truncation = IpTruncation::new(bits(v4?), bits(v6?));
    if let Err(error) = truncation {
        let remedy = "write how many leading bits are kept, such as { v4 = 24, v6 = 48 }";
        reader.add(Code::WrongValue, &section.path, error.to_string(), remedy);
    }
    truncation.ok()
}

fn retention(reader: &mut Reader<'_>, category: &Section<'_>) -> Vec<Ground> {
    let items = category.items(reader, "retention", &shape::GROUND);
    items.iter().filter_map(|item| ground(reader, item)).collect()
}

fn ground(reader: &mut Reader<'_>, section: &Section<'_>) -> Option<Ground> {
    let kind = section.term(reader, "kind");
    let trigger = section.term(reader, "trigger");
    let period = section.parsed(reader, "period");
    let calendar = calendar(reader, section);
    let after_proceedings = section.parsed(reader, "after_proceedings");
    let citation = section.text(reader, "citation");
    let regime = section.term(reader, "regime");
    let rule = section.text(reader, "rule");
    Some(Ground {
        kind: kind?,
        trigger: trigger?,
        period: period?,
        calendar: calendar?,
        after_proceedings,
        citation,
        regime,
        rule,
    })
}

fn calendar(reader: &mut Reader<'_>, section: &Section<'_>) -> Option<RetentionCalendar> {
    let name =
        if section.has("calendar") { section.term(reader, "calendar")? } else { CalendarName::Anniversary };
    let starts = month(reader, section, "financial_year_starts");
    let return_due = section.parsed(reader, "return_due");
    let mut incomplete = |key: &str, is_needed: bool| {
        let (reason, remedy) = if is_needed {
            (format!("the calendar needs `{key}`"), format!("add `{key}`"))
        } else {
            (
                format!("the calendar has no `{key}`"),
                format!("remove `{key}`, or name the calendar that has it"),
            )
        };
        reader.add(Code::CalendarIncomplete, &section.path_of(key), reason, remedy);
    };
    let (year, due) = match name {
        CalendarName::Anniversary | CalendarName::CalendarYearEnd => (false, false),
        CalendarName::FinancialYearEnd => (true, false),
        CalendarName::ReturnDueDate => (true, true),
    };
    for (key, is_needed) in [("financial_year_starts", year), ("return_due", due)] {
        if is_needed != section.has(key) {
            incomplete(key, is_needed);
        }
    }
    match name {
        CalendarName::Anniversary => Some(RetentionCalendar::Anniversary),
        CalendarName::CalendarYearEnd => Some(RetentionCalendar::CalendarYearEnd),
        CalendarName::FinancialYearEnd => {
            Some(RetentionCalendar::FinancialYearEnd { financial_year_starts: starts? })
        }
        CalendarName::ReturnDueDate => {
            Some(RetentionCalendar::ReturnDueDate { financial_year_starts: starts?, return_due: return_due? })
        }
    }
}
