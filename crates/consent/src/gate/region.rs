//! Where a recipient may be: countries by calling code, time zones by country.
//!
//! A telephone number says where a line was opened, not where the person is, and often it leaves several countries
//! open. Nothing is guessed: every country that the identifier leaves open counts, and the strictest of them decides.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use chrono::{DateTime, NaiveDateTime, TimeZone as _, Utc};
use chrono_tz::Tz;
use wzapi_model::Timestamp;
use wzapi_model::identifier::Identifier;
use wzapi_policy::file::CountryCode;

use super::recipient::Recipient;

/// The longest prefix in the table of calling codes, in digits.
const MAX_PREFIX: usize = 4;

/// A text is not the name of a time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a time zone: write its name in the IANA database, such as Asia/Kolkata")]
pub struct TimeZoneError;

/// A time zone of the IANA database.
///
/// ```
/// use wzapi_consent::gate::TimeZone;
///
/// let zone: TimeZone = "Asia/Kolkata".parse()?;
/// assert_eq!(zone.to_string(), "Asia/Kolkata");
/// assert!("India".parse::<TimeZone>().is_err());
/// # Ok::<(), wzapi_consent::gate::region::TimeZoneError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TimeZone(Tz);

impl TimeZone {
    /// The local date and time at `moment`.
    pub(super) fn local(self, moment: Timestamp) -> NaiveDateTime {
        moment.to_datetime().with_timezone(&self.0).naive_local()
    }

    /// The first moment at which clocks show `local`, or the first after a change of clocks that left it out.
    pub(super) fn moment(self, local: NaiveDateTime) -> Option<Timestamp> {
        // Clocks were never put forward by more than a day.
        let quarters = (0..=96).map(|quarter| local + chrono::Duration::minutes(15 * quarter));
        let mut found = quarters.filter_map(|local| self.0.from_local_datetime(&local).earliest());
        let first: DateTime<Utc> = found.next()?.with_timezone(&Utc);
        Timestamp::try_from(first).ok()
    }
}

impl FromStr for TimeZone {
    type Err = TimeZoneError;

    fn from_str(text: &str) -> Result<Self, TimeZoneError> {
        text.parse().map(Self).map_err(|_| TimeZoneError)
    }
}

impl fmt::Display for TimeZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name())
    }
}

/// Where a recipient may be, as far as the identifier and the host say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    countries: Vec<CountryCode>,
    zone: Option<TimeZone>,
}

impl Place {
    /// Where this recipient may be. A country that the host states is taken alone when the identifier leaves it open.
    /// When the identifier speaks for another one, both count. The zone that the host states is taken as it is.
    #[must_use]
    pub fn of(recipient: &Recipient) -> Self {
        let mut countries = countries_of(recipient.identifier()).to_vec();
        if let Some(stated) = recipient.country() {
            if countries.is_empty() || countries.contains(&stated) {
                countries.clear();
            }
            countries.push(stated);
        }
        Self { countries, zone: recipient.time_zone() }
    }

    /// The countries that are possible. None at all means that any is: the calling code belongs to no country, or the
    /// identifier is an e-mail address.
    #[must_use]
    pub fn countries(&self) -> &[CountryCode] {
        &self.countries
    }

    /// The time zones that are possible: the one that the host states, or those of every possible country. Where no
    /// country is known, or one of which no zone is known, all zones of the world.
    pub(super) fn zones(&self) -> Vec<TimeZone> {
        if let Some(zone) = self.zone {
            return vec![zone];
        }
        let of_country = |country: &CountryCode| TABLES.zones.get(country).map(Vec::as_slice);
        let known: Option<Vec<&[TimeZone]>> = self.countries.iter().map(of_country).collect();
        match known {
            Some(known) if !known.is_empty() => known.concat(),
            Some(_) | None => TABLES.zones.values().flatten().copied().collect(),
        }
    }
}

/// The countries whose people may have this identifier.
fn countries_of(identifier: &Identifier) -> &[CountryCode] {
    match identifier {
        Identifier::Phone(number) => {
            let digits = number.expose_digits();
            let prefixes = (1..=MAX_PREFIX).rev().filter_map(|length| digits.get(..length));
            let mut found = prefixes.filter_map(|prefix| TABLES.calling_codes.get(prefix));
            found.next().map(Vec::as_slice).unwrap_or_default()
        }
        Identifier::Bsuid(bsuid) => {
            let prefix = bsuid.expose().get(..2).and_then(|letters| letters.parse::<CountryCode>().ok());
            let known = prefix.and_then(|country| TABLES.single.get_key_value(&country));
            known.map(|(_, country)| std::slice::from_ref(country)).unwrap_or_default()
        }
        Identifier::Email(_) => &[],
    }
}

struct Tables {
    calling_codes: BTreeMap<&'static str, Vec<CountryCode>>,
    zones: BTreeMap<CountryCode, Vec<TimeZone>>,
    /// Each country that a zone or a calling code is known of.
    single: BTreeMap<CountryCode, CountryCode>,
}

const CALLING_CODES: &str = include_str!("../../data/calling_codes.tsv");
const ZONES: &str = include_str!("../../data/zones.tsv");

static TABLES: LazyLock<Tables> = LazyLock::new(|| {
    let mut calling_codes = BTreeMap::new();
    for (countries, prefixes) in lines(CALLING_CODES) {
        let countries: Vec<CountryCode> = parsed(countries);
        calling_codes.extend(prefixes.split(' ').map(|prefix| (prefix, countries.clone())));
    }
    let mut zones: BTreeMap<CountryCode, Vec<TimeZone>> = BTreeMap::new();
    for (country, names) in lines(ZONES) {
        zones.extend(parsed(country).into_iter().map(|country| (country, parsed(names))));
    }
    let known = zones.keys().chain(calling_codes.values().flatten());
    let single = known.map(|country| (*country, *country)).collect();
    Tables { calling_codes, zones, single }
});

fn lines(table: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    table.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('\t'))
}

/// What can be read of a list. That all of it can, a test shows.
fn parsed<T: FromStr>(list: &str) -> Vec<T> {
    list.split(' ').filter_map(|one| one.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn countries(text: &str) -> Vec<String> {
        let place = Place::of(&Recipient::parse(text).unwrap());
        place.countries().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_line_of_the_tables_can_be_read() {
        for (countries, prefixes) in lines(CALLING_CODES) {
            let read: Vec<CountryCode> = parsed(countries);
            assert_eq!(read.len(), countries.split(' ').count(), "{countries}");
            assert!(read.iter().all(CountryCode::is_assigned), "{countries}");
            for prefix in prefixes.split(' ') {
                assert!((1..=MAX_PREFIX).contains(&prefix.len()), "{prefix}");
                assert!(prefix.bytes().all(|byte| byte.is_ascii_digit()), "{prefix}");
            }
        }
        for (country, names) in lines(ZONES) {
            assert!(country.parse::<CountryCode>().unwrap().is_assigned(), "{country}");
            assert_eq!(parsed::<TimeZone>(names).len(), names.split(' ').count(), "{names}");
        }
        assert_eq!(
            CALLING_CODES.lines().filter(|line| !line.starts_with('#')).count(),
            lines(CALLING_CODES).count()
        );
        assert_eq!(ZONES.lines().filter(|line| !line.starts_with('#')).count(), lines(ZONES).count());
    }

    #[test]
    fn no_prefix_is_told_twice_and_every_country_with_numbers_has_zones() {
        let prefixes: Vec<&str> =
            lines(CALLING_CODES).flat_map(|(_, prefixes)| prefixes.split(' ')).collect();
        assert_eq!(prefixes.len(), TABLES.calling_codes.len());
        for country in TABLES.calling_codes.values().flatten() {
            assert!(TABLES.zones.get(country).is_some_and(|zones| !zones.is_empty()), "{country}");
        }
    }

    #[test]
    fn a_number_leaves_open_the_countries_of_its_code() {
        for (text, expected) in [
            ("+91 98765 43210", &["IN"][..]),
            ("+1 212 555 2368", &["US"]),
            ("+1 416 555 0134", &["CA"]),
            ("+1 876 555 0134", &["JM"]),
            ("+7 912 345 67 89", &["RU"]),
            ("+7 701 234 5678", &["KZ"]),
            ("+44 7400 123456", &["GB", "GG", "IM", "JE"]),
            ("+47 406 12 345", &["NO", "SJ"]),
            ("+972 50 234 5678", &["IL", "PS"]),
            ("US.13491208655302741918", &["US"]),
            ("IN.ENT.1", &["IN"]),
            ("ZZ.1", &[]),
        ] {
            assert_eq!(countries(text), expected, "{text}");
        }
        assert_eq!(countries("+1 800 555 0199").len(), 25, "a code without a place: the whole plan");
    }

    #[test]
    fn what_the_host_states_narrows_and_does_not_hide() {
        let stated = |text: &str, country: &str| {
            let recipient = Recipient::parse(text).unwrap().in_country(country.parse().unwrap());
            Place::of(&recipient).countries().iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(stated("+44 7400 123456", "JE"), ["JE"]);
        assert_eq!(stated("+1 212 555 2368", "IN"), ["US", "IN"], "a US line stays one");
        assert_eq!(stated("ZZ.1", "IN"), ["IN"]);
    }

    #[test]
    fn zones_are_those_of_every_possible_country_or_of_the_world() {
        let zones = |recipient: &Recipient| Place::of(recipient).zones().len();
        let parse = |text: &str| Recipient::parse(text).unwrap();
        assert_eq!(zones(&parse("+91 98765 43210")), 1);
        assert!(zones(&parse("+1 212 555 2368")) > 20);
        assert!(zones(&parse("ZZ.1")) > 400);
        let stated = parse("+1 212 555 2368").in_time_zone("America/Chicago".parse().unwrap());
        assert_eq!(zones(&stated), 1);
    }

    #[test]
    fn a_time_that_clocks_leave_out_or_show_twice_has_one_moment() {
        let zone: TimeZone = "Europe/Berlin".parse().unwrap();
        let moment = |text: &str| zone.moment(text.parse().unwrap()).unwrap().to_string();
        assert_eq!(
            moment("2026-03-29T02:30:00"),
            "2026-03-29T01:00:00.000Z",
            "skipped: the first moment after"
        );
        assert_eq!(moment("2026-10-25T02:30:00"), "2026-10-25T00:30:00.000Z", "shown twice: the first");
        assert_eq!(moment("2026-07-01T09:00:00"), "2026-07-01T07:00:00.000Z");
    }
}
