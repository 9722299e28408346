//! Grounds of retention against a naive reference that walks from day to day.

use std::collections::BTreeMap;

use chrono::{Datelike, NaiveDate};
use proptest::prelude::*;
use wzapi_model::Timestamp;
use wzapi_policy::period::{Month, Period};
use wzapi_policy::retention::{
    End, Ground, GroundKind, Hold, Proceedings, Reason, RecordEvents, RetentionCalendar, RetentionState,
    Trigger, assess,
};
use wzapi_policy::zone::UtcOffset;

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn ground(kind: GroundKind, trigger: Trigger, period: Period) -> Ground {
    Ground {
        kind,
        trigger,
        period,
        calendar: RetentionCalendar::Anniversary,
        after_proceedings: None,
        citation: (kind == GroundKind::Legal).then(|| "a law".to_owned()),
        regime: None,
        rule: None,
    }
}

fn events(list: &[(Trigger, &str)]) -> RecordEvents {
    RecordEvents {
        occurred: list.iter().map(|(trigger, moment)| (*trigger, at(moment))).collect(),
        ..RecordEvents::default()
    }
}

#[test]
fn clause_6_a_a_record_is_kept_while_a_ground_holds_and_due_when_the_last_one_ends() {
    let grounds = [
        ground(GroundKind::Service, Trigger::Collected, Period::Days(30)),
        ground(GroundKind::Legal, Trigger::Collected, Period::Years(1)),
    ];
    let events = events(&[(Trigger::Collected, "2027-01-01T12:00:00Z")]);
    let state = |now: &str| assess(&grounds, &events, &[], UtcOffset::UTC, at(now)).state;
    assert_eq!(state("2027-01-31T23:59:59Z"), RetentionState::InService);
    assert_eq!(state("2027-02-01"), RetentionState::Restricted);
    assert_eq!(state("2028-01-01T23:59:59Z"), RetentionState::Restricted);
    assert_eq!(state("2028-01-02"), RetentionState::Due);
    assert_eq!(
        assess(&grounds, &events, &[], UtcOffset::UTC, at("2027-01-01")).due_at,
        Some(at("2028-01-02"))
    );
}

#[test]
fn clause_6_a_an_open_account_keeps_its_records_and_closing_it_sets_the_end() {
    let grounds = [ground(GroundKind::Service, Trigger::AccountClosed, Period::Days(30))];
    let open = assess(&grounds, &events(&[]), &[], UtcOffset::UTC, at("2030-01-01"));
    assert_eq!((open.state, open.due_at), (RetentionState::InService, None));
    let closed = events(&[(Trigger::AccountClosed, "2027-03-01")]);
    let answer = assess(&grounds, &closed, &[], UtcOffset::UTC, at("2027-03-02"));
    assert_eq!(answer.due_at, Some(at("2027-04-01")));
}

#[test]
fn clause_6_a_last_activity_begins_with_the_collection() {
    let grounds = [ground(GroundKind::Service, Trigger::LastActivity, Period::Months(24))];
    let quiet = assess(
        &grounds,
        &events(&[(Trigger::Collected, "2027-01-31")]),
        &[],
        UtcOffset::UTC,
        at("2027-02-01"),
    );
    assert_eq!(quiet.due_at, Some(at("2029-02-01")));
}

#[test]
fn clause_6_b_while_only_a_legal_ground_holds_the_record_is_restricted_and_cites_it() {
    let legal = ground(GroundKind::Legal, Trigger::InvoiceIssued, Period::Months(72));
    let service = ground(GroundKind::Service, Trigger::AccountClosed, Period::Days(0));
    let mut happened = events(&[(Trigger::InvoiceIssued, "2027-05-01")]);
    happened.service_ended = Some(at("2027-06-01"));
    let answer = assess(&[legal, service], &happened, &[], UtcOffset::UTC, at("2027-06-01"));
    assert_eq!(answer.state, RetentionState::Restricted);
    assert_eq!(answer.due_at, Some(at("2033-05-02")));
    let Reason::Ground { citation, holds, until, .. } = &answer.reasons[0] else { panic!("no ground") };
    assert_eq!((citation.as_deref(), *holds, *until), (Some("a law"), true, End::At(at("2033-05-02"))));
    let Reason::Ground { holds, .. } = &answer.reasons[1] else { panic!("no ground") };
    assert!(!holds);
}

#[test]
fn clause_6_b_an_invoice_in_india_is_kept_from_the_due_date_of_the_annual_return() {
    let calendar = |text: &str| {
        let due = RetentionCalendar::ReturnDueDate {
            financial_year_starts: Month::APRIL,
            return_due: "12-31".parse().unwrap(),
        };
        due.last_day(day(text), Period::Months(72)).to_string()
    };
    assert_eq!(calendar("2027-03-31"), "2033-12-31");
    assert_eq!(calendar("2027-04-01"), "2034-12-31");
    let years = RetentionCalendar::FinancialYearEnd { financial_year_starts: Month::APRIL };
    assert_eq!(years.last_day(day("2027-03-31"), Period::Years(8)).to_string(), "2035-03-31");
    let germany = RetentionCalendar::CalendarYearEnd;
    assert_eq!(germany.last_day(day("2027-01-01"), Period::Years(8)).to_string(), "2035-12-31");
}

#[test]
fn clause_6_b_proceedings_prolong_the_floor_by_a_year_after_their_end() {
    let legal = Ground {
        after_proceedings: Some(Period::Years(1)),
        ..ground(GroundKind::Legal, Trigger::InvoiceIssued, Period::Months(72))
    };
    let with = |proceedings: Vec<Proceedings>| {
        let happened = RecordEvents { proceedings, ..events(&[(Trigger::InvoiceIssued, "2027-05-01")]) };
        assess(std::slice::from_ref(&legal), &happened, &[], UtcOffset::UTC, at("2040-01-01"))
    };
    let opened = at("2033-04-01");
    assert_eq!(with(vec![Proceedings { opened, concluded: None }]).due_at, None);
    let concluded = Some(at("2034-02-28"));
    assert_eq!(with(vec![Proceedings { opened, concluded }]).due_at, Some(at("2035-03-01")));
    // Proceedings that end early do not shorten it; those that begin after it ended do not revive it.
    let early = Some(at("2029-01-01"));
    assert_eq!(
        with(vec![Proceedings { opened: at("2028-01-01"), concluded: early }]).due_at,
        Some(at("2033-05-02"))
    );
    assert_eq!(
        with(vec![Proceedings { opened: at("2033-05-02"), concluded: None }]).due_at,
        Some(at("2033-05-02"))
    );
    // Second proceedings within the time that the first ones added count too.
    let second = Proceedings { opened: at("2035-02-01"), concluded: None };
    assert_eq!(with(vec![second, Proceedings { opened, concluded }]).due_at, None);
}

#[test]
fn clause_6_c_a_hold_overrides_disposal_and_is_named() {
    let grounds = [ground(GroundKind::Service, Trigger::Collected, Period::Days(1))];
    let happened = events(&[(Trigger::Collected, "2027-01-01")]);
    let hold =
        Hold { matter: "case-7".to_owned(), placed: at("2027-01-01"), released: Some(at("2028-01-01")) };
    let answer =
        |now: &str| assess(&grounds, &happened, std::slice::from_ref(&hold), UtcOffset::UTC, at(now));
    assert_eq!(answer("2027-01-02").state, RetentionState::InService);
    assert_eq!(answer("2027-06-01").state, RetentionState::OnHold);
    assert!(answer("2027-06-01").reasons.contains(&Reason::Hold { matter: "case-7".to_owned() }));
    assert_eq!(
        answer("2027-06-01").due_at,
        Some(at("2027-01-03")),
        "holds are looked up when a record comes up"
    );
    assert_eq!(answer("2028-01-01").state, RetentionState::Due);
}

#[test]
fn clause_7_c_a_deletion_ends_the_service_grounds_and_no_legal_one() {
    let grounds = [
        ground(GroundKind::Service, Trigger::Collected, Period::Years(5)),
        ground(GroundKind::Legal, Trigger::Collected, Period::Years(1)),
    ];
    let mut happened = events(&[(Trigger::Collected, "2027-01-01")]);
    happened.service_ended = Some(at("2027-02-01"));
    let answer = assess(&grounds, &happened, &[], UtcOffset::UTC, at("2027-02-01"));
    assert_eq!((answer.state, answer.due_at), (RetentionState::Restricted, Some(at("2028-01-02"))));
}

#[test]
fn days_are_counted_in_the_offset_of_the_controller() {
    let india: UtcOffset = "+05:30".parse().unwrap();
    let grounds = [ground(GroundKind::Service, Trigger::Collected, Period::Days(1))];
    // 20:00 in UTC is the next day in India.
    let happened = events(&[(Trigger::Collected, "2027-01-01T20:00:00Z")]);
    let answer = assess(&grounds, &happened, &[], india, at("2027-01-01"));
    assert_eq!(answer.due_at, Some(at("2027-01-04T00:00:00+05:30")));
}

#[test]
fn a_record_without_grounds_is_due() {
    let answer = assess(&[], &RecordEvents::default(), &[], UtcOffset::UTC, at("2027-01-01"));
    assert_eq!((answer.state, answer.due_at), (RetentionState::Due, Some(Timestamp::EPOCH)));
    assert!(answer.reasons.is_empty());
}

// ---- the naive reference ----

fn is_leap(year: i32) -> bool {
    (year % 4 == 0 && year % 100 != 0) || year % 400 == 0
}

fn days_in(year: i32, month: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap(year) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Walks day by day until the condition holds.
fn walk(from: NaiveDate, mut stops: impl FnMut(NaiveDate) -> bool) -> NaiveDate {
    let mut at = from;
    while !stops(at) {
        at = at.succ_opt().unwrap();
    }
    at
}

/// The day after which a period has run out, by walking: for months, the walk passes so many month ends and stops at
/// the same number of the day, or at the end of the month.
fn naive_after(from: NaiveDate, period: Period) -> NaiveDate {
    let months = match period {
        Period::Days(days) => {
            let mut left = days;
            return walk(from, |_| {
                let done = left == 0;
                left = left.saturating_sub(1);
                done
            });
        }
        Period::Months(months) => months,
        Period::Years(years) => years * 12,
    };
    let mut passed = 0;
    walk(from, |at| {
        let here = passed == months
            && (at.day() == from.day()
                || (at.day() < from.day() && at.day() == days_in(at.year(), at.month())));
        if at.day() == days_in(at.year(), at.month()) {
            passed += 1;
        }
        here
    })
}

fn naive_last_day(calendar: RetentionCalendar, from: NaiveDate, period: Period) -> NaiveDate {
    let year_end = |starts: u32, from: NaiveDate| {
        walk(from, |at| {
            let next = at.succ_opt().unwrap();
            next.day() == 1 && next.month() == starts
        })
    };
    match calendar {
        RetentionCalendar::Anniversary => naive_after(from, period),
        RetentionCalendar::CalendarYearEnd => naive_after(year_end(1, from), period),
        RetentionCalendar::FinancialYearEnd { financial_year_starts } => {
            naive_after(year_end(u32::from(financial_year_starts.number()), from), period)
        }
        RetentionCalendar::ReturnDueDate { financial_year_starts, return_due } => {
            let end = year_end(u32::from(financial_year_starts.number()), from);
            let due = return_due.to_string();
            naive_after(walk(end.succ_opt().unwrap(), |at| at.format("%m-%d").to_string() == due), period)
        }
    }
}

fn any_date() -> impl Strategy<Value = NaiveDate> {
    // Month ends and leap days are half of the cases.
    let by_number = (0i64..14_000).prop_map(|days| day("2000-01-01") + chrono::Duration::days(days));
    let month_end = (2000i32..2038, 1u32..13)
        .prop_map(|(year, month)| NaiveDate::from_ymd_opt(year, month, days_in(year, month)).unwrap());
    prop_oneof![by_number, month_end]
}

fn any_period() -> impl Strategy<Value = Period> {
    prop_oneof![
        (0u32..800).prop_map(Period::Days),
        (0u32..130).prop_map(Period::Months),
        (0u32..21).prop_map(Period::Years)
    ]
}

fn any_calendar() -> impl Strategy<Value = RetentionCalendar> {
    let month = (1u8..13).prop_map(|number| Month::new(number).unwrap());
    prop_oneof![
        Just(RetentionCalendar::Anniversary),
        Just(RetentionCalendar::CalendarYearEnd),
        month
            .clone()
            .prop_map(|financial_year_starts| RetentionCalendar::FinancialYearEnd { financial_year_starts }),
        (month, 1u8..13, 1u8..29).prop_map(|(financial_year_starts, month, day)| {
            RetentionCalendar::ReturnDueDate {
                financial_year_starts,
                return_due: format!("{month:02}-{day:02}").parse().unwrap(),
            }
        }),
    ]
}

proptest! {
    #[test]
    fn the_last_day_is_that_of_a_walk_from_day_to_day(
        from in any_date(), period in any_period(), calendar in any_calendar()
    ) {
        prop_assert_eq!(calendar.last_day(from, period), naive_last_day(calendar, from, period));
    }

    #[test]
    fn an_assessment_holds_through_the_last_day_and_not_a_moment_longer(
        from in any_date(), period in any_period(), calendar in any_calendar(), hour in 0i64..24, offset in -14i64..15
    ) {
        let zone: UtcOffset = format!("{}{:02}:00", if offset < 0 { '-' } else { '+' }, offset.abs()).parse().unwrap();
        let local = from.and_hms_opt(u32::try_from(hour).unwrap(), 0, 0).unwrap();
        let moment = Timestamp::from_millis(local.and_utc().timestamp_millis() - offset * 3_600_000).unwrap();
        let one = Ground { calendar, ..ground(GroundKind::Service, Trigger::Collected, period) };
        let happened = RecordEvents { occurred: BTreeMap::from([(Trigger::Collected, moment)]), ..RecordEvents::default() };
        let last = naive_last_day(calendar, from, period);
        let end = last.succ_opt().unwrap().and_hms_opt(0, 0, 0).unwrap().and_utc().timestamp_millis() - offset * 3_600_000;
        let grounds = [one];
        let state = |millis| assess(&grounds, &happened, &[], zone, Timestamp::from_millis(millis).unwrap()).state;
        prop_assert_eq!(state(end - 1), RetentionState::InService);
        prop_assert_eq!(state(end), RetentionState::Due);
    }

    /// Whatever the grounds: the record is due exactly when no ground holds, and no earlier than any single ground says.
    #[test]
    fn the_last_ground_decides(
        list in proptest::collection::vec((any_period(), any_calendar(), any::<bool>()), 0..6),
        from in any_date(), later in 0i64..20_000
    ) {
        let grounds: Vec<Ground> = list.iter().map(|(period, calendar, legal)| Ground {
            calendar: *calendar,
            ..ground(if *legal { GroundKind::Legal } else { GroundKind::Service }, Trigger::Collected, *period)
        }).collect();
        let collected = Timestamp::try_from(from.and_hms_opt(0, 0, 0).unwrap().and_utc()).unwrap();
        let happened = RecordEvents { occurred: BTreeMap::from([(Trigger::Collected, collected)]), ..RecordEvents::default() };
        let now = Timestamp::from_millis(collected.as_millis() + later * 86_400_000).unwrap();
        let answer = assess(&grounds, &happened, &[], UtcOffset::UTC, now);
        let today = from + chrono::Duration::days(later);
        let holds = |ground: &Ground| naive_last_day(ground.calendar, from, ground.period) >= today;
        let service = grounds.iter().any(|ground| ground.kind == GroundKind::Service && holds(ground));
        let legal = grounds.iter().any(|ground| ground.kind == GroundKind::Legal && holds(ground));
        let expected = match (service, legal) {
            (true, _) => RetentionState::InService,
            (false, true) => RetentionState::Restricted,
            (false, false) => RetentionState::Due,
        };
        prop_assert_eq!(answer.state, expected);
        prop_assert_eq!(answer.due_at.is_some_and(|due| due <= now), expected == RetentionState::Due);
    }
}
