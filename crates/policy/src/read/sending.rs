//! The rules on sending.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use chrono::NaiveTime;
use wzapi_model::message::MessageCategory;

use crate::file::{
    CountryCode, FrequencyLimit, MAX_MESSAGES_WITHIN, PlatformStopScope, QuietHours, SendingRules, UnknownAge,
};
use crate::finding::Code;
use crate::syntax::{Reader, Section, shape};
use crate::term::Term;

/// A time of day to the minute.
struct MinuteOfDay(NaiveTime);

impl FromStr for MinuteOfDay {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = "write hours and minutes from \"00:00\" to \"23:59\"";
        let two_digits = |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
        let (hours, minutes) = text.split_once(':').ok_or(wrong)?;
        if !two_digits(hours) || !two_digits(minutes) {
            return Err(wrong);
        }
        let (hours, minutes) = (hours.parse().map_err(|_| wrong)?, minutes.parse().map_err(|_| wrong)?);
        NaiveTime::from_hms_opt(hours, minutes, 0).map(Self).ok_or(wrong)
    }
}

pub(super) fn sending(reader: &mut Reader<'_>, root: &Section<'_>) -> SendingRules {
    let Some(section) = root.child(reader, "sending", &shape::SENDING) else {
        return SendingRules::default();
    };
    SendingRules {
        quiet_hours: quiet_hours(reader, &section),
        frequency: section
            .items(reader, "frequency", &shape::FREQUENCY)
            .iter()
            .filter_map(|item| limit(reader, item))
            .collect(),
        unknown_age: section.term(reader, "unknown_age").unwrap_or(UnknownAge::Adult),
        countries_refused: countries(reader, &section),
        platform_stop: section.term(reader, "platform_stop").unwrap_or(PlatformStopScope::AllSenders),
    }
}

fn quiet_hours(reader: &mut Reader<'_>, sending: &Section<'_>) -> Option<QuietHours> {
    let section = sending.child(reader, "quiet_hours", &shape::QUIET_HOURS)?;
    let from: Option<MinuteOfDay> = section.parsed(reader, "from");
    let until: Option<MinuteOfDay> = section.parsed(reader, "until");
    let categories = section.terms(reader, "categories");
    Some(QuietHours { from: from?.0, until: until?.0, categories })
}

fn limit(reader: &mut Reader<'_>, section: &Section<'_>) -> Option<FrequencyLimit> {
    let category = section.term(reader, "category");
    let at_most = section.whole(reader, "at_most").filter(|number| {
        let is_in_bounds = (1..=MAX_MESSAGES_WITHIN).contains(number);
        if !is_in_bounds {
            reader.add(
                Code::WrongValue,
                &section.path_of("at_most"),
                format!("a limit of {number} messages cannot be set"),
                format!(
                    "write a number from 1 to {MAX_MESSAGES_WITHIN}; for no messages at all, take the category out \
                     of the purposes"
                ),
            );
        }
        is_in_bounds
    });
    let within = section.parsed(reader, "within");
    Some(FrequencyLimit { category: category?, at_most: at_most?, within: within? })
}

fn countries(
    reader: &mut Reader<'_>,
    sending: &Section<'_>,
) -> BTreeMap<MessageCategory, BTreeSet<CountryCode>> {
    let Some(section) = sending.child(reader, "countries_refused", &shape::COUNTRIES_REFUSED) else {
        return BTreeMap::new();
    };
    MessageCategory::ALL
        .into_iter()
        .filter(|category| section.has(Term::as_str(*category)))
        .map(|category| (category, section.names(reader, Term::as_str(category))))
        .collect()
}
