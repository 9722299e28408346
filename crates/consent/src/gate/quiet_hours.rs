//! Quiet hours, in the recipient's local time.

use wzapi_model::Timestamp;
use wzapi_policy::file::QuietHours;

use super::region::{Place, TimeZone};

/// The most ends of quiet hours that are looked at to find a moment that is quiet nowhere. Where zones lie so far apart
/// that there is none, nothing is told.
const MAX_STEPS: usize = 128;

/// What quiet hours do to a message now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quiet {
    /// Nowhere that the recipient may be is it quiet.
    Nowhere,
    /// It is quiet somewhere that the recipient may be, and quiet nowhere from this moment on, as far as there is one.
    Until(Option<Timestamp>),
}

/// Whether it is quiet in any zone in which the recipient may be.
pub(super) fn at(hours: &QuietHours, place: &Place, now: Timestamp) -> Quiet {
    let zones = place.zones();
    let Some(mut next) = latest_end(hours, &zones, now) else { return Quiet::Nowhere };
    for _ in 0..MAX_STEPS {
        match latest_end(hours, &zones, next) {
            None => return Quiet::Until(Some(next)),
            // Time only goes on; clocks that are put back at the very end may show the hours again.
            Some(later) if later > next => next = later,
            Some(_) => return Quiet::Until(None),
        }
    }
    Quiet::Until(None)
}

/// When the quiet hours that hold at `moment` end, in the zone in which they do so last; `None` when they hold in none.
fn latest_end(hours: &QuietHours, zones: &[TimeZone], moment: Timestamp) -> Option<Timestamp> {
    zones.iter().filter_map(|zone| end_in(hours, *zone, moment)).max()
}

fn end_in(hours: &QuietHours, zone: TimeZone, moment: Timestamp) -> Option<Timestamp> {
    let local = zone.local(moment);
    if !hours.hold_at(local.time()) {
        return None;
    }
    let today = local.date();
    let day = if local.time() < hours.until { Some(today) } else { today.succ_opt() };
    let end = day.and_then(|day| zone.moment(day.and_time(hours.until)));
    // An end that lies before, since clocks were put back, is an hour off at most: the next step goes on from there.
    let hour = std::time::Duration::from_secs(3600);
    Some(end.filter(|end| *end > moment).unwrap_or_else(|| moment.saturating_add(hour)))
}

#[cfg(test)]
mod tests {
    use chrono::NaiveTime;
    use wzapi_model::message::MessageCategory;

    use super::*;
    use crate::gate::Recipient;

    fn hours(from: u32, until: u32) -> QuietHours {
        let at = |hour| NaiveTime::from_hms_opt(hour, 0, 0).unwrap();
        QuietHours { from: at(from), until: at(until), categories: [MessageCategory::Marketing].into() }
    }

    fn told(hours: &QuietHours, recipient: &str, zone: Option<&str>, now: &str) -> Option<Option<String>> {
        let recipient = Recipient::parse(recipient).unwrap();
        let recipient = match zone {
            Some(zone) => recipient.in_time_zone(zone.parse().unwrap()),
            None => recipient,
        };
        match at(hours, &Place::of(&recipient), now.parse().unwrap()) {
            Quiet::Nowhere => None,
            Quiet::Until(end) => Some(end.map(|end| end.to_string())),
        }
    }

    #[test]
    fn the_clock_of_the_recipient_counts() {
        let night = hours(21, 9);
        let india = |now| told(&night, "+91 98765 43210", None, now);
        assert_eq!(india("2026-11-22T15:29:59Z"), None, "20:59:59 in India");
        let morning = Some(Some("2026-11-23T03:30:00.000Z".to_owned()));
        assert_eq!(india("2026-11-22T15:30:00Z"), morning, "21:00 in India");
        assert_eq!(india("2026-11-23T03:29:59Z"), morning);
        assert_eq!(india("2026-11-23T03:30:00Z"), None, "09:00 in India");
    }

    #[test]
    fn it_is_quiet_when_it_is_quiet_in_any_possible_zone() {
        let night = hours(21, 9);
        let us = |now| told(&night, "+1 212 555 2368", None, now);
        // 09:30 in New York is 04:30 in Honolulu; at 19:00 UTC it is 09:00 there and 14:00 in New York.
        assert_eq!(us("2026-11-23T14:30:00Z"), Some(Some("2026-11-23T19:00:00.000Z".to_owned())));
        assert_eq!(us("2026-11-23T19:00:00Z"), None);
        assert_eq!(told(&night, "+1 212 555 2368", Some("America/New_York"), "2026-11-23T14:30:00Z"), None);
    }

    #[test]
    fn where_no_moment_is_loud_everywhere_none_is_told() {
        assert_eq!(told(&hours(21, 9), "ZZ.1", None, "2026-11-22T12:00:00Z"), Some(None));
        let short = told(&hours(2, 3), "IN.1", None, "2026-11-22T21:00:00Z");
        assert_eq!(short, Some(Some("2026-11-22T21:30:00.000Z".to_owned())));
    }

    #[test]
    fn a_change_of_clocks_moves_the_end_and_does_not_lose_it() {
        let early = hours(1, 3);
        let berlin = |now| told(&early, "+49 1512 3456789", Some("Europe/Berlin"), now);
        // On 29 March 2026 clocks go from 02:00 to 03:00 at 01:00 UTC; on 25 October back from 03:00 to 02:00.
        assert_eq!(berlin("2026-03-29T00:30:00Z"), Some(Some("2026-03-29T01:00:00.000Z".to_owned())));
        assert_eq!(berlin("2026-10-25T00:30:00Z"), Some(Some("2026-10-25T02:00:00.000Z".to_owned())));
        let half = QuietHours { until: NaiveTime::from_hms_opt(2, 30, 0).unwrap(), ..hours(1, 3) };
        let end = told(&half, "+49 1512 3456789", Some("Europe/Berlin"), "2026-10-25T00:10:00Z");
        // 02:30 comes twice; what is quiet in the second hour again is not promised as loud after the first end.
        assert_eq!(end, Some(Some("2026-10-25T00:30:00.000Z".to_owned())));
    }
}
