//! The tables of `docs/consent.md`, which are derived from the design and not from the code.

use std::time::Duration;

use wzapi_consent::recording::{Evidence, EvidenceGrade, GrantRule, GrantRules, Guardian, Notice};
use wzapi_consent::review::Waiting;
use wzapi_consent::standing::{self, DenialCause, EffectiveAct};
use wzapi_consent::{NewAct, Recorded};
use wzapi_model::Timestamp;
use wzapi_model::consent::{ConsentAct, ConsentMethod, ConsentScope, Provenance, Question};
use wzapi_model::ids::EntryId;
use wzapi_model::message::Channel;
use wzapi_model::name::PurposeId;
use wzapi_policy::file::Confirmation;
use wzapi_policy::period::Period;
use wzapi_storage::row::{AgeBand, Quarantine};

use crate::support::{CONTROLLER, OTHER_SENDER, SENDER, World, known, time};

const PAGE: &str = include_str!("../../../../docs/consent.md");

/// The cells of the table under a heading whose header begins with this.
fn table(heading: &str, header: &str) -> Vec<Vec<String>> {
    let section = PAGE.split("\n## ").find(|section| section.starts_with(heading)).expect("the heading");
    let mut lines = section.lines().skip_while(|line| !line.starts_with(header));
    let width = lines.next().expect("the table").matches('|').count();
    let rows = lines.skip(1).take_while(|line| line.starts_with('|'));
    rows.map(|line| {
        assert_eq!(line.matches('|').count(), width, "{line}");
        let cells = line.trim_matches('|').split('|');
        cells.map(|cell| cell.trim().to_owned()).collect()
    })
    .collect()
}

fn scope_named(name: &str) -> ConsentScope {
    match name.trim_matches('`') {
        "whatsapp" => ConsentScope::whatsapp(PurposeId::marketing()),
        "everywhere" => ConsentScope::everywhere(PurposeId::marketing()),
        "all_marketing" => ConsentScope::all_marketing(),
        "whatsapp_marketing" => ConsentScope::whatsapp_marketing(),
        "marketing_by" => ConsentScope::marketing_by(SENDER),
        "everything_by" => ConsentScope::everything_by(SENDER),
        "everything" => ConsentScope::everything(),
        other => panic!("no scope {other}"),
    }
}

#[test]
fn clause_2_c_an_act_covers_the_questions_that_the_page_says() {
    let (marketing, other, service) =
        (PurposeId::marketing(), PurposeId::feature_releases(), PurposeId::service_updates());
    let question = |purpose, is_marketing, channel, sender| Question {
        purpose,
        is_marketing,
        channel,
        sender: Some(sender),
    };
    let questions = [
        question(&marketing, true, Channel::WhatsApp, SENDER),
        question(&marketing, true, Channel::WhatsApp, OTHER_SENDER),
        question(&marketing, true, Channel::Email, SENDER),
        question(&other, true, Channel::WhatsApp, SENDER),
        question(&service, false, Channel::WhatsApp, SENDER),
    ];
    let rows = table("Which act covers", "| act |");
    assert_eq!(rows.len(), 7);
    for row in rows {
        let scope = scope_named(&row[1]);
        for (question, covered) in questions.iter().zip(&row[2..]) {
            assert_eq!(scope.covers(question), covered == "yes", "{} and {question:?}", row[0]);
        }
    }
}

/// Acts as a row of the page writes them: one second apart, or at the same moment.
fn acts_of(cell: &str) -> Vec<EffectiveAct> {
    let mut at = time("2026-11-22T12:00:00.500Z");
    let mut acts = Vec::new();
    for word in cell.split(' ').filter(|_| cell != "none") {
        let (act, provenance) = match word {
            "<" => {
                at = at.saturating_add(Duration::from_secs(1));
                continue;
            }
            "=" => continue,
            "given" => (ConsentAct::Given, Provenance::Direct),
            "imported" => (ConsentAct::Given, Provenance::Imported),
            "asked" => (ConsentAct::Requested, Provenance::Direct),
            "stopped" => (ConsentAct::PlatformStopped, Provenance::Direct),
            "resumed" => (ConsentAct::PlatformResumed, Provenance::Direct),
            "cleared" => (ConsentAct::DoubtCleared, Provenance::Direct),
            name => {
                let act = ConsentAct::ALL.into_iter().find(|act| act.as_str() == name);
                (act.unwrap_or_else(|| panic!("no act {name}")), Provenance::Direct)
            }
        };
        acts.push(EffectiveAct {
            act,
            scope: ConsentScope::whatsapp(PurposeId::marketing()),
            provenance,
            effective_at: at,
            expires_at: None,
            notice: None,
            by_guardian: false,
            entry: EntryId::from_bytes([acts.len() as u8 + 1; 16]),
        });
    }
    acts
}

/// Every order of so many things.
fn orders(count: usize) -> Vec<Vec<usize>> {
    if count == 0 {
        return vec![Vec::new()];
    }
    let shorter = orders(count - 1);
    let longer = shorter.iter().flat_map(|order| {
        (0..count).map(move |place| {
            let mut order = order.clone();
            order.insert(place, count - 1);
            order
        })
    });
    longer.collect()
}

const fn cause_text(cause: DenialCause) -> &'static str {
    match cause {
        DenialCause::Act => "act",
        DenialCause::PlatformStop => "platform_stop",
        DenialCause::Doubt => "doubt",
    }
}

#[test]
fn clause_2_c_what_lifts_what_is_as_the_page_says_in_every_order_and_however_often() {
    let marketing = PurposeId::marketing();
    let question = Question {
        purpose: &marketing,
        is_marketing: true,
        channel: Channel::WhatsApp,
        sender: Some(SENDER),
    };
    let rows = table("What lifts what", "| acts |");
    assert!(rows.len() > 40);
    for row in rows {
        let acts = acts_of(&row[0]);
        for order in orders(acts.len()) {
            for again in 0..=acts.len() {
                let mut marks = Vec::new();
                let arriving = order.iter().chain(&order[..again]).map(|place| &acts[*place]);
                arriving.for_each(|act| standing::apply(&mut marks, act));
                let answer = standing::answer(&marks, &question, None, Timestamp::MAX);
                let found = (answer.state.as_str(), answer.cause.map_or("", cause_text));
                assert_eq!(found, (row[1].as_str(), row[2].as_str()), "{} arriving as {order:?}", row[0]);
            }
        }
    }
}

const DIMENSIONS: [&[&str]; 7] = [
    &["direct", "imported"],
    &["web_form", "paper"],
    &["none", "weak", "some"],
    &["yes", "no"],
    &["past", "future"],
    &["nothing", "notice", "confirmation", "guardian"],
    &["unknown", "adult", "child", "guardian"],
];

fn combinations() -> Vec<Vec<&'static str>> {
    DIMENSIONS.iter().fold(vec![Vec::new()], |all, values| {
        let longer = all.iter().flat_map(|begin| {
            values.iter().map(|value| begin.iter().copied().chain([*value]).collect::<Vec<_>>())
        });
        longer.collect()
    })
}

fn rules_named(policy: &str) -> GrantRules {
    let month: Period = "1 month".parse().unwrap();
    let methods = [ConsentMethod::WebForm, ConsentMethod::Paper];
    let confirmation = Confirmation { methods: methods.into(), within: month };
    let rule = GrantRule {
        is_marketing: true,
        expires_after: Vec::new(),
        confirmations: if policy == "confirmation" { vec![confirmation] } else { Vec::new() },
        notice_required: policy == "notice",
    };
    GrantRules::new([(PurposeId::marketing(), rule)], policy == "guardian")
}

fn grant_of(case: &[&str], now: Timestamp) -> NewAct {
    let is_imported = case[0] == "imported";
    let scope = ConsentScope::whatsapp(PurposeId::marketing());
    let method = if case[1] == "paper" { ConsentMethod::Paper } else { ConsentMethod::WebForm };
    let grade = if case[2] == "weak" { EvidenceGrade::Weak } else { EvidenceGrade::Sufficient };
    let evidence = Evidence { grade, ..Evidence::referring_to("folder 12") };
    let notice = Notice { version: "4".to_owned(), sha256: [7; 32], language: "en".to_owned() };
    let guardian = Guardian { relation: "mother".into(), verified_by: "document 12".into() };
    let (day, hour) = (Duration::from_secs(24 * 3600), Duration::from_secs(3600));
    NewAct {
        provenance: if is_imported { Provenance::Imported } else { Provenance::Direct },
        acted_at: Some(if case[4] == "future" { now.saturating_add(hour) } else { now.saturating_sub(day) }),
        evidence: (case[2] != "none").then_some(evidence),
        notice: (case[3] == "yes").then_some(notice),
        guardian: (case[6] == "guardian").then_some(guardian),
        ..NewAct::direct(ConsentAct::Given, scope, method)
    }
}

#[tokio::test]
async fn clause_2_c_a_grant_is_set_aside_as_the_page_says() {
    let rows = table("Grants that are set aside", "| provenance |");
    let mut used = vec![0; rows.len()];
    let world = World::new().await;
    let evidence = Evidence::from("said so at the counter");
    for (number, case) in combinations().into_iter().enumerate() {
        let fits =
            |row: &&Vec<String>| row.iter().zip(&case).all(|(cell, value)| cell == "any" || cell == value);
        let row = rows.iter().find(fits).expect("a row for every case");
        used[rows.iter().position(|other| other == row).unwrap()] += 1;

        let consent = world.consent.clone().with_rules(rules_named(case[5]));
        let person = [known(&format!("+9198765{number:05}"))];
        let band = match case[6] {
            "adult" => Some(AgeBand::Adult),
            "child" | "guardian" => Some(AgeBand::Child),
            _ => None,
        };
        if let Some(band) = band {
            consent.state_age(CONTROLLER, &person, band, &evidence).await.unwrap();
        }
        let outcome = consent.record(CONTROLLER, &person, &grant_of(&case, world.now())).await.unwrap();
        let (entry, found) = match outcome {
            Recorded::New { entry } => (entry, "counts"),
            Recorded::Quarantined { entry, reason } => (entry, quarantine_text(reason)),
            Recorded::Duplicate => panic!("{case:?} was recorded before"),
        };
        assert_eq!(found, row[7], "{case:?}");
        let waits = consent.waiting(CONTROLLER, Waiting::Quarantined, None, 256).await.unwrap();
        let waiting = waits.reviews.iter().find(|review| review.id.entry == entry);
        assert_eq!(waiting.is_some(), row[8] == "yes", "{case:?}");
        if let Some(review) = waiting {
            consent.release(CONTROLLER, review.id, &evidence).await.unwrap();
        }
        assert_eq!(world.may_market(&person[0]).await, found == "counts" || row[8] == "yes", "{case:?}");
    }
    assert!(used.iter().all(|count| *count > 0), "a row that never decides: {used:?}");
}

const fn quarantine_text(reason: Quarantine) -> &'static str {
    match reason {
        Quarantine::FutureDated => "future_dated",
        Quarantine::NoEvidence => "no_evidence",
        Quarantine::WeakEvidence => "weak_evidence",
        Quarantine::NoNotice => "no_notice",
        Quarantine::Unconfirmed => "unconfirmed",
        Quarantine::NoGuardian => "no_guardian",
    }
}
