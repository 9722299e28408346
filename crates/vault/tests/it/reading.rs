//! A record is opened for a purpose, or not at all.

use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;
use serde_json::json;
use wzapi_model::Timestamp;
use wzapi_model::basis::LegalBasis;
use wzapi_model::ids::EntryId;
use wzapi_model::name::PurposeId;
use wzapi_policy::Policy;
use wzapi_policy::retention::{GroundKind, Trigger};
use wzapi_policy::term::Term;
use wzapi_storage::key::{Cohort, Owner};
use wzapi_storage::row::{RecordEvent, RecordRestriction, RecordRow, Sealed};
use wzapi_vault::decision::reading::{ReadRefusal, permit_read};
use wzapi_vault::decision::retention::RetentionEvent;
use wzapi_vault::vault::Changed;
use wzapi_vault::{NewRecord, RecordRef, RecordValue, VaultError};

use crate::support::{
    A, ANA, B, BEN, NOON, World, address, category, email, invoice, message, policy, policy_with, purpose,
    time,
};

fn refused(outcome: Result<RecordValue, VaultError>) -> ReadRefusal {
    match outcome {
        Err(VaultError::ReadRefused(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn clause_3_a_a_record_opens_for_its_purposes_and_for_no_other() {
    let world = World::new().await;
    let record = world.store(ANA, &email("ana@example.org")).await;
    for name in ["service_provision", "billing"] {
        assert_eq!(world.read(&record, name).await.unwrap(), "ana@example.org".into());
    }
    // The policy declares it for the category, but the record was not stored for it.
    assert_eq!(refused(world.read(&record, "feature_releases").await), ReadRefusal::OutsidePurpose);
    assert_eq!(refused(world.read(&record, "marketing").await), ReadRefusal::OutsidePurpose);
    assert_eq!(refused(world.read(&record, "anything_else").await), ReadRefusal::OutsidePurpose);

    let refusals: Vec<_> = world
        .entries(A)
        .await
        .into_iter()
        .filter(|(_, event)| event["type"] == "record.read_refused")
        .collect();
    assert_eq!(refusals.len(), 3);
    let of_marketing = refusals.iter().find(|(_, event)| event["purpose"] == "marketing").unwrap();
    let expected = json!({
        "type": "record.read_refused", "at": world.now().as_millis(), "controller": A.to_string(),
        "actor": "tester", "subject": ANA.to_string(), "record": record.record.to_string(), "category": "email",
        "month": "2026-11", "purpose": "marketing", "reason": "outside_purpose",
    });
    assert_eq!(*of_marketing, (Owner::Subject(ANA), expected));
    world.check(A).await;
}

#[tokio::test]
async fn clause_3_a_a_purpose_that_the_policy_does_not_declare_any_more_is_refused() {
    let world = World::new().await;
    let record = world.store(ANA, &email("ana@example.org")).await;
    let narrowed = policy_with(&[(
        "categories = [\"name\", \"email\", \"phone\", \"billing_information\", \"payment_details\"]",
        "categories = [\"name\", \"phone\", \"billing_information\", \"payment_details\"]",
    )]);
    let later = world.under(narrowed);
    assert_eq!(refused(later.read(&record, "billing").await), ReadRefusal::NotDeclared);
    assert!(later.read(&record, "service_provision").await.is_ok());
    assert!(world.read(&record, "billing").await.is_ok());
}

#[tokio::test]
async fn clause_5_b_a_record_of_another_controller_is_not_found() {
    let world = World::new().await;
    let record = world.store(BEN, &email("ben@example.org")).await;
    let reading = |record: RecordRef| {
        let world = world.clone();
        async move {
            world.vault.read(B, &record, &purpose("billing"), &world.actor).await.map(|opened| opened.value)
        }
    };
    assert_eq!(refused(reading(record.clone()).await), ReadRefusal::NotFound);
    // The person is known there, under the same id, and has records of their own.
    let theirs = world.vault.store(B, BEN, &email("ben@work.example"), &world.actor).await.unwrap();
    assert_eq!(refused(world.read(&theirs, "billing").await), ReadRefusal::NotFound);
    assert_eq!(refused(reading(RecordRef { subject: ANA, ..theirs.clone() }).await), ReadRefusal::NotFound);

    let refusals: Vec<_> = world
        .entries(B)
        .await
        .into_iter()
        .filter(|(_, event)| event["type"] == "record.read_refused")
        .collect();
    let owners: BTreeSet<_> = refusals.iter().map(|(owner, _)| *owner).collect();
    assert_eq!(
        owners,
        [Owner::Controller, Owner::Subject(BEN)].into(),
        "an entry about nobody it knows is about nobody"
    );
    assert!(refusals.iter().all(|(_, event)| event["reason"] == "not_found"));
    world.check(A).await;
    world.check(B).await;
}

#[tokio::test]
async fn clause_6_b_a_restricted_record_opens_for_what_the_restriction_leaves() {
    let world = World::new().await;
    let record = world.store(ANA, &invoice("invoice 17")).await;
    let disputes: BTreeSet<_> = [purpose("dispute_resolution")].into();
    let changed = world.vault.restrict(A, &record, &disputes, &world.actor).await.unwrap();
    assert!(matches!(changed, Changed::Yes { .. }));
    assert_eq!(world.vault.restrict(A, &record, &disputes, &world.actor).await.unwrap(), Changed::No);
    assert_eq!(refused(world.read(&record, "billing").await), ReadRefusal::Restricted);
    assert!(world.read(&record, "dispute_resolution").await.is_ok());

    let restricted_at = world.now();
    world.pass_days(1);
    let _ = world.vault.restrict(A, &record, &BTreeSet::new(), &world.actor).await.unwrap();
    let info = world.vault.find(A, &record).await.unwrap().unwrap();
    assert_eq!(info.restriction, Some(RecordRestriction { at: restricted_at, readable_for: vec![] }));
    assert_eq!(refused(world.read(&record, "dispute_resolution").await), ReadRefusal::Restricted);

    let _ = world.vault.lift(A, &record, &world.actor).await.unwrap();
    assert_eq!(world.vault.lift(A, &record, &world.actor).await.unwrap(), Changed::No);
    assert!(world.read(&record, "billing").await.is_ok());

    let undeclared = [purpose("marketing")].into();
    let outcome = world.vault.restrict(A, &record, &undeclared, &world.actor).await;
    assert!(matches!(outcome, Err(VaultError::Refused(_))));
    let types = world.entry_types(A).await;
    assert_eq!((types["record.restricted"], types["record.released"]), (2, 1));
    world.check(A).await;
}

#[tokio::test]
async fn clause_6_b_while_only_a_law_keeps_it_a_record_opens_for_that_duty_alone() {
    let world = World::new().await;
    let record = world.store(ANA, &address("203.0.113.77")).await;
    assert!(world.read(&record, "security").await.is_ok());
    world.pass_days(91);
    assert_eq!(refused(world.read(&record, "security").await), ReadRefusal::LegalDutyOnly);
    assert!(world.read(&record, "legal_compliance").await.is_ok());
    world.pass_days(275);
    assert_eq!(refused(world.read(&record, "legal_compliance").await), ReadRefusal::PastItsEnd);
}

#[tokio::test]
async fn clause_6_b_a_purpose_serves_the_duty_of_the_law_that_it_rests_on() {
    let world = World::new().await;
    let record = world.store(ANA, &invoice("invoice 17")).await;
    let ended = RetentionEvent::ServiceEnded;
    let _ = world.vault.set_event(A, &record, ended, world.now(), &world.actor).await.unwrap();
    // An obligation in Europe does not open what India's law keeps.
    let elsewhere = world.under(policy_with(&[(
        "basis = { EU = \"legal_obligation\", IN = \"legal_obligation\" }",
        "basis = { EU = \"legal_obligation\", IN = \"contract\" }",
    )]));
    assert_eq!(refused(elsewhere.read(&record, "legal_compliance").await), ReadRefusal::LegalDutyOnly);
    assert!(world.read(&record, "legal_compliance").await.is_ok());
}

#[tokio::test]
async fn clause_7_c_a_record_whose_service_ended_is_left_to_the_law() {
    let world = World::new().await;
    let (kept, other) =
        (world.store(ANA, &invoice("invoice 17")).await, world.store(ANA, &email("a@b.c")).await);
    for record in [&kept, &other] {
        let event = RetentionEvent::ServiceEnded;
        let changed = world.vault.set_event(A, record, event, world.now(), &world.actor).await.unwrap();
        assert!(matches!(changed, Changed::Yes { .. }));
    }
    assert_eq!(refused(world.read(&kept, "billing").await), ReadRefusal::LegalDutyOnly);
    assert_eq!(refused(world.read(&kept, "dispute_resolution").await), ReadRefusal::LegalDutyOnly);
    assert!(world.read(&kept, "legal_compliance").await.is_ok());
    assert_eq!(refused(world.read(&other, "billing").await), ReadRefusal::PastItsEnd);
    let info = world.vault.find(A, &other).await.unwrap().unwrap();
    assert_eq!(info.due_at, Some(world.now()));
    world.check(A).await;
}

#[tokio::test]
async fn clause_6_a_events_move_the_end_of_retention() {
    let world = World::new().await;
    let record = world.store(ANA, &email("ana@example.org")).await;
    let due_at = || async { world.vault.find(A, &record).await.unwrap().unwrap().due_at };
    assert_eq!(due_at().await, None);
    let closed = RetentionEvent::Trigger(Trigger::AccountClosed);
    let set = |at: &str| world.vault.set_event(A, &record, closed, time(at), &world.actor);
    assert!(matches!(set("2026-11-01").await.unwrap(), Changed::Yes { .. }));
    assert_eq!(due_at().await, Some(time("2026-12-01T18:30:00Z")));
    assert_eq!(set("2026-10-01").await.unwrap(), Changed::No, "the last of a kind counts");
    assert!(matches!(set("2026-11-22").await.unwrap(), Changed::Yes { .. }));
    assert_eq!(due_at().await, Some(time("2026-12-22T18:30:00Z")));
    assert!(matches!(set("2026-12-22").await, Err(VaultError::Refused(_))));
    let collected = RetentionEvent::Trigger(Trigger::Collected);
    let outcome = world.vault.set_event(A, &record, collected, world.now(), &world.actor).await;
    assert!(matches!(outcome, Err(VaultError::Refused(_))));
    assert_eq!(world.entry_types(A).await["record.event_noted"], 2);
    world.check(A).await;
}

#[tokio::test]
async fn reads_are_recorded_when_that_is_asked_for() {
    let world = World::new().await.logging_reads();
    let record = world.store(ANA, &email("ana@example.org")).await;
    world.read(&record, "billing").await.unwrap();
    let _ = world.vault.history(A, &record, &purpose("billing"), &world.actor).await.unwrap();
    assert_eq!(world.entry_types(A).await["record.read"], 2);
    let entries = world.entries(A).await;
    let (owner, event) = entries.iter().find(|(_, event)| event["type"] == "record.read").unwrap();
    assert_eq!(
        (*owner, &event["purpose"], &event["actor"]),
        (Owner::Subject(ANA), &json!("billing"), &json!("tester"))
    );
    world.check(A).await;
}

#[tokio::test]
async fn what_is_not_there_cannot_be_changed() {
    let world = World::new().await;
    let record = world.store(ANA, &email("ana@example.org")).await;
    let none = BTreeSet::new();
    let (vault, actor) = (&world.vault, &world.actor);
    assert!(matches!(vault.restrict(B, &record, &none, actor).await, Err(VaultError::NotFound)));
    assert!(matches!(vault.lift(B, &record, actor).await, Err(VaultError::NotFound)));
    let ended = vault.set_event(B, &record, RetentionEvent::ServiceEnded, world.now(), actor).await;
    assert!(matches!(ended, Err(VaultError::NotFound)));
    assert_eq!(vault.find(B, &record).await.unwrap(), None);
    world.check(B).await;
}

#[tokio::test]
async fn an_event_that_only_a_newer_library_knows_opens_nothing() {
    let row = RecordRow {
        events: vec![RecordEvent { trigger: "meteor_struck".to_owned(), at: Timestamp::EPOCH }],
        ..row(&["billing"], time(NOON), None)
    };
    let permit = permit_read(&policy(), &category("email"), &row, &purpose("billing"), None, time(NOON));
    assert_eq!(permit.unwrap_err(), ReadRefusal::UnknownEvent);
}

fn row(purposes: &[&str], collected_at: Timestamp, restriction: Option<RecordRestriction>) -> RecordRow {
    RecordRow {
        purposes: purposes.iter().map(|name| purpose(name)).collect(),
        source: "use".to_owned(),
        collected_at,
        changed_at: collected_at,
        events: Vec::new(),
        restriction,
        revision: 0,
        entry: EntryId::from_bytes([1; 16]),
        value: Sealed { cohort: Cohort(0), envelope: Vec::new() },
    }
}

/// Whether a ground of this kind holds, day by day: naive where [`wzapi_policy::retention::assess`] is clever.
fn ends_by_reference(
    policy: &Policy,
    name: &str,
    row: &RecordRow,
    now: Timestamp,
) -> Vec<(GroundKind, bool, usize)> {
    let rules = &policy.categories[&category(name)];
    let event = |word: &str| row.events.iter().find(|event| event.trigger == word).map(|event| event.at);
    let service_ended = event("service_ended");
    rules
        .retention
        .iter()
        .enumerate()
        .map(|(index, ground)| {
            let began = match ground.trigger {
                Trigger::Collected => Some(row.collected_at),
                Trigger::LastActivity => event("last_activity").or(Some(row.collected_at)),
                other => event(other.as_str()),
            };
            let mut holds = match began {
                Some(at) => policy.utc_offset.date_of(now) <= ground.last_day(policy.utc_offset.date_of(at)),
                None => ground.trigger.ends_a_state(),
            };
            if ground.kind == GroundKind::Service && service_ended.is_some_and(|ended| ended <= now) {
                holds = false;
            }
            (ground.kind, holds, index)
        })
        .collect()
}

fn may_read_by_reference(
    policy: &Policy,
    name: &str,
    row: &RecordRow,
    asked: &PurposeId,
    now: Timestamp,
) -> bool {
    let declared =
        policy.purposes.get(asked).filter(|declared| declared.categories.contains(&category(name)));
    let Some(declared) = declared else { return false };
    if !row.purposes.contains(asked) {
        return false;
    }
    if let Some(restriction) = &row.restriction
        && !restriction.readable_for.contains(asked)
    {
        return false;
    }
    let grounds = ends_by_reference(policy, name, row, now);
    let holding = |kind| grounds.iter().filter(move |(of, holds, _)| *of == kind && *holds);
    if holding(GroundKind::Service).next().is_some() {
        return true;
    }
    let rules = &policy.categories[&category(name)].retention;
    holding(GroundKind::Legal).any(|(_, _, index)| match rules[*index].regime {
        Some(regime) => declared.basis[&regime] == LegalBasis::LegalObligation,
        None => declared.basis.values().any(|basis| *basis == LegalBasis::LegalObligation),
    })
}

fn any_row() -> impl Strategy<Value = (&'static str, RecordRow, PurposeId, Timestamp)> {
    let names: Vec<PurposeId> =
        policy().purposes.keys().cloned().chain([purpose("world_domination")]).collect();
    let some = move || proptest::collection::vec(proptest::sample::select(names.clone()), 0..6);
    let day = 86_400_000_i64;
    let noon = time(NOON).as_millis();
    let moment = move || (noon - 4000 * day..=noon).prop_map(|at| Timestamp::from_millis(at).unwrap());
    let recent = move || (noon - 400 * day..=noon).prop_map(|at| Timestamp::from_millis(at).unwrap());
    let words = vec!["account_closed", "invoice_issued", "request_closed", "service_ended", "last_activity"];
    let categories =
        vec!["email", "billing_information", "ip_address", "request_records", "end_user_messages"];
    let events = proptest::collection::btree_map(proptest::sample::select(words), moment(), 0..3);
    let restriction = proptest::option::of((recent(), some()));
    let collected = prop_oneof![moment(), recent()];
    (
        proptest::sample::select(categories),
        some(),
        collected,
        events,
        restriction,
        some(),
        any::<prop::sample::Index>(),
    )
        .prop_map(move |(name, purposes, collected_at, events, restriction, asked, index)| {
            let restriction = restriction.map(|(at, readable_for)| RecordRestriction { at, readable_for });
            let mut row = row(&[], collected_at, restriction);
            row.events =
                events.into_iter().map(|(word, at)| RecordEvent { trigger: word.to_owned(), at }).collect();
            let declared: Vec<_> = policy().purposes_of(&category(name)).cloned().collect();
            let asked = match asked.first() {
                Some(other) if index.index(4) == 0 => other.clone(),
                _ => declared[index.index(declared.len())].clone(),
            };
            row.purposes = purposes;
            if index.index(5) > 0 {
                row.purposes.push(asked.clone());
            }
            (name, row, asked, Timestamp::from_millis(noon).unwrap())
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8192))]

    #[test]
    fn clause_3_a_reading_is_permitted_as_the_policy_says((name, row, asked, now) in any_row()) {
        let policy: Arc<Policy> = policy();
        let permitted = permit_read(&policy, &category(name), &row, &asked, None, now);
        let expected = may_read_by_reference(&policy, name, &row, &asked, now);
        prop_assert_eq!(permitted.is_ok(), expected, "{} {:?} for {:?}: {:?}", name, row, asked, permitted);
    }
}

#[test]
fn every_refusal_has_a_name_and_a_text_of_its_own() {
    let names: BTreeSet<_> = ReadRefusal::ALL.iter().map(|reason| reason.as_str()).collect();
    let texts: BTreeSet<_> = ReadRefusal::ALL.iter().map(ToString::to_string).collect();
    assert_eq!((names.len(), texts.len()), (ReadRefusal::ALL.len(), ReadRefusal::ALL.len()));
}

#[tokio::test]
async fn clause_6_a_a_record_is_not_read_past_its_end_however_late_its_disposal_is() {
    let world = World::new().await;
    let new = NewRecord { collected_at: Some(time("2025-11-22")), ..message("hello") };
    let record = world.store(ANA, &new).await;
    assert!(world.read(&record, "service_provision").await.is_ok());
    world.clock.set(time("2026-11-22T18:29:59Z"));
    assert!(world.read(&record, "service_provision").await.is_ok(), "through its last day in India");
    world.clock.set(time("2026-11-22T18:30:00Z"));
    assert_eq!(refused(world.read(&record, "service_provision").await), ReadRefusal::PastItsEnd);
}
