//! Which days are business days.

use std::collections::BTreeSet;

use chrono::{Datelike, NaiveDate, Weekday};

/// The days on which no business is done: weekdays that recur, and holidays by date.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BusinessCalendar {
    weekend: [bool; 7],
    holidays: BTreeSet<NaiveDate>,
}

impl BusinessCalendar {
    /// Monday to Friday, without holidays.
    #[must_use]
    pub fn weekdays() -> Self {
        Self::new([Weekday::Sat, Weekday::Sun], [])
    }

    /// A calendar with this weekend and these holidays.
    #[must_use]
    pub fn new(
        weekend: impl IntoIterator<Item = Weekday>,
        holidays: impl IntoIterator<Item = NaiveDate>,
    ) -> Self {
        let mut days = [false; 7];
        for day in weekend {
            if let Some(is_weekend) = days.get_mut(day.num_days_from_monday() as usize) {
                *is_weekend = true;
            }
        }
        Self { weekend: days, holidays: holidays.into_iter().collect() }
    }

    /// Whether business is done on `day`.
    #[must_use]
    pub fn is_business_day(&self, day: NaiveDate) -> bool {
        let weekend = self.weekend.get(day.weekday().num_days_from_monday() as usize).copied();
        !weekend.unwrap_or(false) && !self.holidays.contains(&day)
    }

    /// Whether there is a weekday on which business can be done.
    pub(crate) fn has_business_days(&self) -> bool {
        self.weekend.iter().any(|is_weekend| !is_weekend)
    }
}
