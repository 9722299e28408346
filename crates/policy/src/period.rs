//! Lengths of time that the law and people state: days, months, years.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use chrono::{Datelike, Days, Months, NaiveDate};
use serde::{Serialize, Serializer};

/// The longest period that a policy may state, in each unit.
pub const MAX_PERIOD: u32 = 36_500;

/// The last day of the calendar that dates here use.
pub const LAST_DAY: NaiveDate = match NaiveDate::from_ymd_opt(9999, 12, 31) {
    Some(day) => day,
    None => NaiveDate::MAX,
};

/// A text is not a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a period: write a whole number and days, months or years, such as \"30 days\" or \"1 year\"")]
pub struct PeriodError;

/// A calendar-true length of time. "1 year" ends on the same date of the next year and is not 365 days.
///
/// ```
/// use chrono::NaiveDate;
/// use wzapi_policy::period::Period;
///
/// let month: Period = "1 month".parse()?;
/// let last_of_january = NaiveDate::from_ymd_opt(2027, 1, 31).unwrap();
/// assert_eq!(month.after(last_of_january).to_string(), "2027-02-28");
/// # Ok::<(), wzapi_policy::period::PeriodError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Period {
    /// So many days.
    Days(u32),
    /// So many calendar months.
    Months(u32),
    /// So many calendar years.
    Years(u32),
}

impl Period {
    /// The date that lies this period after `date`. Where the month has no such day, its last day: a period of
    /// months or years that would end on a missing day ends with the last day of that month (Regulation (EEC,
    /// Euratom) No 1182/71, Art. 3(2)(c)). Ends at [`LAST_DAY`] at the latest.
    #[must_use]
    pub fn after(self, date: NaiveDate) -> NaiveDate {
        let end = match self {
            Self::Days(days) => date.checked_add_days(Days::new(u64::from(days))),
            Self::Months(months) => date.checked_add_months(Months::new(months)),
            Self::Years(years) => {
                years.checked_mul(12).and_then(|months| date.checked_add_months(Months::new(months)))
            }
        };
        end.unwrap_or(LAST_DAY).min(LAST_DAY)
    }

    /// How this period compares with `other`, when it does so in the same way from every starting date.
    /// `None` where it depends on the date, as with "30 days" and "1 month".
    #[must_use]
    pub fn compare(self, other: Self) -> Option<Ordering> {
        compare_over_dates(|date| self.after(date), |date| other.after(date))
    }

    /// At most so many days long, whatever the starting date.
    #[must_use]
    pub const fn most_days(self) -> u32 {
        match self {
            Self::Days(days) => days,
            Self::Months(months) => months.saturating_mul(31),
            Self::Years(years) => years.saturating_mul(366),
        }
    }
}

/// The first and the last day of every month of five years: they show every difference that leap days, month
/// lengths and the ends of years can make between two rules.
pub(crate) fn telling_dates() -> impl Iterator<Item = NaiveDate> {
    let first = NaiveDate::from_ymd_opt(2027, 1, 1).unwrap_or_default();
    (0..60u32).filter_map(move |month| first.checked_add_months(Months::new(month))).flat_map(|begin| {
        let end = begin.checked_add_months(Months::new(1)).and_then(|next| next.pred_opt()).unwrap_or(begin);
        [begin, end]
    })
}

/// Compares two rules that give an end for each starting date; `None` when neither is never before the other.
pub(crate) fn compare_over_dates(
    left: impl Fn(NaiveDate) -> NaiveDate,
    right: impl Fn(NaiveDate) -> NaiveDate,
) -> Option<Ordering> {
    let mut result = Ordering::Equal;
    for date in telling_dates() {
        match (left(date).cmp(&right(date)), result) {
            (Ordering::Equal, _) => {}
            (found, Ordering::Equal) => result = found,
            (found, known) if found == known => {}
            _ => return None,
        }
    }
    Some(result)
}

/// The last day of the year that begins with month `starts` and contains `date`.
pub(crate) fn end_of_year_beginning(starts: Month, date: NaiveDate) -> NaiveDate {
    let begins_in = if date.month() >= u32::from(starts.number()) { 0 } else { -1 };
    date.year()
        .checked_add(begins_in + 1)
        .and_then(|year| NaiveDate::from_ymd_opt(year, u32::from(starts.number()), 1))
        .and_then(|next| next.pred_opt())
        .unwrap_or(LAST_DAY)
        .min(LAST_DAY)
}

impl FromStr for Period {
    type Err = PeriodError;

    fn from_str(text: &str) -> Result<Self, PeriodError> {
        let (number, unit) = text.split_once(' ').ok_or(PeriodError)?;
        let plain =
            !number.is_empty() && number.len() <= 6 && number.bytes().all(|byte| byte.is_ascii_digit());
        let number: u32 = number.parse().ok().filter(|_| plain).ok_or(PeriodError)?;
        if number > MAX_PERIOD {
            return Err(PeriodError);
        }
        match unit {
            "day" | "days" => Ok(Self::Days(number)),
            "month" | "months" => Ok(Self::Months(number)),
            "year" | "years" => Ok(Self::Years(number)),
            _ => Err(PeriodError),
        }
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (number, unit) = match self {
            Self::Days(number) => (number, "day"),
            Self::Months(number) => (number, "month"),
            Self::Years(number) => (number, "year"),
        };
        let plural = if *number == 1 { "" } else { "s" };
        write!(f, "{number} {unit}{plural}")
    }
}

impl Serialize for Period {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A month of the year, January is 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Month(u8);

impl Month {
    /// January, with which the calendar year begins.
    pub const JANUARY: Self = Self(1);
    /// April, with which the Indian financial year begins.
    pub const APRIL: Self = Self(4);

    /// The month with this number, from 1 to 12.
    #[must_use]
    pub const fn new(number: u8) -> Option<Self> {
        if number >= 1 && number <= 12 { Some(Self(number)) } else { None }
    }

    /// Its number, from 1 to 12.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }
}

/// A text is not a day of the year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a day of every year: write month and day, such as \"12-31\"")]
pub struct MonthDayError;

/// A day that every year has, such as the day on which a tax return is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MonthDay {
    month: Month,
    day: u8,
}

impl MonthDay {
    /// The first such day after `date`.
    #[must_use]
    pub fn first_after(self, date: NaiveDate) -> NaiveDate {
        let in_year =
            |year| NaiveDate::from_ymd_opt(year, u32::from(self.month.number()), u32::from(self.day));
        in_year(date.year())
            .filter(|day| *day > date)
            .or_else(|| in_year(date.year().saturating_add(1)))
            .unwrap_or(LAST_DAY)
            .min(LAST_DAY)
    }
}

impl FromStr for MonthDay {
    type Err = MonthDayError;

    fn from_str(text: &str) -> Result<Self, MonthDayError> {
        let (month, day) = text.split_once('-').ok_or(MonthDayError)?;
        let two_digits = |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
        if !two_digits(month) || !two_digits(day) {
            return Err(MonthDayError);
        }
        let month: u8 = month.parse().map_err(|_| MonthDayError)?;
        let day: u8 = day.parse().map_err(|_| MonthDayError)?;
        // 2027 is no leap year, so that the 29th of February is refused: not every year has it.
        NaiveDate::from_ymd_opt(2027, u32::from(month), u32::from(day)).ok_or(MonthDayError)?;
        Ok(Self { month: Month::new(month).ok_or(MonthDayError)?, day })
    }
}

impl fmt::Display for MonthDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}-{:02}", self.month.number(), self.day)
    }
}

impl Serialize for MonthDay {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Writes a day as a text, such as `2026-12-01`.
pub(crate) fn serialize_day<S: Serializer>(day: &NaiveDate, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(day)
}

/// Writes a day that may be missing; used where a missing one is left out.
pub(crate) fn serialize_day_if_any<S: Serializer>(
    day: &Option<NaiveDate>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match day {
        Some(day) => serializer.collect_str(day),
        None => serializer.serialize_none(),
    }
}
