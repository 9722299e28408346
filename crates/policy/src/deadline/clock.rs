//! Counting down from a beginning, with the clock standing in pauses.

use std::time::Duration;

use chrono::{Days, NaiveDate};
use wzapi_model::Timestamp;

use crate::deadline::Pause;
use crate::deadline::business_days::BusinessCalendar;
use crate::period::{LAST_DAY, Period};
use crate::regimes::{Length, LengthUnit};
use crate::zone::UtcOffset;

/// Why a countdown has no end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoEnd {
    Paused,
    NoBusinessDays,
}

pub(crate) struct Countdown<'a> {
    pub(crate) begins: Timestamp,
    /// In order and disjoint, as [`merged`] gives them.
    pub(crate) pauses: Vec<Pause>,
    pub(crate) calendar: &'a BusinessCalendar,
    pub(crate) zone: UtcOffset,
}

impl Countdown<'_> {
    /// The moment at which these lengths, one after the other, have run out.
    pub(crate) fn end_of(&self, lengths: &[Length]) -> Result<Timestamp, NoEnd> {
        let sub_day = |length: &Length| match length.unit {
            LengthUnit::Minute => Some(Duration::from_secs(u64::from(length.value) * 60)),
            LengthUnit::Hour => Some(Duration::from_secs(u64::from(length.value) * 3600)),
            LengthUnit::Day | LengthUnit::BusinessDay | LengthUnit::Month | LengthUnit::Year => None,
        };
        if let Some(duration) = lengths.iter().map(sub_day).sum::<Option<Duration>>() {
            return self.after_duration(duration);
        }
        let mut last = self.zone.date_of(self.begins);
        let mut pauses = self.days_paused();
        for length in lengths {
            last = match length.unit {
                LengthUnit::BusinessDay => self.after_business_days(last, length.value, &pauses)?,
                LengthUnit::Day => after_days(last, Period::Days(length.value), &mut pauses)?,
                LengthUnit::Month => after_days(last, Period::Months(length.value), &mut pauses)?,
                LengthUnit::Year => after_days(last, Period::Years(length.value), &mut pauses)?,
                // A length of hours behind one of days counts whole days, rounded down: the earlier end.
                LengthUnit::Hour => after_days(last, Period::Days(length.value / 24), &mut pauses)?,
                LengthUnit::Minute => after_days(last, Period::Days(length.value / 1440), &mut pauses)?,
            };
        }
        Ok(self.zone.end_of(last))
    }

    fn after_duration(&self, duration: Duration) -> Result<Timestamp, NoEnd> {
        let mut due = self.begins.saturating_add(duration);
        for pause in &self.pauses {
            if pause.from >= due {
                break;
            }
            let Some(until) = pause.until else { return Err(NoEnd::Paused) };
            due = due.saturating_add(until.since(pause.from.max(self.begins)));
        }
        Ok(due)
    }

    /// The pauses as days: those after the first, up to the second, are not counted.
    fn days_paused(&self) -> Vec<(NaiveDate, Option<NaiveDate>)> {
        let begins = self.zone.date_of(self.begins);
        self.pauses
            .iter()
            .map(|pause| {
                let until = pause.until.map(|until| self.zone.date_of(until).max(begins));
                (self.zone.date_of(pause.from).max(begins), until)
            })
            .collect()
    }

    fn after_business_days(
        &self,
        from: NaiveDate,
        count: u32,
        pauses: &[(NaiveDate, Option<NaiveDate>)],
    ) -> Result<NaiveDate, NoEnd> {
        if !self.calendar.has_business_days() {
            return Err(NoEnd::NoBusinessDays);
        }
        let mut day = from;
        let mut left = count;
        let mut pauses = pauses.iter().peekable();
        while left > 0 && day < LAST_DAY {
            day = day.succ_opt().unwrap_or(LAST_DAY);
            while pauses.next_if(|(_, until)| until.is_some_and(|until| until < day)).is_some() {}
            let paused = pauses.peek().filter(|(begin, _)| *begin < day);
            match paused {
                Some((_, None)) => return Err(NoEnd::Paused),
                Some((_, Some(until))) => day = (*until).min(LAST_DAY),
                None if self.calendar.is_business_day(day) => left -= 1,
                None => {}
            }
        }
        Ok(day)
    }
}

/// The last day of `period` after `from`. Pauses that began by that day push it on, and are used up.
fn after_days(
    from: NaiveDate,
    period: Period,
    pauses: &mut Vec<(NaiveDate, Option<NaiveDate>)>,
) -> Result<NaiveDate, NoEnd> {
    let mut last = period.after(from);
    let mut rest = Vec::new();
    for (begin, end) in pauses.drain(..) {
        if begin >= last {
            rest.push((begin, end));
            continue;
        }
        let Some(end) = end else { return Err(NoEnd::Paused) };
        let begin = begin.max(from);
        let days = u64::try_from(end.signed_duration_since(begin).num_days()).unwrap_or(0);
        last = last.checked_add_days(Days::new(days)).unwrap_or(LAST_DAY).min(LAST_DAY);
    }
    *pauses = rest;
    Ok(last)
}

/// Pauses in order, those that touch or overlap joined into one. A pause that ends before it begins is none.
pub(crate) fn merged(pauses: &[Pause]) -> Vec<Pause> {
    let mut sorted: Vec<Pause> =
        pauses.iter().copied().filter(|pause| pause.until.is_none_or(|until| until > pause.from)).collect();
    sorted.sort_by_key(|pause| pause.from);
    let mut result: Vec<Pause> = Vec::with_capacity(sorted.len());
    for pause in sorted {
        match result.last_mut() {
            Some(last) if last.until.is_none_or(|until| until >= pause.from) => {
                last.until = match (last.until, pause.until) {
                    (Some(mine), Some(other)) => Some(mine.max(other)),
                    _ => None,
                };
            }
            _ => result.push(pause),
        }
    }
    result
}
