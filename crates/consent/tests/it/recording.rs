//! What recording an act does and does not change.

use wzapi_consent::gate::ReasonCode;
use wzapi_consent::person::KnownAs;
use wzapi_consent::recording::{ALLOWED_SKEW, MAX_EVIDENCE};
use wzapi_consent::standing::DenialCause;
use wzapi_consent::{ConsentError, NewAct, Recorded};
use wzapi_model::consent::{ConsentAct, ConsentScope, ConsentState, Question};
use wzapi_model::message::{Channel, MessageCategory};
use wzapi_model::name::PurposeId;
use wzapi_storage::row::{ConsentEventRow, Quarantine, RowType};

use crate::support::{CONTROLLER, World, act, grant, imported_grant, known, stop, with_source};

const MARKETING: MessageCategory = MessageCategory::Marketing;

fn number() -> KnownAs {
    known("+91 98765 43210")
}

#[tokio::test]
async fn an_act_that_arrives_again_changes_nothing() {
    let world = World::new().await;
    let acts = [
        with_source(grant(), "form 17"),
        with_source(stop(), "message 4"),
        with_source(act(ConsentAct::PlatformStopped, ConsentScope::whatsapp_marketing()), "status 9"),
    ];
    for one in &acts {
        let _ = world.record(&[number()], one).await;
        world.pass(1);
    }
    let (before, entries) = (world.dump().await, world.verified_entries().await);
    world.pass(3600);
    for one in acts.iter().rev() {
        assert_eq!(world.record(&[number()], one).await, Recorded::Duplicate);
    }
    assert_eq!(world.dump().await, before);
    assert_eq!(world.verified_entries().await, entries);
}

#[tokio::test]
async fn an_act_without_a_source_is_a_new_one_each_time() {
    let world = World::new().await;
    world.grant(&[number()]).await;
    world.grant(&[number()]).await;
    assert_eq!(world.verified_entries().await, 2);
}

#[tokio::test]
async fn a_grant_from_the_future_is_set_aside() {
    let world = World::new().await;
    let beyond = world.now().saturating_add(ALLOWED_SKEW).saturating_add(std::time::Duration::from_millis(1));
    let early = NewAct { acted_at: Some(beyond), ..grant() };
    let recorded = world.record(&[number()], &early).await;
    assert!(matches!(recorded, Recorded::Quarantined { reason: Quarantine::FutureDated, .. }));
    assert_eq!(world.reasons(&number(), MARKETING).await, Err(vec![ReasonCode::NoConsent]));
    world.pass(2 * ALLOWED_SKEW.as_secs());
    assert!(!world.may_market(&number()).await, "not when its date has come either");
    assert_eq!(world.verified_entries().await, 1, "it is in the log");

    let skewed = NewAct { acted_at: Some(world.now().saturating_add(ALLOWED_SKEW)), ..grant() };
    assert!(matches!(world.record(&[number()], &skewed).await, Recorded::New { .. }));
    assert!(world.may_market(&number()).await);
}

#[tokio::test]
async fn clause_2_c_a_denial_from_the_future_counts_at_once() {
    let world = World::new().await;
    world.grant(&[number()]).await;
    let early = NewAct { acted_at: Some("9999-01-01".parse().unwrap()), ..stop() };
    assert!(matches!(world.record(&[number()], &early).await, Recorded::New { .. }));
    assert_eq!(world.reasons(&number(), MARKETING).await, Err(vec![ReasonCode::Withdrawn]));
    world.pass(1);
    world.grant(&[number()]).await;
    assert!(world.may_market(&number()).await, "it took effect when it was recorded");
}

#[tokio::test]
async fn clause_2_c_an_imported_grant_needs_evidence_and_outweighs_no_denial() {
    let world = World::new().await;
    let bare = NewAct { evidence: Some("  ".into()), ..imported_grant(world.now()) };
    let recorded = world.record(&[number()], &bare).await;
    assert!(matches!(recorded, Recorded::Quarantined { reason: Quarantine::NoEvidence, .. }));
    assert!(!world.may_market(&number()).await);
    let _ = world.record(&[number()], &imported_grant(world.now())).await;
    assert!(world.may_market(&number()).await);
    world.pass(1);
    world.stop(&[number()]).await;
    let _ = world.record(&[number()], &imported_grant(world.now())).await;
    assert_eq!(world.reasons(&number(), MARKETING).await, Err(vec![ReasonCode::Withdrawn]));
}

#[tokio::test]
async fn acts_count_by_when_they_happened_and_not_by_when_they_arrived() {
    let world = World::new().await;
    let agreed = NewAct { acted_at: Some(world.now()), ..grant() };
    world.pass(60);
    world.stop(&[number()]).await;
    let _ = world.record(&[number()], &agreed).await;
    assert_eq!(world.reasons(&number(), MARKETING).await, Err(vec![ReasonCode::Withdrawn]));
}

#[tokio::test]
async fn clause_3_c_a_stop_in_whatsapp_ends_by_resuming_and_a_spoken_stop_does_not() {
    let world = World::new().await;
    world.grant(&[number()]).await;
    let platform = |kind| act(kind, ConsentScope::whatsapp_marketing());
    let _ = world.record(&[number()], &platform(ConsentAct::PlatformStopped)).await;
    assert_eq!(world.reasons(&number(), MARKETING).await, Err(vec![ReasonCode::PlatformStop]));
    world.pass(1);
    let _ = world.record(&[number()], &platform(ConsentAct::PlatformResumed)).await;
    assert!(world.may_market(&number()).await);
    world.stop(&[number()]).await;
    let _ = world.record(&[number()], &platform(ConsentAct::PlatformResumed)).await;
    assert_eq!(world.reasons(&number(), MARKETING).await, Err(vec![ReasonCode::Withdrawn]));
}

#[tokio::test]
async fn a_consent_ends_at_its_expiry() {
    let world = World::new().await;
    let end = world.now().saturating_add(std::time::Duration::from_secs(10));
    let _ = world.record(&[number()], &NewAct { expires_at: Some(end), ..grant() }).await;
    world.pass(9);
    assert!(world.may_market(&number()).await);
    world.pass(1);
    assert_eq!(world.reasons(&number(), MARKETING).await, Err(vec![ReasonCode::Expired]));
}

#[tokio::test]
async fn a_malformed_act_leaves_no_trace() {
    let world = World::new().await;
    let before = world.dump().await;
    let long = NewAct { evidence: Some("x".repeat(MAX_EVIDENCE + 1).as_str().into()), ..grant() };
    let expiring = NewAct { expires_at: Some(world.now()), ..stop() };
    for malformed in [long, expiring] {
        let outcome = world.consent.record(CONTROLLER, &[number()], &malformed).await;
        assert!(matches!(outcome, Err(ConsentError::InvalidAct(_))), "{outcome:?}");
    }
    assert_eq!(world.dump().await, before);
}

#[tokio::test]
async fn clause_2_c_what_shows_the_consent_is_sealed_and_in_the_log() {
    let world = World::new().await;
    let shown = NewAct { evidence: Some("ticked the box at checkout".into()), ..grant() };
    let Recorded::New { entry } = world.record(&[number()], &shown).await else { panic!("not recorded") };
    let rows = world.dump().await;
    let event = rows.iter().find_map(|(_, row)| ConsentEventRow::of(&row.body)).unwrap();
    assert_eq!((event.entry, event.act), (entry, ConsentAct::Given));
    for (key, row) in &rows {
        let bytes = wzapi_storage::codec::encode_value(row.version, row.due_at, &row.body).unwrap();
        for text in ["ticked the box", "9876543210"] {
            let found = bytes.windows(text.len()).any(|window| window == text.as_bytes());
            assert!(!found, "{:?} holds {text} in clear", key.kind());
        }
    }
    assert_eq!(world.verified_entries().await, 1);
}

#[tokio::test]
async fn the_standing_is_what_the_gate_sees() {
    let world = World::new().await;
    world.grant(&[number()]).await;
    world.stop(&[number()]).await;
    let purpose = PurposeId::marketing();
    let question =
        Question { purpose: &purpose, is_marketing: true, channel: Channel::WhatsApp, sender: None };
    let standing = world.consent.standing(CONTROLLER, &number().identifier, &question).await.unwrap();
    assert_eq!(standing.state, ConsentState::Withdrawn);
    assert!(standing.is_denied() && standing.cause == Some(DenialCause::Act));
}
