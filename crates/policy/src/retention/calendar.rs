//! From which day a period of retention runs, and on which it ends.

use chrono::NaiveDate;
use serde::Serialize;

use crate::period::{Month, MonthDay, Period, end_of_year_beginning};

/// How a period is laid on the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RetentionCalendar {
    /// From the day of the trigger to the same date at the end of the period.
    Anniversary,
    /// From the end of the calendar year of the trigger (Germany, UStG § 14b).
    CalendarYearEnd,
    /// From the end of the financial year of the trigger (India, Companies Act 2013 s. 128(5): preceding years).
    FinancialYearEnd {
        /// The month in which financial years begin.
        financial_year_starts: Month,
    },
    /// From the day on which the return for the financial year of the trigger is due (India, CGST Act s. 36).
    ReturnDueDate {
        /// The month in which financial years begin.
        financial_year_starts: Month,
        /// The day on which the return is due: the first such day after the end of the financial year.
        return_due: MonthDay,
    },
}

impl RetentionCalendar {
    /// The last day of retention for a trigger on `trigger`.
    ///
    /// ```
    /// use chrono::NaiveDate;
    /// use wzapi_policy::period::{Month, Period};
    /// use wzapi_policy::retention::RetentionCalendar;
    ///
    /// // An invoice of 15 May 2026 in India: the year ends on 31 March 2027, its annual return is due on
    /// // 31 December 2027, and the books are kept for 72 months after that.
    /// let calendar = RetentionCalendar::ReturnDueDate {
    ///     financial_year_starts: Month::APRIL,
    ///     return_due: "12-31".parse()?,
    /// };
    /// let issued = NaiveDate::from_ymd_opt(2026, 5, 15).unwrap();
    /// assert_eq!(calendar.last_day(issued, Period::Months(72)).to_string(), "2033-12-31");
    /// # Ok::<(), wzapi_policy::period::MonthDayError>(())
    /// ```
    #[must_use]
    pub fn last_day(self, trigger: NaiveDate, period: Period) -> NaiveDate {
        match self {
            Self::Anniversary => period.after(trigger),
            Self::CalendarYearEnd => period.after(end_of_year_beginning(Month::JANUARY, trigger)),
            Self::FinancialYearEnd { financial_year_starts } => {
                period.after(end_of_year_beginning(financial_year_starts, trigger))
            }
            Self::ReturnDueDate { financial_year_starts, return_due } => {
                period.after(return_due.first_after(end_of_year_beginning(financial_year_starts, trigger)))
            }
        }
    }
}
