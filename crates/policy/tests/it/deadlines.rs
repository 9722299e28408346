//! Deadlines against a naive reference that walks from day to day.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Datelike, NaiveDate, Weekday};
use proptest::prelude::*;
use wzapi_model::Timestamp;
use wzapi_policy::deadline::{
    BusinessCalendar, ClockState, ExtensionTaken, Pause, Start, Step, deadline, end_of,
};
use wzapi_policy::period::Period;
use wzapi_policy::regimes::{Anchor, Doubt, Length, LengthUnit, Limit, RegimeRule, RegimeRules};
use wzapi_policy::zone::UtcOffset;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn rule(id: &str) -> RegimeRule {
    RegimeRules::shipped().unwrap().rule(id).unwrap().clone()
}

fn due(
    rule: &RegimeRule,
    start: &Start,
    pauses: &[Pause],
    extension: Option<ExtensionTaken>,
) -> Option<Timestamp> {
    deadline(rule, start, pauses, extension, &BusinessCalendar::weekdays(), UtcOffset::UTC).due
}

#[test]
fn clause_7_d_a_month_ends_on_the_same_day_or_the_last_of_the_month() {
    let rule = rule("eu.gdpr.dsr.respond");
    for (received, expected) in [
        ("2027-01-05T08:00:00Z", "2027-02-06"),
        ("2027-01-31T08:00:00Z", "2027-03-01"),
        ("2028-01-31T08:00:00Z", "2028-03-01"),
        ("2027-12-31T23:59:59Z", "2028-02-01"),
    ] {
        assert_eq!(due(&rule, &Start::at(at(received)), &[], None), Some(at(expected)), "{received}");
    }
}

#[test]
fn clause_7_d_an_extension_counts_only_when_the_person_was_told_in_time() {
    let rule = rule("eu.gdpr.dsr.respond");
    let start = Start::at(at("2027-01-05"));
    let told = |moment: &str| Some(ExtensionTaken { notified: at(moment) });
    let answer =
        |extension| deadline(&rule, &start, &[], extension, &BusinessCalendar::weekdays(), UtcOffset::UTC);
    assert_eq!(answer(None).extension_notice_by, Some(at("2027-02-06")));
    assert_eq!(answer(told("2027-02-05T23:00:00Z")).due, Some(at("2027-04-06")));
    let late = answer(told("2027-02-06"));
    assert_eq!(late.due, Some(at("2027-02-06")));
    assert!(late.doubts.contains(&Doubt::ExtensionRefused { rule: rule.id.clone() }));
}

#[test]
fn clause_7_d_the_clock_waits_for_identity_and_pauses_for_clarification() {
    let rule = rule("uk.gdpr.dsr.respond");
    let mut start = Start::at(at("2027-03-01"));
    start.steps.insert(Anchor::IdentityVerified, Step::Waiting);
    let answer = |start: &Start, pauses: &[Pause]| {
        deadline(&rule, start, pauses, None, &BusinessCalendar::weekdays(), UtcOffset::UTC)
    };
    assert_eq!(answer(&start, &[]).state, ClockState::NotBegun);
    start.steps.insert(Anchor::IdentityVerified, Step::Done(at("2027-03-10")));
    assert_eq!(answer(&start, &[]).due, Some(at("2027-04-11")));
    let open = Pause { from: at("2027-03-12"), until: None };
    assert_eq!((answer(&start, &[open]).state, answer(&start, &[open]).due), (ClockState::Paused, None));
    let closed = Pause { until: Some(at("2027-03-17")), ..open };
    assert_eq!(answer(&start, &[closed]).due, Some(at("2027-04-16")));
}

#[test]
fn a_rule_that_knows_no_pause_counts_none_and_says_so() {
    let rule = rule("eu.gdpr.dsr.respond");
    let pause = Pause { from: at("2027-01-10"), until: Some(at("2027-01-20")) };
    let start = Start::at(at("2027-01-05"));
    let answer = deadline(&rule, &start, &[pause], None, &BusinessCalendar::weekdays(), UtcOffset::UTC);
    assert_eq!(answer.due, Some(at("2027-02-06")));
    assert!(answer.doubts.contains(&Doubt::PauseRefused { rule: rule.id.clone() }));
}

#[test]
fn clause_3_c_business_days_pass_over_weekends_and_holidays() {
    let rule = rule("us-ca.dsr.confirm");
    // Received on a Friday; Monday is a holiday.
    let calendar = BusinessCalendar::new([Weekday::Sat, Weekday::Sun], ["2027-01-18".parse().unwrap()]);
    let start = Start::at(at("2027-01-15T10:00:00Z"));
    let answer = deadline(&rule, &start, &[], None, &calendar, UtcOffset::UTC);
    assert_eq!(answer.due, Some(at("2027-02-02")), "ten business days end with 1 February");
    let none = BusinessCalendar::new(
        [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri, Weekday::Sat, Weekday::Sun],
        [],
    );
    let answer = deadline(&rule, &start, &[], None, &none, UtcOffset::UTC);
    assert!(answer.due.is_none() && answer.doubts.contains(&Doubt::NoBusinessDays));
}

#[test]
fn hours_are_counted_from_the_moment_of_awareness() {
    let rule = rule("eu.gdpr.breach.authority");
    let mut start = Start::at(at("2027-03-27T10:00:00Z"));
    start.steps.insert(Anchor::Aware, Step::Done(at("2027-03-27T22:30:00Z")));
    assert_eq!(due(&rule, &start, &[], None), Some(at("2027-03-30T22:30:00Z")));
}

#[test]
fn a_rule_of_low_certainty_never_decides_alone() {
    for rule in RegimeRules::shipped().unwrap().iter() {
        let start = Start::at(at("2027-06-01"));
        let answer = deadline(rule, &start, &[], None, &BusinessCalendar::weekdays(), UtcOffset::UTC);
        if !rule.certainty.decides_alone() {
            assert!(answer.must_ask_a_person(), "{}", rule.id);
        }
        if !matches!(rule.limit, Limit::AtMost(_)) {
            assert!(answer.due.is_none() && answer.must_ask_a_person(), "{}", rule.id);
        }
    }
}

// ---- the naive reference ----

fn date(number: i64) -> NaiveDate {
    "2000-01-01".parse::<NaiveDate>().unwrap() + chrono::Duration::days(number)
}

fn midnight(day: NaiveDate) -> Timestamp {
    Timestamp::try_from(day.and_hms_opt(0, 0, 0).unwrap().and_utc()).unwrap()
}

/// The last day of the time, by walking: a day counts unless it lies after the day on which a pause began and not after
/// the day on which it ended. `None` when the walk is caught in an open pause.
fn naive_last_day(
    from: NaiveDate,
    count: u32,
    counts: impl Fn(NaiveDate) -> bool,
    pauses: &[(NaiveDate, Option<NaiveDate>)],
) -> Option<NaiveDate> {
    let mut left = count;
    let mut day = from;
    for _ in 0..200_000 {
        if left == 0 {
            return Some(day);
        }
        day = day.succ_opt().unwrap();
        let paused = pauses.iter().any(|(begin, end)| *begin < day && end.is_none_or(|end| day <= end));
        if !paused && counts(day) {
            left -= 1;
        }
    }
    None
}

fn any_pauses() -> impl Strategy<Value = Vec<(i64, Option<i64>)>> {
    proptest::collection::vec((-30i64..400, proptest::option::weighted(0.9, 0i64..60)), 0..5)
}

fn pausing(length: Length) -> RegimeRule {
    RegimeRule {
        limit: Limit::AtMost(length),
        pauses_for_clarification: true,
        anchors: BTreeSet::new(),
        extension: None,
        ..rule("uk.gdpr.dsr.respond")
    }
}

proptest! {
    #[test]
    fn calendar_time_with_pauses_is_that_of_a_walk(
        received in 0i64..14_000, value in 0u32..30, unit in 0usize..3, pauses in any_pauses()
    ) {
        let unit = [LengthUnit::Day, LengthUnit::Month, LengthUnit::Year][unit];
        let length = Length { value, unit };
        let from = date(received);
        let days: Vec<_> =
            pauses.iter().map(|(begin, length)| (date(received + begin), length.map(|length| date(received + begin + length)))).collect();
        let list: Vec<Pause> =
            days.iter().map(|(begin, end)| Pause { from: midnight(*begin), until: end.map(midnight) }).collect();
        let answer = due(&pausing(length), &Start::at(midnight(from)), &list, None);
        let period = length.as_period().unwrap();
        let count = u32::try_from((period.after(from) - from).num_days()).unwrap();
        let expected = naive_last_day(from, count, |_| true, &days);
        prop_assert_eq!(answer, expected.map(|day| midnight(day.succ_opt().unwrap())));
    }

    #[test]
    fn business_days_with_pauses_are_those_of_a_walk(
        received in 0i64..14_000, value in 0u32..60, pauses in any_pauses(),
        weekend in proptest::collection::btree_set(0u8..7, 0..6),
        holidays in proptest::collection::btree_set(0i64..500, 0..40),
    ) {
        let from = date(received);
        let weekend: Vec<Weekday> = weekend.into_iter().map(|day| Weekday::try_from(day).unwrap()).collect();
        let holidays: BTreeSet<NaiveDate> = holidays.into_iter().map(|day| date(received + day)).collect();
        let calendar = BusinessCalendar::new(weekend.clone(), holidays.clone());
        let days: Vec<_> =
            pauses.iter().map(|(begin, length)| (date(received + begin), length.map(|length| date(received + begin + length)))).collect();
        let list: Vec<Pause> =
            days.iter().map(|(begin, end)| Pause { from: midnight(*begin), until: end.map(midnight) }).collect();
        let rule = pausing(Length { value, unit: LengthUnit::BusinessDay });
        let answer = deadline(&rule, &Start::at(midnight(from)), &list, None, &calendar, UtcOffset::UTC).due;
        let works = |day: NaiveDate| !weekend.contains(&day.weekday()) && !holidays.contains(&day);
        let expected = naive_last_day(from, value, works, &days);
        prop_assert_eq!(answer, expected.map(|day| midnight(day.succ_opt().unwrap())));
    }

    #[test]
    fn an_extension_follows_the_first_period(received in 0i64..14_000, first in 0u32..15, more in 0u32..15) {
        let month = |value| Length { value, unit: LengthUnit::Month };
        let rule = RegimeRule {
            extension: Some(wzapi_policy::regimes::Extension { length: month(more), notice_within: None }),
            ..pausing(month(first))
        };
        let from = date(received);
        let start = Start::at(midnight(from));
        let told = ExtensionTaken { notified: midnight(from) };
        let expected = Period::Months(more).after(Period::Months(first).after(from));
        prop_assert_eq!(due(&rule, &start, &[], Some(told)), Some(midnight(expected.succ_opt().unwrap())));
    }

    #[test]
    fn hours_stand_still_in_pauses(
        start in 0i64..1_000_000, hours in 0u32..200, pauses in proptest::collection::vec((0i64..300, 0i64..50), 0..4)
    ) {
        let moment = |hour: i64| Timestamp::from_seconds((400_000 + hour) * 3600).unwrap();
        let list: Vec<Pause> = pauses.iter()
            .map(|(begin, length)| Pause { from: moment(start + begin), until: Some(moment(start + begin + length)) })
            .collect();
        let rule = pausing(Length { value: hours, unit: LengthUnit::Hour });
        let mut left = hours;
        let mut hour = start;
        while left > 0 {
            let paused = pauses.iter().any(|(begin, length)| (start + begin..start + begin + length).contains(&hour));
            if !paused { left -= 1 }
            hour += 1;
        }
        prop_assert_eq!(due(&rule, &Start::at(moment(start)), &list, None), Some(moment(hour)));
    }

    #[test]
    fn counting_without_a_rule_agrees(received in 0i64..14_000, value in 0u32..100) {
        let length = Length { value, unit: LengthUnit::Day };
        let from = midnight(date(received));
        let calendar = BusinessCalendar::weekdays();
        let answer = deadline(&pausing(length), &Start { received: from, steps: BTreeMap::new() }, &[], None, &calendar, UtcOffset::UTC);
        prop_assert_eq!(answer.due, end_of(length, from, &calendar, UtcOffset::UTC));
    }
}
