//! Reading regime rules from TOML.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use serde::Deserialize;

use crate::period::{Month, Period};
use crate::regimes::Regime;
use crate::regimes::age::AGES_OF_CONSENT;
use crate::regimes::rule::{
    AgeOfConsent, Anchor, Certainty, Extension, Floor, InForce, Length, LengthUnit, Limit, RegimeRule,
};
use crate::retention::{RetentionCalendar, Trigger};

/// The longest file of regime rules, in bytes.
const MAX_LENGTH: usize = 1 << 20;

/// Regime rules cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegimeRulesError {
    /// The text is longer than one mebibyte.
    #[error("the file of regime rules is longer than 1 MiB")]
    TooLong,
    /// The text is not TOML of the right form.
    #[error("the file of regime rules cannot be read: {0}")]
    Form(String),
    /// A rule makes no sense.
    #[error("regime rule {id}: {reason}")]
    Rule {
        /// The id of the rule.
        id: String,
        /// What is wrong.
        reason: &'static str,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RulesFile {
    #[serde(default)]
    rule: Vec<RuleRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleRow {
    id: String,
    regime: Regime,
    law: String,
    topics: Vec<String>,
    demands: Demand,
    value: Option<u32>,
    unit: Option<LengthUnit>,
    standard: Option<String>,
    lowest: Option<u32>,
    #[serde(default)]
    guardian_consents: bool,
    #[serde(default)]
    marketing_to_children_forbidden: bool,
    #[serde(default)]
    anchors: BTreeSet<Anchor>,
    trigger: Option<Trigger>,
    calendar: Option<CalendarName>,
    financial_year_starts: Option<u8>,
    return_due: Option<String>,
    after_proceedings: Option<String>,
    extension: Option<ExtensionRow>,
    #[serde(default)]
    pauses_for_clarification: bool,
    condition: Option<String>,
    note: Option<String>,
    pending: Option<String>,
    citation: String,
    certainty: Certainty,
    checked: String,
    from: Option<String>,
    from_at_latest: Option<String>,
    until: Option<String>,
    until_at_latest: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExtensionRow {
    value: u32,
    unit: LengthUnit,
    notice_within: Option<LengthRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LengthRow {
    value: u32,
    unit: LengthUnit,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Demand {
    AtMost,
    AtLeastBefore,
    KeepAtLeast,
    KeepAtMost,
    ConsentAge,
    Standard,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum CalendarName {
    Anniversary,
    CalendarYearEnd,
    FinancialYearEnd,
    ReturnDueDate,
}

pub(crate) fn rules(text: &str) -> Result<Vec<RegimeRule>, RegimeRulesError> {
    if text.len() > MAX_LENGTH {
        return Err(RegimeRulesError::TooLong);
    }
    let file: RulesFile =
        toml::from_str(text).map_err(|error| RegimeRulesError::Form(error.message().to_owned()))?;
    file.rule.into_iter().map(rule).collect()
}

fn rule(row: RuleRow) -> Result<RegimeRule, RegimeRulesError> {
    let id = row.id.clone();
    let wrong = |reason| RegimeRulesError::Rule { id: id.clone(), reason };
    let day = |text: &Option<String>| {
        text.as_deref()
            .map(|text| {
                NaiveDate::parse_from_str(text, "%Y-%m-%d").map_err(|_| wrong("a date is not a date"))
            })
            .transpose()
    };
    if row.topics.is_empty() || row.citation.is_empty() {
        return Err(wrong("a rule has topics and a citation"));
    }
    let in_force = InForce {
        from: day(&row.from)?,
        from_at_latest: day(&row.from_at_latest)?,
        until: day(&row.until)?,
        until_at_latest: day(&row.until_at_latest)?,
    };
    let checked =
        day(&Some(row.checked.clone()))?.ok_or_else(|| wrong("a rule has the date it was checked"))?;
    let limit = limit(&row).map_err(wrong)?;
    Ok(RegimeRule {
        limit,
        id: row.id,
        regime: row.regime,
        law: row.law,
        topics: row.topics,
        anchors: row.anchors,
        extension: row.extension.map(|extension| Extension {
            length: Length { value: extension.value, unit: extension.unit },
            notice_within: extension
                .notice_within
                .map(|within| Length { value: within.value, unit: within.unit }),
        }),
        pauses_for_clarification: row.pauses_for_clarification,
        condition: row.condition,
        note: row.note,
        pending: row.pending,
        citation: row.citation,
        certainty: row.certainty,
        checked,
        in_force,
    })
}

fn limit(row: &RuleRow) -> Result<Limit, &'static str> {
    let value = row.value.ok_or("a value is missing");
    let length =
        || Ok::<_, &'static str>(Length { value: value?, unit: row.unit.ok_or("a unit is missing")? });
    Ok(match row.demands {
        Demand::AtMost => Limit::AtMost(length()?),
        Demand::AtLeastBefore => Limit::AtLeastBefore(length()?),
        Demand::KeepAtLeast => Limit::KeepAtLeast(floor(row, length()?)?),
        Demand::KeepAtMost => Limit::KeepAtMost(floor(row, length()?)?),
        Demand::ConsentAge => Limit::ConsentAge(age_of_consent(row, value?)?),
        Demand::Standard => Limit::Standard(row.standard.clone().ok_or("a standard is missing")?),
    })
}

fn age_of_consent(row: &RuleRow, value: u32) -> Result<AgeOfConsent, &'static str> {
    let in_range = |years: u32| u8::try_from(years).ok().filter(|years| AGES_OF_CONSENT.contains(years));
    let age = in_range(value).ok_or("an age of consent is 1 to 21")?;
    let lowest = in_range(row.lowest.unwrap_or(value)).filter(|lowest| *lowest <= age);
    Ok(AgeOfConsent {
        age,
        lowest: lowest.ok_or("the lowest age of consent is 1 to the age itself")?,
        guardian_consents: row.guardian_consents,
        marketing_to_children_forbidden: row.marketing_to_children_forbidden,
    })
}

fn floor(row: &RuleRow, length: Length) -> Result<Floor, &'static str> {
    let starts =
        row.financial_year_starts.and_then(Month::new).ok_or("the financial year has no first month");
    let calendar = match row.calendar.as_ref().ok_or("a calendar is missing")? {
        CalendarName::Anniversary => RetentionCalendar::Anniversary,
        CalendarName::CalendarYearEnd => RetentionCalendar::CalendarYearEnd,
        CalendarName::FinancialYearEnd => {
            RetentionCalendar::FinancialYearEnd { financial_year_starts: starts? }
        }
        CalendarName::ReturnDueDate => RetentionCalendar::ReturnDueDate {
            financial_year_starts: starts?,
            return_due: row
                .return_due
                .as_deref()
                .and_then(|day| day.parse().ok())
                .ok_or("the return has no due date")?,
        },
    };
    let after_proceedings = match row.after_proceedings.as_deref() {
        Some(text) => Some(text.parse::<Period>().map_err(|_| "the time after proceedings is no period")?),
        None => None,
    };
    Ok(Floor {
        trigger: row.trigger.ok_or("a trigger is missing")?,
        period: length.as_period().ok_or("records are kept for days, months or years")?,
        calendar,
        after_proceedings,
    })
}
