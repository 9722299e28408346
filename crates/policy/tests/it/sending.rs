//! The rules on sending: what they mean, their place in the hash, their changes, and what people are told.

use chrono::NaiveTime;
use proptest::prelude::*;
use wzapi_model::message::MessageCategory;
use wzapi_policy::difference::{ChangeKind, Direction, diff};
use wzapi_policy::file::{
    FrequencyLimit, MAX_WITHIN_HOURS, PlatformStopScope, QuietHours, SendingRules, UnknownAge, Within,
};
use wzapi_policy::language::Language;
use wzapi_policy::notice::{Format, Layer, render};

use crate::support::{CUSTOMER, SMALL, WZAPI, edited, policy};

const SENDING: &str = "[sending]
quiet_hours = { from = \"21:00\", until = \"09:00\", categories = [\"marketing\", \"utility\"] }
frequency = [
  { category = \"marketing\", at_most = 2, within = \"24 hours\" },
  { category = \"marketing\", at_most = 5, within = \"7 days\" },
]
unknown_age = \"refuse\"
countries_refused = { marketing = [\"US\", \"PR\"], utility = [\"CU\"] }
platform_stop = \"one_sender\"
";

/// A policy in every language in which everything is set.
fn everything() -> String {
    let text = edited(WZAPI, "[sending]\ncountries_refused.marketing = [\"US\"]\n", SENDING);
    let consent = "consent = { expires_after = \"24 months\", notice_required = true, \
                   confirmation = { methods = [\"web_form\", \"import\"], within = \"7 days\" } }";
    edited(&text, "consent.expires_after = \"24 months\"", consent)
}

fn at(minute: u32) -> NaiveTime {
    NaiveTime::from_hms_opt(minute / 60, minute % 60, 0).unwrap()
}

#[test]
fn clause_3_b_the_rules_are_those_of_the_files() {
    let wzapi = policy(WZAPI);
    let us = "US".parse().unwrap();
    assert!(wzapi.sending.refuses_country(MessageCategory::Marketing, us));
    assert!(!wzapi.sending.refuses_country(MessageCategory::Utility, us));
    assert!(!wzapi.sending.refuses_country(MessageCategory::Marketing, "CA".parse().unwrap()));
    assert_eq!(wzapi.sending.quiet_hours, None);
    assert_eq!(wzapi.sending.platform_stop, PlatformStopScope::AllSenders);

    let customer = policy(CUSTOMER);
    let night = customer.sending.quiet_hours.as_ref().unwrap();
    assert!(night.cover(MessageCategory::Marketing, at(0)) && !night.cover(MessageCategory::Utility, at(0)));
    let limits: Vec<(u32, u32)> = customer
        .sending
        .limits_on(MessageCategory::Marketing)
        .map(|limit| (limit.at_most, limit.within.hours()))
        .collect();
    assert_eq!(limits, [(2, 24), (5, 168)]);
    assert_eq!(customer.sending.limits_on(MessageCategory::Utility).count(), 0);
    assert_eq!(policy(SMALL).sending, SendingRules::default());
    assert_eq!(policy(&everything()).sending.unknown_age, UnknownAge::Refuse);
}

#[test]
fn the_time_of_a_limit_is_read_as_it_is_written() {
    for hours in 1..=MAX_WITHIN_HOURS {
        let within = Within::from_hours(hours).unwrap();
        assert_eq!(within.to_string().parse(), Ok(within));
        assert_eq!(within.duration().as_secs(), u64::from(hours) * 3600);
    }
    for (text, hours) in [("1 hour", 1), ("1 day", 24), ("31 days", 744), ("744 hours", 744)] {
        assert_eq!(text.parse::<Within>().unwrap().hours(), hours);
    }
    for text in [
        "",
        "0 hours",
        "745 hours",
        "32 days",
        "1 week",
        "1",
        "day",
        "+1 day",
        "1  day",
        "1 Day",
        "01000 hours",
        "1.5 days",
    ] {
        assert!(text.parse::<Within>().is_err(), "{text}");
    }
}

#[test]
fn what_is_left_out_and_its_default_are_the_same() {
    for default in [
        "[sending]\n",
        "[sending]\nfrequency = []\n",
        "[sending.countries_refused]\n",
        "[sending]\nunknown_age = \"adult\"\nplatform_stop = \"all_senders\"\n",
    ] {
        assert_eq!(
            policy(&format!("{SMALL}\n{default}")).content_hash(),
            policy(SMALL).content_hash(),
            "{default}"
        );
    }
    let withdrawal = "withdrawal = [\"reply_stop\"]";
    for default in ["consent = {}", "consent.notice_required = false"] {
        let text = edited(SMALL, withdrawal, &format!("{withdrawal}\n{default}"));
        assert_eq!(policy(&text).content_hash(), policy(SMALL).content_hash(), "{default}");
    }
}

#[test]
fn the_same_limits_in_another_form_have_the_same_hash() {
    let text = everything();
    let hash = policy(&text).content_hash();
    let first = "  { category = \"marketing\", at_most = 2, within = \"24 hours\" },\n";
    let second = "  { category = \"marketing\", at_most = 5, within = \"7 days\" },\n";
    let exchanged = edited(&edited(&text, second, ""), first, &format!("{second}{first}"));
    assert_eq!(policy(&exchanged).content_hash(), hash);
    assert_eq!(policy(&edited(&text, "\"24 hours\"", "\"1 day\"")).content_hash(), hash);
    assert_eq!(
        policy(&edited(&text, "5, within = \"7 days\"", "5, within = \"168 hours\"")).content_hash(),
        hash
    );
    // A repetition is idle, which is a warning.
    assert_eq!(policy(&edited(&text, first, &format!("{first}{first}"))).content_hash(), hash);
    assert_eq!(policy(&edited(&text, "[\"US\", \"PR\"]", "[\"PR\", \"US\", \"PR\"]")).content_hash(), hash);
}

/// A change of the policy in which everything is set, its kind, and for whom it is; the opposite is for the opposite.
const CHANGES: &[(&str, &str, ChangeKind, Direction, &str)] = &[
    (
        "quiet_hours = { from = \"21:00\", until = \"09:00\", categories = [\"marketing\", \"utility\"] }\n",
        "",
        ChangeKind::Sending,
        AGAINST,
        "sending.quiet_hours",
    ),
    ("from = \"21:00\"", "from = \"22:30\"", ChangeKind::Sending, AGAINST, "sending.quiet_hours.from"),
    ("until = \"09:00\"", "until = \"08:59\"", ChangeKind::Sending, AGAINST, "sending.quiet_hours.until"),
    (
        "categories = [\"marketing\", \"utility\"]",
        "categories = [\"marketing\"]",
        ChangeKind::Sending,
        AGAINST,
        "sending.quiet_hours.categories.utility",
    ),
    (
        "  { category = \"marketing\", at_most = 5, within = \"7 days\" },\n",
        "",
        ChangeKind::Sending,
        AGAINST,
        "sending.frequency",
    ),
    ("unknown_age = \"refuse\"\n", "", ChangeKind::Sending, AGAINST, "sending.unknown_age"),
    ("[\"US\", \"PR\"]", "[\"US\"]", ChangeKind::Sending, AGAINST, "sending.countries_refused.marketing.PR"),
    (", utility = [\"CU\"]", "", ChangeKind::Sending, AGAINST, "sending.countries_refused.utility"),
    (
        "platform_stop = \"one_sender\"\n",
        "",
        ChangeKind::Sending,
        Direction::Favourable,
        "sending.platform_stop",
    ),
    (
        "expires_after = \"24 months\"",
        "expires_after = \"3 years\"",
        ChangeKind::Consent,
        AGAINST,
        "purposes.marketing.consent.expires_after",
    ),
    (
        "expires_after = \"24 months\", ",
        "",
        ChangeKind::Consent,
        AGAINST,
        "purposes.marketing.consent.expires_after",
    ),
    (
        "notice_required = true, ",
        "",
        ChangeKind::Consent,
        AGAINST,
        "purposes.marketing.consent.notice_required",
    ),
    (
        ", confirmation = { methods = [\"web_form\", \"import\"], within = \"7 days\" }",
        "",
        ChangeKind::Consent,
        AGAINST,
        "purposes.marketing.consent.confirmation",
    ),
    (
        "[\"web_form\", \"import\"]",
        "[\"web_form\"]",
        ChangeKind::Consent,
        AGAINST,
        "purposes.marketing.consent.confirmation.methods.import",
    ),
    (
        "within = \"7 days\" } }",
        "within = \"8 days\" } }",
        ChangeKind::Consent,
        AGAINST,
        "purposes.marketing.consent.confirmation.within",
    ),
    ("consent_age = 16", "consent_age = 14", ChangeKind::Age, AGAINST, "regimes.EU.consent_age"),
];

const AGAINST: Direction = Direction::AgainstPerson;

#[test]
fn clause_8_b_what_restrains_the_controller_less_is_material_and_what_restrains_it_more_is_not() {
    let text = everything();
    let base = policy(&text);
    for (from, to, kind, direction, path) in CHANGES {
        let changed = policy(&edited(&text, from, to));
        assert_ne!(changed.content_hash(), base.content_hash(), "{path}");
        let opposite = match direction {
            Direction::AgainstPerson => Direction::Favourable,
            Direction::Favourable => Direction::AgainstPerson,
            Direction::Editorial => Direction::Editorial,
        };
        for (difference, direction) in
            [(diff(&base, &changed), *direction), (diff(&changed, &base), opposite)]
        {
            let [change] = difference.changes.as_slice() else { panic!("{path}: {difference:?}") };
            assert_eq!((&*change.path, change.kind, change.direction), (*path, *kind, direction));
            assert_eq!(difference.material, direction == Direction::AgainstPerson);
        }
    }
}

#[test]
fn clause_8_b_a_first_rule_is_favourable_and_every_key_is_a_change_of_its_own() {
    let (without, with) = (policy(SMALL), policy(&format!("{SMALL}\n{SENDING}")));
    let difference = diff(&without, &with);
    let found: Vec<(&str, Direction)> =
        difference.changes.iter().map(|change| (change.path.as_str(), change.direction)).collect();
    let favourable = Direction::Favourable;
    assert_eq!(
        found,
        [
            ("sending.countries_refused", favourable),
            ("sending.frequency", favourable),
            ("sending.frequency", favourable),
            ("sending.platform_stop", AGAINST),
            ("sending.quiet_hours", favourable),
            ("sending.unknown_age", favourable),
        ]
    );
    let material = diff(&with, &without).changes.iter().filter(|change| change.is_material).count();
    assert_eq!(material, 5);
}

#[test]
fn clause_8_b_hours_that_move_are_against_the_person() {
    let text = everything();
    let moved = edited(&text, "from = \"21:00\", until = \"09:00\"", "from = \"22:00\", until = \"10:00\"");
    let difference = diff(&policy(&text), &policy(&moved));
    assert!(difference.changes.iter().all(|change| change.direction == AGAINST));
    let longer = edited(&text, "from = \"21:00\", until = \"09:00\"", "from = \"20:00\", until = \"10:00\"");
    assert!(!diff(&policy(&text), &policy(&longer)).material);
}

#[test]
fn clause_8_b_a_limit_is_looser_unless_another_one_says_the_same() {
    let text = everything();
    let limit = "at_most = 5, within = \"7 days\"";
    for (to, material) in [
        ("at_most = 6, within = \"7 days\"", true),
        ("at_most = 5, within = \"6 days\"", true),
        ("at_most = 4, within = \"6 days\"", true),
        ("at_most = 4, within = \"7 days\"", false),
        ("at_most = 5, within = \"8 days\"", false),
        ("at_most = 4, within = \"30 days\"", false),
    ] {
        let changed = policy(&edited(&text, limit, to));
        assert_eq!(diff(&policy(&text), &changed).material, material, "{to}");
    }
}

#[test]
fn clause_1_the_notice_says_the_rules_in_every_language() {
    let text = everything();
    let policy = policy(&text);
    for (language, phrases) in [
        (
            Language::English,
            [
                "From 21:00 to 09:00 in your local time we do not send: marketing, information on something you asked for.",
                "marketing: at most 2 in any 24 hours.",
                "marketing: at most 5 in any 7 days.",
                "marketing: PR, US",
                "24 months after you gave it, unless you give it again.",
                "counts once you confirm it within 7 days.",
                "We take you for a child who cannot consent alone.",
                "The stop holds for the number that wrote to you",
                "European Union: 16",
            ],
        ),
        (
            Language::Hindi,
            [
                "21:00 से 09:00 तक",
                "24 घंटे में अधिकतम 2",
                "में अधिकतम 5",
                "PR, US",
                "24 महीने",
                "7 दिन",
                "बच्चा",
                "उसी नंबर पर",
                ": 16",
            ],
        ),
        (
            Language::Portuguese,
            [
                "Das 21:00 às 09:00",
                "no máximo 2 em 24 horas",
                "no máximo 5 em 7 dias",
                "PR, US",
                "24 meses depois que você o deu",
                "quando você o confirma em até 7 dias",
                "Consideramos que você é uma criança",
                "vale para o número que escreveu a você",
                ": 16",
            ],
        ),
        (
            Language::Spanish,
            [
                "De 21:00 a 09:00",
                "como máximo 2 en 24 horas",
                "como máximo 5 en 7 días",
                "PR, US",
                "24 meses después de que lo dio",
                "cuando usted lo confirma en un plazo de 7 días",
                "Consideramos que usted es un menor",
                "vale para el número que le escribió",
                ": 16",
            ],
        ),
    ] {
        let notice = render(&policy, language, Format::Markdown, Layer::Full).unwrap();
        for phrase in phrases {
            assert!(notice.contains(phrase), "{phrase} is missing in {notice}");
        }
        let html = render(&policy, language, Format::Html, Layer::Both).unwrap();
        assert!(html.contains("21:00") && !html.contains("{from}"));
    }
}

#[test]
fn a_notice_without_rules_says_nothing_about_them() {
    let notice = render(&policy(SMALL), Language::English, Format::Markdown, Layer::Both).unwrap();
    for absent in ["Limits that we keep", "Quiet hours", "When consent ends", "Confirmation"] {
        assert!(!notice.contains(absent), "{absent}");
    }
}

proptest! {
    #[test]
    fn quiet_hours_are_the_minutes_walked_from_their_beginning_to_their_end(from in 0u32..1440, until in 0u32..1440) {
        let hours = QuietHours { from: at(from), until: at(until), categories: [MessageCategory::Marketing].into() };
        let mut quiet = [false; 1440];
        let mut minute = from;
        while minute != until {
            quiet[usize::try_from(minute).unwrap()] = true;
            minute = (minute + 1) % 1440;
        }
        for (minute, quiet) in (0u32..).zip(quiet) {
            prop_assert_eq!(hours.cover(MessageCategory::Marketing, at(minute)), quiet);
            prop_assert!(!hours.cover(MessageCategory::Utility, at(minute)));
            let last = at(minute) + chrono::Duration::milliseconds(59_999);
            prop_assert_eq!(hours.hold_at(last), quiet);
        }
    }

    /// Whoever keeps a limit that implies another keeps the other, whatever is sent when.
    #[test]
    fn a_limit_implies_another_only_if_no_times_of_messages_break_the_other_alone(
        (n, w) in (1u32..5, 1u32..8), (other_n, other_w) in (1u32..5, 1u32..8),
        mut times in proptest::collection::vec(0u32..24, 0..12),
    ) {
        times.sort_unstable();
        let limit = |at_most, hours| FrequencyLimit {
            category: MessageCategory::Marketing,
            at_most,
            within: Within::from_hours(hours).unwrap(),
        };
        let keeps = |at_most: u32, hours: u32| times.iter().all(|start| {
            let within = times.iter().filter(|time| (*start..start + hours).contains(*time)).count();
            within <= usize::try_from(at_most).unwrap()
        });
        if limit(n, w).implies(&limit(other_n, other_w)) && keeps(n, w) {
            prop_assert!(keeps(other_n, other_w));
        }
    }
}
