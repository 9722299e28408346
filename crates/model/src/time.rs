//! Points in time and the clock that gives them.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

/// The last representable moment, 9999-12-31T23:59:59.999Z.
const MAX_MILLIS: i64 = 253_402_300_799_999;

/// A text or number is not a point in time between 1970 and 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a point in time between 1970 and 9999; write RFC 3339, such as 2026-11-22T10:30:00Z, or a date, such as 2026-11-22"
)]
pub struct TimeError;

/// A point in time, in milliseconds since 1970-01-01T00:00:00Z, between 1970 and 9999.
///
/// ```
/// use wzapi_model::Timestamp;
///
/// let noon: Timestamp = "2026-11-22T12:00:00Z".parse()?;
/// assert_eq!(noon.to_string(), "2026-11-22T12:00:00.000Z");
/// assert_eq!("2026-11-22T17:30:00+05:30".parse(), Ok(noon));
/// # Ok::<(), wzapi_model::time::TimeError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct Timestamp(i64);

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(0);
    /// 9999-12-31T23:59:59.999Z.
    pub const MAX: Self = Self(MAX_MILLIS);

    /// The moment so many milliseconds after the epoch.
    ///
    /// # Errors
    /// [`TimeError`] outside 1970 to 9999.
    pub const fn from_millis(millis: i64) -> Result<Self, TimeError> {
        if millis < 0 || millis > MAX_MILLIS { Err(TimeError) } else { Ok(Self(millis)) }
    }

    /// The moment so many seconds after the epoch, as in WhatsApp's webhooks.
    ///
    /// # Errors
    /// [`TimeError`] outside 1970 to 9999.
    pub const fn from_seconds(seconds: i64) -> Result<Self, TimeError> {
        match seconds.checked_mul(1000) {
            Some(millis) => Self::from_millis(millis),
            None => Err(TimeError),
        }
    }

    /// Milliseconds since the epoch.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// This moment plus `duration`, or the last representable moment.
    #[must_use]
    pub fn saturating_add(self, duration: Duration) -> Self {
        let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(millis).min(MAX_MILLIS))
    }

    /// This moment less `duration`, or the epoch.
    #[must_use]
    pub fn saturating_sub(self, duration: Duration) -> Self {
        let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Self(self.0.saturating_sub(millis).max(0))
    }

    /// How long after `earlier` this moment is; zero when it is not after it.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// The same moment as a `chrono` value.
    #[must_use]
    pub fn to_datetime(self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.0).unwrap_or(DateTime::UNIX_EPOCH)
    }
}

impl TryFrom<i64> for Timestamp {
    type Error = TimeError;

    fn try_from(millis: i64) -> Result<Self, TimeError> {
        Self::from_millis(millis)
    }
}

impl From<Timestamp> for i64 {
    fn from(moment: Timestamp) -> Self {
        moment.0
    }
}

impl TryFrom<DateTime<Utc>> for Timestamp {
    type Error = TimeError;

    fn try_from(moment: DateTime<Utc>) -> Result<Self, TimeError> {
        Self::from_millis(moment.timestamp_millis())
    }
}

impl FromStr for Timestamp {
    type Err = TimeError;

    /// Reads RFC 3339, or a bare date as the midnight in UTC that begins it.
    fn from_str(text: &str) -> Result<Self, TimeError> {
        if let Ok(moment) = DateTime::parse_from_rfc3339(text) {
            return Self::from_millis(moment.timestamp_millis());
        }
        let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").map_err(|_| TimeError)?;
        let midnight = date.and_hms_opt(0, 0, 0).ok_or(TimeError)?;
        Self::from_millis(midnight.and_utc().timestamp_millis())
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_datetime().to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Gives the present moment. Every engine takes its time from here, so that tests can set it.
pub trait Clock: Send + Sync {
    /// The present moment.
    fn now(&self) -> Timestamp;
}

impl<T: Clock + ?Sized> Clock for std::sync::Arc<T> {
    fn now(&self) -> Timestamp {
        (**self).now()
    }
}

/// A clock that stands still until it is told to move: for tests and simulations.
///
/// ```
/// use std::time::Duration;
/// use wzapi_model::time::{Clock, ManualClock};
///
/// let clock = ManualClock::at("2026-11-22".parse()?);
/// clock.advance(Duration::from_secs(24 * 3600));
/// assert_eq!(clock.now().to_string(), "2026-11-23T00:00:00.000Z");
/// # Ok::<(), wzapi_model::time::TimeError>(())
/// ```
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that shows `moment`.
    #[must_use]
    pub const fn at(moment: Timestamp) -> Self {
        Self(AtomicI64::new(moment.0))
    }

    /// Moves the clock forward.
    pub fn advance(&self, duration: Duration) {
        self.set(self.now().saturating_add(duration));
    }

    /// Sets the clock, also backwards.
    pub fn set(&self, moment: Timestamp) {
        self.0.store(moment.0, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_outside_the_calendar_are_refused() {
        for text in ["", "yesterday", "2026-02-30", "1969-12-31", "10000-01-01", "2026-11-22T25:00:00Z"] {
            assert_eq!(text.parse::<Timestamp>(), Err(TimeError), "{text}");
        }
        assert_eq!(Timestamp::from_seconds(i64::MAX), Err(TimeError));
        assert_eq!(Timestamp::from_seconds(-1), Err(TimeError));
    }

    #[test]
    fn arithmetic_saturates_at_both_ends() {
        assert_eq!(Timestamp::EPOCH.saturating_sub(Duration::from_secs(1)), Timestamp::EPOCH);
        assert_eq!(Timestamp::MAX.saturating_add(Duration::MAX), Timestamp::MAX);
        assert_eq!(Timestamp::EPOCH.since(Timestamp::MAX), Duration::ZERO);
    }
}
