//! In which part of the world a day begins.

use std::fmt;
use std::str::FromStr;

use chrono::{Duration, NaiveDate, NaiveTime};
use serde::{Serialize, Serializer};
use wzapi_model::Timestamp;

/// A text is not an offset from UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an offset from UTC: write sign, hours and minutes, such as \"+05:30\"")]
pub struct UtcOffsetError;

/// The offset from UTC in which a controller counts days, in minutes.
///
/// It is fixed through the year: a deadline or an end of retention may be an hour off where clocks change twice
/// a year, and it is the same for everyone who recomputes it, without a database of time zones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct UtcOffset {
    minutes: i16,
}

impl UtcOffset {
    /// No offset.
    pub const UTC: Self = Self { minutes: 0 };

    /// The date in this offset at `moment`.
    #[must_use]
    pub fn date_of(self, moment: Timestamp) -> NaiveDate {
        moment
            .to_datetime()
            .naive_utc()
            .checked_add_signed(Duration::minutes(i64::from(self.minutes)))
            .map_or_else(|| moment.to_datetime().date_naive(), |local| local.date())
    }

    /// The first moment after `day` in this offset; within the years that [`Timestamp`] knows.
    #[must_use]
    pub fn end_of(self, day: NaiveDate) -> Timestamp {
        let Some(next) = day.succ_opt() else { return Timestamp::MAX };
        let millis = next
            .and_time(NaiveTime::MIN)
            .and_utc()
            .timestamp_millis()
            .saturating_sub(i64::from(self.minutes) * 60_000);
        Timestamp::from_millis(millis).unwrap_or(if millis < 0 { Timestamp::EPOCH } else { Timestamp::MAX })
    }
}

impl FromStr for UtcOffset {
    type Err = UtcOffsetError;

    fn from_str(text: &str) -> Result<Self, UtcOffsetError> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').ok_or(UtcOffsetError)?),
        };
        let (hours, minutes) = digits.split_once(':').ok_or(UtcOffsetError)?;
        let two_digits = |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
        if !two_digits(hours) || !two_digits(minutes) {
            return Err(UtcOffsetError);
        }
        let hours: i16 = hours.parse().map_err(|_| UtcOffsetError)?;
        let minutes: i16 = minutes.parse().map_err(|_| UtcOffsetError)?;
        if hours > 14 || minutes > 59 {
            return Err(UtcOffsetError);
        }
        let total = hours * 60 + minutes;
        Ok(Self { minutes: if negative { -total } else { total } })
    }
}

impl fmt::Display for UtcOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.minutes < 0 { '-' } else { '+' };
        let minutes = self.minutes.unsigned_abs();
        write!(f, "{sign}{:02}:{:02}", minutes / 60, minutes % 60)
    }
}

impl Serialize for UtcOffset {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
