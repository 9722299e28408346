//! What a policy must and should say. Every rule is tried; each reports all that it finds.

mod categories;
mod consent;
mod contact;
mod floors;
mod languages;
mod patterns;
mod purposes;
mod recipients;
mod rights;
pub(crate) mod sale;
mod sending;
mod webhooks;

use std::collections::BTreeSet;

use crate::file::{CountryCode, PolicyFile};
use crate::finding::Code;
use crate::regimes::{Regime, RegimeInForce, RegimeRule, RegimeRules, age};
use crate::syntax::{Reader, short};

/// Every check.
pub(crate) fn all(reader: &mut Reader<'_>, file: &PolicyFile, rules: &RegimeRules) {
    contact::check(reader, file);
    languages::check(reader, file);
    regimes(reader, file, rules);
    categories::check(reader, file);
    patterns::check(reader, file);
    floors::check(reader, file, rules);
    purposes::check(reader, file);
    sending::check(reader, file);
    webhooks::check(reader, file);
    recipients::check(reader, file);
    rights::check(reader, file, rules);
    notices(reader, file);
}

fn regimes(reader: &mut Reader<'_>, file: &PolicyFile, rules: &RegimeRules) {
    if file.regimes.is_empty() {
        reader.add(
            Code::NoRegime,
            "regimes",
            "no legal regime is in force",
            "name at least the one of the controller's own country, such as `[regimes.IN]`",
        );
    }
    for (regime, in_force) in &file.regimes {
        let path = format!("regimes.{}", regime.code());
        if in_force.laws.is_empty() {
            reader.add(
                Code::NoLaw,
                &path,
                "no law of the regime is named, so that no deadline and no floor of it applies",
                "add `laws`, such as laws = [\"eu-gdpr\"]",
            );
        }
        for law in in_force.laws.iter().filter(|law| !rules.knows_law(*regime, law)) {
            let known: BTreeSet<&str> =
                rules.iter().filter(|rule| rule.regime == *regime).map(|rule| rule.law.as_str()).collect();
            let known: Vec<&str> = known.into_iter().collect();
            reader.add(
                Code::UnknownLaw,
                &format!("{path}.laws"),
                format!("the regime rules hold no law `{}` of this regime", short(law)),
                format!("use one of: {}", known.join(", ")),
            );
        }
        consent_age(reader, file, rules, *regime, in_force);
    }
}

fn consent_age(
    reader: &mut Reader<'_>,
    file: &PolicyFile,
    rules: &RegimeRules,
    regime: Regime,
    in_force: &RegimeInForce,
) {
    let found: Vec<&RegimeRule> = age::rules_of_age(file, rules, regime, in_force).collect();
    let path = format!("regimes.{}.consent_age", regime.code());
    let lowest = age::lowest_age(found.iter().copied());
    match in_force.consent_age {
        Some(own) if own < lowest => reader.add(
            Code::AgeBelowLaw,
            &path,
            format!("the regime rules permit no age of consent below {lowest}, which is taken instead"),
            format!("write an age from {lowest} on"),
        ),
        Some(_) => {}
        None => {
            for rule in
                found.iter().filter(|rule| !rule.certainty.decides_alone() || rule.condition.is_some())
            {
                reader.add(
                    Code::DoubtfulAge,
                    &path,
                    format!(
                        "the age of consent follows from `{}` ({}), which is not certain",
                        rule.id, rule.citation
                    ),
                    "ask a person who knows the law, and add `consent_age`",
                );
            }
        }
    }
}

/// Codes that stand for no country.
fn countries(reader: &mut Reader<'_>, countries: &BTreeSet<CountryCode>, path: &str) {
    for country in countries.iter().filter(|country| !country.is_assigned()) {
        reader.add(
            Code::UnknownCountry,
            path,
            format!("`{country}` is no country"),
            "write a code of ISO 3166-1, such as \"GB\" for the United Kingdom",
        );
    }
}

fn notices(reader: &mut Reader<'_>, file: &PolicyFile) {
    if file.notices.channels.is_empty() {
        reader.add(
            Code::NoNoticeChannel,
            "notices.channels",
            "changes are announced nowhere",
            "name at least one of: email, platform",
        );
    }
    if file.notices.material_change_notice.most_days() == 0 {
        reader.add(
            Code::NoNoticeChannel,
            "notices.material_change_notice",
            "material changes are not announced before they take effect",
            "write how long before, such as \"30 days\"",
        );
    }
}
