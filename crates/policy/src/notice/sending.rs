//! What people are told about their consent and about the rules on sending.

use crate::file::{PlatformStopScope, Purpose, UnknownAge};
use crate::notice::compose::Composer;
use crate::notice::document::{Block, Fact, Part};
use crate::notice::phrases::{fill, word};

/// When consent to a purpose ends, and how it is confirmed.
pub(super) fn consent_facts(composer: &Composer<'_>, purpose: &Purpose) -> Vec<Fact> {
    let (phrases, rules) = (composer.phrases, &purpose.consent);
    let mut facts = Vec::new();
    if let Some(confirmation) = &rules.confirmation {
        let methods = composer.words(&phrases.consent_method, &confirmation.methods);
        let values = [("methods", &*methods), ("period", &*phrases.period(confirmation.within))];
        facts.push(Fact::text(&phrases.confirmation, fill(&phrases.confirmation_text, &values)));
    }
    if let Some(period) = rules.expires_after {
        let text = fill(&phrases.consent_ends_text, &[("period", &phrases.period(period))]);
        facts.push(Fact::text(&phrases.consent_ends, text));
    }
    facts
}

/// The rules on sending that restrain more or less than what goes without saying; `None` where there are none.
pub(super) fn limits(composer: &Composer<'_>) -> Option<Part> {
    let (policy, phrases) = (composer.policy, composer.phrases);
    let rules = &policy.sending;
    let mut facts = Vec::new();
    if let Some(hours) = &rules.quiet_hours {
        let minute = |time: chrono::NaiveTime| time.format("%H:%M").to_string();
        let messages = composer.words(&phrases.message, &hours.categories);
        let values =
            [("from", &*minute(hours.from)), ("until", &*minute(hours.until)), ("messages", &*messages)];
        facts.push(Fact::text(&phrases.quiet_hours, fill(&phrases.quiet_hours_text, &values)));
    }
    facts.extend(frequency(composer));
    let countries = rules.countries_refused.iter().map(|(category, countries)| {
        let codes: Vec<&str> = countries.iter().map(|country| country.as_str()).collect();
        let values = [("messages", &*word(&phrases.message, *category)), ("countries", &*codes.join(", "))];
        fill(&phrases.countries_refused_text, &values)
    });
    facts.extend(lines(&phrases.countries_refused, countries.collect()));
    match rules.unknown_age {
        UnknownAge::Adult => {}
        UnknownAge::Refuse => {
            facts.push(Fact::text(&phrases.unknown_age, phrases.unknown_age_text.clone()));
        }
    }
    match rules.platform_stop {
        PlatformStopScope::AllSenders => {}
        PlatformStopScope::OneSender => {
            facts.push(Fact::text(&phrases.platform_stop, phrases.platform_stop_text.clone()));
        }
    }
    let ages = policy.regimes.iter().filter(|(_, in_force)| in_force.consent_age.is_some());
    let ages = ages.filter_map(|(regime, _)| policy.consent_age(*regime).map(|rule| (*regime, rule.age)));
    let ages = ages.map(|(regime, age)| {
        fill(&phrases.consent_age_text, &[("regime", &*composer.regime(regime)), ("n", &*age.to_string())])
    });
    facts.extend(lines(&phrases.consent_age, ages.collect()));
    if facts.is_empty() {
        return None;
    }
    Some(Part { heading: phrases.sending.clone(), blocks: vec![Block::Facts(facts)] })
}

fn frequency(composer: &Composer<'_>) -> Option<Fact> {
    let phrases = composer.phrases;
    let limits: std::collections::BTreeSet<_> = composer.policy.sending.frequency.iter().collect();
    let texts = limits.into_iter().map(|limit| {
        let messages = word(&phrases.message, limit.category);
        let (number, within) = (limit.at_most.to_string(), phrases.within(limit.within));
        let values = [("messages", &*messages), ("n", &*number), ("within", &*within)];
        fill(&phrases.frequency_text, &values)
    });
    lines(&phrases.frequency, texts.collect())
}

fn lines(term: &str, lines: Vec<String>) -> Option<Fact> {
    (!lines.is_empty()).then(|| Fact::lines(term, lines))
}
