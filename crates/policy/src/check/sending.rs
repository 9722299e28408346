//! The rules on sending mean something.

use std::collections::BTreeSet;

use wzapi_model::message::MessageCategory;

use crate::file::{FrequencyLimit, MAX_FREQUENCY_LIMITS, PolicyFile, QuietHours};
use crate::finding::Code;
use crate::syntax::Reader;
use crate::term::Term;

pub(super) fn check(reader: &mut Reader<'_>, file: &PolicyFile) {
    let sent: BTreeSet<MessageCategory> =
        file.purposes.values().flat_map(|purpose| purpose.messages.iter().copied()).collect();
    let rules = &file.sending;
    if let Some(hours) = &rules.quiet_hours {
        quiet_hours(reader, hours, &sent);
    }
    frequency(reader, &rules.frequency, &sent);
    for (category, countries) in &rules.countries_refused {
        let path = format!("sending.countries_refused.{}", Term::as_str(*category));
        if countries.is_empty() {
            reader.add(
                Code::EmptyText,
                &path,
                "no country is named",
                "name the countries, such as [\"US\"], or remove the key",
            );
        }
        unsent(reader, *category, &sent, &path);
        super::countries(reader, countries, &path);
    }
}

fn quiet_hours(reader: &mut Reader<'_>, hours: &QuietHours, sent: &BTreeSet<MessageCategory>) {
    if hours.from == hours.until {
        reader.add(
            Code::EmptyQuietHours,
            "sending.quiet_hours.until",
            "the quiet hours end when they begin",
            "write when they end, such as \"09:00\"; an end before the beginning is on the next day",
        );
    }
    let path = "sending.quiet_hours.categories";
    if hours.categories.is_empty() {
        reader.add(
            Code::EmptyText,
            path,
            "the quiet hours hold for no messages",
            "name the categories, such as [\"marketing\"], or remove the quiet hours",
        );
    }
    for category in &hours.categories {
        held_back(reader, *category, path);
        unsent(reader, *category, sent, path);
    }
}

fn frequency(reader: &mut Reader<'_>, limits: &[FrequencyLimit], sent: &BTreeSet<MessageCategory>) {
    if limits.len() > MAX_FREQUENCY_LIMITS {
        reader.add(
            Code::TooMany,
            "sending.frequency",
            format!("there are {} limits, and at most {MAX_FREQUENCY_LIMITS} are kept", limits.len()),
            "remove those that matter least",
        );
    }
    for (index, limit) in limits.iter().enumerate() {
        let path = format!("sending.frequency[{index}]");
        held_back(reader, limit.category, &format!("{path}.category"));
        unsent(reader, limit.category, sent, &format!("{path}.category"));
        // Of two that are the same, the later one is idle.
        let is_idle = limits
            .iter()
            .enumerate()
            .any(|(other, tighter)| tighter.implies(limit) && (tighter != limit || other < index));
        if is_idle {
            reader.add(
                Code::IdleLimit,
                &path,
                "another limit is at least as tight, so that this one is never reached",
                "remove it, or correct `at_most` and `within`",
            );
        }
    }
}

/// One-time codes are asked for at the moment they are needed.
fn held_back(reader: &mut Reader<'_>, category: MessageCategory, path: &str) {
    if category == MessageCategory::Authentication {
        reader.add(
            Code::CodesHeldBack,
            path,
            "the rule holds back one-time codes, which a person asks for when they are needed",
            "take authentication out",
        );
    }
}

fn unsent(reader: &mut Reader<'_>, category: MessageCategory, sent: &BTreeSet<MessageCategory>, path: &str) {
    if !sent.contains(&category) {
        reader.add(
            Code::RuleWithoutMessages,
            path,
            format!("no purpose sends {} messages", Term::as_str(category)),
            "remove the rule, or add the category to the `messages` of a purpose",
        );
    }
}
