//! Check, permit, redemption and the binding of a message id.

use std::sync::atomic::Ordering;

use wzapi_consent::gate::permit::PERMIT_LIFE;
use wzapi_consent::gate::{Checked, Message, Preflight, ReasonCode, Redeemed, RedeemedPermit};
use wzapi_consent::person::KnownAs;
use wzapi_consent::{ConsentError, Gate, SendPermit};
use wzapi_model::message::MessageCategory;
use wzapi_model::name::PurposeId;

use crate::support::{CONTROLLER, SENDER, World, codes, known, request};

const MARKETING: MessageCategory = MessageCategory::Marketing;

fn number() -> KnownAs {
    known("+91 98765 43210")
}

async fn world_with_consent() -> World {
    let world = World::new().await;
    world.grant(&[number()]).await;
    world
}

async fn redeemed(gate: &Gate, permit: SendPermit) -> RedeemedPermit {
    match gate.redeem(permit).await.unwrap() {
        Redeemed::Allowed(permit) => permit,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_check_is_one_get_and_writes_nothing() {
    let world = world_with_consent().await;
    for recipient in [number(), known("+44 7400 123456"), known("5491123456789"), known("IN.7")] {
        let [gets, scans, commits] = world.storage.counts();
        let _ = world.check(&recipient, MARKETING).await;
        assert_eq!(world.storage.counts(), [gets + 1, scans, commits]);
    }
}

#[tokio::test]
async fn a_redemption_is_one_get_and_writes_nothing() {
    let world = world_with_consent().await;
    let permit = world.permit(&number(), MARKETING).await;
    let [gets, scans, commits] = world.storage.counts();
    let redeemed = redeemed(&world.gate, permit).await;
    assert_eq!(world.storage.counts(), [gets + 1, scans, commits]);
    assert_eq!(*redeemed.recipient(), number().identifier);
    assert_eq!(*redeemed.message(), Message::new(SENDER, MARKETING));
    assert_eq!(codes(redeemed.decision()), [ReasonCode::ConsentGiven]);
}

#[tokio::test]
async fn clause_2_c_an_opt_out_stops_the_next_message() {
    let world = world_with_consent().await;
    assert!(world.may_market(&number()).await);
    world.stop(&[number()]).await;
    assert_eq!(world.reasons(&number(), MARKETING).await, Err(vec![ReasonCode::Withdrawn]));
}

#[tokio::test]
async fn clause_2_c_an_opt_out_between_check_and_redemption_stops_the_message() {
    let world = world_with_consent().await;
    let permit = world.permit(&number(), MARKETING).await;
    world.stop(&[number()]).await;
    match world.gate.redeem(permit).await.unwrap() {
        Redeemed::Refused(decision) => assert_eq!(codes(&decision), [ReasonCode::Withdrawn]),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_window_that_closes_between_check_and_redemption_stops_the_reply() {
    let world = World::new().await;
    world.inbound(&[number()], None).await;
    world.pass(24 * 3600 - 1);
    let permit = world.permit(&number(), MessageCategory::Service).await;
    world.pass(1);
    match world.gate.redeem(permit).await.unwrap() {
        Redeemed::Refused(decision) => {
            assert_eq!(codes(&decision), [ReasonCode::NoOptIn, ReasonCode::OutsideWindow]);
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_permit_expires() {
    let world = world_with_consent().await;
    let (early, late) = (world.permit(&number(), MARKETING).await, world.permit(&number(), MARKETING).await);
    assert_ne!(early.id(), late.id());
    assert_eq!(early.valid_until(), world.now().saturating_add(PERMIT_LIFE));
    world.pass(PERMIT_LIFE.as_secs() - 1);
    assert!(matches!(world.gate.redeem(early).await.unwrap(), Redeemed::Allowed(_)));
    world.pass(1);
    assert!(matches!(world.gate.redeem(late).await.unwrap(), Redeemed::Expired));
}

#[tokio::test]
async fn binding_twice_writes_once() {
    let world = world_with_consent().await;
    let permit = redeemed(&world.gate, world.permit(&number(), MARKETING).await).await;
    let entry = world.gate.bind(&permit, "wamid.HBgMOTE5ODc2NTQzMjEw").await.unwrap();
    let (before, entries) = (world.dump().await, world.verified_entries().await);
    assert_eq!(world.gate.bind(&permit, "wamid.HBgMOTE5ODc2NTQzMjEw").await.unwrap(), entry);
    assert_eq!(world.dump().await, before);
    assert_eq!(world.verified_entries().await, entries);
    assert_eq!(entries, 2, "the consent and the message");
}

#[tokio::test]
async fn a_message_id_has_bounds() {
    let world = world_with_consent().await;
    let permit = redeemed(&world.gate, world.permit(&number(), MARKETING).await).await;
    for id in [String::new(), "x".repeat(1025)] {
        let outcome = world.gate.bind(&permit, &id).await;
        assert!(matches!(outcome, Err(ConsentError::InvalidAct(_))));
    }
    world.gate.bind(&permit, &"x".repeat(1024)).await.unwrap();
}

#[tokio::test]
async fn storage_trouble_is_an_error_and_never_an_allow() {
    let world = world_with_consent().await;
    let permit = world.permit(&number(), MARKETING).await;
    let spent = redeemed(&world.gate, world.permit(&number(), MARKETING).await).await;
    world.storage.fails.store(true, Ordering::SeqCst);
    for category in MessageCategory::ALL {
        let outcome = world.gate.check(CONTROLLER, &request(&number(), category)).await;
        assert!(matches!(outcome, Err(ConsentError::Storage(_))), "{outcome:?}");
    }
    assert!(matches!(world.gate.redeem(permit).await, Err(ConsentError::Storage(_))));
    assert!(world.gate.bind(&spent, "wamid.1").await.is_err());
    let message = Message::new(SENDER, MARKETING);
    assert!(world.gate.preflight(CONTROLLER, &message, [number().identifier]).await.is_err());
    world.storage.fails.store(false, Ordering::SeqCst);
    assert!(world.may_market(&number()).await, "no trace is left");
}

#[tokio::test]
async fn a_controller_nobody_registered_gets_an_error() {
    let world = world_with_consent().await;
    let stranger = wzapi_model::ids::ControllerId::from_bytes([5; 16]);
    let outcome = world.gate.check(stranger, &request(&number(), MARKETING)).await;
    assert!(matches!(outcome, Err(ConsentError::Encryption(_))), "{outcome:?}");
}

#[tokio::test]
async fn clause_2_c_a_preflight_counts_by_reason_and_agrees_with_the_checks() {
    let world = world_with_consent().await;
    let denied = known("+44 7400 123456");
    world.stop(std::slice::from_ref(&denied)).await;
    let strangers = (0..600).map(|one| known(&format!("IN.{one}")));
    let recipients: Vec<KnownAs> = strangers.chain([number(), denied]).collect();
    let [_, scans, commits] = world.storage.counts();
    let message = Message::new(SENDER, MARKETING);
    let identifiers = recipients.iter().map(|one| one.identifier.clone());
    let report: Preflight = world.gate.preflight(CONTROLLER, &message, identifiers).await.unwrap();
    assert_eq!((report.recipients, report.allowed, report.refused), (602, 1, 601));
    let expected =
        [(ReasonCode::ConsentGiven, 1), (ReasonCode::Withdrawn, 1), (ReasonCode::UnknownRecipient, 600)];
    assert_eq!(report.reasons, expected.into());
    assert_eq!(world.storage.counts()[1..], [scans, commits]);
    for recipient in recipients.iter().rev().take(3) {
        let is_allowed = matches!(world.check(recipient, MARKETING).await, Checked::Allowed(_));
        assert_eq!(is_allowed, *recipient == number());
    }
}

#[tokio::test]
async fn clause_3_b_each_purpose_has_its_own_basis() {
    let world = World::new().await;
    let support = crate::support::grant_of(PurposeId::technical_support());
    let _ = world.record(&[number()], &support).await;
    assert_eq!(world.reasons(&number(), MessageCategory::Utility).await, Ok(vec![ReasonCode::OptedIn]));
    assert_eq!(
        world.reasons(&number(), MessageCategory::Authentication).await,
        Ok(vec![ReasonCode::OptedIn])
    );
    assert_eq!(world.reasons(&number(), MARKETING).await, Err(vec![ReasonCode::NoConsent]));
    let request = wzapi_consent::SendRequest::new(
        number().identifier,
        Message { purpose: PurposeId::feature_releases(), ..Message::new(SENDER, MARKETING) },
    );
    let outcome = world.gate.check(CONTROLLER, &request).await.unwrap();
    assert!(matches!(outcome, Checked::Refused(_)), "a feature release needs consent");
}
