//! What the send gate observes beyond consent: hours of rest, limits on how often, ages, countries, stops.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use chrono::NaiveTime;
use serde::{Serialize, Serializer};
use wzapi_model::message::MessageCategory;

use crate::file::CountryCode;
use crate::term::terms;

/// The most limits on how often people are written to: the gate counts for each of them.
pub const MAX_FREQUENCY_LIMITS: usize = 8;

/// The most messages that a limit may permit. The gate keeps the times of so many per person.
pub const MAX_MESSAGES_WITHIN: u32 = 32;

/// The longest time over which a limit counts, in hours: 31 days.
pub const MAX_WITHIN_HOURS: u32 = 31 * 24;

terms! {
    /// What the gate takes a person for whose age is not on record.
    UnknownAge {
        /// An adult.
        Adult = "adult",
        /// A child who cannot consent alone, so that what needs consent is refused.
        Refuse = "refuse",
    }
}

terms! {
    /// How far a stop reaches that a person set in WhatsApp. Meta does not say, so that the widest is the default.
    PlatformStopScope {
        /// All of the controller's senders.
        AllSenders = "all_senders",
        /// The sender that was stopped.
        OneSender = "one_sender",
    }
}

/// The rules on sending. Nothing is set by default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SendingRules {
    /// When nothing is sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quiet_hours: Option<QuietHours>,
    /// How often people are written to at most. Every limit holds. Their order says nothing.
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "in_order")]
    pub frequency: Vec<FrequencyLimit>,
    /// What a person of unknown age is taken for.
    #[serde(skip_serializing_if = "is_adult")]
    pub unknown_age: UnknownAge,
    /// The countries to whose people messages of a category are not sent.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub countries_refused: BTreeMap<MessageCategory, BTreeSet<CountryCode>>,
    /// How far a stop in WhatsApp reaches.
    #[serde(skip_serializing_if = "is_all_senders")]
    pub platform_stop: PlatformStopScope,
}

impl Default for SendingRules {
    fn default() -> Self {
        Self {
            quiet_hours: None,
            frequency: Vec::new(),
            unknown_age: UnknownAge::Adult,
            countries_refused: BTreeMap::new(),
            platform_stop: PlatformStopScope::AllSenders,
        }
    }
}

impl SendingRules {
    /// Whether nothing is set, as in a file without the section.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Whether messages of `category` are not sent to people of `country`.
    #[must_use]
    pub fn refuses_country(&self, category: MessageCategory, country: CountryCode) -> bool {
        self.countries_refused.get(&category).is_some_and(|countries| countries.contains(&country))
    }

    /// The limits on messages of `category`.
    pub fn limits_on(&self, category: MessageCategory) -> impl Iterator<Item = &FrequencyLimit> {
        self.frequency.iter().filter(move |limit| limit.category == category)
    }
}

/// Hours in which messages of some categories are not sent, in the recipient's local time. Where that is not known, the
/// gate decides what it takes for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct QuietHours {
    /// When they begin, to the minute; that minute is in them.
    #[serde(serialize_with = "serialize_minute")]
    pub from: NaiveTime,
    /// When they end; that minute is not in them. Before `from`, it is on the next day.
    #[serde(serialize_with = "serialize_minute")]
    pub until: NaiveTime,
    /// The categories of message.
    pub categories: BTreeSet<MessageCategory>,
}

impl QuietHours {
    /// Whether a message of `category` is not sent at `local`, a time of day where the recipient is.
    ///
    /// ```
    /// use chrono::NaiveTime;
    /// use wzapi_model::message::MessageCategory::{Marketing, Utility};
    /// use wzapi_policy::file::QuietHours;
    ///
    /// let at = |hour, minute| NaiveTime::from_hms_opt(hour, minute, 0).unwrap();
    /// let night = QuietHours { from: at(21, 0), until: at(9, 0), categories: [Marketing].into() };
    /// assert!(night.cover(Marketing, at(21, 0)) && night.cover(Marketing, at(8, 59)));
    /// assert!(!night.cover(Marketing, at(9, 0)) && !night.cover(Marketing, at(20, 59)));
    /// assert!(!night.cover(Utility, at(23, 0)));
    /// ```
    #[must_use]
    pub fn cover(&self, category: MessageCategory, local: NaiveTime) -> bool {
        self.categories.contains(&category) && self.hold_at(local)
    }

    /// Whether the hours hold at `local`, whatever the category. Hours that end when they begin hold never: a policy with
    /// such is refused.
    #[must_use]
    pub fn hold_at(&self, local: NaiveTime) -> bool {
        if self.from <= self.until {
            self.from <= local && local < self.until
        } else {
            self.from <= local || local < self.until
        }
    }
}

/// At most so many messages of a category to one person in any time of a length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct FrequencyLimit {
    /// The category of message.
    pub category: MessageCategory,
    /// How many, 1 to [`MAX_MESSAGES_WITHIN`].
    pub at_most: u32,
    /// In how long.
    pub within: Within,
}

impl FrequencyLimit {
    /// Whether who keeps this limit keeps `other` too.
    #[must_use]
    pub fn implies(&self, other: &Self) -> bool {
        self.category == other.category && self.at_most <= other.at_most && self.within >= other.within
    }
}

/// A text is not a length of time over which a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write a whole number and hours or days, from \"1 hour\" to \"31 days\"")]
pub struct WithinError;

/// The length of time over which a limit counts, in whole hours, up to 31 days. It slides: "1 day" is any 24 hours, not a
/// date of the calendar.
///
/// ```
/// use wzapi_policy::file::Within;
///
/// let day: Within = "24 hours".parse()?;
/// assert_eq!("1 day".parse(), Ok(day));
/// assert_eq!(day.hours(), 24);
/// assert_eq!("168 hours".parse::<Within>()?.to_string(), "7 days");
/// # Ok::<(), wzapi_policy::file::WithinError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Within {
    hours: u32,
}

impl Within {
    /// So many hours.
    ///
    /// # Errors
    /// [`WithinError`] for none, and for more than [`MAX_WITHIN_HOURS`].
    pub const fn from_hours(hours: u32) -> Result<Self, WithinError> {
        if hours == 0 || hours > MAX_WITHIN_HOURS { Err(WithinError) } else { Ok(Self { hours }) }
    }

    /// How many hours.
    #[must_use]
    pub const fn hours(self) -> u32 {
        self.hours
    }

    /// The same as a duration.
    #[must_use]
    pub const fn duration(self) -> Duration {
        // At most 744 hours: a widening that loses nothing.
        Duration::from_secs(self.hours as u64 * 3600)
    }

    /// How many days it is written as: from two whole days on. One day is written as 24 hours, which nobody takes for a
    /// date of the calendar.
    #[must_use]
    pub const fn whole_days(self) -> Option<u32> {
        if self.hours >= 48 && self.hours.is_multiple_of(24) { Some(self.hours / 24) } else { None }
    }
}

impl FromStr for Within {
    type Err = WithinError;

    fn from_str(text: &str) -> Result<Self, WithinError> {
        let (number, unit) = text.split_once(' ').ok_or(WithinError)?;
        let is_plain = (1..=3).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit());
        let number: u32 = number.parse().ok().filter(|_| is_plain).ok_or(WithinError)?;
        match unit {
            "hour" | "hours" => Self::from_hours(number),
            "day" | "days" => Self::from_hours(number.saturating_mul(24)),
            _ => Err(WithinError),
        }
    }
}

impl fmt::Display for Within {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.whole_days() {
            Some(days) => write!(f, "{days} days"),
            None if self.hours == 1 => f.write_str("1 hour"),
            None => write!(f, "{} hours", self.hours),
        }
    }
}

impl Serialize for Within {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Two lists of the same limits mean the same, so they are written in one order and without repetitions.
fn in_order<S: Serializer>(limits: &[FrequencyLimit], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(limits.iter().collect::<BTreeSet<_>>())
}

fn serialize_minute<S: Serializer>(time: &NaiveTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&time.format("%H:%M"))
}

fn is_adult(age: &UnknownAge) -> bool {
    *age == UnknownAge::Adult
}

fn is_all_senders(scope: &PlatformStopScope) -> bool {
    *scope == PlatformStopScope::AllSenders
}
