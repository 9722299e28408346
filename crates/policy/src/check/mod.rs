//! What a policy must and should say. Every rule is tried; each reports all that it finds.

mod categories;
mod contact;
mod floors;
mod languages;
mod patterns;
mod purposes;
mod recipients;
mod rights;
pub(crate) mod sale;
mod webhooks;

use crate::file::PolicyFile;
use crate::finding::Code;
use crate::regimes::RegimeRules;
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
            let known: std::collections::BTreeSet<&str> =
                rules.iter().filter(|rule| rule.regime == *regime).map(|rule| rule.law.as_str()).collect();
            let known: Vec<&str> = known.into_iter().collect();
            reader.add(
                Code::UnknownLaw,
                &format!("{path}.laws"),
                format!("the regime rules hold no law `{}` of this regime", short(law)),
                format!("use one of: {}", known.join(", ")),
            );
        }
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
